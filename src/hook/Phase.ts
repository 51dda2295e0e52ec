/**
 * The phases of a run in which hooks are asked: what they are told there, and what interceptors may change. The hooks
 * themselves are in `Hooks`.
 */
import type { StoreError } from "../context/ContextStore.ts"
import type { Service as Identity } from "../context/Identity.ts"
import type { AgentEvent, Of } from "../domain/AgentEvent.ts"
import type { CompactionReason, Entry } from "../domain/Entry.ts"
import type { CallId, PathStep, RunId, SessionId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import type { FinishReason, LimitName, RunReason } from "../domain/Outcome.ts"
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
  /** From the root run to this one; absent when the run is not nested. */
  readonly path?: ReadonlyArray<PathStep> | undefined
}

/**
 * An event, with where it happened.
 *
 * @category models
 * @since 0.1.0
 */
export type Told<Tag extends AgentEvent["_tag"]> = Where & Of<Tag>

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

/**
 * What a `turnStart` hook may change of a request: these fields, whole.
 *
 * @category models
 * @since 0.1.0
 */
export type TurnStartChange = Partial<Request> & {
  /** Which model it is, is decided by the transport; what the agent is told, by `messages`. */
  readonly model?: never
  readonly instructions?: never
}

/** @category models @since 0.1.0 */
export interface ModelStart extends Where {
  /** As it is sent, after `turnStart`. */
  readonly request: Request
  readonly model: string
  /** Of this turn: 1 for the first request, one more for each that is sent again, anew, or shortened. */
  readonly attempt: number
}

/** @category models @since 0.1.0 */
export interface ModelEnd extends ModelStart {
  readonly message: Message
  readonly reason: FinishReason
  readonly usage: Usage
}

/** @category models @since 0.1.0 */
export interface ModelError extends ModelStart {
  /** The typed failure or the defect; absent when the run was stopped or interrupted meanwhile. */
  readonly error?: unknown
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
export type ToolStartChange =
  | { readonly input: unknown; readonly answer?: never; readonly result?: never }
  | { readonly answer: ToolResult; readonly input?: never; readonly result?: never }

/** @category models @since 0.1.0 */
export interface ToolEnd extends ToolStart {
  /** The arguments as JSON: of a call that was refused before its handler, as the model wrote them. */
  readonly input: unknown
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

/** @category models @since 0.1.0 */
export interface CompactionStart extends Where {
  readonly reason: CompactionReason
  readonly tokens: number
}

/** @category models @since 0.1.0 */
export interface LimitReached extends Where {
  readonly limit: LimitName
  readonly max: number
  readonly actual: number
}

/** @category models @since 0.1.0 */
export interface StoreRead extends Where {
  readonly operation: "read" | "live" | "entries" | "entry"
  /** How many entries were read; of `read` how many messages. */
  readonly count: number
  readonly durationMillis: number
  readonly error?: StoreError | undefined
}

/** @category models @since 0.1.0 */
export interface StoreWrite extends Where {
  /** How many entries of each kind one append holds. */
  readonly entries: { readonly [Tag in Entry["_tag"]]?: number }
  readonly durationMillis: number
  readonly error?: StoreError | undefined
}
