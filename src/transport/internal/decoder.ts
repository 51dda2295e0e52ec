/**
 * What the decoders of all vendors have in common. Bytes become JSON objects, whether they come as server-sent events, as
 * an array, on lines or as one object; and what a vendor's own decoder makes of them becomes deltas in legal order. Parts
 * are handed over in the order in which they began, and all of them before the finish. Mutable, one for each response.
 */
import type { Delta } from "../../domain/Delta.ts"
import type { FinishReason } from "../../domain/Outcome.ts"
import type * as Part from "../../domain/Part.ts"
import type { Usage } from "../../domain/Usage.ts"
import type { Failure } from "./failure.ts"
import { complaintOf, excerpt, failureOf } from "./failure.ts"
import type { Json } from "./json.ts"
import { isJson, parseJson } from "./json.ts"
import { JsonValues } from "./jsonValues.ts"
import * as sse from "./sse.ts"

/**
 * A part that is being written. Made by `begin`; a vendor's decoder may keep a type of its own that extends it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Slot {
  readonly index: number
  readonly kind: Part.Part["type"]
  /** Readable text, or the arguments of a call, so far. */
  text: string
  /** The whole part, once it has ended. */
  part: Part.Part | undefined
}

/**
 * Decodes one response.
 *
 * **Details**
 *
 * - A vendor's decoder says what a JSON value means (`onJson`) and what it means that no more will come (`onEnd`). It
 *   writes with `respond`, `begin`, `write`, `complete`, `add`, `finish` and `fail`.
 * - After `finish` or `fail` nothing that follows is looked at.
 *
 * @category models
 * @since 0.1.0
 */
export abstract class Decoder {
  /** Why the answer failed. Deltas that came before it are still good. */
  failure: Failure | undefined
  /** Whether `Finish` was handed out. */
  finished = false
  /** Whether anything was seen that belongs to an answer of this API; the vendor's decoder sets it. */
  protected recognised = false
  /** Whether the body is an event stream; otherwise its objects stand alone, in an array or on lines. */
  protected isEvents = false

  private readonly pieces = new sse.TextPieces()
  private readonly events: sse.Decoder
  private readonly values = new JsonValues((json) => this.onData(json, ""))
  /** What the body is, once its first character is known. */
  private form: "unknown" | "events" | "json" | "other" = "unknown"
  /** The beginning of a body in which nothing was recognised yet, for the error message. */
  private head = ""
  private ending = false
  private out: Array<Delta> = []
  private readonly slots: Array<Slot> = []
  private handedOver = 0
  private responded = false

  constructor() {
    this.events = new sse.Decoder({
      onEvent: (data, name) => this.onData(data, name),
      onField: (field, value) => this.onField(field, value)
    })
  }

  /** Whether any part of the answer has arrived. */
  get started(): boolean {
    return this.slots.length > 0
  }

  /** Takes the next bytes, of any number. */
  push(bytes: Uint8Array): void {
    this.text(this.pieces.decode(bytes))
  }

  /** The deltas found since the last time, often none. */
  take(): ReadonlyArray<Delta> {
    const out = this.out
    if (out.length > 0) this.out = []
    return out
  }

  /** No more bytes will come: completes the answer, or says why it is not complete. */
  end(): void {
    this.text(this.pieces.end())
    this.ending = true
    this.events.end()
    if (this.finished || this.failure !== undefined) return
    this.onEnd()
    if (this.finished || this.failure !== undefined) return
    const said = excerpt(this.head)
    this.failure = this.recognised
      ? { _tag: "Network", message: "The connection ended before the answer was complete." }
      : {
          _tag: "Malformed",
          message:
            said === "" ? "The server answered with nothing." : `The server answered with something else: ${said}`
        }
  }

  /** A JSON object of the answer. `name` is that of its event, `""` where it has none. */
  protected abstract onJson(value: Json, name: string): void

  /** No more will come, and neither `finish` nor `fail` was called. Calls one of them, or leaves it at "cut off". */
  protected abstract onEnd(): void

  /** The data of an event that is no JSON object. */
  protected onText(_data: string, _name: string): void {}

  /** A field of an event stream that the specification does not know. */
  protected onField(_field: string, _value: string): void {}

  /** The vendor named the response. Only the first time counts, and only before the first part. */
  protected respond(id: string | undefined, model: string | undefined): void {
    if (this.responded || this.started || (id === undefined && model === undefined)) return
    this.responded = true
    this.out.push({ _tag: "ResponseStart", id, model })
  }

  /** A part begins. `name` is that of a tool. */
  protected begin(kind: Part.Part["type"], name?: string | undefined): Slot {
    const slot: Slot = { index: this.slots.length, kind, text: "", part: undefined }
    this.slots.push(slot)
    this.out.push({ _tag: "PartStart", index: slot.index, kind, name: name === "" ? undefined : name })
    return slot
  }

  /** A piece of a part's text, reasoning or arguments. Empty ones are skipped. */
  protected write(slot: Slot, delta: string): void {
    if (delta === "" || slot.part !== undefined) return
    slot.text += delta
    const { index } = slot
    if (slot.kind === "text") this.out.push({ _tag: "TextDelta", index, delta })
    else if (slot.kind === "reasoning") this.out.push({ _tag: "ReasoningDelta", index, delta })
    else if (slot.kind === "tool-call") this.out.push({ _tag: "ToolInputDelta", index, delta })
  }

  /** A part has ended. It is handed over when those that began before it are. */
  protected complete(slot: Slot, part: Part.Part): void {
    if (slot.part !== undefined) return
    slot.part = part
    for (let next = this.slots[this.handedOver]; next?.part !== undefined; next = this.slots[++this.handedOver]) {
      this.out.push({ _tag: "PartEnd", index: next.index, part: next.part })
    }
  }

  /** A part that is whole when it appears. */
  protected add(part: Part.Part): void {
    const name = part.type === "tool-call" || part.type === "tool-result" ? part.name : undefined
    this.complete(this.begin(part.type, name), part)
  }

  /** The parts that have begun and not ended. */
  protected get open(): ReadonlyArray<Slot> {
    return this.slots.slice(this.handedOver).filter((slot) => slot.part === undefined)
  }

  /** The answer is complete. Every part must have ended. */
  protected finish(reason: FinishReason, usage: Usage, meta?: Part.Meta | undefined): void {
    this.finished = true
    this.out.push(meta === undefined ? { _tag: "Finish", reason, usage } : { _tag: "Finish", reason, usage, meta })
  }

  /** The vendor reported an error, in any of the known shapes. */
  protected fail(value: unknown): void {
    this.failure ??= failureOf(complaintOf(value) ?? { message: "The server reported an error without saying which." })
  }

  private text(text: string): void {
    if (text === "" || this.finished || this.failure !== undefined) return
    if (!this.recognised && this.head.length < headLength) this.head += text.slice(0, headLength)
    if (this.form === "unknown") {
      const first = text.trimStart().charAt(0)
      if (first === "") return
      this.form = first === "{" || first === "[" ? "json" : first === "<" ? "other" : "events"
      this.isEvents = this.form === "events"
    }
    if (this.form === "events") this.events.push(text)
    else if (this.form === "json") this.values.push(text)
  }

  private onData(data: string, name: string): void {
    if (this.finished || this.failure !== undefined) return
    const value = parseJson(data)
    if (isJson(value)) this.onJson(value, name)
    else if (value === undefined && data.startsWith("{")) {
      // At the end it is what a cut leaves; before it, nothing that follows can be trusted.
      if (this.ending) return
      this.failure = { _tag: "Malformed", message: `The server sent broken JSON: ${excerpt(data)}` }
    } else this.onText(data, name)
  }
}

const headLength = 1000
