/**
 * Keeps tokens fresh for everyone who uses them. There is one renewal at a time, in this process and among all that share
 * the file; who needs tokens meanwhile waits for its outcome. A renewal that has begun is finished even when nobody waits
 * for it any more, since it spends the only refresh token there is.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Redacted from "effect/Redacted"
import type { TokenFile } from "./codexFile.ts"
import type { Tokens } from "./codexTokens.ts"
import { isFresh, isSame } from "./codexTokens.ts"
import type { Failure } from "./failure.ts"

/**
 * Tokens that are always good.
 *
 * @category models
 * @since 0.1.0
 */
export interface Keeper {
  /** Tokens that hold for some minutes. Costs nothing while they do. */
  readonly tokens: Effect.Effect<Tokens, Failure>
  /** Other tokens than these, which were refused. */
  readonly renewed: (refused: Tokens) => Effect.Effect<Tokens, Failure>
  /** Waits for a renewal that is under way. */
  readonly settled: Effect.Effect<void>
}

/**
 * Tokens are renewed when they hold for no longer than this.
 *
 * @category constructors
 * @since 0.1.0
 */
export const marginMillis = 5 * 60_000

/**
 * Makes a keeper of a file and the request that renews.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (file: TokenFile, refresh: (tokens: Tokens) => Effect.Effect<Tokens, Failure>): Keeper => {
  let held: Tokens | undefined
  let running: Deferred.Deferred<Tokens, Failure> | undefined
  /** Shorter for tokens that never held for long, and for those that could not be renewed: they are not asked for each time. */
  let heldMargin = marginMillis
  /** A refresh token that was refused is not sent again: vendors take that for a theft. */
  let spent: { readonly tokens: Tokens; readonly failure: Failure } | undefined

  const isGood = (tokens: Tokens, refused: Tokens | undefined, now: number, margin = marginMillis): boolean =>
    isFresh(tokens, now, margin) && (refused === undefined || !isSame(tokens, refused))

  /** Asks for new tokens and stores them before anyone sees them. Runs under the lock of the file. */
  const ask = (old: Tokens): Effect.Effect<Tokens, Failure> => {
    if (spent !== undefined && sameRefresh(spent.tokens, old)) return Effect.fail(spent.failure)
    return refresh(old).pipe(
      // They are good even when they cannot be stored; then they are lost with this process.
      Effect.tap((tokens) => Effect.catchAll(file.write(tokens), (failure) => Effect.logWarning(failure.message))),
      Effect.catchAll((failure) =>
        failure._tag !== "Authentication" || failure.code === undefined
          ? Effect.fail(failure)
          : Effect.flatMap(file.read, (now) => {
              // Someone logged in meanwhile, or renewed without the lock.
              if (!sameRefresh(now, old)) return Effect.succeed(now)
              spent = { tokens: old, failure }
              return Effect.fail(failure)
            })
      )
    )
  }

  const obtain = (refused: Tokens | undefined): Effect.Effect<Tokens, Failure> =>
    Effect.gen(function* () {
      const stored = yield* file.read
      if (isGood(stored, refused, yield* Clock.currentTimeMillis)) return stored
      const renew = Effect.flatMap(Effect.zip(file.read, Clock.currentTimeMillis), ([current, now]) =>
        isGood(current, refused, now) ? Effect.succeed(current) : ask(current)
      )
      return yield* Effect.catchAll(file.locked(renew), (failure) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const isOver = failure._tag === "Authentication" || refused !== undefined || !isFresh(stored, now, 0)
          return isOver ? Effect.fail(failure) : Effect.succeed(stored)
        })
      )
    })

  const start = (refused: Tokens | undefined): Effect.Effect<Tokens, Failure> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const outcome = Deferred.unsafeMake<Tokens, Failure>(FiberId.none)
        running = outcome
        const work = Effect.interruptible(obtain(refused)).pipe(
          Effect.tap((tokens) =>
            Effect.map(Clock.currentTimeMillis, (now) => {
              held = tokens
              heldMargin = Math.min(marginMillis, (tokens.expiresAtMillis - now) / 2)
            })
          ),
          Effect.ensuring(
            Effect.sync(() => {
              running = undefined
            })
          ),
          Effect.intoDeferred(outcome)
        )
        return Effect.zipRight(Effect.forkDaemon(work), restore(Deferred.await(outcome)))
      })
    )

  const get = (refused: Tokens | undefined): Effect.Effect<Tokens, Failure> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (held !== undefined && isGood(held, refused, now, heldMargin)) return Effect.succeed(held)
      if (running === undefined) return start(refused)
      const joined = Deferred.await(running)
      return refused === undefined
        ? joined
        : Effect.flatMap(joined, (tokens) => (isSame(tokens, refused) ? get(refused) : Effect.succeed(tokens)))
    })

  return {
    tokens: get(undefined),
    renewed: get,
    settled: Effect.suspend(() => (running === undefined ? Effect.void : Effect.ignore(Deferred.await(running))))
  }
}

// internal

const sameRefresh = (left: Tokens, right: Tokens): boolean =>
  Redacted.value(left.refresh) === Redacted.value(right.refresh)
