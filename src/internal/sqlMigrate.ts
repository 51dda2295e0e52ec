/**
 * Brings tables up to date, once, by whichever process comes first. What the versions are is left to whose tables they
 * are; tables of a newer version are not touched.
 */
import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import type { Database, Execute } from "./sqlDatabase.ts"
import { Refusal } from "./sqlErrors.ts"

export interface Tables {
  /** The table that counts the versions. */
  readonly table: string
  readonly latest: number
  /** The version that is there, 0 for none. */
  readonly versionOf: (execute: Execute) => Effect.Effect<number, SqlError>
  /** What makes each version of the one before, by its number and name. */
  readonly migrations: (execute: Execute) => Readonly<Record<string, Effect.Effect<void, SqlError>>>
}

/** Makes the tables, or makes them new. Any number of processes may do so at once; one of them does. */
export const migrate = (
  database: Database,
  sql: SqlClient.SqlClient,
  { latest, migrations, table, versionOf }: Tables
): Effect.Effect<void, SqlError | Refusal> =>
  Effect.gen(function* () {
    const known = yield* versionOf(database.run)
    if (known > latest) return yield* Effect.fail(new Refusal("Corrupt", newer(known, latest)))
    if (known === latest) return
    yield* database.transact((execute, connection) =>
      Effect.gen(function* () {
        yield* database.exclude(execute)
        const meanwhile = yield* versionOf(execute)
        if (meanwhile > latest) return yield* Effect.fail(new Refusal("Corrupt", newer(meanwhile, latest)))
        // As the migrator would: its way to see whether the table is missing ends a transaction of PostgreSQL.
        const time = database.isSqlite ? "datetime" : "TIMESTAMPTZ"
        yield* execute(`CREATE TABLE IF NOT EXISTS ${table} (migration_id INTEGER NOT NULL PRIMARY KEY,
          created_at ${time} NOT NULL DEFAULT CURRENT_TIMESTAMP, name TEXT NOT NULL)`)
        yield* Migrator.make({})({ loader: Migrator.fromRecord(migrations(execute)), table }).pipe(
          Effect.provideService(SqlClient.SqlClient, sql.withoutTransforms()),
          Effect.provideService(SqlClient.TransactionConnection, [connection, 0]),
          // A migration that fails is a defect of the migrator, with the failure in it.
          Effect.catchAllDefect((defect) => Effect.fail(failed(defect))),
          Effect.catchTag("MigrationError", (error) => Effect.fail(failed(error)))
        )
        if ((yield* versionOf(execute)) !== latest) {
          return yield* new SqlError({ cause: new Error("the tables could not be brought up to date; try again") })
        }
      })
    )
  })

/** The names of those tables that there are. */
export const existing = (
  { isSqlite }: Database,
  execute: Execute,
  names: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>, SqlError> => {
  const texts = names.map((name) => `'${name}'`)
  return Effect.map(
    execute<{ readonly name: string }>(
      isSqlite
        ? `SELECT name FROM sqlite_master WHERE type = 'table' AND name IN (${texts.join(", ")})`
        : `SELECT name FROM (VALUES ${texts.map((text) => `(${text})`).join(", ")}) AS t (name)
            WHERE to_regclass(name) IS NOT NULL`
    ),
    (rows) => rows.map(({ name }) => name)
  )
}

/** Runs statements one after the other. */
export const inOrder = (execute: Execute, statements: ReadonlyArray<string>): Effect.Effect<void, SqlError> =>
  Effect.forEach(statements, (statement) => execute(statement), { discard: true })

// internal

const failed = (error: unknown): SqlError =>
  new SqlError({ cause: error instanceof Migrator.MigrationError ? (error.cause ?? error) : error })

const newer = (version: number, latest: number): string =>
  `a newer version of axonal wrote it (tables ${version}, this one knows ${latest}); upgrade axonal`
