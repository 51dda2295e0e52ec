/** How limits are told of: to the model, as warnings, and in the session. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import type { Limits } from "../../src/agent/Limits.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, delay, text, usage } from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const session = SessionId.make("s")
const work = Agent.tool("work", {}, () => Effect.succeed("worked"))
const limited = (limits: Limits) => Agent.make("a", { tools: [work], limits })
const busy: ScriptedTransport.Script = (request, index) =>
  request.toolChoice === "none" ? [text("so far")] : [call(`${index}`, "work"), usage({ input: 10, output: 5 })]
const limitsOf = Effect.flatMap(ContextStore.ContextStore, ({ entries }) =>
  Effect.map(entries(session), (log) =>
    log.flatMap((entry) => (entry._tag === "Marker" && entry.marker.type === "limit" ? [entry.marker] : []))
  )
)

describe("A limit", () => {
  it.effect("RUN-6 AG-02 identical calls: the model is told once, then answers without tools, then it is over", () =>
    Effect.gen(function* () {
      const result = yield* Agent.run(limited({ identicalCalls: 4, lastTurnMessage: "Stop: {limit}." }), "go")
      const requests = yield* ScriptedTransport.requests
      const told = requests.map(
        ({ messages }) => messages.map(Message.toText).filter((said) => /same call/.test(said)).length
      )
      assert.deepStrictEqual(told, [0, 0, 0, 1, 1])
      assert.deepStrictEqual(
        requests.map(({ toolChoice }) => toolChoice),
        ["auto", "auto", "auto", "auto", "none"]
      )
      assert.strictEqual(
        Message.toText(requests[4]?.messages.at(-1) ?? assert.fail("no request")),
        "Stop: identicalCalls."
      )
      assert.deepStrictEqual([result.reason, result.limit, result.output], ["limit", "identicalCalls", "so far"])
    }).pipe(Effect.provide(world(busy)))
  )

  it.effect.each(["answer", "fail"] as const)("AG-03 is noted in the session, once: onLimit %s", (onLimit) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Agent.run(limited({ inputTokens: 15, onLimit }), "go", { session }))
      assert.strictEqual(Exit.isSuccess(exit), onLimit === "answer")
      assert.deepStrictEqual(yield* limitsOf, [{ type: "limit", limit: "inputTokens", max: 15, actual: 20 }])
    }).pipe(Effect.provide(world(busy)))
  )

  it.effect("AG-03 of wall time is noted in the session, and warned of at 80 %", () =>
    Effect.gen(function* () {
      const events: Array<AgentEvent> = []
      const run = Agent.run(limited({ wallTime: "10 seconds" }), "go", {
        session,
        onEvents: (batch) => events.push(...batch)
      })
      const fiber = yield* Effect.fork(run)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).limit, "wallTime")
      const warnings = events.flatMap((event) =>
        event._tag === "LimitWarning" ? [[event.limit, event.max, event.actual]] : []
      )
      assert.deepStrictEqual(warnings, [["wallTime", 10_000, 9000]])
      assert.deepStrictEqual(yield* limitsOf, [{ type: "limit", limit: "wallTime", max: 10_000, actual: 10_000 }])
    }).pipe(Effect.provide(world((_, index) => [delay("3 seconds"), call(`${index}`, "work")])))
  )

  it.effect("a run without one notes nothing", () =>
    Effect.gen(function* () {
      yield* Agent.run(limited({ toolCalls: 5 }), "go", { session })
      assert.deepStrictEqual(yield* limitsOf, [])
    }).pipe(Effect.provide(world([[call("1", "work")], [text("done")]])))
  )
})

describe("A run that is stopped before it begins", () => {
  it.effect("TR-16 connects to no tools and asks nobody", () => {
    let connected = 0
    const dynamic = Agent.tool("later", {}, () => Effect.sync(() => ++connected))
    return Effect.gen(function* () {
      const agent = Agent.make("a", { tools: [dynamic] })
      const { reason, turns } = yield* Agent.run(agent, "go", { session, stopSignal: Effect.void })
      assert.deepStrictEqual([reason, turns, connected], ["stopped", 0, 0])
      assert.deepStrictEqual(yield* ScriptedTransport.requests, [])
    }).pipe(Effect.provide(world([])))
  })
})
