import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import type { ContextStore, StoreError } from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Router from "../../src/pattern/Router.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import type { Transport } from "../../src/transport/Transport.ts"
import { world } from "../support/runs.ts"
import type { Same } from "../types/assert.ts"
import { holds } from "../types/assert.ts"

const { call, roles, text } = ScriptedTransport

const session = SessionId.make("s")

const billing = Agent.make("invoices", { instructions: "You bill", description: "Knows invoices" })
const tech = Agent.make("technician", { instructions: "You repair" })
const other = Agent.make("reception", { instructions: "You greet" })
const chooser = Agent.make("chooser", { instructions: "You choose" })
const routes = { billing, "tech support": tech }

const answers = { "You bill": [[text("billed")]], "You repair": [[text("repaired")]], "You greet": [[text("hello")]] }

describe("Router", () => {
  for (const said of [" Billing\n", "BILLING", '"billing"', "**Billing**.", "bil ling"]) {
    it.effect(`AM-23 takes ${JSON.stringify(said)} for billing`, () =>
      Effect.gen(function* () {
        const desk = Router.make("desk", { routes, route: chooser })
        const result = yield* Runner.run(desk, "My invoice")
        assert.deepStrictEqual(
          [result.reason, result.output, result.agent, result.answeredBy],
          ["completed", "billed", "desk", "invoices"]
        )
      }).pipe(Effect.provide(world(roles({ ...answers, "You choose": [[text(said)]] }))))
    )
  }

  it.effect("AM-23 an unknown route goes to the fallback", () =>
    Effect.gen(function* () {
      const desk = Router.make("desk", { routes, route: chooser, fallback: other })
      const result = yield* Runner.run(desk, "What time is it?")
      assert.deepStrictEqual([result.output, result.answeredBy], ["hello", "reception"])
    }).pipe(Effect.provide(world(roles({ ...answers, "You choose": [[text("gardening")]] }))))
  )

  it.effect("AM-23 without a fallback it fails, streamed or not, and names what there is", () =>
    Effect.gen(function* () {
      const desk = Router.make("desk", { routes, route: chooser })
      const error = yield* Effect.flip(Runner.run(desk, "hi"))
      assert.deepStrictEqual(
        error,
        new Router.UnknownRoute({ router: "desk", route: " Gardening\n", known: ["billing", "tech support"] })
      )
      assert.include(error.message, 'Router desk has no route " Gardening\\n"; it has "billing", "tech support".')
      const { exit, lines } = yield* Trace.exit(Runner.stream(desk, "hi"))
      assert.strictEqual(lines.at(-1), "RunEnd:error")
      assert.deepStrictEqual(Exit.isFailure(exit) && Cause.squash(exit.cause), error)
    }).pipe(Effect.provide(world(roles({ "You choose": () => [text(" Gardening\n")] }))))
  )

  it.effect("streams the choice and the route with their places", () =>
    Effect.gen(function* () {
      const desk = Router.make("desk", { routes, route: chooser })
      const events = yield* Trace.events(Runner.stream(desk, "hi"))
      const places = events.flatMap((event) => (event._tag === "TextDelta" ? [[event.path?.[0]?.at, event.delta]] : []))
      assert.deepStrictEqual(places, [
        ["choice", "Tech Support"],
        ["tech support", "repaired"]
      ])
    }).pipe(Effect.provide(world(roles({ ...answers, "You choose": [[text("Tech Support")]] }))))
  )

  it.effect("a model chooses by the descriptions of the routes", () =>
    Effect.gen(function* () {
      const desk = Router.make("desk", {
        routes,
        route: Router.byModel({ instructions: "Complaints go to billing.", settings: { temperature: 0 } }),
        fallback: other
      })
      const result = yield* Runner.run(desk, "My invoice is wrong")
      assert.strictEqual(result.output, "billed")
      const [first, second] = yield* ScriptedTransport.requests
      assert.deepStrictEqual(first?.messages.map(Message.toText), [
        [
          "You choose who is to do a task; you do not do it yourself. You can choose one of these:",
          "- billing: Knows invoices",
          "- tech support: You repair",
          "Complaints go to billing.",
          "Answer with the name and nothing else. If none of them fits, answer: none"
        ].join("\n"),
        "<task>\nMy invoice is wrong\n</task>\n\nWho is to do it? Answer with the name alone."
      ])
      assert.deepStrictEqual(first?.settings, { temperature: 0 })
      assert.deepStrictEqual(second?.messages.map(Message.toText), ["You bill", "My invoice is wrong"])
      assert.strictEqual(result.usage.inputTokens.total, 20)
    }).pipe(Effect.provide(world(roles({ ...answers, "You choose who": [[text("billing")]] }))))
  )

  it.effect("a typed choice can name nothing but routes", () =>
    Effect.gen(function* () {
      const typed = Agent.make("typed", {
        instructions: "You choose",
        output: Schema.Literal("billing", "tech support")
      })
      const desk = Router.make("desk", { routes, route: typed })
      assert.strictEqual((yield* Runner.run(desk, "hi")).output, "repaired")
    }).pipe(Effect.provide(world(roles({ ...answers, "You choose": [[text('"garden"')], [text('"tech support"')]] }))))
  )

  it.effect("routes remember in a session, and what chooses does not", () =>
    Effect.gen(function* () {
      const desk = Router.make("desk", { routes, route: chooser })
      yield* Runner.run(desk, "one", { session })
      yield* Runner.run(desk, "two", { session })
      const requests = yield* ScriptedTransport.requests
      const said = requests.map(({ messages }) => messages.map(Message.toText))
      assert.deepStrictEqual(said.slice(2), [
        ["You choose", "two"],
        ["You bill", "one", "yes", "two"]
      ])
    }).pipe(Effect.provide(world(roles({ "You choose": () => [text("billing")], "You bill": () => [text("yes")] }))))
  )

  it.effect("routes of their own session do not", () =>
    Effect.gen(function* () {
      const desk = Router.make("desk", { routes, route: () => "billing" as const, session: "own" })
      yield* Runner.run(desk, "one", { session })
      yield* Runner.run(desk, "two", { session })
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(requests.at(-1)?.messages.map(Message.toText), ["You bill", "two"])
    }).pipe(Effect.provide(world(roles({ "You bill": () => [text("yes")] }))))
  )

  it.effect("TR-10 a route that waits goes on without another choice", () =>
    Effect.gen(function* () {
      const pay = Agent.tool("pay", { needsApproval: true }, () => Effect.succeed("paid"))
      let asked = 0
      const desk = Router.make("desk", {
        routes: { billing: Agent.withTools(billing, [pay]), tech },
        route: () => Effect.sync(() => (asked++ === 0 ? ("billing" as const) : ("tech" as const)))
      })
      const first = yield* Runner.run(desk, "pay it", { session })
      assert.deepStrictEqual([first.reason, first.answeredBy, asked], ["awaiting-approval", "invoices", 1])
      const decided = first.pending.map(({ call }) => ({ call, approved: true }))
      const result = yield* Runner.resume(desk, session, decided)
      assert.deepStrictEqual([result.text, result.answeredBy, asked], ["done", "invoices", 1])
    }).pipe(
      Effect.provide(
        Layer.merge(world(roles({ "You bill": [[call("1", "pay")], [text("done")]] })), Approval.layerSuspend)
      )
    )
  )

  it.effect("routes stand in routes, and names of properties are none", () =>
    Effect.gen(function* () {
      const inner = Router.make("inner", { routes: { choice: tech, fallback: other }, route: () => "choice" as const })
      const outer = Router.make("outer", { routes: { inner, billing }, route: (input) => String(input) })
      const result = yield* Runner.run(outer, "inner")
      assert.deepStrictEqual([result.output, result.answeredBy], ["repaired", "technician"])
      for (const name of ["constructor", "__proto__", ""]) {
        assert.strictEqual((yield* Effect.flip(Runner.run(outer, name)))._tag, "UnknownRoute")
      }
    }).pipe(Effect.provide(world(roles(answers))))
  )

  it.effect("a choice that is no text is no route", () =>
    Effect.gen(function* () {
      const odd: string = JSON.parse("3")
      const desk = Router.make("desk", { routes, route: () => odd })
      assert.include((yield* Effect.flip(Runner.run(desk, "go"))).message, 'has no route "3"')
      const kept = Router.make("kept", { routes, route: () => odd, fallback: other })
      assert.strictEqual((yield* Runner.run(kept, "go")).output, "hello")
    }).pipe(Effect.provide(world(roles(answers))))
  )

  it("routers without routes, and with names that are the same, throw", () => {
    assert.throws(() => Router.make("desk", { routes: {}, route: Router.byModel() }), /has no routes/)
    assert.throws(
      () => Router.make("desk", { routes: { Billing: billing, " billing": tech }, route: Router.byModel() }),
      /the same but for case/
    )
    const none: Readonly<Record<string, Runner.Any>> = JSON.parse('{ "billing": null }')
    assert.throws(() => Router.make("desk", { routes: none, route: Router.byModel() }), /route "billing" is no runner/)
  })

  it("its type shows what all need, how all fail, and which names there are", () => {
    const lookUp = Runner.fromEffect("lookUp", (_: Message.Input) => Effect.fail("nothing" as const))
    const mixed = { billing, lookUp }
    const bare = Router.make("bare", { routes: mixed, route: (_) => "lookUp" as const })
    holds<Same<Runner.Failure<typeof bare>, Agent.AgentError | "nothing" | Router.UnknownRoute | StoreError>>()
    holds<Same<Runner.Requirements<typeof bare>, Transport | ContextStore>>()
    const whole = Router.make("whole", {
      routes: { lookUp },
      route: (_) => Effect.fail("undecided" as const),
      fallback: Runner.fromEffect("n", (_: Message.Input) => Effect.succeed(1))
    })
    holds<Same<Runner.Failure<typeof whole>, "nothing" | "undecided" | StoreError>>()
    holds<Same<Runner.Output<typeof whole>, number>>()
    const open = Router.make("open", { routes: { lookUp }, route: Router.byModel() })
    holds<Same<Runner.Requirements<typeof open>, Transport | ContextStore>>()
    // @ts-expect-error: there is no route "garden"
    Router.make("wrong", { routes: mixed, route: () => "garden" as const })
    const garden = Agent.make("garden", { output: Schema.Literal("billing", "garden") })
    // @ts-expect-error: there is no route "garden"
    Router.make("wrong", { routes: mixed, route: garden })
    Router.make("right", { routes: mixed, route: garden, fallback: other })
  })
})
