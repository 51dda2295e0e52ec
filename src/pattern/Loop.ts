/**
 * The same again: a runner whose output is its next input, until a condition holds. The condition may be one of types, and
 * the output is then of the narrower type.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Composite from "../agent/Composite.ts"
import type { ContextStore, StoreError } from "../context/ContextStore.ts"
import * as Check from "../internal/options.ts"
import type { Runner } from "./Runner.ts"

/**
 * The condition did not hold after all rounds. Holds the last output as text.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotReached extends Schema.TaggedError<NotReached>()("NotReached", {
  pattern: Schema.String,
  rounds: Schema.Finite,
  text: Schema.String
}) {
  override get message(): string {
    return (
      `${this.pattern} was not done after ${this.rounds} round${this.rounds === 1 ? "" : "s"}. ` +
      `Raise max, or take the last output with onMax: "last"; it is in the field text.`
    )
  }
}

/**
 * How often the body runs.
 *
 * **Details**
 *
 * - `max`: the most rounds; 10.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly description?: string | undefined
  readonly max?: number | undefined
}

/**
 * What the body gets in the next round.
 *
 * **Details**
 *
 * - `next`: makes the input of the next round of the output and the input of the last one, and its number, from 1 on. It has to
 *   be given where the body does not take its own output.
 *
 * @category models
 * @since 0.1.0
 */
export type Feeding<In, Out> = [Out] extends [In]
  ? { readonly next?: ((output: Out, input: In, round: number) => In) | undefined }
  : { readonly next: (output: Out, input: In, round: number) => In }

/**
 * What to do when the condition does not hold in all rounds: fail with `NotReached`, or answer with the last output.
 *
 * @category models
 * @since 0.1.0
 */
export type OnMax = "fail" | "last"

/**
 * How a loop fails whose condition did not hold.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure<Max extends OnMax> = "fail" extends Max ? NotReached : never

/**
 * The output of a loop: what the condition narrows it to, where it narrows and has to hold.
 *
 * @category models
 * @since 0.1.0
 */
export type Output<Out, Until, Max extends OnMax> = [Max] extends ["fail"]
  ? Until extends Narrowing<Out, infer Done>
    ? Done
    : Out
  : Out

/**
 * A condition that narrows.
 *
 * @category models
 * @since 0.1.0
 */
export type Narrowing<Out, Done extends Out> = (output: Out, round: number) => output is Done

/**
 * Makes a runner that runs its body until the condition holds for what it answers.
 *
 * **Details**
 *
 * - `until`: is given the output and the number of its round, from 1 on; it has to answer the same each time, since a run that
 *   goes on asks it again. A refinement narrows the output.
 * - `onMax`: after `max` rounds the run fails with `NotReached` (the default), or answers with the last output, of the body's
 *   own type; the result's `why` then says that the condition did not hold.
 * - Rounds have sessions of their own, at `round-1`, `round-2` …; only outputs go from one to the next.
 * - Errors: those of the body. Throws for a `max` below 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  In,
  Out,
  E,
  R,
  Until extends (output: Out, round: number) => boolean,
  const Max extends OnMax = "fail"
>(
  name: string,
  {
    body,
    max = 10,
    next,
    onMax,
    until,
    ...options
  }: Options & {
    readonly body: Runner<In, Out, E, R>
    readonly until: Until
    readonly onMax?: Max | undefined
  } & Feeding<In, Out>
): Runner<In, Output<Out, Until, Max>, E | Failure<Max> | StoreError, R | ContextStore> => {
  Check.whole("Loop option max", max, 1)
  Check.oneOf("Loop option onMax", onMax, ["fail", "last"])
  return Composite.make(name, options, (input: In, parts) => {
    const from = (round: number, input: In): Effect.Effect<Last<Out>, E | Composite.Unfinished | StoreError, R> =>
      Effect.flatMap(parts.run(`round-${round}`, body, input), ({ answeredBy, output, text }) => {
        const isDone = until(output, round)
        return isDone || round >= max
          ? Effect.succeed({ isDone, round, output, text, answeredBy })
          : // Without `next` the body takes its own output.
            from(round + 1, next === undefined ? (output as unknown as In) : next(output, input, round))
      })
    return Effect.flatMap(from(1, input), ({ isDone, output, round, ...rest }) => {
      // Whether the condition has to hold, and to what it narrows, is read off the options.
      const answer = { ...rest, output: output as Output<Out, Until, Max> }
      if (isDone) return Effect.succeed(answer)
      const missed = new NotReached({ pattern: name, rounds: round, text: rest.text })
      return onMax === "last"
        ? Effect.succeed({ ...answer, why: missed.message })
        : (Effect.fail(missed) as Effect.Effect<never, Failure<Max>>)
    })
  })
}

// internal

/** The last round that there was. */
interface Last<out Out> {
  readonly isDone: boolean
  readonly round: number
  readonly output: Out
  readonly text: string
  readonly answeredBy: string
}
