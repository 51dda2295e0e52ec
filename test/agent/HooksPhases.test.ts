import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Budget from "../../src/agent/Budget.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, error, gate, text } from "../../src/testing/ScriptedTransport.ts"
import { agent, echo, play, scenes } from "../support/hookScenes.ts"
import type { Name } from "../support/hooks.ts"
import { logged, names, observers, on, played, recorder, session, toldTo, where } from "../support/hooks.ts"

const cost = Usage.make({ input: 10, output: 5 })
const still = (event: AgentEvent) => (event._tag === "ToolEnd" ? { ...event, durationMillis: 0 } : event)
const entries = Object.entries(scenes)

/** What was told, without what is told of the store and of all events. */
const order = (seen: ReadonlyArray<readonly [Name, unknown]>) =>
  seen.flatMap(([name]) => (name === "events" || name.startsWith("store") ? [] : [name]))

describe("Hooks of every phase", () => {
  it.effect("AA-12 every hook is asked, and told which run, session, agent, and for whom", () =>
    Effect.gen(function* () {
      const asked = new Set<Name>()
      for (const [title, scene] of entries) {
        const { hooks, seen } = recorder()
        yield* play(scene, hooks)
        const all = seen.map(([name]) => name)
        assert.deepStrictEqual(
          scene.asks.filter((name) => !all.includes(name)),
          [],
          title
        )
        for (const [name, payload] of seen) {
          asked.add(name)
          if (name === "events") continue
          const { agent, identity, run, session, turn } = payload as Hooks.Where
          assert.deepStrictEqual<unknown>({ run, session, agent, turn, identity }, where(turn), name)
          assert.isNumber(turn, name)
        }
      }
      assert.deepStrictEqual([...asked].sort(), [...names].sort())
    })
  )

  it.effect("AA-12 start comes before end, over two turns and a failing tool", () =>
    Effect.gen(function* () {
      const { hooks, seen } = recorder()
      yield* played(agent, hooks)
      assert.deepStrictEqual(order(seen), [
        ...["runStart", "turnStart", "modelStart", "modelEnd", "toolStart", "toolEnd", "toolError", "turnEnd"],
        ...["turnStart", "modelStart", "modelEnd", "turnEnd", "runEnd"]
      ])
    }).pipe(Effect.provide(on([[call("w", "broken")], [text("done")]])))
  )

  it.effect("a compaction: what is full, that it begins, that it was made, what is gone", () =>
    Effect.gen(function* () {
      const { hooks, seen } = recorder()
      yield* play(scenes["a summary"] ?? assert.fail(), hooks)
      const at = order(seen).indexOf("contextOverflow")
      assert.deepStrictEqual(order(seen).slice(at, at + 5), [
        ...["contextOverflow", "compactionStart", "compacted", "messageDropped", "turnStart"]
      ])
      const [start] = toldTo(seen, "compactionStart") as ReadonlyArray<Hooks.CompactionStart>
      assert.deepStrictEqual([start?.turn, start?.reason, (start?.tokens ?? 0) > 1500], [3, "threshold", true])
    })
  )

  const ways = {
    throws: () => {
      throw new Error("boom")
    },
    dies: () => Effect.die("boom"),
    "interrupts itself": () => Effect.interrupt
  }
  const cases = observers.flatMap((name) =>
    (["throws", "dies", "interrupts itself"] as const).map((way) => [name, way] as const)
  )

  it.effect.each(cases)("AG-13 AA-12 TR-19 %s that %s is logged by name, and the run is as without it", ([name, way]) =>
    Effect.gen(function* () {
      const scene = entries.find(([, { asks }]) => asks.includes(name))?.[1] ?? assert.fail("no scene")
      const alone = yield* logged(play(scene, {}))
      const { lines, value } = yield* logged(play(scene, { [name]: ways[way] }))
      assert.deepStrictEqual([value.events.map(still), value.exit], [alone.value.events.map(still), alone.value.exit])
      const added = lines.filter((line) => !alone.lines.includes(line))
      assert.deepStrictEqual([...new Set(added)], [`WARN A hook died; the run goes on without it [${name}]`])
    })
  )

  describe("model", () => {
    it.effect("AA-12 tells the request as it is sent, and the answer before it is kept", () =>
      Effect.gen(function* () {
        const store = yield* ContextStore.ContextStore
        const kept: Array<number> = []
        const { hooks, seen } = recorder(["modelStart", "modelEnd", "modelError"])
        const count = Effect.map(Effect.orDie(store.entries(session)), (log) => void kept.push(log.length))
        const steady: Hooks.Service = {
          turnStart: () => Effect.succeed({ settings: { seed: 7 } }),
          modelEnd: () => count
        }
        yield* played(agent, Hooks.combine(hooks, steady))
        const [request] = yield* ScriptedTransport.requests
        const start = { ...where(1), request, model: "scripted", attempt: 1 }
        assert.deepStrictEqual(request?.settings, { seed: 7 })
        assert.deepStrictEqual(seen, [
          ["modelStart", start],
          ["modelEnd", { ...start, message: Message.assistant("done"), reason: "stop", usage: cost }]
        ])
        assert.deepStrictEqual(kept, [1])
      }).pipe(Effect.provide(on([[text("done")]])))
    )

    it.effect("AA-13 tells every attempt and how it failed", () =>
      Effect.gen(function* () {
        const { hooks, seen } = recorder(["modelStart", "modelEnd", "modelError", "retrying", "error"])
        yield* played(agent, hooks)
        const told = seen.map(([name, event]) => {
          const { attempt, error } = event as { attempt?: number; error?: { reason?: { _tag: string }; tag?: string } }
          return [name, attempt, error?.reason?._tag ?? error?.tag]
        })
        assert.deepStrictEqual(told, [
          ["modelStart", 1, undefined],
          ["modelError", 1, "Overloaded"],
          ["retrying", 1, "Overloaded"],
          ["modelStart", 2, undefined],
          ["modelError", 2, "Authentication"],
          ["error", undefined, "Authentication"]
        ])
      }).pipe(Effect.provide(on([[error("Overloaded")], [error("Authentication")]])))
    )

    it.effect("TR-16 a request that is interrupted has one end, without an error", () =>
      Effect.gen(function* () {
        const { hooks, seen } = recorder(["modelStart", "modelEnd", "modelError", "runEnd"])
        const shown = yield* Deferred.make<void>()
        const told = {
          events: ([event]: ReadonlyArray<AgentEvent>) =>
            event?._tag === "TextDelta" ? Deferred.succeed(shown, undefined) : Effect.void
        }
        const fiber = yield* Effect.fork(played(agent, Hooks.combine(hooks, told)))
        yield* Effect.zipRight(Deferred.await(shown), Fiber.interrupt(fiber))
        assert.deepStrictEqual(order(seen), ["modelStart", "modelError", "runEnd"])
        assert.notProperty(toldTo(seen, "modelError")[0], "error")
      }).pipe(Effect.provide(on([[text("half", gate(Effect.never))]])))
    )
  })

  describe("stop", () => {
    const waits = Agent.tool("waits", {}, () => Effect.never)

    it.effect.each([
      ["the model answers", [[text("half", gate(Effect.never))]], "TextDelta"],
      ["a tool works", [[call("1", "waits")]], "ToolStart"]
    ] as const)("AA-06 AX-16 is told once when it comes while %s", ([, script, tag]) =>
      Effect.gen(function* () {
        const asked = yield* Deferred.make<void>()
        const { hooks, seen } = recorder(["stop", "runEnd", "error", "modelStart"])
        const asks = {
          events: (batch: ReadonlyArray<AgentEvent>) =>
            batch.some(({ _tag }) => _tag === tag) ? Deferred.succeed(asked, undefined) : Effect.void
        }
        const ended = yield* played(Agent.make("a", { tools: [waits] }), Hooks.combine(hooks, asks), {
          stopSignal: Deferred.await(asked)
        })
        assert.deepStrictEqual(order(seen), ["modelStart", "stop", "runEnd"])
        assert.deepStrictEqual([toldTo(seen, "stop"), ended.lines.at(-1)], [[where(1)], "RunEnd:stopped"])
      }).pipe(Effect.provide(on(script)))
    )
  })

  describe("limitReached", () => {
    const more = (_: unknown, turn: number) => [call(`${turn}`, "echo", { text: `${turn}` })]
    const last = (_: unknown, turn: number) => (turn < 2 ? more(_, turn) : [text("done")])
    const limited = (onLimit: "answer" | "fail") => Agent.make("a", { tools: [echo], limits: { turns: 2, onLimit } })

    it.effect.each([
      ["answer", last, "RunEnd:limit:turns"],
      ["fail", more, "RunEnd:limit:turns"]
    ] as const)("AA-19 RUN-6 is told once before the end: %s", ([onLimit, script, end]) =>
      Effect.gen(function* () {
        const { hooks, seen } = recorder(["limitReached", "runEnd"])
        const { lines } = yield* played(limited(onLimit), hooks)
        assert.deepStrictEqual([order(seen), lines.at(-1)], [["limitReached", "runEnd"], end])
        assert.deepStrictEqual(toldTo(seen, "limitReached"), [{ ...where(2), limit: "turns", max: 2, actual: 2 }])
      }).pipe(Effect.provide(on(script)))
    )

    it.effect.each(["answer", "fail"] as const)("RUN-6 is told of time that is up: %s", (onLimit) =>
      Effect.gen(function* () {
        const { hooks, seen } = recorder(["limitReached", "runEnd"])
        const timed = Agent.make("a", { limits: { wallTime: "1 minute", onLimit } })
        const fiber = yield* Effect.fork(played(timed, hooks))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(fiber)
        const told = { ...where(1), limit: "wallTime", max: 60_000, actual: 60_000 }
        assert.deepStrictEqual([order(seen), toldTo(seen, "limitReached")], [["limitReached", "runEnd"], [told]])
      }).pipe(Effect.provide(on([[text("half", gate(Effect.never))]])))
    )

    it.effect.each(["answer", "fail"] as const)("AA-20 is told of a budget that is exceeded: %s", (onLimit) =>
      Effect.gen(function* () {
        const { hooks, seen } = recorder(["limitReached", "runEnd"])
        yield* played(Agent.make("a", { tools: [echo], limits: { onLimit } }), hooks)
        assert.deepStrictEqual(order(seen), ["limitReached", "runEnd"])
        const [told] = toldTo(seen, "limitReached") as ReadonlyArray<Hooks.LimitReached>
        assert.strictEqual(told?.max, 1)
      }).pipe(Effect.provide([on(more), Budget.layer({ limits: { requests: 1 } })]))
    )
  })

  describe("store", () => {
    it.effect("tells what the run reads and writes, of what kinds, and how long that took", () =>
      Effect.gen(function* () {
        const { hooks, seen } = recorder(["storeRead", "storeWrite"])
        yield* played(agent, hooks)
        const write = (turn: number, entries: object) => ["storeWrite", { ...where(turn), entries, durationMillis: 0 }]
        assert.deepStrictEqual(seen as ReadonlyArray<unknown>, [
          ["storeRead", { ...where(0), operation: "read", count: 0, durationMillis: 0 }],
          write(0, { Message: 1 }),
          write(1, { Message: 1, Usage: 1 }),
          write(1, { Message: 1 }),
          write(2, { Message: 1, Usage: 1 })
        ])
      }).pipe(Effect.provide(on([[call("w", "echo", { text: "x" })], [text("done")]])))
    )

    it.effect("tells of writes that fail, as they fail", () =>
      Effect.gen(function* () {
        const store = yield* ContextStore.ContextStore
        const full = ContextStore.failure("append", session, "Unavailable", "disk full")
        const { hooks, seen } = recorder(["storeWrite"])
        const { exit } = yield* played(agent, hooks).pipe(
          Effect.provideService(ContextStore.ContextStore, {
            ...store,
            append: () => Effect.zipRight(TestClock.adjust(7), Effect.fail(full))
          })
        )
        const write = { ...where(0), entries: { Message: 1 }, durationMillis: 7, error: full }
        assert.deepStrictEqual(toldTo(seen, "storeWrite"), [write])
        assert.strictEqual(Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined, full)
      }).pipe(Effect.provide(on([])))
    )
  })

  it.effect("TR-6 toolStart is told of decoded arguments only", () =>
    Effect.gen(function* () {
      const { hooks, seen } = recorder(["toolStart", "toolEnd", "toolError"])
      yield* played(agent, hooks)
      assert.deepStrictEqual(
        seen.map(([name, event]) => [name, (event as Hooks.ToolStart).input]),
        [
          ["toolEnd", { text: 1 }],
          ["toolError", { text: 1 }],
          ["toolStart", { text: "x" }],
          ["toolEnd", { text: "x" }]
        ]
      )
    }).pipe(Effect.provide(on([[call("1", "echo", { text: 1 }), call("2", "echo", { text: "x" })], [text("done")]])))
  )

  it.effect("a nested run tells the way to it", () =>
    Effect.gen(function* () {
      const { hooks, seen } = recorder(["runStart", "limitWarning", "runEnd"])
      const child = Agent.make("child", { limits: { turns: 5 } })
      const asks = Agent.tool("asks", {}, () =>
        Effect.map(Effect.orDie(Agent.run(child, "hi")), ({ output }) => output)
      )
      yield* played(Agent.make("a", { tools: [asks] }), hooks)
      assert.deepStrictEqual(
        seen.map(([name, event]) => {
          const { agent, path } = event as Hooks.Where
          return [name, agent, path?.map((step) => [step.agent, step.run])]
        }),
        [
          ["runStart", "a", undefined],
          ["runStart", "child", [["a", "run_1"]]],
          ["runEnd", "child", [["a", "run_1"]]],
          ["runEnd", "a", undefined]
        ]
      )
    }).pipe(Effect.provide(on([[call("1", "asks")], [text("deep")], [text("done")]])))
  )
})
