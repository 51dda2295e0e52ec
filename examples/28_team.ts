/**
 * A team of agents in files
 *
 * The files beside this one say who edits a manual, who reviews it and who checks its facts; the program gives the tools.
 * The editor has a page read by two mates at the same time, and writes what they found.
 *
 *   npx tsx examples/28_team.ts
 */
import { FileSystem } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore, Part, Transport } from "axonal"
import * as Runner from "axonal/pattern/Runner"
import * as Team from "axonal/team/Team"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Schema, Stream } from "effect"

// #region tools
const name = Schema.String
const tools = (manual: string) => [
  Agent.tool("read_page", { parameters: { name }, readOnly: true }, ({ name }) =>
    Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString(`${manual}/${name}`))
  ),
  Agent.tool("write_page", { parameters: { name, text: Schema.String } }, ({ name, text }) =>
    Effect.flatMap(FileSystem.FileSystem, (files) => files.writeFileString(`${manual}/${name}`, text))
  )
]
// #endregion

// #region load
const load = (manual: string) =>
  Team.load(`${import.meta.dirname}/team`, {
    tools: tools(manual),
    // Which models files may name: models: ["openai:*"]. Here each stands for the model of the application.
    models: () => Transport.Transport
  })
// #endregion

export const program = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const manual = yield* files.makeTempDirectoryScoped()
  yield* files.writeFileString(`${manual}/brewing.md`, "Infuse the leaves with water of 140 degrees.")

  const { lead, spec } = yield* load(manual)

  for (const agent of spec.agents) yield* Console.log(`${agent.name}: ${agent.tools.join(", ")}`)
  yield* Runner.stream(lead, "Is the page brewing.md ready to print?").pipe(
    Stream.runForEach(
      AgentEvent.matchPartial({
        ToolEnd: ({ agent, content, name, outcome }) =>
          Console.log(`${agent} · ${name} · ${outcome} ${Part.contentToText(content)}`),
        RunEnd: ({ agent, output }) => Console.log(`${agent}: ${output}`)
      })
    )
  )
  yield* Console.log(yield* files.readFileString(`${manual}/brewing.md`))
}).pipe(Effect.scoped)

const { call, roles, text } = ScriptedTransport
const page = { name: "brewing.md" }
export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer(
    roles({
      "You edit": [
        ["checker", "reviewer"].map((agent) => call(agent, "delegate", { agent, task: "Look at brewing.md" })),
        [
          call("3", "write_page", { ...page, text: "Pour water of 80 degrees over the leaves." }),
          call("4", "write_page", { name: "license.md", text: "Free." })
        ],
        [text("It is now.")]
      ],
      "You check": [[call("1", "read_page", page)], [text("Water boils at 100 degrees; tea wants 80.")]],
      "You review": [[text("Say “pour” for “infuse”.")]]
    })
  ),
  ContextStore.layerMemory,
  NodeContext.layer
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
