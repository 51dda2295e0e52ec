import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Agent from "../../src/agent/Agent.ts"
import * as Handoff from "../../src/agent/Handoff.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Repair from "../../src/context/Repair.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { sentResults, world } from "../support/runs.ts"

const { call, text } = ScriptedTransport

const look = Agent.tool("look", {}, () => Effect.succeed("seen"))
const a = Agent.make("a", { instructions: "You are a", tools: [look] })
const b = Agent.make("b", { instructions: "You are b", tools: [look] })
const agents = { a, b }

/** Hands over whenever it can, and answers when it cannot. */
const restless = (request: Request) => {
  const transfer = request.tools.find(({ name }) => name.startsWith("transfer_to_"))
  return transfer === undefined ? [text("very well")] : [call("1", transfer.name, { reason: "not mine" })]
}

const system = (request: Request | undefined): string => Message.toText(request?.messages[0] ?? Message.user(""))

describe("A handoff that goes in circles", () => {
  it.effect("RUN-6 ends at its bound with one last answer, and is no success", () =>
    Effect.gen(function* () {
      const desk = Handoff.make("desk", { agents, start: "a", maxHandoffs: 3 })
      const result = yield* Runner.run(desk, "hi")
      assert.deepStrictEqual(
        [result.reason, result.limit, result.text, result.output, result.answeredBy],
        ["limit", "handoffs", "very well", undefined, "b"]
      )
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        requests.map((request) => system(request).slice(0, 9)),
        ["You are a", "You are b", "You are a", "You are b", "You are b"]
      )
      const last = requests.at(-1)
      assert.deepStrictEqual(
        last?.tools.map(({ name }) => name),
        ["look"]
      )
      assert.include(system(last), "cannot be handed over any more")
      assert.deepStrictEqual(sentResults(last), [
        "ok: Not handed over to a: the conversation has been handed over 3 times since the user spoke, and that is the most. b, answer the user yourself."
      ])
    }).pipe(Effect.provide(world(restless)))
  )

  it.effect("as many handoffs as allowed are no limit", () =>
    Effect.gen(function* () {
      const desk = Handoff.make("desk", { agents, start: "a", maxHandoffs: 1 })
      const result = yield* Runner.run(desk, "hi")
      assert.deepStrictEqual([result.reason, result.answeredBy], ["completed", "b"])
    }).pipe(Effect.provide(world([[call("1", "transfer_to_b")], [text("mine")]])))
  )

  it.effect("an agent that gets it straight back is told so", () =>
    Effect.gen(function* () {
      const desk = Handoff.make("desk", { agents, start: "a" })
      const result = yield* Runner.run(desk, "hi")
      assert.strictEqual(result.answeredBy, "a")
      const [, second, third] = yield* ScriptedTransport.requests
      assert.notInclude(sentResults(second).join(), "just before")
      assert.include(
        sentResults(third).join(),
        "You had handed it to b just before: do not do so again for the same reason."
      )
    }).pipe(Effect.provide(world([[call("1", "transfer_to_b")], [call("2", "transfer_to_a")], [text("fine")]])))
  )

  it.effect("with no handoffs allowed the first agent answers", () =>
    Effect.gen(function* () {
      const desk = Handoff.make("desk", { agents, start: "a", maxHandoffs: 0 })
      const result = yield* Runner.run(desk, "hi")
      assert.deepStrictEqual([result.reason, result.limit, result.answeredBy], ["limit", "handoffs", "a"])
    }).pipe(Effect.provide(world(restless)))
  )
})

describe("Whatever agents do at a handoff", () => {
  const Turn = FastCheck.array(FastCheck.constantFrom("look", "transfer_to_a", "transfer_to_b", "nothing", "say"), {
    minLength: 1,
    maxLength: 4
  })
  it.effect.prop(
    "RUN-2 HIST-1 its conversation is well formed and its bound holds",
    [
      FastCheck.array(Turn, { minLength: 1, maxLength: 8 }),
      FastCheck.integer({ min: 0, max: 3 }),
      FastCheck.constantFrom<Handoff.Filter | undefined>(undefined, Handoff.texts, Handoff.last(2))
    ],
    ([turns, maxHandoffs, filter]) =>
      Effect.gen(function* () {
        const session = SessionId.make("s")
        const desk = Handoff.make("desk", { agents, start: "a", maxHandoffs, filter })
        let starts = 0
        const result = yield* Runner.run(desk, "hi", {
          session,
          onEvents: (events) => {
            starts += events.filter(({ _tag, path }) => _tag === "RunStart" && path !== undefined).length
          }
        })
        assert.include(["completed", "limit"], result.reason)
        assert.isAtMost(starts, maxHandoffs + 2)
        assert.strictEqual(starts === maxHandoffs + 2, result.reason === "limit")
        const store = yield* ContextStore.ContextStore
        for (const { id } of (yield* store.list()).sessions) {
          const messages = (yield* store.entries(id)).flatMap((entry) =>
            entry._tag === "Message" ? [entry.message] : []
          )
          const calls = messages.flatMap(Message.toolCalls).map(({ id }) => id)
          const results = messages.flatMap(({ parts }) =>
            parts.flatMap((part) => (part.type === "tool-result" ? [part.id] : []))
          )
          assert.deepStrictEqual(results, calls, id)
        }
        for (const request of yield* ScriptedTransport.requests) {
          assert.strictEqual(Repair.repair(request.messages), request.messages)
          assert.notStrictEqual(request.messages.at(-1)?.role, "assistant")
        }
      }).pipe(
        Effect.provide(
          world((_, index) =>
            (turns[index] ?? ["say"]).map((name, at) =>
              name === "say" ? text(`said ${index}`) : call(`${index}-${at}`, name, { reason: "so" })
            )
          )
        )
      ),
    { fastCheck: { numRuns: 60 } }
  )
})
