/**
 * Decodes one answer of the Gemini API: bytes in, deltas out, whether it is an event stream, an array or one object. The
 * decoder is mutable and lives as long as its response. Signatures stay on the very part they came on; calls are handed
 * over at the end, since an answer that breaks off must not run any. What it does not know it skips.
 */
import type * as Part from "../../domain/Part.ts"
import * as Usage from "../../domain/Usage.ts"
import type { Slot } from "./decoder.ts"
import { Decoder as Base } from "./decoder.ts"
import { complaintOf } from "./failure.ts"
import { vendor } from "./gemini.ts"
import { Arguments } from "./geminiArguments.ts"
import { executedOf, extended, fileOf, finishReason, signed, sketchOf, sourcesOf, usageOf } from "./geminiParts.ts"
import type { Json } from "./json.ts"
import { arrayOf, isJson, parseJson, textOf } from "./json.ts"
import { JsonValues } from "./jsonValues.ts"

/** A call that is being written. `pieces` are its arguments when they come one by one. */
interface Call {
  readonly slot: Slot
  readonly name: string
  readonly pieces: Arguments
  id: string
  input: string | undefined
  signature: string | undefined
}

/**
 * Decodes one response.
 *
 * @category models
 * @since 0.1.0
 */
export class Decoder extends Base {
  /** The text or reasoning that is being written. */
  private current: Slot | undefined
  private readonly calls: Array<Call> = []
  /** The call whose arguments are still to come. */
  private pending: Call | undefined
  /** JSON among the events, which is how Vertex reports an error. */
  private stray: JsonValues | undefined
  private isStrayOpen = false
  private minted = 0
  private chunks: ReadonlyArray<unknown> = []
  private pages: ReadonlyArray<unknown> = []
  private readonly citations: Array<unknown> = []
  private reason: string | undefined
  private blockReason: string | undefined
  private usage: { [name: string]: unknown } | undefined
  /** What else was said about the answer; the latest of each. */
  private readonly said: { [name: string]: unknown } = {}

  protected override onField(field: string, value: string): void {
    if (this.stray === undefined && !field.trimStart().startsWith("{")) return
    this.isStrayOpen = true
    this.stray ??= new JsonValues((json) => {
      this.isStrayOpen = false
      const found = parseJson(json)
      if (isJson(found) && complaintOf(found) !== undefined) this.fail(found)
    })
    this.stray.push(value === "" ? `${field}\n` : `${field}: ${value}\n`)
  }

  protected override onJson(value: Json, name: string): void {
    const { candidates, promptFeedback, usageMetadata } = value
    const error = value["error"]
    if (name === "error" || (error !== undefined && error !== null)) {
      this.fail(value)
      return
    }
    if (!Array.isArray(candidates) && !isJson(promptFeedback) && !isJson(usageMetadata)) {
      if (!this.recognised && complaintOf(value) !== undefined) this.fail(value)
      return
    }
    this.recognised = true
    this.respond(textOf(value["responseId"]), textOf(value["modelVersion"]))
    if (isJson(usageMetadata)) {
      this.usage ??= {}
      overlay(this.usage, usageMetadata)
    }
    if (isJson(promptFeedback)) {
      this.blockReason = textOf(promptFeedback["blockReason"]) ?? this.blockReason
      this.said["promptFeedback"] = promptFeedback
    }
    for (const candidate of arrayOf(candidates)) {
      if (isJson(candidate) && (candidate["index"] === undefined || candidate["index"] === 0)) this.candidate(candidate)
    }
  }

  /** There is no end marker: the last chunk has a reason, and after a block there is nothing. */
  protected override onEnd(): void {
    if (!this.isStrayOpen && (this.reason !== undefined || this.blockReason !== undefined)) this.conclude()
  }

  private candidate(candidate: Json): void {
    const { citationMetadata, content, groundingMetadata, urlContextMetadata } = candidate
    if (isJson(content)) for (const part of arrayOf(content["parts"])) if (isJson(part)) this.part(part)
    this.reason = textOf(candidate["finishReason"]) ?? this.reason
    for (const name of ["finishMessage", "safetyRatings", "avgLogprobs", "logprobsResult"]) {
      if (candidate[name] !== undefined) this.said[name] = candidate[name]
    }
    if (isJson(groundingMetadata)) {
      this.chunks = extended(this.chunks, groundingMetadata["groundingChunks"])
      this.keep("groundingMetadata", groundingMetadata)
    }
    if (isJson(urlContextMetadata)) {
      this.pages = extended(this.pages, urlContextMetadata["urlMetadata"])
      this.keep("urlContextMetadata", urlContextMetadata)
    }
    if (isJson(citationMetadata)) {
      // Two names for the same, by two servers.
      this.citations.push(...arrayOf(citationMetadata["citationSources"]), ...arrayOf(citationMetadata["citations"]))
    }
  }

  private keep(name: string, value: Json): void {
    const before = this.said[name]
    const merged = isJson(before) ? { ...before } : {}
    overlay(merged, value)
    this.said[name] = merged
  }

  private part(part: Json): void {
    const { functionCall, text } = part
    if (isJson(functionCall)) this.call(functionCall, textOf(part["thoughtSignature"]))
    else if (typeof text === "string") this.words(text, part)
    else {
      const file = fileOf(part)
      const found =
        file !== undefined && part["thought"] !== true
          ? file
          : file !== undefined
            ? sketchOf(part)
            : executedOf(part, (id, isCall) => id ?? `executed_${isCall ? ++this.minted : this.minted}`)
      if (found === undefined) return
      this.closeCurrent()
      this.add(found)
    }
  }

  /** A signature belongs to its own part only, so that part is joined with no other. */
  private words(text: string, part: Json): void {
    const kind = part["thought"] === true ? "reasoning" : "text"
    const signature = textOf(part["thoughtSignature"])
    if (signature === undefined) {
      if (text === "") return
      if (this.current?.kind !== kind) {
        this.closeCurrent()
        this.current = this.begin(kind)
      }
      this.write(this.current ?? this.begin(kind), text)
      return
    }
    this.closeCurrent()
    const slot = this.begin(kind)
    this.write(slot, text)
    this.complete(slot, { type: kind, text, ...signed(signature) })
  }

  private call(value: Json, signature: string | undefined): void {
    const name = textOf(value["name"])
    if (name !== undefined) {
      this.closeCurrent()
      this.endPending()
      const slot = this.begin("tool-call", name)
      this.pending = { slot, name, pieces: new Arguments(), id: "", input: undefined, signature: undefined }
      this.calls.push(this.pending)
    }
    // The empty object behind a call that has ended already.
    const call = this.pending
    if (call === undefined) return
    call.id = textOf(value["id"]) ?? call.id
    call.signature ??= signature
    if (isJson(value["args"])) call.input = JSON.stringify(value["args"])
    if (value["partialArgs"] !== undefined) this.write(call.slot, call.pieces.push(value["partialArgs"]))
    if (value["willContinue"] !== true) this.endPending()
  }

  /** The arguments are complete; nothing at all means none. */
  private endPending(): void {
    const call = this.pending
    this.pending = undefined
    if (call === undefined) return
    const { rest, text } = call.pieces.end()
    if (call.input === undefined || text !== "{}") {
      call.input = text
      this.write(call.slot, rest)
    } else this.write(call.slot, call.input)
  }

  private closeCurrent(): void {
    const slot = this.current
    this.current = undefined
    if (slot !== undefined) {
      this.complete(slot, { type: slot.kind === "reasoning" ? "reasoning" : "text", text: slot.text })
    }
  }

  private conclude(): void {
    this.closeCurrent()
    this.endPending()
    for (const { id, input = "{}", name, signature, slot } of this.calls) {
      const call: Part.ToolCall = { type: "tool-call", id, name, input, ...signed(signature) }
      this.complete(slot, call)
    }
    for (const source of sourcesOf(this.chunks, this.citations, this.pages)) this.add(source)
    const { reason, usage } = this
    this.finish(
      finishReason(reason, this.blockReason !== undefined, this.calls.length > 0),
      usage === undefined ? Usage.unknown : usageOf(usage),
      { [vendor]: { finishReason: reason, usage, ...this.said } }
    )
  }
}

// internal

/** Counts are of the whole answer so far, and not all of them are in every chunk: the latest of each holds. */
const overlay = (target: { [name: string]: unknown }, now: Json): void => {
  for (const name in now) {
    const value = now[name]
    if (value !== undefined && value !== null) target[name] = value
  }
}
