import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Message from "../../src/domain/Message.ts"
import type { Turn } from "../../src/testing/ScriptedTransport.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, cut, error, finish, reasoning, start, text, usage } from "../../src/testing/ScriptedTransport.ts"
import * as Middleware from "../../src/transport/Middleware.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { asked, hello, words } from "../support/middleware.ts"

const named = (id: string, ...turns: ReadonlyArray<Turn>) =>
  ScriptedTransport.make(turns, { model: { vendor: `vendor-${id}`, id } })

const seen = (self: Transport.Service) => Effect.map(asked(self), words)
const ofSecond = ["ResponseStart:b", "PartStart:text", "TextDelta:fine", "PartEnd:text", "Finish:stop"]

describe("Middleware.fallback", () => {
  it.effect("AM-32 the first that is healthy answers, and the others are not asked", () =>
    Effect.gen(function* () {
      const [a, b] = [named("a", [text("mine")]), named("b")]
      const self = Middleware.fallback(a.transport, [b.transport])
      assert.deepStrictEqual([self.model.id, (yield* seen(self))[2]], ["a", "TextDelta:mine"])
      assert.deepStrictEqual(yield* b.requests, [])
    })
  )

  it.effect("AM-32 an error moves on with the same request: history, system, tools and settings", () =>
    Effect.gen(function* () {
      const request = Transport.request({
        messages: [Message.system("Be brief."), Message.user("hi"), Message.assistant("hello"), Message.user("so?")],
        tools: [{ name: "look", inputSchema: { type: "object" } }],
        settings: { temperature: 0, extra: { seed: 7 } }
      })
      const [a, b, c] = [
        named("a", [error("Authentication")]),
        named("b", [error("Overloaded")]),
        named("c", [text("!")])
      ]
      const self = Middleware.fallback(a.transport, [b.transport, c.transport])
      yield* asked(self, request)
      for (const { requests } of [a, b, c]) assert.deepStrictEqual(yield* requests, [request])
    })
  )

  it.effect.each([
    ["a failed request", [error("Network", "unknown")]],
    ["an error after the response began", [start("r"), error("Overloaded")]],
    ["an error after reasoning that cannot be read", [reasoning("", { a: { encrypted: "x" } }), error("Overloaded")]],
    ["an answer that ends with an error", [start("r"), finish("error")]],
    ["an answer that breaks off", [start("r"), cut]]
  ] as const)("AM-32 TR-20 %s moves on and leaves no trace", ([, steps]) =>
    Effect.gen(function* () {
      const [a, b] = [named("a", steps), named("b", [text("fine")])]
      assert.deepStrictEqual(yield* seen(Middleware.fallback(a.transport, [b.transport])), ofSecond)
      assert.deepStrictEqual(yield* Effect.all([a.openConnections, b.openConnections]), [0, 0])
    })
  )

  it.effect.each([
    ["text", text("half")],
    ["reasoning", reasoning("Hm.")],
    ["a call", call("1", "rm")]
  ] as const)("AM-32 TR-20 a failure after %s was shown does not", ([, step]) =>
    Effect.gen(function* () {
      const [a, b] = [named("a", [step, error("Overloaded")]), named("b")]
      const failure = yield* Effect.flip(asked(Middleware.fallback(a.transport, [b.transport])))
      assert.deepStrictEqual(
        [failure.vendor, failure.reason.message, failure.replay],
        ["vendor-a", "scripted", "acknowledged"]
      )
    })
  )

  it.effect("AM-32 retryOn narrows, and the error for which it says no is the last", () =>
    Effect.gen(function* () {
      const retryOn = ({ reason }: { readonly reason: { readonly _tag: string } }) => reason._tag === "Overloaded"
      const c = named("c")
      const self = Middleware.fallback(
        named("a", [error("Overloaded")]).transport,
        [named("b", [error("Filtered")]).transport, c.transport],
        { retryOn }
      )
      const failure = yield* Effect.flip(asked(self))
      assert.deepStrictEqual([failure.reason._tag, failure.model, failure.isRetryable], ["Filtered", "b", false])
      assert.deepStrictEqual(yield* c.requests, [])
      const alone = Middleware.fallback(named("a", [error("Filtered")]).transport, [c.transport], { retryOn })
      assert.strictEqual((yield* Effect.flip(asked(alone))).reason.message, "scripted")
    })
  )

  describe("AM-32 when all have failed", () => {
    it.effect("one error lists them, with the least wait and the greatest risk", () =>
      Effect.gen(function* () {
        const self = Middleware.fallback(
          named("a", [error({ _tag: "RateLimited", message: "slow", status: 429, retryAfterMillis: 9000 })]).transport,
          [
            named("b", [error({ _tag: "Overloaded", message: "busy", retryAfterMillis: 4000 }, "unknown")]).transport,
            named("c", [error({ _tag: "Authentication", message: "who?" })]).transport
          ]
        )
        const failure = yield* Effect.flip(asked(self))
        assert.deepStrictEqual(
          { ...failure.reason },
          {
            _tag: "Overloaded",
            message:
              "All 3 transports that were asked failed. vendor-a a: RateLimited: slow; vendor-b b: Overloaded: busy; vendor-c c: Authentication: who?.",
            retryAfterMillis: 4000
          }
        )
        assert.deepStrictEqual([failure.vendor, failure.model, failure.replay], ["vendor-b", "b", "unknown"])
      })
    )

    it.effect.each([
      [["Overloaded", "Authentication"], "Overloaded"],
      [["ContextOverflow", "Authentication"], "ContextOverflow"],
      [["Filtered", "InvalidRequest"], "InvalidRequest"]
    ] as const)("of %j it is %s: what may pass, what a shorter history cures, the last", ([tags, expected]) =>
      Effect.gen(function* () {
        const [a, b] = tags.map((tag) => named(tag, [error(tag)]).transport)
        if (a === undefined || b === undefined) return assert.fail()
        assert.strictEqual((yield* Effect.flip(asked(Middleware.fallback(a, [b])))).reason._tag, expected)
      })
    )

    it.effect("an answer that ends with an error is one of them", () =>
      Effect.gen(function* () {
        const self = Middleware.fallback(named("a", [finish("error")]).transport, [named("b", [cut]).transport])
        const failure = yield* Effect.flip(asked(self))
        assert.include(failure.reason.message, "vendor-a a: Overloaded: The vendor ended the answer with an error.")
        assert.include(failure.reason.message, "vendor-b b: Network: The answer ended before anything")
      })
    )
  })

  it.effect("the usage is that of the transport that answered", () =>
    Effect.gen(function* () {
      const b = named("b", [text("x"), usage({ input: 7, output: 3, costUsd: 0.5 })])
      const deltas = yield* asked(Middleware.fallback(named("a", [error("Overloaded")]).transport, [b.transport]))
      const finished = deltas.at(-1)
      assert.strictEqual(finished?._tag === "Finish" ? finished.usage.costUsd : undefined, 0.5)
    })
  )

  it.effect("each request begins with the first again", () =>
    Effect.gen(function* () {
      const a = named("a", [error("Overloaded")], [text("back")])
      const self = Middleware.fallback(a.transport, [named("b", [text("fine")]).transport])
      assert.deepStrictEqual([(yield* seen(self))[0], (yield* seen(self))[0]], ["ResponseStart:b", "ResponseStart:a"])
    })
  )

  it.effect("layers and services stand in for each other", () =>
    Effect.gen(function* () {
      const failing = Layer.succeed(
        Transport.Transport,
        named("a", [error("Overloaded")], [error("Overloaded")]).transport
      )
      const b = named("b", [text("fine")], [text("fine")]).transport
      const ask = Effect.flatMap(Transport.Transport, seen)
      const layers = failing.pipe(Middleware.fallback([Layer.succeed(Transport.Transport, b)]))
      const services = failing.pipe(Middleware.fallback([b]))
      assert.deepStrictEqual(yield* Effect.provide(ask, layers), ofSecond)
      assert.deepStrictEqual(yield* Effect.provide(ask, services), ofSecond)
    })
  )

  it.effect("each of the list may be wrapped on its own", () =>
    Effect.gen(function* () {
      const a = named("a", [error("Overloaded")], [error("Overloaded")])
      const self = Middleware.fallback(Middleware.circuitBreaker(a.transport, { failures: 1 }), [
        named("b", [text("fine")], [text("fine")]).transport
      ])
      yield* asked(self, hello)
      assert.deepStrictEqual(yield* seen(self), ofSecond)
      assert.strictEqual((yield* a.requests).length, 1)
    })
  )
})
