/**
 * Hello
 *
 * An agent is a value, running it is an effect, and watching it is a stream of the events of that run. A script plays
 * the model here, so that it runs without a key; `online` below asks a real one.
 *
 *   npx tsx examples/01_hello.ts
 */

// #region hello
import { FetchHttpClient } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore, OpenAiChat, Tool, Toolkit } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Schema, Stream } from "effect"

const Greet = Tool.make("greet", {
  description: "Greet someone by name",
  parameters: { name: Schema.String },
  success: Schema.String
})
const tools = Toolkit.make(Greet)
const greeter = Agent.make("greeter", { instructions: "Be helpful.", toolkit: tools })

export const program = Agent.stream(greeter, "Greet Alice").pipe(
  Stream.runForEach(AgentEvent.matchPartial({ TextDelta: ({ delta }) => Console.log(delta) })),
  Effect.provide(tools.toLayer({ greet: ({ name }) => Effect.succeed(`Hello, ${name}!`) }))
)

// #region script
export const layer = Layer.merge(
  ScriptedTransport.layer([
    [ScriptedTransport.call("1", "greet", { name: "Alice" })],
    [ScriptedTransport.text("I said: ", "Hello, Alice!")]
  ]),
  ContextStore.layerMemory
)
// #endregion

// #region online
/** The same with a model. The key comes from OPENAI_API_KEY. */
export const online = Layer.merge(OpenAiChat.layer({ model: "gpt-5-mini" }), ContextStore.layerMemory).pipe(
  Layer.provide(FetchHttpClient.layer)
)
// #endregion

if (process.argv[1] === import.meta.filename) {
  NodeRuntime.runMain(Effect.provide(program, layer))
  // NodeRuntime.runMain(Effect.provide(program, online))
}
// #endregion
