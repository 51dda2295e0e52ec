/**
 * Context stores
 *
 * A session is a conversation that outlives its runs: in memory, or in a SQLite file that other processes may open too.
 * The same conversation runs on both here, branches, and is found again when the file is opened anew.
 *
 *   npx tsx examples/05_context_stores.ts
 */
import { FileSystem } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Agent, ContextStore, Identity, Ids } from "axonal"
import * as SqliteContextStore from "axonal/context/SqliteContextStore"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer } from "effect"

const guide = Agent.make("guide", { instructions: "You know the museum." })
const session = Ids.SessionId.make("visit-2031")

// #region conversation
const visit = Effect.gen(function* () {
  yield* Agent.run(guide, "I like Dutch painters.", { session })
  const second = yield* Agent.run(guide, "Where should I begin?", { session })
  yield* Console.log(second.output)
})
// #endregion

// #region branches
const branch = Effect.gen(function* () {
  const store = yield* ContextStore.ContextStore
  const [first] = yield* store.entries(session)
  if (first === undefined) return
  const other = yield* store.fork(session, first.id)
  yield* Agent.run(guide, "Or should I see the Italians?", { session: other })
  for (const { entries, preview } of yield* store.branches(session)) {
    yield* Console.log(`  branch of ${entries} entries: ${preview}`)
  }
})
// #endregion

// #region sessions
const look = Effect.gen(function* () {
  const store = yield* ContextStore.ContextStore
  const owner = "u-17"
  yield* store.update(session, { title: "Saturday", labels: ["museum"] })
  const { sessions } = yield* store.list({ owner, label: "museum" })
  for (const { entries, preview, title } of sessions) yield* Console.log(`  ${title}: ${preview} (${entries} entries)`)
  const { hits } = yield* store.search("room vermeer", { owner })
  for (const { excerpt, role } of hits) yield* Console.log(`  found: ${role}: ${excerpt}`)
  yield* store.remove(session)
})
// #endregion

// #region stores
export const program = Effect.gen(function* () {
  yield* Console.log("In memory")
  yield* Effect.provide(Effect.all([visit, branch, look]), ContextStore.layerMemory)
  const files = yield* FileSystem.FileSystem
  const folder = yield* files.makeTempDirectoryScoped({ prefix: "axonal-" })
  const sqlite = SqliteContextStore.layerSqlite({ filename: `${folder}/sessions.sqlite` })
  yield* Console.log("In a file, written by one connection and read by the next")
  yield* Effect.provide(visit, sqlite)
  yield* Effect.provide(Effect.all([branch, look]), sqlite)
}).pipe(Effect.scoped)
// #endregion

const { text } = ScriptedTransport
const answers = ["Noted.", "In room 12, with Vermeer.", "Both, in turn."].map((words) => [text(words)])

export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([...answers, ...answers]),
  Identity.layer({ userId: "u-17", chatId: "c-4" }),
  NodeContext.layer
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
