/**
 * Where conversations live. A session is an append-only log of entries; what a model may see is a projection of that
 * log. A store keeps and orders entries and knows nothing of models; the loop is its only writer while a run lasts.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { EntryId, RunId, SessionId } from "../domain/Ids.ts"
import { Message } from "../domain/Message.ts"
import { Usage } from "../domain/Usage.ts"

const base = {
  id: EntryId,
  /** Milliseconds since the epoch. */
  at: Schema.Number,
  run: Schema.optional(RunId),
  turn: Schema.optional(Schema.Number)
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
