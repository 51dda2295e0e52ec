/**
 * Boards in one SQLite file, shared by any number of processes of one machine. The driver is an optional peer and is
 * loaded when the layer is built, not when this module is.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SqliteFile from "../internal/sqliteFile.ts"
import * as Board from "./Board.ts"

/**
 * Layer that keeps boards in a SQLite file, which is made when it does not exist.
 *
 * **Details**
 *
 * - Needs `@effect/sql-sqlite-node` and `better-sqlite3`. Fails as `Unavailable` with the command that installs them.
 * - `filename`: its folder must exist, and it may be that of a context store. `:memory:` is a database that ends with the
 *   layer.
 * - The file is in WAL mode, with `synchronous = NORMAL`: a crash of the process loses nothing that was answered, a loss
 *   of power perhaps the last of it.
 * - Errors: `Corrupt` for a file that is no database, `Unavailable` for one that cannot be opened or written.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSqlite = (options: { readonly filename: string }): Layer.Layer<Board.Board, Board.BoardError> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const { adapter, client } = yield* Effect.mapError(
        SqliteFile.open(options.filename, () => import("./SqlBoard.ts")),
        ({ message, reason }) => Board.failure("open", "", reason, message)
      )
      return yield* Layer.build(Layer.provide(adapter.layer, client))
    }).pipe(
      Effect.mapError(({ operation, reason }) =>
        Board.failure(operation, "", reason._tag, SqliteFile.naming(options.filename, reason.message))
      )
    )
  )
