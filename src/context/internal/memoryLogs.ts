/**
 * Sessions in memory and their branches, as synchronous steps. `View` is what the store projects from a log; it is kept
 * with the session for as long as it is the view of the log's beginning.
 */
import type { Entry } from "../../domain/Entry.ts"
import type { EntryId, SessionId } from "../../domain/Ids.ts"
import * as Storage from "./storage.ts"

export interface Belongs {
  readonly tenant?: string | undefined
  readonly owner?: string | undefined
  readonly chat?: string | undefined
}

export interface Branch {
  readonly id: string
  readonly session: SessionId
  readonly parent: { readonly branch: string; readonly entry: EntryId } | undefined
  readonly createdAt: number
  /** Grows with every branch made. */
  readonly age: number
  /** How many entries at the beginning of the path are its parent's. */
  readonly shared: number
  /** The whole log. Branches share the entries, not the array. */
  readonly path: Array<Entry>
  readonly places: Places
}

/** Where entries are in a path, by id: its own ones, and those that it shares with the path it left. */
interface Places {
  readonly own: Map<string, number>
  readonly before: Places | undefined
  readonly shared: number
  /** How many others there are before. */
  readonly depth: number
}

export interface Session<View> {
  readonly id: SessionId
  readonly belongs: Belongs
  readonly createdAt: number
  readonly origin: SessionId | undefined
  title: string | undefined
  labels: ReadonlyArray<string>
  updatedAt: number
  /** Grows with every change in the store: the order of a listing. */
  sequence: number
  /** Grows with every change of the session, and is never used twice. */
  position: number
  current: Branch
  branches: Array<Branch>
  /** With the number of entries that it is the view of. */
  view: readonly [view: View, entries: number] | undefined
}

export interface Point {
  readonly branch: Branch
  readonly length: number
}

export interface MemoryLogs<View> {
  readonly get: (id: SessionId) => Session<View> | undefined
  readonly all: () => ReadonlyArray<Session<View>>
  /** Adds entries the log does not have. Makes the session if it is new. */
  readonly add: (id: SessionId, entries: ReadonlyArray<Entry>, belongs: Belongs, now: number) => Session<View>
  /** Makes a session of the beginning of another, and then a marker. */
  readonly fork: (
    session: Session<View>,
    point: Point,
    markers: ReadonlyArray<Entry>,
    id: SessionId,
    now: number
  ) => void
  /** Lets a session go on from a point, behind a marker. */
  readonly rewind: (session: Session<View>, point: Point, markers: ReadonlyArray<Entry>, now: number) => void
  readonly touch: (session: Session<View>, now: number) => void
  readonly clear: (session: Session<View>, now: number) => void
  readonly remove: (id: SessionId) => void
}

export const make = <View>(): MemoryLogs<View> => {
  const sessions = new Map<SessionId, Session<View>>()
  let sequence = 0

  const touch = (session: Session<View>, now: number): void => {
    session.updatedAt = now
    session.sequence = ++sequence
  }
  const begin = (id: SessionId, belongs: Belongs, origin: SessionId | undefined, branch: Branch, now: number) => {
    const session: Session<View> = {
      ...{ id, belongs, origin, createdAt: now, updatedAt: now, sequence: ++sequence, position: branch.path.length },
      ...{ title: undefined, labels: [], current: branch, branches: [branch], view: undefined }
    }
    sessions.set(id, session)
    return session
  }

  return {
    get: (id) => sessions.get(id),
    all: () => [...sessions.values()],
    add: (id, entries, belongs, now) => {
      const session = sessions.get(id) ?? begin(id, belongs, undefined, rooted(id, now), now)
      for (const entry of entries) {
        session.current.places.own.set(entry.id, session.current.path.length)
        session.current.path.push(entry)
      }
      session.position += entries.length
      touch(session, now)
      return session
    },
    fork: (session, point, markers, id, now) => {
      const child = begin(id, session.belongs, session.id, branched(id, point, markers, now), now)
      // Only what does not exist is at 0, so that nobody takes a session without entries for a new one.
      child.position = Math.max(1, child.position)
      if (session.view !== undefined && session.view[1] <= child.current.shared && point.branch === session.current) {
        child.view = session.view
      }
    },
    rewind: (session, point, markers, now) => {
      const branch = branched(session.id, point, markers, now)
      session.branches.push(branch)
      session.current = branch
      session.view = undefined
      session.position++
      touch(session, now)
    },
    touch,
    clear: (session, now) => {
      session.current = rooted(session.id, now)
      session.branches = [session.current]
      session.view = undefined
      session.position++
      touch(session, now)
    },
    remove: (id) => void sessions.delete(id)
  }
}

/** Where an entry is in a session: on the branch it goes on with, or else on the latest that has it. */
export const find = <View>(session: Session<View>, entry: string): readonly [Branch, index: number] | undefined => {
  for (const branch of [session.current, ...session.branches.toReversed()]) {
    const index = placeOf(branch, entry)
    if (index !== undefined) return [branch, index]
  }
  return undefined
}

/** Where an entry is in the log of a branch. */
export const placeOf = ({ places }: Branch, entry: string): number | undefined => {
  let end = Number.POSITIVE_INFINITY
  for (let some: Places | undefined = places; some !== undefined; some = some.before) {
    const index = some.own.get(entry)
    if (index !== undefined && index < end) return index
    end = Math.min(end, some.shared)
  }
  return undefined
}

/** All branches that are related to those of a session, older ones first. A parent that is gone relates nothing. */
export const family = <View>(logs: MemoryLogs<View>, id: SessionId): ReadonlyArray<Branch> => {
  const all = logs.all().flatMap(({ branches }) => branches)
  all.sort((left, right) => left.age - right.age)
  // Parents are older than their children, so that the root of a parent is known before it is asked for.
  const roots = new Map<string, string>()
  for (const branch of all) roots.set(branch.id, roots.get(branch.parent?.branch ?? "") ?? branch.id)
  const own = new Set((logs.get(id)?.branches ?? []).map((branch) => roots.get(branch.id)))
  return all
    .filter((branch) => own.has(roots.get(branch.id)))
    .map((branch) => (roots.get(branch.id) === branch.id ? { ...branch, parent: undefined } : branch))
}

/** Whether a session is one that is asked for. */
export const belongsTo = (belongs: Belongs, asked: Belongs | undefined): boolean =>
  (asked?.tenant === undefined || asked.tenant === belongs.tenant) &&
  (asked?.owner === undefined || asked.owner === belongs.owner) &&
  (asked?.chat === undefined || asked.chat === belongs.chat)

// internal

let made = 0

const rooted = (session: SessionId, now: number): Branch => ({
  ...{ id: Storage.mintBranch(), session, parent: undefined, createdAt: now, age: made++ },
  ...{ shared: 0, path: [], places: { own: new Map(), before: undefined, shared: 0, depth: 0 } }
})

const branched = (
  session: SessionId,
  { branch, length }: Point,
  markers: ReadonlyArray<Entry>,
  now: number
): Branch => {
  const path = branch.path.slice(0, length)
  for (const marker of markers) path.push(marker)
  const last = branch.path[length - 1]
  return {
    ...{ id: Storage.mintBranch(), session, createdAt: now, age: made++ },
    ...{ shared: length, path, places: placesOf(path, branch.places, length) },
    parent: last === undefined ? undefined : { branch: branch.id, entry: last.id }
  }
}

const deepest = 8

/** The places of a path that begins as another: those of the other are not copied, unless that is done too often. */
const placesOf = (path: ReadonlyArray<Entry>, before: Places, shared: number): Places => {
  const isFlat = before.depth >= deepest
  const own = new Map<string, number>()
  for (let index = isFlat ? 0 : shared; index < path.length; index++) own.set(path[index]?.id ?? "", index)
  return isFlat ? { own, before: undefined, shared: 0, depth: 0 } : { own, before, shared, depth: before.depth + 1 }
}
