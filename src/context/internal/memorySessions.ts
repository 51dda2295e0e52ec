/**
 * What the store in memory does, one synchronous step per operation. How a log is projected is handed in.
 */
import type { Entry, MarkerEntry, Stored } from "../../domain/Entry.ts"
import { EntryId, SessionId } from "../../domain/Ids.ts"
import type { Belongs, Point, Session } from "./memoryLogs.ts"
import * as Logs from "./memoryLogs.ts"
import * as Storage from "./storage.ts"

/** Why a step was not taken. */
export class Problem {
  readonly reason: "NotFound" | "Conflict"
  readonly message: string
  constructor(reason: "NotFound" | "Conflict", message: string) {
    this.reason = reason
    this.message = message
  }
}

export interface Projection<View> {
  readonly empty: View
  readonly project: (log: ReadonlyArray<Stored>, position: number) => View
  readonly extend: (known: View, added: ReadonlyArray<Stored>, position: number) => View | undefined
  readonly keptBy: (log: ReadonlyArray<Stored>, index: number) => number
  readonly preview: (entry: Stored) => string
  readonly searching: (text: string) => ((entry: Stored) => string | undefined) | undefined
}

export interface Query extends Belongs {
  readonly label?: string | undefined
  readonly cursor?: string | undefined
  readonly limit?: number | undefined
}

export const make = <View>({ empty, extend, keptBy, preview, project, searching }: Projection<View>) => {
  const logs = Logs.make<View>()

  const need = <A>(id: SessionId, take: (session: Session<View>) => A | Problem): A | Problem => {
    const session = logs.get(id)
    return session === undefined ? new Problem("NotFound", Storage.noSession) : take(session)
  }
  /** A point of a session: its end, or behind an entry and what that takes along. */
  const at = <A>(id: SessionId, entry: EntryId | undefined, take: (session: Session<View>, point: Point) => A) =>
    need(id, (session) => {
      const { current } = session
      if (entry === undefined) return take(session, { branch: current, length: current.path.length })
      const found = Logs.find(session, entry)
      if (found === undefined) return new Problem("NotFound", Storage.noEntry(entry))
      const [branch, index] = found
      return take(session, { branch, length: keptBy(branch.path, index) })
    })
  const viewOf = (session: Session<View>): View => {
    const { current, position, view } = session
    const known = view === undefined ? undefined : extend(view[0], current.path.slice(view[1]), position)
    const now = known ?? project(current.path, position)
    session.view = [now, current.path.length]
    return now
  }
  const firstPreview = (path: ReadonlyArray<Entry>, from = 0): string => {
    for (let index = from; index < path.length; index++) {
      const entry = path[index]
      const text = entry === undefined ? "" : preview(entry)
      if (text !== "") return text
    }
    return ""
  }
  const infoOf = (session: Session<View>) => ({
    id: session.id,
    ...Storage.present(session.belongs),
    ...(session.title === undefined ? undefined : { title: session.title }),
    labels: session.labels,
    preview: firstPreview(session.current.path),
    createdAt: session.createdAt,
    updatedAt: session.updatedAt,
    entries: session.current.path.length,
    ...(session.origin === undefined ? undefined : { origin: session.origin })
  })
  const matching = (asked: Query): ReadonlyArray<Session<View>> =>
    logs
      .all()
      .filter(({ belongs, labels }) => Logs.belongsTo(belongs, asked) && isLabelled(labels, asked.label))
      .sort((left, right) => right.sequence - left.sequence)

  return {
    log: (id: SessionId): ReadonlyArray<Entry> => logs.get(id)?.current.path ?? [],

    append: (
      id: SessionId,
      entries: ReadonlyArray<Entry>,
      after: number | undefined,
      belongs: Belongs,
      now: number
    ) => {
      const session = logs.get(id)
      const fresh = Storage.freshOf(entries, {
        has: (id) => session !== undefined && Logs.placeOf(session.current, id) !== undefined
      })
      const position = session?.position ?? 0
      const isRepeat = entries.length > 0 && fresh.length === 0
      if (after !== undefined && after !== position && !isRepeat) {
        return new Problem("Conflict", Storage.conflict(after, position))
      }
      return fresh.length === 0 ? position : logs.add(id, fresh, belongs, now).position
    },

    read: (id: SessionId): View => {
      const session = logs.get(id)
      return session === undefined ? empty : viewOf(session)
    },

    entry: (id: SessionId, entry: EntryId) =>
      need(id, (session) => {
        const [branch, index] = Logs.find(session, entry) ?? []
        return branch?.path[index ?? -1] ?? new Problem("NotFound", Storage.noEntry(entry))
      }),

    info: (id: SessionId) => need(id, infoOf),

    update: (
      id: SessionId,
      change: { readonly title?: string | undefined; readonly labels?: ReadonlyArray<string> | undefined },
      now: number
    ) =>
      need(id, (session) => {
        if (change.title !== undefined) session.title = change.title === "" ? undefined : change.title
        if (change.labels !== undefined) session.labels = [...new Set(change.labels)]
        logs.touch(session, now)
      }),

    fork: (id: SessionId, entry: EntryId | undefined, now: number) =>
      at(id, entry, (session, point) => {
        // What is known of the whole log is known of its copy.
        viewOf(session)
        const child = SessionId.make(Storage.mintSession())
        const to = lastOf(point)
        logs.fork(
          session,
          point,
          to === undefined ? [] : [markerOf(now, { type: "fork", session: id, to })],
          child,
          now
        )
        return child
      }),

    rewind: (id: SessionId, entry: EntryId, now: number) =>
      at(id, entry, (session, point) =>
        logs.rewind(session, point, [markerOf(now, { type: "rewind", to: lastOf(point) ?? entry })], now)
      ),

    branches: (id: SessionId) =>
      Logs.family(logs, id).map((branch) => {
        const last = branch.path.length > branch.shared ? branch.path[branch.path.length - 1]?.id : undefined
        return {
          id: branch.id,
          session: branch.session,
          ...(branch.parent === undefined ? undefined : { parent: branch.parent }),
          preview: firstPreview(branch.path, branch.shared),
          entries: branch.path.length - branch.shared,
          ...(last === undefined ? undefined : { last }),
          createdAt: branch.createdAt,
          isCurrent: logs.get(branch.session)?.current.id === branch.id
        }
      }),

    clear: (id: SessionId, now: number): void => {
      const session = logs.get(id)
      if (session !== undefined) logs.clear(session, now)
    },

    remove: (id: SessionId): void => logs.remove(id),

    prune: (before: number, belongs: Belongs): number => {
      const old = matching(belongs).filter(({ updatedAt }) => updatedAt < before)
      for (const { id } of old) logs.remove(id)
      return old.length
    },

    list: (query: Query) => {
      const page = pageOf(matching(query), query, ({ sequence }) => sequence)
      return page instanceof Problem ? page : { sessions: page.items.map(infoOf), ...page.next }
    },

    search: (text: string, query: Query) => {
      const excerptOf = searching(text)
      const found = (excerptOf === undefined ? [] : matching(query))
        .flatMap((session) =>
          session.current.path.toReversed().flatMap((entry) => {
            const excerpt = excerptOf?.(entry)
            if (excerpt === undefined || entry._tag !== "Message") return []
            const { at, id, message } = entry
            return [{ session: infoOf(session), entry: id, role: message.role, at, excerpt }]
          })
        )
        .sort((left, right) => right.at - left.at)
        .map((hit, index, all) => ({ hit, place: all.length - index }))
      const page = pageOf(found, query, ({ place }) => place)
      return page instanceof Problem ? page : { hits: page.items.map(({ hit }) => hit), ...page.next }
    }
  }
}

// internal

const isLabelled = (labels: ReadonlyArray<string>, label: string | undefined): boolean =>
  label === undefined || labels.includes(label)

const lastOf = ({ branch, length }: Point): EntryId | undefined => branch.path[length - 1]?.id

const markerOf = (at: number, marker: MarkerEntry["marker"]): MarkerEntry => ({
  _tag: "Marker",
  id: EntryId.make(Storage.mintEntry()),
  at,
  marker
})

/** The part of a sequence, highest place first, that a cursor and a limit leave. A cursor is the place it goes on below. */
const pageOf = <A>(
  all: ReadonlyArray<A>,
  { cursor, limit }: Query,
  placeOf: (item: A) => number
): { readonly items: ReadonlyArray<A>; readonly next: { readonly next: string } | undefined } | Problem => {
  if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) return new Problem("NotFound", Storage.unknownCursor)
  const below = cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor)
  const rest = all.filter((item) => placeOf(item) < below)
  const items = rest.slice(0, Math.max(1, Math.floor(limit ?? Storage.pageLength) || 1))
  const last = items[items.length - 1]
  return { items, next: last === undefined || items.length === rest.length ? undefined : { next: `${placeOf(last)}` } }
}
