/**
 * An MCP server
 *
 * A library serves a tool and an agent to programs that speak the Model Context Protocol. Here a few lines of text play a
 * client, which looks for a book, and asks the librarian.
 *
 *   npx tsx examples/30_mcp_server.ts
 */
import { HttpServer } from "@effect/platform"
import { NodeRuntime, NodeStream } from "@effect/platform-node"
import { Agent, ContextStore } from "axonal"
import * as McpServer from "axonal/mcp/McpServer"
import { ScriptedTransport } from "axonal/testing"
import { Config, Console, Effect, Layer, Option, Ref, Schema, Stream } from "effect"

const Book = Schema.Struct({ title: Schema.String, shelf: Schema.String })
const findBook = Agent.tool(
  "find_book",
  { description: "Where a book stands", parameters: { title: Schema.String }, success: Book, readOnly: true },
  ({ title }) => Effect.succeed({ title, shelf: `K ${title.length}` })
)

// #region server
const librarian = Agent.make("librarian", {
  description: "Recommends books",
  instructions: "Recommend one book.",
  tools: [findBook]
})
const server = McpServer.make("library", {
  version: "1.0.0",
  tools: [findBook],
  runners: [librarian],
  sessions: "named"
})
// #endregion

// #region stdio
export const stdio = McpServer.stdio(server, {
  input: NodeStream.stdin,
  write: (line) => Effect.async<void>((resume) => void process.stdout.write(line, () => resume(Effect.void)))
})
// #endregion

// #region http
export const http = Effect.gen(function* () {
  const token = yield* Config.redacted("LIBRARY_TOKEN")
  const app = yield* McpServer.httpApp(server, { authorize: McpServer.bearer(token), hosts: ["library.example"] })
  return yield* HttpServer.serveEffect(app)
})
// #endregion

const message = (id: number, method: string, params: object) =>
  `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`
const client = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "reader", version: "1" } }
const script = [
  message(1, "initialize", client),
  message(2, "tools/call", { name: "find_book", arguments: { title: "Momo" } }),
  message(3, "tools/call", { name: "librarian", arguments: { input: "Something about time?" } })
]
const Text = Schema.Struct({ text: Schema.String })
const Result = Schema.Struct({ id: Schema.Number, result: Schema.Struct({ content: Schema.Array(Text) }) })
const read = Schema.decodeUnknownOption(Schema.parseJson(Result))

export const program = Effect.gen(function* () {
  const lines = yield* Ref.make<ReadonlyArray<string>>([])
  const write = (line: string) => Ref.update(lines, (all) => [...all, line])
  yield* McpServer.stdio(server, { input: Stream.encodeText(Stream.fromIterable(script)), write })
  const answers = (yield* Ref.get(lines)).flatMap((line) => Option.toArray(read(line)))
  for (const { id, result } of answers.sort((left, right) => left.id - right.id)) {
    yield* Console.log(`${id}: ${result.content.map(({ text }) => text).join("\n")}`)
  }
})

const { text } = ScriptedTransport
export const layer = Layer.merge(ScriptedTransport.layer([[text("Momo, by Michael Ende.")]]), ContextStore.layerMemory)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
