/**
 * Shows the events of a run to a person: the answer as it comes on standard output, everything about it (calls, results,
 * usage) on standard error, so that the answer can be piped on. Or, for programs, every event as a line of JSON.
 */
import * as Schema from "effect/Schema"
import type { LimitWarning, Of, RunEnd } from "../domain/AgentEvent.ts"
import { AgentEvent } from "../domain/AgentEvent.ts"
import { contentToText } from "../domain/Part.ts"
import type { Usage } from "../domain/Usage.ts"
import { totalTokens } from "../domain/Usage.ts"
import * as Calls from "./internal/calls.ts"
import { argumentsOf, clip, lasting, numeral, oneLine, plural, printable, resultOf } from "./internal/words.ts"
import type { Save } from "./saved.ts"

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
 * **Details**
 *
 * - Standard output has the answer of the run and nothing else. What agents below it do is told on lines that are indented.
 * - `save`: keeps the files that the model makes, which cannot be shown in lines.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (output: Output, save?: Save): Renderer => {
  let open = false
  let thought = ""
  const say = (delta: string): void => {
    if (delta === "") return
    output.answer(delta)
    open = !delta.endsWith("\n")
  }
  const note = (line: string): void => {
    if (open) say("\n")
    output.note(`${dim(line, output)}\n`)
  }
  /** What a call made is in its result; what the model made itself would be lost. */
  const keep = (event: AgentEvent): void => {
    if (save === undefined || event._tag !== "FileOutput" || event.call !== undefined) return
    const path = save(event.file)
    output.note(path === undefined ? "axonal: the file could not be saved\n" : `  saved: ${oneLine(path)}\n`)
  }
  /** Thoughts are told when they are over, and not in full. */
  const settleThoughts = (): void => {
    const said = clip(oneLine(thought), 100)
    thought = ""
    if (said !== "") note(`… thought: ${said}`)
  }
  return (event) => {
    if (event.path !== undefined) {
      const line = ofNested(event)
      if (line !== undefined) note(`${"  ".repeat(event.path.length)}${clip(oneLine(event.agent), 40)} ${line}`)
      return keep(event)
    }
    if (event._tag === "ReasoningDelta") {
      if (thought.length < 1000) thought += event.delta
      return
    }
    if (thought !== "") settleThoughts()
    if (event._tag === "TextDelta") return say(printable(event.delta))
    if (event._tag === "ToolEnd") {
      note(resultOf(event.name, event.outcome, event.content))
      for (const line of besidesOf(event)) output.note(`${styled(line, output)}\n`)
      return
    }
    if (event._tag !== "RunEnd") {
      const line = lineOf(event)
      if (line !== undefined) note(line)
      return keep(event)
    }
    if (open) say("\n")
    const why = ofEnding(event)
    if (why !== undefined) note(why)
    // A run that failed before any answer has cost nothing worth a line.
    if (event.reason === "error" && totalTokens(event.usage) === 0) return
    note(`${plural(event.turn, "turn")}, ${ofUsage(event.usage)}`)
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

/**
 * Why a run ended without being completed, in words, where that is not told elsewhere.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofEnding = ({ limit, reason }: Pick<RunEnd, "limit" | "reason">): string | undefined =>
  endings[reason]?.(limit === undefined ? "" : (limits[limit] ?? limit))

/**
 * How near a limit is, in words.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofLimit = ({ actual, limit, max }: Pick<LimitWarning, "actual" | "limit" | "max">): string => {
  if (limit === "wallTime") return `near the limit of time: ${lasting(actual)} of ${lasting(max)}`
  if (limit === "costUsd") return `near the limit of cost: $${actual.toFixed(4)} of $${max}`
  return `near the limit of ${numeral(max)} ${limits[limit] ?? limit} (${numeral(actual)})`
}

// internal

/** Limits as a person calls them, where that is not their name. */
const limits: { readonly [limit: string]: string } = {
  wallTime: "time",
  costUsd: "cost",
  toolCalls: "calls",
  inputTokens: "input tokens",
  outputTokens: "output tokens",
  totalTokens: "tokens",
  repeatedFailures: "failures in a row",
  identicalCalls: "identical calls"
}

/** What happened, in a line, for what is told so of any run. */
const lineOf = (event: AgentEvent): string | undefined => {
  switch (event._tag) {
    case "ToolCall":
      return `→ ${event.name}(${argumentsOf(event.input)})`
    case "Retrying":
      return `… again in ${Math.ceil(event.delayMillis / 1000)} s: ${clip(printable(event.error.message), 100)}`
    case "TurnRestarted":
      return `… the answer broke off and begins anew: ${clip(printable(event.error.message), 100)}`
    case "LimitWarning":
      return `… ${ofLimit(event)}`
    case "Compacted":
      return `… ${ofCompaction(event.messages, event.tokensBefore, event.tokensAfter)}`
    case "CompactionFailed":
      return `… the conversation could not be summarised: ${clip(printable(event.message), 200)}`
    case "FileOutput":
      return `+ file ${event.file.name ?? ""} ${event.file.mediaType}`
    case "SourceOutput":
      return `+ source ${event.source.title ?? ""} ${event.source.url ?? ""}`
    default:
      return undefined
  }
}

const ofNested = (event: AgentEvent): string | undefined => {
  switch (event._tag) {
    case "ToolEnd":
      return resultOf(event.name, event.outcome, event.content)
    case "RunEnd":
      return `is done (${event.reason}): ${plural(event.turn, "turn")}, ${ofUsage(event.usage)}`
    default:
      return lineOf(event)
  }
}

/** What is worth more than a line: a plan, the lines that a change touched, what an interrupted call had come to. */
const besidesOf = ({ content, input, name, outcome }: Of<"ToolEnd">): ReadonlyArray<string> => {
  const todos = outcome === "ok" ? Calls.todosOf(name, input) : undefined
  if (todos !== undefined) {
    return todos.map(({ content, status }) => `${marks[status] ?? "[ ]"} ${clip(oneLine(content), 120)}`)
  }
  const text = printable(contentToText(content))
  if (outcome === "interrupted") {
    const lines = text.split("\n").filter((line) => line.trim() !== "")
    return lines.slice(1, 1 + fewLines)
  }
  const changed = outcome === "ok" ? Calls.diffLines(text).filter(({ sign }) => sign === "+" || sign === "-") : []
  const rest = changed.length - fewLines
  return [
    ...changed.slice(0, fewLines).map(({ sign, text }) => clip(`${sign}${text}`, 160)),
    ...(rest > 0 ? [`… ${plural(rest, "more line")}`] : [])
  ]
}

const fewLines = 12

const marks: Readonly<Record<string, string>> = { completed: "[x]", in_progress: "[~]", cancelled: "[-]" }

const dim = (line: string, { color }: Output): string => (color ? `\u001b[2m${line}\u001b[22m` : line)

/** Lines of a change in the colours that they have everywhere. */
const styled = (line: string, output: Output): string => {
  const code = line.startsWith("+") ? 32 : line.startsWith("-") ? 31 : undefined
  if (code === undefined) return `  ${dim(line, output)}`
  return output.color ? `  \u001b[${code}m${line}\u001b[39m` : `  ${line}`
}

const endings: { readonly [reason: string]: (limit: string) => string } = {
  length: () => "The model reached its output limit; the answer is cut.",
  "content-filter": () => "The vendor's content filter cut the answer.",
  limit: (limit) => `The run reached its limit of ${limit}.`,
  blocked: () => "A guard of messages ended the run.",
  "awaiting-approval": () => "The run waits for a person to approve its calls."
}
