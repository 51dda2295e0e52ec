import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as Composite from "../../src/agent/Composite.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const { call, roles, text } = ScriptedTransport

const session = SessionId.make("s")

const suspending = (script: ScriptedTransport.Script) => Layer.merge(world(script), Approval.layerSuspend)

describe("Sessions of parts", () => {
  const remove = Agent.tool("remove", { needsApproval: true }, () => Effect.succeed("removed"))
  const asker = Agent.make("asker", { instructions: "You ask", tools: [remove] })
  const keeper = Agent.make("keeper", { instructions: "You keep" })
  const pair = Composite.make("pair", {}, (input: Message.Input, parts) =>
    Effect.gen(function* () {
      yield* parts.run("asks", asker, input)
      const { text } = yield* parts.run("keeps", keeper, input, { session: "continued" })
      return { output: text }
    })
  )

  it.effect("a part that remembers begins anew in a run that goes on before it", () =>
    Effect.gen(function* () {
      const first = yield* Runner.run(pair, "one", { session })
      assert.strictEqual(first.output, "kept one")
      const waiting = yield* Runner.run(pair, "two", { session })
      assert.strictEqual(waiting.reason, "awaiting-approval")
      const decided = waiting.pending.map(({ call }) => ({ call, approved: true }))
      const second = yield* Runner.resume(pair, session, decided)
      assert.deepStrictEqual([second.reason, second.output], ["completed", "kept two after kept one"])
    }).pipe(
      Effect.provide(
        suspending(
          roles({
            "You ask": [[text("fine")], [call("1", "remove")], [text("done")]],
            "You keep": ({ messages }) => [
              text(
                messages.length === 2
                  ? "kept one"
                  : `kept ${messages.at(-1)?.parts.map((part) => part.type === "text" && part.text)} after kept one`
              )
            ]
          })
        )
      )
    )
  )

  it.effect("parts share a session, and runs know what earlier ones remembered", () =>
    Effect.gen(function* () {
      const shared = Composite.make("shared", {}, (input: Message.Input, parts) =>
        Effect.gen(function* () {
          const seen = parts.earlier.map(({ at, value }) => `${at}=${value}`)
          yield* parts.remember("said", Effect.succeed(Message.fromInput(input).map(Message.toText).join()))
          yield* parts.run("a", keeper, input, { session: { shared: "talk" } })
          const last = yield* parts.run("b", keeper, "and you?", { session: { shared: "talk" } })
          assert.strictEqual(last.session, parts.shared("talk"))
          return { output: seen }
        })
      )
      assert.deepStrictEqual((yield* Runner.run(shared, "one", { session })).output, [])
      assert.deepStrictEqual((yield* Runner.run(shared, "two", { session })).output, ["said=one"])
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(requests.at(-1)?.messages.map(Message.toText), [
        "You keep",
        "one",
        "0",
        "and you?",
        "1",
        "two",
        "2",
        "and you?"
      ])
    }).pipe(Effect.provide(world((_, index) => [text(String(index))])))
  )
})
