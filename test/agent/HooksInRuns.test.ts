import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { Activities, direct } from "../../src/agent/Activities.ts"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Identity from "../../src/context/Identity.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, error, gate, text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import { TransportError } from "../../src/transport/TransportError.ts"
import { sentResults, world } from "../support/runs.ts"

type Name = keyof Hooks.Service
const session = SessionId.make("s")
const identity = { userId: "ada", chatId: "c1" }
const where = (turn: number) => ({ run: "run_1", session, agent: "a", turn, identity })

const disk = new Error("disk full")
const broken = Agent.tool("broken", {}, () => Effect.fail(disk))
const echo = Agent.tool("echo", { parameters: { text: Schema.String } }, (input) => Effect.succeed(input.text))
const agent = Agent.make("a", { tools: [broken, echo] })
const twoTurns = [[call("w", "broken")], [text("done")]]
const cost = Usage.make({ input: 10, output: 5 })
const failed = ToolResult.text("failed", "disk full")
const overflow = new TransportError({
  vendor: "scripted",
  model: "scripted",
  reason: { _tag: "ContextOverflow", message: "scripted" },
  replay: "safe"
})

/** A world in which two runs are the same: ids count. */
const on = (script: ScriptedTransport.Script) => {
  const ids = Layer.sync(Activities, () => {
    let next = 0
    return { ...direct, id: (prefix) => Effect.sync(() => `${prefix}_${++next}`) }
  })
  return Layer.mergeAll(world(script), ids, Identity.layer(identity))
}

/** A record that has every hook, of one behaviour. */
const every = (hook: (name: Name, event: unknown) => Effect.Effect<never> | Effect.Effect<void>): Hooks.Service => {
  const names: ReadonlyArray<Name> = [
    ...(["runStart", "runEnd", "turnStart", "turnEnd", "toolStart", "toolEnd"] as const),
    ...(["toolError", "contextOverflow", "stop", "error", "events"] as const)
  ]
  return Object.fromEntries(names.map((name) => [name, (event: unknown) => hook(name, event)]))
}

const recorder = () => {
  const seen: Array<readonly [Name, unknown]> = []
  return { seen, hooks: every((name, event) => Effect.sync(() => void seen.push([name, event]))) }
}

/** What hooks were told, batches of events as their tags. */
const told = (seen: ReadonlyArray<readonly [Name, unknown]>) =>
  seen.map(([name, event]) => (Array.isArray(event) ? event.map((it: AgentEvent) => it._tag).join(" ") : name))

/** Runs an agent with hooks, to whatever end. */
const run = (hooks: Hooks.Service, options?: Parameters<typeof Agent.stream>[2], who: Agent.Agent = agent) =>
  Trace.exit(Agent.stream(who, "go", { session, ...options })).pipe(Effect.provide(Hooks.layer(hooks)))

const cause = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) ? Cause.originalError(Cause.squash(exit.cause)) : undefined

/** Runs with hooks, and collects what is logged meanwhile. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${[message].flat()[0]}`))
  return Effect.map(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)), (value) => ({ value, lines }))
}

describe("Hooks in runs", () => {
  describe("order", () => {
    it.effect("AA-12 all hooks over two turns and a failing tool", () =>
      Effect.gen(function* () {
        const { hooks, seen } = recorder()
        yield* run(hooks)
        assert.deepStrictEqual(told(seen), [
          ...["runStart", "RunStart"],
          ...["turnStart", "TurnStart", "ToolInputStart ToolInputDelta", "ToolCall"],
          ...["toolStart", "ToolStart", "toolEnd", "toolError", "ToolEnd", "TurnEnd", "turnEnd"],
          ...["turnStart", "TurnStart", "TextDelta", "TurnEnd", "turnEnd"],
          ...["RunEnd", "runEnd"]
        ])
      }).pipe(Effect.provide(on(twoTurns)))
    )

    it.effect("AA-13 TR-22 a refusal for length: overflow, error, the last event, the end", () =>
      Effect.gen(function* () {
        const { hooks, seen } = recorder()
        const { exit } = yield* run(hooks)
        assert.deepStrictEqual(told(seen), [
          ...["runStart", "RunStart", "turnStart", "TurnStart", "contextOverflow", "TurnEnd", "turnEnd"],
          ...["error", "RunEnd", "runEnd"]
        ])
        assert.deepStrictEqual(cause(exit), overflow)
        const [request] = yield* ScriptedTransport.requests
        const payloads = new Map(seen)
        assert.deepStrictEqual(payloads.get("contextOverflow"), { ...where(1), error: overflow, request })
        assert.deepStrictEqual(payloads.get("error"), { ...where(1), error: overflow })
        assert.deepStrictEqual(payloads.get("runEnd"), {
          ...where(1),
          reason: "error",
          limit: undefined,
          output: "",
          usage: Usage.zero,
          error: overflow
        })
      }).pipe(Effect.provide(on([[error("ContextOverflow")]])))
    )

    it.effect("TR-22 a rate limit is no overflow", () =>
      Effect.gen(function* () {
        const { hooks, seen } = recorder()
        yield* run(hooks, {}, Agent.make("a", { retries: 0 }))
        assert.deepStrictEqual(told(seen).slice(-4), ["turnEnd", "error", "RunEnd", "runEnd"])
      }).pipe(Effect.provide(on([[error("RateLimited")]])))
    )

    it.effect("a stop is told before the last event", () =>
      Effect.gen(function* () {
        const { hooks, seen } = recorder()
        const latch = yield* Deferred.make<void>()
        const stops = (event: unknown) => Array.isArray(event) && event[0]._tag === "TextDelta"
        const stopper = every((_, event) => (stops(event) ? Deferred.succeed(latch, undefined) : Effect.void))
        yield* run(Hooks.combine(hooks, { events: stopper.events }), { stopSignal: Deferred.await(latch) })
        assert.deepStrictEqual(told(seen).slice(-6), ["TextDelta", "TurnEnd", "turnEnd", "stop", "RunEnd", "runEnd"])
        assert.deepStrictEqual(new Map(seen).get("stop"), where(1))
      }).pipe(Effect.provide(on([[text("half", gate(Effect.never))]])))
    )
  })

  it.effect("AA-12 every payload says which run, session, agent, turn, for whom", () =>
    Effect.gen(function* () {
      const { hooks, seen } = recorder()
      yield* run(hooks)
      const requests = yield* ScriptedTransport.requests
      const about = { call: "call_run_1_1_0", tool: "broken", input: {} }
      const stored = [requests[1]?.messages[1], requests[1]?.messages[2]]
      assert.deepStrictEqual(
        seen.filter(([name]) => name !== "events"),
        [
          ["runStart", { ...where(0), input: [Message.user("go")] }],
          ["turnStart", { ...where(1), request: requests[0] }],
          ["toolStart", { ...where(1), ...about }],
          ["toolEnd", { ...where(1), ...about, result: failed }],
          ["toolError", { ...where(1), ...about, error: disk, result: failed }],
          ["turnEnd", { ...where(1), reason: "tool-calls", usage: cost, messages: stored }],
          ["turnStart", { ...where(2), request: requests[1] }],
          ["turnEnd", { ...where(2), reason: "stop", usage: cost, messages: [Message.assistant("done")] }],
          [
            "runEnd",
            { ...where(2), reason: "completed", output: "done", usage: Usage.sum(cost, cost), error: undefined }
          ]
        ]
      )
    }).pipe(Effect.provide(on(twoTurns)))
  )

  describe("turnStart", () => {
    const dies = new Error("no policy")

    it.effect.each([
      ["dies", () => Effect.die(dies)],
      ["throws", () => assert.fail(dies.message)]
    ] as const)("that %s fails closed: nothing is sent", ([, turnStart]) =>
      Effect.gen(function* () {
        const store = yield* ContextStore.ContextStore
        const { hooks, seen } = recorder()
        const ended = yield* run({ ...hooks, turnStart })
        assert.deepStrictEqual(yield* ScriptedTransport.requests, [])
        assert.deepStrictEqual(ended.lines, ["RunStart", "RunEnd:error"])
        assert.deepStrictEqual(told(seen), ["runStart", "RunStart", "error", "RunEnd", "runEnd"])
        const defects = Exit.isFailure(ended.exit) ? [...Cause.defects(ended.exit.cause)] : []
        assert.deepStrictEqual(
          defects.map((defect) => (defect as Error).message),
          [dies.message]
        )
        assert.deepStrictEqual((yield* store.read(session)).messages, [Message.user("go")])
        assert.notInclude(JSON.stringify(ended.events), dies.message)
      }).pipe(Effect.provide(on(() => assert.fail("asked"))))
    )

    it.effect("changes messages, tools and settings of a request, stores nothing of it", () =>
      Effect.gen(function* () {
        const store = yield* ContextStore.ContextStore
        const secret = Message.user("only for the model")
        const change = { messages: [secret, secret], tools: [], settings: { seed: 1 }, toolChoice: "none" } as const
        const turnStart: Hooks.Service["turnStart"] = ({ turn }) => (turn === 1 ? Effect.succeed(change) : Effect.void)
        yield* run({ turnStart })
        const [first, second] = yield* ScriptedTransport.requests
        const { messages } = yield* store.read(session)
        assert.deepStrictEqual(first, {
          ...change,
          // Neighbours of one role are one message, for hooks as for everyone.
          messages: [{ ...secret, parts: [...secret.parts, ...secret.parts] }],
          responseFormat: { type: "text" }
        })
        assert.deepStrictEqual(second?.messages, messages.slice(0, -1))
        assert.deepStrictEqual(
          second?.tools.map(({ name }) => name),
          ["broken", "echo"]
        )
        assert.notInclude(JSON.stringify(messages), "only for the model")
      }).pipe(Effect.provide(on(twoTurns)))
    )
  })

  describe("toolStart and toolEnd", () => {
    it.effect.each([
      ["toolStart", "failed: Tool echo was not run: a check of this application failed."],
      ["toolEnd", "failed: The result of echo is withheld: a check of this application failed."]
    ] as const)("CALL-1 %s that interrupts itself fails closed, the run goes on", ([name, sent]) =>
      Effect.gen(function* () {
        const { lines } = yield* run({ [name]: () => Effect.interrupt })
        assert.deepStrictEqual(sentResults((yield* ScriptedTransport.requests)[1]), [sent])
        assert.strictEqual(lines.at(-1), "RunEnd:completed")
      }).pipe(Effect.provide(on([[call("w", "echo", { text: "secret" })], [text("done")]])), logged)
    )
  })

  describe("events", () => {
    const chatty = Agent.tool("chatty", { parameters: { times: Schema.Int } }, ({ times }) =>
      Effect.flatMap(ToolContext, ({ progress }) =>
        Effect.forEach(Array.from({ length: times }), (_, index) => Effect.zipRight(Effect.yieldNow(), progress(index)))
      )
    )

    it.effect("AA-12 sees every event in order, while eight tools talk at once", () =>
      Effect.gen(function* () {
        const seen: Array<AgentEvent> = []
        const slow: Hooks.Service = {
          events: (batch) =>
            Effect.zipRight(
              Effect.yieldNow().pipe(Effect.repeatN((batch[0]?.sequence ?? 0) % 5)),
              Effect.sync(() => seen.push(...batch))
            )
        }
        const { events } = yield* run(slow, {}, Agent.make("a", { tools: [chatty] }))
        assert.deepStrictEqual(seen, events)
        assert.deepStrictEqual(
          events.map(({ sequence }) => sequence),
          events.map((_, index) => index)
        )
        assert.strictEqual(events.filter(({ _tag }) => _tag === "ToolProgress").length, 8 * 5)
      }).pipe(
        Effect.provide(
          on([Array.from({ length: 8 }, (_, at) => call(`${at}`, "chatty", { times: 5 })), [text("done")]])
        )
      )
    )

    it.effect("a stop while it works leaves no gap in the numbers", () =>
      Effect.gen(function* () {
        const seen: Array<AgentEvent> = []
        const [busy, latch] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const hook = (batch: ReadonlyArray<AgentEvent>) =>
          batch[0]?._tag === "TextDelta"
            ? Effect.zipRight(Deferred.succeed(busy, undefined), Deferred.await(latch))
            : Effect.void
        const handle = yield* Agent.start(agent, "go", { session }).pipe(
          Effect.provide(
            Hooks.layer({
              events: (batch) =>
                Effect.zipRight(
                  Effect.sync(() => seen.push(...batch)),
                  hook(batch)
                )
            })
          )
        )
        yield* Deferred.await(busy)
        const stopping = yield* Effect.fork(handle.stop)
        yield* Effect.yieldNow().pipe(Effect.repeatN(50))
        yield* Deferred.succeed(latch, undefined)
        yield* Fiber.join(stopping)
        const events = yield* Trace.events(handle.events)
        assert.deepStrictEqual(events, seen)
        assert.deepStrictEqual(
          events.map(({ sequence, _tag }) => `${sequence} ${_tag}`),
          ["0 RunStart", "1 TurnStart", "2 TextDelta", "3 TurnEnd", "4 RunEnd"]
        )
      }).pipe(Effect.scoped, Effect.provide(on([[text("half", gate(Effect.never))]])))
    )
  })

  describe("runEnd", () => {
    interface End {
      readonly reason: string
      readonly turn: ScriptedTransport.Turn
      readonly who?: Agent.Agent
      readonly stopSignal?: Effect.Effect<void>
      readonly layer?: Layer.Layer<never>
    }
    const limited = Agent.make("a", { tools: [echo], limits: { turns: 1, onLimit: "fail" } })
    const asks = Agent.tool("asks", { needsApproval: true }, () => Effect.void)
    const block = MessageGuard.make(() => Effect.succeed(MessageGuard.Block("no")))
    const ends: ReadonlyArray<End> = [
      { reason: "completed", turn: [text("done")] },
      { reason: "length", turn: [text("cut"), ScriptedTransport.finish("length")] },
      { reason: "error", turn: [error("Authentication")] },
      {
        reason: "stopped",
        turn: [text("half", gate(Effect.never))],
        stopSignal: Effect.yieldNow().pipe(Effect.repeatN(50))
      },
      { reason: "interrupted", turn: [text("half", gate(Effect.never))] },
      { reason: "limit", turn: [call("1", "echo", { text: "x" })], who: limited },
      {
        reason: "awaiting-approval",
        turn: [call("1", "asks")],
        who: Agent.make("a", { tools: [asks] }),
        layer: Approval.layerSuspend
      },
      { reason: "blocked", turn: [text("bad")], layer: MessageGuard.layer(MessageGuard.forDirection(block, "output")) }
    ]

    it.effect.each(ends)("TR-16 comes exactly once for a run that ended: $reason", (end) =>
      Effect.gen(function* () {
        const reasons: Array<string> = []
        const shown = yield* Deferred.make<void>()
        const hooks: Hooks.Service = {
          runEnd: (event) => Effect.sync(() => void reasons.push(event.reason)),
          events: ([event]) => (event?._tag === "TextDelta" ? Deferred.succeed(shown, undefined) : Effect.void)
        }
        const fiber = yield* Effect.fork(run(hooks, { stopSignal: end.stopSignal }, end.who))
        if (end.reason === "interrupted") yield* Effect.zipRight(Deferred.await(shown), Fiber.interrupt(fiber))
        yield* Fiber.await(fiber)
        assert.deepStrictEqual(reasons, [end.reason])
      }).pipe(Effect.provide([on([end.turn]), end.layer ?? Layer.empty]))
    )
  })

  it.effect("combine: two records in one run are asked in order, each isolated", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const record = (name: string): Hooks.Service => ({
        runStart: () => Effect.die(name),
        turnStart: ({ request }) =>
          Effect.succeed({ messages: [...request.messages, Message.system(name)], settings: { seed: name.length } }),
        toolStart: ({ input }) => Effect.succeed({ input: { text: `${(input as { text: string }).text} ${name}` } }),
        toolEnd: ({ result }) =>
          Effect.succeed(ToolResult.text("ok", `${Part.contentToText(result.content)}, ${name}`)),
        turnEnd: ({ turn }) => Effect.sync(() => void seen.push(`${name} ${turn}`))
      })
      const { lines, value } = yield* logged(run(Hooks.combine(record("one"), {}, record("second"))))
      const [first, second] = yield* ScriptedTransport.requests
      assert.deepStrictEqual(first?.messages, [Message.user("go"), Message.system("one"), Message.system("second")])
      assert.deepStrictEqual(first?.settings, { seed: 6 })
      assert.deepStrictEqual(sentResults(second && { ...second, messages: second.messages.slice(0, -2) }), [
        "ok: x one second, one, second"
      ])
      assert.deepStrictEqual(seen, ["one 1", "second 1", "one 2", "second 2"])
      assert.deepStrictEqual(lines, [
        "WARN A hook died; the run goes on without it",
        "WARN A hook died; the run goes on without it"
      ])
      assert.strictEqual(value.lines.at(-1), "RunEnd:completed")
    }).pipe(Effect.provide(on([[call("w", "echo", { text: "x" })], [text("done")]])))
  )
})
