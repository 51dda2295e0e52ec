/**
 * Transports and fallback
 *
 * A transport is a layer, and middleware makes a transport of a transport: retry, timeouts, a limit per minute, another
 * vendor when the first is down. The agent does not change, and neither does its test.
 *
 *   npx tsx examples/07_transports_and_fallback.ts
 */
import { FetchHttpClient } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Agent, Anthropic, ContextStore, Gemini, LlamaCpp, Middleware, ModelString } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Config, Console, Effect, Layer } from "effect"

// #region middleware
const patient = Middleware.retry({ schedule: Middleware.schedulePatient, maxDelay: "1 minute" })
const bounded = Middleware.timeout({ firstDelta: "30 seconds", total: "5 minutes" })
const polite = Middleware.rateLimit({ requestsPerMinute: 60, tokensPerMinute: 200_000 })
// #endregion

// #region fallback
/** Claude, politely and patiently; Gemini when it fails before it has said anything. */
export const online = Anthropic.layer({ model: "claude-sonnet-4-5" }).pipe(
  bounded,
  polite,
  patient,
  Middleware.fallback([Gemini.layer({ model: "gemini-2.5-pro" }).pipe(bounded, patient)]),
  Layer.provide(FetchHttpClient.layer)
)
// #endregion

// #region string
/** Whatever MODEL says: `anthropic:claude-sonnet-4-5`, `ollama:llama3.2;context=32k`, `groq:…`. */
export const configured = ModelString.layerConfig(
  Config.string("MODEL").pipe(Config.withDefault("openai:gpt-5-mini"))
).pipe(Layer.provide(FetchHttpClient.layer))
// #endregion

// #region local
/** A model inside this process, for which nobody sends a bill. */
export const local = LlamaCpp.layer({ modelPath: "./models/qwen3-8b-q4.gguf", contextLength: 8192, sequences: 2 })
// #endregion

export const program = Effect.gen(function* () {
  // The transport retries by itself, so the agent does not.
  const librarian = Agent.make("librarian", { retries: 0 })
  const { output, usage } = yield* Agent.run(librarian, "Which book is overdue?")
  yield* Console.log(`${output} (${usage.costUsd} dollars)`)
})

const { error, text, usage } = ScriptedTransport
const price = { input: 3, output: 15 }
const down = ScriptedTransport.layer([[error("Overloaded")]], { model: { id: "first" } })
const up = ScriptedTransport.layer([[text("Moby-Dick."), usage({ input: 1000, output: 200 })]], {
  model: { id: "second", price }
})

// #region offline
export const layer = Layer.merge(
  down.pipe(Middleware.tap({ onError: ({ error }) => Console.log(error.message) }), Middleware.fallback([up])),
  ContextStore.layerMemory
)
// #endregion

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
