/**
 * Tools
 *
 * A shop's assistant looks up its stock and reserves goods: one tool in a toolkit of `@effect/ai`, one that carries its
 * handler, both with a service of the application. What fails is told to the model, which then does better.
 *
 *   npx tsx examples/02_tools.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore, Part, Tool, Toolkit } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Console, Context, Effect, Layer, Ref, Schema, Stream } from "effect"

class Stock extends Context.Tag("shop/Stock")<Stock, Ref.Ref<Record<string, number>>>() {}
const Sku = Schema.String.pipe(Schema.pattern(/^[A-Z]+-\d+$/)).annotations({ description: "a number like TEA-100" })

// #region toolkit
const Level = Schema.Struct({ sku: Schema.String, pieces: Schema.Number })
const StockLevel = Tool.make("stock_level", {
  description: "Pieces in stock",
  parameters: { sku: Sku },
  success: Level
})
const tools = Toolkit.make(StockLevel)
const handlers = tools.toLayer(
  Effect.map(Stock, (stock) =>
    tools.of({ stock_level: ({ sku }) => Effect.map(Ref.get(stock), (all) => ({ sku, pieces: all[sku] ?? 0 })) })
  )
)
// #endregion

// #region carried
class OutOfStock extends Schema.TaggedError<OutOfStock>()("OutOfStock", { sku: Schema.String, left: Schema.Number }) {}
const reserve = Agent.tool(
  "reserve",
  {
    description: "Reserves pieces of an article",
    parameters: { sku: Sku, pieces: Schema.Int.pipe(Schema.positive()) },
    success: Schema.String,
    exclusive: true
  },
  ({ pieces, sku }) =>
    Effect.gen(function* () {
      const stock = yield* Stock
      const left = (yield* Ref.get(stock))[sku] ?? 0
      if (left < pieces) return yield* new OutOfStock({ sku, left })
      yield* Ref.update(stock, (all) => ({ ...all, [sku]: left - pieces }))
      return `${pieces} × ${sku} reserved`
    })
)
// #endregion

const assistant = Agent.make("assistant", { toolkit: tools, tools: [reserve] })

export const program = Agent.stream(assistant, "Reserve five of our tea, whichever pack there is").pipe(
  Stream.runForEach(
    AgentEvent.matchPartial({
      ToolEnd: ({ content, name, outcome }) => Console.log(`${outcome} ${name}: ${Part.contentToText(content)}`),
      TextDelta: ({ delta }) => Console.log(delta)
    })
  ),
  Effect.provide(handlers)
)

const { call, text } = ScriptedTransport

export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([
    [call("1", "stock_level", { sku: "TEA-100" }), call("2", "stock_level", { sku: "tea" })],
    [call("3", "reserve", { sku: "TEA-100", pieces: 5 })],
    [call("4", "reserve", { sku: "TEA-250", pieces: "5" })],
    [text("Five packs of TEA-250 are reserved.")]
  ]),
  ContextStore.layerMemory,
  Layer.effect(Stock, Ref.make<Record<string, number>>({ "TEA-100": 3, "TEA-250": 12 }))
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
