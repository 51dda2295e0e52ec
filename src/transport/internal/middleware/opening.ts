/**
 * Attempts at one answer, until something of it was shown. What is not yet worth showing is held back, so that an
 * attempt that comes to nothing leaves no trace; from then on the pulls are those of the transport itself.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Delta } from "../../../domain/Delta.ts"
import type { Failure } from "../failure.ts"
import type { Pull, Replay } from "./port.ts"
import { ended, failureOfEnd, finishOf, isShown } from "./port.ts"

export interface Attempts<E> {
  /** The next attempt. Evaluated anew each time. */
  readonly connect: Effect.Effect<Pull<E>, E, Scope.Scope>
  /** What to do after a failed one, whose connection is closed: succeed to try again. */
  readonly recover: (error: E) => Effect.Effect<void, E>
  readonly errorOf: (failure: Failure, replay: Replay) => E
}

/**
 * Opens answers until one shows something, or `recover` gives up. Cost: one `suspend` per pull once something was
 * shown.
 */
export const open = <E>(attempts: Attempts<E>): Effect.Effect<Pull<E>, E, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (outer) => {
    let scope: Scope.CloseableScope | undefined
    let current: Pull<E> = ended
    let held: Array<Delta> = []
    let shown = false

    const connect: Effect.Effect<void, E> = Effect.flatMap(
      Scope.fork(outer, ExecutionStrategy.sequential),
      (attempt) => {
        scope = attempt
        return Effect.matchEffect(Scope.extend(attempts.connect, attempt), {
          onFailure: again,
          onSuccess: (pull) => {
            current = pull
            return Effect.void
          }
        })
      }
    )

    const again = (error: E): Effect.Effect<void, E> => {
      const closed = scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
      return Effect.flatMap(Effect.zipRight(closed, attempts.recover(error)), () => {
        held = []
        return connect
      })
    }

    /** Goes on with another attempt, or ends with what `lost` makes of the error. */
    const reopen = (error: E, lost: (error: E) => Pull<E>): Pull<E> =>
      Effect.matchEffect(again(error), {
        onFailure: (last) => {
          shown = true
          current = ended
          return lost(last)
        },
        onSuccess: () => opening
      })

    /** An answer that ended with nothing to show goes on as it is when there is no other attempt. */
    const fruitless = (deltas: ReadonlyArray<Delta>): Pull<E> => {
      const error = attempts.errorOf(failureOfEnd(finishOf(deltas)), "unknown")
      const rest = [...held, ...deltas]
      return reopen(error, (last) =>
        last !== error ? Effect.fail(Option.some(last)) : rest.length === 0 ? ended : Effect.succeed(rest)
      )
    }

    const opening: Pull<E> = Effect.matchEffect(
      Effect.suspend(() => current),
      {
        onFailure: (end): Pull<E> =>
          Option.isNone(end) ? fruitless([]) : reopen(end.value, (last) => Effect.fail(Option.some(last))),
        onSuccess: (deltas): Pull<E> => {
          const finish = finishOf(deltas)
          if (finish === undefined ? deltas.some(isShown) : finish.reason !== "error" || deltas.some(isShown)) {
            shown = true
            return Effect.succeed(held.length === 0 ? deltas : [...held, ...deltas])
          }
          if (finish !== undefined) return fruitless(deltas)
          for (const delta of deltas) held.push(delta)
          return opening
        }
      }
    )
    const pull = Effect.suspend(() => (shown ? current : opening))
    return Effect.as(connect, pull)
  })
