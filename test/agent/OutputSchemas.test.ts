/**
 * Typed answers of every kind of schema, and what is made of what models write around them.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Output from "../../src/agent/Output.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { answered, only, read, resultOf } from "../support/outputs.ts"

const { call, finish, text } = ScriptedTransport

/** Reads a text as the answer that it has to be. */
const reads = <A, I>(schema: Schema.Schema<A, I>, written: string, expected: A) =>
  Effect.map(read(schema, written), (value) => assert.deepStrictEqual(value, expected, written))

const Found = Schema.TaggedStruct("Found", { page: Schema.Int })
const Missing = Schema.TaggedStruct("Missing", { why: Schema.String })

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}
const Tree = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Schema<Tree> => Tree))
}).annotations({ identifier: "Tree" })

const Loose = Schema.Struct({ a: Schema.optional(Schema.Number), b: Schema.optional(Schema.Unknown) })

describe("Output schemas", () => {
  it.effect("may be lists, numbers, booleans, nothing and texts", () =>
    Effect.gen(function* () {
      yield* reads(Schema.Array(Schema.Number), "[1,2]", [1, 2])
      yield* reads(Schema.Number, "42", 42)
      yield* reads(Schema.Number, `"42"`, 42)
      yield* reads(Schema.Boolean, "true", true)
      yield* reads(Schema.NullOr(Schema.Number), "null", null)
      yield* reads(Schema.String, `"hello"`, "hello")
      yield* reads(Schema.Unknown, `{"a":[1]}`, { a: [1] })
    })
  )

  it.effect("of texts take one without its quotes, but none that is cut", () =>
    Effect.gen(function* () {
      const Verdict = Schema.Literal("yes", "no")
      yield* reads(Verdict, "yes", "yes")
      yield* reads(Verdict, "```\nno\n```", "no")
      yield* reads(Schema.String, " Hello, you. ", "Hello, you.")
      yield* reads(Schema.String, "12", "12")
      yield* reads(Schema.NumberFromString, "12", 12)
      yield* reads(Schema.Date, "2026-01-02", new Date("2026-01-02"))
      assert.include(yield* Effect.flip(read(Verdict, "Yes, of course")), `Expected "yes", actual "Yes, of course"`)
      assert.strictEqual(yield* Effect.flip(read(Schema.String, `"Hel`)), "it is not JSON")
      assert.strictEqual(yield* Effect.flip(read(Schema.String, " ")), "it is empty")
      assert.include(yield* Effect.flip(read(Schema.String, `{"answer":"Hello"}`)), "Expected string")
      assert.strictEqual(yield* Effect.flip(read(Schema.Number, "twelve")), "it is not JSON")
    })
  )

  it.effect("decode what they transform", () =>
    Effect.gen(function* () {
      const Order = Schema.Struct({
        at: Schema.Date,
        price: Schema.NumberFromString,
        note: Schema.optionalWith(Schema.String, { as: "Option" }),
        gift: Schema.Option(Schema.String),
        seats: Schema.optionalWith(Schema.Int, { default: () => 1 }),
        id: Schema.String.pipe(Schema.brand("OrderId"))
      })
      const value = yield* read(Order, `{"at":"2026-01-02","price":"12.5","gift":{"_tag":"Some","value":"x"},"id":"o"}`)
      assert.deepStrictEqual([value.at, value.price, value.seats], [new Date("2026-01-02"), 12.5, 1])
      assert.isTrue(Option.isNone(value.note))
      assert.strictEqual(Option.getOrNull(value.gift), "x")
      class Point extends Schema.Class<Point>("Point")({ x: Schema.Number }) {
        get twice() {
          return this.x * 2
        }
      }
      assert.strictEqual((yield* read(Point, `{"x":2}`)).twice, 4)
    })
  )

  it.effect("that lead only one way keep the JSON of the model", () =>
    Effect.gen(function* () {
      const Upper = Schema.transformOrFail(Schema.String, Schema.String, {
        strict: true,
        decode: (text) => ParseResult.succeed(text.toUpperCase()),
        encode: (text, _options, ast) => ParseResult.fail(new ParseResult.Forbidden(ast, text))
      })
      const run = yield* answered(Agent.make("a", { output: Schema.Struct({ name: Upper }) }), [
        [text(`{"name":"ann"}`)]
      ])
      assert.deepStrictEqual(resultOf(run).output, { name: "ANN" })
      assert.deepStrictEqual(
        only(run.events, "RunEnd").map(({ value }) => value),
        [{ name: "ann" }]
      )
    })
  )

  it.effect("fill in their defaults once", () =>
    Effect.gen(function* () {
      let made = 0
      const agent = Agent.make("a", {
        output: Schema.Struct({ id: Schema.optionalWith(Schema.Int, { default: () => ++made }) })
      })
      const run = yield* answered(agent, [[text(`{"more":1}`)]])
      assert.deepStrictEqual(resultOf(run).output, { id: 1 })
      assert.deepStrictEqual(
        only(run.events, "RunEnd").map(({ value }) => value),
        [{ id: 1 }]
      )
    })
  )

  it.effect("may be alternatives, which are told apart by their tags", () =>
    Effect.gen(function* () {
      const Either = Schema.Union(Found, Missing)
      yield* reads(Either, `{"_tag":"Found","page":3}`, { _tag: "Found", page: 3 })
      yield* reads(Either, `{"_tag":"Missing","why":"no index"}`, { _tag: "Missing", why: "no index" })
      const why = yield* Effect.flip(read(Either, `{"_tag":"Found","page":"three"}`))
      assert.strictEqual(why, `\n- page: Expected number, actual "three"`)
      assert.include(yield* Effect.flip(read(Either, `{"_tag":"Lost"}`)), "_tag")
    })
  )

  it.effect("may be recursive", () =>
    Effect.gen(function* () {
      const tree = { name: "a", children: [{ name: "b", children: [] }] }
      const agent = Agent.make("a", { output: Tree })
      const run = yield* answered(agent, [[text(JSON.stringify(tree))]])
      assert.deepStrictEqual(resultOf(run).output, tree)
      assert.include(JSON.stringify(run.requests[0]?.responseFormat), `{"$ref":"#/$defs/Tree"}`)
      const why = yield* Effect.flip(read(Tree, `{"name":"a","children":[{"name":"b","children":[{"name":1}]}]}`))
      assert.include(why, "- children.0.children.0.name: Expected string, actual 1")
    })
  )

  it.effect("carry their names and descriptions to the model", () =>
    Effect.gen(function* () {
      const schema = Schema.Struct({ page: Schema.Int.annotations({ description: "From 1" }) })
      for (const described of [
        Output.make({ schema, name: "place", description: "Where it stands" }),
        Output.make({ schema: schema.annotations({ description: "Where it stands" }), name: "place" })
      ]) {
        const run = yield* answered(Agent.make("a", { output: described }), [[text(`{"page":1}`)]])
        assert.deepInclude(run.requests[0]?.responseFormat, { type: "json", name: "place" })
        const sent = JSON.stringify(run.requests[0]?.responseFormat)
        assert.include(sent, `"description":"Where it stands"`)
        assert.include(sent, `"description":"From 1"`)
      }
    })
  )

  it("that no JSON can be of, and options out of bounds, throw", () => {
    assert.throws(() => Output.make({ schema: Schema.DateFromSelf }), /DateFromSelf/)
    assert.throws(() => Agent.make("a", { output: Schema.Struct({ at: Schema.DateFromSelf }) }), /DateFromSelf/)
    for (const repairs of [-1, 0.5, Number.NaN])
      assert.throws(() => Output.make({ schema: Found, repairs }), RangeError)
    for (const name of ["", "a b", "x".repeat(65)]) assert.throws(() => Output.make({ schema: Found, name }), TypeError)
  })

  it.effect("refuse numbers that JSON cannot keep", () =>
    Effect.gen(function* () {
      const why = yield* Effect.flip(read(Schema.Struct({ a: Schema.Number }), `{"a":1e999}`))
      assert.strictEqual(why, "it holds a number that is out of range")
    })
  )

  it.effect("of texts leave no run without one", () =>
    Effect.gen(function* () {
      const cut = [[text(`"Hel`), finish("length")]]
      const output = <A, I>(schema: Schema.Schema<A, I>) =>
        Effect.map(answered(Agent.make("a", { output: schema }), cut), (run) => resultOf(run).output as unknown)
      assert.strictEqual(yield* output(Schema.String), `"Hel`)
      assert.strictEqual(yield* output(Schema.NonEmptyString), `"Hel`)
      assert.strictEqual(yield* output(Schema.Union(Schema.Number, Schema.Trim)), `"Hel`)
      assert.strictEqual(yield* output(Schema.String.pipe(Schema.brand("Name"))), undefined)
      assert.strictEqual(yield* output(Schema.NonEmptyString.pipe(Schema.brand("Name"))), undefined)
      assert.strictEqual(yield* output(Schema.Literal("x")), undefined)
      assert.strictEqual(yield* output(Schema.Date), undefined)
    })
  )
})

describe("Output and words around it", () => {
  it.effect("are left out", () =>
    Effect.gen(function* () {
      for (const written of [
        `Here you are: {"a":1}`,
        `{"a":1}\nI hope that helps.`,
        '```json\n{"a":1}\n```',
        'Sure!\n```json\n{"a":1}\n```\nAnything else?',
        `As [they] say [1]: {"a":1} (see [2])`,
        `<think>{no}</think>{"a":1}`,
        `A 6" nail: {"a":1}`
      ]) {
        yield* reads(Loose, written, { a: 1 })
      }
      yield* reads(Loose, `It is {"b":"} \\" ]"}.`, { b: `} " ]` })
      yield* reads(Schema.Array(Schema.Number), `In {all}: [1,2]`, [1, 2])
    })
  )

  it.effect("do not make an answer of a part of one, or of one of several", () =>
    Effect.gen(function* () {
      for (const written of [`{"b":[{"a":1}`, `{"b":{"a":1},`, `{"a":1} or {"a":2}`, `Here: {"a":1`, `{'a':{"a":1}}`]) {
        assert.strictEqual(yield* Effect.flip(read(Loose, written)), "it is not JSON", written)
      }
    })
  )

  it.effect.prop(
    "any text is read or refused, and never a defect",
    [FastCheck.string({ minLength: 1 })],
    ([written]) =>
      Effect.map(Effect.either(read(Loose, written)), (either) => assert.oneOf(either._tag, ["Left", "Right"])),
    { fastCheck: { numRuns: 40 } }
  )

  it.effect.prop(
    "JSON is read as what it is, also in a fence and among words",
    [FastCheck.dictionary(FastCheck.string(), FastCheck.jsonValue({ maxDepth: 2 })), FastCheck.constantFrom(0, 2)],
    ([value, indent]) =>
      Effect.gen(function* () {
        const json = JSON.stringify({ b: value }, undefined, indent)
        const expected: unknown = JSON.parse(json)
        for (const written of [
          json,
          `Well: ${json}\nDone.`,
          `\`\`\`json\n${json}\n\`\`\``,
          `So:\n\`\`\`\n${json}\n\`\`\``
        ]) {
          assert.deepStrictEqual<unknown>(yield* read(Loose, written), expected)
        }
      }),
    { fastCheck: { numRuns: 40 } }
  )

  it("long answers without an end take no time", () => {
    const long = "{[".repeat(200_000)
    return Effect.runPromise(
      Effect.map(Effect.flip(read(Loose, long)), (why) => assert.strictEqual(why, "it is not JSON"))
    )
  })

  it.effect("may stand before calls too", () =>
    Effect.gen(function* () {
      const look = Agent.tool("look", {}, () => Effect.succeed("1"))
      const agent = Agent.make("a", { output: Loose, tools: [look] })
      const run = yield* answered(agent, [[text("I look."), call("1", "look")], [text(`So: {"a":1}`)]])
      assert.deepStrictEqual(resultOf(run).output, { a: 1 })
    })
  )
})
