/**
 * The latest events of one run, for any number of readers that come and go. A reader is a position in the log and nothing
 * else: it replays from any event that is still kept, and one that is too slow is cut or skips, at no cost to the run and
 * the others. The log forgets from its beginning, so that a run that goes on for days does not fill the memory.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AgentEvent } from "../domain/AgentEvent.ts"

/**
 * A log that is being written.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventLog<E> {
  /** How many events are kept. */
  readonly retain: number
  /** A ring: the event number `n` stands at `n` modulo `retain`. */
  readonly events: Array<AgentEvent>
  /** The number of the next event, which is also how many there were. */
  next: number
  /** Readers that have read everything. */
  waiting: Set<() => void>
  end: Exit.Exit<unknown, E> | undefined
}

/**
 * How one reader reads.
 *
 * **Details**
 *
 * - `from`: the number of the first event to read, counted from 0 over all events of the run, those of nested runs included;
 *   0 when absent. One that is yet to come is waited for. Without nested runs it is the `sequence` of the event.
 * - `onLag`: what happens when the next event is no longer kept. `"fail"` (the default) ends this reader with
 *   `EventsLagged`. `"skip"` goes on at the oldest event that is kept: the gap shows in the `sequence` of each run. A function is told of
 *   the gap, and then the reader skips.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadOptions {
  readonly from?: number | undefined
  readonly onLag?: "fail" | "skip" | ((lagged: EventsLagged) => Effect.Effect<void>) | undefined
}

/**
 * A reader wanted an event that is no longer kept: it fell behind, or came too late. The run itself goes on.
 *
 * **Details**
 *
 * - `next`: the number of the event that the reader wanted; `oldest`: that of the first one that is still kept.
 *
 * @category errors
 * @since 0.1.0
 */
export class EventsLagged extends Schema.TaggedError<EventsLagged>()("EventsLagged", {
  next: Schema.Finite,
  oldest: Schema.Finite
}) {
  override get message(): string {
    return (
      `The reader wants event ${this.next}, and the oldest that is kept is ${this.oldest}. ` +
      `Read on from ${this.oldest}, set onLag to "skip", read faster, or keep more events with retain.`
    )
  }
}

/**
 * How many events are kept when nothing is said.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaultRetain = 65_536

/**
 * An empty log.
 *
 * **Details**
 *
 * - `retain`: a whole number of events, at least 1, or `Infinity` for all; 65,536 when absent.
 * - Errors: throws a `RangeError` for any other `retain`, which is a programming mistake.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E>(options?: { readonly retain?: number | undefined }): EventLog<E> => {
  const retain = options?.retain ?? defaultRetain
  if (retain !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(retain) && retain >= 1)) {
    throw new RangeError(`retain must be a whole number of events, at least 1, or Infinity; it is ${retain}`)
  }
  return { retain, events: [], next: 0, waiting: new Set(), end: undefined }
}

/**
 * Adds the next events, of the run and of those in it. Their numbers follow those of the events before.
 *
 * @category combinators
 * @since 0.1.0
 */
export const append = <E>(log: EventLog<E>, events: ReadonlyArray<AgentEvent>): void => {
  for (const event of events) log.events[log.next++ % log.retain] = event
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
 * The number of the oldest event that is kept.
 *
 * @category converters
 * @since 0.1.0
 */
export const oldest = <E>(log: EventLog<E>): number => Math.max(0, log.next - log.retain)

/**
 * The events from a number on, then those to come, then the failure of the run if there was one.
 *
 * **Details**
 *
 * - A reader holds at most 1,024 events at once, and takes the next ones when it has dealt with these. When it goes, the
 *   run goes on.
 * - Errors: those of the run, after its last event, for every reader whenever it comes; `EventsLagged` as `onLag` says. A
 *   `from` that is not a whole number from 0 on is a defect.
 *
 * @category converters
 * @since 0.1.0
 */
export const read = <E>(log: EventLog<E>, options?: ReadOptions): Stream.Stream<AgentEvent, E | EventsLagged> =>
  Stream.suspend(() => {
    const { from = 0, onLag = "fail" } = options ?? {}
    if (!(Number.isSafeInteger(from) && from >= 0)) {
      return Stream.die(new RangeError(`from must be a whole number, 0 or more; it is ${from}`))
    }
    let position = from
    const pull: Effect.Effect<Chunk.Chunk<AgentEvent>, Option.Option<E | EventsLagged>> = Effect.suspend(() => {
      const first = oldest(log)
      if (position < first) {
        const lagged = new EventsLagged({ next: position, oldest: first })
        if (onLag === "fail") return Effect.fail(Option.some(lagged))
        position = first
        return onLag === "skip" ? pull : Effect.zipRight(onLag(lagged), pull)
      }
      if (position < log.next) {
        const chunk = kept(log, position, Math.min(log.next, position + atOnce))
        position += chunk.length
        return Effect.succeed(Chunk.unsafeFromArray(chunk))
      }
      if (log.end === undefined) return Effect.zipRight(moved(log), pull)
      return Exit.isSuccess(log.end)
        ? Effect.fail(Option.none())
        : Effect.mapError(Effect.failCause(log.end.cause), Option.some)
    })
    return Stream.repeatEffectChunkOption(pull)
  })

// internal

/** How many events a reader takes at once, so that what it holds is bounded, too. */
const atOnce = 1024

/** The events of these numbers, which must be kept. They stand in one piece, or in two around the end of the ring. */
const kept = <E>({ events, retain }: EventLog<E>, from: number, to: number): ReadonlyArray<AgentEvent> => {
  const [start, end] = [from % retain, to % retain]
  return start < end ? events.slice(start, end) : [...events.slice(start), ...events.slice(0, end)]
}

const wake = <E>(log: EventLog<E>): void => {
  const { waiting } = log
  if (waiting.size === 0) return
  log.waiting = new Set()
  for (const resume of waiting) resume()
}

const moved = <E>(log: EventLog<E>): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    const { waiting } = log
    const done = () => resume(Effect.void)
    waiting.add(done)
    return Effect.sync(() => {
      waiting.delete(done)
    })
  })
