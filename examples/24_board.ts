/**
 * Shared work
 *
 * An editor puts tasks on a board, and two writers work on what is ready. They never speak to each other: the board says
 * whose turn it is, and takes a task back from a worker that died.
 *
 *   npx tsx examples/24_board.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, ContextStore } from "axonal"
import * as Board from "axonal/board/Board"
import * as BoardTools from "axonal/board/BoardTools"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Fiber, Layer, Option, Stream } from "effect"

const magazine = "issue-12"

// #region agents
const tools = BoardTools.make({ board: magazine })
const editor = Agent.make("editor", { instructions: "Plan the issue as tasks.", tools })
const writer = Agent.make("writer", { instructions: "Claim a task, do it, complete it.", tools })
// #endregion

// #region watch
const ended = (change: Board.Change) =>
  change._tag === "TaskChanged" && change.task.status === "done" ? Option.some(change.task) : Option.none()
const done = Effect.map(Board.Board, (board) => Stream.filterMap(board.changes(magazine, { after: 0 }), ended))
// #endregion

// #region worker
const printer = Effect.gen(function* () {
  const board = yield* Board.Board
  const dead = Option.getOrThrow(yield* board.claimNext(magazine, { worker: "printer 1", lease: "10 millis" }))
  const claim = Option.getOrThrow(yield* board.claimNext(magazine, { worker: "printer 2", onEmpty: "drain" }))
  const { attempts } = yield* board.complete(claim, "500 copies")
  yield* Console.log(`printed by ${claim.worker}, attempt ${attempts}`)
  const late = yield* Effect.flip(board.complete(dead, "500 more"))
  yield* Console.log(`${dead.worker}: ${late.reason._tag}`)
})
// #endregion

export const program = Effect.gen(function* () {
  const watched = yield* Effect.fork(Stream.runCollect(Stream.take(Stream.unwrap(done), 3)))
  yield* Agent.run(editor, "An issue about tea, please.")
  const first = yield* Agent.run(writer, "Work.")
  const second = yield* Agent.run(writer, "Work.")
  yield* Console.log(`${first.output} ${second.output}`)
  yield* printer
  for (const { id, result } of yield* Fiber.join(watched)) yield* Console.log(`  ${id}: ${result}`)
})

const { call, text } = ScriptedTransport
const issue = [
  { id: "story", title: "Write the story" },
  { id: "cover", title: "Write the cover", dependsOn: ["story"] },
  { id: "print", title: "Print it", dependsOn: ["story", "cover"] }
]

export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([
    [call("1", "post_tasks", { tasks: issue })],
    [text("Planned.")],
    [call("1", "claim_task")],
    [
      call("2", "add_note", { text: "Oolong, not green." }),
      call("3", "complete_task", { task: "story", result: "Pu-erh." })
    ],
    [text("One story.")],
    [call("1", "claim_task")],
    [call("2", "complete_task", { task: "cover", result: "Oolong!" })],
    [text("One cover.")]
  ]),
  // SqliteBoard.layerSqlite({ filename: "work.db" }) keeps it for other processes.
  Board.layerMemory,
  ContextStore.layerMemory
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
