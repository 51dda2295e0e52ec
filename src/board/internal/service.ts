/**
 * The board as its users know it, over whatever keeps it: names, options and failures of the port.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Check from "../../internal/options.ts"
import * as Words from "../../internal/words.ts"
import type { Driver } from "./driver.ts"
import type {
  Change,
  Claim,
  NewNote,
  NewTask,
  Note,
  NoteFilter,
  Refusal,
  Task,
  TaskChange,
  TaskFilter
} from "./model.ts"
import * as Operations from "./operations.ts"
import type { OnEmpty } from "./waiting.ts"
import * as Waiting from "./waiting.ts"

export interface ClaimOptions {
  readonly worker: string
  readonly role?: string | undefined
  readonly lease?: Duration.DurationInput | undefined
}

export const defaultLeaseMillis = 60_000

/** `describe` says how a failure of an operation on a board is told. */
export const make = <F, E>(
  driver: Driver<F>,
  describe: (operation: string, board: string, error: F | Refusal) => E
) => {
  const operations = Operations.make(driver)
  const waiting = Waiting.make(operations)
  const told = <A>(operation: string, board: string, effect: Effect.Effect<A, F | Refusal>): Effect.Effect<A, E> =>
    Effect.mapError(effect, (error) => describe(operation, board, error))

  return {
    post: (board: string, tasks: ReadonlyArray<NewTask>, options: { readonly by?: string | undefined } = {}) =>
      told("post", board, operations.post(board, tasks, options.by)),
    get: (board: string, task: string) => told("get", board, operations.get(board, task)),
    list: (board: string, filter: TaskFilter = {}) => told("list", board, operations.list(board, filter)),
    update: (board: string, task: string, change: TaskChange) =>
      told("update", board, operations.update(board, task, change)),
    claim: (board: string, task: string, options: ClaimOptions): Effect.Effect<Claim, E> =>
      told(
        "claim",
        board,
        Effect.suspend(() => operations.claim(board, task, claiming(options)))
      ),
    claimNext: (
      board: string,
      options: ClaimOptions & { readonly tag?: string | undefined; readonly onEmpty?: OnEmpty | undefined }
    ): Effect.Effect<Option.Option<Claim>, E> =>
      told(
        "claimNext",
        board,
        Effect.suspend(() => {
          const { onEmpty = "answer", tag } = options
          Check.oneOf("Board option onEmpty", onEmpty, ["answer", "wait", "drain"])
          return waiting.claimNext(board, tag, onEmpty, claiming(options))
        })
      ),
    claims: (board: string, worker: string): Effect.Effect<ReadonlyArray<Claim>, E> =>
      told("claims", board, operations.claims(board, worker)),
    renew: (claim: Claim, lease?: Duration.DurationInput): Effect.Effect<Claim, E> =>
      told(
        "renew",
        claim.board,
        Effect.suspend(() => operations.renew(claim, leaseMillisOf(lease) ?? claim.leaseMillis))
      ),
    complete: (claim: Claim, result?: unknown): Effect.Effect<Task, E> =>
      told("complete", claim.board, operations.complete(claim, result)),
    fail: (
      claim: Claim,
      reason: string,
      options: { readonly final?: boolean | undefined } = {}
    ): Effect.Effect<Task, E> => told("fail", claim.board, operations.fail(claim, reason, options.final ?? false)),
    release: (claim: Claim): Effect.Effect<Task, E> => told("release", claim.board, operations.release(claim)),
    cancel: (
      board: string,
      task: string,
      options: { readonly reason?: string | undefined; readonly by?: string | undefined } = {}
    ): Effect.Effect<Task, E> => told("cancel", board, operations.cancel(board, task, options.reason, options.by)),
    reopen: (board: string, task: string): Effect.Effect<Task, E> =>
      told("reopen", board, operations.reopen(board, task)),
    addNote: (board: string, note: NewNote): Effect.Effect<Note, E> =>
      told("addNote", board, operations.addNote(board, note)),
    notes: (board: string, filter: NoteFilter = {}): Effect.Effect<ReadonlyArray<Note>, E> =>
      told(
        "notes",
        board,
        Effect.map(operations.notes(board, filter.task), (notes) => matching(notes, filter))
      ),
    changes: (board: string, options: { readonly after?: number | undefined } = {}): Stream.Stream<Change, E> =>
      Stream.mapError(waiting.changes(board, options.after), (error) => describe("changes", board, error)),
    awaitTasks: (
      board: string,
      tasks: ReadonlyArray<string>,
      options: { readonly mode?: "all" | "any" | undefined } = {}
    ): Effect.Effect<ReadonlyArray<Task>, E> =>
      told(
        "awaitTasks",
        board,
        Effect.suspend(() => waiting.awaitTasks(board, tasks, options.mode ?? "all"))
      ),
    remove: (board: string): Effect.Effect<void, E> => told("remove", board, operations.remove(board))
  }
}

// internal

const leaseMillisOf = (lease: Duration.DurationInput | undefined): number | undefined =>
  Check.millis("Board option lease", lease)

const claiming = ({ lease, role, worker }: ClaimOptions): Operations.ClaimOptions => {
  if (worker.trim() === "") throw new TypeError("Board option worker must be a non-empty string")
  return { worker, role, leaseMillis: leaseMillisOf(lease) ?? defaultLeaseMillis }
}

/** The last so many notes that match, in order. */
const matching = (notes: ReadonlyArray<Note>, { author, limit, tag, text }: NoteFilter): ReadonlyArray<Note> => {
  const terms = text === undefined ? undefined : Words.termsOf(text)
  const found = notes.filter(
    (note) =>
      (tag === undefined || note.tags.includes(tag)) &&
      (author === undefined || note.author === author) &&
      (terms === undefined || (terms.length > 0 && Words.matches(Words.wordsOf(note.text), terms)))
  )
  return limit === undefined ? found : limit <= 0 ? [] : found.slice(-limit)
}
