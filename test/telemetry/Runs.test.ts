import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import { call, text, usage } from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"
import { attributes, keeping, line, named } from "./keeping.ts"

const secret = "hunter2"
const look = Agent.tool("look", { parameters: { at: Schema.String } }, ({ at }) => Effect.succeed(`saw ${at}`))
const script = [
  [text(`To ${secret}.`), call("1", "look", { at: secret })],
  [usage({ input: 20, cacheRead: 8, cacheWrite: 4, output: 7, reasoning: 3 }), text("done")]
]

describe("Telemetry of runs", () => {
  it.effect.each(["attributes", "event"] as const)("redacts all that is shown of a run, as %s", (as) =>
    Effect.gen(function* () {
      const { layer, spans } = keeping()
      const redact = (text: string) => text.replaceAll(secret, "***")
      const agent = Agent.make("a", { instructions: `Guard ${secret}.`, tools: [look] })
      yield* Agent.run(agent, `Use ${secret}.`).pipe(
        Effect.provide([world(script), layer, Layer.succeed(Telemetry.CaptureContent, { as, redact })])
      )
      const shown = JSON.stringify(spans.map((span) => [attributes(span), span.events.map(([, , about]) => about)]))
      assert.notInclude(shown, secret)
      for (const word of ["Guard ***.", "Use ***.", "To ***.", "saw ***", "done"]) assert.include(shown, word)
    })
  )

  it.effect("tells when the first of each answer came", () =>
    Effect.gen(function* () {
      const { layer, spans } = keeping()
      yield* Effect.provide(Agent.run(Agent.make("a", { tools: [look] }), "go"), [world(script), layer])
      const chats = named(spans, "chat scripted").map(attributes)
      assert.isTrue(chats.every((about) => typeof about["gen_ai.response.time_to_first_chunk"] === "number"))
      assert.strictEqual(chats[1]?.["gen_ai.usage.reasoning.output_tokens"], 3)
    })
  )

  it.effect("shows verdicts and decisions on the span of the run", () =>
    Effect.gen(function* () {
      const { layer, spans } = keeping()
      const guard = Guard.make(() => Effect.succeed(Guard.Ask(`it reads ${secret}`, "files")))
      const services = [Layer.succeed(Guard.Guard, guard), Approval.layerAllow, world(script), layer] as const
      yield* Effect.provide(Agent.run(Agent.make("a", { tools: [look] }), "go"), services)
      const [run] = named(spans, "invoke_agent a")
      assert.deepStrictEqual(
        [...new Set(run?.events.map(([name]) => name))],
        ["axonal.guard.verdict", "axonal.approval.decided"]
      )
      assert.notInclude(JSON.stringify(run?.events.map(([, , about]) => about)), secret)
    })
  )

  it.effect("a compaction is a span of the run", () =>
    Effect.gen(function* () {
      const { layer, spans } = keeping()
      const costs = [{ model: "small", usage: Usage.make({ input: 900, output: 10 }) }]
      const summarise = () => Effect.succeed({ text: "They looked.", costs })
      const compaction = Compaction.layer({ maxTokens: 1000, keepRecent: 1, summarise })
      const full = usage({ input: 1500, output: 5 })
      const services = [compaction, world([[full, text("one")], [text("two")]]), layer] as const
      const say = (words: string) => Agent.run(Agent.make("a"), words, { session: SessionId.make("s") })
      yield* Effect.provide(Effect.zipRight(say("word ".repeat(300)), say("more")), services)
      assert.include(spans.map(line), "invoke_agent a > compact a (internal)")
    })
  )
})
