/**
 * The statements of the SQL store, one function each, and the rows they give. No decisions here.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

export interface SessionRow {
  readonly id: string
  readonly owner: string | null
  readonly preview: string
  /** The position of the entry that the preview is from; 0 for none. */
  readonly preview_at: number
  readonly size: number
  /** Changes with everything but appends: while it stays, entries only join at the end. */
  readonly revision: string
  /** Grows with every change in the store: the order of a listing. */
  readonly sequence: number
  readonly created_at: number
  readonly updated_at: number
}

export interface EntryRow {
  readonly id: string
  /** From 1. */
  readonly position: number
  readonly version: number
  readonly json: string
}

/** A session with one of its entries, or with nothing. */
export type JoinedRow = Pick<SessionRow, "size" | "revision"> & {
  readonly [Key in keyof EntryRow]: EntryRow[Key] | null
}

export interface NewEntryRow extends EntryRow {
  readonly kind: string
  readonly at: number
}

/** A session, who has it, and one of the asked ids that its log knows. */
export interface StateRow extends Pick<SessionRow, "size" | "revision"> {
  readonly holder: string | null
  readonly known: string | null
}

/** Databases bound the number of parameters of a statement. */
const rowsPerStatement = 500

const chunksOf = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / rowsPerStatement) }, (_, index) =>
    items.slice(index * rowsPerStatement, (index + 1) * rowsPerStatement)
  )

export type Statements = ReturnType<typeof make>

export const make = (sql: SqlClient) => {
  const forUpdate = sql.onDialectOrElse({ pg: () => sql.literal("FOR UPDATE OF s"), orElse: () => sql.literal("") })
  const nextSequence = sql.literal("(SELECT COALESCE(MAX(sequence), 0) + 1 FROM axonal_sessions)")
  return {
    state: (session: string, ids: ReadonlyArray<string>) =>
      Effect.forEach(
        // No id is empty: it stands for none.
        chunksOf(ids.length === 0 ? [""] : ids),
        (some) => sql<StateRow>`SELECT s.size, s.revision, l.holder, e.id AS known FROM axonal_sessions s
          LEFT JOIN axonal_leases l ON l.session = s.id
          LEFT JOIN axonal_entries e ON e.session = s.id AND e.dropped = 0 AND e.id IN ${sql.in(some)}
          WHERE s.id = ${session} ${forUpdate}`
      ).pipe(Effect.map((chunks) => chunks.flat())),

    session: (session: string) =>
      Effect.map(
        sql<SessionRow>`SELECT s.* FROM axonal_sessions s WHERE s.id = ${session} ${forUpdate}`,
        ([row]): SessionRow | undefined => row
      ),

    position: (session: string, entry: string) =>
      Effect.map(
        sql<EntryRow>`SELECT position FROM axonal_entries
          WHERE session = ${session} AND dropped = 0 AND id = ${entry}`,
        ([row]): number | undefined => row?.position
      ),

    /** The messages behind a position, each with the session. */
    messages: (session: string, after: number) =>
      sql<JoinedRow>`SELECT s.size, s.revision, e.id, e.position, e.version, e.json FROM axonal_sessions s
        LEFT JOIN axonal_entries e ON e.session = s.id AND e.dropped = 0 AND e.position > ${after}
          AND e.kind = 'Message'
        WHERE s.id = ${session} ORDER BY e.position`,

    log: (session: string) =>
      sql<EntryRow>`SELECT id, position, version, json FROM axonal_entries
        WHERE session = ${session} AND dropped = 0 ORDER BY position`,

    insertEntries: (session: string, rows: ReadonlyArray<NewEntryRow>) =>
      Effect.forEach(
        chunksOf(rows),
        (some) =>
          sql`INSERT INTO axonal_entries ${sql.insert(
            some.map(({ id, position, version, kind, at, json }) => ({
              ...{ session, dropped: 0, position, id, kind, version, at, json }
            }))
          )}`,
        { discard: true }
      ),

    copyEntries: (session: string, to: string, length: number) =>
      sql`INSERT INTO axonal_entries (session, dropped, position, id, kind, version, at, json)
        SELECT ${to}, 0, position, id, kind, version, at, json FROM axonal_entries
        WHERE session = ${session} AND dropped = 0 AND position <= ${length}`,

    /** Takes the entries behind a position out of the log. They stay in the table, under a number of their own. */
    dropEntries: (session: string, after: number) =>
      Effect.flatMap(
        sql<{
          readonly dropped: number
        }>`SELECT MAX(dropped) AS dropped FROM axonal_entries WHERE session = ${session}`,
        ([last]) =>
          sql`UPDATE axonal_entries SET dropped = ${Number(last?.dropped ?? 0) + 1}
            WHERE session = ${session} AND dropped = 0 AND position > ${after}`
      ),

    deleteEntries: (session: string) => sql`DELETE FROM axonal_entries WHERE session = ${session}`,

    insertSession: (row: Omit<SessionRow, "sequence">) =>
      sql`INSERT INTO axonal_sessions
        (id, owner, preview, preview_at, size, revision, sequence, created_at, updated_at)
        VALUES (${row.id}, ${row.owner}, ${row.preview}, ${row.preview_at}, ${row.size}, ${row.revision},
          ${nextSequence}, ${row.created_at}, ${row.updated_at})`,

    growSession: (row: Pick<SessionRow, "id" | "size" | "preview" | "preview_at" | "updated_at">) =>
      sql`UPDATE axonal_sessions SET size = ${row.size}, sequence = ${nextSequence}, updated_at = ${row.updated_at},
        preview = CASE WHEN preview_at = 0 THEN ${row.preview} ELSE preview END,
        preview_at = CASE WHEN preview_at = 0 THEN ${row.preview_at} ELSE preview_at END
        WHERE id = ${row.id}`,

    shortenSession: (row: Pick<SessionRow, "id" | "size" | "revision" | "updated_at">) =>
      sql`UPDATE axonal_sessions SET size = ${row.size}, revision = ${row.revision},
        sequence = ${nextSequence}, updated_at = ${row.updated_at},
        preview = CASE WHEN preview_at > ${row.size} THEN '' ELSE preview END,
        preview_at = CASE WHEN preview_at > ${row.size} THEN 0 ELSE preview_at END
        WHERE id = ${row.id}`,

    deleteSession: (session: string) => sql`DELETE FROM axonal_sessions WHERE id = ${session}`,

    /** Sessions, latest first, behind a place in that order. */
    page: (owner: string | undefined, before: Pick<SessionRow, "sequence" | "id"> | undefined, limit: number) =>
      sql<SessionRow>`SELECT * FROM axonal_sessions WHERE ${sql.and([
        ...(owner === undefined ? [] : [sql`owner = ${owner}`]),
        ...(before === undefined
          ? []
          : [sql`(sequence < ${before.sequence} OR (sequence = ${before.sequence} AND id < ${before.id}))`])
      ])} ORDER BY sequence DESC, id DESC LIMIT ${limit}`
  }
}
