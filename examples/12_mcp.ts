/**
 * Servers of the Model Context Protocol
 *
 * An agent remembers what it is told with a server that a file configures, and a person agrees to what changes its memory.
 * Another server of the file is broken, and keeps nobody from working.
 *
 *   npx tsx examples/12_mcp.ts
 */
import { FileSystem } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, Approval, ContextStore, Part } from "axonal"
import * as Mcp from "axonal/mcp/Mcp"
import * as McpClient from "axonal/mcp/McpClient"
import * as McpConfig from "axonal/mcp/McpConfig"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Stream } from "effect"

// #region agent
const archivist = Agent.make("archivist", {
  instructions: "You keep the archive of a lighthouse.",
  tools: [Mcp.tools]
})
// #endregion

// #region servers
const servers = (project: string) =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const found = yield* McpConfig.read({ project, user: false, trust: ["archive", "weather"] })
      for (const problem of found.problems) yield* Console.log(McpConfig.describe(problem).replace(`${project}/`, ""))
      return McpClient.layer(found)
    })
  )
// #endregion

// #region use
const watch = Effect.gen(function* () {
  const mcp = yield* Mcp.Mcp
  yield* mcp.tools
  for (const { is, problem, server, tools } of yield* mcp.status) {
    yield* Console.log(`${server}: ${is}, ${problem?.reason._tag ?? `${tools.length} tools`}`)
  }
  const [graph] = yield* mcp.resources("archive")
  yield* Console.log(Part.contentToText(yield* mcp.read("archive", graph?.uri ?? "")).replace(/\s+/g, " "))
})
// #endregion

const ask = Stream.runForEach(
  Agent.stream(archivist, "Captain Ada moored here in 1883."),
  AgentEvent.matchPartial({
    ApprovalAsked: ({ reason }) => Console.log(`? ${reason}`),
    ToolEnd: ({ name, outcome }) => Console.log(`${outcome}: ${name}`),
    TextDelta: ({ delta }) => Console.log(delta)
  })
)

export const program = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const project = yield* files.realPath(yield* files.makeTempDirectoryScoped())
  const command = `${import.meta.dirname}/../node_modules/.bin/mcp-server-memory`
  const mcpServers = {
    archive: { command, env: { MEMORY_FILE_PATH: `\${workspaceFolder}/archive.json` } },
    weather: { url: "https://example.com/mcp", headers: { authorization: `Bearer \${WEATHER_TOKEN}` } }
  }
  yield* files.writeFileString(`${project}/.mcp.json`, JSON.stringify({ mcpServers }))
  yield* Effect.provide(Effect.zipRight(ask, watch), servers(project))
}).pipe(Effect.scoped)

const { call, text } = ScriptedTransport
const entities = [{ name: "Ada", entityType: "captain", observations: ["moored here in 1883"] }]
export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([[call("1", "archive__create_entities", { entities })], [text("It is in the archive.")]]),
  Approval.layerAllow,
  ContextStore.layerMemory,
  NodeContext.layer
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
