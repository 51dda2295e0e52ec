/**
 * A pattern of agents with different requirements needs all of them, fails in all their ways, and is a runner like each of
 * them; what is provided to one of them is needed no more.
 */
import * as Tool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import type { Transport } from "axonal"
import { Agent, ContextStore, Identity, Offline } from "axonal"
import * as Composite from "axonal/agent/Composite"
import * as Subagent from "axonal/agent/Subagent"
import * as Chain from "axonal/pattern/Chain"
import * as Parallel from "axonal/pattern/Parallel"
import * as Runner from "axonal/pattern/Runner"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Fails, Needs, Same } from "./assert.ts"
import { holds } from "./assert.ts"

type Loop = Transport.Transport | ContextStore.ContextStore

class Orders extends Context.Tag("test/Orders")<Orders, { readonly count: Effect.Effect<number> }>() {}
class NoServer extends Schema.TaggedError<NoServer>()("NoServer", {}) {}

const Greet = Tool.make("greet", { parameters: { name: Schema.String }, success: Schema.String })
const greeter = Agent.make("greeter", { toolkit: Toolkit.make(Greet) })
const personal = Agent.requireIdentity(Agent.make("personal"))
const counter = Agent.make("counter", {
  tools: [Agent.tool("count", {}, () => Effect.flatMap(Orders, ({ count }) => count))]
})
const remote = Agent.addInstructions(Agent.make("remote"), Effect.fail(new NoServer()))

// An agent is a runner.
holds<Same<Runner.Output<typeof greeter>, string>>()
holds<Same<Runner.Requirements<typeof greeter>, Loop | Tool.Handler<"greet">>>()

// Patterns in patterns: what all of them need, and how all of them fail.
const both = Parallel.join("both", [counter, personal])
const chain = Chain.make("chain", [greeter, both, remote])
const ran = Runner.run(chain, "go")
holds<Same<Needs<typeof ran>, Loop | Tool.Handler<"greet"> | Orders | Identity.Identity>>()
holds<Same<Fails<typeof ran>, Agent.AgentError | NoServer>>()
const watched = Runner.stream(chain, "go")
holds<Same<Needs<typeof watched>, Needs<typeof ran>>>()

// A pattern as a tool: its needs are the agent's.
const lead = Agent.make("lead", { tools: [Subagent.tool(chain)] })
holds<Same<Runner.Requirements<typeof lead>, Needs<typeof ran>>>()

// A pattern of one's own has the needs and failures of its parts and of what it does itself, and no inner ones.
const own = Composite.make("own", {}, (input: string, parts) =>
  Effect.gen(function* () {
    const { output } = yield* parts.run("greet", greeter, input)
    const orders = yield* Orders
    return { output: output.length + (yield* orders.count) }
  })
)
holds<Same<Runner.Input<typeof own>, string>>()
holds<Same<Runner.Output<typeof own>, number>>()
holds<Same<Runner.Requirements<typeof own>, Loop | Tool.Handler<"greet"> | Orders>>()
holds<Same<Runner.Failure<typeof own>, Agent.AgentError>>()

// What is provided is needed no more.
const provided = Runner.provide(own, Layer.succeed(Orders, { count: Effect.succeed(1) }))
holds<Same<Runner.Requirements<typeof provided>, Loop | Tool.Handler<"greet">>>()

const world = Layer.merge(Offline.layer, ContextStore.layerMemory)
const me = Identity.layer({ userId: "u-17", chatId: "c-4" })
const greeting = Toolkit.make(Greet).toLayer({ greet: ({ name }) => Effect.succeed(name) })
const orders = Layer.succeed(Orders, { count: Effect.succeed(1) })

Effect.runPromise(Effect.provide(ran, Layer.mergeAll(world, me, greeting, orders)))
// @ts-expect-error: no Orders
Effect.runPromise(Effect.provide(ran, Layer.mergeAll(world, me, greeting)))
// @ts-expect-error: no Handler<"greet">, which only the first link of the chain needs
Effect.runPromise(Effect.provide(ran, Layer.mergeAll(world, me, orders)))
// @ts-expect-error: no Identity, which only one branch of the second link needs
Effect.runPromise(Effect.provide(ran, Layer.mergeAll(world, greeting, orders)))
// @ts-expect-error: an output that the next link does not take
Chain.make("wrong", [own, greeter])
