/**
 * Pictures, sound, video and documents for messages: bytes from the file system become parts that every transport knows
 * how to send. What a model takes is up to the transport, which refuses the rest before it asks.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Part from "../domain/Part.ts"

/**
 * A file cannot be made part of a message.
 *
 * **Details**
 *
 * - `TooLarge`: larger than `maxBytes`. `NotAFile`: a folder, a socket or the like. `Empty`: holds nothing, which vendors
 *   refuse.
 *
 * @category errors
 * @since 0.1.0
 */
export class MediaError extends Schema.TaggedError<MediaError>()("MediaError", {
  path: Schema.String,
  reason: Schema.Union(
    Schema.TaggedStruct("TooLarge", { bytes: Schema.Finite, maxBytes: Schema.Finite }),
    Schema.TaggedStruct("NotAFile", {}),
    Schema.TaggedStruct("Empty", {})
  )
}) {
  override get message(): string {
    const { path, reason } = this
    if (reason._tag === "NotAFile") return `${path} is not a file: name the files in it one by one.`
    if (reason._tag === "Empty") return `${path} is empty: there is nothing to send.`
    const { bytes, maxBytes } = reason
    return `${path} has ${bytes} bytes, and at most ${maxBytes} are sent: make it smaller, allow more with maxBytes, or pass a URL to it.`
  }
}

/**
 * How a file is read.
 *
 * **Details**
 *
 * - `mediaType`: what it is, when neither its name nor its bytes tell.
 * - `name`: what the model is told; the last part of the path by default.
 * - `maxBytes`: default 20 MiB, what most vendors take in one request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly mediaType?: string | undefined
  readonly name?: string | undefined
  readonly maxBytes?: number | undefined
}

/**
 * Reads a file as a part of a message.
 *
 * **Details**
 *
 * - The media type is the one given; else what the first bytes are, since vendors compare; else that of the extension;
 *   else `text/plain` for text and `application/octet-stream` for everything else.
 * - Texts are kept as text, everything else as base64. A file over the limit is not read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (
  path: string,
  options: Options = {}
): Effect.Effect<Part.File, MediaError | PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const { maxBytes = 20 * 1024 * 1024, mediaType = "", name = nameOf(path) } = options
    const system = yield* FileSystem.FileSystem
    const info = yield* system.stat(path)
    if (info.type !== "File") return yield* new MediaError({ path, reason: { _tag: "NotAFile" } })
    const refuse = (bytes: number) => new MediaError({ path, reason: { _tag: "TooLarge", bytes, maxBytes } })
    if (Number(info.size) > maxBytes) return yield* refuse(Number(info.size))
    const bytes = yield* system.readFile(path)
    // It may have grown, and some systems do not know the size of a file before.
    if (bytes.length > maxBytes) return yield* refuse(bytes.length)
    if (bytes.length === 0) return yield* new MediaError({ path, reason: { _tag: "Empty" } })
    return Part.fileFromBytes(Part.isGeneric(mediaType) ? typeOf(path, bytes) : mediaType, bytes, name)
  })

// internal

const nameOf = (path: string): string => path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1)

const typeOf = (path: string, bytes: Uint8Array): string => {
  const extension = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? ""
  const named = Object.hasOwn(extensions, extension) ? (extensions[extension] ?? "") : ""
  const found = Part.mediaTypeOf(bytes)
  // A container that holds sound or pictures begins alike.
  return found === undefined || (named !== "" && alike.has(found) && /^(audio|video)\//.test(named)) ? named : found
}

const alike: ReadonlySet<string> = new Set(["video/mp4", "video/webm", "audio/ogg"])

const extensions: { readonly [extension: string]: string } = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  bmp: "image/bmp",
  tif: "image/tiff",
  tiff: "image/tiff",
  avif: "image/avif",
  heic: "image/heic",
  svg: "image/svg+xml",
  wav: "audio/wav",
  mp3: "audio/mpeg",
  m4a: "audio/mp4",
  aac: "audio/aac",
  flac: "audio/flac",
  ogg: "audio/ogg",
  opus: "audio/ogg",
  aiff: "audio/aiff",
  weba: "audio/webm",
  mp4: "video/mp4",
  m4v: "video/mp4",
  mov: "video/quicktime",
  webm: "video/webm",
  mkv: "video/x-matroska",
  ogv: "video/ogg",
  avi: "video/x-msvideo",
  pdf: "application/pdf",
  json: "application/json",
  yaml: "application/yaml",
  yml: "application/yaml",
  xml: "application/xml",
  toml: "application/toml",
  sql: "application/sql",
  csv: "text/csv",
  html: "text/html",
  htm: "text/html",
  md: "text/markdown",
  txt: "text/plain",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation"
}
