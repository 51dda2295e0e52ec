/**
 * How a session in use is written: every commit is one append that names the position it follows, so a session that somebody
 * else moved on is noticed and never overwritten. Words are kept while the run goes on, so commits take turns; each takes
 * along what waits to be written.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as ContextStore from "../context/ContextStore.ts"
import * as Trimming from "../context/Trimming.ts"
import * as Window from "../context/Window.ts"
import type { Entry, SuspendedEntry } from "../domain/Entry.ts"
import { EntryId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import type * as Run from "./Run.ts"
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
  /** Who commits now: words are kept while the run goes on, and there is one commit at a time. */
  writer: Fiber.RuntimeFiber<unknown, unknown> | "somebody" | undefined
  /** Opened when that commit is done. Absent while nobody waits for it. */
  free: Effect.Latch | undefined
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
  writer: undefined,
  free: undefined
})

/**
 * Words that the session should keep and does not yet.
 *
 * @category converters
 * @since 0.1.0
 */
export const unkept = ({ run: { steering } }: Session, joining = nobody): ReadonlyArray<Steering.Words> =>
  steering.waiting.length === 0 || steering.keep === undefined
    ? []
    : steering.waiting.filter((words) => !words.isKept && !joining.has(words))

/**
 * Has the session keep words that wait, these and all others. When it cannot, they wait all the same, and every commit tries
 * again. Answers whether somebody will read them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keep = (session: Session, words: Steering.Words): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    const { steering } = session.run
    const isHeard = () => words.isKept || !steering.closed || !steering.waiting.includes(words)
    // Said by what is told of a commit, which would wait for itself. The next commit takes the words along.
    if (session.writer !== undefined && session.writer === fiber()) return Effect.succeed(true)
    return commit(session, () => []).pipe(
      Effect.catchAll((error) =>
        Effect.logWarning("Words for this run could not be kept with its session yet; they wait", error)
      ),
      Effect.map(isHeard),
      Effect.uninterruptible
    )
  })

/**
 * Takes words out that may not join. The next commit says so, and no run of the session comes across them again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const dismiss = (run: Run.Run, refused: ReadonlySet<Steering.Words>): void => {
  Steering.forget(run.steering, refused)
  for (const { entry: again, isKept, when } of refused) {
    if (!isKept || again === undefined) continue
    const number = run.paid++
    run.costs.push((about) => ({ _tag: "Queued", ...about(`refused-${number}`), when, messages: [], again }))
  }
}

/**
 * Writes one commit after the other. `joining` are words that join with it, and need not be kept any more.
 *
 * @category combinators
 * @since 0.1.0
 */
export const commit = (
  session: Session,
  entriesOf: (about: Run.About) => ReadonlyArray<Entry>,
  joining = nobody
): Effect.Effect<void, ContextStore.StoreError> =>
  Effect.uninterruptibleMask((restore) => {
    if (session.writer !== undefined) {
      session.free ??= Effect.unsafeMakeLatch()
      return Effect.zipRight(restore(session.free.await), commit(session, entriesOf, joining))
    }
    session.writer = fiber() ?? "somebody"
    const done = () => {
      session.writer = undefined
      session.free?.unsafeOpen()
      session.free = undefined
    }
    return Effect.matchCauseEffect(restore(append(session, entriesOf, joining)), {
      onFailure: (cause) => {
        done()
        return Effect.failCause(cause)
      },
      onSuccess: () => {
        done()
        return Effect.void
      }
    })
  })

/**
 * Reads what the model may see of the session.
 *
 * @category combinators
 * @since 0.1.0
 */
export const read = (session: Session): Effect.Effect<Window.Window, ContextStore.StoreError> =>
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

// internal

const nobody: ReadonlySet<Steering.Words> = new Set()

const fiber = (): Session["writer"] => Option.getOrUndefined(Fiber.getCurrentFiber())

const queuedEntry = (session: Session, about: Run.About, words: Steering.Words): Entry => {
  const { entry, messages, when } = words
  const { at, id, run, turn } = about(`queued-${++session.queued}`)
  // The same entry when it is tried again: the store may have it although it said otherwise.
  words.entry = entry ?? id
  return { _tag: "Queued", id: words.entry, at, run, turn, when, messages }
}

const append = (
  session: Session,
  entriesOf: (about: Run.About) => ReadonlyArray<Entry>,
  joining: ReadonlySet<Steering.Words>
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
    const costs = run.costs.splice(0).map((make) => make(about))
    const words = unkept(session, joining)
    const entries =
      costs.length === 0 && words.length === 0
        ? made
        : [...costs, ...made, ...words.map((words) => queuedEntry(session, about, words))]
    // A compaction that came to nothing, and cost nothing; words that another commit took along.
    if (entries.length === 0) return Effect.void
    const { chatId, tenant, userId } = run.identity
    const appended = store.append(run.session, entries, {
      after: session.position,
      tenant,
      owner: userId,
      chat: chatId
    })
    return Effect.flatMap(
      costs.length === 0 ? appended : Effect.onError(appended, () => keptBack(run, costs)),
      (position) => {
        for (const kept of words) kept.isKept = true
        const isRepeat = position - session.position < entries.length
        // Until a replay has passed what it finds, repair may have supplied results that those of this commit replace.
        const mustRead = isRepeat || (session.replayed && entries.some(isResults))
        session.replayed = isRepeat || (session.replayed && !entries.some(({ _tag }) => _tag === "Message"))
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

/** The same entries are tried again: the store may have them although it said otherwise. */
const keptBack = (run: Run.Run, costs: ReadonlyArray<Entry>): Effect.Effect<void> =>
  Effect.sync(() => void run.costs.unshift(...costs.map((entry) => () => entry)))

const isResults = (entry: Entry): boolean => entry._tag === "Message" && entry.message.role === "tool"

/** An entry as the model sees it. */
const shown = ({ view }: Run.Run, entry: Entry): Effect.Effect<Entry> =>
  entry._tag === "Message"
    ? Effect.map(view.message(entry.message), (message) => ({ ...entry, message }))
    : Effect.succeed(entry)

const join = (session: Session, entries: ReadonlyArray<Entry>): void => {
  session.measured = Window.measure(session.measured, entries)
  const messages = entries.flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))
  if (messages.length > 0) session.messages = [...session.messages, ...messages]
}
