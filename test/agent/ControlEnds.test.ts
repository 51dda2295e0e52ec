/** What controlled runs leave behind at their edges: turns that end, costs that stay in the books, and sessions of others. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Paid from "../../src/context/Paid.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, gate, text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { at, collecting, pay, results, session, shop, suspending, waiting, yes } from "../support/approvals.ts"
import { world } from "../support/runs.ts"
import { heardIn, pause } from "../support/steering.ts"

const quiet = Logger.remove(Logger.defaultLogger)

describe("Controlled runs", () => {
  it.effect("RUN-3 a turn that was told of ends, also when the run is interrupted while its beginning is told", () => {
    const { events, onEvents } = collecting()
    const slow = Hooks.layer({
      events: (batch) => (batch.some(({ _tag }) => _tag === "TurnStart") ? Effect.sleep("1 second") : Effect.void)
    })
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Agent.run(Agent.make("a"), "go", { onEvents }))
      yield* TestClock.adjust("500 millis")
      const interrupted = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(interrupted)
      assert.deepStrictEqual(Trace.lines(events), ["RunStart", "TurnStart", "TurnEnd", "RunEnd:interrupted"])
    }).pipe(Effect.provide([world(() => [text("hi")]), slow]))
  })

  it.effect("the events hook is told where events of a nested run happened", () => {
    const told: Array<AgentEvent> = []
    const inner = Agent.make("inner")
    const ask = Agent.tool("ask", {}, () => Effect.orDie(Effect.map(Agent.run(inner, "sub"), ({ text }) => text)))
    return Effect.gen(function* () {
      yield* Agent.run(Agent.make("outer", { tools: [ask] }), "go")
      const nested = told.filter(({ agent }) => agent === "inner")
      assert.isAbove(nested.length, 0)
      for (const { path } of nested)
        assert.deepStrictEqual(
          path?.map(({ agent }) => agent),
          ["outer"]
        )
    }).pipe(
      Effect.provide([
        world([[call("1", "ask")], [text("in")], [text("out")]]),
        Hooks.layer({ events: (batch) => Effect.sync(() => void told.push(...batch)) })
      ])
    )
  })

  it.effect("RUN-7 what was paid beside the conversation stays in the books when the store fails once", () => {
    const usage = Usage.make({ input: 7, output: 1 })
    let isDown = false
    const guard = MessageGuard.make(() =>
      Effect.map(Paid.Paid, ({ tell }) => {
        tell({ model: "judge", usage })
        return MessageGuard.Pass
      })
    )
    const here = pause()
    return Effect.gen(function* () {
      const real = yield* ContextStore.ContextStore
      const store: ContextStore.Service = {
        ...real,
        append: (id, entries, options) =>
          isDown
            ? Effect.fail(ContextStore.failure("append", id, "Unavailable", "not now"))
            : real.append(id, entries, options)
      }
      const id = SessionId.make("s")
      const { end, entries } = yield* Effect.gen(function* () {
        const handle = yield* Agent.start(Agent.make("a"), "go", { session: id })
        yield* here.reached
        isDown = true
        assert.isTrue(yield* handle.steer("more"))
        isDown = false
        yield* here.release
        const end = yield* handle.await
        return { end, entries: yield* real.entries(id) }
      }).pipe(Effect.provideService(ContextStore.ContextStore, store))
      const paid = entries.flatMap((entry) => (entry._tag === "Usage" ? [entry.usage] : []))
      assert.deepStrictEqual(paid.reduce(Usage.sum, Usage.zero), end.usage)
    }).pipe(
      Effect.scoped,
      Effect.provide([world([[gate(here.here), text("hi")], [text("ho")]]), MessageGuard.layer(guard), quiet])
    )
  })

  it.effect("RUN-5 a run that never got the session writes nothing to it", () => {
    const here = pause()
    const id = SessionId.make("s")
    return Effect.gen(function* () {
      // It has said nothing yet, and the session does not exist.
      const first = yield* Effect.fork(Effect.exit(Agent.run(Agent.make("a"), [], { session: id })))
      yield* here.reached
      const second = Agent.make("b", { limits: { wallTime: "1 second" } })
      const late = yield* Effect.fork(Agent.run(second, "go", { session: id }))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(late)).reason, "limit")
      yield* here.release
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(first)))
      const log = yield* (yield* ContextStore.ContextStore).entries(id)
      assert.deepStrictEqual([...new Set(log.map((entry) => (entry._tag === "Unreadable" ? "" : entry.run)))].length, 1)
    }).pipe(Effect.provide(world([[gate(here.here), text("hi")]])))
  })

  it.effect("TR-29 words that come while the input is written are kept, also by a run that is interrupted then", () => {
    const id = SessionId.make("s")
    const [written, answered] = [Effect.unsafeMakeLatch(), Effect.unsafeMakeLatch()]
    return Effect.gen(function* () {
      const real = yield* ContextStore.ContextStore
      const store: ContextStore.Service = {
        ...real,
        append: (session, entries, options) =>
          Effect.tap(real.append(session, entries, options), () => Effect.zipRight(written.open, answered.await))
      }
      const scope = yield* Scope.make()
      const handle = yield* Agent.start(Agent.make("a"), "go", { session: id }).pipe(
        Scope.extend(scope),
        Effect.provideService(ContextStore.ContextStore, store)
      )
      yield* written.await
      const steered = yield* Effect.fork(handle.steer("more"))
      yield* Effect.yieldNow()
      const closed = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* Effect.yieldNow()
      yield* answered.open
      yield* Fiber.join(closed)
      const { queued = [] } = yield* real.read(id)
      assert.deepStrictEqual([yield* Fiber.join(steered), queued.length], [true, 1])
    }).pipe(Effect.provide([world(() => [text("hi")]), quiet]))
  })

  it.effect("what is said besides an answer waits with the calls that are left, and is heard once", () => {
    const { agent } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const first = yield* Agent.resume(agent, session, [yes(at(ids, 0))], { input: "and then?" })
      assert.strictEqual(first.reason, "awaiting-approval")
      yield* Agent.resume(agent, session, [yes(at(ids, 1))])
      const [, request] = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        request?.messages.map(({ role }) => role),
        ["user", "assistant", "tool", "user"]
      )
      assert.deepStrictEqual(yield* heardIn(session), ["go", "and then?"])
    }).pipe(Effect.provide([world([[pay("1", 20), pay("2", 30)], [text("done")]]), suspending]))
  })

  it.effect.each([0, 1])("HIST-2 calls that wait survive a compaction that keeps %s messages", (keepRecent) => {
    const { agent, ran } = shop()
    const summarise = () => Effect.succeed({ text: "sum", costs: [] })
    return Effect.gen(function* () {
      yield* Agent.run(agent, "before", { session })
      const ids = yield* waiting(agent)
      assert.strictEqual((yield* Compaction.compact(session))._tag, "Compacted")
      assert.strictEqual((yield* Agent.resume(agent, session, [yes(at(ids, 0))])).reason, "completed")
      assert.deepStrictEqual([ran, yield* results], [["pay 20 shop"], ["ok: 20 to shop"]])
    }).pipe(
      Effect.provide([world([[text("long ".repeat(50))], [pay("1", 20)], [text("done")]]), suspending]),
      Effect.provide(Compaction.layer({ maxTokens: 1e9, keepRecent, summarise }))
    )
  })

  it.effect("the messages of a result stand in the order in which the session has them", () => {
    const { agent } = shop()
    const log = Effect.flatMap(ContextStore.ContextStore, (store) => store.read(session))
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const resumed = yield* Agent.resume(agent, session, [yes(at(ids, 0))], { input: "and then?" })
      assert.deepStrictEqual(resumed.messages, (yield* log).messages.slice(2))
    }).pipe(Effect.provide([world([[pay("1", 20)], [text("done")]]), suspending]))
  })
})
