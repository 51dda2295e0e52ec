/**
 * Who answers when a guard says `Ask`. Without a layer nobody does, and asking is denying.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Call } from "./Guard.ts"

/**
 * A question to a person: the call, and why the guard asks.
 *
 * @category models
 * @since 0.1.0
 */
export interface Question {
  readonly call: Call
  readonly reason: string
  readonly category?: string | undefined
}

/**
 * A person's answer. The reason of a no is told to the model.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decision {
  readonly approved: boolean
  readonly reason?: string | undefined
}

/**
 * What an approver does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Answers a question. May take as long as a person takes; interruption withdraws the question. */
  readonly ask: (question: Question) => Effect.Effect<Decision>
}

const nobody: Decision = { approved: false, reason: "nobody is there to approve it" }

/**
 * The approver. Denies unless another one is provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Approval extends Context.Reference<Approval>()("axonal/guard/Approval", {
  defaultValue: (): Service => ({ ask: () => Effect.succeed(nobody) })
}) {}

/**
 * Layer that denies every question: the default, said aloud.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDeny: Layer.Layer<Approval> = Layer.succeed(Approval, { ask: () => Effect.succeed(nobody) })

/**
 * Layer that approves every question. For tests and for programs that nobody watches on purpose.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAllow: Layer.Layer<Approval> = Layer.succeed(Approval, {
  ask: () => Effect.succeed({ approved: true })
})
