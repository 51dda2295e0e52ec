/**
 * The logs of sessions in memory, as synchronous steps. `View` is what the store projects from a log; it is kept with
 * the log for as long as it is the view of the log's beginning.
 */
import * as Storage from "./storage.ts"

export interface Log<Id, Entry, View> {
  readonly id: Id
  readonly owner: string | undefined
  readonly createdAt: number
  updatedAt: number
  /** Grows with every change in the store: the order of a listing. */
  sequence: number
  entries: Array<Entry>
  ids: Set<string>
  view: View | undefined
}

export interface MemoryLogs<Id, Entry, View> {
  readonly get: (id: Id) => Log<Id, Entry, View> | undefined
  /** Adds entries the log does not have. Makes the log if it is new. */
  readonly add: (id: Id, entries: ReadonlyArray<Entry>, owner: string | undefined, now: number) => void
  /** Makes a log of the first entries of another. */
  readonly copy: (log: Log<Id, Entry, View>, id: Id, length: number, now: number) => void
  /** Leaves the first entries of a log. */
  readonly cut: (log: Log<Id, Entry, View>, length: number, now: number) => void
  readonly remove: (id: Id) => void
  /** Logs changed before a point in the sequence, latest first, and whether there are more. */
  readonly page: (options: {
    readonly before: number
    readonly owner: string | undefined
    readonly limit: number
  }) => readonly [page: ReadonlyArray<Log<Id, Entry, View>>, hasMore: boolean]
}

export const make = <Id extends string, Entry extends { readonly id: string }, View>(): MemoryLogs<Id, Entry, View> => {
  const logs = new Map<Id, Log<Id, Entry, View>>()
  let sequence = 0

  const touch = (log: Log<Id, Entry, View>, now: number): void => {
    log.updatedAt = now
    log.sequence = ++sequence
  }
  const create = (id: Id, owner: string | undefined, entries: ReadonlyArray<Entry>, now: number) => {
    const log: Log<Id, Entry, View> = {
      id,
      owner,
      createdAt: now,
      updatedAt: now,
      sequence: ++sequence,
      entries: [...entries],
      ids: new Set(entries.map((entry) => entry.id)),
      view: undefined
    }
    logs.set(id, log)
    return log
  }

  return {
    get: (id) => logs.get(id),
    add: (id, entries, owner, now) => {
      const log = logs.get(id)
      if (log === undefined) {
        create(id, owner, entries, now)
        return
      }
      for (const entry of entries) {
        log.entries.push(entry)
        log.ids.add(entry.id)
      }
      touch(log, now)
    },
    copy: (log, id, length, now) => {
      const child = create(id, log.owner, log.entries.slice(0, length), now)
      if (length === log.entries.length) child.view = log.view
    },
    cut: (log, length, now) => {
      if (length < log.entries.length) {
        log.entries = log.entries.slice(0, length)
        log.ids = new Set(log.entries.map((entry) => entry.id))
        log.view = undefined
      }
      touch(log, now)
    },
    remove: (id) => void logs.delete(id),
    page: ({ before, owner, limit }) => {
      const found = [...logs.values()]
        .filter((log) => log.sequence < before && (owner === undefined || log.owner === owner))
        .sort((left, right) => right.sequence - left.sequence)
      return [found.slice(0, Math.max(1, limit)), found.length > Math.max(1, limit)]
    }
  }
}

/** The place in the sequence that a cursor names. */
export const parseCursor = (cursor: string | undefined): number | undefined => {
  if (cursor === undefined) return Number.POSITIVE_INFINITY
  return /^\d{1,15}$/.test(cursor) ? Number(cursor) : undefined
}

/** The index after an entry, or nothing when the log does not have it. */
export const lengthTo = <Id, Entry extends { readonly id: string }, View>(
  log: Log<Id, Entry, View>,
  to: string | undefined
): number | undefined => {
  if (to === undefined) return log.entries.length
  const index = log.entries.findIndex((entry) => entry.id === to)
  return index < 0 ? undefined : index + 1
}

/** The entries that a log, if there is one, does not have. */
export const freshOf = <Id, Entry extends { readonly id: string }, View>(
  log: Log<Id, Entry, View> | undefined,
  entries: ReadonlyArray<Entry>
): ReadonlyArray<Entry> => Storage.freshOf(entries, log?.ids ?? new Set())
