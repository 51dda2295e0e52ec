/**
 * The items of which answers of the Responses API consist, as parts: whose tool a call is for, what it says and how it
 * went, what sources a text names; and the last words of an answer: why it ended and what it cost. Every part keeps the
 * item it came from, so that it can go back as it was.
 */
import type { FinishReason } from "../../domain/Outcome.ts"
import type * as Part from "../../domain/Part.ts"
import type { ToolSpec } from "../../domain/Request.ts"
import * as Usage from "../../domain/Usage.ts"
import type { Failure } from "./failure.ts"
import type { Json } from "./json.ts"
import { arrayOf, isJson, numberOf, textOf } from "./json.ts"

/**
 * What an item is to us.
 *
 * @category converters
 * @since 0.1.0
 */
export const kindOfItem = (type: string): "message" | "reasoning" | "call" | "output" | "other" => {
  if (type === "message" || type === "reasoning") return type
  if (type.endsWith("_call") || type === "mcp_list_tools" || type === "mcp_approval_request") return "call"
  return type.endsWith("_output") ? "output" : "other"
}

/**
 * How the tools of a request are called by the vendor, and by the application: a tool that the vendor defines may have
 * another name here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Names {
  /** The application's name of a tool by the vendor's. */
  readonly ours: ReadonlyMap<string, string>
  /** The vendor's names of the custom tools that the application offers. */
  readonly custom: ReadonlySet<string>
}

/**
 * The names of these tools.
 *
 * @category constructors
 * @since 0.1.0
 */
export const namesOf = (tools: ReadonlyArray<ToolSpec>): Names => {
  const ours = new Map<string, string>()
  const custom = new Set<string>()
  for (const { name, provider } of tools) {
    if (provider === undefined) continue
    const type = typeOf(provider.id)
    ours.set(type === "custom" ? provider.name : type.replace(/(_use)?(_preview)?(_\d{4}_\d\d_\d\d)?$/, ""), name)
    if (type === "custom") custom.add(provider.name)
  }
  return { ours, custom }
}

/**
 * The vendor's type of a tool it defines: what follows the vendor in `openai.web_search`.
 *
 * @category converters
 * @since 0.1.0
 */
export const typeOf = (providerId: string): string => providerId.slice(providerId.indexOf(".") + 1)

/**
 * The name under which a call appears.
 *
 * @category converters
 * @since 0.1.0
 */
export const nameOf = (item: Json, names: Names): string => {
  const type = textOf(item["type"]) ?? ""
  if (type === "function_call" || type === "mcp_call") return textOf(item["name"]) ?? ""
  const name = type === "custom_tool_call" ? (textOf(item["name"]) ?? "") : type.replace(/_call$/, "")
  return names.ours.get(name) ?? name
}

/**
 * Whether the vendor ran the tool itself. Otherwise the answer waits for a result of ours.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isExecuted = (item: Json, runsCustom: boolean, names: Names): boolean => {
  switch (item["type"]) {
    case "function_call":
    case "local_shell_call":
    case "apply_patch_call":
    case "computer_call":
    case "mcp_approval_request":
      return false
    case "custom_tool_call":
      return runsCustom && !names.custom.has(textOf(item["name"]) ?? "")
    case "tool_search_call":
      return item["execution"] !== "client"
    case "shell_call":
      return isJson(item["environment"]) && item["environment"]["type"] !== "local"
    default:
      return true
  }
}

/**
 * Whether the result of a call that the vendor ran is an item of its own.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isAnsweredLater = (type: string): boolean => type === "tool_search_call" || type === "shell_call"

/**
 * What has to be kept of a call that we run, beside its id, name and arguments.
 *
 * @category converters
 * @since 0.1.0
 */
export const skeletonOf = (item: Json): Json =>
  item["type"] === "function_call"
    ? without(item, "arguments", "name", "call_id", "status")
    : item["type"] === "custom_tool_call"
      ? without(item, "input", "call_id", "status")
      : item

/**
 * The id that the result of a call has to name.
 *
 * @category converters
 * @since 0.1.0
 */
export const idOf = (item: Json): string => textOf(item["call_id"]) ?? textOf(item["id"]) ?? ""

/**
 * The arguments of a call as JSON text. The free text of a custom tool stands under `input`.
 *
 * @category converters
 * @since 0.1.0
 */
export const inputOf = (item: Json): string => {
  switch (item["type"]) {
    case "function_call":
    case "mcp_call":
    case "tool_search_call": {
      const written = item["arguments"]
      return isJson(written) ? JSON.stringify(written) : (textOf(written) ?? "")
    }
    case "custom_tool_call":
      return JSON.stringify({ input: textOf(item["input"]) ?? "" })
    case "web_search_call":
    case "local_shell_call":
    case "shell_call":
      return JSON.stringify(item["action"] ?? {})
    case "apply_patch_call":
      return JSON.stringify(item["operation"] ?? {})
    default:
      return JSON.stringify(Object.fromEntries(said.flatMap((name) => (name in item ? [[name, item[name]]] : []))))
  }
}

/** Fields of other calls that say what was asked for. */
const said = [
  "queries",
  "code",
  "container_id",
  "revised_prompt",
  "action",
  "actions",
  "pending_safety_checks",
  "server_label",
  "name",
  "arguments"
]

/**
 * What came of a call that the vendor ran.
 *
 * @category converters
 * @since 0.1.0
 */
export const resultOf = (item: Json): Pick<Part.ToolResult, "outcome" | "content"> => {
  const error = item["error"]
  const failed = (error !== undefined && error !== null) || item["status"] === "failed"
  const content: Array<Part.ResultContent> = []
  if (failed && error !== undefined && error !== null) content.push(jsonOf(error))
  const output = item["output"] ?? item["results"] ?? (item["type"] === "mcp_list_tools" ? item["tools"] : undefined)
  if (output !== undefined && output !== null && output !== "") content.push(jsonOf(output))
  for (const found of arrayOf(item["outputs"])) {
    if (!isJson(found)) continue
    const url = textOf(found["url"])
    const logs = textOf(found["logs"])
    if (logs !== undefined) content.push({ type: "text", text: logs })
    else if (url !== undefined) content.push({ type: "file", mediaType: "image/*", data: { url } })
  }
  return { outcome: failed ? "failed" : "ok", content }
}

const jsonOf = (value: unknown): Part.ResultContent =>
  typeof value === "string" ? { type: "text", text: value } : { type: "json", value }

/**
 * The picture that an item holds.
 *
 * @category converters
 * @since 0.1.0
 */
export const pictureOf = (item: Json): Pick<Part.File, "type" | "mediaType" | "data"> | undefined => {
  const base64 = item["type"] === "image_generation_call" ? textOf(item["result"]) : undefined
  return base64 === undefined
    ? undefined
    : { type: "file", mediaType: `image/${textOf(item["output_format"]) ?? "png"}`, data: { base64 } }
}

/**
 * The item without these fields.
 *
 * @category combinators
 * @since 0.1.0
 */
export const without = (item: Json, ...names: ReadonlyArray<string>): Json =>
  Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)))

/**
 * The sources that the annotations of a text name.
 *
 * @category converters
 * @since 0.1.0
 */
export const sourcesOf = (annotations: ReadonlyArray<Json>, vendor: string): ReadonlyArray<Part.Source> =>
  annotations.map((annotation) => {
    const url = textOf(annotation["url"])
    const title = textOf(annotation["title"]) ?? textOf(annotation["filename"])
    const source: Part.Source = {
      type: "source",
      ...(url === undefined ? undefined : { url }),
      ...(title === undefined ? undefined : { title })
    }
    // A file has no address, only an id that means something to this vendor.
    return url === undefined ? { ...source, meta: { [vendor]: { annotation } } } : source
  })

/**
 * Why the model stopped.
 *
 * @category converters
 * @since 0.1.0
 */
export const finishReason = (response: Json, hasCalls: boolean): FinishReason => {
  const details = isJson(response["incomplete_details"]) ? response["incomplete_details"] : {}
  switch (textOf(response["status"]) ?? "completed") {
    case "completed":
      return hasCalls ? "tool-calls" : "stop"
    case "incomplete":
      return details["reason"] === "max_output_tokens" || details["reason"] === "max_tokens"
        ? "length"
        : details["reason"] === "content_filter"
          ? "content-filter"
          : "other"
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
  const ofInput = isJson(usage["input_tokens_details"]) ? usage["input_tokens_details"] : {}
  const ofOutput = isJson(usage["output_tokens_details"]) ? usage["output_tokens_details"] : {}
  const ticks = numberOf(usage["cost_in_usd_ticks"])
  return Usage.make({
    input: numberOf(usage["input_tokens"]),
    cacheRead: numberOf(ofInput["cached_tokens"]),
    cacheWrite: numberOf(ofInput["cache_write_tokens"]),
    output: numberOf(usage["output_tokens"]),
    reasoning: numberOf(ofOutput["reasoning_tokens"]),
    // xAI: 1 USD is 10^10 ticks, https://docs.x.ai/developers/cost-tracking, read 2026-11-21.
    costUsd: numberOf(usage["cost"]) ?? (ticks === undefined ? undefined : ticks / 1e10)
  })
}

/**
 * The failure with the kind that its code stands for, where the words alone do not say that the request itself was wrong;
 * and with the time to wait, which an error within a stream only has in words: "Please try again in 11.054s."
 *
 * @category converters
 * @since 0.1.0
 */
export const refined = (failure: Failure): Failure => {
  const code = failure.code ?? ""
  if (/_policy$/.test(code)) return { ...failure, _tag: "Filtered" }
  const [, wait, unit] = /try again in ([\d.]+) ?(ms|s)/i.exec(failure.message) ?? []
  if (failure._tag === "RateLimited" && failure.retryAfterMillis === undefined && wait !== undefined) {
    return { ...failure, retryAfterMillis: Math.ceil(Number.parseFloat(wait) * (unit === "ms" ? 1 : 1000)) }
  }
  return failure._tag === "Overloaded" && /^(invalid_|unsupported_|empty_|image_|failed_to_download_)/.test(code)
    ? { ...failure, _tag: "InvalidRequest" }
    : failure
}
