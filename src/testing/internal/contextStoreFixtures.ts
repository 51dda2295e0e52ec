/**
 * What the tests of context stores are written with.
 */

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import type * as ContextStore from "../../context/ContextStore.ts"
import type { CompactionEntry, Entry, MarkerEntry, Stored } from "../../domain/Entry.ts"
import { CallId, EntryId, RunId, SessionId } from "../../domain/Ids.ts"
import * as Message from "../../domain/Message.ts"
import type * as Part from "../../domain/Part.ts"

export type Store = ContextStore.Service

/** Whose the sessions of one test are, so that its listings and searches see no others: the tests share one store. */
export interface Mine extends ContextStore.Ownership {
  readonly owner: string
  readonly chat: string
}

let sessions = 0
/** A session that no other test uses. */
export const fresh = (): SessionId => SessionId.make(`suite-${crypto.randomUUID()}-${sessions++}`)

export const entryOf = (id: string, message: Message.Message, at = 1): Entry => ({
  _tag: "Message",
  id: EntryId.make(id),
  at,
  message
})
export const said = (id: string, text: string = id, at = 1): Entry => entryOf(id, Message.user(text), at)
export const answered = (id: string, text: string = id, at = 1): Entry => entryOf(id, Message.assistant(text), at)

const callOf = (id: string): Part.ToolCall => ({ type: "tool-call", id, name: "search", input: "{}" })
const resultOf = (id: string): Part.ToolResult => ({
  type: "tool-result",
  id,
  name: "search",
  outcome: "ok",
  content: []
})
/** An answer with calls. */
export const called = (id: string, calls: ReadonlyArray<string>): Entry =>
  entryOf(id, Message.assistant(calls.map(callOf)))
/** The results of calls. */
export const results = (id: string, calls: ReadonlyArray<string>): Entry =>
  entryOf(id, Message.tool(calls.map(resultOf)))

export const paid = (id: string): Entry => ({
  _tag: "Usage",
  id: EntryId.make(id),
  at: 2.5,
  run: RunId.make("run"),
  turn: 1,
  model: "model",
  usage: { inputTokens: { total: 3 }, outputTokens: { total: 4, text: 4 }, costUsd: 0.25, estimated: true }
})
/** A response that the vendor counted. */
export const counted = (id: string, input: number, output: number, purpose?: "compaction"): Entry => ({
  _tag: "Usage",
  id: EntryId.make(id),
  at: 1,
  model: "model",
  usage: { inputTokens: { total: input }, outputTokens: { total: output }, estimated: false },
  ...(purpose === undefined ? undefined : { purpose })
})
export const compacted = (id: string, through: string, summary: string = id): CompactionEntry => ({
  _tag: "Compaction",
  id: EntryId.make(id),
  at: 1,
  through: EntryId.make(through),
  messages: [Message.user(summary)],
  reason: "demand",
  dropped: 1
})
export const restored = (id: string): MarkerEntry => ({
  _tag: "Marker",
  id: EntryId.make(id),
  at: 1,
  marker: { type: "restore" }
})
/** Words that wait to be read. */
export const queued = (id: string): Entry => ({
  _tag: "Queued",
  id: EntryId.make(id),
  at: 1,
  when: "steer",
  messages: [Message.user(id)]
})
/** The words that waited, read. */
export const taken = (id: string, from: string): Entry => ({
  _tag: "Message",
  id: EntryId.make(id),
  at: 1,
  message: Message.user(from),
  queued: EntryId.make(from)
})
/** A run that ended to wait for a person. */
export const suspended = (id: string, call: string): Entry => ({
  _tag: "Suspended",
  id: EntryId.make(id),
  at: 1,
  questions: [{ call: CallId.make(call), tool: "tool", input: {}, reason: "why" }],
  spent: { turns: 1, toolCalls: 0, usage: { inputTokens: {}, outputTokens: {}, estimated: false }, millis: 0 }
})
export const resumed = (id: string): MarkerEntry => ({
  _tag: "Marker",
  id: EntryId.make(id),
  at: 1,
  marker: { type: "resume" }
})
export const at = (id: string): EntryId => EntryId.make(id)

export const ids = (store: Store, session: SessionId) =>
  Effect.map(store.entries(session), (entries) => entries.map((entry): string => entry.id))

/** An entry by its id, and a marker, whose id the store mints, by what it says. */
export const labelOf = (entry: Stored): string => {
  if (entry._tag !== "Marker") return entry.id
  const { marker } = entry
  return "to" in marker ? `${marker.type} ${marker.to}` : entry.id
}
export const labels = (store: Store, session: SessionId) =>
  Effect.map(store.entries(session), (entries) => entries.map(labelOf))

/** What a model sees, as texts. Neighbours of one role are one text. */
export const texts = (store: Store, session: SessionId) =>
  Effect.map(store.read(session), ({ messages }) => messages.map((message) => Message.toText(message)))
/** What a model sees, as roles and what each message holds. */
export const shapes = (store: Store, session: SessionId) =>
  Effect.map(store.read(session), ({ messages }) =>
    messages.map(({ parts, role }) =>
      [role, ...parts.map((part) => (part.type === "tool-result" ? part.outcome : part.type))].join(" ")
    )
  )

/** The reason of a failure, and the session that it names. */
export const reasonOf = <A, R>(effect: Effect.Effect<A, ContextStore.StoreError, R>) =>
  Effect.map(Effect.either(effect), (result) =>
    Either.isLeft(result) ? [result.left.reason._tag, result.left.session] : ["no failure", result.right]
  )

/** Declares a test of the store, with a session that nobody else uses, and whose it is to be. */
export type Test = (
  title: string,
  body: (store: Store, session: SessionId, mine: Mine) => Effect.Effect<void, ContextStore.StoreError, Scope.Scope>
) => void
