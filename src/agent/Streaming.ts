/**
 * A run as the stream of its events: the run belongs to the stream, and goes only so far ahead of who reads it.
 */
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { Sink } from "./Run.ts"

/**
 * The events of something that writes them, which belongs to the stream. It is forked in an uninterruptible region, and says
 * itself when it may be interrupted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E, R>(loop: (sink: Sink) => Effect.Effect<unknown, E, R>): Stream.Stream<AgentEvent, E, R> =>
  Stream.fromChannel(
    Channel.acquireUseRelease(
      // Bounded by `paceOf`: one without any bound copies what is in it for every batch.
      Effect.flatMap(Mailbox.make<AgentEvent, E>(Number.MAX_SAFE_INTEGER), (mailbox) => {
        const pace = paceOf()
        const writing = loop((events) => {
          // Events are there at once, so that a writer that is stopped while it waits, or before, takes none back.
          mailbox.unsafeOfferAll(events)
          return pace.written(events.length)
        })
        const written = Effect.onExit(writing, (exit) => mailbox.done(Exit.asVoid(exit)))
        return Effect.map(Effect.uninterruptible(Effect.forkDaemon(written)), (fiber) => ({ fiber, mailbox, pace }))
      }),
      ({ mailbox, pace }) => reading(Effect.tap(mailbox.takeAll, ([events]) => pace.read(events.length))),
      // Nobody reads any more, and the loop must not wait for anybody: that first.
      ({ fiber, mailbox, pace }) =>
        Effect.zipRight(Effect.zipRight(mailbox.shutdown, pace.close), Effect.flatMap(Fiber.interrupt(fiber), defects))
    )
  )

// internal

/** What died while a run was cancelled, which nobody else would hear of. */
const defects = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Exit.isFailure(exit) && Cause.isInterrupted(exit.cause)
    ? Option.match(Cause.keepDefects(exit.cause), { onNone: () => Effect.void, onSome: Effect.failCause })
    : Effect.void

/** How many events may wait for their reader before a run waits, too. */
const ahead = 4096

/** Keeps writers from running ahead of the reader, without a say in what is written or in which order. */
const paceOf = () => {
  const waiting = new Set<() => void>()
  let [unread, isClosed] = [0, false]
  const go = (): void => {
    for (const resume of waiting) resume()
    waiting.clear()
  }
  const caughtUp = Effect.async<void>((resume) => {
    const done = () => resume(Effect.void)
    if (isClosed || unread <= ahead) return done()
    waiting.add(done)
    return Effect.sync(() => void waiting.delete(done))
  })
  return {
    written: (count: number): Effect.Effect<void> | undefined => {
      unread += count
      return isClosed || unread <= ahead ? undefined : caughtUp
    },
    read: (count: number): Effect.Effect<void> =>
      Effect.sync(() => {
        unread -= count
        if (unread <= ahead) go()
      }),
    close: Effect.sync(() => {
      isClosed = true
      go()
    })
  }
}

type Reading<E> = Channel.Channel<Chunk.Chunk<AgentEvent>, unknown, E, unknown, void>

/** All that is there, again and again, until nothing follows. */
const reading = <E>(takeAll: Effect.Effect<readonly [events: Chunk.Chunk<AgentEvent>, done: boolean], E>): Reading<E> =>
  Channel.flatMap(Channel.fromEffect(takeAll), ([events, done]): Reading<E> => {
    const written: Reading<E> = Chunk.isEmpty(events) ? Channel.void : Channel.write(events)
    return done ? written : Channel.zipRight(written, reading(takeAll))
  })
