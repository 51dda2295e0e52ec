/**
 * A worker on a board in a process of its own. Arguments: what to do, the file or the URL of the database, a name, the
 * lease in milliseconds.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Board from "../../src/board/Board.ts"
import * as SqlBoard from "../../src/board/SqlBoard.ts"
import { layerSqlite } from "../../src/board/SqliteBoard.ts"

const [, , act, database = "", worker = "", lease = "1000"] = process.argv

const acts: Readonly<Record<string, (board: Board.Service) => Effect.Effect<void, Board.BoardError>>> = {
  /** Works on whatever is ready until nothing is left, and tells what it did. */
  drain: (board) =>
    Effect.flatMap(board.claimNext("b", { worker, onEmpty: "drain" }), (claim) =>
      Option.isNone(claim)
        ? Effect.void
        : board
            .complete(claim.value, worker)
            .pipe(
              Effect.zipRight(Effect.sync(() => process.stdout.write(`${claim.value.task.id}\n`))),
              Effect.zipRight(Effect.suspend(() => acts["drain"]?.(board) ?? Effect.void))
            )
    ),
  /** Claims a task, says so and stays. */
  hold: (board) =>
    board
      .claimNext("b", { worker, lease: Number(lease) })
      .pipe(Effect.zipRight(Effect.sync(() => process.stdout.write("claimed\n"))), Effect.zipRight(Effect.never))
}

const layer = database.startsWith("postgresql:")
  ? Layer.provide(SqlBoard.layer, Layer.orDie(PgClient.layer({ url: Redacted.make(database), maxConnections: 2 })))
  : layerSqlite({ filename: database })
// In this process the program's clock is the real one, and an unfinished fiber keeps nothing alive.
const keepAlive = setInterval(() => {}, 1000)
Effect.runPromise(
  Effect.flatMap(
    Board.Board,
    (board) => acts[act ?? ""]?.(board) ?? Effect.dieMessage(`nothing is called ${act}`)
  ).pipe(Effect.provide(layer), Effect.ensuring(Effect.sync(() => clearInterval(keepAlive))))
).catch((error) => {
  process.stderr.write(`${error}\n`)
  process.exitCode = 1
})
