/**
 * What a run came to: the fold of its events. Nothing is in a result that was not in the stream.
 */
import type * as AgentEvent from "../domain/AgentEvent.ts"
import type { PendingQuestion } from "../domain/Entry.ts"
import type { RunId, SessionId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import type { LimitName, RunReason } from "../domain/Outcome.ts"
import type * as Usage from "../domain/Usage.ts"

/**
 * The result of a run, whatever it resulted in.
 *
 * **Details**
 *
 * - `text`: the text of the final answer, not of what was said on the way to it. `value`: a typed answer as JSON, as it may be
 *   stored; absent when there is none.
 * - `pending`: the questions to a person that wait; empty unless the reason is `awaiting-approval`.
 * - `why`: the words of the tool, or of the guard of messages, that ended the run; of a pattern, why its answer is not all that
 *   was asked for; absent for all others.
 * - `messages`: what the run added to the session, its input included, in order.
 * - `usage`: of all model responses of the run together, those of nested runs included. `endedAt`: ISO 8601, UTC.
 * - `agent`: what ran. `answeredBy`: whose answer it is: the same agent, or the one of a pattern that gave it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Base {
  readonly text: string
  readonly value?: unknown
  readonly pending: ReadonlyArray<PendingQuestion>
  readonly limit?: LimitName | undefined
  readonly why?: string | undefined
  readonly usage: Usage.Usage
  readonly turns: number
  readonly agent: string
  readonly answeredBy: string
  readonly run: RunId
  readonly session: SessionId
  readonly messages: ReadonlyArray<Message>
  readonly endedAt: string
}

/**
 * The result of a run.
 *
 * **Details**
 *
 * - `output`: the final answer. A typed one is there when the reason is `completed`; with `limit`, `length` and
 *   `content-filter` it is there if the last answer happened to be valid, and otherwise `undefined`. Text is always there,
 *   also where the schema of a typed answer takes any text.
 *
 * @category models
 * @since 0.1.0
 */
export type Result<Output = string> =
  | Completed<Output>
  | (Base & {
      readonly reason: Exclude<RunReason, "completed">
      readonly output: string extends Output ? Output : Output | undefined
    })

/**
 * The result of a runner, whichever it is: without being completed, only agents of text are sure to have an output.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome<Output> =
  | Completed<Output>
  | (Base & { readonly reason: Exclude<RunReason, "completed">; readonly output: Output | undefined })

/**
 * The result of a run that was completed.
 *
 * @category models
 * @since 0.1.0
 */
export type Completed<Output = string> = Base & { readonly reason: "completed"; readonly output: Output }

/**
 * A fold of events that is not finished yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface Folding {
  start: AgentEvent.RunStart | undefined
  end: AgentEvent.RunEnd | undefined
  readonly messages: Array<Message>
}

/**
 * A fold that has seen nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const begin = (): Folding => ({ start: undefined, end: undefined, messages: [] })

/**
 * Folds events in.
 *
 * @category combinators
 * @since 0.1.0
 */
export const push = (folding: Folding, events: ReadonlyArray<AgentEvent.AgentEvent>): void => {
  for (const event of events) {
    switch (event._tag) {
      case "RunStart":
        // Those of nested runs have results of their own. Asked here, and not of every delta.
        if (folding.start !== undefined) break
        folding.start = event
        folding.messages.push(...event.input)
        break
      case "TurnStart":
        if (event.run !== folding.start?.run) break
        folding.messages.push(...event.input)
        break
      case "TurnEnd":
        if (event.run !== folding.start?.run) break
        // The results of calls that waited stand before what is said to them.
        if (event.turn === 0) folding.messages.unshift(...event.messages)
        else folding.messages.push(...event.messages)
        break
      case "RunEnd":
        if (event.run !== folding.start?.run) break
        folding.end = event
        break
    }
  }
}

/**
 * The result, or `undefined` while the run has not ended. Its output is text: `value` is the typed one.
 *
 * @category converters
 * @since 0.1.0
 */
export const finish = ({ end, messages, start }: Folding): Result | undefined =>
  start === undefined || end === undefined
    ? undefined
    : { ...ofEnd(end, start.session), reason: end.reason, output: end.output, messages }

/**
 * What the last event of a run says of its result.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofEnd = (end: Omit<AgentEvent.RunEnd, "_tag" | "sequence" | "reason">, session: SessionId): Base => ({
  text: end.output,
  ...("value" in end ? { value: end.value } : undefined),
  pending: end.pending ?? [],
  limit: end.limit,
  ...(end.why === undefined ? undefined : { why: end.why }),
  usage: end.usage,
  turns: end.turn,
  agent: end.agent,
  answeredBy: end.answeredBy ?? end.agent,
  run: end.run,
  session,
  messages: [],
  endedAt: new Date(end.endedAtMillis).toISOString()
})

/**
 * The result of a whole run's events.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromEvents = (events: ReadonlyArray<AgentEvent.AgentEvent>): Result | undefined => {
  const folding = begin()
  push(folding, events)
  return finish(folding)
}
