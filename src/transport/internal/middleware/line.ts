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
      Effect.zipRight(
        restore(Effect.suspend(() => this.enter)),
        Scope.addFinalizer(
          scope,
          Effect.sync(() => this.leave())
        )
      )
    )
  )

  /** A place while the effect runs. */
  readonly within = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.interruptible(Effect.suspend(() => this.enter)),
      () => effect,
      () => Effect.sync(() => this.leave())
    )

  private get enter(): Effect.Effect<void> {
    if (this.free > 0) {
      this.free--
      return Effect.void
    }
    const waiter: Waiter = { granted: false, resume: () => {} }
    return Effect.onInterrupt(
      Effect.async<void>((resume) => {
        waiter.resume = () => resume(Effect.void)
        this.waiting.add(waiter)
      }),
      // The place may have come in the moment of the interruption: then it goes on to the next.
      () => Effect.sync(() => (waiter.granted ? this.leave() : void this.waiting.delete(waiter)))
    )
  }

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
