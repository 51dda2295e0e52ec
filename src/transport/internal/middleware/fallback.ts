/**
 * An ordered list of transports: the next is asked when one fails before anything of its answer was shown.
 */
import * as Effect from "effect/Effect"
import * as Opening from "./opening.ts"
import type { ErrorOf, Failed, Replay, Service } from "./port.ts"

export interface FallbackOptions<E> {
  /** For which errors the next is asked. Default: for all, since what one vendor refuses another may take. */
  readonly retryOn?: ((error: E) => boolean) | undefined
}

export const fallback = <E extends Failed>(
  services: readonly [Service<E>, ...ReadonlyArray<Service<E>>],
  { retryOn = () => true }: FallbackOptions<E>,
  errorOf: ErrorOf<E>
): Service<E> => ({
  model: services[0].model,
  open: (request) =>
    Effect.suspend(() => {
      const errors: Array<E> = []
      const current = (): Service<E> => services[errors.length] ?? services[0]
      return Opening.open({
        connect: Effect.suspend(() => current().open(request)),
        errorOf: (failure, replay) => errorOf(current().model, failure, replay),
        recover: (error) => {
          const goOn = retryOn(error)
          errors.push(error)
          if (goOn && errors.length < services.length) return Effect.void
          const telling = goOn ? mostTelling(errors, error) : error
          return Effect.fail(errors.length === 1 ? error : chain(errors, telling, errorOf))
        }
      })
    })
})

// internal

/** The failure by which to act: one that may pass, then one that a shorter conversation cures, then the last. */
const mostTelling = <E extends Failed>(errors: ReadonlyArray<E>, last: E): E =>
  errors.findLast((error) => error.isRetryable) ??
  errors.findLast((error) => error.reason._tag === "ContextOverflow") ??
  last

const chain = <E extends Failed>(errors: ReadonlyArray<E>, telling: E, errorOf: ErrorOf<E>): E => {
  const each = errors.map(({ model, reason, vendor }) => `${vendor} ${model}: ${reason._tag}: ${reason.message}`)
  // Another try is worth it as soon as the first of them can be asked again.
  const waits = errors.flatMap((error) => (error.isRetryable ? [error.reason.retryAfterMillis ?? 0] : []))
  const retryAfterMillis = waits.length === 0 ? 0 : Math.min(...waits)
  const { retryAfterMillis: _, ...reason } = telling.reason
  return errorOf(
    { vendor: telling.vendor, id: telling.model },
    {
      ...reason,
      message: `All ${errors.length} transports that were asked failed. ${each.join("; ")}.`,
      ...(retryAfterMillis === 0 ? undefined : { retryAfterMillis })
    },
    riskiest(errors)
  )
}

const riskiest = (errors: ReadonlyArray<Failed>): Replay => {
  const replays = new Set(errors.map((error) => error.replay))
  return replays.has("acknowledged") ? "acknowledged" : replays.has("unknown") ? "unknown" : "safe"
}
