/**
 * What a run did, in lines short enough to compare as a whole. A trace leaves out what differs from run to run: ids,
 * times, sequence numbers, and how a text was cut into deltas.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { AgentEvent } from "../domain/AgentEvent.ts"

/**
 * The lines of some events.
 *
 * **Details**
 *
 * - `RunStart`, `TurnStart`, `TurnEnd`; `RunEnd:<reason>`, or `RunEnd:limit:<limit>`.
 * - `Text:<text>`, `Reasoning:<text>`: the deltas of one part, joined until another line comes between two of them.
 * - `ToolStart:<tool>`, `ToolProgress:<tool>:<chunk>`, `ToolEnd:<tool>:<outcome>`.
 * - `ApprovalAsked:<tool>`, `ApprovalDecided:<tool>:yes` or `:no`.
 * - `RequestChanged:<fields>`: what hooks changed.
 * - `File:<media type>`, `Source:<url>`, `Retrying:<error>`, `TurnRestarted:<error>`, `Compacted:<messages>`, `CompactionFailed`, `LimitWarning:<limit>`.
 * - What the model writes of a call does not show: `ToolInputStart`, `ToolInputDelta`, `ToolCall`.
 * - Events of nested runs begin with the names of the agents above and their own: `agent/child: TurnStart`.
 *
 * @category converters
 * @since 0.1.0
 */
export const lines = (events: ReadonlyArray<AgentEvent>): ReadonlyArray<string> => {
  const out: Array<string> = []
  let open: string | undefined
  for (const event of events) {
    const line = lineOf(event)
    if (line === undefined) continue
    const part = partOf(event)
    if (part !== undefined && part === open) {
      out.push((out.pop() ?? "") + deltaOf(event))
    } else {
      out.push(prefix(event) + line)
    }
    open = part
  }
  return out
}

/**
 * Runs a stream of events to its end and gives its lines.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = <E, R>(stream: Stream.Stream<AgentEvent, E, R>): Effect.Effect<ReadonlyArray<string>, E, R> =>
  Effect.map(events(stream), lines)

/**
 * Runs a stream of events to its end and gives the events themselves.
 *
 * @category constructors
 * @since 0.1.0
 */
export const events = <E, R>(stream: Stream.Stream<AgentEvent, E, R>): Effect.Effect<ReadonlyArray<AgentEvent>, E, R> =>
  Effect.suspend(() => {
    const seen: Array<AgentEvent> = []
    return Effect.as(drain(stream, seen), seen)
  })

/**
 * What a stream did until it ended, and how it ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ended<E> {
  readonly events: ReadonlyArray<AgentEvent>
  readonly lines: ReadonlyArray<string>
  readonly exit: Exit.Exit<void, E>
}

/**
 * Runs a stream of events to its end, whatever that is, and gives what came before it too.
 *
 * **Details**
 *
 * - Failures and defects of the stream are in `exit`. When the caller is interrupted there is nobody to tell.
 *
 * @category constructors
 * @since 0.1.0
 */
export const exit = <E, R>(stream: Stream.Stream<AgentEvent, E, R>): Effect.Effect<Ended<E>, never, R> =>
  Effect.suspend(() => {
    const events: Array<AgentEvent> = []
    return Effect.map(Effect.exit(drain(stream, events)), (exit) => ({ events, lines: lines(events), exit }))
  })

// internal

const drain = <E, R>(stream: Stream.Stream<AgentEvent, E, R>, into: Array<AgentEvent>): Effect.Effect<void, E, R> =>
  Stream.runForEach(stream, (event) => Effect.sync(() => void into.push(event)))

const lineOf = (event: AgentEvent): string | undefined => {
  switch (event._tag) {
    case "RunStart":
    case "TurnStart":
    case "TurnEnd":
    case "CompactionFailed":
    case "OutputRejected":
      return event._tag
    case "RequestChanged":
      return `RequestChanged:${event.fields.join(",")}`
    case "TextDelta":
      return `Text:${event.delta}`
    case "ReasoningDelta":
      return `Reasoning:${event.delta}`
    case "ToolInputStart":
    case "ToolInputDelta":
    case "ToolInputFieldStart":
    case "ToolInputFieldDelta":
    case "ToolInputFieldEnd":
    case "OutputDelta":
    case "ToolCall":
      return undefined
    case "ToolStart":
    case "ApprovalAsked":
      return `${event._tag}:${event.name}`
    case "ToolProgress":
      return `ToolProgress:${event.name}:${shown(event.chunk)}`
    case "ToolEnd":
      return `ToolEnd:${event.name}:${event.outcome}`
    case "GuardVerdict":
      return `Guard:${event.name}:${event.verdict}`
    case "MessageGuarded":
      return `Message:${event.direction}:${event.verdict}`
    case "ApprovalDecided":
      return `ApprovalDecided:${event.name}:${event.approved ? "yes" : "no"}`
    case "FileOutput":
      return `File:${event.file.mediaType}`
    case "SourceOutput":
      return `Source:${event.source.url ?? event.source.title ?? ""}`
    case "Retrying":
      return `Retrying:${event.error.tag}`
    case "TurnRestarted":
      return `TurnRestarted:${event.error.tag}`
    case "Compacted":
      return `Compacted:${event.messages}`
    case "LimitWarning":
      return `LimitWarning:${event.limit}`
    case "RunEnd":
      return event.limit === undefined ? `RunEnd:${event.reason}` : `RunEnd:${event.reason}:${event.limit}`
  }
}

const shown = (chunk: unknown): string => (typeof chunk === "string" ? chunk : (JSON.stringify(chunk) ?? "nothing"))

const prefix = ({ agent, path }: AgentEvent): string =>
  path === undefined || path.length === 0 ? "" : `${[...path.map((step) => step.agent), agent].join("/")}: `

/** Names the part that a delta belongs to. */
const partOf = (event: AgentEvent): string | undefined =>
  event._tag === "TextDelta" || event._tag === "ReasoningDelta"
    ? `${event._tag} ${event.run} ${event.turn} ${event.index}`
    : undefined

const deltaOf = (event: AgentEvent): string =>
  event._tag === "TextDelta" || event._tag === "ReasoningDelta" ? event.delta : ""
