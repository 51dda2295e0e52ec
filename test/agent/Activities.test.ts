import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Activities from "../../src/agent/Activities.ts"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, error, text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { observed, sentResults, world } from "../support/runs.ts"

const session = SessionId.make("s")

/** What was done, by name, as JSON: whatever a journal keeps must survive its storage. */
type Journal = Map<string, string>

/** Activities that are done once and then only remembered. Time stands still and ids count. */
const journaling = (journal: Journal): Layer.Layer<never> => {
  let ids = 0
  const remember = <A, E, R>(kind: string, { call, run, turn }: Activities.Key, execute: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      const name = [kind, run, turn, call].filter((it) => it !== undefined).join("/")
      const known = journal.get(name)
      if (known !== undefined) return Effect.succeed<A>(JSON.parse(known))
      return Effect.tap(execute, (value) => void journal.set(name, JSON.stringify(value)))
    })
  return Layer.succeed(Activities.Activities, {
    model: (key, execute) => remember("model", key, execute),
    tool: (key, execute) => remember("tool", key, execute),
    approval: (key, execute) => remember("approval", key, execute),
    compaction: (key, execute) => remember("compaction", key, execute),
    selection: (key, execute) => remember("selection", key, execute),
    sleep: (_, duration) => Effect.sleep(duration),
    now: Effect.succeed(1_000_000),
    id: (prefix) => Effect.sync(() => `${prefix}_${++ids}`)
  })
}

/** A fresh start of the process: what was journaled and stored is there, everything else begins anew. */
const process = (journal: Journal, store: ContextStore.Service, script: ScriptedTransport.Script) =>
  Layer.mergeAll(journaling(journal), Layer.succeed(ContextStore.ContextStore, store), ScriptedTransport.layer(script))

const newStore = Effect.provide(ContextStore.ContextStore, ContextStore.layerMemory)

/** The log of the session as it would be read from a disk. */
const transcript = (store: ContextStore.Service) =>
  Effect.map(store.entries(session), (entries) => JSON.parse(JSON.stringify(entries)))

/** Plays one answer for each answer that the conversation already has, whatever process it is asked in. */
const byConversation = (turns: ReadonlyArray<ReadonlyArray<ScriptedTransport.Step>>) => (request: Request) =>
  turns[request.messages.filter(({ role }) => role === "assistant").length] ?? assert.fail("asked too often")

describe("Activities", () => {
  describe("a replayed run", () => {
    const turns = [
      [text("First."), call("w1", "echo", { text: "a" }), call("w2", "echo", { text: "b" }), call("w3", "none")],
      [call("w1", "remove", { text: "c" }), call("w2", "remove", { text: "d" })],
      [text("done")]
    ]
    const scene = (journal: Journal, store: ContextStore.Service) =>
      Effect.gen(function* () {
        const ran: Array<string> = []
        const say = (what: string) => (input: { readonly text: string }) =>
          Effect.sync(() => {
            ran.push(`${what} ${input.text}`)
            return `${what} ${input.text}`
          })
        const parameters = { text: Schema.String }
        const tools = [
          Agent.tool("echo", { parameters }, say("echo")),
          Agent.tool("remove", { parameters, destructive: true }, say("remove"))
        ]
        const approver = Layer.succeed(Approval.Approval, {
          ask: ({ call }) =>
            Effect.sync(() => {
              ran.push(`ask ${call.id.slice(-1)}`)
              return { approved: call.id.endsWith("1"), reason: "the second only" }
            })
        })
        const { asked, result } = yield* Effect.all({
          result: Agent.run(Agent.make("a", { tools }), "go", { session }),
          asked: Effect.map(ScriptedTransport.requests, (requests) => requests.length)
        }).pipe(Effect.provide(approver), Effect.provide(process(journal, store, byConversation(turns))))
        return { ran, asked, result: JSON.parse(JSON.stringify(result)), log: yield* transcript(store) }
      })
    const sorts = (journal: Journal, kind: string) => [...journal.keys()].filter((name) => name.startsWith(kind)).length

    it.effect("TR-11 from any prefix of its journal commits the same transcript", () =>
      Effect.gen(function* () {
        const journal: Journal = new Map()
        const first = yield* scene(journal, yield* newStore)
        assert.deepStrictEqual(
          [...journal.keys()],
          [
            "model/run_1/1",
            "tool/run_1/1/call_run_1_1_0",
            "tool/run_1/1/call_run_1_1_1",
            "model/run_1/2",
            "approval/run_1/2/call_run_1_2_0",
            "approval/run_1/2/call_run_1_2_1",
            "tool/run_1/2/call_run_1_2_1",
            "model/run_1/3"
          ]
        )
        for (let length = 0; length <= journal.size; length++) {
          const known: Journal = new Map([...journal].slice(0, length))
          const rest = {
            model: 3 - sorts(known, "model"),
            tool: 3 - sorts(known, "tool"),
            ask: 2 - sorts(known, "app")
          }
          const again = yield* scene(known, yield* newStore)
          assert.deepStrictEqual([again.log, again.result], [first.log, first.result])
          assert.deepStrictEqual(
            [again.asked, again.ran],
            [rest.model, first.ran.slice(first.ran.length - rest.tool - rest.ask)]
          )
          assert.deepStrictEqual(known, journal)
        }
      })
    )

    it.effect("TR-11 over its own session stores nothing twice, in every state", () =>
      Effect.gen(function* () {
        const journal: Journal = new Map()
        const store = yield* newStore
        const first = yield* scene(journal, store)
        assert.deepStrictEqual(yield* scene(journal, store), { ...first, asked: 0, ran: [] })
      })
    )
  })

  describe("a crash", () => {
    const log: Array<string> = []
    /** A tool that waits for its latch, and says when it began. */
    const waiting = (name: string, begun: Deferred.Deferred<void>, latch: Effect.Effect<void>) =>
      Agent.tool(name, {}, () =>
        Effect.sync(() => log.push(name)).pipe(
          Effect.zipRight(Deferred.succeed(begun, undefined)),
          Effect.zipRight(latch),
          Effect.as(`the result of ${name}`)
        )
      )
    const script = byConversation([[call("w1", "one"), call("w2", "two"), call("w3", "three")], [text("done")]])
    /** The store as a process sees it that is gone after a moment. */
    const mortal = (store: ContextStore.Service) => {
      const life = { isOver: false }
      const append: ContextStore.Service["append"] = (...entries) =>
        life.isOver ? Effect.dieMessage("the process is gone") : store.append(...entries)
      return { life, store: { ...store, append } }
    }

    it.effect("TR-11 after some tools finished runs only the others", () =>
      Effect.gen(function* () {
        log.length = 0
        const journal: Journal = new Map()
        const disk = yield* newStore
        const { life, store } = mortal(disk)
        const agent = (last: Effect.Effect<void>, begun: Deferred.Deferred<void>, other: Deferred.Deferred<void>) =>
          Agent.make("a", {
            tools: [
              waiting("one", other, Effect.void),
              waiting("two", begun, last),
              waiting("three", other, Effect.void)
            ]
          })
        const [begun, other] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const fiber = yield* Agent.run(agent(Effect.never, begun, other), "go", { session }).pipe(
          Effect.provide(process(journal, store, script)),
          Effect.fork
        )
        yield* Deferred.await(begun)
        yield* Effect.repeat(Effect.yieldNow(), { until: () => journal.size === 3 })
        life.isOver = true
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(log.splice(0).toSorted(), ["one", "three", "two"])

        const { requests, result } = yield* Effect.all({
          result: Agent.run(agent(Effect.void, begun, other), "go", { session }),
          requests: ScriptedTransport.requests
        }).pipe(Effect.provide(process(journal, disk, script)))
        assert.deepStrictEqual(log, ["two"])
        assert.strictEqual(result.output, "done")
        // The model sees the conversation once, with the results and not with the repair of the crash.
        assert.deepStrictEqual(
          requests.map(({ messages }) => messages.map(({ role }) => role)),
          [["user", "assistant", "tool"]]
        )
        assert.deepStrictEqual(sentResults(requests[0]), [
          "ok: the result of one",
          "ok: the result of two",
          "ok: the result of three"
        ])
        assert.deepStrictEqual((yield* disk.read(session)).messages, result.messages)
      })
    )

    it.effect("TR-11 in a later turn goes on there", () =>
      Effect.gen(function* () {
        const journal: Journal = new Map()
        const disk = yield* newStore
        const { life, store } = mortal(disk)
        const asked = yield* Deferred.make<void>()
        const tool = Agent.tool("one", {}, () => Effect.sync(() => log.push("one")))
        const agent = Agent.make("a", { instructions: "Be brief.", tools: [tool] })
        const first = [call("w", "one")]
        const stuck = [
          first,
          first,
          [ScriptedTransport.gate(Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never))]
        ]
        const fiber = yield* Agent.run(agent, "go", { session }).pipe(
          Effect.provide(process(journal, store, byConversation(stuck))),
          Effect.fork
        )
        yield* Deferred.await(asked)
        life.isOver = true
        yield* Fiber.interrupt(fiber)

        log.length = 0
        const { requests, result } = yield* Effect.all({
          result: Agent.run(agent, "go", { session }),
          requests: ScriptedTransport.requests
        }).pipe(Effect.provide(process(journal, disk, byConversation([first, first, [text("done")]]))))
        assert.deepStrictEqual([log, result.output, result.turns], [[], "done", 3])
        assert.deepStrictEqual(
          requests.map(({ messages }) => messages.map(({ role }) => role).join(" ")),
          ["system user assistant tool assistant tool"]
        )
        assert.deepStrictEqual((yield* disk.read(session)).messages, result.messages)
      })
    )

    it.effect("TR-10 TR-11 while a person is asked keeps the answers that were given", () =>
      Effect.gen(function* () {
        const journal: Journal = new Map()
        const disk = yield* newStore
        const { life, store } = mortal(disk)
        const tool = Agent.tool("remove", { parameters: { path: Schema.String }, needsApproval: true }, ({ path }) =>
          Effect.succeed(`removed ${path}`)
        )
        const agent = Agent.make("a", { tools: [tool] })
        const calls = ["a", "b"].map((path) => call(path, "remove", { path }))
        const asked: Array<unknown> = []
        /** Answers about one path, and leaves every other question open. */
        const about = (path: string, decision: Approval.Decision) =>
          Layer.succeed(Approval.Approval, {
            ask: ({ call: { input } }) => {
              asked.push(input)
              return JSON.stringify(input).includes(`"${path}"`) ? Effect.succeed(decision) : Effect.never
            }
          })
        const play = byConversation([calls, [text("done")]])
        const fiber = yield* Agent.run(agent, "go", { session }).pipe(
          Effect.provide([about("b", { approved: false, reason: "keep it" }), process(journal, store, play)]),
          Effect.fork
        )
        yield* Effect.repeat(Effect.yieldNow(), { until: () => journal.size === 2 })
        life.isOver = true
        yield* Fiber.interrupt(fiber)
        const sent = yield* Effect.zipRight(Agent.run(agent, "go", { session }), ScriptedTransport.requests).pipe(
          Effect.provide([about("a", { approved: true }), process(journal, disk, play)])
        )
        assert.deepStrictEqual(asked, [{ path: "a" }, { path: "b" }, { path: "a" }])
        assert.deepStrictEqual(sentResults(sent[0]), [
          "ok: removed a",
          "denied: Not approved: keep it. Do not try the same call again."
        ])
      })
    )
  })

  describe("an approval", () => {
    const boom = new Error("boom")
    it.effect.each([
      ["throws", () => assert.fail("boom")],
      ["dies", () => Effect.die(boom)],
      ["interrupts itself", () => Effect.interrupt]
    ] as const)("of an approver that %s is a no, and the run goes on", ([, ask]) =>
      Effect.gen(function* () {
        const tool = Agent.tool("remove", { needsApproval: true }, () => Effect.dieMessage("ran"))
        const script = [[call("w", "remove")], [text("done")]]
        const { requests } = yield* observed(Agent.make("a", { tools: [tool] }), script)
        assert.deepStrictEqual(sentResults(requests[1]), [
          "denied: Not approved: the approver failed. Do not try the same call again."
        ])
      }).pipe(Effect.provide([Layer.succeed(Approval.Approval, { ask }), Logger.remove(Logger.defaultLogger)]))
    )
  })

  describe("time and ids", () => {
    it.effect("come from nowhere else: two runs are the same, event by event", () =>
      Effect.gen(function* () {
        const slow = Agent.tool("slow", {}, () => Effect.as(Effect.sleep("3 seconds"), "slept"))
        const script = [[error("Overloaded")], [text("So."), call("w", "slow")], [text("done")]]
        const one = Effect.gen(function* () {
          const store = yield* newStore
          const fiber = yield* Effect.fork(
            Effect.provide(
              Trace.events(Agent.stream(Agent.make("a", { tools: [slow] }), "go")),
              process(new Map(), store, script)
            )
          )
          yield* TestClock.adjust("10 seconds")
          const events: ReadonlyArray<AgentEvent> = yield* Fiber.join(fiber)
          return { events, entries: yield* store.entries(SessionId.make("session_2")) }
        })
        const [first, second] = [yield* one, yield* one]
        assert.deepStrictEqual(second, first)
        assert.deepStrictEqual(new Set(first.entries.map(({ at }) => at)), new Set([1_000_000]))
        assert.deepStrictEqual(
          first.entries.map(({ id }) => id),
          ["run_1/0/input-0", "run_1/1/answer", "run_1/1/usage", "run_1/1/results", "run_1/2/answer", "run_1/2/usage"]
        )
        const times = first.events.flatMap((event) => {
          if (event._tag === "ToolEnd") return [event.durationMillis]
          return event._tag === "RunEnd" ? [event.endedAtMillis] : []
        })
        assert.deepStrictEqual(times, [0, 1_000_000])
      })
    )

    it.effect("a call took as long as the Clock says", () =>
      Effect.gen(function* () {
        const slow = Agent.tool("slow", {}, () => Effect.sleep("3 seconds"))
        const events = Trace.events(Agent.stream(Agent.make("a", { tools: [slow] }), "go"))
        const fiber = yield* Effect.fork(Effect.provide(events, world([[call("w", "slow")], [text("done")]])))
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(
          (yield* Fiber.join(fiber)).flatMap((event) => (event._tag === "ToolEnd" ? [event.durationMillis] : [])),
          [3000]
        )
      })
    )
  })
})
