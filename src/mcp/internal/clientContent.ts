/**
 * What servers answer, as parts: texts, images, sounds, resources and links to them, structured values. What is of no known
 * kind is kept as the JSON that it is, and nothing is longer than it may be.
 */
import type { Message } from "../../domain/Message.ts"
import * as Part from "../../domain/Part.ts"
import { bounded } from "./clientFailure.ts"
import type { Json } from "./clientJson.ts"
import { isJson, numberOf, objectsOf, textOf } from "./clientJson.ts"

/** What a call came to. */
export interface Called {
  readonly failed: boolean
  readonly content: ReadonlyArray<Part.ResultContent>
  /** The structured value of the result, if it has one. */
  readonly structured: unknown
}

/** Characters of base64 in one result; larger files are told of and not kept. */
export const largestFiles = 20 * 1024 * 1024

/** Parts of one result. */
export const mostParts = 200

/** The result of `tools/call`. One without anything in it is said to be so. */
export const calledOf = (result: Json): Called => {
  const structured = result["structuredContent"]
  // Servers before the revision of 2024-11 answered with `toolResult`.
  const old = "toolResult" in result ? [jsonPart(result["toolResult"])] : []
  const listed = contentOf(result["content"] ?? [])
  const content = [...listed.filter((part) => !isSame(part, structured)), ...old]
  const all = structured === undefined || structured === null ? content : [...content, jsonPart(structured)]
  return {
    failed: result["isError"] === true,
    content: all.length === 0 ? [Part.text("The tool answered without content.")] : all,
    structured
  }
}

/** The blocks of a content, or the one that it is. */
export const contentOf = (content: unknown): ReadonlyArray<Part.ResultContent> => {
  const blocks = Array.isArray(content) ? content : [content]
  let left = largestFiles
  const parts = blocks.slice(0, mostParts).map((block: unknown) => {
    const part = partOf(block)
    if (part.type !== "file" || !("base64" in part.data)) return part
    left -= part.data.base64.length
    return left >= 0
      ? part
      : Part.text(`[${part.mediaType}${part.name === undefined ? "" : ` ${part.name}`}: too large to be kept]`)
  })
  return blocks.length > mostParts
    ? [...parts, Part.text(`[${blocks.length - mostParts} more parts were left out]`)]
    : parts
}

/** The contents of `resources/read`. */
export const resourcesOf = (result: Json): ReadonlyArray<Part.ResultContent> =>
  contentOf(objectsOf(result["contents"]).map((resource) => ({ type: "resource", resource })))

/** The messages of `prompts/get`. */
export const messagesOf = (messages: unknown): ReadonlyArray<Message> =>
  objectsOf(messages).map(({ content, role }) => ({
    role: role === "assistant" ? "assistant" : "user",
    parts: contentOf(content).map((part) => (part.type === "json" ? Part.text(JSON.stringify(part.value)) : part))
  }))

// internal

const partOf = (block: unknown): Part.ResultContent => {
  if (!isJson(block)) return typeof block === "string" ? Part.text(block) : jsonPart(block)
  const [data, text] = [textOf(block["data"]), textOf(block["text"])]
  const mediaType = textOf(block["mimeType"])
  switch (block["type"]) {
    case "text":
      return text === undefined ? jsonPart(block) : Part.text(text)
    case "image":
    case "audio":
      return data === undefined
        ? jsonPart(block)
        : Part.file(mediaType ?? (block["type"] === "image" ? "image/png" : "audio/wav"), { base64: data })
    case "resource":
      return isJson(block["resource"]) ? resourceOf(block["resource"]) : jsonPart(block)
    case "resource_link":
      return linkOf(block)
    default:
      return jsonPart(block)
  }
}

const resourceOf = (resource: Json): Part.ResultContent => {
  const [uri, text, blob] = ["uri", "text", "blob"].map((name) => textOf(resource[name]))
  const mediaType = textOf(resource["mimeType"])
  if (text !== undefined) return Part.file(mediaType ?? "text/plain", { text }, uri)
  return blob === undefined
    ? jsonPart(resource)
    : Part.file(mediaType ?? "application/octet-stream", { base64: blob }, uri)
}

const linkOf = (link: Json): Part.ResultContent => {
  const size = numberOf(link["size"])
  return jsonPart({
    type: "resource_link",
    uri: textOf(link["uri"]) ?? "",
    name: bounded(textOf(link["title"]) ?? textOf(link["name"]) ?? ""),
    ...(textOf(link["description"]) === undefined ? undefined : { description: textOf(link["description"]) }),
    ...(textOf(link["mimeType"]) === undefined ? undefined : { mimeType: textOf(link["mimeType"]) }),
    ...(size === undefined ? undefined : { size })
  })
}

const jsonPart = (value: unknown): Part.ResultContent => ({ type: "json", value })

/** Servers repeat a structured value as a text of its JSON, for clients that know only texts. */
const isSame = (part: Part.ResultContent, structured: unknown): boolean => {
  if (structured === undefined || structured === null || part.type !== "text") return false
  try {
    return JSON.stringify(JSON.parse(part.text)) === JSON.stringify(structured)
  } catch {
    return false
  }
}
