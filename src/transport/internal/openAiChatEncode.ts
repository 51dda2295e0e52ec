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
import { kindOf, remembered, settingsOf, systemTexts, typed, Unsupported, withName } from "./encoding.ts"
import * as ForcedAnswer from "./forcedAnswer.ts"
import type { Json } from "./json.ts"
import { isJson, parseJson, textOf } from "./json.ts"
import { objectRoot, strictForm, without } from "./jsonSchema.ts"
import type { Flavour } from "./openAiChat.ts"
import { flavourOf } from "./openAiChat.ts"
import { demandFewImages, encodeFile, isTaken } from "./openAiChatFiles.ts"
import { mergeDetails } from "./openAiChatParts.ts"
import { objectOf } from "./wrappedAnswer.ts"

/**
 * Makes an encoder for a model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (model: ModelInfo.ModelInfo, defaults: Settings = {}): Encoder => {
  const flavour = flavourOf(model.vendor, model.id)
  const messages = new WeakMap<Message, string>()
  const files = new WeakMap<Message, string>()
  const tools = new WeakMap<ToolSpec, string>()
  const textOfMessage = (message: Message): string => encodeMessage(message, model, flavour)
  const textOfFiles = (message: Message): string => encodeResultFiles(message, model, flavour)
  const textOf = (message: Message): string => remembered(messages, message, textOfMessage)
  const filesOf = (message: Message): string => remembered(files, message, textOfFiles)
  return Encoding.make((given) => {
    const answer = answerOf(flavour, given)
    const request = answer === undefined ? given : ForcedAnswer.forced(given, answer)
    const settings = settingsOf(defaults, request.settings)
    const extra = settings.extra ?? {}
    let body = head(request, model.id, flavour, settings)
    if (request.tools.length > 0 && !("tools" in extra)) {
      body += `,"tools":[${request.tools.map((tool) => remembered(tools, tool, (tool) => encodeTool(tool, flavour))).join(",")}]`
    }
    if (!("messages" in extra)) {
      body += `,"messages":[${joined(request.messages, flavour, textOf, filesOf)}]`
      demandFewImages(body, flavour)
    }
    return `${body}${tail(request, flavour, settings)}}`
  })
}

/**
 * The tool that the answer is asked for with, where the vendor has no other way to bind it to the form that is asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const answerOf = ({ schema }: Flavour, request: Request): ToolSpec | undefined => {
  const { responseFormat: format } = request
  if (format.type === "text" || schema === "native") return undefined
  if (schema === "native-without-tools") {
    // Where tools exclude a form, they exclude any.
    return request.tools.length === 0
      ? undefined
      : ForcedAnswer.objectToolOf({ ...request, responseFormat: { ...format, schema: format.schema ?? anyObject } })
  }
  return ForcedAnswer.objectToolOf(request)
}

// internal

const anyObject = { type: "object" }

/**
 * The messages with commas between them. Files from the results of tools follow the last of a row of results, since nothing
 * may stand between those; the assistant says a word between a tool and the user where the vendor wants it. Runs over the
 * whole history each turn, so it makes nothing but the text.
 */
const joined = (
  messages: ReadonlyArray<Message>,
  flavour: Flavour,
  encode: (message: Message) => string,
  encodeFiles: (message: Message) => string
): string => {
  let list = ""
  let files = ""
  let afterTool = false
  for (const message of messages) {
    const text = encode(message)
    if (text === "") continue
    if (message.role === "tool") {
      files = separated(files, encodeFiles(message))
      list = separated(list, text)
      afterTool = true
      continue
    }
    const isUser = message.role === "user"
    if (afterTool && flavour.bridged && (isUser || files !== "")) list = separated(list, bridge)
    if (files !== "") list = separated(list, files)
    list = separated(list, text)
    files = ""
    afterTool = false
  }
  if (afterTool && flavour.bridged && files !== "") list = separated(list, bridge)
  return separated(list, files)
}

const separated = (list: string, text: string): string => (list === "" ? text : text === "" ? list : `${list},${text}`)

const bridge = JSON.stringify({ role: "assistant", content: "OK." })

/** The body up to the tools, without its closing brace. */
const head = (request: Request, model: string, flavour: Flavour, settings: Settings): string => {
  const fields: { [name: string]: unknown } = {
    model,
    stream: true,
    stream_options: flavour.streamUsage ? { include_usage: true } : undefined,
    temperature: settings.temperature,
    top_p: settings.topP,
    [flavour.limitField]: settings.maxOutputTokens,
    stop: settings.stop,
    [flavour.seedField]: settings.seed,
    parallel_tool_calls: request.tools.length === 0 ? undefined : settings.parallelToolCalls,
    response_format: encodeFormat(request.responseFormat, flavour)
  }
  Object.assign(fields, settings.extra)
  return JSON.stringify(fields).slice(0, -1)
}

/** What changes from turn to turn, and what depends on it. */
const tail = (request: Request, flavour: Flavour, settings: Settings): string => {
  const choice = request.tools.length === 0 ? "auto" : request.toolChoice
  const isForced = choice !== "auto" && choice !== "none"
  const fields: { [name: string]: unknown } = {
    ...(isForced && flavour.unthinking !== undefined
      ? flavour.unthinking
      : settings.reasoningEffort === undefined
        ? undefined
        : flavour.effort(settings.reasoningEffort)),
    tool_choice: choice === "auto" ? undefined : encodeToolChoice(choice, flavour)
  }
  const extra = settings.extra ?? {}
  const own = Object.entries(fields).filter(([name, value]) => value !== undefined && !(name in extra))
  return own.map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`).join("")
}

const encodeFormat = (format: Request["responseFormat"], flavour: Flavour): Json | undefined => {
  if (format.type === "text") return undefined
  const schema = format.schema === undefined ? (flavour.json ? undefined : anyObject) : objectOf(format.schema)
  if (schema === undefined) return { type: "json_object" }
  const strict = flavour.strict ? strictForm(schema) : undefined
  return {
    type: "json_schema",
    json_schema: {
      name: format.name ?? "answer",
      schema: strict ?? without(schema, identity),
      ...(strict === undefined ? undefined : { strict: true })
    }
  }
}

/** Says where a schema is defined and by which rules, and confuses some models and vendors. */
const identity = new Set(["$schema", "$id"])

const encodeTool = (tool: ToolSpec, flavour: Flavour): string => {
  if (tool.provider !== undefined) {
    throw new Unsupported(
      `Tool "${tool.name}" is defined by a vendor (${tool.provider.id}), and this API offers no such tools.`
    )
  }
  const root = objectRoot(tool.inputSchema)
  const form = flavour.strict && tool.strict === true ? strictForm(root) : undefined
  return JSON.stringify({
    type: "function",
    function: {
      name: tool.name,
      description: tool.description,
      parameters: form ?? root,
      strict: !flavour.strict || tool.strict === undefined ? undefined : form !== undefined
    }
  })
}

const encodeToolChoice = (choice: Request["toolChoice"], flavour: Flavour): unknown =>
  choice === "required"
    ? flavour.required
    : typeof choice === "string"
      ? choice
      : { type: "function", function: { name: choice.tool } }

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

const systemText = (message: Message): string => systemTexts(message).join("\n\n")

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

const encodeAssistant = (message: Message, flavour: Flavour): string => {
  let text = ""
  let refusal = ""
  let transcript = ""
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
        else if (field === "transcript") transcript += part.text
        else text += part.text
        break
      case "reasoning":
        if (Array.isArray(meta["details"])) mergeDetails(details, meta["details"].filter(isJson))
        else if (field === "tags") text += `${textOf(meta["open"]) ?? ""}${part.text}${textOf(meta["close"]) ?? ""}`
        else if (field === "reasoning_opaque") fields[field] = meta["opaque"]
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
        else if (field === "images") {
          const url =
            "url" in part.data
              ? part.data.url
              : "base64" in part.data
                ? `data:${part.mediaType};base64,${part.data.base64}`
                : part.data.text
          images.push({ type: "image_url", image_url: { url } })
        } else text = withName(text, part)
    }
  }
  // Where the sound goes back, what is said in it is known.
  if (fields["audio"] === undefined) text += transcript
  if (calls.length > 0 && flavour.reasoned) fields["reasoning_content"] ??= ""
  const plain = text === "" && (calls.length > 0 || refusal !== "" || fields["audio"] !== undefined) ? null : text
  const content = thinking.length === 0 ? plain : [...thinking, ...(text === "" ? [] : [{ type: "text", text }])]
  // What another vendor left of itself alone says nothing here, and nothing is refused by many.
  if (content === "" && details.length === 0 && images.length === 0 && Object.keys(fields).length === 0) return ""
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

/** One message per result. Pictures stand in it where the vendor takes them there. */
const encodeResults = (message: Message, model: ModelInfo.ModelInfo, flavour: Flavour): string =>
  resultsOf(message)
    .map((part) => {
      const words = Part.contentToText(part.content)
      const text = words === "" && part.outcome !== "ok" ? `The call ended with: ${part.outcome}.` : words
      const inside = filesOf(part, model, flavour, true)
      return JSON.stringify({
        role: "tool",
        tool_call_id: wireId(part, flavour),
        name: flavour.named ? part.name : undefined,
        content:
          inside.length === 0
            ? text
            : [{ type: "text", text }, ...inside.map((file) => encodeFile(file, model, flavour))]
      })
    })
    .join(",")

/** The files of results that have no place in them, as a message of the user. */
const encodeResultFiles = (message: Message, model: ModelInfo.ModelInfo, flavour: Flavour): string => {
  const files = resultsOf(message).flatMap((part) => {
    const after = filesOf(part, model, flavour, false)
    return after.length === 0 ? [] : [Part.text(`Files from the result of ${part.name}:`), ...after]
  })
  return files.length === 0 ? "" : encodeUser(files, model, flavour)
}

const resultsOf = (message: Message): ReadonlyArray<Part.ToolResult> =>
  message.parts.filter(
    (part): part is Part.ToolResult => part.type === "tool-result" && part.transportExecuted !== true
  )

/**
 * The files of a result that stand in it, or that follow. One that the model cannot take at all is only named: a tool may
 * hand out what it likes.
 */
const filesOf = (
  result: Part.ToolResult,
  model: ModelInfo.ModelInfo,
  flavour: Flavour,
  inside: boolean
): ReadonlyArray<Part.File> =>
  result.content.filter(
    (item): item is Part.File =>
      item.type === "file" &&
      !("text" in item.data) &&
      (flavour.resultImages && kindOf(typed(item).mediaType) === "image") === inside &&
      isTaken(item, model, flavour)
  )
