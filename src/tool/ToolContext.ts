/**
 * What a handler may know about the call it serves. A reference, so that handlers can use it without naming it in their
 * requirements and run in a test without it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Service as Identity } from "../context/Identity.ts"
import type { PathStep } from "../domain/Ids.ts"
import { CallId, RunId, SessionId } from "../domain/Ids.ts"
import type { Input } from "../domain/Message.ts"

/**
 * The call that the current handler serves.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly call: CallId
  readonly tool: string
  readonly agent: string
  readonly run: RunId
  readonly session: SessionId
  /** The turn that the run is in: that of the call while it runs, later ones for what it leaves running. */
  readonly turn: number
  readonly identity: Identity
  /**
   * Shows output while the tool runs: text, or any JSON value. Every chunk is an event at once, and what was shown is
   * kept in the result if the call is interrupted or times out.
   */
  readonly progress: (chunk: unknown) => Effect.Effect<void>
  /** The way from the root run to the one of this call; absent when that is the root. */
  readonly path?: ReadonlyArray<PathStep> | undefined
  /** The scope of the run: what is started in it ends with the run. Absent outside of one. */
  readonly scope: Scope.Scope | undefined
  /** Joins the conversation before the next model request. Answers `false` when the run no longer listens. */
  readonly steer: (input: Input) => Effect.Effect<boolean>
  /** Joins the conversation when the run would otherwise end. Answers `false` when the run no longer listens. */
  readonly followUp: (input: Input) => Effect.Effect<boolean>
}

const none = "none"

/**
 * The placeholder that stands in for a call outside of a run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outside: Service = {
  call: CallId.make(none),
  tool: none,
  agent: none,
  run: RunId.make(none),
  session: SessionId.make(none),
  turn: 0,
  identity: {},
  progress: () => Effect.void,
  scope: undefined,
  steer: () => Effect.succeed(false),
  followUp: () => Effect.succeed(false)
}

/**
 * The current call. Outside of a run it is a placeholder whose progress goes nowhere.
 *
 * @category references
 * @since 0.1.0
 */
export class ToolContext extends Context.Reference<ToolContext>()("axonal/tool/ToolContext", {
  defaultValue: () => outside
}) {}
