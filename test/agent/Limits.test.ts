import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { LimitExceeded } from "../../src/domain/AgentError.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, delay, finish, text, usage } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { sentResults, world } from "../support/runs.ts"

const session = SessionId.make("s")
const work = Agent.tool("work", { parameters: { n: Schema.optional(Schema.Number) } }, ({ n }) =>
  Effect.succeed(n ?? 0)
)
const fail = Agent.tool("fail", { parameters: { n: Schema.optional(Schema.Number) } }, ({ n }) =>
  Effect.fail(`no ${n}`)
)
const agent = Agent.make("a", { tools: [work, fail] })
const limited = (limits: Parameters<typeof Agent.withLimits>[1]) => Agent.withLimits(agent, limits)

/** A model that calls without end, and answers when it may not call. */
const busy: ScriptedTransport.Script = (request, index) =>
  request.toolChoice === "none" ? [text("so far")] : [call(`${index}`, "work", { n: index })]
const bills =
  (cost: Parameters<typeof usage>[0]): ScriptedTransport.Script =>
  (request, index) => [usage(cost), ...busy(request, index)]

/** What a run failed with, as it was made. */
const cause = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) ? Cause.originalError(Cause.squash(exit.cause)) : undefined
const worked = ["TurnStart", "ToolStart:work", "ToolEnd:work:ok", "TurnEnd"]
const last = ["TurnStart", "Text:so far", "TurnEnd"]

describe("Limits", () => {
  describe("turns", () => {
    // AX-09 counts the model calls of a run that fails; DESIGN's default adds one last turn without tools (AM-03).
    it.effect("AM-03 RUN-6 TR-25 so many turns with tools, then one last without", () =>
      Effect.gen(function* () {
        const result = yield* Agent.run(limited({ turns: 3 }), "go", { session })
        const requests = yield* ScriptedTransport.requests
        assert.deepStrictEqual(
          requests.map(({ toolChoice }) => toolChoice),
          ["auto", "auto", "auto", "none"]
        )
        assert.deepStrictEqual(
          [result.output, result.reason, result.limit, result.turns],
          ["so far", "limit", "turns", 4]
        )
        // The tools stay declared, so that what a vendor has cached stays valid.
        assert.strictEqual(requests[3]?.tools, requests[0]?.tools)
      }).pipe(Effect.provide(world(busy)))
    )

    it.effect("AX-09 AA-19 RUN-6 onLimit fail: exactly so many requests, then LimitExceeded", () =>
      Effect.gen(function* () {
        const ended = yield* Trace.exit(Agent.stream(limited({ turns: 3, onLimit: "fail" }), "go"))
        assert.deepStrictEqual(ended.lines, ["RunStart", ...worked, ...worked, ...worked, "RunEnd:limit:turns"])
        assert.deepStrictEqual(cause(ended.exit), new LimitExceeded({ limit: "turns", max: 3, actual: 3 }))
        assert.strictEqual((yield* ScriptedTransport.requests).length, 3)
      }).pipe(Effect.provide(world(busy)))
    )

    it.effect("RUN-6 are 50 unless said", () =>
      Effect.gen(function* () {
        const { limit, turns } = yield* Agent.run(agent, "go")
        assert.deepStrictEqual([limit, turns], ["turns", 51])
      }).pipe(Effect.provide(world(busy)))
    )

    it.effect("AX-10 the last turn's message is sent on it only, and never stored", () =>
      Effect.gen(function* () {
        const store = yield* ContextStore.ContextStore
        const told = Message.user("Wrap up now.")
        const result = yield* Agent.run(limited({ turns: 2, lastTurnMessage: "Wrap up now." }), "go", { session })
        const { messages } = yield* store.read(session)
        assert.deepStrictEqual(
          (yield* ScriptedTransport.requests).map((request) => request.messages),
          [messages.slice(0, 1), messages.slice(0, 3), [...messages.slice(0, 5), told]]
        )
        assert.deepStrictEqual(result.messages, messages)
        assert.deepStrictEqual(messages.at(-1), Message.assistant("so far"))
      }).pipe(Effect.provide(world(busy)))
    )

    it.effect("TR-25 calls made on the last turn are skipped, and there is no turn after it", () =>
      Effect.gen(function* () {
        const { lines } = yield* Trace.exit(Agent.stream(limited({ turns: 1 }), "go"))
        assert.deepStrictEqual(lines, [
          ...[
            "RunStart",
            ...worked,
            "TurnStart",
            "Text:I must",
            "ToolEnd:work:skipped",
            "TurnEnd",
            "RunEnd:limit:turns"
          ]
        ])
      }).pipe(Effect.provide(world([[call("1", "work")], [text("I must"), call("2", "work")]])))
    )

    it.effect("an answer on the last allowed turn is no limit", () =>
      Effect.gen(function* () {
        const { limit, reason } = yield* Agent.run(limited({ turns: 2 }), "go")
        assert.deepStrictEqual([reason, limit], ["completed", undefined])
      }).pipe(Effect.provide(world([[call("1", "work")], [text("done")]])))
    )
  })

  describe("what responses cost", () => {
    const cost = { input: 100, output: 20, costUsd: 0.5 }
    const dimensions = [
      ["inputTokens", { inputTokens: 250 }, 250, 300],
      ["outputTokens", { outputTokens: 41 }, 41, 60],
      ["totalTokens", { totalTokens: 360 }, 360, 360],
      ["costUsd", { costUsd: 1.25 }, 1.25, 1.5]
    ] as const
    it.effect.each(dimensions)("RUN-6 AG-03 AA-20 %s end the run between turns", ([limit, limits, max, actual]) =>
      Effect.gen(function* () {
        const run = Effect.provide(world(bills(cost)))
        const answered = yield* run(Agent.run(limited(limits), "go"))
        assert.deepStrictEqual(
          [answered.reason, answered.limit, answered.output, answered.turns],
          ["limit", limit, "so far", 4]
        )
        const exit = yield* run(Effect.exit(Agent.run(limited({ ...limits, onLimit: "fail" }), "go")))
        assert.deepStrictEqual(cause(exit), new LimitExceeded({ limit, max, actual }))
      })
    )

    it.effect("a vendor that reports nothing cannot be limited by it", () =>
      Effect.gen(function* () {
        const { limit } = yield* Agent.run(limited({ totalTokens: 1, costUsd: 0.01, turns: 2 }), "go")
        assert.strictEqual(limit, "turns")
      }).pipe(Effect.provide(world(bills({}))))
    )

    it.effect("a budget of nothing leaves one last answer", () =>
      Effect.gen(function* () {
        const { limit, turns } = yield* Agent.run(limited({ totalTokens: 0 }), "go")
        const [request] = yield* ScriptedTransport.requests
        assert.deepStrictEqual([limit, turns, request?.toolChoice], ["totalTokens", 1, "none"])
      }).pipe(Effect.provide(world(busy)))
    )
  })

  describe("tool calls", () => {
    const three = [call("1", "work", { n: 1 }), call("2", "work", { n: 2 }), call("3", "work", { n: 3 })]
    const ran = ["ToolStart:work", "ToolEnd:work:ok"]

    it.effect("RUN-6 a batch that lands exactly on the cap runs", () =>
      Effect.gen(function* () {
        const { limit, reason, turns } = yield* Agent.run(limited({ toolCalls: 3 }), "go")
        assert.deepStrictEqual([reason, limit, turns], ["completed", undefined, 2])
        assert.deepStrictEqual(sentResults((yield* ScriptedTransport.requests)[1]), ["ok: 1", "ok: 2", "ok: 3"])
      }).pipe(Effect.provide(world([three, [text("done")]])))
    )

    it.effect("RUN-6 TR-26 a batch over the cap runs nothing, and one answer follows", () =>
      Effect.gen(function* () {
        const sequential = Agent.make("a", { tools: [work], toolConcurrency: 1, limits: { toolCalls: 4 } })
        const skipped = "skipped: This call was not started: the limit of tool calls is reached."
        const { lines } = yield* Trace.exit(Agent.stream(sequential, "go"))
        assert.deepStrictEqual(lines, [
          ...["RunStart", "TurnStart", ...ran, ...ran, ...ran, "TurnEnd", "TurnStart"],
          ...["ToolEnd:work:skipped", "ToolEnd:work:skipped", "TurnEnd", ...last, "RunEnd:limit:toolCalls"]
        ])
        const { messages, toolChoice } = (yield* ScriptedTransport.requests)[2] ?? assert.fail("no last turn")
        assert.deepStrictEqual([toolChoice, sentResults({ messages } as never)], ["none", [skipped, skipped]])
      }).pipe(Effect.provide(world([three, three.slice(0, 2), [text("so far")]])))
    )

    it.effect("RUN-6 onLimit fail tells what the batch would have come to", () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(Agent.run(limited({ toolCalls: 2, onLimit: "fail" }), "go"))
        assert.deepStrictEqual(cause(exit), new LimitExceeded({ limit: "toolCalls", max: 2, actual: 3 }))
      }).pipe(Effect.provide(world([three])))
    )

    it.effect("RUN-6 none allowed: the first call is skipped", () =>
      Effect.gen(function* () {
        const { limit, output } = yield* Agent.run(limited({ toolCalls: 0 }), "go")
        assert.deepStrictEqual([limit, output], ["toolCalls", "so far"])
      }).pipe(Effect.provide(world([[call("1", "work")], [text("so far")]])))
    )

    it.effect("TURN-1 calls of an answer that was cut off reach no limit", () =>
      Effect.gen(function* () {
        const { limit, reason } = yield* Agent.run(limited({ toolCalls: 1 }), "go")
        assert.deepStrictEqual([reason, limit], ["length", undefined])
      }).pipe(Effect.provide(world([[text("half"), ...three, finish("length")]])))
    )
  })

  describe("wall time", () => {
    const atTheEnd = <A, E, R>(run: Effect.Effect<A, E, R>) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(Effect.exit(run))
        yield* TestClock.adjust("59 seconds")
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("1 second")
        return yield* Fiber.join(fiber)
      })

    it.effect("RUN-6 CALL-5 interrupts a slow answer and keeps what it said", () =>
      Effect.gen(function* () {
        const exit = yield* atTheEnd(Agent.run(limited({ wallTime: "1 minute" }), "go", { session }))
        const { limit, output, reason, usage } = yield* exit
        assert.deepStrictEqual([reason, limit, output, usage.estimated], ["limit", "wallTime", "half", true])
        assert.strictEqual(yield* ScriptedTransport.openConnections, 0)
        const { messages } = yield* Effect.flatMap(ContextStore.ContextStore, (store) => store.read(session))
        assert.deepStrictEqual(messages.map(Message.toText), ["go", "half"])
      }).pipe(Effect.provide(world([[text("half", delay("1 hour"), "whole")]])))
    )

    it.effect("RUN-6 interrupts tools and accounts for their calls", () =>
      Effect.gen(function* () {
        const stopped = yield* Deferred.make<void>()
        const slow = Agent.tool("slow", {}, () =>
          Effect.onInterrupt(Effect.never, () => Deferred.succeed(stopped, undefined))
        )
        const busy = Agent.make("a", { tools: [slow], toolConcurrency: 1, limits: { wallTime: "1 minute" } })
        const exit = yield* atTheEnd(Trace.exit(Agent.stream(busy, "go", { session })))
        assert.deepStrictEqual((yield* exit).lines, [
          ...["RunStart", "TurnStart", "ToolStart:slow", "ToolEnd:slow:interrupted", "ToolEnd:slow:skipped"],
          ...["TurnEnd", "RunEnd:limit:wallTime"]
        ])
        assert.isTrue(yield* Deferred.isDone(stopped))
        const { messages } = yield* Effect.flatMap(ContextStore.ContextStore, (store) => store.read(session))
        assert.deepStrictEqual(sentResults({ messages } as never), [
          "interrupted: This call was interrupted before it finished: the run was out of time. It may have had effects.",
          "skipped: This call was not started: the run was out of time."
        ])
      }).pipe(Effect.provide(world([[call("1", "slow"), call("2", "slow")]])))
    )

    it.effect("RUN-6 onLimit fail fails with LimitExceeded in milliseconds", () =>
      Effect.gen(function* () {
        const exit = yield* atTheEnd(Agent.run(limited({ wallTime: "1 minute", onLimit: "fail" }), "go"))
        assert.deepStrictEqual(cause(exit), new LimitExceeded({ limit: "wallTime", max: 60_000, actual: 60_000 }))
      }).pipe(Effect.provide(world([[delay("1 hour"), text("late")]])))
    )

    it.effect("RUN-6 bounds the wait for a busy session", () =>
      Effect.gen(function* () {
        const store = yield* ContextStore.ContextStore
        yield* store.lock(session, "wait")
        const exit = yield* atTheEnd(Agent.run(limited({ wallTime: "1 minute" }), "go", { session }))
        assert.deepStrictEqual((yield* exit).limit, "wallTime")
        assert.deepStrictEqual(yield* ScriptedTransport.requests, [])
      }).pipe(Effect.scoped, Effect.provide(world([])))
    )
  })

  describe("going round in circles", () => {
    const turns = (...names: ReadonlyArray<readonly [name: string, n: number]>): ScriptedTransport.Script => [
      ...names.map(([name, n], index) => [call(`${index}`, name, { n })]),
      [text("so far")]
    ]
    const end = (limits: Parameters<typeof limited>[0], script: ScriptedTransport.Script) =>
      Effect.map(
        Effect.provide(Agent.run(limited(limits), "go"), world(script)),
        ({ limit, reason, turns }) => `${reason}${limit === undefined ? "" : ` ${limit}`} ${turns}`
      )

    it.effect("RUN-6 turns in which every call failed are counted in a row", () =>
      Effect.gen(function* () {
        const two = { repeatedFailures: 2 }
        const mixed = [[call("1", "fail"), call("2", "work")], [call("3", "fail")], [text("so far")]]
        assert.deepStrictEqual(
          [
            yield* end(two, turns(["fail", 1], ["fail", 2])),
            yield* end(two, turns(["fail", 1], ["work", 1], ["fail", 2])),
            yield* end(two, turns(["no-such-tool", 1], ["nor-this", 2])),
            yield* end(two, mixed)
          ],
          ["limit repeatedFailures 3", "completed 4", "limit repeatedFailures 3", "completed 3"]
        )
      })
    )

    it.effect("RUN-6 the same call with the same result is counted in a row", () =>
      Effect.gen(function* () {
        const three = { identicalCalls: 3 }
        const order = [
          call("1", "work", { n: 1, m: 2 }),
          call("2", "work", { m: 2, n: 1 }),
          call("3", "work", '{"n":1, "m":2}')
        ]
        assert.deepStrictEqual(
          [
            yield* end(three, turns(["work", 1], ["work", 1], ["work", 1])),
            yield* end(three, turns(["work", 1], ["work", 1], ["work", 2], ["work", 1])),
            yield* end(three, turns(["fail", 1], ["fail", 1], ["fail", 1])),
            yield* end(three, [order, [text("so far")]])
          ],
          ["limit identicalCalls 4", "completed 5", "limit identicalCalls 4", "limit identicalCalls 2"]
        )
      })
    )

    it.effect("RUN-6 a call whose result changes makes progress", () =>
      Effect.gen(function* () {
        let n = 0
        const poll = Agent.tool("poll", {}, () => Effect.sync(() => ++n))
        const { reason } = yield* Agent.run(Agent.make("a", { tools: [poll], limits: { identicalCalls: 2 } }), "go")
        assert.strictEqual(reason, "completed")
      }).pipe(Effect.provide(world([[call("1", "poll")], [call("2", "poll")], [call("3", "poll")], [text("done")]])))
    )
  })

  describe("a warning", () => {
    it.effect("RUN-6 comes once per limit, at four fifths of it", () =>
      Effect.gen(function* () {
        const events = yield* Trace.events(Agent.stream(limited({ turns: 10, inputTokens: 100 }), "go"))
        const warnings = events.flatMap((event) =>
          event._tag === "LimitWarning" ? [[event.turn, event.limit, event.max, event.actual]] : []
        )
        assert.deepStrictEqual(warnings, [
          [8, "turns", 10, 8],
          [8, "inputTokens", 100, 80]
        ])
      }).pipe(Effect.provide(world(busy)))
    )
  })

  it("a limit that allows no turn is a programming mistake", () => {
    const problem = /limits\.turns must be a whole number of at least 1/
    assert.throws(() => Agent.make("a", { limits: { turns: 0 } }), problem)
    assert.throws(() => limited({ turns: 0 }), problem)
  })

  it.effect("RUN-6 hooks hear of a limit as the reason, and of no error when it was answered", () =>
    Effect.gen(function* () {
      const log: Array<unknown> = []
      const hooks = Hooks.layer({
        runEnd: (event) => Effect.sync(() => log.push([event.reason, event.error])),
        error: (event) => Effect.sync(() => log.push(event.error))
      })
      yield* Agent.run(limited({ turns: 1 }), "go").pipe(Effect.provide(hooks))
      assert.deepStrictEqual(log, [["limit", undefined]])
    }).pipe(Effect.provide(world(busy)))
  )
})
