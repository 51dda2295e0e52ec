/**
 * A line in which people stand: so many at once, first come, first served. A place that becomes free is handed to the
 * first of those who wait, so that nobody who comes later can take it.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"

interface Waiter {
  granted: boolean
  resume: () => void
}

export class Line {
  private free: number
  private readonly waiting = new Set<Waiter>()

  constructor(places: number) {
    this.free = places
  }

  /** A place until the scope closes. Whoever is interrupted while waiting leaves the line at once. */
  readonly hold: Effect.Effect<void, never, Scope.Scope> = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.zipRight(this.enter(restore), Scope.addFinalizer(scope, this.leaving))
    )
  )

  /** A place while the effect runs. */
  readonly within = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.zipRight(this.enter(restore), Effect.ensuring(restore(effect), this.leaving))
    )

  /** Only the wait may be interrupted: a place that was taken has to come to whoever gives it back. */
  private enter(restore: (wait: Effect.Effect<void>) => Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.free > 0) {
        this.free--
        return Effect.void
      }
      const waiter: Waiter = { granted: false, resume: () => {} }
      const wait = Effect.async<void>((resume) => {
        waiter.resume = () => resume(Effect.void)
        this.waiting.add(waiter)
      })
      return Effect.onInterrupt(
        restore(wait),
        // The place may have come in the moment of the interruption: then it goes on to the next.
        () => Effect.sync(() => (waiter.granted ? this.leave() : void this.waiting.delete(waiter)))
      )
    })
  }

  private readonly leaving = Effect.sync(() => this.leave())

  private leave(): void {
    for (const next of this.waiting) {
      this.waiting.delete(next)
      next.granted = true
      next.resume()
      return
    }
    this.free++
  }
}
