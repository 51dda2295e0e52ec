/**
 * Typed answers with every vendor: each request of a run is one that the vendor takes, and asks for the form; what it
 * answers is the answer of the run, whether it was asked for natively or as a tool.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import * as Message from "../../src/domain/Message.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as LanguageModel from "../../src/transport/LanguageModel.ts"
import { Transport } from "../../src/transport/Transport.ts"
import { answerOf } from "../support/answers.ts"
import { answered, resultOf } from "../support/outputs.ts"
import { taken, vendors } from "../support/vendors.ts"
import * as Wire from "../support/wire.ts"

const { call, text } = ScriptedTransport

const Report = Schema.Struct({
  city: Schema.String.annotations({ description: "As it is written there" }),
  degrees: Schema.Number,
  on: Schema.optional(Schema.Date),
  sky: Schema.Literal("clear", "clouds"),
  later: Schema.Array(Schema.Union(Schema.TaggedStruct("Rain", { mm: Schema.Int }), Schema.TaggedStruct("Sun", {})))
})
const value = { city: "Oslo", degrees: 4, sky: "clear", later: [{ _tag: "Rain", mm: 2 }, { _tag: "Sun" }] } as const
const json = JSON.stringify(value)

const look = Agent.tool("look", { parameters: { q: Schema.String } }, ({ q }) => Effect.succeed(`${q}: 4 degrees`))
const reporter = Agent.make("reporter", { output: Report, tools: [look], limits: { turns: 2 } })

describe("Output with vendors", () => {
  for (const vendor of vendors) {
    it.effect(`${vendor.name} takes every request of a run, its repairs and its last turn`, () =>
      Effect.gen(function* () {
        const run = yield* answered(reporter, [
          [call("1", "look", { q: "Oslo" })],
          [text(`{"city":"Oslo"}`)],
          [text(json)]
        ])
        assert.deepStrictEqual([resultOf(run).reason, resultOf(run).output], ["limit", value])
        assert.deepStrictEqual(
          run.requests.map(({ toolChoice }) => toolChoice),
          ["auto", "auto", "none"]
        )
        for (const request of run.requests) {
          const body = yield* taken(vendor, request)
          for (const name of ["degrees", "As it is written there", "clouds", "Rain"]) assert.include(body, name)
        }
      })
    )

    it.effect(`${vendor.name} gives the answer of a run`, () =>
      Effect.gen(function* () {
        const input = JSON.stringify({ q: "Oslo" })
        let asked = 0
        const server = yield* Wire.server((response, { body }) => {
          const { tools = [] }: { readonly tools?: unknown } = JSON.parse(body)
          const isForced = JSON.stringify(tools).includes(`"name":"answer"`)
          const said = isForced ? { call: { id: "call_00002", name: "answer", input: json } } : { text: json }
          response.end(answerOf(vendor.api, asked++ === 0 ? { call: { id: "call_00001", name: "look", input } } : said))
        })
        const transport = yield* vendor.make({ baseUrl: server.url })
        const result = yield* Agent.run(reporter, "Oslo?").pipe(
          Effect.provideService(Transport, transport),
          Effect.provide(ContextStore.layerMemory)
        )
        assert.deepStrictEqual([result.reason, result.output, result.turns], ["completed", value, 2])
      }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
    )
  }

  it.effect("a language model of @effect/ai gives it whole, beside tools and after repairs", () =>
    Effect.gen(function* () {
      const script = [[call("1", "look", { q: "Oslo" })], [text(`{"city":"Oslo"}`)], [text(json)]]
      const scripted = ScriptedTransport.make(script, { model: { capabilities: ["tools"] } })
      const inner = LanguageModel.layer.pipe(Layer.provide(Layer.succeed(Transport, scripted.transport)))
      const partials: Array<unknown> = []
      const agent = Agent.make("reporter", { output: Report, tools: [look] })
      const onEvents = (events: ReadonlyArray<AgentEvent>) => {
        for (const event of events) if (event._tag === "OutputDelta") partials.push(event.partial)
      }
      const result = yield* Agent.run(agent, "Oslo?", { onEvents }).pipe(
        Effect.provide(LanguageModel.layerTransport()),
        Effect.provide(inner),
        Effect.provide(ContextStore.layerMemory)
      )
      assert.deepStrictEqual([result.reason, result.output, result.turns], ["completed", value, 3])
      assert.deepStrictEqual(partials, [{ city: "Oslo" }, value])
      const [first] = yield* scripted.requests
      assert.include(JSON.stringify(first?.responseFormat), "As it is written there")
    })
  )

  it.effect("a transport that ignores the form is told the schema, and answers then", () =>
    Effect.gen(function* () {
      // It answers with JSON only to those who show it the schema.
      const deaf: ScriptedTransport.Script = ({ messages }) => [
        text(messages.some((message) => Message.toText(message).includes(`"degrees"`)) ? json : "Four degrees.")
      ]
      const run = yield* answered(Agent.make("reporter", { output: Report }), deaf)
      assert.deepStrictEqual([resultOf(run).output, resultOf(run).turns], [value, 2])
    })
  )

  it.effect("a list or a text comes out of the object that vendors want around it", () =>
    Effect.gen(function* () {
      for (const vendor of vendors) {
        const server = yield* Wire.server((response, { body }) => {
          const isForced = body.includes(`"name":"answer","description":"Gives`)
          const input = body.includes(`"required":["value"]`) ? `{"value":[1,2]}` : "[1,2]"
          response.end(
            answerOf(vendor.api, isForced ? { call: { id: "call_00001", name: "answer", input } } : { text: input })
          )
        })
        const transport = yield* vendor.make({ baseUrl: server.url })
        const list = yield* Agent.extract(Schema.Array(Schema.Int), "Count.").pipe(
          Effect.provideService(Transport, transport)
        )
        assert.deepStrictEqual(list, [1, 2], vendor.name)
      }
    }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
  )
})
