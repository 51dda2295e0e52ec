import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Message from "../../src/domain/Message.ts"
import type { ModelInfo } from "../../src/domain/ModelInfo.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Encode from "../../src/transport/internal/anthropicEncode.ts"
import * as Transport from "../../src/transport/Transport.ts"

const opus = "claude-opus-4-8"
const model = (id: string, more: Partial<ModelInfo> = {}): ModelInfo => ({ vendor: "anthropic", id, ...more })

const encoded = (
  request: Partial<Transport.Request>,
  options: Encode.Options & { readonly id?: string; readonly info?: Partial<ModelInfo> } = {}
) =>
  Encode.make(model(options.id ?? opus, options.info), options).encode(Transport.request({ messages: [], ...request }))

const body = (request: Partial<Transport.Request>, options?: Parameters<typeof encoded>[1]) =>
  JSON.parse(Either.getOrThrowWith(encoded(request, options), Error))

const messages = (...list: ReadonlyArray<Message.Message>) => body({ messages: list }, { cache: false }).messages

const refusal = (request: Partial<Transport.Request>, options?: Parameters<typeof encoded>[1]) =>
  Either.getOrThrowWith(Either.flip(encoded(request, options)), Error)

const call = (input: string, more: Partial<Part.ToolCall> = {}): Part.ToolCall => ({
  type: "tool-call",
  id: "call_run_1_0",
  name: "f",
  input,
  ...more
})

const result = (content: Part.ToolResult["content"], more: Partial<Part.ToolResult> = {}): Part.ToolResult => ({
  type: "tool-result",
  id: "call_run_1_0",
  name: "f",
  outcome: "ok",
  content,
  ...more
})

const png = Part.file("image/png", { base64: "iVBORw==" })
const pdf = Part.file("application/pdf", { base64: "JVBERg==" }, "a.pdf")
const tool: Transport.ToolSpec = { name: "f", description: "d", inputSchema: { type: "object", $comment: "raw" } }
const text = (words: string) => ({ type: "text", text: words })
const user = (...content: ReadonlyArray<object>) => ({ role: "user", content })
const assistant = (...content: ReadonlyArray<object>) => ({ role: "assistant", content })
const thinking = (words: string, meta: object = { type: "thinking", signature: "s" }): Part.Reasoning => ({
  type: "reasoning",
  text: words,
  meta: { anthropic: meta }
})
const search: Part.ToolCall = call('{"query":"q"}', {
  name: "web_search",
  wireId: "srvtoolu_1",
  transportExecuted: true,
  meta: { anthropic: { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: {} } }
})
const found = result([], {
  wireId: "srvtoolu_1",
  transportExecuted: true,
  meta: {
    anthropic: { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [{ encrypted_content: "x" }] }
  }
})
const searchBlock = { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "q" } }

describe("Anthropic encode", () => {
  it("writes the plainest request in a fixed order", () => {
    assert.deepStrictEqual(
      encoded({ messages: [Message.system("s"), Message.user("u")], tools: [tool] }, { isOfficial: true }),
      Either.right(
        `{"model":"claude-opus-4-8","max_tokens":32000,"stream":true,"cache_control":{"type":"ephemeral"},` +
          `"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],` +
          `"tools":[{"name":"f","description":"d","input_schema":{"type":"object","$comment":"raw"},"cache_control":{"type":"ephemeral"}}],` +
          `"messages":[{"role":"user","content":[{"type":"text","text":"u"}]}]}`
      )
    )
  })

  it("writes settings, and what is extra last", () => {
    const settings: Transport.Settings = {
      temperature: 0,
      topP: 0.5,
      maxOutputTokens: 9,
      stop: ["x"],
      seed: 1,
      extra: { temperature: 1, metadata: { user_id: "me" } }
    }
    assert.deepStrictEqual(body({ settings }, { id: "claude-sonnet-4-0", cache: false }), {
      model: "claude-sonnet-4-0",
      max_tokens: 9,
      stream: true,
      temperature: 1,
      top_p: 0.5,
      stop_sequences: ["x"],
      metadata: { user_id: "me" },
      messages: []
    })
  })

  it("always names a limit", () => {
    assert.strictEqual(body({}, { info: { outputLimit: 5 } }).max_tokens, 5)
    assert.strictEqual(body({ settings: { maxOutputTokens: 4 } }, { info: { outputLimit: 5 } }).max_tokens, 4)
    assert.strictEqual(body({}, { id: "claude-3-haiku-20240307" }).max_tokens, 4096)
    assert.strictEqual(body({}, { id: "claude-3-5-haiku-20241022" }).max_tokens, 8192)
    assert.strictEqual(body({}, { id: "glm-5" }).max_tokens, 8192)
  })

  it("leaves out sampling that the model refuses", () => {
    const sampling = (id: string) => {
      const { temperature, top_p } = body({ settings: { temperature: 0.1, topP: 0.9 } }, { id })
      return [temperature, top_p]
    }
    assert.deepStrictEqual(sampling("claude-opus-4-20250514"), [0.1, 0.9])
    assert.deepStrictEqual(sampling("claude-sonnet-4-5-20250929"), [0.1, undefined])
    assert.deepStrictEqual(sampling("claude-opus-4-7"), [undefined, undefined])
  })

  describe("tools", () => {
    const choice = (toolChoice: Transport.ToolChoice, parallelToolCalls?: boolean, id?: string) =>
      body({ tools: [tool], toolChoice, settings: { parallelToolCalls } }, id === undefined ? {} : { id }).tool_choice

    it("says which may be called, and how many at once", () => {
      assert.strictEqual(choice("auto"), undefined)
      assert.deepStrictEqual(choice("auto", false), { type: "auto", disable_parallel_tool_use: true })
      assert.deepStrictEqual(choice("required"), { type: "any" })
      assert.deepStrictEqual(choice({ tool: "f" }, false), { type: "tool", name: "f", disable_parallel_tool_use: true })
      assert.deepStrictEqual(body({ toolChoice: "required" }).tool_choice, undefined)
    })

    it("keeps tools that must not be called, for the cache", () => {
      const forbidden = body({ tools: [tool], toolChoice: "none" })
      assert.deepStrictEqual([forbidden.tools.length, forbidden.tool_choice], [1, { type: "none" }])
    })

    it("refuses to force a model that cannot be forced", () => {
      assert.include(refusal({ tools: [tool], toolChoice: "required" }, { id: "claude-opus-5-5" }), "claude-opus-5-5")
    })

    it("offers tools of the vendor with their settings, and no other vendor's", () => {
      const provided = (id: string, name: string, args: unknown) => ({
        ...tool,
        provider: { id, name, args }
      })
      const tools = [
        provided("anthropic.web_search_20250305", "web_search", { maxUses: 3, allowed_domains: ["a"] }),
        provided("anthropic.mcp_toolset", "mcp", { mcp_server_name: "s" })
      ]
      assert.deepStrictEqual(body({ tools }, { cache: false }).tools, [
        { type: "web_search_20250305", name: "web_search", max_uses: 3, allowed_domains: ["a"] },
        { type: "mcp_toolset", mcp_server_name: "s" }
      ])
      assert.include(refusal({ tools: [provided("openai.web_search", "web_search", {})] }), "openai.web_search")
      const bash = { ...provided("anthropic.bash_20250124", "bash", undefined), name: "Shell" }
      assert.strictEqual(body({ tools: [bash], toolChoice: { tool: "Shell" } }).tool_choice.name, "bash")
    })

    it("makes one object of what stands at the root of a schema", () => {
      const schema = (inputSchema: object) => body({ tools: [{ ...tool, inputSchema }] }).tools[0].input_schema
      assert.deepStrictEqual(schema({ properties: { a: {} } }), { properties: { a: {} }, type: "object" })
      const either = {
        type: "object",
        anyOf: [
          { properties: { a: { type: "string" }, b: { const: 1 } }, required: ["a"] },
          { properties: { a: { type: "string" }, b: { const: 2 } } }
        ]
      }
      assert.deepStrictEqual(schema(either), {
        type: "object",
        properties: { a: { type: "string" }, b: { anyOf: [{ const: 1 }, { const: 2 }] } }
      })
    })

    it("streams arguments eagerly and strictly when asked to", () => {
      const inputSchema = { type: "object", properties: { a: { type: "string", minLength: 1 } } }
      const strict = { ...tool, inputSchema, strict: true }
      const eager = body({ tools: [strict] }, { eagerInput: true, cache: false }).tools[0]
      assert.deepStrictEqual(eager, {
        name: "f",
        description: "d",
        input_schema: { type: "object", properties: { a: { type: "string" } }, additionalProperties: false },
        strict: true,
        eager_input_streaming: true
      })
      assert.notProperty(body({ tools: [strict] }, { id: "claude-opus-4-0" }).tools[0], "strict")
    })
  })

  describe("messages", () => {
    it("sends what tools came to as the user's, first", () => {
      const turn = [
        Message.user("u"),
        Message.assistant([Part.text("t"), call('{"a":1}', { wireId: "toolu_01" })]),
        Message.tool([result([Part.text("r")], { wireId: "toolu_01" })]),
        Message.user("v")
      ]
      assert.deepStrictEqual(messages(...turn), [
        user(text("u")),
        assistant(text("t"), { type: "tool_use", id: "toolu_01", name: "f", input: { a: 1 } }),
        user({ type: "tool_result", tool_use_id: "toolu_01", content: "r" }, text("v"))
      ])
    })

    it("puts what else stands with results behind them", () => {
      const mixed: Message.Message = { role: "tool", parts: [Part.text("t"), result([Part.text("r")])] }
      assert.deepStrictEqual(
        messages(mixed)[0].content.map(({ type }: Part.Part) => type),
        ["tool_result", "text"]
      )
    })

    it("sends no blank text, no message of nothing, and begins with the user", () => {
      const list = [Message.assistant("a"), Message.user(" \n"), Message.assistant([Part.text(""), Part.text("b")])]
      assert.deepStrictEqual(messages(...list), [user(text("Continue.")), assistant(text("a"), text("b"))])
    })

    it("marks instructions that come later as such", () => {
      const late = messages(Message.user("u"), Message.assistant("a"), Message.system("s"), Message.user("v"))
      assert.deepStrictEqual(late[2], user(text("<system>\ns\n</system>"), text("v")))
      assert.include(refusal({ messages: [Message.system([png])] }), "file")
    })

    it("sends pictures, documents and texts", () => {
      const parts = [
        png,
        Part.file("image/jpg", { base64: "/9j/" }),
        Part.file("image/*", { url: "https://x/y.jpg" }),
        Part.file("image/*", { url: "data:image/gif;base64,R0lG" }),
        { ...pdf, meta: { anthropic: { citations: { enabled: true } } } },
        Part.file("application/pdf", { url: "https://x/y.pdf" }),
        Part.file("text/markdown", { text: "# a" }, "a.md"),
        Part.file("text/csv", { base64: "aGk=" })
      ]
      const pdfSource = { type: "base64", media_type: "application/pdf", data: "JVBERg==" }
      assert.deepStrictEqual(messages(Message.user(parts))[0].content, [
        { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw==" } },
        { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "/9j/" } },
        { type: "image", source: { type: "url", url: "https://x/y.jpg" } },
        { type: "image", source: { type: "base64", media_type: "image/gif", data: "R0lG" } },
        { type: "document", source: pdfSource, title: "a.pdf", citations: { enabled: true } },
        { type: "document", source: { type: "url", url: "https://x/y.pdf" } },
        { type: "document", source: { type: "text", media_type: "text/plain", data: "# a" }, title: "a.md" },
        { type: "document", source: { type: "text", media_type: "text/plain", data: "hi" } }
      ])
    })

    it("refuses what has no place before it is sent", () => {
      const refused = (part: Part.Part, info?: Partial<ModelInfo>) =>
        refusal({ messages: [Message.user([part])] }, info === undefined ? {} : { info })
      assert.include(refused(Part.file("audio/wav", { base64: "" })), "sound")
      assert.include(refused(Part.file("video/mp4", { url: "u" })), "video")
      assert.include(refused(Part.file("image/tiff", { base64: "" }, "a.tiff")), "a.tiff")
      assert.include(refused(Part.file("application/zip", { base64: "" }, "a.zip")), "a.zip")
      assert.include(refused(Part.file("text/plain", { url: "https://x/y.txt" })), "URL")
      assert.include(refused(call("{}")), "tool-call")
      assert.include(refused(png, { capabilities: ["tools"] }), "image/png")
    })

    it("cleans arguments and ids that the vendor would refuse", () => {
      const sent = (input: string, more: Partial<Part.ToolCall> = {}) =>
        messages(Message.user("u"), Message.assistant([call(input, more)]))[1].content[0]
      assert.deepStrictEqual(sent('{"a":').input, {})
      assert.deepStrictEqual(sent("[1]").input, {})
      assert.strictEqual(sent("{}", { wireId: "" }).id, "call_run_1_0")
      assert.strictEqual(sent("{}", { wireId: "call_0" }).id, "call_run_1_0")
      assert.match(sent("{}", { wireId: "functions.f/9|x7fghk31" }).id, /^[\w-]{1,64}$/)
      assert.match(sent("{}", { wireId: "x7".repeat(99) }).id, /^[\w-]{1,64}$/)
    })

    it("delivers results with files, as errors only when they are", () => {
      const sent = (...results: ReadonlyArray<Part.ToolResult>) => messages(Message.tool(results))[0].content
      const base = { type: "tool_result", tool_use_id: "call_run_1_0" }
      const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw==" } }
      assert.deepStrictEqual(sent(result([])), [base])
      assert.deepStrictEqual(sent(result([Part.text("a"), png, { type: "json", value: { b: 1 } }])), [
        { ...base, content: [text("a"), image, text('{"b":1}')] }
      ])
      assert.deepStrictEqual(sent(result([Part.file("audio/wav", { base64: "" }, "a.wav")])), [
        { ...base, content: "[audio/wav a.wav]" }
      ])
      assert.deepStrictEqual(sent(result([], { outcome: "interrupted" })), [
        { ...base, content: "The call ended with: interrupted.", is_error: true }
      ])
      assert.deepStrictEqual(sent(result([Part.text("no"), png], { outcome: "failed" }), result([])), [
        { ...base, content: "no\n[image/png]", is_error: true },
        base,
        text("Files from the result of f:"),
        image
      ])
    })
  })

  describe("what the vendor said", () => {
    const said = (parts: ReadonlyArray<Part.Part>, last = false) =>
      messages(Message.user("u"), Message.assistant(parts), ...(last ? [] : [Message.user("v")]))[1]?.content

    it("TURN-3 thinking goes back as it came, and to no other vendor", () => {
      const redacted = { type: "redacted_thinking", data: "d" }
      const parts = [thinking("t"), thinking("", redacted), Part.text("a")]
      const signed = { type: "thinking", thinking: "t", signature: "s" }
      assert.deepStrictEqual(said(parts), [signed, redacted, text("a")])
      const foreign: Part.Reasoning = { type: "reasoning", text: "t", meta: { openai: { id: "rs_1" } } }
      assert.deepStrictEqual(said([foreign, Part.text("a")]), [text("a")])
    })

    it("thinking does not end a message, and unsigned goes only to those who do not sign", () => {
      assert.deepStrictEqual(said([thinking("t"), Part.text("a"), thinking("u")])?.length, 2)
      assert.deepStrictEqual(said([thinking("t"), Part.text(" "), thinking("u")]), undefined)
      const list = [Message.assistant([thinking("t", { type: "thinking" }), Part.text("a")])]
      const sent = (id: string) => body({ messages: list }, { id, cache: false }).messages[1].content
      assert.deepStrictEqual(sent(opus), [text("a")])
      assert.deepStrictEqual(sent("deepseek-chat"), [{ type: "thinking", thinking: "t" }, text("a")])
    })

    it("citations and calls of the vendor's tools go back, in their order", () => {
      const citations = [{ type: "char_location", cited_text: "c" }]
      const cited: Part.Text = { ...Part.text("a"), meta: { anthropic: { citations } } }
      const caller = { caller: { type: "direct" } }
      const own = call("{}", { wireId: "toolu_1", meta: { anthropic: caller } })
      assert.deepStrictEqual(said([search, found, cited, { type: "source", url: "u" }, own]), [
        searchBlock,
        found.meta?.["anthropic"],
        { ...text("a"), citations },
        { type: "tool_use", id: "toolu_1", name: "f", input: {}, ...caller }
      ])
    })

    it("what another vendor's tools did is left out", () => {
      const foreign = { openai: { type: "web_search_call" } }
      assert.deepStrictEqual(said([{ ...search, meta: foreign }, { ...found, meta: foreign }, Part.text("a")]), [
        text("a")
      ])
    })

    it("a call of the vendor's without a result stays only where the vendor goes on", () => {
      assert.deepStrictEqual(said([Part.text("a "), search], true), [text("a "), searchBlock])
      assert.deepStrictEqual(said([Part.text("a "), search]), [text("a")])
      // A program of the vendor's that calls our tool is not over yet.
      assert.deepStrictEqual(said([search, call("{}")])?.[0], searchBlock)
    })

    it("TURN-2 the last text does not end in space, wherever it stands", () => {
      assert.deepStrictEqual(said([Part.text("a \n")], true), [text("a")])
      assert.deepStrictEqual(said([Part.text("a \n")]), [text("a")])
      assert.deepStrictEqual(said([Part.text("a "), Part.text("b ")]), [text("a "), text("b")])
      const blank = [Message.user("hi"), Message.assistant("a "), Message.user(" ")]
      assert.deepStrictEqual(messages(...blank), [user(text("hi")), assistant(text("a"))])
    })
  })
})
