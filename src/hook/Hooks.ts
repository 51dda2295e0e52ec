/**
 * Where an application looks into a run and changes it. One record of optional functions without an error channel:
 * observers only watch, and one that dies is logged and forgotten; interceptors answer with a change, and one that dies
 * fails closed: the call is not made, the request is not sent.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Service as Identity } from "../context/Identity.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { CompactionReason } from "../domain/Entry.ts"
import type { CallId, RunId, SessionId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import type { FinishReason, RunReason } from "../domain/Outcome.ts"
import type { Usage } from "../domain/Usage.ts"
import type { ToolResult } from "../tool/ToolResult.ts"
import type { Request } from "../transport/Transport.ts"
import type { TransportError } from "../transport/TransportError.ts"

/**
 * Where a hook is: which run, of which agent, for whom. `turn` is 0 before the first, and the last one after it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Where {
  readonly run: RunId
  readonly session: SessionId
  readonly agent: string
  readonly turn: number
  readonly identity: Identity
}

/** @category models @since 0.1.0 */
export interface RunStart extends Where {
  readonly input: ReadonlyArray<Message>
}

/** @category models @since 0.1.0 */
export interface RunEnd extends Where {
  readonly reason: RunReason
  readonly output: string
  readonly usage: Usage
  /** The typed failure or the defect, when the reason is `error`. */
  readonly error?: unknown
}

/** @category models @since 0.1.0 */
export interface TurnStart extends Where {
  readonly request: Request
}

/** @category models @since 0.1.0 */
export interface TurnEnd extends Where {
  readonly reason: FinishReason
  readonly usage: Usage
  readonly messages: ReadonlyArray<Message>
}

/** @category models @since 0.1.0 */
export interface ToolStart extends Where {
  readonly call: CallId
  readonly tool: string
  /** The arguments as JSON, as the guard let them through. */
  readonly input: unknown
}

/**
 * What a `toolStart` hook may change: the arguments, or the whole call by answering in the tool's place.
 *
 * @category models
 * @since 0.1.0
 */
export type ToolStartChange = { readonly input: unknown } | { readonly answer: ToolResult }

/** @category models @since 0.1.0 */
export interface ToolEnd extends ToolStart {
  readonly result: ToolResult
}

/** @category models @since 0.1.0 */
export interface ToolError extends ToolStart {
  /** What the handler failed or died with; absent when it never ran. */
  readonly error?: unknown
  readonly result: ToolResult
}

/** @category models @since 0.1.0 */
export interface Failure extends Where {
  readonly error: unknown
}

/** @category models @since 0.1.0 */
export interface ContextOverflow extends Where {
  /** The vendor's refusal and what it refused; absent when it is the compaction in use that wants less. */
  readonly error?: TransportError | undefined
  readonly request?: Request | undefined
  /** What the window holds, and from where on it is compacted; absent when nothing compacts. */
  readonly tokens?: number | undefined
  readonly max?: number | undefined
}

/** @category models @since 0.1.0 */
export interface MessageDropped extends Where {
  /** What is represented by a summary now, or by nothing. */
  readonly messages: ReadonlyArray<Message>
  readonly reason: CompactionReason
}

/**
 * The hooks of a run. All are optional; `Hooks.combine` merges several records.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Observes the start of a run, before anything is asked or stored. */
  readonly runStart?: ((event: RunStart) => Effect.Effect<void>) | undefined
  /** Observes the end of a run, however it ended, exactly once. */
  readonly runEnd?: ((event: RunEnd) => Effect.Effect<void>) | undefined
  /** Intercepts a request: what it returns replaces those fields. Nothing of it is stored. */
  readonly turnStart?: ((event: TurnStart) => Effect.Effect<Partial<Request> | void>) | undefined
  /** Observes the end of a turn, its results included. */
  readonly turnEnd?: ((event: TurnEnd) => Effect.Effect<void>) | undefined
  /** Intercepts a call after its guard and before its handler. New arguments are decoded and guarded again. */
  readonly toolStart?: ((event: ToolStart) => Effect.Effect<ToolStartChange | void>) | undefined
  /** Intercepts a result before it is bounded, stored and shown: what it returns replaces it. */
  readonly toolEnd?: ((event: ToolEnd) => Effect.Effect<ToolResult | void>) | undefined
  /** Observes every call that did not end `ok`. */
  readonly toolError?: ((event: ToolError) => Effect.Effect<void>) | undefined
  /** Observes that a conversation is too long, for its vendor or for the compaction in use, before anything is done. */
  readonly contextOverflow?: ((event: ContextOverflow) => Effect.Effect<void>) | undefined
  /** Observes what the model is not shown any more, after a compaction. */
  readonly messageDropped?: ((event: MessageDropped) => Effect.Effect<void>) | undefined
  /** Observes that the run was asked to stop and does. */
  readonly stop?: ((event: Where) => Effect.Effect<void>) | undefined
  /** Observes the failure that is about to end the run. */
  readonly error?: ((event: Failure) => Effect.Effect<void>) | undefined
  /** Observes every event of the run, in order, in batches as they occur. Keep it short: the run waits for it. */
  readonly events?: ((events: ReadonlyArray<AgentEvent>) => Effect.Effect<void>) | undefined
}

/**
 * The hooks in use. None unless provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Hooks extends Context.Reference<Hooks>()("axonal/hook/Hooks", {
  defaultValue: (): Service => ({})
}) {}

/**
 * Merges records of hooks into one that runs them in order.
 *
 * **Details**
 *
 * - Observers: all of them, each isolated from the others: one that dies is logged, and the next is told all the same.
 * - `turnStart`: a later one sees the request as the earlier ones changed it; where both change a field, the later wins.
 * - `toolStart`: a later one sees the arguments as the earlier ones rewrote them, before they are decoded again. The first
 *   `answer` wins and ends it: no later one is asked.
 * - `toolEnd`: a later one sees the result as the earlier ones replaced it.
 * - Interceptors that die end it, and the whole fails closed.
 * - A hook that no record has is absent and costs nothing. Associative, with `{}` as its neutral element.
 *
 * @category combinators
 * @since 0.1.0
 */
export const combine = (...records: ReadonlyArray<Service>): Service => {
  const at = <Key extends keyof Service>(key: Key): ReadonlyArray<NonNullable<Service[Key]>> =>
    records.flatMap((record) => {
      const hook = record[key]
      return hook === undefined ? [] : [hook]
    })
  return {
    runStart: observing(at("runStart")),
    runEnd: observing(at("runEnd")),
    turnStart: chained(at("turnStart"), turnStart),
    turnEnd: observing(at("turnEnd")),
    toolStart: chained(at("toolStart"), toolStart),
    toolEnd: chained(at("toolEnd"), toolEnd),
    toolError: observing(at("toolError")),
    contextOverflow: observing(at("contextOverflow")),
    messageDropped: observing(at("messageDropped")),
    stop: observing(at("stop")),
    error: observing(at("error")),
    events: observing(at("events"))
  }
}

/**
 * Runs an observing hook so that it cannot break the run: one that dies or interrupts itself is logged as a warning and
 * forgotten. Interrupting the run interrupts the hook.
 *
 * @category combinators
 * @since 0.1.0
 */
export const observe = (hook: Effect.Effect<unknown>): Effect.Effect<void> =>
  // When it is the run that is interrupted, this handler is never asked.
  Effect.catchAllCause(Effect.asVoid(hook), (cause) =>
    Effect.logWarning("A hook died; the run goes on without it", cause)
  )

/**
 * Layer of one record of hooks.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (hooks: Service): Layer.Layer<Hooks> => Layer.succeed(Hooks, hooks)

// internal

type Hook<Event, Change> = (event: Event) => Effect.Effect<Change>

const observing = <Event>(hooks: ReadonlyArray<Hook<Event, void>>): Hook<Event, void> | undefined =>
  hooks.length < 2
    ? hooks[0]
    : (event) => Effect.forEach(hooks, (hook) => observe(Effect.suspend(() => hook(event))), { discard: true })

/** What an interceptor's change means for the event that the next one sees, and for the change of both together. */
interface Merge<Event, Change> {
  readonly see: (event: Event, change: Change) => Event
  readonly merge: (earlier: Change, later: Change) => Change
  readonly isLast: (change: Change) => boolean
}

const chained = <Event, Change>(
  hooks: ReadonlyArray<Hook<Event, Change | void>>,
  { isLast, merge, see }: Merge<Event, Change>
): Hook<Event, Change | void> | undefined => {
  if (hooks.length < 2) return hooks[0]
  const from = (index: number, event: Event, change: Change | undefined): Effect.Effect<Change | void> => {
    const hook = hooks[index]
    if (hook === undefined || (change !== undefined && isLast(change))) return Effect.succeed(change)
    return Effect.flatMap(
      Effect.suspend(() => hook(event)),
      (next) =>
        next === undefined
          ? from(index + 1, event, change)
          : from(index + 1, see(event, next), change === undefined ? next : merge(change, next))
    )
  }
  return (event) => from(0, event, undefined)
}

const turnStart: Merge<TurnStart, Partial<Request>> = {
  see: (event, change) => ({ ...event, request: { ...event.request, ...change } }),
  merge: (earlier, later) => ({ ...earlier, ...later }),
  isLast: () => false
}

const toolStart: Merge<ToolStart, ToolStartChange> = {
  see: (event, change) => ("input" in change ? { ...event, input: change.input } : event),
  merge: (_, later) => later,
  isLast: (change) => "answer" in change
}

const toolEnd: Merge<ToolEnd, ToolResult> = {
  see: (event, result) => ({ ...event, result }),
  merge: (_, later) => later,
  isLast: () => false
}
