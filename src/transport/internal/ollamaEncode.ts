/**
 * Encodes requests of Ollama's chat API. Each message is converted to its JSON text once and remembered. What may differ
 * from turn to turn (tools, the form of the answer) stands behind the messages (TURN-2).
 */
import type { Message } from "../../domain/Message.ts"
import type * as ModelInfo from "../../domain/ModelInfo.ts"
import * as Part from "../../domain/Part.ts"
import type { Request, Settings, ToolSpec } from "../../domain/Request.ts"
import type { Encoder } from "./encoding.ts"
import * as Encoding from "./encoding.ts"
import {
  demand,
  kindOf,
  refuseFile,
  remembered,
  settingsOf,
  textOfFile,
  typed,
  Unsupported,
  withName
} from "./encoding.ts"
import * as ForcedAnswer from "./forcedAnswer.ts"
import type { Json } from "./json.ts"
import { isJson, parseJson, textOf } from "./json.ts"
import { objectRoot, without } from "./jsonSchema.ts"

/**
 * The name of this vendor.
 *
 * @category constructors
 * @since 0.1.0
 */
export const vendor = "ollama"

/**
 * How the model is run. `keepAlive` in seconds, negative for ever.
 *
 * @category models
 * @since 0.1.0
 */
export interface Running {
  readonly settings: Settings
  readonly contextLength?: number | undefined
  readonly keepAlive?: number | undefined
  readonly think?: boolean | undefined
}

/**
 * Makes an encoder for a model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (model: ModelInfo.ModelInfo, running: Running): Encoder => {
  const messages = new WeakMap<Message, string>()
  const tools = new WeakMap<ToolSpec, string>()
  return Encoding.make((given) => {
    if (given.toolChoice !== "auto" && given.toolChoice !== "none") {
      throw new Unsupported(
        "Ollama cannot make a model call a tool: use the tool choice auto, and ask for it in words."
      )
    }
    const answer = answerOf(given)
    const offered = given.toolChoice === "none" ? [] : answer === undefined ? given.tools : [...given.tools, answer]
    const settings = settingsOf(running.settings, given.settings)
    let body = head(model.id, running, settings)
    const list: Array<string> = []
    for (const message of given.messages) {
      const text = remembered(messages, message, (message) => encodeMessage(message, model))
      if (text !== "") list.push(text)
    }
    const extra = settings.extra ?? {}
    if (!("messages" in extra)) body += `,"messages":[${list.join(",")}]`
    if (offered.length > 0 && !("tools" in extra)) {
      body += `,"tools":[${offered.map((tool) => remembered(tools, tool, encodeTool)).join(",")}]`
    }
    const format = answer === undefined ? formatOf(given.responseFormat) : undefined
    if (format !== undefined && !("format" in extra)) body += `,"format":${JSON.stringify(format)}`
    return `${body}}`
  })
}

/**
 * The tool that an answer is asked for with when tools are offered, too: bound to a form, a model cannot call any.
 *
 * @category constructors
 * @since 0.1.0
 */
export const answerOf = (request: Request): ToolSpec | undefined =>
  request.tools.length === 0 || request.toolChoice === "none" ? undefined : ForcedAnswer.objectToolOf(request)

// internal

/** The body up to the messages, without its closing brace. */
const head = (model: string, running: Running, settings: Settings): string => {
  const { options: more, ...extra } = settings.extra ?? {}
  const options = {
    num_ctx: running.contextLength,
    num_predict: settings.maxOutputTokens,
    temperature: settings.temperature,
    top_p: settings.topP,
    seed: settings.seed,
    stop: settings.stop,
    ...(isJson(more) ? more : undefined)
  }
  return JSON.stringify({
    model,
    stream: true,
    // A conversation that is too long is refused, before and while it is answered.
    truncate: false,
    shift: false,
    think: thinkOf(settings.reasoningEffort) ?? running.think,
    keep_alive: running.keepAlive,
    options,
    ...extra
  }).slice(0, -1)
}

const thinkOf = (effort: string | undefined): boolean | string | undefined => {
  switch (effort) {
    case undefined:
      return undefined
    case "none":
      return false
    case "minimal":
      return "low"
    case "xhigh":
      return "max"
    case "low":
    case "medium":
    case "high":
    case "max":
      return effort
    default:
      return true
  }
}

const formatOf = (format: Request["responseFormat"]): object | string | undefined =>
  format.type === "text" ? undefined : format.schema === undefined ? "json" : without(format.schema, identity)

const identity = new Set(["$schema", "$id"])

const encodeTool = (tool: ToolSpec): string => {
  if (tool.provider !== undefined) {
    throw new Unsupported(
      `Tool "${tool.name}" is defined by a vendor (${tool.provider.id}), and this API offers no such tools.`
    )
  }
  return JSON.stringify({
    type: "function",
    function: { name: tool.name, description: tool.description ?? "", parameters: objectRoot(tool.inputSchema) }
  })
}

/** The JSON text of what a message becomes: one object, several with commas between them, or nothing. */
const encodeMessage = (message: Message, model: ModelInfo.ModelInfo): string => {
  switch (message.role) {
    case "system":
    case "user":
      return encodeSaid(message, model)
    case "assistant":
      return encodeAssistant(message)
    case "tool":
      return encodeResults(message, model)
  }
}

const encodeSaid = ({ parts, role }: Message, model: ModelInfo.ModelInfo): string => {
  const texts: Array<string> = []
  const images: Array<string> = []
  for (const part of parts) {
    if (part.type === "text") texts.push(part.text)
    else if (part.type === "file") {
      const file = typed(part)
      if ("text" in file.data || kindOf(file.mediaType) === "text") texts.push(inlined(file))
      else images.push(imageOf(file, model))
    } else if (part.type !== "source") {
      throw new Unsupported(`A ${role} message can hold text and files, not a part of type ${part.type}.`)
    }
  }
  return JSON.stringify({ role, content: texts.join("\n\n"), ...(images.length === 0 ? undefined : { images }) })
}

const inlined = (file: Part.File): string => {
  if ("url" in file.data) return refuseFile(file, "a text has to be inline here, not behind a URL.")
  const text = textOfFile(file)
  if (text === undefined) return refuseFile(file, "its content is not base64.")
  return file.name === undefined ? text : `${file.name}:\n\n${text}`
}

/** Pictures go bare, without a type. */
const imageOf = (file: Part.File, model: ModelInfo.ModelInfo): string => {
  demand(model, file)
  if (kindOf(file.mediaType) !== "image") return refuseFile(file, "Ollama takes pictures and texts only.")
  return "base64" in file.data ? file.data.base64 : refuseFile(file, "it has to be inline here, not behind a URL.")
}

const encodeAssistant = (message: Message): string => {
  let content = ""
  let thinking = ""
  const calls: Array<string> = []
  for (const part of message.parts) {
    if (part.type === "text") content += part.text
    // What another vendor thought is not this model's.
    else if (part.type === "reasoning" && part.meta?.[vendor] !== undefined) thinking += part.text
    else if (part.type === "file") content = withName(content, part)
    else if (part.type === "tool-call" && part.transportExecuted !== true) calls.push(encodeCall(part))
  }
  if (content === "" && thinking === "" && calls.length === 0) return ""
  const said = { role: "assistant", content, ...(thinking === "" ? undefined : { thinking }) }
  const text = JSON.stringify(said)
  return calls.length === 0 ? text : `${text.slice(0, -1)},"tool_calls":[${calls.join(",")}]}`
}

/** Arguments are an object here. Their text is kept, since numbers may not survive being read. */
const encodeCall = (call: Part.ToolCall): string => {
  const id = textOf(call.wireId) ?? call.id
  const input = isJson(parseJson(call.input)) ? call.input : "{}"
  return `{"id":${JSON.stringify(id)},"function":{"name":${JSON.stringify(call.name)},"arguments":${input}}}`
}

/** One message per result. Pictures follow in a message of the user. */
const encodeResults = (message: Message, model: ModelInfo.ModelInfo): string => {
  const out: Array<string> = []
  const files: Array<Part.Part> = []
  for (const part of message.parts) {
    if (part.type !== "tool-result" || part.transportExecuted === true) continue
    const words = Part.contentToText(part.content)
    const content = words === "" && part.outcome !== "ok" ? `The call ended with: ${part.outcome}.` : words
    const said: Json = { role: "tool", tool_name: part.name, tool_call_id: textOf(part.wireId) ?? part.id, content }
    out.push(JSON.stringify(said))
    const attached = part.content.filter((item): item is Part.File => item.type === "file" && isTaken(item, model))
    if (attached.length > 0) files.push(Part.text(`Files from the result of ${part.name}:`), ...attached)
  }
  if (files.length > 0) out.push(encodeSaid({ role: "user", parts: files }, model))
  return out.join(",")
}

/** A file that the model cannot take is only named in the result: the tool may hand out what it likes. */
const isTaken = (file: Part.File, model: ModelInfo.ModelInfo): boolean => {
  if ("text" in file.data) return false
  try {
    encodeSaid({ role: "user", parts: [file] }, model)
    return true
  } catch {
    return false
  }
}
