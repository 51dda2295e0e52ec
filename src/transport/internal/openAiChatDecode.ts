/**
 * Decodes one answer of the Chat Completions API: bytes in, deltas out, whether it is an event stream or one JSON object.
 * The decoder is mutable and lives as long as its response; it assembles whole parts, counts what vendors send twice
 * once, and ends every part before the finish. What it does not know it skips.
 */
import type { Delta } from "../../domain/Delta.ts"
import type * as Part from "../../domain/Part.ts"
import * as Usage from "../../domain/Usage.ts"
import type { Failure, Json } from "./openAiChat.ts"
import { arrayOf, isJson, numberOf, parseJson, textOf } from "./openAiChat.ts"
import { complaintOf, excerpt, failureOf } from "./openAiChatError.ts"
import { audioOf, finishReason, imageOf, mergeDetails, sourcesOf, usageOf } from "./openAiChatParts.ts"
import * as sse from "./sse.ts"

/** A part that is being written. One shape for all kinds, so that the hot path stays monomorphic. */
interface Building {
  readonly index: number
  readonly kind: "text" | "reasoning" | "tool-call" | "other"
  /** The vendor's number of a call. */
  readonly position: number
  /** How reasoning and refusals were spelled, so that they go back the same way. */
  readonly field: string
  text: string
  id: string
  name: string
  details: Array<Json> | undefined
  extra: Json | undefined
  closed: boolean
  part: Part.Part | undefined
}

/**
 * Decodes one response.
 *
 * @category models
 * @since 0.1.0
 */
export class Decoder {
  /** Why the answer failed. Deltas that came before it are still good. */
  failure: Failure | undefined
  /** Whether `Finish` was handed out. */
  finished = false

  private readonly vendor: string
  private readonly pieces = new sse.TextPieces()
  private readonly events: sse.Decoder
  /** What the body is, once its first character is known. */
  private form: "unknown" | "events" | "whole" = "unknown"
  /** The text of a body that is not an event stream. */
  private readonly body: Array<string> = []
  /** The beginning of a body in which nothing was recognised yet, for the error message. */
  private head = ""
  private ending = false
  private out: Array<Delta> = []
  private readonly parts: Array<Building> = []
  private handedOver = 0
  private current: Building | undefined
  private readonly calls: Array<Building> = []
  private readonly lateDetails: Array<Json> = []
  private readonly audio: Array<Json> = []
  private readonly annotations: Array<Json> = []
  private citations: ReadonlyArray<unknown> = []
  private searchResults: ReadonlyArray<unknown> = []
  private readonly executed = new Map<number, string>()
  private responseStarted = false
  private recognised = false
  private reason: string | undefined
  private nativeReason: string | undefined
  private usage: Json | undefined

  constructor(vendor: string) {
    this.vendor = vendor
    this.events = new sse.Decoder({
      onEvent: (data, name) => this.event(data, name),
      onField: (field, value) => {
        // llama-box writes its errors as the field `error: {…}`, which a conforming reader would ignore.
        if (field === "error") this.fail(parseJson(value) ?? value)
      }
    })
  }

  /** Whether any part of the answer has arrived. */
  get started(): boolean {
    return this.parts.length > 0
  }

  /** The deltas in the next bytes, often none. */
  push(bytes: Uint8Array): void {
    this.text(this.pieces.decode(bytes))
  }

  /** The deltas found since the last time. */
  take(): ReadonlyArray<Delta> {
    const out = this.out
    if (out.length > 0) this.out = []
    return out
  }

  /** No more bytes will come: completes the answer, or says why it is not complete. */
  end(): void {
    this.text(this.pieces.end())
    this.ending = true
    if (this.form === "whole") this.whole(this.body.join("").trim())
    else this.events.end()
    if (this.finished || this.failure !== undefined) return
    if (this.recognised && this.reason !== undefined) {
      this.finish()
      return
    }
    const said = excerpt(this.head)
    this.failure = this.recognised
      ? { _tag: "Network", message: "The connection ended before the answer was complete." }
      : {
          _tag: "Malformed",
          message:
            said === "" ? "The server answered with nothing." : `The server answered with something else: ${said}`
        }
  }

  private text(text: string): void {
    if (text === "" || this.finished || this.failure !== undefined) return
    if (!this.recognised && this.head.length < 1000) this.head += text.slice(0, 1000)
    if (this.form === "unknown") {
      const first = text.trimStart().charAt(0)
      if (first !== "") this.form = first === "{" || first === "[" || first === "<" ? "whole" : "events"
    }
    if (this.form === "whole") this.body.push(text)
    else this.events.push(text)
  }

  /** A body that is not an event stream: a whole answer, an error, or something else altogether. */
  private whole(text: string): void {
    const value = parseJson(text)
    const json = Array.isArray(value) ? value[0] : value
    if (!isJson(json)) return
    this.chunk(json)
    if (this.failure !== undefined) return
    if (this.recognised) this.finish()
    else if (complaintOf(json) !== undefined) this.fail(json)
  }

  private event(data: string, name: string): void {
    if (this.finished || this.failure !== undefined) return
    if (data === "[DONE]") {
      if (this.recognised) this.finish()
      return
    }
    const value = parseJson(data)
    if (name === "error") this.fail(value ?? data)
    else if (isJson(value)) this.chunk(value)
    else if (value === undefined && data.startsWith("{") && !this.ending) {
      // At the end it is what a cut leaves; before it, nothing that follows can be trusted.
      this.failure = { _tag: "Malformed", message: `The server sent broken JSON: ${excerpt(data)}` }
    }
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
    if (!this.responseStarted) this.start(chunk)
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

  private start(chunk: Json): void {
    const id = textOf(chunk["id"])
    const model = textOf(chunk["model"])
    if (id === undefined && model === undefined) return
    this.responseStarted = true
    this.out.push({ _tag: "ResponseStart", id, model })
  }

  private delta(delta: Json): void {
    const details = delta["reasoning_details"]
    const content = delta["reasoning_content"]
    const plain = delta["reasoning"]
    // The same words may stand in two or three of these fields.
    if (typeof content === "string" && content !== "") this.reasoning("reasoning_content", content)
    else if (typeof plain === "string" && plain !== "") this.reasoning("reasoning", plain)
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
    for (const image of arrayOf(delta["images"])) this.add(imageOf(image, this.vendor))
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
    } else if (item["type"] === "image_url") this.add(imageOf(item, this.vendor))
    else if (typeof item["text"] === "string" && item["text"] !== "") this.visible("", item["text"])
  }

  private visible(field: string, text: string): void {
    const building = this.turnTo("text", field)
    building.text += text
    this.out.push({ _tag: "TextDelta", index: building.index, delta: text })
  }

  private reasoning(field: string, text: string): Building {
    const building = this.turnTo("reasoning", field)
    if (text !== "") {
      building.text += text
      this.out.push({ _tag: "ReasoningDelta", index: building.index, delta: text })
    }
    return building
  }

  private details(details: ReadonlyArray<Json>, withText: boolean): void {
    const words = withText ? details.map((item) => textOf(item["text"]) ?? textOf(item["summary"]) ?? "").join("") : ""
    // Signatures and encrypted forms may come after the text; they do not cut it in two.
    if (words === "" && this.current !== undefined && this.current.kind !== "reasoning") {
      mergeDetails(this.lateDetails, details)
      return
    }
    const building = this.current?.kind === "reasoning" ? this.current : this.turnTo("reasoning", "reasoning_details")
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
    if (fragment !== "") {
      building.text += fragment
      this.out.push({ _tag: "ToolInputDelta", index: building.index, delta: fragment })
    }
  }

  /** The call a fragment belongs to: by number where there is one, otherwise the last one unless another id begins. */
  private callAt(position: number | undefined, place: number, id: string, name: string): Building {
    let found: Building | undefined
    for (let index = this.calls.length - 1; index >= 0 && found === undefined; index--) {
      const call = this.calls[index]
      if (call !== undefined && (position === undefined || call.position === position)) found = call
    }
    // Two whole calls under one number, or without any: only their ids tell them apart.
    const another =
      found !== undefined && name !== "" && found.name !== "" && (id !== "" ? id !== found.id : position === undefined)
    if (found !== undefined && !another) return found
    const building = this.open("tool-call", "", position ?? place, name)
    this.calls.push(building)
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

  /** A part that is complete when it appears. */
  private add(part: Part.Part | undefined): void {
    if (part === undefined) return
    const building: Building = {
      ...blank(this.parts.length, "other", -1, ""),
      closed: true,
      part
    }
    this.parts.push(building)
    const name = part.type === "tool-call" || part.type === "tool-result" ? part.name : undefined
    this.out.push({ _tag: "PartStart", index: building.index, kind: part.type, name })
    this.handOver()
  }

  private open(kind: "text" | "reasoning" | "tool-call", field: string, position: number, name: string): Building {
    this.closeCurrent()
    const building = blank(this.parts.length, kind, position, field)
    this.parts.push(building)
    this.current = building
    this.out.push({ _tag: "PartStart", index: building.index, kind, name: name === "" ? undefined : name })
    return building
  }

  private turnTo(kind: "text" | "reasoning", field: string): Building {
    const current = this.current
    return current !== undefined && current.kind === kind && current.field === field
      ? current
      : this.open(kind, field, -1, "")
  }

  /** Text and reasoning end when something else begins; the fragments of several calls may be interleaved. */
  private closeCurrent(): void {
    const current = this.current
    this.current = undefined
    if (current !== undefined && current.kind !== "tool-call") {
      current.closed = true
      this.handOver()
    }
  }

  /** Hands over complete parts, in the order in which they began. */
  private handOver(): void {
    for (let building = this.parts[this.handedOver]; building?.closed; building = this.parts[++this.handedOver]) {
      this.out.push({ _tag: "PartEnd", index: building.index, part: this.partOf(building) })
    }
  }

  private partOf(building: Building): Part.Part {
    if (building.part !== undefined) return building.part
    const { details, extra, field, id, name, text } = building
    switch (building.kind) {
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

  private finish(): void {
    this.closeCurrent()
    if (this.lateDetails.length > 0) {
      this.add({
        type: "reasoning",
        text: "",
        meta: { [this.vendor]: { field: "reasoning_details", details: this.lateDetails } }
      })
    }
    this.add(audioOf(this.audio, this.vendor))
    for (const source of sourcesOf(this.annotations, this.citations, this.searchResults)) this.add(source)
    for (const building of this.parts) building.closed = true
    this.handOver()
    this.finished = true
    this.out.push({
      _tag: "Finish",
      reason: finishReason(this.reason, this.calls.length > 0),
      usage: this.usage === undefined ? Usage.unknown : usageOf(this.usage),
      meta: {
        [this.vendor]: { finishReason: this.reason, nativeFinishReason: this.nativeReason, usage: this.usage }
      }
    })
  }

  private fail(value: unknown): void {
    const complaint = complaintOf(value)
    this.failure = failureOf(complaint ?? { message: "The server reported an error without saying which." })
  }
}

// internal

const blank = (index: number, kind: Building["kind"], position: number, field: string): Building => ({
  index,
  kind,
  position,
  field,
  text: "",
  id: "",
  name: "",
  details: undefined,
  extra: undefined,
  closed: false,
  part: undefined
})
