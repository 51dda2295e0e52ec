/**
 * Appending in SQL: what is known is left out, what is expected is compared, what is new is written, in one transaction
 * of three statements; of two where the session is still as this process left it. It is what happens most often, so it is
 * written without generators.
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import type { Entry } from "../../domain/Entry.ts"
import type { Execute } from "../../internal/sqlDatabase.ts"
import { Refusal } from "../../internal/sqlErrors.ts"
import type { Branches, Failure } from "./sqlBranches.ts"
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

  /** How a session is, and which of the entries its log has. */
  const look = (execute: Execute, session: string, rows: Appending["rows"]): Effect.Effect<Looked, SqlError> => {
    const ids = idsOf(rows)
    const looked = Effect.map(
      statements.state(execute, session, padded(ids.slice(0, idsAtOnce))),
      (found): Looked => ({ row: found[0], known: knownOf(found) })
    )
    if (ids.length <= idsAtOnce) return looked
    return Effect.flatMap(looked, ({ known, row }): Effect.Effect<Looked, SqlError> => {
      if (row === undefined) return Effect.succeed({ known, row })
      const starts = Array.from({ length: Math.ceil(ids.length / idsAtOnce) - 1 }, (_, at) => (at + 1) * idsAtOnce)
      const rest = Effect.forEach(starts, (at) =>
        statements.known(execute, row.branch, padded(ids.slice(at, at + idsAtOnce)))
      )
      return Effect.map(rest, (found) => ({ row, known: new Set([...known, ...knownOf(found.flat())]) }))
    })
  }

  /** Looks at how things are, and then writes. */
  const carefully = (execute: Execute, appending: Appending, now: number): Effect.Effect<Appended, Failure> => {
    const { after, entries, rows, session } = appending
    const lock = statements.lock(execute, session)
    const looked = look(execute, session, rows)
    return Effect.flatMap(lock === undefined ? looked : Effect.zipRight(lock, looked), ({ known, row }) => {
      const before = row?.position ?? 0
      const fresh = Storage.freshOf(entries, known)
      if (after !== undefined && after !== before && (entries.length === 0 || fresh.length > 0)) {
        return Effect.fail(new Refusal("Conflict", Storage.conflict(after, before)))
      }
      const branch = row?.branch ?? Rows.mintBranch()
      const isShown = row !== undefined && row.own !== ""
      const position = before + fresh.length
      const done: Appended = { before, branch, fresh, isNew: row === undefined, isShown, position }
      if (fresh.length === 0) return Effect.succeed(done)
      const written = Effect.as(write(execute, appending, row, done, now), done)
      if (row !== undefined) return leases.isLost(session, row.holder) ? refusal : written
      // What does not exist yet may be held as well.
      if (leases.holderOf(session) === undefined) return written
      return Effect.flatMap(statements.holder(execute, session), ([lease]) =>
        leases.isLost(session, lease?.holder ?? null) ? refusal : written
      )
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
      ...{ at: { branch, position: before }, by: entries.length, ids: padded(idsOf(rows)) },
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
      entries.length <= idsAtOnce &&
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

/** Databases bound how many values a statement has. A power of two. */
const idsAtOnce = 1024

/** The end of a log. */
type Tip = Pick<Appended, "branch" | "isShown" | "position">

interface Looked {
  readonly row: StateRow | undefined
  readonly known: ReadonlySet<string>
}

type Shown = Pick<StateRow, "branch" | "own" | "preview">

const lost = "another run took the session over while this process stood still; start again from what is stored"

const refusal = Effect.fail(new Refusal("SessionBusy", lost))

const nothing: ReadonlySet<string> = new Set()

const knownOf = (found: ReadonlyArray<Pick<StateRow, "known">>): ReadonlySet<string> => {
  let known: Set<string> | undefined
  for (const { known: id } of found) if (id !== null) known = (known ?? new Set()).add(Rows.fromKey(id))
  return known ?? nothing
}

const idsOf = (rows: ReadonlyMap<string, NewRow>): Array<string> => {
  const ids: Array<string> = []
  for (const { id } of rows.values()) ids.push(id)
  return ids
}

/** Ids, the last repeated up to a power of two, for few texts. No id is empty: it stands for none. */
const padded = (ids: Array<string>): ReadonlyArray<string> => {
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
