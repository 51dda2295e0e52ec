/**
 * Structured output for APIs or models without a form of their own for it: the answer is asked for as the arguments of a
 * tool that the model has to call, and turned back into text on the way in. Nobody else ever sees that tool.
 */
import type { Delta, Finish, PartStart } from "../../domain/Delta.ts"
import type { Request, ToolSpec } from "../../domain/Request.ts"
import type { Decoder } from "./exchange.ts"
import { changed } from "./exchange.ts"
import { isWrap, objectOf, unwrapped } from "./wrappedAnswer.ts"

/**
 * The tool that an answer of this form is asked for with, or `undefined` where there is no schema to ask for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toolOf = (request: Request): ToolSpec | undefined => {
  const format = request.responseFormat
  if (format.type === "text" || format.schema === undefined) return undefined
  const given = format.name ?? "answer"
  const taken = new Set(request.tools.map((tool) => tool.name))
  let name = given
  // Vendors take 64 characters.
  for (let number = 2; taken.has(name); number++) name = `${given.slice(0, 58)}_${number}`
  return {
    name,
    description: "Gives the final answer. Call it once, when the answer is known.",
    inputSchema: format.schema
  }
}

/**
 * The same for vendors whose tools have to take an object: an answer that is none is put into one, and `unforced` takes it
 * out again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const objectToolOf = (request: Request): ToolSpec | undefined => {
  const tool = toolOf(request)
  return tool === undefined ? undefined : { ...tool, inputSchema: objectOf(tool.inputSchema) }
}

/**
 * The request with the tool in place of the form. Other tools may be called first, unless the request forbids it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forced = (request: Request, answer: ToolSpec): Request => ({
  ...request,
  tools: [...request.tools, answer],
  toolChoice:
    typeof request.toolChoice === "object"
      ? request.toolChoice
      : request.tools.length === 0 || request.toolChoice === "none"
        ? { tool: answer.name }
        : "required",
  responseFormat: { type: "text" }
})

/**
 * A decoder that turns the call of the tool back into text.
 *
 * **Details**
 *
 * - What the model says beside the answer is left out, so that the text is the answer and nothing else; so are further
 *   answers. Text is therefore held back until the answer begins. A model that does not call the tool is heard in full.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unforced = (decoder: Decoder, answer: ToolSpec): Decoder => {
  const state = new Unforced(answer.name)
  const unforced = changed(decoder, (deltas, hasFailed) => state.take(deltas, hasFailed))
  return isWrap(answer.inputSchema) ? unwrapped(unforced) : unforced
}

// internal

class Unforced {
  private readonly name: string
  private answer: number | undefined
  /** Parts that are left out once there is an answer: texts, and further answers. */
  private readonly beside = new Set<number>()
  private calls = 0
  /** What came since the first text. */
  private held: Array<Delta> = []

  constructor(name: string) {
    this.name = name
  }

  take(deltas: ReadonlyArray<Delta>, hasFailed: boolean): ReadonlyArray<Delta> {
    const out: Array<Delta> = []
    for (const delta of deltas) {
      if (delta._tag === "PartStart") this.begin(delta, out)
      const isBeside = "index" in delta && this.beside.has(delta.index)
      if (this.answer === undefined && this.beside.size > 0 && delta._tag !== "Finish") this.held.push(delta)
      else if (delta._tag === "Finish") this.release(out).push(this.finish(delta))
      else if (!isBeside || this.answer === undefined) out.push(this.change(delta))
    }
    return hasFailed ? this.release(out) : out
  }

  private begin(delta: PartStart, out: Array<Delta>): void {
    if (delta.kind === "text") this.beside.add(delta.index)
    if (delta.kind !== "tool-call") return
    if (delta.name !== this.name) this.calls++
    else if (this.answer !== undefined) this.beside.add(delta.index)
    else {
      this.answer = delta.index
      this.held = this.held.filter((held) => !("index" in held) || !this.beside.has(held.index))
      this.release(out)
    }
  }

  private change(delta: Delta): Delta {
    if (!("index" in delta) || delta.index !== this.answer) return delta
    const { index } = delta
    if (delta._tag === "PartStart") return { _tag: "PartStart", index, kind: "text" }
    if (delta._tag === "ToolInputDelta") return { ...delta, _tag: "TextDelta" }
    return delta._tag === "PartEnd" && delta.part.type === "tool-call"
      ? { ...delta, part: { type: "text", text: delta.part.input } }
      : delta
  }

  private finish(delta: Finish): Finish {
    const isAnswer = this.answer !== undefined && this.calls === 0
    return delta.reason === "tool-calls" && isAnswer ? { ...delta, reason: "stop" } : delta
  }

  private release(out: Array<Delta>): Array<Delta> {
    for (const delta of this.held) out.push(delta)
    this.held = []
    return out
  }
}
