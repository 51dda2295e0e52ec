/**
 * Boards in a SQL database, shared by any number of processes, beside the sessions of a context store or alone. Opening a
 * database is left to its driver.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Database from "../internal/sqlDatabase.ts"
import type { Refusal } from "../internal/sqlErrors.ts"
import { explain } from "../internal/sqlErrors.ts"
import * as Board from "./Board.ts"
import type * as Model from "./internal/model.ts"
import * as Implementation from "./internal/service.ts"
import * as Sql from "./internal/sql.ts"
import { migrate } from "./internal/sqlTables.ts"

/**
 * How often whoever waits on a board looks for what other processes changed: every half second. What the same layer
 * changes is seen at once.
 *
 * @category references
 * @since 0.1.0
 */
export class PollInterval extends Context.Reference<PollInterval>()("axonal/board/SqlBoard/PollInterval", {
  defaultValue: (): Duration.Duration => Duration.millis(500)
}) {}

/**
 * Layer that keeps boards in the tables `axonal_board*` of the SQL client's database, and makes them when they are missing.
 *
 * **Details**
 *
 * - Dialects: SQLite and PostgreSQL. Tables of an older version are brought up to date, once, by whichever process comes
 *   first. Those of a newer one are not touched: `Corrupt`, upgrade the package.
 * - Each change is one transaction that locks its board, so that of any number of processes one claims a task. A database
 *   that is locked is waited for, for about ten seconds.
 * - What `remove` erased is overwritten in SQLite.
 *
 * **Gotchas**
 *
 * - Processes on several machines compare their own clocks: keep leases far above what these differ.
 * - An operation within a transaction of the same client is no part of it: in SQLite it fails there as `Unavailable`.
 *
 * @see {@link PollInterval}
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Board.Board, Board.BoardError, SqlClient> = Layer.scoped(
  Board.Board,
  Effect.suspend(() => make)
)

// internal

const make = Effect.gen(function* () {
  const client = yield* SqlClient
  const opening = Effect.mapError((error: SqlError | Refusal) => describe("open", "", error))
  const database = yield* opening(Database.make(client))
  if (database.isSqlite) yield* opening(database.run("PRAGMA secure_delete = ON"))
  yield* opening(migrate(database, client))
  const board = Implementation.make<Sql.Failure, Board.BoardError>(Sql.make(database, yield* PollInterval), describe)
  return Board.Board.of({
    ...board,
    remove: (name) =>
      Effect.zipRight(
        board.remove(name),
        Effect.mapError(database.forget, (error) => describe("remove", name, error))
      )
  })
})

const describe = (operation: string, board: string, error: SqlError | Refusal | Model.Refusal): Board.BoardError => {
  if (error._tag === "SqlError") {
    const { message, reason } = explain(error)
    return Board.failure(operation, board, reason, message)
  }
  return "tasks" in error
    ? Board.failure(operation, board, error.reason, error.message, error.tasks)
    : Board.failure(operation, board, error.reason === "Corrupt" ? "Corrupt" : "Unavailable", error.message)
}
