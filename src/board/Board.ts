/**
 * Work that several agents share: tasks that depend on each other, claims that end by themselves when a worker dies, and
 * notes. A board knows who may work on what; what the work is, and who runs it, is left to others.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import * as Memory from "./internal/memory.ts"
import * as Model from "./internal/model.ts"
import * as Implementation from "./internal/service.ts"

/**
 * What a task is up to.
 *
 * **Details**
 *
 * - `open`: ready to be claimed. `blocked`: a task it depends on is not done. `in-progress`: somebody has it.
 * - `done`, `failed`, `cancelled`: nothing happens to it any more. A failed or cancelled one can be opened again.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = Model.Status

/**
 * A task as it is shown.
 *
 * **Details**
 *
 * - `waitsFor`: what it depends on and is not done. `stuckOn`: what failed or was cancelled and keeps it from ever becoming
 *   ready, directly or through others; empty while there is hope.
 * - `claim`: who works on it, since and until when. `attempts`: how often it was claimed, releases aside.
 * - `reason`: why the last attempt came to nothing, or why it was cancelled.
 * - Units: times in milliseconds since the epoch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Task extends Model.Task {}

/**
 * A task to be.
 *
 * **Details**
 *
 * - `id`: a short one is made up when it is absent. `priority`: 0 unless given; higher ones are claimed first.
 * - `assignee`: the worker or the role that it is for; anybody may claim it when absent.
 * - `maxAttempts`: how many attempts it has before it is `failed`; 3.
 *
 * @category models
 * @since 0.1.0
 */
export interface NewTask extends Model.NewTask {}

/**
 * What is to be different about a task. What is absent stays; an empty `detail` or `assignee` takes it away.
 *
 * @category models
 * @since 0.1.0
 */
export interface TaskChange extends Model.TaskChange {}

/**
 * Which tasks a listing has: all that match every field given, in the order in which they were posted.
 *
 * @category models
 * @since 0.1.0
 */
export interface TaskFilter extends Model.TaskFilter {}

/**
 * That a worker has a task, until `expiresAt`. JSON, so that it can be kept and used in another process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Claim extends Model.Claim {}

/**
 * What somebody wrote down for the others.
 *
 * @category models
 * @since 0.1.0
 */
export interface Note extends Model.Note {}

/**
 * A note to be. `task` is the one it is about, if it is about one.
 *
 * @category models
 * @since 0.1.0
 */
export interface NewNote extends Model.NewNote {}

/**
 * Which notes are read: all that match every field given, oldest first, and of these the last `limit`.
 *
 * **Details**
 *
 * - `text`: every word of it is in the note, or begins a word of it, case and accents aside. One without words finds none.
 *
 * @category models
 * @since 0.1.0
 */
export interface NoteFilter extends Model.NoteFilter {}

/**
 * What changed on a board: a task, as it is now, or a note. `revision` is where to go on from.
 *
 * @category models
 * @since 0.1.0
 */
export type Change = Model.Change

/**
 * Who claims, and for how long.
 *
 * **Details**
 *
 * - `worker`: who it is, one at a time and not one kind of worker. `role`: another name that tasks may be assigned to.
 * - `lease`: how long the claim holds without being renewed; one minute.
 * - Errors: an empty worker and a lease below a millisecond are defects.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClaimOptions extends Implementation.ClaimOptions {}

/**
 * Which task is claimed, and what to do when none is ready.
 *
 * **Details**
 *
 * - `tag`: one that the task must have.
 * - `onEmpty`: `answer` (the default) says so at once; `wait` waits until one is, however long; `drain` waits too, but only
 *   while tasks are left that may become ready: not when all are ended or stuck.
 *
 * @category models
 * @since 0.1.0
 */
export interface NextOptions extends ClaimOptions {
  readonly tag?: string | undefined
  readonly onEmpty?: "answer" | "wait" | "drain" | undefined
}

/**
 * Why a board did not do what it was asked.
 *
 * **Details**
 *
 * - `Unavailable`, `Corrupt`: what keeps it failed, or cannot be read. `NotFound`: no such tasks. `Invalid`: a title, a
 *   number or a result that is none.
 * - `Duplicate`, `UnknownDependency`, `Cycle`: of tasks that were to be posted or changed; nothing was.
 * - `Taken`: somebody has it, or it is for somebody else. `Blocked`: it waits for others. `Ended`: it is over.
 * - `LeaseLost`: the claim does not hold any more, and its worker should stop.
 * - `tasks`: the ids it is about; of a cycle, its tasks in order.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BoardReason = Schema.Struct({
  _tag: Schema.Literal(...Model.reasons),
  message: Schema.String,
  tasks: Schema.Array(Schema.String)
})
export interface BoardReason extends Schema.Schema.Type<typeof BoardReason> {}

/**
 * A board did not do what it was asked.
 *
 * @category errors
 * @since 0.1.0
 */
export class BoardError extends Schema.TaggedError<BoardError>()("BoardError", {
  operation: Schema.String,
  board: Schema.String,
  reason: BoardReason
}) {
  /** Whether the same operation may succeed later. */
  get isRetryable(): boolean {
    return ["Unavailable", "Taken", "Blocked"].includes(this.reason._tag)
  }
  override get message(): string {
    const where = this.board === "" ? "" : ` on board ${this.board}`
    return `${this.operation}${where}: ${this.reason._tag}: ${this.reason.message}`
  }
}

/**
 * What a board does. Any text names one; it is there from its first task or note on. Each operation happens at once and
 * whole, or not at all.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /**
   * Adds tasks, all or none, and answers them in order. They may depend on each other and on what is there. Fails with
   * `Duplicate`, `UnknownDependency`, `Cycle` or `Invalid`. An empty array changes nothing.
   */
  readonly post: (
    board: string,
    tasks: ReadonlyArray<NewTask>,
    options?: { readonly by?: string | undefined }
  ) => Effect.Effect<ReadonlyArray<Task>, BoardError>
  /** One task. Fails with `NotFound`. */
  readonly get: (board: string, task: string) => Effect.Effect<Task, BoardError>
  /** The tasks that match, in the order in which they were posted. Empty for a board that does not exist. */
  readonly list: (board: string, filter?: TaskFilter) => Effect.Effect<ReadonlyArray<Task>, BoardError>
  /** Changes what a task says. Dependencies only while nobody has begun it: fails with `Ended` otherwise. */
  readonly update: (board: string, task: string, change: TaskChange) => Effect.Effect<Task, BoardError>
  /** Claims this task. Fails with `NotFound`, `Taken`, also for a worker that has it already, `Blocked` or `Ended`. */
  readonly claim: (board: string, task: string, options: ClaimOptions) => Effect.Effect<Claim, BoardError>
  /** Claims the ready task of the highest priority, of these the first that was posted. No two claims are of one task. */
  readonly claimNext: (board: string, options: NextOptions) => Effect.Effect<Option.Option<Claim>, BoardError>
  /** The claims that this worker holds now. */
  readonly claims: (board: string, worker: string) => Effect.Effect<ReadonlyArray<Claim>, BoardError>
  /** Lets a claim hold for its lease from now on, or for another one. Fails with `LeaseLost`. */
  readonly renew: (claim: Claim, lease?: Duration.DurationInput) => Effect.Effect<Claim, BoardError>
  /**
   * Ends a task with a result: any JSON, or nothing. Those that only waited for it are ready. The same claim may complete
   * again and changes nothing. Fails with `LeaseLost` once the lease ran out, whether somebody else has the task or not.
   */
  readonly complete: (claim: Claim, result?: unknown) => Effect.Effect<Task, BoardError>
  /** Gives up an attempt: the task is open for another one, or failed when there is none left or this was `final`. */
  readonly fail: (
    claim: Claim,
    reason: string,
    options?: { readonly final?: boolean | undefined }
  ) => Effect.Effect<Task, BoardError>
  /** Gives a task back as if it had not been claimed: the attempt does not count. Fails with `LeaseLost`. */
  readonly release: (claim: Claim) => Effect.Effect<Task, BoardError>
  /** Ends a task that is not to be done; whoever has it, has lost it. Fails with `Ended` for one that is done or failed. */
  readonly cancel: (
    board: string,
    task: string,
    options?: { readonly reason?: string | undefined; readonly by?: string | undefined }
  ) => Effect.Effect<Task, BoardError>
  /** Opens a failed or cancelled task again, with all its attempts. Fails with `Ended` for one that is done. */
  readonly reopen: (board: string, task: string) => Effect.Effect<Task, BoardError>
  /** Adds a note. Fails with `NotFound` for one about a task that is not there. */
  readonly addNote: (board: string, note: NewNote) => Effect.Effect<Note, BoardError>
  /** The notes that match, oldest first. */
  readonly notes: (board: string, filter?: NoteFilter) => Effect.Effect<ReadonlyArray<Note>, BoardError>
  /**
   * What changes from now on, or after a revision: 0 is the beginning. In the order of the changes; of several changes of
   * one task since the last look only its state now, so that nobody falls behind. Leases that run out are changes, and so
   * is a task that becomes ready or stuck. Never ends.
   */
  readonly changes: (
    board: string,
    options?: { readonly after?: number | undefined }
  ) => Stream.Stream<Change, BoardError>
  /**
   * Waits until all of these tasks, or any, are done, failed, cancelled or stuck, and answers all of them as they are then.
   * Of no tasks, `all` answers at once and `any` fails with `Invalid`. Fails with `NotFound`.
   */
  readonly awaitTasks: (
    board: string,
    tasks: ReadonlyArray<string>,
    options?: { readonly mode?: "all" | "any" | undefined }
  ) => Effect.Effect<ReadonlyArray<Task>, BoardError>
  /** Erases the tasks and notes of a board. How many changes it had stays, for those who follow it. */
  readonly remove: (board: string) => Effect.Effect<void, BoardError>
}

/**
 * The boards of an application.
 *
 * @category services
 * @since 0.1.0
 */
export class Board extends Context.Tag("axonal/board/Board")<Board, Service>() {}

/**
 * Makes the failure of an operation on a board. For authors of boards.
 *
 * @category errors
 * @since 0.1.0
 */
export const failure = (
  operation: string,
  board: string,
  reason: BoardReason["_tag"],
  message: string,
  tasks: ReadonlyArray<string> = []
): BoardError => new BoardError({ operation, board, reason: { _tag: reason, message, tasks } })

/**
 * Layer that keeps boards in memory, for as long as the layer lives.
 *
 * **Details**
 *
 * - Whoever waits is woken by the change itself; nothing is asked again and again.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<Board> = Layer.sync(Board, () =>
  Board.of(
    Implementation.make(Memory.make(), (operation, board, { message, reason, tasks }) =>
      failure(operation, board, reason, message, tasks)
    )
  )
)
