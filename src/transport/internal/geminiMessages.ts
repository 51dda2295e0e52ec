/**
 * Messages as the Gemini API takes them. What Google's models wrote goes back as it came, signatures on the very parts they
 * came on; what another vendor's models thought, and what its own tools did, is left out.
 */
import type { Message } from "../../domain/Message.ts"
import type { ModelInfo } from "../../domain/ModelInfo.ts"
import * as Part from "../../domain/Part.ts"
import { demand, kindOf, refuseFile, systemTexts, textOfFile, typed, Unsupported } from "./encoding.ts"
import type { Dialect } from "./gemini.ts"
import { vendor } from "./gemini.ts"
import type { Json } from "./json.ts"
import { isJson, parseJson, textOf } from "./json.ts"

/**
 * The JSON text of what a message becomes: one content, two with a comma between them, or nothing.
 *
 * **Details**
 *
 * - Results are one content in the order of their calls, as many as there were calls. Files that cannot be inside of a
 *   result follow in a content of their own, since the API takes a content with results for nothing but results.
 * - A system message that is not at the beginning is said by the user, where it stands.
 *
 * @category converters
 * @since 0.1.0
 */
export const encodeMessage = (message: Message, model: ModelInfo, dialect: Dialect): string => {
  switch (message.role) {
    case "system":
      return content("user", systemParts(message))
    case "user":
      return content("user", userParts(message.parts, model))
    case "assistant":
      return encodeAssistant(message, model, dialect)
    case "tool":
      return encodeResults(message, model, dialect)
  }
}

/**
 * The parts of a system message.
 *
 * @category converters
 * @since 0.1.0
 */
export const systemParts = (message: Message): ReadonlyArray<Json> => systemTexts(message).map((text) => ({ text }))

/**
 * The JSON text of one content.
 *
 * @category constructors
 * @since 0.1.0
 */
export const content = (role: "user" | "model", parts: ReadonlyArray<Json>): string =>
  JSON.stringify({ role, parts: parts.length === 0 ? [{ text: "" }] : parts })

// internal

const userParts = (parts: ReadonlyArray<Part.Part>, model: ModelInfo): ReadonlyArray<Json> => {
  const out: Array<Json> = []
  for (const part of parts) {
    if (part.type === "text") {
      if (part.text !== "") out.push({ text: part.text })
    } else if (part.type === "file") out.push(filePart(part, model))
    else if (part.type !== "source") {
      throw new Unsupported(`A user message can hold text and files, not a part of type ${part.type}.`)
    }
  }
  return out
}

/** The data of this vendor on a part. */
const own = (part: Part.Part): Json => {
  const meta = part.meta?.[vendor]
  return isJson(meta) ? meta : {}
}

const filePart = (given: Part.File, model: ModelInfo): Json => {
  const file = typed(given)
  const { data, mediaType } = file
  if ("text" in data) return { text: data.text }
  demand(model, file)
  const kind = kindOf(mediaType)
  if (kind === "other") return refuseFile(file, "this API has no place for it; send its text.")
  // How long or how closely to look at it, if somebody said so.
  const { mediaResolution, videoMetadata } = own(file)
  if ("url" in data) {
    // Whoever only knows that it is a video says "video/*"; the address tells the rest.
    const mimeType = mediaType.includes("*") ? undefined : mediaType
    return { fileData: { mimeType, fileUri: data.url }, mediaResolution, videoMetadata }
  }
  if (kind === "text") {
    const text = textOfFile(file)
    return text === undefined ? refuseFile(file, "its content is not base64.") : { text }
  }
  if (mediaType.includes("*")) return refuseFile(file, "inline files need their exact media type.")
  return { inlineData: { mimeType: mediaType, data: data.base64 }, mediaResolution, videoMetadata }
}

/** What stands in for a signature on calls that were not made by a model of this kind. */
const noSignature = "skip_thought_signature_validator"

const encodeAssistant = (message: Message, model: ModelInfo, dialect: Dialect): string => {
  const out: Array<Json> = []
  let calls = 0
  for (const part of message.parts) {
    const meta = own(part)
    const thoughtSignature = textOf(meta["thoughtSignature"])
    switch (part.type) {
      case "text":
        if (part.text !== "" || thoughtSignature !== undefined) out.push({ text: part.text, thoughtSignature })
        break
      case "reasoning":
        // Only the signed is asked for: a summary without is for people.
        if (isJson(meta["part"])) out.push(meta["part"])
        else if (thoughtSignature !== undefined) out.push({ text: part.text, thought: true, thoughtSignature })
        break
      case "file":
        if (isPicture(part, model)) out.push({ ...filePart(part, model), thoughtSignature })
        else out.push({ text: Part.contentToText([part]), thoughtSignature })
        break
      case "tool-call":
        if (part.transportExecuted !== true) {
          // Only the first of an answer is looked at, whether the others have one or not.
          const signature = thoughtSignature ?? (dialect.isModern && calls === 0 ? noSignature : undefined)
          out.push({ functionCall: callOf(part), thoughtSignature: signature })
          calls++
        } else if (isJson(meta["part"]) && isReadable(meta["part"], dialect)) out.push(meta["part"])
        break
      case "tool-result":
        if (isJson(meta["part"]) && isReadable(meta["part"], dialect)) out.push(meta["part"])
    }
  }
  return out.length === 0 ? "" : content("model", out)
}

/** Models that never write these parts do not read them either. */
const isReadable = (part: Json, { isModern }: Dialect): boolean =>
  isModern || (part["toolCall"] === undefined && part["toolResponse"] === undefined)

/** Pictures are drawn on from turn to turn; other files that a model made are not read back. */
const isPicture = (file: Part.File, model: ModelInfo): boolean =>
  kindOf(typed(file).mediaType) === "image" && isTaken(file, model)

/** Calls have the id that the vendor gave, if it gave any: then name and order tell them apart. */
const idOf = (part: { readonly wireId?: string | undefined }): string | undefined => textOf(part.wireId)

const callOf = (call: Part.ToolCall): Json => {
  const args = parseJson(call.input)
  return { id: idOf(call), name: call.name, args: isJson(args) ? args : {} }
}

const encodeResults = (message: Message, model: ModelInfo, dialect: Dialect): string => {
  const results: Array<Json> = []
  const files: Array<Part.Part> = []
  for (const part of message.parts) {
    if (part.type !== "tool-result" || part.transportExecuted === true) continue
    const attached = part.content.filter((item) => item.type === "file")
    const inside = attached.filter((file) => isInside(file, model, dialect))
    const behind = attached.filter((file) => !inside.includes(file) && isResent(file, model))
    results.push({
      functionResponse: {
        id: idOf(part),
        name: part.name,
        response: responseOf(part),
        parts: inside.length === 0 ? undefined : inside.map((file) => filePart(file, model))
      }
    })
    if (behind.length > 0) files.push(Part.text(`Files from the result of ${part.name}:`), ...behind)
  }
  const contents = results.length === 0 ? [] : [content("user", results)]
  if (files.length > 0) contents.push(content("user", userParts(files, model)))
  return contents.join(",")
}

/** An object, under the names that the API gives to success and failure. Files are named in it. */
const responseOf = ({ content, outcome }: Part.ToolResult): Json => {
  const only = content.length === 1 ? content[0] : undefined
  const output = only?.type === "json" ? (only.value ?? null) : Part.contentToText(content)
  if (outcome === "ok") return { output }
  return { error: output === "" ? `The call ended with: ${outcome}.` : output }
}

const insideTypes = new Set(["image/png", "image/jpeg", "image/webp", "application/pdf"])

const isInside = (file: Part.File, model: ModelInfo, { isModern }: Dialect): boolean =>
  isModern &&
  "base64" in typed(file).data &&
  insideTypes.has(typed(file).mediaType.toLowerCase()) &&
  isTaken(file, model)

const isResent = (file: Part.File, model: ModelInfo): boolean => !("text" in file.data) && isTaken(file, model)

/** A file that the model cannot take is only named: tools may hand out what they like. */
const isTaken = (file: Part.File, model: ModelInfo): boolean => {
  try {
    filePart(file, model)
    return true
  } catch {
    return false
  }
}
