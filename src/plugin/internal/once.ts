/**
 * Effects that run once, however often and by however many they are asked for.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

/**
 * The same effect, run at the first request and in a scope of its own choosing: who asked first and goes away takes nothing
 * from those who ask after.
 */
export const once = <A, E>(effect: Effect.Effect<A, E>, scope: Scope.Scope): Effect.Effect<A, E> => {
  const done = Deferred.unsafeMake<A, E>(FiberId.none)
  let isStarted = false
  const start = Effect.suspend(() => {
    if (isStarted) return Effect.void
    isStarted = true
    return Effect.forkIn(Effect.intoDeferred(Effect.interruptible(effect), done), scope)
  })
  return Effect.zipRight(Effect.uninterruptible(start), Deferred.await(done))
}
