import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Budget from "../../src/agent/Budget.ts"
import type { Limits } from "../../src/agent/Limits.ts"
import { RunId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, text, usage } from "../../src/testing/ScriptedTransport.ts"
import { pay, results, session, shop, suspending, waiting } from "../support/approvals.ts"
import { world } from "../support/runs.ts"

/** A run of two turns that waits in its second, is resumed with a yes, and what that came to. */
const resumed = (limits: Limits, script: ScriptedTransport.Script) => {
  const { agent, ran } = shop({ limits })
  return Effect.gen(function* () {
    const ids = yield* waiting(agent)
    const result = yield* Effect.either(
      Agent.resume(
        agent,
        session,
        ids.map((call) => ({ call, approved: true }))
      )
    )
    const requests = yield* ScriptedTransport.requests
    return { ran, result, requests, results: yield* results }
  }).pipe(Effect.provide([world(script), suspending]))
}

const first = [pay("1", 5)]
const second = [pay("1", 20)]

describe("Resume and limits", () => {
  it.effect("RUN-6 turns before the wait count, and a run that is over gets its one last answer", () =>
    Effect.gen(function* () {
      const { ran, requests, result } = yield* resumed({ turns: 2 }, [first, second, [text("last")]])
      assert.deepStrictEqual(ran, ["pay 5 shop", "pay 20 shop"])
      assert.deepInclude(result, { _tag: "Right" })
      if (result._tag === "Left") return
      assert.deepInclude(result.right, { reason: "limit", limit: "turns", text: "last", turns: 1 })
      assert.strictEqual(requests[2]?.toolChoice, "none")
    })
  )

  it.effect("a run that is over and must fail has run what was approved", () =>
    Effect.gen(function* () {
      const { ran, result } = yield* resumed({ turns: 2, onLimit: "fail" }, [first, second])
      assert.deepStrictEqual(ran, ["pay 5 shop", "pay 20 shop"])
      if (result._tag === "Right") return assert.fail("it should fail")
      assert.deepInclude(result.left, { _tag: "LimitExceeded", limit: "turns", max: 2, actual: 2 })
    })
  )

  it.effect("calls before the wait count", () =>
    Effect.gen(function* () {
      const { ran, result, results } = yield* resumed({ toolCalls: 2 }, [first, second, [pay("1", 6)], [text("last")]])
      assert.deepStrictEqual(ran, ["pay 5 shop", "pay 20 shop"])
      assert.match(results.at(-1) ?? "", /^skipped: /)
      if (result._tag === "Left") return assert.fail("it should end")
      assert.deepInclude(result.right, { reason: "limit", limit: "toolCalls", text: "last" })
    })
  )

  it.effect("cost and tokens before the wait count, and are the earlier run's own", () =>
    Effect.gen(function* () {
      const costly = usage({ input: 60, output: 1, costUsd: 60 })
      for (const limits of [{ costUsd: 100 }, { inputTokens: 120 }]) {
        const { result } = yield* resumed(limits, [
          [...first, usage({ input: 1, output: 1, costUsd: 1 })],
          [...second, costly],
          [pay("1", 7), costly],
          [text("last")]
        ])
        if (result._tag === "Left") return assert.fail("it should end")
        assert.strictEqual(result.right.reason, "limit")
        assert.strictEqual(result.right.usage.inputTokens.total, 70)
      }
    })
  )

  it.effect("time used before the wait counts, and the waiting does not", () => {
    const { agent, ran } = shop({ limits: { wallTime: "1 minute" } })
    const slow = ScriptedTransport.delay("25 seconds")
    return Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      const begun = yield* Effect.fork(waiting(agent))
      yield* TestClock.adjust("25 seconds")
      const ids = yield* begun
      yield* TestClock.adjust("2 days")
      const going = yield* Effect.fork(
        Agent.resume(
          agent,
          session,
          ids.map((call) => ({ call, approved: true }))
        )
      )
      yield* TestClock.adjust("25 seconds")
      assert.deepStrictEqual(ran, ["pay 20 shop", "pay 5 shop"])
      yield* TestClock.adjust("9999 millis")
      assert.isNull(yield* going.status.pipe(Effect.map((status) => (status._tag === "Done" ? status : null))))
      yield* TestClock.adjust("1 millis")
      const result = yield* going
      assert.deepInclude(result, { reason: "limit", limit: "wallTime" })
    }).pipe(
      Effect.provide([
        world([
          [slow, ...second],
          [slow, pay("1", 5)],
          [slow, text("too late")]
        ]),
        suspending
      ])
    )
  })

  it.effect("no time left: what was approved does not begin, and says so", () => {
    const { agent, ran } = shop({ limits: { wallTime: "1 minute" } })
    return Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      const begun = yield* Effect.fork(waiting(agent))
      yield* TestClock.adjust("59999 millis")
      const ids = yield* begun
      const going = yield* Effect.fork(
        Agent.resume(
          agent,
          session,
          ids.map((call) => ({ call, approved: true }))
        )
      )
      yield* TestClock.adjust("1 millis")
      const result = yield* going
      assert.deepInclude(result, { reason: "limit", limit: "wallTime" })
      assert.deepStrictEqual(ran, ["pay 20 shop"])
    }).pipe(
      Effect.provide([
        world([
          [ScriptedTransport.delay("59999 millis"), ...second],
          [ScriptedTransport.delay("1 second"), text("x")]
        ]),
        suspending
      ])
    )
  })

  it.effect("a budget is charged for calls when they run, and gets back what is only waited for", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const budget = yield* Budget.Budget
      const about = { identity: {}, agent: "clerk", run: RunId.make("r") }
      const used = Effect.map(budget.read(about), (readings) =>
        readings.map(({ actual, limit, reserved }) => `${limit} ${actual} ${reserved}`)
      )
      const ids = yield* waiting(agent)
      const before = yield* used
      yield* Agent.resume(
        agent,
        session,
        ids.slice(1).map((call) => ({ call, approved: true }))
      )
      assert.deepStrictEqual(yield* used, before)
      const strict = Effect.provide(Guard.layer(Guard.make(() => Effect.succeed(Guard.Ask("all")))))
      yield* strict(
        Agent.resume(
          agent,
          session,
          ids.slice(0, 1).map((call) => ({ call, approved: true }))
        )
      )
      assert.deepStrictEqual([yield* used, ran], [before, []])
    }).pipe(
      Effect.provide([
        world([[pay("1", 20), pay("2", 30), call("3", "pay", { amount: 1 })]]),
        suspending,
        Budget.layer({ limits: { toolCalls: 10 } })
      ])
    )
  })

  it.effect("a budget that is used up by then ends the resumed run", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const result = yield* Agent.resume(
        agent,
        session,
        ids.map((call) => ({ call, approved: true }))
      ).pipe(Effect.provide(Budget.layer({ limits: { toolCalls: 1 } })))
      assert.deepInclude(result, { reason: "limit", limit: "budgetToolCalls", text: "last" })
      assert.strictEqual((yield* ScriptedTransport.requests)[1]?.toolChoice, "none")
      assert.deepStrictEqual(ran, [])
    }).pipe(Effect.provide([Layer.merge(world([[pay("1", 20), pay("2", 30)], [text("last")]]), suspending)]))
  })

  it.effect("an interrupted resume leaves every call with a result", () => {
    const stuck = Agent.tool("stuck", {}, () => Effect.never)
    const agent = Agent.make("a", { tools: [stuck] })
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const running = yield* Effect.fork(
        Agent.resume(
          agent,
          session,
          ids.map((call) => ({ call, approved: true }))
        )
      )
      yield* TestClock.adjust("1 second")
      yield* running.interruptAsFork(running.id())
      yield* running.await
      assert.match((yield* results)[0] ?? "", /^interrupted: This call was interrupted before it finished: the run was/)
    }).pipe(
      Effect.provide([
        world([[call("1", "stuck")]]),
        Guard.layer(Guard.make(() => Effect.succeed(Guard.Ask("all")))),
        Approval.layerSuspend
      ])
    )
  })
})
