import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Message from "../../src/domain/Message.ts"
import type { ResponseFormat } from "../../src/domain/Request.ts"
import * as Encode from "../../src/transport/internal/openAiChatEncode.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Wire from "../support/wire.ts"

const tool: Transport.ToolSpec = { name: "f", inputSchema: { type: "object" } }
const schema = { $schema: "s", type: "object", properties: { a: { type: "string", minLength: 1 } }, required: ["a"] }
const json: ResponseFormat = { type: "json", name: "city", schema }
const strict = {
  type: "object",
  properties: { a: { type: "string" } },
  required: ["a"],
  additionalProperties: false
}

const body = (vendor: string, request: Partial<Transport.Request>, id = "m1") =>
  JSON.parse(
    Either.getOrThrowWith(
      Encode.make({ vendor, id }).encode(Transport.request({ messages: [], responseFormat: json, ...request })),
      Error
    )
  )

/** How the answer is bound: by a form, by a tool that has to be called, or by one of several. */
const way = (vendor: string, request: Partial<Transport.Request> = {}, id?: string): string => {
  const sent = body(vendor, request, id)
  if (sent.response_format !== undefined) return sent.response_format.type
  const names = sent.tools?.map((offered: { function: { name: string } }) => offered.function.name) ?? []
  const choice = typeof sent.tool_choice === "object" ? sent.tool_choice.function.name : sent.tool_choice
  return `${names.join(",")} ${choice}`
}

describe("OpenAiChat structured output", () => {
  it("is strict where the schema can be written so, and wider where not", () => {
    assert.deepStrictEqual(body("openai", {}).response_format.json_schema, {
      name: "city",
      schema: strict,
      strict: true
    })
    const optional = { ...schema, required: [] }
    assert.deepStrictEqual(body("openai", { responseFormat: { type: "json", schema: optional } }).response_format, {
      type: "json_schema",
      json_schema: { name: "answer", schema: { type: "object", properties: schema.properties, required: [] } }
    })
    assert.deepStrictEqual(Object.keys(body("moonshot", {}).response_format.json_schema), ["name", "schema"])
  })

  it.each([
    ["openai", "json_schema", "json_schema"],
    ["mistral", "json_schema", "json_schema"],
    ["fireworks", "json_schema", "json_schema"],
    ["deepseek", "city city", "f,city required"],
    ["zai", "city city", "f,city required"],
    ["google", "json_schema", "f,city required"],
    ["cerebras", "json_schema", "f,city required"],
    ["llamacpp", "json_schema", "f,city required"],
    ["groq", "city city", "f,city required"]
  ])("%s is bound by %s, and with tools by %s", (vendor, alone, withTools) => {
    assert.deepStrictEqual([way(vendor), way(vendor, { tools: [tool] })], [alone, withTools])
  })

  it.each(["openai/gpt-oss-120b", "meta-llama/llama-4-scout-17b-16e-instruct", "moonshotai/kimi-k2-instruct-0905"])(
    "Groq binds %s by a form",
    (id) => {
      assert.strictEqual(way("groq", {}, id), "json_schema")
    }
  )

  it("a turn that forbids tools is bound by the answer alone", () => {
    assert.strictEqual(way("deepseek", { tools: [tool], toolChoice: "none" }), "f,city city")
  })

  it("DeepSeek does not think when it is told what to call", () => {
    const sent = body("deepseek", { settings: { reasoningEffort: "high" } })
    assert.deepStrictEqual([sent.thinking, sent.reasoning_effort], [{ type: "disabled" }, undefined])
  })

  it("any JSON is asked for in the vendor's way", () => {
    const any: Partial<Transport.Request> = { responseFormat: { type: "json" } }
    assert.deepStrictEqual(
      ["openai", "deepseek", "lmstudio"].map((vendor) => way(vendor, any)),
      ["json_object", "json_object", "json_schema"]
    )
    assert.strictEqual(way("groq", { ...any, tools: [tool] }, "openai/gpt-oss-20b"), "f,answer required")
  })

  it.effect("an answer that was forced comes back as text", () =>
    Effect.gen(function* () {
      const delta = (value: object, more: object = {}) => ({ choices: [{ index: 0, delta: value, ...more }] })
      const call = { index: 0, id: "c", function: { name: "city", arguments: '{"a":' } }
      const server = yield* Wire.server((response) =>
        response.end(
          Wire.events(
            delta({ tool_calls: [call] }),
            delta({ tool_calls: [{ index: 0, function: { arguments: '"x"}' } }] }),
            delta({}, { finish_reason: "tool_calls" })
          )
        )
      )
      const service = yield* OpenAiChat.make({ model: "m", vendor: "deepseek", baseUrl: server.url })
      const ask = Transport.request({ messages: [Message.user("hi")], responseFormat: json })
      const { deltas } = yield* Wire.collect(service.open(ask))
      assert.deepStrictEqual(Wire.disorder(deltas), [])
      assert.deepStrictEqual(Wire.parts(deltas), [{ type: "text", text: '{"a":"x"}' }])
      const last = deltas[deltas.length - 1]
      assert.strictEqual(last?._tag === "Finish" ? last.reason : undefined, "stop")
    }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
  )
})
