/**
 * A stream as a result: its last value is what it comes to, and everything before is shown on the way.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** How a stream is read. */
interface Reading {
  /** Shows a value while the stream goes on. */
  readonly show: (value: unknown) => Effect.Effect<void>
  /** What to show of an element that was marked as no result. */
  readonly marked: (element: unknown) => Option.Option<unknown>
}

/** The newest element, which may turn out to be the last. */
interface Newest {
  readonly value: unknown
  isShown: boolean
}

/**
 * Runs a stream to its end, showing its values as they come, and answers the last one, if there is one.
 *
 * An element is shown as soon as another follows it. Whether the newest one is the last cannot be known, so it is shown
 * when the stream makes us wait for more: nobody waits to see what is there, and a result that ends its stream at once is
 * not shown twice.
 */
export const lastOf = <E, R>(
  stream: Stream.Stream<unknown, E, R>,
  { marked, show }: Reading
): Effect.Effect<Option.Option<unknown>, E, R> =>
  Effect.scoped(
    Effect.suspend(() => {
      // One at a time, so that values are shown in the order in which they came.
      const turn = Effect.unsafeMakeSemaphore(1)
      let newest: Newest | undefined
      let isWatched = false

      const showNewest = Effect.suspend(() => {
        if (newest === undefined || newest.isShown) return Effect.void
        newest.isShown = true
        return show(newest.value)
      })
      const taken = (element: unknown): Effect.Effect<void> =>
        Effect.zipRight(
          showNewest,
          Effect.suspend(() => {
            const mark = marked(element)
            newest = Option.isSome(mark) ? undefined : { value: element, isShown: false }
            return Option.isSome(mark) ? show(mark.value) : Effect.void
          })
        )
      // A fiber of its own runs when this one waits, and not before.
      const whenWaiting = Effect.suspend(() => {
        if (isWatched || newest === undefined) return Effect.void
        isWatched = true
        const look = Effect.suspend(() => {
          isWatched = false
          return turn.withPermits(1)(showNewest)
        })
        return Effect.forkScoped(Effect.zipRight(Effect.yieldNow(), look))
      })
      return Stream.runForEachChunk(stream, (chunk) =>
        Effect.zipRight(
          turn.withPermits(1)(Effect.forEach(Chunk.toReadonlyArray(chunk), taken, { discard: true })),
          whenWaiting
        )
      ).pipe(
        Effect.onInterrupt(() => turn.withPermits(1)(showNewest)),
        Effect.zipRight(turn.withPermits(1)(Effect.sync(() => Option.fromNullable(newest)))),
        Effect.map(Option.map(({ value }) => value))
      )
    })
  )
