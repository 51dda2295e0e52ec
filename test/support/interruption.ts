/**
 * Interruption at every place where it can come: a fiber may be stopped between any two of its operations, which no test
 * with forks and gates reaches.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type { Scheduler } from "effect/Scheduler"
import { defaultScheduler } from "effect/Scheduler"

/** Runs the effect on a fiber that is interrupted before its operation number `at`; answers whether there was such a one. */
export const interruptedAt = <A, E, R>(at: number, effect: Effect.Effect<A, E, R>): Effect.Effect<boolean, never, R> =>
  Effect.suspend(() => {
    let operations = 0
    let first: number | undefined
    const scheduler: Scheduler = {
      shouldYield: (fiber) => {
        first ??= fiber.id().id
        if (fiber.id().id === first && ++operations === at) fiber.unsafeInterruptAsFork(FiberId.none)
        return false
      },
      scheduleTask: (task, priority) => defaultScheduler.scheduleTask(task, priority)
    }
    return Effect.map(
      Effect.flatMap(Effect.fork(Effect.withScheduler(effect, scheduler)), Fiber.await),
      () => operations >= at
    )
  })

/** Does the same for every operation of the effect, each time followed by `check`. Answers how many there were. */
export const interruptedEverywhere = <A, E, R, R2>(
  effect: Effect.Effect<A, E, R>,
  check: (at: number) => Effect.Effect<void, never, R2>
): Effect.Effect<number, never, R | R2> => {
  const from = (at: number): Effect.Effect<number, never, R | R2> =>
    Effect.flatMap(interruptedAt(at, effect), (was) =>
      was ? Effect.zipRight(check(at), from(at + 1)) : Effect.succeed(at - 1)
    )
  return from(1)
}
