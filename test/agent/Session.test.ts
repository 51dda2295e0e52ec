import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as Result from "../../src/agent/Result.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import type { Entry } from "../../src/domain/Entry.ts"
import { EntryId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, cut, error, gate, text, usage } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { world } from "../support/runs.ts"

const session = SessionId.make("s")
const agent = Agent.make("a")
const { ContextStore: Store, failure, layerMemory } = ContextStore

/** What users and the model said, as `role: text`. */
const said = (messages: ReadonlyArray<Message.Message>) =>
  Message.simplify(messages).map((message) => `${message.role}: ${Message.toText(message)}`)
const stored = (id = session) =>
  Effect.flatMap(Store, (store) => Effect.map(store.read(id), ({ messages }) => said(messages)))
const bills = Effect.flatMap(Store, (store) =>
  Effect.map(store.entries(session), (entries) =>
    entries.flatMap((entry) => (entry._tag === "Usage" ? [[entry.model, entry.turn, entry.usage] as const] : []))
  )
)
const roles = Effect.map(ScriptedTransport.requests, (all) =>
  all.map(({ messages }) => messages.map(({ role }) => role[0]).join(""))
)

/** What a run failed with, as it was made. */
const cause = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) ? Cause.originalError(Cause.squash(exit.cause)) : undefined

/** Somewhere to wait: says that it was reached, and goes on when told. */
const pause = () => {
  const [reached, released] = [Effect.unsafeMakeLatch(), Effect.unsafeMakeLatch()]
  return { here: Effect.zipRight(reached.open, released.await), reached: reached.await, release: released.open }
}

/** The memory store with some of its methods replaced. */
const storeWith = (change: (store: ContextStore.Service) => Partial<ContextStore.Service>) =>
  Layer.effect(
    Store,
    Effect.map(Store, (store) => ({ ...store, ...change(store) }))
  ).pipe(Layer.provide(layerMemory))

describe("A session", () => {
  describe("in use", () => {
    it.effect("RUN-5 a second run waits, and goes on from what the first left", () => {
      const answering = pause()
      return Effect.gen(function* () {
        const first = yield* Effect.fork(Agent.run(agent, "one", { session }))
        yield* answering.reached
        const second = yield* Effect.fork(Agent.run(agent, "two", { session }))
        const third = yield* Effect.fork(Agent.run(agent, "three", { session, onBusy: "wait" }))
        yield* Effect.repeatN(Effect.yieldNow(), 50)
        assert.strictEqual((yield* ScriptedTransport.requests).length, 1)
        yield* answering.release
        yield* Effect.forEach([first, second, third], (fiber) => Fiber.join(fiber))
        assert.deepStrictEqual(yield* stored(), [
          ...["user: one", "assistant: 1", "user: two", "assistant: 2", "user: three", "assistant: 3"]
        ])
        assert.deepStrictEqual(yield* roles, ["u", "uau", "uauau"])
      }).pipe(Effect.provide(world([[gate(answering.here), text("1")], [text("2")], [text("3")]])))
    })

    it.effect("RUN-5 a run that does not wait fails with SessionBusy, and the first is unharmed", () => {
      const answering = pause()
      return Effect.gen(function* () {
        const first = yield* Effect.fork(Agent.run(agent, "one", { session }))
        yield* answering.reached
        const { exit, lines } = yield* Trace.exit(Agent.stream(agent, "two", { session, onBusy: "fail" }))
        assert.deepStrictEqual(lines, ["RunStart", "RunEnd:error"])
        const busy = cause(exit)
        assert.strictEqual(busy instanceof ContextStore.StoreError ? busy.reason._tag : busy, "SessionBusy")
        yield* answering.release
        assert.strictEqual((yield* Fiber.join(first)).output, "1")
        assert.deepStrictEqual(yield* stored(), ["user: one", "assistant: 1"])
      }).pipe(Effect.provide(world([[gate(answering.here), text("1")]])))
    })

    it.effect("RUN-5 runs of other sessions go on meanwhile", () => {
      const answering = pause()
      return Effect.gen(function* () {
        const first = yield* Effect.fork(Agent.run(agent, "one", { session }))
        yield* answering.reached
        assert.strictEqual((yield* Agent.run(agent, "two")).output, "2")
        yield* answering.release
        yield* Fiber.join(first)
      }).pipe(Effect.provide(world([[gate(answering.here), text("1")], [text("2")]])))
    })
  })

  describe("its history", () => {
    it.effect("AM-20 AA-04 before, after, after another run, and in a fork", () =>
      Effect.gen(function* () {
        const store = yield* Store
        const work = Agent.tool("work", {}, () => Effect.succeed("worked"))
        assert.deepStrictEqual(yield* store.read(session), { messages: [], position: 0 })
        yield* Agent.run(Agent.make("a", { tools: [work] }), "one", { session })
        const fork = yield* store.fork(session)
        yield* Agent.run(agent, "two", { session })
        // The simple history has texts only; the full one has calls and results.
        const one = ["user: one", "assistant: Let me see.", "assistant: 1"]
        assert.deepStrictEqual(yield* stored(), [...one, "user: two", "assistant: 2"])
        const types = (yield* store.read(session)).messages.map(({ parts }) => parts.map(({ type }) => type).join())
        assert.deepStrictEqual(types, ["text", "text,tool-call", "tool-result", "text", "text", "text"])
        yield* store.clear(session)
        assert.deepStrictEqual([yield* stored(), yield* stored(fork)], [[], one])
      }).pipe(Effect.provide(world([[text("Let me see."), call("1", "work")], [text("1")], [text("2")]])))
    )

    it.effect.each([
      ["mid-stream", [text("half", error("Network"))], ["u", "uau"]],
      ["unfinished", [text("half", cut)], ["u", "uau"]],
      ["at once", [error("InvalidRequest")], ["u", "u"]]
    ] as const)("AX-13 after a failure %s the next request alternates", ([, steps, expected]) =>
      Effect.gen(function* () {
        yield* Effect.exit(Agent.run(agent, "one", { session }))
        yield* Agent.run(agent, "two", { session })
        assert.deepStrictEqual(yield* roles, [...expected])
      }).pipe(Effect.provide(world([steps, [text("fine")]])))
    )
  })

  describe("its ledger", () => {
    it.effect("RUN-7 AX-12 TR-27 has one entry for each response of all runs", () =>
      Effect.gen(function* () {
        const work = Agent.tool("work", {}, () => Effect.void)
        const worker = Agent.make("a", { tools: [work] })
        const first = yield* Agent.run(worker, "one", { session })
        const failed = yield* Trace.exit(Agent.stream(worker, "two", { session }))
        const last = yield* Agent.run(worker, "three", { session })
        const ledger = yield* bills
        const [a, b] = [Usage.make({ input: 1, output: 2, costUsd: 3 }), Usage.make({ input: 10, output: 20 })]
        const cutOff = ledger[2]?.[2] ?? Usage.zero
        assert.deepStrictEqual(ledger, [
          ["scripted", 1, a],
          ["scripted", 2, b],
          ["scripted", 1, cutOff],
          ["scripted", 1, a]
        ])
        const end = failed.events.at(-1)
        assert.deepStrictEqual(
          [first.usage, end?._tag === "RunEnd" ? end.usage : undefined, last.usage],
          [[a, b], [cutOff], [a]].map((bill) => bill.reduce(Usage.sum, Usage.zero))
        )
        assert.isTrue(cutOff.estimated && (Usage.totalTokens(cutOff) ?? 0) > 0)
      }).pipe(
        Effect.provide(
          world([
            [call("1", "work"), usage({ input: 1, output: 2, costUsd: 3 })],
            [text("1"), usage({ input: 10, output: 20 })],
            [text("half", cut)],
            [text("3"), usage({ input: 1, output: 2, costUsd: 3 })]
          ])
        )
      )
    )

    it.effect("RUN-7 a request that got no answer costs nothing", () =>
      Effect.gen(function* () {
        yield* Effect.exit(Agent.run(agent, "one", { session }))
        assert.deepStrictEqual(yield* bills, [])
      }).pipe(Effect.provide(world([[error("InvalidRequest")]])))
    )
  })

  describe("its commits", () => {
    it.effect("TR-29 TR-1 calls are stored before they run, their results in one write", () => {
      const log: Array<string> = []
      const names = (entries: ReadonlyArray<Entry>) => entries.map(({ id }) => id.replace(/^[^/]*\//, ""))
      const recording = storeWith((store) => ({
        append: (id, entries, options) => {
          log.push(`${options?.after} ${names(entries)}`)
          return store.append(id, entries, options)
        }
      }))
      const tool = (name: string) => Agent.tool(name, {}, () => Effect.sync(() => log.push(name)))
      return Effect.gen(function* () {
        const worker = Agent.make("a", { tools: [tool("one"), tool("two")], toolConcurrency: 1 })
        yield* Agent.run(worker, "go", { session })
        assert.deepStrictEqual(log, [
          ...["0 0/input-0", "1 1/answer,1/usage", "one", "two", "3 1/results", "4 2/answer,2/usage"]
        ])
      }).pipe(Effect.provide(recording), Effect.provide(world([[call("1", "one"), call("2", "two")], [text("done")]])))
    })

    /** Fails the nth append, once. */
    const failing = (nth: number) => {
      let count = 0
      return storeWith((store) => ({
        append: (id, entries, options) =>
          Effect.suspend(() =>
            ++count === nth
              ? Effect.fail(failure("append", id, "Unavailable", "disk full"))
              : store.append(id, entries, options)
          )
      }))
    }
    const asked = ["TurnStart", "TurnEnd"]
    const worked = ["TurnStart", "ToolStart:work", "ToolEnd:work:ok", "TurnEnd"]
    it.effect.each([
      [1, "input", [], ["u"], []],
      [2, "answer", ["user: go"], ["u", "u"], asked],
      [3, "results", ["user: go", "tool: interrupted"], ["u", "uatu"], worked],
      [
        4,
        "last answer",
        ["user: go", "tool: ok"],
        ["u", "uat", "uatu"],
        [...worked, "TurnStart", "Text:done", "TurnEnd"]
      ]
    ] as const)("a store that fails at append %i, the %s, fails the run and loses nothing", (row) =>
      Effect.gen(function* () {
        const [nth, , kept, requests, turns] = row
        const store = yield* Store
        let ran = 0
        const work = Agent.tool("work", {}, () => Effect.sync(() => ++ran))
        const worker = Agent.make("a", { tools: [work] })
        const { events, exit, lines } = yield* Trace.exit(Agent.stream(worker, "go", { session }))
        assert.deepStrictEqual(cause(exit), failure("append", session, "Unavailable", "disk full"))
        assert.deepStrictEqual(lines, ["RunStart", ...turns, "RunEnd:error"])
        // What turns say they added is what is stored.
        const log = (yield* store.entries(session)).flatMap((entry) =>
          entry._tag === "Message" ? [entry.message] : []
        )
        if (nth > 1) assert.deepStrictEqual(Result.fromEvents(events)?.messages, log)
        const end = events.at(-1)
        // What was asked was paid, stored or not. Calls whose answer is not stored never run.
        assert.strictEqual(end?._tag === "RunEnd" ? end.usage.inputTokens.total : 0, [0, 10, 10, 20][nth - 1])
        assert.strictEqual(ran, nth > 2 ? 1 : 0)
        const { messages } = yield* store.read(session)
        const seen = messages.flatMap(({ parts, role }) =>
          parts.flatMap((part) =>
            part.type === "text"
              ? [`${role}: ${part.text}`]
              : part.type === "tool-result"
                ? [`${role}: ${part.outcome}`]
                : []
          )
        )
        assert.deepStrictEqual(seen, [...kept])
        // The lock is free, and the session goes on.
        yield* Agent.run(agent, "again", { session, onBusy: "fail" })
        assert.deepStrictEqual(yield* roles, [...requests])
      }).pipe(
        Effect.provide(failing(row[0])),
        Effect.provide(
          world(({ messages }) =>
            Message.toText(messages[0] as never) === "go" && messages.length === 1
              ? [call("1", "work")]
              : [text("done")]
          )
        )
      )
    )

    it.effect.each([
      ["read", { read: () => Effect.fail(failure("read", session, "Corrupt", "bad row")) }],
      ["lock", { lock: () => Effect.fail(failure("lock", session, "Unavailable", "gone")) }]
    ] as const)("a store that fails to %s fails the run before anything is asked", ([operation, change]) =>
      Effect.gen(function* () {
        const { exit, lines } = yield* Trace.exit(Agent.stream(agent, "go", { session }))
        const error = cause(exit)
        assert.strictEqual(error instanceof ContextStore.StoreError ? error.operation : error, operation)
        assert.deepStrictEqual(lines, ["RunStart", "RunEnd:error"])
        assert.deepStrictEqual(yield* (yield* Store).entries(session), [])
      }).pipe(Effect.provide(storeWith(() => change)), Effect.provide(world([])))
    )

    it.effect("TR-29 a session that another writer moved on is a Conflict, and is not overwritten", () =>
      Effect.gen(function* () {
        const store = yield* Store
        const id = EntryId.make("other")
        const meddle = Agent.tool("meddle", {}, () =>
          Effect.orDie(store.append(session, [{ _tag: "Message", id, at: 0, message: Message.user("me first") }]))
        )
        const exit = yield* Effect.exit(Agent.run(Agent.make("a", { tools: [meddle] }), "go", { session }))
        assert.deepStrictEqual(
          cause(exit),
          failure(
            "append",
            session,
            "Conflict",
            "the log is at position 4, not 3: the session moved on; read it again and decide anew"
          )
        )
        assert.deepStrictEqual(yield* stored(), ["user: go", "user: me first"])
        yield* Agent.run(agent, "again", { session })
        assert.deepStrictEqual(yield* roles, ["u", "uatu"])
      }).pipe(Effect.provide(world([[call("1", "meddle")], [text("fine")]])))
    )
  })
})

describe("The stream of a run", () => {
  const total = 20_000
  const perPull = 100
  /** Text in many pulls, each of which is counted. */
  const flood = (onPull: () => void) =>
    world([
      Array.from({ length: total / perPull }).flatMap((_, index) => [
        gate(Effect.sync(onPull)),
        ScriptedTransport.text(...Array.from({ length: perPull }, (_, at) => `${index * perPull + at} `))
      ])
    ])

  it.effect("TR-30 a slow reader holds the run back, and misses nothing", () => {
    const reading = pause()
    let pulls = 0
    return Effect.gen(function* () {
      const texts: Array<string> = []
      const fiber = yield* Agent.stream(agent, "go").pipe(
        Stream.runForEach((event) =>
          Effect.zipRight(
            reading.here,
            Effect.sync(() => event._tag === "TextDelta" && texts.push(event.delta))
          )
        ),
        Effect.fork
      )
      yield* reading.reached
      yield* Effect.repeatN(Effect.yieldNow(), 2000)
      // What the reader took at once, and as much again in the mailbox.
      assert.isAtMost(pulls, (2 * 4096) / perPull + 1)
      yield* reading.release
      yield* Fiber.join(fiber)
      assert.strictEqual(pulls, total / perPull)
      assert.deepStrictEqual(
        texts,
        Array.from({ length: total }, (_, index) => `${index} `)
      )
    }).pipe(Effect.provide(flood(() => pulls++)))
  })

  it.effect("RUN-3 TR-30 a reader that leaves a run which waits for it ends the run", () => {
    const reading = pause()
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Stream.runForEach(Agent.stream(agent, "go", { session }), () => reading.here))
      yield* reading.reached
      yield* Effect.repeatN(Effect.yieldNow(), 2000)
      assert.strictEqual(yield* ScriptedTransport.openConnections, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* ScriptedTransport.openConnections, 0)
      assert.strictEqual((yield* stored()).length, 2)
    }).pipe(Effect.provide(flood(() => {})))
  })

  it.effect("TR-30 keeps no event that was read", () => {
    setFlagsFromString("--expose_gc")
    const collectGarbage: () => void = runInNewContext("gc")
    const refs: Array<WeakRef<AgentEvent>> = []
    return Effect.gen(function* () {
      let seen = 0
      let alive: number | undefined
      yield* Stream.runForEachChunk(Agent.stream(agent, "go"), (events) =>
        Effect.gen(function* () {
          for (const event of events) if (++seen % 100 === 0) refs.push(new WeakRef(event))
          if (seen < total - 5000 || alive !== undefined) return
          // Weak references hold on until the current job is over.
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          collectGarbage()
          alive = refs.slice(0, 50).filter((ref) => ref.deref() !== undefined).length
        })
      )
      assert.strictEqual(alive, 0)
    }).pipe(Effect.provide(flood(() => {})))
  })
})
