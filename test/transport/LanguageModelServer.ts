/** A server that speaks hand-written bytes of OpenAI's Responses API, and a transport that reads them by `@effect/ai`. */
import type { IncomingMessage, Server } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as OpenAiClient from "@effect/ai-openai/OpenAiClient"
import * as OpenAiLanguageModel from "@effect/ai-openai/OpenAiLanguageModel"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as LanguageModel from "axonal/transport/LanguageModel"
import * as Transport from "axonal/transport/Transport"
import { Effect, Layer, Redacted, Stream } from "effect"
import type { Delta } from "../../src/domain/Delta.ts"
import * as Messages from "../../src/domain/Message.ts"
import type { Part } from "../../src/domain/Part.ts"
import type { TransportError } from "../../src/transport/TransportError.ts"

export const key = "sk-proj-abcdefghijklmnop0123456789"

export interface Reply {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body: string
  /** How the connection ends after the body: in order, torn, or not at all. */
  readonly end?: "close" | "tear" | "hang"
}

export const sse = (events: ReadonlyArray<object>): string =>
  events.map((event, index) => `data: ${JSON.stringify({ sequence_number: index, ...event })}\n\n`).join("")

export const response = (fields: object = {}) => ({
  id: "resp_1",
  object: "response",
  created_at: 1_700_000_000,
  error: null,
  incomplete_details: null,
  output: [],
  instructions: null,
  parallel_tool_calls: true,
  model: "gpt-5",
  tools: [],
  tool_choice: "auto",
  metadata: null,
  temperature: null,
  top_p: null,
  ...fields
})
export const created = { type: "response.created", response: response() }
export const usage = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 2 },
  total_tokens: 15
}
export const completed = { type: "response.completed", response: response({ usage }) }
export const added = (output_index: number, item: object) => ({
  type: "response.output_item.added",
  output_index,
  item
})
export const done = (output_index: number, item: object) => ({ type: "response.output_item.done", output_index, item })

export const message = { id: "msg_1", type: "message", role: "assistant", content: [], status: "completed" }
export const textDelta = (delta: string) => ({
  type: "response.output_text.delta",
  output_index: 0,
  content_index: 0,
  item_id: "msg_1",
  delta
})
export const hello = sse([created, added(0, message), textDelta("Hel"), textDelta("lo"), done(0, message), completed])

const reasoning = (encrypted_content: string) => ({ id: "rs_1", type: "reasoning", encrypted_content, summary: [] })
const summaryDelta = (summary_index: number, delta: string) => ({
  type: "response.reasoning_summary_text.delta",
  output_index: 0,
  item_id: "rs_1",
  summary_index,
  delta
})
const summaryAdded = (summary_index: number) => ({
  type: "response.reasoning_summary_part.added",
  output_index: 0,
  item_id: "rs_1",
  summary_index,
  part: { type: "summary_text", text: "" }
})
export const call = {
  id: "fc_1",
  type: "function_call",
  call_id: "call_1",
  name: "weather",
  arguments: `{"city": "Oslo"}`
}
const argumentsDelta = (delta: string) => ({
  type: "response.function_call_arguments.delta",
  output_index: 1,
  item_id: "fc_1",
  delta
})
export const thinkAndCall = sse([
  created,
  added(0, reasoning("")),
  summaryAdded(0),
  summaryDelta(0, "Look "),
  summaryDelta(0, "outside."),
  summaryAdded(1),
  summaryDelta(1, "Or ask."),
  done(0, reasoning("secret-thoughts")),
  added(1, { ...call, arguments: "" }),
  argumentsDelta(`{"city":`),
  argumentsDelta(` "Oslo"}`),
  done(1, call),
  completed
])

export const weather: Transport.ToolSpec = {
  name: "weather",
  description: "The weather of a city",
  inputSchema: {
    type: "object",
    properties: { city: { $ref: "#/$defs/city" }, days: { type: "integer", minimum: 1, default: 3 } },
    required: ["city"],
    additionalProperties: false,
    $defs: { city: { type: "string", examples: ["Oslo"] } }
  }
}

export interface Vendor {
  readonly layer: Layer.Layer<Transport.Transport>
  readonly bodies: Array<Record<string, unknown>>
  readonly closed: Promise<void>
}

export const serve = (...replies: ReadonlyArray<Reply>) =>
  Effect.acquireRelease(
    Effect.async<Vendor & { readonly server: Server }>((resume) => {
      const bodies: Array<Record<string, unknown>> = []
      let onClosed = () => {}
      const closed = new Promise<void>((resolve) => {
        onClosed = resolve
      })
      const server = createServer(async (incoming, outgoing) => {
        bodies.push(JSON.parse(await text(incoming)))
        const reply = replies[bodies.length - 1] ?? { status: 500, body: "over-called" }
        outgoing.on("close", onClosed)
        outgoing.writeHead(reply.status ?? 200, { "content-type": "text/event-stream", ...reply.headers })
        if (reply.end === "hang") outgoing.write(reply.body)
        else if (reply.end === "tear") outgoing.write(reply.body, () => setTimeout(() => outgoing.destroy(), 20))
        else outgoing.end(reply.body)
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        const layer = vendorAt(`http://127.0.0.1:${port}/v1`)
        resume(Effect.succeed({ server, layer, bodies, closed }))
      })
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

const text = async (incoming: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const chunk of incoming) body += chunk
  return body
}

const vendorAt = (apiUrl: string): Layer.Layer<Transport.Transport> =>
  LanguageModel.layerTransport({ vendor: "openai", id: "gpt-5" }).pipe(
    Layer.provide(
      OpenAiLanguageModel.layer({
        model: "gpt-5",
        config: { strict: false, store: false, include: ["reasoning.encrypted_content"] }
      })
    ),
    Layer.provide(OpenAiClient.layer({ apiKey: Redacted.make(key), apiUrl })),
    Layer.provide(FetchHttpClient.layer)
  )

export const ask = (vendor: Vendor, options: Partial<Transport.Request> = {}) =>
  Transport.stream(Transport.request({ messages: [Messages.user("hi")], ...options })).pipe(
    Stream.runCollect,
    Effect.map((deltas): ReadonlyArray<Delta> => [...deltas]),
    Effect.provide(vendor.layer)
  )

export const parts = (deltas: ReadonlyArray<Delta>): ReadonlyArray<Part> =>
  deltas.flatMap((delta) => (delta._tag === "PartEnd" ? [delta.part] : []))

export const failed = (error: TransportError) => {
  const { message: _, ...reason } = JSON.parse(JSON.stringify(error.reason))
  return { ...reason, replay: error.replay }
}
