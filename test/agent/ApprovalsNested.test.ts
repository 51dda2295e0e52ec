import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import { Transport } from "../../src/transport/Transport.ts"
import { byAmount, pay, results, session, shop } from "../support/approvals.ts"

const asking = Guard.make((call) => (call.tool.name === "pay" ? byAmount.check(call) : Effect.succeed(Guard.Allow)))

/** A boss whose tool runs a lead, whose tool runs a clerk, who pays; and the events of all of them. */
const office = () => {
  const events: Array<AgentEvent> = []
  const onEvents = (batch: ReadonlyArray<AgentEvent>) => void events.push(...batch)
  const { agent: clerk, ran } = shop()
  const told: Array<string> = []
  const delegating = <R>(name: string, child: Agent.Agent<string, never, R>, script: ScriptedTransport.Script) =>
    Agent.make(name, {
      tools: [
        Agent.tool("delegate", {}, () =>
          Agent.run(child, "do it", { session: SessionId.make(`of ${name}`), onEvents }).pipe(
            Effect.provideService(Transport, ScriptedTransport.make(script).transport),
            Effect.map((result) => {
              told.push(`${child.name} ${result.reason}`)
              return result.text
            }),
            Effect.orDie
          )
        )
      ]
    })
  const lead = delegating("lead", clerk, [[pay("1", 20), pay("2", 30)], [text("clerk done")]])
  const boss = delegating("boss", lead, [[pay("0", 1), call("1", "delegate")], [text("lead done")]])
  return { boss, clerk, events, onEvents, ran, told }
}

const above = ScriptedTransport.layer([[call("1", "delegate")], [text("boss done")]])

describe("Approvals of nested runs", () => {
  it.scoped("AM-17 the question of a run at depth 2 reaches whoever answers for the root, with its path", () => {
    const { boss, events, onEvents, ran } = office()
    return Effect.gen(function* () {
      const { approvals, await: ended, events: own } = yield* Agent.start(boss, "go", { session, approver: "handle" })
      yield* Stream.runHead(Stream.filter(approvals.changes, (questions) => questions.length === 2))
      const questions = yield* approvals.pending
      assert.deepStrictEqual(
        questions.map(({ call }) => [call.agent, call.path?.map(({ agent }) => agent)]),
        [
          ["clerk", ["boss", "lead"]],
          ["clerk", ["boss", "lead"]]
        ]
      )
      for (const [index, { call }] of questions.entries()) {
        yield* approvals.decide(call.id, { approved: index === 0, reason: "once is enough" })
      }
      const result = yield* ended
      onEvents(Array.from(yield* Stream.runCollect(own)))
      const asked = events.filter(({ _tag }) => _tag === "ApprovalAsked" || _tag === "ApprovalDecided")
      assert.deepStrictEqual(
        asked.map(({ path }) => path?.length),
        [2, 2, 2, 2]
      )
      assert.strictEqual(asked[0]?.path?.[0]?.run, result.run)
      assert.deepStrictEqual(ran, ["pay 20 shop"])
    }).pipe(Effect.provide([above, ContextStore.layerMemory, Guard.layer(asking)]))
  })

  it.effect("an approver sees a path of length 1 from a child of the root", () => {
    const { agent: clerk, ran } = shop()
    const paths: Array<unknown> = []
    const boss = Agent.make("boss", {
      tools: [
        Agent.tool("delegate", {}, () =>
          Agent.run(clerk, "do it").pipe(
            Effect.provideService(Transport, ScriptedTransport.make([[pay("1", 20)], [text("ok")]]).transport),
            Effect.map(({ text }) => text),
            Effect.orDie
          )
        )
      ]
    })
    const approver = Layer.succeed(Approval.Approval, {
      ask: ({ call }) =>
        Effect.sync(() => {
          paths.push(call.path?.map(({ agent }) => agent))
          return { approved: true }
        })
    })
    return Effect.gen(function* () {
      yield* Agent.run(boss, "go", { session })
      assert.deepStrictEqual([paths, ran], [[["boss"]], ["pay 20 shop"]])
    }).pipe(Effect.provide([above, ContextStore.layerMemory, Guard.layer(asking), approver]))
  })

  it.effect("a nested run that waits is told to its handler, and resumes as a run of its own session", () => {
    const { boss, clerk, ran, told } = office()
    return Effect.gen(function* () {
      const result = yield* Agent.run(boss, "go", { session })
      assert.deepStrictEqual([result.reason, told], ["completed", ["clerk awaiting-approval", "lead completed"]])
      const store = yield* ContextStore.ContextStore
      const waits = SessionId.make("of lead")
      const { suspended } = yield* store.read(waits)
      const calls = suspended?.questions.map(({ call }) => call) ?? []
      const resumed = yield* Agent.resume(
        clerk,
        waits,
        calls.map((call) => ({ call, approved: true }))
      ).pipe(Effect.provideService(Transport, ScriptedTransport.make([[text("late")]]).transport))
      assert.deepStrictEqual([resumed.text, ran], ["late", ["pay 20 shop", "pay 30 shop"]])
      assert.deepStrictEqual((yield* results).length, 1)
    }).pipe(Effect.provide([above, ContextStore.layerMemory, Guard.layer(asking), Approval.layerSuspend]))
  })
})
