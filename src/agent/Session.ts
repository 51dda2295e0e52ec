/**
 * The session of a run while it lasts: what the model may see of it, kept in step with the store. Every commit is one
 * append that names the position it follows, so a session that somebody else moved on is noticed and never overwritten.
 * Entry ids follow from run and turn, so that a replay commits nothing twice.
 */

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Compaction from "../context/Compaction.ts"
import type * as ContextStore from "../context/ContextStore.ts"
import * as Trimming from "../context/Trimming.ts"
import * as Window from "../context/Window.ts"
import type {
  CompactionReason,
  DecisionEntry,
  Entry,
  PendingQuestion,
  Stored,
  SuspendedEntry
} from "../domain/Entry.ts"
import { EntryId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import type { FinishReason } from "../domain/Outcome.ts"
import * as Usage from "../domain/Usage.ts"
import * as Hooks from "../hook/Hooks.ts"
import type { Spent } from "./Limits.ts"
import * as Run from "./Run.ts"
import * as Steering from "./Steering.ts"

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
  /** What the vendor counted last, if it did since the last compaction. */
  measured: Window.Measured | undefined
  /** What this turn has added. */
  added: ReadonlyArray<Message>
  /** Whether the last commit was there already: the run is a replay, and its own past was read as the session's. */
  replayed: boolean
  /** What an earlier run of the session waits for. */
  suspended: SuspendedEntry | undefined
  /** How many words this run had the session keep. */
  queued: number
  /** Words are kept while the run goes on: one commit at a time. */
  readonly turnstile: Effect.Semaphore
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
  measured: undefined,
  added: [],
  replayed: false,
  suspended: undefined,
  queued: 0,
  turnstile: Effect.unsafeMakeSemaphore(1)
})

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
    yield* store.lock(run.session, onBusy)
    const { queued } = yield* read(session)
    const early = [...steering.waiting]
    if (queued !== undefined) Steering.recall(steering, queued)
    steering.keep = (words) => keep(session, words)
    yield* Effect.forEach(early, steering.keep, { discard: true })
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
    : commit(session, (about) =>
        messages.map((message, index) => {
          const queued = session.run.steering.origin.get(message)?.entry
          const entry: Entry = { _tag: "Message", ...about(`input-${index}`), message }
          return queued === undefined ? entry : { ...entry, queued }
        })
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
  const committed = commit(session, (about) => {
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
  const committed = commit(session, (about) => [
    ...session.run.beside.splice(0).map((make) => make(about)),
    { _tag: "Message", ...about("results"), message }
  ])
  return Effect.map(committed, () => {
    session.added = [...session.added, message]
  })
}

/**
 * Commits that the calls of the last answer wait for a person, and what was decided about some of them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const suspend = (
  session: Session,
  questions: ReadonlyArray<PendingQuestion>,
  spent: SuspendedEntry["spent"]
): Effect.Effect<void, ContextStore.StoreError> =>
  commit(session, (about) => [
    { _tag: "Suspended", ...about("suspended"), questions, spent },
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
  commit(session, (about) => [
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
  spent: Spent,
  outcome: Compaction.Outcome,
  reason: CompactionReason
): Effect.Effect<void, ContextStore.StoreError> => {
  spent.usage = outcome.costs.reduce((sum, { usage }) => Usage.sum(sum, usage), spent.usage)
  session.run.owed.push(...outcome.costs.map(({ usage }) => usage))
  const name = compactionOf(session, reason)
  const { waiting } = session.run.steering
  const committed = commit(session, (about) => [
    ...Compaction.entries(outcome, { ...about(""), name, reason }),
    // Words that wait are behind it: what is before is not read any more.
    ...(outcome._tag === "Compacted" ? waiting.map((words) => queuedEntry(session, about, words)) : [])
  ])
  return outcome._tag === "Compacted" ? Effect.asVoid(Effect.zipRight(committed, read(session))) : committed
}

/**
 * Whether a replay finds what this turn came to before it asked: then it was compacted, or it was not, and must not be now.
 * Counts what a compaction cost.
 *
 * @category combinators
 * @since 0.1.0
 */
export const recall = (session: Session, spent: Spent): Effect.Effect<boolean, ContextStore.StoreError> =>
  Effect.gen(function* () {
    const { run } = session
    const name = compactionOf(session, "threshold")
    for (let index = 0; ; index++) {
      const cost = yield* known(session, `${name}/usage-${index}`)
      if (cost?._tag === "Usage") spent.usage = Usage.sum(spent.usage, cost.usage)
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
  spent: Spent,
  message: Message | undefined,
  bill: ReadonlyArray<Usage.Usage>
): Effect.Effect<void, ContextStore.StoreError> =>
  Effect.ensuring(
    bill.length === 0 ? Effect.void : answer(session, spent, message, bill),
    Effect.suspend(() => endTurn(session, "other", bill))
  )

/**
 * Commits what was paid for and belongs to nothing that was committed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settleCosts = (session: Session): Effect.Effect<void> =>
  Effect.suspend(() => (session.run.costs.length === 0 ? Effect.void : Effect.ignore(commit(session, () => []))))

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

/** Has the session keep words that wait. When it cannot, they wait all the same. */
const keep = (session: Session, words: Steering.Words): Effect.Effect<void> =>
  commit(session, (about) =>
    session.run.steering.waiting.includes(words) ? [queuedEntry(session, about, words)] : []
  ).pipe(
    Effect.uninterruptible,
    Effect.catchAll((error) => Effect.logWarning("Words for this run could not be kept with its session", error))
  )

const queuedEntry = (session: Session, about: Run.About, words: Steering.Words): Entry => {
  const { messages, when } = words
  const entry: Entry = { _tag: "Queued", ...about(`queued-${++session.queued}`), when, messages }
  words.entry = entry.id
  return entry
}

const commit = (
  session: Session,
  entriesOf: (about: Run.About) => ReadonlyArray<Entry>
): Effect.Effect<void, ContextStore.StoreError> => session.turnstile.withPermits(1)(append(session, entriesOf))

const append = (
  session: Session,
  entriesOf: (about: Run.About) => ReadonlyArray<Entry>
): Effect.Effect<void, ContextStore.StoreError> =>
  Effect.flatMap(session.run.activities.now, (at) => {
    const { run, store } = session
    const about = (name: string) => ({
      id: EntryId.make(`${run.id}/${run.turn}/${name}`, { disableValidation: true }),
      at,
      run: run.id,
      turn: run.turn
    })
    const made = entriesOf(about)
    const entries = run.costs.length === 0 ? made : [...run.costs.splice(0).map((make) => make(about)), ...made]
    // A compaction that came to nothing, and cost nothing.
    if (entries.length === 0) return Effect.void
    const { chatId, tenant, userId } = run.identity
    return Effect.flatMap(
      store.append(run.session, entries, { after: session.position, tenant, owner: userId, chat: chatId }),
      (position) => {
        const isRepeat = position - session.position < entries.length
        // Until a replay has passed what it finds, repair may have supplied results that those of this commit replace.
        const mustRead = isRepeat || (session.replayed && entries.some(isResults))
        session.replayed = isRepeat
        session.position = position
        if (mustRead) return Effect.asVoid(read(session))
        if (run.view === Trimming.plainView) {
          join(session, entries)
          return Effect.void
        }
        return Effect.map(
          Effect.forEach(entries, (entry) => shown(run, entry)),
          (seen) => join(session, seen)
        )
      }
    )
  })

const isResults = (entry: Entry): boolean => entry._tag === "Message" && entry.message.role === "tool"

/** An entry as the model sees it. */
const shown = ({ view }: Run.Run, entry: Entry): Effect.Effect<Entry> =>
  entry._tag === "Message"
    ? Effect.map(view.message(entry.message), (message) => ({ ...entry, message }))
    : Effect.succeed(entry)

const read = (session: Session): Effect.Effect<Window.Window, ContextStore.StoreError> =>
  Effect.flatMap(session.store.read(session.run.session), (window) => {
    const { measured, messages, position, suspended } = window
    session.position = position
    session.suspended = suspended
    return Effect.map(session.run.view.window(messages), (seen) => {
      session.messages = seen
      // What the vendor counted is not what is shown now: calls of old runs may be gone, and what is new may be shorter.
      session.measured = seen === messages ? measured : undefined
      return window
    })
  })

const join = (session: Session, entries: ReadonlyArray<Entry>): void => {
  session.measured = Window.measure(session.measured, entries)
  const messages = entries.flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))
  if (messages.length > 0) session.messages = [...session.messages, ...messages]
}
