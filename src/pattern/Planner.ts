/**
 * Plan, execute, score, replan: one runner makes a plan and says what its result will be judged by, another carries it out,
 * a scorer judges the result, and the next plan is made of what was said of the last. For tasks that fail by their approach
 * rather than by their wording.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Bracket from "../agent/Bracket.ts"
import * as Composite from "../agent/Composite.ts"
import * as Output from "../agent/Output.ts"
import type { ContextStore, StoreError } from "../context/ContextStore.ts"
import * as Check from "../internal/options.ts"
import * as Attempts from "./Attempts.ts"
import * as Prompt from "./internal/prompt.ts"
import type { Runner } from "./Runner.ts"
import type { ScoreInvalid } from "./Score.ts"
import type { Scorer } from "./Scorer.ts"
import * as Scorers from "./Scorer.ts"

/**
 * A plan: the output of an agent that plans.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Plan = Schema.Struct({
  steps: Schema.Array(Schema.String).annotations({ description: "What to do, in order" }),
  criteria: Schema.Array(Schema.String).annotations({ description: "How to tell from the result that it is good" })
})
export interface Plan extends Schema.Schema.Type<typeof Plan> {}

/**
 * What a result is judged by when neither the user nor the plan says it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaultCriteria: ReadonlyArray<string> = [
  "It does all that the task asks for.",
  "What it says is right.",
  "It can be used as it is."
]

/**
 * What the runner that carries a plan out is told of it, and what its result is judged by.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  readonly text: string
  readonly criteria: ReadonlyArray<string>
}

/**
 * An attempt, the plan behind it, as it was made and as it was told, and what it was judged by.
 *
 * @category models
 * @since 0.1.0
 */
export interface Planned<out P, out Out> extends Attempts.Attempted<Out> {
  readonly plan: P
  readonly planText: string
  readonly criteria: ReadonlyArray<string>
}

/**
 * How plans are read and their results judged.
 *
 * **Details**
 *
 * - `rounds`: the most plans; 3. `threshold`: the value from which on a score passes that does not say so itself; 0.7.
 * - `criteria`: what results are judged by. They beat those of the plan, and those beat {@link defaultCriteria}.
 * - `read`: what a plan says, where it is of a type of your own. A {@link Plan} and its JSON are read as such, any other text
 *   is a plan without criteria, and any other value is one as JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<in P> extends Attempts.Bounds {
  readonly description?: string | undefined
  readonly criteria?: ReadonlyArray<string> | undefined
  readonly read?: ((plan: P) => Reading) | undefined
}

/** What takes part in it. Planner and executor take text: what they are told is made of the task. */
interface Roles<In, P, Out, E, R, E2, R2, E3, R3> {
  readonly planner: Runner<In, P, E, R> & (string extends In ? unknown : never)
  readonly executor: Runner<In, Out, E2, R2>
  readonly scorer: Scorer<Out, E3, R3>
}

/**
 * Makes a runner whose output is the result of a plan that passed.
 *
 * **Details**
 *
 * - `planner`: makes the plans; an agent with `output: Planner.Plan`, or one that writes text. From the second round on it is
 *   told the last plan, its result (at most 4,000 characters) and the feedback.
 * - `executor`: is told the task, the plan and the criteria. `scorer`: has the criteria in its attempts.
 * - `onCap`: when nothing passed in all rounds, the run fails with `NotPassed` (the default), or answers with the best result,
 *   and the result's `why` says that it did not pass.
 * - Parts are at `plan-1`, `execute-1`, `score-1`, `plan-2` …, each with a session of its own.
 * - Errors: those of the parts; `ScoreInvalid` for a score out of range. Throws for bounds that are none.
 *
 * @see {@link judged} for all attempts with their plans
 * @category constructors
 * @since 0.1.0
 */
export const make = <In, P, Out, E, R, E2, R2, E3, R3, const Cap extends Attempts.OnCap = "fail">(
  name: string,
  options: Options<P> & Roles<In, P, Out, E, R, E2, R2, E3, R3> & { readonly onCap?: Cap | undefined }
): Runner<In, Out, E | E2 | E3 | ScoreInvalid | Attempts.Failure<Cap> | StoreError, R | R2 | R3 | ContextStore> => {
  Check.oneOf("Planner option onCap", options.onCap, ["fail", "best"])
  const results = planning(options)
  return Composite.make(name, options, (input: In, parts) =>
    Effect.flatMap(results(input, parts), (attempts) => Attempts.settled(name, options.onCap, attempts))
  )
}

/**
 * Makes a runner whose output is the best result, whether it passed, and all attempts with their plans.
 *
 * **Details**
 *
 * - As {@link make}, but it does not fail when nothing passed: `passed` says it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const judged = <In, P, Out, E, R, E2, R2, E3, R3>(
  name: string,
  options: Options<P> & Roles<In, P, Out, E, R, E2, R2, E3, R3>
): Runner<
  In,
  Attempts.Judged<Out, Planned<P, Out>>,
  E | E2 | E3 | ScoreInvalid | StoreError,
  R | R2 | R3 | ContextStore
> => {
  const results = planning(options)
  return Composite.make(name, options, (input: In, parts) =>
    Effect.map(results(input, parts), (attempts) => Attempts.judged<Out, Planned<P, Out>>(attempts))
  )
}

// internal

/** How much of a result the next plan is made of. */
const mostOfResult = 4000

const planning = <In, P, Out, E, R, E2, R2, E3, R3>({
  criteria: asked,
  executor,
  planner,
  read,
  scorer,
  ...bounds
}: Options<P> & Roles<In, P, Out, E, R, E2, R2, E3, R3>) => {
  const { isPassed, untilPassed } = Attempts.bounded("Planner", bounds)
  const given = filled(asked ?? [])
  return (input: In, parts: Composite.Parts) => {
    const task = Bracket.isInput(input) ? input : Bracket.textOf(input)
    // Both take text, and messages where they were given messages.
    const told = (words: string): In => Prompt.framed(task, words) as In
    return untilPassed((attempts: ReadonlyArray<Planned<P, Out>>) =>
      Effect.gen(function* () {
        const round = attempts.length + 1
        const { output: plan } = yield* parts.run(`plan-${round}`, planner, told(planWords(given, attempts.at(-1))))
        const reading = read === undefined ? yield* readingOf(plan) : read(plan)
        const criteria = given ?? filled(reading.criteria) ?? defaultCriteria
        const made = yield* parts.run(`execute-${round}`, executor, told(executeWords(reading.text, criteria)))
        const { output, text } = made
        const score = yield* Scorers.run(parts, `score-${round}`, scorer, { task, criteria, output, text })
        const attempt = Attempts.attempted(round, made, score, isPassed(score))
        return { ...attempt, plan, planText: reading.text, criteria }
      })
    )
  }
}

/** The criteria that say something, if there are any. */
const filled = (criteria: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const said = criteria.filter((criterion) => criterion.trim() !== "")
  return said.length === 0 ? undefined : said
}

const isPlan = Schema.is(Plan)
const plans = Output.erase(Plan)

const readingOf = (plan: unknown): Effect.Effect<Reading> => {
  if (isPlan(plan)) return Effect.succeed(ofPlan(plan))
  if (typeof plan !== "string") return Effect.succeed({ text: Bracket.textOf(plan), criteria: [] })
  return Effect.map(Output.read(plans, plan), (read) =>
    read._tag === "Valid" && isPlan(read.json) ? ofPlan(read.json) : { text: plan, criteria: [] }
  )
}

const ofPlan = ({ criteria, steps }: Plan): Reading => ({
  text: Prompt.listed(steps, (index) => `${index + 1}.`),
  criteria
})

const judgedBy = (criteria: ReadonlyArray<string>): string =>
  `The result will be judged by these criteria:\n${Prompt.listed(criteria)}`

const planWords = (
  criteria: ReadonlyArray<string> | undefined,
  before: Planned<unknown, unknown> | undefined
): string => {
  const tried =
    before === undefined
      ? []
      : [
          "It was tried before, and the result was not good enough. The plan was:",
          Prompt.tagged("plan", before.planText),
          "The result:",
          Prompt.tagged("attempt", Prompt.shortened(before.text, mostOfResult)),
          "What was said of it:",
          Prompt.tagged("feedback", Attempts.feedbackOf(before.score))
        ]
  const order = before === undefined ? "Make a plan for this task." : "Make a better plan for this task."
  return [
    ...tried,
    `${order} Do not carry it out yourself.`,
    ...(criteria === undefined ? [] : [judgedBy(criteria)])
  ].join("\n\n")
}

const executeWords = (plan: string, criteria: ReadonlyArray<string>): string =>
  ["Carry out this plan:", Prompt.tagged("plan", plan), judgedBy(criteria), "Answer with the result only."].join("\n\n")
