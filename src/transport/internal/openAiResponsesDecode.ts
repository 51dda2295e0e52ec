/**
 * Decodes one answer of the Responses API: bytes in, deltas out, whether it is an event stream or one JSON object. Events
 * are told apart by the number of their item and never by its id, which some servers change from event to event. A part
 * ends with its whole item, so that the item can go back as it was; events and items that are not known are skipped or
 * carried along.
 */
import type * as Part from "../../domain/Part.ts"
import type { ToolSpec } from "../../domain/Request.ts"
import * as Usage from "../../domain/Usage.ts"
import type { Slot } from "./decoder.ts"
import { Decoder as Base } from "./decoder.ts"
import { complaintOf } from "./failure.ts"
import type { Json } from "./json.ts"
import { arrayOf, isJson, numberOf, textOf } from "./json.ts"
import type { Flavour } from "./openAiResponses.ts"
import type { Names } from "./openAiResponsesItems.ts"
import * as Items from "./openAiResponsesItems.ts"
import { without } from "./openAiResponsesItems.ts"

/** An item that is being written. */
interface Building {
  readonly type: string
  readonly kind: ReturnType<typeof Items.kindOfItem>
  /** As it was announced. */
  readonly item: Json
  /** Its texts: contents under even numbers, summaries of reasoning under odd ones. */
  readonly texts: Map<number, Slot>
  /** Which of its texts are refusals. */
  readonly refusals: Set<number>
  /** Texts whose beginning was in an earlier stream: they wait for the whole. */
  readonly held: Map<number, string> | undefined
  /** The arguments of a call. */
  readonly call: Slot | undefined
  readonly annotations: Array<Json>
  done: boolean
}

/**
 * Decodes one response.
 *
 * **Details**
 *
 * - `tools`: those of the request, for the names of the ones that the vendor defines.
 * - `remembers`: whether parts name the answer they belong to, so that a later request can refer to it.
 *
 * @category models
 * @since 0.1.0
 */
export class Decoder extends Base {
  private readonly flavour: Flavour
  private readonly names: Names
  private readonly remembers: boolean
  private readonly items = new Map<number, Building>()
  private response: string | undefined
  /** Whether the beginning of the answer is in this stream; one that was resumed lacks it. */
  private begun = false
  /** The call that an output without a call of its own belongs to. */
  private lastCall = { id: "", name: "" }
  private calls = 0

  constructor(flavour: Flavour, tools: ReadonlyArray<ToolSpec> = [], remembers = false) {
    super()
    this.flavour = flavour
    this.names = Items.namesOf(tools)
    this.remembers = remembers
  }

  protected override onText(data: string, name: string): void {
    if (name === "error") this.fail(data)
  }

  protected override onJson(value: Json, name: string): void {
    const type = value["type"]
    if (type === "error" || name === "error") {
      // Nested or flat; the type of the event is none of the error.
      this.fail(isJson(value["error"]) ? value : without(value, "type"))
      return
    }
    if (typeof type === "string" && type.startsWith("response.")) {
      this.recognised = true
      this.event(type, value)
    } else if (value["object"] === "response" || Array.isArray(value["output"])) {
      this.recognised = true
      this.conclude(value)
    } else if (!this.recognised && complaintOf(value) !== undefined) this.fail(value)
  }

  /** Without its last event an answer is not complete, whatever it looks like. */
  protected override onEnd(): void {}

  protected override fail(value: unknown): void {
    super.fail(value)
    if (this.failure !== undefined) this.failure = Items.refined(this.failure)
  }

  private event(type: string, event: Json): void {
    const delta = event["delta"]
    switch (type) {
      case "response.output_text.delta":
        if (typeof delta === "string") this.append(event, "message", "content_index", delta)
        break
      case "response.refusal.delta":
        this.at(event, "message").refusals.add(placeOf(event, "content_index"))
        if (typeof delta === "string") this.append(event, "message", "content_index", delta)
        break
      case "response.reasoning_summary_text.delta":
        if (typeof delta === "string") this.append(event, "reasoning", "summary_index", delta)
        break
      case "response.reasoning_text.delta":
        if (typeof delta === "string") this.append(event, "reasoning", "content_index", delta)
        break
      case "response.output_text.done":
        this.supplement(event, "message", "content_index", event["text"])
        break
      case "response.refusal.done":
        this.supplement(event, "message", "content_index", event["refusal"])
        break
      case "response.reasoning_summary_text.done":
        this.supplement(event, "reasoning", "summary_index", event["text"])
        break
      case "response.reasoning_text.done":
        this.supplement(event, "reasoning", "content_index", event["text"])
        break
      case "response.function_call_arguments.delta":
      case "response.mcp_call_arguments.delta": {
        const { call } = this.at(event, "function_call")
        if (call !== undefined && typeof delta === "string") this.write(call, delta)
        break
      }
      case "response.function_call_arguments.done":
      case "response.mcp_call_arguments.done": {
        const { call } = this.at(event, "function_call")
        if (call !== undefined) this.settle(call, textOf(event["arguments"]) ?? "")
        break
      }
      case "response.custom_tool_call_input.delta": {
        const { call } = this.at(event, "custom_tool_call")
        if (call !== undefined && typeof delta === "string") this.freeText(call, delta)
        break
      }
      case "response.output_text.annotation.added": {
        const { annotations } = this.at(event, "message")
        if (isJson(event["annotation"])) annotations.push(event["annotation"])
        break
      }
      case "response.output_item.added":
        if (isJson(event["item"])) this.announce(this.number(event, true), event["item"])
        break
      case "response.output_item.done": {
        const { item } = event
        if (isJson(item)) this.close(this.announce(this.number(event), item), item, true)
        break
      }
      case "response.created":
      case "response.in_progress":
      case "response.queued":
        this.begun = true
        if (isJson(event["response"])) this.identify(event["response"])
        break
      case "response.completed":
      case "response.done":
      case "response.incomplete":
      case "response.failed":
      case "response.cancelled": {
        const response = isJson(event["response"]) ? event["response"] : {}
        const status = type === "response.done" ? "completed" : type.slice("response.".length)
        this.conclude("status" in response ? response : { ...response, status })
      }
    }
  }

  /** The number of the item that an event is about: where a server does not count, the next or the latest one. */
  private number(event: Json, isNew = false): number {
    const given = numberOf(event["output_index"])
    if (given !== undefined) return given
    const latest = this.items.get(this.items.size - 1)
    return isNew || latest === undefined || latest.done ? this.items.size : this.items.size - 1
  }

  /** The item of an event, which nobody may have announced. */
  private at(event: Json, type: string): Building {
    const number = this.number(event)
    return this.items.get(number) ?? this.announce(number, { type }, this.begun)
  }

  private announce(number: number, item: Json, begun = true): Building {
    let building = this.items.get(number)
    if (building === undefined) {
      const type = textOf(item["type"]) ?? ""
      const kind = Items.kindOfItem(type)
      building = {
        ...{ type, kind, item, texts: new Map(), refusals: new Set(), annotations: [], done: false },
        held: begun ? undefined : new Map(),
        call: kind === "call" && begun ? this.begin("tool-call", Items.nameOf(item, this.names)) : undefined
      }
      this.items.set(number, building)
    }
    return building
  }

  private append(event: Json, type: string, index: "content_index" | "summary_index", delta: string): void {
    if (delta === "") return
    const building = this.at(event, type)
    const place = placeOf(event, index)
    const { held } = building
    if (held !== undefined) {
      held.set(place, (held.get(place) ?? "") + delta)
      return
    }
    const slot = this.textAt(building, place)
    if (slot !== undefined) this.write(slot, delta)
  }

  /** A text that came without fragments. Where there were some, only the item as a whole says what the text is. */
  private supplement(event: Json, type: string, index: "content_index" | "summary_index", whole: unknown): void {
    if (typeof whole !== "string") return
    const building = this.at(event, type)
    const place = placeOf(event, index)
    if (building.held !== undefined) building.held.set(place, whole)
    else if (!building.texts.has(place)) this.settleAt(building, place, whole)
  }

  private settleAt(building: Building, place: number, whole: string): void {
    const slot = whole === "" ? undefined : this.textAt(building, place)
    if (slot !== undefined) this.settle(slot, whole)
  }

  /** The text at a place of an item. Calls have none. */
  private textAt({ kind, texts }: Building, place: number): Slot | undefined {
    let slot = texts.get(place)
    if (slot === undefined && kind !== "call") {
      slot = this.begin(kind === "reasoning" ? "reasoning" : "text")
      texts.set(place, slot)
    }
    return slot
  }

  /** Writes what is left of a text that is now known in full. Some servers send nothing else. */
  private settle(slot: Slot, whole: string): void {
    if (whole.length > slot.text.length && whole.startsWith(slot.text)) this.write(slot, whole.slice(slot.text.length))
  }

  /** The arguments of a custom tool are not JSON; ours are, with the text under `input`. */
  private freeText(call: Slot, delta: string): void {
    const escaped = JSON.stringify(delta).slice(1, -1)
    this.write(call, call.text === "" ? `{"input":"${escaped}` : escaped)
  }

  /** Ends the parts of an item. It is not `whole` when the answer ended before it did. */
  private close(building: Building, item: Json, whole: boolean): void {
    if (building.done) return
    building.done = true
    const { held } = building
    this.tell(building, item)
    for (const [place, text] of held ?? []) if (!building.texts.has(place)) this.settleAt(building, place, text)
    if (building.kind === "reasoning") this.closeReasoning(building, item, whole)
    else if (building.kind === "call") this.closeCall(building, item)
    else if (building.kind === "message" || building.texts.size > 0) this.closeMessage(building, item)
    else if (building.kind === "output") {
      // What came of a call, as an item of its own.
      const { id, name } = this.lastCall
      const about = { id: textOf(item["call_id"]) ?? id, name, ...Items.resultOf(item) }
      this.add({ type: "tool-result", ...about, transportExecuted: true, meta: this.meta({ item }) })
    } else if (whole) {
      // Nothing to read, and the vendor may want it again.
      this.add({ type: "reasoning", text: "", meta: this.meta({ item }) })
    }
  }

  /** Writes what is left of the texts of a whole item. */
  private tell(building: Building, item: Json): void {
    arrayOf(item["summary"]).forEach((content, index) => {
      if (isJson(content)) this.settleAt(building, index * 2 + 1, textOf(content["text"]) ?? "")
    })
    arrayOf(item["content"]).forEach((content, index) => {
      if (!isJson(content)) return
      this.settleAt(building, index * 2, textOf(content["text"]) ?? textOf(content["refusal"]) ?? "")
    })
  }

  private closeMessage(building: Building, item: Json): void {
    const skeleton = without(item, "content", "role", "status")
    const contents = arrayOf(item["content"])
    const cited: Array<Json> = []
    for (const [place, slot] of building.texts) {
      const found = contents[place / 2]
      const content = isJson(found) ? found : {}
      const named = arrayOf(content["annotations"]).filter(isJson)
      const annotations = named.length === 0 && building.texts.size === 1 ? building.annotations : named
      cited.push(...annotations)
      const meta = this.meta({
        item: skeleton,
        ...(content["type"] === "refusal" || building.refusals.has(place) ? { refusal: true } : undefined),
        ...(annotations.length === 0 ? undefined : { annotations })
      })
      const text = textOf(content["text"]) ?? textOf(content["refusal"]) ?? slot.text
      this.complete(slot, { type: "text", text, meta })
    }
    for (const source of Items.sourcesOf(cited, this.flavour.vendor)) this.add(source)
  }

  private closeReasoning(building: Building, item: Json, whole: boolean): void {
    // What was announced has an encrypted form that is of no use; only the whole item goes back.
    let own: Json = whole ? { item } : { continues: true }
    if (building.texts.size === 0 && whole) this.add({ type: "reasoning", text: "", meta: this.meta(own) })
    for (const slot of building.texts.values()) {
      this.complete(slot, { type: "reasoning", text: slot.text, meta: this.meta(own) })
      // One thought may be many parts, and the first has all of it.
      own = { continues: true }
    }
  }

  private closeCall({ call: begun, type }: Building, item: Json): void {
    const name = Items.nameOf(item, this.names)
    const id = Items.idOf(item)
    const call = begun ?? this.begin("tool-call", name)
    // Free text that was cut off lacks its end.
    const cut = type === "custom_tool_call" && !textOf(item["input"]) && call.text !== ""
    const input = cut ? `${call.text}"}` : Items.inputOf(item) || call.text
    this.settle(call, input)
    const part = { type: "tool-call", id, name, input: input.trim() === "" ? "{}" : input } as const
    this.lastCall = { id, name }
    if (!Items.isExecuted(item, this.flavour.runsCustom, this.names)) {
      this.calls++
      this.complete(call, { ...part, meta: this.meta({ item: Items.skeletonOf(item) }) })
      return
    }
    const picture = Items.pictureOf(item)
    const kept = picture === undefined ? item : without(item, "result")
    // A picture is not kept twice: its item goes back with the file.
    const meta = this.meta(picture === undefined ? { item } : { item: kept, file: true })
    this.complete(call, { ...part, transportExecuted: true, meta })
    if (picture !== undefined) this.add({ ...picture, meta: this.meta({ item: kept }) })
    if (!Items.isAnsweredLater(type)) {
      this.add({ type: "tool-result", id, name, ...Items.resultOf(item), transportExecuted: true })
    }
  }

  private identify(response: Json): void {
    this.response ??= textOf(response["id"])
    this.respond(textOf(response["id"]), textOf(response["model"]))
  }

  private meta(own: Json): Part.Meta {
    const response = this.remembers ? this.response : undefined
    return { [this.flavour.vendor]: response === undefined ? own : { ...own, response } }
  }

  /** The answer as a whole. What events have told already is not told again, though its ids may differ. */
  private conclude(response: Json): void {
    this.identify(response)
    const error = response["error"]
    if (response["status"] === "failed" || response["status"] === "cancelled" || isJson(error)) {
      this.fail(isJson(error) ? { error } : { message: `The vendor ended the answer: ${response["status"]}.` })
      return
    }
    const isTold = this.begun && this.items.size > 0
    arrayOf(response["output"]).forEach((item, number) => {
      if (!isJson(item)) return
      const known = this.items.get(number)
      if (known === undefined ? !isTold : known.type === item["type"]) {
        this.close(this.announce(number, item), item, true)
      }
    })
    // The end of the answer came before the end of these.
    for (const building of this.items.values()) this.close(building, building.item, false)
    const usage = isJson(response["usage"]) ? response["usage"] : undefined
    this.finish(
      Items.finishReason(response, this.calls > 0),
      usage === undefined ? Usage.unknown : Items.usageOf(usage),
      {
        [this.flavour.vendor]: {
          id: this.response,
          finishReason: response["status"],
          detail: response["incomplete_details"] ?? undefined,
          serviceTier: response["service_tier"] ?? undefined,
          usage
        }
      }
    )
  }
}

// internal

const placeOf = (event: Json, name: "content_index" | "summary_index"): number =>
  (numberOf(event[name]) ?? 0) * 2 + (name === "summary_index" ? 1 : 0)
