/**
 * What keeps boards: the few things that a board has to be able to do with what is kept, so that all boards have the same
 * rules and differ only in where tasks are.
 */
import type * as Effect from "effect/Effect"
import type { Note, Stored } from "./model.ts"

/** A look at one board. `F` is how looking may fail. Tasks are as they were written: leases may have run out since. */
export interface Reading<F> {
  /** The time, in milliseconds since the epoch. While writing it is read once nobody else writes. */
  readonly now: number
  /** Those of the tasks that there are, in any order. */
  readonly load: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Stored>, F>
  /** All tasks, in the order in which they were posted. */
  readonly all: Effect.Effect<ReadonlyArray<Stored>, F>
  /** The tasks that this worker has. */
  readonly heldBy: (worker: string) => Effect.Effect<ReadonlyArray<Stored>, F>
  /** The tasks that changed after a revision, in the order of their last change. */
  readonly changedAfter: (revision: number) => Effect.Effect<ReadonlyArray<Stored>, F>
  /** Notes after a revision, of a task if one is given, in order. */
  readonly notes: (after: number, task?: string) => Effect.Effect<ReadonlyArray<Note>, F>
}

/** Who asks for a ready task, and which ones it may be. */
export interface Wanted {
  readonly tag?: string | undefined
  /** Names that a task may be assigned to. */
  readonly names: ReadonlyArray<string>
}

/** A change of one board, beside which nobody else changes it. All of it happens or, if it fails, nothing. */
export interface Writing<F> extends Reading<F> {
  /** The tasks that depend on one of these. */
  readonly dependents: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Stored>, F>
  /** The open task without unfinished dependencies that comes first: by priority, then as posted. */
  readonly ready: (wanted: Wanted) => Effect.Effect<Stored | undefined, F>
  /** The tasks whose lease ran out. */
  readonly expired: Effect.Effect<ReadonlyArray<Stored>, F>
  /** How many tasks the board ever had. */
  readonly posted: number
  /** The revision of the next thing that is put, and so on. */
  readonly next: () => number
  /** Writes tasks, new ones and others, each at most once. */
  readonly put: (tasks: ReadonlyArray<Stored>) => Effect.Effect<void, F>
  /** Writes what tasks depend on, for `dependents`. */
  readonly link: (tasks: ReadonlyArray<Stored>) => Effect.Effect<void, F>
  readonly addNote: (note: Note) => Effect.Effect<void, F>
  /** Erases tasks and notes. Revisions go on where they were. */
  readonly erase: Effect.Effect<void, F>
}

/** How far a board is, and when the first lease on it runs out unless it is renewed. */
export interface Pulse {
  readonly revision: number
  readonly expiresAt?: number | undefined
}

export interface Driver<F> {
  readonly read: <A, E>(board: string, body: (reading: Reading<F>) => Effect.Effect<A, E>) => Effect.Effect<A, E | F>
  /** Not interruptible. */
  readonly write: <A, E>(board: string, body: (writing: Writing<F>) => Effect.Effect<A, E>) => Effect.Effect<A, E | F>
  readonly pulse: (board: string) => Effect.Effect<Pulse, F>
  /** Waits until the board may have changed after this revision, as far as one can know here without asking. */
  readonly changed: (board: string, revision: number) => Effect.Effect<void>
}
