/**
 * Messages in the form that chat templates are rendered from. There a model's answer is one item: its texts, its thoughts,
 * and its calls together with their results, up to the next words of somebody else.
 */
import type { ChatHistoryItem, ChatModelFunctionCall, LlamaTextJSON } from "node-llama-cpp"
import type { Message } from "../../domain/Message.ts"
import * as Part from "../../domain/Part.ts"
import { kindOf, refuseFile, textOfFile } from "./encoding.ts"
import { isJson, parseJson } from "./json.ts"
import type { Rule } from "./toolNames.ts"
import { safe } from "./toolNames.ts"

/**
 * The vendor's name, under which parts keep what only this transport reads.
 *
 * @category constructors
 * @since 0.1.0
 */
export const vendor = "llamacpp"

/**
 * Which names of tools can be written in any template's syntax for calls.
 *
 * @category constructors
 * @since 0.1.0
 */
export const names: Rule = { max: 64, unsafe: /[^a-zA-Z0-9_-]/g }

/**
 * The history that the messages make. Refuses what only other models could take.
 *
 * @category converters
 * @since 0.1.0
 */
export const historyOf = (messages: ReadonlyArray<Message>): Array<ChatHistoryItem> => {
  const items: Array<ChatHistoryItem> = []
  let previous: Message["role"] | undefined
  messages.forEach((message, index) => {
    if (message.role === "tool") return
    const last = items.at(-1)
    if (message.role !== "assistant") items.push({ type: message.role, text: textOf(message.parts) })
    else {
      const response = responseOf(message.parts, resultsAfter(messages, index))
      // An answer goes on after the results of its calls.
      if (previous === "assistant" && last?.type === "model" && messages[index - 1]?.role === "tool") {
        last.response.push(...response)
      } else items.push({ type: "model", response })
    }
    previous = message.role
  })
  return items
}

// internal

type Response = Extract<ChatHistoryItem, { type: "model" }>["response"]

/** Texts of a user or of the system. */
const textOf = (parts: ReadonlyArray<Part.Part>): string =>
  parts
    .flatMap((part) => (part.type === "text" ? [part.text] : part.type === "file" ? [textFile(part)] : []))
    .join("\n\n")

const textFile = (file: Part.File): string => {
  if (!("text" in file.data) && kindOf(file.mediaType) !== "text") {
    return refuseFile(file, "a model that runs in this process takes text only. Describe it, or use another transport.")
  }
  if ("url" in file.data) return refuseFile(file, "a text has to be inline here, not behind a URL.")
  const text = textOfFile(file) ?? refuseFile(file, "its content is not base64.")
  return file.name === undefined ? text : `${file.name}:\n${text}`
}

const responseOf = (parts: ReadonlyArray<Part.Part>, results: ReadonlyMap<string, Part.ToolResult>): Response => {
  const response: Response = []
  let isFirst = true
  for (const part of parts) {
    switch (part.type) {
      case "text":
        response.push(part.text)
        break
      case "reasoning": {
        // Thoughts of other vendors' models mean nothing here.
        const segmentType = ownMeta(part)?.["segment"]
        if (segmentType !== "thought" && segmentType !== "comment") break
        response.push({ type: "segment", segmentType, text: part.text, ended: true })
        break
      }
      case "tool-call":
        if (part.transportExecuted === true) break
        response.push(callOf(part, results.get(part.id), isFirst))
        isFirst = false
        break
      case "file":
        response.push("text" in part.data ? part.data.text : `[${part.mediaType}]`)
    }
  }
  return response
}

const callOf = (call: Part.ToolCall, result: Part.ToolResult | undefined, startsNewChunk: boolean) => {
  const raw = ownMeta(call)?.["raw"]
  const params = parseJson(call.input)
  const item: ChatModelFunctionCall = {
    type: "functionCall",
    name: safe(call.name, names),
    params: isJson(params) ? params : {},
    result: result === undefined ? undefined : resultOf(result),
    startsNewChunk
  }
  // The call as the model wrote it, so that what was evaluated then is still known.
  return isText(raw) ? { ...item, rawCall: raw } : item
}

const resultOf = (result: Part.ToolResult): unknown => {
  const [only] = result.content
  if (result.content.length === 1 && only?.type === "json") return only.value
  const text = Part.contentToText(result.content)
  return text === "" && result.outcome !== "ok" ? `The call ended with: ${result.outcome}.` : text
}

/** The results of the calls in a message, by the id of the call. */
const resultsAfter = (messages: ReadonlyArray<Message>, index: number): ReadonlyMap<string, Part.ToolResult> => {
  const results = new Map<string, Part.ToolResult>()
  for (let next = index + 1; messages[next]?.role === "tool"; next++) {
    for (const part of messages[next]?.parts ?? []) if (part.type === "tool-result") results.set(part.id, part)
  }
  return results
}

const ownMeta = (part: { readonly meta?: Part.Meta | undefined }) => {
  const own = part.meta?.[vendor]
  return isJson(own) ? own : undefined
}

const isText = (value: unknown): value is LlamaTextJSON =>
  typeof value === "string" || (Array.isArray(value) && value.every(isPiece))

const isPiece = (value: unknown): boolean =>
  typeof value === "string" ||
  (isJson(value) &&
    (value["type"] === "specialToken" || value["type"] === "specialTokensText") &&
    typeof value["value"] === "string")
