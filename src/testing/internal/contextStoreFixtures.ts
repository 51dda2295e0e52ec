/**
 * What the tests of context stores are written with.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import type * as ContextStore from "../../context/ContextStore.ts"
import { EntryId, RunId, SessionId } from "../../domain/Ids.ts"
import * as Message from "../../domain/Message.ts"

export type Store = ContextStore.Service

let sessions = 0
/** A session that no other test uses: they share one store. */
export const fresh = (): SessionId => SessionId.make(`suite-${crypto.randomUUID()}-${sessions++}`)

export const entryOf = (id: string, message: Message.Message): ContextStore.Entry => ({
  _tag: "Message",
  id: EntryId.make(id),
  at: 1,
  message
})
export const said = (id: string, text: string = id): ContextStore.Entry => entryOf(id, Message.user(text))
export const paid = (id: string): ContextStore.Entry => ({
  _tag: "Usage",
  id: EntryId.make(id),
  at: 2.5,
  run: RunId.make("run"),
  turn: 1,
  model: "model",
  usage: { inputTokens: { total: 3 }, outputTokens: { total: 4, text: 4 }, costUsd: 0.25, estimated: true }
})
export const at = (id: string): EntryId => EntryId.make(id)

export const ids = (store: Store, session: SessionId) =>
  Effect.map(store.entries(session), (entries) => entries.map((entry): string => entry.id))

/** The reason of a failure, and the session that it names. */
export const reasonOf = <A, R>(effect: Effect.Effect<A, ContextStore.StoreError, R>) =>
  Effect.map(Effect.either(effect), (result) =>
    Either.isLeft(result) ? [result.left.reason._tag, result.left.session] : ["no failure", result.right]
  )

/** Declares a test of the store, with a session that nobody else uses. */
export type Test = (
  title: string,
  body: (store: Store, session: SessionId) => Effect.Effect<void, ContextStore.StoreError, Scope.Scope>
) => void
