/**
 * Answers of a given form with every vendor: the schema goes out as the vendor takes it and never narrower, and the answer
 * comes back as text that is the JSON of the same value, however it was asked for.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as JSONSchema from "effect/JSONSchema"
import * as Schema from "effect/Schema"
import * as Message from "../../src/domain/Message.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { answerOf } from "../support/answers.ts"
import { numRuns } from "../support/generated.ts"
import { accepts, boundly, googly, strictly } from "../support/jsonSchema.ts"
import type { Vendor } from "../support/vendors.ts"
import { taken, vendors } from "../support/vendors.ts"
import * as Wire from "../support/wire.ts"

const object = (properties: object, required: ReadonlyArray<string> = Object.keys(properties), more: object = {}) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
  ...more
})
const text = { type: "string" }
const number = { type: "number" }
const tree = object({ label: text, kids: { type: "array", items: { $ref: "#/$defs/Tree" } } })

/** Schemas of all kinds, each with a value. */
const table: { readonly [name: string]: readonly [schema: object, value: unknown] } = {
  flat: [object({ city: text, degrees: number }), { city: "Oslo", degrees: 1.5 }],
  nested: [object({ a: object({ b: object({ c: { type: "boolean" } }) }) }), { a: { b: { c: true } } }],
  optional: [object({ a: text, b: text }, ["a"]), { a: "x" }],
  open: [{ type: "object", properties: { a: text }, required: ["a"] }, { a: "x" }],
  nullable: [object({ a: { anyOf: [text, { type: "null" }] }, b: { type: ["number", "null"] } }), { a: null, b: null }],
  choices: [
    object({ a: { enum: ["x", "y"] }, b: { const: 2 }, c: { enum: ["x", 1, null] } }),
    { a: "y", b: 2, c: null }
  ],
  unions: [
    object({ list: { type: "array", items: { anyOf: [object({ a: text }), object({ b: number })] } } }),
    { list: [{ a: "x" }, { b: 1 }] }
  ],
  oneOf: [object({ a: { oneOf: [object({ a: text }), object({ b: number })] } }), { a: { b: 1 } }],
  definitions: [
    object({ a: { $ref: "#/$defs/A" }, b: { $ref: "#/$defs/A" } }, ["a", "b"], { $defs: { A: text } }),
    { a: "x", b: "y" }
  ],
  described: [
    object(
      { a: { $ref: "#/$defs/A", description: "An A." }, b: { allOf: [{ $ref: "#/$defs/A" }], description: "B." } },
      ["a", "b"],
      {
        $defs: { A: object({ x: text }) }
      }
    ),
    { a: { x: "x" }, b: { x: "y" } }
  ],
  referred: [
    {
      $schema: "http://json-schema.org/draft-07/schema#",
      $defs: { City: object({ city: text }) },
      $ref: "#/$defs/City"
    },
    { city: "Oslo" }
  ],
  recursive: [
    { $defs: { Tree: tree }, $ref: "#/$defs/Tree" },
    { label: "a", kids: [{ label: "b", kids: [] }] }
  ],
  inner: [
    object({ tree: { $ref: "#/$defs/Tree" } }, ["tree"], { $defs: { Tree: tree } }),
    { tree: { label: "a", kids: [] } }
  ],
  bounds: [
    object({
      a: { type: "string", minLength: 1, maxLength: 5, pattern: "^x" },
      b: { type: "string", format: "uri" },
      c: { type: "string", format: "date-time" },
      d: { type: "integer", minimum: 1, maximum: 9 },
      e: { type: "array", items: text, minItems: 1, maxItems: 3 }
    }),
    { a: "xy", b: "https://x/", c: "2026-01-01T00:00:00Z", d: 3, e: ["x"] }
  ],
  record: [
    { type: "object", additionalProperties: number },
    { x: 1, "y z": 2 }
  ],
  patterns: [object({}, [], { patternProperties: { "^a": number } }), { ab: 1 }],
  tuple: [object({ pair: { type: "array", items: [text, number], additionalItems: false } }), { pair: ["x", 1] }],
  list: [{ type: "array", items: text }, ["a", "b"]],
  listOfTrees: [{ type: "array", items: { $ref: "#/$defs/Tree" }, $defs: { Tree: tree } }, [{ label: "a", kids: [] }]],
  word: [text, 'say "hi"'],
  either: [{ anyOf: [object({ a: text }), object({ value: number })] }, { value: 1 }],
  odd: [
    object({ "a b": text, "$x/y~z": text, größe: text, "": text }),
    { "a b": "1", "$x/y~z": "2", größe: "3", "": "4" }
  ]
}

/** Schemas of arguments, each with a value. */
const toolSchemas: typeof table = {
  bare: [{ properties: { a: text } }, { a: "x" }],
  empty: [{ type: "object" }, {}],
  "of any kind": [{ type: "object" }, { any: 1 }],
  none: [object({}), {}],
  referred: [{ $defs: { City: object({ city: text }) }, $ref: "#/$defs/City" }, { city: "Oslo" }],
  recursive: [
    { $defs: { Tree: tree }, $ref: "#/$defs/Tree" },
    { label: "a", kids: [{ label: "b", kids: [] }] }
  ],
  unions: [{ anyOf: [object({ a: text }), object({ a: number, b: text })] }, { a: 1, b: "x" }],
  "unions of references": [
    { oneOf: [{ $ref: "#/$defs/A" }, object({ b: text })], $defs: { A: object({ a: text }) } },
    { a: "x" }
  ],
  intersections: [{ type: "object", allOf: [{ properties: { a: text } }, { properties: { b: text } }] }, { a: "x" }],
  bounded: [
    object({ a: { type: "string", minLength: 1, format: "uri" }, b: { type: "integer", minimum: 1 } }),
    { a: "x", b: 1 }
  ],
  optional: [object({ a: text, b: text }, ["a"]), { a: "x" }]
}

const tool: Transport.ToolSpec = { name: "look", inputSchema: { type: "object", properties: { q: text } } }

const ask = (schema: object, tools: ReadonlyArray<Transport.ToolSpec> = []) =>
  Transport.request({
    messages: [Message.user("Say it.")],
    responseFormat: { type: "json", name: "form", schema },
    tools
  })

interface Found {
  readonly way: "native" | "forced" | "told"
  readonly schema: unknown
  readonly problems: ReadonlyArray<string>
  readonly tools: ReadonlyArray<string>
}

/** How the body asks for the form. */
const found = (vendor: Vendor, text: string): Found => {
  const body = JSON.parse(text)
  const list: ReadonlyArray<Record<string, never>> = body.tools ?? []
  const offered = list.flatMap((item) => item["functionDeclarations"] ?? [item["function"] ?? item])
  const tools = offered.map(({ name }) => String(name))
  const form = offered.find(({ name }) => name === "form")
  const forced = form?.["parameters"] ?? form?.["parametersJsonSchema"] ?? form?.["input_schema"]
  const chat = body.response_format?.json_schema ?? body.text?.format
  const native =
    chat?.schema ?? body.output_config?.format?.schema ?? body.generationConfig?.responseJsonSchema ?? body.format
  const problems = [
    ...(chat?.strict === true ? strictly(chat.schema) : []),
    ...(chat !== undefined && chat.schema.type !== "object" ? ["the root is no object"] : []),
    ...(vendor.meta === "anthropic" && native !== undefined ? boundly(native) : []),
    ...(vendor.meta === "google" ? googly(native ?? forced) : [])
  ]
  const way = native !== undefined ? "native" : forced === undefined ? "told" : "forced"
  return { way, schema: native ?? forced, problems, tools }
}

/** The value as it stands under the schema that was sent: as it is, or in an object. */
const placed = ({ schema, way }: Found, value: unknown): unknown => {
  if (way === "told" || accepts(schema, value)) return value
  assert.isTrue(accepts(schema, { value }), `${JSON.stringify(schema)} refuses ${JSON.stringify(value)}`)
  return { value }
}

/** How vendors are asked for a plain form: alone, and beside tools. */
const ways: { readonly [vendor: string]: readonly [alone: Found["way"], beside: Found["way"]] } = {
  openai: ["native", "native"],
  mistral: ["native", "native"],
  openrouter: ["native", "native"],
  deepseek: ["forced", "forced"],
  groq: ["native", "forced"],
  xai: ["native", "native"],
  responses: ["native", "native"],
  "claude-sonnet-4-5": ["native", "native"],
  "claude-sonnet-4-6": ["native", "native"],
  "claude-opus-4-8": ["native", "native"],
  "claude-3-5-haiku-latest": ["forced", "forced"],
  "gemini-2.5-flash": ["native", "forced"],
  "gemini-3-pro": ["native", "native"],
  ollama: ["native", "forced"]
}

interface Tree {
  readonly label: string
  readonly kids: ReadonlyArray<Tree>
}

const Tree = Schema.Struct({
  label: Schema.String,
  kids: Schema.Array(Schema.suspend((): Schema.Schema<Tree> => Tree))
}).annotations({ identifier: "Tree" })

/** Schemas as programs write them, without services, decoded as they are encoded. */
const { schemas } = FastCheck.letrec<{ schemas: Schema.Schema.AnyNoContext }>((tie) => {
  const inner = tie("schemas").map((schema): Schema.Schema.AnyNoContext => schema)
  const names = FastCheck.constantFrom("a", "b", "type", "value", "items", "$ref", "ö x")
  return {
    schemas: FastCheck.oneof(
      { maxDepth: 3, withCrossShrink: true },
      FastCheck.constantFrom<Array<Schema.Schema.AnyNoContext>>(
        Schema.String,
        Schema.Boolean,
        Schema.Int,
        Schema.Finite,
        Schema.Null,
        Schema.Literal("x", "y"),
        Schema.Literal("x", 1, null),
        Schema.NonEmptyString,
        Schema.UUID,
        Schema.String.pipe(Schema.maxLength(3)),
        Schema.Int.pipe(Schema.between(1, 5)),
        Schema.Struct({ x: Schema.String }).annotations({ identifier: "Named", description: "Has a name." }),
        Tree
      ),
      FastCheck.dictionary(names, FastCheck.tuple(inner, FastCheck.boolean()), { maxKeys: 3 }).map((fields) =>
        Schema.Struct(
          Object.fromEntries(
            Object.entries(fields).map(([name, [schema, isOptional]]) => [
              name,
              isOptional ? Schema.optionalWith(schema, { exact: true }) : schema
            ])
          )
        )
      ),
      inner.map((schema) => Schema.Array(schema)),
      inner.map((schema) => Schema.NullOr(schema)),
      inner.map((value) => Schema.Record({ key: Schema.String, value })),
      FastCheck.tuple(inner, inner).map(([left, right]) => Schema.Tuple(left, right)),
      FastCheck.tuple(inner, inner).map(([left, right]) => Schema.Union(left, right))
    )
  }
})

describe("StructuredOutput", () => {
  for (const vendor of vendors) {
    describe(vendor.name, () => {
      it.effect("uses the vendor's own field where there is one", () =>
        Effect.gen(function* () {
          const [schema] = table["flat"] ?? [{}]
          const alone = found(vendor, yield* taken(vendor, ask(schema)))
          const beside = found(vendor, yield* taken(vendor, ask(schema, [tool])))
          assert.deepStrictEqual([alone.way, beside.way], ways[vendor.name])
        })
      )

      it.effect.each(Object.keys(table))("%s goes out, and its answer comes back as the same value", (name) =>
        Effect.gen(function* () {
          const [schema, value] = table[name] ?? [{}, {}]
          assert.isTrue(accepts(schema, value))
          let body = ""
          const server = yield* Wire.server((response) => response.end(body))
          const transport = yield* vendor.make({ baseUrl: server.url })
          for (const tools of [[], [tool]]) {
            const asked = found(vendor, yield* taken(vendor, ask(schema, tools)))
            assert.deepStrictEqual(asked.problems, [])
            assert.deepStrictEqual(
              asked.tools.filter((name) => name !== "form"),
              tools.map(({ name }) => name)
            )
            const json = JSON.stringify(placed(asked, value), null, 1)
            const call = { id: "call_00001", name: "form", input: json }
            body = answerOf(vendor.api, asked.way === "forced" ? { call } : { text: json })
            const { deltas, error } = yield* Wire.collect(transport.open(ask(schema, tools)))
            assert.isUndefined(error)
            assert.deepStrictEqual(Wire.disorder(deltas), [])
            assert.deepStrictEqual(
              Wire.parts(deltas).map(({ type }) => type),
              ["text"]
            )
            assert.deepStrictEqual(JSON.parse(Wire.written(deltas, "TextDelta")), value)
            const [part] = Wire.parts(deltas)
            assert.deepStrictEqual(part?.type === "text" ? JSON.parse(part.text) : undefined, value)
            const end = deltas.at(-1)
            assert.strictEqual(end?._tag === "Finish" ? end.reason : undefined, "stop")
            if (tools.length === 0) continue
            body = answerOf(vendor.api, { call: { id: "call_00002", name: "look", input: '{"q":"x"}' } })
            const first = yield* Wire.collect(transport.open(ask(schema, tools)))
            const calls = Wire.parts(first.deltas).flatMap((part) => (part.type === "tool-call" ? [part] : []))
            assert.deepStrictEqual(
              calls.map(({ input, name }) => [name, JSON.parse(input)]),
              [["look", { q: "x" }]]
            )
          }
        }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
      )

      it.effect.each(Object.keys(toolSchemas))("arguments that are %s are offered as one object", (name) =>
        Effect.gen(function* () {
          const [inputSchema, value] = toolSchemas[name] ?? [{}, {}]
          for (const strict of [undefined, false, true]) {
            const offered: Transport.ToolSpec = {
              name: "form",
              inputSchema,
              ...(strict === undefined ? {} : { strict })
            }
            const request = Transport.request({ messages: [Message.user("Go.")], tools: [offered] })
            const body = yield* taken(vendor, request)
            const asked = found(vendor, body)
            assert.isTrue(accepts(asked.schema, value), JSON.stringify(asked.schema))
            if (body.includes('"strict":true')) {
              const refused = vendor.meta === "anthropic" ? boundly(asked.schema) : strictly(asked.schema)
              assert.deepStrictEqual(refused, [])
            }
          }
        })
      )

      it.effect("whatever is valid under a schema is valid under what is sent", () =>
        Effect.promise(() =>
          FastCheck.assert(
            FastCheck.asyncProperty(schemas, FastCheck.boolean(), FastCheck.nat(), async (schema, withTools, seed) => {
              const original = JSONSchema.make(schema)
              const body = await Effect.runPromise(taken(vendor, ask(original, withTools ? [tool] : [])))
              const asked = found(vendor, body)
              assert.deepStrictEqual(asked.problems, [], JSON.stringify(original))
              for (const value of FastCheck.sample(Arbitrary.make(schema), { seed, numRuns: 5 })) {
                const plain: unknown = JSON.parse(JSON.stringify(value))
                if (accepts(original, plain)) placed(asked, plain)
              }
            }),
            { numRuns: numRuns(20) }
          )
        )
      )
    })
  }
})
