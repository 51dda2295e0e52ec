/**
 * Opens a SQLite file for one adapter. The driver is an optional peer and is loaded here, when a file is opened.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/** Why a file could not be opened, and what to do about it. */
export interface Problem {
  readonly reason: "Corrupt" | "Unavailable"
  readonly message: string
}

/** A file that is open, and the adapter that speaks to it, which is loaded together with the driver. */
export interface Opened<Adapter> {
  readonly adapter: Adapter
  readonly client: Layer.Layer<SqlClient>
}

/** Opens a file for as long as the scope, and for one adapter alone. */
export const open = <Adapter>(
  filename: string,
  adapter: () => Promise<Adapter>
): Effect.Effect<Opened<Adapter>, Problem, Scope.Scope> =>
  Effect.gen(function* () {
    // SQLite would open a database of no name, and lose it at the end.
    if (filename === "") return yield* Effect.fail(unavailable(noName))
    const driver = yield* load
    const client = Layer.merge(
      Layer.succeed(driver.client.SqlClient, yield* connect(driver, filename)),
      Layer.succeed(driver.database.IsAlone, true)
    )
    return { adapter: yield* loading(adapter), client }
  })

/** What an adapter says of a file: with its name, if it has one. */
export const naming = (filename: string, message: string): string =>
  filename === "" ? message : `${filename}: ${message}`

// internal

interface Driver {
  readonly sqlite: typeof import("@effect/sql-sqlite-node/SqliteClient")
  readonly client: typeof import("@effect/sql/SqlClient")
  readonly error: typeof import("@effect/sql/SqlError")
  readonly database: typeof import("./sqlDatabase.ts")
  readonly errors: typeof import("./sqlErrors.ts")
}

const loading = <Module>(load: () => Promise<Module>): Effect.Effect<Module, Problem> =>
  Effect.tryPromise({ try: load, catch: (error) => unavailable(`${install}: ${textOf(error)}`) })

const load = loading(
  async (): Promise<Driver> => ({
    sqlite: await import("@effect/sql-sqlite-node/SqliteClient"),
    client: await import("@effect/sql/SqlClient"),
    error: await import("@effect/sql/SqlError"),
    database: await import("./sqlDatabase.ts"),
    errors: await import("./sqlErrors.ts")
  })
)

const noName = "the name of the file is empty; name one, or :memory: for a database that ends with the layer"

const install = "the SQLite driver is missing; run npm install @effect/sql@^0.52.1 @effect/sql-sqlite-node@^0.53.0"

/** The native part is missing when install scripts did not run, and of no use to a Node of another version. */
const isUnbuilt = /bindings file|ERR_DLOPEN_FAILED|NODE_MODULE_VERSION/

const rebuild = "the SQLite driver is not built for this Node; run npm rebuild better-sqlite3 and let its script run"

/** What uses the file knows how to go on when the driver kept a statement that it failed to prepare. */
const prepareCacheTTL = Duration.infinity

/** The driver throws what happens while it opens a file; with several processes at once, the file may be locked. */
const connect = (driver: Driver, filename: string): Effect.Effect<SqlClient, Problem, Scope.Scope> => {
  const { SqlError } = driver.error
  const opened = Layer.build(driver.sqlite.layer({ filename, prepareCacheTTL, disableWAL: true })).pipe(
    Effect.orDie,
    Effect.catchAllDefect((cause) => new SqlError({ cause })),
    Effect.map((context): SqlClient => Context.get(context, driver.sqlite.SqliteClient)),
    // The driver waits for a locked file synchronously, and so does the whole process: waiting is left to who asks.
    Effect.tap((client) => client.unsafe("PRAGMA busy_timeout = 20")),
    // Not by the driver, which would do it before, and wait.
    Effect.tap((client) => client.unsafe("PRAGMA journal_mode = WAL")),
    Effect.tap((client) => client.unsafe("PRAGMA synchronous = NORMAL"))
  )
  return Effect.mapError(driver.database.patiently(opened), (error) => {
    const { reason, message } = driver.errors.explain(error)
    const [said = ""] = message.split("\n")
    return { reason, message: isUnbuilt.test(message) ? `${rebuild}: ${said}` : message }
  })
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const unavailable = (message: string): Problem => ({ reason: "Unavailable", message })
