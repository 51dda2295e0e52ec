/**
 * Decodes one answer of the Messages API: bytes in, deltas out, whether it is an event stream or one JSON object. Blocks
 * stay the parts that the vendor made of them, in its order, with what it wants back in `meta`. Events and blocks that
 * are not known are skipped.
 */
import type * as Part from "../../domain/Part.ts"
import * as Usage from "../../domain/Usage.ts"
import { finishReason, vendor } from "./anthropic.ts"
import type { Slot } from "./decoder.ts"
import { Decoder as Base } from "./decoder.ts"
import { complaintOf } from "./failure.ts"
import type { Json } from "./json.ts"
import { arrayOf, isJson, numberOf, textOf } from "./json.ts"

/** A block that is being written, and what is remembered of it until it ends. */
interface Building {
  readonly slot: Slot
  readonly block: Json
  signature: string
  citations: Array<Json> | undefined
  /** What came in pieces of a block that nobody reads. */
  more: { [name: string]: unknown } | undefined
}

/** Blocks without readable content that the vendor wants back as they are. */
const opaque = new Set(["redacted_thinking", "compaction", "fallback", "container_upload"])

/**
 * Decodes one response. `names` are our names of tools that the vendor calls otherwise.
 *
 * @category models
 * @since 0.1.0
 */
export class Decoder extends Base {
  private readonly names: ReadonlyMap<string, string>
  private readonly blocks = new Map<unknown, Building>()
  /** The names of tools that the vendor runs, by id of the call. */
  private readonly executed = new Map<string, string>()
  private hasCalls = false
  private usage: { [name: string]: unknown } | undefined
  /** What is said about the answer as a whole. */
  private readonly about: { [name: string]: unknown } = {}

  constructor(names: ReadonlyMap<string, string> = new Map()) {
    super()
    this.names = names
  }

  protected override onText(data: string, name: string): void {
    if (name === "error") this.fail(data)
  }

  protected override onJson(value: Json, name: string): void {
    switch (value["type"]) {
      case "content_block_delta":
        if (isJson(value["delta"])) this.delta(this.blocks.get(value["index"]), value["delta"])
        return
      case "content_block_start":
        if (isJson(value["content_block"])) this.begins(value["index"], value["content_block"])
        return
      case "content_block_stop":
        this.ends(value["index"])
        return
      case "message_start":
        if (isJson(value["message"])) this.message(value["message"])
        return
      case "message_delta":
        this.recognised = true
        if (isJson(value["delta"])) this.note(value["delta"])
        this.note(value)
        return
      case "message_stop":
        this.recognised = true
        this.conclude()
        return
      case "message":
        this.message(value)
        this.conclude()
        return
      case "error":
        this.fail(value)
        return
      default: {
        const error = value["error"]
        if (name === "error" || (error !== undefined && error !== null)) this.fail(value)
        else if (!this.isEvents && !this.recognised && complaintOf(value) !== undefined) this.fail(value)
      }
    }
  }

  /** The last event may be missing; a reason to stop says as much. */
  protected override onEnd(): void {
    if (this.about["stop_reason"] !== undefined) this.conclude()
  }

  /** The beginning of a message, or a whole one. */
  private message(message: Json): void {
    this.recognised = true
    this.respond(textOf(message["id"]), textOf(message["model"]))
    this.note(message)
    arrayOf(message["content"]).forEach((block, index) => {
      if (!isJson(block)) return
      this.begins(index, block)
      this.ends(index)
    })
  }

  /** What an event says about the answer as a whole, over what earlier ones said. Nothing is taken back. */
  private note(value: Json): void {
    for (const name of aboutAnswer) {
      if (value[name] !== undefined && value[name] !== null) this.about[name] = value[name]
    }
    if (!isJson(value["usage"])) return
    this.usage ??= {}
    for (const [name, count] of Object.entries(value["usage"])) {
      if (count !== null || this.usage[name] === undefined) this.usage[name] = count
    }
  }

  private begins(index: unknown, block: Json): void {
    this.recognised = true
    const type = textOf(block["type"]) ?? ""
    if (type.endsWith("_tool_result")) {
      this.result(type, block)
      return
    }
    // Imitations of this API may count badly.
    this.ends(index)
    const slot = this.slotFor(type, block)
    if (slot === undefined) return
    const building: Building = { slot, block, signature: "", citations: undefined, more: undefined }
    this.blocks.set(index, building)
    if (type === "text") this.write(slot, textOf(block["text"]) ?? "")
    else if (type === "thinking") {
      this.write(slot, textOf(block["thinking"]) ?? "")
      building.signature = textOf(block["signature"]) ?? ""
    }
    const citations = arrayOf(block["citations"]).filter(isJson)
    if (citations.length > 0) building.citations = citations
  }

  private slotFor(type: string, block: Json): Slot | undefined {
    if (type === "text") return this.begin("text")
    if (type === "thinking" || opaque.has(type)) return this.begin("reasoning")
    if (!type.endsWith("tool_use")) return undefined
    const name = this.nameOf(block)
    if (type === "tool_use") this.hasCalls = true
    else this.executed.set(textOf(block["id"]) ?? "", name)
    return this.begin("tool-call", name)
  }

  private delta(building: Building | undefined, delta: Json): void {
    if (building === undefined) return
    switch (delta["type"]) {
      case "text_delta":
        this.write(building.slot, textOf(delta["text"]) ?? "")
        return
      case "thinking_delta":
        this.write(building.slot, textOf(delta["thinking"]) ?? "")
        return
      case "input_json_delta":
        this.write(building.slot, textOf(delta["partial_json"]) ?? "")
        return
      case "signature_delta":
        building.signature += textOf(delta["signature"]) ?? ""
        return
      case "citations_delta":
        if (!isJson(delta["citation"])) return
        building.citations ??= []
        building.citations.push(delta["citation"])
        return
      default:
        if (opaque.has(textOf(building.block["type"]) ?? "")) grow(building, delta)
    }
  }

  private ends(index: unknown): void {
    const building = this.blocks.get(index)
    if (building === undefined) return
    this.blocks.delete(index)
    const { block, citations, slot } = building
    // Some servers send the arguments with the beginning of a call, and no pieces of them.
    if (slot.kind === "tool-call" && slot.text === "" && isFilled(block["input"])) {
      this.write(slot, JSON.stringify(block["input"]))
    }
    this.complete(slot, this.partOf(building))
    for (const citation of citations ?? []) this.add(sourceOf(citation))
  }

  private partOf({ block, citations, more, signature, slot }: Building): Part.Part {
    const { kind, text } = slot
    if (kind === "text")
      return citations === undefined ? { type: kind, text } : { type: kind, text, meta: own({ citations }) }
    if (kind === "reasoning") {
      const meta =
        block["type"] === "thinking" ? { type: "thinking", ...(signature && { signature }) } : { ...block, ...more }
      return { type: kind, text, meta: own(meta) }
    }
    const call = {
      type: "tool-call",
      id: textOf(block["id"]) ?? "",
      name: this.nameOf(block),
      // No arguments are written as "", and meant as none.
      input: text.trim() === "" ? "{}" : text
    } as const
    if (block["type"] !== "tool_use") return { ...call, transportExecuted: true, meta: own(block) }
    const { id: _, input: __, name, type: ___, ...rest } = block
    const meta = name === call.name ? rest : { ...rest, name }
    return Object.keys(meta).length === 0 ? call : { ...call, meta: own(meta) }
  }

  /** What a tool of the vendor came to. It is whole when it appears. */
  private result(type: string, block: Json): void {
    const id = textOf(block["tool_use_id"]) ?? ""
    // The call may stand in an earlier answer, which the vendor paused.
    const kind = type.slice(0, -"_tool_result".length)
    this.add({
      type: "tool-result",
      id,
      name: this.executed.get(id) ?? this.names.get(kind) ?? kind,
      outcome: isFailed(block) ? "failed" : "ok",
      content: [{ type: "json", value: readable(block["content"]) }],
      transportExecuted: true,
      meta: own(block)
    })
  }

  private nameOf(block: Json): string {
    const name = textOf(block["name"]) ?? ""
    return this.names.get(name) ?? name
  }

  private conclude(): void {
    // A limit cuts a block off without a word about its end.
    for (const index of [...this.blocks.keys()]) this.ends(index)
    const { stop_details, stop_reason, stop_sequence, ...rest } = this.about
    this.finish(finishReason(textOf(stop_reason), this.hasCalls), usageOf(this.usage ?? {}), {
      [vendor]: {
        stopReason: stop_reason,
        stopSequence: stop_sequence,
        stopDetails: stop_details,
        usage: this.usage,
        ...rest
      }
    })
  }
}

// internal

/** What may be said about an answer as a whole. */
const aboutAnswer = [
  "stop_reason",
  "stop_sequence",
  "stop_details",
  "container",
  "context_management",
  "input_transformations"
] as const

const own = (data: object): Part.Meta => ({ [vendor]: data })

const isFilled = (value: unknown): value is Json => isJson(value) && Object.keys(value).length > 0

/** Adds a piece to a block that nobody reads: texts grow, anything else is replaced. */
const grow = (building: Building, { type: _, ...pieces }: Json): void => {
  building.more ??= {}
  for (const [name, piece] of Object.entries(pieces)) {
    const before = building.more[name]
    building.more[name] = typeof before === "string" && typeof piece === "string" ? before + piece : piece
  }
}

const sourceOf = (citation: Json): Part.Source => {
  const url = textOf(citation["url"]) ?? textOf(citation["source"])
  const title = textOf(citation["title"]) ?? textOf(citation["document_title"])
  return {
    type: "source",
    ...(url === undefined ? undefined : { url }),
    ...(title === undefined ? undefined : { title })
  }
}

const isFailed = ({ content, is_error }: Json): boolean =>
  is_error === true || (isJson(content) && (textOf(content["type"])?.endsWith("_error") ?? false))

/** A result without what only the vendor can read; all of it is in `meta`. */
const readable = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(readable)
  if (!isJson(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]) =>
      name.startsWith("encrypted_") || (name === "data" && value["type"] === "base64") ? [] : [[name, readable(item)]]
    )
  )
}

/** The vendor counts what came from its cache beside the input. */
const usageOf = (usage: Json): Usage.Usage => {
  const details = isJson(usage["output_tokens_details"]) ? usage["output_tokens_details"] : {}
  const cacheRead = numberOf(usage["cache_read_input_tokens"])
  const cacheWrite = numberOf(usage["cache_creation_input_tokens"])
  const input = numberOf(usage["input_tokens"])
  return Usage.make({
    input: input === undefined ? undefined : input + (cacheRead ?? 0) + (cacheWrite ?? 0),
    cacheRead,
    cacheWrite,
    output: numberOf(usage["output_tokens"]),
    reasoning: numberOf(details["thinking_tokens"])
  })
}
