import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Supervisor from "effect/Supervisor"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as StopSignal from "../../src/agent/StopSignal.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Repair from "../../src/context/Repair.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import type { Message } from "../../src/domain/Message.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, error, gate, text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import type { Transport } from "../../src/transport/Transport.ts"
import { sentResults, world } from "../support/runs.ts"

const session = SessionId.make("s")
const agent = Agent.make("a")

/** Where something is when it is cancelled: it says that it is there, and what was cleaned up after it. */
interface Pause {
  readonly arrive: Effect.Effect<void>
  readonly here: Effect.Effect<never>
  readonly reached: Effect.Effect<void>
  readonly log: Array<string>
}
const pause = (): Pause => {
  const latch = Effect.unsafeMakeLatch()
  const log: Array<string> = []
  const cleanUp = Effect.zipRight(
    Effect.repeatN(Effect.yieldNow(), 20),
    Effect.sync(() => log.push("cleaned up"))
  )
  const here = Effect.zipRight(latch.open, Effect.never).pipe(Effect.onInterrupt(() => cleanUp))
  return { arrive: latch.open, here, reached: latch.await, log }
}

/** What is stored, as `role: text` and `tool: outcome`. */
const stored = Effect.gen(function* () {
  const store = yield* ContextStore.ContextStore
  const messages = (yield* store.entries(session)).flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))
  return messages.flatMap(({ parts, role }: Message) =>
    parts.map(
      (part) => `${role}: ${part.type === "text" ? part.text : part.type === "tool-result" ? part.outcome : part.type}`
    )
  )
})

const lock = Effect.flatMap(ContextStore.ContextStore, (store) => store.lock(session, "fail"))

/** Runs something and fails when a fiber that it started is still there. */
const leavesNoFiber = <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const supervisor = yield* Supervisor.track
    const result = yield* Effect.supervised(body, supervisor)
    assert.deepStrictEqual(yield* supervisor.value, [])
    return result
  })

/** A place to be at when the run is cancelled, and what is stored then. */
interface Place {
  readonly steps?: (at: Pause) => ReadonlyArray<ScriptedTransport.Step>
  readonly tool?: (at: Pause) => Effect.Effect<unknown>
  readonly needsApproval?: boolean
  readonly hooks?: (at: Pause) => Hooks.Service
  /** Whether what was there is cleaned up, or has nothing to clean. */
  readonly deaf?: boolean
  /** Whether somebody else has the session. */
  readonly locked?: boolean
  readonly stored: ReadonlyArray<string>
}
const calls = () => [call("1", "work")]
const interrupted = ["user: go", "assistant: tool-call", "tool: interrupted"]
const arriveOn =
  (tag: AgentEvent["_tag"]) =>
  (at: Pause): Hooks.Service => ({
    events: (events) => Effect.when(at.arrive, () => events.some(({ _tag }) => _tag === tag))
  })
const places: { readonly [name: string]: Place } = {
  "the request": { steps: (at) => [gate(at.here), error("Network")], stored: ["user: go"] },
  "the first word": { steps: (at) => [gate(at.here), text("late")], stored: ["user: go"] },
  "the answer": {
    steps: (at) => [text("half", gate(at.here), "whole"), ...calls()],
    stored: ["user: go", "assistant: half"]
  },
  "a retry pause": {
    steps: () => [error("Overloaded")],
    hooks: arriveOn("Retrying"),
    deaf: true,
    stored: ["user: go"]
  },
  "a tool": { steps: calls, tool: (at) => at.here, stored: interrupted },
  "a deaf tool": {
    steps: calls,
    tool: (at) =>
      Effect.zipRight(
        at.arrive,
        Effect.promise(() => new Promise(() => {}))
      ),
    deaf: true,
    stored: interrupted
  },
  "an approval": { steps: calls, needsApproval: true, stored: ["user: go", "assistant: tool-call", "tool: skipped"] },
  "a turnStart hook": { hooks: (at) => ({ turnStart: () => at.here }), stored: ["user: go"] },
  "the queue of a session": { locked: true, hooks: arriveOn("RunStart"), deaf: true, stored: [] }
}

/** A way to cancel a run that is at its place. Gives how the run ended, as it was told. */
type Way = (
  agent: Agent.Agent,
  at: Pause
) => Effect.Effect<string, Agent.AgentError, Transport | ContextStore.ContextStore>
const ways: { readonly [name: string]: Way } = {
  "interrupting it": (agent, at) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Agent.run(agent, "go", { session }))
      yield* at.reached
      return Exit.isInterrupted(yield* Fiber.interrupt(fiber)) ? "interrupted" : "no"
    }),
  "leaving its stream": (agent, at) =>
    Effect.gen(function* () {
      const left = Stream.interruptWhen(Agent.stream(agent, "go", { session }), at.reached)
      yield* Stream.runDrain(left)
      return "interrupted"
    }),
  "closing its scope": (agent, at) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const handle = yield* Scope.extend(Agent.start(agent, "go", { session }), scope)
      yield* at.reached
      yield* Scope.close(scope, Exit.void)
      return Exit.isInterrupted(yield* Effect.exit(handle.await)) ? "interrupted" : "no"
    }),
  "asking it to stop": (agent, at) =>
    Effect.scoped(
      Effect.gen(function* () {
        const handle = yield* Agent.start(agent, "go", { session })
        yield* at.reached
        yield* handle.stop
        return (yield* handle.await).reason
      })
    )
}

describe("Cancellation", () => {
  const cases = Object.keys(places).flatMap((place) => Object.keys(ways).map((way) => [way, place] as const))

  it.effect.each(cases)("RUN-3 AX-16 AM-19 AA-06 TR-1 TR-16 TR-17 %s, the run being at %s", ([wayName, placeName]) => {
    const at = pause()
    const place = places[placeName] ?? assert.fail("no such place")
    const way = ways[wayName] ?? assert.fail("no such way")
    const ends: Array<string> = []
    const work = Agent.tool("work", { needsApproval: place.needsApproval }, () => place.tool?.(at) ?? Effect.void)
    const agent = Agent.make("a", { tools: [work] })
    const observer: Hooks.Service = { runEnd: ({ reason }) => Effect.sync(() => ends.push(reason)) }
    const layer = Layer.mergeAll(
      world((_, index) => (index === 0 && place.steps !== undefined ? place.steps(at) : [text("fine")])),
      Layer.succeed(Approval.Approval, { ask: () => at.here }),
      Hooks.layer(Hooks.combine(observer, place.hooks?.(at) ?? {}))
    )
    return Effect.gen(function* () {
      const holder = yield* Scope.make()
      if (place.locked === true) yield* Scope.extend(lock, holder)

      const reason = yield* leavesNoFiber(way(agent, at))

      assert.deepStrictEqual(ends, [reason])
      assert.strictEqual(reason, wayName === "asking it to stop" ? "stopped" : "interrupted")
      assert.deepStrictEqual(at.log, place.deaf === true ? [] : ["cleaned up"])
      assert.strictEqual(yield* ScriptedTransport.openConnections, 0)
      assert.deepStrictEqual(yield* stored, place.stored)

      // The log is well formed as it is, without repair: calls have their results.
      const store = yield* ContextStore.ContextStore
      const log = (yield* store.entries(session)).flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))
      assert.deepStrictEqual(Repair.repair(log), log)

      // The session is usable at once, and what was cancelled reads as such.
      yield* Scope.close(holder, Exit.void)
      const next = yield* Agent.run(Agent.make("a"), "again", { session }).pipe(Effect.provideService(Hooks.Hooks, {}))
      assert.deepStrictEqual([next.reason, next.output], ["completed", "fine"])
      assert.deepStrictEqual(yield* stored, [...place.stored, "user: again", "assistant: fine"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("AX-15 leaving after the first event ends cleanly, the connection released", () =>
    Effect.gen(function* () {
      // A stream is a description: read again it would run again, so that there is no second iteration to be empty.
      const first = yield* leavesNoFiber(Stream.runCollect(Stream.take(Agent.stream(agent, "go", { session }), 3)))
      assert.deepStrictEqual(Trace.lines([...first]), ["RunStart", "TurnStart", "Text:half"])
      assert.strictEqual(yield* ScriptedTransport.openConnections, 0)
      assert.deepStrictEqual(yield* stored, ["user: go", "assistant: half"])
    }).pipe(Effect.provide(world([[text("half", gate(Effect.never))]])))
  )

  it.effect("TR-16 a run cancelled before it began starts nothing and says so once", () =>
    Effect.gen(function* () {
      const ends: Array<string> = []
      const hooks = Hooks.layer({ runEnd: ({ reason }) => Effect.sync(() => ends.push(reason)) })
      const started = yield* Effect.scoped(Agent.start(agent, "go")).pipe(Effect.provide(hooks))
      const seen = yield* Trace.exit(started.events)
      const stopped = yield* Agent.run(agent, "go", { stopSignal: Effect.void }).pipe(Effect.provide(hooks))
      const aborted = StopSignal.fromAbortSignal(AbortSignal.abort())
      yield* Agent.run(agent, "go", { stopSignal: aborted }).pipe(Effect.provide(hooks))
      assert.deepStrictEqual(ends, ["interrupted", "stopped", "stopped"])
      assert.deepStrictEqual(seen.lines, ["RunStart", "RunEnd:interrupted"])
      assert.isTrue(Exit.isInterrupted(seen.exit))
      assert.deepStrictEqual([stopped.turns, stopped.output], [0, ""])
      assert.deepStrictEqual(yield* ScriptedTransport.requests, [])
    }).pipe(Effect.provide(world([])))
  )

  it.effect("cancelling what has ended changes nothing", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const handle = yield* Scope.extend(Agent.start(agent, "go", { session }), scope)
      const result = yield* handle.await
      yield* handle.stop
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* handle.await, result)
      assert.deepStrictEqual((yield* Trace.of(handle.events)).at(-1), "RunEnd:completed")
    }).pipe(Effect.provide(world([[text("done")]])))
  )

  it.effect("TR-3 CALL-8 what a tool has shown is kept, and interrupted is not denied", () => {
    const at = pause()
    const show = Agent.tool("show", {}, () =>
      Effect.zipRight(
        Effect.flatMap(ToolContext, ({ progress }) => progress("3 of 9 files")),
        at.here
      )
    )
    const events: Array<AgentEvent> = []
    const hooks = Hooks.layer({ events: (batch) => Effect.sync(() => void events.push(...batch)) })
    return Effect.gen(function* () {
      const one = Agent.make("a", { tools: [show], toolConcurrency: 1 })
      const run = yield* Effect.fork(Stream.runDrain(Agent.stream(one, "go", { session })))
      yield* at.reached
      yield* Fiber.interrupt(run)
      assert.deepStrictEqual(Trace.lines(events), [
        ...["RunStart", "TurnStart", "ToolStart:show", "ToolProgress:show:3 of 9 files"],
        ...["ToolEnd:show:interrupted", "ToolEnd:show:skipped", "TurnEnd", "RunEnd:interrupted"]
      ])
      const { messages } = yield* Effect.flatMap(ContextStore.ContextStore, (store) => store.read(session))
      assert.deepStrictEqual(sentResults({ messages } as never), [
        "interrupted: This call was interrupted before it finished: the run was interrupted. It may have had effects.\n" +
          "Its output so far:\n3 of 9 files",
        "skipped: This call was not started: the run was interrupted."
      ])
    }).pipe(Effect.provide(Layer.merge(hooks, world([[call("1", "show"), call("2", "show")]]))))
  })

  it.effect("a tool that cannot be interrupted is waited for", () => {
    const at = pause()
    const release = Effect.unsafeMakeLatch()
    const firm = Agent.tool("firm", {}, () => Effect.uninterruptible(Effect.zipRight(at.arrive, release.await)))
    return Effect.gen(function* () {
      const run = yield* Effect.fork(Agent.run(Agent.make("a", { tools: [firm] }), "go", { session }))
      yield* at.reached
      const cancelled = yield* Effect.fork(Fiber.interrupt(run))
      yield* Effect.repeatN(Effect.yieldNow(), 50)
      assert.isNull(cancelled.unsafePoll())
      yield* release.open
      yield* Fiber.join(cancelled)
      assert.deepStrictEqual(yield* stored, interrupted)
    }).pipe(Effect.provide(world([[call("1", "firm")]])))
  })

  it.effect("no hook turns a cancelled run into a success", () => {
    const at = pause()
    const ok = ToolResult.text("ok", "all fine")
    const hooks = Hooks.layer({
      toolEnd: () => Effect.succeed(ok),
      runEnd: () => Effect.die("no"),
      error: () => Effect.die("no")
    })
    const work = Agent.tool("work", {}, () => at.here)
    return Effect.gen(function* () {
      const run = yield* Effect.fork(Agent.run(Agent.make("a", { tools: [work] }), "go", { session }))
      yield* at.reached
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(run)))
      assert.deepStrictEqual(yield* stored, ["user: go", "assistant: tool-call", "tool: ok"])
    }).pipe(Effect.provide(Layer.merge(hooks, world([[call("1", "work")]]))))
  })

  it.effect("RUN-7 AM-19 a cancelled answer is billed by estimate, once", () => {
    const at = pause()
    return Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      const run = yield* Effect.fork(Agent.run(agent, "go", { session }))
      yield* at.reached
      yield* Fiber.interrupt(run)
      const bills = (yield* store.entries(session)).flatMap((entry) => (entry._tag === "Usage" ? [entry.usage] : []))
      assert.deepStrictEqual(
        bills.map(({ estimated }) => estimated),
        [true]
      )
      assert.isAbove(Usage.totalTokens(bills[0] ?? Usage.zero) ?? 0, 0)
    }).pipe(Effect.provide(world([[text("half", gate(at.here))]])))
  })
})

describe("A stop signal", () => {
  const slow = world([[text("half", gate(Effect.never))]])
  const polled = (check: (count: number) => Effect.Effect<boolean, unknown>, interval?: "10 seconds") =>
    Effect.gen(function* () {
      let count = 0
      const stopSignal = StopSignal.poll(
        Effect.suspend(() => check(++count)),
        { interval }
      )
      const stops: Array<number> = []
      const hooks = Hooks.layer({ stop: () => Effect.sync(() => stops.push(count)) })
      const run = yield* Effect.fork(Agent.run(agent, "go", { stopSignal }).pipe(Effect.provide(hooks)))
      const counts: Array<number> = []
      for (let second = 0; second < 21; second++) {
        counts.push(count)
        yield* TestClock.adjust("1 second")
      }
      const { output, reason } = yield* Fiber.join(run)
      return { counts: [counts[1], counts[3], counts[4], counts[20]], stops, output, reason }
    })

  it.effect("AA-06 AA-07 is asked at once, then every 3 seconds, until the run ends", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* polled((count) => Effect.succeed(count === 3)), {
        counts: [1, 2, 2, 3],
        stops: [3],
        output: "half",
        reason: "stopped"
      })
    }).pipe(Effect.provide(slow))
  )

  it.effect("AA-07 is asked as often as it says", () =>
    Effect.gen(function* () {
      const { counts } = yield* polled((count) => Effect.succeed(count === 2), "10 seconds")
      assert.deepStrictEqual(counts, [1, 1, 1, 2])
    }).pipe(Effect.provide(slow))
  )

  it.effect("AA-08 that fails, throws or dies is logged, and the run goes on", () =>
    Effect.gen(function* () {
      const answers = [Effect.fail("no"), Effect.die("no"), Effect.succeed(true)]
      const check = (count: number) =>
        count === 4 ? assert.fail("thrown") : (answers[count % 3] ?? Effect.succeed(false))
      const { counts, reason } = yield* polled((count) => check(count + 2))
      assert.deepStrictEqual([counts, reason], [[1, 2, 2, 3], "stopped"])
      const whole = Agent.run(agent, "go", { stopSignal: Effect.die("no") })
      assert.strictEqual((yield* Effect.provide(whole, world([[text("done")]]))).reason, "completed")
    }).pipe(Effect.provide(slow))
  )

  it.effect("RUN-1 loses no event to a reader that is slow", () => {
    const [asked, reading] = [Effect.unsafeMakeLatch(), Effect.unsafeMakeLatch()]
    const events: Array<AgentEvent> = []
    return Effect.gen(function* () {
      const run = yield* Agent.stream(agent, "go", { stopSignal: asked.await }).pipe(
        Stream.runForEach((event) =>
          Effect.zipRight(
            reading.await,
            Effect.sync(() => void events.push(event))
          )
        ),
        Effect.fork
      )
      yield* Effect.repeatN(Effect.yieldNow(), 500)
      yield* asked.open
      yield* Effect.repeatN(Effect.yieldNow(), 500)
      yield* reading.open
      yield* Fiber.join(run)
      assert.strictEqual(Trace.lines(events).at(-1), "RunEnd:stopped")
      assert.deepStrictEqual(
        events.map(({ sequence }) => sequence),
        events.map((_, index) => index)
      )
    }).pipe(Effect.provide(world([[text("x".repeat(20_000))]], { deltaLength: 1, deltasPerPull: 100 })))
  })

  it.effect("AA-07 is no longer asked after the run", () =>
    Effect.gen(function* () {
      let count = 0
      const check = Effect.sync(() => ++count > 100)
      yield* leavesNoFiber(Agent.run(agent, "go", { stopSignal: StopSignal.poll(check) }))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(count, 1)
    }).pipe(Effect.provide(world([[text("done")]])))
  )
})
