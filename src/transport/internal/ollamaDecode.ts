/**
 * Decodes one answer of Ollama's chat API: an object on each line, the last one with the numbers. The numbers also tell
 * what the server does not: that a conversation was cut to fit, or that an answer ended because there was no room left.
 */
import * as Part from "../../domain/Part.ts"
import * as Usage from "../../domain/Usage.ts"
import type { Slot } from "./decoder.ts"
import { Decoder as Base } from "./decoder.ts"
import { typed } from "./encoding.ts"
import type { Json } from "./json.ts"
import { arrayOf, isJson, numberOf, textOf } from "./json.ts"
import { vendor } from "./ollamaEncode.ts"

/**
 * What was asked for, in tokens.
 *
 * @category models
 * @since 0.1.0
 */
export interface Room {
  readonly contextLength?: number | undefined
  readonly outputLimit?: number | undefined
}

/**
 * Decodes one response.
 *
 * @category models
 * @since 0.1.0
 */
export class Decoder extends Base {
  private readonly room: Room
  /** The text or reasoning that is being written. */
  private current: Slot | undefined
  private calls = 0

  constructor(room: Room = {}) {
    super()
    this.room = room
  }

  protected override onJson(value: Json): void {
    if (value["error"] !== undefined) {
      this.fail(value)
      return
    }
    const message = value["message"]
    if (!isJson(message) && value["done"] !== true) return
    this.recognised = true
    this.respond(undefined, textOf(value["model"]))
    if (isJson(message)) this.message(message)
    if (value["done"] === true) this.conclude(value)
  }

  /** Every answer ends with a line that says so. */
  protected override onEnd(): void {}

  private message(message: Json): void {
    const thinking = textOf(message["thinking"])
    if (thinking !== undefined) this.write(this.turnTo("reasoning"), thinking)
    const content = textOf(message["content"])
    if (content !== undefined) this.write(this.turnTo("text"), content)
    for (const call of arrayOf(message["tool_calls"])) if (isJson(call)) this.call(call)
    for (const image of arrayOf(message["images"])) {
      const base64 = textOf(image)
      if (base64 === undefined) continue
      this.closeCurrent()
      this.add(typed(Part.file("image/*", { base64 })))
    }
  }

  /** Calls come whole. */
  private call(call: Json): void {
    const made = isJson(call["function"]) ? call["function"] : {}
    const written = made["arguments"]
    const input = isJson(written) ? JSON.stringify(written) : (textOf(written) ?? "{}")
    const name = textOf(made["name"]) ?? ""
    this.closeCurrent()
    this.calls++
    const slot = this.begin("tool-call", name)
    this.write(slot, input)
    this.complete(slot, { type: "tool-call", id: textOf(call["id"]) ?? "", name, input })
  }

  private turnTo(kind: "text" | "reasoning"): Slot {
    if (this.current?.kind === kind) return this.current
    this.closeCurrent()
    this.current = this.begin(kind)
    return this.current
  }

  private closeCurrent(): void {
    const slot = this.current
    this.current = undefined
    if (slot === undefined) return
    const { text } = slot
    this.complete(slot, slot.kind === "text" ? { type: "text", text } : { type: "reasoning", text, meta })
  }

  private conclude(value: Json): void {
    const reason = textOf(value["done_reason"])
    const input = numberOf(value["prompt_eval_count"])
    const output = numberOf(value["eval_count"])
    const overflow = overflowOf(this.room, reason, input ?? 0, output ?? 0)
    if (overflow !== undefined) {
      this.failure = { _tag: "ContextOverflow", message: overflow }
      return
    }
    this.closeCurrent()
    this.finish(finishReason(reason, this.calls > 0), Usage.make({ input, output }), {
      [vendor]: {
        doneReason: reason,
        totalNanos: numberOf(value["total_duration"]),
        loadNanos: numberOf(value["load_duration"])
      }
    })
  }
}

// internal

const meta: Part.Meta = { [vendor]: {} }

const finishReason = (reason: string | undefined, hasCalls: boolean) => {
  if (reason === "length") return "length"
  if (reason === undefined || reason === "stop") return hasCalls ? "tool-calls" : "stop"
  return "other"
}

/**
 * What the numbers prove. A window that the prompt alone fills was filled by cutting the prompt, or leaves no room for an
 * answer; prompt and answer that are longer than it together had the beginning pushed out; and an answer that ended for
 * its length without reaching the limit it was given ended where the window does (the server stops one token before).
 */
const overflowOf = (
  { contextLength, outputLimit }: Room,
  reason: string | undefined,
  input: number,
  output: number
): string | undefined => {
  if (contextLength === undefined) return undefined
  const window = `contextLength is ${contextLength}: ${input} tokens were read and ${output} written.`
  if (input >= contextLength) return `The conversation does not fit, and the server may have cut it. ${window}`
  if (input + output > contextLength) return `The server dropped the beginning of the conversation to go on. ${window}`
  const isLimited = outputLimit !== undefined && output >= outputLimit
  return reason === "length" && !isLimited && input + output >= contextLength - 1
    ? `The answer ended for lack of room. ${window}`
    : undefined
}
