import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as Handoff from "../../src/agent/Handoff.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const { call, reasoning, text } = ScriptedTransport

const session = SessionId.make("s")

const look = Agent.tool("look", {}, () => Effect.succeed("order 7"))
const remove = Agent.tool("remove", { needsApproval: true }, () => Effect.succeed("removed"))
const triage = Agent.make("triage", { instructions: "You sort", tools: [look] })
const billing = Agent.make("billing", { instructions: "You bill", tools: [remove], description: "Knows invoices" })
const agents = { triage, billing }

/** What the last request said, without its instructions. */
const taken = Effect.map(ScriptedTransport.requests, (requests) =>
  (requests.at(-1)?.messages ?? [])
    .slice(1)
    .map(
      (message) => `${message.role}: ${message.parts.map((part) => ("text" in part ? part.text : part.type)).join("|")}`
    )
)

const note =
  "triage has handed the conversation over to billing. The reason: an invoice\nbilling, you have it now: go on with what the user wants."

const transfer = call("t", "transfer_to_billing", { reason: "an invoice" })

const looking: ReadonlyArray<ScriptedTransport.Turn> = [
  [reasoning("hm"), text("I look."), call("1", "look")],
  [text("One moment."), transfer],
  [text("billed")]
]

const handingOver = <E, R>(filter: Handoff.Filter<E, R>) =>
  Effect.flatMap(
    Runner.run(Handoff.make("desk", { agents, start: "triage", filter }), "My invoice is wrong", { session }),
    (result) => {
      assert.deepStrictEqual([result.reason, result.answeredBy, result.text], ["completed", "billing", "billed"])
      return taken
    }
  )

describe("What the next agent takes along", () => {
  it.effect("texts alone", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* handingOver(Handoff.texts), [
        "user: My invoice is wrong",
        "assistant: I look.|One moment.",
        `user: ${note}`
      ])
    }).pipe(Effect.provide(world(looking)))
  )

  it.effect("the last messages, and never a call without its result", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* handingOver(Handoff.last(2)), [
        "user: My invoice is wrong",
        "assistant: hm|I look.|tool-call",
        "tool: tool-result",
        "assistant: One moment.",
        `user: ${note}`
      ])
    }).pipe(Effect.provide(world(looking)))
  )

  it.effect("nothing but what the user said last", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* handingOver(Handoff.last(0)), [`user: My invoice is wrong|${note}`])
    }).pipe(Effect.provide(world(looking)))
  )

  it.effect("a summary, and what the user said last", () =>
    Effect.gen(function* () {
      const filter = Handoff.summary((messages, { from, to }) => Effect.succeed(`${from}>${to}: ${messages.length}`))
      const [first = "", ...others] = yield* handingOver(filter)
      assert.deepStrictEqual(others, [])
      assert.include(first, "triage>billing: 4")
      assert.isTrue(first.endsWith(`|My invoice is wrong|${note}`))
    }).pipe(Effect.provide(world(looking)))
  )

  it.effect("what a function leaves, mended where it parts a call from its result", () =>
    Effect.gen(function* () {
      const filter: Handoff.Filter = (messages) => messages.filter(({ role }) => role !== "tool")
      assert.deepStrictEqual((yield* handingOver(filter)).slice(1, 3), [
        "assistant: hm|I look.|tool-call",
        "tool: tool-result"
      ])
    }).pipe(Effect.provide(world(looking)))
  )

  it.effect("a filter that fails is how the run fails", () =>
    Effect.gen(function* () {
      class Unsaid extends Data.TaggedError("Unsaid")<{}> {}
      const filter = Handoff.summary(() => Effect.fail(new Unsaid()))
      const error = yield* Effect.flip(
        Runner.run(Handoff.make("desk", { agents, start: "triage", filter }), "hi", { session })
      )
      assert.strictEqual(error._tag, "Unsaid")
    }).pipe(Effect.provide(world([[transfer]])))
  )

  it.effect("it remembers what it was given when the user speaks again, and all sessions stay apart", () =>
    Effect.gen(function* () {
      const desk = Handoff.make("desk", { agents, start: "triage", filter: Handoff.texts })
      yield* Runner.run(desk, "one", { session })
      yield* Runner.run(desk, "two", { session })
      assert.deepStrictEqual(yield* taken, ["user: one|" + note, "assistant: billed one", "user: two"])
      yield* Runner.run(desk, "three", { session })
      const back =
        "billing has handed the conversation over to triage.\ntriage, you have it now: go on with what the user wants."
      assert.deepStrictEqual(yield* taken, [
        "user: one",
        "assistant: billed one",
        "user: two",
        "assistant: billed two",
        `user: three|${back}`
      ])
      const store = yield* ContextStore.ContextStore
      assert.deepStrictEqual((yield* store.list()).sessions.map(({ id }) => id).sort(), [
        "s",
        "s/shared/conversation-0",
        "s/shared/conversation-1",
        "s/shared/conversation-2"
      ])
    }).pipe(
      Effect.provide(
        world([
          [transfer],
          [text("billed one")],
          [text("billed two")],
          [call("2", "transfer_to_triage")],
          [text("sorted three")]
        ])
      )
    )
  )

  it.effect("the start takes the conversation along when it continues", () =>
    Effect.gen(function* () {
      const desk = Handoff.make("desk", { agents, start: "triage", filter: Handoff.texts, continues: "start" })
      yield* Runner.run(desk, "one", { session })
      const second = yield* Runner.run(desk, "two", { session })
      assert.strictEqual(second.answeredBy, "triage")
      assert.deepStrictEqual(yield* taken, [
        "user: one",
        "assistant: billed",
        "user: billing had the conversation until now, and triage has it again.|two"
      ])
    }).pipe(Effect.provide(world([[transfer], [text("billed")], [text("sorted")]])))
  )
})

describe("An agent that waits for a person", () => {
  const asking = (filter: Handoff.Filter | undefined) => {
    let filtered = 0
    const counted: Handoff.Filter | undefined =
      filter &&
      ((messages, about) => {
        filtered++
        return filter(messages, about)
      })
    return Effect.gen(function* () {
      const desk = Handoff.make("desk", { agents, start: "triage", filter: counted })
      const first = yield* Runner.run(desk, "remove it", { session })
      assert.deepStrictEqual(
        [first.reason, first.pending.map(({ agent, tool }) => `${agent} ${tool}`)],
        ["awaiting-approval", ["billing remove"]]
      )
      const decided = first.pending.map(({ call }) => ({ call, approved: true }))
      const result = yield* Runner.resume(desk, session, decided)
      assert.deepStrictEqual([result.reason, result.text, result.answeredBy], ["completed", "gone", "billing"])
      const next = yield* Runner.run(desk, "thanks", { session })
      assert.deepStrictEqual([next.text, next.answeredBy], ["welcome", "billing"])
      assert.strictEqual((yield* ScriptedTransport.requests).length, 4)
      assert.strictEqual(filtered, filter === undefined ? 0 : 1)
    }).pipe(
      Effect.provide(
        Layer.merge(
          world([[transfer], [call("2", "remove")], [text("gone")], [text("welcome")]]),
          Approval.layerSuspend
        )
      )
    )
  }
  it.effect("AG-18 goes on where it was, in the session of all", () => asking(undefined))
  it.effect("AG-18 goes on where it was, in a session of its own", () => asking(Handoff.texts))

  it.effect("has the next message too, when nobody answers it", () =>
    Effect.gen(function* () {
      const desk = Handoff.make("desk", { agents, start: "triage" })
      yield* Runner.run(desk, "remove it", { session })
      const result = yield* Runner.run(desk, "never mind", { session })
      assert.deepStrictEqual([result.text, result.answeredBy], ["left as it is", "billing"])
    }).pipe(
      Effect.provide(
        Layer.merge(world([[transfer], [call("2", "remove")], [text("left as it is")]]), Approval.layerSuspend)
      )
    )
  )
})

describe("A handoff that was cut short", () => {
  it.effect("its next agent goes on, and the one before is not asked again", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      let isDown = true
      const failing: ContextStore.Service = {
        ...store,
        append: (id, entries, options) =>
          isDown && entries.some((entry) => entry._tag === "Checkpoint" && entry.key.endsWith("part/0"))
            ? Effect.die("killed")
            : store.append(id, entries, options)
      }
      const desk = Handoff.make("desk", { agents, start: "triage" })
      const within = Effect.provideService(ContextStore.ContextStore, failing)
      yield* Effect.exit(within(Runner.run(desk, "hi", { session })))
      isDown = false
      const result = yield* within(Runner.resume(desk, session, []))
      assert.deepStrictEqual([result.text, result.answeredBy], ["billed", "billing"])
      const requests = yield* ScriptedTransport.requests
      assert.strictEqual(requests.length, 2)
      assert.strictEqual(Message.toText(requests[1]?.messages[0] ?? Message.user("")).slice(0, 8), "You bill")
    }).pipe(Effect.provide(world([[transfer], [text("billed")]])))
  )
})
