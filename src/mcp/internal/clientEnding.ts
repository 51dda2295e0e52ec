/**
 * Work of a finalizer that may not take for ever: it is done by a fiber of its own, since in a finalizer nothing can be
 * interrupted, and a time-out would wait for what it gives up.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** Does the work, for at most so long. Whatever it comes to, it is over then. */
export const within = (work: Effect.Effect<unknown, unknown>, most: Duration.DurationInput): Effect.Effect<void> =>
  apart(Effect.ignore(Effect.timeoutOption(Effect.disconnect(work), most)))

/** Does work with times in it that count, also where nothing can be interrupted. */
export const apart = <A>(work: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.flatMap(Effect.forkDaemon(Effect.interruptible(work)), Fiber.join)
