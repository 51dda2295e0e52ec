/**
 * What an agent needs stands in its `R`, and leaving any of it out does not compile.
 */
import * as Tool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import type { Transport } from "axonal"
import { Agent, ContextStore, Identity, Offline } from "axonal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Needs, Same } from "./assert.ts"
import { holds } from "./assert.ts"

type Loop = Transport.Transport | ContextStore.ContextStore

const Greet = Tool.make("greet", { parameters: { name: Schema.String }, success: Schema.String })
const tools = Toolkit.make(Greet)
const greeting = tools.toLayer({ greet: ({ name }) => Effect.succeed(`Hello, ${name}!`) })

const talker = Agent.make("talker")
const greeter = Agent.make("greeter", { toolkit: tools })
const personal = Agent.requireIdentity(talker)

const both = Layer.merge(Offline.layer, ContextStore.layerMemory)
const me = Identity.layer({ userId: "u-17", chatId: "c-4" })

// All three views need the same, and `start` its scope.
holds<Same<Needs<ReturnType<typeof Agent.stream<string, never, never>>>, Loop>>()
const watched = Agent.stream(greeter, "hi")
holds<Same<Needs<typeof watched>, Loop | Tool.Handler<"greet">>>()
const ran = Agent.run(greeter, "hi")
holds<Same<Needs<typeof ran>, Loop | Tool.Handler<"greet">>>()
const named = Agent.run(personal, "hi")
holds<Same<Needs<typeof named>, Loop | Identity.Identity>>()

// Everything is there.
Effect.runPromise(Effect.provide(Agent.run(talker, "hi"), both))
Effect.runPromise(Effect.provide(Agent.run(greeter, "hi"), Layer.merge(both, greeting)))
Effect.runPromise(Effect.provide(Agent.run(personal, "hi"), Layer.merge(both, me)))
Agent.toPromise(greeter, "hi", Layer.merge(both, greeting))

// @ts-expect-error: no Transport
Effect.runPromise(Effect.provide(Agent.run(talker, "hi"), ContextStore.layerMemory))
// @ts-expect-error: no ContextStore
Effect.runPromise(Effect.provide(Agent.run(talker, "hi"), Offline.layer))
// @ts-expect-error: no Handler<"greet">
Effect.runPromise(Effect.provide(Agent.run(greeter, "hi"), both))
// @ts-expect-error: no Identity
Effect.runPromise(Effect.provide(Agent.run(personal, "hi"), both))
// @ts-expect-error: no Scope
Effect.runPromise(Effect.provide(Agent.start(talker, "hi"), both))
// @ts-expect-error: no Handler<"greet">, at the edge of code without Effect
Agent.toPromise(greeter, "hi", both)
// @ts-expect-error: no Transport, at the edge of code without Effect
Agent.toReadableStream(talker, "hi", ContextStore.layerMemory)
