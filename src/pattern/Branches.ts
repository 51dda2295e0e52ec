/**
 * Runners that stand side by side in a pattern, in a list or by name: where they stand, what they take and result in
 * together, and what happens when one of them fails. `Parallel`, `MapReduce` and `Debate` are made with it.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Composite from "../agent/Composite.ts"
import type * as Result from "../agent/Result.ts"
import * as Runnable from "../agent/Runnable.ts"
import type { LimitName, RunReason } from "../domain/Outcome.ts"
import * as Check from "../internal/options.ts"
import { places } from "./internal/places.ts"

/**
 * Runners side by side. A list has their names as places, `name-2` for the second of a name; a record has its keys.
 *
 * @category models
 * @since 0.1.0
 */
export type Branches = ReadonlyArray<Runnable.Any> | Readonly<Record<string, Runnable.Any>>

/** One of them, whichever it is. */
export type Each<B extends Branches> = B extends ReadonlyArray<infer Branch> ? Branch : B[keyof B]

/** What all of them take. */
export type Input<B extends Branches> = Taking<Each<B>> extends (input: infer In) => void ? In : never

/** What they need together. */
export type Requirements<B extends Branches> = Runnable.Requirements<Each<B>>

/** How any of them may fail. */
export type Failure<B extends Branches> = Runnable.Failure<Each<B>>

/** What any of them results in. */
export type AnyOutput<B extends Branches> = Runnable.Output<Each<B>>

/**
 * What happens when one fails. `"interrupt"`: the others are interrupted, and the pattern fails with it. `"collect"`: the
 * others go on, and the failure is one of the outcomes.
 *
 * @category models
 * @since 0.1.0
 */
export type OnFailure = "interrupt" | "collect"

/**
 * What all patterns of branches may be told.
 *
 * **Details**
 *
 * - `description`: for models that may choose it. `concurrency`: how many run at once; all of them when absent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly description?: string | undefined
  readonly concurrency?: number | undefined
}

/**
 * A branch ended without an answer, and not by a failure: a limit, a guard or its vendor ended it, or it was stopped.
 *
 * @category errors
 * @since 0.1.0
 */
export class BranchEnded extends Data.TaggedError("BranchEnded")<{
  readonly at: string
  readonly reason: Exclude<RunReason, "completed" | "awaiting-approval">
  readonly limit?: LimitName | undefined
  readonly why?: string | undefined
  /** What it had answered by then. */
  readonly text: string
}> {
  override get message(): string {
    const how = [this.reason, this.limit, this.why].filter((word) => word !== undefined).join(": ")
    return `${this.at} ended without an answer (${how}); what it had by then is in the field text.`
  }
}

/**
 * Why one branch has no answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failed<out E> {
  readonly at: string
  readonly error: E | BranchEnded
}

/**
 * No branch has an answer. It has the errors of all of them, in their order.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoneAnswered<out E = unknown> extends Data.TaggedError("NoneAnswered")<{
  readonly pattern: string
  readonly failures: ReadonlyArray<Failed<unknown>>
}> {
  declare readonly failures: ReadonlyArray<Failed<E>>
  override get message(): string {
    const lines = this.failures.map(({ at, error }) => `- ${at}: ${said(error)}`)
    return `No part of ${this.pattern} answered:\n${lines.join("\n")}`
  }
}

/**
 * A branch and its place. Its types are erased: those of the pattern say what goes in and what comes out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Branch {
  readonly at: string
  readonly runner: Runnable.Runner<unknown, unknown, unknown, unknown>
}

/**
 * The answer of a branch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answered<out Out = unknown> {
  readonly at: string
  readonly result: Result.Completed<Out>
}

/**
 * What a branch came to: its answer, or why it has none.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = Either.Either<Answered, Failed<unknown>>

/**
 * Lists branches with their places. Throws a `TypeError` when there are none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const list = (pattern: string, branches: Branches): readonly [Branch, ...ReadonlyArray<Branch>] => {
  const listed = isList(branches)
    ? places(branches.map(({ name }) => name)).map((at, index) => [at, branches[index]] as const)
    : Object.entries(branches)
  const [first, ...rest] = listed.flatMap(([at, runner]) =>
    runner === undefined ? [] : [{ at, runner: erased(runner) }]
  )
  if (first === undefined) throw new TypeError(`${pattern} must have at least one runner`)
  return [first, ...rest]
}

/**
 * Checks what all patterns of branches may be told. Throws a `RangeError` or a `TypeError` that names what is wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const check = (
  pattern: string,
  { concurrency, onFailure }: Options & { readonly onFailure?: OnFailure | undefined }
): void => {
  Check.whole(`${pattern} option concurrency`, concurrency, 1, true)
  Check.oneOf(`${pattern} option onFailure`, onFailure, ["interrupt", "collect"])
}

/**
 * What a part comes to, its failure included. Only what waits for a person does not come to anything yet.
 *
 * @category combinators
 * @since 0.1.0
 */
export const collected = <A, R>(
  at: string,
  part: Effect.Effect<A, unknown, R>
): Effect.Effect<Either.Either<A, Failed<unknown>>, Composite.Unfinished, R> =>
  Effect.catchAll(
    Effect.map(part, (answer): Either.Either<A, Failed<unknown>> => Either.right(answer)),
    (error): Effect.Effect<Either.Either<A, Failed<unknown>>, Composite.Unfinished> => {
      const outcome = endedOr(at, error)
      return isUnfinished(outcome) ? Effect.fail(outcome) : Effect.succeed(Either.left({ at, error: outcome }))
    }
  )

/**
 * Runs branches side by side, each to what it comes to. With `"interrupt"` no failure is among that.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = (
  branches: ReadonlyArray<Branch>,
  parts: Composite.Parts,
  input: unknown,
  { concurrency, onFailure }: Options & { readonly onFailure?: OnFailure | undefined }
): Effect.Effect<ReadonlyArray<Outcome>, unknown, unknown> =>
  Composite.all(
    branches.map(({ at, runner }) => {
      const answered = Effect.map(parts.run(at, runner, input), (result): Answered => ({ at, result }))
      return onFailure === "collect" ? collected(at, answered) : Effect.map(answered, Either.right)
    }),
    { concurrency }
  )

/**
 * Runs branches side by side, for those that answer. Fails with `NoneAnswered` when none does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const answers = (
  pattern: string,
  branches: ReadonlyArray<Branch>,
  parts: Composite.Parts,
  input: unknown,
  options: Options & { readonly onFailure?: OnFailure | undefined }
): Effect.Effect<readonly [Answered, ...ReadonlyArray<Answered>], unknown, unknown> =>
  Effect.flatMap(run(branches, parts, input, options), (outcomes) => {
    const [first, ...rest] = outcomes.flatMap((outcome) => (Either.isRight(outcome) ? [outcome.right] : []))
    if (first !== undefined) return Effect.succeed([first, ...rest] as const)
    const failures = outcomes.flatMap((outcome) => (Either.isLeft(outcome) ? [outcome.left] : []))
    return Effect.fail(new NoneAnswered({ pattern, failures }))
  })

/**
 * Runs branches side by side until one answers, and interrupts the others then. While one that waits for a person may be the
 * one that answers, the pattern waits; otherwise it fails with `NoneAnswered`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const first = (
  pattern: string,
  branches: ReadonlyArray<Branch>,
  parts: Composite.Parts,
  input: unknown,
  { concurrency }: Options
): Effect.Effect<Answered, unknown, unknown> =>
  // What is awaited here is the failure of all: the first answer cuts it short.
  Composite.sideBySide(
    branches.map(({ at, runner }) =>
      Effect.flip(Effect.map(parts.run(at, runner, input), (result): Answered => ({ at, result })))
    ),
    concurrency ?? branches.length
  ).pipe(
    Effect.map((errors): unknown => {
      const unfinished = errors.flatMap((error) => (isUnfinished(error) ? [error] : []))
      const waiting = unfinished.find(({ pending }) => pending.length > 0)
      if (waiting !== undefined) return Composite.together(waiting, unfinished)
      const failures = branches.map(({ at }, index) => ({ at, error: endedOr(at, errors[index]) }))
      return new NoneAnswered({ pattern, failures })
    }),
    Effect.flip
  )

/**
 * A runner of which the types are known by the pattern that holds it.
 *
 * @category converters
 * @since 0.1.0
 */
export const erased = ({ behavior, description, name }: Runnable.Any): Branch["runner"] =>
  Runnable.make(name, description, behavior)

/**
 * An error in words.
 *
 * @category converters
 * @since 0.1.0
 */
export const said = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error))

// internal

type Taking<T> = T extends Runnable.Runner<infer In, infer _Out, infer _E, infer _R> ? (input: In) => void : never

const isList = (branches: Branches): branches is ReadonlyArray<Runnable.Any> => Array.isArray(branches)

const isUnfinished = (error: unknown): error is Composite.Unfinished => error instanceof Composite.Unfinished

/** How a part ended that waits for nobody. */
const endOf = (at: string, { pending, result }: Composite.Unfinished): BranchEnded | undefined => {
  const { limit, reason, text, why } = result
  return pending.length > 0 || reason === "completed" || reason === "awaiting-approval"
    ? undefined
    : new BranchEnded({ at, reason, limit, why, text })
}

const endedOr = (at: string, error: unknown): unknown => (isUnfinished(error) ? (endOf(at, error) ?? error) : error)
