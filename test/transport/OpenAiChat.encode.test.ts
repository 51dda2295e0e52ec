import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Message from "../../src/domain/Message.ts"
import type { ModelInfo } from "../../src/domain/ModelInfo.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Encode from "../../src/transport/internal/openAiChatEncode.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { call, counted, result } from "../support/parts.ts"

const model = (vendor: string, more: Partial<ModelInfo> = {}): ModelInfo => ({ vendor, id: "m1", ...more })

const encoded = (request: Partial<Transport.Request>, vendor = "openai", more: Partial<ModelInfo> = {}) =>
  Encode.make(model(vendor, more)).encode(Transport.request({ messages: [], ...request }))

const body = (request: Partial<Transport.Request>, vendor?: string) =>
  JSON.parse(Either.getOrThrowWith(encoded(request, vendor), Error))

const messages = (list: ReadonlyArray<Message.Message>, vendor?: string) => body({ messages: list }, vendor).messages

const refusal = (request: Partial<Transport.Request>, more?: Partial<ModelInfo>) =>
  Either.getOrThrowWith(Either.flip(encoded(request, "openai", more)), Error)

const png = Part.file("image/png", { base64: "iVBORw==" })
const tool: Transport.ToolSpec = { name: "f", description: "d", inputSchema: { type: "object", $comment: "raw" } }

describe("OpenAiChat encode", () => {
  it("writes the plainest request in a fixed order", () => {
    assert.deepStrictEqual(
      encoded({ messages: [Message.system("s"), Message.user("u")] }),
      Either.right(
        `{"model":"m1","stream":true,"stream_options":{"include_usage":true},"messages":[` +
          `{"role":"system","content":"s"},{"role":"user","content":"u"}]}`
      )
    )
  })

  it("writes settings, tools and choice, and what is extra last", () => {
    const settings: Transport.Settings = {
      temperature: 0,
      topP: 0.5,
      maxOutputTokens: 9,
      stop: ["x"],
      seed: 1,
      reasoningEffort: "low",
      parallelToolCalls: false,
      extra: { temperature: 1, user: "me" }
    }
    assert.deepStrictEqual(body({ settings, tools: [tool], toolChoice: { tool: "f" } }), {
      model: "m1",
      stream: true,
      stream_options: { include_usage: true },
      temperature: 1,
      top_p: 0.5,
      max_completion_tokens: 9,
      stop: ["x"],
      seed: 1,
      reasoning_effort: "low",
      parallel_tool_calls: false,
      user: "me",
      tools: [{ type: "function", function: { name: "f", description: "d", parameters: tool.inputSchema } }],
      messages: [],
      tool_choice: { type: "function", function: { name: "f" } }
    })
  })

  it("speaks the dialect of the vendor", () => {
    const settings: Transport.Settings = { maxOutputTokens: 9, seed: 1 }
    const { messages: _, ...mistral } = body({ settings }, "mistral")
    assert.deepStrictEqual(mistral, { model: "m1", stream: true, max_tokens: 9, random_seed: 1 })
  })

  it("TURN-2 a later request begins with the bytes of the earlier one", () => {
    const encoder = Encode.make(model("openai"))
    const history = [
      Message.user("u"),
      Message.assistant([call('{"a": 1}', { wireId: "w" })]),
      Message.tool([result([Part.text("r")], { wireId: "w" })])
    ]
    const encode = (list: ReadonlyArray<Message.Message>, toolChoice: Transport.ToolChoice) =>
      Either.getOrThrowWith(encoder.encode(Transport.request({ messages: list, tools: [tool], toolChoice })), Error)
    const first = encode(history.slice(0, 1), "auto")
    const second = encode(history, "none")
    assert.strictEqual(second.slice(0, first.length - 2), first.slice(0, -2))
    assert.strictEqual(
      second,
      Encode.make(model("openai"))
        .encode(
          Transport.request({ messages: structuredClone(history), tools: [structuredClone(tool)], toolChoice: "none" })
        )
        .pipe(Either.getOrThrow)
    )
  })

  it("converts a message once", () => {
    const { message, reads } = counted()
    const encoder = Encode.make(model("openai"))
    for (let turn = 0; turn < 3; turn++) encoder.encode(Transport.request({ messages: [message] }))
    assert.strictEqual(reads(), 1)
  })

  describe("user", () => {
    it("sends pictures, sound, documents and texts inline", () => {
      const parts = [
        Part.text("look"),
        png,
        Part.file("image/jpeg", { url: "https://x/y.jpg" }),
        Part.file("audio/mpeg", { base64: "SUQz" }),
        Part.file("application/pdf", { base64: "JVBERg==" }, "a.pdf"),
        Part.file("text/plain", { base64: "aGk=" }),
        Part.file("text/plain", { text: "ho" }),
        Part.file("text/markdown", { text: "# B" }, "b.md")
      ]
      assert.deepStrictEqual(messages([Message.user(parts)])[0].content, [
        { type: "text", text: "look" },
        { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw==" } },
        { type: "image_url", image_url: { url: "https://x/y.jpg" } },
        { type: "input_audio", input_audio: { data: "SUQz", format: "mp3" } },
        { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERg==" } },
        { type: "text", text: "hi" },
        { type: "text", text: "ho" },
        { type: "text", text: "b.md:\n\n# B" }
      ])
    })

    it("refuses what has no place before it is sent", () => {
      const user = (part: Part.Part) => ({ messages: [Message.user([part])] })
      assert.include(refusal(user(Part.file("video/mp4", { url: "u" }))), "video/mp4")
      assert.include(refusal(user(Part.file("audio/wav", { url: "u" }))), "URL")
      assert.include(refusal(user(Part.file("application/zip", { base64: "" }, "a.zip"))), "a.zip")
      assert.include(refusal(user(call("{}"))), "tool-call")
      assert.include(refusal({ messages: [Message.system([png])] }), "file")
      assert.include(refusal(user(png), { capabilities: ["tools"] }), "image/png")
    })
  })

  describe("assistant", () => {
    it("sends calls with the vendor's id and arguments that are JSON", () => {
      const calls = [call('{"a": 1}', { wireId: "w1" }), call('{"a":', { wireId: "" }), call("[1]"), call("")]
      assert.deepStrictEqual(messages([Message.assistant([Part.text("t"), ...calls])])[0], {
        role: "assistant",
        content: "t",
        tool_calls: [
          { id: "w1", type: "function", function: { name: "f", arguments: '{"a": 1}' } },
          { id: "call_1", type: "function", function: { name: "f", arguments: "{}" } },
          { id: "call_1", type: "function", function: { name: "f", arguments: "{}" } },
          { id: "call_1", type: "function", function: { name: "f", arguments: "{}" } }
        ]
      })
    })

    it("leaves out what the vendor ran itself, and sources", () => {
      const parts: ReadonlyArray<Part.Part> = [
        call("{}", { transportExecuted: true }),
        result([], { transportExecuted: true }),
        { type: "source", url: "u" },
        Part.text("t")
      ]
      assert.deepStrictEqual(messages([Message.assistant(parts)]), [{ role: "assistant", content: "t" }])
    })

    it("TURN-3 returns reasoning as the same vendor spelled it, and to no other", () => {
      const reasoning = (vendor: string, meta: Part.Meta, text = "r"): Message.Message =>
        Message.assistant([{ type: "reasoning", text, meta: { [vendor]: meta } }, Part.text("t")])
      const plain = { role: "assistant", content: "t" }
      const details = [
        { type: "reasoning.text", text: "r", signature: "s" },
        { type: "reasoning.encrypted", data: "d" }
      ]
      assert.deepStrictEqual(
        [
          ...messages([reasoning("deepseek", { field: "reasoning_content" })], "deepseek"),
          ...messages([reasoning("groq", { field: "reasoning" })], "groq"),
          ...messages([reasoning("openrouter", { field: "reasoning", details })], "openrouter"),
          ...messages([reasoning("mistral", { field: "thinking", signature: "s" })], "mistral"),
          ...messages([reasoning("deepseek", { field: "reasoning_content" })], "openai")
        ],
        [
          { ...plain, reasoning_content: "r" },
          { ...plain, reasoning: "r" },
          { ...plain, reasoning_details: details },
          {
            role: "assistant",
            content: [
              { type: "thinking", thinking: [{ type: "text", text: "r" }], signature: "s" },
              { type: "text", text: "t" }
            ]
          },
          plain
        ]
      )
    })
  })

  describe("tool", () => {
    it("sends one message per result, and files after them", () => {
      const results = [
        result([Part.text("a"), { type: "json", value: { b: 1 } }], { wireId: "w1" }),
        result([png, Part.file("application/zip", { base64: "" }, "z.zip")]),
        result([], { outcome: "interrupted" })
      ]
      assert.deepStrictEqual(messages([Message.tool(results)]), [
        { role: "tool", tool_call_id: "w1", content: 'a\n{"b":1}' },
        { role: "tool", tool_call_id: "call_1", content: "[image/png]\n[application/zip z.zip]" },
        { role: "tool", tool_call_id: "call_1", content: "The call ended with: interrupted." },
        {
          role: "user",
          content: [
            { type: "text", text: "Files from the result of f:" },
            { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw==" } }
          ]
        }
      ])
    })

    it("refuses tools that a vendor defines, by name", () => {
      const provided = { ...tool, name: "search", provider: { id: "v.search", name: "search", args: {} } }
      assert.include(refusal({ tools: [provided] }), "search")
    })
  })
})
