/**
 * The tables of boards, and the way to them from every version there was. Never change a migration that was released: add
 * another.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import type { Database, Execute } from "../../internal/sqlDatabase.ts"
import type { Refusal } from "../../internal/sqlErrors.ts"
import * as Migrate from "../../internal/sqlMigrate.ts"

/** Makes the tables, or makes them new. */
export const migrate = (database: Database, sql: SqlClient): Effect.Effect<void, SqlError | Refusal> =>
  Migrate.migrate(database, sql, {
    table,
    latest: 1,
    versionOf: (execute) => versionOf(database, execute),
    migrations: (execute) => ({ "1_boards": Migrate.inOrder(execute, boards) })
  })

// internal

const table = "axonal_board_schema"

const versionOf = (database: Database, execute: Execute): Effect.Effect<number, SqlError> =>
  Effect.flatMap(Migrate.existing(database, execute, [table]), ([name]) =>
    name === undefined
      ? Effect.succeed(0)
      : Effect.map(
          execute<{ readonly version: number | null }>(`SELECT MAX(migration_id) AS version FROM ${name}`),
          ([row]) => row?.version ?? 0
        )
  )

/** Version 1. What is in the columns of a task is also in its JSON, and only there it counts. */
const boards: ReadonlyArray<string> = [
  `CREATE TABLE axonal_boards (
    id TEXT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    posted BIGINT NOT NULL
  )`,
  `CREATE TABLE axonal_board_tasks (
    board TEXT NOT NULL,
    id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    state TEXT NOT NULL,
    waiting INTEGER NOT NULL,
    priority DOUBLE PRECISION NOT NULL,
    tags TEXT NOT NULL,
    assignee TEXT,
    worker TEXT,
    expires_at BIGINT,
    version INTEGER NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (board, id)
  )`,
  "CREATE INDEX axonal_board_tasks_ready ON axonal_board_tasks (board, state, waiting, priority DESC, sequence)",
  "CREATE INDEX axonal_board_tasks_revision ON axonal_board_tasks (board, revision)",
  "CREATE INDEX axonal_board_tasks_held ON axonal_board_tasks (board, expires_at) WHERE expires_at IS NOT NULL",
  `CREATE TABLE axonal_board_dependencies (
    board TEXT NOT NULL,
    dependency TEXT NOT NULL,
    task TEXT NOT NULL,
    PRIMARY KEY (board, dependency, task)
  )`,
  "CREATE INDEX axonal_board_dependencies_task ON axonal_board_dependencies (board, task)",
  `CREATE TABLE axonal_board_notes (
    board TEXT NOT NULL,
    revision BIGINT NOT NULL,
    task TEXT,
    version INTEGER NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (board, revision)
  )`
]
