/**
 * Keys never leave but in the header that is theirs: not in errors, logs, spans or events, whatever a server says back.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import * as Anthropic from "../../src/transport/Anthropic.ts"
import * as Gemini from "../../src/transport/Gemini.ts"
import type * as HttpTransport from "../../src/transport/HttpTransport.ts"
import * as Ollama from "../../src/transport/Ollama.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as OpenAiResponses from "../../src/transport/OpenAiResponses.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Wire from "../support/wire.ts"

type Make = (options: HttpTransport.Options) => Effect.Effect<Transport.Service, unknown, HttpClient.HttpClient>

const vendors: Readonly<Record<string, Make>> = {
  "openai-chat": OpenAiChat.make,
  "openai-responses": OpenAiResponses.make,
  anthropic: Anthropic.make,
  gemini: Gemini.make,
  ollama: Ollama.make
}

const key = "sk-secret-0123456789abcdef"
const other = "tenant-secret-987654321"

/** What servers say that repeat what they were sent: in a refusal, in a stream, as a page, and as no answer at all. */
const answers: Readonly<Record<string, readonly [status: number, type: string, body: string]>> = {
  "a refusal": [
    401,
    "application/json",
    JSON.stringify({ error: { message: `Incorrect API key: ${key}`, code: other } })
  ],
  "an error in a stream": [
    200,
    "text/event-stream",
    `event: error\ndata: ${JSON.stringify({ type: "error", error: { message: `${key} and ${other}`, type: key } })}\n\n`
  ],
  "a page": [502, "text/html", `<html><title>Bad ${key}</title></html>`],
  "another language": [200, "text/plain", `You sent ${key} and ${other}.`]
}

/** Everything that a run lets anybody see. */
const seen = (make: Make, answer: readonly [number, string, string]) =>
  Effect.gen(function* () {
    const server = yield* Wire.server((response) => {
      response.writeHead(answer[0], { "content-type": answer[1], "x-request-id": "r1" })
      response.end(answer[2])
    })
    const out: Array<string> = []
    const note = (value: unknown) => out.push(typeof value === "string" ? value : JSON.stringify(value))
    const tracer = Tracer.make({
      context: (run) => run(),
      span: (name, parent, context, links, startTime, kind) => ({
        _tag: "Span",
        name,
        parent,
        context,
        links,
        kind,
        spanId: "s",
        traceId: "t",
        sampled: true,
        status: { _tag: "Started", startTime },
        attributes: new Map(),
        attribute: (_, value) => void note(value),
        event: (_, __, attributes) => void note(attributes),
        addLinks: () => {},
        end: (_, exit) => void note(String(exit))
      })
    })
    const logger = Logger.make(({ annotations, cause, message }) => {
      note(String(message))
      note(Cause.pretty(cause))
      note(String(annotations))
    })
    const agent = Agent.make("a", { retries: 0 })
    const layer = Layer.effect(
      Transport.Transport,
      make({
        model: "m",
        baseUrl: server.url,
        apiKey: Redacted.make(key),
        headers: { "x-tenant": Redacted.make(other) }
      })
    )
    const exit = yield* Effect.exit(
      Agent.run(agent, "hi", { onEvents: (events) => note(events) }).pipe(
        Effect.provide(Layer.merge(layer, ContextStore.layerMemory)),
        Effect.tapErrorCause(Effect.logError),
        Effect.provideService(Telemetry.CaptureContent, true),
        Effect.withTracer(tracer),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
        Logger.withMinimumLogLevel(LogLevel.All)
      )
    )
    note(exit)
    note(String(exit))
    return { out: out.join("\n"), headers: server.requests[0]?.headers ?? {} }
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

describe("Secrets", () => {
  for (const [vendor, make] of Object.entries(vendors)) {
    it.live.each(Object.entries(answers))(`WIRE-5 ${vendor}: %s shows no key`, ([, answer]) =>
      Effect.gen(function* () {
        const { headers, out } = yield* seen(make, answer)
        assert.include(Object.values(headers).join(" "), key)
        assert.strictEqual(headers["x-tenant"], other)
        assert.include(out, "RunEnd")
        assert.notInclude(out, key)
        assert.notInclude(out, other)
      })
    )
  }
})
