import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { lastOf } from "../../src/tool/internal/streaming.ts"

const pause = (times: number) => (times === 0 ? Effect.void : Effect.repeatN(Effect.yieldNow(), times * 8))

/** Elements of a stream: a number that may be the result, or one in a list, which is marked as none. */
const element = FastCheck.oneof(FastCheck.integer(), FastCheck.tuple(FastCheck.integer()))
const marked = (value: unknown) => (Array.isArray(value) ? Option.some<unknown>(value[0]) : Option.none<unknown>())

/** Chunks of elements, each with how long the stream waits before it; how long until it ends; how long showing takes. */
const course = FastCheck.record({
  chunks: FastCheck.array(FastCheck.tuple(FastCheck.nat(6), FastCheck.array(element, { maxLength: 4 })), {
    maxLength: 6
  }),
  showing: FastCheck.nat(4),
  end: FastCheck.nat(6)
})

const streamOf = (chunks: ReadonlyArray<readonly [number, ReadonlyArray<unknown>]>, end: number) =>
  Stream.concat(
    Stream.flatMap(Stream.fromIterable(chunks), ([wait, elements]) =>
      Stream.unwrap(Effect.as(pause(wait), Stream.fromChunk(Chunk.unsafeFromArray(elements))))
    ),
    Stream.drain(Stream.fromEffect(pause(end)))
  )

describe("Streaming", () => {
  it.effect.prop(
    "AM-18 the last value is answered, and all before it are shown once, in order, however they come",
    { course },
    ({ course: { chunks, end, showing } }) =>
      Effect.gen(function* () {
        const shown: Array<unknown> = []
        let underway = 0
        const last = yield* lastOf(streamOf(chunks, end), {
          show: (value) =>
            Effect.sync(() => {
              assert.strictEqual(underway++, 0)
              shown.push(value)
            }).pipe(Effect.zipRight(pause(showing)), Effect.zipRight(Effect.sync(() => void underway--))),
          marked
        })
        assert.strictEqual(underway, 0)
        const elements = chunks.flatMap(([, elements]) => elements)
        const newest = elements.at(-1)
        const isResult = newest !== undefined && Option.isNone(marked(newest))
        assert.deepStrictEqual(Option.getOrUndefined(last), isResult ? newest : undefined)
        const values = elements.map((value) => Option.getOrElse(marked(value), () => value))
        // Whether the result was also shown depends on how long its stream took to end.
        assert.deepStrictEqual(shown, isResult && shown.length < values.length ? values.slice(0, -1) : values)
        const endsAtOnce = end === 0 && chunks.at(-1)?.[1].length !== 0
        if (isResult && endsAtOnce) assert.strictEqual(shown.length, values.length - 1)
      }),
    { fastCheck: { numRuns: 40 } }
  )

  it.effect("CALL-8 what was not shown yet is shown when the stream fails or is interrupted", () =>
    Effect.gen(function* () {
      const shown: Array<unknown> = []
      const show = (value: unknown) => Effect.sync(() => void shown.push(value))
      const failing = Stream.concat(Stream.make(1, 2), Stream.fail("torn"))
      assert.strictEqual(yield* Effect.flip(lastOf(failing, { show, marked })), "torn")
      assert.deepStrictEqual(shown.splice(0), [1, 2])
      const interrupted = Stream.concat(Stream.make(1, 2), Stream.fromEffect(Effect.interrupt))
      yield* Effect.exit(lastOf(interrupted, { show, marked }))
      assert.deepStrictEqual(shown, [1, 2])
    })
  )

  it.effect("RUN-3 interrupting it while a value is being shown closes the stream and leaves nothing", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      let closed = 0
      let stopped = 0
      const stream = Stream.ensuring(
        Stream.concat(Stream.make(1), Stream.never),
        Effect.sync(() => closed++)
      )
      const show = () =>
        Effect.onInterrupt(Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never), () =>
          Effect.sync(() => stopped++)
        )
      const fiber = yield* Effect.fork(lastOf(stream, { show, marked }))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([closed, stopped], [1, 1])
    })
  )
})
