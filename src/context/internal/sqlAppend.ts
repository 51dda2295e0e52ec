/**
 * Appending in SQL: what is known is left out, what is expected is compared, what is new is written, in one transaction
 * of three statements; of two where the session is still as this process left it. It is what happens most often, so it is
 * written without generators.
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import type { Entry } from "../../domain/Entry.ts"
import type { Branches, Failure } from "./sqlBranches.ts"
import type { Execute } from "./sqlDatabase.ts"
import { Refusal } from "./sqlErrors.ts"
import type { Leases } from "./sqlLease.ts"
import type { Belongs, NewRow, Projection } from "./sqlRows.ts"
import * as Rows from "./sqlRows.ts"
import type { PlacedRow, Statements, StateRow } from "./sqlStatements.ts"
import * as Storage from "./storage.ts"

/** What is to be appended, and to what. */
export interface Appending {
  /** The key of the session. */
  readonly session: string
  readonly entries: ReadonlyArray<Entry>
  readonly rows: ReadonlyMap<string, NewRow>
  readonly after: number | undefined
  readonly belongs: Belongs
}

/** What an append did, or found to be done. */
export interface Appended {
  readonly branch: string
  readonly fresh: ReadonlyArray<Entry>
  readonly isNew: boolean
  /** Its branch has a preview already. */
  readonly isShown: boolean
  readonly before: number
  readonly position: number
}

export const make = (statements: Statements, branches: Branches, leases: Leases, projection: Projection) => {
  /** Where this process left sessions, the latest last. */
  const tips = new Map<string, Tip>()
  let latest: string | undefined

  const begin = (execute: Execute, { belongs, session }: Appending, branch: string, now: number) =>
    statements.insertBranch(execute, { id: branch, session, at: now }).pipe(
      Effect.zipRight(statements.insertSegment(execute, branch, 1)),
      Effect.zipRight(
        statements.insertSession(execute, {
          ...{ id: session, branch, title: null, labels: Rows.toLabels([]), preview: "", size: 0, position: 0 },
          tenant: Rows.keyOrNull(belongs.tenant),
          owner: Rows.keyOrNull(belongs.owner),
          chat: Rows.keyOrNull(belongs.chat),
          ...{ created_at: now, updated_at: now, origin: null }
        })
      )
    )

  /** What a listing shows of a branch and its session. */
  const show = (
    execute: Execute,
    session: string,
    { branch, own, preview }: Shown,
    fresh: ReadonlyArray<Entry>
  ): Effect.Effect<unknown, SqlError> => {
    const first = fresh.map(projection.preview).find((text) => text !== "")
    if (first === undefined || own !== "") return Effect.void
    const mine = statements.setPreview(execute, "branches", branch, Rows.shown(first))
    return preview !== ""
      ? mine
      : Effect.zipRight(mine, statements.setPreview(execute, "sessions", session, Rows.shown(first)))
  }

  const moveWindow = (execute: Execute, branch: string): Effect.Effect<unknown, Failure> =>
    Effect.flatMap(branches.windowOf(execute, branch), ({ at, from }) =>
      statements.setWindow(execute, branch, from, at)
    )

  const write = (
    execute: Execute,
    appending: Appending,
    state: StateRow | undefined,
    { before, branch, fresh, position }: Appended,
    now: number
  ): Effect.Effect<unknown, Failure> => {
    const { rows, session } = appending
    const added = statements.insertEntries(execute, branch, placed(rows, fresh, before))
    const size = (state?.size ?? 0) + fresh.length
    const isLatest = state === undefined || state.latest === 1
    const grown = statements.growSession(execute, session, { position, size, isLatest }, now)
    const whole = Effect.zipRight(added, grown)
    const started = state === undefined ? Effect.zipRight(begin(execute, appending, branch, now), whole) : whole
    const shows = (state === undefined || state.own === "") && fresh.some(isAsked)
    const shown = shows
      ? Effect.zipRight(started, show(execute, session, state ?? { branch, own: "", preview: "" }, fresh))
      : started
    return fresh.some(movesWindow) ? Effect.zipRight(shown, moveWindow(execute, branch)) : shown
  }

  /** Looks at how things are, and then writes. */
  const carefully = (execute: Execute, appending: Appending, now: number): Effect.Effect<Appended, Failure> => {
    const { after, entries, rows, session } = appending
    const lock = statements.lock(execute, session)
    const state = statements.state(execute, session, idsOf(rows))
    return Effect.flatMap(lock === undefined ? state : Effect.zipRight(lock, state), (found) => {
      const row = found[0]
      const before = row?.position ?? 0
      const fresh = Storage.freshOf(entries, knownOf(found))
      if (after !== undefined && after !== before && (entries.length === 0 || fresh.length > 0)) {
        return Effect.fail(new Refusal("Conflict", Storage.conflict(after, before)))
      }
      const branch = row?.branch ?? Rows.mintBranch()
      const isShown = row !== undefined && row.own !== ""
      const position = before + fresh.length
      const done: Appended = { before, branch, fresh, isNew: row === undefined, isShown, position }
      if (fresh.length === 0) return Effect.succeed(done)
      if (row !== undefined && leases.isLost(session, row.holder)) return Effect.fail(new Refusal("SessionBusy", lost))
      return Effect.as(write(execute, appending, row, done, now), done)
    })
  }

  /** Writes what is expected to be new where the log is expected to end, or answers that it is not so. */
  const quickly = (
    execute: Execute,
    { entries, rows, session }: Appending,
    { branch, isShown, position: before }: Tip,
    now: number
  ): Effect.Effect<Appended | undefined, Failure> => {
    const advance = {
      ...{ at: { branch, position: before }, by: entries.length, ids: idsOf(rows) },
      ...{ holder: leases.holderOf(session), isLatest: latest === session }
    }
    return Effect.flatMap(statements.advance(execute, session, advance, now), ([row]) => {
      if (row === undefined) return Effect.succeed(undefined)
      const done: Appended = { before, branch, fresh: entries, isNew: false, isShown, position: row.position }
      return Effect.as(statements.insertEntries(execute, branch, placed(rows, entries, before)), done)
    })
  }

  /** What is only right once the transaction is. */
  const remember = (session: string, { branch, isShown, position }: Appended): void => {
    tips.delete(session)
    tips.set(session, { branch, isShown, position })
    latest = session
    const [oldest] = tips.size > tipsKept ? tips.keys() : []
    if (oldest !== undefined) tips.delete(oldest)
  }

  const append = (execute: Execute, appending: Appending, now: number): Effect.Effect<Appended, Failure> => {
    const { after, entries, rows, session } = appending
    const tip = tips.get(session)
    const isPlain =
      tip !== undefined &&
      (after === undefined || after === tip.position) &&
      entries.length > 0 &&
      rows.size === entries.length &&
      !entries.some((entry) => movesWindow(entry) || (!tip.isShown && isAsked(entry)))
    return isPlain
      ? Effect.flatMap(quickly(execute, appending, tip, now), (done) =>
          done === undefined ? carefully(execute, appending, now) : Effect.succeed(done)
        )
      : carefully(execute, appending, now)
  }

  return { append, remember }
}

// internal

const tipsKept = 256

/** The end of a log. */
type Tip = Pick<Appended, "branch" | "isShown" | "position">

type Shown = Pick<StateRow, "branch" | "own" | "preview">

const lost = "another run took the session over while this process stood still; start again from what is stored"

const nothing: ReadonlySet<string> = new Set()

const knownOf = (found: ReadonlyArray<StateRow>): ReadonlySet<string> => {
  let known: Set<string> | undefined
  for (const { known: id } of found) if (id !== null) known = (known ?? new Set()).add(Rows.fromKey(id))
  return known ?? nothing
}

/** The ids of rows, the last repeated up to a power of two, for few texts. No id is empty: it stands for none. */
const idsOf = (rows: ReadonlyMap<string, NewRow>): ReadonlyArray<string> => {
  const ids: Array<string> = []
  for (const { id } of rows.values()) ids.push(id)
  const last = ids[ids.length - 1] ?? ""
  let size = 1
  while (size < ids.length) size *= 2
  while (ids.length < size) ids.push(last)
  return ids
}

const placed = (
  rows: ReadonlyMap<string, NewRow>,
  fresh: ReadonlyArray<Entry>,
  before: number
): ReadonlyArray<PlacedRow> => {
  const out: Array<PlacedRow> = []
  for (const { id } of fresh) {
    const row = rows.get(id)
    if (row !== undefined) out.push({ ...row, position: before + out.length + 1 })
  }
  return out
}

const movesWindow = (entry: Entry): boolean =>
  entry._tag === "Compaction" || (entry._tag === "Marker" && entry.marker.type === "restore")

const isAsked = (entry: Entry): boolean => entry._tag === "Message" && entry.message.role === "user"
