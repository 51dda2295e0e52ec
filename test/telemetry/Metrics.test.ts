import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { assert, describe, it } from "@effect/vitest"
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader
} from "@opentelemetry/sdk-metrics"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { direct } from "../../src/agent/Activities.ts"
import * as Agent from "../../src/agent/Agent.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import { call, text, usage } from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

/** Every point of our metrics whose labels name this, as `metric{labels} value`; histograms tell count and sum. */
const points = (word: string): ReadonlyArray<string> =>
  Metric.unsafeSnapshot()
    .filter(({ metricKey }) => metricKey.tags.some(({ value }) => value.startsWith(word)))
    .map(({ metricKey, metricState }) => {
      const labels = metricKey.tags.map(({ key, value }) => `${key}=${value.replace(word, "X")}`).join()
      const { count, sum } = metricState as unknown as { readonly count: number; readonly sum?: number }
      const total = metricKey.name.includes("token") && sum !== undefined ? `${count} of ${sum}` : `${count}`
      return `${metricKey.name}{${labels}} ${total}`
    })
    .toSorted()

const fresh = direct.id("metered")
const of = "gen_ai.operation.name=chat,gen_ai.provider.name=v,gen_ai.request.model=X"

describe("Telemetry metrics", () => {
  it.effect("count a request, its tokens and its parts", () =>
    Effect.gen(function* () {
      const model = { vendor: "v", id: yield* fresh }
      const cost = Usage.make({ input: 100, cacheRead: 60, cacheWrite: 30, output: 40, reasoning: 25 })
      const answer = { message: { role: "assistant", parts: [] }, reason: "stop", usage: cost } as const
      const about = { traced: false, capture: false, model, session: "s", request: empty }
      yield* Telemetry.request(
        about,
        (watch) =>
          Effect.as(
            Effect.sync(() => Telemetry.arrived(watch)),
            answer
          ),
        () => undefined
      )
      assert.deepStrictEqual(points(model.id), [
        `axonal.token.details{${of},axonal.token.type=cache_creation} 30`,
        `axonal.token.details{${of},axonal.token.type=cache_read} 60`,
        `axonal.token.details{${of},axonal.token.type=reasoning} 25`,
        `gen_ai.client.operation.duration{${of}} 1`,
        `gen_ai.client.operation.time_to_first_chunk{${of}} 1`,
        `gen_ai.client.token.usage{${of},gen_ai.token.type=input} 1 of 100`,
        `gen_ai.client.token.usage{${of},gen_ai.token.type=output} 1 of 40`
      ])
    })
  )

  it.effect("count a failed request by its error, without tokens", () =>
    Effect.gen(function* () {
      const model = { vendor: "v", id: yield* fresh }
      const about = { traced: false, capture: false, model, session: "s", request: empty }
      const overloaded: Effect.Effect<never, { readonly reason: { readonly _tag: string } }> = Effect.fail({
        reason: { _tag: "Overloaded" }
      })
      yield* Effect.ignore(
        Telemetry.request(
          about,
          () => overloaded,
          () => undefined
        )
      )
      assert.deepStrictEqual(points(model.id), [`gen_ai.client.operation.duration{${of},error.type=Overloaded} 1`])
    })
  )

  it.effect("do not count tokens that nobody reported", () =>
    Effect.gen(function* () {
      const model = { vendor: "v", id: yield* fresh }
      const about = { traced: false, capture: false, model, session: "s", request: empty }
      const answer = { message: { role: "assistant", parts: [] }, reason: "stop", usage: Usage.unknown } as const
      yield* Telemetry.request(
        about,
        () => Effect.succeed(answer),
        () => undefined
      )
      assert.deepStrictEqual(points(model.id), [`gen_ai.client.operation.duration{${of}} 1`])
    })
  )

  it.effect("count the summaries of a compaction", () =>
    Effect.gen(function* () {
      const model = yield* fresh
      const costs = [{ model, usage: Usage.make({ input: 9, output: 3 }) }]
      const about = { name: "a", vendor: "v", model, session: "s", reason: "threshold", tokens: 10 }
      yield* Telemetry.compact(false, about, Effect.succeed({ _tag: "Kept", costs } as const))
      assert.deepStrictEqual(points(model), [
        `gen_ai.client.token.usage{${of},gen_ai.token.type=input} 1 of 9`,
        `gen_ai.client.token.usage{${of},gen_ai.token.type=output} 1 of 3`
      ])
    })
  )

  it.effect("count runs and calls by how they ended", () =>
    Effect.gen(function* () {
      const name = yield* fresh
      const tool = Agent.tool(name, {}, () => Effect.succeed("fine"))
      const failing = Agent.tool(`${name}-failing`, {}, () => Effect.fail("no"))
      const calls = [call("1", name), call("2", name), call("3", `${name}-failing`)]
      const agent = Agent.make(name, { tools: [tool, failing] })
      const run = (script: Parameters<typeof world>[0]) =>
        Effect.ignore(Effect.provide(Agent.run(agent, "go"), world(script)))
      yield* run([calls, [usage({ input: 20, output: 7 }), text("done")]])
      yield* run([[text("")], [text("")]])
      const of = "gen_ai.operation.name="
      assert.deepStrictEqual(points(name), [
        "axonal.tool.calls{gen_ai.tool.name=X,outcome=ok} 2",
        "axonal.tool.calls{gen_ai.tool.name=X-failing,outcome=failed} 1",
        `gen_ai.execute_tool.duration{${of}execute_tool,gen_ai.tool.name=X-failing,error.type=failed} 1`,
        `gen_ai.execute_tool.duration{${of}execute_tool,gen_ai.tool.name=X} 2`,
        `gen_ai.invoke_agent.duration{${of}invoke_agent,gen_ai.agent.name=X,error.type=EmptyAnswer} 1`,
        `gen_ai.invoke_agent.duration{${of}invoke_agent,gen_ai.agent.name=X} 1`
      ])
    })
  )

  it.scopedLive("go through OpenTelemetry's own packages, too", () =>
    Effect.gen(function* () {
      const tool = yield* fresh
      const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
      const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
      const sdk = NodeSdk.layer(() => ({ resource: { serviceName: "test" }, metricReader: reader }))
      const counted = Effect.zipRight(
        Effect.sync(() => Telemetry.countCall(tool, "ok", 10)),
        Effect.promise(() => reader.forceFlush())
      )
      yield* Effect.provide(counted, sdk)
      const metrics = exporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
      const [calls] = metrics.filter(({ descriptor }) => descriptor.name === "axonal.tool.calls")
      const points = calls?.dataPoints.filter(({ attributes }) => attributes["gen_ai.tool.name"] === tool)
      assert.deepStrictEqual(
        points?.map(({ value }) => value),
        [1]
      )
    })
  )
})

const empty = {
  messages: [],
  tools: [],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  settings: {}
} as const
