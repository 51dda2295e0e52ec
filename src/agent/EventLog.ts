/**
 * The events of one run, kept from the first to the last, for any number of readers that come and go. A reader is a
 * position in the log and nothing else, so a slow one costs the others nothing and misses nothing.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { AgentEvent } from "../domain/AgentEvent.ts"

/**
 * A log that is being written.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventLog<E> {
  readonly events: Array<AgentEvent>
  readonly waiting: Set<() => void>
  end: Exit.Exit<unknown, E> | undefined
}

/**
 * An empty log.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E>(): EventLog<E> => ({ events: [], waiting: new Set(), end: undefined })

/**
 * Adds events.
 *
 * @category combinators
 * @since 0.1.0
 */
export const append = <E>(log: EventLog<E>, events: ReadonlyArray<AgentEvent>): void => {
  for (const event of events) log.events.push(event)
  wake(log)
}

/**
 * Says that nothing follows, and how the run ended.
 *
 * @category combinators
 * @since 0.1.0
 */
export const close = <E>(log: EventLog<E>, end: Exit.Exit<unknown, E>): void => {
  log.end = end
  wake(log)
}

/**
 * All events from the first on, then those to come, then the failure if there was one.
 *
 * @category converters
 * @since 0.1.0
 */
export const read = <E>(log: EventLog<E>): Stream.Stream<AgentEvent, E> =>
  Stream.suspend(() => {
    let position = 0
    const pull: Effect.Effect<Chunk.Chunk<AgentEvent>, Option.Option<E>> = Effect.suspend(() => {
      if (position < log.events.length) {
        const chunk = Chunk.unsafeFromArray(log.events.slice(position))
        position = log.events.length
        return Effect.succeed(chunk)
      }
      if (log.end === undefined) return Effect.zipRight(moved(log), pull)
      return Exit.isSuccess(log.end) ? Effect.fail(Option.none()) : Effect.mapError(log.end, Option.some)
    }) as Effect.Effect<Chunk.Chunk<AgentEvent>, Option.Option<E>>
    return Stream.repeatEffectChunkOption(pull)
  })

// internal

const wake = <E>(log: EventLog<E>): void => {
  const waiting = [...log.waiting]
  log.waiting.clear()
  for (const resume of waiting) resume()
}

const moved = <E>(log: EventLog<E>): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    const done = () => resume(Effect.void)
    log.waiting.add(done)
    return Effect.sync(() => {
      log.waiting.delete(done)
    })
  })
