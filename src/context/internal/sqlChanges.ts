/**
 * What happens to whole sessions in SQL: they are forked, rewound, cleared and removed. Everything here happens within a
 * transaction.
 */
import * as Effect from "effect/Effect"
import type { MarkerEntry } from "../../domain/Entry.ts"
import { EntryId, SessionId } from "../../domain/Ids.ts"
import type { Execute } from "../../internal/sqlDatabase.ts"
import { Refusal } from "../../internal/sqlErrors.ts"
import type { Branches, Failure, Point } from "./sqlBranches.ts"
import * as Rows from "./sqlRows.ts"
import type { Statements } from "./sqlStatements.ts"
import * as Storage from "./storage.ts"

/** A fork, and what it has in common with its origin. */
export interface Forked {
  readonly id: SessionId
  readonly branch: string
  readonly position: number
  readonly parent: string
  /** The position of the last entry that they share. */
  readonly cut: number
  readonly markers: ReadonlyArray<MarkerEntry>
}

export const make = (statements: Statements, branches: Branches) => {
  /** Makes a branch behind a point, with a marker. */
  const leave = (
    execute: Execute,
    point: Point,
    to: { readonly branch: string; readonly session: string; readonly position: number },
    markers: ReadonlyArray<MarkerEntry>,
    now: number
  ): Effect.Effect<void, Failure> => {
    const rows = Rows.encode(markers)
    return rows instanceof Refusal ? Effect.fail(rows) : branches.leave(execute, point, to, [...rows.values()], now)
  }

  /** What a listing says of the beginning of a path, up to a position, and the marker behind it. */
  const summarise = (execute: Execute, branch: string, cut: number) =>
    Effect.gen(function* () {
      const [counted] = yield* statements.size(execute, branch, cut)
      return { size: Number(counted?.size ?? 0) + 1, preview: yield* branches.previewOf(execute, branch, cut) }
    })

  const fork = (
    execute: Execute,
    session: SessionId,
    at: EntryId | undefined,
    now: number
  ): Effect.Effect<Forked, Failure> =>
    Effect.gen(function* () {
      const row = yield* branches.find(execute, session)
      const point = yield* at === undefined ? branches.end(execute, row) : branches.behind(execute, row.id, at)
      const { branch: parent, last } = point
      const id = SessionId.make(Storage.mintSession())
      const branch = Rows.mintBranch()
      const cut = last?.position ?? 0
      const markers =
        last === undefined ? [] : [Rows.marker(now, { type: "fork", session, to: EntryId.make(Rows.fromKey(last.id)) })]
      yield* leave(execute, point, { branch, session: id, position: cut + 1 }, markers, now)
      const whole = { size: row.size + markers.length, preview: row.preview }
      const { preview, size } = at === undefined ? whole : yield* summarise(execute, branch, cut)
      // Only what does not exist is at 0.
      const position = cut + 1
      yield* statements.insertSession(execute, {
        ...{ ...row, id, branch, position, preview, size, title: null, labels: Rows.toLabels([]) },
        ...{ origin: row.id, created_at: now, updated_at: now }
      })
      return { id, branch, position, parent, cut, markers }
    })

  const rewind = (execute: Execute, session: SessionId, to: EntryId, now: number): Effect.Effect<void, Failure> =>
    Effect.gen(function* () {
      const row = yield* branches.find(execute, session)
      const point = yield* branches.behind(execute, row.id, to)
      const branch = Rows.mintBranch()
      const cut = point.last?.position ?? 0
      // Positions grow along every path, and the session never comes back to one.
      const position = Math.max(row.position, cut) + 1
      const last = point.last === undefined ? to : EntryId.make(Rows.fromKey(point.last.id))
      const marker = Rows.marker(now, { type: "rewind", to: last })
      yield* leave(execute, point, { branch, session: row.id, position }, [marker], now)
      const { preview, size } = yield* summarise(execute, branch, cut)
      yield* statements.turnSession(execute, { id: row.id, branch, position, preview, size }, now)
    })

  const clear = (execute: Execute, session: SessionId, now: number): Effect.Effect<void, Failure> =>
    Effect.gen(function* () {
      const row = yield* branches.find(execute, session)
      const branch = Rows.mintBranch()
      const position = row.position + 1
      yield* branches.erase(execute, row.id)
      yield* statements.insertBranch(execute, { id: branch, session: row.id, at: now })
      yield* statements.insertSegment(execute, branch, position + 1)
      yield* statements.turnSession(execute, { id: row.id, branch, position, preview: "", size: 0 }, now)
    })

  const remove = (execute: Execute, session: SessionId): Effect.Effect<void, Failure> =>
    Effect.gen(function* () {
      const row = yield* branches.find(execute, session)
      yield* branches.erase(execute, row.id)
      yield* statements.deleteSession(execute, row.id)
    })

  return { fork, rewind, clear, remove }
}
