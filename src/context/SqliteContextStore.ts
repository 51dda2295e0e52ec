/**
 * Sessions in one SQLite file, shared by any number of processes of one machine. The driver is an optional peer and is
 * loaded when the layer is built, not when this module is.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
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
      // SQLite would open a database of no name, and lose it at the end.
      if (options.filename === "") return yield* unavailable(noName)
      const driver = yield* load
      const client = yield* open(driver, options.filename)
      const mine = Layer.merge(
        Layer.succeed(driver.client.SqlClient, client),
        Layer.succeed(driver.database.IsAlone, true)
      )
      return yield* Layer.build(Layer.provide(driver.store.layer, mine))
    }).pipe(Effect.mapError((error) => (options.filename === "" ? error : naming(options.filename, error))))
  )

// internal

interface Driver {
  readonly sqlite: typeof import("@effect/sql-sqlite-node/SqliteClient")
  readonly client: typeof import("@effect/sql/SqlClient")
  readonly error: typeof import("@effect/sql/SqlError")
  readonly store: typeof import("./SqlContextStore.ts")
  readonly database: typeof import("./internal/sqlDatabase.ts")
  readonly errors: typeof import("./internal/sqlErrors.ts")
}

const load: Effect.Effect<Driver, ContextStore.StoreError> = Effect.tryPromise({
  try: async () => ({
    sqlite: await import("@effect/sql-sqlite-node/SqliteClient"),
    client: await import("@effect/sql/SqlClient"),
    error: await import("@effect/sql/SqlError"),
    store: await import("./SqlContextStore.ts"),
    database: await import("./internal/sqlDatabase.ts"),
    errors: await import("./internal/sqlErrors.ts")
  }),
  catch: (error) => unavailable(`${install}: ${textOf(error)}`)
})

const noName = "the name of the file is empty; name one, or :memory: for a database that ends with the layer"

const install = "the SQLite driver is missing; run npm install @effect/sql@^0.52.1 @effect/sql-sqlite-node@^0.53.0"

/** The native part is missing when install scripts did not run, and of no use to a Node of another version. */
const isUnbuilt = /bindings file|ERR_DLOPEN_FAILED|NODE_MODULE_VERSION/

const rebuild = "the SQLite driver is not built for this Node; run npm rebuild better-sqlite3 and let its script run"

/** The store knows how to go on when the driver kept a statement that it failed to prepare. */
const prepareCacheTTL = Duration.infinity

/** The driver throws what happens while it opens a file; with several processes at once, the file may be locked. */
const open = (driver: Driver, filename: string): Effect.Effect<SqlClient, ContextStore.StoreError, Scope.Scope> => {
  const { SqlError } = driver.error
  const opened = Layer.build(driver.sqlite.layer({ filename, prepareCacheTTL, disableWAL: true })).pipe(
    Effect.orDie,
    Effect.catchAllDefect((cause) => new SqlError({ cause })),
    Effect.map((context): SqlClient => Context.get(context, driver.sqlite.SqliteClient)),
    // The driver waits for a locked file synchronously, and so does the whole process: the store waits instead.
    Effect.tap((client) => client.unsafe("PRAGMA busy_timeout = 20")),
    // Not by the driver, which would do it before, and wait.
    Effect.tap((client) => client.unsafe("PRAGMA journal_mode = WAL")),
    Effect.tap((client) => client.unsafe("PRAGMA synchronous = NORMAL"))
  )
  return Effect.mapError(driver.database.patiently(opened), (error) => {
    const { reason, message } = driver.errors.explain(error)
    const [said = ""] = message.split("\n")
    return ContextStore.failure("open", undefined, reason, isUnbuilt.test(message) ? `${rebuild}: ${said}` : message)
  })
}

const naming = (filename: string, { operation, reason }: ContextStore.StoreError): ContextStore.StoreError =>
  ContextStore.failure(operation, undefined, reason._tag, `${filename}: ${reason.message}`)

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const unavailable = (message: string): ContextStore.StoreError =>
  ContextStore.failure("open", undefined, "Unavailable", message)
