/**
 * Runs a few effects as fibers, so many at a time, and waits for all of them. Does for calls of tools what
 * `Effect.forEach` does for anything, at half the price: results are not collected and fiber refs not joined. The first
 * failure interrupts the others and is the result once they have ended; interruption interrupts all and waits for them.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"

/**
 * Runs the effects, at most `bound` at a time, started in their order. `1` runs them in the current fiber.
 *
 * @category combinators
 * @since 0.1.0
 */
export const concurrently = <E>(works: ReadonlyArray<Effect.Effect<void, E>>, bound: number): Effect.Effect<void, E> =>
  bound <= 1 || works.length <= 1
    ? inTurn(works, 0)
    : Effect.flatMap(Effect.runtime<never>(), (runtime) => atOnce(works, bound, runtime))

// internal

const inTurn = <E>(works: ReadonlyArray<Effect.Effect<void, E>>, index: number): Effect.Effect<void, E> => {
  const work = works[index]
  if (work === undefined) return Effect.void
  return index === works.length - 1 ? work : Effect.flatMap(work, () => inTurn(works, index + 1))
}

const atOnce = <E>(
  works: ReadonlyArray<Effect.Effect<void, E>>,
  bound: number,
  runtime: Runtime.Runtime<never>
): Effect.Effect<void, E> =>
  Effect.async<void, E>((resume) => {
    const fork = Runtime.runFork(runtime)
    const running = new Set<Fiber.RuntimeFiber<void, E>>()
    let failure: Cause.Cause<E> | undefined
    let next = 0
    let isFilling = false
    const start = (work: Effect.Effect<void, E>): void => {
      const fiber = fork(work)
      running.add(fiber)
      // Told at once when the fiber has ended already.
      fiber.addObserver((exit) => {
        running.delete(fiber)
        if (Exit.isFailure(exit) && failure === undefined) {
          failure = exit.cause
          for (const other of running) other.unsafeInterruptAsFork(fiber.id())
        }
        fill()
        if (running.size > 0 || (failure === undefined && next < works.length)) return
        resume(failure === undefined ? Effect.void : Effect.failCause(failure))
      })
    }
    const fill = (): void => {
      if (isFilling) return
      isFilling = true
      while (failure === undefined && running.size < bound) {
        const work = works[next++]
        if (work === undefined) break
        start(work)
      }
      isFilling = false
    }
    fill()
    return Effect.suspend(() => {
      next = works.length
      return Fiber.interruptAll(running)
    })
  })
