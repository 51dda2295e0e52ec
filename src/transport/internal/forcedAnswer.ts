/**
 * Structured output for APIs or models without a form of their own for it: the answer is asked for as the arguments of a
 * tool that the model has to call, and turned back into text on the way in. Nobody else ever sees that tool.
 */
import type { Delta } from "../../domain/Delta.ts"
import type { Request, ToolSpec } from "../../domain/Request.ts"
import type { Decoder } from "./exchange.ts"
import { mapped } from "./exchange.ts"

/**
 * The tool that an answer of this form is asked for with, or `undefined` where there is no schema to ask for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toolOf = (request: Request): ToolSpec | undefined => {
  const format = request.responseFormat
  if (format.type === "text" || format.schema === undefined) return undefined
  let name = format.name ?? "answer"
  while (request.tools.some((tool) => tool.name === name)) name += "_"
  return {
    name,
    description: "Gives the final answer. Call it once, when the answer is known.",
    inputSchema: format.schema
  }
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
  toolChoice: request.tools.length === 0 || request.toolChoice === "none" ? { tool: answer.name } : "required",
  responseFormat: { type: "text" }
})

/**
 * A decoder that turns the call of the tool back into text.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unforced = (decoder: Decoder, answer: ToolSpec): Decoder => {
  const texts = new Set<number>()
  let calls = 0
  const change = (delta: Delta): Delta => {
    switch (delta._tag) {
      case "PartStart": {
        if (delta.kind !== "tool-call") return delta
        if (delta.name !== answer.name) {
          calls++
          return delta
        }
        texts.add(delta.index)
        return { _tag: "PartStart", index: delta.index, kind: "text" }
      }
      case "ToolInputDelta":
        return texts.has(delta.index) ? { ...delta, _tag: "TextDelta" } : delta
      case "PartEnd":
        return texts.has(delta.index) && delta.part.type === "tool-call"
          ? { ...delta, part: { type: "text", text: delta.part.input } }
          : delta
      case "Finish":
        return delta.reason === "tool-calls" && calls === 0 ? { ...delta, reason: "stop" } : delta
      default:
        return delta
    }
  }
  return mapped(decoder, change)
}
