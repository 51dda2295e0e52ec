import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Message from "../../src/domain/Message.ts"
import type { Step } from "../../src/testing/ScriptedTransport.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { cut, delay, error, finish, gate, text, usage } from "../../src/testing/ScriptedTransport.ts"
import * as Middleware from "../../src/transport/Middleware.ts"
import * as Transport from "../../src/transport/Transport.ts"
import type { ReasonTag } from "../../src/transport/TransportError.ts"
import { answered, asked, hello } from "../support/middleware.ts"

const asking = (content: string) => Transport.request({ messages: [Message.user(content)] })

/** A transport that notes which requests it was sent, and when, in seconds; it answers by the script. */
const noting = (script: (index: number) => ReadonlyArray<Step>) => {
  const sent: Array<string> = []
  const scripted = ScriptedTransport.make((request, index) => [
    gate(
      Effect.map(Clock.currentTimeMillis, (now) =>
        sent.push(`${request.messages.map(Message.toText).join("")}@${now / 1000}`)
      )
    ),
    ...script(index)
  ])
  return { ...scripted, sent }
}

/** Asks for each in this order, each in a fiber of its own. */
const all = (self: Transport.Service, contents: ReadonlyArray<string>) =>
  Effect.forEach(contents, (content) =>
    Effect.zipLeft(Effect.fork(Effect.either(asked(self, asking(content)))), TestClock.adjust(0))
  )

const abc = ["a", "b", "c", "d", "e"]

describe("Middleware.concurrency", () => {
  it.effect("never more than so many answers are open, and places are given in order", () =>
    Effect.gen(function* () {
      let peak = 0
      const { openConnections, sent, transport } = noting(() => [
        gate(
          Effect.map(
            Effect.suspend(() => openConnections),
            (open) => {
              peak = Math.max(peak, open)
            }
          )
        ),
        text("x"),
        delay("10 seconds")
      ])
      yield* all(Middleware.concurrency(transport, 2), abc)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([sent, peak], [["a@0", "b@0", "c@10", "d@10", "e@20"], 2])
      assert.strictEqual(yield* openConnections, 0)
    })
  )

  it.effect("a place is held until the scope of the answer closes, not until its last delta", () =>
    Effect.gen(function* () {
      const { sent, transport } = noting(() => [text("x")])
      const self = Middleware.concurrency(transport, 1)
      const first = yield* Effect.fork(
        Effect.scoped(Effect.zipRight(Effect.flatten(self.open(asking("a"))), Effect.never))
      )
      yield* all(self, ["b"])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(sent, ["a@0"])
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(sent, ["a@0", "b@3600"])
    })
  )

  it.effect("whoever is interrupted while waiting leaves the line, and whoever fails gives the place back", () =>
    Effect.gen(function* () {
      const { sent, transport } = noting((index) => [
        delay("10 seconds"),
        ...(index === 0 ? [error("Overloaded")] : [])
      ])
      const fibers = yield* all(Middleware.concurrency(transport, 1), abc)
      for (const index of [1, 3]) yield* Fiber.interrupt(fibers[index] ?? assert.fail())
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(sent, ["a@0", "c@10", "e@20"])
    })
  )

  it.effect("a place that comes in the moment of an interruption goes on to the next", () =>
    Effect.gen(function* () {
      const { sent, transport } = noting(() => [delay("10 seconds")])
      const fibers = yield* all(Middleware.concurrency(transport, 1), abc)
      const [a, b] = fibers
      if (a === undefined || b === undefined) return assert.fail()
      // Both at once: `a` hands its place to `b`, which is gone.
      yield* Effect.all([Fiber.interruptFork(a), Fiber.interruptFork(b)])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(sent, ["a@0", "c@0", "d@10", "e@20"])
    })
  )

  it("a limit below one is a mistake", () => {
    assert.throws(() => Middleware.concurrency(noting(() => []).transport, 0), "limit must be at least 1, and is 0")
  })
})

describe("Middleware.rateLimit", () => {
  it.effect("requests beyond a minute's worth wait for the bucket to fill, in order", () =>
    Effect.gen(function* () {
      const { sent, transport } = noting(() => [text("x")])
      yield* all(Middleware.rateLimit(transport, { requestsPerMinute: 2 }), abc)
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(sent, ["a@0", "b@0", "c@30", "d@60", "e@90"])
    })
  )

  it.effect("a small request does not overtake a big one", () =>
    Effect.gen(function* () {
      const { sent, transport } = noting(() => [text("x"), usage({})])
      const estimate = ({ messages }: Transport.Request) => Number(messages.map(Message.toText).join(""))
      yield* all(Middleware.rateLimit(transport, { tokensPerMinute: 600, estimate }), ["500", "400", "1", "2"])
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(sent, ["500@0", "400@30", "1@30.1", "2@30.3"])
    })
  )

  it.effect("what an answer really cost is corrected, and wakes who waits", () =>
    Effect.gen(function* () {
      const costs = [100, 900]
      const { sent, transport } = noting((index) => [
        delay("1 second"),
        text("x"),
        usage({ input: costs[index], output: 0 })
      ])
      const self = Middleware.rateLimit(transport, { tokensPerMinute: 600, estimate: () => 600 })
      yield* all(self, ["a", "b", "c"])
      yield* TestClock.adjust("1 hour")
      // `a` gives 500 of 600 back after a second: 90 are left to wait for. `b` owes 300: 900 are to wait for.
      assert.deepStrictEqual(sent, ["a@0", "b@10", "c@100"])
    })
  )

  it.effect("a refused request gives its tokens back", () =>
    Effect.gen(function* () {
      const { sent, transport } = noting((index) => (index === 0 ? [error("RateLimited")] : [text("x")]))
      yield* all(Middleware.rateLimit(transport, { tokensPerMinute: 600, estimate: () => 600 }), ["a", "b"])
      assert.deepStrictEqual(sent, ["a@0", "b@0"])
    })
  )

  it.effect("tokens are estimated by characters unless said", () =>
    Effect.gen(function* () {
      const { transport } = noting(() => [text("x")])
      const failure = yield* Effect.flip(
        asked(Middleware.rateLimit(transport, { tokensPerMinute: 100 }), asking("1".repeat(300)))
      )
      assert.deepStrictEqual(
        [failure.reason, failure.replay, failure.isRetryable],
        [
          {
            _tag: "RateLimited",
            message: "The request is estimated at 104 tokens, and 100 per minute are allowed.",
            permanent: true
          },
          "safe",
          false
        ]
      )
    })
  )

  it.effect("whoever is interrupted while waiting has taken nothing", () =>
    Effect.gen(function* () {
      const { sent, transport } = noting(() => [text("x")])
      const fibers = yield* all(Middleware.rateLimit(transport, { requestsPerMinute: 1 }), abc)
      yield* TestClock.adjust("30 seconds")
      for (const index of [1, 3]) yield* Fiber.interrupt(fibers[index] ?? assert.fail())
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(sent, ["a@0", "c@60", "e@120"])
    })
  )

  it("a limit of nothing is a mistake", () => {
    const { transport } = noting(() => [])
    assert.throws(
      () => Middleware.rateLimit(transport, { requestsPerMinute: 0 }),
      "requestsPerMinute must be more than 0"
    )
  })
})

describe("Middleware.circuitBreaker", () => {
  /** Asks once a second and notes how each ended; `!` where nothing was sent. */
  const played = (
    ends: ReadonlyArray<ReadonlyArray<Step>>,
    requests: number,
    options: Middleware.CircuitBreakerOptions = { failures: 3, resetAfter: "10 seconds" }
  ) =>
    Effect.gen(function* () {
      const scripted = ScriptedTransport.make(ends)
      const self = Middleware.circuitBreaker(scripted.transport, options)
      let out = ""
      for (let index = 0; index < requests; index++) {
        const before = (yield* scripted.requests).length
        const result = yield* Effect.either(asked(self))
        const sent = (yield* scripted.requests).length > before
        out += sent ? (result._tag === "Right" ? "o" : "x") : "!"
        yield* TestClock.adjust("1 second")
      }
      return out
    })
  const down = [error("Overloaded")]
  const fine = [text("fine")]

  it.effect("opens after so many failures in a row, and closes when a probe succeeds", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* played([down, down, fine, down, down, down, fine, fine], 17), "xxoxxx!!!!!!!!!oo")
    })
  )

  it.effect("opens again when the probe fails", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* played([down, down, down, down, fine], 23), "xxx!!!!!!!!!x!!!!!!!!!o")
    })
  )

  it.effect.each(["Overloaded", "Network", "Timeout"] as const)("%s counts", (tag: ReasonTag) =>
    Effect.map(played([[error(tag)], [text("half", error(tag))], [error(tag)]], 4), (out) =>
      assert.strictEqual(out, "xxx!")
    )
  )

  it.effect("an answer cut off or ended with an error counts; a refusal is a sign of life", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* played([[cut], [finish("error")], [text("a"), cut]], 4), "ooo!")
      assert.strictEqual(yield* played([down, down, [error("InvalidRequest")], down, down, down], 7), "xxxxxx!")
      const counts = ({ reason }: { readonly reason: { readonly _tag: string } }) => reason._tag === "RateLimited"
      assert.strictEqual(yield* played([[error("RateLimited")]], 2, { failures: 1, counts }), "x!")
    })
  )

  it.effect("fails fast with Overloaded, which says until when", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const { transport } = ScriptedTransport.make([down])
      const self = Middleware.circuitBreaker(transport, { failures: 1, resetAfter: "10 seconds" })
      yield* Effect.flip(asked(self))
      yield* TestClock.adjust("4 seconds")
      const failure = yield* Effect.flip(asked(self))
      assert.deepStrictEqual(
        [failure.reason, failure.replay],
        [
          {
            _tag: "Overloaded",
            message:
              "The circuit is open after 1 failure in a row: no request is sent before 2026-01-01T00:00:10.000Z.",
            retryAfterMillis: 6000
          },
          "safe"
        ]
      )
    })
  )

  it.effect("lets one probe through at a time, and another when that is given up", () =>
    Effect.gen(function* () {
      const latch = yield* Deferred.make<void>()
      const { requests, transport } = ScriptedTransport.make([down, [gate(latch)], fine])
      const self = Middleware.circuitBreaker(transport, { failures: 1, resetAfter: "10 seconds" })
      yield* Effect.flip(asked(self))
      yield* TestClock.adjust("10 seconds")
      const probe = yield* Effect.fork(answered(self))
      yield* TestClock.adjust(0)
      const meanwhile = yield* Effect.flip(answered(self))
      assert.include(meanwhile.reason.message, "one request is finding out")
      yield* Fiber.interrupt(probe)
      assert.strictEqual(yield* answered(self), "fine")
      assert.strictEqual((yield* requests).length, 3)
    })
  )

  it.effect("an answer of before it opened does not close it", () =>
    Effect.gen(function* () {
      const latch = yield* Deferred.make<void>()
      const { transport } = ScriptedTransport.make([[text("a", gate(latch))], down])
      const self = Middleware.circuitBreaker(transport, { failures: 1 })
      const early = yield* Effect.fork(answered(self))
      yield* TestClock.adjust(0)
      yield* Effect.flip(answered(self))
      yield* Deferred.succeed(latch, undefined)
      yield* Fiber.join(early)
      assert.include((yield* Effect.flip(asked(self, hello))).reason.message, "The circuit is open")
    })
  )
})
