/**
 * The session of a run while it lasts: what the model may see of it, kept in step with the store. Every commit is one
 * append that names the position it follows, so a session that somebody else moved on is noticed and never overwritten.
 * Entry ids follow from run and turn, so that a replay commits nothing twice.
 */

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as ContextStore from "../context/ContextStore.ts"
import type { Entry } from "../domain/Entry.ts"
import { EntryId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import type { FinishReason } from "../domain/Outcome.ts"
import * as Usage from "../domain/Usage.ts"
import * as Hooks from "../hook/Hooks.ts"
import type { Spent } from "./Limits.ts"
import * as Run from "./Run.ts"

/**
 * A session in use.
 *
 * @category models
 * @since 0.1.0
 */
export interface Session {
  readonly run: Run.Run
  readonly store: ContextStore.Service
  /** What the model may see. Replaced, never changed, so that requests can keep it. */
  messages: ReadonlyArray<Message>
  position: number
  /** What this turn has added. */
  added: ReadonlyArray<Message>
  /** Whether the last commit was there already: the run is a replay, and its own past was read as the session's. */
  replayed: boolean
}

/**
 * A session that is not open yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (run: Run.Run, store: ContextStore.Service): Session => ({
  run,
  store,
  messages: [],
  position: 0,
  added: [],
  replayed: false
})

/**
 * Takes the session for this run, until the scope closes, and reads it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const open = (
  session: Session,
  onBusy: ContextStore.OnBusy
): Effect.Effect<void, ContextStore.StoreError, Scope.Scope> =>
  Effect.flatMap(session.store.lock(session.run.session, onBusy), () => read(session))

/**
 * Commits words from outside: the input of the run, steering, follow-ups.
 *
 * @category combinators
 * @since 0.1.0
 */
export const say = (
  session: Session,
  messages: ReadonlyArray<Message>
): Effect.Effect<void, ContextStore.StoreError> =>
  messages.length === 0
    ? Effect.void
    : commit(
        session,
        messages.map((message, index) => [`input-${index}`, message])
      )

/**
 * Commits an answer, if there is one to keep, and what it cost, and what answers cost that were lost before it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const answer = (
  session: Session,
  spent: Spent,
  message: Message | undefined,
  usages: ReadonlyArray<Usage.Usage>
): Effect.Effect<void, ContextStore.StoreError> => {
  spent.usage = usages.reduce(Usage.sum, spent.usage)
  return Effect.map(commit(session, message === undefined ? [] : [["answer", message]], usages), () => {
    if (message !== undefined) session.added = [message]
  })
}

/**
 * Commits the results of a turn's calls, all in one message.
 *
 * @category combinators
 * @since 0.1.0
 */
export const results = (session: Session, message: Message): Effect.Effect<void, ContextStore.StoreError> =>
  Effect.map(commit(session, [["results", message]]), () => {
    session.added = [...session.added, message]
  })

/**
 * Writes the end of a turn.
 *
 * @category combinators
 * @since 0.1.0
 */
export const endTurn = (
  session: Session,
  reason: FinishReason,
  usages: ReadonlyArray<Usage.Usage>
): Effect.Effect<void> => {
  const { added, run } = session
  const end = { reason, usage: usages.reduce(Usage.sum, Usage.zero), messages: added }
  session.added = []
  const written = Run.emit(run, () => [Run.event(run, "TurnEnd", end)])
  return run.hooks.turnEnd === undefined
    ? written
    : Effect.zipRight(
        written,
        Hooks.observe(Effect.suspend(() => run.hooks.turnEnd?.({ ...Run.where(run), ...end }) ?? Effect.void))
      )
}

/**
 * Commits what there is of an answer that was cut off, and writes the end of its turn.
 *
 * @category combinators
 * @since 0.1.0
 */
export const abandon = (
  session: Session,
  spent: Spent,
  message: Message | undefined,
  bill: ReadonlyArray<Usage.Usage>
): Effect.Effect<void, ContextStore.StoreError> =>
  Effect.ensuring(
    bill.length === 0 ? Effect.void : answer(session, spent, message, bill),
    Effect.suspend(() => endTurn(session, "other", bill))
  )

// internal

const commit = (
  session: Session,
  messages: ReadonlyArray<readonly [name: string, message: Message]>,
  usages: ReadonlyArray<Usage.Usage> = []
): Effect.Effect<void, ContextStore.StoreError> =>
  Effect.flatMap(session.run.activities.now, (at) => {
    const { run, store } = session
    const about = (name: string) => ({
      id: EntryId.make(`${run.id}/${run.turn}/${name}`, { disableValidation: true }),
      at,
      run: run.id,
      turn: run.turn
    })
    const entries: Array<Entry> = messages.map(([name, message]) => ({
      _tag: "Message",
      ...about(name),
      message
    }))
    usages.forEach((usage, index) => {
      const name = index === usages.length - 1 ? "usage" : `usage-${index}`
      entries.push({ _tag: "Usage", ...about(name), model: run.transport.model.id, usage })
    })
    return Effect.flatMap(
      store.append(run.session, entries, { after: session.position, owner: run.identity.userId }),
      (position) => {
        const isRepeat = position - session.position < entries.length
        const mustRead = isRepeat || session.replayed
        session.replayed = isRepeat
        session.position = position
        if (mustRead) return read(session)
        if (messages.length > 0) session.messages = [...session.messages, ...messages.map(([, message]) => message)]
        return Effect.void
      }
    )
  })

const read = (session: Session): Effect.Effect<void, ContextStore.StoreError> =>
  Effect.map(session.store.read(session.run.session), (window) => {
    session.messages = window.messages
    session.position = window.position
  })
