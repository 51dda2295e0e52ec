import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as Budget from "../../src/agent/Budget.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Identity from "../../src/context/Identity.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import { world } from "../support/runs.ts"

const { call, gate, roles, text } = ScriptedTransport

/** One answer with so many calls of the clerk. */
const many = (count: number) =>
  Array.from({ length: count }, (_, index) => call(`${index}`, "clerk", { task: `task ${index}` }))

const clerk = Agent.make("clerk", { instructions: "You are the clerk." })

describe("Many sub-agents", () => {
  const busy = { now: 0, most: 0, done: 0 }
  const work = Effect.acquireUseRelease(
    Effect.sync(() => {
      busy.most = Math.max(busy.most, ++busy.now)
    }),
    () => Effect.zipRight(Effect.yieldNow(), Effect.yieldNow()),
    () =>
      Effect.sync(() => {
        busy.now--
        busy.done++
      })
  )
  const script = () =>
    roles({ "You are the lead": [many(200), [text("ok")]], "You are the clerk": () => [text(gate(work), "done")] })

  it.effect("200 never go over a bound of 8", () => {
    Object.assign(busy, { now: 0, most: 0, done: 0 })
    const tools = [Subagent.tool(clerk, { concurrency: 8 })]
    const lead = Agent.make("lead", { instructions: "You are the lead.", toolConcurrency: 200, tools })
    return Effect.gen(function* () {
      const result = yield* Agent.run(lead, "go")
      assert.deepStrictEqual([result.text, busy.most, busy.done], ["ok", 8, 200])
      assert.strictEqual(result.usage.inputTokens.total, 2020)
    }).pipe(Effect.provide(world(script())))
  })

  it.effect("AM-30 run side by side", () => {
    const meeting = { here: 0 }
    return Effect.gen(function* () {
      const all = yield* Deferred.make<void>()
      const meet = Effect.suspend(() => {
        meeting.here++
        return meeting.here === 5 ? Deferred.succeed(all, undefined) : Deferred.await(all)
      })
      const lead = Agent.make("lead", { instructions: "You are the lead.", tools: [Subagent.tool(clerk)] })
      const result = yield* Effect.provide(
        Agent.run(lead, "go"),
        world(
          roles({ "You are the lead": [many(5), [text("ok")]], "You are the clerk": () => [text(gate(meet), "met")] })
        )
      )
      assert.deepStrictEqual([result.text, meeting.here], ["ok", 5])
    })
  })

  it.effect("TR-17 all end when their caller is interrupted, and leave whole sessions", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const count = { begun: 0, ended: 0 }
      const hang = Effect.suspend(() => (++count.begun === 20 ? Deferred.succeed(begun, undefined) : Effect.void)).pipe(
        Effect.zipRight(Effect.never),
        Effect.onInterrupt(() => Effect.sync(() => count.ended++))
      )
      const lead = Agent.make("lead", {
        instructions: "You are the lead.",
        toolConcurrency: 20,
        tools: [Subagent.tool(clerk)]
      })
      yield* Effect.gen(function* () {
        const run = yield* Effect.fork(Agent.run(lead, "go"))
        yield* Deferred.await(begun)
        const exit = yield* Fiber.interrupt(run)
        assert.isTrue(Exit.isInterrupted(exit))
        assert.deepStrictEqual([count.ended, yield* ScriptedTransport.openConnections], [20, 0])
        const store = yield* ContextStore.ContextStore
        const { sessions } = yield* store.list({ limit: 100 })
        const ends = yield* Effect.forEach(sessions, ({ id }) => store.read(id))
        assert.strictEqual(sessions.length, 21)
        for (const { messages } of ends) {
          const calls = messages.flatMap(Message.toolCalls).length
          const results = messages.flatMap(({ parts }) => parts.filter(({ type }) => type === "tool-result")).length
          assert.strictEqual(calls, results)
        }
      }).pipe(
        Effect.provide(
          world(roles({ "You are the lead": [many(20)], "You are the clerk": () => [text("begun", gate(hang))] }))
        )
      )
    })
  )
})

describe("Sub-agents inherit", () => {
  /** How many requests were sent, and how many calls ran, by a lead and so many clerks. */
  const spent = (limits: Budget.Options["limits"], children: number) =>
    Effect.gen(function* () {
      const ran: Array<string> = []
      const look = Agent.tool("look", {}, () => Effect.sync(() => void ran.push("look")))
      const worker = Agent.withTools(clerk, [look])
      const tools = [Subagent.tool(worker)]
      const lead = Agent.make("lead", { instructions: "You are the lead.", toolConcurrency: children, tools })
      const hooks = Hooks.layer({
        toolStart: ({ tool }) => Effect.sync(() => void (tool === "clerk" && ran.push(tool)))
      })
      const script = roles({
        "You are the lead": (_, index) => (index === 0 ? many(children) : [text("ok")]),
        "You are the clerk": ({ messages }) =>
          messages.length < 6 ? [call("1", "look"), call("2", "look")] : [text("done")]
      })
      return yield* Effect.gen(function* () {
        yield* Effect.exit(Effect.provide(Agent.run(lead, "go"), Layer.merge(Budget.layer({ limits }), hooks)))
        return [(yield* ScriptedTransport.requests).length, ran.length]
      }).pipe(Effect.provide(world(script)))
    })

  it.effect("TR-26 the budget: parallel ones never go over it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* spent({}, 4), [14, 20])
      const [requests = 0] = yield* spent({ requests: 5 }, 8)
      assert.strictEqual(requests, 5)
      for (const children of [2, 4, 8]) {
        const [, calls = 0] = yield* spent({ toolCalls: 9 }, children)
        assert.isTrue(calls <= 9 && calls >= 8, `${calls} calls of ${children} clerks`)
      }
    })
  )

  it.effect("AX-29 AG-19 identity, hooks and guard, each call with its own context", () => {
    const told: Array<string> = []
    const tell = Agent.tool("tell", {}, () =>
      Effect.map(ToolContext, ({ agent, identity, path, session, tool }) => {
        const way = path?.map(({ agent, call }) => `${agent} ${call !== undefined}`).join()
        told.push([tool, agent, identity.userId, way, session.startsWith("s/call_")].join(" "))
        return session
      })
    )
    const hide = Agent.tool("hide", {}, () => Effect.sync(() => void told.push("hidden")))
    const lead = Agent.make("lead", {
      tools: [Subagent.tool(Agent.withTools(clerk, [tell, hide]))],
      instructions: "You are the lead."
    })
    const seen: Array<string> = []
    const hooks = Hooks.layer({
      toolStart: ({ agent, path, tool }) => Effect.sync(() => void seen.push(`${path?.length ?? 0} ${agent} ${tool}`))
    })
    const guard = Guard.layer(
      Guard.make(({ tool }) => Effect.succeed(tool.name === "hide" ? Guard.Deny("no hiding") : Guard.Allow))
    )
    return Effect.gen(function* () {
      const { session } = yield* Agent.run(lead, "go", { session: "s" as never })
      assert.strictEqual(session, "s")
      assert.deepStrictEqual(told, Array(2).fill("tell clerk ada lead true true"))
      assert.deepStrictEqual(seen.sort(), ["0 lead clerk", "0 lead clerk", "1 clerk tell", "1 clerk tell"])
    }).pipe(
      Effect.provide([
        world(
          roles({
            "You are the lead": [many(2), [text("ok")]],
            "You are the clerk": ({ messages }) =>
              messages.length < 4 ? [call("1", "tell"), call("2", "hide")] : [text("done")]
          })
        ),
        hooks,
        guard,
        Identity.layer({ userId: "ada", chatId: "desk" })
      ])
    )
  })

  it.effect("AM-31 a hook that dies leaves them alone, and is told of each", () => {
    const ends: Array<string> = []
    const hooks = Hooks.layer({
      runStart: () => Effect.die("broken"),
      runEnd: ({ agent, reason, run }) => Effect.sync(() => void ends.push(`${agent} ${reason} ${run !== undefined}`))
    })
    const lead = Agent.make("lead", { tools: [Subagent.tool(clerk)], instructions: "You are the lead." })
    return Effect.gen(function* () {
      const result = yield* Agent.run(lead, "go")
      assert.strictEqual(result.text, "ok")
      assert.deepStrictEqual(ends, ["clerk error true", "clerk completed true", "lead completed true"])
    }).pipe(
      Effect.provide(
        Layer.merge(
          world(
            roles({
              "You are the lead": [many(1), many(1), [text("ok")]],
              "You are the clerk": [[ScriptedTransport.error("Authentication")], [text("done")]]
            })
          ),
          hooks
        )
      )
    )
  })
})
