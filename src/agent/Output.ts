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
import * as AST from "effect/SchemaAST"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import type { ResponseFormat } from "../domain/Request.ts"
import { head } from "../internal/texts.ts"
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
 * - Errors: throws for a schema that JSON cannot have, such as one of `Date` objects, and for options out of bounds.
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
  const { description } = options
  const described = description === undefined ? schema : schema.annotations({ description })
  const json: object = JSON.parse(JSON.stringify(AiTool.getJsonSchemaFromSchemaAst(described.ast)))
  const erased: Erased = {
    [TypeId]: { _A: (_: never) => _, _R: (_: never) => _ },
    format: { type: "json", name, schema: json },
    repairs,
    isText: isText(AST.typeAST(schema.ast)),
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
  /** Whether any text is of the type of the answers, so that no text can be missing. */
  readonly isText: boolean
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
 * - A Markdown fence around it, and words before and after an object or a list, are left out; of two objects neither
 *   counts. Where a text is asked for, its quotes may be missing.
 * - What a model wrote as text and the schema wants as a number or a boolean is taken as such, as in arguments of tools.
 * - The JSON of a valid answer is that of its decoded value, so that defaults are filled in once and what the schema does
 *   not know is gone. Where the schema does not lead back to the same JSON, it is the model's own.
 *
 * @category combinators
 * @since 0.1.0
 */
export const read = (output: Erased, text: string): Effect.Effect<Read> =>
  Effect.matchEffect(
    Effect.flatMap(decoded(output, text), (found) =>
      output.validate === undefined ? Effect.succeed(found) : Effect.as(output.validate(found.value as never), found)
    ),
    {
      onFailure: (why) => Effect.succeed(invalid(why)),
      onSuccess: ({ json, value }) =>
        Effect.match(kept(output, json, value), {
          onFailure: () => invalid("it holds a number that is out of range"),
          onSuccess: (json): Read => ({ _tag: "Valid", json })
        })
    }
  )

/**
 * The typed answer of the JSON that the last event of a run carries.
 *
 * @category converters
 * @since 0.1.0
 */
export const fromJson = (output: Erased, json: unknown): Effect.Effect<unknown> => Effect.orDie(output.decode(json))

/**
 * What a model is told whose answer is not what was asked for. With `schema`, it is told the schema too: not every
 * transport lets a model see it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const repair = ({ format }: Erased, description: string, schema: boolean): Message => ({
  ...Messages.user(
    `Your answer is not valid:${spaced(description)}\nAnswer again, with JSON that matches the schema and nothing else.${
      schema ? `\nThe schema: ${JSON.stringify(schemaOf(format))}` : ""
    }`
  ),
  meta: { axonal: { repair: true } }
})

// internal

/** After a colon: on the same line, unless it begins a line itself. */
const spaced = (text: string): string => (text.startsWith("\n") ? text : ` ${text}`)

const invalid = (description: string): Read => ({
  _tag: "Invalid",
  description: head(description, maxProblem)
})

const maxProblem = 2000

interface Found {
  readonly json: unknown
  readonly value: unknown
}

/** The first reading of the text that decodes, or what is wrong with the most literal one. */
const decoded = (output: Erased, text: string): Effect.Effect<Found, string> => {
  const schema = schemaOf(output.format)
  const [first, ...others] = readings(schema, text)
  if (first === undefined) return Effect.fail(text.trim() === "" ? "it is empty" : "it is not JSON")
  const attempt = ({ json }: Reading) => Effect.map(output.decode(json), (value): Found => ({ json, value }))
  const attempts = others.reduce(
    (before, other) => Effect.catchAll(before, (error) => Effect.mapError(attempt(other), () => error)),
    attempt(first)
  )
  return Effect.mapError(attempts, problems)
}

interface Reading {
  readonly json: unknown
}

const readings = (schema: JsonSchema, text: string): ReadonlyArray<Reading> => {
  const plain = PartialJson.withoutFence(text)
  const parsed = Option.orElse(json(text), () => Option.orElse(json(plain), () => embedded(schema, text)))
  const bare = plain.trim()
  return [
    ...Option.match(parsed, {
      onNone: () => [],
      onSome: (value) => [{ json: value }, { json: coerce(schema, value) }]
    }),
    // A text without its quotes. One with its first only was cut off, and an object is no text.
    ...(schema.type === "string" && bare !== "" && !/^["{[]/.test(bare) ? [{ json: bare }] : [])
  ]
}

const json = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** The only object or list that stands in a text, of the kind that is asked for. */
const embedded = (schema: JsonSchema, text: string): Option.Option<unknown> => {
  const found = bracketed(text)
    .flatMap((part) => Option.toArray(json(part)))
    .filter((value) => schema.type !== (Array.isArray(value) ? "object" : "array"))
  return found.length === 1 ? Option.some(found[0]) : Option.none()
}

/** What stands between brackets that fit. Nothing of what is cut off: an object in it is not the answer. */
const bracketed = (text: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  let from = 0
  let depth = 0
  let isQuoted = false
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index)
    if (isQuoted) {
      if (character === "\\") index++
      else isQuoted = character !== '"'
    } else if (character === '"') isQuoted = depth > 0
    else if (character === "{" || character === "[") {
      if (depth++ === 0) from = index
    } else if ((character === "}" || character === "]") && depth > 0 && --depth === 0) {
      found.push(text.slice(from, index + 1))
    }
  }
  return found
}

/** The JSON of an answer from which it decodes again, also when it has been written down. */
const kept = (output: Erased, given: unknown, value: unknown): Effect.Effect<unknown, unknown> => {
  const settled = (from: unknown): Effect.Effect<unknown, unknown> =>
    Effect.flatMap(
      Effect.try((): unknown => JSON.parse(JSON.stringify(from))),
      (json) => Effect.as(output.decode(json), json)
    )
  return Effect.orElse(Effect.flatMap(output.encode(value), settled), () => settled(given))
}

interface JsonSchema {
  readonly type?: string | undefined
}

const schemaOf = (format: ResponseFormat): JsonSchema => (format.type === "json" ? (format.schema ?? {}) : {})

/** Whether the type of the schema has every text in it. One that is branded is a type of its own. */
const isText = (ast: AST.AST): boolean => {
  if (Option.isSome(AST.getBrandAnnotation(ast))) return false
  if (AST.isRefinement(ast)) return isText(ast.from)
  return AST.isUnion(ast) ? ast.types.some(isText) : AST.isStringKeyword(ast)
}

const problems = (error: ParseResult.ParseError): string =>
  ParseResult.ArrayFormatter.formatErrorSync(error)
    .map(
      (issue) => `\n- ${issue.path.length === 0 ? "the answer" : issue.path.map(String).join(".")}: ${issue.message}`
    )
    .join("")
