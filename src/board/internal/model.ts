/**
 * What is on a board: tasks and notes as they are kept, and tasks as they are shown. Plain data, JSON-safe.
 */
import * as Schema from "effect/Schema"

export const Held = Schema.Struct({
  worker: Schema.String,
  token: Schema.String,
  since: Schema.Finite,
  leaseMillis: Schema.Finite,
  expiresAt: Schema.Finite
})
/** Who has a task, and until when. `token` is of this claim and of no other. */
export interface Held extends Schema.Schema.Type<typeof Held> {}

export const Stored = Schema.Struct({
  id: Schema.String,
  title: Schema.String,
  detail: Schema.optional(Schema.String),
  priority: Schema.Finite,
  tags: Schema.Array(Schema.String),
  dependsOn: Schema.Array(Schema.String),
  assignee: Schema.optional(Schema.String),
  maxAttempts: Schema.Int,
  createdBy: Schema.optional(Schema.String),
  createdAt: Schema.Finite,
  updatedAt: Schema.Finite,
  state: Schema.Literal("open", "claimed", "done", "failed", "cancelled"),
  /** How many of the tasks it depends on are not done. */
  waiting: Schema.Int,
  attempts: Schema.Int,
  held: Schema.optional(Held),
  result: Schema.optional(Schema.Unknown),
  reason: Schema.optional(Schema.String),
  endedAt: Schema.optional(Schema.Finite),
  endedBy: Schema.optional(Schema.String),
  /** The token of the claim that ended it, so that ending it again is known as the same. */
  endedWith: Schema.optional(Schema.String),
  sequence: Schema.Int,
  revision: Schema.Int
})
/** A task as it is kept. What depends on other tasks and on the time is worked out when it is shown. */
export interface Stored extends Schema.Schema.Type<typeof Stored> {}

export type Status = "open" | "in-progress" | "blocked" | "done" | "failed" | "cancelled"

export const statuses: ReadonlyArray<Status> = ["open", "in-progress", "blocked", "done", "failed", "cancelled"]

export interface Task {
  readonly id: string
  readonly title: string
  readonly detail?: string | undefined
  readonly status: Status
  /** Higher ones are claimed first. */
  readonly priority: number
  readonly tags: ReadonlyArray<string>
  readonly dependsOn: ReadonlyArray<string>
  /** Those it depends on that are not done. */
  readonly waitsFor: ReadonlyArray<string>
  /** Those that failed or were cancelled, on which it waits in vain: directly, or through others that wait for them. */
  readonly stuckOn: ReadonlyArray<string>
  /** Whom it is for: a worker, or a role of workers. Anybody when absent. */
  readonly assignee?: string | undefined
  /** Who works on it. */
  readonly claim?: { readonly worker: string; readonly since: number; readonly until: number } | undefined
  /** How often it was claimed and not released. */
  readonly attempts: number
  readonly maxAttempts: number
  /** What its worker made of it: any JSON. */
  readonly result?: unknown
  /** Why its last attempt failed, or why it was cancelled. */
  readonly reason?: string | undefined
  readonly createdBy?: string | undefined
  readonly endedBy?: string | undefined
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** Milliseconds since the epoch. */
  readonly updatedAt: number
  /** Milliseconds since the epoch. */
  readonly endedAt?: number | undefined
  /** Grows with every change of the board. */
  readonly revision: number
}

export interface NewTask {
  readonly id?: string | undefined
  readonly title: string
  readonly detail?: string | undefined
  readonly priority?: number | undefined
  readonly tags?: ReadonlyArray<string> | undefined
  readonly dependsOn?: ReadonlyArray<string> | undefined
  readonly assignee?: string | undefined
  readonly maxAttempts?: number | undefined
}

export interface TaskChange extends Omit<NewTask, "id" | "title"> {
  readonly title?: string | undefined
}

export interface Claim {
  readonly board: string
  /** The task as it was claimed. */
  readonly task: Task
  readonly worker: string
  readonly token: string
  readonly leaseMillis: number
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export const Note = Schema.Struct({
  id: Schema.String,
  author: Schema.String,
  text: Schema.String,
  task: Schema.optional(Schema.String),
  tags: Schema.Array(Schema.String),
  at: Schema.Finite,
  revision: Schema.Int
})
export interface Note extends Schema.Schema.Type<typeof Note> {}

export interface NewNote {
  readonly author: string
  readonly text: string
  readonly task?: string | undefined
  readonly tags?: ReadonlyArray<string> | undefined
}

export interface TaskFilter {
  readonly status?: Status | ReadonlyArray<Status> | undefined
  readonly tag?: string | undefined
  readonly worker?: string | undefined
  readonly assignee?: string | undefined
  readonly limit?: number | undefined
}

export interface NoteFilter {
  readonly text?: string | undefined
  readonly tag?: string | undefined
  readonly task?: string | undefined
  readonly author?: string | undefined
  readonly limit?: number | undefined
}

export type Change =
  | { readonly _tag: "TaskChanged"; readonly revision: number; readonly task: Task }
  | { readonly _tag: "NoteAdded"; readonly revision: number; readonly note: Note }

export const reasons = [
  ...(["Unavailable", "Corrupt", "NotFound", "Invalid", "Duplicate", "UnknownDependency", "Cycle"] as const),
  ...(["Taken", "Blocked", "Ended", "LeaseLost"] as const)
] as const

/** Why a board does not do what it was asked, when what keeps it did not fail. */
export class Refusal {
  readonly _tag = "Refusal"
  readonly reason: (typeof reasons)[number]
  readonly message: string
  readonly tasks: ReadonlyArray<string>
  constructor(reason: Refusal["reason"], message: string, tasks: ReadonlyArray<string> = []) {
    this.reason = reason
    this.message = message
    this.tasks = tasks
  }
}
