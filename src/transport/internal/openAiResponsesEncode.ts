/**
 * Encodes requests of the Responses API. Each message is converted to its JSON text once and remembered; a body is then a
 * concatenation, so that an old conversation costs nothing. The order of keys never changes and nothing reads a clock: a
 * later request begins with the bytes of an earlier one (TURN-2).
 */
import type { Message } from "../../domain/Message.ts"
import type { ModelInfo } from "../../domain/ModelInfo.ts"
import type { Request, Settings, ToolSpec } from "../../domain/Request.ts"
import type { Encoder } from "./encoding.ts"
import * as Encoding from "./encoding.ts"
import { remembered, settingsOf, Unsupported } from "./encoding.ts"
import * as ForcedAnswer from "./forcedAnswer.ts"
import type { Json } from "./json.ts"
import { isJson, textOf } from "./json.ts"
import { objectRoot, strictForm } from "./jsonSchema.ts"
import type { Flavour } from "./openAiResponses.ts"
import { flavourOf, isPlain } from "./openAiResponses.ts"
import type { Items } from "./openAiResponsesInput.ts"
import { itemsOf, responseOf, systemText } from "./openAiResponsesInput.ts"
import { typeOf } from "./openAiResponsesItems.ts"
import { objectOf } from "./wrappedAnswer.ts"

/**
 * What can be said about requests beside their settings.
 *
 * **Details**
 *
 * - `flavour`: the facts about the vendor, when they do not follow from its name.
 * - `instructions`: text that every request carries in that field; system messages are items then, all of them.
 * - `previousResponse`: whether a request names the latest answer that the vendor keeps, and holds only what came after.
 * - `reasoningSummary`, `promptCacheKey`: as the vendor knows them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly flavour?: Flavour | undefined
  readonly instructions?: string | undefined
  readonly previousResponse?: boolean | undefined
  readonly reasoningSummary?: string | undefined
  readonly promptCacheKey?: string | undefined
}

/**
 * Makes an encoder for a model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (model: ModelInfo, defaults: Settings = {}, options: Options = {}): Encoder => {
  const flavour = options.flavour ?? flavourOf(model.vendor)
  const messages = new WeakMap<Message, Items>()
  const tools = new WeakMap<ToolSpec, string>()
  const refers = options.previousResponse === true && flavour.stored
  return Encoding.make((given) => {
    const answer = answerOf(given, flavour)
    const request = answer === undefined ? given : ForcedAnswer.forced(given, answer)
    const settings = settingsOf(defaults, request.settings)
    const extra = settings.extra ?? {}
    const [first] = request.messages
    const apart = options.instructions === undefined && flavour.instructions && first?.role === "system"
    const instructions = options.instructions ?? (apart ? systemText(first) : undefined)
    let body = head(request, model, flavour, settings, { ...options, previousResponse: refers, instructions })
    if (request.tools.length > 0 && !("tools" in extra)) {
      body += `,"tools":[${request.tools.map((tool) => remembered(tools, tool, (tool) => encodeTool(tool, flavour))).join(",")}]`
    }
    const previous = refers ? latestAnswer(request.messages, flavour) : undefined
    if (!("input" in extra)) {
      body += `,"input":[`
      const sent = new Set<string>()
      let separator = ""
      for (let index = previous?.next ?? (apart ? 1 : 0); index < request.messages.length; index++) {
        const message = request.messages[index]
        if (message === undefined) continue
        const before = request.messages[index - 1]
        let items = remembered(messages, message, (message) => itemsOf(message, before, model, flavour))
        if (items.ids.some((id) => sent.has(id))) items = itemsOf(message, before, model, flavour, sent)
        for (const id of items.ids) sent.add(id)
        if (items.text === "") continue
        body += separator + items.text
        separator = ","
      }
      body += "]"
    }
    // Last, because it is what changes from turn to turn.
    if (previous !== undefined) body += `,"previous_response_id":${JSON.stringify(previous.response)}`
    if (request.tools.length > 0 && request.toolChoice !== "auto" && !("tool_choice" in extra)) {
      body += `,"tool_choice":${JSON.stringify(encodeToolChoice(request))}`
    }
    return body + "}"
  })
}

/**
 * The tool that the answer is asked for with, where the vendor has no other way to bind it to a schema.
 *
 * @category constructors
 * @since 0.1.0
 */
export const answerOf = (request: Request, flavour: Flavour): ToolSpec | undefined =>
  flavour.schema === "tool" ? ForcedAnswer.objectToolOf(request) : undefined

// internal

/** The latest answer that the vendor keeps, and the number of the message after it. */
const latestAnswer = (
  messages: ReadonlyArray<Message>,
  flavour: Flavour
): { readonly response: string; readonly next: number } | undefined => {
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index]
    const response = message === undefined ? undefined : responseOf(message, flavour)
    if (response !== undefined) return { response, next: index + 1 }
  }
  return undefined
}

/** The body up to the tools, without its closing brace. */
const head = (request: Request, model: ModelInfo, flavour: Flavour, settings: Settings, options: Options): string => {
  if (settings.stop !== undefined && settings.stop.length > 0) {
    throw new Unsupported("This API has no stop sequences; OpenAiChat has.")
  }
  const limits = flavour.limits ? settings : {}
  const isForced = request.tools.length > 0 && request.toolChoice !== "auto" && request.toolChoice !== "none"
  const effort = isForced && flavour.unthinking ? "none" : settings.reasoningEffort
  const reasons = model.capabilities?.includes("reasoning") ?? !isPlain(model.id)
  const fields: { [name: string]: unknown } = {
    model: model.id,
    stream: true,
    store: options.previousResponse === true,
    include: flavour.encrypted && reasons ? ["reasoning.encrypted_content"] : undefined,
    instructions: options.instructions,
    temperature: limits.temperature,
    top_p: limits.topP,
    max_output_tokens: limits.maxOutputTokens,
    reasoning: object({ effort, summary: options.reasoningSummary }),
    text: object({ format: format(request) }),
    parallel_tool_calls: request.tools.length === 0 ? undefined : settings.parallelToolCalls,
    prompt_cache_key: options.promptCacheKey
  }
  for (const [name, value] of Object.entries(settings.extra ?? {})) fields[name] = merged(fields[name], value)
  return JSON.stringify(fields).slice(0, -1)
}

const object = (fields: Json): Json | undefined =>
  Object.values(fields).some((value) => value !== undefined) ? fields : undefined

/** Objects such as `text` and `reasoning` gain what is extra, and so do lists such as `include`. */
const merged = (ours: unknown, extra: unknown): unknown => {
  if (isJson(ours) && isJson(extra)) return { ...ours, ...extra }
  return Array.isArray(ours) && Array.isArray(extra) ? [...new Set([...ours, ...extra])] : extra
}

const format = ({ responseFormat }: Request): Json | undefined => {
  if (responseFormat.type === "text") return undefined
  const { name = "answer", schema: given } = responseFormat
  if (given === undefined) return { type: "json_object" }
  const schema = objectOf(given)
  const strict = strictForm(schema)
  return { type: "json_schema", name, schema: strict ?? schema, strict: strict !== undefined }
}

const encodeTool = (tool: ToolSpec, flavour: Flavour): string => {
  const { description, inputSchema, name, provider, strict } = tool
  if (provider === undefined) {
    const root = objectRoot(inputSchema)
    const form = strict === true ? strictForm(root) : undefined
    const schema = form ?? parameters(root)
    // Absent means strict here, so it is always said.
    return JSON.stringify({ type: "function", name, description, parameters: schema, strict: form !== undefined })
  }
  const vendor = provider.id.slice(0, Math.max(0, provider.id.indexOf(".")))
  if (vendor !== "openai" && vendor !== flavour.vendor) {
    throw new Unsupported(`Tool "${name}" is defined by another vendor (${provider.id}), and not offered here.`)
  }
  const type = typeOf(provider.id)
  const args = isJson(provider.args) ? provider.args : {}
  if (type === "custom") return JSON.stringify({ type, name: provider.name, description, ...args })
  const container = type === "code_interpreter" ? { container: { type: "auto" } } : undefined
  return JSON.stringify({ type, ...container, ...args })
}

/** "object schema missing properties" */
const parameters = (schema: object): object => ({
  ...schema,
  ...("properties" in schema ? undefined : { properties: {} })
})

const encodeToolChoice = ({ toolChoice, tools }: Request): unknown => {
  if (typeof toolChoice === "string") return toolChoice
  const provider = tools.find(({ name }) => name === toolChoice.tool)?.provider
  if (provider === undefined) return { type: "function", name: toolChoice.tool }
  const type = typeOf(provider.id)
  if (type === "custom") return { type, name: provider.name }
  const label = isJson(provider.args) ? textOf(provider.args["server_label"]) : undefined
  return type === "mcp" ? { type, server_label: label } : { type }
}
