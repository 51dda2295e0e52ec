import { assert, describe, it } from "@effect/vitest"
import * as JSONSchema from "effect/JSONSchema"
import * as Schema from "effect/Schema"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import { Unsupported } from "../../src/transport/internal/encoding.ts"
import { historyOf } from "../../src/transport/internal/llamaCppHistory.ts"
import { Pool } from "../../src/transport/internal/llamaCppPool.ts"
import * as Schemas from "../../src/transport/internal/llamaCppSchema.ts"
import { samplingOf } from "../../src/transport/internal/llamaCppSettings.ts"

// Plain values to compare with plain values.
const grammarOf = (schema: unknown): object => Schemas.grammarOf(schema)
const documentationOf = (schema: unknown): object => Schemas.documentationOf(schema)

const anything: object = {
  oneOf: [
    { type: ["string", "number", "boolean", "null"] },
    { type: "object", additionalProperties: true },
    { type: "array" }
  ]
}

describe("LlamaCpp schemas", () => {
  it.each<readonly [title: string, schema: object, expected: object]>([
    ["literals stay", { enum: ["a", 1, null] }, { enum: ["a", 1, null] }],
    ["literals that are no scalars are anything", { enum: [{ a: 1 }] }, anything],
    ["bounds of numbers are left out", { type: "integer", minimum: 3, multipleOf: 2 }, { type: "integer" }],
    [
      "patterns are left out, lengths stay",
      { type: "string", pattern: "^a", maxLength: 9 },
      { type: "string", maxLength: 9 }
    ],
    ["lengths that make grammars slow are left out", { type: "string", maxLength: 5000 }, { type: "string" }],
    ["dates are kept, other formats left out", { type: "string", format: "uuid" }, { type: "string" }],
    ["several types are alternatives", { type: ["string", "null"] }, { oneOf: [{ type: "string" }, { type: "null" }] }],
    [
      "alternatives keep what stands beside them",
      { type: "object", properties: { a: { type: "null" } }, required: ["a"], anyOf: [{ required: ["a"] }] },
      { type: "object", properties: { a: { type: "null" } } }
    ],
    [
      "parts of a whole are put together",
      {
        allOf: [
          { type: "object", properties: { a: { const: 1 } }, required: ["a"] },
          { properties: { b: { const: 2 } }, required: ["b"] }
        ]
      },
      { type: "object", properties: { a: { const: 1 }, b: { const: 2 } } }
    ],
    ["references are followed", { $ref: "#/$defs/a~1b", $defs: { "a/b": { type: "boolean" } } }, { type: "boolean" }],
    [
      "a tuple ends with its elements",
      { type: "array", prefixItems: [{ const: 1 }], items: false },
      { type: "array", prefixItems: [{ const: 1 }], maxItems: 1 }
    ],
    [
      "lists keep their bounds",
      { type: "array", items: { const: 1 }, minItems: 1, maxItems: 3 },
      { type: "array", items: { const: 1 }, minItems: 1, maxItems: 3 }
    ],
    [
      "an object that says nothing is open",
      { type: "object" },
      { type: "object", properties: {}, additionalProperties: true }
    ],
    ["what says nothing is anything", {}, anything]
  ])("%s", (_, schema, expected) => {
    assert.deepStrictEqual(grammarOf(schema), expected)
  })

  it("optional properties may be left out", () => {
    const schema = {
      type: "object",
      properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } },
      required: ["b"]
    }
    const of = (...names: ReadonlyArray<"a" | "b" | "c">) => ({
      type: "object",
      properties: Object.fromEntries(names.map((name) => [name, { const: { a: 1, b: 2, c: 3 }[name] }]))
    })
    assert.deepStrictEqual(grammarOf(schema), { oneOf: [of("a", "b", "c"), of("b", "c"), of("a", "b"), of("b")] })
  })

  it("many optional properties make few alternatives", () => {
    const names = Array.from({ length: 12 }, (_, index) => `p${index}`)
    const schema = { type: "object", properties: Object.fromEntries(names.map((name) => [name, { const: 1 }])) }
    const grammar = grammarOf(schema)
    assert.strictEqual("oneOf" in grammar && Array.isArray(grammar.oneOf) && grammar.oneOf.length, names.length + 2)
  })

  it("a schema that contains itself is followed once", () => {
    interface Tree {
      readonly children: ReadonlyArray<Tree>
    }
    const Tree = Schema.Struct({
      children: Schema.Array(Schema.suspend((): Schema.Schema<Tree> => Tree))
    }).annotations({ identifier: "Tree" })
    assert.deepStrictEqual(grammarOf(JSONSchema.make(Tree)), {
      type: "object",
      properties: { children: { type: "array", items: anything } }
    })
  })

  it("the model is shown every property once, and which are optional", () => {
    const schema = {
      type: "object",
      description: "Where",
      properties: { a: { const: 1, description: "First" }, b: { const: 2 } },
      required: ["a"]
    }
    assert.deepStrictEqual(documentationOf(schema), {
      type: "object",
      description: "Where",
      properties: { a: { const: 1, description: "First" }, b: { const: 2, description: "Optional." } },
      required: ["a"]
    })
  })

  it("no parameters are told from any", () => {
    assert.deepStrictEqual(
      [
        { type: "object", properties: {}, additionalProperties: false },
        { type: "object", additionalProperties: false },
        { type: "object" },
        { type: "object", properties: { a: {} } },
        {}
      ].map(Schemas.isEmpty),
      [true, true, false, false, false]
    )
  })
})

const call = (id: string, meta?: Part.Meta): Part.ToolCall => ({
  type: "tool-call",
  id,
  name: "my tool",
  input: '{"a":1}',
  ...(meta === undefined ? undefined : { meta })
})
const result = (id: string, content: Part.ToolResult["content"], outcome: Part.ToolResult["outcome"] = "ok") => ({
  type: "tool-result" as const,
  id,
  name: "my tool",
  outcome,
  content
})

describe("LlamaCpp histories", () => {
  it("calls hold their results, and an answer goes on after them", () => {
    const raw = ["||call: my_tool", { type: "specialTokensText", value: "(" }]
    const history = historyOf([
      Message.system("Be brief."),
      Message.user([Part.text("Go"), Part.file("application/json", { text: "{}" }, "x.json")]),
      Message.assistant([
        { type: "reasoning", text: "hm", meta: { llamacpp: { segment: "thought" } } },
        { type: "reasoning", text: "from elsewhere", meta: { other: {} } },
        Part.text("Well."),
        call("1", { llamacpp: { raw } }),
        call("2", { llamacpp: { raw: [{ type: "unknown" }] } }),
        { ...call("3"), transportExecuted: true }
      ]),
      Message.tool([result("2", [], "denied"), result("1", [{ type: "json", value: { ok: true } }])]),
      Message.assistant("Done."),
      Message.user("Thanks")
    ])
    const name = "my_tool_0c89d7e9"
    assert.deepStrictEqual(JSON.parse(JSON.stringify(history).replaceAll(/my_tool_[0-9a-f]{8}/g, name)), [
      { type: "system", text: "Be brief." },
      { type: "user", text: "Go\n\nx.json:\n{}" },
      {
        type: "model",
        response: [
          { type: "segment", segmentType: "thought", text: "hm", ended: true },
          "Well.",
          { type: "functionCall", name, params: { a: 1 }, result: { ok: true }, startsNewChunk: true, rawCall: raw },
          {
            type: "functionCall",
            name,
            params: { a: 1 },
            result: "The call ended with: denied.",
            startsNewChunk: false
          },
          "Done."
        ]
      },
      { type: "user", text: "Thanks" }
    ])
  })

  it("AM-32 files that are no text are refused, those of results are named", () => {
    const image = Part.file("image/png", { base64: "AAAA" }, "cat.png")
    const document = Part.file("text/plain", { url: "https://example.com/a.txt" })
    for (const file of [image, document]) assert.throws(() => historyOf([Message.user([file])]), Unsupported)
    const [, model] = historyOf([
      Message.user("x"),
      Message.assistant([call("1")]),
      Message.tool([result("1", [image])])
    ])
    const [made] = model?.type === "model" ? model.response : []
    assert.strictEqual(typeof made === "object" && "result" in made && made.result, "[image/png cat.png]")
  })
})

describe("LlamaCpp settings", () => {
  it("settings become what the sampler knows", () => {
    assert.deepStrictEqual(
      samplingOf({
        temperature: 0.5,
        topP: 0.9,
        seed: 7,
        stop: ["a", ""],
        reasoningEffort: "none",
        extra: { topK: 40, minP: 0.1, repeatPenalty: false, xtc: { probability: 0.5, threshold: 0.1 } }
      }),
      {
        temperature: 0.5,
        topP: 0.9,
        seed: 7,
        customStopTriggers: ["a"],
        budgets: { thoughtTokens: 0 },
        topK: 40,
        minP: 0.1,
        repeatPenalty: false,
        xtc: { probability: 0.5, threshold: 0.1 }
      }
    )
  })

  it("what it does not know is refused", () => {
    for (const extra of [{ topK: "40" }, { xtc: 1 }, { xtc: { other: 1 } }, { signal: 1 }, { functions: {} }]) {
      assert.throws(() => samplingOf({ extra }), Unsupported)
    }
  })
})

/** A sequence whose state is a text. */
const sequence = (state: string) => ({
  state,
  nextTokenIndex: state.length,
  compareContextTokens: (tokens: Array<string>) => {
    const index = tokens.findIndex((token, at) => token !== state[at])
    return { firstDifferentIndex: index < 0 ? tokens.length : index }
  }
})

describe("LlamaCpp pools", () => {
  const chosen = (states: ReadonlyArray<string>, prompt: string): string | undefined => {
    let state: string | undefined
    new Pool<string, ReturnType<typeof sequence>>(states.map(sequence)).take([...prompt], (taken) => {
      state = taken.state
    })
    return state
  }

  it("a conversation goes on where it was", () => {
    assert.strictEqual(chosen(["", "abcx", "abcd"], "abcdef"), "abcd")
  })

  it("a long conversation is not given up for a common beginning", () => {
    assert.strictEqual(chosen(["system and a long conversation", ""], "system and another"), "")
  })

  it("among equals the one that was unused longest is taken", () => {
    const pool = new Pool<string, ReturnType<typeof sequence>>([sequence("x"), sequence("y")])
    const taken: Array<string> = []
    pool.take([], (first) => {
      taken.push(first.state)
      pool.give(first)
    })
    pool.take([], (second) => taken.push(second.state))
    assert.deepStrictEqual(taken, ["x", "y"])
  })

  it("who waits is served in turn, who left is not", () => {
    const pool = new Pool<string, ReturnType<typeof sequence>>([sequence("x")])
    const served: Array<number> = []
    const [only] = [sequence("x")]
    pool.take([], () => served.push(0))
    pool.take([], () => served.push(1))
    const leave = pool.take([], () => served.push(2))
    pool.take([], () => served.push(3))
    leave()
    pool.give(only)
    pool.give(only)
    assert.deepStrictEqual(served, [0, 1, 3])
    pool.close()
    pool.take([], () => served.push(4))
    assert.deepStrictEqual(served, [0, 1, 3])
  })
})
