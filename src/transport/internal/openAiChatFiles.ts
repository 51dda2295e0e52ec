/**
 * Files in requests of the Chat Completions API: which part a file becomes with which vendor, and which files have no place
 * there. What has none is refused before it is sent, with what to do about it.
 */
import type * as ModelInfo from "../../domain/ModelInfo.ts"
import type * as Part from "../../domain/Part.ts"
import { dataUrl, demand, kindOf, refuseFile, textOfFile, typed, Unsupported } from "./encoding.ts"
import type { Json } from "./json.ts"
import type { Flavour } from "./openAiChat.ts"

/**
 * The part of a message that a file becomes.
 *
 * @category converters
 * @since 0.1.0
 */
export const encodeFile = (given: Part.File, model: ModelInfo.ModelInfo, flavour: Flavour): Json => {
  const file = typed(given)
  const { data } = file
  const kind = kindOf(file.mediaType)
  if ("text" in data || kind === "text") return { type: "text", text: inlined(file) }
  demand(model, file)
  switch (kind) {
    case "image":
      return { type: "image_url", image_url: { url: address(file, flavour) } }
    case "video":
      return flavour.files.video
        ? { type: "video_url", video_url: { url: address(file, flavour) } }
        : refuseFile(file, "this API takes no video; send single pictures of it.")
    case "audio":
      return { type: "input_audio", input_audio: encodeSound(file, flavour) }
    case "pdf":
      return encodePdf(file, flavour)
    default:
      return refuseFile(file, "this API has no place for it; send its text.")
  }
}

/**
 * Whether the file has a place, with this vendor and model.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isTaken = (file: Part.File, model: ModelInfo.ModelInfo, flavour: Flavour): boolean => {
  try {
    encodeFile(file, model, flavour)
    return true
  } catch {
    return false
  }
}

/**
 * Refuses messages with more pictures than the vendor takes at once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const demandFewImages = (messages: string, { files, vendor }: Flavour): void => {
  if (files.images === undefined) return
  // Quotes within texts are escaped, so that this is the beginning of a part wherever it stands.
  const found = messages.split('{"type":"image_url"').length - 1
  if (found > files.images) {
    throw new Unsupported(
      `The conversation holds ${found} pictures, and ${vendor} takes ${files.images} in one request: leave older ones out.`
    )
  }
}

// internal

/** The text of a file under its name. */
const inlined = (file: Part.File): string => {
  if ("url" in file.data) return refuseFile(file, "a text has to be inline here, not behind a URL.")
  const text = textOfFile(file)
  if (text === undefined) return refuseFile(file, "its content is not base64.")
  return file.name === undefined ? text : `${file.name}:\n\n${text}`
}

const address = (file: Part.File, { files }: Flavour): string =>
  "url" in file.data && !files.urls && !/^(data|ms):/.test(file.data.url)
    ? refuseFile(file, "it has to be inline here, not behind a URL.")
    : dataUrl(file)

const encodeSound = (file: Part.File, { files, vendor }: Flavour): unknown => {
  const { data } = file
  const format = formatOf(file.mediaType)
  if (files.audio === undefined) return refuseFile(file, "this API takes no sound; send what is said in it.")
  if (files.sounds !== undefined && !files.sounds.includes(format)) {
    return refuseFile(file, `${vendor} takes sound as ${files.sounds.join(" or ")}; convert it.`)
  }
  if (files.audio === "url") return { data: dataUrl(file), format }
  if (!("base64" in data)) return refuseFile(file, "sound has to be inline here, not behind a URL.")
  return files.audio === "base64" ? data.base64 : { data: data.base64, format }
}

/** What the vendors call the formats of sound. */
const formatOf = (mediaType: string): string => {
  const [type = ""] = mediaType.toLowerCase().split(";")
  const name = type.slice(type.indexOf("/") + 1).replace(/^x-/, "")
  return formats[name] ?? name
}

const formats: { readonly [name: string]: string } = {
  wave: "wav",
  "vnd.wave": "wav",
  mpeg: "mp3",
  mpeg3: "mp3",
  mp4: "m4a",
  opus: "ogg",
  l16: "pcm16",
  pcm: "pcm16"
}

const encodePdf = (file: Part.File, { files }: Flavour): Json => {
  if ("url" in file.data && !files.pdfUrls) return refuseFile(file, "a document has to be inline here.")
  const url = dataUrl(file)
  switch (files.pdf) {
    case "document_url":
      return { type: "document_url", document_url: url }
    case "file_url":
      return { type: "file_url", file_url: { url } }
    case "file":
      return { type: "file", file: { filename: file.name ?? "document.pdf", file_data: url } }
    case undefined:
      return refuseFile(file, "this API takes no documents; send its text, or pictures of its pages.")
  }
}
