/**
 * Boards in memory: maps, one writer at a time.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Driver, Reading, Wanted, Writing } from "./driver.ts"
import type { Note, Stored } from "./model.ts"
import * as Signals from "./signals.ts"

interface Kept {
  readonly tasks: Map<string, Stored>
  /** Those of the tasks that somebody has. */
  readonly held: Map<string, Stored>
  readonly dependents: Map<string, Set<string>>
  readonly links: Map<string, ReadonlyArray<string>>
  notes: Array<Note>
  revision: number
  posted: number
}

export const make = (): Driver<never> => {
  const boards = new Map<string, Kept>()
  const signals = Signals.make()
  const turns = Effect.unsafeMakeSemaphore(1)

  const keptOf = (board: string): Kept => {
    const known = boards.get(board)
    if (known !== undefined) return known
    const kept = empty()
    boards.set(board, kept)
    return kept
  }

  return {
    read: (board, body) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => body(readingOf(boards.get(board) ?? nothing, now))).pipe(
        turns.withPermits(1)
      ),
    write: (board, body) =>
      Effect.gen(function* () {
        const kept = keptOf(board)
        const change = body(writingOf(kept, yield* Clock.currentTimeMillis))
        // What fails its rules has put nothing, except for leases that were over anyway.
        return yield* Effect.ensuring(
          change,
          Effect.sync(() => signals.raise(board, kept.revision))
        )
      }).pipe(turns.withPermits(1), Effect.uninterruptible),
    pulse: (board) =>
      Effect.sync(() => {
        const kept = boards.get(board) ?? nothing
        const ends = [...kept.held.values()].flatMap(({ held }) => (held === undefined ? [] : [held.expiresAt]))
        const expiresAt = ends.length === 0 ? undefined : Math.min(...ends)
        return { revision: kept.revision, expiresAt }
      }).pipe(turns.withPermits(1)),
    changed: signals.past
  }
}

// internal

const empty = (): Kept => ({
  tasks: new Map(),
  held: new Map(),
  dependents: new Map(),
  links: new Map(),
  notes: [],
  revision: 0,
  posted: 0
})

/** What is read of a board that nobody has written to. */
const nothing = empty()

const readingOf = (kept: Kept, now: number): Reading<never> => {
  const select = (wanted: (task: Stored) => boolean) => Effect.sync(() => [...kept.tasks.values()].filter(wanted))
  return {
    now,
    load: (ids) => Effect.sync(() => found(kept, ids)),
    all: select(() => true),
    heldBy: (worker) => Effect.sync(() => [...kept.held.values()].filter(({ held }) => held?.worker === worker)),
    changedAfter: (revision) =>
      Effect.map(
        select((task) => task.revision > revision),
        (tasks) => tasks.sort((left, right) => left.revision - right.revision)
      ),
    notes: (after, task) =>
      Effect.sync(() =>
        kept.notes.filter((note) => note.revision > after && (task === undefined || note.task === task))
      )
  }
}

const writingOf = (kept: Kept, now: number): Writing<never> => ({
  ...readingOf(kept, now),
  dependents: (ids) =>
    Effect.sync(() => found(kept, new Set(ids.flatMap((id) => [...(kept.dependents.get(id) ?? [])])))),
  ready: (wanted) => Effect.sync(() => first(kept, wanted)),
  expired: Effect.sync(() =>
    [...kept.tasks.values()].filter(({ held }) => held !== undefined && held.expiresAt <= now)
  ),
  get posted() {
    return kept.posted
  },
  next: () => ++kept.revision,
  put: (tasks) =>
    Effect.sync(() => {
      for (const task of tasks) {
        kept.posted = Math.max(kept.posted, task.sequence)
        kept.tasks.set(task.id, task)
        if (task.held === undefined) kept.held.delete(task.id)
        else kept.held.set(task.id, task)
      }
    }),
  link: (tasks) =>
    Effect.sync(() => {
      for (const { dependsOn, id } of tasks) {
        for (const dependency of kept.links.get(id) ?? []) kept.dependents.get(dependency)?.delete(id)
        kept.links.set(id, dependsOn)
        for (const dependency of dependsOn) {
          const dependents = kept.dependents.get(dependency) ?? new Set()
          kept.dependents.set(dependency, dependents.add(id))
        }
      }
    }),
  addNote: (note) => Effect.sync(() => void kept.notes.push(note)),
  erase: Effect.sync(() => {
    kept.tasks.clear()
    kept.held.clear()
    kept.dependents.clear()
    kept.links.clear()
    kept.notes = []
  })
})

const found = (kept: Kept, ids: Iterable<string>): Array<Stored> => [...ids].flatMap((id) => kept.tasks.get(id) ?? [])

const first = (kept: Kept, { names, tag }: Wanted): Stored | undefined => {
  let best: Stored | undefined
  for (const task of kept.tasks.values()) {
    if (task.state !== "open" || task.waiting > 0) continue
    if (tag !== undefined && !task.tags.includes(tag)) continue
    if (task.assignee !== undefined && !names.includes(task.assignee)) continue
    if (best === undefined || task.priority > best.priority) best = task
  }
  return best
}
