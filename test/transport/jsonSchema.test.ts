import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as JSONSchema from "effect/JSONSchema"
import * as Schema from "effect/Schema"
import { Unsupported } from "../../src/transport/internal/encoding.ts"
import { closed, everywhere, inlined, isStrict, strictForm, without } from "../../src/transport/internal/jsonSchema.ts"

/** Schemas of the kinds that programs write. */
const { schema: anySchema } = FastCheck.letrec<{ schema: object }>((tie) => {
  const properties = FastCheck.dictionary(
    FastCheck.constantFrom("a", "b", "enum", "items", "type", "$ref"),
    tie("schema")
  )
  return {
    schema: FastCheck.oneof(
      { maxDepth: 4 },
      FastCheck.constantFrom<object>(
        { type: "string", minLength: 1 },
        { type: "number", default: { type: "object" } },
        { enum: [{ type: "object", properties: {} }] },
        { type: "null" }
      ),
      FastCheck.record({
        type: FastCheck.constant("object"),
        properties,
        required: FastCheck.constantFrom([], ["a"], ["a", "b"])
      }),
      tie("schema").map((items) => ({ type: "array", items, uniqueItems: true })),
      FastCheck.array(tie("schema"), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf }))
    )
  }
})

const refused = (adapt: () => unknown): string => {
  try {
    adapt()
    return ""
  } catch (error) {
    assert(error instanceof Unsupported)
    return error.message
  }
}

describe("jsonSchema", () => {
  describe("everywhere", () => {
    it.prop("changing nothing changes nothing", [anySchema], ([schema]) => {
      assert.deepStrictEqual(
        everywhere(schema, (inner) => inner),
        schema
      )
    })

    it("leaves values and names that look like schemas alone", () => {
      const values = { default: { type: "x" }, const: { type: "x" }, enum: [{ type: "x" }], examples: [{ type: "x" }] }
      const schema = { type: "object", properties: { type: { type: "x", ...values } } }
      const seen: Array<unknown> = []
      everywhere(schema, (inner) => {
        seen.push(inner["type"])
        return inner
      })
      assert.deepStrictEqual(seen, ["x", "object"])
    })
  })

  describe("without", () => {
    it.prop("is idempotent, and no schema has the keyword", [anySchema], ([schema]) => {
      const once = without(schema, new Set(["minLength", "uniqueItems"]))
      assert.deepStrictEqual(without(once, new Set(["minLength", "uniqueItems"])), once)
      assert.isFalse(/"(minLength|uniqueItems)":/.test(JSON.stringify(once)))
    })

    it("keeps properties that are called like the keyword", () => {
      const schema = { type: "object", properties: { default: { type: "string", default: "x" } } }
      assert.deepStrictEqual(without(schema, new Set(["default"])), {
        type: "object",
        properties: { default: { type: "string" } }
      })
    })
  })

  describe("closed", () => {
    it.prop("closes every object once, and changes nothing else", [anySchema], ([schema]) => {
      const once = closed(schema)
      assert.deepStrictEqual(closed(once), once)
      assert.deepStrictEqual(without(once, new Set(["additionalProperties"])), schema)
      everywhere(once, (inner) => {
        if (inner["type"] === "object") assert.isFalse(inner["additionalProperties"])
        return inner
      })
    })

    it("leaves objects open that say so", () => {
      const open = { type: "object", additionalProperties: { type: "string" } }
      const pattern = { type: "object", patternProperties: { "^a": {} } }
      assert.deepStrictEqual([closed(open), closed(pattern)], [open, pattern])
    })
  })

  describe("inlined", () => {
    it("puts what is referred to in place of the reference", () => {
      const name = { type: "string" }
      const schema = {
        type: "object",
        properties: { a: { $ref: "#/$defs/A~1b", description: "d" }, c: { $ref: "#/properties/a" } },
        $defs: { "A/b": name }
      }
      const found = { type: "string", description: "d" }
      assert.deepStrictEqual(inlined(schema), { type: "object", properties: { a: found, c: found } })
    })

    it("refuses what cannot be written so", () => {
      const list = { $ref: "#/$defs/L", $defs: { L: { type: "object", properties: { next: { $ref: "#/$defs/L" } } } } }
      assert.include(
        refused(() => inlined(list)),
        "contains itself"
      )
      assert.include(
        refused(() => inlined({ $ref: "#/$defs/None" })),
        "#/$defs/None"
      )
      assert.include(
        refused(() => inlined({ $ref: "https://x/y.json" })),
        "https://x/y.json"
      )
    })

    it("keeps what a schema of Effect means", () => {
      const City = Schema.Struct({ name: Schema.String }).annotations({ identifier: "City" })
      const plain = inlined(JSONSchema.make(Schema.Struct({ from: City, to: City })))
      assert.isFalse(JSON.stringify(plain).includes("$ref"))
      assert.isTrue(isStrict(plain))
    })
  })

  describe("strictForm", () => {
    it("takes what programs write", () => {
      const Answer = Schema.Struct({
        name: Schema.NonEmptyString,
        size: Schema.NullOr(Schema.Literal("s", "m")),
        count: Schema.Int,
        list: Schema.Array(Schema.Struct({ a: Schema.Boolean }))
      })
      const form = strictForm(JSONSchema.make(Answer))
      assert(form !== undefined)
      assert.isTrue(isStrict(form))
      assert.isFalse(/"(\$schema|minLength)":/.test(JSON.stringify(form)))
    })

    it("closes objects that do not say whether they are open", () => {
      assert.deepStrictEqual(strictForm({ type: "object", properties: { a: { type: "string" } }, required: ["a"] }), {
        type: "object",
        properties: { a: { type: "string" } },
        required: ["a"],
        additionalProperties: false
      })
    })

    it.each<[string, object]>([
      ["optional fields", JSONSchema.make(Schema.Struct({ a: Schema.optional(Schema.String) }))],
      ["open records", JSONSchema.make(Schema.Record({ key: Schema.String, value: Schema.String }))],
      ["no object", JSONSchema.make(Schema.Array(Schema.String))],
      ["anything", JSONSchema.make(Schema.Struct({ a: Schema.Unknown }))],
      ["tuples", JSONSchema.make(Schema.Struct({ a: Schema.Tuple(Schema.String, Schema.Number) }))],
      ["allOf", { type: "object", properties: { a: { type: "string", allOf: [] } }, required: ["a"] }]
    ])("has no form for %s", (_, schema) => {
      assert.strictEqual(strictForm(schema), undefined)
    })

    it.prop("what it makes is strict, and stays as it is", [anySchema], ([schema]) => {
      const form = strictForm(schema)
      if (form === undefined) return
      assert.isTrue(isStrict(form))
      assert.deepStrictEqual(strictForm(form), form)
    })
  })
})
