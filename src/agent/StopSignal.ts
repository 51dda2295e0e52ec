/**
 * How a run is asked to stop. A stop signal is an effect that completes when the run should stop; the run then ends with
 * reason `stopped`, its history whole and its usage kept. Cancelling is something else: it interrupts the fiber.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * Completes when the run should stop. It is watched while the run lasts and interrupted with it.
 *
 * @category models
 * @since 0.1.0
 */
export type StopSignal = Effect.Effect<void>

/**
 * Asks again and again, on the Clock, whether to stop. A check that fails or dies is logged, and asking goes on.
 *
 * **Details**
 *
 * - `interval`: 3 seconds unless given; the first check is made at once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const poll = (
  check: Effect.Effect<boolean, unknown>,
  options?: { readonly interval?: Duration.DurationInput | undefined }
): StopSignal => {
  const interval = Duration.decode(options?.interval ?? "3 seconds")
  const asked = Effect.catchAllCause(
    Effect.suspend(() => check),
    (cause) => Effect.as(Effect.logWarning("The stop signal failed; the run goes on", cause), false)
  )
  const loop: StopSignal = Effect.flatMap(asked, (stop) =>
    stop ? Effect.void : Effect.zipRight(Effect.sleep(interval), loop)
  )
  return loop
}

/**
 * Stops when the deferred is completed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromDeferred = (deferred: Deferred.Deferred<void>): StopSignal => Deferred.await(deferred)

/**
 * Stops when an `AbortSignal` of the platform is aborted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromAbortSignal = (signal: AbortSignal): StopSignal =>
  Effect.async<void>((resume) => {
    if (signal.aborted) return resume(Effect.void)
    const done = () => resume(Effect.void)
    signal.addEventListener("abort", done, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", done))
  })
