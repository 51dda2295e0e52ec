/**
 * What calls of the assistant's tools may do unasked, and what a person is asked about, in which words and of which kind. It is
 * loaded with the first call that is judged.
 */
import { homedir } from "node:os"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CommandGuard from "../../guard/CommandGuard.ts"
import * as Guard from "../../guard/Guard.ts"
import * as PathGuard from "../../guard/PathGuard.ts"
import * as Rules from "../../guard/Rules.ts"
import * as UrlGuard from "../../guard/UrlGuard.ts"
import * as Toolbox from "../../toolbox/Toolbox.ts"
import { SetupError } from "../errors.ts"
import type { Place } from "../internal/hands.ts"
import * as Secrets from "./permissionsSecrets.ts"

/**
 * What is judged by.
 *
 * **Details**
 *
 * - `folder`: where reading is free. `sandbox`: only this machine has anything outside of it that tools could reach.
 *
 * @category models
 * @since 0.1.0
 */
export interface Setup {
  readonly folder: string
  readonly sandbox: Place
  readonly rules: Rules.Rules | undefined
}

/**
 * The guards.
 *
 * **Details**
 *
 * - `rules` says what rules of files say of a call, and nothing when none is about it. `own` is about all other calls.
 *
 * @category models
 * @since 0.1.0
 */
export interface Judge {
  readonly rules: (call: Guard.Call) => Effect.Effect<Guard.Verdict | undefined>
  readonly own: Guard.Service
}

/**
 * Makes them.
 *
 * **Details**
 *
 * - Reading inside of the folder is free, but for files that may hold secrets. Reading outside asks, once for each folder.
 * - Writing asks: `edit` inside, the folder outside. Commands ask by program, unless they only read, and only inside.
 * - Pages ask by host; programs, typing into jobs, and tools from elsewhere that are not read-only ask.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ folder, rules, sandbox }: Setup): Effect.Effect<Judge, SetupError> =>
  Effect.gen(function* () {
    const roots = [{ path: folder, access: "write" as const }]
    const pathsOf = (tools: Readonly<Record<string, PathGuard.ToolPaths>>) =>
      sandbox.kind === "local"
        ? Effect.provide(PathGuard.make({ roots, tools, home: homedir() }), system)
        : Effect.succeed(Guard.allow)
    const paths = yield* pathsOf(declared)
    const words = yield* pathsOf({ shell: { folder: "folder", "words.*": "read" } })
    const urls = yield* UrlGuard.make({ tools: { fetch_url: ["url"] } })
    const commands = commandsWith(words)
    return {
      rules: yield* ruled(rules),
      own: Guard.make((call) => {
        const { name, origin, readOnly } = call.tool
        if (name === "shell") return Guard.all(Guard.forTools(paths, [name]), commands).check(call)
        if (name === "fetch_url") return urls.check(call)
        const known = ofKind.get(name)
        if (declared[name] !== undefined || (origin === "external" && readOnly === true)) {
          return Effect.map(Guard.judge(paths, call), (verdict) => stricter(known, call, verdict))
        }
        return Effect.succeed(known?.(call) ?? Guard.byAnnotations(call.tool))
      })
    }
  }).pipe(
    Effect.mapError((error) =>
      error instanceof SetupError
        ? error
        : new SetupError({ message: `calls cannot be judged: ${error.message}`, cause: error })
    )
  )

// internal

const system = Layer.merge(NodeFileSystem.layer, NodePath.layer)

/** What the toolbox declares of its tools; the same however they are set up. */
const declared = Toolbox.paths(Toolbox.make())

const fieldsOf = (input: unknown): Readonly<Record<string, unknown>> =>
  typeof input === "object" && input !== null ? { ...input } : {}

const textOf = (input: unknown, field: string): string => {
  const value = fieldsOf(input)[field]
  return typeof value === "string" ? value : ""
}

/** Tools that ask whatever their paths are. */
const ofKind = new Map<string, (call: Guard.Call) => Guard.Verdict>([
  ...["write_file", "edit_file", "patch_file", "apply_patch"].map(
    (name) => [name, () => Guard.Ask("it changes files", "edit")] as const
  ),
  ["run_code", ({ input }) => Guard.Ask(`it runs a program in ${textOf(input, "language")}`, "command:code")],
  ["shell_input", () => Guard.Ask("it types into a command that runs", "command:input")]
])

/** Of a path outside the question is about that, of secrets about the file, otherwise about the kind of call. */
const stricter = (
  known: ((call: Guard.Call) => Guard.Verdict) | undefined,
  call: Guard.Call,
  verdict: Guard.Verdict
): Guard.Verdict => {
  if (verdict._tag === "Deny" || verdict._tag === "Ask") return verdict
  const input = verdict._tag === "Rewrite" ? verdict.input : undefined
  const secret = Secrets.pathsAt(input ?? call.input, declared[call.tool.name] ?? {}).find(Secrets.isSecret)
  const access = call.tool.readOnly === true ? "read" : "write"
  const asked =
    secret === undefined
      ? known?.(call)
      : Guard.Ask(`it would ${access} ${secret}, which may hold secrets`, `path:${access}:${secret}`)
  if (asked === undefined) return verdict
  return asked._tag === "Ask" && input !== undefined ? { ...asked, input } : asked
}

/** Commands that only read run unasked, as long as every word that may be a path stays inside and means no secrets. */
const commandsWith = (words: Guard.Service): Guard.Service =>
  Guard.make((call) => {
    const [line, folder] = [textOf(call.input, "command"), textOf(call.input, "folder")]
    const verdict = CommandGuard.judge(line, policy, folder)
    if (verdict._tag !== "Allow") return Effect.succeed(verdict)
    if (unseen.test(line)) return Effect.succeed(Guard.Ask("what it reads cannot be seen", "command:read"))
    const parts = Secrets.wordsOf(line)
    const secret = parts.find(Secrets.isSecret)
    if (secret !== undefined) return Effect.succeed(Guard.Ask(`it would read ${secret}, which may hold secrets`))
    const input = folder === "" ? { words: parts } : { words: parts, folder }
    return Effect.map(Guard.judge(words, { ...call, input }), (where) =>
      where._tag === "Deny"
        ? Guard.Ask(`what it reads is not clear: ${where.reason}`, "command:read")
        : where._tag === "Ask"
          ? Guard.Ask(where.reason, where.category)
          : Guard.Allow
    )
  })

/** What is read is only known when it runs: by what is put in, by other programs, and behind links. */
const unseen = /[$`\\]|\bxargs\b|\s-\w*R|\bfind\b.*\s-(?:\w*L|follow|files0-from)\b/s

const policy: CommandGuard.Policy = {
  // To go elsewhere would give all that follows another meaning.
  allow: [
    ...CommandGuard.reading.filter((rule) => rule !== "cd"),
    ...["find **", "git status **", "git diff **", "git log **", "git show **", "git blame **"],
    ...["git ls-files **", "git rev-parse **"]
  ],
  ask: [
    { program: "git", arguments: ["**", "--output*", "**"], category: "command:write" },
    { program: "git", arguments: ["**", "--ext-diff", "**"], category: "command:git" },
    { program: "git", arguments: ["**", "--textconv", "**"], category: "command:git" }
  ],
  opaque: "ask"
}

/** Rules of files. What no rule is about is told apart by asking twice, with each verdict for that. */
const ruled = (rules: Rules.Rules | undefined): Effect.Effect<Judge["rules"], Rules.RulesError> => {
  if (rules === undefined) return Effect.succeed(() => Effect.succeed(undefined))
  if (rules.otherwise !== undefined) return Effect.map(Rules.make(rules), (guard) => (call) => guard.check(call))
  return Effect.map(
    Effect.all([Rules.make({ ...rules, otherwise: "allow" }), Rules.make({ ...rules, otherwise: "deny" })]),
    ([lenient, strict]) =>
      (call) =>
        Effect.zipWith(lenient.check(call), strict.check(call), (one, other) =>
          one._tag === other._tag ? other : undefined
        )
  )
}
