/**
 * Typed answers in runs that something happens to: words that arrive, persons who are asked, guards that rewrite, and
 * sessions that go on.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Output from "../../src/agent/Output.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import { lastWords } from "../support/outputs.ts"
import { world } from "../support/runs.ts"

const { call, gate, text } = ScriptedTransport

const Count = Schema.Struct({ count: Schema.Int })
const counter = Agent.make("counter", { output: Count })
const session = SessionId.make("s")

describe("Output in a run", () => {
  it.effect("words that arrive during an answer join after it, and the last answer counts", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const script = [
        [gate(Deferred.succeed(begun, undefined)), gate(go), text(`{"count":1}`)],
        [text("Two?")],
        [text(`{"count":2}`)]
      ]
      yield* Effect.gen(function* () {
        const handle = yield* Agent.start(counter, "go")
        yield* Deferred.await(begun)
        assert.isTrue(yield* handle.steer("Once more."))
        yield* Deferred.succeed(go, undefined)
        const result = yield* handle.await
        assert.deepStrictEqual([result.reason, result.output, result.turns], ["completed", { count: 2 }, 3])
        const [, second, third] = yield* ScriptedTransport.requests
        assert.strictEqual(lastWords(second), "Once more.")
        assert.include(lastWords(third), "Your answer is not valid")
      }).pipe(Effect.scoped, Effect.provide(world(script)))
    })
  )

  it.effect("words that arrive during an invalid answer join with its repair", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const script = [[gate(Deferred.succeed(begun, undefined)), gate(go), text("One.")], [text(`{"count":1}`)]]
      yield* Effect.gen(function* () {
        const handle = yield* Agent.start(counter, "go")
        yield* Deferred.await(begun)
        yield* handle.steer("From zero.")
        yield* Deferred.succeed(go, undefined)
        assert.deepStrictEqual((yield* handle.await).output, { count: 1 })
        const [, second] = yield* ScriptedTransport.requests
        // To the model they are one message.
        const words = (second?.messages.at(-1)?.parts ?? []).map((part) => (part.type === "text" ? part.text : ""))
        assert.deepStrictEqual(
          words.map((text) => text.slice(0, 24)),
          ["Your answer is not valid", "From zero."]
        )
      }).pipe(Effect.scoped, Effect.provide(world(script)))
    })
  )

  it.effect("a run that waits for a person has none, and the run that goes on has it", () =>
    Effect.gen(function* () {
      const done = Agent.tool("done", { parameters: { n: Schema.Int }, success: Count }, ({ n }) =>
        Effect.succeed(ToolResult.end({ count: n }))
      )
      const agent = Agent.make("counter", { output: Count, tools: [done] })
      const asks = Guard.layer(Guard.make(() => Effect.succeed(Guard.Ask("really?"))))
      yield* Effect.gen(function* () {
        const first = yield* Agent.run(agent, "go", { session })
        assert.deepStrictEqual([first.reason, first.output], ["awaiting-approval", undefined])
        const decided = first.pending.map(({ call }) => ({ call, approved: true }))
        const second = yield* Agent.resume(agent, session, decided)
        assert.deepStrictEqual([second.reason, second.output], ["completed", { count: 3 }])
      }).pipe(Effect.provide(Layer.mergeAll(world([[call("1", "done", { n: 3 })]]), asks, Approval.layerSuspend)))
    })
  )

  it.effect("what a guard of messages makes of an answer is what is read", () =>
    Effect.gen(function* () {
      const guard = MessageGuard.make(({ direction, message }) =>
        Effect.succeed(
          direction === "output"
            ? MessageGuard.Rewrite(MessageGuard.mapText(message, (text) => text.replace("13", "12")))
            : MessageGuard.Pass
        )
      )
      const result = yield* Agent.run(counter, "go").pipe(
        Effect.provide(Layer.merge(world([[text(`{"count":13}`)]]), MessageGuard.layer(guard)))
      )
      assert.deepStrictEqual([result.output, result.text], [{ count: 12 }, `{"count":12}`])
    })
  )

  it.effect("each run of a session has its own repairs", () =>
    Effect.gen(function* () {
      const agent = Agent.make("counter", { output: Output.make({ schema: Count, repairs: 1 }) })
      const script = [[text("One.")], [text(`{"count":1}`)], [text("Two.")], [text(`{"count":2}`)]]
      yield* Effect.gen(function* () {
        assert.deepStrictEqual((yield* Agent.run(agent, "go", { session })).output, { count: 1 })
        assert.deepStrictEqual((yield* Agent.run(agent, "on", { session })).output, { count: 2 })
      }).pipe(Effect.provide(world(script)))
    })
  )

  it.effect("agents that were changed keep their output", () =>
    Effect.gen(function* () {
      const agent = counter.pipe(Agent.withLimits({ turns: 3 }), Agent.withInstructions("Count."))
      const result = yield* Effect.provide(Agent.run(agent, "go"), world([[text(`{"count":1}`)]]))
      assert.deepStrictEqual(result.output, { count: 1 })
    })
  )
})
