/**
 * Sending nothing to a vendor that keeps failing, until one request has found out that it is well again.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { ErrorOf, Failed, Pull, Service } from "./port.ts"
import { atLeast, finishOf } from "./port.ts"

export interface CircuitBreakerOptions<E> {
  /** How many failures in a row open it. Default 5. */
  readonly failures?: number | undefined
  /** After how long one request may find out. Default 30 seconds. */
  readonly resetAfter?: Duration.DurationInput | undefined
  /** Which errors count. Default: `Overloaded`, `Network` and `Timeout`; every other answer is a sign of life. */
  readonly counts?: ((error: E) => boolean) | undefined
}

type State =
  | { readonly _tag: "Closed"; failures: number }
  | { readonly _tag: "Open"; readonly until: number }
  | { readonly _tag: "Probing" }

export const circuitBreaker = <E extends Failed>(
  service: Service<E>,
  options: CircuitBreakerOptions<E>,
  errorOf: ErrorOf<E>
): Service<E> => {
  const most = atLeast("failures", options.failures ?? 5, 1)
  const resetMillis = Duration.toMillis(options.resetAfter ?? "30 seconds")
  const counts = options.counts ?? (({ reason }: E) => troubles.has(reason._tag))
  let state: State = { _tag: "Closed", failures: 0 }

  const refused = (now: number): Effect.Effect<never, E> => {
    const until = state._tag === "Open" ? state.until : now
    const retryAfterMillis = Math.max(0, until - now)
    const why = `The circuit is open after ${most} failure${most === 1 ? "" : "s"} in a row`
    if (state._tag === "Open" && until === Number.POSITIVE_INFINITY) {
      return Effect.fail(errorOf(service.model, { _tag: "Overloaded", message: `${why}, and stays open.` }, "safe"))
    }
    const message =
      state._tag === "Open"
        ? `${why}: no request is sent before ${new Date(until).toISOString()}.`
        : `${why}: one request is finding out whether it can be closed.`
    return Effect.fail(errorOf(service.model, { _tag: "Overloaded", message, retryAfterMillis }, "safe"))
  }

  /** What is learnt from a request counts only while the state in which it was sent holds. */
  const report = (sent: State, healthy: boolean): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      if (sent !== state) return
      if (healthy) {
        if (state._tag === "Closed") state.failures = 0
        else state = { _tag: "Closed", failures: 0 }
      } else if (state._tag === "Probing" || (state._tag === "Closed" && ++state.failures >= most)) {
        state = { _tag: "Open", until: now + resetMillis }
      }
    })

  const watched = (pull: Pull<E>, sent: State): Pull<E> => {
    let settled = false
    const once = (healthy: boolean): Effect.Effect<void> => {
      if (settled) return Effect.void
      settled = true
      return report(sent, healthy)
    }
    return Effect.matchEffect(pull, {
      onFailure: (end): Pull<E> =>
        // An answer that ends without its finish part was cut off.
        Effect.zipRight(once(Option.isSome(end) && !counts(end.value)), Effect.fail(end)),
      onSuccess: (deltas): Pull<E> => {
        const finish = finishOf(deltas)
        return finish === undefined ? Effect.succeed(deltas) : Effect.as(once(finish.reason !== "error"), deltas)
      }
    })
  }

  const send = (open: ReturnType<Service<E>["open"]>, sent: State): ReturnType<Service<E>["open"]> =>
    Effect.map(
      Effect.tapError(open, (error) => report(sent, !counts(error))),
      (pull) => watched(pull, sent)
    )

  /** A probe that is given up tells nothing: the next request is one. Called where nothing can be interrupted. */
  const probe = (sending: (sent: State) => ReturnType<Service<E>["open"]>, now: number) => {
    const probing: State = { _tag: "Probing" }
    const open = sending(probing)
    state = probing
    const givenUp = Effect.sync(() => {
      if (state === probing) state = { _tag: "Open", until: now }
    })
    return Effect.zipRight(
      Effect.flatMap(Effect.scope, (scope) => Scope.addFinalizer(scope, givenUp)),
      open
    )
  }

  return {
    model: service.model,
    open: (request) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const sending = (sent: State) => restore(send(service.open(request), sent))
          if (state._tag === "Closed") return sending(state)
          return state._tag === "Open" && now >= state.until ? probe(sending, now) : refused(now)
        })
      )
  }
}

// internal

const troubles: ReadonlySet<string> = new Set(["Overloaded", "Network", "Timeout"])
