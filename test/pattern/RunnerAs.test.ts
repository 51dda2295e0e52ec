import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import type { ContextStore } from "../../src/context/ContextStore.ts"
import * as Router from "../../src/pattern/Router.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type { Transport } from "../../src/transport/Transport.ts"
import { sentResults, world } from "../support/runs.ts"
import type { Same } from "../types/assert.ts"
import { holds } from "../types/assert.ts"

const { call, roles, text } = ScriptedTransport

const billing = Agent.make("billing", { instructions: "You bill" })
const shop = Router.make("shop", { description: "Answers", routes: { billing }, route: () => "billing" as const })

describe("A runner", () => {
  it.effect("AM-28 is a tool: a call runs it", () =>
    Effect.gen(function* () {
      const lead = Agent.make("lead", { instructions: "You lead", tools: [Runner.asTool(shop)] })
      const result = yield* Agent.run(lead, "hi")
      assert.strictEqual(result.text, "done")
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        requests[0]?.tools.map(({ description, name }) => [name, description]),
        [["shop", "Answers"]]
      )
      assert.deepStrictEqual(sentResults(requests.at(-1)), ["ok: billed"])
    }).pipe(
      Effect.provide(
        world(
          roles({ "You lead": [[call("1", "shop", { task: "bill" })], [text("done")]], "You bill": [[text("billed")]] })
        )
      )
    )
  )

  it.effect("AM-28 is a model: each request runs it", () =>
    Effect.gen(function* () {
      const talker = Agent.make("talker")
      const layer = Runner.layerTransport(shop)
      holds<Same<Layer.Layer.Context<typeof layer>, Transport | ContextStore>>()
      const result = yield* Effect.provide(Agent.run(talker, "hi"), layer)
      assert.strictEqual(result.text, "billed")
      const transport = yield* Runner.asTransport(shop)
      assert.strictEqual(transport.model.id, "shop")
    }).pipe(Effect.provide(world(roles({ "You bill": [[text("billed")]] }))))
  )
})
