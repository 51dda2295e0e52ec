/**
 * A convoy
 *
 * A mayor puts work on a board, workers do it in folders of their own, a refinery merges it and a witness walks by. It goes
 * on where it was when it is started again with the same folder, and with `worker` behind it another process lends a hand.
 *
 *   npx tsx examples/convoy/main.ts [folder] [worker <name>]
 */
import { mkdirSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Ids } from "axonal"
import * as Budget from "axonal/agent/Budget"
import * as SqliteBoard from "axonal/board/SqliteBoard"
import * as SqliteContextStore from "axonal/context/SqliteContextStore"
import * as Runner from "axonal/pattern/Runner"
import { Console, Effect, Layer } from "effect"
import * as Convoy from "./convoy.ts"
import * as Report from "./report.ts"
import * as Script from "./script.ts"
import * as Worker from "./worker.ts"

/** How long an item waits for a worker that was killed. */
const lease = "20 seconds"
const session = Ids.SessionId.make("convoy")

// #region program
export const program = (folder: string, options: Omit<Convoy.Options, "folder">) =>
  Effect.gen(function* () {
    yield* Report.checkOut(folder)
    const convoy = Convoy.make({ ...options, folder })
    const result = yield* Runner.run(convoy, "Do what TODO.md asks for.", { session })
    yield* Console.log(yield* Report.of(folder, result))
  })

/** One more worker, in a process of its own. It stays until nothing is left to do. */
export const worker = (folder: string, name: string) =>
  Effect.flatMap(Runner.run(Worker.make(name, { folder, lease }), "Do what is on the board."), ({ text }) =>
    Console.log(`${name} has done ${text}`)
  )
// #endregion

// #region layer
/** The board and the sessions of a folder, in one file, and what a convoy may cost. */
export const kept = (folder: string) =>
  Layer.mergeAll(
    SqliteBoard.layerSqlite({ filename: `${folder}/convoy.sqlite` }),
    SqliteContextStore.layerSqlite({ filename: `${folder}/convoy.sqlite` }),
    Budget.layer({ limits: { costUsd: 1 }, per: "total" }),
    NodeContext.layer
  )

export const layer = (folder: string) =>
  Layer.merge(
    // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
    Script.layer,
    kept(folder)
  )
// #endregion

if (process.argv[1] === import.meta.filename) {
  const [, , folder = mkdtempSync(`${tmpdir()}/convoy-`), role, name = `worker-${process.pid}`] = process.argv
  mkdirSync(folder, { recursive: true })
  const main = role === "worker" ? worker(folder, name) : program(folder, { workers: ["ann", "bob", "cem"], lease })
  NodeRuntime.runMain(Effect.provide(main, layer(folder)))
}
