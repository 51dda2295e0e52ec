import * as AiTool from "@effect/ai/Tool"
import * as AiToolkit from "@effect/ai/Toolkit"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import { ToolFailed } from "../../src/domain/AgentError.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import * as Tool from "../../src/tool/Tool.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import { observed, sentResults } from "../support/runs.ts"

const done = [text("done")]
const now = Agent.tool("now", {}, () => Effect.succeed("now"))
const calls = (count: number, name: string) => Array.from({ length: count }, (_, index) => call(String(index), name))

describe("The time of all calls together", () => {
  it.effect("CALL-5 what runs is stopped and keeps its output, what waits is skipped, what is done stays", () =>
    Effect.gen(function* () {
      const closed: Array<string> = []
      const slow = Agent.tool("slow", {}, () =>
        Effect.gen(function* () {
          const { call, progress } = yield* ToolContext
          yield* progress("half")
          return yield* Effect.ensuring(
            Effect.never,
            Effect.sync(() => closed.push(call.slice(-2)))
          )
        })
      )
      const agent = Agent.make("a", { tools: [now, slow], toolConcurrency: 2, toolsTimeout: "10 seconds" })
      const ends: Array<unknown> = []
      const hooks = Hooks.layer({ toolEnd: ({ result }) => Effect.sync(() => void ends.push(result.outcome)) })
      const fiber = yield* Effect.fork(
        Effect.provide(observed(agent, [[call("now", "now"), ...calls(3, "slow")], [call("now", "now")], done]), hooks)
      )
      yield* TestClock.adjust("10 seconds")
      const { events, requests } = yield* Fiber.join(fiber)
      const stopped =
        "timed-out: This call was stopped: the calls of this turn did not finish in time. It may have had effects." +
        "\nIts output so far:\nhalf"
      assert.deepStrictEqual(sentResults(requests[1]), [
        "ok: now",
        stopped,
        stopped,
        "skipped: This call was not started: the calls of this turn did not finish in time."
      ])
      assert.deepStrictEqual(sentResults(requests[2]), ["ok: now"])
      assert.deepStrictEqual(closed.sort(), ["_1", "_2"])
      assert.deepStrictEqual(ends, ["ok", "timed-out", "timed-out", "skipped", "ok"])
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "ToolEnd" ? [event.durationMillis] : [])),
        [0, 10_000, 10_000, 0, 0]
      )
    })
  )

  it.effect("CALL-4 a fatal tool that is stopped by it ends the run", () =>
    Effect.gen(function* () {
      const fatal = Agent.tool("fatal", { fatal: true }, () => Effect.never)
      const agent = Agent.make("a", { tools: [fatal, now], toolsTimeout: "1 second" })
      const fiber = yield* Effect.fork(Effect.flip(observed(agent, [[call("1", "fatal"), call("2", "now")]])))
      yield* TestClock.adjust("1 second")
      assert.instanceOf(yield* Fiber.join(fiber), ToolFailed)
    })
  )
})

describe("Exclusive tools", () => {
  it.effect("AG-16 CALL-3 others overlap, exclusive ones run alone, results are in call order", () =>
    Effect.gen(function* () {
      let running: ReadonlyArray<string> = []
      const together: Array<string> = []
      const tool = (name: string, exclusive: boolean) =>
        Agent.tool(name, { exclusive }, () =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              running = [...running, name]
              together.push(running.join("+"))
            }),
            () => Effect.as(Effect.sleep("1 second"), name),
            () => Effect.sync(() => (running = running.filter((other) => other !== name)))
          )
        )
      const names = ["a", "b", "X", "Y", "c", "d"]
      const tools = names.map((name) => tool(name, name < "a"))
      const fiber = yield* Effect.fork(
        observed(Agent.make("a", { tools }), [names.map((name) => call(name, name)), done])
      )
      for (let second = 0; second < 4; second++) yield* TestClock.adjust("1 second")
      const { requests } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(together, ["a", "a+b", "X", "Y", "c", "c+d"])
      assert.deepStrictEqual(
        sentResults(requests[1]),
        names.map((name) => `ok: ${name}`)
      )
    })
  )
})

describe("Tools that are used up", () => {
  const skipped = (times: string) =>
    `skipped: This call was not started: pay may be called ${times} in a run, and that is used up. Go on without it.`

  it.effect("never start more often than allowed in a run, whatever runs at once", () =>
    Effect.gen(function* () {
      let paid = 0
      const pay = Agent.tool("pay", { maxCalls: 3 }, () =>
        Effect.zipRight(
          Effect.yieldNow(),
          Effect.sync(() => ++paid)
        )
      )
      const agent = Agent.make("a", { tools: [pay, now] })
      const script = [calls(2, "pay"), [...calls(4, "pay"), call("n", "now")], done]
      const { events, requests } = yield* observed(agent, script)
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: 1", "ok: 2"])
      assert.deepStrictEqual(sentResults(requests[2]), ["ok: 3", ...Array(3).fill(skipped("3 times")), "ok: now"])
      assert.strictEqual(events.filter((event) => event._tag === "ToolStart").length, 4)
      const again = yield* observed(agent, script)
      assert.strictEqual(sentResults(again.requests[1])[0], "ok: 4")
    })
  )

  it.effect("calls that were never let through do not count, and the annotation means the same", () =>
    Effect.gen(function* () {
      const Pay = AiTool.make("pay", { parameters: { sum: Schema.Int }, success: Schema.String })
      const tools = AiToolkit.make(Pay.annotate(Tool.MaxCalls, 1))
      const { requests } = yield* observed(Agent.make("a", { toolkit: tools }), [
        [call("1", "pay", { sum: "much" }), call("2", "pay", { sum: 1 }), call("3", "pay", { sum: 2 })],
        done
      ]).pipe(Effect.provide(tools.toLayer({ pay: ({ sum }) => Effect.succeed(`paid ${sum}`) })))
      const [invalid, ...rest] = sentResults(requests[1])
      assert.match(String(invalid), /^invalid: /)
      assert.deepStrictEqual(rest, ["ok: paid 1", skipped("once")])
    })
  )
})

describe("Tools that are tried again", () => {
  const exponential = Schedule.intersect(Schedule.exponential("1 second"), Schedule.recurs(3))

  it.effect("as their schedule says, until one attempt succeeds", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      const flaky = Agent.tool("flaky", { idempotent: true, retry: exponential }, () =>
        Effect.flatMap(TestClock.currentTimeMillis, (time) =>
          at.push(time) < 3 ? Effect.fail(new Error("busy")) : Effect.succeed("there")
        )
      )
      const fiber = yield* Effect.fork(observed(Agent.make("a", { tools: [flaky] }), [[call("1", "flaky")], done]))
      yield* TestClock.adjust("3 seconds")
      const { events, requests } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(at, [0, 1000, 3000])
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: there"])
      assert.strictEqual(events.filter((event) => event._tag === "ToolStart").length, 1)
    })
  )

  it.effect("CALL-5 each attempt within its time, and the last one is the result", () =>
    Effect.gen(function* () {
      const released: Array<number> = []
      const deaf = Agent.tool("deaf", { readOnly: true, timeout: "2 seconds", retry: exponential }, () =>
        Effect.ensuring(
          Effect.never,
          Effect.flatMap(TestClock.currentTimeMillis, (time) => Effect.sync(() => released.push(time)))
        )
      )
      const fiber = yield* Effect.fork(observed(Agent.make("a", { tools: [deaf] }), [[call("1", "deaf")], done]))
      yield* TestClock.adjust("15 seconds")
      const { requests } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(released, [2000, 5000, 9000, 15_000])
      assert.deepStrictEqual(sentResults(requests[1]), ["timed-out: Tool deaf did not finish in time and was stopped."])
    })
  )

  it.effect("CALL-5 schedules see that an attempt was out of time", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const retry = Schedule.recurs(1).pipe(
        Schedule.tapInput((error: unknown) => Effect.sync(() => seen.push(Cause.isTimeoutException(error))))
      )
      const deaf = Agent.tool("deaf", { idempotent: true, timeout: "1 second", retry }, () => Effect.never)
      const fiber = yield* Effect.fork(observed(Agent.make("a", { tools: [deaf] }), [[call("1", "deaf")], done]))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(seen, [true, true])
    })
  )

  it.effect(
    "AA-09 CALL-4 schedules see the failure; defects and what the schedule gives up on are not tried again",
    () =>
      Effect.gen(function* () {
        class Busy extends Schema.TaggedError<Busy>()("Busy", { line: Schema.Number }) {}
        const ran = { busy: 0, gone: 0, dead: 0, typed: 0 }
        const retry = Schedule.whileInput(Schedule.recurs(2), (error: unknown) => error !== "gone")
        const failing = (name: "busy" | "gone" | "dead", how: () => Effect.Effect<string, string>) =>
          Agent.tool(name, { idempotent: true, retry }, () =>
            Effect.zipRight(
              Effect.sync(() => ran[name]++),
              Effect.suspend(how)
            )
          )
        const tools = [
          failing("busy", () => Effect.fail("busy")),
          failing("gone", () => Effect.fail("gone")),
          failing("dead", () => Effect.die("dead")),
          Agent.tool("typed", { idempotent: true, retry, failure: Busy }, () =>
            Effect.suspend(() => Effect.fail(new Busy({ line: ++ran.typed })))
          )
        ]
        const { requests } = yield* observed(Agent.make("a", { tools }), [
          tools.map(({ tool }) => call(tool.name, tool.name)),
          done
        ])
        assert.deepStrictEqual(ran, { busy: 3, gone: 1, dead: 1, typed: 3 })
        assert.deepStrictEqual(sentResults(requests[1]), [
          "failed: busy",
          "failed: gone",
          "failed: Tool dead failed unexpectedly. The details are in the log of this application.",
          'failed: {"line":3,"_tag":"Busy"}'
        ])
      })
  )

  it.effect("RUN-3 interrupting a call ends its attempts", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      let ran = 0
      const flaky = Agent.tool("flaky", { idempotent: true, retry: Schedule.spaced("1 minute") }, () =>
        Effect.suspend(() => {
          ran++
          return Effect.zipRight(Deferred.succeed(begun, undefined), Effect.fail("busy"))
        })
      )
      const fiber = yield* Effect.fork(observed(Agent.make("a", { tools: [flaky] }), [[call("1", "flaky")]]))
      yield* Deferred.await(begun)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(ran, 1)
    })
  )

  it.effect("only idempotent and read-only tools may be: anything else is a mistake of the program", () =>
    Effect.gen(function* () {
      const retry = Schedule.recurs(1)
      const said = /Tool pay has a retry schedule.*make it idempotent or readOnly/
      assert.throws(() => Agent.tool("pay", { retry }, () => Effect.void), said)
      assert.throws(() => Agent.tool("pay", { retry, idempotent: false }, () => Effect.void), said)
      const annotated = AiToolkit.make(AiTool.make("pay", {}).annotate(Tool.Retry, retry))
      const exit = yield* Effect.exit(
        Effect.provide(
          observed(Agent.make("a", { toolkit: annotated }), [done]),
          annotated.toLayer({ pay: () => Effect.void })
        )
      )
      assert.match(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "no", said)
      const allowed = AiTool.make("pay", {}).annotate(Tool.Retry, retry).annotate(AiTool.Idempotent, true)
      const tools = AiToolkit.make(allowed)
      let ran = 0
      const handlers = tools.toLayer({ pay: () => Effect.suspend(() => (++ran === 1 ? Effect.die("x") : Effect.void)) })
      yield* Effect.provide(observed(Agent.make("a", { toolkit: tools }), [[call("1", "pay")], done]), handlers)
      assert.strictEqual(ran, 1)
      for (const maxCalls of [0, 2.5]) {
        assert.throws(() => Agent.tool("pay", { maxCalls }, () => Effect.void), /maxCalls of tool pay/)
      }
    })
  )
})
