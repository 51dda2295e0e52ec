/**
 * What judges an attempt: a runner that takes the attempt and results in a score. A function, a model with a rubric, a model
 * that writes a pass word, a schema, or several together; all of them stand in evaluators and planners alike, and what a
 * model costs or asks on the way is that of the run which it judges for.
 */
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Agent from "../agent/Agent.ts"
import * as Bracket from "../agent/Bracket.ts"
import * as Composite from "../agent/Composite.ts"
import type { Options as AgentOptions } from "../agent/Definition.ts"
import * as Output from "../agent/Output.ts"
import * as Runnable from "../agent/Runnable.ts"
import type { ContextStore, StoreError } from "../context/ContextStore.ts"
import type * as Message from "../domain/Message.ts"
import type { Transport } from "../transport/Transport.ts"
import { places } from "./internal/places.ts"
import * as Prompt from "./internal/prompt.ts"
import * as Runner from "./Runner.ts"
import type { Score, Scored } from "./Score.ts"
import * as Scores from "./Score.ts"

/**
 * What is judged: a task and what was made of it.
 *
 * @category models
 * @since 0.1.0
 */
export type Attempt<Out = unknown> = Scores.Attempt<Out>

/**
 * What a function may give as a score: a number from 0 to 1, whether it passed, or all that a score has.
 *
 * @category models
 * @since 0.1.0
 */
export type Grade = Scores.Grade

/**
 * A scorer gave a score that is none.
 *
 * @category errors
 * @since 0.1.0
 */
export type ScoreInvalid = Scores.ScoreInvalid

/**
 * What gives an attempt a score.
 *
 * @category models
 * @since 0.1.0
 */
export type Scorer<Out, E = never, R = never> = Runner.Runner<Attempt<Out>, Score, E, R>

/**
 * What a model answers that judges by a rubric. The output of an agent of your own that does so with tools.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Judgement = Schema.Struct({
  feedback: Schema.String.annotations({ description: "What is good, and what exactly has to be done better" }),
  score: Schema.Number.pipe(Schema.between(0, 1)).annotations({ description: "From 0 (worthless) to 1 (perfect)" })
})
export interface Judgement extends Schema.Schema.Type<typeof Judgement> {}

/**
 * What a model answers that passes an attempt or does not.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Verdict = Schema.Struct({
  feedback: Schema.String.annotations({ description: "What exactly has to be changed; empty if nothing has to" }),
  passed: Schema.Boolean.annotations({ description: "Whether it is good enough as it is" })
})
export interface Verdict extends Schema.Schema.Type<typeof Verdict> {}

/**
 * A scorer of a function. It is called once for each attempt, also when the run goes on later.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFunction = <Out = unknown, Given extends Grade | Effect.Effect<Grade, unknown, unknown> = Grade>(
  name: string,
  grade: (attempt: Attempt<Out>) => Given
): Scorer<Out, GradeFailure<Given> | ScoreInvalid, GradeRequirements<Given>> =>
  Runner.fromEffect(
    name,
    (attempt: Attempt<Out>) =>
      Effect.flatMap(
        Effect.suspend(() => {
          const given: Grade | Effect.Effect<Grade, unknown, unknown> = grade(attempt)
          // How it fails and what it needs is read off what the function gives.
          return (Effect.isEffect(given) ? given : Effect.succeed(given)) as Effect.Effect<
            Grade,
            GradeFailure<Given>,
            GradeRequirements<Given>
          >
        }),
        (given) => Scores.checked(name, Scores.scoreOf(given))
      ),
    { output: Scores.Score }
  )

/**
 * A scorer of what decodes: 1 and passed when the output is of the schema, otherwise 0 with what is wrong.
 *
 * **Details**
 *
 * - Text is read as JSON, as answers of agents are: a Markdown fence is left out. Any other output has to be of the
 *   schema's own type: what has been decoded is not decoded again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const schema = <A, I>(name: string, schema: Schema.Schema<A, I>): Scorer<unknown, ScoreInvalid> => {
  const output = Output.erase(schema)
  const validate = Schema.validate(schema, { errors: "all" })
  return fromFunction(name, ({ output: given }) =>
    typeof given === "string"
      ? Effect.map(Output.read(output, given), (read) => (read._tag === "Valid" ? true : refused(read.description)))
      : Effect.match(validate(given), {
          onFailure: (error) => refused(ParseResult.TreeFormatter.formatErrorSync(error)),
          onSuccess: () => true
        })
  )
}

/**
 * What a judging agent is made of: its rubric, and options of agents.
 *
 * **Details**
 *
 * - `rubric`: what is judged, and how. It opens the agent's instructions.
 * - `repairs`: how often it may answer again whose answer is no judgement; 2. Then it fails with `OutputInvalid`.
 *
 * @category models
 * @since 0.1.0
 */
export interface JudgeOptions extends Pick<AgentOptions<never, []>, "settings" | "limits" | "retries"> {
  readonly rubric: string
  readonly repairs?: number | undefined
}

/**
 * A scorer that asks a model for a score by a rubric.
 *
 * **Details**
 *
 * - An answer that cannot be read, or is out of range, is told to the model, and at last fails the run with `OutputInvalid`:
 *   it is never a score in the middle.
 *
 * @category constructors
 * @since 0.1.0
 */
export const judge = (
  name: string,
  options: JudgeOptions
): Scorer<unknown, Agent.AgentError, Transport | ContextStore> =>
  fromRunner(judging(name, options, Judgement, "Give a score from 0 (worthless) to 1 (perfect)"), gradeOf)

/**
 * A scorer that asks a model whether an attempt is good enough.
 *
 * @category constructors
 * @since 0.1.0
 */
export const verdict = (
  name: string,
  options: JudgeOptions
): Scorer<unknown, Agent.AgentError, Transport | ContextStore> =>
  fromRunner(judging(name, options, Verdict, "Say whether it is good enough as it is"), verdictOf)

/**
 * A scorer of an agent of your own, with tools for instance: it is told the task, the criteria and the attempt.
 *
 * **Details**
 *
 * - `grade`: the score that its output stands for; see {@link gradeOf} for an output of {@link Judgement}. A value out of
 *   range fails the run that asked, with `ScoreInvalid`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRunner = <Out, E, R>(
  runner: Runner.Runner<Message.Input, Out, E, R>,
  grade: (output: Out) => Grade
): Scorer<unknown, E, R> =>
  runner.pipe(
    Runner.map((output) => Scores.scoreOf(grade(output))),
    Runner.mapInput((attempt: Attempt) => questionOf(attempt))
  )

/**
 * A scorer of an agent that writes a pass word, or what has to change.
 *
 * **Details**
 *
 * - The agent is told the rule: the word alone on the first line passes. See `Score.isPassed`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const passWord = <E, R>(
  runner: Runner.Runner<Message.Input, string, E, R>,
  word = "PASS"
): Scorer<unknown, E, R> => {
  Scores.checkWord(word)
  const rule = `If nothing has to change, answer with ${word} alone on the first line. Otherwise say what has to change.`
  return runner.pipe(
    Runner.map((text): Score => {
      const passed = Scores.isPassed(text, word)
      return { value: passed ? 1 : 0, passed, feedback: text }
    }),
    Runner.mapInput((attempt: Attempt) => questionOf(attempt, rule))
  )
}

/**
 * The score that a judgement stands for.
 *
 * @category converters
 * @since 0.1.0
 */
export const gradeOf = ({ feedback, score }: Judgement): Score => ({ value: score, feedback })

/**
 * The score that a verdict stands for: 1 or 0.
 *
 * @category converters
 * @since 0.1.0
 */
export const verdictOf = ({ feedback, passed }: Verdict): Score => ({ value: passed ? 1 : 0, passed, feedback })

/**
 * The scorer with a bound: what is scored at least so high has passed, unless the scorer itself said that it did not or did.
 *
 * @category combinators
 * @since 0.1.0
 */
export const threshold = <Out, E, R>(self: Scorer<Out, E, R>, least: number): Scorer<Out, E, R> => {
  Scores.checkShare("Scorer threshold", least)
  return Runner.map(self, (score) => ({ ...score, passed: score.passed ?? score.value >= least }))
}

/**
 * The scorer with a pass word: an attempt has passed when its feedback opens with the word alone, however low the score is.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withPassWord = <Out, E, R>(self: Scorer<Out, E, R>, word: string): Scorer<Out, E, R> => {
  Scores.checkWord(word)
  return Runner.map(self, (score) => (Scores.isPassed(score.feedback ?? "", word) ? { ...score, passed: true } : score))
}

/**
 * A scorer and how much it counts; 1 when it does not say.
 *
 * @category models
 * @since 0.1.0
 */
export interface Weighted<out S> {
  readonly scorer: S
  readonly weight: number
}

/**
 * Several scorers as one, side by side: the mean of their values by weight, and the feedback of each under its name.
 *
 * **Details**
 *
 * - It has not passed if one of them says so, has passed if all say so, and leaves it to the threshold otherwise.
 * - `concurrency`: how many at once; all of them unless given.
 * - Errors: those of the scorers. Throws without scorers, and for weights that are not above 0.
 *
 * @category constructors
 * @since 0.1.0
 */
export const all = <const Scorers extends ReadonlyArray<AnyScorer | Weighted<AnyScorer>>>(
  name: string,
  scorers: Scorers,
  options: { readonly concurrency?: number | undefined } = {}
): Scorer<
  Judges<ScorerOf<Scorers[number]>>,
  Runner.Failure<ScorerOf<Scorers[number]>> | ScoreInvalid | StoreError,
  Runner.Requirements<ScorerOf<Scorers[number]>> | ContextStore
> => {
  const weighted = scorers.map((one) => ("scorer" in one ? one : { scorer: one, weight: 1 }))
  if (weighted.length === 0) throw new TypeError(`Scorer ${name} needs at least one scorer`)
  for (const { scorer, weight } of weighted) {
    if (!(Number.isFinite(weight) && weight > 0)) {
      throw new RangeError(`The weight of scorer ${scorer.name} must be a number above 0, got ${weight}`)
    }
  }
  const names = places(weighted.map(({ scorer }) => scorer.name))
  const together = Composite.make(name, {}, (attempt: never, parts) => {
    const scores = weighted.map(({ scorer, weight }, index) => {
      const at = names[index] ?? scorer.name
      return Effect.map(run(parts, at, scorer, attempt), (score): Scored => ({ at, score, weight }))
    })
    return Effect.map(Composite.all(scores, options), (scores) => ({ output: Scores.mean(scores) }))
  })
  return Runnable.make(name, undefined, together.behavior)
}

/**
 * Any scorer.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyScorer = Runner.Runner<never, Score, unknown, unknown>

/**
 * What all of these scorers can judge.
 *
 * @category models
 * @since 0.1.0
 */
export type Judges<S> = (
  S extends Runner.Runner<Attempt<infer Out>, Score, infer _E, infer _R>
    ? (_: Out) => void
    : never
) extends (_: infer Out) => void
  ? Out
  : never

/**
 * Runs a scorer as a part of a pattern, and holds its score against what a score may be.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = <Out, E, R>(
  parts: Composite.Parts,
  at: string,
  scorer: Runner.Runner<Out, Score, E, R>,
  attempt: Out
): Effect.Effect<Score, E | ScoreInvalid | Composite.Unfinished | StoreError, R> =>
  Effect.flatMap(parts.run(at, scorer, attempt), ({ output }) => Scores.checked(scorer.name, output))

// internal

type GradeFailure<G> = G extends Effect.Effect<unknown, infer E, unknown> ? E : never
type GradeRequirements<G> = G extends Effect.Effect<unknown, unknown, infer R> ? R : never

type ScorerOf<T> = T extends Weighted<infer S> ? S : T

const refused = (problems: string): Score => ({ value: 0, passed: false, feedback: problems.trim() })

const judging = <A, I>(
  name: string,
  { repairs, rubric, ...options }: JudgeOptions,
  schema: Schema.Schema<A, I>,
  question: string
) =>
  Agent.make(name, {
    ...options,
    instructions: `${rubric}\n\n${question}, and say why. Judge only what is there; do not do the task yourself.`,
    output: Output.make({ schema, repairs })
  })

const questionOf = ({ criteria, task, text }: Attempt, rule?: string): Message.Input => {
  const by = criteria.length === 0 ? [] : [Prompt.tagged("criteria", Prompt.listed(criteria))]
  const words = [...by, Prompt.tagged("attempt", text), ...(rule === undefined ? [] : [rule])].join("\n\n")
  return Prompt.shown(Bracket.isInput(task) ? task : Bracket.textOf(task), words)
}
