/**
 * What a tool gives back to the model: text, JSON, or content parts such as images and files. Results are bounded here,
 * so that one long output cannot drown a conversation.
 */
import * as Schema from "effect/Schema"
import type { CallOutcome } from "../domain/Outcome.ts"
import * as Part from "../domain/Part.ts"

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

/**
 * How a call ended and what the model will read about it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolResult {
  readonly outcome: CallOutcome
  readonly content: ReadonlyArray<Part.ResultContent>
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
 * @category constructors
 * @since 0.1.0
 */
export const fromEncoded = (outcome: CallOutcome, value: unknown): ToolResult => {
  if (typeof value === "string") return text(outcome, value)
  if (value === undefined) return text(outcome, "")
  if (typeof value === "object" && value !== null && "_tag" in value && isContent(value)) {
    return { outcome, content: value.parts }
  }
  return jsonText(value) === undefined
    ? text("failed", "The tool gave a result that cannot be written as JSON.")
    : { outcome, content: [{ type: "json", value }] }
}

/**
 * What a model is told of a typed failure: its tag and its message, or its fields when it has no message.
 *
 * @category converters
 * @since 0.1.0
 */
export const errorText = (error: unknown): string => {
  if (typeof error === "string") return error
  if (typeof error !== "object" || error === null) return String(error)
  const tag = "_tag" in error && typeof error._tag === "string" ? error._tag : undefined
  const name = tag ?? (error instanceof Error ? error.name : undefined)
  const message = "message" in error && typeof error.message === "string" ? error.message : ""
  if (message !== "") return name === undefined || name === "Error" ? message : `${name}: ${message}`
  const { _tag, ...fields } = { _tag: undefined, ...error }
  return [name, Object.keys(fields).length === 0 ? undefined : jsonText(fields)]
    .filter((it) => it !== undefined)
    .join(": ")
}

/**
 * The value as JSON, or `undefined` when it has none: functions, cycles, big integers.
 *
 * @category converters
 * @since 0.1.0
 */
export const jsonText = (value: unknown): string | undefined => {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

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
  const tail = max - head
  const end = isLowSurrogate(value, head) ? head - 1 : head
  const start = isLowSurrogate(value, value.length - tail) ? value.length - tail + 1 : value.length - tail
  return `${value.slice(0, end)}\n[… ${start - end} of ${value.length} characters cut …]\n${value.slice(start)}`
}

const isLowSurrogate = (value: string, index: number): boolean => {
  const code = value.charCodeAt(index)
  return code >= 0xdc00 && code <= 0xdfff
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
  return changed ? { outcome: result.outcome, content } : result
}
