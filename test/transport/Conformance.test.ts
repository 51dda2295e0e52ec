/**
 * The public transport suite, run on the transports that need no vendor: rules without a network, and Chat Completions
 * against a server of our own.
 */
import { createServer } from "node:http"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Message from "../../src/domain/Message.ts"
import { transport as suite } from "../../src/testing/internal/transportSuite.ts"
import * as Offline from "../../src/transport/Offline.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
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

suite("chat completions", server, { text, toolCall, failing: [ask("refuse"), ask("break off")] })
