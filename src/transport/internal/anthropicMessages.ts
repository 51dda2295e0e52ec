/**
 * Messages as the Messages API has them: blocks of content under two roles. Results of tools stand in messages of the
 * user; what the vendor said goes back as it came. The text of a message depends on nothing but that message.
 */
import type { Message } from "../../domain/Message.ts"
import type * as ModelInfo from "../../domain/ModelInfo.ts"
import * as Part from "../../domain/Part.ts"
import { factsOf, vendor } from "./anthropic.ts"
import { demand, kindOf, refuseFile, systemTexts, textOfFile, typed, Unsupported } from "./encoding.ts"
import type { Json } from "./json.ts"
import { isJson, parseJson, textOf } from "./json.ts"
import { common, safe } from "./toolNames.ts"

/**
 * A message on the wire.
 *
 * **Details**
 *
 * - `text`: the JSON of its blocks with commas between them; `""` when nothing of it can be sent. `count`: how many.
 *
 * @category models
 * @since 0.1.0
 */
export interface Encoded {
  readonly role: "user" | "assistant"
  readonly text: string
  readonly count: number
}

/**
 * A message of the conversation.
 *
 * **Details**
 *
 * - `isLast`: the vendor goes on from an assistant message at the end. A call of its own tools that has no result yet
 *   stays then.
 * - The last text of an assistant message is sent without the space at its end: the vendor refuses such a text where the
 *   request ends, and a text may not change with what follows it.
 *
 * @category converters
 * @since 0.1.0
 */
export const encodeMessage = (message: Message, model: ModelInfo.ModelInfo, isLast: boolean): Encoded => {
  const isAssistant = message.role === "assistant"
  const blocks = isAssistant
    ? encodeAssistant(message.parts, isLast, factsOf(model.id).signs)
    : message.role === "tool"
      ? encodeResults(message.parts, model)
      : message.role === "system"
        ? encodeLateSystem(message)
        : encodeUser(message.parts, model)
  return {
    role: isAssistant ? "assistant" : "user",
    text: blocks.map((block) => JSON.stringify(block)).join(","),
    count: blocks.length
  }
}

/**
 * The blocks of a system message.
 *
 * @category converters
 * @since 0.1.0
 */
export const encodeSystem = (message: Message): ReadonlyArray<Json> =>
  systemTexts(message).flatMap((text) => textBlock(text))

/**
 * Whether a message holds thinking that goes back to this vendor.
 *
 * @category predicates
 * @since 0.1.0
 */
export const thinks = (message: Message): boolean =>
  message.parts.some((part) => part.type === "reasoning" && ownMeta(part) !== undefined)

// internal

const ownMeta = ({ meta }: { readonly meta?: Part.Meta | undefined }): Json | undefined => {
  const own = meta?.[vendor]
  return isJson(own) ? own : undefined
}

/** Texts of nothing but space are refused. */
const textBlock = (text: string): ReadonlyArray<Json> => (text.trim() === "" ? [] : [{ type: "text", text }])

/** Only the newest models take system messages in the middle, and only in few places: all get them as marked text. */
const encodeLateSystem = (message: Message): ReadonlyArray<Json> => {
  const text = encodeSystem(message)
    .map((block) => block["text"])
    .join("\n\n")
  return text === "" ? [] : [{ type: "text", text: `<system>\n${text}\n</system>` }]
}

const encodeUser = (parts: ReadonlyArray<Part.Part>, model: ModelInfo.ModelInfo): ReadonlyArray<Json> =>
  parts.flatMap((part) => {
    if (part.type === "text") return textBlock(part.text)
    if (part.type === "file") return [encodeFile(part, model)]
    if (part.type === "source") return []
    throw new Unsupported(`A user message can hold text and files, not a part of type ${part.type}.`)
  })

/** Pictures and documents. What the caller wrote about a file for this vendor (`citations`, `context`) is added. */
const encodeFile = (untyped: Part.File, model: ModelInfo.ModelInfo): Json => {
  const file = typed(untyped)
  demand(model, file)
  const { data, mediaType, name } = file
  const more = ownMeta(file)
  const kind = "text" in data ? "text" : kindOf(mediaType)
  if (kind === "image") return { type: "image", source: imageSource(file), ...more }
  if (kind !== "pdf" && kind !== "text") {
    const what = kind === "audio" ? "this API takes no sound" : kind === "video" ? "this API takes no video" : undefined
    return refuseFile(file, `${what ?? "this API has no place for it"}. It takes pictures, PDF and plain text.`)
  }
  const title = name === undefined ? undefined : { title: name }
  return { type: "document", source: kind === "pdf" ? pdfSource(file) : textSource(file), ...title, ...more }
}

const imageSource = (file: Part.File): Json => {
  const { data } = file
  if ("url" in data) return { type: "url", url: data.url }
  const mediaType = file.mediaType.toLowerCase().replace("/jpg", "/jpeg")
  if (!/^image\/(jpeg|png|gif|webp)$/.test(mediaType)) {
    return refuseFile(file, "this API takes pictures as JPEG, PNG, GIF or WebP.")
  }
  return { type: "base64", media_type: mediaType, data: "base64" in data ? data.base64 : "" }
}

const pdfSource = ({ data }: Part.File): Json =>
  "url" in data
    ? { type: "url", url: data.url }
    : { type: "base64", media_type: "application/pdf", data: "base64" in data ? data.base64 : "" }

const textSource = (file: Part.File): Json => {
  if ("url" in file.data) return refuseFile(file, "a text has to be inline here, not behind a URL.")
  const text = textOfFile(file)
  return text === undefined
    ? refuseFile(file, "its content is not base64.")
    : { type: "text", media_type: "text/plain", data: text }
}

const encodeAssistant = (parts: ReadonlyArray<Part.Part>, isLast: boolean, signs: boolean): ReadonlyArray<Json> => {
  // A call of the vendor's that was left behind is refused, unless calls of ours stand between it and its result.
  const hasCalls = parts.some((part) => part.type === "tool-call" && part.transportExecuted !== true)
  const answered = isLast || hasCalls ? undefined : answeredIn(parts)
  const blocks = parts.flatMap((part) => encodeAssistantPart(part, answered, signs))
  // "The final block in an assistant message cannot be `thinking`."
  const end = blocks.findLastIndex(({ type }) => type !== "thinking" && type !== "redacted_thinking") + 1
  const last = blocks[end - 1]
  const text = textOf(last?.["text"])
  return last?.["type"] === "text" && text !== undefined
    ? [...blocks.slice(0, end - 1), { ...last, text: text.trimEnd() }]
    : blocks.slice(0, end)
}

/** The ids of the vendor's calls whose results are here. */
const answeredIn = (parts: ReadonlyArray<Part.Part>): ReadonlySet<unknown> =>
  new Set(parts.flatMap((part) => (part.type === "tool-result" ? [ownMeta(part)?.["tool_use_id"]] : [])))

const encodeAssistantPart = (
  part: Part.Part,
  answered: ReadonlySet<unknown> | undefined,
  signs: boolean
): ReadonlyArray<Json> => {
  // What another vendor marked is not this one's to read.
  const own = part.type === "file" || part.type === "source" ? undefined : ownMeta(part)
  switch (part.type) {
    case "text": {
      const citations = own?.["citations"]
      return textBlock(part.text).map((block) => (citations === undefined ? block : { ...block, citations }))
    }
    case "reasoning":
      if (own?.["type"] !== "thinking") return own === undefined ? [] : [own]
      if (signs && own["signature"] === undefined) return []
      return [{ type: "thinking", thinking: part.text, ...withoutType(own) }]
    case "tool-call": {
      const input = parseJson(part.input)
      const sent = { input: isJson(input) ? input : {} }
      if (part.transportExecuted !== true) {
        return [{ type: "tool_use", id: wireId(part), name: part.name, ...sent, ...own }]
      }
      return own === undefined || (answered !== undefined && !answered.has(own["id"])) ? [] : [{ ...own, ...sent }]
    }
    case "tool-result":
      return own === undefined || part.transportExecuted !== true ? [] : [own]
    case "file":
      // Nothing that a model made can stand here but words.
      return textBlock(Part.contentToText([part]))
    default:
      return []
  }
}

const withoutType = ({ type: _, ...rest }: Json): Json => rest

/** Other vendors' ids may hold what is refused here, or be counters that begin anew in each answer. */
const wireId = ({ id, wireId }: { readonly id: string; readonly wireId?: string | undefined }): string => {
  const own = textOf(wireId) ?? id
  return safe(id !== "" && /^(?!toolu_)\D*\d{0,4}$/.test(own) ? id : own, common)
}

/** Results come first; files that cannot stand in a result follow, with what else the message holds. */
const encodeResults = (parts: ReadonlyArray<Part.Part>, model: ModelInfo.ModelInfo): ReadonlyArray<Json> => {
  const results: Array<Json> = []
  const files: Array<Json> = []
  const others: Array<Part.Part> = []
  for (const part of parts) {
    if (part.type !== "tool-result") others.push(part)
    else if (part.transportExecuted !== true) results.push(encodeResult(part, model, files))
  }
  return [...results, ...files, ...encodeUser(others, model)]
}

const encodeResult = (part: Part.ToolResult, model: ModelInfo.ModelInfo, files: Array<Json>): Json => {
  const call = { type: "tool_result", tool_use_id: wireId(part) }
  if (part.outcome === "ok") {
    const content = part.content.flatMap((item) => (item.type === "file" && fileIn(item, model)) || encodeText(item))
    const text = content.length === 1 ? textOf(content[0]?.["text"]) : undefined
    return content.length === 0 ? call : { ...call, content: text ?? content }
  }
  // A result that is an error may hold nothing but text.
  const text = Part.contentToText(part.content)
  const attached = part.content.flatMap((item) => (item.type === "file" ? (fileIn(item, model) ?? []) : []))
  if (attached.length > 0) files.push(...textBlock(`Files from the result of ${part.name}:`), ...attached)
  return { ...call, content: text.trim() === "" ? `The call ended with: ${part.outcome}.` : text, is_error: true }
}

const encodeText = (item: Part.ResultContent): ReadonlyArray<Json> => textBlock(Part.contentToText([item]))

/** A file that the model cannot take is only named in the result: the tool may hand out what it likes. */
const fileIn = (file: Part.File, model: ModelInfo.ModelInfo): ReadonlyArray<Json> | undefined => {
  if ("text" in file.data) return undefined
  try {
    return [encodeFile(file, model)]
  } catch {
    return undefined
  }
}
