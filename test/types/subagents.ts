/**
 * What sub-agents need is what their callers need, and only runners that take what the tool gives them become tools.
 */
import type { Identity } from "axonal"
import { Agent } from "axonal"
import * as Subagent from "axonal/agent/Subagent"
import type { ContextStore } from "axonal/context/ContextStore"
import * as Runner from "axonal/pattern/Runner"
import type { WithHandler } from "axonal/tool/Tool"
import type { Transport } from "axonal/transport/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Needs, Same } from "./assert.ts"
import { holds } from "./assert.ts"

class Index extends Context.Tag("test/Index")<Index, { readonly find: (word: string) => string }>() {}
class Press extends Context.Tag("test/Press")<Press, { readonly print: (text: string) => void }>() {}

type Loop = Transport | ContextStore

const search = Agent.tool("search", {}, () => Effect.map(Index, ({ find }) => find("word")))
const print = Agent.tool("print", {}, () => Effect.map(Press, ({ print }) => print("text")))
const researcher = Agent.make("researcher", { tools: [search] })
const printer = Agent.make("printer", { tools: [print] })
const personal = Agent.requireIdentity(Agent.make("personal"))
const sum = Runner.fromEffect("sum", ({ a, b }: { readonly a: number; readonly b: number }) => Effect.succeed(a + b))
const numbers = Schema.Struct({ a: Schema.Number, b: Schema.Number })

// The requirements of all that may run below appear in the agent's `R`.
const one = Agent.make("one", { tools: [Subagent.tool(researcher)] })
const ofOne = Agent.run(one, "go")
holds<Same<Needs<typeof ofOne>, Loop | Index>>()
const two = Agent.make("two", { tools: [Subagent.menu([one, printer, personal])] })
const ofTwo = Agent.run(two, "go")
holds<Same<Needs<typeof ofTwo>, Loop | Index | Press | Identity.Identity>>()
const three = Agent.make("three", { tools: [...Subagent.background([researcher, printer])] })
const ofThree = Agent.run(three, "go")
holds<Same<Needs<typeof ofThree>, Loop | Index | Press>>()
const later = Agent.make("later", {
  tools: [
    Subagent.tool(() => researcher, { name: "researcher" }),
    Subagent.menu([{ name: "printer", runner: () => printer }])
  ]
})
const ofLater = Agent.run(later, "go")
holds<Same<Needs<typeof ofLater>, Loop | Index | Press>>()

// Typed input, which the schema describes to the model.
holds<Same<ReturnType<typeof typed>, WithHandler<ContextStore>>>()
const typed = () => Subagent.tool(sum, { input: numbers })

// @ts-expect-error: it takes no text
Subagent.tool(sum)
// @ts-expect-error: it takes no text
Subagent.menu([sum])
// @ts-expect-error: it takes no text
Subagent.background([researcher, sum])
// @ts-expect-error: the schema lacks a field
Subagent.tool(sum, { input: Schema.Struct({ a: Schema.Number }) })
// @ts-expect-error: a field of another type
Subagent.tool(sum, { input: Schema.Struct({ a: Schema.String, b: Schema.Number }) })
// @ts-expect-error: no such way of keeping sessions
Subagent.tool(researcher, { session: "new" })
