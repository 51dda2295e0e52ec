import * as AiTool from "@effect/ai/Tool"
import * as AiToolkit from "@effect/ai/Toolkit"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { user } from "../../src/domain/Message.ts"
import * as Anthropic from "../../src/transport/Anthropic.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Wire from "../support/wire.ts"

const secret = "sk-ant-secret-0123456789"
const sse = { "content-type": "text/event-stream" }
const ask = Transport.request({ messages: [user("hi")] })

type Block = { readonly type: string } & { readonly [name: string]: unknown }

/** The deltas that a block of an answer arrives in, after its beginning. */
const deltas = (block: Block): ReadonlyArray<object> => {
  if (block.type === "text") return [{ type: "text_delta", text: block["text"] }]
  if (block.type === "thinking") {
    const { signature, thinking } = block
    return [
      { type: "thinking_delta", thinking },
      { type: "signature_delta", signature }
    ]
  }
  return block.type.endsWith("tool_use")
    ? [{ type: "input_json_delta", partial_json: JSON.stringify(block["input"]) }]
    : []
}

const beginning = (block: Block): object => {
  if (block.type === "text") return { type: "text", text: "" }
  if (block.type === "thinking") return { type: "thinking", thinking: "", signature: "" }
  return block.type.endsWith("tool_use") ? { ...block, input: {} } : block
}

/** An answer of these blocks as the vendor streams it. */
const answer = (stop_reason: string, ...blocks: ReadonlyArray<Block>): string =>
  [
    {
      type: "message_start",
      message: { id: "msg_1", model: "m", content: [], usage: { input_tokens: 3, output_tokens: 1 } }
    },
    ...blocks.flatMap((block, index) => [
      { type: "content_block_start", index, content_block: beginning(block) },
      ...deltas(block).map((delta) => ({ type: "content_block_delta", index, delta })),
      { type: "content_block_stop", index }
    ]),
    { type: "message_delta", delta: { stop_reason }, usage: { output_tokens: 5, cache_read_input_tokens: 7 } },
    { type: "message_stop" }
  ]
    .map((value) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`)
    .join("")

/** A server that gives one answer after the other. */
const answering = (...answers: ReadonlyArray<string>) => {
  let next = 0
  return Wire.server((response) => response.writeHead(200, sse).end(answers[next++] ?? ""))
}

type Where = Omit<Anthropic.Options, "model"> & { readonly baseUrl: string }

const at = (options: Where): Anthropic.Options => ({
  model: "claude-sonnet-4-6",
  apiKey: Redacted.make(secret),
  ...options
})

const world = (options: Where) =>
  Layer.merge(Layer.provide(Anthropic.layer(at(options)), FetchHttpClient.layer), ContextStore.layerMemory)

const bodies = (server: { readonly requests: ReadonlyArray<Wire.Received> }) =>
  server.requests.map(({ body }) => JSON.parse(body))

const cache_control = { type: "ephemeral" }
const mark = `,"cache_control":{"type":"ephemeral"}`
const text = (words: string) => ({ type: "text", text: words }) as const
const lookUp = Agent.tool("look_up", { parameters: { word: Schema.String } }, ({ word }) => Effect.succeed(`${word}!`))
const search = AiTool.providerDefined({
  id: "anthropic.web_search_20250305",
  toolkitName: "Search",
  providerName: "web_search",
  args: { maxUses: Schema.optional(Schema.Number) },
  parameters: { query: Schema.String },
  success: Schema.Unknown
})({ maxUses: 2 })

describe("Anthropic", () => {
  describe("agent", () => {
    it.effect("TURN-3 calls its tools and gives thinking back as it came, in its place", () =>
      Effect.gen(function* () {
        const thought = { type: "thinking", thinking: "hm", signature: "s1" }
        const redacted = { type: "redacted_thinking", data: "d" }
        const call = { type: "tool_use", id: "toolu_a", name: "look_up", input: { word: "b" } }
        const server = yield* answering(
          answer("tool_use", redacted, thought, text("a"), call),
          answer("end_turn", text("done"))
        )
        const agent = Agent.make("a", { tools: [lookUp], instructions: "s" })
        const result = yield* Effect.provide(Agent.run(agent, "go"), world({ baseUrl: server.url }))
        assert.strictEqual(result.output, "done")
        assert.strictEqual(result.usage.inputTokens.total, 20)
        assert.deepStrictEqual(bodies(server)[1].messages, [
          { role: "user", content: [text("go")] },
          { role: "assistant", content: [redacted, thought, text("a"), call] },
          { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_a", content: "b!", cache_control }] }
        ])
        const [first = "", second = ""] = server.requests.map(({ body }) => body)
        assert.strictEqual(first.split(mark).length, 4)
        assert.isTrue(second.replaceAll(mark, "").startsWith(first.replaceAll(mark, "").slice(0, -2)))
      }).pipe(Effect.scoped)
    )

    it.effect("goes on where the vendor paused, with its unfinished call at the end", () =>
      Effect.gen(function* () {
        const use = (id: string) => ({ type: "server_tool_use", id, name: "web_search", input: { query: "q" } })
        const found = (tool_use_id: string) => ({
          type: "web_search_tool_result",
          tool_use_id,
          content: [{ type: "web_search_result", url: "u", title: "t", encrypted_content: "x" }]
        })
        const thought = { type: "thinking", thinking: "hm", signature: "s1" }
        const paused = [thought, use("srvtoolu_1"), found("srvtoolu_1"), text("more"), use("srvtoolu_2")]
        const server = yield* answering(
          answer("pause_turn", ...paused),
          answer("end_turn", found("srvtoolu_2"), text("done")),
          answer("end_turn", text("again"))
        )
        const events: Array<AgentEvent> = []
        const agent = Agent.make("a", { toolkit: AiToolkit.make(search) })
        yield* Effect.gen(function* () {
          const result = yield* Agent.run(agent, "go", { onEvents: (batch) => events.push(...batch) })
          assert.strictEqual(result.output, "done")
          yield* Agent.run(agent, "and?", { session: result.session })
        }).pipe(Effect.provide(world({ baseUrl: server.url, cache: false })))
        const [first, second, third] = bodies(server)
        assert.deepStrictEqual(first.tools, [{ type: "web_search_20250305", name: "web_search", max_uses: 2 }])
        assert.deepStrictEqual(second.messages, [
          { role: "user", content: [text("go")] },
          { role: "assistant", content: paused }
        ])
        assert.deepStrictEqual(third.messages[1].content, [...paused, found("srvtoolu_2"), text("done")])
        const ended = events.flatMap((event) => (event._tag === "ToolEnd" ? [[event.name, event.outcome]] : []))
        assert.deepStrictEqual(ended[0], ["Search", "ok"])
      }).pipe(Effect.scoped)
    )

    it.effect("runs no call that a limit cut off", () =>
      Effect.gen(function* () {
        const call = { type: "tool_use", id: "toolu_a", name: "look_up", input: { word: "b" } }
        const cut = answer("max_tokens", call).replace('{\\"word\\":\\"b\\"}', '{\\"word\\":\\"b')
        const server = yield* answering(cut)
        const result = yield* Effect.provide(
          Agent.run(Agent.make("a", { tools: [lookUp] }), "go"),
          world({ baseUrl: server.url })
        )
        assert.strictEqual(result.reason, "length")
        assert.strictEqual(server.requests.length, 1)
      }).pipe(Effect.scoped)
    )
  })

  it.effect("sends its key, version and betas as headers", () =>
    Effect.gen(function* () {
      const server = yield* answering(answer("end_turn"), answer("end_turn"))
      const headers = { "Anthropic-Beta": "a-1", "x-trace": "t" }
      const service = yield* Anthropic.make(at({ baseUrl: server.url, headers, beta: ["b-2", "a-1"] }))
      const provided = { id: "anthropic.computer_20251124", name: "computer", args: {} }
      const tools = [{ name: "computer", inputSchema: {}, provider: provided }]
      yield* Effect.scoped(Wire.collect(service.open(ask)))
      yield* Effect.scoped(Wire.collect(service.open({ ...ask, tools })))
      const sent = server.requests.map(({ headers, url }) => [
        url,
        headers["x-api-key"],
        headers["anthropic-version"],
        headers["anthropic-beta"],
        headers["x-trace"]
      ])
      assert.deepStrictEqual(sent, [
        ["/v1/messages", secret, "2023-06-01", "a-1,b-2", "t"],
        ["/v1/messages", secret, "2023-06-01", "a-1,b-2,computer-use-2025-11-24", "t"]
      ])
    }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
  )

  it.effect("turns the arguments of a forced tool back into text", () =>
    Effect.gen(function* () {
      const call = { type: "tool_use", id: "toolu_a", name: "answer", input: { a: 1 } }
      const server = yield* answering(answer("tool_use", call))
      const service = yield* Anthropic.make({ ...at({ baseUrl: server.url }), model: "claude-3-7-sonnet" })
      const responseFormat = {
        type: "json",
        schema: { type: "object", properties: { a: { type: "number" } } }
      } as const
      const seen = yield* Wire.collect(service.open({ ...ask, responseFormat }))
      assert.deepStrictEqual(Wire.parts(seen.deltas), [text('{"a":1}')])
      const last = seen.deltas[seen.deltas.length - 1]
      assert.strictEqual(last?._tag === "Finish" && last.reason, "stop")
    }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
  )

  describe("errors", () => {
    const refused = (status: number, body: string, headers: { readonly [name: string]: string } = {}) =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => response.writeHead(status, headers).end(body))
        const service = yield* Effect.orDie(Anthropic.make(at({ baseUrl: server.url })))
        const { error } = yield* Wire.collect(service.open(ask))
        assert(error !== undefined)
        return error
      }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

    const complaint = (type: string, message: string) => JSON.stringify({ type: "error", error: { type, message } })

    it.effect("WIRE-5 a key is never in an error", () =>
      Effect.gen(function* () {
        const error = yield* refused(401, complaint("authentication_error", `invalid x-api-key: ${secret}`))
        assert.deepStrictEqual([error.reason._tag, error.reason.type], ["Authentication", "authentication_error"])
        assert.notInclude(`${error} ${error.message} ${JSON.stringify(error)}`, secret)
      })
    )

    it.effect.each<[number, string, string, string, boolean]>([
      [400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", "ContextOverflow", false],
      [
        400,
        "invalid_request_error",
        "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
        "ContextOverflow",
        false
      ],
      [413, "request_too_large", "Request exceeds the maximum size", "ContextOverflow", false],
      [400, "invalid_request_error", "messages: at least one message is required", "InvalidRequest", false],
      [400, "invalid_request_error", "Output blocked by content filtering policy", "Filtered", false],
      [403, "permission_error", "Your API key may not use this", "Authentication", false],
      [404, "not_found_error", "model: claude-9", "InvalidRequest", false],
      [429, "rate_limit_error", "Number of tokens has exceeded your limit", "RateLimited", true],
      [500, "api_error", "Internal server error", "Overloaded", true],
      [504, "timeout_error", "Request timed out", "Timeout", true],
      [529, "overloaded_error", "Overloaded", "Overloaded", true]
    ])("a %s with %s, %s, is %s", ([status, type, message, tag, retryable]) =>
      Effect.gen(function* () {
        const error = yield* refused(status, complaint(type, message), { "retry-after": "2" })
        assert.deepStrictEqual(
          [error.reason._tag, error.isRetryable, error.reason.type, error.retryAfterMillis],
          [tag as typeof error.reason._tag, retryable, type, 2000]
        )
      })
    )

    it.effect("what cannot be sent is refused before it is", () =>
      Effect.gen(function* () {
        const server = yield* answering()
        const service = yield* Anthropic.make(at({ baseUrl: server.url }))
        const sound = { type: "file", mediaType: "audio/wav", data: { base64: "" } } as const
        const { error } = yield* Wire.collect(service.open(Transport.request({ messages: [user([sound])] })))
        assert.deepStrictEqual([error?.reason._tag, error?.replay], ["InvalidRequest", "safe"])
        assert.deepStrictEqual(server.requests, [])
      }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
    )
  })

  describe("configuration", () => {
    const env = (...entries: ReadonlyArray<readonly [string, string]>) => ConfigProvider.fromMap(new Map(entries))

    it.effect("names the key that is missing", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Anthropic.make({ model: "m" }))
        assert.include(String(error), "ANTHROPIC_API_KEY")
      }).pipe(Effect.provide(FetchHttpClient.layer), Effect.withConfigProvider(env()))
    )

    it.effect("reads each option from configuration", () =>
      Effect.gen(function* () {
        const server = yield* answering(answer("end_turn", text("a")))
        const layer = Anthropic.layerConfig({
          model: Config.succeed("m"),
          apiKey: Config.redacted("KEY"),
          baseUrl: Config.string("URL"),
          cache: Config.succeed<false>(false)
        }).pipe(
          Layer.provide(FetchHttpClient.layer),
          Layer.provide(Layer.setConfigProvider(env(["KEY", secret], ["URL", server.url])))
        )
        const seen = yield* Effect.flatMap(Transport.Transport, (service) => Wire.collect(service.open(ask))).pipe(
          Effect.provide(layer)
        )
        assert.deepStrictEqual(Wire.parts(seen.deltas), [text("a")])
        assert.notInclude(server.requests[0]?.body ?? "", "cache_control")
      }).pipe(Effect.scoped)
    )
  })
})
