import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Handoff from "../../src/agent/Handoff.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import type { ContextStore, StoreError } from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Chain from "../../src/pattern/Chain.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { world } from "../support/runs.ts"
import type { Same } from "../types/assert.ts"
import { holds } from "../types/assert.ts"

const { call, roles, text } = ScriptedTransport

const session = SessionId.make("s")

class Price extends Context.Tag("Price")<Price, { readonly euros: number }>() {}
class Tone extends Context.Tag("Tone")<Tone, string>() {}

const look = Agent.tool("look", {}, () => Effect.succeed("order 7"))
const triage = Agent.make("triage", { instructions: "You sort", tools: [look], description: "Sorts questions" })
const billing = Agent.make("billing", { instructions: "You bill", description: "Knows invoices" })
const agents = { triage, billing }
const desk = Handoff.make("desk", { agents, start: "triage" })

/** The conversation of a request, without its instructions: roles, texts, calls and results. */
const conversation = (request: Transport.Request | undefined): ReadonlyArray<string> =>
  (request?.messages ?? [])
    .slice(1)
    .map(({ parts, role }) =>
      [
        role,
        ...parts.map((part) =>
          part.type === "text"
            ? part.text
            : part.type === "tool-call"
              ? `${part.name}()`
              : part.type === "tool-result"
                ? `${part.name}=${part.outcome}`
                : part.type
        )
      ].join(" ")
    )

const tools = (request: Transport.Request | undefined) => request?.tools.map(({ name }) => name)

const system = (request: Transport.Request | undefined): string => {
  const [first] = request?.messages ?? []
  return first === undefined ? "" : Message.toText(first)
}

describe("A handoff", () => {
  it.effect("the next agent goes on with the conversation and answers the user", () =>
    Effect.gen(function* () {
      const result = yield* Runner.run(desk, "My invoice is wrong")
      assert.deepStrictEqual(
        [result.reason, result.output, result.text, result.agent, result.answeredBy],
        ["completed", "I have corrected it", "I have corrected it", "desk", "billing"]
      )
      assert.strictEqual(result.usage.inputTokens.total, 20)
      const [first, second] = yield* ScriptedTransport.requests
      assert.deepStrictEqual(tools(first), ["look", "transfer_to_billing"])
      assert.include(system(first), "- billing: Knows invoices")
      assert.deepStrictEqual(tools(second), ["transfer_to_triage"])
      assert.isTrue(system(second).startsWith("You bill\n\nYou are billing"))
      assert.deepStrictEqual(conversation(second), [
        "user My invoice is wrong",
        "assistant look() transfer_to_billing()",
        "tool look=ok transfer_to_billing=ok"
      ])
      const results = second?.messages.at(-1)?.parts ?? []
      const told = results.map((part) => (part.type === "tool-result" ? Part.contentToText(part.content) : ""))
      assert.strictEqual(
        told[1],
        "triage has handed the conversation over to billing. The reason: an invoice\nbilling, you have it now: go on with what the user wants."
      )
    }).pipe(
      Effect.provide(
        world([
          [call("1", "look"), call("2", "transfer_to_billing", { reason: "an invoice" })],
          [text("I have corrected it")]
        ])
      )
    )
  )

  it.effect("its events have the place and the agent of each visit", () =>
    Effect.gen(function* () {
      const events = yield* Trace.events(Runner.stream(desk, "hi"))
      assert.deepStrictEqual(Trace.lines(events), [
        "RunStart",
        "desk/triage: RunStart",
        "desk/triage: TurnStart",
        "desk/triage: Text:One moment.",
        "desk/triage: ToolStart:transfer_to_billing",
        "desk/triage: ToolEnd:transfer_to_billing:ok",
        "desk/triage: TurnEnd",
        "desk/triage: RunEnd:completed",
        "desk/billing: RunStart",
        "desk/billing: TurnStart",
        "desk/billing: Text:here",
        "desk/billing: TurnEnd",
        "desk/billing: RunEnd:completed",
        "RunEnd:completed"
      ])
      const ends = events.filter((event) => event._tag === "RunEnd")
      assert.deepStrictEqual(
        ends.map(({ answeredBy, path, why }) => [path?.[0]?.at, why, answeredBy]),
        [
          ["0", "handed over to billing: money", undefined],
          ["1", undefined, undefined],
          [undefined, undefined, "billing"]
        ]
      )
    }).pipe(
      Effect.provide(
        world([[text("One moment."), call("1", "transfer_to_billing", { reason: "money" })], [text("here")]])
      )
    )
  )

  it.effect("the agent that answered last has the next message of the session", () =>
    Effect.gen(function* () {
      yield* Runner.run(desk, "one", { session })
      const second = yield* Runner.run(desk, "two", { session })
      assert.deepStrictEqual([second.answeredBy, second.text], ["billing", "billed two"])
      const third = yield* Runner.run(desk, "three", { session })
      assert.deepStrictEqual([third.answeredBy, third.text], ["triage", "sorted three"])
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(conversation(requests.at(-1)), [
        "user one",
        "assistant transfer_to_billing()",
        "tool transfer_to_billing=ok",
        "assistant billed one",
        "user two",
        "assistant billed two",
        "user three",
        "assistant transfer_to_triage()",
        "tool transfer_to_triage=ok"
      ])
    }).pipe(
      Effect.provide(
        world([
          [call("1", "transfer_to_billing")],
          [text("billed one")],
          [text("billed two")],
          [call("2", "transfer_to_triage")],
          [text("sorted three")]
        ])
      )
    )
  )

  it.effect("continues with the start when told to", () =>
    Effect.gen(function* () {
      const front = Handoff.make("desk", { agents, start: "triage", continues: "start" })
      yield* Runner.run(front, "one", { session })
      const second = yield* Runner.run(front, "two", { session })
      assert.deepStrictEqual([second.answeredBy, second.text], ["triage", "sorted"])
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(conversation(requests.at(-1)).slice(3), ["assistant billed", "user two"])
    }).pipe(Effect.provide(world([[call("1", "transfer_to_billing")], [text("billed")], [text("sorted")]])))
  )

  it.effect("only those allowed can be handed over to", () =>
    Effect.gen(function* () {
      const oneWay = Handoff.make("desk", { agents, start: "triage", to: { billing: [] } })
      const result = yield* Runner.run(oneWay, "hi")
      assert.strictEqual(result.text, "still here")
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(requests.map(tools), [["look", "transfer_to_billing"], [], []])
    }).pipe(
      Effect.provide(
        world([[call("1", "transfer_to_billing")], [call("2", "transfer_to_triage")], [text("still here")]])
      )
    )
  )

  it.effect("a second handoff in one answer is refused", () =>
    Effect.gen(function* () {
      const legal = Agent.make("legal", { instructions: "You sue" })
      const three = Handoff.make("desk", { agents: { triage, billing, legal }, start: "triage" })
      const result = yield* Runner.run(three, "hi")
      assert.strictEqual(result.answeredBy, "legal")
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(conversation(requests.at(-1)).slice(1), [
        "assistant transfer_to_legal() transfer_to_billing() look()",
        "tool transfer_to_legal=ok transfer_to_billing=failed look=ok"
      ])
    }).pipe(
      Effect.provide(
        world([
          [call("1", "transfer_to_legal"), call("2", "transfer_to_billing"), call("3", "look")],
          [text("see you in court")]
        ])
      )
    )
  )

  it.effect("typed agents hand over too, and the answer is that of the last", () =>
    Effect.gen(function* () {
      const sorter = Agent.make("sorter", { instructions: "You sort", output: Schema.Struct({ topic: Schema.String }) })
      const adder = Agent.make("adder", { instructions: "You add", output: Schema.Struct({ sum: Schema.Number }) })
      const typed = Handoff.make("typed", { agents: { sorter, adder }, start: "sorter" })
      const result = yield* Runner.run(typed, "1 + 1")
      if (result.reason !== "completed") return assert.fail(result.reason)
      const output: { readonly topic: string } | { readonly sum: number } = result.output
      assert.deepStrictEqual([output, result.value, result.answeredBy], [{ sum: 2 }, { sum: 2 }, "adder"])
    }).pipe(
      Effect.provide(
        world(roles({ "You sort": [[call("1", "transfer_to_adder")]], "You add": [[text('{"sum": 2}')]] }))
      )
    )
  )

  it.effect("stands in chains and in tools of other agents", () =>
    Effect.gen(function* () {
      const lead = Agent.make("lead", { instructions: "You lead", tools: [Subagent.tool(desk)] })
      const chain = Chain.make("chain", [desk, lead])
      const result = yield* Runner.run(chain, "hi")
      assert.deepStrictEqual([result.text, result.answeredBy], ["well done", "lead"])
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        conversation(requests[4]).map((line) => line.split("=")[0]),
        ["user check", "assistant transfer_to_billing()", "tool transfer_to_billing"]
      )
      assert.deepStrictEqual(conversation(requests.at(-1)), ["user billed", "assistant desk()", "tool desk=ok"])
    }).pipe(
      Effect.provide(
        world([
          [call("1", "transfer_to_billing")],
          [text("billed")],
          [call("2", "desk", { task: "check" })],
          [call("3", "transfer_to_billing")],
          [text("checked")],
          [text("well done")]
        ])
      )
    )
  )

  it.effect("agents have models and handlers of their own", () =>
    Effect.gen(function* () {
      const other = ScriptedTransport.make([[call("2", "price")], [text("5 euros")]])
      const price = Agent.tool("price", {}, () => Effect.map(Price, ({ euros }) => euros))
      const seller = Handoff.provide(
        Agent.make("seller", { instructions: "You sell", tools: [price] }),
        Layer.merge(Layer.succeed(Transport.Transport, other.transport), Layer.succeed(Price, { euros: 5 }))
      )
      const mixed = Handoff.make("mixed", { agents: { triage, seller }, start: "triage" })
      holds<Same<Runner.Requirements<typeof mixed>, Transport.Transport | ContextStore>>()
      const result = yield* Runner.run(mixed, "How much?")
      assert.deepStrictEqual([result.answeredBy, result.text], ["seller", "5 euros"])
      assert.strictEqual((yield* other.requests).length, 2)
    }).pipe(Effect.provide(world([[call("1", "transfer_to_seller")]])))
  )

  it("its type shows what all need and how all fail", () => {
    const tool = Agent.tool("price", {}, () => Price)
    const needy = Agent.addInstructions(Agent.make("needy", { tools: [tool] }), Effect.fail("late" as const))
    const filter = Handoff.summary(() => Effect.flatMap(Tone, () => Effect.fail("unsaid" as const)))
    const whole = Handoff.make("whole", { agents: { triage, needy }, start: "needy", filter })
    holds<Same<Runner.Requirements<typeof whole>, Transport.Transport | ContextStore | Price | Tone>>()
    holds<Same<Runner.Failure<typeof whole>, Agent.AgentError | StoreError | "late" | "unsaid">>()
    // @ts-expect-error: there is no agent "nobody"
    assert.throws(() => Handoff.make("wrong", { agents, start: "nobody" }))
    // @ts-expect-error: there is no agent "nobody"
    assert.throws(() => Handoff.make("wrong", { agents, start: "triage", to: { triage: ["nobody"] } }))
  })

  it("names that are nobody's, and bounds that are none, throw", () => {
    const odd: string = "nobody"
    const anyAgents: Handoff.Agents = agents
    const noAgents: Handoff.Agents = {}
    assert.throws(() => Handoff.make("d", { agents: anyAgents, start: odd }), /start must be "triage" or "billing"/)
    assert.throws(() => Handoff.make("d", { agents: anyAgents, start: "triage", to: { triage: [odd] } }), /to must be/)
    assert.throws(() => Handoff.make("d", { agents: noAgents, start: odd }), 'Handoff "d" must have at least one agent')
    assert.throws(() => Handoff.make("d", { agents, start: "triage", maxHandoffs: -1 }), /maxHandoffs must be/)
    assert.throws(
      () => Handoff.make("d", { agents: { "a b": triage, "a.b": billing }, start: "a b" }),
      /agents have the same tool/
    )
  })
})
