/**
 * Generate, judge, revise: one runner makes a draft, a scorer judges it, and the first makes another one of its own draft and
 * what was said of it, until it passes. For work where it is easier to say what is wrong than to do it right at once.
 */
import * as Effect from "effect/Effect"
import * as Bracket from "../agent/Bracket.ts"
import * as Composite from "../agent/Composite.ts"
import type { ContextStore, StoreError } from "../context/ContextStore.ts"
import * as Check from "../internal/options.ts"
import * as Attempts from "./Attempts.ts"
import * as Prompt from "./internal/prompt.ts"
import type { Runner } from "./Runner.ts"
import type { ScoreInvalid } from "./Score.ts"
import type { Scorer } from "./Scorer.ts"
import * as Scorers from "./Scorer.ts"

/**
 * A draft that did not pass, and what was said of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Revision<out In, out Out> {
  readonly input: In
  readonly before: Attempts.Attempted<Out>
}

/**
 * How drafts are judged and revised.
 *
 * **Details**
 *
 * - `rounds`: the most drafts; 3. `threshold`: the value from which on a score passes that does not say so itself; 0.7.
 * - `revise`: the input for the next draft. The task, the last draft and the feedback, as text, unless given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<in out In, in out Out> extends Attempts.Bounds {
  readonly description?: string | undefined
  readonly revise?: ((revision: Revision<In, Out>) => In) | undefined
}

/** How inputs for drafts are made has to be said where they are not text. */
type Revising<In, Out> = string extends In ? unknown : { readonly revise: (revision: Revision<In, Out>) => In }

/**
 * Makes a runner whose output is a draft that passed.
 *
 * **Details**
 *
 * - `generator`: makes the drafts. `judge`: scores them: a pass word, a verdict, a rubric, a function; see `Scorer`.
 * - `onCap`: when no draft passed in all rounds, the run fails with `NotPassed` (the default), or answers with the best draft:
 *   the highest value, the last one when all were judged alike. The result's `why` then says that it did not pass.
 * - Drafts have sessions of their own, at `draft-1`, `judge-1`, `draft-2` …; all their events stream with their path, and the
 *   `RunEnd` of the evaluator itself holds the final draft only.
 * - Errors: those of both; `ScoreInvalid` for a score out of range. Throws for bounds that are none.
 *
 * @see {@link judged} for the scores and feedback of all drafts
 * @category constructors
 * @since 0.1.0
 */
export const make = <In, Out, E, R, E2, R2, const Cap extends Attempts.OnCap = "fail">(
  name: string,
  options: Options<In, Out> & {
    readonly generator: Runner<In, Out, E, R>
    readonly judge: Scorer<Out, E2, R2>
    readonly onCap?: Cap | undefined
  } & Revising<In, Out>
): Runner<In, Out, E | E2 | ScoreInvalid | Attempts.Failure<Cap> | StoreError, R | R2 | ContextStore> => {
  Check.oneOf("Evaluator option onCap", options.onCap, ["fail", "best"])
  const drafts = drafting(options)
  return Composite.make(name, options, (input: In, parts) =>
    Effect.flatMap(drafts(input, parts), (attempts) => Attempts.settled(name, options.onCap, attempts))
  )
}

/**
 * Makes a runner whose output is the best draft, whether it passed, and all drafts with their scores.
 *
 * **Details**
 *
 * - As {@link make}, but it does not fail when no draft passed: `passed` says it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const judged = <In, Out, E, R, E2, R2>(
  name: string,
  options: Options<In, Out> & {
    readonly generator: Runner<In, Out, E, R>
    readonly judge: Scorer<Out, E2, R2>
  } & Revising<In, Out>
): Runner<In, Attempts.Judged<Out>, E | E2 | ScoreInvalid | StoreError, R | R2 | ContextStore> => {
  const drafts = drafting(options)
  return Composite.make(name, options, (input: In, parts) =>
    Effect.map(drafts(input, parts), (attempts) => Attempts.judged<Out, Attempts.Attempted<Out>>(attempts))
  )
}

// internal

const drafting = <In, Out, E, R, E2, R2>({
  generator,
  judge,
  revise = revised,
  ...bounds
}: Options<In, Out> & {
  readonly generator: Runner<In, Out, E, R>
  readonly judge: Scorer<Out, E2, R2>
}) => {
  const { isPassed, untilPassed } = Attempts.bounded("Evaluator", bounds)
  return (task: In, parts: Composite.Parts) =>
    untilPassed((attempts: ReadonlyArray<Attempts.Attempted<Out>>) =>
      Effect.gen(function* () {
        const round = attempts.length + 1
        const before = attempts.at(-1)
        const input = before === undefined ? task : revise({ input: task, before })
        const draft = yield* parts.run(`draft-${round}`, generator, input)
        const { output, text } = draft
        const score = yield* Scorers.run(parts, `judge-${round}`, judge, { task, criteria: [], output, text })
        return Attempts.attempted(round, draft, score, isPassed(score))
      })
    )
}

const revised = <In, Out>({ before, input }: Revision<In, Out>): In => {
  const task = Bracket.isInput(input) ? input : Bracket.textOf(input)
  const words = [
    "You have tried this before. Your last version:",
    Prompt.tagged("attempt", before.text),
    "It is not good enough yet. What was said of it:",
    Prompt.tagged("feedback", Attempts.feedbackOf(before.score)),
    "Do the task again with this taken in. Answer with the new version only."
  ].join("\n\n")
  // Without `revise` the generator takes text, and messages where it was given messages.
  return Prompt.framed(task, words) as In
}
