/**
 * Decodes one answer of the Chat Completions API: bytes in, deltas out, whether it is an event stream or one JSON object.
 * The decoder is mutable and lives as long as its response; it assembles whole parts, counts what vendors send twice
 * once, and ends every part before the finish. What it does not know it skips.
 */
import type * as Part from "../../domain/Part.ts"
import * as Usage from "../../domain/Usage.ts"
import type { Slot } from "./decoder.ts"
import { Decoder as Base } from "./decoder.ts"
import { complaintOf } from "./failure.ts"
import type { Json } from "./json.ts"
import { arrayOf, isJson, numberOf, parseJson, textOf } from "./json.ts"
import { audioOf, finishReason, imageOf, mergeDetails, sourcesOf, usageOf } from "./openAiChatParts.ts"
import { ThinkTags } from "./thinkTags.ts"

/** A part that is being written, and what is remembered of it until it ends. */
interface Building {
  readonly slot: Slot
  /** How reasoning and refusals were spelled, so that they go back the same way. */
  readonly field: string
  id: string
  name: string
  details: Array<Json> | undefined
  extra: Json | undefined
}

/**
 * Decodes one response.
 *
 * @category models
 * @since 0.1.0
 */
export class Decoder extends Base {
  private readonly vendor: string
  private readonly tags: ThinkTags | undefined
  /** The text or reasoning that is being written. */
  private current: Building | undefined
  private readonly calls: Array<Building> = []
  /** The latest call under each of the vendor's numbers. */
  private readonly callsByNumber = new Map<number, Building>()
  private readonly lateDetails: Array<Json> = []
  private readonly audio: Array<Json> = []
  private readonly annotations: Array<Json> = []
  private citations: ReadonlyArray<unknown> = []
  private searchResults: ReadonlyArray<unknown> = []
  private readonly executed = new Map<number, string>()
  private reason: string | undefined
  private nativeReason: string | undefined
  private usage: Json | undefined
  /** The sealed form of reasoning, of GitHub Copilot. */
  private opaque: string | undefined

  /** `tags`: whether the text holds reasoning between tags, and whether it begins inside of them. */
  constructor(vendor: string, tags: boolean | "inside" = false) {
    super()
    this.vendor = vendor
    this.tags = tags === false ? undefined : new ThinkTags(this.tagged, tags === "inside")
  }

  protected override onField(field: string, value: string): void {
    // llama-box writes its errors as the field `error: {…}`, which a conforming reader would ignore.
    if (field === "error") this.fail(parseJson(value) ?? value)
  }

  protected override onText(data: string, name: string): void {
    if (name === "error") this.fail(data)
    else if (data === "[DONE]" && this.recognised) this.conclude()
  }

  protected override onJson(value: Json, name: string): void {
    if (name === "error") this.fail(value)
    else this.chunk(value)
    if (!this.isEvents && !this.recognised && this.failure === undefined && complaintOf(value) !== undefined) {
      this.fail(value)
    }
  }

  /** Some never send the end marker, and an answer in one piece has none. */
  protected override onEnd(): void {
    if (this.recognised && (this.reason !== undefined || !this.isEvents)) this.conclude()
  }

  private chunk(chunk: Json): void {
    const error = chunk["error"]
    if ((error !== undefined && error !== null) || chunk["object"] === "error") {
      this.fail(chunk)
      return
    }
    const usage = chunk["usage"]
    if (isJson(usage)) this.usage = usage
    else if (this.usage === undefined && isJson(chunk["x_groq"]) && isJson(chunk["x_groq"]["usage"])) {
      this.usage = chunk["x_groq"]["usage"]
    }
    const choices = chunk["choices"]
    if (!Array.isArray(choices)) return
    this.recognised = true
    if (!this.started) this.respond(textOf(chunk["id"]), textOf(chunk["model"]))
    if (chunk["citations"] !== undefined) this.citations = arrayOf(chunk["citations"])
    if (chunk["search_results"] !== undefined) this.searchResults = arrayOf(chunk["search_results"])
    for (const choice of choices) {
      if (!isJson(choice) || (choice["index"] !== undefined && choice["index"] !== 0)) continue
      const delta = choice["delta"] ?? choice["message"]
      if (isJson(delta)) this.delta(delta)
      const reason = textOf(choice["finish_reason"])
      // Sent twice by some; a later "stop" says less than an earlier "tool_calls".
      if (reason !== undefined && (this.reason === undefined || reason !== "stop")) this.reason = reason
      this.nativeReason = textOf(choice["native_finish_reason"]) ?? this.nativeReason
    }
  }

  private delta(delta: Json): void {
    const details = delta["reasoning_details"]
    const content = delta["reasoning_content"]
    const plain = delta["reasoning"]
    // The same words may stand in two or three of these fields.
    if (typeof content === "string" && content !== "") this.reasoning("reasoning_content", content)
    else if (typeof plain === "string" && plain !== "") this.reasoning("reasoning", plain)
    else if (typeof delta["reasoning_text"] === "string" && delta["reasoning_text"] !== "") {
      this.reasoning("reasoning_text", delta["reasoning_text"])
    }
    this.opaque = textOf(delta["reasoning_opaque"]) ?? this.opaque
    if (Array.isArray(details) && details.length > 0) {
      this.details(details.filter(isJson), !textOf(content) && !textOf(plain))
    }
    const text = delta["content"]
    if (typeof text === "string") {
      if (text !== "") this.visible("", text)
    } else if (Array.isArray(text)) {
      for (const item of text) if (isJson(item)) this.contentPart(item)
    }
    const refusal = delta["refusal"]
    if (typeof refusal === "string" && refusal !== "") this.visible("refusal", refusal)
    const calls = delta["tool_calls"]
    if (Array.isArray(calls)) {
      for (let position = 0; position < calls.length; position++) this.call(calls[position], position)
    }
    if (Array.isArray(delta["annotations"])) this.annotations.push(...delta["annotations"].filter(isJson))
    if (Array.isArray(delta["executed_tools"])) for (const tool of delta["executed_tools"]) this.executedTool(tool)
    if (isJson(delta["audio"])) {
      this.audio.push(delta["audio"])
      const transcript = textOf(delta["audio"]["transcript"])
      if (transcript !== undefined) this.visible("transcript", transcript)
    }
    for (const image of arrayOf(delta["images"])) this.addFound(imageOf(image, this.vendor))
  }

  /** An item of a content array: Mistral's thinking and text, pictures of some aggregators. */
  private contentPart(item: Json): void {
    if (item["type"] === "thinking") {
      const thinking = item["thinking"]
      const words =
        typeof thinking === "string"
          ? thinking
          : arrayOf(thinking)
              .map((piece) => (isJson(piece) ? (textOf(piece["text"]) ?? "") : ""))
              .join("")
      if (words !== "" || item["signature"] !== undefined) {
        const building = this.reasoning("thinking", words)
        if (item["signature"] !== undefined) building.extra = { signature: item["signature"] }
      }
    } else if (item["type"] === "image_url") this.addFound(imageOf(item, this.vendor))
    else if (typeof item["text"] === "string" && item["text"] !== "") this.visible("", item["text"])
  }

  private visible(field: string, text: string): void {
    if (field === "" && this.tags !== undefined) this.tags.push(text)
    else this.write(this.turnTo("text", field).slot, text)
  }

  /** What is found in a text with tags. The tags are remembered, so that the text goes back as it was. */
  private get tagged() {
    return {
      text: (text: string): void => this.write(this.turnTo("text", "").slot, text),
      open: (tag: string): void => {
        this.closeCurrent()
        this.turnTo("reasoning", "tags").extra = { open: tag }
      },
      thought: (text: string): void => void this.reasoning("tags", text),
      close: (tag: string): void => {
        const building = this.turnTo("reasoning", "tags")
        building.extra = { ...building.extra, close: tag }
        this.closeCurrent()
      }
    }
  }

  private reasoning(field: string, text: string): Building {
    const building = this.turnTo("reasoning", field)
    this.write(building.slot, text)
    return building
  }

  private details(details: ReadonlyArray<Json>, withText: boolean): void {
    const words = withText ? details.map((item) => textOf(item["text"]) ?? textOf(item["summary"]) ?? "").join("") : ""
    // Signatures and encrypted forms may come after the text; they do not cut it in two.
    if (words === "" && this.current !== undefined && this.current.slot.kind !== "reasoning") {
      mergeDetails(this.lateDetails, details)
      return
    }
    const building =
      this.current?.slot.kind === "reasoning" ? this.current : this.turnTo("reasoning", "reasoning_details")
    if (words !== "") this.reasoning(building.field, words)
    building.details ??= []
    mergeDetails(building.details, details)
  }

  private call(value: unknown, place: number): void {
    if (!isJson(value)) return
    const definition = isJson(value["function"]) ? value["function"] : {}
    const id = textOf(value["id"]) ?? ""
    const name = textOf(definition["name"]) ?? ""
    const written = definition["arguments"]
    const fragment = typeof written === "string" ? written : isJson(written) ? JSON.stringify(written) : ""
    const building = this.callAt(numberOf(value["index"]), place, id, name)
    if (building.id === "") building.id = id
    if (building.name === "") building.name = name
    if (isJson(value["extra_content"])) building.extra = { extra_content: value["extra_content"] }
    this.write(building.slot, fragment)
  }

  /** The call a fragment belongs to: by number where there is one, otherwise the last one unless another id begins. */
  private callAt(position: number | undefined, place: number, id: string, name: string): Building {
    const found = position === undefined ? this.calls.at(-1) : this.callsByNumber.get(position)
    // Two whole calls under one number, or without any: only their ids tell them apart.
    const another =
      found !== undefined && name !== "" && found.name !== "" && (id !== "" ? id !== found.id : position === undefined)
    if (found !== undefined && !another) return found
    this.closeCurrent()
    const building = blank(this.begin("tool-call", name), "")
    this.calls.push(building)
    this.callsByNumber.set(position ?? place, building)
    return building
  }

  /** Tools that the vendor ran by itself: a call, and its result once there is one. */
  private executedTool(value: unknown): void {
    if (!isJson(value)) return
    const position = numberOf(value["index"]) ?? 0
    const name = textOf(value["name"]) ?? textOf(value["type"]) ?? "tool"
    const id = `executed_${position}`
    const known = this.executed.get(position)
    this.closeCurrent()
    if (known === undefined) {
      this.executed.set(position, "called")
      const input = textOf(value["arguments"]) ?? "{}"
      this.add({ type: "tool-call", id, name, input, transportExecuted: true })
    }
    const output = textOf(value["output"])
    if (output === undefined || known === "answered") return
    this.executed.set(position, "answered")
    this.add({
      type: "tool-result",
      id,
      name,
      outcome: "ok",
      content: [{ type: "text", text: output }],
      transportExecuted: true,
      meta: { [this.vendor]: value }
    })
  }

  private turnTo(kind: "text" | "reasoning", field: string): Building {
    const current = this.current
    if (current !== undefined && current.slot.kind === kind && current.field === field) return current
    this.closeCurrent()
    this.current = blank(this.begin(kind), field)
    return this.current
  }

  /** Text and reasoning end when something else begins; the fragments of several calls may be interleaved. */
  private closeCurrent(): void {
    this.tags?.flush()
    const current = this.current
    this.current = undefined
    if (current !== undefined) this.complete(current.slot, this.partOf(current))
  }

  private addFound(part: Part.Part | undefined): void {
    if (part !== undefined) this.add(part)
  }

  private partOf(building: Building): Part.Part {
    const { details, extra, field, id, name, slot } = building
    const { text } = slot
    switch (slot.kind) {
      case "text":
        return field === "" ? { type: "text", text } : { type: "text", text, meta: { [this.vendor]: { field } } }
      case "reasoning":
        return {
          type: "reasoning",
          text,
          meta: { [this.vendor]: { field, ...(details === undefined ? undefined : { details }), ...extra } }
        }
      default: {
        // No arguments are written as "" by some, and meant as none.
        const call = { type: "tool-call", id, name, input: text.trim() === "" ? "{}" : text } as const
        return extra === undefined ? call : { ...call, meta: { [this.vendor]: extra } }
      }
    }
  }

  private conclude(): void {
    // z.ai's way to refuse a conversation that is too long.
    if (this.reason === "model_context_window_exceeded" && !this.started) {
      this.fail({ message: "The conversation does not fit.", code: this.reason })
      return
    }
    this.closeCurrent()
    for (const call of this.calls) this.complete(call.slot, this.partOf(call))
    if (this.lateDetails.length > 0) {
      this.add({
        type: "reasoning",
        text: "",
        meta: { [this.vendor]: { field: "reasoning_details", details: this.lateDetails } }
      })
    }
    if (this.opaque !== undefined) {
      this.add({
        type: "reasoning",
        text: "",
        meta: { [this.vendor]: { field: "reasoning_opaque", opaque: this.opaque } }
      })
    }
    this.addFound(audioOf(this.audio, this.vendor))
    for (const source of sourcesOf(this.annotations, this.citations, this.searchResults)) this.add(source)
    this.finish(
      finishReason(this.reason, this.calls.length > 0),
      this.usage === undefined ? Usage.unknown : usageOf(this.usage),
      { [this.vendor]: { finishReason: this.reason, nativeFinishReason: this.nativeReason, usage: this.usage } }
    )
  }
}

// internal

const blank = (slot: Slot, field: string): Building => ({
  slot,
  field,
  id: "",
  name: "",
  details: undefined,
  extra: undefined
})
