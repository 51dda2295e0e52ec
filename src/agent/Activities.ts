/**
 * Everything a run does to the world goes through here: model calls, tool calls, approvals, compactions, sleeping, the time, new ids.
 * In memory they are just done. A durable layer journals them instead, and the same loop survives a crash: between
 * activities the loop is deterministic, so replaying the journal brings it back to where it was.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Outcome } from "../context/Compaction.ts"
import type { CallId, RunId } from "../domain/Ids.ts"
import type { Answer as Answered } from "../guard/Approval.ts"
import type { ToolResult } from "../tool/ToolResult.ts"
import type { Selection } from "../tool/ToolSelector.ts"
import type { Answer } from "./Answer.ts"

/**
 * Names an activity within its run, the same on every replay.
 *
 * @category models
 * @since 0.1.0
 */
export interface Key {
  readonly run: RunId
  readonly turn: number
  readonly call?: CallId | undefined
  /**
   * Of pauses between attempts at a request: which one, 1 for the first. Of requests: 2 for one that was shortened. Of
   * compactions: 2 for the one that shortens it.
   */
  readonly attempt?: number | undefined
}

/**
 * How activities are carried out. Each method gets the effect that really does it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly model: <E, R>(key: Key, execute: Effect.Effect<Answer, E, R>) => Effect.Effect<Answer, E, R>
  readonly tool: <E, R>(key: Key, execute: Effect.Effect<ToolResult, E, R>) => Effect.Effect<ToolResult, E, R>
  readonly approval: <R>(key: Key, execute: Effect.Effect<Answered, never, R>) => Effect.Effect<Answered, never, R>
  readonly compaction: <R>(key: Key, execute: Effect.Effect<Outcome, never, R>) => Effect.Effect<Outcome, never, R>
  readonly selection: <R>(key: Key, execute: Effect.Effect<Selection, never, R>) => Effect.Effect<Selection, never, R>
  readonly sleep: (key: Key, duration: Duration.DurationInput) => Effect.Effect<void>
  /** Milliseconds since the epoch. */
  readonly now: Effect.Effect<number>
  /** A fresh id with this prefix, unique across processes. */
  readonly id: (prefix: string) => Effect.Effect<string>
}

/**
 * Does everything directly.
 *
 * @category constructors
 * @since 0.1.0
 */
export const direct: Service = {
  model: (_key, execute) => execute,
  tool: (_key, execute) => execute,
  approval: (_key, execute) => execute,
  compaction: (_key, execute) => execute,
  selection: (_key, execute) => execute,
  sleep: (_key, duration) => Effect.sleep(duration),
  now: Clock.currentTimeMillis,
  id: (prefix) => Effect.sync(() => `${prefix}_${crypto.randomUUID().replaceAll("-", "")}`)
}

/**
 * The activities in use: direct ones unless a durable layer is provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Activities extends Context.Reference<Activities>()("axonal/agent/Activities", {
  defaultValue: () => direct
}) {}
