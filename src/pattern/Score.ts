/**
 * What a scorer is given, and what it comes to: an attempt, and a score from 0 to 1.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * What is judged.
 *
 * **Details**
 *
 * - `task`: the input of the pattern. `output`: what was made of it, `text`: the same as text.
 * - `criteria`: what it is judged by, besides what the scorer knows; empty outside of planners.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attempt<out Out = unknown> {
  readonly task: unknown
  readonly criteria: ReadonlyArray<string>
  readonly output: Out
  readonly text: string
}

/**
 * How good an attempt is.
 *
 * **Details**
 *
 * - `value`: from 0 to 1. `passed`: whether it is good enough; the threshold of the pattern decides where it is absent.
 * - `feedback`: what to do better, for the one who tries again.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Score = Schema.Struct({
  value: Schema.Number.pipe(Schema.between(0, 1)),
  passed: Schema.optional(Schema.Boolean),
  feedback: Schema.optional(Schema.String)
})
export interface Score extends Schema.Schema.Type<typeof Score> {}

/**
 * A scorer gave a score that is none: its value is not a number from 0 to 1.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScoreInvalid extends Schema.TaggedError<ScoreInvalid>()("ScoreInvalid", {
  scorer: Schema.String,
  value: Schema.String
}) {
  override get message(): string {
    return `Scorer ${this.scorer} gave the score ${this.value}. Give a number from 0 to 1, or a record with it as value.`
  }
}

/**
 * What a function may give as a score: a number from 0 to 1, whether it passed (1 or 0), or all that a score has.
 *
 * @category models
 * @since 0.1.0
 */
export type Grade = number | boolean | Score

/**
 * The score that a grade stands for.
 *
 * @category converters
 * @since 0.1.0
 */
export const scoreOf = (grade: Grade): Score => {
  if (typeof grade === "number") return { value: grade }
  return typeof grade === "boolean" ? { value: grade ? 1 : 0, passed: grade } : grade
}

/**
 * The score, if it is one: its value is from 0 to 1.
 *
 * @category combinators
 * @since 0.1.0
 */
export const checked = (scorer: string, score: Score): Effect.Effect<Score, ScoreInvalid> => {
  const isValid: boolean = isScore(score)
  return isValid ? Effect.succeed(score) : Effect.fail(new ScoreInvalid({ scorer, value: String(score.value) }))
}

/**
 * A score among others, and how much it counts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Scored {
  readonly at: string
  readonly score: Score
  readonly weight: number
}

/**
 * The mean of scores by their weights, and the feedback of each under its name.
 *
 * **Details**
 *
 * - It has not passed if one of them has not, has passed if all have, and does not say so otherwise.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mean = (scores: ReadonlyArray<Scored>): Score => {
  const weights = scores.reduce((sum, { weight }) => sum + weight, 0)
  const value = scores.reduce((sum, { score, weight }) => sum + score.value * weight, 0) / weights
  const passed = scores.map(({ score }) => score.passed)
  const feedback = scores.flatMap(({ at, score }) => (score.feedback ? [`${at}: ${score.feedback}`] : []))
  return {
    // Sums of fractions may be a little more than they are.
    value: Math.min(1, value),
    ...(passed.includes(false) ? { passed: false } : passed.includes(undefined) ? undefined : { passed: true }),
    ...(feedback.length === 0 ? undefined : { feedback: feedback.join("\n") })
  }
}

/**
 * Whether a text opens with the pass word.
 *
 * **Details**
 *
 * - The word has to be all that is on its first line; case, marks of Markdown, quotes, and a full stop or an exclamation
 *   mark around it do not count. So "do not PASS", "PASSABLE", "PASS?" and "PASS, but shorten it" are no pass.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPassed = (text: string, word: string): boolean => {
  const [first = ""] = text.trim().split("\n", 1)
  return first.length <= word.length + mostAround && bare(first) === bare(word)
}

/**
 * Checks a pass word: it has letters, and is on one line.
 *
 * @category constructors
 * @since 0.1.0
 */
export const checkWord = (word: string): void => {
  if (bare(word) === "" || word.includes("\n")) {
    throw new TypeError(`A pass word needs letters, on one line, got ${JSON.stringify(word)}`)
  }
}

/**
 * Checks an option that is a number from 0 to 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const checkShare = (option: string, value: number | undefined): void => {
  if (value === undefined || (value >= 0 && value <= 1)) return
  throw new RangeError(`${option} must be a number from 0 to 1, got ${value}`)
}

// internal

const isScore = Schema.is(Score)

/** How many marks may stand around a pass word. */
const mostAround = 40

const around = /^[\s*_~`"'“”‘’#>]+|[\s*_~`"'“”‘’.!]+$/g

const bare = (text: string): string => text.replace(around, "").replace(/\s+/g, " ").toLowerCase()
