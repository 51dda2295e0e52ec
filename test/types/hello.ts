/**
 * The hello world of the design, word for word: what a user writes with nothing but layers. It compiles; nothing runs it.
 */
import { Tool, Toolkit } from "@effect/ai"
import { FetchHttpClient } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore, OpenAiChat } from "axonal"
import { Console, Effect, Schema, Stream } from "effect"

const Greet = Tool.make("greet", {
  description: "Greet someone by name",
  parameters: { name: Schema.String },
  success: Schema.String
})
const tools = Toolkit.make(Greet)
const greeter = Agent.make("greeter", { instructions: "Be helpful.", toolkit: tools })

Agent.stream(greeter, "Greet Alice").pipe(
  Stream.runForEach(AgentEvent.matchPartial({ TextDelta: ({ delta }) => Console.log(delta) })),
  Effect.provide(tools.toLayer({ greet: ({ name }) => Effect.succeed(`Hello, ${name}!`) })),
  Effect.provide([OpenAiChat.layer({ model: "gpt-5-mini" }), ContextStore.layerMemory]),
  Effect.provide(FetchHttpClient.layer),
  NodeRuntime.runMain
)
