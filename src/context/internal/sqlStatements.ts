/**
 * The statements of the SQL store: their texts, and the rows they give. No decisions here. The path of a branch is
 * always read in the order of its segments, which is the order of the keys.
 */

import type { SqlError } from "@effect/sql/SqlError"
import type * as Effect from "effect/Effect"
import type { Database, Execute, Value } from "../../internal/sqlDatabase.ts"
import { inChunks, places } from "../../internal/sqlDatabase.ts"
import type { EntryRow, NewRow, SessionRow } from "./sqlRows.ts"

/** The end of a segment that still grows. */
export const open = 2_147_483_647

/** A session, who has it, and one of the asked ids that its log knows. */
export interface StateRow extends Pick<SessionRow, "position" | "size" | "branch" | "preview"> {
  /** The preview of its branch's own entries. */
  readonly own: string
  /** 1 for the first session of a listing, which need not become it. */
  readonly latest: number
  readonly holder: string | null
  readonly known: string | null
}

/** Where a session is and where its window begins, with an entry of that window, or with nothing. */
export type ReadRow = {
  readonly now: number
  readonly branch: string
  readonly compaction_at: number
} & { readonly [Key in keyof EntryRow]: EntryRow[Key] | null }

export interface PlacedRow extends NewRow {
  readonly position: number
}

/** A session that is expected to be at a place, held by the one that holds it, and counted on. */
export interface Advance {
  readonly at: Pick<SessionRow, "position" | "branch">
  readonly by: number
  readonly ids: ReadonlyArray<string>
  readonly holder: string | undefined
  /** Expected to come first in a listing. */
  readonly isLatest: boolean
}

/** A range of a path. */
export interface Range {
  readonly branch: string
  /** The last position before it. */
  readonly after: number
  readonly to: number
}

export type Statements = ReturnType<typeof make>

const columns = "e.id, e.position, e.version, e.at, e.json"

const within = "e.branch = g.source AND e.position BETWEEN g.first AND g.last"

/** The entries of some ids, wherever they are on paths: first by their ids, or it would cost every segment of a path. */
const placed = `FROM axonal_entries e CROSS JOIN axonal_segments g WHERE g.source = e.branch
  AND e.position BETWEEN g.first AND g.last`

const nextSequence = "(SELECT COALESCE(MAX(sequence), 0) + 1 FROM axonal_sessions)"

/** Processes that write at once may give two sessions the same sequence: then their ids decide. */
const firstListed = "(SELECT t.id FROM axonal_sessions t ORDER BY t.sequence DESC, t.id DESC LIMIT 1)"

export const make = ({ isSqlite }: Pick<Database, "isSqlite">) => {
  const greatest = isSqlite ? "max" : "greatest"
  const least = isSqlite ? "min" : "least"
  const ranged = `FROM axonal_segments g JOIN axonal_entries e ON e.branch = g.source AND e.position
    BETWEEN ${greatest}(g.first, CAST(? AS INTEGER)) AND ${least}(g.last, CAST(? AS INTEGER)) WHERE g.branch = ?`
  const inOrder = "ORDER BY g.first, e.position"

  // Where the window begins has to bound the index, or a read costs the whole past: SQLite takes one bound, of whatever
  // is known before; PostgreSQL takes several, of single tables and of values.
  const start = "(SELECT w.window_from FROM axonal_sessions t JOIN axonal_branches w ON w.id = t.branch WHERE t.id = ?)"
  const fromStart = isSqlite
    ? `e.position BETWEEN max(g.first, ${start} + 1, CAST(? AS INTEGER)) AND g.last`
    : `e.position BETWEEN g.first AND g.last AND e.position > ${start} AND e.position >= CAST(? AS INTEGER)`

  /** The window of a session behind a position, or also what a window has no use for. */
  const reading = (kinds: string) =>
    `SELECT s.position AS now, s.branch, b.compaction_at, ${columns} FROM axonal_sessions s
      JOIN axonal_branches b ON b.id = s.branch
      LEFT JOIN axonal_segments g ON g.branch = s.branch AND g.last > b.window_from AND g.last >= CAST(? AS INTEGER)
      LEFT JOIN axonal_entries e ON e.branch = g.source AND ${fromStart} ${kinds}
      WHERE s.id = ? ${inOrder}`
  const readText = reading("AND e.kind NOT IN ('Artifact', 'Decision')")
  const liveText = reading("")

  const growing = (order: string) =>
    `UPDATE axonal_sessions SET position = ?, size = ?, updated_at = ?${order} WHERE id = ?`
  // The order of a listing is in two indexes.
  const growText = growing("")
  const growFirstText = growing(`, sequence = ${nextSequence}`)

  const stateTexts = new Map<number, string>()
  const stateText = (ids: number): string => {
    const known = stateTexts.get(ids)
    if (known !== undefined) return known
    const text = `SELECT s.position, s.size, s.branch, s.preview, b.preview AS own, l.holder, e.id AS known,
        CASE WHEN s.id = ${firstListed} THEN 1 ELSE 0 END AS latest
      FROM axonal_sessions s JOIN axonal_branches b ON b.id = s.branch
      LEFT JOIN axonal_leases l ON l.session = s.id
      LEFT JOIN (SELECT e.id, g.branch ${placed} AND e.id IN ${places(1, ids)}) e ON e.branch = s.branch
      WHERE s.id = ?`
    stateTexts.set(ids, text)
    return text
  }

  const advanceTexts = new Map<string, string>()
  const advanceText = (ids: number, isLatest: boolean, isHeld: boolean): string => {
    const key = `${ids} ${isLatest} ${isHeld}`
    const known = advanceTexts.get(key)
    if (known !== undefined) return known
    const held = "AND EXISTS (SELECT 1 FROM axonal_leases l WHERE l.session = axonal_sessions.id AND l.holder = ?)"
    const text = `UPDATE axonal_sessions SET position = position + ?, size = size + ?, updated_at = ?
        ${isLatest ? "" : `, sequence = ${nextSequence}`}
      WHERE id = ? AND position = ? AND branch = ?
        ${isLatest ? `AND id = ${firstListed}` : ""}
        AND NOT EXISTS (SELECT 1 ${placed} AND e.id IN ${places(1, ids)} AND g.branch = axonal_sessions.branch)
        ${isHeld ? held : ""} RETURNING position`
    advanceTexts.set(key, text)
    return text
  }

  const entriesText = (rows: number): string =>
    `INSERT INTO axonal_entries (branch, position, id, kind, version, at, json) VALUES ${places(rows, 7)}`
  const entriesTexts = new Map([1, 8, 64].map((rows) => [rows, entriesText(rows)]))

  return {
    /** Nobody else changes the session until the transaction ends. SQLite has a lock on all of them already. */
    lock: (execute: Execute, session: string) =>
      isSqlite ? undefined : execute("SELECT 1 FROM axonal_sessions WHERE id = ? FOR UPDATE", [session]),

    /** Ids: a power of two, so that there are few texts. */
    state: (execute: Execute, session: string, ids: ReadonlyArray<string>) =>
      execute<StateRow>(stateText(ids.length), [...ids, session]),

    /** Which of these ids the path of a branch knows. */
    known: (execute: Execute, branch: string, ids: ReadonlyArray<string>) =>
      execute<{ readonly known: string }>(
        `SELECT e.id AS known ${placed} AND g.branch = ? AND e.id IN ${places(1, ids.length)}`,
        [branch, ...ids]
      ),

    /** Counts a session on, if it is where it is expected to be and knows none of the ids. */
    advance: (execute: Execute, session: string, { at, by, holder, ids, isLatest }: Advance, now: number) =>
      execute<{ readonly position: number }>(advanceText(ids.length, isLatest, holder !== undefined), [
        ...[by, by, now, session, at.position, at.branch, ...ids],
        ...(holder === undefined ? [] : [holder])
      ]),

    holder: (execute: Execute, session: string) =>
      execute<{ readonly holder: string }>("SELECT holder FROM axonal_leases WHERE session = ?", [session]),

    session: (execute: Execute, session: string) =>
      execute<SessionRow>("SELECT * FROM axonal_sessions WHERE id = ?", [session]),

    read: (execute: Execute, session: string, after: number) =>
      execute<ReadRow>(readText, [after + 1, session, after + 1, session]),

    live: (execute: Execute, session: string) => execute<ReadRow>(liveText, [0, session, 0, session]),

    log: (execute: Execute, session: string) =>
      execute<EntryRow>(
        `SELECT ${columns} FROM axonal_sessions s JOIN axonal_segments g ON g.branch = s.branch
          JOIN axonal_entries e ON ${within} WHERE s.id = ? ${inOrder}`,
        [session]
      ),

    /** Entries of a range of a path, of some kinds, oldest first. */
    range: (execute: Execute, { after, branch, to }: Range, kinds: string, limit = open) =>
      execute<EntryRow>(`SELECT ${columns} ${ranged} ${kinds} ${inOrder} LIMIT ?`, [after + 1, to, branch, limit]),

    /** The messages before a place on a path, the latest first. */
    before: (execute: Execute, branch: string, position: number, limit: number) =>
      execute<EntryRow>(
        `SELECT ${columns} ${ranged} AND e.kind = 'Message' ORDER BY g.first DESC, e.position DESC LIMIT ?`,
        [0, position - 1, branch, limit]
      ),

    size: (execute: Execute, branch: string, to: number) =>
      execute<{ readonly size: number | string }>(`SELECT COUNT(*) AS size ${ranged}`, [0, to, branch]),

    last: (execute: Execute, branch: string, to: number) =>
      execute<{ readonly id: string; readonly position: number }>(
        `SELECT e.id, e.position ${ranged} ORDER BY g.first DESC, e.position DESC LIMIT 1`,
        [0, to, branch]
      ),

    positionOf: (execute: Execute, branch: string, entry: string) =>
      execute<{ readonly position: number }>(`SELECT e.position ${placed} AND g.branch = ? AND e.id = ?`, [
        ...[branch, entry]
      ]),

    /** An entry of a session: on the branch that it goes on with, or else on the latest that has it. */
    find: (execute: Execute, session: string, entry: string) =>
      execute<EntryRow & { readonly branch: string }>(
        `SELECT b.id AS branch, ${columns} FROM (SELECT e.*, g.branch AS path ${placed} AND e.id = ?) e
          JOIN axonal_branches b ON b.id = e.path JOIN axonal_sessions s ON s.id = b.session
          WHERE s.id = ? ORDER BY CASE WHEN b.id = s.branch THEN 0 ELSE 1 END, b.age DESC LIMIT 1`,
        [entry, session]
      ),

    insertEntries: (
      execute: Execute,
      branch: string,
      rows: ReadonlyArray<PlacedRow>
    ): Effect.Effect<unknown, SqlError> => {
      const insert = (some: ReadonlyArray<PlacedRow>) => {
        const values: Array<Value> = []
        for (const { at, id, json, kind, position, version } of some) {
          values.push(branch, position, id, kind, version, at, json)
        }
        return execute(entriesTexts.get(some.length) ?? entriesText(some.length), values)
      }
      return rows.length === 1 ? insert(rows) : inChunks(rows, insert)
    },

    insertSession: (execute: Execute, row: Omit<SessionRow, "sequence" | "searched">) =>
      execute(
        `INSERT INTO axonal_sessions (id, tenant, owner, chat, title, labels, preview, size, position, branch,
          created_at, updated_at, origin, searched, sequence)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ${nextSequence})`,
        [
          ...[row.id, row.tenant, row.owner, row.chat, row.title, row.labels, row.preview, row.size, row.position],
          ...[row.branch, row.created_at, row.updated_at, row.origin]
        ]
      ),

    growSession: (
      execute: Execute,
      session: string,
      grown: Pick<SessionRow, "position" | "size"> & { readonly isLatest: boolean },
      now: number
    ) => execute(grown.isLatest ? growText : growFirstText, [grown.position, grown.size, now, session]),

    /** The first text of a user, of the session and of its branch. */
    setPreview: (execute: Execute, table: "sessions" | "branches", id: string, preview: string) =>
      execute(`UPDATE axonal_${table} SET preview = ? WHERE id = ? AND preview = ''`, [preview, id]),

    turnSession: (
      execute: Execute,
      row: Pick<SessionRow, "id" | "branch" | "position" | "size" | "preview">,
      now: number
    ) =>
      execute(
        `UPDATE axonal_sessions SET branch = ?, position = ?, size = ?, preview = ?, searched = 0,
          sequence = ${nextSequence}, updated_at = ? WHERE id = ?`,
        [row.branch, row.position, row.size, row.preview, now, row.id]
      ),

    describeSession: (execute: Execute, row: Pick<SessionRow, "id" | "title" | "labels">, now: number) =>
      execute(
        `UPDATE axonal_sessions SET title = ?, labels = ?, sequence = ${nextSequence}, updated_at = ? WHERE id = ?`,
        [row.title, row.labels, now, row.id]
      ),

    deleteSession: (execute: Execute, session: string) =>
      execute("DELETE FROM axonal_sessions WHERE id = ?", [session]),

    setWindow: (execute: Execute, branch: string, from: number, at: number) =>
      execute("UPDATE axonal_branches SET window_from = ?, compaction_at = ? WHERE id = ?", [from, at, branch]),

    insertBranch: (
      execute: Execute,
      branch: { readonly id: string; readonly session: string; readonly at: number },
      parent?: { readonly branch: string; readonly entry: string }
    ) =>
      execute(
        `INSERT INTO axonal_branches
          (id, session, parent, parent_entry, preview, window_from, compaction_at, created_at, age)
          VALUES (?, ?, ?, ?, '', 0, 0, ?, (SELECT COALESCE(MAX(age), 0) + 1 FROM axonal_branches))`,
        [branch.id, branch.session, parent?.branch ?? null, parent?.entry ?? null, branch.at]
      ),

    insertSegment: (execute: Execute, branch: string, from: number) =>
      execute("INSERT INTO axonal_segments (branch, source, first, last) VALUES (?, ?, ?, ?)", [
        ...[branch, branch, from, open]
      ]),

    /** The beginning of a path becomes that of another branch. */
    copySegments: (execute: Execute, from: string, branch: string, to: number) =>
      execute(
        `INSERT INTO axonal_segments (branch, source, first, last)
          SELECT CAST(? AS TEXT), source, first, CASE WHEN last < ? THEN last ELSE ? END FROM axonal_segments
          WHERE branch = ? AND first <= ?`,
        [branch, to, to, from, to]
      )
  }
}
