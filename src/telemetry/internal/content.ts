/**
 * The words of people, models and tools in the form in which OpenTelemetry's conventions put them on spans, each through
 * a function that may change or withhold it. A function that dies withholds.
 */
import type { Message } from "../../domain/Message.ts"
import type { FinishReason } from "../../domain/Outcome.ts"
import type * as Part from "../../domain/Part.ts"
import type { Request } from "../../domain/Request.ts"

/**
 * What a text is, for a function that decides about it.
 *
 * **Details**
 *
 * - `arguments` and `result` are those of a tool, as JSON text where they are not plain text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Content {
  readonly kind: "instructions" | "input" | "output" | "reasoning" | "arguments" | "result" | "file" | "reason"
  readonly tool?: string | undefined
}

/**
 * Changes a text before it is shown, or withholds it.
 *
 * @category models
 * @since 0.1.0
 */
export type Redact = (text: string, content: Content) => string | undefined

/**
 * How spans carry content.
 *
 * @category models
 * @since 0.1.0
 */
export interface Capture {
  readonly redact?: Redact | undefined
  readonly as?: "attributes" | "event" | undefined
}

/**
 * What stands in the place of a text that was withheld.
 *
 * @category models
 * @since 0.1.0
 */
export const withheld = "[withheld]"

/**
 * Changes a text as the function says.
 *
 * @category converters
 * @since 0.1.0
 */
export const text = (redact: Redact | undefined, words: string, content: Content): string => {
  if (redact === undefined) return words
  try {
    return redact(words, content) ?? withheld
  } catch {
    return withheld
  }
}

/**
 * The instructions of a request, or nothing when it has none: the messages of the system at its head.
 *
 * @category converters
 * @since 0.1.0
 */
export const instructions = (redact: Redact | undefined, { messages }: Request): string | undefined => {
  const head = messages.slice(0, headOf(messages)).flatMap(({ parts }) => parts)
  return head.length === 0 ? undefined : JSON.stringify(head.map((part) => ofPart(redact, part, "instructions")))
}

/**
 * The conversation that a request shows to its model.
 *
 * @category converters
 * @since 0.1.0
 */
export const input = (redact: Redact | undefined, { messages }: Request): string =>
  JSON.stringify(
    messages.slice(headOf(messages)).map(({ parts, role }) => ({
      role,
      parts: parts.map((part) => ofPart(redact, part, role === "assistant" ? "output" : "input"))
    }))
  )

/**
 * The answer of a model.
 *
 * @category converters
 * @since 0.1.0
 */
export const output = (redact: Redact | undefined, message: Message, reason: FinishReason): string =>
  JSON.stringify([
    {
      role: message.role,
      parts: message.parts.map((part) => ofPart(redact, part, "output")),
      finish_reason: finishReasons[reason] ?? reason
    }
  ])

/**
 * The tools that a request offers: names, descriptions and schemas, which are the application's own words.
 *
 * @category converters
 * @since 0.1.0
 */
export const tools = ({ tools }: Request): string | undefined =>
  tools.length === 0
    ? undefined
    : JSON.stringify(
        tools.map(({ description, inputSchema, name }) => ({
          type: "function",
          name,
          description,
          parameters: inputSchema
        }))
      )

/**
 * The arguments of a call, as JSON text.
 *
 * @category converters
 * @since 0.1.0
 */
export const args = (redact: Redact | undefined, tool: string, input: unknown): string =>
  text(redact, jsonOf(input), { kind: "arguments", tool })

/**
 * The result of a call, as text.
 *
 * @category converters
 * @since 0.1.0
 */
export const result = (redact: Redact | undefined, tool: string, content: ReadonlyArray<Part.ResultContent>): string =>
  text(redact, content.map(resultText).join("\n"), { kind: "result", tool })

// internal

/** The conventions have words of their own for some reasons. */
const finishReasons: Readonly<Record<string, string>> = {
  "tool-calls": "tool_call",
  "content-filter": "content_filter"
}

const headOf = (messages: ReadonlyArray<Message>): number => {
  const end = messages.findIndex(({ role }) => role !== "system")
  return end < 0 ? messages.length : end
}

const ofPart = (redact: Redact | undefined, part: Part.Part, kind: "instructions" | "input" | "output"): object => {
  switch (part.type) {
    case "text":
      return { type: "text", content: text(redact, part.text, { kind }) }
    case "reasoning":
      return { type: "reasoning", content: text(redact, part.text, { kind: "reasoning" }) }
    case "file":
      return ofFile(redact, part)
    case "tool-call":
      return {
        type: "tool_call",
        id: part.id,
        name: part.name,
        arguments: valueOf(text(redact, part.input, { kind: "arguments", tool: part.name }))
      }
    case "tool-result":
      return { type: "tool_call_response", id: part.id, response: result(redact, part.name, part.content) }
    case "source":
      return { type: "source", url: part.url, title: part.title }
  }
}

/** A file without what is in it, unless that is text or an address: bytes have no place on a span. */
const ofFile = (redact: Redact | undefined, { data, mediaType }: Part.File): object => {
  const about = { mime_type: mediaType, modality: modalityOf(mediaType) }
  const content = { kind: "file" } as const
  if ("url" in data) return { type: "uri", ...about, uri: text(redact, data.url, content) }
  if ("text" in data) return { type: "text", content: text(redact, data.text, content) }
  return { type: "blob", ...about, content: "", size: Math.floor((data.base64.length * 3) / 4) }
}

const modalityOf = (mediaType: string): string => {
  const [modality = ""] = mediaType.split("/")
  return modality === "image" || modality === "video" || modality === "audio" ? modality : "document"
}

const resultText = (part: Part.ResultContent): string => {
  switch (part.type) {
    case "text":
      return part.text
    case "json":
      return jsonOf(part.value)
    case "file":
      return `[${part.mediaType}]`
  }
}

const jsonOf = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? ""
  } catch {
    return withheld
  }
}

/** The value of a JSON text, or the text when it is none: models write broken JSON, and redaction may break it. */
const valueOf = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}
