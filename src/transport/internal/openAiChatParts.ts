/**
 * The rarer parts of an answer of the Chat Completions API (pictures, sound, sources, and the structured reasoning that
 * aggregators stream in fragments and want back in one piece), and its last words: why it ended and what it cost.
 */
import type { FinishReason } from "../../domain/Outcome.ts"
import type * as Part from "../../domain/Part.ts"
import * as Usage from "../../domain/Usage.ts"
import type { Json } from "./json.ts"
import { isJson, numberOf, textOf } from "./json.ts"

/**
 * Appends fragments of structured reasoning to `details`. Neighbours of one type and number become one item.
 *
 * **Details**
 *
 * - Only readable text grows; signatures and encrypted data are kept as they came (TURN-3).
 *
 * @category combinators
 * @since 0.1.0
 */
export const mergeDetails = (details: Array<Json>, more: ReadonlyArray<Json>): void => {
  for (const item of more) {
    const last = details[details.length - 1]
    if (last === undefined || !isContinued(last, item)) details.push(item)
    else details[details.length - 1] = append(last, item)
  }
}

const isContinued = (last: Json, item: Json): boolean =>
  last["type"] === item["type"] &&
  last["index"] === item["index"] &&
  (last["id"] === item["id"] || item["id"] === undefined || item["id"] === null) &&
  (item["type"] === "reasoning.text" || item["type"] === "reasoning.summary") &&
  (last["signature"] === undefined || last["signature"] === null || item["text"] === undefined)

const append = (last: Json, item: Json): Json => {
  const result: { [name: string]: unknown } = { ...last }
  for (const [name, value] of Object.entries(item)) {
    if (value === null || value === undefined) continue
    const before = result[name]
    const grows = (name === "text" || name === "summary") && typeof before === "string" && typeof value === "string"
    result[name] = grows ? before + value : value
  }
  return result
}

/**
 * The file in `{ image_url: { url } }`.
 *
 * @category converters
 * @since 0.1.0
 */
export const imageOf = (value: unknown, vendor: string): Part.File | undefined => {
  const image = isJson(value) ? value["image_url"] : undefined
  const url = textOf(image) ?? (isJson(image) ? textOf(image["url"]) : undefined)
  if (url === undefined) return undefined
  const inline = /^data:([^;,]+);base64,/.exec(url)
  return {
    type: "file",
    mediaType: inline?.[1] ?? "image/*",
    data: inline === null ? { url } : { base64: url.slice(inline[0].length) },
    meta: { [vendor]: { field: "images" } }
  }
}

/**
 * The sound of an answer, joined from its fragments. Its id is what the vendor wants back.
 *
 * @category converters
 * @since 0.1.0
 */
export const audioOf = (fragments: ReadonlyArray<Json>, vendor: string): Part.File | undefined => {
  const pieces = fragments.flatMap((fragment) => textOf(fragment["data"]) ?? [])
  if (pieces.length === 0) return undefined
  const padded = pieces.slice(0, -1).some((piece) => piece.endsWith("="))
  const base64 = padded ? btoa(pieces.map(atob).join("")) : pieces.join("")
  const id = fragments.map((fragment) => textOf(fragment["id"])).find((found) => found !== undefined)
  return {
    type: "file",
    mediaType: soundType(base64),
    data: { base64 },
    meta: { [vendor]: { field: "audio", id } }
  }
}

/** The answer does not name the format, the bytes do. Streamed sound is bare PCM. */
const soundType = (base64: string): string => {
  if (base64.startsWith("UklGR")) return "audio/wav"
  if (base64.startsWith("SUQz") || base64.startsWith("//")) return "audio/mpeg"
  if (base64.startsWith("T2dnUw")) return "audio/ogg"
  return base64.startsWith("ZkxhQw") ? "audio/flac" : "audio/pcm"
}

/**
 * The sources an answer names: its annotations, then cited addresses that are not among them, with titles where a
 * search result has one.
 *
 * @category converters
 * @since 0.1.0
 */
export const sourcesOf = (
  annotations: ReadonlyArray<Json>,
  citations: ReadonlyArray<unknown>,
  searchResults: ReadonlyArray<unknown>
): ReadonlyArray<Part.Source> => {
  const sources: Array<Part.Source> = []
  for (const annotation of annotations) {
    const named = isJson(annotation["url_citation"]) ? annotation["url_citation"] : annotation
    const url = textOf(named["url"])
    if (url !== undefined) sources.push(source(url, textOf(named["title"])))
  }
  const known = new Set(sources.map(({ url }) => url))
  const titles = new Map(searchResults.filter(isJson).map((result) => [result["url"], textOf(result["title"])]))
  for (const citation of citations) {
    const url = textOf(citation) ?? (isJson(citation) ? textOf(citation["url"]) : undefined)
    if (url !== undefined && !known.has(url)) sources.push(source(url, titles.get(url)))
  }
  return sources
}

const source = (url: string, title: string | undefined): Part.Source =>
  title === undefined ? { type: "source", url } : { type: "source", url, title }

/**
 * Why the model stopped. Without a reason (Snowflake) the end marker says that the answer is complete, and the calls say
 * what it wants.
 *
 * @category converters
 * @since 0.1.0
 */
export const finishReason = (reason: string | undefined, hasCalls: boolean): FinishReason => {
  switch (reason?.toLowerCase()) {
    case undefined:
      return hasCalls ? "tool-calls" : "stop"
    case "stop":
    case "eos":
    case "end_turn":
    case "stop_sequence":
      return "stop"
    case "tool_calls":
    case "tool_call":
    case "function_call":
    case "tool_use":
      return "tool-calls"
    case "length":
    case "max_tokens":
    case "max_output_tokens":
    case "model_length":
    case "model_context_window_exceeded":
      return "length"
    case "content_filter":
    case "safety":
    case "sensitive":
      return "content-filter"
    case "error":
      return "error"
    default:
      return "other"
  }
}

/**
 * What the answer cost, by the vendor's count.
 *
 * @category converters
 * @since 0.1.0
 */
export const usageOf = (usage: Json): Usage.Usage => {
  const ofInput = isJson(usage["prompt_tokens_details"]) ? usage["prompt_tokens_details"] : {}
  const ofOutput = isJson(usage["completion_tokens_details"]) ? usage["completion_tokens_details"] : {}
  const input = numberOf(usage["prompt_tokens"])
  const output = numberOf(usage["completion_tokens"])
  const total = numberOf(usage["total_tokens"])
  const reasoning = numberOf(ofOutput["reasoning_tokens"])
  const cost = usage["cost"]
  // xAI counts reasoning beside the completion: only the total has both.
  const beside =
    input !== undefined &&
    output !== undefined &&
    reasoning !== undefined &&
    reasoning > 0 &&
    total === input + output + reasoning
  return Usage.make({
    input,
    cacheRead:
      numberOf(ofInput["cached_tokens"]) ??
      numberOf(usage["prompt_cache_hit_tokens"]) ??
      numberOf(usage["cached_tokens"]),
    cacheWrite: numberOf(ofInput["cache_write_tokens"]),
    output: beside ? output + reasoning : output,
    reasoning,
    costUsd: numberOf(cost) ?? (isJson(cost) ? numberOf(cost["total_cost"]) : undefined)
  })
}
