/**
 * Sub-agents
 *
 * An editor has agents of its own: a researcher, who reads the archive and answers typed, a desk of writers to choose from,
 * and checkers who work in the background while the editor goes on. What all of them do comes as one stream of events.
 *
 *   npx tsx examples/10_subagents.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore } from "axonal"
import * as Subagent from "axonal/agent/Subagent"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Schema, Stream } from "effect"

const archive: Readonly<Record<string, string>> = { bridge: "Opened 1883. Rebuilt 1954.", ferry: "Sank 1881. No dead." }

const search = Agent.tool("search", { parameters: { word: Schema.String } }, ({ word }) =>
  Effect.succeed(archive[word] ?? "nothing found")
)

// #region agents
const researcher = Agent.make("researcher", {
  instructions: "You find facts in the archive.",
  tools: [search],
  output: Schema.Struct({ facts: Schema.Array(Schema.String) })
})
const reporter = Agent.make("reporter", { instructions: "You write plain news." })
const critic = Agent.make("critic", { instructions: "You write sharp opinions." })
const checker = Agent.make("checker", { instructions: "You check a text for mistakes.", tools: [search] })
// #endregion

// #region editor
const editor = Agent.make("editor", {
  instructions: "You edit a paper. Let others do the work.",
  tools: [
    Subagent.tool(researcher, { concurrency: 2 }),
    Subagent.menu([reporter, critic], { name: "write", session: "shared" }),
    ...Subagent.background([checker], { maxAgents: 4 })
  ]
})
// #endregion

// #region events
const show = ({ path = [] }: AgentEvent.AgentEvent, words: string) => Console.log(`${"  ".repeat(path.length)}${words}`)
export const program = Agent.stream(editor, "A story about the bridge, please.").pipe(
  Stream.runForEach(
    AgentEvent.matchPartial({
      RunStart: (event) => show(event, `${event.agent} begins`),
      ToolStart: (event) => show(event, `> ${event.name}`),
      RunEnd: (event) => show(event, `${event.agent}: ${event.output}`)
    })
  )
)
// #endregion

const { call, roles, text } = ScriptedTransport
const find = (word: string) => call(word, "researcher", { task: word })
const write = (task: string) => call(task, "write", { agent: "reporter", task })

export const layer = Layer.merge(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer(
    roles({
      "You edit": [
        [find("bridge")],
        [write("The bridge: opened 1883, rebuilt 1954.")],
        [call("check", "start_agent", { agent: "checker", task: "Opened 1883?" })],
        [write("Shorter.")],
        [text("Printed.")]
      ],
      "You find": [[call("1", "search", { word: "bridge" })], [text('{"facts":["opened 1883","rebuilt 1954"]}')]],
      "You write plain": [[text("The bridge opened in 1883 and was rebuilt in 1954.")], [text("Bridge: 1883, 1954.")]],
      "You check": [[text("Yes, 1883.")]]
    })
  ),
  ContextStore.layerMemory
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
