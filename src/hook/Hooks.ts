/**
 * Where an application looks into a run and changes it. One record of optional functions without an error channel:
 * observers only watch, and one that dies is logged and forgotten; interceptors answer with a change, and one that dies
 * fails closed: the call is not made, the request is not sent.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { CallId, RunId, SessionId } from "../domain/Ids.ts"
import type { Service as Identity } from "../context/Identity.ts"
import type { Message } from "../domain/Message.ts"
import type { FinishReason, RunReason } from "../domain/Outcome.ts"
import type { Usage } from "../domain/Usage.ts"
import type { ToolResult } from "../tool/ToolResult.ts"
import type { Request } from "../transport/Transport.ts"
import type { TransportError } from "../transport/TransportError.ts"

/**
 * Where a hook is: which run, of which agent, for whom. `turn` is 0 outside of turns.
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
  readonly error: TransportError
  readonly request: Request
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
  /** Observes a vendor's refusal of a request that is too long. */
  readonly contextOverflow?: ((event: ContextOverflow) => Effect.Effect<void>) | undefined
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
