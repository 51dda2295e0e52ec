/**
 * What calls of the assistant's tools may do unasked, and what a person is asked about, in which words and of which kind. It is
 * loaded with the first call that is judged, and what is about commands, pages and rules of files with the first of these.
 */
import { homedir } from "node:os"
import { resolve } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Guard from "../../../guard/Guard.ts"
import * as PathGuard from "../../../guard/PathGuard.ts"
import type * as Rules from "../../../guard/Rules.ts"
import { SetupError } from "../../errors.ts"
import type { Place } from "../../internal/hands.ts"
import * as Secrets from "./secrets.ts"

/**
 * What is judged by.
 *
 * **Details**
 *
 * - `folder`: where reading is free. `sandbox`: only this machine has anything outside of it that tools could reach.
 * - `declared`: the path arguments of tools.
 *
 * @category models
 * @since 0.1.0
 */
export interface Setup {
  readonly folder: string
  readonly sandbox: Place
  readonly rules: Rules.Rules | undefined
  readonly declared: Readonly<Record<string, PathGuard.ToolPaths>>
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
export const make = ({ declared, folder, rules, sandbox }: Setup): Effect.Effect<Judge, SetupError> =>
  Effect.gen(function* () {
    const roots = [{ path: folder, access: "write" as const }]
    const pathsOf = (tools: Readonly<Record<string, PathGuard.ToolPaths>>) =>
      sandbox.kind === "local"
        ? Effect.provide(PathGuard.make({ roots, tools, home: homedir() }), system)
        : Effect.succeed(Guard.allow)
    const paths = yield* pathsOf(declared)
    const words = yield* pathsOf({ shell: { folder: "folder", "words.*": "read" } })
    const urls = yield* Effect.cached(Effect.flatMap(pages, ({ make }) => make({ tools: { fetch_url: ["url"] } })))
    const commands = Guard.make((call) => Effect.flatMap(lines, (Commands) => Commands.make(words, folder).check(call)))
    return {
      rules: yield* ruled(rules),
      own: Guard.make((call) => {
        const { name, origin, readOnly } = call.tool
        const told = (verdict: Guard.Verdict) => asWritten(folder, call, verdict)
        if (name === "shell") return Effect.map(Guard.all(Guard.forTools(paths, [name]), commands).check(call), told)
        if (name === "fetch_url") return Effect.flatMap(Effect.orDie(urls), (guard) => guard.check(call))
        const known = ofKind.get(name)
        if (declared[name] !== undefined || (origin === "external" && readOnly === true)) {
          return Effect.map(Guard.judge(paths, call), (verdict) =>
            told(stricter(folder, known, call, verdict, declared[name] ?? {}))
          )
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

const pages = Effect.promise(() => import("../../../guard/UrlGuard.ts"))
const lines = Effect.promise(() => import("./commands.ts"))

/** Tools that ask whatever their paths are. */
const ofKind = new Map<string, (call: Guard.Call) => Guard.Verdict>([
  ...["write_file", "edit_file", "patch_file", "apply_patch"].map(
    (name) => [name, () => Guard.Ask("it changes files", "edit")] as const
  ),
  ["run_code", ({ input }) => Guard.Ask(`it runs a program in ${Secrets.textAt(input, "language")}`, "command:code")],
  ["shell_input", () => Guard.Ask("it types into a command that runs", "command:input")]
])

/** Of a path outside the question is about that, of secrets about the file, otherwise about the kind of call. */
const stricter = (
  folder: string,
  known: ((call: Guard.Call) => Guard.Verdict) | undefined,
  call: Guard.Call,
  verdict: Guard.Verdict,
  paths: PathGuard.ToolPaths
): Guard.Verdict => {
  if (verdict._tag === "Deny" || verdict._tag === "Ask") return verdict
  const input = verdict._tag === "Rewrite" ? verdict.input : undefined
  const files = Secrets.pathsAt(input ?? call.input, paths)
  const isReading = call.tool.readOnly === true
  const held = Secrets.asked(isReading ? "read" : "write", files, folder)
  const asked =
    (held && Guard.Ask(held.reason, held.category)) ??
    (isReading ? undefined : powerfully(files.find((file) => Secrets.isPowerful(Secrets.below(folder, file))))) ??
    known?.(call)
  if (asked === undefined) return verdict
  return asked._tag === "Ask" && input !== undefined ? { ...asked, input } : asked
}

/** Every time, since "always" of edits is not about what they have run later. */
const powerfully = (path: string | undefined): Guard.Verdict | undefined =>
  path === undefined ? undefined : Guard.Ask(`it would change ${path}, which may have programs run`)

/**
 * Tools find relative paths where they were judged. Where each leads to what it says, with no link on its way, the call goes
 * ahead as it was written, and nobody is told of changes.
 */
const asWritten = (folder: string, call: Guard.Call, verdict: Guard.Verdict): Guard.Verdict => {
  const input = verdict._tag === "Rewrite" || verdict._tag === "Ask" ? verdict.input : undefined
  if (input === undefined || !isSame(folder, call.input, input)) return verdict
  if (verdict._tag !== "Ask") return Guard.Allow
  const { category, reason } = verdict
  return Guard.Ask(reason, category)
}

const isSame = (folder: string, written: unknown, judged: unknown): boolean => {
  if (typeof written === "string") return written === judged || resolve(folder, written) === judged
  if (typeof written !== "object" || written === null) return written === judged
  if (typeof judged !== "object" || judged === null) return false
  const others = new Map<string, unknown>(Object.entries(judged))
  const fields = Object.entries(written)
  return fields.length === others.size && fields.every(([name, value]) => isSame(folder, value, others.get(name)))
}

/** Rules of files. What no rule is about is told apart by asking twice, with each verdict for that. */
const ruled = (rules: Rules.Rules | undefined): Effect.Effect<Judge["rules"], Rules.RulesError> => {
  if (rules === undefined) return Effect.succeed(() => Effect.succeed(undefined))
  return Effect.flatMap(
    Effect.promise(() => import("../../../guard/Rules.ts")),
    (Rules) =>
      rules.otherwise !== undefined
        ? Effect.map(Rules.make(rules), (guard) => (call) => guard.check(call))
        : Effect.map(
            Effect.all([Rules.make({ ...rules, otherwise: "allow" }), Rules.make({ ...rules, otherwise: "deny" })]),
            ([lenient, strict]) =>
              (call) =>
                Effect.zipWith(lenient.check(call), strict.check(call), (one, other) =>
                  one._tag === other._tag ? other : undefined
                )
          )
  )
}
