import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import * as JSONSchema from "effect/JSONSchema"
import * as Schema from "effect/Schema"
import { adapted, parameters } from "../../src/transport/internal/geminiSchema.ts"

type Json = { readonly [name: string]: unknown }
const record = (value: unknown): Json => (typeof value === "object" && value !== null ? { ...value } : {})
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

const typeOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value)

/** Whether the value fits the schema, as far as the API reads schemas. */
const fits = (value: unknown, schema: Json, root: Json = schema): boolean => {
  if (typeof schema["$ref"] === "string") {
    const target = record(record(root["$defs"])[schema["$ref"].replace("#/$defs/", "")])
    return Object.keys(target).length > 0 && fits(value, target, root)
  }
  const inner = (item: unknown, found: unknown): boolean => found === undefined || fits(item, record(found), root)
  const types = [schema["type"] ?? []].flat().map((type) => (type === "integer" ? "number" : type))
  if (types.length > 0 && !types.includes(typeOf(value))) return false
  if (schema["enum"] !== undefined && !list(schema["enum"]).includes(value)) return false
  if (schema["anyOf"] !== undefined && !list(schema["anyOf"]).some((one) => inner(value, one))) return false
  if (typeof value === "number") {
    return value >= Number(schema["minimum"] ?? -Infinity) && value <= Number(schema["maximum"] ?? Infinity)
  }
  if (Array.isArray(value)) {
    const places = list(schema["prefixItems"])
    if (value.length < Number(schema["minItems"] ?? 0) || value.length > Number(schema["maxItems"] ?? Infinity))
      return false
    return value.every((item, index) => inner(item, index < places.length ? places[index] : schema["items"]))
  }
  if (typeof value !== "object" || value === null) return true
  const named = record(schema["properties"])
  const rest = schema["additionalProperties"]
  const has = (name: unknown) => typeof name === "string" && name in value
  return (
    list(schema["required"]).every(has) &&
    Object.entries(value).every(([name, item]) =>
      name in named ? inner(item, named[name]) : rest !== false && inner(item, rest === true ? {} : rest)
    )
  )
}

const known =
  /^(\$defs|\$ref|type|title|description|enum|anyOf|properties|required|additionalProperties|items|prefixItems|m(in|ax)(Items|imum)|format)$/

/** The words of a schema that the API does not know. */
const foreign = (schema: unknown): ReadonlyArray<string> =>
  Object.entries(record(schema)).flatMap(([name, value]) => [
    ...(known.test(name) ? [] : [name]),
    ...(name === "properties" || name === "$defs"
      ? Object.values(record(value)).flatMap(foreign)
      : ["anyOf", "prefixItems"].includes(name)
        ? list(value).flatMap(foreign)
        : ["items", "additionalProperties"].includes(name)
          ? foreign(value)
          : [])
  ])

interface Tree {
  readonly name: string
  readonly kids: ReadonlyArray<Tree>
}
const Tree = Schema.Struct({
  name: Schema.String,
  kids: Schema.Array(Schema.suspend((): Schema.Schema<Tree> => Tree))
}).annotations({ identifier: "Tree" })

class Point extends Schema.Class<Point>("Point")({
  x: Schema.Finite.pipe(Schema.greaterThan(0), Schema.lessThan(9))
}) {}

const Everything = Schema.Struct({
  choice: Schema.optional(Schema.Literal("a", 1, true, null)),
  pair: Schema.Tuple(Schema.String, Schema.Finite),
  more: Schema.Tuple([Schema.Boolean], Schema.Int),
  byName: Schema.Record({ key: Schema.String, value: Schema.Finite }),
  byPattern: Schema.Record({ key: Schema.TemplateLiteral("x", Schema.Number), value: Schema.Boolean }),
  text: Schema.NonEmptyTrimmedString,
  either: Schema.Union(
    Schema.Struct({ _tag: Schema.Literal("l") }),
    Schema.Struct({ _tag: Schema.Literal("r"), n: Schema.Int })
  ),
  few: Schema.Array(Schema.NullOr(Schema.String)).pipe(Schema.minItems(1), Schema.maxItems(3))
})

describe("Gemini schema", () => {
  const cases: ReadonlyArray<readonly [string, Schema.Schema.Any]> = [
    ["a class", Point],
    ["a recursive structure", Tree],
    ["everything at once", Everything]
  ]

  it.each(cases)("takes every value of %s, in words that the API knows", (_, schema) => {
    const original = JSONSchema.make(Schema.make<unknown, unknown>(schema.ast))
    const made = record(adapted(original))
    assert.deepStrictEqual(foreign(made), [])
    assert.deepStrictEqual(adapted(original), adapted(structuredClone(original)))
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(Schema.make<unknown, unknown>(schema.ast)), (value) => {
        assert.isTrue(fits(JSON.parse(JSON.stringify(value)), made), JSON.stringify([value, made]))
      })
    )
  })

  it("keeps what it can of what other tools say", () => {
    const made = adapted({
      $schema: "x",
      type: "object",
      definitions: {
        B: {
          type: "object",
          properties: { x: { type: "string", format: "uuid", description: "d" } },
          required: ["x", "zz"]
        }
      },
      allOf: [{ $ref: "#/definitions/B" }, { properties: { y: { const: "k" } }, required: ["y"] }],
      properties: {
        any: true,
        none: false,
        list: { type: "array", items: true },
        mixed: { enum: [1, null] },
        bounds: { type: "integer", exclusiveMinimum: 1, maximum: 5, multipleOf: 2 },
        when: { type: "string", format: "date-time" },
        same: { $ref: "#/properties/when", description: "told" },
        byName: { type: "object", patternProperties: { "": { type: "number" } } },
        one: { oneOf: [{ type: "string", minLength: 1 }, false] }
      },
      patternProperties: { "^x": { type: "number" } },
      additionalProperties: false
    })
    assert.deepStrictEqual<unknown>(JSON.parse(JSON.stringify(made)), {
      type: "object",
      properties: {
        y: { type: "string", enum: ["k"] },
        x: { type: "string", description: "d (format: uuid)" },
        any: {},
        list: { type: "array" },
        mixed: { type: ["number", "null"] },
        bounds: { type: "integer", minimum: 1, maximum: 5 },
        when: { type: "string", format: "date-time" },
        same: { type: "string", format: "date-time", description: "told" },
        byName: { type: "object", additionalProperties: { type: "number" } },
        one: { anyOf: [{ type: "string" }] }
      },
      required: ["x", "y"],
      additionalProperties: { type: "number" }
    })
  })

  it("a schema that contains itself through all of its members becomes wider", () => {
    const made = adapted({
      $ref: "#/$defs/Node",
      $defs: {
        Node: {
          allOf: [{ $ref: "#/$defs/Node" }, { type: "object", properties: { a: {} } }],
          additionalProperties: false
        }
      }
    })
    assert.deepStrictEqual<unknown>(made, { type: "object", properties: { a: {} } })
  })

  it("arguments are an object", () => {
    assert.deepStrictEqual<unknown>(parameters(JSONSchema.make(Schema.Struct({}))), { type: "object" })
    assert.deepStrictEqual<unknown>(parameters({}), { type: "object" })
    const some = { anyOf: [{ type: "object" }, { type: "null" }, { properties: {} }] }
    assert.deepStrictEqual<unknown>(parameters(some), { anyOf: [{ type: "object" }, { properties: {} }] })
  })
})
