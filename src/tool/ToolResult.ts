/**
 * What a tool gives back: text, JSON, or content parts such as images and files, with something else for people if it
 * likes, and with the word that ends the run. Results are bounded here, so that one long output cannot drown a
 * conversation.
 */
import * as Schema from "effect/Schema"
import type { PendingQuestion } from "../domain/Entry.ts"
import type { SessionId } from "../domain/Ids.ts"
import type { CallOutcome } from "../domain/Outcome.ts"
import * as Part from "../domain/Part.ts"
import { ends } from "../internal/texts.ts"
import * as Plain from "./internal/plain.ts"

/**
 * Success schema of tools that answer with parts: text, images, files, JSON, in order.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Content = Schema.TaggedStruct("ToolContent", { parts: Schema.Array(Part.ResultContent) })
export interface Content extends Schema.Schema.Type<typeof Content> {}

/**
 * Makes a result of parts, for tools whose success schema is `Content`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const content = (...parts: ReadonlyArray<Part.ResultContent>): Content => ({ _tag: "ToolContent", parts })

const kind: unique symbol = Symbol.for("axonal/tool/ToolResult")

const isOf = (name: "answer" | "progress", value: unknown): boolean =>
  typeof value === "object" && value !== null && kind in value && value[kind] === name

/**
 * What somebody reads: a text, or parts.
 *
 * @category models
 * @since 0.1.0
 */
export type Words = string | ReadonlyArray<Part.ResultContent>

/**
 * What a handler of `Agent.tool` may answer instead of its plain value, to say more than that.
 *
 * **Details**
 *
 * - `value`: what the tool's success schema encodes. `model`: what the model reads instead of it.
 * - `user`: what people are shown, as `display` of the event `ToolEnd`. No model reads it and no store keeps it.
 * - `ends`: present when the run is to end with this result. `waits`: present when there is no result yet.
 *
 * @category models
 * @since 0.1.0
 */
export class Answer<out A> {
  /** What tells it from plain values, also when another copy of this package made it, as a plugin's may. */
  readonly [kind] = "answer"
  readonly value: A | undefined
  readonly model: Words | undefined
  readonly user: Words | undefined
  readonly ends: { readonly reason?: string | undefined } | undefined
  readonly waits: Waits | undefined
  constructor(options: AnswerOptions<A>, waits?: Waits) {
    this.value = options.value
    this.model = options.model
    this.user = options.user
    this.ends = options.ends
    this.waits = waits
  }
}

/**
 * What an answer is made of: a value, words for the model, or both.
 *
 * @category models
 * @since 0.1.0
 */
export type AnswerOptions<A> = {
  readonly user?: Words | undefined
  readonly ends?: { readonly reason?: string | undefined } | undefined
} & ({ readonly value: A; readonly model?: Words | undefined } | { readonly value?: undefined; readonly model: Words })

/**
 * Tells an answer from a plain value.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isAnswer = (value: unknown): value is Answer<unknown> => isOf("answer", value)

/**
 * Tells output on the way from what may be a result.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isProgress = (value: unknown): value is Progress => isOf("progress", value)

/**
 * Makes an answer that tells the model and the user different things.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A = never>(options: AnswerOptions<A>): Answer<A> => new Answer(options)

/**
 * Makes an answer that ends the run once the calls beside it are done. The run's output is this value, and the reason is
 * for those who read why it ended.
 *
 * @category constructors
 * @since 0.1.0
 */
export const end = <A>(value: A, reason?: string): Answer<A> => new Answer({ value, ends: { reason } })

/**
 * That a call has no result yet, because persons are asked about what it started.
 *
 * **Details**
 *
 * - `session`: where that waits. `questions`: what is asked; their calls are those of that session, or of ones below it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Waits {
  readonly session: SessionId
  readonly questions: ReadonlyArray<PendingQuestion>
}

/**
 * Makes an answer that there is none yet: the run ends with reason `awaiting-approval`. When it is resumed, the handler is
 * called again with the answers, and the calls beside it are not. For handlers that run what may wait.
 *
 * @category constructors
 * @since 0.1.0
 */
export const waiting = (waits: Waits): Answer<never> =>
  new Answer<never>({ model: "This call waits for a person." }, waits)

/**
 * An element of a handler's stream that is shown and never the result. Unmarked elements may be either: the last one is
 * the result.
 *
 * @category models
 * @since 0.1.0
 */
export class Progress {
  readonly [kind] = "progress"
  readonly chunk: unknown
  constructor(chunk: unknown) {
    this.chunk = chunk
  }
}

/**
 * Marks an element of a handler's stream as output on the way, so that it needs not be of the result's type.
 *
 * @category constructors
 * @since 0.1.0
 */
export const progress = (chunk: unknown): Progress => new Progress(chunk)

/**
 * That a run ends with a result, and what its output is.
 *
 * **Details**
 *
 * - `value`: the result as JSON; absent when the handler gave words for the model only, or a hook replaced the result.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ends {
  readonly reason?: string | undefined
  readonly value?: unknown
}

/**
 * How a call ended and what the model will read about it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolResult {
  readonly outcome: CallOutcome
  readonly content: ReadonlyArray<Part.ResultContent>
  /** What people are shown besides, on the event `ToolEnd` and nowhere else. */
  readonly display?: ReadonlyArray<Part.ResultContent> | undefined
  /** Present when the run ends with this result. */
  readonly ends?: Ends | undefined
  /** Present when this is not the result, and the run waits for it. */
  readonly waits?: Waits | undefined
}

/**
 * Makes a result of one text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (outcome: CallOutcome, value: string): ToolResult => ({ outcome, content: [Part.text(value)] })

const isContent = Schema.is(Content)

/**
 * The result of an encoded success or failure value: strings as text, `Content` as its parts, nothing as empty text,
 * anything else as JSON.
 *
 * **Details**
 *
 * - An `Error` is a failure also when it comes as a value. Inside of a value it is `{ tag, message }`, never `{}`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromEncoded = (outcome: CallOutcome, value: unknown): ToolResult => {
  if (typeof value === "string") return text(outcome, value)
  if (value === undefined) return text(outcome, "")
  if (typeof value === "object" && value !== null && "_tag" in value && isContent(value)) {
    return { outcome, content: value.parts }
  }
  if (value instanceof Error) return text(outcome === "ok" ? "failed" : outcome, errorText(value))
  return jsonText(value) === undefined
    ? text("failed", "The tool gave a result that cannot be written as JSON.")
    : { outcome, content: [{ type: "json", value: Plain.plain(value) }] }
}

/**
 * The result of an answer and of its value, which is encoded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromAnswer = ({ ends, model, user, waits }: Answer<unknown>, value: unknown): ToolResult => {
  if (waits !== undefined) return { ...text("interrupted", "This call waits for a person."), waits }
  const given = fromEncoded("ok", value)
  const result =
    model === undefined || given.outcome !== "ok" ? given : { outcome: given.outcome, content: words(model) }
  return {
    ...result,
    ...(user === undefined ? undefined : { display: words(user) }),
    ...(ends === undefined || result.outcome !== "ok"
      ? undefined
      : { ends: value === undefined ? ends : { ...ends, value: Plain.plain(value) } })
  }
}

const words = (said: Words): ReadonlyArray<Part.ResultContent> => (typeof said === "string" ? [Part.text(said)] : said)

/**
 * What a model is told of a typed failure: its tag and its message, or its fields when it has no message.
 *
 * @category converters
 * @since 0.1.0
 */
export const errorText = (error: unknown): string => {
  if (typeof error === "string") return error
  if (typeof error !== "object" || error === null) return String(error)
  const name = Plain.tagOf(error)
  const message = "message" in error && typeof error.message === "string" ? error.message : ""
  if (message !== "") return name === undefined || name === "Error" ? message : `${name}: ${message}`
  const { _tag, ...fields } = { _tag: undefined, ...error }
  return [name, Object.keys(fields).length === 0 ? undefined : jsonText(fields)]
    .filter((it) => it !== undefined)
    .join(": ")
}

/**
 * The value as JSON, or `undefined` when it has none: functions, cycles, big integers. Errors in it are
 * `{ tag, message }`.
 *
 * @category converters
 * @since 0.1.0
 */
export const jsonText = (value: unknown): string | undefined => Plain.jsonText(value)

/**
 * The value with every `Error` in it as `{ tag, message }`; itself when there is none, or when it has no JSON.
 *
 * @category converters
 * @since 0.1.0
 */
export const plain = (value: unknown): unknown =>
  typeof value !== "object" || value === null || jsonText(value) === undefined ? value : Plain.plain(value)

/**
 * How many characters of text a result may have when its tool does not say.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaultBound = 32_768

/**
 * A text within a bound: head and tail, and between them how much is gone.
 *
 * **Details**
 *
 * - Units: characters (UTF-16). A pair of surrogates is never split.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cut = (value: string, max: number): string => {
  if (value.length <= max) return value
  const head = Math.ceil(max * 0.6)
  const kept = ends(value, head, max - head)
  return `${kept.head}\n[… ${kept.to - kept.from} of ${value.length} characters cut …]\n${kept.tail}`
}

/**
 * The result within a bound on its text: head and tail stay, and the cut says how much is gone. Files are left whole.
 *
 * **Details**
 *
 * - Units: characters (UTF-16), for all text and JSON parts together; earlier parts are served first.
 *
 * @category combinators
 * @since 0.1.0
 */
export const bound = (result: ToolResult, max: number): ToolResult => {
  let left = max
  let changed = false
  const content = result.content.map((part): Part.ResultContent => {
    if (part.type === "file") return part
    const value = part.type === "text" ? part.text : (JSON.stringify(part.value) ?? "null")
    const kept = cut(value, Math.max(0, left))
    left -= value.length
    if (kept === value) return part
    changed = true
    return Part.text(kept)
  })
  return changed ? { ...result, content } : result
}
