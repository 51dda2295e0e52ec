/** `layerTransport`, proven with the OpenAI provider of `@effect/ai`: what is sent, and what comes back. */
import * as OpenAiClient from "@effect/ai-openai/OpenAiClient"
import * as OpenAiLanguageModel from "@effect/ai-openai/OpenAiLanguageModel"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as LanguageModel from "axonal/transport/LanguageModel"
import * as Transport from "axonal/transport/Transport"
import { Effect } from "effect"
import type { Message } from "../../src/domain/Message.ts"
import * as Messages from "../../src/domain/Message.ts"
import type { Part } from "../../src/domain/Part.ts"
import * as Usage from "../../src/domain/Usage.ts"
import {
  added,
  ask,
  call,
  completed,
  created,
  done,
  hello,
  message,
  parts,
  response,
  serve,
  sse,
  thinkAndCall,
  usage,
  weather
} from "./LanguageModelServer.ts"

describe("LanguageModel.layerTransport", () => {
  it.scoped("text arrives as it is streamed, with ids and usage", () =>
    Effect.gen(function* () {
      const vendor = yield* serve({ body: hello })
      const deltas = yield* ask(vendor)
      assert.deepStrictEqual(deltas, [
        { _tag: "ResponseStart", id: "resp_1", model: "gpt-5" },
        { _tag: "PartStart", index: 0, kind: "text" },
        { _tag: "TextDelta", index: 0, delta: "Hel" },
        { _tag: "TextDelta", index: 0, delta: "lo" },
        {
          _tag: "PartEnd",
          index: 0,
          part: { type: "text", text: "Hello", meta: { openai: { itemId: "msg_1" } } }
        },
        {
          _tag: "Finish",
          reason: "stop",
          usage: Usage.make({ input: 10, cacheRead: 4, output: 5, reasoning: 2 }),
          meta: { openai: { serviceTier: undefined } }
        }
      ])
    })
  )

  it.scoped("TURN-3 reasoning, call and result go back verbatim", () =>
    Effect.gen(function* () {
      const vendor = yield* serve({ body: thinkAndCall }, { body: hello })
      const first = yield* ask(vendor, { tools: [weather] })
      assert.deepStrictEqual(parts(first), [
        {
          type: "reasoning",
          text: "Look outside.",
          meta: { openai: { itemId: "rs_1", encryptedContent: "secret-thoughts" } }
        },
        {
          type: "reasoning",
          text: "Or ask.",
          meta: { openai: { itemId: "rs_1", encryptedContent: "secret-thoughts" } }
        },
        {
          type: "tool-call",
          id: "call_1",
          name: "weather",
          input: `{"city": "Oslo"}`,
          meta: { openai: { itemId: "fc_1" } }
        }
      ])
      assert.deepStrictEqual(
        first.filter((delta) => delta._tag === "ToolInputDelta"),
        [
          { _tag: "ToolInputDelta", index: 2, delta: `{"city":` },
          { _tag: "ToolInputDelta", index: 2, delta: ` "Oslo"}` }
        ]
      )
      const answered: Message = Messages.assistant(parts(first).map(ours))
      const result = Messages.tool([
        { type: "tool-result", id: "ours", wireId: "call_1", name: "weather", outcome: "ok", content: [json({ c: 4 })] }
      ])
      yield* ask(vendor, { messages: [Messages.user("hi"), answered, result], tools: [weather] })
      assert.deepStrictEqual(vendor.bodies[1]?.input, [
        { role: "user", content: [{ type: "input_text", text: "hi" }] },
        {
          id: "rs_1",
          type: "reasoning",
          summary: [
            { type: "summary_text", text: "Look outside." },
            { type: "summary_text", text: "Or ask." }
          ],
          encrypted_content: "secret-thoughts"
        },
        { id: "fc_1", type: "function_call", call_id: "call_1", name: "weather", arguments: `{"city":"Oslo"}` },
        { type: "function_call_output", call_id: "call_1", output: `{"c":4}` }
      ])
    })
  )

  it.scoped("the JSON schema of a tool goes out unchanged", () =>
    Effect.gen(function* () {
      const vendor = yield* serve({ body: hello })
      const bare: Transport.ToolSpec = { name: "bare", inputSchema: { properties: { a: {} } } }
      const either: Transport.ToolSpec = { name: "either", inputSchema: { anyOf: [{ type: "object" }], title: "E" } }
      yield* ask(vendor, { tools: [weather, bare, either], toolChoice: { tool: "weather" } })
      const { description, inputSchema: parameters, name } = weather
      assert.deepStrictEqual(vendor.bodies[0]?.tools, [
        { type: "function", name, description, parameters, strict: false },
        { type: "function", name: "bare", parameters: { type: "object", properties: { a: {} } }, strict: false },
        { type: "function", name: "either", parameters: either.inputSchema, strict: false }
      ])
      assert.deepStrictEqual(vendor.bodies[0]?.tool_choice, { type: "function", name: "weather" })
    })
  )

  it.scoped("files go out as bytes and addresses", () =>
    Effect.gen(function* () {
      const vendor = yield* serve({ body: hello })
      const content: ReadonlyArray<Part> = [
        { type: "file", mediaType: "image/png", data: { base64: "AAEC" } },
        { type: "file", mediaType: "image/png", data: { url: "https://a.example/b.png" } },
        { type: "file", mediaType: "application/pdf", data: { base64: "AAEC" }, name: "c.pdf" }
      ]
      yield* ask(vendor, { messages: [Messages.user(content)] })
      assert.deepStrictEqual(vendor.bodies[0]?.input, [
        {
          role: "user",
          content: [
            { type: "input_image", image_url: "data:image/png;base64,AAEC", detail: "auto" },
            { type: "input_image", image_url: "https://a.example/b.png", detail: "auto" },
            { type: "input_file", filename: "c.pdf", file_data: "data:application/pdf;base64,AAEC" }
          ]
        }
      ])
    })
  )

  it.effect("the vendor is the one that the model declares", () =>
    Effect.gen(function* () {
      const transport = yield* Transport.Transport
      assert.deepStrictEqual(transport.model, { vendor: "openai", id: "gpt-5", contextWindow: 400_000 })
    }).pipe(
      Effect.provide(LanguageModel.layerTransport({ id: "gpt-5", contextWindow: 400_000 })),
      Effect.provide(OpenAiLanguageModel.model("gpt-5")),
      Effect.provide(OpenAiClient.layer({})),
      Effect.provide(FetchHttpClient.layer)
    )
  )

  it.scoped("what the vendor ran itself arrives with its result", () =>
    Effect.gen(function* () {
      const search = {
        id: "ws_1",
        type: "web_search_call",
        status: "completed",
        action: { type: "search", query: "q" }
      }
      const citation = { type: "url_citation", url: "https://a.example/", title: "A", start_index: 0, end_index: 1 }
      const annotation = {
        output_index: 0,
        content_index: 0,
        annotation_index: 0,
        item_id: "msg_1",
        annotation: citation
      }
      const found = { type: "response.output_text.annotation.added", ...annotation }
      const vendor = yield* serve({ body: sse([created, added(0, search), done(0, search), found, completed]) })
      const provider = { id: "openai.web_search", name: "web_search", args: { search_context_size: "low" } }
      const deltas = yield* ask(vendor, { tools: [{ name: "OpenAiWebSearch", inputSchema: {}, provider }] })
      assert.deepStrictEqual(vendor.bodies[0]?.tools, [{ search_context_size: "low", type: "web_search" }])
      const common = { id: "ws_1", name: "OpenAiWebSearch", transportExecuted: true }
      const meta = { "@effect/ai": { providerName: "web_search" } }
      assert.deepStrictEqual(parts(deltas), [
        { type: "tool-call", ...common, input: `{"action":{"type":"search","query":"q"}}`, meta },
        { type: "tool-result", ...common, outcome: "ok", content: [json({ status: "completed" })], meta },
        { type: "source", url: "https://a.example/", title: "A" }
      ])
    })
  )

  it.scoped("a JSON answer comes whole, and a call may come first", () =>
    Effect.gen(function* () {
      const output = [{ ...message, content: [{ type: "output_text", text: `{"a":1}`, annotations: [] }] }]
      const headers = { "content-type": "application/json" }
      const vendor = yield* serve(
        { headers, body: JSON.stringify(response({ output, usage })) },
        { headers, body: JSON.stringify(response({ output: [call], usage })) }
      )
      const schema = { type: "object", properties: { a: { type: "number" } } }
      const options = { tools: [weather], responseFormat: { type: "json", name: "result", schema } } as const
      assert.deepStrictEqual(parts(yield* ask(vendor, options)), [
        { type: "text", text: `{"a":1}`, meta: { openai: { itemId: "msg_1" } } }
      ])
      assert.deepNestedInclude(vendor.bodies[0], {
        "text.format": {
          type: "json_schema",
          name: "result",
          description: "Response with a JSON object",
          schema,
          strict: false
        }
      })
      const called = yield* ask(vendor, options)
      assert.deepStrictEqual(
        parts(called).map((part) => part.type),
        ["tool-call"]
      )
      assert.deepInclude(called.at(-1), { _tag: "Finish", reason: "tool-calls" })
    })
  )
})

/** As the loop commits it: an id of ours, the vendor's beside it. */
const ours = (part: Part): Part => (part.type === "tool-call" ? { ...part, id: "ours", wireId: part.id } : part)

const json = (value: unknown) => ({ type: "json", value }) as const
