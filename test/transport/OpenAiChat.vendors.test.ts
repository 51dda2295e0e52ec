/**
 * What is sent to whom. It pins the table of facts; whether a vendor still agrees, only the vendor can tell.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import { vendorOf } from "../../src/transport/internal/openAiChat.ts"
import * as Encode from "../../src/transport/internal/openAiChatEncode.ts"
import * as Transport from "../../src/transport/Transport.ts"

const tool: Transport.ToolSpec = { name: "f", inputSchema: { type: "object", properties: {} }, strict: true }

const text = (vendor: string, request: Partial<Transport.Request>, id = "m1") =>
  Either.getOrThrowWith(
    Encode.make({ vendor, id }).encode(Transport.request({ messages: [Message.user("u")], ...request })),
    Error
  )
const body = (vendor: string, request: Partial<Transport.Request>, id?: string) => JSON.parse(text(vendor, request, id))

const call = (id: string): Part.ToolCall => ({ type: "tool-call", id, name: "f", input: "{}" })
const result = (id: string, content: Part.ToolResult["content"] = [Part.text("r")]): Part.ToolResult => ({
  type: "tool-result",
  id,
  name: "f",
  outcome: "ok",
  content
})

describe("OpenAiChat vendors", () => {
  it.each([
    ["https://api.openai.com/v1", "openai"],
    ["https://me.openai.azure.com/openai", "azure"],
    ["https://models.github.ai/inference", "github"],
    ["https://models.inference.ai.azure.com", "github"],
    ["https://api.githubcopilot.com", "copilot"],
    ["https://api.individual.githubcopilot.com", "copilot"],
    ["https://generativelanguage.googleapis.com/v1beta/openai", "google"],
    ["https://api.z.ai/api/paas/v4", "zai"],
    ["https://open.bigmodel.cn/api/paas/v4", "zai"],
    ["https://api.moonshot.ai/v1", "moonshot"],
    ["https://api.kimi.com/coding/v1", "moonshot"],
    ["https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "qwen"],
    ["https://integrate.api.nvidia.com/v1", "nvidia"],
    ["https://router.huggingface.co/v1", "huggingface"],
    ["https://api.together.xyz/v1", "together"],
    ["https://me.snowflakecomputing.com/api/v2/cortex/v1", "snowflake"],
    ["http://127.0.0.1:11434/v1", "ollama"],
    ["http://localhost:1234/v1", "lmstudio"],
    ["http://localhost:8000/v1", "localhost"],
    ["https://notopenai.com/v1", "notopenai.com"],
    ["https://openai.com.evil.example/v1", "openai.com.evil.example"]
  ])("%s is %s", (url, vendor) => {
    assert.strictEqual(vendorOf(new URL(url)), vendor)
  })

  it.each([
    ["openai", { max_completion_tokens: 9, seed: 1 }],
    ["groq", { max_completion_tokens: 9, seed: 1 }],
    ["mistral", { max_tokens: 9, random_seed: 1 }],
    ["deepseek", { max_tokens: 9, seed: 1 }],
    ["constructor", { max_tokens: 9, seed: 1 }]
  ])("%s is told limit and seed as %j", (vendor, fields) => {
    const { messages: _, stream_options, ...sent } = body(vendor, { settings: { maxOutputTokens: 9, seed: 1 } })
    assert.deepStrictEqual(sent, { model: "m1", stream: true, ...fields })
    assert.deepStrictEqual(stream_options, vendor === "mistral" ? undefined : { include_usage: true })
  })

  it.each([
    ["openai", "low", { reasoning_effort: "low" }],
    ["openrouter", "low", { reasoning: { effort: "low" } }],
    ["snowflake", "low", { reasoning: { effort: "low" } }],
    ["deepseek", "high", { thinking: { type: "enabled" }, reasoning_effort: "high" }],
    ["deepseek", "xhigh", { thinking: { type: "enabled" }, reasoning_effort: "max" }],
    ["deepseek", "none", { thinking: { type: "disabled" } }],
    ["zai", "low", { thinking: { type: "enabled" } }],
    ["zai", "none", { thinking: { type: "disabled" } }],
    ["moonshot", "high", { reasoning_effort: "high" }],
    ["moonshot", "none", { thinking: { type: "disabled" } }],
    ["qwen", "low", { enable_thinking: true }],
    ["qwen", "none", { enable_thinking: false }],
    ["together", "low", { reasoning: { enabled: true }, reasoning_effort: "low" }],
    ["together", "none", { reasoning: { enabled: false } }],
    ["vllm", "low", { reasoning_effort: "low" }],
    ["vllm", "none", { chat_template_kwargs: { enable_thinking: false } }]
  ])("%s is asked for effort %s with %j", (vendor, reasoningEffort, fields) => {
    const {
      messages: _,
      model: __,
      stream: ___,
      stream_options: ____,
      ...sent
    } = body(vendor, {
      settings: { reasoningEffort }
    })
    assert.deepStrictEqual(sent, fields)
  })

  it("what the caller adds goes before what is known", () => {
    const settings = { reasoningEffort: "low", extra: { thinking: { type: "auto" }, tool_choice: "x" } }
    const sent = text("deepseek", { settings, tools: [tool], toolChoice: "none" })
    assert.strictEqual(sent.match(/"thinking":/g)?.length, 1)
    assert.strictEqual(sent.match(/"tool_choice":/g)?.length, 1)
    assert.deepInclude(JSON.parse(sent), { thinking: { type: "auto" }, tool_choice: "x", reasoning_effort: "low" })
  })

  it.each([
    ["openai", "required", { tool_choice: "required" }],
    ["mistral", "required", { tool_choice: "any" }],
    ["deepseek", "auto", {}],
    ["deepseek", "none", { tool_choice: "none" }],
    ["deepseek", "required", { thinking: { type: "disabled" }, tool_choice: "required" }],
    ["qwen", "required", { enable_thinking: false, tool_choice: "required" }]
  ] as const)("%s is told that a call is %s with %j", (vendor, toolChoice, fields) => {
    const { tool_choice, thinking, enable_thinking } = body(vendor, { tools: [tool], toolChoice })
    assert.deepStrictEqual(JSON.parse(JSON.stringify({ tool_choice, thinking, enable_thinking })), fields)
  })

  it("marks tools as strict only where that is known", () => {
    const strict = (vendor: string) => body(vendor, { tools: [tool] }).tools[0].function.strict
    assert.deepStrictEqual([strict("openai"), strict("moonshot"), strict("together")], [true, undefined, undefined])
  })

  describe("calls", () => {
    const sentIds = (vendor: string, id: string, model?: string) => {
      const messages = [Message.assistant([call(id)]), Message.tool([result(id)])]
      const [assistant, results] = body(vendor, { messages }, model).messages
      assert.strictEqual(assistant.tool_calls[0].id, results.tool_call_id)
      return results.tool_call_id
    }

    it.each([
      ["openai", "call_0f3c", "call_0f3c"],
      ["moonshot", "functions.f:0", "functions.f:0"],
      ["mistral", "Ab3def789", "Ab3def789"],
      ["moonshot", "x".repeat(200), "x".repeat(200)]
    ])("TR-28 %s gets the id %s as it is", (vendor, id, sent) => {
      assert.strictEqual(sentIds(vendor, id), sent)
    })

    it.each([
      ["mistral", undefined, /^[a-zA-Z0-9]{9}$/],
      ["openai", undefined, /^.{1,40}$/],
      ["deepseek", undefined, /^.{1,40}$/],
      ["somebody.example", undefined, /^.{1,40}$/],
      ["openrouter", "anthropic/claude-haiku-4.5", /^[a-zA-Z0-9_-]{1,40}$/],
      ["copilot", "claude-sonnet-4.5", /^[a-zA-Z0-9_-]{1,40}$/]
    ])("TR-28 %s %s gets ids that it takes, and different ones for different calls", (vendor, model, form) => {
      const odd = ["call|+/=", "call|+/-", "functions.f:0", "functions.g:0", "", "é"]
      const long = ["a", "b"].flatMap((end) => [`${"x".repeat(90)}${end}`, `${end}${"x".repeat(90)}`])
      const sent = [...odd, ...long].map((id) => sentIds(vendor, id, model))
      assert.deepStrictEqual(
        sent.filter((id) => id !== "" && !form.test(id)),
        []
      )
      assert.strictEqual(new Set(sent).size, sent.length)
    })

    it.prop("TR-28 ids of many calls stay apart at Mistral", [FastCheck.uniqueArray(FastCheck.string())], ([ids]) => {
      assert.strictEqual(new Set(ids.map((id) => sentIds("mistral", id))).size, ids.length)
    })

    it("DeepSeek wants reasoning with every call, even none", () => {
      const messages = [Message.assistant([Part.text("t")]), Message.assistant([call("c")])]
      const sent = body("deepseek", { messages }).messages
      assert.deepStrictEqual(
        sent.map((message: { readonly reasoning_content?: string }) => message.reasoning_content),
        [undefined, ""]
      )
    })
  })

  describe("order", () => {
    const roles = (vendor: string, messages: ReadonlyArray<Message.Message>): ReadonlyArray<string> =>
      body(vendor, { messages }).messages.map(({ role }: { readonly role: string }) => role)
    const asked = [Message.user("u"), Message.assistant([call("c")]), Message.tool([result("c")])]

    it("at Mistral the assistant speaks between a tool and the user", () => {
      const messages = [...asked, Message.user("more")]
      assert.deepStrictEqual(roles("mistral", messages), ["user", "assistant", "tool", "assistant", "user"])
      assert.deepStrictEqual(roles("openai", messages), ["user", "assistant", "tool", "user"])
      assert.strictEqual(body("mistral", { messages }).messages[2].name, "f")
    })

    it("TURN-2 what is said between does not depend on what follows", () => {
      const begin = text("mistral", { messages: asked })
      const whole = text("mistral", { messages: [...asked, Message.user("more"), Message.assistant("a")] })
      assert.strictEqual(whole.slice(0, begin.length - 2), begin.slice(0, -2))
    })

    it("leaves out messages in which only other vendors' reasoning is left", () => {
      const foreign: Part.Reasoning = { type: "reasoning", text: "r", meta: { other: { field: "reasoning" } } }
      const messages = [Message.user("u"), Message.assistant([foreign]), Message.user("v")]
      assert.deepStrictEqual(roles("openai", messages), ["user", "user"])
    })
  })
})
