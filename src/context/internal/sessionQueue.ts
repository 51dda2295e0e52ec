/**
 * One holder at a time per key, within this process, first come, first served.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

export interface SessionQueue<Key> {
  /**
   * Takes the key until the scope closes. When it is taken, "wait" waits its turn and "fail" answers false. Whoever is
   * interrupted while waiting leaves the queue at once.
   */
  readonly take: (key: Key, onBusy: "wait" | "fail") => Effect.Effect<boolean, never, Scope.Scope>
}

export const make = <Key>(): SessionQueue<Key> => {
  /** The first of each queue holds the key, the others wait for their turn. No queue is empty. */
  const queues = new Map<Key, Array<Deferred.Deferred<void>>>()

  const leave = (key: Key, turn: Deferred.Deferred<void>): void => {
    const queue = queues.get(key) ?? []
    const index = queue.indexOf(turn)
    if (index < 0) return
    queue.splice(index, 1)
    const next = queue[0]
    if (next === undefined) queues.delete(key)
    else if (index === 0) Deferred.unsafeDone(next, Effect.void)
  }

  const take: SessionQueue<Key>["take"] = (key, onBusy) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const queue = queues.get(key)
        if (queue !== undefined && onBusy === "fail") return Effect.succeed(false)
        const turn = Deferred.unsafeMake<void>(FiberId.none)
        const release = Effect.sync(() => leave(key, turn))
        if (queue === undefined) {
          queues.set(key, [turn])
          return Effect.as(
            Effect.addFinalizer(() => release),
            true
          )
        }
        queue.push(turn)
        return restore(Deferred.await(turn)).pipe(
          // The turn may have come in the moment of the interruption: leaving hands it on.
          Effect.onError(() => release),
          Effect.zipRight(Effect.addFinalizer(() => release)),
          Effect.as(true)
        )
      })
    )

  return { take }
}
