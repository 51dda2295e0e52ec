/**
 * One run made of others: what all patterns have in common. A pattern is a function that runs its parts, each at a place of
 * its own; here their events get their way, their spending is summed, and their answers are kept, so that a run that was
 * cut short or waits for a person goes on without doing anything twice.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import type { ContextStore, StoreError } from "../context/ContextStore.ts"
import type { PendingQuestion } from "../domain/Entry.ts"
import type { PathStep, SessionId } from "../domain/Ids.ts"
import * as Message from "../domain/Message.ts"
import * as Bracket from "./Bracket.ts"
import * as Journal from "./Journal.ts"
import * as Nesting from "./Nesting.ts"
import type * as Result from "./Result.ts"
import type { ResumeRejected } from "./Resuming.ts"
import * as Runnable from "./Runnable.ts"

/**
 * A part ended otherwise than completed: it waits for a person, it was stopped, a limit or a guard ended it. The pattern then
 * ends as it did. Internal to patterns; never in a runner's `E`.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unfinished extends Data.TaggedError("Unfinished")<{
  readonly result: Result.Outcome<unknown>
  /** The questions of all parts that wait, with the way to them. */
  readonly pending: ReadonlyArray<PendingQuestion>
}> {}

/**
 * What a pattern comes to.
 *
 * **Details**
 *
 * - `text`: the output for people and models; itself or its JSON when absent. `answeredBy`: whose it is; the pattern's own
 *   when absent. `why`: why it is not all that was asked for, when it is not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer<out Out> {
  readonly output: Out
  readonly text?: string | undefined
  readonly answeredBy?: string | undefined
  readonly why?: string | undefined
}

/**
 * How a part is run.
 *
 * **Details**
 *
 * - `session`: `"own"` (the default) is a fresh one for this place and this run of the pattern. `"continued"` is one for this
 *   place in all runs of the pattern's session, so that the part remembers. `{ shared }` is one for all parts, one after the
 *   other, that name it, in all runs of the pattern's session.
 *
 * @category models
 * @since 0.1.0
 */
export interface PartOptions {
  readonly session?: Journal.Kind | undefined
}

/**
 * How a pattern runs its parts. `at` names the place of a part: unique within one run of the pattern, and the same when the
 * run goes on later.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  /** Runs a part, or gives the answer it has given already. Fails with `Unfinished` when it ended without being completed. */
  readonly run: <In, Out, E, R>(
    at: string,
    runner: Runnable.Runner<In, Out, E, R>,
    input: In,
    options?: PartOptions
  ) => Effect.Effect<Result.Completed<Out>, E | Unfinished | StoreError, R>
  /** Does something once, and remembers what came of it. For choices that may differ the next time. What comes of it has to be JSON, or nothing. */
  readonly remember: <A, E, R>(at: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | StoreError, R>
  /** What earlier runs of the same session remembered, oldest first; the same when this one goes on later. */
  readonly earlier: ReadonlyArray<Journal.Remembered>
  /** The session of the parts that share one by this name. */
  readonly shared: (name: string) => SessionId
}

/**
 * Makes a runner of a function that runs others.
 *
 * **Details**
 *
 * - `body` is called again when a run goes on: parts that have answered answer at once, so whatever else it does must follow
 *   from its input and their answers.
 * - The session of the pattern keeps its input, the answers of its parts, and its own; parts have sessions below it.
 * - Errors: those of the parts, as they are; `Nesting.failedAt` tells where one came from.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <In, Out, E, R>(
  name: string,
  options: { readonly description?: string | undefined },
  body: (input: In, parts: Parts) => Effect.Effect<Answer<Out>, E, R>
): Runnable.Runner<In, Out, Exclude<E, Unfinished> | StoreError, R | ContextStore> =>
  Runnable.make(name, options.description, {
    // Other names for it make other runners of the same behavior.
    identity: body,
    restore: undefined,
    execute: (begin, sink) =>
      Bracket.run({ ...begin, runner: { name, identity: body }, sink }, (bracket) =>
        performed(bracket, begin, (input, parts) => body(input as In, parts))
      )
  })

/**
 * Runs parts side by side, and then decides: when one waits for a person, the others go on, and what they wait for is told
 * together. A failure interrupts the others.
 *
 * **Details**
 *
 * - `concurrency`: how many at once; all of them unless given.
 *
 * @category combinators
 * @since 0.1.0
 */
export const all = <A, E, R>(
  works: ReadonlyArray<Effect.Effect<A, E, R>>,
  options?: { readonly concurrency?: number | undefined }
): Effect.Effect<ReadonlyArray<A>, E | Unfinished, R> =>
  Effect.flatMap(
    sideBySide(works.map(settled), options?.concurrency ?? works.length),
    (outcomes): Effect.Effect<ReadonlyArray<A>, Unfinished> => {
      const unfinished = outcomes.flatMap((outcome) => (Either.isLeft(outcome) ? [outcome.left] : []))
      const [first] = unfinished
      return first === undefined
        ? Effect.succeed(outcomes.flatMap((outcome) => (Either.isRight(outcome) ? [outcome.right] : [])))
        : Effect.fail(together(first, unfinished))
    }
  )

/**
 * What is told of several parts that did not finish: the questions of all that wait, and how the first of those ended, or the
 * first at all when none waits.
 *
 * @category combinators
 * @since 0.1.0
 */
export const together = (first: Unfinished, unfinished: ReadonlyArray<Unfinished>): Unfinished => {
  const waiting = unfinished.find(({ pending }) => pending.length > 0) ?? first
  return new Unfinished({ result: waiting.result, pending: unfinished.flatMap(({ pending }) => pending) })
}

/**
 * Runs effects side by side, and answers what they come to, in their order. The first failure interrupts the others, and is
 * told once all of them have ended.
 *
 * **Details**
 *
 * - A bound of `Effect.forEach` itself does not do that: when one fails while others have not begun, it does not wait for
 *   those that run (3.22). Without a bound it does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sideBySide = <A, E, R>(
  works: ReadonlyArray<Effect.Effect<A, E, R>>,
  concurrency: number
): Effect.Effect<ReadonlyArray<A>, E, R> =>
  Effect.suspend(() => {
    if (concurrency === 1) return Effect.all(works)
    const permits = Effect.unsafeMakeSemaphore(concurrency)
    const bounded = concurrency >= works.length ? works : works.map(permits.withPermits(1))
    return Effect.all(bounded, { concurrency: "unbounded" })
  })

// internal

const isUnfinished = (error: unknown): error is Unfinished => error instanceof Unfinished

/** What an unfinished part leaves to be decided with the others. */
const settled = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<Either.Either<A, Unfinished>, E, R> =>
  Effect.catchAll(
    Effect.map(work, (value): Either.Either<A, Unfinished> => Either.right(value)),
    (error) => (isUnfinished(error) ? Effect.succeed(Either.left(error)) : Effect.fail(error))
  )

const performed = <E, R>(
  bracket: Bracket.Bracket,
  begin: Runnable.Begin,
  body: (input: unknown, parts: Parts) => Effect.Effect<Answer<unknown>, E, R>
): Effect.Effect<Bracket.Ended, E | StoreError | ResumeRejected, R | ContextStore | Scope.Scope> =>
  Effect.gen(function* () {
    const journal = yield* Journal.open(bracket, begin)
    const answered = Effect.map(
      body(journal.input, partsOf(bracket, journal)),
      ({ answeredBy, output, text = Bracket.textOf(output), why }): Bracket.Ended => ({
        reason: "completed",
        output: text,
        answer: output,
        ...(typeof output === "string" || output === undefined ? undefined : Journal.jsonOf(output)),
        ...(answeredBy === undefined ? undefined : { answeredBy }),
        ...(why === undefined ? undefined : { why }),
        messages: [Message.assistant(text)]
      })
    )
    const end = yield* Effect.catchAll(answered, (error) =>
      isUnfinished(error) ? Effect.succeed(endOf(error)) : Effect.fail(error)
    )
    yield* journal.close(end)
    return end
  })

/** The end of a pattern of which a part did not finish. */
const endOf = ({ pending, result }: Unfinished): Bracket.Ended => ({
  ...{ reason: result.reason, limit: result.limit, output: result.text, answeredBy: result.answeredBy, messages: [] },
  ...(result.why === undefined ? undefined : { why: result.why }),
  ...(pending.length === 0 ? undefined : { pending })
})

const partsOf = (bracket: Bracket.Bracket, journal: Journal.Journal): Parts => {
  const places = new Set<string>()
  const taken = (at: string): void => {
    if (places.has(at)) throw new Error(`Place ${JSON.stringify(at)} of ${bracket.name} is taken: name each part once`)
    places.add(at)
  }
  return {
    run: (at, runner, input, options) =>
      Effect.suspend(() => {
        taken(at)
        const known = journal.answer(at, runner)
        return known === undefined
          ? fresh(bracket, journal, at, runner, input, options)
          : Effect.flatMap(known, (result) => finished(result, bracket.around(at).path))
      }),
    remember: (at, effect) =>
      Effect.suspend(() => {
        taken(at)
        return journal.remember(at, effect)
      }),
    earlier: journal.earlier,
    shared: (name) => journal.session(name, { shared: name })
  }
}

const fresh = <In, Out, E, R>(
  bracket: Bracket.Bracket,
  journal: Journal.Journal,
  at: string,
  runner: Runnable.Runner<In, Out, E, R>,
  input: In,
  options: PartOptions | undefined
): Effect.Effect<Result.Completed<Out>, E | Unfinished | StoreError, R> => {
  const around = bracket.around(at)
  const kind = options?.session ?? "own"
  const session = journal.session(at, kind)
  const begun = journal.resume(at, kind).pipe(
    Effect.flatMap((resume) =>
      Runnable.execute(runner, { input, session, resume, onBusy: bracket.onBusy }, bracket.sink)
    ),
    Effect.provideService(Nesting.Nesting, around)
  )
  return Journal.once(begun, (result) =>
    runner.behavior.restore === undefined || result.pending.length > 0 ? Effect.void : journal.keep(at, result)
  ).pipe(Effect.flatMap((result) => finished(result, around.path)))
}

/** The answer of a part, or how it ended without one. */
const finished = <Out>(
  result: Result.Outcome<Out>,
  path: ReadonlyArray<PathStep>
): Effect.Effect<Result.Completed<Out>, Unfinished> =>
  result.reason === "completed"
    ? Effect.succeed(result)
    : Effect.fail(new Unfinished({ result, pending: Nesting.asked(result, path) }))
