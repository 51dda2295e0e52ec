import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Message from "../../src/domain/Message.ts"
import type { ModelInfo } from "../../src/domain/ModelInfo.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Encode from "../../src/transport/internal/ollamaEncode.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { result } from "../support/parts.ts"

const model: ModelInfo = { vendor: "ollama", id: "m1" }
const encoded = (request: Partial<Transport.Request>, running: Partial<Encode.Running> = {}, info = model) =>
  Encode.make(info, { settings: {}, ...running }).encode(Transport.request({ messages: [], ...request }))
const text = (request: Partial<Transport.Request>, running?: Partial<Encode.Running>) =>
  Either.getOrThrowWith(encoded(request, running), Error)
const body = (request: Partial<Transport.Request>, running?: Partial<Encode.Running>) =>
  JSON.parse(text(request, running))
const messages = (...list: ReadonlyArray<Message.Message>) => body({ messages: list }).messages
const refusal = (request: Partial<Transport.Request>, info?: ModelInfo) =>
  Either.getOrThrowWith(Either.flip(encoded(request, {}, info)), Error)

const tool: Transport.ToolSpec = { name: "f", inputSchema: { type: "object", $comment: "raw" } }
const png = Part.file("image/png", { base64: "iVBORw0KGgo=" })
const call = (more: Partial<Part.ToolCall> = {}): Part.ToolCall => ({
  type: "tool-call",
  id: "call_1",
  name: "f",
  input: '{"n": 12345678901234567890}',
  ...more
})
describe("Ollama encode", () => {
  it("writes the plainest request in a fixed order, and asks not to cut it", () => {
    assert.strictEqual(
      text({ messages: [Message.system("s"), Message.user("u")] }),
      `{"model":"m1","stream":true,"truncate":false,"shift":false,"options":{},"messages":[` +
        `{"role":"system","content":"s"},{"role":"user","content":"u"}]}`
    )
  })

  it("writes settings, window and tools, and what is extra last", () => {
    const settings: Transport.Settings = {
      temperature: 0,
      topP: 0.5,
      maxOutputTokens: 9,
      stop: ["x"],
      seed: 1,
      extra: { options: { temperature: 1, top_k: 3 }, shift: true }
    }
    assert.deepStrictEqual(body({ settings, tools: [tool] }, { contextLength: 8192, keepAlive: 60 }), {
      model: "m1",
      stream: true,
      truncate: false,
      shift: true,
      keep_alive: 60,
      options: { num_ctx: 8192, num_predict: 9, temperature: 1, top_p: 0.5, seed: 1, stop: ["x"], top_k: 3 },
      messages: [],
      tools: [{ type: "function", function: { name: "f", description: "", parameters: tool.inputSchema } }]
    })
  })

  it.each([
    [undefined, undefined, undefined],
    [undefined, true, true],
    ["none", true, false],
    ["minimal", undefined, "low"],
    ["medium", false, "medium"],
    ["xhigh", undefined, "max"],
    ["odd", undefined, true]
  ])("effort %s and think %s ask for %s", (reasoningEffort, think, asked) => {
    assert.strictEqual(body({ settings: { reasoningEffort } }, { think }).think, asked)
  })

  it("asks for JSON, in a form when there is one", () => {
    const schema = { $schema: "s", type: "object", properties: { a: {} } }
    const format = (form: Transport.ResponseFormat, more: Partial<Transport.Request> = {}) =>
      body({ responseFormat: form, ...more }).format
    assert.strictEqual(format({ type: "text" }), undefined)
    assert.strictEqual(format({ type: "json" }), "json")
    assert.deepStrictEqual(format({ type: "json", schema }), { type: "object", properties: { a: {} } })
    assert.deepStrictEqual(format({ type: "json", schema }, { tools: [tool], toolChoice: "none" }), {
      type: "object",
      properties: { a: {} }
    })
  })

  it("offers no tools when none may be called, and refuses to force one", () => {
    assert.strictEqual(body({ tools: [tool], toolChoice: "none" }).tools, undefined)
    assert.include(refusal({ tools: [tool], toolChoice: "required" }), "auto")
    assert.include(refusal({ tools: [tool], toolChoice: { tool: "f" } }), "auto")
    assert.include(refusal({ tools: [{ ...tool, provider: { id: "v.f", name: "f", args: {} } }] }), "v.f")
  })

  it("sends pictures bare and texts with their name", () => {
    const parts = [
      Part.text("look"),
      png,
      Part.file("", { base64: "/9j/" }),
      Part.file("text/plain", { text: "b" }, "a.txt")
    ]
    assert.deepStrictEqual(messages(Message.user(parts)), [
      { role: "user", content: "look\n\na.txt:\n\nb", images: ["iVBORw0KGgo=", "/9j/"] }
    ])
  })

  it("refuses what has no place before it is sent", () => {
    const user = (part: Part.Part) => ({ messages: [Message.user([part])] })
    assert.include(refusal(user(Part.file("image/png", { url: "https://x" }))), "URL")
    assert.include(refusal(user(Part.file("application/pdf", { base64: "JVBE" }, "a.pdf"))), "a.pdf")
    assert.include(refusal(user(png), { ...model, capabilities: ["tools"] }), "image/png")
    assert.include(refusal(user(call())), "tool-call")
  })

  it("TURN-3 sends its own reasoning back, and calls with arguments as they were written", () => {
    const own: Part.Reasoning = { type: "reasoning", text: "hm", meta: { ollama: {} } }
    const foreign: Part.Reasoning = { type: "reasoning", text: "other", meta: { openai: {} } }
    const broken = call({ input: "{", wireId: "w" })
    const sent = text({ messages: [Message.assistant([own, foreign, Part.text("t"), call(), broken])] })
    assert.include(
      sent,
      `{"role":"assistant","content":"t","thinking":"hm","tool_calls":[` +
        `{"id":"call_1","function":{"name":"f","arguments":{"n": 12345678901234567890}}},` +
        `{"id":"w","function":{"name":"f","arguments":{}}}]}`
    )
    assert.deepStrictEqual(messages(Message.assistant([foreign])), [])
  })

  it("sends one message per result, and pictures after them", () => {
    const results = [
      result([Part.text("a"), png], { wireId: "w" }),
      result([Part.file("application/zip", { base64: "" }, "z.zip")]),
      result([], { outcome: "denied" })
    ]
    assert.deepStrictEqual(messages(Message.tool(results)), [
      { role: "tool", tool_name: "f", tool_call_id: "w", content: "a\n[image/png]" },
      { role: "tool", tool_name: "f", tool_call_id: "call_1", content: "[application/zip z.zip]" },
      { role: "tool", tool_name: "f", tool_call_id: "call_1", content: "The call ended with: denied." },
      { role: "user", content: "Files from the result of f:", images: ["iVBORw0KGgo="] }
    ])
  })

  it("TURN-2 a later request begins with the bytes of the earlier one", () => {
    const encoder = Encode.make(model, { settings: {}, contextLength: 4096 })
    const history = [
      Message.user("u"),
      Message.assistant([call()]),
      Message.tool([result([png])]),
      Message.assistant("a")
    ]
    const encode = (length: number, toolChoice: Transport.ToolChoice) =>
      Either.getOrThrowWith(
        encoder.encode(Transport.request({ messages: history.slice(0, length), tools: [tool], toolChoice })),
        Error
      )
    const last = encode(history.length, "none")
    for (const length of [1, 3]) {
      const earlier = encode(length, "auto")
      const upToMessages = earlier.slice(0, earlier.indexOf(`],"tools":[`))
      assert.strictEqual(last.slice(0, upToMessages.length), upToMessages)
    }
  })
})
