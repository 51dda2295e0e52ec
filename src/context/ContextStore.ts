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
import { EntryId, RunId, SessionId } from "../domain/Ids.ts"
import { Message, toText } from "../domain/Message.ts"
import { Usage } from "../domain/Usage.ts"
import * as MemoryLogs from "./internal/memoryLogs.ts"
import * as SessionQueue from "./internal/sessionQueue.ts"
import * as Storage from "./internal/storage.ts"
import * as Repair from "./Repair.ts"

const base = {
  id: EntryId,
  /** Milliseconds since the epoch. */
  at: Schema.Finite,
  run: Schema.optional(RunId),
  turn: Schema.optional(Schema.Finite)
}

/**
 * A message joined the conversation.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MessageEntry = Schema.TaggedStruct("Message", { ...base, message: Message })
export interface MessageEntry extends Schema.Schema.Type<typeof MessageEntry> {}

/**
 * A model response was paid for. One per response, also for responses that were cut off.
 *
 * @category schemas
 * @since 0.1.0
 */
export const UsageEntry = Schema.TaggedStruct("Usage", { ...base, model: Schema.String, usage: Usage })
export interface UsageEntry extends Schema.Schema.Type<typeof UsageEntry> {}

/**
 * One line of a session's log.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Entry = Schema.Union(MessageEntry, UsageEntry)
export type Entry = typeof Entry.Type

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
 * What a model may see of a session, and how far its log had come when it was read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Window {
  readonly messages: ReadonlyArray<Message>
  /** The number of entries in the log; 0 for a session that does not exist yet. */
  readonly position: number
}

/**
 * A session in a listing. `preview` is the start of its first user text, at most 80 characters.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionInfo {
  readonly id: SessionId
  readonly owner?: string | undefined
  readonly preview: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** Milliseconds since the epoch. */
  readonly updatedAt: number
  readonly entries: number
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
 * What to do when another run has the session: wait until it ends, or fail with `SessionBusy`.
 *
 * @category models
 * @since 0.1.0
 */
export type OnBusy = "wait" | "fail"

/**
 * What a store does. Every session id is valid; a session exists from its first entry on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /**
   * Adds entries at the end of the log, all or none, in order, and answers the new position. Entries whose id the log
   * already has are left out, so repeating an append is harmless. With `after`, fails with `Conflict` unless the log is
   * at that position. `owner` is kept when the append creates the session. An empty array changes nothing.
   */
  readonly append: (
    session: SessionId,
    entries: ReadonlyArray<Entry>,
    options?: { readonly after?: number | undefined; readonly owner?: string | undefined }
  ) => Effect.Effect<number, StoreError>
  /** The messages a model may see, repaired. Empty at position 0 for a session that does not exist. */
  readonly read: (session: SessionId) => Effect.Effect<Window, StoreError>
  /** The whole log, oldest first. Empty for a session that does not exist. */
  readonly entries: (session: SessionId) => Effect.Effect<ReadonlyArray<Entry>, StoreError>
  /**
   * Makes a new session whose log begins as this one's, up to and with entry `at` (to the end without). Both go their
   * own ways from there. Fails with `NotFound` for an unknown session or entry.
   */
  readonly fork: (session: SessionId, at?: EntryId) => Effect.Effect<SessionId, StoreError>
  /**
   * Lets the conversation go on from entry `to`: later entries leave the log's reading, not its storage. Fails with
   * `NotFound` for an unknown session or entry.
   */
  readonly rewind: (session: SessionId, to: EntryId) => Effect.Effect<void, StoreError>
  /** Empties the session and keeps it. Does nothing for a session that does not exist. */
  readonly clear: (session: SessionId) => Effect.Effect<void, StoreError>
  /** Forgets the session. Does nothing for a session that does not exist. */
  readonly remove: (session: SessionId) => Effect.Effect<void, StoreError>
  /** Sessions, most recently used first; only the owner's when one is given. 50 a page unless `limit` says otherwise. */
  readonly list: (options?: {
    readonly owner?: string | undefined
    readonly cursor?: string | undefined
    readonly limit?: number | undefined
  }) => Effect.Effect<Page, StoreError>
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
 * Projects a log to what a model may see of it. For authors of stores.
 *
 * @category constructors
 * @since 0.1.0
 */
export const window = (entries: ReadonlyArray<Entry>): Window => ({
  messages: Repair.repair(messagesOf(entries)),
  position: entries.length
})

/**
 * The window of a log that grew by these entries, at the cost of the new ones. Messages that stay keep their identity,
 * by which transports know what they converted already. For authors of stores.
 *
 * @category constructors
 * @since 0.1.0
 */
export const extendWindow = (known: Window, added: ReadonlyArray<Entry>): Window => ({
  messages: Repair.extend(known.messages, messagesOf(added)),
  position: known.position + added.length
})

/**
 * What an entry gives a listing to show: the start of a user's text, at most 80 characters, or nothing. The preview of
 * a session is the first one in its log that is not empty. For authors of stores.
 *
 * @category constructors
 * @since 0.1.0
 */
export const preview = (entry: Entry): string => {
  if (entry._tag !== "Message" || entry.message.role !== "user") return ""
  const start = toText(entry.message).trimStart().slice(0, previewLength)
  // Not half a character at the end.
  return /[\uD800-\uDBFF]$/.test(start) ? start.slice(0, -1) : start
}

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

const previewLength = 80

const messagesOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<Message> =>
  entries.flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))

type Log = MemoryLogs.Log<SessionId, Entry, Window>

const makeMemory = (): Service => {
  const logs = MemoryLogs.make<SessionId, Entry, Window>()
  const queue = SessionQueue.make<SessionId>()

  /** A log and its length up to and with an entry. */
  const find = (operation: string, id: SessionId, to?: EntryId): readonly [Log, number] | StoreError => {
    const log = logs.get(id)
    if (log === undefined) return failure(operation, id, "NotFound", Storage.noSession)
    const length = MemoryLogs.lengthTo(log, to)
    return length === undefined ? failure(operation, id, "NotFound", Storage.noEntry(to ?? "")) : [log, length]
  }

  return {
    append: (session, entries, options) =>
      withTime((now) => {
        const log = logs.get(session)
        const fresh = MemoryLogs.freshOf(log, entries)
        const position = log?.entries.length ?? 0
        const isRepeat = entries.length > 0 && fresh.length === 0
        if (options?.after !== undefined && options.after !== position && !isRepeat) {
          return Effect.fail(failure("append", session, "Conflict", Storage.conflict(options.after, position)))
        }
        if (fresh.length > 0) logs.add(session, fresh, options?.owner, now)
        return Effect.succeed(position + fresh.length)
      }),
    read: (session) => Effect.sync(() => viewOf(logs.get(session))),
    entries: (session) => Effect.sync(() => logs.get(session)?.entries.slice() ?? []),
    fork: (session, at) =>
      withTime((now) => {
        const found = find("fork", session, at)
        if (found instanceof StoreError) return Effect.fail(found)
        // What is known of the whole log is known of its copy.
        if (at === undefined) viewOf(found[0])
        const child = SessionId.make(Storage.mintSession())
        logs.copy(found[0], child, found[1], now)
        return Effect.succeed(child)
      }),
    rewind: (session, to) =>
      withTime((now) => {
        const found = find("rewind", session, to)
        return found instanceof StoreError ? Effect.fail(found) : Effect.succeed(logs.cut(...found, now))
      }),
    clear: (session) =>
      withTime((now) => {
        const log = logs.get(session)
        if (log !== undefined) logs.cut(log, 0, now)
        return Effect.void
      }),
    remove: (session) => Effect.sync(() => logs.remove(session)),
    list: (options) =>
      Effect.suspend(() => {
        const before = MemoryLogs.parseCursor(options?.cursor)
        if (before === undefined) return Effect.fail(failure("list", undefined, "NotFound", Storage.unknownCursor))
        const limit = options?.limit ?? Storage.pageLength
        const [page, hasMore] = logs.page({ before, owner: options?.owner, limit })
        const next = hasMore ? page[page.length - 1]?.sequence : undefined
        return Effect.succeed({ sessions: page.map(infoOf), ...(next === undefined ? undefined : { next: `${next}` }) })
      }),
    lock: (session, onBusy) =>
      Effect.flatMap(queue.take(session, onBusy), (isTaken) =>
        isTaken ? Effect.void : Effect.fail(failure("lock", session, "SessionBusy", Storage.busy("another run")))
      )
  }
}

/** One synchronous step that knows the time. */
const withTime = <A>(step: (now: number) => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
  Clock.clockWith((clock) => step(clock.unsafeCurrentTimeMillis()))

const viewOf = (log: Log | undefined): Window => {
  if (log === undefined) return window([])
  if (log.view === undefined) log.view = window(log.entries)
  else if (log.view.position < log.entries.length) {
    log.view = extendWindow(log.view, log.entries.slice(log.view.position))
  }
  return log.view
}

const infoOf = (log: Log): SessionInfo => ({
  id: log.id,
  ...(log.owner === undefined ? undefined : { owner: log.owner }),
  preview: firstPreview(log.entries),
  createdAt: log.createdAt,
  updatedAt: log.updatedAt,
  entries: log.entries.length
})

const firstPreview = (entries: ReadonlyArray<Entry>): string => {
  for (const entry of entries) {
    const text = preview(entry)
    if (text !== "") return text
  }
  return ""
}
