/**
 * Hooks and tracing
 *
 * Hooks look into a run and change it: here one hides card numbers from the model, one adds what a tool must not forget,
 * and one counts. Spans of runs, requests and calls go to any OpenTelemetry exporter; this one keeps them in memory.
 *
 *   npx tsx examples/08_hooks_and_tracing.ts
 */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { FetchHttpClient } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Agent, ContextStore, Hooks, Part, Telemetry, ToolResult } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Redacted, Schema } from "effect"

const lookUp = Agent.tool("look_up", { parameters: { customer: Schema.String }, success: Schema.String }, (input) =>
  Effect.succeed(`${input.customer} pays by card 4111 1111 1111 1111`)
)
const desk = Agent.make("desk", { instructions: "You answer billing questions.", tools: [lookUp] })

// #region hooks
const redact: Hooks.Service = {
  toolEnd: ({ result }) => {
    const text = Part.contentToText(result.content).replace(/\d{4}( \d{4}){3}/g, "[card]")
    return Effect.succeed(ToolResult.text(result.outcome, text))
  }
}
const steady: Hooks.Service = {
  turnStart: ({ request }) => Effect.succeed({ settings: { ...request.settings, temperature: 0 } })
}
const log: Hooks.Service = {
  toolEnd: ({ result, tool }) => Console.log(`${tool} answered: ${Part.contentToText(result.content)}`),
  runEnd: ({ reason, turn, usage }) => Console.log(`${reason}, ${turn} turns, ${usage.outputTokens.total} tokens out`)
}
// Whatever others add, what is hidden is hidden first.
const hooks = Hooks.layers(Hooks.layer(log), Hooks.layer(steady), Hooks.layer(redact, { group: "system" }))
// #endregion

// #region tracing
const exporter = new InMemorySpanExporter()
const tracing = NodeSdk.layer(() => ({
  resource: { serviceName: "billing" },
  spanProcessor: new SimpleSpanProcessor(exporter)
}))

const spans = Effect.sync(() => {
  const all = exporter.getFinishedSpans()
  const nameOf = (id: string | undefined) => all.find((span) => span.spanContext().spanId === id)?.name ?? "nothing"
  return all.map((span) => `${span.name} in ${nameOf(span.parentSpanContext?.spanId)}`)
})
// #endregion

// #region otlp
export const otlp = Telemetry.layerOtlp({
  url: "https://otlp.example.com",
  serviceName: "billing",
  headers: { authorization: Redacted.make("Bearer …") }
}).pipe(Layer.provide(FetchHttpClient.layer))
// #endregion

export const program = Effect.gen(function* () {
  const result = yield* Agent.run(desk, "How does customer 77 pay?")
  yield* Console.log(result.output)
  for (const span of yield* spans) yield* Console.log(span)
})

const { call, text } = ScriptedTransport

export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([[call("1", "look_up", { customer: "77" })], [text("By card.")]]),
  ContextStore.layerMemory,
  hooks,
  tracing
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
