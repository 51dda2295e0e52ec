import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { user } from "../../src/domain/Message.ts"
import * as Ollama from "../../src/transport/Ollama.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Wire from "../support/wire.ts"

const ask = Transport.request({ messages: [user("hi")] })
const lines = (...values: ReadonlyArray<unknown>): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join("")
const said = (message: object, more: object = {}) => ({
  model: "m1",
  message: { role: "assistant", ...message },
  done: false,
  ...more
})
const end = (more: object = {}) => ({ ...said({ content: "" }), done: true, done_reason: "stop", ...more })

/** What one request gives against a server that answers like this, and what the server got. */
const answered = (
  body: string,
  options: Partial<Ollama.Options> = {},
  request: Transport.Request = ask,
  status = 200
) =>
  Effect.gen(function* () {
    const server = yield* Wire.server((response) => {
      response.writeHead(status, { "content-type": "application/x-ndjson" })
      Wire.write(response, [body])
    })
    const service = yield* Effect.orDie(Ollama.make({ model: "m1", baseUrl: server.url, ...options }))
    const seen = yield* Wire.collect(service.open(request))
    assert.deepStrictEqual(Wire.disorder(seen.deltas), [])
    return { ...seen, received: server.requests[0], model: service.model }
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

describe("Ollama", () => {
  it.effect("reads reasoning, text and whole calls", () =>
    Effect.gen(function* () {
      const call = (name: string, id?: string) => ({ id, function: { index: 0, name, arguments: { a: 1 } } })
      const { deltas } = yield* answered(
        lines(
          said({ content: "", thinking: "h" }),
          said({ content: "", thinking: "m" }),
          said({ content: "a" }),
          said({ content: "", tool_calls: [call("f", "c1"), call("g")] }),
          end({ prompt_eval_count: 5, eval_count: 7, total_duration: 9 })
        )
      )
      assert.deepStrictEqual(Wire.parts(deltas), [
        { type: "reasoning", text: "hm", meta: { ollama: {} } },
        { type: "text", text: "a" },
        { type: "tool-call", id: "c1", name: "f", input: '{"a":1}' },
        { type: "tool-call", id: "", name: "g", input: '{"a":1}' }
      ])
      const finish = deltas[deltas.length - 1]
      assert(finish?._tag === "Finish")
      assert.strictEqual(finish.reason, "tool-calls")
      assert.deepStrictEqual([finish.usage.inputTokens.total, finish.usage.outputTokens.total], [5, 7])
    })
  )

  it.effect("reads an answer in one piece, and pictures", () =>
    Effect.gen(function* () {
      const { deltas } = yield* answered(JSON.stringify(end({ message: { content: "a", images: ["iVBORw0KGgo="] } })))
      assert.deepStrictEqual(Wire.parts(deltas), [
        { type: "text", text: "a" },
        { type: "file", mediaType: "image/png", data: { base64: "iVBORw0KGgo=" } }
      ])
    })
  )

  it.effect("tells the registry's window and the key, and asks at the right place", () =>
    Effect.gen(function* () {
      const { model, received } = yield* answered(lines(end()), {
        contextLength: 9000,
        apiKey: Redacted.make("secret")
      })
      assert.deepStrictEqual([model.vendor, model.contextWindow], ["ollama", 9000])
      assert.deepStrictEqual([received?.url, received?.headers.authorization], ["/v1/api/chat", "Bearer secret"])
      const { headers } = (yield* answered(lines(end()))).received ?? {}
      assert.strictEqual(headers?.authorization, undefined)
    })
  )

  it.effect("keeps the model as long as it is told", () =>
    Effect.gen(function* () {
      const kept = (keepAlive: Ollama.Options["keepAlive"]) =>
        Effect.map(answered(lines(end()), { keepAlive }), ({ received }) => JSON.parse(received?.body ?? "").keep_alive)
      assert.deepStrictEqual(
        [yield* kept("10 minutes"), yield* kept(0), yield* kept(Number.POSITIVE_INFINITY), yield* kept(undefined)],
        [600, 0, -1, undefined]
      )
    })
  )

  it.effect("reads each option from configuration", () =>
    Effect.gen(function* () {
      const layer = Ollama.layerConfig({ model: Config.string("MODEL"), contextLength: Config.integer("CONTEXT") })
      const { model } = yield* Effect.provide(Transport.Transport, layer)
      assert.deepStrictEqual([model.id, model.contextWindow], ["m2", 4096])
    }).pipe(
      Effect.provide(FetchHttpClient.layer),
      Effect.provide(
        Layer.setConfigProvider(
          ConfigProvider.fromMap(
            new Map([
              ["MODEL", "m2"],
              ["CONTEXT", "4096"]
            ])
          )
        )
      )
    )
  )

  it.effect("an answer to a form with tools comes back as text", () =>
    Effect.gen(function* () {
      const tool: Transport.ToolSpec = { name: "f", inputSchema: { type: "object" } }
      const form = { type: "json", schema: { type: "object", properties: { a: {} } } } as const
      const request = Transport.request({ messages: [user("hi")], tools: [tool], responseFormat: form })
      const call = { function: { name: "answer", arguments: { a: 1 } } }
      const { deltas, received } = yield* answered(lines(said({ tool_calls: [call] }), end()), {}, request)
      const sent = JSON.parse(received?.body ?? "")
      assert.deepStrictEqual(
        [sent.format, sent.tools.map((offered: { function: { name: string } }) => offered.function.name)],
        [undefined, ["f", "answer"]]
      )
      assert.deepStrictEqual(Wire.parts(deltas), [{ type: "text", text: '{"a":1}' }])
      const finish = deltas[deltas.length - 1]
      assert.strictEqual(finish?._tag === "Finish" ? finish.reason : undefined, "stop")
    })
  )

  describe("errors", () => {
    it.effect.each<[number, string, string]>([
      [404, '{"error":"model \'m1\' not found"}', "InvalidRequest"],
      [400, '{"error":"\\"m1\\" does not support thinking"}', "InvalidRequest"],
      [400, '{"error":"the input length exceeds the context length"}', "ContextOverflow"],
      [500, '{"error":"model runner has unexpectedly stopped"}', "Overloaded"],
      [503, '{"error":"server busy, please try again. maximum pending requests exceeded"}', "Overloaded"],
      [401, '{"error":"unauthorized","signin_url":"https://ollama.com/connect"}', "Authentication"]
    ])("a %s with %s is %s", ([status, body, tag]) =>
      Effect.gen(function* () {
        const { error } = yield* answered(body, {}, ask, status)
        assert.deepStrictEqual([error?.reason._tag, error?.reason.status], [tag as never, status])
      })
    )

    it.effect("WIRE-2 an error in the stream is told with its status", () =>
      Effect.gen(function* () {
        const { deltas, error } = yield* answered(lines(said({ content: "a" }), { error: "boom", status: 500 }))
        assert.strictEqual(Wire.written(deltas, "TextDelta"), "a")
        assert.deepStrictEqual(
          [error?.reason._tag, error?.reason.message, error?.reason.status, error?.replay],
          ["Overloaded", "boom", 500, "acknowledged"]
        )
      })
    )

    it.effect("TURN-1 an answer without its last line was cut off", () =>
      Effect.gen(function* () {
        const call = { function: { name: "f", arguments: {} } }
        const { deltas, error } = yield* answered(lines(said({ content: "", tool_calls: [call] })))
        assert.strictEqual(error?.reason._tag, "Network")
        assert.notInclude(
          deltas.map(({ _tag }) => _tag),
          "Finish"
        )
      })
    )
  })

  describe("contextLength", () => {
    const counted = (input: number, output: number, reason: string, options: Partial<Ollama.Options>) =>
      Effect.map(
        answered(
          lines(said({ content: "a" }), end({ done_reason: reason, prompt_eval_count: input, eval_count: output })),
          options
        ),
        ({ deltas, error }) => {
          const last = deltas[deltas.length - 1]
          return last?._tag === "Finish" ? last.reason : error?.reason._tag
        }
      )
    const limit = (maxOutputTokens: number) => ({ contextLength: 100, settings: { maxOutputTokens } })

    it.effect.each<[string, number, number, string, Partial<Ollama.Options>, string]>([
      ["fits", 50, 10, "stop", { contextLength: 100 }, "stop"],
      ["just fits", 90, 10, "stop", { contextLength: 100 }, "stop"],
      ["ended at its limit", 50, 10, "length", limit(10), "length"],
      ["ended at its limit and the window's", 89, 10, "length", limit(10), "length"],
      ["ended early for the server's own reasons", 50, 10, "length", { contextLength: 100 }, "length"],
      ["is of a window nobody named", 5000, 10, "length", {}, "length"],
      ["was cut to the window", 100, 10, "stop", { contextLength: 100 }, "ContextOverflow"],
      ["lost its beginning", 90, 20, "stop", { contextLength: 100 }, "ContextOverflow"],
      ["ended where the window does", 90, 9, "length", { contextLength: 100 }, "ContextOverflow"],
      ["ended where the window does, before its limit", 90, 9, "length", limit(50), "ContextOverflow"]
    ])("TR-22 an answer that %s is told so", ([_, input, output, reason, options, told]) =>
      Effect.map(counted(input, output, reason, options), (outcome) => assert.strictEqual(outcome, told))
    )
  })
})
