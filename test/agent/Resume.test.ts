import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"
import { CallId, SessionId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import {
  answering,
  at,
  byAmount,
  collecting,
  denied,
  lend,
  no,
  pay,
  results,
  session,
  shop,
  suspending,
  waiting,
  yes
} from "../support/approvals.ts"
import { sentResults, world } from "../support/runs.ts"

const stores = { memory: ContextStore.layerMemory, SQLite: layerSqlite({ filename: ":memory:" }) }

const elsewhere = SessionId.make("elsewhere")

const speaks = Agent.tool("speak", {}, () =>
  Effect.flatMap(ToolContext, ({ steer }) => Effect.as(steer("and another thing"), "spoken"))
)

describe("Resume", () => {
  for (const [name, store] of Object.entries(stores)) {
    it.effect(`TR-14 yes and no in one batch are results of one message, with ${name}`, () => {
      const { agent, ran } = shop()
      return Effect.gen(function* () {
        const ids = yield* waiting(agent)
        const { events, onEvents } = collecting()
        const result = yield* Agent.resume(
          agent,
          session,
          [no(at(ids, 1), { reason: "not him" }), yes(at(ids, 0)), no(at(ids, 2))],
          { onEvents }
        )
        const [, second] = yield* ScriptedTransport.requests
        assert.strictEqual(result.text, "done")
        assert.deepStrictEqual(ran, ["pay 5 shop", "pay 20 shop"])
        assert.deepStrictEqual(yield* results, ["ok: 5 to shop", "ok: 20 to shop", denied("not him"), denied()])
        assert.deepStrictEqual(sentResults(second), yield* results)
        assert.deepStrictEqual(
          second?.messages.map(({ role }) => role),
          ["user", "assistant", "tool"]
        )
        assert.deepStrictEqual(Trace.lines(events), [
          ...["RunStart", "ApprovalDecided:pay:no", "ApprovalDecided:pay:yes", "ApprovalDecided:lend:no"],
          ...["ToolEnd:pay:denied", "ToolEnd:lend:denied", "ToolStart:pay", "ToolEnd:pay:ok", "ToolStart:pay"],
          ...["ToolEnd:pay:ok", "TurnEnd", "TurnStart", "Text:done", "TurnEnd", "RunEnd:completed"]
        ])
      }).pipe(
        Effect.provide(
          Layer.mergeAll(
            ScriptedTransport.layer([
              [pay("1", 5), pay("2", 20), pay("3", 30, "Mallory"), lend("4", 40)],
              [text("done")]
            ]),
            store,
            suspending
          )
        )
      )
    })
  }

  it.effect("calls are decided one by one, and nothing runs before the last", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const first = yield* Agent.resume(agent, session, [yes(at(ids, 1))])
      assert.deepStrictEqual(
        [first.reason, first.pending.map(({ call }) => call)],
        ["awaiting-approval", [ids[0], ids[2]]]
      )
      const nothing = yield* Agent.resume(agent, session, [])
      assert.strictEqual(nothing.pending.length, 2)
      const again = yield* Effect.flip(Agent.resume(agent, session, [no(at(ids, 1))]))
      assert.deepInclude(again, { _tag: "ResumeRejected", reason: "repeated", call: ids[1] })
      yield* Agent.resume(agent, session, [no(at(ids, 0))])
      assert.deepStrictEqual([ran, (yield* ScriptedTransport.requests).length], [[], 1])
      const last = yield* Agent.resume(agent, session, [yes(at(ids, 2))])
      assert.strictEqual(last.reason, "completed")
      assert.deepStrictEqual(ran, ["pay 30 shop", "lend 40 shop"])
      assert.deepStrictEqual((yield* results).slice(1), ["ok: 30 to shop", "ok: 40 to shop"])
    }).pipe(Effect.provide([world([[pay("1", 20), pay("2", 30), lend("3", 40)], [text("done")]]), suspending]))
  })

  it.effect("TR-12 TR-13 a second answer, an unknown call and a forged id change nothing", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const id = at(ids, 0)
      const store = yield* ContextStore.ContextStore
      const { position } = yield* store.read(session)
      const forged = [
        `${id}\n`,
        `${id} `,
        ` ${id}`,
        id.toUpperCase(),
        `${id}\npay`,
        id.slice(0, -1),
        `${id}1`,
        "pay",
        "0",
        "__proto__"
      ]
      for (const made of forged) {
        const error = yield* Effect.flip(Agent.resume(agent, session, [yes(CallId.make(made))]))
        assert.deepInclude(error, { _tag: "ResumeRejected", reason: "unknown-call", call: made })
      }
      for (const twice of [
        [yes(id), no(id)],
        [no(id), yes(id)],
        [yes(id), yes(CallId.make("x"))]
      ]) {
        assert.strictEqual((yield* Effect.flip(Agent.resume(agent, session, twice)))._tag, "ResumeRejected")
      }
      assert.deepStrictEqual([ran, (yield* store.read(session)).position], [[], position])
      // Names and arguments that a client sends along are nobody's business.
      const retupled = { ...yes(id), tool: "lend", name: "lend", arguments: { amount: 900 }, category: "x" }
      yield* Agent.resume(agent, session, [retupled])
      assert.deepStrictEqual(ran, ["pay 20 shop"])
      const late = yield* Effect.flip(Agent.resume(agent, session, [yes(id)]))
      assert.deepInclude(late, { _tag: "ResumeRejected", reason: "not-waiting" })
      const never = yield* Effect.flip(Agent.resume(agent, elsewhere, [yes(id)]))
      assert.deepInclude(never, { _tag: "ResumeRejected", reason: "not-waiting" })
    }).pipe(Effect.provide([world([[pay("1", 20)], [text("done")]]), suspending]))
  })

  it.effect("an answer that comes too late is a no, and so is none at all", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const { pending } = yield* Agent.run(agent, "go", { session })
      assert.deepStrictEqual(
        pending.map(({ expiresAt }) => expiresAt),
        [60_000, 60_000]
      )
      const ids = pending.map(({ call }) => call)
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual((yield* Agent.resume(agent, session, [yes(at(ids, 0))])).pending.length, 1)
      yield* TestClock.adjust("1 millis")
      const result = yield* Agent.resume(agent, session, [])
      assert.deepStrictEqual([result.reason, ran], ["completed", ["pay 20 shop"]])
      assert.deepStrictEqual(yield* results, ["ok: 20 to shop", denied("nobody answered in time")])
    }).pipe(
      Effect.provide([
        world([[pay("1", 20), pay("2", 30)], [text("done")]]),
        Guard.layer(byAmount),
        Approval.layerExpiring(Approval.layerSuspend, "1 minute")
      ])
    )
  })

  it.effect("an answer given at once is kept while others of the batch wait", () => {
    const { agent, ran } = shop()
    const { asked, layer } = answering((amount) =>
      amount === 30
        ? { _tag: "Later" }
        : amount === 20
          ? { approved: true, input: { amount: 19 } }
          : { approved: false, reason: "no" }
    )
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      assert.deepStrictEqual([ids.length, ran], [1, []])
      const taken = yield* Effect.flip(Agent.resume(agent, session, [yes(CallId.make(at(ids, 0).replace(/1$/, "0")))]))
      assert.strictEqual(taken._tag, "ResumeRejected")
      yield* Agent.resume(agent, session, [yes(at(ids, 0))])
      assert.deepStrictEqual(
        [asked, ran],
        [
          [20, 30, 40],
          ["pay 19 shop", "pay 30 shop"]
        ]
      )
      assert.deepStrictEqual((yield* results)[2], denied("no"))
    }).pipe(
      Effect.provide([
        world([[pay("1", 20), pay("2", 30), lend("3", 40)], [text("done")]]),
        Guard.layer(byAmount),
        layer
      ])
    )
  })

  it.effect("a call that the guard asks about only now waits too, and nobody is asked twice", () => {
    const { agent, ran } = shop()
    const strict = Guard.make(() => Effect.succeed(Guard.Ask("strict by now")))
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const strictly = Effect.provide(Guard.layer(strict))
      const second = yield* strictly(Agent.resume(agent, session, [yes(at(ids, 0))]))
      assert.deepStrictEqual([second.pending.map(({ input }) => input), ran], [[{ amount: 5, to: "shop" }], []])
      const [other] = second.pending
      const third = yield* strictly(Agent.resume(agent, session, other === undefined ? [] : [no(other.call)]))
      assert.deepStrictEqual([third.reason, ran], ["completed", ["pay 20 shop"]])
      assert.deepStrictEqual(yield* results, ["ok: 20 to shop", denied()])
    }).pipe(Effect.provide([world([[pay("1", 20), pay("2", 5)], [text("done")]]), suspending]))
  })

  it.effect("words while it waits take the questions back, and say so", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      yield* Agent.resume(agent, session, [no(at(ids, 0), { reason: "not him" }), yes(at(ids, 1))])
      const { events, onEvents } = collecting()
      const result = yield* Agent.run(agent, "never mind", { session, onEvents })
      const skipped = "skipped: This call was not started: the conversation went on before a person had answered."
      assert.deepStrictEqual([result.reason, ran], ["completed", []])
      assert.deepStrictEqual(yield* results, [denied("not him"), skipped, skipped])
      assert.deepStrictEqual(Trace.lines(events).slice(0, 6), [
        ...["RunStart", "ToolEnd:pay:denied", "ToolEnd:pay:skipped", "ToolEnd:lend:skipped", "TurnEnd", "TurnStart"]
      ])
      const [, second] = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        second?.messages.map(({ role }) => role),
        ["user", "assistant", "tool", "user"]
      )
      const late = yield* Effect.flip(Agent.resume(agent, session, [yes(at(ids, 2))]))
      assert.deepInclude(late, { _tag: "ResumeRejected", reason: "not-waiting" })
    }).pipe(Effect.provide([world([[pay("1", 20), pay("2", 30), lend("3", 40)], [text("well")]]), suspending]))
  })

  it.effect("words with the answer stand behind the results", () => {
    const { agent } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      yield* Agent.resume(agent, session, [yes(at(ids, 0))], { input: "and be quick" })
      const [, second] = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        second?.messages.map(({ role }) => role),
        ["user", "assistant", "tool", "user"]
      )
    }).pipe(Effect.provide([world([[pay("1", 20)], [text("done")]]), suspending]))
  })

  it.effect("TR-13 when the model fails afterwards, answer and results are kept, and nothing is asked again", () => {
    const { agent, ran } = shop({ retries: 0 })
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const failed = yield* Effect.either(Agent.resume(agent, session, [yes(at(ids, 0))]))
      assert.isTrue(Either.isLeft(failed))
      assert.strictEqual((yield* Effect.flip(Agent.resume(agent, session, [yes(at(ids, 0))])))._tag, "ResumeRejected")
      const result = yield* Agent.run(agent, "go on", { session })
      assert.deepStrictEqual([result.text, ran, yield* results], ["done", ["pay 20 shop"], ["ok: 20 to shop"]])
    }).pipe(
      Effect.provide([world([[pay("1", 20)], [ScriptedTransport.error("InvalidRequest")], [text("done")]]), suspending])
    )
  })

  it.effect("of two resumes at once one runs the call", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const both = yield* Effect.all(
        [yes, no].map((say) => Effect.either(Agent.resume(agent, session, [say(at(ids, 0))]))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(both.filter(Either.isRight).length, 1)
      assert.deepStrictEqual(ran, ["pay 20 shop"])
    }).pipe(Effect.provide([world([[pay("1", 20)], [text("done")]]), suspending]))
  })

  it.effect("words of an approved call do not hide its result", () => {
    const nod = Agent.tool("nod", {}, () => Effect.succeed("nodded"))
    const agent = Agent.make("a", { tools: [nod, speaks] })
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      yield* Agent.resume(
        agent,
        session,
        ids.map((id) => yes(id))
      )
      const [, second] = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        second?.messages.map(({ parts, role }) => `${role} ${parts.length}`),
        ["user 1", "assistant 2", "tool 2", "user 1"]
      )
      assert.deepStrictEqual(
        second?.messages[2]?.parts.map((part) => (part.type === "tool-result" ? part.outcome : part.type)),
        ["ok", "ok"]
      )
    }).pipe(
      Effect.provide([
        world([[call("1", "speak"), call("2", "nod")], [text("done")]]),
        Guard.layer(Guard.make(() => Effect.succeed(Guard.Ask("why not")))),
        Approval.layerSuspend
      ])
    )
  })
})
