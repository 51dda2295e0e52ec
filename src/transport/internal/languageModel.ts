/**
 * The pure half of the adapter to `@effect/ai`: messages to prompts and back, response parts to deltas and back.
 * No effects and no services. What the other side has no place for is decided here.
 */
import * as Prompt from "@effect/ai/Prompt"
import type * as Response from "@effect/ai/Response"
import * as AiTool from "@effect/ai/Tool"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { Delta } from "../../domain/Delta.ts"
import * as Message from "../../domain/Message.ts"
import * as Part from "../../domain/Part.ts"
import * as Usage from "../../domain/Usage.ts"

/** What the other side has no word for. Thrown by `toPrompt`; anything else that a conversion throws is a defect. */
export class Unsupported extends Error {}

/** A conversion that happens once per object: whoever gets the same object again knows it, too. */
export const once = <K extends object, V>(convert: (key: K) => V): ((key: K) => V) => {
  const known = new WeakMap<K, V>()
  return (key) => {
    const value = known.get(key) ?? convert(key)
    known.set(key, value)
    return value
  }
}

// Meta and options ---------------------------------------------------------------------------------------------------

/** Our own key beside the vendors' in `meta`, `metadata` and `options`: what they have no field for. */
const own = "@effect/ai"

type Bag = { readonly [vendor: string]: { readonly [name: string]: unknown } | undefined }

/** `@effect/ai` wants a record per vendor; other values travel under our own key. */
export const toOptions = (meta: Part.Meta | undefined): Bag => {
  const options: { [vendor: string]: { readonly [name: string]: unknown } } = {}
  const rest: { [name: string]: unknown } = {}
  for (const [key, value] of Object.entries(meta ?? {})) {
    if (Predicate.isRecord(value)) options[key] = value
    else if (value !== undefined) rest[key] = value
  }
  if (Object.keys(rest).length > 0) options[own] = { ...options[own], rest }
  return options
}

/** The inverse of `toOptions`. Empty options are no meta. */
export const toMeta = (options: Bag | undefined): Part.Meta | undefined => {
  const meta: { [name: string]: unknown } = {}
  for (const [key, value] of Object.entries(options ?? {})) {
    const { rest, ...others } = value ?? {}
    if (key === own && Predicate.isRecord(rest))
      Object.assign(meta, rest, Object.keys(others).length > 0 ? { [own]: others } : {})
    else if (value !== undefined) meta[key] = value
  }
  return Object.keys(meta).length === 0 ? undefined : meta
}

/** A field that is left out when there is nothing to say. */
const given = <K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } =>
  // A computed key widens to `string`; it is `K`.
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V }

const ownText = (meta: Part.Meta | undefined, name: string): string | undefined => {
  const value = meta?.[own]
  return Predicate.isRecord(value) && typeof value[name] === "string" ? value[name] : undefined
}

const withOwn = (meta: Part.Meta | undefined, values: { readonly [name: string]: string | undefined }) => {
  const known = Object.entries(values).filter(([, value]) => value !== undefined)
  if (known.length === 0) return meta
  return { ...meta, [own]: Object.assign({}, meta?.[own], Object.fromEntries(known)) }
}

// Messages to prompt -------------------------------------------------------------------------------------------------

/** Converts messages. Throws `Unsupported`. */
export const toPrompt = (messages: ReadonlyArray<Message.Message>): Prompt.Prompt =>
  Prompt.fromMessages(messages.flatMap(toPromptMessages))

const toPromptMessages = once((message: Message.Message): ReadonlyArray<Prompt.Message> => {
  const { parts, role } = message
  const options = toOptions(message.meta)
  switch (role) {
    case "system": {
      const texts = parts.map((part) => (part.type === "text" ? part : misplaced(part, role)))
      if (texts.every((part) => part.meta === undefined)) {
        return [Prompt.makeMessage(role, { content: Message.toText(message), options })]
      }
      // A system message of a prompt is one string: parts with marks of their own (a cache breakpoint) stay apart.
      return texts.map(({ meta, text }) =>
        Prompt.makeMessage(role, { content: text, options: toOptions({ ...message.meta, ...meta }) })
      )
    }
    case "user":
      return [Prompt.makeMessage(role, { content: parts.map(toUserPart), options })]
    case "assistant":
      return [Prompt.makeMessage(role, { content: parts.flatMap(toAssistantParts), options })]
    case "tool": {
      const results = parts.map((part) => (part.type === "tool-result" ? toResultPart(part) : misplaced(part, role)))
      return [Prompt.makeMessage(role, { content: results, options })]
    }
  }
})

const misplaced = (part: Part.Part, role: Message.Role): never => {
  throw new Unsupported(`A ${role} message of @effect/ai cannot hold a ${part.type} part.`)
}

const toUserPart = (part: Part.Part): Prompt.UserMessagePart => {
  if (part.type === "text") return Prompt.makePart("text", { text: part.text, options: toOptions(part.meta) })
  return part.type === "file" ? toFilePart(part) : misplaced(part, "user")
}

const toAssistantParts = (part: Part.Part): ReadonlyArray<Prompt.AssistantMessagePart> => {
  switch (part.type) {
    case "text":
    case "reasoning":
      return [Prompt.makePart(part.type, { text: part.text, options: toOptions(part.meta) })]
    case "file":
      return [toFilePart(part)]
    case "tool-call":
      return [Prompt.makePart("tool-call", { ...toCommon(part), params: toParams(part.input) })]
    case "tool-result":
      return [toResultPart(part)]
    case "source":
      // A prompt has no sources; they tell people where an answer comes from, and models do not read them again.
      return []
  }
}

const toResultPart = (part: Part.ToolResult): Prompt.ToolResultPart => {
  const result = toResult(part.content)
  return Prompt.makePart("tool-result", { ...toCommon(part), isFailure: part.outcome !== "ok", result })
}

const toCommon = (part: Part.ToolCall | Part.ToolResult) => ({
  id: part.wireId ?? part.id,
  // Providers know the tools that they run under their own names.
  name: ownText(part.meta, "providerName") ?? part.name,
  providerExecuted: part.transportExecuted ?? false,
  options: toOptions(part.meta)
})

/** A single JSON value stays one; everything else is what a model without richer input would read. */
const toResult = (content: ReadonlyArray<Part.ResultContent>): unknown => {
  const [first] = content
  return content.length === 1 && first?.type === "json" ? (first.value ?? null) : Part.contentToText(content)
}

/** Vendors refuse a call whose arguments are no object, and with it the conversation: broken ones are wrapped. */
const toParams = (input: string): unknown => {
  const value = parseInput(input)
  return Predicate.isRecord(value) ? value : { malformed: input }
}

/** The value of a call's arguments, which some models leave out altogether; `undefined` if they are not JSON. */
const parseInput = (input: string, parse: (text: string) => unknown = JSON.parse): unknown => {
  try {
    return input.trim() === "" ? {} : parse(input)
  } catch {
    return undefined
  }
}

const toFilePart = (part: Part.File): Prompt.FilePart =>
  Prompt.makePart("file", {
    mediaType: part.mediaType,
    fileName: part.name,
    data: toFileData(part),
    options: toOptions(part.meta)
  })

const toFileData = ({ data, mediaType }: Part.File): string | Uint8Array | URL => {
  if ("url" in data && URL.canParse(data.url)) return new URL(data.url)
  // Bytes rather than base64: providers read a string as text or as the id of an uploaded file.
  if ("text" in data) return mediaType.startsWith("text/") ? data.text : new TextEncoder().encode(data.text)
  const bytes = "base64" in data ? Encoding.decodeBase64(data.base64) : undefined
  if (bytes?._tag === "Right") return bytes.right
  throw new Unsupported(`The ${bytes === undefined ? "URL" : "base64"} of a ${mediaType} file cannot be read.`)
}

// Prompt to messages -------------------------------------------------------------------------------------------------

/** The inverse of `toPrompt`. */
export const fromPrompt = (prompt: Prompt.Prompt): ReadonlyArray<Message.Message> => prompt.content.map(fromMessage)

const fromMessage = once(
  ({ content, options, role }: Prompt.Message): Message.Message => ({
    role,
    parts: typeof content === "string" ? [Part.text(content)] : content.map(fromPart),
    ...given("meta", toMeta(options))
  })
)

const fromPart = (part: Prompt.Part): Part.Part => {
  const meta = toMeta(part.options)
  switch (part.type) {
    case "text":
    case "reasoning":
      return { type: part.type, text: part.text, ...given("meta", meta) }
    case "file": {
      const data = fromFileData(part.data, part.mediaType)
      return { type: "file", mediaType: part.mediaType, data, ...given("name", part.fileName), ...given("meta", meta) }
    }
    case "tool-call":
      return { type: "tool-call", ...fromCommon(part, meta), input: JSON.stringify(part.params) ?? "{}" }
    case "tool-result":
      return { type: "tool-result", ...fromCommon(part, meta), ...fromResult(part, part.result) }
  }
}

const fromCommon = (part: Prompt.ToolCallPart | Prompt.ToolResultPart | AnyCall | AnyResult, meta?: Part.Meta) => ({
  id: part.id,
  name: part.name,
  ...given("transportExecuted", part.providerExecuted || undefined),
  ...given("meta", meta)
})

const fromResult = (part: { readonly isFailure: boolean }, result: unknown) => ({
  outcome: part.isFailure ? ("failed" as const) : ("ok" as const),
  content: typeof result === "string" ? [Part.text(result)] : [{ type: "json" as const, value: result ?? null }]
})

const fromFileData = (data: string | Uint8Array | URL, mediaType: string): Part.FileData => {
  if (data instanceof URL) return { url: data.href }
  if (typeof data !== "string") return { base64: Encoding.encodeBase64(data) }
  if (/^(https?|data):/.test(data)) return { url: data }
  return mediaType.startsWith("text/") ? { text: data } : { base64: data }
}

// Response parts to deltas -------------------------------------------------------------------------------------------

type AnyCall = Response.ToolCallPart<string, unknown>
type AnyResult = Response.ToolResultPart<string, unknown, unknown>

type Kind = "text" | "reasoning" | "tool-call"
type Piece = { readonly id?: string; readonly name?: string; readonly metadata: Bag }
type Open = { readonly index: number; readonly kind: Kind; text: string; metadata: Bag }

/** Reads the parts of one response in order. */
export class ResponseDecoder {
  /** The answer is complete; what follows is ignored. */
  finished = false
  /** The provider reported an error inside the stream. */
  failure: { readonly error: unknown } | undefined = undefined
  private count = 0
  private readonly open = new Map<string, Open>()

  decode(parts: Iterable<Response.AnyPart>): Array<Delta> {
    const out: Array<Delta> = []
    for (const part of parts) {
      if (this.finished || this.failure !== undefined) break
      this.push(part, out)
    }
    return out
  }

  private push(part: Response.AnyPart, out: Array<Delta>): unknown {
    switch (part.type) {
      case "text":
      case "reasoning":
        this.extend(part.type, part, part.text, out)
        return this.end(part.type, part, out)
      case "text-start":
      case "text-delta":
        return this.extend("text", part, part.type === "text-delta" ? part.delta : "", out)
      case "text-end":
        return this.end("text", part, out)
      case "reasoning-start":
      case "reasoning-delta":
        return this.extend("reasoning", part, part.type === "reasoning-delta" ? part.delta : "", out)
      case "reasoning-end":
        return this.end("reasoning", part, out)
      case "tool-params-start":
      case "tool-params-delta":
        return this.extend("tool-call", part, part.type === "tool-params-delta" ? part.delta : "", out)
      case "tool-params-end":
        return
      case "tool-call": {
        const { index, metadata, text } = this.close("tool-call", part, out)
        const meta = withOwn(toMeta(metadata), { providerName: part.providerName })
        const call = { type: part.type, ...fromCommon(part, meta), input: rawInput(text, part.params) }
        return out.push({ _tag: "PartEnd", index, part: call })
      }
      case "tool-result": {
        const meta = withOwn(toMeta(part.metadata), { providerName: part.providerName })
        return this.whole({ type: part.type, ...fromCommon(part, meta), ...fromResult(part, part.encodedResult) }, out)
      }
      case "file": {
        const data = { base64: Encoding.encodeBase64(part.data) }
        const meta = given("meta", toMeta(part.metadata))
        return this.whole({ type: "file", mediaType: part.mediaType, data, ...meta }, out)
      }
      case "source": {
        const kept = part.sourceType === "url" ? {} : { mediaType: part.mediaType, fileName: part.fileName }
        const meta = given("meta", withOwn(toMeta(part.metadata), kept))
        const url = given("url", part.sourceType === "url" ? part.url.href : undefined)
        return this.whole({ type: "source", ...url, title: part.title, ...meta }, out)
      }
      case "response-metadata": {
        const id = Option.getOrUndefined(part.id)
        return out.push({ _tag: "ResponseStart", id, model: Option.getOrUndefined(part.modelId) })
      }
      case "finish":
        return this.finish(part, out)
      case "error":
        this.failure = { error: part.error }
        return
    }
  }

  /** The open part of that kind and id. Opens one where the provider did not. */
  private opened(kind: Kind, part: Piece, out: Array<Delta>): Open {
    const key = `${kind}:${part.id ?? ""}`
    const known = this.open.get(key)
    if (known !== undefined) {
      known.metadata = merge(known.metadata, part.metadata)
      return known
    }
    const open: Open = { index: this.count++, kind, text: "", metadata: part.metadata }
    this.open.set(key, open)
    out.push({ _tag: "PartStart", index: open.index, kind, ...given("name", part.name) })
    return open
  }

  private extend(kind: Kind, part: Piece, delta: string, out: Array<Delta>): void {
    const open = this.opened(kind, part, out)
    if (delta === "") return
    open.text += delta
    const _tag = kind === "text" ? "TextDelta" : kind === "reasoning" ? "ReasoningDelta" : "ToolInputDelta"
    out.push({ _tag, index: open.index, delta })
  }

  private close(kind: Kind, part: Piece, out: Array<Delta>): Open {
    const open = this.opened(kind, part, out)
    this.open.delete(`${kind}:${part.id ?? ""}`)
    return open
  }

  private end(kind: "text" | "reasoning", part: Piece, out: Array<Delta>): void {
    const { index, metadata, text } = this.close(kind, part, out)
    out.push({ _tag: "PartEnd", index, part: { type: kind, text, ...given("meta", toMeta(metadata)) } })
  }

  private whole(part: Part.Part, out: Array<Delta>): void {
    const index = this.count++
    const name = given("name", part.type === "tool-result" ? part.name : undefined)
    out.push({ _tag: "PartStart", index, kind: part.type, ...name }, { _tag: "PartEnd", index, part })
  }

  private finish({ metadata, reason, usage }: Response.FinishPart, out: Array<Delta>): void {
    // Some providers end a response without ending its texts. A call that never became whole is no call.
    for (const [key, { kind }] of [...this.open]) {
      if (kind !== "tool-call") this.end(kind, { id: key.slice(kind.length + 1), metadata: {} }, out)
    }
    this.finished = true
    const { cachedInputTokens: cacheRead, inputTokens: input, outputTokens: output } = usage
    out.push({
      _tag: "Finish",
      reason: reason === "unknown" ? "other" : reason,
      usage: Usage.make({ input, cacheRead, output, reasoning: usage.reasoningTokens }),
      ...given("meta", toMeta(metadata))
    })
  }
}

/** Start, deltas and end each may carry metadata of one part: a signature comes last, an item id first. */
const merge = (left: Bag, right: Bag): Bag => {
  const keys = Object.keys(right)
  if (keys.length === 0) return left
  const merged = { ...left }
  for (const key of keys) {
    const known = Object.entries(right[key] ?? {}).filter(([, value]) => value !== undefined)
    merged[key] = { ...left[key], ...Object.fromEntries(known) }
  }
  return merged
}

/** The text as the model wrote it, where it was streamed and says the same as the parsed parameters. */
const rawInput = (streamed: string, params: unknown): string => {
  const canonical = JSON.stringify(params) ?? "{}"
  return streamed !== "" && JSON.stringify(parseInput(streamed)) === canonical ? streamed : canonical
}

// Deltas to response parts -------------------------------------------------------------------------------------------

/** Writes the deltas of one response as encoded parts, streamed or whole. */
export class ResponseEncoder {
  /** What the answer holds and `@effect/ai` cannot: then nothing more is written. */
  failure: string | undefined = undefined
  finished = false
  private readonly written = new Map<number, number>()
  private readonly tools: ReadonlySet<string>
  private readonly prefix: string

  /** `prefix` makes ids for what came without one; it must be new for every response. */
  constructor(tools: ReadonlySet<string>, prefix: string) {
    this.tools = tools
    this.prefix = prefix
  }

  /** Arguments of calls are not streamed: they would need the id of their call, which comes with the whole call. */
  stream(deltas: Iterable<Delta>): Array<Response.StreamPartEncoded> {
    const out: Array<Response.StreamPartEncoded> = []
    for (const delta of deltas) {
      if (this.failure !== undefined) break
      if (delta._tag === "TextDelta") this.write("text", delta.index, delta.delta, out)
      else if (delta._tag === "ReasoningDelta") this.write("reasoning", delta.index, delta.delta, out)
      else if (delta._tag === "PartEnd") {
        const { index, part } = delta
        if (part.type === "text" || part.type === "reasoning") {
          // A transport may hand out a part without its deltas.
          this.write(part.type, index, part.text.slice(this.written.get(index) ?? 0), out)
          out.push({ type: `${part.type}-end`, id: String(index), metadata: toOptions(part.meta) })
        } else out.push(...this.part(index, part))
      } else out.push(...this.frame(delta))
    }
    return out
  }

  whole(deltas: Iterable<Delta>): Array<Response.PartEncoded> {
    const out: Array<Response.PartEncoded> = []
    for (const delta of deltas) {
      if (this.failure !== undefined) break
      if (delta._tag !== "PartEnd") out.push(...this.frame(delta))
      else if (delta.part.type === "text" || delta.part.type === "reasoning") {
        out.push({ type: delta.part.type, text: delta.part.text, metadata: toOptions(delta.part.meta) })
      } else out.push(...this.part(delta.index, delta.part))
    }
    return out
  }

  private write(kind: "text" | "reasoning", index: number, delta: string, out: Array<Response.StreamPartEncoded>) {
    const before = this.written.get(index)
    if (before === undefined) out.push({ type: `${kind}-start`, id: String(index) })
    this.written.set(index, (before ?? 0) + delta.length)
    if (delta !== "") out.push({ type: `${kind}-delta`, id: String(index), delta })
  }

  private frame(delta: Delta): ReadonlyArray<Response.ResponseMetadataPartEncoded | Response.FinishPartEncoded> {
    if (delta._tag === "ResponseStart") return [{ type: "response-metadata", id: delta.id, modelId: delta.model }]
    if (delta._tag !== "Finish") return []
    this.finished = true
    const { inputTokens, outputTokens } = delta.usage
    const usage = {
      inputTokens: inputTokens.total,
      outputTokens: outputTokens.total,
      totalTokens: Usage.totalTokens(delta.usage),
      reasoningTokens: outputTokens.reasoning,
      cachedInputTokens: inputTokens.cacheRead
    }
    return [{ type: "finish", reason: delta.reason, usage, metadata: toOptions(delta.meta) }]
  }

  private part(index: number, part: Exclude<Part.Part, Part.Text | Part.Reasoning>): ReadonlyArray<PartEncoded> {
    const id = `${this.prefix}-${index}`
    switch (part.type) {
      case "tool-call":
      case "tool-result": {
        const providerExecuted = part.transportExecuted === true
        // Without a schema in the toolkit a part ends the stream. What the vendor did by itself may be left out.
        if (!this.tools.has(part.name)) {
          if (!providerExecuted) this.failure = `The model called "${part.name}", which is not in the toolkit.`
          return []
        }
        const common = {
          id: part.id === "" ? id : part.id,
          name: part.name,
          providerExecuted,
          ...given("providerName", ownText(part.meta, "providerName")),
          metadata: toOptions(part.meta)
        }
        if (part.type === "tool-result") {
          return [{ type: part.type, ...common, isFailure: part.outcome !== "ok", result: toResult(part.content) }]
        }
        const params = parseInput(part.input, AiTool.unsafeSecureJsonParse)
        if (params === undefined) this.failure = `The model called "${part.name}" with arguments that are not JSON.`
        return params === undefined ? [] : [{ type: part.type, ...common, params }]
      }
      case "file": {
        if ("url" in part.data) return [sourceEncoded(id, part.name, part.data.url, part.meta)]
        const data = "text" in part.data ? Encoding.encodeBase64(part.data.text) : part.data.base64
        return [{ type: "file", mediaType: part.mediaType, data, metadata: toOptions(part.meta) }]
      }
      case "source":
        return [sourceEncoded(id, part.title, part.url, part.meta)]
    }
  }
}

type PartEncoded = Extract<Response.PartEncoded, { readonly type: "tool-call" | "tool-result" | "file" | "source" }>

const sourceEncoded = (id: string, title: string | undefined, url: string | undefined, meta: Part.Meta | undefined) => {
  const common = { type: "source", id, title: title ?? url ?? "", metadata: toOptions(meta) } as const
  if (url !== undefined && URL.canParse(url)) return { ...common, sourceType: "url", url } as const
  const mediaType = ownText(meta, "mediaType") ?? "text/plain"
  return { ...common, sourceType: "document", mediaType, ...given("fileName", ownText(meta, "fileName")) } as const
}
