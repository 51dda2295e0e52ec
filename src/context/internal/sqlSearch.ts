/**
 * Searching in SQL. The index is filled when somebody searches, so that appends cost nothing: each session knows how far
 * the words of its path are in it. What the index finds is a guess that the words decide, on every dialect alike.
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Entry } from "../../domain/Entry.ts"
import * as Entries from "../../domain/Entry.ts"
import type { EntryId } from "../../domain/Ids.ts"
import type { Role } from "../../domain/Message.ts"
import type { Database, Execute, Value } from "../../internal/sqlDatabase.ts"
import { inChunks, places } from "../../internal/sqlDatabase.ts"
import { Refusal } from "../../internal/sqlErrors.ts"
import * as Words from "../../internal/words.ts"
import type { Belongs, EntryRow, Projection, SessionRow } from "./sqlRows.ts"
import * as Rows from "./sqlRows.ts"
import type { Statements } from "./sqlStatements.ts"
import { open } from "./sqlStatements.ts"
import * as Storage from "./storage.ts"

export interface Query extends Belongs {
  readonly label?: string | undefined
  readonly cursor?: string | undefined
  readonly limit?: number | undefined
}

/** What a `WHERE` says, and the values of its question marks. */
export interface Condition {
  readonly text: string
  readonly values: ReadonlyArray<Value>
}

export interface Found {
  readonly session: ReturnType<typeof Rows.infoOf>
  readonly entry: EntryId
  readonly role: Role
  readonly at: number
  readonly excerpt: string
}

/** The sessions `s` that are asked for. */
export const asked = ({ isSqlite }: Pick<Database, "isSqlite">, query: Query): Condition => {
  const { chat, label, owner, tenant } = query
  const equal = Object.entries({ tenant, owner, chat }).flatMap(([column, text]) =>
    text === undefined ? [] : [{ text: `s.${column} = ?`, value: Rows.toKey(text) }]
  )
  const labelled =
    label === undefined
      ? []
      : [{ text: `${isSqlite ? "instr" : "strpos"}(s.labels, ?) > 0`, value: Rows.labelLine(label) }]
  const all = [...equal, ...labelled]
  return { text: ["1 = 1", ...all.map(({ text }) => text)].join(" AND "), values: all.map(({ value }) => value) }
}

/** How many a page has: databases take no number without end, and none that is no number. */
export const pageLength = ({ limit = Storage.pageLength }: Query): number =>
  Math.min(longestPage, Math.max(1, Math.floor(limit) || 1))

export const make = (database: Database, statements: Statements, { searched, searching }: Projection) => {
  const { isSqlite, run, runPlain, transact } = database

  /** Adds the words of the messages that are new on the paths of these sessions. */
  const fill = ({ text, values }: Condition): Effect.Effect<void, SqlError> =>
    Effect.gen(function* () {
      const behind = `SELECT s.id FROM axonal_sessions s WHERE ${text} AND s.searched < s.position ORDER BY s.id LIMIT ?`
      const sessions = yield* run<{ readonly id: string }>(behind, [...values, sessionsAtOnce])
      for (const { id } of sessions) while (!(yield* transact((execute) => fillFrom(execute, id)))) {}
      if (sessions.length === sessionsAtOnce) yield* fill({ text, values })
    })

  /** Some messages of a session, and whether these were the last. */
  const fillFrom = (execute: Execute, id: string): Effect.Effect<boolean, SqlError> =>
    Effect.gen(function* () {
      // While the session is locked, none of its entries is erased.
      const lock = statements.lock(execute, id)
      if (lock !== undefined) yield* lock
      const [session] = yield* statements.session(execute, id)
      if (session === undefined || session.searched >= session.position) return true
      const rows = yield* execute<EntryRow & { readonly source: string }>(newMessages, [
        ...[session.searched, session.branch, messagesAtOnce]
      ])
      yield* inChunks(
        rows.flatMap((row) => wordRow(row, searched, isSqlite)),
        isSqlite ? (some) => insertSqlite(execute, some) : (some) => insertPostgres(execute, some)
      )
      const last = rows[messagesAtOnce - 1]
      const to = last === undefined ? session.position : last.position
      yield* execute("UPDATE axonal_sessions SET searched = ? WHERE id = ?", [to, id])
      return last === undefined
    })

  const search = (text: string, query: Query) =>
    Effect.gen(function* () {
      const below = yield* parse(query.cursor)
      const excerptOf = searching(text)
      if (excerptOf === undefined) return { hits: [] }
      const terms = Words.termsOf(text)
      const sessions = asked(database, query)
      yield* fill(sessions)
      const limit = pageLength(query)
      const match = isSqlite ? matchSqlite(terms) : matchPostgres(terms)
      const hits: Array<Found & { readonly place: Place }> = []
      let from: Place | undefined = below
      while (hits.length <= limit) {
        const rows: ReadonlyArray<CandidateRow> = yield* candidates(sessions, match, from, limit + 1)
        for (const row of rows) hits.push(...hitsOf(row, excerptOf))
        const last = rows[rows.length - 1]
        if (last === undefined || rows.length <= limit) break
        from = placeOf(last)
      }
      const next = hits.length > limit ? hits[limit - 1]?.place : undefined
      return {
        hits: hits.slice(0, limit).map(({ place: _, ...hit }) => hit),
        ...(next === undefined ? undefined : { next: JSON.stringify(next) })
      }
    })

  const candidates = (sessions: Condition, match: Condition, below: Place | undefined, limit: number) =>
    runPlain<CandidateRow>(
      `SELECT s.*, c.at AS found_at, c.position AS found_position, e.id AS entry, e.version, e.json
        FROM (SELECT w.branch, w.position, w.at, s.id AS session FROM axonal_words w
          JOIN axonal_segments g ON g.source = w.branch AND w.position BETWEEN g.first AND g.last
          JOIN axonal_sessions s ON s.branch = g.branch
          WHERE ${match.text} AND ${sessions.text}${below === undefined ? "" : ` AND ${behind}`}
          ORDER BY w.at DESC, w.position DESC, s.id DESC LIMIT ?) c
        JOIN axonal_entries e ON e.branch = c.branch AND e.position = c.position
        JOIN axonal_sessions s ON s.id = c.session
        ORDER BY c.at DESC, c.position DESC, s.id DESC`,
      [...[...match.values, ...sessions.values], ...(below ?? []), limit]
    )

  return { search }
}

// internal

const longestPage = 1_000_000
const sessionsAtOnce = 100
const messagesAtOnce = 256

/** PostgreSQL bounds the length of a word, and in bytes that of all words of a text: beyond that it finds wrong ones. */
const longestWord = 100
const longestWords = 1_000_000

/** A place in the order of what is found: when, where in its log, in which session. */
type Place = readonly [at: number, position: number, session: string]

interface CandidateRow extends SessionRow {
  readonly found_at: number
  readonly found_position: number
  readonly entry: string
  readonly version: number
  readonly json: string
}

interface WordRow {
  readonly branch: string
  readonly position: number
  readonly at: number
  readonly words: ReadonlyArray<string>
}

const newMessages = `SELECT g.source, e.id, e.position, e.version, e.at, e.json FROM axonal_segments g
  JOIN axonal_entries e ON e.branch = g.source AND e.position BETWEEN g.first AND g.last
    AND e.position > ? AND e.kind = 'Message'
  WHERE g.branch = ? AND NOT EXISTS
    (SELECT 1 FROM axonal_words w WHERE w.branch = e.branch AND w.position = e.position)
  ORDER BY g.first, e.position LIMIT ?`

const behind = "(w.at, w.position, s.id) < (?, ?, ?)"

const wordRow = (
  { at, json, position, source, version }: EntryRow & { readonly source: string },
  searched: Projection["searched"],
  isWhole: boolean
): ReadonlyArray<WordRow> => {
  const entry = Either.getOrUndefined(Entries.fromJson(version, json))
  const words = entry === undefined ? [] : Words.wordsOf(searched(entry)).map(short)
  return words.length === 0 ? [] : [{ branch: source, position, at, words: isWhole ? words : [...new Set(words)] }]
}

const short = (word: string): string => word.slice(0, longestWord).replace(/[\uD800-\uDBFF]$/, "")

const insertSqlite = (execute: Execute, rows: ReadonlyArray<WordRow>): Effect.Effect<unknown, SqlError> =>
  Effect.flatMap(
    execute<{ readonly id: number; readonly branch: string; readonly position: number }>(
      `INSERT INTO axonal_words (branch, position, at) VALUES ${places(rows.length, 3)}
        ON CONFLICT (branch, position) DO NOTHING RETURNING id, branch, position`,
      rows.flatMap(({ at, branch, position }) => [branch, position, at])
    ),
    (made) =>
      Effect.forEach(
        made,
        ({ branch, id, position }) => {
          const row = rows.find((some) => some.branch === branch && some.position === position)
          return execute("INSERT INTO axonal_words_index (rowid, words) VALUES (?, ?)", [
            ...[id, row?.words.join(" ") ?? ""]
          ])
        },
        { discard: true }
      )
  )

const insertPostgres = (execute: Execute, rows: ReadonlyArray<WordRow>): Effect.Effect<unknown, SqlError> =>
  execute(
    `INSERT INTO axonal_words (branch, position, at, words)
      VALUES ${rows.map(() => "(?, ?, ?, array_to_tsvector(CAST(? AS TEXT[])))").join(", ")}
      ON CONFLICT (branch, position) DO NOTHING`,
    rows.flatMap(({ at, branch, position, words }) => [
      ...[branch, position, at, bytesOf(words) > longestWords ? null : words]
    ])
  )

const bytesOf = (words: ReadonlyArray<string>): number => new TextEncoder().encode(words.join("")).length

/** The words of a term follow each other, and the last is the beginning of one. */
const matchSqlite = (terms: ReadonlyArray<Words.Term>): Condition => ({
  text: "w.id IN (SELECT rowid FROM axonal_words_index WHERE axonal_words_index MATCH ?)",
  values: [terms.map((term) => `"${term.map(short).join(" ")}" *`).join(" AND ")]
})

const matchPostgres = (terms: ReadonlyArray<Words.Term>): Condition => ({
  text: "(w.words IS NULL OR w.words @@ CAST(? AS TSQUERY))",
  values: [
    terms
      .flatMap((term) => term.map((word, index) => `'${short(word)}'${index === term.length - 1 ? ":*" : ""}`))
      .join(" & ")
  ]
})

const placeOf = (row: CandidateRow): Place => [row.found_at, row.found_position, row.id]

const parse = (cursor: string | undefined): Effect.Effect<Place | undefined, Refusal> =>
  Effect.suspend(() => {
    if (cursor === undefined) return Effect.succeed(undefined)
    const [, at, position, session] = /^\[(-?[\d.eE+-]{1,30}),(\d{1,10}),(".*")\]$/s.exec(cursor) ?? []
    const id = parsed(session)
    return id === undefined || Rows.isOdd(id) || !Number.isFinite(Number(at)) || Number(position) > open
      ? Effect.fail(new Refusal("NotFound", Storage.unknownCursor))
      : Effect.succeed<Place>([Number(at), Number(position), id])
  })

const parsed = (json: string | undefined): string | undefined => {
  try {
    const text: unknown = json === undefined ? undefined : JSON.parse(json)
    return typeof text === "string" ? text : undefined
  } catch {
    return undefined
  }
}

const hitsOf = (
  row: CandidateRow,
  excerptOf: (entry: Entry) => string | undefined
): ReadonlyArray<Found & { readonly place: Place }> => {
  const entry = Either.getOrUndefined(Entries.fromJson(row.version, row.json))
  const excerpt = entry === undefined ? undefined : excerptOf(entry)
  if (entry?._tag !== "Message" || excerpt === undefined) return []
  const { at, id, message } = entry
  return [{ session: Rows.infoOf(row), entry: id, role: message.role, at, excerpt, place: placeOf(row) }]
}
