import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { answering, at, byAmount, no, pay, session, shop, waiting, yes } from "../support/approvals.ts"
import { sentResults, world } from "../support/runs.ts"
import { folderOf, open } from "../support/sqliteStore.ts"

const { call, roles, text } = ScriptedTransport

const { newFile } = folderOf("subagents")

const asking = Guard.layer(
  Guard.make((call) => (call.tool.name === "pay" ? byAmount.check(call) : Effect.succeed(Guard.Allow)))
)

/** A boss, a lead below and a clerk below that, who pays; the way of giving the clerk to the lead may vary. */
const office = (options: Subagent.Options = {}) => {
  const { agent, ran } = shop({ instructions: "You are the clerk." })
  const lead = Agent.make("lead", { instructions: "You are the lead.", tools: [Subagent.tool(agent, options)] })
  const boss = Agent.make("boss", { instructions: "You are the boss.", tools: [Subagent.tool(lead)] })
  return { boss, lead, clerk: agent, ran }
}

const to = (name: string, task: string) => call(`${name} ${task}`, name, { task })

const task = ({ messages }: Request) =>
  messages
    .filter(({ role }) => role === "user")
    .map(Message.toText)
    .at(-1) ?? ""

const calls = (request: Request) => request.messages.at(-1)?.role === "user"

/** Everybody passes on what the clerk is to pay, and answers with what came of it. */
const passing = () =>
  roles({
    "You are the boss": (request) =>
      calls(request) ? [to("lead", "20"), to("lead", "30")] : [text(sentResults(request).join("; "))],
    "You are the lead": (request) =>
      calls(request) ? [to("clerk", task(request))] : [text(sentResults(request).join("; "))],
    "You are the clerk": (request) =>
      calls(request) ? [pay("1", Number(task(request)))] : [text(sentResults(request).join("; "))]
  })

const suspended = Layer.merge(asking, Approval.layerSuspend)

describe("Approvals of sub-agents at depth 2", () => {
  it.effect("TR-9 TR-10 are told together, and each answer reaches its call", () => {
    const { boss, ran } = office()
    return Effect.gen(function* () {
      const first = yield* Agent.run(boss, "go", { session })
      assert.deepStrictEqual(
        first.pending.map(({ agent, input, path }) => [agent, input, path?.map(({ agent }) => agent)]),
        [
          ["clerk", { amount: 20, to: "shop" }, ["boss", "lead"]],
          ["clerk", { amount: 30, to: "shop" }, ["boss", "lead"]]
        ]
      )
      const ids = first.pending.map(({ call }) => call)
      const before = (yield* ScriptedTransport.requests).length
      // The second one first: the other waits on, and no model is asked above it.
      const half = yield* Agent.resume(boss, session, [no(at(ids, 1), { reason: "too much" })])
      assert.deepStrictEqual(
        [half.reason, half.pending.map(({ call }) => call), ran],
        ["awaiting-approval", [at(ids, 0)], []]
      )
      assert.strictEqual((yield* ScriptedTransport.requests).length, before + 2)
      const result = yield* Agent.resume(boss, session, [yes(at(ids, 0))])
      assert.strictEqual(
        result.text,
        "ok: ok: ok: 20 to shop; ok: ok: denied: Not approved: too much. Do not try the same call again."
      )
      assert.deepStrictEqual(ran, ["pay 20 shop"])
      // Nobody was asked to write a call a second time.
      assert.strictEqual((yield* ScriptedTransport.requests).length, before + 5)
    }).pipe(Effect.provide([world(passing()), suspended]))
  })

  it.effect("TR-12 answers about no question, or twice, change nothing", () => {
    const { boss, ran } = office()
    return Effect.gen(function* () {
      const ids = yield* waiting(boss)
      const rejected = (...decided: ReadonlyArray<Approval.Decided>) =>
        Effect.map(Effect.flip(Agent.resume(boss, session, decided)), (error) =>
          error._tag === "ResumeRejected" ? error.reason : error._tag
        )
      assert.strictEqual(yield* rejected(yes("call_none" as never)), "unknown-call")
      assert.strictEqual(yield* rejected(yes(at(ids, 0)), no(at(ids, 0))), "repeated")
      yield* Agent.resume(
        boss,
        session,
        ids.map((id) => yes(id))
      )
      assert.strictEqual(yield* rejected(yes(at(ids, 0))), "not-waiting")
      assert.deepStrictEqual(ran.toSorted(), ["pay 20 shop", "pay 30 shop"])
    }).pipe(Effect.provide([world(passing()), suspended]))
  })

  it.effect("AM-17 the approver sees each, whatever the depth", () => {
    const { boss, ran } = office()
    const approver = answering((amount) => ({ approved: amount < 30, reason: "over 30" }))
    return Effect.gen(function* () {
      const { text } = yield* Agent.run(boss, "go", { session })
      assert.deepStrictEqual([approver.asked.toSorted(), ran], [[20, 30], ["pay 20 shop"]])
      assert.include(text, "denied: Not approved: over 30")
    }).pipe(Effect.provide([world(passing()), asking, approver.layer]))
  })

  it.scoped("are answered through the handle while all runs stay", () => {
    const { boss, ran } = office()
    return Effect.gen(function* () {
      const { approvals, await: ended } = yield* Agent.start(boss, "go", { session, approver: "handle" })
      yield* Stream.runHead(Stream.filter(approvals.changes, ({ length }) => length === 2))
      for (const { call } of yield* approvals.pending) {
        assert.deepStrictEqual([call.agent, call.path?.length], ["clerk", 2])
        yield* approvals.decide(call.id, { approved: ran.length === 0 })
        yield* Effect.yieldNow()
      }
      assert.strictEqual((yield* ended).reason, "completed")
    }).pipe(Effect.provide([world(passing()), asking]))
  })

  it.effect("an answer that holds for a tool holds in the session of that sub-agent", () => {
    const { boss, ran } = office({ session: "shared" })
    const script = roles({
      "You are the boss": [[to("lead", "x")], [text("ok")]],
      "You are the lead": [[to("clerk", "a")], [to("clerk", "b")], [text("ok")]],
      "You are the clerk": [[pay("1", 20)], [text("a")], [pay("2", 30)], [text("b")]]
    })
    return Effect.gen(function* () {
      const ids = yield* waiting(boss)
      const result = yield* Agent.resume(boss, session, [yes(at(ids, 0), { remember: "tool" })])
      assert.deepStrictEqual([result.reason, ran], ["completed", ["pay 20 shop", "pay 30 shop"]])
    }).pipe(Effect.provide([world(script), suspended]))
  })

  it.effect("a question that has expired is a no", () => {
    const { boss, ran } = office()
    return Effect.gen(function* () {
      const ids = yield* waiting(boss)
      yield* TestClock.adjust("2 hours")
      const result = yield* Agent.resume(boss, session, [yes(at(ids, 0))])
      assert.deepStrictEqual([result.reason, ran], ["completed", []])
      assert.strictEqual(result.text.split("nobody answered in time").length, 3)
    }).pipe(Effect.provide([world(passing()), asking, Approval.layerExpiring(Approval.layerSuspend, "1 hour")]))
  })

  it.effect("what is asked in a shared session is not taken back by the next call", () => {
    const { lead, ran } = office({ session: "shared" })
    const script = roles({
      "You are the lead": (request) =>
        calls(request) ? [to("clerk", "20"), to("clerk", "5")] : [text(sentResults(request).join("; "))],
      "You are the clerk": (request) => (calls(request) ? [pay("1", Number(task(request)))] : [text("paid")])
    })
    return Effect.gen(function* () {
      const ids = yield* waiting(lead)
      const result = yield* Agent.resume(lead, session, [yes(at(ids, 0))])
      assert.deepStrictEqual(ran, ["pay 20 shop"])
      assert.strictEqual(
        result.text,
        "ok: paid; failed: SubagentFailed: clerk waits for a person to answer what another call of it asks. " +
          "Call it again once that has its result."
      )
    }).pipe(Effect.provide([world(script), suspended]))
  })

  it.effect("a forked one goes on in its copy", () => {
    const { boss, ran } = office({ session: "forked" })
    const script = roles({
      "You are the boss": [[to("lead", "Pay 20.")], [text("all done")]],
      "You are the lead": [[to("clerk", "Pay it.")], [text("done")]],
      "You are the clerk": (request) => {
        seen.push(task(request))
        return calls(request) ? [pay("1", 20)] : [text("paid")]
      }
    })
    const seen: Array<string> = []
    return Effect.gen(function* () {
      const ids = yield* waiting(boss)
      const result = yield* Agent.resume(
        boss,
        session,
        ids.map((id) => yes(id))
      )
      assert.deepStrictEqual([result.reason, ran], ["completed", ["pay 20 shop"]])
      assert.deepStrictEqual(seen, ["Pay 20.Pay it.", "Pay 20.Pay it."])
    }).pipe(Effect.provide([world(script), suspended]))
  })

  it.effect("another process goes on with what the store has", () => {
    const filename = newFile()
    const { boss, ran } = office()
    const inProcess = <A, E, R>(work: Effect.Effect<A, E, R>) =>
      Effect.scoped(
        Effect.flatMap(open(filename), (store) =>
          Effect.provide(work, [
            Layer.succeed(ContextStore.ContextStore, store),
            ScriptedTransport.layer(passing()),
            suspended
          ])
        )
      )
    return Effect.gen(function* () {
      const ids = yield* inProcess(waiting(boss))
      const half = yield* inProcess(Agent.resume(boss, session, [yes(at(ids, 0))]))
      assert.deepStrictEqual([half.reason, ran], ["awaiting-approval", ["pay 20 shop"]])
      const result = yield* inProcess(Agent.resume(boss, session, [yes(at(ids, 1))]))
      assert.deepStrictEqual(
        [result.text, ran],
        ["ok: ok: ok: 20 to shop; ok: ok: ok: 30 to shop", ["pay 20 shop", "pay 30 shop"]]
      )
    })
  })

  it.effect("interrupted while it resumes, all sessions are whole and nothing runs twice", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      let count = 0
      const slow = Agent.tool("pay", {}, () =>
        Effect.zipRight(
          Effect.zipRight(
            Effect.sync(() => count++),
            Deferred.succeed(begun, undefined)
          ),
          Effect.never
        )
      )
      const clerk = Agent.make("clerk", { instructions: "You are the clerk.", tools: [slow] })
      const lead = Agent.make("lead", { instructions: "You are the lead.", tools: [Subagent.tool(clerk)] })
      const script = roles({
        "You are the lead": (request) =>
          calls(request) && count === 0 ? [to("clerk", "x")] : [text(sentResults(request).join() || "later")],
        "You are the clerk": [[call("1", "pay")]]
      })
      const guard = Guard.layer(
        Guard.make(({ tool }) => Effect.succeed(tool.name === "pay" ? Guard.Ask("?") : Guard.Allow))
      )
      yield* Effect.gen(function* () {
        const ids = yield* waiting(lead)
        const resuming = yield* Effect.fork(Agent.resume(lead, session, [yes(at(ids, 0))]))
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(resuming)
        const store = yield* ContextStore.ContextStore
        const { sessions } = yield* store.list()
        for (const { id } of sessions) {
          const { messages, suspended } = yield* store.read(id)
          assert.isUndefined(suspended)
          const results = messages.flatMap(({ parts }) => parts.filter(({ type }) => type === "tool-result"))
          assert.deepStrictEqual([id, messages.flatMap(Message.toolCalls).length], [id, results.length])
        }
        const next = yield* Agent.run(lead, "and now?", { session })
        assert.deepStrictEqual([next.text, count], ["later", 1])
      }).pipe(Effect.provide([world(script), guard, Approval.layerSuspend]))
    })
  )
})

describe("Approvals of agents in the background", () => {
  const { agent: clerk, ran } = shop({ instructions: "You are the clerk." })
  const painter = Agent.make("painter", { instructions: "You are the painter." })
  const pause = Agent.tool("pause", {}, () => Effect.sleep("1 minute"))
  const lead = Agent.make("lead", {
    instructions: "You are the lead.",
    tools: [...Subagent.background([clerk, painter]), pause]
  })
  const start = (agent: string, task: string) => call(task, "start_agent", { agent, task })
  /** What the last calls came to, whatever was said since. */
  const results = (request: Request) => {
    const end = request.messages.findLastIndex(({ role }) => role === "tool")
    return sentResults({ ...request, messages: request.messages.slice(0, end + 1) })
  }
  const ids = (request: Request) => results(request).map((result) => String(JSON.parse(result.slice("ok: ".length)).id))
  const plain = (result: string) => result.replaceAll(/-[0-9a-f]{12}_\d+_\d+/g, "")

  it.effect("a run that awaits them waits with them, and goes on with all of them", () => {
    ran.length = 0
    const script = roles({
      "You are the lead": [
        [start("clerk", "20"), start("clerk", "30"), start("painter", "x")],
        (request) => [call("a", "await_agents", { ids: ids(request) })],
        (request) => [text(results(request).map(plain).join())]
      ],
      "You are the clerk": (request) =>
        calls(request) ? [pay("1", Number(task(request)))] : [text(sentResults(request).join())],
      "You are the painter": [[text("a picture")]]
    })
    return Effect.gen(function* () {
      const asked = yield* waiting(lead)
      assert.strictEqual(asked.length, 2)
      const half = yield* Agent.resume(lead, session, [yes(at(asked, 1))])
      assert.deepStrictEqual(
        [half.reason, half.pending.map(({ call }) => call), ran],
        ["awaiting-approval", [at(asked, 0)], ["pay 30 shop"]]
      )
      const result = yield* Agent.resume(lead, session, [no(at(asked, 0), { reason: "no" })])
      assert.deepStrictEqual(JSON.parse(result.text.slice("ok: ".length)), [
        {
          id: "clerk",
          agent: "clerk",
          status: "finished",
          answer: "denied: Not approved: no. Do not try the same call again."
        },
        { id: "clerk", agent: "clerk", status: "finished", answer: "ok: 30 to shop" },
        { id: "painter", agent: "painter", status: "finished", answer: "a picture" }
      ])
      assert.deepStrictEqual(ran, ["pay 30 shop"])
    }).pipe(Effect.provide([world(script), suspended]))
  })

  it.effect("of those that are awaited, any that has no question comes first", () => {
    const script = roles({
      "You are the lead": [
        [start("clerk", "20"), start("painter", "x")],
        (request) => [call("a", "await_agents", { ids: ids(request), mode: "any" })],
        (request) => [text(results(request).map(plain).join())]
      ],
      "You are the clerk": () => [pay("1", 20)],
      "You are the painter": [[text(ScriptedTransport.delay("30 seconds"), "a picture")]]
    })
    return Effect.gen(function* () {
      const running = yield* Effect.fork(Agent.run(lead, "go", { session }))
      yield* TestClock.adjust("1 minute")
      const { reason, text } = yield* Fiber.join(running)
      assert.strictEqual(reason, "completed")
      assert.include(text, '"status":"waiting"')
      assert.include(text, '"answer":"a picture"')
    }).pipe(Effect.provide([world(script), suspended]))
  })

  it.effect("a run that does not is told that they wait, and their questions stay with their sessions", () => {
    ran.length = 0
    const told: Array<string> = []
    const script = roles({
      "You are the lead": [
        [start("clerk", "20")],
        [call("1", "pause")],
        (request) => {
          told.push(
            ...request.messages
              .slice(2)
              .filter(({ role }) => role === "user")
              .map(Message.toText)
          )
          return [text("bye")]
        }
      ],
      "You are the clerk": (request) => (calls(request) ? [pay("1", Number(task(request)))] : [text("paid")])
    })
    return Effect.gen(function* () {
      const running = yield* Effect.fork(Agent.run(lead, "go", { session }))
      yield* TestClock.adjust("1 minute")
      const result = yield* Fiber.join(running)
      assert.deepStrictEqual([result.reason, told.length], ["completed", 1])
      assert.include(told[0], "clerk waits until a person has decided about pay. Call await_agents")
      const store = yield* ContextStore.ContextStore
      const { sessions } = yield* store.list()
      const below = sessions.find(({ id }) => id.startsWith("s/clerk-"))?.id ?? session
      const { suspended } = yield* store.read(below)
      const decided = (suspended?.questions ?? []).map(({ call }) => yes(call))
      assert.strictEqual((yield* Agent.resume(clerk, below, decided)).text, "paid")
      assert.deepStrictEqual(ran, ["pay 20 shop"])
    }).pipe(Effect.provide([world(script), suspended]))
  })
})
