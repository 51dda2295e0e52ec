import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { sentResults, world } from "../support/runs.ts"

const { call, error, gate, roles, text } = ScriptedTransport

const painter = Agent.make("painter", { instructions: "You are the painter.", retries: 0 })
const writer = Agent.make("writer", { instructions: "You are the writer.", retries: 0 })

const pause = Agent.tool("pause", {}, () => Effect.sleep("1 minute"))

const leadWith = (options?: Parameters<typeof Subagent.background>[1]) =>
  Agent.make("lead", {
    instructions: "You are the lead.",
    tools: [...Subagent.background([painter, writer], options), pause]
  })
const lead = leadWith()

const start = (agent: string, task = "x") => call(`start ${agent} ${task}`, "start_agent", { agent, task })

/** The ids of all agents that were started in the conversation of a request, in order. */
const ids = (request: Request): ReadonlyArray<string> =>
  request.messages.flatMap(({ parts }) =>
    parts.flatMap((part) => {
      if (part.type !== "tool-result" || part.name !== "start_agent" || part.outcome !== "ok") return []
      return part.content.flatMap((content) =>
        content.type === "json" ? [String(Reflect.get(Object(content.value), "id"))] : []
      )
    })
  )

const id = (request: Request, index = 0): string => ids(request)[index] ?? "none"

/** Text with the ids of agents replaced by their numbers. */
const plain = (request: Request, said: string): string =>
  ids(request).reduce((text, one, index) => text.replaceAll(one, `#${index}`), said)

/** The results of the last calls. */
const results = (request: Request | undefined): ReadonlyArray<string> => {
  if (request === undefined) return []
  const end = request.messages.findLastIndex(({ role }) => role === "tool")
  const messages = request.messages.slice(0, end + 1)
  return sentResults({ ...request, messages }).map((result) => plain(request, result))
}

/** What the lead was told without asking. */
const news = (request: Request | undefined): ReadonlyArray<string> =>
  (request?.messages ?? [])
    .filter(({ role }) => role === "user")
    .slice(1)
    .map((message) => (request === undefined ? "" : plain(request, Message.toText(message))))

const leads = Effect.map(ScriptedTransport.requests, (requests) =>
  requests.filter(({ messages: [first] }) => first !== undefined && Message.toText(first) === "You are the lead.")
)

const running = <E, R>(agent: Agent.Agent<string, E, R>, minutes: number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Agent.run(agent, "go", { session: SessionId.make("s") }))
    for (let minute = 0; minute < minutes; minute++) yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

describe("Subagent.background", () => {
  it("refuses bounds that bound nothing", () => {
    assert.throws(() => Subagent.background([painter], { concurrency: 0 }), "concurrency")
    assert.throws(() => Subagent.background([painter], { maxAgents: 0 }), "maxAgents")
  })

  it.effect("AG-28 an agent that ends is told once, before the next turn", () =>
    Effect.gen(function* () {
      const result = yield* running(lead, 3)
      assert.strictEqual(result.text, "thanks")
      const requests = yield* leads
      assert.deepStrictEqual(requests.map(news), [
        [],
        [],
        ["News of the background agent #0: it has finished. Its answer:\n\na picture"],
        [
          "News of the background agent #0: it has finished. Its answer:\n\na picture",
          "News of the background agent #1: it has failed. lead > writer: TransportError: scripted scripted: Authentication: scripted"
        ]
      ])
      assert.strictEqual(result.usage.inputTokens.total, 50)
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are the lead": [
              [start("painter"), start("writer")],
              [call("1", "pause")],
              [call("2", "pause")],
              [text("thanks")]
            ],
            "You are the painter": [[text("a pic", gate(Effect.sleep("30 seconds")), "ture")]],
            "You are the writer": [[gate(Effect.sleep("90 seconds")), error("Authentication")]]
          })
        )
      )
    )
  )

  it.effect("AG-27 AG-25 awaits any and all, those that have ended at once", () =>
    Effect.gen(function* () {
      yield* running(lead, 3)
      const requests = yield* leads
      assert.deepStrictEqual(requests.slice(2).map(results), [
        [
          'ok: [{"id":"#0","agent":"painter","status":"finished","answer":"a picture"},{"id":"#1","agent":"writer","status":"running"}]'
        ],
        [
          'ok: [{"id":"#0","agent":"painter","status":"finished","answer":"a picture"},{"id":"#1","agent":"writer","status":"running"}]'
        ],
        ['ok: [{"id":"#1","agent":"writer","status":"finished","answer":"a poem"}]'],
        ["failed: SubagentFailed: Name at least one agent. Its agents are: #0, #1."]
      ])
      assert.deepStrictEqual(news(requests.at(-1)), [])
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are the lead": [
              [start("painter"), start("writer")],
              (request) => [call("1", "await_agents", { ids: ids(request), mode: "any" })],
              (request) => [call("2", "await_agents", { ids: ids(request), seconds: 1 })],
              (request) => [call("3", "await_agents", { ids: [id(request, 1)] })],
              [call("4", "await_agents", { ids: [] })],
              [text("ok")]
            ],
            "You are the painter": [[text(gate(Effect.sleep("30 seconds")), "a picture")]],
            "You are the writer": [[text(gate(Effect.sleep("90 seconds")), "a poem")]]
          })
        )
      )
    )
  )

  it.effect("an agent that is awaited no longer is news after all", () =>
    Effect.gen(function* () {
      yield* running(lead, 3)
      const requests = yield* leads
      assert.deepStrictEqual(results(requests[2]), ['ok: [{"id":"#0","agent":"painter","status":"running"}]'])
      assert.deepStrictEqual(news(requests.at(-1)).length, 1)
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are the lead": [
              [start("painter")],
              (request) => [call("1", "await_agents", { ids: ids(request), seconds: 10 })],
              [call("2", "pause")],
              [text("ok")]
            ],
            "You are the painter": [[text(gate(Effect.sleep("30 seconds")), "a picture")]]
          })
        )
      )
    )
  )

  it.effect("what a call that was cut short had awaited is news after all", () =>
    Effect.gen(function* () {
      const hasty = Agent.make("lead", {
        instructions: "You are the lead.",
        toolsTimeout: "40 seconds",
        tools: [...Subagent.background([painter, writer])]
      })
      yield* running(hasty, 1)
      const requests = yield* leads
      assert.include(results(requests[2])[0], "timed-out")
      assert.deepStrictEqual(news(requests.at(-1)), [
        "News of the background agent #0: it has finished. Its answer:\n\na picture"
      ])
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are the lead": [
              [start("painter"), start("writer")],
              (request) => [call("1", "await_agents", { ids: ids(request) })],
              [text(gate(Effect.sleep("1 second")), "ok")],
              [text("thanks")]
            ],
            "You are the painter": [[text(gate(Effect.sleep("30 seconds")), "a picture")]],
            "You are the writer": [[text(gate(Effect.never))]]
          })
        )
      )
    )
  )

  it.effect("what is on its way as news is not told by a read as well", () =>
    Effect.gen(function* () {
      yield* running(lead, 2)
      const requests = yield* leads
      const told = requests.at(-2)
      assert.deepStrictEqual(results(told), [
        'ok: {"id":"#0","agent":"painter","status":"finished","note":"See the message about it."}'
      ])
      assert.deepStrictEqual(news(told).length, 1)
      // Later on, whoever asks is told again.
      assert.include(results(requests.at(-1))[0], '"answer":"a picture"')
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are the lead": [
              [start("painter")],
              (request) => [text(gate(Effect.sleep("1 minute"))), call("1", "read_agent", { id: id(request) })],
              (request) => [call("2", "read_agent", { id: id(request) })],
              [text("ok")]
            ],
            "You are the painter": [[text(gate(Effect.sleep("30 seconds")), "a picture")]]
          })
        )
      )
    )
  )

  it.effect("lists, reads and cancels", () =>
    Effect.gen(function* () {
      const events: Array<AgentEvent> = []
      const onEvents = (batch: ReadonlyArray<AgentEvent>) => void events.push(...batch)
      yield* Agent.run(lead, "go", { onEvents })
      const requests = yield* leads
      assert.deepStrictEqual(requests.slice(2).map(results), [
        [
          'ok: [{"id":"#0","agent":"painter","status":"running","task":"x"}]',
          'ok: {"id":"#0","agent":"painter","status":"running","lastWords":""}'
        ],
        ['ok: {"id":"#0","agent":"painter","status":"cancelled"}'],
        [
          'ok: [{"id":"#0","agent":"painter","status":"cancelled"}]',
          "failed: SubagentFailed: This run has no agent nobody; agents end with the run that started them. Its agents are: #0."
        ]
      ])
      assert.deepStrictEqual(news(requests.at(-1)), [])
      assert.deepStrictEqual(
        Trace.lines(events).filter((line) => line.includes("RunEnd")),
        ["lead/painter: RunEnd:interrupted", "RunEnd:completed"]
      )
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are the lead": [
              [start("painter")],
              (request) => [call("1", "list_agents"), call("2", "read_agent", { id: id(request) })],
              (request) => [call("3", "cancel_agent", { id: id(request) })],
              (request) =>
                [call("4", "await_agents", { ids: ids(request) }), call("5", "read_agent", { id: "nobody" })].slice(
                  0,
                  2
                ),
              [text("ok")]
            ],
            "You are the painter": [[text("begun", gate(Effect.never))]]
          })
        )
      )
    )
  )

  it.effect("AG-23 no more than so many at once, and in all", () =>
    Effect.gen(function* () {
      yield* running(leadWith({ concurrency: 1, maxAgents: 2 }), 2)
      const requests = yield* leads
      assert.deepStrictEqual(results(requests[1]), [
        'ok: {"id":"#0","status":"running"}',
        'ok: {"id":"#1","status":"queued"}',
        "failed: SubagentFailed: This run has started 2 agents, and may not start more. Do this part yourself."
      ])
      assert.deepStrictEqual(results(requests[2]), [
        'ok: [{"id":"#0","agent":"painter","status":"running","task":"a"},{"id":"#1","agent":"painter","status":"queued","task":"b"}]'
      ])
      assert.include(results(requests[3])[0], '"status":"finished","answer":"b"')
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are the lead": [
              [start("painter", "a"), start("painter", "b"), start("painter", "c")],
              [call("1", "list_agents")],
              (request) => [call("2", "await_agents", { ids: ids(request) })],
              [text("ok")]
            ],
            "You are the painter": [
              [text(gate(Effect.sleep("30 seconds")), "a")],
              [text(gate(Effect.sleep("30 seconds")), "b")]
            ]
          })
        )
      )
    )
  )

  it.effect("TR-17 a run ends after those it has started, whose sessions are whole", () =>
    Effect.gen(function* () {
      const ended = { count: 0 }
      const hang = Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended.count++))
      const script = roles({
        "You are the lead": [[start("painter"), start("writer")], [text(gate(Effect.yieldNow()), "bye")]],
        "You are the painter": [[text("begun", gate(hang))]],
        "You are the writer": [[call("1", "none")], [text("begun", gate(hang))]]
      })
      yield* Effect.gen(function* () {
        const events: Array<AgentEvent> = []
        const onEvents = (batch: ReadonlyArray<AgentEvent>) => void events.push(...batch)
        const { session } = yield* Agent.run(lead, "go", { onEvents })
        const ends = Trace.lines(events).filter((line) => line.includes("RunEnd"))
        assert.deepStrictEqual([ends.at(-1), ends.length], ["RunEnd:completed", 3])
        assert.deepStrictEqual(ended.count, yield* Effect.map(ScriptedTransport.requests, () => 2))
        assert.strictEqual(yield* ScriptedTransport.openConnections, 0)
        const store = yield* ContextStore.ContextStore
        const { sessions } = yield* store.list()
        for (const { id } of sessions.filter(({ id }) => id !== session)) {
          const { messages } = yield* store.read(id)
          const calls = messages.flatMap(Message.toolCalls).length
          const results = messages.flatMap(({ parts }) => parts.filter(({ type }) => type === "tool-result")).length
          assert.strictEqual(calls, results)
        }
      }).pipe(Effect.provide(world(script)))
    })
  )

  it.effect("runs of the same agent do not see each other's", () =>
    Effect.gen(function* () {
      const both = yield* Deferred.make<void>()
      let here = 0
      const meet = Effect.suspend(() => (++here === 2 ? Deferred.succeed(both, undefined) : Deferred.await(both)))
      const script = roles({
        "You are the lead": (request) => {
          const last = request.messages.at(-1)
          if (last?.role === "user") return [start("painter")]
          return results(request)[0]?.startsWith("ok: [") === true
            ? [text(results(request).join())]
            : [text(gate(meet)), call("1", "list_agents")]
        },
        "You are the painter": () => [text("begun", gate(Effect.never))]
      })
      const [one, two] = yield* Effect.provide(
        Effect.all([Agent.run(lead, "go"), Agent.run(lead, "go")], { concurrency: 2 }),
        world(script)
      )
      for (const { text } of [one, two]) assert.strictEqual(text.split('"id"').length, 2)
    })
  )

  it.effect("AM-30 where it would stand too deep the model has none of the tools", () =>
    Effect.gen(function* () {
      const chief = Agent.make("chief", {
        instructions: "You are the chief.",
        tools: [Subagent.tool(leadWith({ maxDepth: 1 }))]
      })
      yield* Agent.run(chief, "go")
      const [first, second] = yield* leads
      assert.deepStrictEqual(
        first?.tools.map(({ name }) => name),
        ["pause"]
      )
      assert.include(results(second)[0], "this would be deeper: chief > lead > painter")
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are the chief": [[call("1", "lead", { task: "x" })], [text("ok")]],
            "You are the lead": [[start("painter")], [text("ok")]]
          })
        )
      )
    )
  )
})
