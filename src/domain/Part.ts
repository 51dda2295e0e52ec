/**
 * What a message is made of. Plain JSON-safe data, so that a stored conversation outlives any version of any library.
 * `meta` belongs to the vendor that wrote it (signatures, encrypted reasoning, item ids) and goes back to it unchanged.
 */
import * as Encoding from "effect/Encoding"
import * as Schema from "effect/Schema"
import { CallOutcome } from "./Outcome.ts"

/**
 * Opaque data of a vendor, keyed by vendor. Nothing but that vendor's codec reads it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Meta = Schema.Record({ key: Schema.String, value: Schema.Unknown })
export type Meta = typeof Meta.Type

const meta = { meta: Schema.optional(Meta) }

/**
 * Visible text.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Text = Schema.Struct({ type: Schema.Literal("text"), text: Schema.String, ...meta })
export interface Text extends Schema.Schema.Type<typeof Text> {}

/**
 * Reasoning of the model. The text may be empty when a vendor only hands out an encrypted form in `meta`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reasoning = Schema.Struct({ type: Schema.Literal("reasoning"), text: Schema.String, ...meta })
export interface Reasoning extends Schema.Schema.Type<typeof Reasoning> {}

/**
 * Where the content of a file is: inline as base64, behind a URL, or inline as plain text.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FileData = Schema.Union(
  Schema.Struct({ base64: Schema.String }),
  Schema.Struct({ url: Schema.String }),
  Schema.Struct({ text: Schema.String })
)
export type FileData = typeof FileData.Type

/**
 * An image, a sound, a document: anything with a media type.
 *
 * @category schemas
 * @since 0.1.0
 */
export const File = Schema.Struct({
  type: Schema.Literal("file"),
  mediaType: Schema.String,
  data: FileData,
  name: Schema.optional(Schema.String),
  ...meta
})
export interface File extends Schema.Schema.Type<typeof File> {}

/**
 * A value as JSON, in the content of a tool result.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Json = Schema.Struct({ type: Schema.Literal("json"), value: Schema.Unknown })
export interface Json extends Schema.Schema.Type<typeof Json> {}

/**
 * The model's wish to call a tool. `input` is the raw JSON text as the model wrote it, which may be broken.
 *
 * **Details**
 *
 * - `id` is ours and unique in the session; `wireId` is the vendor's and goes back to the vendor.
 * - `transportExecuted`: the vendor ran it (web search, code interpreter); the loop does not.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolCall = Schema.Struct({
  type: Schema.Literal("tool-call"),
  id: Schema.String,
  name: Schema.String,
  input: Schema.String,
  wireId: Schema.optional(Schema.String),
  transportExecuted: Schema.optional(Schema.Boolean),
  ...meta
})
export interface ToolCall extends Schema.Schema.Type<typeof ToolCall> {}

/**
 * What one part of a tool result may be.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ResultContent = Schema.Union(Text, File, Json)
export type ResultContent = typeof ResultContent.Type

/**
 * The one answer to a tool call. `id`, `name` and `wireId` repeat those of the call.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolResult = Schema.Struct({
  type: Schema.Literal("tool-result"),
  id: Schema.String,
  name: Schema.String,
  outcome: CallOutcome,
  content: Schema.Array(ResultContent),
  wireId: Schema.optional(Schema.String),
  transportExecuted: Schema.optional(Schema.Boolean),
  ...meta
})
export interface ToolResult extends Schema.Schema.Type<typeof ToolResult> {}

/**
 * A source the answer rests on: a web page or a document.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Source = Schema.Struct({
  type: Schema.Literal("source"),
  url: Schema.optional(Schema.String),
  title: Schema.optional(Schema.String),
  ...meta
})
export interface Source extends Schema.Schema.Type<typeof Source> {}

/**
 * Any part of a message.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Part = Schema.Union(Text, Reasoning, File, ToolCall, ToolResult, Source)
export type Part = typeof Part.Type

/**
 * Makes a text part.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (value: string): Text => ({ type: "text", text: value })

/**
 * Makes a file part from base64, a URL or plain text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (mediaType: string, data: FileData, name?: string): File => ({
  type: "file",
  mediaType,
  data,
  ...(name === undefined ? undefined : { name })
})

/**
 * Makes a file part from bytes. Texts are kept as text, everything else as base64.
 *
 * **Details**
 *
 * - A media type that says nothing (`""`, `application/octet-stream`, `image/*`) is replaced by what the bytes are, where
 *   that can be told.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fileFromBytes = (mediaType: string, bytes: Uint8Array, name?: string): File => {
  const type = isGeneric(mediaType) ? (mediaTypeOf(bytes) ?? textType(bytes) ?? (mediaType || binary)) : mediaType
  const words = type.startsWith("text/") ? textOfBytes(bytes) : undefined
  return file(type, words === undefined ? { base64: Encoding.encodeBase64(bytes) } : { text: words }, name)
}

/**
 * Whether a media type says nothing about what the bytes are.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isGeneric = (mediaType: string): boolean =>
  mediaType === "" || mediaType === binary || /\*$/.test(mediaType)

/**
 * The media type that the first bytes of a file tell, for the formats that models take: pictures, sound, video, PDF.
 *
 * **Details**
 *
 * - The signatures are the commonly known ones of the formats.
 *
 * @category converters
 * @since 0.1.0
 */
export const mediaTypeOf = (bytes: Uint8Array): string | undefined => {
  let head = ""
  for (const byte of bytes.subarray(0, 32)) head += String.fromCharCode(byte)
  return signatures.find(([pattern]) => pattern.test(head))?.[1]
}

const binary = "application/octet-stream"

const signatures: ReadonlyArray<readonly [RegExp, string]> = [
  [/^\x89PNG\r\n\x1a\n/, "image/png"],
  [/^\xff\xd8\xff/, "image/jpeg"],
  [/^GIF8[79]a/, "image/gif"],
  [/^RIFF.{4}WEBP/s, "image/webp"],
  [/^BM.{4}\0\0\0\0/s, "image/bmp"],
  [/^(II\*\0|MM\0\*)/, "image/tiff"],
  [/^.{4}ftyp(avif|avis)/s, "image/avif"],
  [/^.{4}ftyp(heic|heix|hevc|mif1|msf1)/s, "image/heic"],
  [/^.{4}ftypM4A/s, "audio/mp4"],
  [/^.{4}ftypqt/s, "video/quicktime"],
  [/^.{4}ftyp/s, "video/mp4"],
  [/^RIFF.{4}WAVE/s, "audio/wav"],
  [/^RIFF.{4}AVI /s, "video/x-msvideo"],
  [/^FORM.{4}AIF[FC]/s, "audio/aiff"],
  [/^fLaC/, "audio/flac"],
  [/^OggS/, "audio/ogg"],
  [/^\xff[\xf0\xf1\xf8\xf9]/, "audio/aac"],
  [/^(ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfd])/, "audio/mpeg"],
  [/^\x1aE\xdf\xa3/, "video/webm"],
  [/^%PDF-/, "application/pdf"]
]

/** The bytes as text, or nothing when they are none. */
const textOfBytes = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const textType = (bytes: Uint8Array): string | undefined =>
  bytes.includes(0) || textOfBytes(bytes) === undefined ? undefined : "text/plain"

/**
 * The text of tool result content as a model without richer input would read it. Files are named, not inlined.
 *
 * @category converters
 * @since 0.1.0
 */
export const contentToText = (content: ReadonlyArray<ResultContent>): string =>
  content
    .map((part) => {
      switch (part.type) {
        case "text":
          return part.text
        case "json":
          return JSON.stringify(part.value) ?? "null"
        case "file":
          return "text" in part.data ? part.data.text : `[${part.mediaType}${part.name ? ` ${part.name}` : ""}]`
      }
    })
    .join("\n")
