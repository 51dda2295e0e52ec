/**
 * Messages as items of the Responses API. What this vendor said goes back as it was said: reasoning with its encrypted
 * form, calls that it ran, pictures that it made. Ids of its items are left out where nothing refers to them, since an id
 * that the vendor did not keep, or whose reasoning is missing, is an error.
 */
import type { Message } from "../../domain/Message.ts"
import type { ModelInfo } from "../../domain/ModelInfo.ts"
import * as Part from "../../domain/Part.ts"
import { dataUrl, demand, kindOf, refuseFile, systemTexts, textOfFile, typed, Unsupported } from "./encoding.ts"
import type { Json } from "./json.ts"
import { arrayOf, isJson, parseJson, textOf } from "./json.ts"
import type { Flavour } from "./openAiResponses.ts"
import { without } from "./openAiResponsesItems.ts"
import { safe } from "./toolNames.ts"

/**
 * The items that a message becomes: their JSON text with commas between them, or nothing, and the vendor's ids in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Items {
  readonly text: string
  readonly ids: ReadonlyArray<string>
}

/**
 * Converts a message.
 *
 * **Details**
 *
 * - `before`: the message before it, which says what kind of calls its results answer.
 * - `sent`: ids that the request holds already. "Duplicate item found with id": an item said twice has its id once.
 *
 * @category converters
 * @since 0.1.0
 */
export const itemsOf = (
  message: Message,
  before: Message | undefined,
  model: ModelInfo,
  flavour: Flavour,
  sent?: ReadonlySet<string>
): Items => {
  const ids: Array<string> = []
  const items = encode(message, before, model, flavour).map((item) => {
    const id = textOf(item["id"])
    if (id === undefined) return item
    if (ids.includes(id) || sent?.has(id) === true) return without(item, "id")
    ids.push(id)
    return item
  })
  return { text: JSON.stringify(items).slice(1, -1), ids }
}

/**
 * The text of a system message.
 *
 * @category converters
 * @since 0.1.0
 */
export const systemText = (message: Message): string => systemTexts(message).join("\n\n")

/**
 * The answer that an assistant message belongs to, when the vendor may still have it: one that was cut off is not kept.
 *
 * @category converters
 * @since 0.1.0
 */
export const responseOf = (message: Message, flavour: Flavour): string | undefined => {
  if (message.role !== "assistant" || isCut(message.meta)) return undefined
  let response: string | undefined
  for (const part of message.parts) {
    if (isCut(part.meta)) return undefined
    response = textOf(ownOf(part, flavour)["response"]) ?? response
  }
  return response
}

// internal

const isCut = (meta: Part.Meta | undefined): boolean => isJson(meta?.["axonal"]) && meta["axonal"]["cut"] === true

/** What this vendor wrote on a part. What another one wrote is not its to read. */
const ownOf = (part: Part.Part, flavour: Flavour): Json => {
  const own = part.meta?.[flavour.vendor]
  return isJson(own) ? own : {}
}

const encode = (
  message: Message,
  before: Message | undefined,
  model: ModelInfo,
  flavour: Flavour
): ReadonlyArray<Json> => {
  switch (message.role) {
    case "system":
      return [{ role: flavour.systemRole, content: systemText(message) }]
    case "user":
      return userItems(message.parts, model)
    case "assistant":
      return assistantItems(message.parts, flavour)
    case "tool":
      return resultItems(message.parts, before, model, flavour)
  }
}

const userItems = (parts: ReadonlyArray<Part.Part>, model: ModelInfo): ReadonlyArray<Json> => {
  const content: Array<Json> = []
  for (const part of parts) {
    if (part.type === "text") content.push({ type: "input_text", text: part.text })
    else if (part.type === "file") content.push(fileContent(part, model))
    else if (part.type !== "source") {
      throw new Unsupported(`A user message can hold text and files, not a part of type ${part.type}.`)
    }
  }
  const only = content.length === 1 ? content[0] : undefined
  return [{ role: "user", content: content.length === 0 ? "" : (textOf(only?.["text"]) ?? content) }]
}

/** Documents that the vendor turns into text by itself. */
const documents = /officedocument|opendocument|msword|ms-excel|ms-powerpoint|rtf/

const fileContent = (given: Part.File, model: ModelInfo): Json => {
  const file = typed(given)
  const { data, mediaType, name } = file
  if ("text" in data) return { type: "input_text", text: data.text }
  demand(model, file)
  const url = dataUrl(file)
  const kind = kindOf(mediaType)
  switch (kind) {
    case "image":
      return { type: "input_image", image_url: url }
    case "audio":
      return refuseFile(file, "this API takes no sound; OpenAiChat does.")
    case "video":
      return refuseFile(file, "this API takes no video; send single pictures of it.")
    case "pdf":
    case "text":
    case "other": {
      if (kind === "other" && !documents.test(mediaType))
        return refuseFile(file, "this API has no place for it; send its text.")
      if ("url" in data) return { type: "input_file", file_url: url }
      if (kind !== "text") {
        return { type: "input_file", filename: name ?? (kind === "pdf" ? "document.pdf" : "document"), file_data: url }
      }
      const text = textOfFile(file)
      return text === undefined ? refuseFile(file, "its content is not base64.") : { type: "input_text", text }
    }
  }
}

const assistantItems = (parts: ReadonlyArray<Part.Part>, flavour: Flavour): ReadonlyArray<Json> => {
  const items: Array<Json> = []
  /** Reasoning goes out with the item that follows it, and not without one: the vendor refuses it alone. */
  let thoughts: Array<Json> = []
  let said: { readonly item: Json; readonly content: Array<Json> } | undefined
  const push = (item: Json): void => {
    items.push(...thoughts, item)
    thoughts = []
  }
  const endText = (): void => {
    if (said !== undefined) push(messageItem(said.item, said.content))
    said = undefined
  }
  for (const part of parts) {
    const own = ownOf(part, flavour)
    const item = isJson(own["item"]) ? own["item"] : undefined
    if (part.type === "text") {
      if (part.text === "") continue
      if (said === undefined || said.item["id"] !== item?.["id"]) {
        endText()
        said = { item: item ?? {}, content: [] }
      }
      said.content.push(textContent(part.text, own))
      continue
    }
    if (part.type === "source" || own["continues"] === true) continue
    const next = itemOf(part, own, item, flavour)
    if (next === undefined && part.type === "file") {
      endText()
      push(messageItem({}, [textContent(Part.contentToText([part]), {})]))
    }
    if (next === undefined) continue
    endText()
    if (next["type"] === "reasoning") thoughts.push(next)
    else push(next)
  }
  endText()
  return items
}

const textContent = (text: string, own: Json): Json =>
  own["refusal"] === true
    ? { type: "refusal", refusal: text }
    : { type: "output_text", text, annotations: arrayOf(own["annotations"]) }

/** Plain words in the shortest form, which everyone reads. Ids are left out: nothing refers to them. */
const messageItem = (item: Json, content: ReadonlyArray<Json>): Json => {
  const isPlain = content.every(
    (entry) => entry["type"] === "output_text" && arrayOf(entry["annotations"]).length === 0
  )
  const isOne = content.length === 1 || item["id"] === undefined
  const words = isPlain && isOne ? content.map((entry) => entry["text"]).join("") : content
  return { role: "assistant", content: words, ...without(item, "id", "type") }
}

/** The item of a part other than text: the vendor's own, or what ours comes to. */
const itemOf = (part: Part.Part, own: Json, item: Json | undefined, flavour: Flavour): Json | undefined => {
  switch (part.type) {
    case "reasoning":
      return item === undefined ? undefined : thought(item, flavour)
    case "tool-call":
      if (part.transportExecuted === true) return own["file"] === true ? undefined : item
      return callItem(part, item ?? {})
    case "tool-result":
      return item
    case "file":
      return item === undefined || !("base64" in part.data) ? undefined : { ...item, result: part.data.base64 }
    default:
      return undefined
  }
}

/** Reasoning in the form that the vendor can read again, if there is any. */
const thought = (item: Json, flavour: Flavour): Json | undefined => {
  if (item["type"] !== "reasoning") return item
  if (textOf(item["encrypted_content"]) === undefined) {
    return flavour.readable && arrayOf(item["content"]).length > 0 ? item : undefined
  }
  // Readable reasoning beside the encrypted form: "array too long, expected maximum length 0".
  return flavour.readable || arrayOf(item["content"]).length === 0 ? item : without(item, "content")
}

const callItem = (call: Part.ToolCall, item: Json): Json => {
  const type = textOf(item["type"]) ?? "function_call"
  if (type === "custom_tool_call") {
    const input = parseJson(call.input)
    const text = isJson(input) ? input["input"] : undefined
    const own = { type, call_id: wireId(call), name: call.name, input: typeof text === "string" ? text : call.input }
    return { ...own, ...without(item, "type", "id") }
  }
  if (type !== "function_call") return item
  const input = isJson(parseJson(call.input)) ? call.input : "{}"
  return { type, call_id: wireId(call), name: call.name, arguments: input, ...without(item, "type", "id") }
}

/** Vendors without ids send "", and get ours. */
const wireId = (part: { readonly id: string; readonly wireId?: string | undefined }): string =>
  safe(textOf(part.wireId) ?? part.id, callIds)

/** "Invalid 'input[2].call_id': string too long. Expected a string with maximum length 64." */
const callIds = { max: 64, unsafe: /[^\w.:-]/g }

const resultItems = (
  parts: ReadonlyArray<Part.Part>,
  before: Message | undefined,
  model: ModelInfo,
  flavour: Flavour
): ReadonlyArray<Json> => {
  const items: Array<Json> = []
  const left: Array<Part.Part> = []
  const calls = new Map(before?.parts.flatMap((part) => (part.type === "tool-call" ? [[part.id, part] as const] : [])))
  for (const part of parts) {
    if (part.type !== "tool-result" || part.transportExecuted === true) continue
    const call = calls.get(part.id)
    const item = call === undefined ? undefined : ownOf(call, flavour)["item"]
    const content = contents(part.content, model)
    const type = isJson(item) ? (textOf(item["type"]) ?? "") : ""
    if (type === "" || type === "function_call" || type === "custom_tool_call") {
      const rich = flavour.richResults && content.some((entry) => entry["type"] !== "input_text")
      items.push({
        type: type === "custom_tool_call" ? "custom_tool_call_output" : "function_call_output",
        call_id: wireId(part),
        output: rich ? content : wordsOf(part, model)
      })
      if (!rich) left.push(...filesOf(part, model))
    } else items.push(...specialResult(type, isJson(item) ? item : {}, part, content, model))
  }
  return left.length === 0 ? items : [...items, ...userItems(left, model)]
}

/** Pictures and documents are named, texts stand in it whatever they came as. */
const wordsOf = (result: Part.ToolResult, model: ModelInfo): string => {
  const text = result.content
    .map((item) => textOf(contentOf(item, model)["text"]) ?? Part.contentToText([item]))
    .join("\n")
  return text === "" && result.outcome !== "ok" ? `The call ended with: ${result.outcome}.` : text
}

/** The files of a result, for where they have to follow in a message of the user. */
const filesOf = (result: Part.ToolResult, model: ModelInfo): ReadonlyArray<Part.Part> => {
  const files = result.content.filter((item): item is Part.File => item.type === "file" && isTaken(item, model))
  return files.length === 0 ? [] : [Part.text(`Files from the result of ${result.name}:`), ...files]
}

const isTaken = (file: Part.File, model: ModelInfo): boolean =>
  !("text" in file.data) && contentOf(file, model)["type"] !== "input_text"

/** A file that the model cannot take is only named in a result: the tool may hand out what it likes. */
const contentOf = (item: Part.ResultContent, model: ModelInfo): Json => {
  try {
    if (item.type === "file") return fileContent(item, model)
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error
  }
  return { type: "input_text", text: Part.contentToText([item]) }
}

const contents = (content: ReadonlyArray<Part.ResultContent>, model: ModelInfo): ReadonlyArray<Json> =>
  content.map((item) => contentOf(item, model))

/** The answer to a call of a tool that the vendor defines and we run. */
const specialResult = (
  type: string,
  item: Json,
  result: Part.ToolResult,
  content: ReadonlyArray<Json>,
  model: ModelInfo
): ReadonlyArray<Json> => {
  const ok = result.outcome === "ok"
  const text = wordsOf(result, model)
  const call_id = wireId(result)
  const value = result.content.map((part) => (part.type === "json" ? part.value : undefined)).find(isJson)
  switch (type) {
    case "shell_call": {
      const outcome = { type: "exit", exit_code: ok ? 0 : 1 }
      const output = Array.isArray(value?.["output"]) ? value["output"] : [{ stdout: text, stderr: "", outcome }]
      return [{ type: "shell_call_output", call_id, output }]
    }
    case "apply_patch_call":
      return [{ type: "apply_patch_call_output", call_id, status: ok ? "completed" : "failed", output: text }]
    case "tool_search_call":
      return [
        {
          type: "tool_search_output",
          call_id,
          execution: "client",
          status: ok ? "completed" : "incomplete",
          tools: arrayOf(value?.["tools"])
        }
      ]
    case "mcp_approval_request": {
      const refused = !ok || value?.["approve"] === false
      return [
        {
          type: "mcp_approval_response",
          approval_request_id: item["id"],
          approve: !refused,
          ...(refused && text !== "" ? { reason: text } : undefined)
        }
      ]
    }
    case "computer_call": {
      const picture = content.find((entry) => entry["type"] === "input_image")
      const output = { type: "computer_screenshot", image_url: picture?.["image_url"] ?? blank }
      const checks = ok ? { acknowledged_safety_checks: arrayOf(item["pending_safety_checks"]) } : undefined
      const answer = { type: "computer_call_output", call_id, output, ...checks }
      // Only a picture can be an answer, so the words follow it.
      return picture === undefined ? [answer, { role: "user", content: text }] : [answer]
    }
    default:
      return [{ type: `${type}_output`, call_id, output: text }]
  }
}

/** One transparent pixel. */
const blank =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
