/** Runs that spend out of a budget: never over, nothing left reserved, and an end at once when they are halted. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Budget from "../../src/agent/Budget.ts"
import type * as StopSignal from "../../src/agent/StopSignal.ts"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import { LimitExceeded } from "../../src/domain/AgentError.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, cut, delay, text, usage } from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"
import { pause } from "../support/steering.ts"

/** Every request has ten tokens of input, and an answer has ten at most. */
const counted = Layer.succeed(TokenCounter.TokenCounter, { count: () => Effect.succeed(10) })
const settings = { maxOutputTokens: 10 }
const cost = usage({ input: 10, output: 5 })
const work = Agent.tool("work", {}, () => Effect.succeed("worked"))
const agent = Agent.make("a", { settings, tools: [work], retries: 0 })
const failing = Agent.withLimits(agent, { onLimit: "fail" })
const budgetOf = (options: Budget.Options) => Layer.merge(Budget.layer(options), counted)
const stands = Effect.flatMap(Budget.Budget, ({ read }) =>
  Effect.map(read({ identity: {} }), (all) => all.map(({ actual, limit, reserved }) => [limit, actual, reserved]))
)
const failure = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) ? Cause.originalError(Cause.squash(exit.cause)) : undefined

describe("A run with a budget", () => {
  it.effect("RUN-6 ends with reason limit and no last answer when no request is left", () =>
    Effect.gen(function* () {
      const result = yield* Agent.run(agent, "go")
      assert.deepStrictEqual([result.reason, result.limit, result.turns], ["limit", "budgetRequests", 1])
      assert.strictEqual((yield* ScriptedTransport.requests).length, 1)
      const exit = yield* Effect.exit(Agent.run(failing, "go"))
      assert.deepStrictEqual(failure(exit), new LimitExceeded({ limit: "budgetRequests", max: 1, actual: 2 }))
      assert.deepStrictEqual(yield* stands, [["budgetRequests", 1, 0]])
    }).pipe(Effect.provide([world([[call("1", "work"), cost]]), budgetOf({ limits: { requests: 1 } })]))
  )

  it.effect("RUN-6 has one last answer when no call is left, and runs none of a batch that goes over", () =>
    Effect.gen(function* () {
      const result = yield* Agent.run(agent, "go")
      assert.deepStrictEqual([result.reason, result.limit, result.output], ["limit", "budgetToolCalls", "so far"])
      assert.strictEqual((yield* ScriptedTransport.requests)[2]?.toolChoice, "none")
      assert.deepStrictEqual(yield* stands, [["budgetToolCalls", 1, 0]])
    }).pipe(
      Effect.provide([
        world([[call("1", "work")], [call("2", "work"), call("3", "work")], [text("so far")]]),
        budgetOf({ limits: { toolCalls: 2 } })
      ])
    )
  )

  it.effect("AA-20 warns once at 80 %, and fails with what to do", () =>
    Effect.gen(function* () {
      const events: Array<AgentEvent> = []
      const exit = yield* Effect.exit(Agent.run(failing, "go", { onEvents: (batch) => events.push(...batch) }))
      const warnings = events.flatMap((event) => (event._tag === "LimitWarning" ? [[event.limit, event.actual]] : []))
      assert.deepStrictEqual(warnings, [["budgetTokens", 90]])
      const error = failure(exit)
      assert.match(error instanceof LimitExceeded ? error.message : "", /Raise it where the budget is provided/)
    }).pipe(
      Effect.provide([world((_, index) => [call(`${index}`, "work"), cost]), budgetOf({ limits: { tokens: 111 } })])
    )
  )

  it.effect.each(["fail", "wait"] as const)(
    "TR-26 a run inside a tool has what its parent left: %s",
    (whenExhausted) => {
      const inner = Agent.make("inner", { settings, tools: [work] })
      const ask = Agent.tool("ask", {}, () => Effect.map(Effect.orDie(Agent.run(inner, "sub")), ({ output }) => output))
      const outer = Agent.make("outer", { settings, tools: [ask] })
      return Effect.gen(function* () {
        const { output, reason } = yield* Agent.run(outer, "go")
        assert.deepStrictEqual([reason, output], ["completed", "done"])
        // One turn each for the parent's call and answer, and one for the child: 15 used of 20 reserved.
        assert.deepStrictEqual(yield* stands, [
          ["budgetRequests", 3, 0],
          ["budgetToolCalls", 1, 0],
          ["budgetTokens", 45, 0]
        ])
      }).pipe(
        Effect.provide([
          world([
            [call("1", "ask"), cost],
            [text("sub answer"), cost],
            [text("done"), cost]
          ]),
          budgetOf({ limits: { requests: 6, toolCalls: 1, tokens: 70 }, whenExhausted })
        ])
      )
    }
  )

  it.effect("TR-26 a call that asks for what its own run holds is refused, and waits for nothing", () => {
    const inner = Agent.make("inner", { settings, tools: [work] })
    const ask = Agent.tool("ask", {}, () =>
      Effect.map(Effect.orDie(Agent.run(inner, "sub")), ({ limit, output }) => `${limit}: ${output}`)
    )
    const outer = Agent.make("outer", { settings, tools: [ask] })
    return Effect.gen(function* () {
      const { messages, reason } = yield* Agent.run(outer, "go")
      assert.strictEqual(reason, "completed")
      assert.include(JSON.stringify(messages), "budgetToolCalls: without")
    }).pipe(
      Effect.provide([
        world([[call("1", "ask")], [call("2", "work")], [text("without")], [text("done")]]),
        budgetOf({ limits: { toolCalls: 1 }, whenExhausted: "wait" })
      ])
    )
  })

  it.effect("calls that wait for a person are charged once, when they run", () => {
    const asked = Agent.make("a", { settings, tools: [work] })
    const guard = Guard.layer(Guard.make(() => Effect.succeed(Guard.Ask("sure?"))))
    return Effect.gen(function* () {
      const first = yield* Agent.run(asked, "go")
      assert.strictEqual(first.reason, "awaiting-approval")
      assert.deepStrictEqual(yield* stands, [["budgetToolCalls", 0, 0]])
      const decisions = (first.pending ?? []).map(({ call }) => ({ call, approved: true }))
      const second = yield* Agent.resume(asked, first.session, decisions)
      assert.strictEqual(second.output, "done")
      assert.deepStrictEqual(yield* stands, [["budgetToolCalls", 1, 0]])
    }).pipe(
      Effect.provide([
        world([[call("1", "work")], [text("done")]]),
        budgetOf({ limits: { toolCalls: 1 } }),
        Approval.layerSuspend,
        guard
      ])
    )
  })

  it.effect("RUN-7 an answer that breaks off and is begun anew is charged as well", () =>
    Effect.gen(function* () {
      const again = Agent.make("a", { settings, restarts: 1, retries: 2 })
      const fiber = yield* Effect.fork(Agent.run(again, "go"))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).output, "whole")
      // What broke off is estimated: ten in, ten out.
      assert.deepStrictEqual(yield* stands, [
        ["budgetRequests", 2, 0],
        ["budgetTokens", 35, 0]
      ])
    }).pipe(
      Effect.provide([
        world([
          [text("half"), cut],
          [text("whole"), cost]
        ]),
        budgetOf({ limits: { requests: 4, tokens: 100 } })
      ])
    )
  )

  describe("that waits for it", () => {
    const halts = [
      ["a stop", (stop: Effect.Effect<void>) => stop, "stopped"],
      ["its wall time", () => TestClock.adjust("1 minute"), "limit"]
    ] as const
    it.effect.each(halts)("AA-06 is ended at once by %s, and has reserved nothing", ([, halt, reason]) =>
      Effect.gen(function* () {
        const budget = yield* Budget.Budget
        const asked = yield* Effect.makeLatch()
        const stopSignal: StopSignal.StopSignal = asked.await
        const limited = Agent.withLimits(agent, { wallTime: "1 minute" })
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* budget.reserve({ identity: {} }, Budget.amounts({ requests: 1 }))
            const fiber = yield* Effect.fork(Agent.run(limited, "go", { stopSignal }))
            yield* Effect.yieldNow()
            yield* TestClock.adjust("1 second")
            assert.isNull(fiber.unsafePoll())
            yield* halt(asked.open)
            const result = yield* Fiber.join(fiber)
            assert.deepStrictEqual([result.reason, result.turns], [reason, 0])
          })
        )
        assert.deepStrictEqual(yield* stands, [["budgetRequests", 0, 0]])
        assert.deepStrictEqual(yield* ScriptedTransport.requests, [])
      }).pipe(Effect.provide([world([]), budgetOf({ limits: { requests: 1 }, whenExhausted: "wait" })]))
    )
  })

  it.effect("gives back what it had reserved wherever it is interrupted", () => {
    const at = pause()
    const slow = Agent.make("a", {
      settings,
      tools: [Agent.tool("slow", {}, () => Effect.zipRight(at.here, Effect.never))]
    })
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Agent.run(slow, "go"))
      yield* at.reached
      assert.deepStrictEqual(yield* stands, [
        ["budgetToolCalls", 1, 0],
        ["budgetTokens", 15, 0]
      ])
      yield* Fiber.interrupt(fiber)
      const answering = yield* Effect.fork(Agent.run(slow, "go"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* stands)[1], ["budgetTokens", 35, 20])
      yield* Fiber.interrupt(answering)
      assert.deepStrictEqual(yield* stands, [
        ["budgetToolCalls", 1, 0],
        ["budgetTokens", 15, 0]
      ])
    }).pipe(
      Effect.provide([
        world([
          [call("1", "slow"), cost],
          [delay("1 hour"), text("late")]
        ]),
        budgetOf({ limits: { toolCalls: 4, tokens: 100 } })
      ])
    )
  })
})
