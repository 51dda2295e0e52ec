/**
 * Guard of command lines. It reads a line as a POSIX shell does and judges every simple command in it, wherever it
 * stands, by rules that are data. It does not run anything, and it does not look at files: paths are for a guard of paths.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { ParseError } from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Problems from "../internal/problems.ts"
import * as Guard from "./Guard.ts"
import * as Blocks from "./internal/commandBlocks.ts"
import * as Judge from "./internal/commandJudge.ts"

/**
 * A rule about a program and its arguments, as data.
 *
 * **Details**
 *
 * - As text: the program, then one pattern for each argument, such as `git push **`. A program alone stands for all its
 *   arguments. As a record: without `arguments` any do, and `[]` means none.
 * - `*` is any text within a word; `**` alone is any number of words. Everything else is literal, case included.
 * - A program without a slash: to deny and to ask it is meant in every folder and in any case; to allow it is meant only
 *   where the line has no folder either.
 * - What is known only at run time is allowed by `*` or `**` alone, and denied or asked about where it could match.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Rule = Schema.Union(
  Schema.NonEmptyTrimmedString,
  Schema.Struct({
    program: Schema.NonEmptyTrimmedString.pipe(
      Schema.filter((program) => !/\s/.test(program), { description: "a program, without its arguments" })
    ),
    arguments: Schema.optional(Schema.Array(Schema.String)),
    reason: Schema.optional(Schema.NonEmptyTrimmedString),
    category: Schema.optional(Schema.NonEmptyTrimmedString)
  })
)

/**
 * A rule about a program and its arguments.
 *
 * @category models
 * @since 0.1.0
 */
export type Rule = typeof Rule.Type

/**
 * Where a tool has its command: names of fields of its input.
 *
 * **Details**
 *
 * - `line`: a text that a shell reads. `argv`: a list of program and arguments. `program` with `arguments`: both apart.
 * - `folder`: the text that says where it runs; absent in a call, relative paths lead nowhere in particular.
 *
 * @category models
 * @since 0.1.0
 */
export type Field =
  | { readonly line: string; readonly folder?: string | undefined }
  | { readonly argv: string; readonly folder?: string | undefined }
  | { readonly program: string; readonly arguments: string; readonly folder?: string | undefined }

/**
 * How a line is judged.
 *
 * **Details**
 *
 * - Order: what is never allowed, then `deny`, `ask`, `allow`, then `otherwise` (default `ask`).
 * - `writes`: output to a file, by redirection or by an allowed `find` (default `ask`).
 * - `opaque`: what cannot be seen through (default `deny`: the model reads how to write it).
 * - `unsafe`: rules decide over what is otherwise never allowed (default `false`).
 * - `maxLength`: in UTF-16 code units (default 16,384); longer lines count as opaque.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  readonly allow?: ReadonlyArray<Rule> | undefined
  readonly ask?: ReadonlyArray<Rule> | undefined
  readonly deny?: ReadonlyArray<Rule> | undefined
  readonly otherwise?: "ask" | "deny" | undefined
  readonly writes?: "allow" | "ask" | "deny" | undefined
  readonly opaque?: "ask" | "deny" | undefined
  readonly unsafe?: boolean | undefined
  readonly maxLength?: number | undefined
}

/**
 * How a guard of commands is made.
 *
 * **Details**
 *
 * - `tools`: fields by tool name. Named tools without a command in their input are denied. Other tools are allowed, unless
 *   they have one of the fields below, which is asked about with the category `command:tool:<name>`.
 * - Without `tools` every tool is judged that has a field `command`, `cmd`, `commandLine`, `script` or `argv`: a text is a
 *   line, a list is program and arguments, and anything else is denied.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Policy {
  readonly tools?: Readonly<Record<string, Field>> | undefined
}

/**
 * Ids and reasons of what no rule allows unless the policy is `unsafe`, beside devices, downloads that are run and
 * functions that call themselves.
 *
 * @category models
 * @since 0.1.0
 */
export const blocks: ReadonlyArray<{ readonly id: string; readonly programs: string; readonly reason: string }> =
  Blocks.blocks.map(({ id, programs, reason }) => ({ id, programs, reason }))

/**
 * Rules for programs that only read, to be put in `allow`. They do not limit which files are read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reading: ReadonlyArray<Rule> = (
  "cat head tail wc ls pwd echo printf true false test [ : cd basename dirname realpath readlink stat du df uname whoami " +
  "id cut tr nl grep egrep fgrep diff cmp cksum md5sum sha1sum sha256sum seq sleep which"
).split(" ")

/**
 * Makes a guard of command lines.
 *
 * **Details**
 *
 * - Every simple command is judged: in pipelines, lists, groups, functions, substitutions and here-documents, in `sh -c`
 *   and `eval`, and behind `env`, `sudo`, `xargs`, `find -exec`, `timeout`, `ssh` and their like. The strictest wins.
 * - A program named by a variable, a pattern or a substitution is refused, and so is syntax that shells read differently.
 * - Category of a question: `command:<program>`, `command:write`, `command:code`, `command:environment`, or the rule's;
 *   none when parts of a line differ.
 * - Throws a `TypeError` when options or rules are not what they should be, as with a key that is misspelled: the rule
 *   would mean more than was written. It names every place.
 * - Time: linear in the length of the line; nesting and the number of commands are bounded.
 *
 * **Gotchas**
 *
 * - Whoever allows a program allows all that it does: a script, a makefile, a hook of a repository.
 * - Made for sh, bash, dash, ksh and zsh without options that change their syntax; other shells need another guard.
 *
 * **Example**
 *
 * ```ts
 * const guard = CommandGuard.make({
 *   tools: { shell: { line: "command", folder: "cwd" } },
 *   allow: [...CommandGuard.reading, "git status **", "npm test"],
 *   deny: [{ program: "git", arguments: ["push", "**", "--force*", "**"], reason: "history is shared" }]
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Guard.Service => {
  checked(isOptions, options)
  const policy = policyOf(options)
  const { tools } = options
  return Guard.make(({ input, tool }) =>
    Effect.sync(() => {
      if (tools === undefined) return guessed(input, policy)
      const field = own(tools, tool.name)
      return field === undefined ? undeclared(tool.name, input) : fielded(field, input, policy)
    })
  )
}

/**
 * Judges a command without a call: a text as a shell reads it, or a list of program and arguments.
 *
 * **Details**
 *
 * - Never `Rewrite`. `folder`: where it runs, for paths that are relative. Throws as `make` does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const judge = (command: string | ReadonlyArray<string>, policy: Policy = {}, folder = ""): Guard.Verdict => {
  checked(isPolicy, policy)
  return judged(command, policyOf(policy), folder)
}

// internal

const Rules = Schema.optional(Schema.Array(Rule))
const Name = Schema.NonEmptyString
const folder = Schema.optional(Name)

const policyFields = {
  allow: Rules,
  ask: Rules,
  deny: Rules,
  otherwise: Schema.optional(Schema.Literal("ask", "deny")),
  writes: Schema.optional(Schema.Literal("allow", "ask", "deny")),
  opaque: Schema.optional(Schema.Literal("ask", "deny")),
  unsafe: Schema.optional(Schema.Boolean),
  maxLength: Schema.optional(Schema.Number.pipe(Schema.positive()))
}

const Fields = Schema.Union(
  Schema.Struct({ line: Name, folder }),
  Schema.Struct({ argv: Name, folder }),
  Schema.Struct({ program: Name, arguments: Name, folder })
)

const strictly = { onExcessProperty: "error", errors: "all" } as const

const isPolicy = Schema.validateEither(Schema.Struct(policyFields), strictly)

const isOptions = Schema.validateEither(
  Schema.Struct({ ...policyFields, tools: Schema.optional(Schema.Record({ key: Name, value: Fields })) }),
  strictly
)

const checked = (validate: (options: unknown) => Either.Either<unknown, ParseError>, options: unknown): undefined => {
  const result = validate(options)
  if (Either.isRight(result)) return
  const lines = Problems.problems(result.left).map((problem) => `\n- ${problem}`)
  throw new TypeError(`CommandGuard cannot be set up:${lines.join("")}`)
}

const policyOf = (policy: Policy): Judge.Policy => ({
  allow: (policy.allow ?? []).map(ruleOf),
  ask: (policy.ask ?? []).map(ruleOf),
  deny: (policy.deny ?? []).map(ruleOf),
  otherwise: policy.otherwise ?? "ask",
  writes: policy.writes ?? "ask",
  opaque: policy.opaque ?? "deny",
  unsafe: policy.unsafe ?? false,
  maxLength: policy.maxLength ?? 16_384
})

const ruleOf = (rule: Rule): Judge.Rule => {
  if (typeof rule !== "string") {
    return { program: rule.program, words: rule.arguments, reason: rule.reason, category: rule.category }
  }
  const [program = "", ...words] = rule.trim().split(/\s+/)
  return { program, words: words.length === 0 ? undefined : words, reason: undefined, category: undefined }
}

const judged = (command: string | ReadonlyArray<string>, policy: Judge.Policy, folder: string): Guard.Verdict =>
  verdictOf(
    typeof command === "string" ? Judge.judgeLine(command, policy, folder) : Judge.judgeWords(command, policy, folder)
  )

/** The strictest finding wins; a verdict says the first few of its kind. */
const verdictOf = (findings: ReadonlyArray<Judge.Finding>): Guard.Verdict => {
  const denials = findings.filter(({ verdict }) => verdict === "deny")
  const chosen = denials.length > 0 ? denials : findings
  const reasons = [...new Set(chosen.map(({ reason }) => reason))]
  const reason = reasons.slice(0, 4).join("; ") + (reasons.length > 4 ? `; and ${reasons.length - 4} more` : "")
  if (denials.length > 0) return Guard.Deny(reason)
  if (chosen.length === 0) return Guard.Allow
  const categories = new Set(chosen.map(({ category }) => category))
  const [category] = categories
  return categories.size === 1 && category !== undefined ? Guard.Ask(reason, category) : Guard.Ask(reason)
}

const own = <A>(record: Readonly<Record<string, A>>, key: string): A | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined

const isRecord = (input: unknown): input is Readonly<Record<string, unknown>> =>
  typeof input === "object" && input !== null && !Array.isArray(input)

const isTexts = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((item) => typeof item === "string")

const unreadable = (field: string): Guard.Verdict =>
  Guard.Deny(`the field ${field} has no command that can be judged; give a text or a list of texts`)

const fielded = (field: Field, input: unknown, policy: Judge.Policy): Guard.Verdict => {
  const record = isRecord(input) ? input : {}
  const folder = field.folder === undefined ? undefined : own(record, field.folder)
  const from = typeof folder === "string" ? folder : ""
  if ("line" in field) {
    const line = own(record, field.line)
    return typeof line === "string" ? judged(line, policy, from) : unreadable(field.line)
  }
  if ("argv" in field) {
    const words = own(record, field.argv)
    return isTexts(words) ? judged(words, policy, from) : unreadable(field.argv)
  }
  const [program, words] = [own(record, field.program), own(record, field.arguments) ?? []]
  return typeof program === "string" && isTexts(words)
    ? judged([program, ...words], policy, from)
    : unreadable(field.program)
}

const commonFields = ["command", "cmd", "commandLine", "script", "argv"] as const
const commonFolders = ["cwd", "workdir", "workingDirectory", "folder"] as const

/** A tool that `tools` does not name, perhaps because its name is spelled in another way there. */
const undeclared = (tool: string, input: unknown): Guard.Verdict => {
  const field = isRecord(input) ? commonFields.find((name) => (own(input, name) ?? undefined) !== undefined) : undefined
  if (field === undefined || !isRecord(input)) return Guard.Allow
  const kind = Array.isArray(own(input, field)) ? "argv" : "line"
  return Guard.Ask(
    `${tool} was given what may be a command and is not declared: say where it is, as in tools: ` +
      `{ ${tool}: { ${kind}: "${field}" } }`,
    `command:tool:${tool}`
  )
}

const guessed = (input: unknown, policy: Judge.Policy): Guard.Verdict => {
  if (!isRecord(input)) return Guard.Allow
  const fields = commonFields.filter((name) => own(input, name) !== undefined)
  const folder = commonFolders.map((name) => own(input, name)).find((value) => typeof value === "string") ?? ""
  const verdicts = fields.map((name) => {
    const value = own(input, name)
    return typeof value === "string" || isTexts(value)
      ? judged(value, policy, typeof folder === "string" ? folder : "")
      : unreadable(name)
  })
  const worst = (tag: Guard.Verdict["_tag"]) => verdicts.find(({ _tag }) => _tag === tag)
  return worst("Deny") ?? worst("Ask") ?? Guard.Allow
}
