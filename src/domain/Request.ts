/**
 * One model request as plain data: what is said, which tools there are, and how to answer. Complete in itself, since
 * nothing is remembered between requests.
 */
import type { Message } from "./Message.ts"
import type { Part } from "./Part.ts"

/**
 * A tool as a model sees it.
 *
 * **Details**
 *
 * - `inputSchema` is a raw JSON schema and goes to the vendor unchanged, unless the vendor would refuse it: alternatives at
 *   its root become one object that has the properties of all. `strict` asks the vendor to hold the model to it, and is
 *   left out where the vendor cannot.
 * - `provider` marks a tool that the vendor itself defines: `id` is `<vendor>.<tool>`, `name` what the vendor calls it and
 *   `args` its configuration. A transport that cannot offer it fails with `InvalidRequest`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolSpec {
  readonly name: string
  readonly description?: string | undefined
  readonly inputSchema: object
  readonly strict?: boolean | undefined
  readonly provider?: { readonly id: string; readonly name: string; readonly args: unknown } | undefined
}

/**
 * Whether the model may, must not or must call a tool, or which one.
 *
 * @category models
 * @since 0.1.0
 */
export type ToolChoice = "auto" | "none" | "required" | { readonly tool: string }

/**
 * The form of the answer: text, any JSON object, or JSON of a given schema.
 *
 * @category models
 * @since 0.1.0
 */
export type ResponseFormat =
  | { readonly type: "text" }
  | { readonly type: "json"; readonly name?: string | undefined; readonly schema?: object | undefined }

/**
 * How the model should answer. What is absent is left to the vendor.
 *
 * **Details**
 *
 * - `extra` is merged into the request body last, for what only one vendor knows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  readonly maxOutputTokens?: number | undefined
  readonly stop?: ReadonlyArray<string> | undefined
  readonly seed?: number | undefined
  readonly reasoningEffort?: string | undefined
  readonly parallelToolCalls?: boolean | undefined
  readonly extra?: { readonly [name: string]: unknown } | undefined
}

/**
 * One model request, complete: nothing is remembered between requests.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly messages: ReadonlyArray<Message>
  readonly tools: ReadonlyArray<ToolSpec>
  readonly toolChoice: ToolChoice
  readonly responseFormat: ResponseFormat
  readonly settings: Settings
}

/**
 * The request as plain data by which it is told from others: two requests say the same when the JSON texts of these are
 * equal.
 *
 * **Details**
 *
 * - Keys of objects are in order, and nothing is `undefined`.
 * - The ids of calls are ours and made anew in each run: here they are numbers in the order of their coming. Ids of the
 *   vendor (`wireId`) stay.
 *
 * @category converters
 * @since 0.1.0
 */
export const canonical = (request: Request): unknown => {
  const calls = new Map<string, string>()
  const numbered = (part: Part): Part => {
    if (part.type !== "tool-call" && part.type !== "tool-result") return part
    const id = calls.get(part.id) ?? `call ${calls.size + 1}`
    calls.set(part.id, id)
    return { ...part, id }
  }
  const messages = request.messages.map((message) => ({ ...message, parts: message.parts.map(numbered) }))
  return sorted({ ...request, messages })
}

/**
 * The value as JSON has it, with the keys of every object in order and nothing that is `undefined`.
 *
 * @category converters
 * @since 0.1.0
 */
export const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item) => sorted(item))
  if (typeof value !== "object" || value === null) return value
  if ("toJSON" in value && typeof value.toJSON === "function") return sorted(value.toJSON())
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  entries.sort(([left], [right]) => (left < right ? -1 : 1))
  return Object.fromEntries(entries.map(([name, field]) => [name, sorted(field)]))
}
