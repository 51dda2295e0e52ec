import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import { world } from "../support/runs.ts"

const { call, text } = ScriptedTransport

const refusing = (direction: "input" | "output") =>
  MessageGuard.layer(
    MessageGuard.make((subject) =>
      Effect.succeed(subject.direction === direction ? MessageGuard.Block(`no ${direction}`) : MessageGuard.Pass)
    )
  )

describe("Why a run ended", () => {
  it.effect("AG-01 is what the tool said that ended it", () =>
    Effect.gen(function* () {
      const hang = Agent.tool("hang_up", {}, () => Effect.succeed(ToolResult.end("bye", "the caller was rude")))
      const agent = Agent.make("a", { tools: [hang] })
      const { output, reason, why } = yield* Agent.run(agent, "go")
      assert.deepStrictEqual([reason, output, why], ["completed", "bye", "the caller was rude"])
    }).pipe(Effect.provide(world([[call("1", "hang_up")]])))
  )

  for (const direction of ["input", "output"] as const) {
    it.effect(`is what the guard said that blocked the ${direction}`, () =>
      Effect.gen(function* () {
        const events = yield* Stream.runCollect(Agent.stream(Agent.make("a"), "go"))
        const end = [...events].find((event) => event._tag === "RunEnd")
        assert.deepStrictEqual([end?.reason, end?.why], ["blocked", `no ${direction}`])
      }).pipe(Effect.provide(Layer.merge(world(direction === "input" ? [] : [[text("hi")]]), refusing(direction))))
    )
  }

  it.effect("is not told of others", () =>
    Effect.map(Agent.run(Agent.make("a"), "go"), (result) => assert.isFalse("why" in result)).pipe(
      Effect.provide(world([[text("hi")]]))
    )
  )
})
