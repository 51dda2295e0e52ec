/**
 * A call on its way from what a model wrote to what a handler takes: read, parsed and decoded. What is wrong with it becomes
 * a short result that tells the model what to do better.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import { CallId } from "../domain/Ids.ts"
import type * as Part from "../domain/Part.ts"
import { coerce } from "../tool/Coerce.ts"
import type { Entry } from "../tool/Toolkit.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import * as ToolSelector from "../tool/ToolSelector.ts"
import type * as Run from "./Run.ts"

/**
 * A call whose handler may run. `parameters` are what the handler takes, `input` is the same as JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ready {
  readonly _tag: "Ready"
  readonly id: CallId
  readonly name: string
  readonly input: unknown
  readonly parameters: unknown
  readonly entry: Entry
  readonly execute: NonNullable<Entry["execute"]>
}

/**
 * A call that already has its result.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rejected {
  readonly _tag: "Rejected"
  readonly id: CallId
  readonly name: string
  readonly input: unknown
  readonly result: ToolResult.ToolResult
}

/**
 * Something that is mostly there at once: schemas rarely wait, and the standard guard never does. Going through an effect
 * for each call would cost more than all the rest of its preparation.
 *
 * @category models
 * @since 0.1.0
 */
export type Soon<A> = A | Effect.Effect<A>

/**
 * The effect of what is there soon.
 *
 * @category converters
 * @since 0.1.0
 */
export const toEffect = <A extends { readonly _tag: string }>(soon: Soon<A>): Effect.Effect<A> =>
  Effect.isEffect(soon) ? soon : Effect.succeed(soon)

/**
 * The id of a call that was minted when it came in.
 *
 * @category converters
 * @since 0.1.0
 */
export const idOf = (call: Part.ToolCall): CallId => CallId.make(call.id, { disableValidation: true })

/**
 * A call with its result: it does not run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reject = (
  call: { readonly id: CallId; readonly name: string },
  input: unknown,
  outcome: ToolResult.ToolResult["outcome"],
  text: string
): Rejected => ({
  _tag: "Rejected",
  id: call.id,
  name: call.name,
  input,
  result: ToolResult.bound(ToolResult.text(outcome, text), maxProblem)
})

/**
 * The arguments as a JSON object, or what is wrong with them. No text at all is no arguments.
 *
 * @category converters
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<object, string> => {
  if (text.trim() === "") return Either.right({})
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Either.right(value)
      : Either.left("they are not a JSON object")
  } catch (cause) {
    return Either.left(cause instanceof Error ? cause.message : "they are not JSON")
  }
}

/**
 * The call with its arguments read as JSON, decoded; or its rejection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (
  run: Run.Run,
  call: Part.ToolCall,
  parsed: Either.Either<object, string>
): Soon<Ready | Rejected> => {
  const named = { id: idOf(call), name: call.name }
  const entry = run.registry.entries.get(call.name)
  if (isDuplicate(call)) {
    const text = "Another call of this answer has the same id; this one was not run. Call again."
    return reject(named, {}, "invalid", text)
  }
  if (entry === undefined) {
    const known = offeredBy(run)
    const text = known.length === 0 ? "There are no tools." : `Available tools: ${known.join(", ")}.`
    return reject(named, {}, "unknown-tool", `Unknown tool: ${call.name}. ${text}`)
  }
  if (run.offer !== undefined && !run.offer.tools.some(({ name }) => name === call.name)) {
    return reject(named, {}, "unknown-tool", ToolSelector.refusal(call.name, offeredBy(run)))
  }
  if (Either.isLeft(parsed)) {
    const text =
      `Malformed JSON arguments for tool ${call.name}: ${parsed.left}. ` +
      "Retry the call with one valid JSON object as arguments."
    return reject(named, {}, "invalid", text)
  }
  if (entry.execute === undefined) {
    return reject(named, parsed.right, "unknown-tool", `${call.name} runs at the vendor, not here.`)
  }
  return decode(named.id, entry, entry.execute, parsed.right)
}

/**
 * The call with these arguments, decoded as the tool takes them; or its rejection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decode = (id: CallId, entry: Entry, execute: Ready["execute"], input: unknown): Soon<Ready | Rejected> => {
  const { name } = entry.spec
  const ready = (parameters: unknown, input: unknown): Ready => ({
    _tag: "Ready",
    id,
    name,
    input,
    parameters,
    entry,
    execute
  })
  const decoded = entry.decode(input)
  if (Either.isEither(decoded) && Either.isRight(decoded)) {
    const encoded = entry.encode(decoded.right)
    if (Either.isEither(encoded) && Either.isRight(encoded)) return ready(decoded.right, encoded.right)
  }
  return decoded.pipe(
    Effect.catchAll((error) => Effect.mapError(entry.decode(coerce(entry.spec.inputSchema, input)), () => error)),
    Effect.flatMap((parameters) => Effect.map(entry.encode(parameters), (input) => ready(parameters, input))),
    Effect.catchAll((error) => Effect.succeed(reject({ id, name }, input, "invalid", problems(name, error))))
  )
}

// internal

const maxProblem = 2000

/** The names of the tools that the model knows of. */
const offeredBy = ({ offer, registry }: Run.Run): ReadonlyArray<string> =>
  (offer?.tools ?? registry.specs).map(({ name }) => name)

const isDuplicate = (call: Part.ToolCall): boolean => {
  const mark = call.meta?.["axonal"]
  return typeof mark === "object" && mark !== null && "duplicate" in mark
}

const problems = (name: string, error: ParseResult.ParseError): string => {
  const lines = ParseResult.ArrayFormatter.formatErrorSync(error).map(
    (issue) => `- ${issue.path.length === 0 ? "arguments" : issue.path.map(String).join(".")}: ${issue.message}`
  )
  return `Invalid arguments for tool ${name}:\n${lines.join("\n")}\nCall it again with arguments that match its schema.`
}
