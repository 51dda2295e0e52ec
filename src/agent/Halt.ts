/**
 * What ends a run from outside without interrupting its fiber: being asked to stop, and running out of time. Whatever the
 * run is doing is interrupted, what it has is kept, and the run ends as a value. A run that nothing can halt pays nothing.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Limits } from "./Limits.ts"
import type { StopSignal } from "./StopSignal.ts"

/**
 * The run was halted. Internal to the loop; never in an agent's `E`.
 *
 * @category errors
 * @since 0.1.0
 */
export class Halted extends Data.TaggedError("Halted")<{ readonly by: "stop" | "wallTime" }> {}

/**
 * Where the news of a halt arrives. Absent when nothing can halt the run.
 *
 * @category models
 * @since 0.1.0
 */
export type Halt = Deferred.Deferred<never, Halted> | undefined

/**
 * Does something that can be halted, with what has the stop signal and the time watched while it lasts. What nothing can
 * halt has no scope to pay for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const watching = <A, E, R>(
  limits: Limits,
  stopSignal: StopSignal | undefined,
  use: (halt: Halt, watched: Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(make(limits, stopSignal), (halt) =>
    halt === undefined
      ? use(halt, Effect.void)
      : Effect.scopedWith((scope) => use(halt, Scope.extend(watch(halt, limits, stopSignal), scope)))
  )

/**
 * Watches what is left of the time for a run that goes on after one that had used some of it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const watchRest = (
  halt: Halt,
  { wallTime }: Limits,
  usedMillis: number
): Effect.Effect<void, never, Scope.Scope> =>
  halt === undefined || wallTime === undefined
    ? Effect.void
    : Effect.asVoid(
        Effect.forkScoped(
          Effect.delay(
            Deferred.fail(halt, new Halted({ by: "wallTime" })),
            Math.max(0, Duration.toMillis(wallTime) - usedMillis)
          )
        )
      )

/**
 * Lets something be halted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const haltable = <A, E, R>(halt: Halt, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Halted, R> =>
  halt === undefined
    ? effect
    : Effect.flatMap(Deferred.poll(halt), (news) =>
        // A run that is halted already must not begin anything new.
        Option.isSome(news) ? news.value : raced(halt, effect)
      )

/**
 * Whether something failed because it was asked to stop.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isStopped = (cause: Cause.Cause<unknown>): boolean => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  return failure instanceof Halted && failure.by === "stop"
}

/**
 * Why calls were cut short, in words for their results.
 *
 * @category converters
 * @since 0.1.0
 */
export const why = (exit: Exit.Exit<unknown, { readonly _tag: string }>): string => {
  if (Exit.isSuccess(exit)) return "the run went on"
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (failure instanceof Halted) {
    return failure.by === "stop" ? "the run was asked to stop" : "the run was out of time"
  }
  return failure === undefined ? "the run was interrupted" : "another call of this answer ended the run"
}

// internal

/** A halt, if there is anything to wait for. */
const make = (limits: Limits, stopSignal: StopSignal | undefined): Effect.Effect<Halt> =>
  stopSignal === undefined && limits.wallTime === undefined ? Effect.succeed(undefined) : Deferred.make<never, Halted>()

/** Watches the stop signal and the time until the scope closes. */
const watch = (
  halt: Halt,
  limits: Limits,
  stopSignal: StopSignal | undefined
): Effect.Effect<void, never, Scope.Scope> => {
  if (halt === undefined) return Effect.void
  const by = (cause: Halted["by"]) => Deferred.fail(halt, new Halted({ by: cause }))
  const stop =
    stopSignal === undefined ? Effect.void : Effect.forkScoped(Effect.zipRight(guarded(stopSignal), by("stop")))
  const time =
    limits.wallTime === undefined ? Effect.void : Effect.forkScoped(Effect.delay(by("wallTime"), limits.wallTime))
  // Yields once, so that a signal that is already there is heard before anything begins.
  return stop.pipe(Effect.zipRight(time), Effect.zipRight(Effect.yieldNow()))
}

/** A race that leaves nothing behind: however it ends, also when it is interrupted, the effect has ended before. */
const raced = <A, E, R>(
  halt: Deferred.Deferred<never, Halted>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | Halted, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.fork(restore(effect)), (fiber) =>
      Effect.flatMap(
        Effect.exit(restore(Effect.raceFirst(Fiber.await(fiber), Deferred.await(halt)))),
        (first): Effect.Effect<A, E | Halted> =>
          Exit.isSuccess(first)
            ? Effect.zipRight(Fiber.inheritAll(fiber), first.value)
            : Effect.zipRight(Fiber.interrupt(fiber), Effect.failCause(first.cause))
      )
    )
  )

/** A signal that dies must not stop the run: nobody asked for it. */
const guarded = (stopSignal: StopSignal): StopSignal =>
  Effect.catchAllDefect(stopSignal, (defect) =>
    Effect.zipRight(Effect.logWarning("The stop signal died; the run goes on without it", defect), Effect.never)
  )
