/**
 * Encodes requests of the Gemini API. The body begins with what stays (configuration, system message, tools), then come
 * the messages, each converted once, and last what changes from turn to turn: a later request begins with the bytes of an
 * earlier one (TURN-2).
 */
import type { Message } from "../../domain/Message.ts"
import * as ModelInfo from "../../domain/ModelInfo.ts"
import type { Request, Settings, ToolSpec } from "../../domain/Request.ts"
import type { Encoder } from "./encoding.ts"
import * as Encoding from "./encoding.ts"
import { remembered, settingsOf, Unsupported } from "./encoding.ts"
import * as ForcedAnswer from "./forcedAnswer.ts"
import type { Dialect } from "./gemini.ts"
import { dialectOf, thinkingConfig, vendor } from "./gemini.ts"
import { content, encodeMessage, systemParts } from "./geminiMessages.ts"
import { adapted, parameters } from "./geminiSchema.ts"
import type { Json } from "./json.ts"
import { isJson } from "./json.ts"

/**
 * The tool that the answer is asked for with, where the model gives no JSON by itself: older ones do not next to tools.
 *
 * @category combinators
 * @since 0.1.0
 */
export const answerTool = (request: Request, model: ModelInfo.ModelInfo): ToolSpec | undefined => {
  if (request.responseFormat.type === "text") return undefined
  const isNative =
    ModelInfo.can(model, "structured-output") && (request.tools.length === 0 || dialectOf(model.id).isModern)
  if (isNative) return undefined
  const tool = ForcedAnswer.objectToolOf(request)
  if (tool === undefined) {
    throw new Unsupported(`Model ${model.id} gives no JSON here without a schema; give one, or leave the tools out.`)
  }
  return tool
}

/**
 * Makes an encoder for a model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (model: ModelInfo.ModelInfo, defaults: Settings = {}): Encoder => {
  const dialect = dialectOf(model.id)
  const memory: Memory = {
    messages: new WeakMap(),
    systems: new WeakMap(),
    tools: new WeakMap(),
    schemas: new WeakMap()
  }
  return Encoding.make((asked) => {
    const answer = answerTool(asked, model)
    const request = answer === undefined ? asked : ForcedAnswer.forced(asked, answer)
    const settings = settingsOf(defaults, request.settings)
    const extra = combined(defaults.extra ?? {}, request.settings.extra ?? {})
    const fields: Array<string> = []
    const add = (name: string, json: string | undefined): void => {
      const more = extra[name]
      const isReplaced = more !== undefined && name !== "generationConfig" && name !== "toolConfig"
      const text = isReplaced ? JSON.stringify(more) : json
      if (text !== undefined) fields.push(`"${name}":${text}`)
    }
    add("generationConfig", configOf(request, settings, extra["generationConfig"], dialect, memory))
    for (const name of Object.keys(extra)) if (!known.has(name)) add(name, undefined)
    const first = request.messages.findIndex(({ role }) => role !== "system")
    const systems = request.messages.slice(0, first === -1 ? request.messages.length : first)
    const instruction = systems
      .map((message) => remembered(memory.systems, message, systemText))
      .filter(isSaid)
      .join(",")
    if (dialect.hasInstruction) add("systemInstruction", instruction === "" ? undefined : `{"parts":[${instruction}]}`)
    add("tools", toolsOf(request, dialect, memory))
    const opening = dialect.hasInstruction || instruction === "" ? [] : [`{"role":"user","parts":[${instruction}]}`]
    add("contents", contentsOf(opening, request.messages.slice(systems.length), model, dialect, memory))
    add("toolConfig", toolConfigOf(request, extra["toolConfig"], dialect))
    return `{${fields.join(",")}}`
  })
}

// internal

interface Memory {
  readonly messages: WeakMap<Message, string>
  readonly systems: WeakMap<Message, string>
  readonly tools: WeakMap<ToolSpec, string>
  readonly schemas: WeakMap<object, object>
}

/** The fields with a place of their own; any other of `extra` stands before them. */
const known = new Set(["generationConfig", "systemInstruction", "tools", "contents", "toolConfig"])

const isSaid = (text: string): boolean => text !== ""

const systemText = (message: Message): string => JSON.stringify(systemParts(message)).slice(1, -1)

/** Two objects in one, and the objects within them, too. The second wins. */
const combined = (left: Json, right: Json): Json => {
  const out: { [name: string]: unknown } = { ...left }
  for (const [name, value] of Object.entries(right)) {
    const before = out[name]
    if (value !== undefined) out[name] = isJson(before) && isJson(value) ? combined(before, value) : value
  }
  return out
}

const written = (config: Json, more: unknown): string | undefined => {
  const text = JSON.stringify(isJson(more) ? combined(config, more) : config)
  return text === "{}" ? undefined : text
}

const configOf = (
  { responseFormat: format }: Request,
  settings: Settings,
  more: unknown,
  dialect: Dialect,
  { schemas }: Memory
): string | undefined => {
  const schema = format.type === "text" ? undefined : format.schema
  let made = schema === undefined ? undefined : schemas.get(schema)
  if (schema !== undefined && made === undefined) {
    made = adapted(schema)
    schemas.set(schema, made)
  }
  const config = {
    temperature: settings.temperature,
    topP: settings.topP,
    maxOutputTokens: settings.maxOutputTokens,
    stopSequences: settings.stop,
    seed: settings.seed,
    thinkingConfig: thinkingConfig(settings.reasoningEffort, dialect),
    responseMimeType: format.type === "text" ? undefined : "application/json",
    responseJsonSchema: made
  }
  return written(config, more)
}

const isFunction = (tool: ToolSpec): boolean => tool.provider === undefined

/** The functions in one declaration, Google's own tools beside it. */
const toolsOf = ({ tools }: Request, dialect: Dialect, memory: Memory): string | undefined => {
  if (tools.length === 0) return undefined
  const text = (tool: ToolSpec): string => remembered(memory.tools, tool, encodeTool)
  const functions = tools.filter(isFunction).map(text)
  const others = tools.filter((tool) => !isFunction(tool)).map(text)
  if (functions.length > 0 && others.length > 0 && !dialect.isModern) {
    throw new Unsupported(
      "Models before Gemini 3 take either functions or Google's own tools, not both; leave one out."
    )
  }
  return `[${[...(functions.length === 0 ? [] : [`{"functionDeclarations":[${functions.join(",")}]}`]), ...others].join(",")}]`
}

const encodeTool = (tool: ToolSpec): string => {
  const { description, inputSchema, name, provider } = tool
  if (provider === undefined)
    return JSON.stringify({ name, description, parametersJsonSchema: parameters(inputSchema) })
  const [owner, ...rest] = provider.id.split(".")
  if (owner !== vendor || rest.length === 0) {
    throw new Unsupported(`Tool "${name}" is defined by another vendor (${provider.id}); leave it out for this one.`)
  }
  const field = rest.join("_").replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  return JSON.stringify({ [field]: isJson(provider.args) ? provider.args : {} })
}

const contentsOf = (
  opening: ReadonlyArray<string>,
  messages: ReadonlyArray<Message>,
  model: ModelInfo.ModelInfo,
  dialect: Dialect,
  memory: Memory
): string => {
  const contents = [...opening]
  for (const message of messages) {
    const text = remembered(memory.messages, message, (message) => encodeMessage(message, model, dialect))
    if (text === "") continue
    // A conversation has to begin with the user.
    if (contents.length === 0 && text.startsWith(`{"role":"model"`)) contents.push(content("user", []))
    contents.push(text)
  }
  if (contents.length === 0) throw new Unsupported("A request needs a message besides the system's.")
  return `[${contents.join(",")}]`
}

/** What may be called now. Nothing may be said about functions when there are none. */
const toolConfigOf = ({ toolChoice, tools }: Request, more: unknown, { isModern }: Dialect): string | undefined => {
  const functions = tools.filter(isFunction)
  if (functions.length === 0) {
    if (toolChoice !== "auto" && toolChoice !== "none" && tools.length > 0) {
      throw new Unsupported("Google's own tools cannot be demanded; leave the choice to the model.")
    }
    return written({}, more)
  }
  const isMixed = functions.length < tools.length
  // Calls are then held to their schemas, which is also the only choice next to Google's own tools.
  const isValidated = isMixed || (isModern && functions.some(({ strict }) => strict === true))
  const calling =
    toolChoice === "auto"
      ? isValidated
        ? { mode: "VALIDATED" }
        : undefined
      : toolChoice === "none"
        ? { mode: "NONE" }
        : toolChoice === "required"
          ? { mode: "ANY" }
          : { mode: "ANY", allowedFunctionNames: [toolChoice.tool] }
  return written({ functionCallingConfig: calling, includeServerSideToolInvocations: isMixed ? true : undefined }, more)
}
