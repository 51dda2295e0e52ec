import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { Cost } from "../../src/context/Paid.ts"
import { Paid } from "../../src/context/Paid.ts"
import { CallId, RunId } from "../../src/domain/Ids.ts"
import * as ModelGuard from "../../src/guard/ModelGuard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { askedIn, byCommand, callOf, judgeOf, policy, quiet, saying, unjudged } from "../support/judges.ts"

const { cut, gate, text, usage } = ScriptedTransport

/** The effect, and what it cost. */
const paying = <A>(effect: Effect.Effect<A>) => {
  const costs: Array<Cost> = []
  return Effect.map(Effect.provideService(effect, Paid, { tell: (cost) => void costs.push(cost) }), (value) => ({
    value,
    costs
  }))
}

describe("ModelGuard", () => {
  describe("cache", () => {
    it.effect("an equal call is judged once", () =>
      Effect.gen(function* () {
        const judge = judgeOf(byCommand)
        const guard = ModelGuard.make({ policy, transport: judge.transport })
        for (const input of [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
          { a: 1, b: 2, c: undefined }
        ])
          yield* guard.check(callOf(input))
        yield* guard.check(callOf({ a: 1, b: 2 }, { run: RunId.make("next"), id: CallId.make("next") }))
        assert.lengthOf(yield* judge.requests, 1)
        yield* guard.check(callOf({ a: 1, b: 3 }))
        yield* guard.check(callOf({ a: 1, b: 2 }, { tool: { name: "other", origin: "application" } }))
        assert.lengthOf(yield* judge.requests, 3)
      })
    )

    it.effect("the least recently used judgement goes first", () =>
      Effect.gen(function* () {
        const judge = judgeOf(byCommand)
        const guard = ModelGuard.make({ policy, transport: judge.transport, cacheSize: 2 })
        for (const input of ["a", "b", "a", "c", "a", "b"]) yield* guard.check(callOf(input))
        const asked = (yield* judge.requests).map((request) => askedIn(request).call.arguments)
        assert.deepStrictEqual(asked, ["a", "b", "c", "b"])
      })
    )
  })

  describe("costs", () => {
    it.effect("are told, once for each request", () =>
      Effect.gen(function* () {
        const judge = saying((code) => [text(`${code} SAFE`), usage({ input: 100, output: 7 })])
        const guard = ModelGuard.make({ policy, transport: judge.transport })
        const { costs } = yield* paying(Effect.zipRight(guard.check(callOf("ls")), guard.check(callOf("ls"))))
        assert.deepStrictEqual(
          costs.map(({ model, usage }) => [model, usage.inputTokens.total, usage.outputTokens.total, usage.estimated]),
          [["scripted", 100, 7, false]]
        )
      })
    )

    it.effect("of an answer that broke off or was late are estimated", () =>
      quiet(
        Effect.gen(function* () {
          for (const end of [cut, gate(Effect.never)]) {
            const judge = saying(() => [text("thinking about it", end)])
            const guard = ModelGuard.make({ policy, transport: judge.transport })
            const fiber = yield* Effect.fork(paying(guard.check(callOf("ls"))))
            yield* TestClock.adjust("30 seconds")
            const { costs, value } = yield* Fiber.join(fiber)
            assert.deepStrictEqual(value, unjudged)
            assert.deepStrictEqual([costs.length, costs[0]?.usage.estimated], [1, true])
          }
        })
      )
    )

    it.effect("are told when the check is interrupted, and nothing stays open", () =>
      Effect.gen(function* () {
        const judge = saying(() => [text("thinking", gate(Effect.never))])
        const costs: Array<Cost> = []
        const guard = ModelGuard.make({ policy, transport: judge.transport })
        const paid = Effect.provideService(guard.check(callOf("ls")), Paid, { tell: (cost) => void costs.push(cost) })
        const fiber = yield* Effect.fork(paid)
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([costs.length, yield* judge.openConnections], [1, 0])
      })
    )
  })
})
