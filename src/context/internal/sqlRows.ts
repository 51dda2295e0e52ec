/**
 * The rows of the SQL store's tables, and what they stand for.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Entry, MarkerEntry, Stored } from "../../domain/Entry.ts"
import * as Entries from "../../domain/Entry.ts"
import { EntryId, SessionId } from "../../domain/Ids.ts"
import { Refusal } from "../../internal/sqlErrors.ts"
import { fromKey, toKey } from "../../internal/sqlValues.ts"
import * as Storage from "./storage.ts"

export { fromKey, isOdd, toKey, toWhole } from "../../internal/sqlValues.ts"

export interface SessionRow {
  readonly id: string
  readonly tenant: string | null
  readonly owner: string | null
  readonly chat: string | null
  readonly title: string | null
  readonly labels: string
  readonly preview: string
  /** How many entries the path of its branch has. */
  readonly size: number
  /** The last position used. Grows with every change of the log. */
  readonly position: number
  /** The branch that it goes on with. While that stays, entries only join at the end. */
  readonly branch: string
  /** Grows with every change in the store: the order of a listing. PostgreSQL gives these three as texts. */
  readonly sequence: number | string
  readonly created_at: number | string
  readonly updated_at: number | string
  readonly origin: string | null
  /** The position up to which the words of its path are in the index. */
  readonly searched: number
}

export interface EntryRow {
  readonly id: string
  readonly position: number
  readonly version: number
  readonly at: number
  readonly json: string
}

/** What is written of an entry before it has a place. */
export interface NewRow {
  readonly id: string
  readonly kind: string
  readonly version: number
  readonly at: number
  readonly json: string
}

/** How a log is projected, handed in because what is internal knows no port. */
export interface Projection {
  readonly inForce: (log: ReadonlyArray<Stored>) => { readonly id: EntryId; readonly through: EntryId } | undefined
  readonly keptBy: (log: ReadonlyArray<Stored>, index: number) => number
  readonly preview: (entry: Stored) => string
  readonly searched: (entry: Stored) => string
  readonly searching: (text: string) => ((entry: Stored) => string | undefined) | undefined
}

export interface Belongs {
  readonly tenant?: string | undefined
  readonly owner?: string | undefined
  readonly chat?: string | undefined
}

/** The rows of entries by their ids. What could not be read back is refused, before anything is written. */
export const encode = (entries: ReadonlyArray<Entry>): ReadonlyMap<string, NewRow> | Refusal => {
  const rows = new Map<string, NewRow>()
  for (const entry of entries) {
    if (rows.has(entry.id)) continue
    const encoded = Entries.toJson(entry)
    if (Either.isLeft(encoded)) {
      return new Refusal("Corrupt", `entry ${entry.id} could not be read back: ${encoded.left.message}`)
    }
    rows.set(entry.id, rowOf(entry, encoded.right))
  }
  return rows
}

const rowOf = ({ _tag: kind, at, id }: Entry, json: string): NewRow => ({
  ...{ id: toKey(id), kind, version: Entries.version, at, json }
})

/** The id of a branch. It is in every entry three times. */
export const mintBranch = (): string => `b${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`

/** A marker that a store writes itself. */
export const marker = (at: number, what: MarkerEntry["marker"]): MarkerEntry => ({
  _tag: "Marker",
  id: EntryId.make(Storage.mintEntry()),
  at,
  marker: what
})

/** The entries of rows. What cannot be read any more says so; what is only too new is no reason to go on without it. */
export const decode = (rows: ReadonlyArray<EntryRow>): Effect.Effect<ReadonlyArray<Stored>, Refusal> =>
  Effect.suspend(() => {
    const entries: Array<Stored> = []
    for (const { at, id: key, json, version } of rows) {
      const id = EntryId.make(fromKey(key))
      const entry = Entries.fromJson(version, json)
      if (Either.isRight(entry)) entries.push(entry.right)
      else if (entry.left.isNewer) {
        return Effect.fail(new Refusal("Corrupt", `entry ${id} cannot be read: ${entry.left.message}`))
      } else entries.push({ _tag: "Unreadable", id, at, problem: entry.left.message })
    }
    return Effect.succeed(entries)
  })

/** Each label on a line of its own, so that one is found in the text whatever the others are. */
export const toLabels = (labels: ReadonlyArray<string>): string => `[${[...new Set(labels)].map(labelLine).join(",")}]`

export const labelLine = (label: string): string => `\n${JSON.stringify(label)}\n`

const labelsOf = (json: string): ReadonlyArray<string> => JSON.parse(json)

export const infoOf = (row: SessionRow) => ({
  id: SessionId.make(fromKey(row.id)),
  ...Storage.present({
    tenant: row.tenant === null ? undefined : fromKey(row.tenant),
    owner: row.owner === null ? undefined : fromKey(row.owner),
    chat: row.chat === null ? undefined : fromKey(row.chat),
    title: row.title === null ? undefined : fromKey(row.title)
  }),
  labels: labelsOf(row.labels),
  preview: row.preview,
  createdAt: Number(row.created_at),
  updatedAt: Number(row.updated_at),
  entries: row.size,
  ...(row.origin === null ? undefined : { origin: SessionId.make(fromKey(row.origin)) })
})

/** A key, or nothing. */
export const keyOrNull = (text: string | undefined): string | null => (text === undefined ? null : toKey(text))

/** What a listing shows of a text. */
export const shown = (text: string): string => text.replaceAll("\u0000", "")
