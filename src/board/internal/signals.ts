/**
 * Wakes those who wait for a board to change, within this process.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"

export interface Signals {
  /** Tells that a board is at this revision. */
  readonly raise: (board: string, revision: number) => void
  /** Waits until a board is told to be past this revision. */
  readonly past: (board: string, revision: number) => Effect.Effect<void>
}

interface Signal {
  revision: number
  waiting: Deferred.Deferred<void> | undefined
}

export const make = (): Signals => {
  const signals = new Map<string, Signal>()
  const of = (board: string): Signal => {
    const known = signals.get(board)
    if (known !== undefined) return known
    const signal: Signal = { revision: 0, waiting: undefined }
    signals.set(board, signal)
    return signal
  }
  return {
    raise: (board, revision) => {
      const signal = of(board)
      if (revision <= signal.revision) return
      signal.revision = revision
      const { waiting } = signal
      signal.waiting = undefined
      if (waiting !== undefined) Deferred.unsafeDone(waiting, Effect.void)
    },
    past: (board, revision) =>
      Effect.suspend(() => {
        const signal = of(board)
        if (signal.revision > revision) return Effect.void
        signal.waiting ??= Deferred.unsafeMake<void>(FiberId.none)
        return Deferred.await(signal.waiting)
      })
  }
}
