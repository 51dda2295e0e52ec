/**
 * The tables of the SQL store, and the way to them from every version there was. Never change a migration that was
 * released: add another.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Entries from "../../domain/Entry.ts"
import type { Database, Execute } from "../../internal/sqlDatabase.ts"
import type { Refusal } from "../../internal/sqlErrors.ts"
import * as Migrate from "../../internal/sqlMigrate.ts"
import type { EntryRow, Projection } from "./sqlRows.ts"
import * as Rows from "./sqlRows.ts"
import { open } from "./sqlStatements.ts"

/** Makes the tables, or makes them new. */
export const migrate = (
  database: Database,
  sql: SqlClient,
  projection: Projection
): Effect.Effect<void, SqlError | Refusal> =>
  Migrate.migrate(database, sql, {
    table,
    latest,
    versionOf: (execute) => versionOf(database, execute),
    migrations: (execute) => ({
      "1_sessions": Migrate.inOrder(execute, sessions),
      "2_branches": branches(database.isSqlite, execute, projection),
      "3_ids": Migrate.inOrder(execute, ids)
    })
  })

// internal

const table = "axonal_schema"
const latest = 3

/** Version 1 counted in a table of its own, which is kept so that it does not mistake newer tables for its own. */
const versionOf = (database: Database, execute: Execute): Effect.Effect<number, SqlError> =>
  Effect.gen(function* () {
    const tables = yield* Migrate.existing(database, execute, [table, "axonal_migrations"])
    const versions = yield* Effect.forEach(tables, (name) =>
      execute<{ readonly version: number | null }>(
        name === table ? `SELECT MAX(migration_id) AS version FROM ${name}` : `SELECT MAX(id) AS version FROM ${name}`
      )
    )
    const found = Math.max(0, ...versions.flatMap(([row]) => row?.version ?? []))
    return found > latest || tables.includes(table) ? found : 0
  })

/** Version 1. It may be there already. */
const sessions: ReadonlyArray<string> = [
  "CREATE TABLE IF NOT EXISTS axonal_migrations (id INTEGER NOT NULL PRIMARY KEY, at BIGINT NOT NULL)",
  `CREATE TABLE IF NOT EXISTS axonal_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT,
    preview TEXT NOT NULL,
    preview_at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    revision TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS axonal_entries (
    session TEXT NOT NULL,
    dropped INTEGER NOT NULL,
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (session, dropped, position)
  )`,
  `CREATE TABLE IF NOT EXISTS axonal_leases (
    session TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    expires_at BIGINT NOT NULL
  )`
]

/** Version 2: entries belong to branches, and paths of branches are made of ranges of them. */
const branches = (isSqlite: boolean, execute: Execute, projection: Projection) =>
  Effect.gen(function* () {
    yield* Migrate.inOrder(execute, [
      "ALTER TABLE axonal_sessions RENAME TO axonal_sessions_1",
      "ALTER TABLE axonal_entries RENAME TO axonal_entries_1",
      "DROP INDEX IF EXISTS axonal_sessions_sequence",
      "DROP INDEX IF EXISTS axonal_sessions_owner",
      "DROP INDEX IF EXISTS axonal_entries_id",
      ...tables,
      ...(isSqlite ? wordsOfSqlite : wordsOfPostgres),
      `INSERT INTO axonal_sessions
        (id, owner, labels, preview, size, position, branch, sequence, created_at, updated_at, searched)
        SELECT id, owner, '[]', preview, size, size, ${first("id")}, sequence, created_at, updated_at, 0
        FROM axonal_sessions_1`,
      `INSERT INTO axonal_branches (id, session, age, preview, window_from, compaction_at, created_at)
        SELECT ${first("id")}, id, sequence, preview, 0, 0, created_at FROM axonal_sessions_1`,
      `INSERT INTO axonal_segments (branch, source, first, last)
        SELECT ${first("id")}, ${first("id")}, 1, ${open} FROM axonal_sessions_1`,
      `INSERT INTO axonal_entries (branch, position, id, kind, version, at, json)
        SELECT 'v1.' || dropped || '.' || session, position, id, kind, version, at, json FROM axonal_entries_1
        ORDER BY session, dropped, position`
    ])
    const tails = yield* execute<Tail>(`SELECT session, dropped, MIN(position) AS first, MAX(position) AS last
      FROM axonal_entries_1 WHERE dropped > 0 GROUP BY session, dropped ORDER BY session, dropped DESC`)
    yield* Effect.forEach(tails, (tail) => keep(execute, projection, tails, tail), { discard: true })
    yield* Migrate.inOrder(execute, ["DROP TABLE axonal_entries_1", "DROP TABLE axonal_sessions_1"])
    const now = yield* Clock.currentTimeMillis
    yield* execute("INSERT INTO axonal_migrations (id, at) VALUES (2, ?)", [now])
  })

const tables: ReadonlyArray<string> = [
  `CREATE TABLE axonal_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT,
    owner TEXT,
    chat TEXT,
    title TEXT,
    labels TEXT NOT NULL,
    preview TEXT NOT NULL,
    size INTEGER NOT NULL,
    position INTEGER NOT NULL,
    branch TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    origin TEXT,
    searched INTEGER NOT NULL
  )`,
  "CREATE INDEX axonal_sessions_sequence ON axonal_sessions (sequence, id)",
  "CREATE INDEX axonal_sessions_owner ON axonal_sessions (owner, sequence, id)",
  "CREATE UNIQUE INDEX axonal_sessions_branch ON axonal_sessions (branch)",
  // Of a branch that left another: which, behind which entry, and where its window begins when it was compacted.
  `CREATE TABLE axonal_branches (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL,
    parent TEXT,
    parent_entry TEXT,
    age BIGINT NOT NULL,
    preview TEXT NOT NULL,
    window_from INTEGER NOT NULL,
    compaction_at INTEGER NOT NULL,
    created_at BIGINT NOT NULL
  )`,
  "CREATE INDEX axonal_branches_session ON axonal_branches (session)",
  "CREATE INDEX axonal_branches_parent ON axonal_branches (parent)",
  "CREATE INDEX axonal_branches_age ON axonal_branches (age)",
  // The path of a branch: ranges of entries of its own and of those it came from.
  `CREATE TABLE axonal_segments (
    branch TEXT NOT NULL,
    source TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (branch, first)
  )`,
  "CREATE INDEX axonal_segments_source ON axonal_segments (source)",
  `CREATE TABLE axonal_entries (
    branch TEXT NOT NULL,
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (branch, position)
  )`,
  "CREATE UNIQUE INDEX axonal_entries_id ON axonal_entries (branch, id)",
  "CREATE INDEX axonal_entries_turns ON axonal_entries (branch, position) WHERE kind IN ('Compaction', 'Marker')"
]

/** Words are letters, digits and marks without case and accents already: this tokenizer only parts them at spaces. */
const wordsOfSqlite: ReadonlyArray<string> = [
  `CREATE TABLE axonal_words (
    id INTEGER PRIMARY KEY,
    branch TEXT NOT NULL,
    position INTEGER NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    UNIQUE (branch, position)
  )`,
  "CREATE VIRTUAL TABLE axonal_words_index USING fts5(words, tokenize = 'ascii')",
  "INSERT INTO axonal_words_index (axonal_words_index, rank) VALUES ('secure-delete', 1)"
]

/** A text of too many words has none here, and is looked at whenever somebody searches. */
const wordsOfPostgres: ReadonlyArray<string> = [
  `CREATE TABLE axonal_words (
    branch TEXT NOT NULL,
    position INTEGER NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    words TSVECTOR,
    PRIMARY KEY (branch, position)
  )`,
  "CREATE INDEX axonal_words_index ON axonal_words USING GIN (words)",
  "CREATE INDEX axonal_words_long ON axonal_words (branch, position) WHERE words IS NULL"
]

/** Version 3: an entry is found by its id alone, however many branches its path is made of. */
const ids: ReadonlyArray<string> = [
  "DROP INDEX axonal_entries_id",
  "CREATE UNIQUE INDEX axonal_entries_id ON axonal_entries (id, branch)"
]

// From version 1

/** What a rewind of version 1 took out of a log: the entries of one number, the highest number last. */
interface Tail {
  readonly session: string
  readonly dropped: number
  readonly first: number
  readonly last: number
}

const first = (session: string): string => `'v1.0.' || ${session}`

/** What was rewound becomes a branch that was left. What stood before it may have been rewound itself, later. */
const keep = (execute: Execute, projection: Projection, tails: ReadonlyArray<Tail>, tail: Tail) =>
  Effect.gen(function* () {
    const { session, dropped } = tail
    const branch = nameOf(session, dropped)
    const later = tails
      .filter((other) => other.session === session && other.dropped > dropped)
      .sort((left, right) => left.dropped - right.dropped)
    const path: Array<{ source: string; first: number; last: number }> = []
    for (let position = 1; position < tail.first; position++) {
      const taken = later.find((other) => other.first <= position)
      const source = nameOf(session, taken?.dropped ?? 0)
      const previous = path[path.length - 1]
      if (previous?.source === source) previous.last = position
      else path.push({ source, first: position, last: position })
    }
    const parent = path[path.length - 1]
    const [entry] = yield* execute<{ readonly id: string }>(
      "SELECT id FROM axonal_entries WHERE branch = ? AND position = ?",
      [parent?.source ?? "", parent?.last ?? 0]
    )
    const rows = yield* execute<EntryRow>(
      `SELECT id, position, version, at, json FROM axonal_entries
        WHERE branch = ? AND kind = 'Message' ORDER BY position`,
      [branch]
    )
    const previews = rows.map(({ json, version }) =>
      Either.match(Entries.fromJson(version, json), { onLeft: () => "", onRight: projection.preview })
    )
    for (const segment of [...path, { source: branch, first: tail.first, last: open }]) {
      yield* execute("INSERT INTO axonal_segments (branch, source, first, last) VALUES (?, ?, ?, ?)", [
        ...[branch, segment.source, segment.first, segment.last]
      ])
    }
    yield* execute(
      `INSERT INTO axonal_branches
        (id, session, parent, parent_entry, age, preview, window_from, compaction_at, created_at)
        SELECT ?, ?, ?, ?, (SELECT MAX(age) + 1 FROM axonal_branches), ?, 0, 0, created_at
        FROM axonal_sessions WHERE id = ?`,
      [
        ...[branch, session, entry === undefined ? null : (parent?.source ?? null), entry?.id ?? null],
        ...[Rows.shown(previews.find((preview) => preview !== "") ?? ""), session]
      ]
    )
  })

const nameOf = (session: string, dropped: number): string => `v1.${dropped}.${session}`
