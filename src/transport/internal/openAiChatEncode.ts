/**
 * Encodes requests of the Chat Completions API. Each message is converted to its JSON text once and remembered; a body is
 * then a concatenation, so that an old conversation costs nothing. The order of keys never changes and nothing reads a
 * clock: a later request begins with the bytes of an earlier one (TURN-2).
 */
import type { Message } from "../../domain/Message.ts"
import type * as ModelInfo from "../../domain/ModelInfo.ts"
import * as Part from "../../domain/Part.ts"
import type { Request, Settings, ToolSpec } from "../../domain/Request.ts"
import type { Encoder } from "./encoding.ts"
import * as Encoding from "./encoding.ts"
import { dataUrl, demand, kindOf, refuseFile, remembered, settingsOf, textOfFile, Unsupported } from "./encoding.ts"
import type { Json } from "./json.ts"
import { isJson, parseJson, textOf } from "./json.ts"
import { isStrict } from "./jsonSchema.ts"
import type { Flavour } from "./openAiChat.ts"
import { flavourOf } from "./openAiChat.ts"
import { mergeDetails } from "./openAiChatParts.ts"

/**
 * Makes an encoder for a model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (model: ModelInfo.ModelInfo, defaults: Settings = {}): Encoder => {
  const flavour = flavourOf(model.vendor)
  const messages = new WeakMap<Message, string>()
  const tools = new WeakMap<ToolSpec, string>()
  return Encoding.make((request) => {
    const settings = settingsOf(defaults, request.settings)
    const extra = settings.extra ?? {}
    let body = head(request, model.id, flavour, settings)
    if (request.tools.length > 0 && !("tools" in extra)) {
      body += `,"tools":[${request.tools.map((tool) => remembered(tools, tool, encodeTool)).join(",")}]`
    }
    if (!("messages" in extra)) {
      body += `,"messages":[`
      let separator = ""
      for (const message of request.messages) {
        const text = remembered(messages, message, (message) => encodeMessage(message, model, flavour))
        if (text === "") continue
        body += separator + text
        separator = ","
      }
      body += "]"
    }
    // Last, because it is what changes from turn to turn.
    if (request.tools.length > 0 && request.toolChoice !== "auto" && !("tool_choice" in extra)) {
      body += `,"tool_choice":${JSON.stringify(encodeToolChoice(request.toolChoice))}`
    }
    return body + "}"
  })
}

// internal

/** The body up to the tools, without its closing brace. */
const head = (request: Request, model: string, flavour: Flavour, settings: Settings): string => {
  const format = request.responseFormat
  const fields: { [name: string]: unknown } = {
    model,
    stream: true,
    stream_options: flavour.streamUsage ? { include_usage: true } : undefined,
    temperature: settings.temperature,
    top_p: settings.topP,
    [flavour.limitField]: settings.maxOutputTokens,
    stop: settings.stop,
    [flavour.seedField]: settings.seed,
    reasoning_effort: settings.reasoningEffort,
    parallel_tool_calls: request.tools.length === 0 ? undefined : settings.parallelToolCalls,
    response_format:
      format.type === "text"
        ? undefined
        : format.schema === undefined || !flavour.jsonSchema
          ? { type: "json_object" }
          : {
              type: "json_schema",
              json_schema: { name: format.name ?? "answer", schema: format.schema, ...strictness(format.schema) }
            }
  }
  Object.assign(fields, settings.extra)
  return JSON.stringify(fields).slice(0, -1)
}

/** Strict decoding is refused for schemas with optional or further properties, so it is asked for only without them. */
const strictness = (schema: object): { readonly strict: true } | undefined =>
  isStrict(schema) ? { strict: true } : undefined

const encodeTool = (tool: ToolSpec): string => {
  if (tool.provider !== undefined) {
    throw new Unsupported(
      `Tool "${tool.name}" is defined by a vendor (${tool.provider.id}), and this API offers no such tools.`
    )
  }
  return JSON.stringify({
    type: "function",
    function: { name: tool.name, description: tool.description, parameters: tool.inputSchema, strict: tool.strict }
  })
}

const encodeToolChoice = (choice: Request["toolChoice"]): unknown =>
  typeof choice === "string" ? choice : { type: "function", function: { name: choice.tool } }

/** The JSON text of what a message becomes: one object, several with commas between them, or nothing. */
const encodeMessage = (message: Message, model: ModelInfo.ModelInfo, flavour: Flavour): string => {
  switch (message.role) {
    case "system":
      return JSON.stringify({ role: "system", content: systemText(message) })
    case "user":
      return encodeUser(message.parts, model, flavour)
    case "assistant":
      return encodeAssistant(message, flavour)
    case "tool":
      return encodeResults(message, model, flavour)
  }
}

const systemText = (message: Message): string =>
  message.parts
    .map((part) => {
      if (part.type === "text") return part.text
      if (part.type === "file" && "text" in part.data) return part.data.text
      throw new Unsupported(`A system message can only hold text here, not a part of type ${part.type}.`)
    })
    .join("\n\n")

const encodeUser = (parts: ReadonlyArray<Part.Part>, model: ModelInfo.ModelInfo, flavour: Flavour): string => {
  const content: Array<Json> = []
  for (const part of parts) {
    if (part.type === "text") content.push({ type: "text", text: part.text })
    else if (part.type === "file") content.push(encodeFile(part, model, flavour))
    else if (part.type !== "source") {
      throw new Unsupported(`A user message can hold text and files, not a part of type ${part.type}.`)
    }
  }
  const only = content.length === 1 ? content[0] : undefined
  const text = content.length === 0 ? "" : textOf(only?.["text"])
  return JSON.stringify({ role: "user", content: text ?? content })
}

const encodeFile = (file: Part.File, model: ModelInfo.ModelInfo, flavour: Flavour): Json => {
  const { data, mediaType, name } = file
  if ("text" in data) return { type: "text", text: data.text }
  demand(model, file)
  const url = dataUrl(file)
  switch (kindOf(mediaType)) {
    case "image":
      return { type: "image_url", image_url: { url } }
    case "audio": {
      if ("url" in data) return refuseFile(file, "sound has to be inline here, not behind a URL.")
      const format = /wav|wave/.test(mediaType) ? "wav" : /mpeg|mp3/.test(mediaType) ? "mp3" : mediaType.slice(6)
      return { type: "input_audio", input_audio: { data: data.base64, format } }
    }
    case "video":
      return flavour.vendor === "openrouter"
        ? { type: "video_url", video_url: { url } }
        : refuseFile(file, "this API takes no video.")
    case "pdf":
      if (flavour.vendor === "mistral") return { type: "document_url", document_url: url }
      if ("url" in data && flavour.vendor !== "openrouter") {
        return refuseFile(file, "a document has to be inline here.")
      }
      return { type: "file", file: { filename: name ?? "document.pdf", file_data: url } }
    case "text": {
      if ("url" in data) return refuseFile(file, "a text has to be inline here, not behind a URL.")
      const text = textOfFile(file)
      return text === undefined ? refuseFile(file, "its content is not base64.") : { type: "text", text }
    }
    default:
      return refuseFile(file, "this API has no place for it.")
  }
}

const encodeAssistant = (message: Message, flavour: Flavour): string => {
  let text = ""
  let refusal = ""
  const fields: { [name: string]: unknown } = {}
  const details: Array<Json> = []
  const thinking: Array<Json> = []
  const calls: Array<Json> = []
  const images: Array<Json> = []
  for (const part of message.parts) {
    // What another vendor marked is not this one's to read.
    const own =
      part.type !== "tool-result" && isJson(part.meta?.[flavour.vendor]) ? part.meta[flavour.vendor] : undefined
    const meta: Json = isJson(own) ? own : {}
    const field = textOf(meta["field"]) ?? ""
    switch (part.type) {
      case "text":
        if (field === "refusal") refusal += part.text
        else if (field !== "transcript") text += part.text
        break
      case "reasoning":
        if (Array.isArray(meta["details"])) mergeDetails(details, meta["details"].filter(isJson))
        else if (field === "thinking") {
          const signature = meta["signature"] === undefined ? undefined : { signature: meta["signature"] }
          thinking.push({ type: "thinking", thinking: [{ type: "text", text: part.text }], ...signature })
        } else if (field !== "") fields[field] = (textOf(fields[field]) ?? "") + part.text
        break
      case "tool-call":
        if (part.transportExecuted !== true) calls.push(encodeCall(part, meta, flavour))
        break
      case "file":
        if (field === "audio" && textOf(meta["id"]) !== undefined) fields["audio"] = { id: meta["id"] }
        if (field === "images") {
          const url =
            "url" in part.data
              ? part.data.url
              : "base64" in part.data
                ? `data:${part.mediaType};base64,${part.data.base64}`
                : part.data.text
          images.push({ type: "image_url", image_url: { url } })
        }
    }
  }
  const plain = text === "" && (calls.length > 0 || refusal !== "" || fields["audio"] !== undefined) ? null : text
  const content = thinking.length === 0 ? plain : [...thinking, ...(text === "" ? [] : [{ type: "text", text }])]
  return JSON.stringify({
    role: "assistant",
    content,
    ...fields,
    ...(details.length === 0 ? undefined : { reasoning_details: details }),
    ...(refusal === "" ? undefined : { refusal }),
    ...(images.length === 0 ? undefined : { images }),
    ...(calls.length === 0 ? undefined : { tool_calls: calls })
  })
}

const encodeCall = (call: Part.ToolCall, meta: Json, flavour: Flavour): Json => ({
  id: wireId(call, flavour),
  type: "function",
  function: { name: call.name, arguments: isJson(parseJson(call.input)) ? call.input : "{}" },
  ...(meta["extra_content"] === undefined ? undefined : { extra_content: meta["extra_content"] })
})

/** Vendors without ids send "", and get ours. */
const wireId = (part: { readonly id: string; readonly wireId?: string | undefined }, flavour: Flavour): string =>
  flavour.callId(textOf(part.wireId) ?? part.id)

/** One message per result. Files have no place in them and follow in a message of the user. */
const encodeResults = (message: Message, model: ModelInfo.ModelInfo, flavour: Flavour): string => {
  const out: Array<string> = []
  const files: Array<Part.Part> = []
  for (const part of message.parts) {
    if (part.type !== "tool-result" || part.transportExecuted === true) continue
    const text = Part.contentToText(part.content)
    const content = text === "" && part.outcome !== "ok" ? `The call ended with: ${part.outcome}.` : text
    out.push(JSON.stringify({ role: "tool", tool_call_id: wireId(part, flavour), content }))
    const attached = part.content.filter(
      (item): item is Part.File => item.type === "file" && isTaken(item, model, flavour)
    )
    if (attached.length > 0) files.push(Part.text(`Files from the result of ${part.name}:`), ...attached)
  }
  if (files.length > 0) out.push(encodeUser(files, model, flavour))
  return out.join(",")
}

/** A file that the model cannot take is only named in the result: the tool may hand out what it likes. */
const isTaken = (file: Part.File, model: ModelInfo.ModelInfo, flavour: Flavour): boolean => {
  if ("text" in file.data) return false
  try {
    encodeFile(file, model, flavour)
    return true
  } catch {
    return false
  }
}
