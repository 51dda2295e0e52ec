/**
 * Shows the events of a run to a person: the answer as it comes on standard output, everything about it (calls, results,
 * usage) on standard error, so that the answer can be piped on. Or, for programs, every event as a line of JSON.
 */
import * as Schema from "effect/Schema"
import { AgentEvent } from "../domain/AgentEvent.ts"
import type { Usage } from "../domain/Usage.ts"
import { totalTokens } from "../domain/Usage.ts"
import { argumentsOf, clip, numeral, plural, printable, resultOf } from "./internal/words.ts"

/**
 * Where to write: the answer, and notes about it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output {
  readonly answer: (text: string) => void
  readonly note: (text: string) => void
  /** Whether notes may have colours. */
  readonly color: boolean
}

/**
 * Takes the events of one run, in order.
 *
 * @category models
 * @since 0.1.0
 */
export type Renderer = (event: AgentEvent) => void

const encode = Schema.encodeSync(AgentEvent)

/**
 * Writes each event as one line of JSON.
 *
 * @category constructors
 * @since 0.1.0
 */
export const json =
  (output: Output): Renderer =>
  (event) =>
    output.answer(`${JSON.stringify(encode(event))}\n`)

/**
 * Writes for people.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (output: Output): Renderer => {
  let open = false
  const say = (delta: string): void => {
    if (delta === "") return
    output.answer(delta)
    open = !delta.endsWith("\n")
  }
  const note = (line: string): void => {
    if (open) say("\n")
    output.note(`${output.color ? `\u001b[2m${line}\u001b[22m` : line}\n`)
  }
  return (event) => {
    switch (event._tag) {
      case "TextDelta":
        return say(printable(event.delta))
      case "ToolCall":
        return note(`→ ${event.name}(${argumentsOf(event.input)})`)
      case "ToolEnd":
        return note(resultOf(event.name, event.outcome, event.content))
      case "Retrying":
        return note(`… again in ${Math.ceil(event.delayMillis / 1000)} s: ${clip(printable(event.error.message), 100)}`)
      case "TurnRestarted":
        return note(`… the answer broke off and begins anew: ${clip(printable(event.error.message), 100)}`)
      case "LimitWarning":
        return note(`… near the limit of ${event.max} ${event.limit} (${event.actual})`)
      case "Compacted":
        return note(`… ${ofCompaction(event.messages, event.tokensBefore, event.tokensAfter)}`)
      case "CompactionFailed":
        return note(`… the conversation could not be summarised: ${clip(printable(event.message), 200)}`)
      case "FileOutput":
        return note(`+ file ${event.file.name ?? ""} ${event.file.mediaType}`)
      case "SourceOutput":
        return note(`+ source ${event.source.title ?? ""} ${event.source.url ?? ""}`)
      case "RunEnd": {
        if (open) say("\n")
        const why = endings[event.reason]?.(event.limit ?? "")
        if (why !== undefined) note(why)
        // A run that failed before any answer has cost nothing worth a line.
        if (event.reason === "error" && totalTokens(event.usage) === 0) return
        return note(`${plural(event.turn, "turn")}, ${ofUsage(event.usage)}`)
      }
    }
  }
}

/**
 * What a run cost, in words. What is unknown is said to be.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofUsage = (usage: Usage): string => {
  const count = (tokens: number | undefined): string => (tokens === undefined ? "unknown" : numeral(tokens))
  const cost = usage.costUsd === undefined || usage.costUsd === 0 ? "" : `, $${usage.costUsd.toFixed(4)}`
  const estimated = usage.estimated ? " (estimated)" : ""
  if (usage.inputTokens.total === undefined && usage.outputTokens.total === undefined) return "tokens unknown"
  return `tokens: ${count(usage.inputTokens.total)} in, ${count(usage.outputTokens.total)} out${estimated}${cost}`
}

/**
 * What a compaction came to, in words.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofCompaction = (messages: number, before: number | undefined, after: number | undefined): string => {
  const tokens = before === undefined || after === undefined ? "" : `: ${numeral(before)} → ${numeral(after)} tokens`
  return `${plural(messages, "older message")} summarised${tokens}`
}

// internal

const endings: { readonly [reason: string]: (limit: string) => string } = {
  length: () => "The model reached its output limit; the answer is cut.",
  "content-filter": () => "The vendor's content filter cut the answer.",
  limit: (limit) => `The run reached its limit of ${limit}.`,
  blocked: () => "A guard of messages ended the run.",
  "awaiting-approval": () => "The run waits for a person to approve its calls."
}
