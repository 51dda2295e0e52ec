/**
 * Whether a run is at its end: by what its calls came to, by an answer that is what was asked for, by a budget.
 */
import * as Effect from "effect/Effect"
import { LimitExceeded, OutputInvalid } from "../domain/AgentError.ts"
import type { Message } from "../domain/Message.ts"
import type { RunReason } from "../domain/Outcome.ts"
import * as Budget from "./Budget.ts"
import * as Ending from "./Ending.ts"
import * as Halt from "./Halt.ts"
import * as Output from "./Output.ts"
import * as Run from "./Run.ts"
import type { Conversation, Worked } from "./Turn.ts"

/**
 * A conversation, and how often the model was told that its answer is not what was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface State extends Conversation {
  repairs: number
}

/**
 * Has a budget end the run as any limit does. There is no last answer, which would cost as well.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withinBudget = <E, R>(
  state: State,
  conversing: Effect.Effect<Ending.End, E | LimitExceeded, R>
): Effect.Effect<Ending.End, E | LimitExceeded, R> =>
  state.run.definition.limits.onLimit === "fail" || state.run.budget === Budget.none
    ? toldOf(state.run, conversing)
    : Effect.catchIf(
        toldOf(state.run, conversing),
        (error): error is E & LimitExceeded => error instanceof LimitExceeded,
        ({ limit }) => Effect.succeed({ reason: "limit", limit, output: state.output })
      )

/**
 * Whether what the calls came to may be the end.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isOver = ({ blocked, ends, pending }: Worked): boolean =>
  blocked !== undefined || ends !== undefined || pending.length > 0

/**
 * The end that calls came to by themselves: a person is waited for, a guard ends the run, or a result does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ofCalls = (
  state: State,
  { blocked, ends, pending }: Worked
): Effect.Effect<Ending.End | undefined, OutputInvalid | Halt.Halted> => {
  if (blocked !== undefined) return Effect.succeed(Ending.blocked(blocked))
  if (pending.length > 0) return Effect.succeed({ reason: "awaiting-approval", output: state.output, pending })
  if (ends === undefined) return Effect.succeed(undefined)
  state.output = ends.text
  const { output } = state.run.definition
  const end: Ending.End = {
    ...{ reason: "completed", output: ends.text },
    ...(ends.reason === undefined ? undefined : { why: ends.reason })
  }
  if (output === undefined) return Effect.succeed(end)
  const text = "value" in ends ? JSON.stringify(ends.value) : ends.text
  return Effect.flatMap(Halt.haltable(state.halt, Output.read(output, text)), (read) =>
    read._tag === "Valid"
      ? Effect.succeed({ ...end, value: read.json })
      : Effect.fail(new OutputInvalid({ description: read.description, text: ends.text }))
  )
}

/**
 * The typed answer, or what the model is told of one that is invalid, as often as that is allowed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ofAnswer = (
  state: State,
  reason: RunReason
): Effect.Effect<{ readonly value?: unknown } | { readonly repair: Message }, OutputInvalid | Halt.Halted> => {
  const { run } = state
  const { output } = run.definition
  if (output === undefined) return Effect.succeed({})
  return Effect.flatMap(Halt.haltable(state.halt, Output.read(output, state.output)), (read) => {
    if (read._tag === "Valid") {
      // What is said after a valid answer is a question of its own.
      state.repairs = 0
      return Effect.succeed({ value: read.json })
    }
    // An answer that was cut is no answer of this type, and asking again does not make it one.
    if (reason !== "completed") return Effect.succeed({})
    const { description } = read
    if (state.repairs >= output.repairs) return Effect.fail(new OutputInvalid({ description, text: state.output }))
    const repair = ++state.repairs
    const isKnown = run.transport.model.capabilities?.includes("structured-output") === true
    return Effect.as(
      Run.emit(run, () => [Run.event(run, "OutputRejected", { repair, description })]),
      { repair: Output.repair(output, description, !isKnown) }
    )
  })
}

// internal

/** Has the limit noted with which a conversation fails. */
const toldOf = <A, E, R>(run: Run.Run, conversing: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.tapError(conversing, (error) => (error instanceof LimitExceeded ? Run.limitReached(run, error) : Effect.void))
