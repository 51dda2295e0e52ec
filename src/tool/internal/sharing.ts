/**
 * Results that are made once and used again: equal calls at the same time share one execution, later ones what it came
 * to. Unlike `Cache` of Effect, whose first caller runs the work in its own fiber and takes the others with it when it is
 * interrupted, the work here has a fiber of its own, which lives until the last of its callers has gone.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Newest from "../../internal/newest.ts"

/** How many results are kept, and for how long. */
export interface Options {
  readonly capacity: number
  readonly timeToLive: Duration.DurationInput
}

/** Results by key. */
export interface Sharing<A> {
  readonly options: Options
  /** From the least to the most recently used. */
  readonly kept: Map<string, { readonly value: A; readonly until: number }>
  readonly running: Map<string, Running<A>>
}

interface Running<A> {
  readonly fiber: Fiber.RuntimeFiber<A, unknown>
  callers: number
}

/** Nothing made yet. */
export const make = <A>(options: Options): Sharing<A> => ({ options, kept: new Map(), running: new Map() })

/** What was made for this key, or what `work` makes of it now. Only what `isKept` says is used again. */
export const get = <A>(
  sharing: Sharing<A>,
  key: string,
  work: Effect.Effect<A, unknown>,
  isKept: (value: A) => boolean
): Effect.Effect<A, unknown> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const known = sharing.kept.get(key)
      if (known !== undefined && now < known.until) {
        sharing.kept.delete(key)
        sharing.kept.set(key, known)
        return Effect.succeed(known.value)
      }
      const running = sharing.running.get(key)
      return running === undefined
        ? Effect.flatMap(begun(sharing, key, work, isKept), (running) => joined(sharing, key, running, restore))
        : joined(sharing, key, running, restore)
    })
  )

// internal

const begun = <A>(
  sharing: Sharing<A>,
  key: string,
  work: Effect.Effect<A, unknown>,
  isKept: (value: A) => boolean
): Effect.Effect<Running<A>> => {
  const kept = Effect.tap(work, (value) =>
    isKept(value) ? Effect.map(Clock.currentTimeMillis, (now) => keep(sharing, key, value, now)) : Effect.void
  )
  return Effect.map(Effect.forkDaemon(Effect.interruptible(kept)), (fiber) => {
    const running: Running<A> = { fiber, callers: 0 }
    sharing.running.set(key, running)
    fiber.addObserver(() => forget(sharing, key, running))
    return running
  })
}

const keep = <A>({ kept, options }: Sharing<A>, key: string, value: A, now: number): void =>
  Newest.keep(kept, key, { value, until: now + Duration.toMillis(options.timeToLive) }, options.capacity)

const forget = <A>({ running }: Sharing<A>, key: string, done: Running<A>): void => {
  if (running.get(key) === done) running.delete(key)
}

const joined = <A>(
  sharing: Sharing<A>,
  key: string,
  running: Running<A>,
  restore: <B>(effect: Effect.Effect<B>) => Effect.Effect<B>
): Effect.Effect<A, unknown> => {
  running.callers++
  return Effect.flatten(
    Effect.onInterrupt(restore(Fiber.await(running.fiber)), () => {
      running.callers--
      if (running.callers > 0) return Effect.void
      // Nobody may join what is about to be interrupted.
      forget(sharing, key, running)
      return Fiber.interrupt(running.fiber)
    })
  )
}
