import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Supervisor from "effect/Supervisor"
import * as Agent from "../../src/agent/Agent.ts"
import * as Composite from "../../src/agent/Composite.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import type { StoreError } from "../../src/context/ContextStore.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Repair from "../../src/context/Repair.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import type * as Message from "../../src/domain/Message.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const { call, roles, text } = ScriptedTransport

/** Every agent of the tree answers with calls of all below it; the leaves hang in a tool or in the middle of an answer. */
const tree = (atWork: Effect.Effect<void>) => {
  const hang = Agent.tool("hang", {}, () => Effect.zipRight(atWork, Effect.never))
  const leaf = (name: string) => Agent.make(name, { instructions: "leaf", tools: [hang] })
  const branch = (number: number) =>
    Agent.make(`branch-${number}`, {
      instructions: `branch ${number}`,
      tools: Array.from({ length: 6 }, (_, index) => Subagent.tool(leaf(`leaf-${index}`)))
    })
  const branches = Array.from({ length: 7 }, (_, index) => branch(index))
  const calls = (names: ReadonlyArray<string>) => names.map((name, index) => call(`${index}`, name, { task: "go" }))
  const below = Array.from({ length: 6 }, (_, index) => `leaf-${index}`)
  const script = roles({
    root: [calls(branches.map(({ name }) => name))],
    ...Object.fromEntries(branches.map((_, index) => [`branch ${index}`, [calls(below)]])),
    leaf: (_, index) =>
      index % 2 === 0
        ? [call("h", "hang")]
        : [text("so far", ScriptedTransport.gate(Effect.zipRight(atWork, Effect.never)))]
  })
  return {
    root: Agent.make("root", { instructions: "root", tools: branches.map((one) => Subagent.tool(one)) }),
    script
  }
}

const counted = (until: number) =>
  Effect.map(Deferred.make<void>(), (reached) => {
    let count = 0
    return {
      reached,
      one: Effect.suspend(() => (++count === until ? Deferred.succeed(reached, undefined) : Effect.void))
    }
  })

describe("A tree of 50 agents", () => {
  it.effect("interrupted at its root it leaves no fiber, no connection and whole histories", () =>
    Effect.gen(function* () {
      const { one, reached } = yield* counted(42)
      const { root, script } = tree(Effect.asVoid(one))
      const supervisor = yield* Supervisor.track
      yield* Effect.gen(function* () {
        const scripted = yield* ScriptedTransport.ScriptedTransport
        const store = yield* ContextStore.ContextStore
        const session = SessionId.make("tree")
        const running = Stream.runDrain(Agent.stream(root, "go", { session }))
        const fiber = yield* Effect.fork(Effect.supervised(running, supervisor))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* supervisor.value, [])
        assert.strictEqual(yield* scripted.openConnections, 0)
        const { sessions } = yield* store.list({ limit: 100 })
        assert.strictEqual(sessions.length, 50)
        for (const { id } of sessions) {
          const log = yield* store.entries(id)
          const messages = log.flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))
          assert.deepStrictEqual(Repair.repair(messages), messages, `the history of ${id} is whole as it is stored`)
          // Nobody has it any more.
          yield* Effect.scoped(store.lock(id, "fail"))
        }
      }).pipe(Effect.provide(world(script)))
    })
  )

  it.effect("stopped at its root all of it stops, and the root ends as stopped", () =>
    Effect.gen(function* () {
      const { one, reached } = yield* counted(42)
      const { root, script } = tree(Effect.asVoid(one))
      const result = yield* Effect.scoped(
        Effect.gen(function* () {
          const handle = yield* Agent.start(root, "go")
          yield* Deferred.await(reached)
          yield* handle.stop
          const scripted = yield* ScriptedTransport.ScriptedTransport
          assert.strictEqual(yield* scripted.openConnections, 0)
          const ends = yield* Stream.runCollect(handle.events)
          assert.strictEqual(Array.from(ends).filter(({ _tag }) => _tag === "RunEnd").length, 50)
          return yield* handle.await
        })
      ).pipe(Effect.provide(world(script)))
      assert.strictEqual(result.reason, "stopped")
    })
  )
})

describe("A failure in a leaf", () => {
  const leaf = Agent.make("leaf", { retries: 0 })
  const inner = Composite.make("inner", {}, (input: Message.Input, parts) => parts.run("first", leaf, input))
  const outer = Composite.make("outer", {}, (input: Message.Input, parts) => parts.run("only", inner, input))
  const script = [[ScriptedTransport.error("Authentication")]]

  it.effect("surfaces as it is, and tells its way", () =>
    Effect.gen(function* () {
      const events: Array<AgentEvent> = []
      const error = yield* Effect.flip(Runner.run(outer, "go", { onEvents: (batch) => events.push(...batch) }))
      assert.strictEqual(error._tag === "TransportError" && error.reason._tag, "Authentication")
      const at = Runner.failedAt(error)
      assert.deepStrictEqual(
        [at?.agent, at?.path.map(({ agent, at }) => `${agent}/${at}`)],
        ["leaf", ["outer/only", "inner/first"]]
      )
      const ends = events.flatMap((event) => (event._tag === "RunEnd" ? [[event.agent, event.failedAt?.agent]] : []))
      assert.deepStrictEqual(ends, [
        ["leaf", undefined],
        ["inner", "leaf"],
        ["outer", "leaf"]
      ])
    }).pipe(Effect.provide(world(script)))
  )

  it.effect("is told to the model that called it, with its way", () =>
    Effect.gen(function* () {
      const lead = Agent.make("lead", { tools: [Subagent.tool(leaf)] })
      const result = yield* Agent.run(lead, "go")
      assert.strictEqual(result.reason, "completed")
      const [tool] = result.messages.filter(({ role }) => role === "tool")
      const [part] = tool?.parts ?? []
      assert.strictEqual(part?.type === "tool-result" && part.outcome, "failed")
      assert.include(JSON.stringify(part), "Authentication")
    }).pipe(
      Effect.provide(
        world([[call("1", "leaf", { task: "go" })], [ScriptedTransport.error("Authentication")], [text("I could not")]])
      )
    )
  )
})

describe("A pattern", () => {
  it.effect("that runs itself without an end is a defect that names it", () =>
    Effect.gen(function* () {
      const self: Runner.Runner<string, string, StoreError, ContextStore.ContextStore> = Runner.make(
        "self",
        {},
        (input: string, parts) => parts.run("again", self, input)
      )
      const exit = yield* Effect.exit(Runner.run(self, "go"))
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "64 deep in each other: self > self")
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("interrupted, its parts end first", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const hang = Agent.tool("hang", {}, () => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never))
      const part = Agent.make("part", { tools: [hang] })
      const pattern = Composite.make("pattern", {}, (input: Message.Input, parts) => parts.run("a", part, input))
      const lines: Array<string> = []
      const fiber = yield* Effect.fork(
        Runner.run(pattern, "go", {
          onEvents: (events) =>
            lines.push(
              ...events.flatMap((event) => (event._tag === "RunEnd" ? [`${event.agent}:${event.reason}`] : []))
            )
        })
      )
      yield* Deferred.await(begun)
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isInterrupted(exit))
      assert.deepStrictEqual(lines, ["part:interrupted", "pattern:interrupted"])
    }).pipe(Effect.provide(Layer.merge(world([[call("1", "hang")]]), Layer.empty)))
  )
})
