/**
 * The public transport suite, run on rules without a network, on Chat Completions against a server of our own, and on the
 * other wires against a mock server of others.
 */
import { createServer } from "node:http"
import { LLMock } from "@copilotkit/aimock"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { Delta } from "../../src/domain/Delta.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Usage from "../../src/domain/Usage.ts"
import { transport as suite } from "../../src/testing/internal/transportSuite.ts"
import * as Anthropic from "../../src/transport/Anthropic.ts"
import * as Gemini from "../../src/transport/Gemini.ts"
import * as Offline from "../../src/transport/Offline.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as OpenAiResponses from "../../src/transport/OpenAiResponses.ts"
import * as Transport from "../../src/transport/Transport.ts"

const calculate: Transport.ToolSpec = {
  name: "calculate",
  description: "Evaluates an arithmetic expression",
  inputSchema: { type: "object", properties: { expression: { type: "string" } }, required: ["expression"] }
}
const ask = (text: string, tools: ReadonlyArray<Transport.ToolSpec> = []): Transport.Request =>
  Transport.request({ messages: [Message.user(text)], tools })

const text = ask("hello")
const toolCall = ask("2*(3+4)", [calculate])

suite("offline", Offline.layer, { text, toolCall })

const part = Part.text("hello")
const parrot = Transport.layerStream({ vendor: "parrots", id: "ara-1" }, () =>
  Stream.make<Array<Delta>>(
    { _tag: "PartStart", index: 0, kind: "text" },
    { _tag: "TextDelta", index: 0, delta: part.text },
    { _tag: "PartEnd", index: 0, part },
    { _tag: "Finish", reason: "stop", usage: Usage.make({ output: 1 }) }
  )
)
suite("without tools", parrot, { text })

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: "x", model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
const called = {
  index: 0,
  id: "c1",
  type: "function",
  function: { name: "calculate", arguments: '{"expression":"1"}' }
}

const answerTo = (body: string): string => {
  if (body.includes("break off")) return chunk({ content: "half" })
  return body.includes('"tools"')
    ? `${chunk({ tool_calls: [called] })}${chunk({}, "tool_calls")}data: [DONE]\n\n`
    : `${chunk({ content: "Hel" })}${chunk({ content: "lo" })}${chunk({}, "stop")}data: [DONE]\n\n`
}

/** Answers with a call when tools are offered, with text otherwise, and refuses or breaks off when told to. */
const server = Layer.unwrapScoped(
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ readonly port: number; readonly close: () => void }>((resume) => {
        const made = createServer((request, response) => {
          let body = ""
          request.on("data", (data) => {
            body += data
          })
          request.on("end", () => {
            const refused = body.includes("refuse")
            response.writeHead(refused ? 401 : 200, { "content-type": "text/event-stream" })
            response.end(refused ? '{"error":{"message":"no"}}' : answerTo(body))
          })
        })
        made.listen(0, "127.0.0.1", () => {
          const address = made.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({ port, close: () => void made.close() }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ port }) => OpenAiChat.layer({ model: "m", baseUrl: `http://127.0.0.1:${port}/v1` })
  )
).pipe(Layer.provide(FetchHttpClient.layer))

/** A mock server of others, which speaks the wires of several vendors. */
const mock = (make: (url: string) => Effect.Effect<Transport.Service, unknown, HttpClient.HttpClient>) =>
  Layer.scoped(
    Transport.Transport,
    Effect.flatMap(
      Effect.acquireRelease(
        Effect.promise(async () => {
          const made = new LLMock({ port: 0, chunkSize: 10 })
          made.on({ userMessage: "2*(3+4)" }, { toolCalls: [{ name: "calculate", arguments: '{"expression":"1"}' }] })
          made.onMessage("hello", { content: "Hello, how are you today?" })
          made.onMessage("refuse", { error: { message: "no", type: "authentication_error" }, status: 401 })
          made.onMessage(
            "break off",
            { content: "Half of a longer text. ".repeat(10) },
            { latency: 10, truncateAfterChunks: 6 }
          )
          await made.start()
          return made
        }),
        (made) => Effect.promise(() => made.stop())
      ),
      ({ url }) => make(url)
    )
  ).pipe(Layer.provide(FetchHttpClient.layer))

const model = "m"
const apiKey = Redacted.make("key-0123456789")
const wires = {
  responses: mock((url) => OpenAiResponses.make({ model, apiKey, baseUrl: `${url}/v1` })),
  anthropic: mock((url) => Anthropic.make({ model, apiKey, baseUrl: `${url}/v1` })),
  gemini: mock((url) => Gemini.make({ model, apiKey, baseUrl: `${url}/v1beta` }))
}

for (const [name, layer] of Object.entries(wires)) {
  suite(name, layer, { text, toolCall, failing: [ask("refuse"), ask("break off")] })
}

suite("chat completions", server, { text, toolCall, failing: [ask("refuse"), ask("break off")] })
