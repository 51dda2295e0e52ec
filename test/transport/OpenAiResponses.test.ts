import * as AiTool from "@effect/ai/Tool"
import * as AiToolkit from "@effect/ai/Toolkit"
import * as OpenAiTool from "@effect/ai-openai/OpenAiTool"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { assistant, tool, user } from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as OpenAiResponses from "../../src/transport/OpenAiResponses.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { responses } from "../support/requests/responses.ts"
import * as Wire from "../support/wire.ts"

const secret = "sk-secret-0123456789"
const sse = { "content-type": "text/event-stream" }
const session = SessionId.make("s")
const ask = Transport.request({ messages: [user("hi")] })

/** An answer of these items as the vendor streams it: each is announced, and ends whole. */
const answer = (id: string, ...items: ReadonlyArray<object>): string =>
  [
    { type: "response.created", response: { id, model: "m", status: "in_progress" } },
    ...items.flatMap((item, output_index) => [
      { type: "response.output_item.added", output_index, item: { ...item, encrypted_content: "short" } },
      { type: "response.output_item.done", output_index, item }
    ]),
    {
      type: "response.completed",
      response: { id, status: "completed", usage: { input_tokens: 3, output_tokens: 5 } }
    }
  ]
    .map((value) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`)
    .join("")

/** A server that gives one answer after the other. */
const answering = (...answers: ReadonlyArray<string>) => {
  let next = 0
  return Wire.server((response) => response.writeHead(200, sse).end(answers[next++] ?? ""))
}

type Where = Omit<OpenAiResponses.Options, "model"> & { readonly baseUrl: string }

const at = (options: Where): OpenAiResponses.Options => ({
  model: "gpt-5-mini",
  vendor: "openai",
  apiKey: Redacted.make(secret),
  ...options
})

const world = (options: Where) =>
  Layer.merge(Layer.provide(OpenAiResponses.layer(at(options)), FetchHttpClient.layer), ContextStore.layerMemory)

/** The bodies of the requests, which the vendor would have taken. */
const bodies = (server: { readonly requests: ReadonlyArray<Wire.Received> }) =>
  server.requests.map(({ body }) => {
    const parsed = JSON.parse(body)
    assert.deepStrictEqual(responses(parsed), [])
    return parsed
  })

const thought = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "e1" }
const message = (text: string, more: object = {}) => ({
  ...{ type: "message", id: "msg_1", role: "assistant", status: "completed", ...more },
  content: [{ type: "output_text", text, annotations: [] }]
})
const asked = { type: "function_call", id: "fc_1", call_id: "c1", name: "look_up", arguments: '{"word":"b"}' }
const lookUp = Agent.tool("look_up", { parameters: { word: Schema.String } }, ({ word }) => Effect.succeed(`${word}!`))

describe("OpenAiResponses", () => {
  describe("agent", () => {
    it.effect("TURN-3 calls its tools and gives encrypted reasoning back as it came", () =>
      Effect.gen(function* () {
        const server = yield* answering(
          answer("resp_1", thought, message("a", { phase: "commentary" }), asked),
          answer("resp_2", message("done"))
        )
        const agent = Agent.make("a", { tools: [lookUp], instructions: "s" })
        const result = yield* Effect.provide(Agent.run(agent, "go"), world({ baseUrl: server.url }))
        assert.deepStrictEqual([result.output, result.usage.outputTokens.total], ["done", 10])
        const [first, second] = bodies(server)
        assert.deepStrictEqual([first.store, first.instructions, first.previous_response_id], [false, "s", undefined])
        assert.deepStrictEqual(second.input, [
          { role: "user", content: "go" },
          thought,
          { role: "assistant", content: "a", phase: "commentary" },
          { type: "function_call", call_id: "c1", name: "look_up", arguments: '{"word":"b"}' },
          { type: "function_call_output", call_id: "c1", output: "b!" }
        ])
        const [before, after] = server.requests.map(({ body }) => body)
        assert.isTrue(after?.startsWith(before?.slice(0, -2) ?? "none"))
      }).pipe(Effect.scoped)
    )

    it.effect("runs custom tools on their free text and answers them in kind", () =>
      Effect.gen(function* () {
        const patch = '*** Begin\n+"a"\n'
        const item = { type: "custom_tool_call", id: "ctc_1", call_id: "c1", name: "apply", input: patch }
        const server = yield* answering(answer("resp_1", item), answer("resp_2", message("done")))
        const Patch = AiTool.providerDefined({
          id: "openai.custom",
          toolkitName: "Patch",
          providerName: "apply",
          args: { format: Schema.Unknown },
          parameters: { input: Schema.String },
          success: Schema.String,
          requiresHandler: true
        })({ format: { type: "text" } })
        const toolkit = AiToolkit.make(Patch)
        const result = yield* Agent.run(Agent.make("a", { toolkit }), "go").pipe(
          Effect.provide(toolkit.toLayer({ Patch: ({ input }) => Effect.succeed(input.toUpperCase()) })),
          Effect.provide(world({ baseUrl: server.url }))
        )
        assert.strictEqual(result.output, "done")
        const [first, second] = bodies(server)
        assert.deepStrictEqual(first.tools, [{ type: "custom", name: "apply", format: { type: "text" } }])
        assert.deepStrictEqual(second.input.slice(1), [
          { type: "custom_tool_call", call_id: "c1", name: "apply", input: patch },
          { type: "custom_tool_call_output", call_id: "c1", output: patch.toUpperCase() }
        ])
      }).pipe(Effect.scoped)
    )

    it.effect("takes the tools of @effect/ai-openai and gives what the vendor ran back verbatim", () =>
      Effect.gen(function* () {
        const search = {
          type: "web_search_call",
          id: "ws_1",
          status: "completed",
          action: { type: "search", query: "q" }
        }
        const cited = { type: "url_citation", url: "https://x/", title: "t", start_index: 0, end_index: 1 }
        const told = { ...message("done"), content: [{ type: "output_text", text: "done", annotations: [cited] }] }
        const server = yield* answering(answer("resp_1", thought, search, told), answer("resp_2", message("again")))
        const events: Array<AgentEvent> = []
        const toolkit = AiToolkit.make(OpenAiTool.WebSearch({ search_context_size: "low" }))
        const agent = Agent.make("a", { toolkit })
        yield* Effect.gen(function* () {
          const options = { session, onEvents: (batch: ReadonlyArray<AgentEvent>) => events.push(...batch) }
          yield* Agent.run(agent, "go", options)
          yield* Agent.run(agent, "and?", options)
        }).pipe(Effect.provide(world({ baseUrl: server.url })))
        const [first, second] = bodies(server)
        assert.deepStrictEqual(first.tools, [{ type: "web_search", search_context_size: "low" }])
        assert.deepStrictEqual(second.input, [
          { role: "user", content: "go" },
          thought,
          search,
          { role: "assistant", content: [{ type: "output_text", text: "done", annotations: [cited] }] },
          { role: "user", content: "and?" }
        ])
        const seen = events.flatMap((event) =>
          event._tag === "ToolCall" || event._tag === "ToolEnd" ? [`${event._tag} ${event.name}`] : []
        )
        assert.deepStrictEqual(seen, ["ToolCall OpenAiWebSearch", "ToolEnd OpenAiWebSearch"])
      }).pipe(Effect.scoped)
    )

    it.effect("previousResponse sends what came after the latest answer that is kept", () =>
      Effect.gen(function* () {
        const server = yield* answering(
          answer("resp_1", asked),
          answer("resp_2", message("done")),
          answer("resp_3", message("again"))
        )
        const agent = Agent.make("a", { tools: [lookUp], instructions: "s" })
        yield* Effect.gen(function* () {
          yield* Agent.run(agent, "go", { session })
          yield* Agent.run(agent, "and?", { session })
        }).pipe(Effect.provide(world({ baseUrl: server.url, previousResponse: true })))
        assert.deepStrictEqual(
          bodies(server).map(({ input, instructions, previous_response_id, store }) => [
            store,
            instructions,
            previous_response_id,
            input
          ]),
          [
            [true, "s", undefined, [{ role: "user", content: "go" }]],
            [true, "s", "resp_1", [{ type: "function_call_output", call_id: "c1", output: "b!" }]],
            [true, "s", "resp_2", [{ role: "user", content: "and?" }]]
          ]
        )
      }).pipe(Effect.scoped)
    )

    it.effect("previousResponse refers to no answer that was cut off, and to none of vendors that keep none", () =>
      Effect.gen(function* () {
        const meta = { openai: { item: { type: "message", id: "m" }, response: "resp_1" } }
        const said = { role: "assistant", parts: [{ type: "text", text: "a", meta }] } as const
        const cut = { ...said, meta: { axonal: { cut: true } } }
        const server = yield* Wire.server((response) => response.writeHead(200, sse).end(answer("r", message("x"))))
        const send = (vendor: string, assistant: typeof said) =>
          Effect.gen(function* () {
            const options = at({ baseUrl: server.url, previousResponse: true, vendor })
            const service = yield* Effect.orDie(OpenAiResponses.make(options))
            const messages = [user("u"), assistant, user("v")]
            yield* Effect.scoped(Wire.collect(service.open(Transport.request({ messages }))))
          }).pipe(Effect.provide(FetchHttpClient.layer))
        yield* send("openai", said)
        yield* send("openai", cut)
        yield* send("copilot", said)
        assert.deepStrictEqual(
          bodies(server).map(({ input, previous_response_id, store }) => [store, previous_response_id, input.length]),
          [
            [true, "resp_1", 1],
            [true, undefined, 3],
            [false, undefined, 3]
          ]
        )
      }).pipe(Effect.scoped)
    )
  })

  describe("connection", () => {
    const headersTo = (baseUrl: string, options: Partial<OpenAiResponses.Options>) =>
      Effect.gen(function* () {
        const service = yield* Effect.orDie(
          OpenAiResponses.make({ model: "m", baseUrl, apiKey: Redacted.make(secret), ...options })
        )
        yield* Effect.scoped(Wire.collect(service.open(ask)))
      }).pipe(Effect.provide(FetchHttpClient.layer))

    it.effect("asks each vendor at its place, with its headers", () =>
      Effect.gen(function* () {
        const server = yield* answering()
        yield* headersTo(`${server.url}/?api-version=preview`, { vendor: "azure" })
        yield* headersTo(server.url, { vendor: "copilot", headers: { "Editor-Version": "mine/1" } })
        yield* headersTo(server.url, {})
        const seen = server.requests.map(({ headers, url }) => [
          url,
          headers.authorization,
          headers["api-key"],
          headers["editor-version"],
          headers["x-initiator"]
        ])
        assert.deepStrictEqual(seen, [
          ["/v1/responses?api-version=preview", undefined, secret, undefined, undefined],
          ["/v1/responses", `Bearer ${secret}`, undefined, "mine/1", "user"],
          ["/v1/responses", `Bearer ${secret}`, undefined, undefined, undefined]
        ])
      }).pipe(Effect.scoped)
    )

    it.effect("tells GitHub who asks, and of pictures", () =>
      Effect.gen(function* () {
        const server = yield* answering()
        const picture = Part.file("image/png", { base64: "iVBORw==" })
        const result = { type: "tool-result", id: "c1", name: "look_up", outcome: "ok", content: [] } as const
        const call = { type: "tool-call", id: "c1", name: "look_up", input: "{}" } as const
        const messages = [user([picture]), assistant([call]), tool([result])]
        const service = yield* Effect.orDie(OpenAiResponses.make(at({ baseUrl: server.url, vendor: "copilot" })))
        yield* Effect.scoped(Wire.collect(service.open(Transport.request({ messages }))))
        const headers = server.requests[0]?.headers
        assert.deepStrictEqual([headers?.["x-initiator"], headers?.["copilot-vision-request"]], ["agent", "true"])
      }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
    )

    it.effect("WIRE-4 an error within a stream says in words how long to wait", () =>
      Effect.gen(function* () {
        const error = { code: "rate_limit_exceeded", message: "Rate limit reached. Please try again in 1.25s." }
        const failed = Wire.events({ type: "response.failed", response: { status: "failed", error } })
        const server = yield* answering(failed)
        const service = yield* Effect.orDie(OpenAiResponses.make(at({ baseUrl: server.url })))
        const seen = yield* Effect.scoped(Wire.collect(service.open(ask)))
        assert.deepStrictEqual([seen.error?.reason._tag, seen.error?.retryAfterMillis], ["RateLimited", 1250])
      }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
    )

    it.effect("WIRE-5 a wrong key is an authentication error that does not repeat it", () =>
      Effect.gen(function* () {
        const body = JSON.stringify({ error: { message: `Incorrect API key provided: ${secret}.` } })
        const server = yield* Wire.server((response) => response.writeHead(401, {}).end(body))
        const service = yield* Effect.orDie(OpenAiResponses.make(at({ baseUrl: server.url })))
        const { error } = yield* Effect.scoped(Wire.collect(service.open(ask)))
        assert.deepStrictEqual([error?.reason._tag, error?.reason.status], ["Authentication", 401])
        assert.notInclude(`${error} ${error?.message} ${JSON.stringify(error)}`, secret)
      }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
    )

    it.effect("names what is missing, and reads each option from configuration", () =>
      Effect.gen(function* () {
        const missing = yield* OpenAiResponses.make({ model: "m" }).pipe(
          Effect.provide(FetchHttpClient.layer),
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map())),
          Effect.flip
        )
        assert.include(String(missing), "OPENAI_API_KEY")
        const server = yield* answering(answer("resp_1", message("a")))
        const provider = ConfigProvider.fromMap(
          new Map([
            ["URL", server.url],
            ["MODEL", "m2"]
          ])
        )
        const layer = OpenAiResponses.layerConfig({
          model: Config.string("MODEL"),
          baseUrl: Config.string("URL"),
          reasoningSummary: Config.succeed("auto")
        }).pipe(Layer.provide(FetchHttpClient.layer), Layer.provide(Layer.setConfigProvider(provider)))
        const deltas = yield* Transport.stream(ask).pipe(Stream.runCollect, Effect.provide(layer))
        assert.strictEqual(Wire.written([...deltas], "TextDelta"), "a")
        const [body] = bodies(server)
        assert.deepStrictEqual([body.model, body.reasoning], ["m2", { summary: "auto" }])
      }).pipe(Effect.scoped)
    )
  })
})
