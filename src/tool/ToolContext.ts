/**
 * What a handler may know about the call it serves. A reference, so that handlers can use it without naming it in their
 * requirements and run in a test without it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Service as Identity } from "../context/Identity.ts"
import { CallId, RunId, SessionId } from "../domain/Ids.ts"

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
  readonly turn: number
  readonly identity: Identity
  /**
   * Shows output while the tool runs: text, or any JSON value. Every chunk is an event at once, and what was shown is
   * kept in the result if the call is interrupted or times out.
   */
  readonly progress: (chunk: unknown) => Effect.Effect<void>
}

const outside = "none"

/**
 * The current call. Outside of a run it is a placeholder whose progress goes nowhere.
 *
 * @category references
 * @since 0.1.0
 */
export class ToolContext extends Context.Reference<ToolContext>()("axonal/tool/ToolContext", {
  defaultValue: (): Service => ({
    call: CallId.make(outside),
    tool: outside,
    agent: outside,
    run: RunId.make(outside),
    session: SessionId.make(outside),
    turn: 0,
    identity: {},
    progress: () => Effect.void
  })
}) {}
