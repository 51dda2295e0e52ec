/**
 * Work that is done at once while it is little, and otherwise in slices between which the process does other things.
 */
import * as Effect from "effect/Effect"

/** Bytes that are read or written at once: what a few hundred system calls for small files take. */
export const atOnceBytes = 256 * 1024

/** Bytes of one slice. */
export const sliceBytes = 1024 * 1024

/** Files that are looked at in one slice. */
export const sliceFiles = 500

/** Lets the process do what waits. */
export const pause: Effect.Effect<void> = Effect.async((resume) => {
  const waits = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(waits))
})

/** Calls what answers by callback, and is not left before it has: its descriptor is in use until then. */
export const answered = (
  call: (done: (cause: Error | null, bytes: number) => void) => void
): Effect.Effect<number, Error> =>
  Effect.uninterruptible(
    Effect.async<number, Error>((resume) =>
      call((cause, bytes) => resume(cause === null ? Effect.succeed(bytes) : Effect.fail(cause)))
    )
  )
