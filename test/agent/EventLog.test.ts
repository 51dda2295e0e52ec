import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as EventLog from "../../src/agent/EventLog.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { RunId } from "../../src/domain/Ids.ts"
import { numRuns } from "../support/generated.ts"

const run = RunId.make("run_1")
const event = (sequence: number): AgentEvent => ({
  ...{ _tag: "TextDelta", run, turn: 1, sequence, agent: "a", index: 0, delta: `${sequence}` }
})
/** The numbers from one up to another, that one excluded. */
const range = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)

const write = <E>(log: EventLog.EventLog<E>, count: number): void =>
  EventLog.append(log, range(log.next, log.next + count).map(event))

/** The numbers that a reader gets, and how it ends. */
const numbers = <E>(stream: Stream.Stream<AgentEvent, E>) => {
  const seen: Array<number> = []
  return Effect.map(
    Effect.exit(Stream.runForEach(stream, ({ sequence }) => Effect.sync(() => seen.push(sequence)))),
    (exit) => ({
      seen,
      end: Exit.isSuccess(exit) ? "end" : Cause.squash(exit.cause)
    })
  )
}

const lets = Effect.repeatN(Effect.yieldNow(), 9)

/** A log that a failed run left. */
const ended = (options: { readonly retain?: number }, count: number) => {
  const log = EventLog.make<string>(options)
  write(log, count)
  EventLog.close(log, Exit.fail("boom"))
  return log
}

describe("EventLog", () => {
  it.effect("AG-04 every reader gets all, whenever it comes, and the failure", () =>
    Effect.gen(function* () {
      const log = EventLog.make<string>()
      const early = yield* Effect.forkAll(Array.from({ length: 3 }, () => numbers(EventLog.read(log))))
      for (const count of [1, 2, 0, 2000]) {
        write(log, count)
        yield* lets
      }
      EventLog.close(log, Exit.fail("boom"))
      const late = yield* numbers(EventLog.read(log))
      assert.deepStrictEqual(late, { seen: [...range(0, 2003)], end: "boom" })
      assert.deepStrictEqual(yield* Fiber.join(early), [late, late, late])
      assert.deepStrictEqual(yield* numbers(EventLog.read(log)), late)
    })
  )

  it.effect("AG-07 a replay from any number is the live events from there", () =>
    Effect.gen(function* () {
      const log = EventLog.make<never>()
      const live = yield* Effect.fork(numbers(EventLog.read(log, { from: 4 })))
      yield* lets
      write(log, 3)
      yield* lets
      write(log, 5)
      EventLog.close(log, Exit.void)
      assert.deepStrictEqual(yield* numbers(EventLog.read(log, { from: 4 })), { seen: [4, 5, 6, 7], end: "end" })
      assert.deepStrictEqual(yield* Fiber.join(live), { seen: [4, 5, 6, 7], end: "end" })
      assert.deepStrictEqual(yield* numbers(EventLog.read(log, { from: 8 })), { seen: [], end: "end" })
      assert.deepStrictEqual(yield* numbers(EventLog.read(log, { from: 99 })), { seen: [], end: "end" })
    })
  )

  it.effect("TR-30 no more is kept than it was told", () =>
    Effect.gen(function* () {
      const log = ended({ retain: 10 }, 1003)
      assert.strictEqual(log.events.length, 10)
      assert.strictEqual(EventLog.oldest(log), 993)
      assert.deepStrictEqual(yield* numbers(EventLog.read(log, { from: 993 })), {
        seen: [...range(993, 1003)],
        end: "boom"
      })
      const lagged = new EventLog.EventsLagged({ next: 992, oldest: 993 })
      assert.deepStrictEqual(yield* numbers(EventLog.read(log, { from: 992 })), { seen: [], end: lagged })
      assert.include(lagged.message, "Read on from 993")
    })
  )

  it.effect("AG-04 TR-30 a slow reader is cut, and nobody else notices", () =>
    Effect.gen(function* () {
      const log = EventLog.make<never>({ retain: 8 })
      const gate = yield* Deferred.make<void>()
      const slow = yield* Effect.fork(numbers(Stream.tap(EventLog.read(log), () => Deferred.await(gate))))
      const quick = yield* Effect.fork(numbers(EventLog.read(log)))
      for (const _ of range(0, 20)) {
        write(log, 1)
        yield* lets
      }
      EventLog.close(log, Exit.void)
      // The quick one has everything before the slow one goes on.
      assert.deepStrictEqual(yield* Fiber.join(quick), { seen: [...range(0, 20)], end: "end" })
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(slow), {
        seen: [0],
        end: new EventLog.EventsLagged({ next: 1, oldest: 12 })
      })
    })
  )

  it.effect("a reader that skips goes on at the oldest, and may be told", () =>
    Effect.gen(function* () {
      const log = ended({ retain: 4 }, 10)
      const told: Array<EventLog.EventsLagged> = []
      const rest = { seen: [6, 7, 8, 9], end: "boom" }
      assert.deepStrictEqual(yield* numbers(EventLog.read(log, { onLag: "skip" })), rest)
      const telling = (lagged: EventLog.EventsLagged) => Effect.sync(() => void told.push(lagged))
      assert.deepStrictEqual(yield* numbers(EventLog.read(log, { from: 2, onLag: telling })), rest)
      assert.deepStrictEqual(told, [new EventLog.EventsLagged({ next: 2, oldest: 6 })])
    })
  )

  it.effect("a reader that goes leaves nothing behind", () =>
    Effect.gen(function* () {
      const log = EventLog.make<never>()
      const other = yield* Effect.fork(numbers(EventLog.read(log)))
      const readers = yield* Effect.forEach(range(0, 5), () => Effect.fork(numbers(EventLog.read(log))))
      yield* lets
      assert.strictEqual(log.waiting.size, 6)
      yield* Fiber.interruptAll(readers)
      assert.strictEqual(log.waiting.size, 1)
      write(log, 1)
      EventLog.close(log, Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(other), { seen: [0], end: "end" })
    })
  )

  it.effect("TR-30 a reader holds a bounded number of events", () =>
    Effect.gen(function* () {
      const chunks = yield* Stream.runCollect(Stream.chunks(Stream.take(EventLog.read(ended({}, 5000)), 5000)))
      assert.isAtMost(Math.max(...Chunk.toReadonlyArray(Chunk.map(chunks, Chunk.size))), 1024)
    })
  )

  it("what it cannot keep is a mistake", () => {
    for (const retain of [0, -1, 1.5, Number.NaN]) assert.throws(() => EventLog.make({ retain }), RangeError)
    assert.strictEqual(EventLog.make({ retain: Number.POSITIVE_INFINITY }).retain, Number.POSITIVE_INFINITY)
  })

  it.effect("a number that is none is a mistake", () =>
    Effect.gen(function* () {
      for (const from of [-1, 0.5, Number.NaN]) {
        const { end } = yield* numbers(EventLog.read(EventLog.make<never>(), { from }))
        assert.instanceOf(end, RangeError)
      }
    })
  )

  // However writing and reading interleave: in order, without a gap, or cut with the right numbers.
  it.effect.prop(
    "TR-30 readers see a run of the events, or say where it broke",
    {
      retain: FastCheck.constantFrom(1, 2, 3, 7, 16, Number.POSITIVE_INFINITY),
      batches: FastCheck.array(FastCheck.integer({ min: 0, max: 9 }), { maxLength: 20 }),
      readers: FastCheck.array(
        FastCheck.record({
          from: FastCheck.integer({ min: 0, max: 12 }),
          pause: FastCheck.integer({ min: 0, max: 4 }),
          skips: FastCheck.boolean()
        }),
        { maxLength: 5 }
      )
    },
    ({ batches, readers, retain }) =>
      Effect.gen(function* () {
        const log = EventLog.make<string>({ retain })
        const fibers = yield* Effect.forEach(readers, ({ from, pause, skips }) =>
          EventLog.read(log, { from, onLag: skips ? "skip" : "fail" }).pipe(
            Stream.tap(() => (pause === 0 ? Effect.void : Effect.repeatN(Effect.yieldNow(), pause - 1))),
            numbers,
            Effect.fork
          )
        )
        for (const count of batches) {
          write(log, count)
          yield* Effect.yieldNow()
        }
        EventLog.close(log, Exit.fail("boom"))
        const total = log.next
        for (const [index, { end, seen }] of (yield* Effect.forEach(fibers, Fiber.join)).entries()) {
          const { from = 0, skips } = readers[index] ?? {}
          if (end instanceof EventLog.EventsLagged) {
            assert.isFalse(skips)
            assert.isBelow(end.next, end.oldest)
            assert.deepStrictEqual(seen, [...range(from, end.next)])
          } else {
            assert.strictEqual(end, "boom")
            if (skips === true)
              assert.deepStrictEqual(
                seen,
                [...new Set(seen)].sort((left, right) => left - right)
              )
            else assert.deepStrictEqual(seen, [...range(from, total)])
            // The last events are there for everyone, however slow.
            const last = range(Math.max(from, total - Math.min(retain, total)), total)
            assert.deepStrictEqual(seen.slice(seen.length - last.length), [...last])
          }
        }
      }),
    { fastCheck: { numRuns: numRuns(80) } }
  )
})
