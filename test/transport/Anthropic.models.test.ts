import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as JSONSchema from "effect/JSONSchema"
import * as Schema from "effect/Schema"
import * as Message from "../../src/domain/Message.ts"
import type * as Part from "../../src/domain/Part.ts"
import { betasOf, factsOf } from "../../src/transport/internal/anthropic.ts"
import * as Encode from "../../src/transport/internal/anthropicEncode.ts"
import * as Transport from "../../src/transport/Transport.ts"

const encoded = (id: string, request: Partial<Transport.Request>, isOfficial = false) =>
  Encode.make({ vendor: "anthropic", id }, { cache: false, isOfficial }).encode(
    Transport.request({ messages: [Message.user("u")], ...request })
  )

const body = (...asked: Parameters<typeof encoded>) => JSON.parse(Either.getOrThrowWith(encoded(...asked), Error))

const tool: Transport.ToolSpec = { name: "f", inputSchema: { type: "object" } }

describe("Anthropic models", () => {
  it.each([
    ["claude-3-haiku-20240307", "none", "both", false],
    ["claude-3-5-sonnet-20240620", "none", "both", false],
    ["claude-3-7-sonnet-20250219", "budget", "both", false],
    ["claude-opus-4-20250514", "budget", "both", false],
    ["claude-opus-4-1-20250805", "budget", "one", true],
    ["claude-haiku-4-5-20251001", "budget", "one", true],
    ["claude-opus-4-5-20251101", "budget", "one", true],
    ["claude-sonnet-4-6", "adaptive", "one", true],
    ["claude-opus-4-7", "adaptive", "none", true],
    ["anthropic/claude-opus-4.7", "adaptive", "none", true],
    ["claude-fable-5", "adaptive", "none", true],
    ["claude-haiku-5-5", "adaptive", "none", true],
    ["claude-opus-6", "adaptive", "none", true],
    ["claude-sonnet-latest", "adaptive", "none", true],
    ["glm-5", "budget", "both", false]
  ] as const)("%s thinks by %s, samples by %s, binds answers: %s", (id, thinking, sampling, jsonSchema) => {
    const facts = factsOf(id)
    assert.deepStrictEqual([facts.thinking, facts.sampling, facts.jsonSchema], [thinking, sampling, jsonSchema])
  })

  describe("reasoningEffort", () => {
    const asked = (id: string, reasoningEffort: string, more: Partial<Transport.Request> = {}) => {
      const { output_config, temperature, thinking } = body(id, {
        settings: { reasoningEffort, temperature: 0.5 },
        ...more
      })
      return [thinking, output_config?.effort, temperature]
    }
    const budget = (budget_tokens: number) => ({ type: "enabled", budget_tokens })
    const summarized = { type: "adaptive", display: "summarized" }

    it("is a budget, a level of effort, or nothing", () => {
      assert.deepStrictEqual(asked("claude-3-5-sonnet-20240620", "high"), [undefined, undefined, 0.5])
      assert.deepStrictEqual(asked("claude-sonnet-4-5", "medium"), [budget(10_000), undefined, undefined])
      assert.deepStrictEqual(asked("claude-opus-4-5", "max"), [budget(30_976), "high", undefined])
      assert.deepStrictEqual(asked("claude-opus-4-6", "xhigh"), [{ type: "adaptive" }, "max", undefined])
      assert.deepStrictEqual(asked("claude-opus-4-8", "xhigh"), [summarized, "xhigh", undefined])
      assert.deepStrictEqual(asked("claude-opus-5", "minimal"), [summarized, "low", undefined])
    })

    it("turns thinking off where that is possible", () => {
      assert.deepStrictEqual(asked("claude-sonnet-4-5", "none"), [undefined, undefined, 0.5])
      assert.deepStrictEqual(asked("claude-opus-4-8", "none"), [undefined, undefined, undefined])
      assert.deepStrictEqual(asked("claude-opus-5", "none"), [{ type: "disabled" }, undefined, undefined])
      assert.deepStrictEqual(asked("claude-sonnet-5-5", "none"), [{ type: "between_tools" }, undefined, undefined])
      assert.deepStrictEqual(asked("claude-opus-5-5", "none"), [summarized, "low", undefined])
    })

    it("leaves a budget out where it would be refused", () => {
      const id = "claude-sonnet-4-5"
      const small = { settings: { reasoningEffort: "high", maxOutputTokens: 2000 } }
      assert.deepStrictEqual(asked(id, "high", small)[0], undefined)
      assert.deepStrictEqual(asked(id, "high", { tools: [tool], toolChoice: "required" })[0], undefined)
      const call: Part.ToolCall = { type: "tool-call", id: "call_r_1", name: "f", input: "{}" }
      const thought: Part.Reasoning = { type: "reasoning", text: "t", meta: { anthropic: { type: "thinking" } } }
      const during = (parts: ReadonlyArray<Part.Part>) =>
        asked(id, "low", { messages: [Message.user("u"), Message.assistant(parts)] })
      assert.deepStrictEqual(during([call])[0], undefined)
      assert.deepStrictEqual(during([thought, call])[0], budget(4096))
      assert.include(
        Either.getOrThrowWith(Either.flip(encoded(id, { settings: { reasoningEffort: "huge" } })), Error),
        "huge"
      )
    })

    it("drops thinking that a changed conversation made stale, where the vendor itself is asked", () => {
      const block_binding = { prefix_mismatch_behavior: "drop_block" }
      assert.deepStrictEqual(body("claude-opus-5-5", {}, true).thinking, { type: "adaptive", block_binding })
      assert.strictEqual(body("claude-opus-5-5", {}).thinking, undefined)
      assert.strictEqual(body("claude-opus-5", {}, true).thinking, undefined)
    })
  })

  it("asks for what is behind a header", () => {
    const provided = (type: string) => ({ ...tool, provider: { id: `anthropic.${type}`, name: "x", args: {} } })
    const tools = [provided("computer_20251124"), provided("web_search_20250305"), tool]
    assert.deepStrictEqual(betasOf(tools, factsOf("claude-opus-4-8"), true), ["computer-use-2025-11-24"])
    assert.deepStrictEqual(betasOf([], factsOf("claude-sonnet-5-5"), true), ["thinking-binding-controls-2026-08-01"])
    assert.deepStrictEqual(betasOf([], factsOf("claude-sonnet-5-5"), false), [])
  })

  describe("responseFormat", () => {
    const asked = (id: string, schema: object | undefined, more: Partial<Transport.Request> = {}) =>
      body(id, {
        responseFormat: { type: "json", name: "person", schema },
        messages: [Message.system("s"), Message.user("u")],
        ...more
      })

    it("binds the answer to what the vendor knows of the schema", () => {
      const Person = Schema.Struct({
        name: Schema.NonEmptyString,
        age: Schema.Int.pipe(Schema.between(0, 150)),
        role: Schema.Literal("a", "b"),
        tags: Schema.Array(Schema.String.pipe(Schema.pattern(/x/))).pipe(Schema.minItems(3)),
        mail: Schema.optional(Schema.NullOr(Schema.String))
      })
      assert.deepStrictEqual(asked("claude-opus-4-8", JSONSchema.make(Person)).output_config.format, {
        type: "json_schema",
        schema: {
          type: "object",
          required: ["name", "age", "role", "tags"],
          properties: {
            name: { type: "string", description: "a non empty string", title: "nonEmptyString" },
            age: { type: "integer", description: "a number between 0 and 150", title: "between(0, 150)" },
            role: { type: "string", enum: ["a", "b"] },
            tags: {
              type: "array",
              items: { type: "string", description: "a string matching the pattern x" },
              description: "an array of at least 3 item(s)",
              title: "minItems(3)"
            },
            mail: { anyOf: [{ type: "string" }, { type: "null" }] }
          },
          additionalProperties: false
        }
      })
    })

    it("keeps effort beside the form", () => {
      const both = asked(
        "claude-opus-4-8",
        { type: "object", properties: {} },
        { settings: { reasoningEffort: "low" } }
      )
      assert.deepStrictEqual(both.output_config, {
        effort: "low",
        format: { type: "json_schema", schema: { type: "object", properties: {}, additionalProperties: false } }
      })
    })

    const Counts = JSONSchema.make(Schema.Record({ key: Schema.String, value: Schema.Number }))
    interface Tree {
      readonly children: ReadonlyArray<Tree>
    }
    const Tree: Schema.Schema<Tree> = Schema.Struct({
      children: Schema.Array(Schema.suspend((): Schema.Schema<Tree> => Tree))
    }).annotations({ identifier: "Tree" })

    it.each([
      ["an old model", "claude-3-7-sonnet-20250219", JSONSchema.make(Schema.Struct({ a: Schema.String }))],
      ["properties of any name", "claude-opus-4-8", Counts],
      ["a value of any kind", "claude-opus-4-8", JSONSchema.make(Schema.Struct({ a: Schema.Unknown }))],
      ["a schema that contains itself", "claude-opus-4-8", JSONSchema.make(Tree)]
    ])("asks for the arguments of a tool instead: %s", (_, id, schema) => {
      const { output_config, tool_choice, tools } = asked(id, schema)
      assert.deepStrictEqual([output_config, tool_choice], [undefined, { type: "tool", name: "person" }])
      assert.strictEqual(tools[0].name, "person")
      assert.strictEqual(asked(id, schema, { tools: [tool] }).tool_choice.type, "any")
    })

    it("asks in words where nothing else is left, behind what is kept in the cache", () => {
      const words = (id: string, schema: object | undefined) =>
        asked(id, schema).system.map(({ text }: Part.Text) => text)
      assert.include(words("claude-opus-5-5", Counts)[1], JSON.stringify(Counts))
      assert.match(words("claude-opus-4-8", undefined)[1], /one JSON object/)
    })
  })
})
