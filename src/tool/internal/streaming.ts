/**
 * A stream as a result: its last value is what it comes to, and everything before is shown on the way.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** How a stream is read. */
interface Reading {
  /** Shows a value while the stream goes on. */
  readonly show: (value: unknown) => Effect.Effect<void>
  /** What to show of an element that was marked as no result. */
  readonly marked: (element: unknown) => Option.Option<unknown>
}

/** As long as streams that are buffered or merged may take to say that they have ended, which is no time at all. */
const soon = Effect.repeatN(Effect.yieldNow(), 15)

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
      let newest: Newest | undefined
      let isWatched = false
      /** Closed while the newest element is being shown by the fiber beside this one. */
      let showing: Effect.Latch | undefined

      const showNewest = Effect.suspend(() => {
        if (newest === undefined || newest.isShown) return Effect.void
        newest.isShown = true
        return show(newest.value)
      })
      // What came later is shown later.
      const inOrder = Effect.suspend(() => showing?.await ?? Effect.void)
      const taken = (element: unknown): Effect.Effect<void> =>
        Effect.zipRight(
          showNewest,
          Effect.suspend(() => {
            const mark = marked(element)
            newest = Option.isSome(mark) ? undefined : { value: element, isShown: false }
            return Option.isSome(mark) ? show(mark.value) : Effect.void
          })
        )
      const look = Effect.suspend(() => {
        const latch = Effect.unsafeMakeLatch(false)
        isWatched = false
        showing = latch
        return Effect.ensuring(
          showNewest,
          Effect.suspend(() => {
            showing = undefined
            return latch.open
          })
        )
      })
      // A fiber of its own runs when this one waits, and not before.
      const whenWaiting = Effect.suspend(() => {
        if (isWatched || newest === undefined) return Effect.void
        isWatched = true
        return Effect.forkScoped(Effect.zipRight(soon, look))
      })
      const arrived = (chunk: Chunk.Chunk<unknown>): Effect.Effect<unknown, never, Scope.Scope> =>
        inOrder.pipe(
          Effect.zipRight(Effect.forEach(Chunk.toReadonlyArray(chunk), taken, { discard: true })),
          Effect.zipRight(whenWaiting)
        )
      // Pulled in this very fiber: a sink would run in another one, and its end would be news of later.
      return Effect.flatMap(Stream.toPull(stream), (pull) => {
        const rest: Effect.Effect<never, Option.Option<E>, R | Scope.Scope> = Effect.flatMap(pull, (chunk) =>
          Effect.flatMap(arrived(chunk), () => rest)
        )
        return rest.pipe(
          Effect.catchAll((end) => (Option.isSome(end) ? Effect.fail(end.value) : inOrder)),
          Effect.onError(() => showNewest),
          Effect.map(() => Option.map(Option.fromNullable(newest), ({ value }) => value))
        )
      })
    })
  )
