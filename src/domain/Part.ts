/**
 * What a message is made of. Plain JSON-safe data, so that a stored conversation outlives any version of any library.
 * `meta` belongs to the vendor that wrote it (signatures, encrypted reasoning, item ids) and goes back to it unchanged.
 */
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
