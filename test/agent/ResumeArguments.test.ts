import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import { text } from "../../src/testing/ScriptedTransport.ts"
import { at, denied, no, pay, results, session, shop, suspending, waiting, yes } from "../support/approvals.ts"
import { world } from "../support/runs.ts"

describe("Resume: what runs", () => {
  it.effect("only true is a yes, whatever came over the wire", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const wire: ReadonlyArray<Approval.Decided> = JSON.parse(
        JSON.stringify(
          ["true", "false", 1, {}, null].map((approved, index) => ({ call: ids[index], approved, remember: "all" }))
        )
      )
      const result = yield* Agent.resume(agent, session, wire)
      assert.deepStrictEqual([result.reason, ran], ["completed", []])
      assert.deepStrictEqual(
        yield* results,
        Array.from({ length: 5 }, () => denied())
      )
    }).pipe(
      Effect.provide([
        world([[pay("1", 20), pay("2", 21), pay("3", 22), pay("4", 23), pay("5", 24)], [text("done")]]),
        suspending
      ])
    )
  })

  it.effect("CALL-9 TR-12 an answer is about the arguments that were asked about", () => {
    const { agent, ran } = shop()
    // The same call means something else by now: the guard that rewrites has other rates.
    let rate = 2
    const rates = Guard.make(({ input }) =>
      Effect.succeed({ _tag: "Ask", reason: "rates", input: { ...Object(input), to: `at ${rate}` } })
    )
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      rate = 3
      const result = yield* Agent.resume(
        agent,
        session,
        ids.map((id) => yes(id))
      )
      assert.deepStrictEqual([result.reason, ran], ["completed", []])
      assert.deepStrictEqual(yield* results, [
        "denied: Denied: its arguments would no longer be those that were approved"
      ])
    }).pipe(Effect.provide([world([[pay("1", 20)], [text("done")]]), Guard.layer(rates), Approval.layerSuspend]))
  })

  it.effect("what the guard rewrote before it asked runs as it was asked about", () => {
    const { agent, ran } = shop()
    const safe = Guard.make(({ input }) =>
      Effect.succeed({ _tag: "Ask", reason: "safe", input: { ...Object(input), to: "safe" } })
    )
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      yield* Agent.resume(
        agent,
        session,
        ids.map((id) => yes(id))
      )
      assert.deepStrictEqual(ran, ["pay 20 safe"])
    }).pipe(Effect.provide([world([[pay("1", 20, "x")], [text("done")]]), Guard.layer(safe), Approval.layerSuspend]))
  })

  it.effect("a tool whose parameters have changed does not run with others than were asked about", () => {
    const { agent } = shop()
    const ran: Array<unknown> = []
    const dollars = Agent.tool("pay", { parameters: { amount: Schema.Number } }, (input) =>
      Effect.sync(() => ran.push(input))
    )
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      yield* Agent.resume(
        Agent.make("clerk", { tools: [dollars] }),
        session,
        ids.map((id) => yes(id))
      )
      assert.deepStrictEqual(ran, [])
      assert.match((yield* results)[0] ?? "", /^denied: .*no longer be those/)
    }).pipe(Effect.provide([world([[pay("1", 20)], [text("done")]]), suspending]))
  })

  it.effect("what the guard denies by now stays denied, and a no stays a no when the guard allows", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const closed = Guard.make(({ input }) =>
        Effect.succeed(JSON.stringify(input).includes("20") ? Guard.Deny("the shop is closed") : Guard.Allow)
      )
      yield* Agent.resume(agent, session, [yes(at(ids, 0)), no(at(ids, 1), { reason: "no" })]).pipe(
        Effect.provide(Guard.layer(closed))
      )
      assert.deepStrictEqual(ran, [])
      assert.deepStrictEqual(yield* results, ["denied: Denied: the shop is closed", denied("no")])
    }).pipe(Effect.provide([world([[pay("1", 20), pay("2", 30)], [text("done")]]), suspending]))
  })

  it.effect("a no is one also when the tool is gone, and a yes does not bring it back", () => {
    const { agent } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      yield* Agent.resume(Agent.make("clerk"), session, [no(at(ids, 0)), yes(at(ids, 1))])
      assert.deepStrictEqual(yield* results, [denied(), "unknown-tool: Unknown tool: pay. There are no tools."])
    }).pipe(Effect.provide([world([[pay("1", 20), pay("2", 30)], [text("done")]]), suspending]))
  })

  it.effect("edited arguments are decoded and guarded, and run whatever the guard says of the others", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const edits = [
        { amount: 11, extra: 1 },
        { amount: "much" },
        { amount: 5000 },
        "no object",
        { amount: 12, to: "Ann" }
      ]
      yield* Agent.resume(
        agent,
        session,
        ids.map((id, index) => yes(id, { input: edits[index] }))
      )
      assert.deepStrictEqual(ran, ["pay 11 shop", "pay 12 Ann"])
      assert.deepStrictEqual(
        (yield* results).map((line) => line.slice(0, 40)),
        [
          "ok: 11 to shop",
          "invalid: Invalid arguments for tool pay:",
          "denied: Denied: that is too much",
          "invalid: Invalid arguments for tool pay:",
          "ok: 12 to Ann"
        ]
      )
    }).pipe(
      Effect.provide([
        world([[pay("1", 20), pay("2", 21), pay("3", 22), pay("4", 23), pay("5", 24)], [text("done")]]),
        suspending
      ])
    )
  })

  it.effect("a guard may put edited arguments right", () => {
    const { agent, ran } = shop()
    const absolute = Guard.make(({ input }) => {
      const { to, ...rest } = Object(input)
      const right = String(to).startsWith("/") ? undefined : { ...rest, to: `/${to}` }
      return Effect.succeed({ _tag: "Ask", reason: "where", ...(right === undefined ? undefined : { input: right }) })
    })
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      yield* Agent.resume(agent, session, [yes(at(ids, 0), { input: { amount: 1, to: "b" } })])
      assert.deepStrictEqual(ran, ["pay 1 /b"])
    }).pipe(
      Effect.provide([world([[pay("1", 20, "a")], [text("done")]]), Guard.layer(absolute), Approval.layerSuspend])
    )
  })
})
