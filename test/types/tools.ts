/**
 * What tools bring into an agent's type: parameters into the handler, the handler's needs into `R`, how a toolkit is
 * built into `E`.
 */
import * as Tool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import type { ContextStore, Transport } from "axonal"
import { Agent, ToolResult } from "axonal"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Fails, Needs, Same } from "./assert.ts"
import { holds } from "./assert.ts"

type Loop = Transport.Transport | ContextStore.ContextStore

class Orders extends Context.Tag("test/Orders")<Orders, { readonly count: Effect.Effect<number> }>() {}
class Clinic extends Context.Tag("test/Clinic")<Clinic, { readonly isOpen: Effect.Effect<boolean> }>() {}
class CatalogueDown extends Data.TaggedError("CatalogueDown")<{ readonly status: number }> {}

// Parameters reach the handler with their decoded types, optional ones and defaults included.
const book = Agent.tool(
  "book",
  {
    parameters: {
      day: Schema.Date,
      seats: Schema.optionalWith(Schema.Int, { default: () => 1 }),
      note: Schema.optional(Schema.String)
    },
    success: Schema.Struct({ seats: Schema.Number })
  },
  (parameters) => {
    holds<Same<typeof parameters.day, Date>>()
    holds<Same<typeof parameters.seats, number>>()
    holds<Same<typeof parameters.note, string | undefined>>()
    return Effect.succeed({ seats: parameters.seats })
  }
)
const booking = Agent.run(Agent.make("booking", { tools: [book] }), "hi")
holds<Same<Needs<typeof booking>, Loop>>()
holds<Same<Fails<typeof booking>, Agent.AgentError>>()

// A parameter that is not declared, and a success of the wrong type.
// @ts-expect-error: no such parameter
Agent.tool("greet", { parameters: { name: Schema.String } }, ({ nmae }) => Effect.succeed(nmae))
// @ts-expect-error: success is a number
Agent.tool("count", { success: Schema.Number }, () => Effect.succeed("three"))

// What handlers need is what the agent needs; what they fail with is told to the model and stays out of `E`.
const count = Agent.tool("count_orders", { success: Schema.Number }, () => Effect.flatMap(Orders, ({ count }) => count))
const isOpen = Agent.tool("is_open", {}, () => Effect.flatMap(Clinic, ({ isOpen }) => isOpen))
const broken = Agent.tool("broken", {}, () => Effect.fail(new CatalogueDown({ status: 503 })))
const desk = Agent.make("desk", { tools: [count, isOpen, broken] })
const asked = Agent.run(desk, "hi")
holds<Same<Needs<typeof asked>, Loop | Orders | Clinic>>()
holds<Same<Fails<typeof asked>, Agent.AgentError>>()
const more = Agent.run(Agent.withTools(Agent.make("more", { tools: [count] }), [isOpen]), "hi")
holds<Same<Needs<typeof more>, Loop | Orders | Clinic>>()
const none = Agent.run(Agent.withoutTools(desk), "hi")
holds<Same<Needs<typeof none>, Loop>>()

// A handler may be a stream: its needs and failures count like those of an effect, and its last element is the success.
const streaming = Agent.tool("streaming", { parameters: { from: Schema.Date }, success: Schema.Number }, ({ from }) => {
  holds<Same<typeof from, Date>>()
  const counted = Stream.fromEffect(Effect.flatMap(Orders, ({ count }) => count))
  return Stream.concat(Stream.make(ToolResult.progress({ key: "title", text: "T" })), counted)
})
const torn = Agent.tool("torn", {}, () => Stream.fail(new CatalogueDown({ status: 503 })))
const streams = Agent.run(Agent.make("streams", { tools: [streaming, torn, isOpen] }), "hi")
holds<Same<Needs<typeof streams>, Loop | Orders | Clinic>>()
holds<Same<Fails<typeof streams>, Agent.AgentError>>()
// @ts-expect-error: the last element is a text, and the success is a number
Agent.tool("mistyped", { success: Schema.Number }, () => Stream.make("three"))

// Answers that say more are checked like plain ones.
Agent.tool("plain", { success: Schema.Number }, () => Effect.succeed(ToolResult.end(3, "done")))
Agent.tool("words", { success: Schema.Number }, () => Effect.succeed(ToolResult.make({ model: "three", user: "III" })))
Agent.tool("both", { success: Schema.Number }, () => Stream.make(1, ToolResult.make({ value: 3, model: "three" })))
// @ts-expect-error: success is a number
Agent.tool("worse", { success: Schema.Number }, () => Effect.succeed(ToolResult.end("three")))
// @ts-expect-error: an answer has a value or words
ToolResult.make({ user: "III" })

// Toolkits merged from several need the handlers of all.
const Price = Tool.make("price", { parameters: { sku: Schema.String }, success: Schema.Number })
const Stock = Tool.make("stock", { parameters: { sku: Schema.String }, success: Schema.Number })
const merged = Toolkit.merge(Toolkit.make(Price), Toolkit.make(Stock))
const shop = Agent.run(Agent.make("shop", { toolkit: merged }), "hi")
holds<Same<Needs<typeof shop>, Loop | Tool.Handler<"price"> | Tool.Handler<"stock">>>()
const piped = Agent.run(
  Agent.make("pipe", { toolkit: Toolkit.make(Price) }).pipe(Agent.withToolkit(Toolkit.make(Stock))),
  ""
)
holds<Same<Needs<typeof piped>, Loop | Tool.Handler<"price"> | Tool.Handler<"stock">>>()

// How a toolkit is built at run time is part of `E` and `R`.
const built = Effect.gen(function* () {
  const orders = yield* Orders
  if ((yield* orders.count) === 0) return yield* Effect.fail(new CatalogueDown({ status: 503 }))
  return yield* Toolkit.make(Price)
})
const catalogue = Agent.run(Agent.make("catalogue", { toolkit: built }), "hi")
holds<Same<Needs<typeof catalogue>, Loop | Orders | Tool.Handler<"price">>>()
holds<Same<Fails<typeof catalogue>, Agent.AgentError | CatalogueDown>>()

// Tools that the vendor runs need no handler.
const Search = Tool.providerDefined({
  id: "openai.web_search",
  toolkitName: "web_search",
  providerName: "web_search",
  args: {}
})
const searcher = Agent.run(Agent.make("searcher", { toolkit: Toolkit.make(Search({})) }), "hi")
holds<Same<Needs<typeof searcher>, Loop>>()
