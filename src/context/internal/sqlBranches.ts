/**
 * Branches in SQL: finding an entry on them, leaving them, and erasing what none of them has any more. Everything here
 * happens within a transaction.
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import type { Stored } from "../../domain/Entry.ts"
import { EntryId, SessionId } from "../../domain/Ids.ts"
import type { Database, Execute } from "../../internal/sqlDatabase.ts"
import { Refusal } from "../../internal/sqlErrors.ts"
import type { EntryRow, Projection, SessionRow } from "./sqlRows.ts"
import * as Rows from "./sqlRows.ts"
import type { Statements } from "./sqlStatements.ts"
import { open } from "./sqlStatements.ts"
import * as Storage from "./storage.ts"

export type Failure = SqlError | Refusal

/** A place to go on from: behind the last entry that stays, or at the very beginning. */
export interface Point {
  readonly branch: string
  readonly last: { readonly id: string; readonly position: number } | undefined
}

/** Where the window of a path begins. */
export interface WindowStart {
  /** The position of the last entry that is compacted; 0 for none. */
  readonly from: number
  /** The position of the compaction in force; 0 for none. */
  readonly at: number
}

/** A branch in the list of a session's. */
interface BranchRow {
  readonly id: string
  readonly session: string
  readonly parent: string | null
  readonly parent_entry: string | null
  readonly preview: string
  readonly created_at: number | string
  readonly entries: number | string
  readonly last: string | null
  readonly goes_on: string
}

export type Branches = ReturnType<typeof make>

export const make = ({ exclude, isSqlite }: Database, statements: Statements, projection: Projection) => {
  /** A session that nobody else changes meanwhile. */
  const find = (execute: Execute, session: SessionId): Effect.Effect<SessionRow, Failure> =>
    Effect.gen(function* () {
      const key = Rows.toKey(session)
      const lock = statements.lock(execute, key)
      if (lock !== undefined) yield* lock
      const [row] = yield* statements.session(execute, key)
      return row ?? (yield* Effect.fail(new Refusal("NotFound", Storage.noSession)))
    })

  const entry = (execute: Execute, session: string, id: EntryId) =>
    Effect.flatMap(
      statements.find(execute, session, Rows.toKey(id)),
      ([row]): Effect.Effect<EntryRow & { readonly branch: string }, Refusal> =>
        row === undefined ? Effect.fail(new Refusal("NotFound", Storage.noEntry(id))) : Effect.succeed(row)
    )

  /** Behind an entry and what it takes along. */
  const behind = (execute: Execute, session: string, id: EntryId): Effect.Effect<Point, Failure> =>
    Effect.gen(function* () {
      const row = yield* entry(execute, session, id)
      const [stored] = yield* Rows.decode([row])
      // As many as are looked at when the nearest ones cannot be read any more.
      const before =
        stored?._tag === "Message" ? [] : yield* statements.before(execute, row.branch, row.position, neighbours)
      const log = yield* Rows.decode([...before.toReversed(), row])
      // Nothing else takes anything along, and what comes then need not be readable.
      if (!log.some(asks)) return { branch: row.branch, last: row }
      const range = { branch: row.branch, after: row.position, to: open }
      const next = yield* statements.range(execute, range, "AND e.kind = 'Message'", neighbours)
      const rows = [...before.toReversed(), row, ...next]
      const kept = projection.keptBy(yield* Rows.decode(rows), before.length)
      return { branch: row.branch, last: rows[kept - 1] ?? row }
    })

  const end = (execute: Execute, { branch }: SessionRow): Effect.Effect<Point, Failure> =>
    Effect.map(statements.last(execute, branch, open), ([last]) => ({ branch, last }))

  const previewOf = (execute: Execute, branch: string, to: number, after = 0): Effect.Effect<string, Failure> =>
    Effect.gen(function* () {
      const rows = yield* statements.range(execute, { branch, after, to }, "AND e.kind = 'Message'", previewedAtOnce)
      const shown = (yield* Rows.decode(rows)).map(projection.preview).find((preview) => preview !== "")
      if (shown !== undefined) return Rows.shown(shown)
      const last = rows[previewedAtOnce - 1]
      return last === undefined ? "" : yield* previewOf(execute, branch, to, last.position)
    })

  /** Where the window of a path begins, of all its compactions and restorations. */
  const windowOf = (execute: Execute, branch: string): Effect.Effect<WindowStart, Failure> =>
    Effect.gen(function* () {
      // Forks and rewinds leave many markers, which move no window: most need not be decoded.
      const kinds = `AND e.kind IN ('Compaction', 'Marker') AND (e.kind = 'Compaction' OR e.json LIKE '%"restore"%')`
      const rows = yield* statements.range(execute, { branch, after: 0, to: open }, kinds)
      return yield* startOf(execute, branch, rows, yield* Rows.decode(rows))
    })

  const startOf = (execute: Execute, branch: string, rows: ReadonlyArray<EntryRow>, log: ReadonlyArray<Stored>) =>
    Effect.gen(function* () {
      const compaction = projection.inForce(log)
      if (compaction === undefined) return { from: 0, at: 0 }
      const [through] = yield* statements.positionOf(execute, branch, Rows.toKey(compaction.through))
      const at = rows[log.findIndex(({ id }) => id === compaction.id)]?.position ?? 0
      // It can only stand for what was there before it.
      return { from: through === undefined || through.position >= at ? 0 : through.position, at }
    })

  /** Makes a branch that begins as another, and gives it an entry of the store's own. */
  const leave = (
    execute: Execute,
    { branch: parent, last }: Point,
    to: { readonly branch: string; readonly session: string; readonly position: number },
    markers: ReadonlyArray<Rows.NewRow>,
    now: number
  ) =>
    Effect.gen(function* () {
      const { branch, position, session } = to
      yield* statements.insertBranch(
        execute,
        { id: branch, session, at: now },
        last === undefined ? undefined : { branch: parent, entry: last.id }
      )
      if (last !== undefined) yield* statements.copySegments(execute, parent, branch, last.position)
      yield* statements.insertSegment(execute, branch, position)
      const placed = markers.map((row, index) => ({ ...row, position: position + index }))
      yield* statements.insertEntries(execute, branch, placed)
      const { at, from } = yield* windowOf(execute, branch)
      if (at > 0) yield* statements.setWindow(execute, branch, from, at)
    })

  /** Erases branches of a session, and then every entry that no branch has any more. */
  const erase = (execute: Execute, session: string) =>
    Effect.gen(function* () {
      // Two sessions that share entries and go at once would each leave them to the other.
      yield* exclude(execute)
      const own = "(SELECT id FROM axonal_branches WHERE session = ?)"
      const sources = yield* execute<{ readonly source: string }>(
        `SELECT DISTINCT source FROM axonal_segments WHERE branch IN ${own}`,
        [session]
      )
      yield* execute(`DELETE FROM axonal_segments WHERE branch IN ${own}`, [session])
      yield* execute("DELETE FROM axonal_branches WHERE session = ?", [session])
      const uncovered = (table: string) => `${table}.branch = ? AND NOT EXISTS (SELECT 1 FROM axonal_segments g
        WHERE g.source = ${table}.branch AND ${table}.position BETWEEN g.first AND g.last)`
      for (const { source } of sources) {
        if (isSqlite) {
          const words = `SELECT id FROM axonal_words WHERE ${uncovered("axonal_words")}`
          yield* execute(`DELETE FROM axonal_words_index WHERE rowid IN (${words})`, [source])
        }
        yield* execute(`DELETE FROM axonal_words WHERE ${uncovered("axonal_words")}`, [source])
        yield* execute(`DELETE FROM axonal_entries WHERE ${uncovered("axonal_entries")}`, [source])
      }
    })

  /** All branches that are related to those of a session, parents before their children. */
  const family = (execute: Execute, session: string) =>
    execute<BranchRow>(
      `WITH RECURSIVE older (id, parent) AS (
          SELECT id, parent FROM axonal_branches WHERE session = ?
          UNION SELECT b.id, b.parent FROM axonal_branches b JOIN older ON b.id = older.parent
        ), related (id) AS (
          SELECT id FROM older UNION SELECT b.id FROM axonal_branches b JOIN related ON b.parent = related.id
        )
        SELECT b.id, b.session, p.id AS parent, b.parent_entry, b.preview, b.created_at, s.branch AS goes_on,
          (SELECT COUNT(*) FROM axonal_entries e WHERE e.branch = b.id) AS entries,
          (SELECT e.id FROM axonal_entries e WHERE e.branch = b.id ORDER BY e.position DESC LIMIT 1) AS last
        FROM related r JOIN axonal_branches b ON b.id = r.id JOIN axonal_sessions s ON s.id = b.session
        LEFT JOIN axonal_branches p ON p.id = b.parent
        ORDER BY b.age, b.created_at, b.id`,
      [session]
    )

  return { behind, end, entry, erase, family, find, leave, previewOf, windowOf }
}

export const infoOf = (row: BranchRow) => ({
  id: row.id,
  session: SessionId.make(Rows.fromKey(row.session)),
  ...(row.parent === null || row.parent_entry === null
    ? undefined
    : { parent: { branch: row.parent, entry: EntryId.make(Rows.fromKey(row.parent_entry)) } }),
  preview: row.preview,
  entries: Number(row.entries),
  ...(row.last === null ? undefined : { last: EntryId.make(Rows.fromKey(row.last)) }),
  createdAt: Number(row.created_at),
  isCurrent: row.goes_on === row.id
})

// internal

const neighbours = 8

const asks = (entry: Stored): boolean =>
  entry._tag === "Message" && entry.message.parts.some(({ type }) => type === "tool-call")

const previewedAtOnce = 16
