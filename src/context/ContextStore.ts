/**
 * Where conversations live. A session is an append-only log of entries; what a model may see is a projection of that
 * log. A store keeps and orders entries and knows nothing of models; the loop is its only writer while a run lasts.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Entry, Stored } from "../domain/Entry.ts"
import type { EntryId, SessionId } from "../domain/Ids.ts"
import type { Role } from "../domain/Message.ts"
import * as MemorySessions from "./internal/memorySessions.ts"
import * as SessionQueue from "./internal/sessionQueue.ts"
import * as Storage from "./internal/storage.ts"
import * as Window from "./Window.ts"

/**
 * Why a store could not do what it was asked.
 *
 * **Details**
 *
 * - `Unavailable`: the storage itself failed. `Conflict`: the session moved on since it was read.
 * - `Corrupt`: what is stored cannot be read. `NotFound`: no such session or entry. `SessionBusy`: a run has it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const StoreReason = Schema.Struct({
  _tag: Schema.Literal("Unavailable", "Conflict", "Corrupt", "NotFound", "SessionBusy"),
  message: Schema.String
})
export interface StoreReason extends Schema.Schema.Type<typeof StoreReason> {}

/**
 * A store could not do what it was asked.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  operation: Schema.String,
  session: Schema.optional(Schema.String),
  reason: StoreReason
}) {
  /** Whether the same operation may succeed later. */
  get isRetryable(): boolean {
    return this.reason._tag === "Unavailable" || this.reason._tag === "SessionBusy"
  }
  override get message(): string {
    const where = this.session === undefined ? "" : ` of session ${this.session}`
    return `${this.operation}${where}: ${this.reason._tag}: ${this.reason.message}`
  }
}

/**
 * Whose a session is. Given when it begins, and never changed.
 *
 * **Details**
 *
 * - `tenant`, `owner`, `chat`: the organisation, the person and the place, as the `Identity` of a run tells them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ownership {
  readonly tenant?: string | undefined
  readonly owner?: string | undefined
  readonly chat?: string | undefined
}

/**
 * A session in a listing.
 *
 * **Details**
 *
 * - `title`: the name it was given. `preview`: the start of its first user text, at most 80 characters.
 * - `entries`: how many its log has, on the branch that it goes on with.
 * - `origin`: the session it was forked from.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionInfo extends Ownership {
  readonly id: SessionId
  readonly title?: string | undefined
  readonly labels: ReadonlyArray<string>
  readonly preview: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** Milliseconds since the epoch. */
  readonly updatedAt: number
  readonly entries: number
  readonly origin?: SessionId | undefined
}

/**
 * Which sessions a listing or a search is about: all that match every field given. 50 a page unless `limit` says
 * otherwise; `cursor` is `next` of the page before.
 *
 * @category models
 * @since 0.1.0
 */
export interface Query extends Ownership {
  readonly label?: string | undefined
  readonly cursor?: string | undefined
  readonly limit?: number | undefined
}

/**
 * One page of a listing. `next` is the cursor of the following page, absent on the last one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Page {
  readonly sessions: ReadonlyArray<SessionInfo>
  readonly next?: string | undefined
}

/**
 * A message that a search found. `excerpt` is a part of its text around the first word found, at most 160 characters, with
 * single spaces for any white space.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hit {
  readonly session: SessionInfo
  readonly entry: EntryId
  readonly role: Role
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly excerpt: string
}

/**
 * One page of what a search found, latest first. `next` is the cursor of the following page, absent on the last one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hits {
  readonly hits: ReadonlyArray<Hit>
  readonly next?: string | undefined
}

/**
 * A line of conversation that others share the beginning of. Forks and rewinds make them.
 *
 * **Details**
 *
 * - `parent`: the branch it left, and the last entry it shares with it; absent for one that left none, or one that is gone.
 * - `entries`, `last`, `preview`: how many entries it has of its own, the last of them, and the start of its own first user
 *   text. Rewinding the session to `last` of a branch it left goes back to that one.
 * - `isCurrent`: its session goes on with it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Branch {
  readonly id: string
  readonly session: SessionId
  readonly parent?: { readonly branch: string; readonly entry: EntryId } | undefined
  readonly preview: string
  readonly entries: number
  readonly last?: EntryId | undefined
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly isCurrent: boolean
}

/**
 * What to do when another run has the session: wait until it ends, or fail with `SessionBusy`.
 *
 * @category models
 * @since 0.1.0
 */
export type OnBusy = "wait" | "fail"

/**
 * What a store does. Every session id is valid, up to a length that a store may bound. A session exists from its first entry
 * on, until it is removed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /**
   * Adds entries at the end of the log, all or none, in order, and answers the new position. Entries whose id the log
   * already has are left out, so repeating an append is harmless. With `after`, fails with `Conflict` unless the session
   * is at that position. Whose it is, is kept when the append creates the session. An empty array changes nothing.
   */
  readonly append: (
    session: SessionId,
    entries: ReadonlyArray<Entry>,
    options?: Ownership & { readonly after?: number | undefined }
  ) => Effect.Effect<number, StoreError>
  /**
   * The messages a model may see, repaired, at the cost of these and not of all there ever were. Empty at position 0 for
   * a session that does not exist. An entry that cannot be read any more is left out, with a warning in the log.
   */
  readonly read: (session: SessionId) => Effect.Effect<Window.Window, StoreError>
  /** The part of the log that `read` shows, at the same cost: what no compaction covers, and the compaction in force. */
  readonly live: (session: SessionId) => Effect.Effect<ReadonlyArray<Stored>, StoreError>
  /** The whole log, oldest first. Empty for a session that does not exist. */
  readonly entries: (session: SessionId) => Effect.Effect<ReadonlyArray<Stored>, StoreError>
  /** One entry of the log. Fails with `NotFound` for an unknown session or entry. */
  readonly entry: (session: SessionId, id: EntryId) => Effect.Effect<Stored, StoreError>
  /** What a listing says of this session. Fails with `NotFound` for an unknown session. */
  readonly info: (session: SessionId) => Effect.Effect<SessionInfo, StoreError>
  /** Names and labels a session; what is absent stays, an empty title removes it. Fails with `NotFound`. */
  readonly update: (
    session: SessionId,
    change: { readonly title?: string | undefined; readonly labels?: ReadonlyArray<string> | undefined }
  ) => Effect.Effect<void, StoreError>
  /**
   * Makes a new session of the same owner, whose log begins as this one's up to and with entry `at` (to the end without),
   * then a marker. They share what they have in common and go their own ways from there. `at` may be on any branch of the
   * session; an answer with calls takes their results along. The fork of a session without entries has none, and no
   * marker. Fails with `NotFound` for an unknown session or entry.
   */
  readonly fork: (session: SessionId, at?: EntryId) => Effect.Effect<SessionId, StoreError>
  /**
   * Lets the conversation go on from entry `to`, and writes a marker: what came after is on a branch that was left. `to`
   * may be on any branch of the session, so that a rewind can be taken back; an answer with calls takes their results
   * along. Fails with `NotFound` for an unknown session or entry.
   */
  readonly rewind: (session: SessionId, to: EntryId) => Effect.Effect<void, StoreError>
  /**
   * The branches of this session and of all that are related to it by forks, parents before their children, older ones
   * first. Empty for a session that does not exist.
   */
  readonly branches: (session: SessionId) => Effect.Effect<ReadonlyArray<Branch>, StoreError>
  /** Erases what the session has, its other branches included, and keeps it. Does nothing for one that does not exist. */
  readonly clear: (session: SessionId) => Effect.Effect<void, StoreError>
  /** Erases the session, except for what forks share with it. Does nothing for one that does not exist. */
  readonly remove: (session: SessionId) => Effect.Effect<void, StoreError>
  /** Removes the sessions that match and were not changed since `before` (milliseconds), and answers how many. */
  readonly prune: (options: Ownership & { readonly before: number }) => Effect.Effect<number, StoreError>
  /** Sessions, most recently used first. */
  readonly list: (query?: Query) => Effect.Effect<Page, StoreError>
  /**
   * Messages of users and assistants in which every word of the text is found, or begins a word: upper and lower case and
   * accents aside, in any order. Only what is on the branch its session goes on with. Nothing for a text without words.
   */
  readonly search: (text: string, query?: Query) => Effect.Effect<Hits, StoreError>
  /** Takes the session for one run until the scope closes. */
  readonly lock: (session: SessionId, onBusy: OnBusy) => Effect.Effect<void, StoreError, Scope.Scope>
}

/**
 * The store of conversations.
 *
 * @category services
 * @since 0.1.0
 */
export class ContextStore extends Context.Tag("axonal/context/ContextStore")<ContextStore, Service>() {}

/**
 * Makes the failure of an operation of a store. For authors of stores.
 *
 * @category errors
 * @since 0.1.0
 */
export const failure = (
  operation: string,
  session: SessionId | undefined,
  reason: StoreReason["_tag"],
  message: string
): StoreError => new StoreError({ operation, session, reason: { _tag: reason, message } })

/**
 * Layer that keeps sessions in memory, for as long as the layer lives.
 *
 * **Details**
 *
 * - Every operation is one synchronous step, so that none is ever seen half done.
 * - Waiting for a session is fair: first come, first served.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<ContextStore> = Layer.sync(ContextStore, () => makeMemory())

// internal

const makeMemory = (): Service => {
  const sessions = MemorySessions.make(Window)
  const queue = SessionQueue.make<SessionId>()

  /** One synchronous step that knows the time. */
  const step = <A>(operation: string, id: SessionId | undefined, take: (now: number) => A | MemorySessions.Problem) =>
    Clock.clockWith((clock): Effect.Effect<A, StoreError> => {
      const done = take(clock.unsafeCurrentTimeMillis())
      return done instanceof MemorySessions.Problem
        ? Effect.fail(failure(operation, id, done.reason, done.message))
        : Effect.succeed(done)
    })

  return {
    append: (id, entries, { after, ...belongs } = {}) =>
      step("append", id, (now) => sessions.append(id, entries, after, belongs, now)),
    read: (id) => Effect.sync(() => sessions.read(id)),
    live: (id) => Effect.sync(() => [...Window.live(sessions.log(id))]),
    entries: (id) => Effect.sync(() => [...sessions.log(id)]),
    entry: (id, entry) => step("entry", id, () => sessions.entry(id, entry)),
    info: (id) => step("info", id, () => sessions.info(id)),
    update: (id, change) => step("update", id, (now) => sessions.update(id, change, now)),
    fork: (id, at) => step("fork", id, (now) => sessions.fork(id, at, now)),
    rewind: (id, to) => step("rewind", id, (now) => sessions.rewind(id, to, now)),
    branches: (id) => Effect.sync(() => sessions.branches(id)),
    clear: (id) => step("clear", id, (now) => sessions.clear(id, now)),
    remove: (id) => Effect.sync(() => sessions.remove(id)),
    prune: ({ before, ...belongs }) => Effect.sync(() => sessions.prune(before, belongs)),
    list: (query) => step("list", undefined, () => sessions.list(query ?? {})),
    search: (text, query) => step("search", undefined, () => sessions.search(text, query ?? {})),
    lock: (id, onBusy) =>
      Effect.flatMap(queue.take(id, onBusy), (isTaken) =>
        isTaken ? Effect.void : Effect.fail(failure("lock", id, "SessionBusy", Storage.busy("another run")))
      )
  }
}
