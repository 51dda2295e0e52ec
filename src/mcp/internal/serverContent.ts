/**
 * Results of calls in the form that the protocol gives them: texts, images, sounds, resources, and objects besides.
 */
import { getJsonSchemaFromSchemaAst } from "@effect/ai/Tool"
import type * as Schema from "effect/Schema"
import type { ResultContent } from "../../domain/Part.ts"
import * as ToolResult from "../../tool/ToolResult.ts"

/** One block of content, as it goes over the wire. */
export type Block = Readonly<Record<string, unknown>>

/** What `tools/call` answers. */
export interface Answer {
  readonly content: ReadonlyArray<Block>
  readonly structuredContent?: Readonly<Record<string, unknown>>
  readonly isError?: boolean
  readonly _meta?: Readonly<Record<string, unknown>>
}

/** How results are written: how many characters of files one may have, and whether it has to have an object. */
export interface Terms {
  readonly fileBound: number
  readonly isTyped: boolean
  /** What names the files of this result. */
  readonly call: string
}

/** The answer that a result is. One that has to be an object and is none, because it was cut or replaced, is an error. */
export const answerOf = ({ content, outcome }: ToolResult.ToolResult, terms: Terms): Answer => {
  const isOk = outcome === "ok"
  const structured = isOk ? objectOf(content) : undefined
  const blocks = blocksOf(content, terms)
  const lacks = isOk && terms.isTyped && structured === undefined
  const said = lacks
    ? [
        ...blocks,
        text(
          "The tool was run. Its result is not in the form that it declares, so that only these words of it are here."
        )
      ]
    : blocks
  return {
    content: said,
    ...(structured === undefined ? undefined : { structuredContent: structured }),
    ...(isOk && !lacks ? undefined : { isError: true })
  }
}

/** The content of one message or result. */
export const blocksOf = (
  content: ReadonlyArray<ResultContent>,
  { call, fileBound }: Omit<Terms, "isTyped">
): ReadonlyArray<Block> => {
  let left = fileBound
  return content.map((part, index) => {
    if (part.type === "text") return text(part.text)
    if (part.type === "json") return text(JSON.stringify(part.value) ?? "null")
    const { data, mediaType, name } = part
    const uri = `axonal://${encodeURIComponent(call)}/${index}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`
    if ("url" in data) return { type: "resource_link", uri: data.url, name: name ?? data.url, mimeType: mediaType }
    const size = "base64" in data ? data.base64.length : data.text.length
    if (size > left) {
      const bytes = "base64" in data ? Math.floor((size * 3) / 4) : size
      return text(`[${mediaType}${name === undefined ? "" : ` ${name}`}: its ${bytes} bytes are too many to be sent]`)
    }
    left -= size
    if ("text" in data) return { type: "resource", resource: { uri, mimeType: mediaType, text: data.text } }
    const kind = mediaType.split("/", 1)[0]
    return kind === "image" || kind === "audio"
      ? { type: kind, data: data.base64, mimeType: mediaType }
      : { type: "resource", resource: { uri, mimeType: mediaType, blob: data.base64 } }
  })
}

/** A block of text. */
export const text = (value: string): Block => ({ type: "text", text: value })

/** An answer in our own words, about a call that came to nothing. */
export const failed = (value: string, meta?: Readonly<Record<string, unknown>>): Answer => ({
  content: [text(value)],
  isError: true,
  ...(meta === undefined ? undefined : { _meta: meta })
})

/**
 * A schema as clients can read it: an object at its root, without the names that schemas of anything have, which are the same
 * for several and would be taken for one.
 */
export const objectSchema = (schema: object): Readonly<Record<string, unknown>> => {
  const plain = named(schema)
  return isRecord(plain) ? { ...plain, type: "object" } : { type: "object" }
}

/** The schema of results that are objects; nothing for all others, and for those that have no JSON schema. */
export const schemaOf = (success: Schema.Schema.All): Readonly<Record<string, unknown>> | undefined => {
  // Parts are content, and no object.
  if (success.ast === ToolResult.Content.ast) return undefined
  try {
    const schema: object = getJsonSchemaFromSchemaAst(success.ast)
    return "type" in schema && schema.type === "object" ? objectSchema(schema) : undefined
  } catch {
    return undefined
  }
}

// internal

/** The one object of a result, if it is there whole. */
const objectOf = (content: ReadonlyArray<ResultContent>): Readonly<Record<string, unknown>> | undefined => {
  const objects = content.flatMap((part) => (part.type === "json" && isRecord(part.value) ? [part.value] : []))
  return objects.length === 1 ? objects[0] : undefined
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const named = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(named)
  if (!isRecord(schema)) return schema
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]) =>
      key === "$id" && typeof value === "string" && value.startsWith("/schemas/") ? [] : [[key, named(value)]]
    )
  )
}
