/**
 * Sessions in a SQL database, shared by any number of processes. Entries are JSON with a version and belong to branches;
 * what was rewound stays in the tables, what no session has any more does not. Opening a database is left to its driver.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Entry, Stored } from "../domain/Entry.ts"
import { SessionId } from "../domain/Ids.ts"
import * as Newest from "../internal/newest.ts"
import * as Database from "../internal/sqlDatabase.ts"
import { explain, Refusal } from "../internal/sqlErrors.ts"
import * as ContextStore from "./ContextStore.ts"
import * as Append from "./internal/sqlAppend.ts"
import * as Branches from "./internal/sqlBranches.ts"
import * as Changes from "./internal/sqlChanges.ts"
import * as Lease from "./internal/sqlLease.ts"
import { migrate } from "./internal/sqlMigrations.ts"
import * as Rows from "./internal/sqlRows.ts"
import * as Search from "./internal/sqlSearch.ts"
import * as Statements from "./internal/sqlStatements.ts"
import * as Storage from "./internal/storage.ts"
import * as Window from "./Window.ts"

/**
 * How long a run keeps its session when its process dies without letting go: 15 seconds. A living run renews it three
 * times as often.
 *
 * **Gotchas**
 *
 * Processes on several machines compare their own clocks: keep it far above what these differ. Less than 100 milliseconds
 * counts as that many. Without end, the session of a process that died stays taken.
 *
 * @category references
 * @since 0.1.0
 */
export class LeaseDuration extends Context.Reference<LeaseDuration>()("axonal/context/SqlContextStore/LeaseDuration", {
  defaultValue: (): Duration.Duration => Duration.seconds(15)
}) {}

/**
 * Layer that keeps sessions in the tables `axonal_*` of the SQL client's database, and makes them when they are missing.
 *
 * **Details**
 *
 * - Dialects: SQLite, with its FTS5, and PostgreSQL. Tables of an older version are brought up to date with everything in
 *   them, once, by whichever process comes first. Those of a newer one are not touched: `Corrupt`, upgrade the package.
 * - An append is one transaction of two or three statements. Forks and rewinds share entries, and copy none.
 * - A row that cannot be read any more is left out of windows, with a warning, and says so in the log. One of a newer
 *   version fails what needs it as `Corrupt`.
 * - What no session has any more is erased. In SQLite it is overwritten, in the files beside the database, too.
 * - Words are put into the index when somebody searches, so that the first search after a long time takes longest.
 * - A lock is a row with an expiry, so that it holds across processes and outlives none for long. A run whose session
 *   was taken over, because its process stood still for longer than the lease, can no longer append to it.
 * - Waiting is fair within a process; between processes whoever asks first after the release comes first.
 *
 * **Gotchas**
 *
 * - PostgreSQL keeps what was erased in its files until `VACUUM`, and in its log and backups beyond that.
 * - Each operation is a transaction of its own, on a connection of its own, also within a transaction of the client. In
 *   SQLite, which has one, it fails there as `Unavailable`; in PostgreSQL it waits for a connection of the pool.
 *
 * @see {@link LeaseDuration}
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ContextStore.ContextStore, ContextStore.StoreError, SqlClient> = Layer.scoped(
  ContextStore.ContextStore,
  Effect.suspend(() => make)
)

// internal

type Failure = SqlError | Refusal

/** The window of the beginning of a log. It holds while the session goes on with the same branch. */
interface Known {
  readonly branch: string
  readonly window: Window.Window
  /** Entries that this process added since: their messages keep their identity. */
  readonly added: Array<Entry>
  /** The position behind these. */
  position: number
}

const windowsKept = 64

const make = Effect.gen(function* () {
  const client = yield* SqlClient
  const database = yield* Effect.mapError(Database.make(client), describe("open"))
  if (database.isSqlite) yield* Effect.mapError(database.run("PRAGMA secure_delete = ON"), describe("open"))
  yield* Effect.mapError(migrate(database, client, Window), describe("open"))
  const statements = Statements.make(database)
  const branches = Branches.make(database, statements, Window)
  const searches = Search.make(database, statements, Window)
  const leases = Lease.make(database, yield* LeaseDuration)
  const appends = Append.make(statements, branches, leases, Window)
  const changes = Changes.make(statements, branches)
  const windows = new Map<SessionId, Known>()

  const write = <A>(
    operation: string,
    session: SessionId | undefined,
    body: (execute: Database.Execute, now: number) => Effect.Effect<A, Failure>
  ) =>
    Effect.mapError(
      Clock.clockWith((clock) => database.transact((execute) => body(execute, clock.unsafeCurrentTimeMillis()))),
      describe(operation, session)
    )

  const remember = (session: SessionId, known: Known): void => Newest.keep(windows, session, known, windowsKept)
  const rememberAppended = (session: SessionId, { before, branch, fresh, isNew, position }: Append.Appended): void => {
    const known = isNew ? { branch, window: Window.empty, added: [], position: 0 } : windows.get(session)
    if (known?.branch !== branch || known.position !== before) return
    for (const entry of fresh) known.added.push(entry)
    known.position = position
    remember(session, known)
  }
  /** What is known of a whole log is known of its copy. */
  const rememberForked = (session: SessionId, { branch, cut, id, markers, parent, position }: Changes.Forked): void => {
    const known = windows.get(session)
    if (known?.branch !== parent || known.position !== cut) return
    remember(id, { branch, window: known.window, added: [...known.added, ...markers], position })
  }

  const append: ContextStore.Service["append"] = (session, entries, { after, ...belongs } = {}) =>
    Effect.suspend(() => {
      const rows = Rows.encode(entries)
      if (rows instanceof Refusal) return Effect.fail(describe("append", session)(rows))
      const appending: Append.Appending = { session: Rows.toKey(session), entries, rows, after, belongs }
      return Effect.map(
        write("append", session, (execute, now) => appends.append(execute, appending, now)),
        (done) => {
          appends.remember(appending.session, done)
          rememberAppended(session, done)
          return done.position
        }
      )
    })

  /** The log from where the window begins, or all up to there when the compaction in force cannot be read any more. */
  const windowed = (rows: ReadonlyArray<Statements.ReadRow>) =>
    Effect.gen(function* () {
      const there = rows.flatMap(entryRow)
      const log = yield* Rows.decode(there)
      const [first] = rows
      const at = first?.compaction_at ?? 0
      const isReadable = at === 0 || log[there.findIndex(({ position }) => position === at)]?._tag === "Compaction"
      if (first === undefined || isReadable) return log
      // Of the same moment: others may go on meanwhile.
      const range = { branch: first.branch, after: 0, to: first.now }
      return yield* Rows.decode(yield* statements.range(database.run, range, ""))
    })

  const window = (session: SessionId): Effect.Effect<Window.Window, Failure> =>
    Effect.gen(function* () {
      const known = windows.get(session)
      const current = known === undefined ? undefined : Window.extend(known.window, known.added, known.position)
      if (known !== undefined && current === undefined) windows.delete(session)
      const rows = yield* statements.read(database.run, Rows.toKey(session), current?.position ?? 0)
      const [row] = rows
      if (row === undefined) {
        windows.delete(session)
        return Window.empty
      }
      const next = yield* Effect.gen(function* () {
        if (current === undefined) {
          const log = yield* windowed(rows)
          yield* warn(session, log)
          return Window.project(log, row.now)
        }
        // A database that was put back is behind what was known.
        if (known?.branch !== row.branch || row.now < current.position) return undefined
        const added = yield* Rows.decode(rows.flatMap(entryRow))
        yield* warn(session, added)
        return Window.extend(current, added, row.now)
      })
      if (next === undefined) {
        windows.delete(session)
        return yield* window(session)
      }
      remember(session, { branch: row.branch, window: next, added: [], position: row.now })
      return next
    })

  const fork: ContextStore.Service["fork"] = (session, at) =>
    Effect.map(
      write("fork", session, (execute, now) => changes.fork(execute, session, at, now)),
      (forked) => {
        rememberForked(session, forked)
        return forked.id
      }
    )

  /** Erases, of a session that is there, and leaves nothing of it beside the database either. */
  const erasing = (
    operation: string,
    session: SessionId,
    body: (execute: Database.Execute, now: number) => Effect.Effect<void, Failure>
  ) =>
    write(operation, session, (execute, now) =>
      Effect.catchIf(
        Effect.as(body(execute, now), true),
        (error) => error._tag === "Refusal" && error.reason === "NotFound",
        () => Effect.succeed(false)
      )
    ).pipe(
      Effect.tap((isErased) =>
        isErased ? Effect.mapError(database.forget, describe(operation, session)) : Effect.void
      ),
      Effect.ensuring(Effect.sync(() => windows.delete(session))),
      Effect.asVoid
    )

  const prune: ContextStore.Service["prune"] = ({ before, ...belongs }) =>
    Effect.gen(function* () {
      const { text, values } = Search.asked(database, belongs)
      const last = Rows.toWhole(before)
      const old = `SELECT s.id FROM axonal_sessions s WHERE ${text} AND s.updated_at < ?`
      const sessions = yield* database.run<{ readonly id: string }>(`${old} ORDER BY s.id`, [...values, last])
      const removed = yield* Effect.forEach(sessions, ({ id }) =>
        database.transact((execute) =>
          Effect.gen(function* () {
            const lock = statements.lock(execute, id)
            if (lock !== undefined) yield* lock
            // It may have been used since.
            const [row] = yield* execute(`${old} AND s.id = ?`, [...values, last, id])
            if (row === undefined) return 0
            const session = SessionId.make(Rows.fromKey(id))
            yield* changes.remove(execute, session)
            windows.delete(session)
            return 1
          })
        )
      )
      if (removed.length > 0) yield* database.forget
      return removed.filter((count) => count > 0).length
    }).pipe(Effect.mapError(describe("prune")))

  const list: ContextStore.Service["list"] = (query = {}) =>
    Effect.gen(function* () {
      const before = parseCursor(query.cursor)
      if (query.cursor !== undefined && before === undefined) {
        return yield* Effect.fail(new Refusal("NotFound", Storage.unknownCursor))
      }
      const limit = Search.pageLength(query)
      const { text, values } = Search.asked(database, query)
      const behind = before === undefined ? "" : " AND (s.sequence, s.id) < (?, ?)"
      const rows = yield* database.run<Rows.SessionRow>(
        `SELECT s.* FROM axonal_sessions s WHERE ${text}${behind} ORDER BY s.sequence DESC, s.id DESC LIMIT ?`,
        [...values, ...(before ?? []), limit + 1]
      )
      const last = rows.length > limit ? rows[limit - 1] : undefined
      const next = last === undefined ? undefined : { next: `${last.sequence}.${last.id}` }
      return { sessions: rows.slice(0, limit).map(Rows.infoOf), ...next }
    }).pipe(Effect.mapError(describe("list")))

  const info: ContextStore.Service["info"] = (session) =>
    Effect.flatMap(statements.session(database.run, Rows.toKey(session)), ([row]) =>
      row === undefined ? Effect.fail(new Refusal("NotFound", Storage.noSession)) : Effect.succeed(Rows.infoOf(row))
    ).pipe(Effect.mapError(describe("info", session)))

  const update: ContextStore.Service["update"] = (session, change) =>
    write("update", session, (execute, now) =>
      Effect.flatMap(branches.find(execute, session), (row) => {
        const title = change.title === undefined ? row.title : change.title === "" ? null : Rows.toKey(change.title)
        const labels = change.labels === undefined ? row.labels : Rows.toLabels(change.labels)
        return Effect.asVoid(statements.describeSession(execute, { id: row.id, title, labels }, now))
      })
    )

  return ContextStore.ContextStore.of({
    append,
    read: (session) => Effect.mapError(window(session), describe("read", session)),
    live: (session) =>
      statements
        .live(database.run, Rows.toKey(session))
        .pipe(
          Effect.flatMap(windowed),
          Effect.mapBoth({ onFailure: describe("live", session), onSuccess: Window.live })
        ),
    entries: (session) =>
      Effect.mapError(
        Effect.flatMap(statements.log(database.run, Rows.toKey(session)), Rows.decode),
        describe("entries", session)
      ),
    entry: (session, id) =>
      Effect.gen(function* () {
        const [row] = yield* statements.session(database.run, Rows.toKey(session))
        if (row === undefined) return yield* Effect.fail(new Refusal("NotFound", Storage.noSession))
        const [stored] = yield* Rows.decode([yield* branches.entry(database.run, row.id, id)])
        return stored ?? (yield* Effect.fail(new Refusal("NotFound", Storage.noEntry(id))))
      }).pipe(Effect.mapError(describe("entry", session))),
    info,
    update,
    fork,
    rewind: (session, to) => write("rewind", session, (execute, now) => changes.rewind(execute, session, to, now)),
    branches: (session) =>
      Effect.mapBoth(branches.family(database.runPlain, Rows.toKey(session)), {
        onFailure: describe("branches", session),
        onSuccess: (rows) => rows.map(Branches.infoOf)
      }),
    clear: (session) => erasing("clear", session, (execute, now) => changes.clear(execute, session, now)),
    remove: (session) => erasing("remove", session, (execute) => changes.remove(execute, session)),
    prune,
    list,
    search: (text, query = {}) => Effect.mapError(searches.search(text, query), describe("search")),
    lock: (session, onBusy) =>
      Effect.flatMap(Effect.mapError(leases.take(Rows.toKey(session), onBusy), describe("lock", session)), (isTaken) =>
        isTaken ? Effect.void : ContextStore.failure("lock", session, "SessionBusy", busy)
      )
  })
})

const busy = Storage.busy("another run, perhaps of another process,")

const describe =
  (operation: string, session?: SessionId) =>
  (error: Failure): ContextStore.StoreError => {
    const { message, reason } = error._tag === "Refusal" ? error : explain(error)
    return ContextStore.failure(operation, session, reason, message)
  }

/** A joined row without an entry has none. */
const entryRow = ({ at, id, json, position, version }: Statements.ReadRow): ReadonlyArray<Rows.EntryRow> =>
  id === null || at === null || json === null || position === null || version === null
    ? []
    : [{ at, id, json, position, version }]

/** A cursor is the place of the last session of its page. */
const parseCursor = (cursor: string | undefined): readonly [sequence: number, id: string] | undefined => {
  const [, sequence, id] = /^(\d{1,15})\.(.+)$/s.exec(cursor ?? "") ?? []
  return id === undefined || Rows.isOdd(id) ? undefined : [Number(sequence), id]
}

const warn = (session: SessionId, log: ReadonlyArray<Stored>): Effect.Effect<void> =>
  Effect.forEach(
    log,
    (entry) =>
      entry._tag === "Unreadable"
        ? Effect.logWarning(`Entry ${entry.id} of session ${session} cannot be read and is left out: ${entry.problem}`)
        : Effect.void,
    { discard: true }
  )
