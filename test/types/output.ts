/**
 * What an output brings into an agent's type: the type of its answers, and what its validator needs.
 */
import type { ContextStore, Transport } from "axonal"
import { Agent, Output } from "axonal"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Fails, Needs, Same } from "./assert.ts"
import { holds } from "./assert.ts"

type Loop = Transport.Transport | ContextStore.ContextStore
type Gives<T> = T extends Effect.Effect<infer A, infer _E, infer _R> ? A : never

class Cities extends Context.Tag("test/Cities")<Cities, { readonly has: (city: string) => boolean }>() {}

const Weather = Schema.Struct({ city: Schema.String, on: Schema.Date, note: Schema.Option(Schema.String) })
interface Decoded {
  readonly city: string
  readonly on: Date
  readonly note: Option.Option<string>
}

// The decoded type when the run completed; perhaps nothing when it ended for another reason.
const weather = Agent.make("weather", { output: Weather })
holds<Same<typeof weather, Agent.Agent<typeof Weather.Type>>>()
const ran = Agent.run(weather, "hi")
holds<Same<Needs<typeof ran>, Loop>>()
holds<Same<Fails<typeof ran>, Agent.AgentError>>()
Effect.map(ran, (result) => {
  if (result.reason === "completed") {
    const output: Decoded = result.output
    holds<Same<typeof result.output, typeof Weather.Type>>()
    return output
  }
  holds<Same<typeof result.output, typeof Weather.Type | undefined>>()
  holds<Same<typeof result.text, string>>()
  // @ts-expect-error: there may be no answer of that type
  return result.output.city
})

// Text is always there, also that of an agent whose answers are texts by schema.
const talked = Agent.run(Agent.make("talker"), "hi")
holds<Same<Gives<typeof talked>["output"], string>>()
const named = Agent.run(Agent.make("namer", { output: Schema.NonEmptyString }), "hi")
holds<Same<Gives<typeof named>["output"], string>>()
const judged = Agent.run(Agent.make("judge", { output: Schema.Literal("yes", "no") }), "hi")
holds<Same<Gives<typeof judged>["output"], "yes" | "no" | undefined>>()

// What a validator needs is what the agent needs, and it sees decoded values.
const checked = Output.make({
  schema: Weather,
  validate: ({ city, on }) => {
    holds<Same<typeof on, Date>>()
    return Effect.flatMap(Cities, ({ has }) => (has(city) ? Effect.void : Effect.fail(`${city} is no city`)))
  }
})
holds<Same<typeof checked, Output.Output<typeof Weather.Type, Cities>>>()
const checking = Agent.run(Agent.make("weather", { output: checked }), "hi")
holds<Same<Needs<typeof checking>, Loop | Cities>>()
holds<Same<Extract<Gives<typeof checking>, { reason: "completed" }>["output"], typeof Weather.Type>>()
// @ts-expect-error: it fails with words for the model
Output.make({ schema: Weather, validate: () => Effect.fail(new Error("no")) })

// The other views give the same type.
const handled = Effect.flatMap(Agent.start(weather, "hi"), (handle) => handle.await)
holds<Same<Gives<typeof handled>, Gives<typeof ran>>>()

// Tools and outputs add up.
const count = Agent.tool("count", { success: Schema.Number }, () => Effect.as(Cities, 3))
const both = Agent.run(Agent.make("both", { output: Schema.Array(Schema.Number), tools: [count] }), "hi")
holds<Same<Needs<typeof both>, Loop | Cities>>()
holds<Same<Gives<typeof both>["output"], ReadonlyArray<number> | undefined>>()

// Without tools, a validator still needs what it needs.
const silent = Agent.run(Agent.withoutTools(Agent.make("silent", { output: checked, tools: [count] })), "hi")
holds<Same<Needs<typeof silent>, Loop | Cities>>()

// Extraction gives the value itself, and needs a transport only.
const extracted = Agent.extract(Weather, "hi")
holds<Same<Gives<typeof extracted>, typeof Weather.Type>>()
holds<Same<Needs<typeof extracted>, Transport.Transport>>()
holds<Same<Fails<typeof extracted>, Agent.AgentError>>()
const validated = Agent.extract(checked, "hi")
holds<Same<Needs<typeof validated>, Transport.Transport | Cities>>()

// A schema that needs services is none that an answer can be held to.
const needy = Schema.transformOrFail(Schema.String, Schema.String, {
  strict: true,
  decode: (city) => Effect.as(Cities, city),
  encode: (city) => Effect.succeed(city)
})
// @ts-expect-error: the schema needs Cities
Agent.make("needy", { output: needy })
// @ts-expect-error: the schema needs Cities
Output.make({ schema: needy })
// @ts-expect-error: the schema needs Cities
Agent.extract(needy, "hi")
