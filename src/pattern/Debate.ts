/**
 * Runners that answer the same question and hear each other, and what decides between them: a judge, or a vote. For questions
 * on which one answer alone is not to be trusted.
 */
import * as Effect from "effect/Effect"
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
import type * as Parallel from "./Parallel.ts"

/**
 * Those who debate: at least two, in a list or by name. They take what agents take.
 *
 * @category models
 * @since 0.1.0
 */
export type Debaters =
  | ReadonlyArray<Runnable.Runner<Message.Input, unknown, unknown, unknown>>
  | Readonly<Record<string, Runnable.Runner<Message.Input, unknown, unknown, unknown>>>

/**
 * What one says in one round.
 *
 * @category models
 * @since 0.1.0
 */
export interface Argument {
  readonly from: string
  readonly round: number
  readonly text: string
}

/**
 * What a debater is told from the second round on.
 *
 * **Details**
 *
 * - `task`: the input of the debate. `own`: what it said last, `others`: what the others said last.
 *
 * @category models
 * @since 0.1.0
 */
export interface Turn {
  readonly task: Message.Input
  readonly round: number
  readonly rounds: number
  readonly own: string
  readonly others: ReadonlyArray<Argument>
}

/**
 * How votes are counted. Most votes win.
 *
 * **Details**
 *
 * - `choice`: what an output votes for. Without, outputs that are the same text vote for the same: case, white space around
 *   and between words, marks of Markdown around it and a full stop at its end do not count. Typed ones are compared as JSON.
 * - `tie`: `"first"` (the default): of choices with the same votes, the one that had them first, in the order of the voters. A
 *   runner: it is told the task and one answer for each of these choices, and its output is that of the vote.
 *
 * @category models
 * @since 0.1.0
 */
export interface Vote<in out Out, out E = never, out R = never> {
  readonly choice?: ((output: Out) => string | number | boolean) | undefined
  readonly tie?: "first" | Runnable.Runner<Message.Input, Out, E, R> | undefined
}

/**
 * How a debate goes.
 *
 * **Details**
 *
 * - `rounds`: how often each speaks; 2 unless given. In the first, nobody has heard the others. From the second on each hears
 *   what all said last. `prompt` tells them otherwise.
 * - `concurrency`: how many speak at once; all of them when absent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<D extends Debaters> extends Branches.Options {
  readonly debaters: D
  readonly rounds?: number | undefined
  readonly prompt?: ((turn: Turn) => Message.Input) | undefined
}

/**
 * Makes a debate: a runner in which several answer, hear each other and answer again, until one decides.
 *
 * **Details**
 *
 * - `judge`: is told the task and all arguments, and its output is that of the debate. `vote`: the last answers are votes.
 * - Each argument is given in a session of its own: debaters know of earlier rounds what they are told.
 * - One that fails ends the debate. Errors: those of the debaters and of the one who decides.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: {
  <const D extends Debaters, Out, E, R>(
    name: string,
    options: Options<D> & { readonly judge: Runnable.Runner<Message.Input, Out, E, R> }
  ): Runnable.Runner<
    Message.Input,
    Out,
    E | StoreError | Branches.Failure<D>,
    R | ContextStore | Branches.Requirements<D>
  >
  <const D extends Debaters, E = never, R = never>(
    name: string,
    options: Options<D> & { readonly vote: Vote<Branches.AnyOutput<D>, E, R> }
  ): Runnable.Runner<
    Message.Input,
    Branches.AnyOutput<D>,
    E | StoreError | Branches.Failure<D>,
    R | ContextStore | Branches.Requirements<D>
  >
} = <Out, E, R>(
  name: string,
  options: Options<Debaters> & {
    readonly judge?: Runnable.Runner<Message.Input, Out, E, R>
    readonly vote?: Counting<E, R>
  }
): Runnable.Runner<unknown, never, never, never> => {
  const pattern = `Debate ${JSON.stringify(name)}`
  const { debaters, judge, prompt = answerThem, rounds = 2, vote = {} } = options
  Branches.check(pattern, options)
  Check.whole(`${pattern} option rounds`, rounds, 1)
  const listed = Branches.list(pattern, debaters)
  if (listed.length < 2) throw new TypeError(`${pattern} must have at least two debaters`)
  const runner = Composite.make(name, options, (task: Message.Input, parts) =>
    Effect.gen(function* () {
      const said: Array<Argument> = []
      let last: ReadonlyArray<Branches.Answered> = []
      for (let round = 1; round <= rounds; round++) {
        const before = said.filter((argument) => argument.round === round - 1)
        last = yield* Composite.all(
          listed.map(({ at, runner }) => {
            const own = before.find(({ from }) => from === at)
            const others = before.filter(({ from }) => from !== at)
            const input = own === undefined ? task : prompt({ task, round, rounds, own: own.text, others })
            return Effect.map(parts.run(`round-${round}-${at}`, runner, input), (result) => ({ at, result }))
          }),
          options
        )
        said.push(...last.map(({ at, result }) => ({ from: at, round, text: result.text })))
      }
      return judge === undefined
        ? yield* counted(last, parts, "tie", task, vote)
        : yield* parts.run("judge", judge, Prompt.shown(task, heard(said)))
    })
  )
  return Runnable.make(name, options.description, runner.behavior)
}

/**
 * Makes a vote: a runner of several that results in the answer that most of them give. For n answers of one runner, give it
 * `Parallel.times`.
 *
 * **Details**
 *
 * - Its output is that of the first who voted for the choice that won.
 * - Errors: those of the voters, and of the runner that breaks a tie. With `onFailure: "collect"` those that fail do not vote,
 *   and it fails with `NoneAnswered` when nobody does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const vote = <
  const B extends Branches.Branches,
  E = never,
  R = never,
  OnFailure extends Branches.OnFailure = "interrupt"
>(
  name: string,
  voters: B,
  options: Parallel.Options<OnFailure> & Vote<Branches.AnyOutput<B>, E, R> = {}
): Runnable.Runner<
  Branches.Input<B>,
  Branches.AnyOutput<B>,
  E | Parallel.Failure<B, OnFailure>,
  R | Branches.Requirements<B> | ContextStore
> => {
  const pattern = `Vote ${JSON.stringify(name)}`
  Branches.check(pattern, options)
  const listed = Branches.list(pattern, voters)
  const place = beside("tie", new Set(listed.map(({ at }) => at)))
  const runner = Composite.make(name, options, (input: unknown, parts) =>
    Effect.flatMap(Branches.answers(name, listed, parts, input, options), (answers) =>
      counted(answers, parts, place, input, options)
    )
  )
  return Runnable.make(name, options.description, runner.behavior)
}

// internal

/** A vote of which the types of the outputs are known by the pattern that holds it. */
interface Counting<out E, out R> {
  readonly choice?: ((output: never) => string | number | boolean) | undefined
  readonly tie?: "first" | Runnable.Runner<Message.Input, unknown, E, R> | undefined
}

const answerThem = ({ others, own, round, rounds, task }: Turn): Message.Input =>
  Prompt.framed(
    task,
    [
      `This is round ${round} of ${rounds} of a debate on that. You said last:`,
      quoted("argument", [{ from: "you", text: own }]),
      "The others said:",
      quoted("argument", others),
      "Say where they are wrong, and change your mind where they are right. Then give your answer."
    ].join("\n\n")
  )

const heard = (said: ReadonlyArray<Argument>): string =>
  `${quoted(
    "argument",
    said.map(({ from, round, text }) => ({ from: `${from}, round ${round}`, text }))
  )}\n\nDecide.`

/** What most voted for, of those who answered. */
const counted = <E, R>(
  answers: ReadonlyArray<Branches.Answered>,
  parts: Composite.Parts,
  place: string,
  input: unknown,
  { choice, tie = "first" }: Counting<E, R>
) => {
  const votes = new Map<string, { readonly first: Branches.Answered; count: number; reached: number }>()
  for (const [index, answered] of answers.entries()) {
    // An output of a voter is of the type that the vote is about.
    const key = choice === undefined ? normalised(answered.result.output) : `${choice(answered.result.output as never)}`
    const known = votes.get(key)
    votes.set(key, { first: known?.first ?? answered, count: (known?.count ?? 0) + 1, reached: index })
  }
  const [leader, ...rest] = [...votes.values()].sort((a, b) => b.count - a.count || a.reached - b.reached)
  if (leader === undefined) return Effect.dieMessage("A vote needs an answer")
  const tied = rest.filter(({ count }) => count === leader.count)
  if (tie === "first" || tied.length === 0) return Effect.succeed(leader.first.result)
  const answersTied = [leader, ...tied].map(({ first: { at, result } }) => ({ from: at, text: result.text }))
  const task = Bracket.isInput(input) ? input : Bracket.textOf(input)
  return parts.run(
    place,
    tie,
    Prompt.shown(task, `${quoted("answer", answersTied)}\n\nEach of these answers has the same votes. Decide.`)
  )
}

const around = /^[\s*_~`"'“”‘’]+|[\s*_~`"'“”‘’.]+$/g

const normalised = (output: unknown): string =>
  typeof output === "string" ? output.replace(around, "").replace(/\s+/g, " ").toLowerCase() : Bracket.textOf(output)
