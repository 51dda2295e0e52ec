/**
 * Encodes requests of the Messages API. Each message is converted to the JSON text of its blocks once and remembered; a
 * body is then a concatenation. The order of keys never changes and nothing reads a clock: a later request begins with the
 * bytes of an earlier one (TURN-2).
 *
 * What marks the prompt for the vendor's cache stands where it does not move: on the last tool, on the last block of the
 * instructions, and at the top of the body, where it means the last message, whichever that is. Two marks do move, and are
 * no part of the prefix that the cache compares: other servers than the vendor's do not know the one at the top and get
 * one on the last block; and where a turn added more blocks than the vendor looks back (20), the message before it gets
 * one.
 */
import type { Message } from "../../domain/Message.ts"
import type { ModelInfo } from "../../domain/ModelInfo.ts"
import type { Request, Settings, ToolSpec } from "../../domain/Request.ts"
import type { Facts } from "./anthropic.ts"
import { factsOf, typeOfTool, wireName } from "./anthropic.ts"
import type { Encoded } from "./anthropicMessages.ts"
import { encodeMessage, encodeSystem, thinks } from "./anthropicMessages.ts"
import * as Schema from "./anthropicSchema.ts"
import type { Encoder } from "./encoding.ts"
import * as Encoding from "./encoding.ts"
import { remembered, settingsOf, Unsupported } from "./encoding.ts"
import * as ForcedAnswer from "./forcedAnswer.ts"
import type { Json } from "./json.ts"
import { objectRoot } from "./jsonSchema.ts"

/**
 * How requests are written.
 *
 * **Details**
 *
 * - `cache`: how long prompts are kept, or that they are not. `eagerInput`: whether arguments of calls are streamed as they
 *   are generated. `isOfficial`: whether the vendor's own server is asked, which knows the newest fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly settings?: Settings | undefined
  readonly cache?: false | { readonly ttl?: "5m" | "1h" | undefined } | undefined
  readonly eagerInput?: boolean | undefined
  readonly isOfficial?: boolean | undefined
}

/**
 * How an answer of a form is asked for: by binding it to the schema, as the arguments of a tool, or in words.
 *
 * @category models
 * @since 0.1.0
 */
export type Form =
  | { readonly kind: "text" }
  | { readonly kind: "bound"; readonly schema: object }
  | { readonly kind: "forced"; readonly tool: ToolSpec }
  | { readonly kind: "told"; readonly text: string }

const bound = new WeakMap<object, { readonly schema: object | undefined }>()

/**
 * How the form of a request is asked for of a model with these facts.
 *
 * @category converters
 * @since 0.1.0
 */
export const formOf = (request: Request, facts: Facts): Form => {
  const format = request.responseFormat
  if (format.type === "text") return { kind: "text" }
  if (format.schema === undefined) {
    return { kind: "told", text: "Answer with one JSON object and nothing else: no words around it, no code fence." }
  }
  const { schema } = remembered(bound, format.schema, (schema) => ({ schema: Schema.ofAnswer(schema) }))
  if (facts.jsonSchema && schema !== undefined) return { kind: "bound", schema }
  const tool = ForcedAnswer.objectToolOf(request)
  if (facts.forces && tool !== undefined && Schema.oddName(tool.inputSchema) === undefined)
    return { kind: "forced", tool }
  const text = `Answer with one JSON value and nothing else: no words around it, no code fence. It has to match this JSON schema:`
  return { kind: "told", text: `${text}\n${JSON.stringify(format.schema)}` }
}

/**
 * Makes an encoder for a model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (model: ModelInfo, options: Options = {}): Encoder => {
  const facts = factsOf(model.id)
  const messages = new WeakMap<Message, Encoded>()
  const tools = new WeakMap<ToolSpec, string>()
  const ttl = options.cache === false || options.cache?.ttl !== "1h" ? undefined : { ttl: options.cache.ttl }
  const cacheControl = options.cache === false ? undefined : { type: "ephemeral", ...ttl }
  const mark = (blocks: string): string =>
    cacheControl === undefined || blocks === ""
      ? blocks
      : `${blocks.slice(0, -1)},"cache_control":${JSON.stringify(cacheControl)}}`
  return Encoding.make((asked) => {
    const form = formOf(asked, facts)
    const request = form.kind === "forced" ? ForcedAnswer.forced(asked, form.tool) : asked
    const settings = settingsOf(options.settings ?? {}, request.settings)
    const extra = settings.extra ?? {}
    const isOfficial = options.isOfficial === true
    let body = head(request, { model, facts, settings, form, isOfficial }, isOfficial ? cacheControl : undefined)
    const instructions = leading(request.messages)
    const system = systemOf(request.messages.slice(0, instructions), form, mark)
    if (system !== "" && !("system" in extra)) body += `,"system":[${system}]`
    if (request.tools.length > 0 && !("tools" in extra)) {
      const texts = request.tools.map((tool) => remembered(tools, tool, (tool) => encodeTool(tool, options, facts)))
      body += `,"tools":[${mark(texts.join(","))}]`
    }
    if (!("messages" in extra)) {
      const conversation = request.messages.slice(instructions)
      const encoded = conversation.map((message, index) =>
        message.role === "assistant" && index === conversation.length - 1
          ? encodeMessage(message, model, true)
          : remembered(messages, message, (message) => encodeMessage(message, model, false))
      )
      body += `,"messages":[${joined(encoded, mark, isOfficial)}]`
    }
    // Last, because it is what changes from turn to turn.
    const choice = request.tools.length === 0 ? undefined : toolChoice(request, settings, facts, model)
    if (choice !== undefined && !("tool_choice" in extra)) body += `,"tool_choice":${JSON.stringify(choice)}`
    return body + "}"
  })
}

// internal

interface Asked {
  readonly model: ModelInfo
  readonly facts: Facts
  readonly settings: Settings
  readonly form: Form
  readonly isOfficial: boolean
}

/** The body up to the instructions, without its closing brace. */
const head = (request: Request, asked: Asked, cacheControl: Json | undefined): string => {
  const { facts, form, model, settings } = asked
  const limit = settings.maxOutputTokens ?? model.outputLimit ?? facts.maxTokens
  const thinking = thinkingOf(request, asked, limit)
  const format = form.kind === "bound" ? { type: "json_schema", schema: form.schema } : undefined
  const output = { effort: effortOf(settings, facts), format }
  const samples = facts.sampling !== "none" && (thinking === undefined || thinking["type"] === "disabled")
  const both = facts.sampling === "both" || settings.temperature === undefined
  const fields: { [name: string]: unknown } = {
    model: model.id,
    max_tokens: limit,
    stream: true,
    temperature: samples ? settings.temperature : undefined,
    top_p: samples && both ? settings.topP : undefined,
    stop_sequences: settings.stop,
    thinking,
    output_config: output.effort === undefined && format === undefined ? undefined : output,
    cache_control: cacheControl
  }
  Object.assign(fields, settings.extra)
  return JSON.stringify(fields).slice(0, -1)
}

const isOff = (effort: string | undefined): boolean => effort === "none" || effort === "off"

const thinkingOf = (request: Request, asked: Asked, limit: number): Json | undefined => {
  const { facts, isOfficial, settings } = asked
  const effort = settings.reasoningEffort
  if (isOff(effort) && facts.off !== "never") return facts.off === "omit" ? undefined : { type: facts.off }
  // Else a conversation that was compacted, or an agent whose tools change, is refused.
  const binding = facts.binds && isOfficial ? { block_binding: { prefix_mismatch_behavior: "drop_block" } } : undefined
  if (isForced(request) && !facts.thinksForced) return undefined
  if (effort === undefined) return binding === undefined ? undefined : { type: "adaptive", ...binding }
  switch (facts.thinking) {
    case "none":
      return undefined
    case "adaptive":
      // Who asks for thinking wants to see it.
      return { type: "adaptive", ...(facts.display ? { display: "summarized" } : undefined), ...binding }
    case "budget": {
      if (!mayThink(request.messages)) return undefined
      const budget = Math.min(budgetOf(effort), limit - 1024)
      return budget < 1024 ? undefined : { type: "enabled", budget_tokens: budget }
    }
  }
}

const budgets = new Map([
  ["minimal", 1024],
  ["low", 4096],
  ["medium", 10_000],
  ["high", 20_000],
  ["xhigh", 32_000],
  ["max", 32_000]
])

const budgetOf = (effort: string): number => {
  const budget = budgets.get(effort)
  if (budget !== undefined) return budget
  throw new Unsupported(
    `This model knows no reasoning effort "${effort}". Use ${[...budgets.keys()].join(", ")} or none.`
  )
}

/** The level that the model knows for what was asked; a level that nobody knows is left to the vendor. */
const effortOf = ({ reasoningEffort: asked }: Settings, { efforts, off }: Facts): string | undefined => {
  if (asked === undefined || efforts.length === 0) return undefined
  if (isOff(asked)) return off === "never" ? efforts[0] : undefined
  if (asked === "minimal") return "low"
  return (asked === "xhigh" || asked === "max") && !efforts.includes(asked) ? efforts[efforts.length - 1] : asked
}

/** With a budget, thinking has to stand at the beginning of the answer that is still going on; another model's has none. */
const mayThink = (messages: ReadonlyArray<Message>): boolean => {
  const last = messages.findLastIndex(({ role }) => role === "user" || role === "system")
  const first = messages[last + 1]
  return first === undefined || first.role !== "assistant" || thinks(first)
}

const isForced = ({ toolChoice }: Request): boolean => toolChoice !== "auto" && toolChoice !== "none"

const toolChoice = (request: Request, settings: Settings, facts: Facts, model: ModelInfo): Json | undefined => {
  const { toolChoice: choice } = request
  if (choice === "none") return { type: "none" }
  const one = settings.parallelToolCalls === false ? { disable_parallel_tool_use: true } : undefined
  if (choice === "auto") return one === undefined ? undefined : { type: "auto", ...one }
  if (!facts.forces)
    throw new Unsupported(`Model ${model.id} cannot be made to call a tool. Ask with toolChoice "auto".`)
  if (choice === "required") return { type: "any", ...one }
  const tool = request.tools.find(({ name }) => name === choice.tool)
  return { type: "tool", name: tool === undefined ? choice.tool : wireName(tool), ...one }
}

/** How many messages at the beginning are instructions. */
const leading = (messages: ReadonlyArray<Message>): number => {
  const first = messages.findIndex(({ role }) => role !== "system")
  return first === -1 ? messages.length : first
}

/** The instructions, marked; then what is said about the form of the answer, which may differ from request to request. */
const systemOf = (messages: ReadonlyArray<Message>, form: Form, mark: (blocks: string) => string): string => {
  const blocks = messages.flatMap(encodeSystem).map((block) => JSON.stringify(block))
  const told = form.kind === "told" ? [JSON.stringify({ type: "text", text: form.text })] : []
  return [...(blocks.length === 0 ? [] : [mark(blocks.join(","))]), ...told].join(",")
}

const encodeTool = (tool: ToolSpec, options: Options, facts: Facts): string => {
  const type = typeOfTool(tool)
  if (tool.provider === undefined) {
    const odd = facts.signs ? Schema.oddName(tool.inputSchema) : undefined
    if (odd !== undefined) {
      throw new Unsupported(
        `Tool "${tool.name}" has an argument "${odd}": here they are named with at most 64 letters, digits, _, . and -. Rename it, or leave the tool out.`
      )
    }
    const root = objectRoot(tool.inputSchema)
    const form = facts.jsonSchema && tool.strict === true ? Schema.ofAnswer(root) : undefined
    return JSON.stringify({
      name: tool.name,
      description: tool.description,
      input_schema: form ?? root,
      strict: !facts.jsonSchema || tool.strict === undefined ? undefined : form !== undefined,
      eager_input_streaming: options.eagerInput === true ? true : undefined
    })
  }
  if (type === undefined) {
    throw new Unsupported(
      `Tool "${tool.name}" is defined by another vendor (${tool.provider.id}). Leave it out, or use one of this vendor's, whose ids begin with "anthropic.".`
    )
  }
  const name = /toolset(_\d+)?$/.test(type) ? undefined : tool.provider.name
  const args = typeof tool.provider.args === "object" && tool.provider.args !== null ? tool.provider.args : {}
  const settings = Object.entries(args).map(([key, value]) => [snake(key), value] as const)
  // A mark for the cache is placed here, or by nobody.
  const own = options.cache === false ? settings : settings.filter(([key]) => key !== "cache_control")
  return JSON.stringify({ type, name, ...Object.fromEntries(own) })
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** How far the vendor looks back from a mark for what it has in its cache, with room for a miscount. */
const lookBack = 18

/** The messages as JSON. Neighbours of one role become one message, and the first is the user's. */
const joined = (all: ReadonlyArray<Encoded>, mark: (blocks: string) => string, isOfficial: boolean): string => {
  const messages = all.filter(({ text }) => text !== "")
  const marked = [messages[farBack(messages)], isOfficial ? undefined : messages[messages.length - 1]]
  let out = messages[0]?.role === "assistant" ? `{"role":"user","content":[{"type":"text","text":"Continue."}]}` : ""
  let role = ""
  for (const message of messages) {
    const text = marked.includes(message) ? mark(message.text) : message.text
    if (message.role === role) out += `,${text}`
    else out += `${role === "" ? "" : "]}"}${out === "" ? "" : ","}{"role":"${message.role}","content":[${text}`
    role = message.role
  }
  return role === "" ? out : `${out}]}`
}

/** The message at which the request before ended, when it is further back than the vendor looks; -1 otherwise. */
const farBack = (messages: ReadonlyArray<Encoded>): number => {
  const answer = messages.findLastIndex(({ role }) => role === "assistant")
  let count = 0
  for (let index = messages.length - 1; index >= answer && index >= 0; index--) count += messages[index]?.count ?? 0
  return count > lookBack ? answer - 1 : -1
}
