/**
 * Typed answers: the schema that a final answer has to match, what else is asked of it, and how often the model may try
 * again. The schema goes to the vendor with every request, natively or as a tool that the model has to call, as its
 * transport knows how; what comes back is decoded here, and what is wrong with it is told to the model.
 */
import * as AiTool from "@effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import type { ResponseFormat } from "../domain/Request.ts"
import { coerce } from "../tool/Coerce.ts"
import * as PartialJson from "../tool/PartialJson.ts"

const TypeId = "~axonal/agent/Output"

/**
 * What an agent has to answer with. `R` is what its validator needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output<out A, out R = never> {
  readonly [TypeId]: { readonly _A: (_: never) => A; readonly _R: (_: never) => R }
  readonly format: ResponseFormat
  readonly repairs: number
}

/**
 * Any schema that an answer can be held to: it needs no services.
 *
 * @category models
 * @since 0.1.0
 */
export type AnySchema = Schema.Schema.AnyNoContext

/**
 * A schema, or a schema with more to it.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = AnySchema | Output<unknown, unknown>

/**
 * The type of the answers, text when nothing is asked of them.
 *
 * @category models
 * @since 0.1.0
 */
export type Type<Out> = [Out] extends [never]
  ? string
  : Out extends Output<infer A, unknown>
    ? A
    : Out extends AnySchema
      ? Schema.Schema.Type<Out>
      : string

/**
 * What a validator needs.
 *
 * @category models
 * @since 0.1.0
 */
export type Requirements<Out> = Out extends Output<unknown, infer R> ? R : never

/**
 * Makes an output of a schema.
 *
 * **Details**
 *
 * - Several kinds of answer are a `Schema.Union`; tagged structs tell them apart best, for the model too.
 * - `name`, `description`: what the model is told of it; `answer` and the schema's own annotation unless given.
 * - `repairs`: how often the model is told what is wrong and answers again; 2. Then the run fails with `OutputInvalid`.
 * - `validate`: what no schema can say, asked of a decoded answer. It fails with words for the model; a defect ends the run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <S extends AnySchema, R = never>(options: {
  readonly schema: S
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly repairs?: number | undefined
  readonly validate?: ((value: Schema.Schema.Type<S>) => Effect.Effect<unknown, string, R>) | undefined
}): Output<Schema.Schema.Type<S>, R> => {
  const { name = "answer", repairs = 2, schema } = options
  if (!Number.isInteger(repairs) || repairs < 0) {
    throw new RangeError(`Output option repairs must be a whole number of at least 0, got ${repairs}`)
  }
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
    throw new TypeError(`Output option name must be 1 to 64 letters, digits, "_" or "-", got ${JSON.stringify(name)}`)
  }
  const described =
    options.description === undefined ? schema : schema.annotations({ description: options.description })
  const json: object = JSON.parse(JSON.stringify(AiTool.getJsonSchemaFromSchemaAst(described.ast)))
  const erased: Erased = {
    [TypeId]: { _A: (_: never) => _, _R: (_: never) => _ },
    format: { type: "json", name, schema: json },
    repairs,
    decode: Schema.decodeUnknown(schema, { errors: "all", onExcessProperty: "ignore" }),
    encode: Schema.encodeUnknown(schema),
    // What it needs is part of the agent's `R`, so it is in the context when it runs.
    validate: options.validate as Erased["validate"]
  }
  return erased
}

/**
 * An output as the loop reads it, its types erased.
 *
 * @category models
 * @since 0.1.0
 */
export interface Erased extends Output<never> {
  readonly decode: (value: unknown) => Effect.Effect<unknown, ParseResult.ParseError>
  readonly encode: (value: unknown) => Effect.Effect<unknown, ParseResult.ParseError>
  readonly validate: ((value: never) => Effect.Effect<unknown, string>) | undefined
}

/**
 * The output that the option of an agent stands for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const erase = (output: Any): Erased =>
  // `make` is the only way to an output, and what it gives is erased already.
  (TypeId in output ? output : make({ schema: output })) as Erased

/**
 * An answer after it was read: the typed one as JSON, or what is wrong with it, in words for the model.
 *
 * @category models
 * @since 0.1.0
 */
export type Read =
  | { readonly _tag: "Valid"; readonly json: unknown }
  | { readonly _tag: "Invalid"; readonly description: string }

/**
 * Reads the text of an answer.
 *
 * **Details**
 *
 * - A Markdown fence around it, and words before and after an object or a list, are left out.
 * - What a model wrote as text and the schema wants as a number or a boolean is taken as such, as in arguments of tools.
 *
 * @category combinators
 * @since 0.1.0
 */
export const read = (output: Erased, text: string): Effect.Effect<Read> => {
  const parsed = parse(text)
  if (Option.isNone(parsed)) return Effect.succeed(invalid("it is not JSON"))
  return Effect.matchEffect(decoded(output, parsed.value), {
    onFailure: (error) => Effect.succeed(invalid(problems(error))),
    onSuccess: (value) =>
      Effect.matchEffect(output.validate === undefined ? Effect.void : output.validate(value as never), {
        onFailure: (why) => Effect.succeed(invalid(why)),
        onSuccess: () =>
          Effect.match(output.encode(value), {
            onFailure: (error) => invalid(problems(error)),
            onSuccess: (json): Read => ({ _tag: "Valid", json })
          })
      })
  })
}

/**
 * The typed answer of the JSON that the last event of a run carries.
 *
 * @category converters
 * @since 0.1.0
 */
export const fromJson = (output: Erased, json: unknown): Effect.Effect<unknown> => Effect.orDie(output.decode(json))

/**
 * What a model is told whose answer is not what was asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const repair = (description: string): Message => ({
  ...Messages.user(
    `Your answer is not valid: ${description}\nAnswer again, with JSON that matches the schema and nothing else.`
  ),
  meta: { axonal: { repair: true } }
})

// internal

const invalid = (description: string): Read => ({ _tag: "Invalid", description: description.slice(0, maxProblem) })

const maxProblem = 2000

const decoded = (output: Erased, value: unknown): Effect.Effect<unknown, ParseResult.ParseError> => {
  const { format } = output
  return Effect.catchAll(output.decode(value), (error) =>
    Effect.mapError(
      output.decode(coerce(format.type === "json" && format.schema !== undefined ? format.schema : {}, value)),
      () => error
    )
  )
}

const parse = (text: string): Option.Option<unknown> => {
  for (const candidate of [text, PartialJson.withoutFence(text), between(text)]) {
    try {
      return Option.some(JSON.parse(candidate))
    } catch {
      // The next one.
    }
  }
  return Option.none()
}

/** From the first bracket to the last. */
const between = (text: string): string => {
  const start = text.search(/[[{]/)
  return start === -1 ? "" : text.slice(start, Math.max(text.lastIndexOf("}"), text.lastIndexOf("]")) + 1)
}

const problems = (error: ParseResult.ParseError): string =>
  ParseResult.ArrayFormatter.formatErrorSync(error)
    .map(
      (issue) => `\n- ${issue.path.length === 0 ? "the answer" : issue.path.map(String).join(".")}: ${issue.message}`
    )
    .join("")
