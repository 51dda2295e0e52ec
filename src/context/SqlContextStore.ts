/**
 * Sessions in a SQL database, shared by any number of processes. Rows are JSON with a version; what was rewound stays
 * in the tables, what was cleared or removed does not. Opening a database is left to its driver.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { EntryId } from "../domain/Ids.ts"
import { SessionId } from "../domain/Ids.ts"
import type { Entry, Service, SessionInfo, Window } from "./ContextStore.ts"
import * as ContextStore from "./ContextStore.ts"
import * as Database from "./internal/sqlDatabase.ts"
import * as Lease from "./internal/sqlLease.ts"
import type { EntryRow, JoinedRow, NewEntryRow, SessionRow } from "./internal/sqlStatements.ts"
import * as Statements from "./internal/sqlStatements.ts"
import * as Storage from "./internal/storage.ts"

/**
 * How long a run keeps its session when its process dies without letting go: 15 seconds. A living run renews it three
 * times as often.
 *
 * **Gotchas**
 *
 * Processes on several machines compare their own clocks: keep it far above what these differ.
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
 * - Dialects: SQLite and PostgreSQL.
 * - An append is one transaction of three statements. A row that cannot be read fails its own session as `Corrupt` and
 *   names the position; rewind the session to an entry before it, or clear it.
 * - A lock is a row with an expiry, so that it holds across processes and outlives none for long. A run whose session
 *   was taken over, because its process stood still for longer than the lease, can no longer append to it.
 * - Waiting is fair within a process; between processes whoever asks first after the release comes first.
 *
 * @see {@link LeaseDuration}
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ContextStore.ContextStore, ContextStore.StoreError, SqlClient> = Layer.effect(
  ContextStore.ContextStore,
  Effect.suspend(() => make)
)

// internal

type Failure = SqlError | ContextStore.StoreError

/** The window of the beginning of a log. It holds while the session's revision does. */
interface Known {
  readonly revision: string
  readonly window: Window
  /** Entries that this process added since: their messages keep their identity. */
  readonly added: Array<Entry>
}

/** What an append did, or found to be done. */
interface Appended {
  readonly before: number
  readonly fresh: ReadonlyArray<Entry>
  readonly revision: string
}

const rowVersion = 1
const windowsKept = 64

const make = Effect.gen(function* () {
  const database = yield* Effect.mapError(Database.make, describe("open"))
  const leases = Lease.make(database, yield* LeaseDuration)
  const statements = Statements.make(database.sql)
  const windows = new Map<SessionId, Known>()

  const write = <A>(operation: string, session: SessionId, body: (now: number) => Effect.Effect<A, Failure>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => database.transact(body(now))).pipe(
      Effect.mapError(describe(operation, session))
    )

  /** A session, and the length of its log up to and with an entry. */
  const find = (operation: string, session: SessionId, to: EntryId | undefined) =>
    Effect.gen(function* () {
      const row = yield* statements.session(session)
      if (row === undefined) return yield* ContextStore.failure(operation, session, "NotFound", Storage.noSession)
      const length = to === undefined ? row.size : yield* statements.position(session, to)
      if (length !== undefined) return { row, length }
      return yield* ContextStore.failure(operation, session, "NotFound", Storage.noEntry(to ?? ""))
    })

  const remember = (session: SessionId, known: Known): void => {
    windows.delete(session)
    windows.set(session, known)
    const [oldest] = windows.size > windowsKept ? windows.keys() : []
    if (oldest !== undefined) windows.delete(oldest)
  }
  const rememberAppended = (session: SessionId, { before, fresh, revision }: Appended): void => {
    const known: Known | undefined =
      before === 0 ? { revision, window: ContextStore.window([]), added: [] } : windows.get(session)
    if (known?.revision === revision && known.window.position + known.added.length === before) {
      for (const entry of fresh) known.added.push(entry)
      remember(session, known)
    }
  }

  const append: Service["append"] = (session, entries, options) =>
    Effect.gen(function* () {
      const rows = yield* encodeAll(session, entries)
      const done = yield* write("append", session, (now) =>
        Effect.gen(function* () {
          const state = yield* statements.state(session, [...rows.keys()])
          const [row] = state
          const before = row?.size ?? 0
          const fresh = Storage.freshOf(entries, new Set(state.flatMap(({ known }) => known ?? [])))
          const isRepeat = entries.length > 0 && fresh.length === 0
          if (options?.after !== undefined && options.after !== before && !isRepeat) {
            const message = Storage.conflict(options.after, before)
            return yield* ContextStore.failure("append", session, "Conflict", message)
          }
          const revision = row?.revision ?? crypto.randomUUID()
          if (fresh.length === 0) return { before, fresh, revision }
          if (row !== undefined && leases.isLost(session, row.holder)) {
            return yield* ContextStore.failure("append", session, "SessionBusy", lost)
          }
          const added = fresh.flatMap(({ id }, index) => {
            const encoded = rows.get(id)
            return encoded === undefined ? [] : [{ ...encoded, position: before + index + 1 }]
          })
          const shown = fresh.findIndex((entry) => previewOf(entry) !== "")
          const first = fresh[shown]
          const next = {
            id: session,
            size: before + added.length,
            preview: first === undefined ? "" : previewOf(first),
            preview_at: first === undefined ? 0 : before + shown + 1,
            updated_at: now
          }
          yield* statements.insertEntries(session, added)
          yield* row === undefined
            ? statements.insertSession({ ...next, revision, owner: options?.owner ?? null, created_at: now })
            : statements.growSession(next)
          return { before, fresh, revision }
        })
      )
      rememberAppended(session, done)
      return done.before + done.fresh.length
    })

  const read: Service["read"] = (session) =>
    Effect.gen(function* () {
      const known = windows.get(session)
      const window = known === undefined ? ContextStore.window([]) : extended(known)
      const rows = yield* Effect.mapError(
        database.run(statements.messages(session, window.position)),
        describe("read", session)
      )
      const [row] = rows
      if (row === undefined || (known !== undefined && known.revision !== row.revision)) {
        windows.delete(session)
        return row === undefined ? ContextStore.window([]) : yield* read(session)
      }
      const added = yield* decodeAll("read", session, rows)
      const isCurrent = added.length === 0 && window.position === row.size
      const current = isCurrent ? window : { ...ContextStore.extendWindow(window, added), position: row.size }
      remember(session, { revision: row.revision, window: current, added: [] })
      return current
    })

  const fork: Service["fork"] = (session, at) =>
    write("fork", session, (now) =>
      Effect.gen(function* () {
        const { row, length } = yield* find("fork", session, at)
        const id = SessionId.make(Storage.mintSession())
        const shown = row.preview_at > length ? { preview: "", preview_at: 0 } : undefined
        yield* statements.copyEntries(session, id, length)
        yield* statements.insertSession({
          ...{ ...row, ...shown, id, size: length, revision: crypto.randomUUID(), created_at: now, updated_at: now }
        })
        return id
      })
    )

  const list: Service["list"] = (options) =>
    Effect.gen(function* () {
      const before = parseCursor(options?.cursor)
      if (options?.cursor !== undefined && before === undefined) {
        return yield* ContextStore.failure("list", undefined, "NotFound", Storage.unknownCursor)
      }
      const limit = Math.max(1, options?.limit ?? Storage.pageLength)
      const page = database.run(statements.page(options?.owner, before, limit + 1))
      const rows = yield* Effect.mapError(page, describe("list"))
      const last = rows.length > limit ? rows[limit - 1] : undefined
      const next = last === undefined ? undefined : { next: `${last.sequence}.${last.id}` }
      return { sessions: rows.slice(0, limit).map(infoOf), ...next }
    })

  const shorten = (id: SessionId, size: number, now: number) =>
    Effect.asVoid(statements.shortenSession({ id, size, revision: crypto.randomUUID(), updated_at: now }))

  return ContextStore.ContextStore.of({
    append,
    read,
    entries: (session) =>
      database.run(statements.log(session)).pipe(
        Effect.mapError(describe("entries", session)),
        Effect.flatMap((rows) => decodeAll("entries", session, rows))
      ),
    fork,
    rewind: (session, to) =>
      write("rewind", session, (now) =>
        Effect.flatMap(find("rewind", session, to), ({ length }) =>
          Effect.zipRight(statements.dropEntries(session, length), shorten(session, length, now))
        )
      ),
    clear: (session) =>
      write("clear", session, (now) => Effect.zipRight(statements.deleteEntries(session), shorten(session, 0, now))),
    remove: (session) =>
      write("remove", session, () =>
        Effect.asVoid(Effect.zipRight(statements.deleteEntries(session), statements.deleteSession(session)))
      ),
    list,
    lock: (session, onBusy) =>
      Effect.flatMap(Effect.mapError(leases.take(session, onBusy), describe("lock", session)), (isTaken) =>
        isTaken ? Effect.void : ContextStore.failure("lock", session, "SessionBusy", busy)
      )
  })
})

const busy = Storage.busy("another run, perhaps of another process,")

const lost = "another run took the session over while this process stood still; start again from what is stored"

const describe =
  (operation: string, session?: SessionId) =>
  (error: Failure): ContextStore.StoreError => {
    if (!(error instanceof SqlError)) return error
    const { reason, message } = Database.explain(error)
    return ContextStore.failure(operation, session, reason, message)
  }

const extended = ({ window, added }: Known): Window =>
  added.length === 0 ? window : ContextStore.extendWindow(window, added)

/** PostgreSQL has no NUL in texts; in the JSON of an entry it is escaped. */
const previewOf = (entry: Entry): string => ContextStore.preview(entry).replaceAll("\u0000", "")

const infoOf = (row: SessionRow): SessionInfo => ({
  id: SessionId.make(row.id),
  ...(row.owner === null ? undefined : { owner: row.owner }),
  preview: row.preview,
  createdAt: Number(row.created_at),
  updatedAt: Number(row.updated_at),
  entries: row.size
})

const codec = Schema.parseJson(ContextStore.Entry)
const decode = Schema.decodeUnknownEither(codec)
const encode = Schema.encodeEither(codec)

/** The rows of entries by their ids. What could not be read back is refused, before anything is written. */
const encodeAll = (
  session: SessionId,
  entries: ReadonlyArray<Entry>
): Effect.Effect<ReadonlyMap<string, Omit<NewEntryRow, "position">>, ContextStore.StoreError> =>
  Effect.suspend(() => {
    const rows = new Map<string, Omit<NewEntryRow, "position">>()
    for (const entry of entries) {
      const encoded = Either.flatMap(encode(entry), (json) => Either.map(decode(json), () => json))
      if (Either.isLeft(encoded)) {
        const message = `entry ${entry.id} could not be read back from JSON: ${encoded.left.message}`
        return Effect.fail(ContextStore.failure("append", session, "Corrupt", message))
      }
      const { _tag: kind, at, id } = entry
      if (!rows.has(id)) rows.set(id, { id, kind, at, version: rowVersion, json: encoded.right })
    }
    return Effect.succeed(rows)
  })

/** The entries of rows; a joined row without an entry has none. */
const decodeAll = (
  operation: string,
  session: SessionId,
  rows: ReadonlyArray<EntryRow | JoinedRow>
): Effect.Effect<ReadonlyArray<Entry>, ContextStore.StoreError> =>
  Effect.suspend(() => {
    const entries: Array<Entry> = []
    for (const { id, json, position, version } of rows) {
      if (json === null || version === null) continue
      const entry =
        version > rowVersion ? Either.left(new Error("a newer version wrote it; upgrade axonal")) : decode(json)
      if (Either.isLeft(entry)) {
        const last = entries[entries.length - 1]
        const way =
          last === undefined ? "clear or remove the session" : `rewind to entry ${last.id}, or clear the session`
        const message = `entry ${id} at position ${position} cannot be read; ${way}: ${entry.left.message}`
        return Effect.fail(ContextStore.failure(operation, session, "Corrupt", message))
      }
      entries.push(entry.right)
    }
    return Effect.succeed(entries)
  })

/** A cursor is the place of the last session of its page. */
const parseCursor = (cursor: string | undefined): Pick<SessionRow, "sequence" | "id"> | undefined => {
  const [, sequence, id] = /^(\d{1,15})\.(.+)$/s.exec(cursor ?? "") ?? []
  return id === undefined ? undefined : { sequence: Number(sequence), id }
}
