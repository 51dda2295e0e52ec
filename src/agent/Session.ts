/**
 * The session of a run while it lasts: what the model may see of it, kept in step with the store, and what is
 * committed when. Entry ids follow from run and turn, so that a replay commits nothing twice.
 */

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Compaction from "../context/Compaction.ts"
import type * as ContextStore from "../context/ContextStore.ts"
import type { CompactionReason, DecisionEntry, Entry, Stored, SuspendedEntry } from "../domain/Entry.ts"
import { EntryId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import type { FinishReason } from "../domain/Outcome.ts"
import * as Usage from "../domain/Usage.ts"
import * as Hooks from "../hook/Hooks.ts"
import * as Commits from "./Commits.ts"
import * as Nesting from "./Nesting.ts"
import * as Run from "./Run.ts"
import * as Steering from "./Steering.ts"

/**
 * A session in use.
 *
 * @category models
 * @since 0.1.0
 */
export interface Session extends Commits.Session {}

/**
 * A session that is not open yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (run: Run.Run, store: ContextStore.Service): Session => Commits.make(run, store)

/**
 * Takes the session for this run, until the scope closes, and reads it. Words that an earlier run did not come to read are
 * for this one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const open = (
  session: Session,
  onBusy: ContextStore.OnBusy
): Effect.Effect<void, ContextStore.StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const { run, store } = session
    const { steering } = run
    if (run.nesting.sessions.length > 0) yield* Nesting.busy(run.nesting, run.session)
    yield* store.lock(run.session, onBusy)
    const { queued } = yield* Commits.read(session)
    const [early] = steering.waiting
    if (queued !== undefined) Steering.recall(steering, queued)
    steering.keep = (words) => Commits.keep(session, words)
    if (early !== undefined) yield* steering.keep(early)
  })

/**
 * Closes the session for words, and commits what is left to commit: what was paid for and belongs to nothing that was
 * committed, that a limit was reached, and words that could not be kept before. From here on nothing is accepted, and the
 * session may go to the next run.
 *
 * @category combinators
 * @since 0.1.0
 */
export const close = (session: Session): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { run } = session
    run.steering.closed = true
    // It was never open: it may be another run's, who must not find it moved on.
    if (run.steering.keep === undefined) return Effect.void
    if (session.writer === undefined && run.costs.length === 0 && Commits.unkept(session).length === 0) {
      return Effect.void
    }
    return Effect.catchAll(
      Commits.commit(session, () => []),
      (error) =>
        Commits.unkept(session).length === 0
          ? Effect.void
          : Effect.logWarning("Words that this run did not read are lost: its session could not keep them", error)
    )
  })

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
    : Effect.suspend(() => {
        const { steering } = session.run
        const joining = Steering.wordsOf(steering, messages)
        const said = Commits.commit(
          session,
          (about) =>
            messages.map((message, index) => {
              const queued = joining.size === 0 ? undefined : steering.origin.get(message)?.entry
              const entry: Entry = { _tag: "Message", ...about(`input-${index}`), message }
              return queued === undefined ? entry : { ...entry, queued }
            }),
          joining
        )
        return joining.size === 0 ? said : Effect.map(said, () => Steering.forget(steering, joining))
      })

/**
 * Commits an answer, if there is one to keep, and what it cost, and what answers cost that were lost before it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const answer = (
  session: Session,
  message: Message | undefined,
  usages: ReadonlyArray<Usage.Usage>
): Effect.Effect<void, ContextStore.StoreError> => {
  const { spent } = session.run
  spent.usage = usages.reduce(Usage.sum, spent.usage)
  const committed = Commits.commit(session, (about) => {
    const entries: Array<Entry> = message === undefined ? [] : [{ _tag: "Message", ...about("answer"), message }]
    usages.forEach((usage, index) => {
      const name = index === usages.length - 1 ? "usage" : `usage-${index}`
      entries.push({ _tag: "Usage", ...about(name), model: session.run.transport.model.id, usage })
    })
    return entries
  })
  return Effect.map(committed, () => {
    if (message !== undefined) session.added = [message]
  })
}

/**
 * Commits the results of a turn's calls, all in one message, and what belongs beside them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const results = (session: Session, message: Message): Effect.Effect<void, ContextStore.StoreError> => {
  const committed = Commits.commit(session, (about) => [
    ...session.run.beside.splice(0).map((make) => make(about)),
    { _tag: "Message", ...about("results"), message }
  ])
  return Effect.map(committed, () => {
    session.added = [...session.added, message]
  })
}

/**
 * Commits that calls of the last answer wait for persons, what was decided about some of them, and the results of those that
 * have run.
 *
 * @category combinators
 * @since 0.1.0
 */
export const suspend = (
  session: Session,
  what: Pick<SuspendedEntry, "questions" | "waiting" | "results">,
  spent: SuspendedEntry["spent"]
): Effect.Effect<void, ContextStore.StoreError> =>
  Commits.commit(session, (about) => [
    { _tag: "Suspended", ...about("suspended"), ...what, spent },
    ...session.run.beside.splice(0).map((make) => make(about))
  ])

/**
 * Commits answers to questions that waited, and that the calls run when none is left.
 *
 * @category combinators
 * @since 0.1.0
 */
export const decide = (
  session: Session,
  decisions: ReadonlyArray<Omit<DecisionEntry, "_tag" | "id" | "at" | "run" | "turn">>,
  isAll: boolean
): Effect.Effect<void, ContextStore.StoreError> =>
  Commits.commit(session, (about) => [
    ...decisions.map((decision): Entry => ({ _tag: "Decision", ...about(`decision/${decision.call}`), ...decision })),
    ...(isAll ? [{ _tag: "Marker" as const, ...about("resume"), marker: { type: "resume" as const } }] : [])
  ])

/**
 * Commits what a compaction came to, and what it cost.
 *
 * @category combinators
 * @since 0.1.0
 */
export const compact = (
  session: Session,
  outcome: Compaction.Outcome,
  reason: CompactionReason
): Effect.Effect<void, ContextStore.StoreError> => {
  for (const { usage } of outcome.costs) Run.bill(session.run, usage)
  const name = compactionOf(session, reason)
  const { waiting } = session.run.steering
  const moved = new Map<Steering.Words, EntryId>()
  const committed = Commits.commit(session, (about) => [
    ...Compaction.entries(outcome, { ...about(""), name, reason }),
    // Words that wait are behind it: what is before is not read any more.
    ...(outcome._tag === "Compacted" ? waiting.filter(({ isKept }) => isKept) : []).map((words): Entry => {
      const { entry: again, messages, when } = words
      const made = about(`queued-${++session.queued}`)
      moved.set(words, made.id)
      return { _tag: "Queued", ...made, when, messages, ...(again === undefined ? undefined : { again }) }
    })
  ])
  if (outcome._tag === "Kept") return committed
  return Effect.flatMap(committed, () => {
    for (const [words, entry] of moved) words.entry = entry
    return Effect.asVoid(Commits.read(session))
  })
}

/**
 * Whether a replay finds what this turn came to before it asked: then it was compacted, or it was not, and must not be now.
 * Counts what a compaction cost.
 *
 * @category combinators
 * @since 0.1.0
 */
export const recall = (session: Session): Effect.Effect<boolean, ContextStore.StoreError> =>
  Effect.gen(function* () {
    const { run } = session
    const name = compactionOf(session, "threshold")
    for (let index = 0; ; index++) {
      const cost = yield* known(session, `${name}/usage-${index}`)
      if (cost?._tag === "Usage") run.spent.usage = Usage.sum(run.spent.usage, cost.usage)
      else if (index > 0) return true
      else break
    }
    return ((yield* known(session, name)) ?? (yield* known(session, `${run.id}/${run.turn}/usage`))) !== undefined
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
  const { turnEnd } = run.hooks
  return turnEnd === undefined
    ? written
    : Effect.zipRight(
        written,
        Hooks.tell("turnEnd", turnEnd, () => ({ ...Run.where(run), ...end }))
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
  message: Message | undefined,
  bill: ReadonlyArray<Usage.Usage>
): Effect.Effect<void, ContextStore.StoreError> =>
  Effect.ensuring(
    bill.length === 0 ? Effect.void : answer(session, message, bill),
    Effect.suspend(() => endTurn(session, "other", bill))
  )

// internal

/** The name of a compaction in this turn, the same in a replay. There is at most one for a reason. */
const compactionOf = ({ run }: Session, reason: CompactionReason): string =>
  `${run.id}/${run.turn}/compaction-${reason}`

/** An entry of the log, if it has one of this id. */
const known = ({ run, store }: Session, id: string): Effect.Effect<Stored | undefined, ContextStore.StoreError> =>
  Effect.catchIf(
    store.entry(run.session, EntryId.make(id, { disableValidation: true })),
    ({ reason }) => reason._tag === "NotFound",
    () => Effect.succeed(undefined)
  )
