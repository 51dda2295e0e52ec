import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Message from "../../src/domain/Message.ts"
import type { ModelInfo } from "../../src/domain/ModelInfo.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Encode from "../../src/transport/internal/geminiEncode.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { call, counted, result } from "../support/parts.ts"

const modern = "gemini-3-flash-preview"
const older = "gemini-2.5-flash"

const model = (id: string, more: Partial<ModelInfo> = {}): ModelInfo => ({ vendor: "google", id, ...more })

const encoded = (request: Partial<Transport.Request>, id = modern, more: Partial<ModelInfo> = {}) =>
  Encode.make(model(id, more)).encode(Transport.request({ messages: [Message.user("u")], ...request }))

const body = (request: Partial<Transport.Request>, id?: string, more?: Partial<ModelInfo>) =>
  JSON.parse(Either.getOrThrowWith(encoded(request, id, more), Error))

const contents = (messages: ReadonlyArray<Message.Message>, id?: string) => body({ messages }, id).contents

const refusal = (request: Partial<Transport.Request>, id?: string, more?: Partial<ModelInfo>) =>
  Either.getOrThrowWith(Either.flip(encoded(request, id, more)), Error)

const signed = (thoughtSignature: string) => ({ meta: { google: { thoughtSignature } } })
const png = Part.file("image/png", { base64: "iVBORw==" })
const zip = Part.file("application/zip", { base64: "" }, "z.zip")
const inlinePng = { inlineData: { mimeType: "image/png", data: "iVBORw==" } }
const skip = "skip_thought_signature_validator"
const tool: Transport.ToolSpec = { name: "f", description: "d", inputSchema: { type: "object" } }
const own = (id: string, args: unknown = {}): Transport.ToolSpec => ({
  name: id,
  inputSchema: {},
  provider: { id: `google.${id}`, name: id, args }
})

describe("Gemini encode", () => {
  it("writes the plainest request in a fixed order", () => {
    assert.deepStrictEqual(
      encoded({ messages: [Message.system("s"), Message.user("u")], tools: [tool], toolChoice: "none" }),
      Either.right(
        `{"systemInstruction":{"parts":[{"text":"s"}]},` +
          `"tools":[{"functionDeclarations":[{"name":"f","description":"d","parametersJsonSchema":{"type":"object"}}]}],` +
          `"contents":[{"role":"user","parts":[{"text":"u"}]}],` +
          `"toolConfig":{"functionCallingConfig":{"mode":"NONE"}}}`
      )
    )
    assert.deepStrictEqual(encoded({}), Either.right(`{"contents":[{"role":"user","parts":[{"text":"u"}]}]}`))
  })

  it("writes settings, and merges what is extra into them", () => {
    const settings: Transport.Settings = {
      temperature: 0,
      topP: 0.5,
      maxOutputTokens: 9,
      stop: ["x"],
      seed: 1,
      reasoningEffort: "low",
      extra: { generationConfig: { topK: 3, thinkingConfig: { includeThoughts: false } }, labels: { a: "b" } }
    }
    const encoder = Encode.make(model(modern), {
      extra: { generationConfig: { topK: 1, responseModalities: ["TEXT"] }, toolConfig: { retrievalConfig: {} } }
    })
    const request = Transport.request({ messages: [Message.user("u")], settings })
    assert.deepStrictEqual(JSON.parse(Either.getOrThrow(encoder.encode(request))), {
      generationConfig: {
        temperature: 0,
        topP: 0.5,
        maxOutputTokens: 9,
        stopSequences: ["x"],
        seed: 1,
        thinkingConfig: { thinkingLevel: "LOW", includeThoughts: false },
        responseModalities: ["TEXT"],
        topK: 3
      },
      labels: { a: "b" },
      contents: [{ role: "user", parts: [{ text: "u" }] }],
      toolConfig: { retrievalConfig: {} }
    })
  })

  it.each([
    [modern, "none", { thinkingLevel: "MINIMAL" }],
    [modern, "max", { thinkingLevel: "HIGH", includeThoughts: true }],
    [modern, "auto", { includeThoughts: true }],
    ["gemini-3.1-pro-preview", "minimal", { thinkingLevel: "LOW", includeThoughts: true }],
    ["gemini-3.8-flash", "none", { thinkingLevel: "LOW" }],
    ["gemini-flash-latest", "medium", { thinkingLevel: "MEDIUM", includeThoughts: true }],
    [older, "none", { thinkingBudget: 0 }],
    [older, "high", { thinkingBudget: 24_576, includeThoughts: true }],
    ["gemini-2.5-pro", "none", { thinkingBudget: 128 }],
    ["gemini-2.5-pro", "max", { thinkingBudget: 32_768, includeThoughts: true }],
    ["gemini-2.5-pro", "auto", { thinkingBudget: -1, includeThoughts: true }],
    ["gemini-2.5-pro", "512", { thinkingBudget: 512, includeThoughts: true }],
    ["gemini-2.5-flash-image", "high", undefined],
    ["gemini-2.0-flash", "high", undefined],
    ["gemma-3-27b-it", "high", undefined]
  ])("%s thinks with effort %s", (id, reasoningEffort, config) => {
    assert.deepStrictEqual(body({ settings: { reasoningEffort } }, id).generationConfig?.thinkingConfig, config)
  })

  describe("history", () => {
    const history = [
      Message.system("s"),
      Message.user("u"),
      Message.assistant([call('{"a": 1}', { wireId: "w" })]),
      Message.tool([result([Part.text("r"), zip, png], { wireId: "w" })]),
      Message.assistant("a"),
      Message.user([Part.file("video/mp4", { url: "https://x/y.mp4" })])
    ]

    it.each([modern, older, "gemma-3-27b-it"])("TURN-2 each request of %s begins with the one before", (id) => {
      const encoder = Encode.make(model(id))
      const choices: ReadonlyArray<Transport.ToolChoice> = ["auto", "none", "required", { tool: "f" }]
      const encode = (messages: ReadonlyArray<Message.Message>, toolChoice: Transport.ToolChoice, from = encoder) =>
        Either.getOrThrowWith(from.encode(Transport.request({ messages, tools: [tool], toolChoice })), Error)
      let before = ""
      for (let length = 2; length <= history.length; length++) {
        const text = encode(history.slice(0, length), choices[length % choices.length] ?? "auto")
        assert.isTrue(text.startsWith(before))
        const bare = encode(history.slice(0, length), "auto")
        assert.isTrue(text.startsWith(bare.slice(0, -1)))
        // Up to the end of the messages, which the list and the body close.
        before = bare.slice(0, -2)
      }
      assert.strictEqual(encode(structuredClone(history), "auto", Encode.make(model(id))), `${before}]}`)
    })

    it("converts a message once", () => {
      const { message, reads } = counted()
      const encoder = Encode.make(model(modern))
      for (let turn = 0; turn < 3; turn++) encoder.encode(Transport.request({ messages: [message] }))
      assert.strictEqual(reads(), 1)
    })

    it("begins with the user, who also says what the system says later", () => {
      assert.deepStrictEqual(contents([Message.assistant("a"), Message.system("s")]), [
        { role: "user", parts: [{ text: "" }] },
        { role: "model", parts: [{ text: "a" }] },
        { role: "user", parts: [{ text: "s" }] }
      ])
      const { contents: gemma, systemInstruction } = body({ messages: history.slice(0, 2) }, "gemma-3-27b-it")
      assert.strictEqual(systemInstruction, undefined)
      assert.deepStrictEqual(gemma, [
        { role: "user", parts: [{ text: "s" }] },
        { role: "user", parts: [{ text: "u" }] }
      ])
      assert.include(refusal({ messages: [Message.system("s")] }), "message")
    })
  })

  describe("user", () => {
    it("sends files inline or by address", () => {
      const watched = {
        ...Part.file("video/*", { url: "https://youtu.be/x" }),
        meta: { google: { videoMetadata: { fps: 1 } } }
      }
      const parts = [
        Part.text("look"),
        Part.text(""),
        png,
        Part.file("audio/mpeg", { base64: "SUQz" }),
        Part.file("application/pdf", { url: "data:application/pdf;base64,JVBERg==" }),
        Part.file("image/jpeg", { url: "gs://b/c.jpg" }),
        watched,
        Part.file("application/json", { base64: "aGk=" }),
        Part.file("text/plain", { text: "ho" })
      ]
      assert.deepStrictEqual(contents([Message.user(parts)])[0].parts, [
        { text: "look" },
        inlinePng,
        { inlineData: { mimeType: "audio/mpeg", data: "SUQz" } },
        { inlineData: { mimeType: "application/pdf", data: "JVBERg==" } },
        { fileData: { mimeType: "image/jpeg", fileUri: "gs://b/c.jpg" } },
        { fileData: { fileUri: "https://youtu.be/x" }, videoMetadata: { fps: 1 } },
        { text: "hi" },
        { text: "ho" }
      ])
    })

    it("refuses what has no place before it is sent", () => {
      const user = (part: Part.Part) => ({ messages: [Message.user([part])] })
      assert.include(refusal(user(zip)), "z.zip")
      assert.include(refusal(user(Part.file("image/*", { base64: "" }))), "media type")
      assert.include(refusal(user(call("{}"))), "tool-call")
      assert.include(refusal({ messages: [Message.system([png])] }), "file")
      assert.include(refusal(user(png), modern, { capabilities: ["tools"] }), "image/png")
    })
  })

  describe("model", () => {
    it("TURN-3 returns every signature on its part, and what Google ran as it was", () => {
      const code = { executableCode: { id: "c", language: "PYTHON", code: "1" }, thoughtSignature: "s4" }
      const search = { toolCall: { id: "x", toolType: "GOOGLE_SEARCH_WEB" } }
      const ran = (part: object) => ({ transportExecuted: true, meta: { google: { part } } })
      const parts: ReadonlyArray<Part.Part> = [
        { type: "reasoning", text: "for people" },
        { type: "reasoning", text: "t", ...signed("s1") },
        { type: "text", text: "a", ...signed("s2") },
        { type: "text", text: "" },
        { type: "text", text: "", ...signed("s3") },
        call("{}", ran(code)),
        result([], ran({ codeExecutionResult: { id: "c" } })),
        call("{}", ran(search)),
        { ...png, ...signed("s5") },
        { type: "source", url: "u" },
        call('{"a":1}', signed("s6")),
        call("{}", { name: "g" })
      ]
      const sent = [
        { text: "t", thought: true, thoughtSignature: "s1" },
        { text: "a", thoughtSignature: "s2" },
        { text: "", thoughtSignature: "s3" },
        code,
        { codeExecutionResult: { id: "c" } },
        search,
        { ...inlinePng, thoughtSignature: "s5" },
        { functionCall: { name: "f", args: { a: 1 } }, thoughtSignature: "s6" },
        { functionCall: { name: "g", args: {} } }
      ]
      const history = [
        Message.user("u"),
        Message.assistant(parts),
        Message.tool([result([]), result([], { name: "g" })])
      ]
      assert.deepStrictEqual(contents(history)[1], { role: "model", parts: sent })
      const known = sent.filter((part) => part !== search)
      assert.deepStrictEqual(contents(history, older)[1], { role: "model", parts: known })
    })

    it("lets a conversation go on that began elsewhere", () => {
      const theirs: ReadonlyArray<Part.Part> = [
        { type: "reasoning", text: "r", meta: { anthropic: { signature: "x" } } },
        call("{}", { transportExecuted: true, meta: { openai: {} } }),
        call('{"a":', { wireId: "toolu_1" }),
        call("[1]", { wireId: "toolu_2", name: "g" })
      ]
      const parts = [
        { functionCall: { id: "toolu_1", name: "f", args: {} }, thoughtSignature: skip },
        { functionCall: { id: "toolu_2", name: "g", args: {} } }
      ]
      assert.deepStrictEqual(contents([Message.user("u"), Message.assistant(theirs)])[1].parts, parts)
      const [first] = parts
      assert.deepStrictEqual(contents([Message.user("u"), Message.assistant(theirs)], older)[1].parts, [
        { functionCall: first?.functionCall },
        parts[1]
      ])
      assert.strictEqual(contents([Message.user("u"), Message.assistant(theirs.slice(0, 2))]).length, 1)
    })
  })

  describe("results", () => {
    const results = [
      result([Part.text("a"), { type: "json", value: { b: 1 } }], { wireId: "w1" }),
      result([{ type: "json", value: [1] }]),
      result([png, zip, Part.file("audio/wav", { base64: "UklGRg==" })], { name: "g" }),
      result([], { outcome: "denied" }),
      result([Part.text("no")], { outcome: "failed" })
    ]
    const heard = { inlineData: { mimeType: "audio/wav", data: "UklGRg==" } }
    const named = "[image/png]\n[application/zip z.zip]\n[audio/wav]"
    const sent = (parts?: object) => ({
      role: "user",
      parts: [
        { functionResponse: { id: "w1", name: "f", response: { output: 'a\n{"b":1}' } } },
        { functionResponse: { name: "f", response: { output: [1] } } },
        { functionResponse: { name: "g", response: { output: named }, ...parts } },
        { functionResponse: { name: "f", response: { error: "The call ended with: denied." } } },
        { functionResponse: { name: "f", response: { error: "no" } } }
      ]
    })

    it("are objects in the order of the calls, with files inside or behind", () => {
      const intro = { text: "Files from the result of g:" }
      assert.deepStrictEqual(contents([Message.tool(results)]), [
        sent({ parts: [inlinePng] }),
        { role: "user", parts: [intro, heard] }
      ])
      assert.deepStrictEqual(contents([Message.tool(results)], older), [
        sent(),
        { role: "user", parts: [intro, inlinePng, heard] }
      ])
    })
  })

  describe("tools", () => {
    const choice = (toolChoice: Transport.ToolChoice, tools = [tool], id = modern) =>
      body({ tools, toolChoice }, id).toolConfig

    it("may, must or must not be called", () => {
      assert.strictEqual(choice("auto"), undefined)
      assert.deepStrictEqual(choice("required"), { functionCallingConfig: { mode: "ANY" } })
      assert.deepStrictEqual(choice({ tool: "f" }), {
        functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["f"] }
      })
      assert.deepStrictEqual(choice("auto", [{ ...tool, strict: true }]), {
        functionCallingConfig: { mode: "VALIDATED" }
      })
    })

    it("of Google's own stand beside functions where the model allows it", () => {
      const own2 = [own("google_search", { timeRangeFilter: {} }), own("code_execution")]
      assert.deepStrictEqual(body({ tools: own2 }, older).tools, [
        { googleSearch: { timeRangeFilter: {} } },
        { codeExecution: {} }
      ])
      assert.strictEqual(choice("none", own2), undefined)
      assert.deepStrictEqual(body({ tools: [tool, own("url_context")] }).tools.slice(1), [{ urlContext: {} }])
      assert.deepStrictEqual(choice("auto", [own("url_context"), tool]), {
        functionCallingConfig: { mode: "VALIDATED" },
        includeServerSideToolInvocations: true
      })
      assert.include(refusal({ tools: [tool, ...own2] }, older), "not both")
      assert.include(refusal({ tools: own2, toolChoice: "required" }), "demanded")
      const theirs = { ...tool, name: "search", provider: { id: "openai.search", name: "search", args: {} } }
      assert.include(refusal({ tools: [theirs] }), "search")
    })
  })

  describe("JSON", () => {
    const schema = { type: "object", properties: { a: { type: "string", pattern: "x" } }, required: ["a"] }
    const { pattern: _, ...plain } = schema.properties.a
    const sent = { ...schema, properties: { a: plain } }
    const format: Transport.ResponseFormat = { type: "json", schema }
    const config = { responseMimeType: "application/json", responseJsonSchema: sent }

    it("is asked for by schema, and by a tool where the model has no other way", () => {
      assert.deepStrictEqual(body({ responseFormat: format, tools: [tool] }).generationConfig, config)
      assert.deepStrictEqual(body({ responseFormat: format }, older).generationConfig, config)
      assert.deepStrictEqual(body({ responseFormat: { type: "json" } }).generationConfig, {
        responseMimeType: "application/json"
      })
      const forced = body({ responseFormat: format, tools: [tool] }, older)
      assert.strictEqual(forced.generationConfig, undefined)
      assert.deepStrictEqual(forced.tools[0].functionDeclarations[1].parametersJsonSchema, sent)
      assert.deepStrictEqual(forced.toolConfig, { functionCallingConfig: { mode: "ANY" } })
      assert.deepStrictEqual(body({ responseFormat: format }, older, { capabilities: ["tools"] }).toolConfig, {
        functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["answer"] }
      })
      assert.include(refusal({ responseFormat: { type: "json" }, tools: [tool] }, older), "schema")
    })
  })
})
