/**
 * A tool by which a model asks the person it works for, and the port through which that person answers. Unlike an approval
 * it is not about a call: the answer is what the model wanted to know.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { CallId } from "../domain/Ids.ts"
import * as Check from "../internal/options.ts"
import * as Questions from "../internal/questions.ts"
import * as Tool from "../tool/Tool.ts"
import * as ToolContext from "../tool/ToolContext.ts"

/**
 * Something to choose.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Choice = Schema.Struct({
  label: Schema.String.pipe(Schema.minLength(1)).annotations({ description: "A few words" }),
  description: Schema.optional(Schema.String.annotations({ description: "What choosing it means" }))
})
export interface Choice extends Schema.Schema.Type<typeof Choice> {}

/**
 * A question, and who asks it.
 *
 * **Details**
 *
 * - `id`: of the call. `options`: what may be chosen; an answer is in words when there are none.
 * - `multiple`: whether several may be chosen. `allowOther`: whether words may be given instead of the options, or besides.
 * - `from`: the run, session and agent that ask, and on whose behalf.
 *
 * @category models
 * @since 0.1.0
 */
export interface Question {
  readonly id: CallId
  readonly question: string
  readonly options: ReadonlyArray<Choice>
  readonly multiple: boolean
  readonly allowOther: boolean
  readonly from: Pick<ToolContext.Service, "agent" | "run" | "session" | "identity" | "path">
}

/**
 * A person's answer: the labels that were chosen, words, or both.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly chosen?: ReadonlyArray<string> | undefined
  readonly other?: string | undefined
}

/**
 * Asks a person. None when nobody is there; it may take as long as people do, and interruption withdraws the question.
 *
 * @category models
 * @since 0.1.0
 */
export type Service = (question: Question) => Effect.Effect<Option.Option<Answer>>

/**
 * Who answers. Nobody unless a layer provides somebody.
 *
 * @category references
 * @since 0.1.0
 */
export class Respondent extends Context.Reference<Respondent>()("axonal/toolbox/AskUser/Respondent", {
  defaultValue: (): Service => () => Effect.succeedNone
}) {}

/**
 * Nobody waits for this answer: there was no such question, it was withdrawn, or it has been answered.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotWaiting extends Schema.TaggedError<NotWaiting>()("NotWaiting", { id: CallId }) {
  override get message(): string {
    return `No question ${this.id} is waiting: it was never asked, was withdrawn, or has its answer.`
  }
}

/**
 * An answer that is none to its question, which waits on.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidAnswer extends Schema.TaggedError<InvalidAnswer>()("InvalidAnswer", {
  id: CallId,
  problem: Schema.String
}) {
  override get message(): string {
    return `The answer to question ${this.id} cannot be taken: ${this.problem}.`
  }
}

/**
 * What the other side of `layerQueue` sees: the questions that wait, and the way to answer them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Queue {
  /** The questions that wait, oldest first. */
  readonly pending: Effect.Effect<ReadonlyArray<Question>>
  /** The questions that wait: as they are now, and again after every change. */
  readonly changes: Stream.Stream<ReadonlyArray<Question>>
  /** Answers the question with this id, once. One that does not fit is refused, and the question waits on. */
  readonly answer: (id: CallId, answer: Answer) => Effect.Effect<void, NotWaiting | InvalidAnswer>
  /** Leaves a question to the model, as if nobody were there. */
  readonly dismiss: (id: CallId) => Effect.Effect<void, NotWaiting>
}

/**
 * The questions of `layerQueue`, for whoever answers them: a web page, a chat, a test.
 *
 * @category services
 * @since 0.1.0
 */
export class UserQuestions extends Context.Tag("axonal/toolbox/AskUser/UserQuestions")<UserQuestions, Queue>() {}

/**
 * How questions are asked.
 *
 * **Details**
 *
 * - `name`: of the tool; `ask_user`.
 * - `timeout`: how long an answer is waited for before the model is told to decide itself; for ever unless set.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly name?: string | undefined
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * Makes the tool, for the `tools` of an agent.
 *
 * **Details**
 *
 * - The model asks one question, with options or without. Of an answer that does not fit it is told so, as a failure.
 * - When nobody is there, or answers in time, the model is told to decide itself and to say what it assumed.
 * - It is read-only, so that the default guard lets it ask.
 * - Errors: a time below a millisecond throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Tool.WithHandler => {
  const timeout = Check.millis("AskUser option timeout", options.timeout)
  return Tool.make(
    options.name ?? "ask_user",
    {
      description:
        "Asks the person you work for, when you cannot go on without knowing what they want. Ask one thing, offer options " +
        "where you can, and do not ask what you can find out.",
      parameters,
      success: Schema.String,
      readOnly: true,
      destructive: false
    },
    ({ allowOther, multiple = false, options = [], question: words }) =>
      Effect.gen(function* () {
        const ask = yield* Respondent
        const { agent, call, identity, path, run, session } = yield* ToolContext.ToolContext
        const labels = options.map(({ label }) => label)
        if (new Set(labels).size < labels.length) return yield* Effect.fail("Two options have the same label.")
        const from = { agent, run, session, identity, path }
        const other = allowOther ?? true
        const question: Question = { id: call, question: words, options, multiple, allowOther: other, from }
        const asked = ask(question)
        const answered = timeout === undefined ? Effect.asSome(asked) : Effect.timeoutOption(asked, timeout)
        const answer = yield* answered
        if (Option.isNone(answer)) return `Nobody answered in time. ${alone}`
        if (Option.isNone(answer.value)) return `Nobody is there to answer. ${alone}`
        const problem = problemOf(question, answer.value.value)
        return problem === undefined ? told(answer.value.value) : yield* Effect.fail(`No answer that fits: ${problem}.`)
      })
  )
}

/**
 * Layer of somebody who is asked by a function, such as one that draws a dialogue or a form.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (ask: (question: Question) => Effect.Effect<Answer>): Layer.Layer<Respondent> =>
  Layer.succeed(Respondent, (question) => Effect.asSome(ask(question)))

/**
 * Layer without anybody: the default, said aloud.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNone: Layer.Layer<Respondent> = Layer.succeed(Respondent, () => Effect.succeedNone)

/**
 * Layer that keeps questions until `UserQuestions.answer` answers them, in this process.
 *
 * **Details**
 *
 * - A run that is interrupted while it asks withdraws its question, and so does one whose time is over.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerQueue: Layer.Layer<Respondent | UserQuestions> = Layer.effectContext(
  Effect.suspend(() =>
    Effect.map(Questions.make<Question, Option.Option<Answer>>(), ({ ask, changes, find, pending, settle }) => {
      const settled = (id: CallId, answer: Option.Option<Answer>) =>
        Effect.flatMap(settle(id, answer), (waited) => (waited ? Effect.void : new NotWaiting({ id })))
      const queue: Queue = {
        pending,
        changes,
        answer: (id, answer) =>
          Effect.gen(function* () {
            const question = yield* Effect.mapError(yield* find(id), () => new NotWaiting({ id }))
            const problem = problemOf(question, answer)
            if (problem !== undefined) return yield* new InvalidAnswer({ id, problem })
            yield* settled(id, Option.some(answer))
          }),
        dismiss: (id) => settled(id, Option.none())
      }
      return Context.make(UserQuestions, queue).pipe(
        Context.add(Respondent, (question) => Effect.map(ask(question.id, question), Option.flatten))
      )
    })
  )
)

// internal

const alone = "Decide yourself, and say what you assumed."

const parameters = {
  question: Schema.String.pipe(Schema.minLength(1)).annotations({ description: "The question, in a sentence or two" }),
  options: Schema.optional(
    Schema.Array(Choice).pipe(Schema.maxItems(20)).annotations({ description: "What they may choose" })
  ),
  multiple: Schema.optional(
    Schema.Boolean.annotations({ description: "true when several may be chosen; one when absent" })
  ),
  allowOther: Schema.optional(
    Schema.Boolean.annotations({ description: "false when only the options will do; words are taken when absent" })
  )
}

/** What is wrong with an answer, if anything. */
const problemOf = (
  { allowOther, multiple, options }: Question,
  { chosen = [], other = "" }: Answer
): string | undefined => {
  const labels = options.map(({ label }) => label)
  const unknown = chosen.find((label) => !labels.includes(label))
  if (unknown !== undefined) return `${JSON.stringify(unknown)} is none of the options`
  if (new Set(chosen).size < chosen.length) return "an option was chosen twice"
  if (chosen.length > 1 && !multiple) return "only one option may be chosen"
  const hasWords = other.trim() !== ""
  if (hasWords && !allowOther && options.length > 0) return "it has to be one of the options"
  return chosen.length === 0 && !hasWords ? "nothing was chosen or said" : undefined
}

const told = ({ chosen = [], other = "" }: Answer): string => {
  const words = other.trim()
  const choice = chosen.length === 0 ? "" : `They chose: ${chosen.join("; ")}.`
  return [choice, words === "" ? "" : `They said: ${words}`].filter((line) => line !== "").join("\n")
}
