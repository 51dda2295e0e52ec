/**
 * What the SQL store needs of a database beyond statements: tables, transactions that are safe among processes,
 * patience with a locked database, and words for what went wrong.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

export interface Database {
  readonly sql: SqlClient.SqlClient
  /** Runs a statement outside a transaction. Not interruptible. */
  readonly run: <A, E>(statements: Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** Runs statements in a transaction that nobody else writes beside, all or none. Not interruptible. */
  readonly transact: <A, E>(statements: Effect.Effect<A, E>) => Effect.Effect<A, E | SqlError>
}

export const make: Effect.Effect<Database, SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const isSqlite = sql.onDialectOrElse({ sqlite: () => true, orElse: () => false })
  // SQLite has one connection for all fibers: a statement must not slip into the transaction of another fiber.
  const mutex = yield* Effect.makeSemaphore(1)
  const alone = isSqlite ? mutex.withPermits(1) : <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> => effect
  const begin = isSqlite ? "BEGIN IMMEDIATE" : "BEGIN"
  const database: Database = {
    sql,
    run: (statements) => patiently(alone(Effect.uninterruptible(statements))),
    transact: (statements) => patiently(alone(transaction(sql, begin, statements)))
  }
  yield* migrate(database)
  return database
})

/**
 * `withTransaction` of the client begins without the write lock, so that two processes that read first and write then
 * would fail each other, and makes a defect of a commit that fails.
 */
const transaction = <A, E>(
  sql: SqlClient.SqlClient,
  begin: string,
  statements: Effect.Effect<A, E>
): Effect.Effect<A, E | SqlError> =>
  Effect.gen(function* () {
    const connection = yield* sql.reserve
    const execute = (statement: string) => connection.execute(statement, [], undefined)
    yield* execute(begin)
    const exit = yield* statements.pipe(
      Effect.provideService(SqlClient.TransactionConnection, [connection, 0]),
      Effect.zipLeft(execute("COMMIT")),
      Effect.exit
    )
    if (Exit.isFailure(exit)) yield* Effect.ignore(execute("ROLLBACK"))
    return yield* exit
  }).pipe(Effect.scoped, Effect.uninterruptible)

const attempts = 80
const longestPauseMillis = 150

/** Tries again while another process has the database, for about ten seconds. */
export const patiently = <A, E, R>(attempt: Effect.Effect<A, E, R>, tried = 1): Effect.Effect<A, E, R> =>
  Effect.catchIf(
    attempt,
    (error) => tried < attempts && error instanceof SqlError && isContention(error),
    () => Effect.zipRight(pause(tried), patiently(attempt, tried + 1))
  )

/** Contention is a matter of the machine: its time is real even where a test holds the program's clock. */
const pause = (tried: number): Effect.Effect<void> =>
  Effect.suspend(() => Effect.sleep(Math.random() * Math.min(2 * longestPauseMillis, 5 * 1.5 ** tried))).pipe(
    Effect.withClock(Clock.make())
  )

// Errors

const codeOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return ""
  if ("code" in error && typeof error.code === "string") return error.code
  return "cause" in error ? codeOf(error.cause) : ""
}

const messageOf = (error: unknown): string => {
  if (error instanceof SqlError && error.cause !== undefined) return messageOf(error.cause)
  return error instanceof Error ? error.message : String(error)
}

/** Another process has the lock or was faster; of PostgreSQL also deadlocks and keys taken meanwhile. */
const isContention = (error: unknown): boolean =>
  /^(SQLITE_BUSY|SQLITE_LOCKED|40001|40P01|55P03|23505)/.test(codeOf(error))

const advice: ReadonlyArray<readonly [code: RegExp, reason: "Corrupt" | "Unavailable", advice: string]> = [
  [/^SQLITE_NOTADB/, "Corrupt", "it is no SQLite database; name another file or move this one away"],
  [/^SQLITE_CORRUPT/, "Corrupt", "the database is damaged; restore a backup or move the file away"],
  [/^SQLITE_(BUSY|LOCKED)/, "Unavailable", "another process keeps the database locked; try again or end that process"],
  [/^SQLITE_FULL/, "Unavailable", "the disk is full; make room and try again"],
  [/^SQLITE_(READONLY|PERM)/, "Unavailable", "it cannot be written; check the permissions of the file and its folder"],
  [
    /^SQLITE_CANTOPEN|^Cannot open database/,
    "Unavailable",
    "it cannot be opened; check that its folder exists and may be written"
  ]
]

/** Why a statement failed, and what to do about it. */
export const explain = (error: unknown): { readonly reason: "Corrupt" | "Unavailable"; readonly message: string } => {
  const code = codeOf(error)
  const known = advice.find(([pattern]) => pattern.test(code === "" ? messageOf(error) : code))
  const cause = messageOf(error) + (code === "" ? "" : ` (${code})`)
  return known === undefined
    ? { reason: "Unavailable", message: cause }
    : { reason: known[1], message: `${known[2]}: ${cause}` }
}

// Tables

/** In order. Never change one that was released: add another. */
const migrations: ReadonlyArray<ReadonlyArray<string>> = [
  [
    `CREATE TABLE axonal_sessions (
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
    "CREATE INDEX axonal_sessions_sequence ON axonal_sessions (sequence, id)",
    "CREATE INDEX axonal_sessions_owner ON axonal_sessions (owner, sequence, id)",
    `CREATE TABLE axonal_entries (
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
    "CREATE UNIQUE INDEX axonal_entries_id ON axonal_entries (session, dropped, id)",
    `CREATE TABLE axonal_leases (
      session TEXT NOT NULL PRIMARY KEY,
      holder TEXT NOT NULL,
      expires_at BIGINT NOT NULL
    )`
  ]
]

const latest = (sql: SqlClient.SqlClient): Effect.Effect<number, SqlError> =>
  Effect.map(sql<{ readonly id: number | null }>`SELECT MAX(id) AS id FROM axonal_migrations`, ([row]) =>
    Number(row?.id ?? 0)
  )

const migrate = ({ sql, run, transact }: Database): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    // Takes no write lock when there is nothing to do.
    yield* run(sql`CREATE TABLE IF NOT EXISTS axonal_migrations (id INTEGER NOT NULL PRIMARY KEY, at BIGINT NOT NULL)`)
    const known = yield* run(latest(sql))
    if (known > migrations.length) return yield* new SqlError({ cause: new Error(newer(known)) })
    if (known === migrations.length) return
    yield* transact(
      Effect.gen(function* () {
        yield* sql.onDialectOrElse({ pg: () => sql`SELECT pg_advisory_xact_lock(202601)`, orElse: () => Effect.void })
        const done = yield* latest(sql)
        const now = yield* Clock.currentTimeMillis
        for (const [index, statements] of migrations.entries()) {
          if (index < done) continue
          for (const statement of statements) yield* sql.unsafe(statement)
          yield* sql`INSERT INTO axonal_migrations (id, at) VALUES (${index + 1}, ${now})`
        }
      })
    )
  })

const newer = (version: number): string =>
  `a newer version wrote it (tables ${version}, this one knows ${migrations.length}); upgrade axonal`
