/**
 * Appending in SQL: what is known is left out, what is expected is compared, what is new is written, in one transaction
 * of three statements. It is what happens most often, so it is written without generators.
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
  readonly before: number
  readonly position: number
}

export const make = (
  statements: Statements,
  branches: Branches,
  leases: Pick<Leases, "isLost">,
  projection: Projection
) => {
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

  return (execute: Execute, appending: Appending, now: number): Effect.Effect<Appended, Failure> => {
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
      const done: Appended = { before, branch, fresh, isNew: row === undefined, position: before + fresh.length }
      if (fresh.length === 0) return Effect.succeed(done)
      if (row !== undefined && leases.isLost(session, row.holder)) return Effect.fail(new Refusal("SessionBusy", lost))
      return Effect.as(write(execute, appending, row, done, now), done)
    })
  }
}

// internal

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
