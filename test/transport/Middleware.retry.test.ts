import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import type { Step } from "../../src/testing/ScriptedTransport.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, cut, error, finish, gate, reasoning, start, text } from "../../src/testing/ScriptedTransport.ts"
import * as Middleware from "../../src/transport/Middleware.ts"
import type { Request, Service } from "../../src/transport/Transport.ts"
import type { Reason, ReasonTag, Replay } from "../../src/transport/TransportError.ts"
import { asked, hello, words } from "../support/middleware.ts"

const fine = [text("fine")]
const fineWords = ["ResponseStart:scripted", "PartStart:text", "TextDelta:fine", "PartEnd:text", "Finish:stop"]

/** Waits of one second, four times: what is retried is what this is about. */
const seconds = Middleware.retry({ schedule: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(4)) })

/** When each attempt was opened, in seconds, and what was seen. */
const played = (
  script: ReadonlyArray<ReadonlyArray<Step>>,
  retry: Middleware.Middleware = seconds,
  request: Request = hello
) =>
  Effect.gen(function* () {
    const opened: Array<number> = []
    const begun = yield* Clock.currentTimeMillis
    const note = gate(Effect.map(Clock.currentTimeMillis, (now) => opened.push((now - begun) / 1000)))
    const { openConnections, transport } = ScriptedTransport.make(script.map((steps) => [note, ...steps]))
    const fiber = yield* Effect.fork(Effect.either(asked(retry(transport), request)))
    yield* TestClock.adjust("1 hour")
    const result = yield* Fiber.join(fiber)
    assert.strictEqual(yield* openConnections, 0)
    return { opened, seen: result._tag === "Right" ? words(result.right) : result.left.reason }
  })

const scripted = (_tag: ReasonTag): Reason => ({ _tag, message: "scripted" })
const asking = (retryAfterMillis: number): Reason => ({ _tag: "RateLimited", message: "slow", retryAfterMillis })

describe("Middleware.retry", () => {
  it.effect.each(["RateLimited", "Overloaded", "Network", "Timeout"] as const)("WIRE-3 %s passes", (tag) =>
    Effect.map(played([[error(tag)], fine]), (run) => assert.deepStrictEqual(run, { opened: [0, 1], seen: fineWords }))
  )

  it.effect.each(["Authentication", "InvalidRequest", "ContextOverflow", "Filtered", "Malformed"] as const)(
    "WIRE-3 TR-22 %s is not retried",
    (tag) =>
      Effect.map(played([[error(tag)]]), (run) => assert.deepStrictEqual(run, { opened: [0], seen: scripted(tag) }))
  )

  it.effect("a spent quota is not waited for", () =>
    Effect.gen(function* () {
      const reason: Reason = { _tag: "RateLimited", message: "Add credits.", permanent: true }
      assert.deepStrictEqual(yield* played([[error(reason)]]), { opened: [0], seen: reason })
    })
  )

  describe("what was shown", () => {
    it.effect.each([
      ["a response that only began", [start("r")]],
      ["a part that only began", [start("r"), { _tag: "Delta", delta: { _tag: "PartStart", index: 0, kind: "text" } }]],
      ["reasoning that cannot be read", [reasoning("", { scripted: { encrypted: "x" } })]]
    ] as const)("TR-20 %s is not: the attempt leaves no trace", ([, steps]) =>
      Effect.map(played([[...steps, error("Overloaded", "safe")], fine]), (run) =>
        assert.deepStrictEqual(run, { opened: [0, 1], seen: fineWords })
      )
    )

    it.effect.each([
      ["text", [text("half")]],
      ["reasoning", [reasoning("Hm.")]],
      ["a call", [call("1", "rm")]]
    ] as const)("TR-20 WIRE-3 %s is: a later failure is the answer's", ([, steps]) =>
      Effect.map(played([[...steps, error("Overloaded", "safe")]]), (run) =>
        assert.deepStrictEqual(run, { opened: [0], seen: scripted("Overloaded") })
      )
    )

    it.effect("an answer that ends with an error before that is retried", () =>
      Effect.map(played([[start("r"), finish("error")], fine]), (run) =>
        assert.deepStrictEqual(run, { opened: [0, 1], seen: fineWords })
      )
    )

    it.effect("an answer that breaks off without a word is retried", () =>
      Effect.map(played([[cut], [start("r"), cut], fine]), (run) =>
        assert.deepStrictEqual(run, { opened: [0, 1, 2], seen: fineWords })
      )
    )

    it.effect("an empty answer is one", () =>
      Effect.map(played([[finish("stop")]]), (run) =>
        assert.deepStrictEqual(run.seen, ["ResponseStart:scripted", "Finish:stop"])
      )
    )

    it.effect("RUN-7 the last attempt's end is passed on as it is, with its usage", () =>
      Effect.map(played([[finish("error")]], Middleware.retry({ times: 0 })), (run) =>
        assert.deepStrictEqual(run.seen, ["ResponseStart:scripted", "Finish:error"])
      )
    )
  })

  it.effect("after the last failure the answer is over, whatever the transport would say", () =>
    Effect.gen(function* () {
      const failure = ScriptedTransport.error("Authentication")
      const { transport } = ScriptedTransport.make([[start("r"), failure]])
      const stubborn: Service = {
        ...transport,
        open: (request) =>
          Effect.flatMap(transport.open(request), (pull) =>
            Effect.map(Effect.zipRight(pull, Effect.flip(pull)), (end) => Effect.fail(end))
          ).pipe(Effect.orDie)
      }
      const ends = yield* Effect.scoped(
        Effect.flatMap(seconds(stubborn).open(hello), (pull) => Effect.all([Effect.flip(pull), Effect.flip(pull)]))
      )
      assert.deepStrictEqual(
        ends.map(({ _tag }) => _tag),
        ["Some", "None"]
      )
    })
  )

  describe("TR-21 replay", () => {
    const vendorRun: Request = {
      ...hello,
      tools: [{ name: "search", inputSchema: {}, provider: { id: "v.search", name: "search", args: {} } }]
    }
    const table: ReadonlyArray<readonly [Replay, "safe" | "unknown" | undefined, Request, boolean]> = [
      ["safe", undefined, hello, true],
      ["safe", undefined, vendorRun, true],
      ["safe", "safe", hello, true],
      ["unknown", undefined, hello, true],
      ["unknown", undefined, vendorRun, false],
      ["unknown", "unknown", vendorRun, true],
      ["unknown", "safe", hello, false],
      ["acknowledged", undefined, hello, false],
      ["acknowledged", "unknown", hello, false]
    ]
    it.effect.each(table)("%s with replay %s", ([replay, option, request, again]) =>
      Effect.gen(function* () {
        const retry = Middleware.retry({ schedule: Schedule.spaced("1 second"), replay: option })
        const run = yield* played([[error("Network", replay)], fine], retry, request)
        assert.deepStrictEqual(run, { opened: again ? [0, 1] : [0], seen: again ? fineWords : scripted("Network") })
      })
    )
  })

  describe("waits", () => {
    const always = (times: number, tag: ReasonTag = "Overloaded") => Array.from({ length: times }, () => [error(tag)])

    it.effect("three times and exponentially unless said, each a little off", () =>
      Effect.gen(function* () {
        const { opened, seen } = yield* played(always(4), Middleware.retry())
        const waits = opened.slice(1).map((at, index) => at - (opened[index] ?? 0))
        assert.deepStrictEqual([waits.length, seen], [3, scripted("Overloaded")])
        waits.forEach((wait, index) => assert.closeTo(wait, 0.5 * 2 ** index, 0.1 * 2 ** index + 0.001))
      }).pipe(Effect.withRandom(Random.make("seed")))
    )

    it.effect("times 0 sends a request once", () =>
      Effect.map(played(always(1), Middleware.retry({ times: 0 })), ({ opened }) => assert.deepStrictEqual(opened, [0]))
    )

    it.effect("the waits of a schedule are cut to the longest that is allowed", () =>
      Effect.gen(function* () {
        const retry = Middleware.retry({
          schedule: Schedule.exponential("10 seconds"),
          times: 4,
          maxDelay: "30 seconds"
        })
        assert.deepStrictEqual((yield* played(always(5), retry)).opened, [0, 10, 30, 60, 90])
      })
    )

    it.effect("WIRE-4 what the vendor asks is the least, and asked anew each time", () =>
      Effect.gen(function* () {
        const run = yield* played([[error(asking(7000))], [error("Overloaded")], [error(asking(500))], fine])
        assert.deepStrictEqual(run, { opened: [0, 7, 8, 9], seen: fineWords })
      })
    )

    it.effect("WIRE-4 what the vendor asks for too long is not waited for", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* played([[error(asking(60_000))], fine])).opened, [0, 60])
        assert.deepStrictEqual(yield* played([[error(asking(60_001))]]), { opened: [0], seen: asking(60_001) })
      })
    )

    it.effect("AA-20 by kind: rate limits exponentially, trouble linearly, slowness steadily", () =>
      Effect.gen(function* () {
        const patient = Middleware.retry({ schedule: Middleware.schedulePatient })
        const opened = (tag: ReasonTag) => Effect.map(played(always(7, tag), patient), (run) => run.opened)
        assert.deepStrictEqual(yield* opened("RateLimited"), [0, 1, 3, 7, 15, 31])
        assert.deepStrictEqual(yield* opened("Overloaded"), [0, 2, 6, 12])
        assert.deepStrictEqual(yield* opened("Timeout"), [0, 1, 2])
      })
    )

    it.effect("AA-20 every kind has a count of its own, and delays are capped", () =>
      Effect.gen(function* () {
        const schedule = Middleware.scheduleByReason({
          RateLimited: Schedule.intersect(Schedule.exponential("50 seconds"), Schedule.recurs(2)),
          Timeout: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(1))
        })
        const script = [[error("RateLimited")], [error("Timeout")], [error("RateLimited")], [error("Timeout")]]
        const run = yield* played(script, Middleware.retry({ schedule }))
        assert.deepStrictEqual(run, { opened: [0, 50, 51, 111], seen: scripted("Timeout") })
        assert.deepStrictEqual((yield* played([[error("Network")]], Middleware.retry({ schedule }))).opened, [0])
      })
    )

    it.effect("an interruption ends the wait, and nothing more is asked", () =>
      Effect.gen(function* () {
        const { requests, transport } = ScriptedTransport.make(always(9))
        const fiber = yield* Effect.fork(asked(seconds(transport)))
        yield* TestClock.adjust("1500 millis")
        yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* requests).length, 2)
      })
    )
  })
})
