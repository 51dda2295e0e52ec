/**
 * What evaluators and planners have in common: attempts at a task, each with its score, until one passes or there are no
 * more rounds; the best of them; and the error for when none was good enough.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Answer } from "../agent/Composite.ts"
import type { Completed } from "../agent/Result.ts"
import * as Check from "../internal/options.ts"
import { checkShare, Score } from "./Score.ts"

/**
 * An attempt and its score.
 *
 * **Details**
 *
 * - `round`: from 1 on. `answeredBy`: who made it. `passed`: what the score says, or the threshold where it does not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attempted<out Out> {
  readonly round: number
  readonly output: Out
  readonly text: string
  readonly answeredBy: string
  readonly score: Score
  readonly passed: boolean
}

/**
 * What attempts came to.
 *
 * **Details**
 *
 * - `output`: of the attempt that passed; of the best one when none did: the highest value, the latest among equals.
 * - `rounds`: how many attempts there were. `attempts`: all of them, in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Judged<out Out, out A extends Attempted<Out> = Attempted<Out>> {
  readonly output: Out
  readonly passed: boolean
  readonly rounds: number
  readonly attempts: ReadonlyArray<A>
}

/**
 * No attempt was good enough. Holds the best one as text, its score, and what was said of all of them.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotPassed extends Schema.TaggedError<NotPassed>()("NotPassed", {
  pattern: Schema.String,
  rounds: Schema.Finite,
  text: Schema.String,
  score: Score,
  attempts: Schema.Array(Schema.Struct({ round: Schema.Finite, text: Schema.String, score: Score }))
}) {
  override get message(): string {
    return `${this.pattern}: ${missed(this.rounds, this.score)} Raise rounds, or take the best attempt with onCap: "best".`
  }
}

/**
 * What to do when no attempt passed: fail with `NotPassed`, or answer with the best one.
 *
 * @category models
 * @since 0.1.0
 */
export type OnCap = "fail" | "best"

/**
 * How a pattern fails when no attempt passed.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure<Cap extends OnCap> = "fail" extends Cap ? NotPassed : never

/**
 * How often there are attempts, and which of them are good enough.
 *
 * **Details**
 *
 * - `rounds`: the most attempts; 3. `threshold`: the value from which on a score that does not say so itself has passed; 0.7.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  readonly rounds?: number | undefined
  readonly threshold?: number | undefined
}

/**
 * Makes attempts until one passes or there are no more rounds. Each is made of those before it.
 *
 * **Details**
 *
 * - Throws, when it is made, for rounds below 1 and a threshold that is not from 0 to 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bounded = (pattern: string, { rounds = 3, threshold = 0.7 }: Bounds) => {
  Check.whole(`${pattern} option rounds`, rounds, 1)
  checkShare(`${pattern} option threshold`, threshold)
  return {
    threshold,
    /** Whether a score is good enough. */
    isPassed: ({ passed, value }: Score): boolean => passed ?? value >= threshold,
    untilPassed: <A extends Attempted<unknown>, E, R>(
      attempt: (before: ReadonlyArray<A>) => Effect.Effect<A, E, R>
    ): Effect.Effect<ReadonlyArray<A>, E, R> => {
      const none: ReadonlyArray<A> = []
      return Effect.iterate(none, {
        while: (before) => before.length < rounds && before.at(-1)?.passed !== true,
        body: (before) => Effect.map(attempt(before), (made) => [...before, made])
      })
    }
  }
}

/**
 * An attempt of what a part answered and how it was judged.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attempted = <Out>(
  round: number,
  { answeredBy, output, text }: Completed<Out>,
  score: Score,
  passed: boolean
): Attempted<Out> => ({ round, output, text, answeredBy, score, passed })

/**
 * The answer with all attempts, as text the best of them.
 *
 * @category converters
 * @since 0.1.0
 */
export const judged = <Out, A extends Attempted<Out>>(attempts: ReadonlyArray<A>): Answer<Judged<Out, A>> => {
  const { answeredBy, output, passed, text } = best(attempts)
  return { output: { output, passed, rounds: attempts.length, attempts }, text, answeredBy }
}

/**
 * The answer that is the best attempt alone, or the error that none passed. Of one that did not pass the answer says why.
 *
 * @category converters
 * @since 0.1.0
 */
export const settled = <Out, Cap extends OnCap>(
  pattern: string,
  onCap: Cap | undefined,
  attempts: ReadonlyArray<Attempted<Out>>
): Effect.Effect<Answer<Out>, Failure<Cap>> => {
  const { answeredBy, output, passed, score, text } = best(attempts)
  const answer = { output, text, answeredBy }
  const rounds = attempts.length
  if (passed) return Effect.succeed(answer)
  if (onCap === "best") return Effect.succeed({ ...answer, why: missed(rounds, score) })
  const tried = attempts.map(({ round, score, text }) => ({ round, text, score }))
  const failure = Effect.fail(new NotPassed({ pattern, rounds, text, score, attempts: tried }))
  // Whoever asked for the best has had it.
  return failure as Effect.Effect<never, Failure<Cap>>
}

/**
 * The attempt that passed, or the one with the highest value, the latest among equals.
 *
 * @category combinators
 * @since 0.1.0
 */
export const best = <A extends Attempted<unknown>>(attempts: ReadonlyArray<A>): A =>
  attempts.reduce((best, one) => (one.passed || one.score.value >= best.score.value ? one : best))

/**
 * What is said of an attempt that was not good enough.
 *
 * @category converters
 * @since 0.1.0
 */
export const feedbackOf = ({ feedback, value }: Score): string =>
  feedback === undefined || feedback.trim() === ""
    ? `It was given ${shown(value)} of 1, which is not enough.`
    : feedback

// internal

const missed = (rounds: number, { feedback, value }: Score): string => {
  const said = feedback === undefined || feedback.trim() === "" ? "" : ` (${feedback.trim().split("\n", 1)[0]})`
  return `No attempt passed in ${rounds} round${rounds === 1 ? "" : "s"}; the best was given ${shown(value)} of 1${said}.`
}

const shown = (value: number): string => String(Math.round(value * 100) / 100)
