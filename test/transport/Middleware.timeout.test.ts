import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Supervisor from "effect/Supervisor"
import * as TestClock from "effect/TestClock"
import type { Step } from "../../src/testing/ScriptedTransport.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { delay, error, gate, reasoning, start, text } from "../../src/testing/ScriptedTransport.ts"
import * as Middleware from "../../src/transport/Middleware.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { answered, asked, hello } from "../support/middleware.ts"

/** A transport that accepts a request after a while. */
const slow = (accept: Step, steps: ReadonlyArray<Step>): ReturnType<typeof ScriptedTransport.make> => {
  const scripted = ScriptedTransport.make([steps])
  const wait = accept._tag === "Wait" ? accept.until : Effect.void
  const { transport } = scripted
  return { ...scripted, transport: { ...transport, open: (request) => Effect.zipLeft(transport.open(request), wait) } }
}

/** How it ends, and how many connections are open while its reader still holds the scope. */
const ended = (scripted: ReturnType<typeof ScriptedTransport.make>, options: Middleware.TimeoutOptions) =>
  Effect.gen(function* () {
    const self = Middleware.timeout(scripted.transport, options)
    let seen = ""
    const fiber = yield* Effect.fork(
      Effect.scoped(
        Effect.gen(function* () {
          const result = yield* Effect.either(
            Effect.flatMap(self.open(hello), (pull) =>
              Stream.repeatEffectOption(pull).pipe(
                Stream.runForEach((deltas) =>
                  Effect.sync(() => {
                    for (const delta of deltas) if (delta._tag === "TextDelta") seen += delta.delta
                  })
                )
              )
            )
          )
          const open = yield* scripted.openConnections
          return result._tag === "Left"
            ? [result.left.reason._tag, result.left.reason.code, result.left.replay, seen, open]
            : [seen, open]
        })
      )
    )
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

const seconds = {
  connect: "2 seconds",
  firstDelta: "5 seconds",
  betweenDeltas: "3 seconds",
  total: "20500 millis"
} as const

describe("Middleware.timeout", () => {
  it.effect("connect bounds the time until the request is accepted", () =>
    Effect.gen(function* () {
      const { connect } = seconds
      const scripted = slow(delay("3 seconds"), [text("late")])
      assert.deepStrictEqual(yield* ended(scripted, { connect }), ["Timeout", "connect", "unknown", "", 0])
      const inTime = slow(delay("1 second"), [text("in time", delay("1 minute"))])
      assert.deepStrictEqual(yield* ended(inTime, { connect }), ["in time", 1])
    })
  )

  it.effect("firstDelta bounds the time until something is shown", () =>
    Effect.gen(function* () {
      const { firstDelta } = seconds
      const scripted = slow(delay("1 second"), [start("r"), reasoning(""), delay("5 seconds"), text("late")])
      assert.deepStrictEqual(yield* ended(scripted, { firstDelta }), ["Timeout", "firstDelta", "unknown", "", 0])
      const inTime = slow(delay("1 second"), [start("r"), delay("3 seconds"), text("a", delay("1 minute"), "b")])
      assert.deepStrictEqual(yield* ended(inTime, { firstDelta }), ["ab", 1])
    })
  )

  it.effect("betweenDeltas bounds each gap after that", () =>
    Effect.gen(function* () {
      const { betweenDeltas } = seconds
      const steps = [
        delay("1 minute"),
        text("a", delay("2 seconds"), "b", delay("2 seconds"), "c", delay("4 seconds"), "d")
      ]
      assert.deepStrictEqual(yield* ended(ScriptedTransport.make([steps]), { betweenDeltas }), [
        "Timeout",
        "betweenDeltas",
        "acknowledged",
        "abc",
        0
      ])
    })
  )

  it.effect("betweenDeltas does not count the time of the reader", () =>
    Effect.gen(function* () {
      const { transport } = ScriptedTransport.make([[text("a", "b", "c")]], { deltasPerPull: 1 })
      const self = Middleware.timeout(transport, { betweenDeltas: "3 seconds" })
      const fiber = yield* Effect.fork(
        Transport.stream(hello).pipe(
          Stream.tap(() => Effect.sleep("10 seconds")),
          Stream.runCount,
          Effect.provideService(Transport.Transport, self)
        )
      )
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* Fiber.join(fiber), 7)
    })
  )

  it.effect("total bounds the whole, whoever is waiting for whom", () =>
    Effect.gen(function* () {
      const { total } = seconds
      const pieces = Array.from({ length: 30 }, () => [delay("1 second"), "x"]).flat()
      const scripted = ScriptedTransport.make([[text(...pieces)]])
      const cut = ["Timeout", "total", "acknowledged", "x".repeat(20), 0]
      assert.deepStrictEqual(yield* ended(scripted, { total }), cut)
      // The reader is away when the time is over: it is told when it comes back.
      const { openConnections, transport } = ScriptedTransport.make([[text("a", delay(0), "b")]])
      const self = Middleware.timeout(transport, { total })
      const away = yield* Effect.fork(
        Effect.scoped(
          Effect.gen(function* () {
            const pull = yield* self.open(hello)
            yield* pull
            yield* Effect.sleep("1 minute")
            assert.strictEqual(yield* openConnections, 0)
            const ends = [yield* Effect.flip(pull), yield* Effect.flip(pull)]
            return ends.map((end) => (end._tag === "Some" ? end.value.reason.message : "the end"))
          })
        )
      )
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* Fiber.join(away), [
        "The answer was not complete within 20500 ms (total).",
        "the end"
      ])
    })
  )

  it.effect("the bound that is passed first is named", () =>
    Effect.gen(function* () {
      const named = (scripted: ReturnType<typeof ScriptedTransport.make>) =>
        Effect.map(ended(scripted, seconds), ([, name]) => name)
      assert.strictEqual(yield* named(slow(delay("1 hour"), [text("a")])), "connect")
      assert.strictEqual(yield* named(ScriptedTransport.make([[start("r"), delay("1 hour")]])), "firstDelta")
      assert.strictEqual(yield* named(ScriptedTransport.make([[text("a", delay("1 hour"))]])), "betweenDeltas")
    })
  )

  it.effect("a failure in time is passed on, and the end of an answer stays the end", () =>
    Effect.gen(function* () {
      const failing = Middleware.timeout(ScriptedTransport.make([[error("Filtered")]]).transport, seconds)
      assert.strictEqual((yield* Effect.flip(asked(failing))).reason._tag, "Filtered")
      const broken = Middleware.timeout(ScriptedTransport.make([[text("a", error("Network"))]]).transport, seconds)
      assert.strictEqual((yield* Effect.flip(asked(broken))).reason._tag, "Network")
    })
  )

  it.effect("the end of an answer stays the end, whichever it was and however late it is asked for again", () =>
    Effect.gen(function* () {
      const ends = [
        [[text("a")], false],
        [[text("a")], true],
        [[text("a", error("Network"))], true],
        [[text("a", delay("1 hour"))], true]
      ] as const
      for (const [steps, again] of ends) {
        const self = Middleware.timeout(ScriptedTransport.make([steps]).transport, seconds)
        const reader = Effect.flatMap(self.open(hello), (pull) =>
          Effect.gen(function* () {
            yield* pull
            if (again) yield* Effect.flip(pull)
            yield* Effect.sleep("1 hour")
            // An option compared as a whole is equal to any other.
            return (yield* Effect.flip(pull))._tag
          })
        )
        const fiber = yield* Effect.fork(Effect.scoped(reader))
        yield* TestClock.adjust("2 hours")
        assert.strictEqual(yield* Fiber.join(fiber), "None")
      }
    })
  )

  it.effect("a transport that is deaf to interruptions is not waited for", () =>
    Effect.gen(function* () {
      const latch = yield* Deferred.make<void>()
      const deaf = Effect.uninterruptible(Deferred.await(latch))
      const self = Middleware.timeout(ScriptedTransport.make([[text("a", gate(deaf))]]).transport, {
        total: "1 second"
      })
      const told = yield* Deferred.make<string | undefined>()
      const reader = Effect.flatMap(self.open(hello), (pull) =>
        Effect.flatMap(Effect.flip(Effect.zipRight(pull, pull)), (end) =>
          Deferred.succeed(told, Option.getOrUndefined(end)?.reason.code)
        )
      )
      const fiber = yield* Effect.fork(Effect.scoped(reader))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Deferred.await(told), "total")
      yield* Deferred.succeed(latch, undefined)
      yield* Fiber.join(fiber)
    })
  )

  describe("RUN-3 no fiber is left", () => {
    /** How many fibers of the effect live on after it. */
    const left = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.gen(function* () {
        const supervisor = yield* Supervisor.track
        yield* Effect.either(Effect.supervised(effect, supervisor))
        // Alarms end in the background.
        yield* TestClock.adjust(0)
        return (yield* supervisor.value).filter((fiber) => fiber.unsafePoll() === null).length
      })

    it.effect.each([
      ["a whole answer", [text("a", "b")]],
      ["a refused request", [error("Overloaded")]],
      ["a broken answer", [text("a", error("Network"))]]
    ] as const)("after %s", ([, steps]) =>
      Effect.gen(function* () {
        const self = Middleware.timeout(ScriptedTransport.make([steps], { deltasPerPull: 1 }).transport, seconds)
        assert.strictEqual(yield* left(asked(self)), 0)
      })
    )

    it.effect("after an answer that was let go of between two pulls", () =>
      Effect.gen(function* () {
        const { openConnections, transport } = ScriptedTransport.make([[text("a", "b")]], { deltasPerPull: 1 })
        const self = Middleware.timeout(transport, seconds)
        assert.strictEqual(yield* left(Effect.scoped(Effect.flatten(self.open(hello)))), 0)
        assert.strictEqual(yield* openConnections, 0)
      })
    )

    it.effect("after an interruption, which reaches the transport", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const stuck = gate(Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push("interrupted"))))
        for (const steps of [[stuck, error("Network")], [start("r"), stuck], [text("a", stuck)]]) {
          const { openConnections, transport } = ScriptedTransport.make([steps])
          const interrupted = Effect.gen(function* () {
            const fiber = yield* Effect.fork(answered(Middleware.timeout(transport, seconds)))
            yield* TestClock.adjust("1 second")
            yield* Fiber.interrupt(fiber)
          })
          assert.deepStrictEqual([yield* left(interrupted), yield* openConnections], [0, 0])
        }
        assert.deepStrictEqual(log, ["interrupted", "interrupted", "interrupted"])
      })
    )
  })

  it.live("on the real clock it is a timer", () =>
    Effect.gen(function* () {
      const { openConnections, transport } = ScriptedTransport.make([[text("a", gate(Effect.never))]])
      const failure = yield* Effect.flip(asked(Middleware.timeout(transport, { betweenDeltas: "20 millis" })))
      assert.deepStrictEqual([failure.reason.code, yield* openConnections], ["betweenDeltas", 0])
    })
  )

  it("bounds nothing when nothing is asked for", () => {
    const { transport } = ScriptedTransport.make([])
    assert.strictEqual(Middleware.timeout(transport, {}), transport)
  })
})
