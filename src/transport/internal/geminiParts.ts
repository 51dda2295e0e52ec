/**
 * The rarer parts of an answer of the Gemini API (what Google's own tools did, pictures, sources), and its last words: why
 * it ended and what it cost.
 */
import type { CallOutcome, FinishReason } from "../../domain/Outcome.ts"
import type * as Part from "../../domain/Part.ts"
import * as Usage from "../../domain/Usage.ts"
import type { Failure } from "./failure.ts"
import { vendor } from "./gemini.ts"
import type { Json } from "./json.ts"
import { arrayOf, isJson, numberOf, parseJson, textOf } from "./json.ts"

/**
 * The meta that sends a signature back on its part; none when there is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const signed = (signature: string | undefined): { readonly meta?: Part.Meta } =>
  signature === undefined ? {} : { meta: { [vendor]: { thoughtSignature: signature } } }

/**
 * A part that Google's servers made while they ran a tool of their own, as the call or the result that it is. The raw part
 * is kept, and goes back as it came. `undefined` for any other part.
 *
 * @category converters
 * @since 0.1.0
 */
export const executedOf = (part: Json, id: (given: string | undefined, isCall: boolean) => string) => {
  const common = { transportExecuted: true, meta: { [vendor]: { part } } } as const
  const { codeExecutionResult, executableCode, toolCall, toolResponse } = part
  if (isJson(executableCode)) {
    const { language, code } = executableCode
    const input = JSON.stringify({ language, code })
    return { type: "tool-call", id: id(textOf(executableCode["id"]), true), name: codeTool, input, ...common } as const
  }
  if (isJson(toolCall)) {
    const input = JSON.stringify(isJson(toolCall["args"]) ? toolCall["args"] : {})
    return {
      type: "tool-call",
      id: id(textOf(toolCall["id"]), true),
      name: toolOf(toolCall),
      input,
      ...common
    } as const
  }
  const result = (value: Json, name: string, outcome: CallOutcome, content: Part.ResultContent): Part.ToolResult => ({
    type: "tool-result",
    id: id(textOf(value["id"]), false),
    name,
    outcome,
    content: [content],
    ...common
  })
  if (isJson(codeExecutionResult)) {
    const { outcome, output } = codeExecutionResult
    return result(codeExecutionResult, codeTool, codeOutcome(outcome), { type: "text", text: textOf(output) ?? "" })
  }
  return isJson(toolResponse)
    ? result(toolResponse, toolOf(toolResponse), "ok", { type: "json", value: toolResponse["response"] ?? {} })
    : undefined
}

const codeTool = "code_execution"

const toolOf = (value: Json): string => (textOf(value["toolType"]) ?? "tool").toLowerCase()

const codeOutcome = (outcome: unknown): CallOutcome =>
  outcome === "OUTCOME_OK" ? "ok" : outcome === "OUTCOME_DEADLINE_EXCEEDED" ? "timed-out" : "failed"

/**
 * The file in a part, or `undefined` when it holds none.
 *
 * @category converters
 * @since 0.1.0
 */
export const fileOf = (part: Json): Part.File | undefined => {
  const { fileData, inlineData } = part
  const signature = signed(textOf(part["thoughtSignature"]))
  if (isJson(inlineData)) {
    const base64 = textOf(inlineData["data"])
    const mediaType = textOf(inlineData["mimeType"]) ?? "application/octet-stream"
    return base64 === undefined ? undefined : { type: "file", mediaType, data: { base64 }, ...signature }
  }
  const url = isJson(fileData) ? textOf(fileData["fileUri"]) : undefined
  const mediaType = isJson(fileData) ? textOf(fileData["mimeType"]) : undefined
  return url === undefined
    ? undefined
    : { type: "file", mediaType: mediaType ?? "application/octet-stream", data: { url }, ...signature }
}

/**
 * A picture that was drawn while thinking. It is no part of the answer, and goes back where a signature asks for it.
 *
 * @category converters
 * @since 0.1.0
 */
export const sketchOf = (part: Json): Part.Reasoning | undefined =>
  textOf(part["thoughtSignature"]) === undefined
    ? undefined
    : { type: "reasoning", text: "", meta: { [vendor]: { part } } }

/**
 * The sources an answer rests on: what a search found, what it quotes, and pages it read that are not among them.
 *
 * @category converters
 * @since 0.1.0
 */
export const sourcesOf = (
  chunks: ReadonlyArray<unknown>,
  citations: ReadonlyArray<unknown>,
  pages: ReadonlyArray<unknown>
): ReadonlyArray<Part.Source> => {
  const sources: Array<Part.Source> = []
  for (const chunk of chunks) {
    const found = isJson(chunk) ? Object.values(chunk).find(isJson) : undefined
    if (found !== undefined) sources.push(source(found, chunk))
  }
  for (const citation of citations) if (isJson(citation)) sources.push(source(citation, citation))
  const known = new Set(sources.map(({ url }) => url))
  for (const page of pages) {
    const url = isJson(page) ? textOf(page["retrievedUrl"]) : undefined
    if (url === undefined || known.has(url)) continue
    known.add(url)
    const status = isJson(page) ? page["urlRetrievalStatus"] : undefined
    if (status === undefined || status === "URL_RETRIEVAL_STATUS_SUCCESS") sources.push(source({ uri: url }, page))
  }
  return sources
}

const source = (found: Json, raw: unknown): Part.Source => {
  const url = textOf(found["uri"]) ?? textOf(found["sourceUri"])
  const title = textOf(found["title"])
  return {
    type: "source",
    ...(url === undefined ? undefined : { url }),
    ...(title === undefined ? undefined : { title }),
    meta: { [vendor]: raw }
  }
}

/**
 * The list of one chunk of an answer after those of the chunks before: some repeat what they said and add to it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const extended = (before: ReadonlyArray<unknown>, more: unknown): ReadonlyArray<unknown> => {
  const list = arrayOf(more)
  if (before.length === 0 || list.length === 0) return before.length === 0 ? list : before
  const repeats =
    before.length <= list.length && JSON.stringify(list.slice(0, before.length)) === JSON.stringify(before)
  return repeats ? list : [...before, ...list]
}

/**
 * Why the model stopped. A call that the model got wrong, or that nobody offered, is an error: nothing may run.
 *
 * @category converters
 * @since 0.1.0
 */
export const finishReason = (reason: string | undefined, blocked: boolean, hasCalls: boolean): FinishReason => {
  switch (reason) {
    case undefined:
      return blocked ? "content-filter" : "other"
    case "STOP":
    // Of servers that imitate this API.
    case "FUNCTION_CALL":
      return hasCalls ? "tool-calls" : "stop"
    case "MAX_TOKENS":
      return "length"
    case "SAFETY":
    case "RECITATION":
    case "BLOCKLIST":
    case "PROHIBITED_CONTENT":
    case "SPII":
    case "MODEL_ARMOR":
    case "JAILBREAK":
    case "IMAGE_SAFETY":
    case "IMAGE_PROHIBITED_CONTENT":
    case "IMAGE_RECITATION":
      return "content-filter"
    case "MALFORMED_FUNCTION_CALL":
    case "MALFORMED_RESPONSE":
    case "UNEXPECTED_TOOL_CALL":
    case "TOO_MANY_TOOL_CALLS":
    case "MISSING_THOUGHT_SIGNATURE":
      return "error"
    default:
      return "other"
  }
}

/**
 * What the answer cost.
 *
 * **Details**
 *
 * - Thoughts are counted beside the candidates here, and within the output everywhere else.
 * - What Google's own tools put into the prompt is billed as input, and counted as such.
 * - Candidates without any text are not counted at all, and cost nothing.
 *
 * @category converters
 * @since 0.1.0
 */
export const usageOf = (usage: Json): Usage.Usage => {
  const prompt = numberOf(usage["promptTokenCount"])
  const fromTools = numberOf(usage["toolUsePromptTokenCount"])
  const candidates = numberOf(usage["candidatesTokenCount"])
  const thoughts = numberOf(usage["thoughtsTokenCount"])
  const isCounted = prompt !== undefined || candidates !== undefined || thoughts !== undefined
  return Usage.make({
    input: prompt === undefined ? undefined : prompt + (fromTools ?? 0),
    cacheRead: numberOf(usage["cachedContentTokenCount"]),
    output: isCounted ? (candidates ?? 0) + (thoughts ?? 0) : undefined,
    reasoning: thoughts
  })
}

/**
 * What a refusal means by its details: a key that is wrong, whatever the words, and a quota that waiting does not refill.
 *
 * @category converters
 * @since 0.1.0
 */
export const refusalOf = <F extends Failure>(failure: F, body: string): F => {
  const parsed = parseJson(body)
  const value = Array.isArray(parsed) ? parsed[0] : parsed
  const error = isJson(value) && isJson(value["error"]) ? value["error"] : {}
  const details = arrayOf(error["details"]).filter(isJson)
  if (details.some(({ reason }) => typeof reason === "string" && /^API_KEY_/.test(reason))) {
    return { ...failure, _tag: "Authentication" }
  }
  const violations = details.flatMap(({ violations }) => arrayOf(violations)).filter(isJson)
  const isSpent = violations.some(
    ({ quotaId, quotaValue }) => (typeof quotaId === "string" && /PerDay/.test(quotaId)) || quotaValue === "0"
  )
  return failure._tag === "RateLimited" && isSpent ? { ...failure, permanent: true } : failure
}
