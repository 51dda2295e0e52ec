/**
 * One answer of a model in this process. The library renders, evaluates and samples; here the request is brought to it,
 * what it writes becomes deltas, and whoever leaves stops it.
 */
import type {
  ChatHistoryItem,
  ChatModelFunctions,
  ChatWrapper,
  LlamaChatResponseChunk,
  LlamaChatResponseFunctionCall,
  LlamaChatResponseFunctionCallParamsChunk,
  LlamaContextSequence,
  LlamaGrammar,
  Token
} from "node-llama-cpp"
import type { Delta } from "../../domain/Delta.ts"
import type { FinishReason } from "../../domain/Outcome.ts"
import type * as Part from "../../domain/Part.ts"
import * as Usage from "../../domain/Usage.ts"
import type { Library } from "./llamaCpp.ts"
import { vendor } from "./llamaCppHistory.ts"
import type { Sampling } from "./llamaCppSettings.ts"

/**
 * A request, ready to be evaluated.
 *
 * **Details**
 *
 * - `tokens`: the prompt. `functions`: what may be called; absent when nothing may.
 * - `nameOf`: our names of the tools. `answer`: the tool that stands for the answer itself, if any.
 *
 * @category models
 * @since 0.1.0
 */
export interface Plan {
  readonly history: ReadonlyArray<ChatHistoryItem>
  readonly tokens: ReadonlyArray<Token>
  readonly wrapper: ChatWrapper
  readonly functions: ChatModelFunctions | undefined
  readonly grammar: LlamaGrammar | undefined
  readonly sampling: Sampling
  readonly maxTokens: number
  readonly maxCalls: number | undefined
  readonly nameOf: (name: string) => string
  readonly answer: string | undefined
}

/**
 * Writes one answer.
 *
 * **Details**
 *
 * - `run` ends when the answer does, fails or is stopped; it never rejects. `take` hands out what was written, once.
 * - `onNews` is called when there is something new to take, or the end.
 *
 * @category models
 * @since 0.1.0
 */
export class Answer {
  /** Why there is no more, other than that it is complete. */
  failure: unknown
  isDone = false
  onNews: () => void = () => {}

  private readonly plan: Plan
  private readonly stopping = new AbortController()
  private out: Array<Delta> = []
  private parts = 0
  private open: Open | undefined
  private isCalling = false
  private calls = 0
  private thoughts = 0

  constructor(plan: Plan, model: string) {
    this.plan = plan
    this.out.push({ _tag: "ResponseStart", model })
  }

  /** Whether anything of the answer was handed out or can be. */
  get started(): boolean {
    return this.parts > 0
  }

  /** Whether there is something to take, or the end. */
  get hasNews(): boolean {
    return this.isDone || this.out.length > 0
  }

  take(): ReadonlyArray<Delta> {
    const out = this.out
    if (out.length > 0) this.out = []
    return out
  }

  stop(): void {
    this.stopping.abort(new Error("The answer was stopped."))
  }

  /** No more will come, for this reason, unless the end was there before. */
  end(failure: unknown): void {
    if (this.isDone) return
    this.failure = failure
    this.isDone = true
    this.onNews()
  }

  async run(library: Library, sequence: LlamaContextSequence): Promise<void> {
    try {
      const reused = await this.prepare(sequence)
      const before = sequence.tokenMeter.getState()
      const reason = await this.generate(library, sequence)
      this.finish(reason, reused, sequence.tokenMeter.diff(before).usedOutputTokens)
      this.isDone = true
      this.onNews()
    } catch (error) {
      this.end(error)
    }
  }

  /** Evaluates the prompt, but for its last token, in pieces between which one may leave. Answers how much was known. */
  private async prepare(sequence: LlamaContextSequence): Promise<number> {
    const { signal } = this.stopping
    const prompt = this.plan.tokens.slice(0, -1)
    await sequence.adaptStateToTokens(prompt, false)
    const reused = sequence.nextTokenIndex
    for (let index = reused; index < prompt.length; index += piece) {
      signal.throwIfAborted()
      await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(index, index + piece))
    }
    signal.throwIfAborted()
    return reused
  }

  private async generate(library: Library, sequence: LlamaContextSequence): Promise<FinishReason> {
    const { functions, grammar, history, maxCalls, maxTokens, sampling, wrapper } = this.plan
    const chat = new library.LlamaChat({ contextSequence: sequence, chatWrapper: wrapper })
    const common = {
      ...sampling,
      maxTokens,
      signal: this.stopping.signal,
      onResponseChunk: (chunk: LlamaChatResponseChunk) => this.onChunk(chunk),
      // Nothing of a conversation is ever forgotten in silence: where the window ends, the answer does.
      contextShift: {
        strategy: (): never => {
          throw windowFull
        }
      }
    }
    try {
      const { metadata } =
        functions === undefined
          ? await chat.generateResponse([...history], {
              ...common,
              ...(grammar === undefined ? undefined : { grammar })
            })
          : await chat.generateResponse([...history], {
              ...common,
              functions,
              ...(maxCalls === undefined ? undefined : { maxParallelFunctionCalls: maxCalls }),
              onFunctionCallParamsChunk: (chunk) => this.onParams(chunk),
              onFunctionCall: (call) => this.onCall(call)
            })
      return reasons[metadata.stopReason] ?? "other"
    } catch (error) {
      if (error === windowFull) return "length"
      // A grammar takes some values that the schema does not, 5E-3 for a whole number. That is for our own checks to say.
      if (error instanceof library.LlamaJsonSchemaValidationError && this.open !== undefined) return "tool-calls"
      throw error
    } finally {
      chat.dispose()
    }
  }

  private onChunk(chunk: LlamaChatResponseChunk): void {
    const kind = chunk.type === "segment" ? chunk.segmentType : "text"
    if (kind !== "text") this.thoughts += chunk.tokens.length
    if (chunk.text !== "") this.write(this.opened(kind, ""), chunk.text)
    if (chunk.type === "segment" && chunk.segmentEndTime !== undefined && this.open?.kind === kind) this.close()
  }

  private onParams({ callIndex, functionName, paramsChunk }: LlamaChatResponseFunctionCallParamsChunk): void {
    const call = this.calling(functionName, callIndex)
    // Space at the end belongs to the syntax around the arguments, space before more of them to the arguments.
    const text = call.held + paramsChunk
    const end = text.trimEnd()
    call.held = text.slice(end.length)
    this.write(call, end)
  }

  private onCall({
    functionName,
    raw
  }: Pick<LlamaChatResponseFunctionCall<ChatModelFunctions>, "functionName" | "raw">) {
    const call = this.calling(functionName, this.calls)
    this.calls++
    // A call without parameters has none written.
    if (call.text === "") this.write(call, "{}")
    this.close({ raw })
  }

  private calling(name: string, callIndex: number): Open {
    if (name === this.plan.answer) return this.opened("text", "", callIndex)
    this.isCalling = true
    return this.opened("call", this.plan.nameOf(name), callIndex)
  }

  /** The part being written, if it is of this kind; otherwise a new one. */
  private opened(kind: Open["kind"], name: string, callIndex?: number | undefined): Open {
    if (this.open?.kind === kind && this.open.callIndex === callIndex) return this.open
    this.close()
    const open: Open = { kind, name, index: this.parts++, callIndex, text: "", held: "" }
    this.open = open
    this.out.push({
      _tag: "PartStart",
      index: open.index,
      kind: kind === "text" ? "text" : kind === "call" ? "tool-call" : "reasoning",
      name: name === "" ? undefined : name
    })
    return open
  }

  private write(open: Open, delta: string): void {
    if (delta === "") return
    open.text += delta
    this.out.push({ _tag: tags[open.kind], index: open.index, delta })
    this.onNews()
  }

  private close(meta?: { readonly raw: unknown }): void {
    const { open } = this
    if (open === undefined) return
    this.open = undefined
    this.out.push({ _tag: "PartEnd", index: open.index, part: partOf(open, meta) })
  }

  private finish(reason: FinishReason, reused: number, output: number): void {
    this.close()
    const usage = Usage.make({
      input: this.plan.tokens.length,
      cacheRead: reused,
      cacheWrite: 0,
      output,
      reasoning: Math.min(this.thoughts, output)
    })
    this.out.push({ _tag: "Finish", reason: reason === "tool-calls" && !this.isCalling ? "stop" : reason, usage })
  }
}

// internal

/** A part that is being written. */
interface Open {
  readonly kind: "text" | "thought" | "comment" | "call"
  readonly name: string
  readonly index: number
  readonly callIndex: number | undefined
  text: string
  /** Space whose place is not known yet. */
  held: string
}

const tags = {
  text: "TextDelta",
  thought: "ReasoningDelta",
  comment: "ReasoningDelta",
  call: "ToolInputDelta"
} as const

const partOf = (open: Open, meta: { readonly raw: unknown } | undefined): Part.Part => {
  switch (open.kind) {
    case "text":
      return { type: "text", text: open.text }
    case "call":
      return {
        type: "tool-call",
        id: "",
        name: open.name,
        input: open.text,
        ...(meta === undefined ? undefined : { meta: { [vendor]: meta } })
      }
    default:
      return { type: "reasoning", text: open.text, meta: { [vendor]: { segment: open.kind } } }
  }
}

/** How many tokens of a prompt are evaluated before anybody can leave. */
const piece = 512

const windowFull = new Error("The context window is full.")

const reasons: { readonly [reason: string]: FinishReason } = {
  eogToken: "stop",
  stopGenerationTrigger: "stop",
  customStopTrigger: "stop",
  maxTokens: "length",
  functionCalls: "tool-calls"
}
