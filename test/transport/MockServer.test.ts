/**
 * Each transport against a mock server that others wrote, whole and broken: whatever the network does, an answer ends,
 * with a finish or with a typed error, and no tool runs that should not.
 */
import { LLMock } from "@copilotkit/aimock"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { user } from "../../src/domain/Message.ts"
import * as Anthropic from "../../src/transport/Anthropic.ts"
import * as Gemini from "../../src/transport/Gemini.ts"
import * as Ollama from "../../src/transport/Ollama.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as OpenAiResponses from "../../src/transport/OpenAiResponses.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Wire from "../support/wire.ts"

interface Vendor {
  readonly name: string
  readonly make: (options: {
    readonly baseUrl: string
    readonly idleTimeout: Duration.DurationInput
  }) => Effect.Effect<Transport.Service, unknown, HttpClient.HttpClient>
  /** Whether a call is never cut: it comes in one piece, with the finish. */
  readonly hasWholeCalls?: boolean
  /** Where the mock has its API. */
  readonly path: string
}

const apiKey = Redacted.make("sk-test-0123456789")

const vendors: ReadonlyArray<Vendor> = [
  { name: "openai-chat", path: "/v1", make: (options) => OpenAiChat.make({ ...options, model: "gpt-5-mini", apiKey }) },
  {
    name: "openai-responses",
    path: "/v1",
    make: (options) => OpenAiResponses.make({ ...options, model: "gpt-5-mini", apiKey })
  },
  {
    name: "anthropic",
    path: "/v1",
    make: (options) => Anthropic.make({ ...options, model: "claude-haiku-4-5", apiKey })
  },
  {
    name: "gemini",
    path: "/v1beta",
    hasWholeCalls: true,
    make: (options) => Gemini.make({ ...options, model: "gemini-2.5-flash", apiKey })
  },
  {
    name: "ollama",
    path: "",
    hasWholeCalls: true,
    make: (options) => Ollama.make({ ...options, model: "llama3.2", apiKey })
  }
]

const words = "The quick brown fox jumps over the lazy dog. ".repeat(8).trim()

const mock = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = new LLMock({ port: 0, chunkSize: 10 })
    server.onMessage("whole", { content: words })
    server.onMessage("truncated", { content: words }, { latency: 10, truncateAfterChunks: 10 })
    server.onMessage("disconnected", { content: words }, { latency: 20, disconnectAfterMs: 250 })
    server.onMessage("slow", { content: words }, { latency: 5000 })
    server.onMessage("malformed", { content: words }, { chaos: { malformedRate: 1 } })
    server.onMessage("limited", {
      error: { message: "Slow down", type: "rate_limit_error" },
      status: 429,
      retryAfter: 7
    })
    server.onMessage("overloaded", { error: { message: "Overloaded", type: "overloaded_error" }, status: 503 })
    server.onMessage("key", {
      error: { message: "bad key sk-test-0123456789", type: "authentication_error" },
      status: 401
    })
    server.on(
      { userMessage: "act", hasToolResult: false },
      { toolCalls: [{ name: "look", arguments: '{"at":"sky"}' }] }
    )
    server.on({ userMessage: "act", hasToolResult: true }, { content: "blue" })
    server.on(
      { userMessage: "cut", hasToolResult: false },
      { toolCalls: [{ name: "look", arguments: '{"at":"sky"}' }] },
      {
        truncateAfterChunks: 2
      }
    )
    await server.start()
    return server
  }),
  (server) => Effect.promise(() => server.stop())
)

const transportOf = (vendor: Vendor, idleTimeout: Duration.DurationInput = "5 seconds") =>
  Effect.flatMap(mock, ({ url }) => Effect.orDie(vendor.make({ baseUrl: `${url}${vendor.path}`, idleTimeout })))

const ask = (vendor: Vendor, text: string, idleTimeout?: Duration.DurationInput) =>
  Effect.flatMap(transportOf(vendor, idleTimeout), (transport) =>
    Effect.scoped(Wire.collect(transport.open(Transport.request({ messages: [user(text)] }))))
  ).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer), Effect.timeout("4 seconds"))

const act = (vendor: Vendor, text: string) =>
  Effect.gen(function* () {
    const transport = yield* transportOf(vendor)
    const seen: Array<string> = []
    const look = Agent.tool("look", { parameters: { at: Schema.String } }, ({ at }) => Effect.sync(() => seen.push(at)))
    const result = yield* Effect.either(
      Agent.run(Agent.make("a", { tools: [look], retries: 0 }), text).pipe(
        Effect.provide(Layer.merge(Layer.succeed(Transport.Transport, transport), ContextStore.layerMemory))
      )
    )
    return { seen, result }
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer), Effect.timeout("4 seconds"))

describe("a mock server of others", () => {
  for (const vendor of vendors) {
    describe(vendor.name, () => {
      it.live("answers whole", () =>
        Effect.gen(function* () {
          const { deltas, error } = yield* ask(vendor, "whole")
          assert.deepStrictEqual([Wire.written(deltas, "TextDelta"), error], [words, undefined])
          assert.deepStrictEqual(Wire.disorder(deltas), [])
          assert.strictEqual(deltas.at(-1)?._tag, "Finish")
        })
      )

      it.live("TURN-1 calls a tool, and goes on with its result", () =>
        Effect.gen(function* () {
          const { result, seen } = yield* act(vendor, "act")
          assert.deepStrictEqual([result._tag === "Right" && result.right.output, seen], ["blue", ["sky"]])
        })
      )

      if (vendor.hasWholeCalls !== true) {
        it.live("TURN-1 TR-4 a call in a truncated answer does not run", () =>
          Effect.gen(function* () {
            const { result, seen } = yield* act(vendor, "cut")
            assert.deepStrictEqual([result._tag, seen], ["Left", []])
          })
        )
      }

      it.live.each(["truncated", "disconnected"])("RUN-4 an answer that is %s fails, and keeps what came", (how) =>
        Effect.gen(function* () {
          const { deltas, error } = yield* ask(vendor, how)
          assert.deepStrictEqual([error?.reason._tag, error?.replay], ["Network", "acknowledged"])
          assert.isTrue(words.startsWith(Wire.written(deltas, "TextDelta")))
          assert.notStrictEqual(Wire.written(deltas, "TextDelta"), "")
        })
      )

      it.live("RUN-4 a server that says nothing for too long is given up", () =>
        Effect.gen(function* () {
          const { error } = yield* ask(vendor, "slow", "100 millis")
          assert.strictEqual(error?.reason._tag, "Timeout")
        })
      )

      it.live("a body that is no answer is Malformed", () =>
        Effect.map(ask(vendor, "malformed"), ({ error }) => assert.strictEqual(error?.reason._tag, "Malformed"))
      )

      it.live("WIRE-4 a rate limit says how long to wait", () =>
        Effect.map(ask(vendor, "limited"), ({ error }) =>
          assert.deepStrictEqual(
            [error?.reason._tag, error?.reason.status, error?.retryAfterMillis, error?.replay],
            ["RateLimited", 429, 7000, "safe"]
          )
        )
      )

      it.live("an overload is one that passes", () =>
        Effect.map(ask(vendor, "overloaded"), ({ error }) =>
          assert.deepStrictEqual([error?.reason._tag, error?.isRetryable], ["Overloaded", true])
        )
      )

      it.live("WIRE-5 a refused key is not repeated", () =>
        Effect.map(ask(vendor, "key"), ({ error }) => {
          assert.strictEqual(error?.reason._tag, "Authentication")
          assert.notInclude(JSON.stringify(error), "sk-test")
        })
      )
    })
  }
})
