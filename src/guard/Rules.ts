/**
 * Rules as data: which calls are allowed, asked about or denied, by the names of tools and by what their arguments are.
 * They can be kept in a file, shown to whoever decides about them, and checked before the first call.
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { glob } from "../internal/glob.ts"
import * as Problems from "../internal/problems.ts"
import * as Guard from "./Guard.ts"
import * as Conditions from "./internal/rulesConditions.ts"
import type { Matcher } from "./internal/rulesPattern.ts"

/**
 * What one argument has to be like, in words of JSON Schema; all of them have to hold.
 *
 * **Details**
 *
 * - `exists`; `type`, `const`, `enum`; `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`; `minLength`,
 *   `maxLength`, `pattern`; `minItems`, `maxItems`, `items` (every item), `contains` (some item); `required`,
 *   `properties`; `not`, `anyOf`, `allOf`.
 * - Unlike in JSON Schema, a word about another kind of value does not hold: `minimum` holds for no text, and nothing but
 *   `exists: false` and `not` holds for what is absent.
 * - `pattern` matches anywhere in a text unless it has `^` and `$`, in time that grows with the text only. It neither looks
 *   around nor refers back.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Condition: Schema.Schema<Condition> = Conditions.Condition
export interface Condition extends Conditions.Condition {}

/**
 * One rule.
 *
 * **Details**
 *
 * - `tools`: names, in which `*` stands for any characters; the rule is about calls of any of them.
 * - `arguments`: conditions by field, with dots into objects and lists. All have to hold; absent, every call is meant.
 * - `reason`: what the person who is asked or the model that is refused reads.
 * - `category`: of the question, for `ask`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Rule = Schema.Struct({
  tools: Schema.Union(Schema.NonEmptyString, Schema.NonEmptyArray(Schema.NonEmptyString)),
  arguments: Schema.optional(Schema.Record({ key: Schema.NonEmptyString, value: Condition })),
  verdict: Schema.Literal("allow", "ask", "deny"),
  reason: Schema.optional(Schema.NonEmptyString),
  category: Schema.optional(Schema.NonEmptyString)
})
export interface Rule extends Schema.Schema.Type<typeof Rule> {}

/**
 * A set of rules. `otherwise` is the verdict on calls that no rule is about, `ask` when absent.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Rules = Schema.Struct({
  version: Schema.optional(Schema.Literal(1)),
  otherwise: Schema.optional(Schema.Literal("allow", "ask", "deny")),
  rules: Schema.Array(Rule)
})
export interface Rules extends Schema.Schema.Type<typeof Rules> {}

/**
 * Rules that cannot be used. Nothing of them is.
 *
 * **Details**
 *
 * - `problems`: what is wrong, each with its place, as in `rules[2].arguments.amount.pattern`.
 *
 * @category errors
 * @since 0.1.0
 */
export class RulesError extends Schema.TaggedError<RulesError>()("RulesError", {
  source: Schema.optional(Schema.String),
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const from = this.source === undefined ? "" : ` of ${this.source}`
    return `The rules${from} cannot be used:\n${this.problems.map((problem) => `- ${problem}`).join("\n")}`
  }
}

/**
 * Makes a guard of rules.
 *
 * **Details**
 *
 * - The strictest rule about a call wins, in whatever order they stand: deny over ask over allow. So a rule that is added
 *   never loosens another, and files can be put together. Among rules of one verdict the first gives the reason.
 * - They are checked as `decode` does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (rules: Rules): Effect.Effect<Guard.Service, RulesError> =>
  Effect.flatMap(decode(rules), (rules) => {
    const prepared = rules.rules.map(ready)
    const problems = prepared.flatMap((rule) => (Either.isLeft(rule) ? rule.left : []))
    if (problems.length > 0) return Effect.fail(new RulesError({ problems }))
    const usable = prepared.flatMap((rule) => (Either.isRight(rule) ? [rule.right] : []))
    // Sorting keeps the order of equals.
    const strictestFirst = usable.sort((one, other) => strictness[other.rule.verdict] - strictness[one.rule.verdict])
    const { otherwise = "ask" } = rules
    return Effect.succeed(
      Guard.make((call) =>
        Effect.sync(() => {
          const found = strictestFirst.find(({ isAbout }) => isAbout(call))?.rule
          return found === undefined ? unruled(call, otherwise) : verdict(call, found)
        })
      )
    )
  })

/**
 * Reads rules from values such as parsed JSON.
 *
 * **Details**
 *
 * - Keys that are not known are an error: a word that is misspelled would silently hold for nothing, or for all.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decode = (input: unknown): Effect.Effect<Rules, RulesError> =>
  Effect.mapError(decodeStrictly(input), (error) => new RulesError({ problems: Problems.problems(error) }))

/**
 * Makes a guard of rules in JSON.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromJson = (text: string): Effect.Effect<Guard.Service, RulesError> =>
  Effect.flatMap(
    Effect.try({
      try: (): unknown => JSON.parse(text),
      catch: (cause) =>
        new RulesError({ problems: [`they are no JSON: ${cause instanceof Error ? cause.message : ""}`] })
    }),
    (input) => Effect.flatMap(decode(input), make)
  )

/**
 * Makes a guard of a file with rules in JSON. It is read once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFile = (
  path: string
): Effect.Effect<Guard.Service, RulesError | PlatformError.PlatformError, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (files) =>
    Effect.flatMap(files.readFileString(path), (text) =>
      Effect.mapError(fromJson(text), ({ problems }) => new RulesError({ source: path, problems }))
    )
  )

/**
 * Layer of a guard of rules.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (rules: Rules): Layer.Layer<Guard.Guard, RulesError> => Layer.effect(Guard.Guard, make(rules))

/**
 * Layer of a guard of a file with rules.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  path: string
): Layer.Layer<Guard.Guard, RulesError | PlatformError.PlatformError, FileSystem.FileSystem> =>
  Layer.effect(Guard.Guard, fromFile(path))

// internal

interface Ready {
  readonly rule: Rule
  readonly isAbout: (call: Guard.Call) => boolean
}

const strictness = { allow: 0, ask: 1, deny: 2 } as const

const decodeStrictly = Schema.decodeUnknown(Rules, { onExcessProperty: "error", errors: "all" })

const ready = (rule: Rule, index: number): Either.Either<Ready, ReadonlyArray<string>> => {
  const names: ReadonlyArray<Matcher> = [rule.tools].flat().map(glob)
  const checks = Object.entries(rule.arguments ?? {}).map(([field, condition]) =>
    Either.map(Conditions.ready(condition, `rules[${index}].arguments.${field}`), (check) => {
      const keys = field.split(".")
      return (input: unknown): boolean => check(keys.reduce(Conditions.property, input))
    })
  )
  const problems = checks.flatMap((check) => (Either.isLeft(check) ? [check.left] : []))
  if (problems.length > 0) return Either.left(problems)
  const usable = checks.flatMap((check) => (Either.isRight(check) ? [check.right] : []))
  return Either.right({
    rule,
    isAbout: ({ input, tool }) => names.some((matches) => matches(tool.name)) && usable.every((check) => check(input))
  })
}

const verdict = ({ tool }: Guard.Call, { category, reason, verdict }: Rule): Guard.Verdict => {
  if (verdict === "allow") return Guard.Allow
  return verdict === "deny"
    ? Guard.Deny(reason ?? `a rule forbids ${tool.name} with these arguments`)
    : Guard.Ask(reason ?? `a rule wants a person to decide about ${tool.name} with these arguments`, category)
}

const unruled = ({ tool }: Guard.Call, otherwise: Rule["verdict"]): Guard.Verdict => {
  if (otherwise === "allow") return Guard.Allow
  const reason = `no rule is about ${tool.name} with these arguments`
  return otherwise === "deny" ? Guard.Deny(reason) : Guard.Ask(reason)
}
