import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Message from "../../src/domain/Message.ts"
import type { ModelInfo } from "../../src/domain/ModelInfo.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Encode from "../../src/transport/internal/openAiResponsesEncode.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { call, counted, result } from "../support/parts.ts"
import { responses } from "../support/requests/responses.ts"

const model = (vendor: string, more: Partial<ModelInfo> = {}): ModelInfo => ({ vendor, id: "m1", ...more })

const encoded = (request: Partial<Transport.Request>, vendor = "openai", options: Encode.Options = {}) =>
  Encode.make(model(vendor), {}, options).encode(Transport.request({ messages: [], ...request }))

const body = (request: Partial<Transport.Request>, vendor?: string, options?: Encode.Options) =>
  JSON.parse(Either.getOrThrowWith(encoded(request, vendor, options), Error))

const input = (list: ReadonlyArray<Message.Message>, vendor?: string, options?: Encode.Options) =>
  body({ messages: list }, vendor, options).input

const refusal = (request: Partial<Transport.Request>) => Either.getOrThrowWith(Either.flip(encoded(request)), Error)

const own = (item: object, more: object = {}, vendor = "openai"): Part.Meta => ({ [vendor]: { item, ...more } })

const text = (value: string, meta: Part.Meta): Part.Text => ({ type: "text", text: value, meta })
const reasoning = (meta: Part.Meta): Part.Reasoning => ({ type: "reasoning", text: "r", meta })

const png = Part.file("image/png", { base64: "iVBORw==" })
const tool: Transport.ToolSpec = { name: "f", description: "d", inputSchema: { type: "object", $comment: "raw" } }
const provided = (id: string, name: string, args: object = {}): Transport.ToolSpec => ({
  ...tool,
  name: `My_${name}`,
  provider: { id, name, args }
})

const thought = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "e" }

describe("OpenAiResponses encode", () => {
  it("writes the plainest request in a fixed order", () => {
    const messages = [Message.system("s"), Message.user("u"), Message.system("t")]
    assert.deepStrictEqual(
      encoded({ messages }),
      Either.right(
        `{"model":"m1","stream":true,"store":false,"include":["reasoning.encrypted_content"],"instructions":"s",` +
          `"input":[{"role":"user","content":"u"},{"role":"developer","content":"t"}]}`
      )
    )
    assert.deepStrictEqual(
      encoded({ messages }, "localhost"),
      Either.right(
        `{"model":"m1","stream":true,"store":false,"instructions":"s",` +
          `"input":[{"role":"user","content":"u"},{"role":"system","content":"t"}]}`
      )
    )
  })

  it("writes settings, tools and choice, and merges what is extra", () => {
    const settings: Transport.Settings = {
      temperature: 0,
      topP: 0.5,
      maxOutputTokens: 9,
      seed: 1,
      reasoningEffort: "low",
      parallelToolCalls: false,
      extra: {
        temperature: 1,
        service_tier: "flex",
        include: ["code_interpreter_call.outputs"],
        reasoning: { context: "auto" },
        text: { verbosity: "low" }
      }
    }
    const options = { reasoningSummary: "auto", promptCacheKey: "k" }
    const request = { settings, tools: [tool], toolChoice: { tool: "f" }, responseFormat: { type: "json" } } as const
    assert.deepStrictEqual(body(request, "openai", options), {
      model: "m1",
      stream: true,
      store: false,
      include: ["reasoning.encrypted_content", "code_interpreter_call.outputs"],
      temperature: 1,
      top_p: 0.5,
      max_output_tokens: 9,
      reasoning: { effort: "low", summary: "auto", context: "auto" },
      text: { format: { type: "json_object" }, verbosity: "low" },
      parallel_tool_calls: false,
      prompt_cache_key: "k",
      service_tier: "flex",
      tools: [
        {
          type: "function",
          name: "f",
          description: "d",
          parameters: { type: "object", $comment: "raw", properties: {} },
          strict: false
        }
      ],
      input: [],
      tool_choice: { type: "function", name: "f" }
    })
    assert.include(refusal({ settings: { stop: ["x"] } }), "OpenAiChat")
  })

  it("asks only models that reason for their reasoning", () => {
    const include = (more: Partial<ModelInfo>, vendor = "openai") => {
      const encoder = Encode.make(model(vendor, more))
      return JSON.parse(Either.getOrThrow(encoder.encode(Transport.request({ messages: [] })))).include
    }
    const encrypted = ["reasoning.encrypted_content"]
    assert.deepStrictEqual(
      [
        include({ id: "gpt-5.2" }),
        include({ id: "gpt-4.1-nano" }),
        include({ id: "gpt-5-chat-latest" }),
        include({ id: "gpt-5", capabilities: ["tools"] }),
        include({ id: "openai/gpt-4o" }, "openrouter"),
        include({ id: "grok-4.3" }, "xai"),
        include({ id: "deepseek-v4-flash" }, "deepseek")
      ],
      [encrypted, undefined, undefined, undefined, undefined, encrypted, undefined]
    )
  })

  it("binds answers to schemas, strictly where the schema allows it", () => {
    const loose = { type: "object", properties: { a: { type: "string" } }, required: [] }
    const strict = { ...loose, required: ["a"], additionalProperties: false }
    const format = (schema: object, vendor?: string) =>
      body({ responseFormat: { type: "json", schema, name: "n" } }, vendor)
    assert.deepStrictEqual(format(strict).text.format, { type: "json_schema", name: "n", schema: strict, strict: true })
    assert.deepStrictEqual(format(loose).text.format, { type: "json_schema", name: "n", schema: loose, strict: false })
    const forced = format(strict, "deepseek")
    const choice = { type: "function", name: "n" }
    assert.deepStrictEqual([forced.text, forced.reasoning, forced.tool_choice], [undefined, { effort: "none" }, choice])
    const strictness = (inputSchema: object, strict?: boolean) =>
      body({ tools: [{ name: "f", inputSchema, strict }] }).tools[0].strict
    assert.deepStrictEqual(
      [strictness(strict, true), strictness(loose, true), strictness(strict)],
      [true, false, false]
    )
  })

  it("offers the tools that the vendor defines", () => {
    const format = { type: "grammar", syntax: "lark", definition: "start: A" }
    const tools = [
      provided("openai.web_search", "web_search", { search_context_size: "low" }),
      provided("openai.code_interpreter", "code_interpreter"),
      provided("openai.custom", "patch", { format }),
      provided("openai.mcp", "mcp", { server_label: "s", server_url: "u" })
    ]
    assert.deepStrictEqual(body({ tools }).tools, [
      { type: "web_search", search_context_size: "low" },
      { type: "code_interpreter", container: { type: "auto" } },
      { type: "custom", name: "patch", description: "d", format },
      { type: "mcp", server_label: "s", server_url: "u" }
    ])
    assert.deepStrictEqual(
      tools.map(({ name }) => body({ tools, toolChoice: { tool: name } }).tool_choice),
      [
        { type: "web_search" },
        { type: "code_interpreter" },
        { type: "custom", name: "patch" },
        { type: "mcp", server_label: "s" }
      ]
    )
    assert.include(refusal({ tools: [provided("anthropic.web_search", "web_search")] }), "anthropic.web_search")
    assert.strictEqual(body({ tools, toolChoice: "none" }).tool_choice, "none")
  })

  it("TURN-2 a later request begins with the bytes of the earlier one", () => {
    const encoder = Encode.make(model("openai"))
    const history = [
      Message.system("s"),
      Message.user("u"),
      Message.assistant([reasoning(own(thought)), call('{"a": 1}', { wireId: "w" })]),
      Message.tool([result([Part.text("r")], { wireId: "w" })])
    ]
    const encode = (list: ReadonlyArray<Message.Message>, toolChoice: Transport.ToolChoice) =>
      Either.getOrThrowWith(encoder.encode(Transport.request({ messages: list, tools: [tool], toolChoice })), Error)
    const first = encode(history.slice(0, 2), "auto")
    const second = encode(history, "none")
    assert.strictEqual(second.slice(0, first.length - 2), first.slice(0, -2))
    const again = Transport.request({ messages: structuredClone(history), tools: [tool], toolChoice: "none" })
    assert.strictEqual(second, Either.getOrThrow(Encode.make(model("openai")).encode(again)))
  })

  it("converts a message once", () => {
    const { message, reads } = counted()
    const encoder = Encode.make(model("openai"))
    for (let turn = 0; turn < 3; turn++) encoder.encode(Transport.request({ messages: [message] }))
    assert.strictEqual(reads(), 1)
  })

  describe("user", () => {
    it("sends pictures, documents and texts", () => {
      const parts = [
        png,
        Part.file("image/*", { base64: "iVBORw0KGgo=" }),
        Part.file("image/jpeg", { url: "https://x/y.jpg" }),
        Part.file("application/pdf", { base64: "JVBERg==" }, "a.pdf"),
        Part.file("application/pdf", { url: "https://x/y.pdf" }),
        Part.file("text/plain", { base64: "aGk=" }),
        Part.file("text/plain", { text: "ho" })
      ]
      assert.deepStrictEqual(input([Message.user(parts)])[0].content, [
        { type: "input_image", image_url: "data:image/png;base64,iVBORw==" },
        { type: "input_image", image_url: "data:image/png;base64,iVBORw0KGgo=" },
        { type: "input_image", image_url: "https://x/y.jpg" },
        { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERg==" },
        { type: "input_file", file_url: "https://x/y.pdf" },
        { type: "input_text", text: "hi" },
        { type: "input_text", text: "ho" }
      ])
    })

    it("refuses what has no place before it is sent", () => {
      const user = (part: Part.Part) => ({ messages: [Message.user([part])] })
      assert.include(refusal(user(Part.file("video/mp4", { url: "u" }))), "video/mp4")
      assert.include(refusal(user(Part.file("audio/wav", { base64: "" }))), "OpenAiChat")
      assert.include(refusal(user(Part.file("application/zip", { base64: "" }, "a.zip"))), "a.zip")
      assert.include(refusal(user(call("{}"))), "tool-call")
      assert.include(refusal({ messages: [Message.system([png])] }), "file")
    })
  })

  describe("assistant", () => {
    const messageItem = { type: "message", id: "msg_1", phase: "commentary" }

    it("TURN-3 returns items as they came, in their order", () => {
      const search = { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search" } }
      const ran = { transportExecuted: true, name: "web_search" } as const
      const annotation = { type: "url_citation", url: "u" }
      const picture = { type: "image_generation_call", id: "ig_1", status: "completed" }
      const parts: ReadonlyArray<Part.Part> = [
        reasoning(own(thought)),
        reasoning({ openai: { continues: true } }),
        call("{}", { ...ran, meta: own(search) }),
        result([], { ...ran }),
        text("a", own(messageItem)),
        call("{}", { ...ran, meta: own(picture, { file: true }) }),
        { ...png, meta: own(picture) },
        text("b", own({ type: "message", id: "msg_2" }, { annotations: [annotation] })),
        text("no", own({ type: "message", id: "msg_2" }, { refusal: true })),
        { type: "source", url: "u" },
        call('{"a": 1}', { wireId: "w1", meta: own({ type: "function_call", id: "fc_1", namespace: "n" }) })
      ]
      assert.deepStrictEqual(input([Message.assistant(parts)]), [
        thought,
        search,
        { role: "assistant", content: "a", phase: "commentary" },
        { ...picture, result: "iVBORw==" },
        {
          role: "assistant",
          content: [
            { type: "output_text", text: "b", annotations: [annotation] },
            { type: "refusal", refusal: "no" }
          ]
        },
        { type: "function_call", call_id: "w1", name: "f", arguments: '{"a": 1}', namespace: "n" }
      ])
      assert.deepStrictEqual(input([Message.assistant(parts)], "xai"), [
        { role: "assistant", content: "a" },
        { role: "assistant", content: "[image/png]" },
        { role: "assistant", content: "bno" },
        { type: "function_call", call_id: "w1", name: "f", arguments: '{"a": 1}' }
      ])
    })

    it("sends reasoning in a form that is read again, and never alone", () => {
      const send = (item: object, vendor = "openai") =>
        input([Message.assistant([reasoning(own(item, {}, vendor)), Part.text("t")])], vendor).slice(0, -1)
      const readable = { type: "reasoning", id: "rs_1", summary: [], content: [{ type: "reasoning_text", text: "r" }] }
      const both = { ...readable, encrypted_content: "e" }
      assert.deepStrictEqual(
        [send(readable), send(readable, "deepseek"), send(both), send(both, "openrouter")],
        [[], [readable], [{ ...both, content: undefined }].map((item) => JSON.parse(JSON.stringify(item))), [both]]
      )
      assert.deepStrictEqual(input([Message.assistant([Part.text("t"), reasoning(own(thought))]), Message.user("u")]), [
        { role: "assistant", content: "t" },
        { role: "user", content: "u" }
      ])
    })

    it("sends arguments that are JSON and ids that are short", () => {
      const long = `functions.f:${"x".repeat(90)}`
      const list = [Message.assistant([call("[1]", { wireId: long })]), Message.tool([result([], { wireId: long })])]
      const [asked, answered] = input(list)
      assert.strictEqual(asked.arguments, "{}")
      assert.match(asked.call_id, /^functions\.f:x+_[0-9a-f]{8}$/)
      assert.deepStrictEqual([asked.call_id.length, answered.call_id], [64, asked.call_id])
    })

    it("names an item once that was said twice", () => {
      const said = () => Message.assistant([reasoning(own(thought)), Part.text("t")])
      const ids = input([said(), Message.user("u"), said()]).map((item: { readonly id?: string }) => item.id)
      assert.deepStrictEqual(ids, ["rs_1", undefined, undefined, undefined, undefined])
    })
  })

  describe("tool", () => {
    it("sends pictures in results where the vendor takes them, and after them where not", () => {
      const results = [
        result([Part.text("a"), { type: "json", value: { b: 1 } }], { wireId: "w1" }),
        result([png, Part.file("application/zip", { base64: "" }, "z.zip")]),
        result([], { outcome: "interrupted" })
      ]
      const output = (call_id: string, output: unknown) => ({ type: "function_call_output", call_id, output })
      const image = { type: "input_image", image_url: "data:image/png;base64,iVBORw==" }
      const interrupted = output("call_1", "The call ended with: interrupted.")
      assert.deepStrictEqual(input([Message.tool(results)]), [
        output("w1", 'a\n{"b":1}'),
        output("call_1", [image, { type: "input_text", text: "[application/zip z.zip]" }]),
        interrupted
      ])
      assert.deepStrictEqual(input([Message.tool(results)], "localhost"), [
        output("w1", 'a\n{"b":1}'),
        output("call_1", "[image/png]\n[application/zip z.zip]"),
        interrupted,
        { role: "user", content: [{ type: "input_text", text: "Files from the result of f:" }, image] }
      ])
    })

    it("answers each kind of call in its own way", () => {
      const calls: ReadonlyArray<readonly [object, Partial<Part.ToolResult>, object]> = [
        [{ type: "custom_tool_call", name: "p" }, {}, { type: "custom_tool_call_output", call_id: "w", output: "r" }],
        [{ type: "local_shell_call" }, {}, { type: "local_shell_call_output", call_id: "w", output: "r" }],
        [
          { type: "apply_patch_call" },
          { outcome: "failed" },
          { type: "apply_patch_call_output", call_id: "w", status: "failed", output: "r" }
        ],
        [
          { type: "shell_call" },
          {},
          {
            type: "shell_call_output",
            call_id: "w",
            output: [{ stdout: "r", stderr: "", outcome: { type: "exit", exit_code: 0 } }]
          }
        ],
        [
          { type: "tool_search_call" },
          { content: [{ type: "json", value: { tools: [{ name: "f" }] } }] },
          { type: "tool_search_output", call_id: "w", execution: "client", status: "completed", tools: [{ name: "f" }] }
        ],
        [
          { type: "mcp_approval_request", id: "mcpr_1" },
          { outcome: "denied" },
          { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: false, reason: "r" }
        ],
        [
          { type: "mcp_approval_request", id: "mcpr_1" },
          {},
          { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: true }
        ],
        [
          { type: "computer_call", pending_safety_checks: [{ id: "s" }] },
          { content: [png] },
          {
            type: "computer_call_output",
            call_id: "w",
            output: { type: "computer_screenshot", image_url: "data:image/png;base64,iVBORw==" },
            acknowledged_safety_checks: [{ id: "s" }]
          }
        ]
      ]
      for (const [item, more, expected] of calls) {
        const asked = Message.assistant([call('{"input":"x"}', { wireId: "w", meta: own({ call_id: "w", ...item }) })])
        const answered = Message.tool([result([Part.text("r")], { wireId: "w", ...more })])
        const sent = input([Message.user("u"), asked, answered])
        assert.deepStrictEqual(sent[2], expected)
        // The judge does not know that the output of a shell is a list of its own.
        const problems = responses(body({ messages: [Message.user("u"), asked, answered] }))
        if (!("type" in item && item.type === "shell_call")) assert.deepStrictEqual(problems, [])
      }
    })
  })
})
