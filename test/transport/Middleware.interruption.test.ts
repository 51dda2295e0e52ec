import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { delay, error, text } from "../../src/testing/ScriptedTransport.ts"
import * as Middleware from "../../src/transport/Middleware.ts"
import type * as Transport from "../../src/transport/Transport.ts"
import { interruptedAt, interruptedEverywhere } from "../support/interruption.ts"
import { asked, hello } from "../support/middleware.ts"

const answering = ScriptedTransport.make(() => [text("x")]).transport

/** Whether a request is answered at once. */
const isAnswered = (self: Transport.Service) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.either(asked(self, hello)))
    yield* TestClock.adjust("1 second")
    const found = yield* Fiber.poll(fiber)
    yield* Fiber.interrupt(fiber)
    return Option.isSome(found) && found.value._tag === "Success" && Either.isRight(found.value.value)
  })

/** The numbers of the operations at which an interruption leaves a transport that answers nobody. */
const deadly = (self: Transport.Service, request: Effect.Effect<unknown, unknown>) => {
  const found: Array<number> = []
  const check = (at: number) =>
    Effect.map(isAnswered(self), (was) => {
      if (!was) found.push(at)
    })
  return Effect.map(interruptedEverywhere(request, check), (operations) => {
    assert.isAbove(operations, 10)
    return found
  })
}

describe("Middleware, interrupted anywhere", () => {
  it.effect("a place in the line is never lost", () =>
    Effect.gen(function* () {
      const self = Middleware.concurrency(answering, 1)
      assert.deepStrictEqual(yield* deadly(self, asked(self, hello)), [])
    })
  )

  it.effect("a place that was waited for is never lost", () =>
    Effect.gen(function* () {
      const self = Middleware.concurrency(answering, 1)
      const lost: Array<number> = []
      for (let at = 1, was = true; was; at++) {
        const gate = yield* Deferred.make<void>()
        const holder = yield* Effect.fork(Effect.scoped(Effect.zipRight(self.open(hello), Deferred.await(gate))))
        yield* TestClock.adjust(0)
        const waiter = yield* Effect.fork(interruptedAt(at, asked(self, hello)))
        yield* TestClock.adjust(0)
        yield* Deferred.succeed(gate, undefined)
        was = yield* Fiber.join(waiter)
        yield* Fiber.join(holder)
        if (!(yield* isAnswered(self))) lost.push(at)
        if (lost.length > 0) break
      }
      assert.deepStrictEqual(lost, [])
    })
  )

  it.effect("the line before a rate limit goes on", () =>
    Effect.gen(function* () {
      const self = Middleware.rateLimit(answering, { requestsPerMinute: 1e9, tokensPerMinute: 1e9 })
      assert.deepStrictEqual(yield* deadly(self, asked(self, hello)), [])
    })
  )

  it.effect("a circuit that is being probed does not stay so", () =>
    Effect.gen(function* () {
      let isDown = true
      const { transport } = ScriptedTransport.make(() => (isDown ? [error("Overloaded")] : [text("x")]))
      const self = Middleware.circuitBreaker(transport, { failures: 1, resetAfter: 0 })
      const brokenAgain = Effect.suspend(() => {
        isDown = true
        return Effect.ignore(asked(self, hello)).pipe(
          Effect.ensuring(
            Effect.sync(() => {
              isDown = false
            })
          )
        )
      })
      yield* brokenAgain
      const stuck: Array<number> = []
      yield* interruptedEverywhere(asked(self, hello), (at) =>
        Effect.gen(function* () {
          if (!(yield* isAnswered(self))) stuck.push(at)
          yield* brokenAgain
        })
      )
      assert.deepStrictEqual(stuck, [])
    })
  )

  it.live("no timer is left", () =>
    Effect.gen(function* () {
      const self = Middleware.timeout(answering, { total: "1 hour" })
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
      const before = timers()
      const left: Array<number> = []
      yield* interruptedEverywhere(asked(self, hello), (at) =>
        Effect.sync(() => {
          if (timers() > before + left.length) left.push(at)
        })
      )
      assert.deepStrictEqual(left, [])
    })
  )
})

describe("Middleware.circuitBreaker", () => {
  it.effect("a circuit that never closes again says so", () =>
    Effect.gen(function* () {
      const { transport } = ScriptedTransport.make(() => [error("Overloaded")])
      const self = Middleware.circuitBreaker(transport, { failures: 1, resetAfter: Duration.infinity })
      yield* Effect.either(asked(self, hello))
      const refused = yield* Effect.flip(asked(self, hello))
      assert.strictEqual(refused.reason.message, "The circuit is open after 1 failure in a row, and stays open.")
      assert.isUndefined(refused.retryAfterMillis)
    })
  )
})

describe("Middleware.timeout", () => {
  it.effect("a bound that is passed after a reader has left is told to the next one", () =>
    Effect.gen(function* () {
      const { transport } = ScriptedTransport.make(() => [text("x"), delay("1 hour")])
      const self = Middleware.timeout(transport, { total: "10 seconds" })
      const end = yield* Effect.scoped(
        Effect.gen(function* () {
          const pull = yield* self.open(hello)
          const leaving = yield* Effect.fork(Effect.forever(pull))
          yield* TestClock.adjust("1 second")
          yield* Fiber.interrupt(leaving)
          yield* TestClock.adjust("1 minute")
          return yield* Effect.flip(pull)
        })
      )
      assert.strictEqual(Option.map(end, ({ reason }) => reason.code).pipe(Option.getOrNull), "total")
    })
  )
})
