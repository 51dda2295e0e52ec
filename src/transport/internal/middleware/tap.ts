/**
 * Watching requests and answers go by. What watches can neither change nor break them.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Delta, Finish } from "../../../domain/Delta.ts"
import type { Request } from "../../../domain/Request.ts"
import type { Pull, Service } from "./port.ts"
import { ended, finishOf } from "./port.ts"

/** Each is given the request, too, to tell the answers apart. */
export interface TapOptions<E> {
  readonly onRequest?: ((at: { readonly request: Request }) => Effect.Effect<void>) | undefined
  /** What came in one pull. */
  readonly onDeltas?:
    | ((at: { readonly request: Request; readonly deltas: ReadonlyArray<Delta> }) => Effect.Effect<void>)
    | undefined
  /** The answer ended and did not fail; without a `finish` it was cut off, or let go of. */
  readonly onEnd?:
    | ((at: { readonly request: Request; readonly finish: Finish | undefined }) => Effect.Effect<void>)
    | undefined
  /** The request or its answer failed. Either this or `onEnd` comes last, once for each request. */
  readonly onError?: ((at: { readonly request: Request; readonly error: E }) => Effect.Effect<void>) | undefined
}

export const tap = <E>(service: Service<E>, taps: TapOptions<E>): Service<E> => ({
  model: service.model,
  open: (request) =>
    Effect.flatMap(Effect.scope, (scope) => {
      const { onDeltas, onEnd, onError, onRequest } = taps
      let settled = onEnd === undefined && onError === undefined
      const end = (finish: Finish | undefined): Effect.Effect<void> =>
        Effect.suspend(() => {
          if (settled) return Effect.void
          settled = true
          return isolated(onEnd, { request, finish })
        })
      const fail = (error: E): Effect.Effect<void> =>
        Effect.suspend(() => {
          if (settled) return Effect.void
          settled = true
          return isolated(onError, { request, error })
        })
      const watched = (pull: Pull<E>): Pull<E> =>
        Effect.matchEffect(pull, {
          onFailure: (last): Pull<E> =>
            Option.isSome(last)
              ? Effect.zipRight(fail(last.value), Effect.fail(last))
              : Effect.zipRight(end(undefined), ended),
          onSuccess: (deltas): Pull<E> => {
            const finish = settled ? undefined : finishOf(deltas)
            const seen = onDeltas === undefined ? undefined : isolated(onDeltas, { request, deltas })
            const over = finish === undefined ? undefined : end(finish)
            if (seen === undefined && over === undefined) return Effect.succeed(deltas)
            return Effect.as(Effect.zipRight(seen ?? Effect.void, over ?? Effect.void), deltas)
          }
        })
      const opened = Effect.tapError(service.open(request), fail)
      return isolated(onRequest, { request }).pipe(
        // Whoever lets go of an answer in the middle ends it, too.
        Effect.zipRight(settled ? Effect.void : Scope.addFinalizer(scope, end(undefined))),
        Effect.zipRight(onDeltas === undefined && settled ? opened : Effect.map(opened, watched))
      )
    })
})

// internal

const isolated = <At>(watch: ((at: At) => Effect.Effect<void>) | undefined, at: At): Effect.Effect<void> =>
  watch === undefined
    ? Effect.void
    : Effect.catchAllCause(
        Effect.suspend(() => watch(at)),
        (cause) =>
          Cause.isInterruptedOnly(cause)
            ? Effect.failCause(cause)
            : Effect.logWarning("A tap of a transport died; the answer goes on.", cause)
      )
