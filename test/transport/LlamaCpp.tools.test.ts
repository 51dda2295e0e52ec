import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as JSONSchema from "effect/JSONSchema"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Message from "../../src/domain/Message.ts"
import type * as Part from "../../src/domain/Part.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { answer, ask, callsOf, engine, finishOf, hola, layer, model, paint, random, textOf } from "./LlamaCppModels.ts"

afterAll(() => engine?.dispose())

/** Begins a call as soon as it may. */
const eager = model("eager", { says: ["||call:"] })
const roomy = { contextLength: 2048 }

const stop: Transport.ToolSpec = {
  name: "stop everything",
  description: "Stops",
  inputSchema: { type: "object", properties: {}, additionalProperties: false }
}
const colorOf = ({ input }: Part.ToolCall): unknown => Schema.decodeSync(Schema.parseJson(Color))(input).color
const Color = Schema.Struct({ color: Schema.Literal("red", "green") })

/** Calls a tool when it is asked, and has done with it when there is a result. Prompts of its template end in "]". */
const diligent = model("diligent", {
  says: ["||call:"],
  after: "]",
  also: { "\n": [..."Done"] },
  template:
    "{% for message in messages %}{{ '[' + message['role'] + ']' + message['content'] + '<|im_end|>' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}"
})

/** Writes fractions for whole numbers. There are two tokens for a colon. */
const fractional = model("fractional", { says: ["a"], also: { ":": [..."5E-3}"], "<0x3A>": [..."5E-3}"] } })

describe.skipIf(engine === undefined)("LlamaCpp calls tools", () => {
  it.live("a call that the model begins has arguments of the tool's schema", () =>
    Effect.gen(function* () {
      const colors = new Set<unknown>()
      for (const seed of [1, 2, 3, 4, 5, 6]) {
        const deltas = yield* answer(ask("Paint", { tools: [paint], settings: { seed, temperature: 1 } }))
        const [call, ...more] = callsOf(deltas)
        if (call === undefined) return assert.fail("there is no call")
        assert.deepStrictEqual(
          [call.name, call.id, more.length, finishOf(deltas).reason],
          ["paint", "", 0, "tool-calls"]
        )
        colors.add(colorOf(call))
        const pieces = deltas.flatMap((delta) => (delta._tag === "ToolInputDelta" ? [delta.delta] : []))
        assert.strictEqual(pieces.join(""), call.input)
        assert.strictEqual(call.input.trim(), call.input)
      }
      assert.strictEqual(colors.size, 2)
    }).pipe(Effect.provide(layer(eager, roomy)))
  )

  it.live("a required call comes whatever the model would say", () =>
    Effect.gen(function* () {
      const names = new Set<string>()
      for (const seed of [1, 2, 3, 4, 5, 6]) {
        const settings = { seed, temperature: 1 }
        const deltas = yield* answer(ask("Hi", { tools: [paint, stop], toolChoice: "required", settings }))
        assert.strictEqual(textOf(deltas), "")
        for (const { name } of callsOf(deltas)) names.add(name)
      }
      assert.deepStrictEqual([...names].sort(), ["paint", "stop everything"])
    }).pipe(Effect.provide(layer(hola, roomy)))
  )

  it.live("a chosen tool is the one that is called, under its own name", () =>
    Effect.gen(function* () {
      const deltas = yield* answer(ask("Hi", { tools: [paint, stop], toolChoice: { tool: "stop everything" } }))
      assert.deepStrictEqual(
        callsOf(deltas).map(({ input, name }) => [name, input]),
        [["stop everything", "{}"]]
      )
    }).pipe(Effect.provide(layer(hola, roomy)))
  )

  it.live("a call that is forbidden is none", () =>
    Effect.gen(function* () {
      const settings = { maxOutputTokens: 3 }
      const deltas = yield* answer(ask("Hi", { tools: [paint], toolChoice: "none", settings }))
      assert.deepStrictEqual(callsOf(deltas), [])
    }).pipe(Effect.provide(layer(eager, roomy)))
  )

  it.live("a call that is cut off arrives as far as it came, and ends with length", () =>
    Effect.gen(function* () {
      const settings = { maxOutputTokens: 12 }
      const deltas = yield* answer(ask("Hi", { tools: [paint], toolChoice: { tool: "paint" }, settings }))
      assert.strictEqual(finishOf(deltas).reason, "length")
      assert.deepStrictEqual(callsOf(deltas).length, 1)
    }).pipe(Effect.provide(layer(hola, roomy)))
  )

  it.live("what is offered stays in the prompt whatever may be called", () =>
    Effect.gen(function* () {
      const known: Array<number | undefined> = []
      for (const toolChoice of ["auto", "none", "required", { tool: "paint" }] as const) {
        const settings = { maxOutputTokens: 2 }
        const deltas = yield* answer(ask("Hi", { tools: [paint, stop], toolChoice, settings }))
        known.push(finishOf(deltas).usage.inputTokens.uncached)
      }
      assert.deepStrictEqual(known.slice(1), [1, 1, 1])
    }).pipe(Effect.provide(layer(hola, roomy)))
  )

  it.live("after a call its result and what follows are all that is new", () =>
    Effect.gen(function* () {
      const first = yield* answer(ask("Paint", { tools: [paint] }))
      const [made] = callsOf(first)
      if (made === undefined) return assert.fail("there is no call")
      const call = { ...made, id: "c1" }
      const result: Part.ToolResult = {
        type: "tool-result",
        id: "c1",
        name: "paint",
        outcome: "ok",
        content: [{ type: "text", text: "done" }]
      }
      const messages = [Message.user("Paint"), Message.assistant([call]), Message.tool([result])]
      const second = finishOf(yield* answer(Transport.request({ messages, tools: [paint] })))
      const { total = 0, uncached = 0 } = second.usage.inputTokens
      assert.isAbove(total, finishOf(first).usage.inputTokens.total ?? 0)
      // The end of the arguments, and the result.
      assert.isBelow(uncached, 40)
    }).pipe(Effect.provide(layer(eager, roomy)))
  )

  it.live("a value that only the grammar takes arrives for the loop to judge", () =>
    Effect.gen(function* () {
      const count = {
        name: "count",
        inputSchema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] }
      }
      const deltas = yield* answer(ask("Count", { tools: [count], toolChoice: "required" }))
      const [call] = callsOf(deltas)
      assert.deepStrictEqual([JSON.parse(call?.input ?? ""), finishOf(deltas).reason], [{ n: 0.005 }, "tool-calls"])
    }).pipe(Effect.provide(layer(fractional, roomy)))
  )

  it.live("tools that only a vendor has are refused", () =>
    Effect.gen(function* () {
      const search = { ...paint, name: "search", provider: { id: "x.search", name: "search", args: {} } }
      const error = yield* Effect.flip(answer(ask("Hi", { tools: [search] })))
      assert.deepStrictEqual([error.reason._tag, error.replay], ["InvalidRequest", "safe"])
    }).pipe(Effect.provide(layer(hola)))
  )
})

const Report = Schema.Struct({
  action: Schema.Literal("read", "write"),
  done: Schema.Boolean,
  kind: Schema.NullOr(Schema.Literal("a", "b")),
  note: Schema.optional(Schema.Literal("short", "long")),
  steps: Schema.Array(Schema.Struct({ go: Schema.Literal("left", "right") })).pipe(Schema.maxItems(2))
})

describe.skipIf(engine === undefined)("LlamaCpp answers in a form", () => {
  it.live("AX-14 an answer in a form always decodes", () =>
    Effect.gen(function* () {
      const schema = JSONSchema.make(Report)
      const notes = new Set<string | undefined>()
      for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
        const settings = { seed, temperature: 1.2 }
        const deltas = yield* answer(ask("Report", { responseFormat: { type: "json", schema }, settings }))
        assert.strictEqual(finishOf(deltas).reason, "stop", textOf(deltas))
        notes.add(Schema.decodeSync(Schema.parseJson(Report))(textOf(deltas)).note)
      }
      assert.isTrue(notes.has(undefined) && notes.size > 1, `optional properties may be absent: ${[...notes].join()}`)
    }).pipe(Effect.provide(layer(random)))
  )

  it.live("JSON of no schema is an object", () =>
    Effect.gen(function* () {
      const deltas = yield* answer(ask("Report", { responseFormat: { type: "json" } }))
      assert.deepStrictEqual([JSON.parse(textOf(deltas)), finishOf(deltas).reason], [{}, "stop"])
    }).pipe(Effect.provide(layer(model("empty", { says: [..."{}"] }))))
  )

  it.live("a form stays in the prompt when tools are forbidden, and binds the answer", () =>
    Effect.gen(function* () {
      const form = { tools: [stop], responseFormat: { type: "json", schema: JSONSchema.make(Color) } } as const
      yield* answer(ask("Hi", form))
      const deltas = yield* answer(ask("Hi", { ...form, toolChoice: "none" }))
      Schema.decodeSync(Schema.parseJson(Color))(textOf(deltas))
      assert.strictEqual(finishOf(deltas).usage.inputTokens.uncached, 1)
    }).pipe(Effect.provide(layer(eager, roomy)))
  )

  it.live("with tools at hand the model calls one or answers in the form", () =>
    Effect.gen(function* () {
      const ways = new Set<string>()
      const responseFormat = { type: "json", name: "the color", schema: JSONSchema.make(Color) } as const
      for (const seed of [1, 2, 3, 4, 5, 6]) {
        const settings = { seed, temperature: 1 }
        const deltas = yield* answer(ask("Hi", { tools: [stop], responseFormat, settings }))
        const [call] = callsOf(deltas)
        ways.add(call === undefined ? "answer" : call.name)
        assert.strictEqual(finishOf(deltas).reason, call === undefined ? "stop" : "tool-calls")
        if (call === undefined) Schema.decodeSync(Schema.parseJson(Color))(textOf(deltas))
      }
      assert.deepStrictEqual([...ways].sort(), ["answer", "stop everything"])
    }).pipe(Effect.provide(layer(eager, roomy)))
  )
})

describe.skipIf(engine === undefined)("LlamaCpp in a run", () => {
  it.live("AM-34 an agent calls a tool and answers from its result", () =>
    Effect.gen(function* () {
      const painted: Array<string> = []
      const tool = Agent.tool("paint", { description: "Paints", parameters: Color.fields }, ({ color }) =>
        Effect.sync(() => {
          painted.push(color)
          return `It is ${color} now.`
        })
      )
      const result = yield* Agent.run(Agent.make("painter", { tools: [tool] }), "Paint it")
      assert.deepStrictEqual([result.reason, result.output, result.turns], ["completed", "Done", 2])
      assert.strictEqual(painted.length, 1)
      assert.include(["red", "green"], painted[0])
    }).pipe(Effect.provide(Layer.merge(layer(diligent, roomy), ContextStore.layerMemory)))
  )
})
