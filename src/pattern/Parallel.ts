/**
 * Runners side by side on one task, and what is made of their answers: all of them, one text, one answer by another runner,
 * the first, or the best. For work that does not depend on each other, and for more than one opinion.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Bracket from "../agent/Bracket.ts"
import * as Composite from "../agent/Composite.ts"
import * as Runnable from "../agent/Runnable.ts"
import type { ContextStore, StoreError } from "../context/ContextStore.ts"
import type * as Message from "../domain/Message.ts"
import * as Check from "../internal/options.ts"
import * as Branches from "./Branches.ts"
import { beside } from "./internal/places.ts"
import * as Prompt from "./internal/prompt.ts"
import { quoted } from "./internal/quoted.ts"
import * as Scorer from "./Scorer.ts"

/**
 * How branches run, and what happens when one of them fails.
 *
 * **Details**
 *
 * - `concurrency`: how many run at once; all of them when absent. Never more than that, whatever they do.
 * - `onFailure`: `"interrupt"` (the default): the others are interrupted, and the pattern fails with the error that came
 *   first; each `RunEnd` tells how its branch ended. `"collect"`: the others go on, so that all errors are told together, and a
 *   limit or a guard that ended a branch counts as a failure of that branch alone.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<OnFailure extends Branches.OnFailure = Branches.OnFailure> extends Branches.Options {
  readonly onFailure?: OnFailure | undefined
}

/**
 * What each branch comes to: its output, or with `"collect"` either its output or how it failed. A list for a list, a record
 * for a record.
 *
 * @category models
 * @since 0.1.0
 */
export type Outputs<B extends Branches.Branches, OnFailure extends Branches.OnFailure> = {
  readonly [At in keyof B]: "collect" extends OnFailure
    ? Either.Either<Runnable.Output<B[At]>, Branches.Failed<Runnable.Failure<B[At]> | StoreError>>
    : Runnable.Output<B[At]>
}

/** How a pattern fails of which the branches do: with theirs, or when none of them answers. */
export type Failure<B extends Branches.Branches, OnFailure extends Branches.OnFailure> =
  | StoreError
  | ("collect" extends OnFailure ? Branches.NoneAnswered<Branches.Failure<B> | StoreError> : Branches.Failure<B>)

/**
 * Makes a runner of several: all get the same input, and it results in all outputs.
 *
 * **Details**
 *
 * - Resumed, branches that have answered are not run again; those that failed or were cut short are.
 * - While one waits for a person the others finish; then all questions are told together.
 * - Its text has each answer under the name of its place, or `No answer:` and why.
 * - Errors: with `"interrupt"` those of the branches; with `"collect"` none of theirs. `Runner.failedAt` tells which it was.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const B extends Branches.Branches, OnFailure extends Branches.OnFailure = "interrupt">(
  name: string,
  branches: B,
  options: Options<OnFailure> = {}
): Runnable.Runner<
  Branches.Input<B>,
  Outputs<B, OnFailure>,
  StoreError | ("collect" extends OnFailure ? never : Branches.Failure<B>),
  Branches.Requirements<B> | ContextStore
> => {
  const listed = listedFor(name, branches, options)
  const isCollecting = options.onFailure === "collect"
  const runner = Composite.make(name, options, (input: unknown, parts) =>
    Effect.map(Branches.run(listed, parts, input, options), (outcomes) => {
      const outputs = outcomes.map((outcome) => {
        const output = Either.map(outcome, ({ result }) => result.output)
        return isCollecting ? output : Either.getOrElse(output, () => undefined)
      })
      const text = outcomes.map((outcome, index) => section(listed[index]?.at ?? "", outcome)).join("\n\n")
      const output = Array.isArray(branches)
        ? outputs
        : Object.fromEntries(listed.map(({ at }, index) => [at, outputs[index]]))
      return { output, text }
    })
  )
  return Runnable.make(name, options.description, runner.behavior)
}

/**
 * Makes a runner of several that results in their texts, in the order in which they stand.
 *
 * **Details**
 *
 * - `separator`: between two texts; a line of three dashes between blank lines unless given.
 * - Errors: those of the branches. With `"collect"` texts of those that failed are left out, and it fails with `NoneAnswered`
 *   when that leaves none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const join = <const B extends Branches.Branches, OnFailure extends Branches.OnFailure = "interrupt">(
  name: string,
  branches: B,
  options: Options<OnFailure> & { readonly separator?: string | undefined } = {}
): Runnable.Runner<Branches.Input<B>, string, Failure<B, OnFailure>, Branches.Requirements<B> | ContextStore> => {
  const listed = listedFor(name, branches, options)
  const runner = Composite.make(name, options, (input: unknown, parts) =>
    Effect.map(Branches.answers(name, listed, parts, input, options), (answers) => ({
      output: answers.map(({ result }) => result.text).join(options.separator ?? "\n\n---\n\n")
    }))
  )
  return Runnable.make(name, options.description, runner.behavior)
}

/**
 * Makes a runner of several, of whose answers another one makes one.
 *
 * **Details**
 *
 * - `by`: is told the task, files and all, and each answer between tags that name its place. `prompt` tells it otherwise.
 * - Errors: those of the branches and of `by`. With `"collect"` answers of those that failed are left out, and it fails with
 *   `NoneAnswered` when that leaves none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const aggregate = <
  const B extends Branches.Branches,
  Out,
  E,
  R,
  OnFailure extends Branches.OnFailure = "interrupt"
>(
  name: string,
  branches: B,
  options: Options<OnFailure> & {
    readonly by: Runnable.Runner<Message.Input, Out, E, R>
    readonly prompt?: ((answers: ReadonlyArray<Answer<B>>, input: Branches.Input<B>) => Message.Input) | undefined
  }
): Runnable.Runner<Branches.Input<B>, Out, E | Failure<B, OnFailure>, R | Branches.Requirements<B> | ContextStore> => {
  const listed = listedFor(name, branches, options)
  const { by, prompt } = options
  const place = beside("aggregate", placesOf(listed))
  const runner = Composite.make(name, options, (input: Branches.Input<B>, parts) =>
    Effect.flatMap(Branches.answers(name, listed, parts, input, options), (answers) =>
      parts.run(place, by, (prompt ?? told)(answers.map(answerOf<B>), input))
    )
  )
  return Runnable.make(name, options.description, runner.behavior)
}

/**
 * Makes a runner of several that results in the answer of the one that answers first. The others are interrupted then.
 *
 * **Details**
 *
 * - A failure is none until all have failed: then it fails with `NoneAnswered`, which has all errors in the order of the
 *   branches. A limit or a guard that ended a branch counts as its failure.
 * - A branch that waits for a person stands back: the run waits only when no other branch answers.
 * - Resumed, an answer that was there is the answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const first = <const B extends Branches.Branches>(
  name: string,
  branches: B,
  options: Branches.Options = {}
): Runnable.Runner<
  Branches.Input<B>,
  Branches.AnyOutput<B>,
  StoreError | Branches.NoneAnswered<Branches.Failure<B> | StoreError>,
  Branches.Requirements<B> | ContextStore
> => {
  const listed = listedFor(name, branches, options)
  const place = beside("first", placesOf(listed))
  const runner = Composite.make(name, options, (input: unknown, parts) =>
    Effect.gen(function* () {
      const known: Array<Branches.Answered> = []
      const race = Effect.map(Branches.first(name, listed, parts, input, options), (answered) => {
        known.push(answered)
        return answered.at
      })
      const at = yield* parts.remember(place, race)
      const [answered] = known
      if (answered !== undefined) return answered.result
      const [winner = listed[0]] = listed.filter((branch) => branch.at === at)
      return yield* parts.run(winner.at, winner.runner, input)
    })
  )
  return Runnable.make(name, options.description, runner.behavior)
}

/**
 * Makes a runner of several that results in the best of their answers. For the best of n by one runner, give it `times`.
 *
 * **Details**
 *
 * - `judge`: a scorer, or a function that gives a score. Of equals the first wins.
 * - Errors: those of the branches and of the judge. With `"collect"` those that failed take no part, and it fails with
 *   `NoneAnswered` when that leaves none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const best = <
  const B extends Branches.Branches,
  E = never,
  R = never,
  OnFailure extends Branches.OnFailure = "interrupt"
>(
  name: string,
  branches: B,
  options: Options<OnFailure> & {
    readonly judge:
      | Scorer.Scorer<Branches.AnyOutput<B>, E, R>
      | ((attempt: Scorer.Attempt<Branches.AnyOutput<B>>) => Scorer.Grade | Effect.Effect<Scorer.Grade, E, R>)
  }
): Runnable.Runner<
  Branches.Input<B>,
  Branches.AnyOutput<B>,
  E | Scorer.ScoreInvalid | Failure<B, OnFailure>,
  R | Branches.Requirements<B> | ContextStore
> => {
  const listed = listedFor(name, branches, options)
  const taken = placesOf(listed)
  const judge = typeof options.judge === "function" ? Scorer.fromFunction("judge", options.judge) : options.judge
  const runner = Composite.make(name, options, (task: unknown, parts) =>
    Effect.gen(function* () {
      const answers = yield* Branches.answers(name, listed, parts, task, options)
      const scores = yield* Composite.all(
        answers.map((answered) => {
          const { output, text } = answerOf<B>(answered)
          const attempt = { task, criteria: [], output, text }
          return Scorer.run(parts, beside(`judge-${answered.at}`, taken), judge, attempt)
        }),
        options
      )
      const values = scores.map(({ value }) => value)
      const winner = answers[values.indexOf(Math.max(...values))] ?? answers[0]
      return winner.result
    })
  )
  return Runnable.make(name, options.description, runner.behavior)
}

/**
 * The answer of one branch, and its place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer<B extends Branches.Branches> {
  readonly at: string
  readonly output: Branches.AnyOutput<B>
  readonly text: string
}

/**
 * A runner several times: branches for the best of n, or for a vote.
 *
 * @category constructors
 * @since 0.1.0
 */
export const times = <In, Out, E, R>(
  runner: Runnable.Runner<In, Out, E, R>,
  count: number
): ReadonlyArray<Runnable.Runner<In, Out, E, R>> => {
  Check.whole("Parallel.times count", count, 1)
  return Array.from({ length: count }, () => runner)
}

/**
 * The branches with another input: each takes what the function makes of it for its place.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mapInputs = <const B extends Branches.Branches, In>(
  branches: B,
  change: (input: In, at: string) => Branches.Input<B>
): Taking<B, In> => {
  const changed = Branches.list("Parallel.mapInputs", branches).map(
    ({ at, runner }) => [at, Runnable.mappedInput(runner, (input: In): unknown => change(input, at))] as const
  )
  const mapped: unknown = Array.isArray(branches) ? changed.map(([, runner]) => runner) : Object.fromEntries(changed)
  // Each stands where it stood, and differs in its input only.
  return mapped as Taking<B, In>
}

/**
 * The branches, all with this input.
 *
 * @category models
 * @since 0.1.0
 */
export type Taking<B extends Branches.Branches, In> = {
  readonly [At in keyof B]: Runnable.Runner<
    In,
    Runnable.Output<B[At]>,
    Runnable.Failure<B[At]>,
    Runnable.Requirements<B[At]>
  >
}

// internal

const placesOf = (listed: ReadonlyArray<Branches.Branch>): ReadonlySet<string> => new Set(listed.map(({ at }) => at))

const listedFor = (name: string, branches: Branches.Branches, options: Options) => {
  const pattern = `Parallel ${JSON.stringify(name)}`
  Branches.check(pattern, options)
  return Branches.list(pattern, branches)
}

/** What one answered, with the types that its pattern says. */
const answerOf = <B extends Branches.Branches>({ at, result }: Branches.Answered): Answer<B> => ({
  at,
  // The output of a branch is of the type that it says.
  output: result.output as Branches.AnyOutput<B>,
  text: result.text
})

const told = (answers: ReadonlyArray<{ readonly at: string; readonly text: string }>, input: unknown): Message.Input =>
  Prompt.shown(
    Bracket.isInput(input) ? input : Bracket.textOf(input),
    quoted(
      "answer",
      answers.map(({ at, text }) => ({ from: at, text }))
    )
  )

const section = (at: string, outcome: Branches.Outcome): string => {
  const text = Either.isRight(outcome) ? outcome.right.result.text : `No answer: ${Branches.said(outcome.left.error)}`
  return `## ${at}\n\n${text}`
}
