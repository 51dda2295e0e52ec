/**
 * Sessions in one SQLite file, shared by any number of processes of one machine. The driver is an optional peer and is
 * loaded when the layer is built, not when this module is.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SqliteFile from "../internal/sqliteFile.ts"
import * as ContextStore from "./ContextStore.ts"

/**
 * Layer that keeps sessions in a SQLite file, which is made when it does not exist.
 *
 * **Details**
 *
 * - Needs `@effect/sql-sqlite-node` and `better-sqlite3`. Fails as `Unavailable` with the command that installs them, or
 *   that builds what was installed without its scripts or for another Node.
 * - `filename`: its folder must exist. `:memory:` is a database that ends with the layer.
 * - The file is in WAL mode, with `synchronous = NORMAL`: a crash of the process loses nothing that was appended, a loss
 *   of power perhaps the last of it.
 * - Errors: `Corrupt` for a file that is no database, `Unavailable` for one that cannot be opened or written.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSqlite = (options: {
  readonly filename: string
}): Layer.Layer<ContextStore.ContextStore, ContextStore.StoreError> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const { adapter, client } = yield* Effect.mapError(
        SqliteFile.open(options.filename, () => import("./SqlContextStore.ts")),
        ({ message, reason }) => ContextStore.failure("open", undefined, reason, message)
      )
      return yield* Layer.build(Layer.provide(adapter.layer, client))
    }).pipe(
      Effect.mapError(({ operation, reason }) =>
        ContextStore.failure(operation, undefined, reason._tag, SqliteFile.naming(options.filename, reason.message))
      )
    )
  )
