/**
 * What changes sessions: forks, rewinds, names, labels, removal. Whatever would surprise a run that has the session takes
 * the session first, and is refused while a run has it.
 */
import * as Effect from "effect/Effect"
import type { SessionInfo, StoreError } from "../../context/ContextStore.ts"
import { ContextStore } from "../../context/ContextStore.ts"
import type { MessageEntry, Stored } from "../../domain/Entry.ts"
import type { EntryId, SessionId } from "../../domain/Ids.ts"
import { toText } from "../../domain/Message.ts"
import { withoutNote } from "../assistant/notes.ts"
import { SetupError } from "../errors.ts"
import { clip, oneLine, plural } from "../internal/words.ts"

/**
 * Makes a session that begins as another does, to the end or to an entry.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fork = (
  session: SessionId,
  options: { readonly at?: EntryId | undefined; readonly title?: string | undefined } = {}
): Effect.Effect<SessionInfo, StoreError | SetupError, ContextStore> =>
  Effect.gen(function* () {
    const store = yield* ContextStore
    const id = yield* taking([session], "forked", store.fork(session, options.at))
    if (options.title !== undefined) yield* store.update(id, { title: options.title })
    return yield* store.info(id)
  })

/**
 * What a rewind did: the messages that it left behind, and the entry to rewind to in order to take it back. `isJump`: it
 * went to a branch that had been left.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rewound {
  readonly left: ReadonlyArray<MessageEntry>
  readonly from: EntryId | undefined
  readonly isJump: boolean
}

/**
 * Lets a session go on from an entry.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rewind = (
  session: SessionId,
  to: EntryId
): Effect.Effect<Rewound, StoreError | SetupError, ContextStore> =>
  Effect.flatMap(ContextStore, (store) =>
    taking(
      [session],
      "rewound",
      Effect.gen(function* () {
        const before = yield* store.entries(session)
        yield* store.rewind(session, to)
        const kept = new Set((yield* store.entries(session)).map(({ id }) => id))
        const left = before.filter(isMessage).filter(({ id }) => !kept.has(id))
        return { left, from: before.at(-1)?.id, isJump: !before.some(({ id }) => id === to) }
      })
    )
  )

/**
 * What a rewind left behind, in words.
 *
 * @category converters
 * @since 0.1.0
 */
export const leftOf = ({ left }: Rewound): string => {
  const asked = left.filter(({ message }) => message.role === "user")
  const [first, ...others] = asked
  if (first === undefined) return left.length === 0 ? "Nothing was left." : `Left ${plural(left.length, "message")}.`
  const begins = clip(oneLine(withoutNote(toText(first.message))), 60)
  const rest = left.length - 1
  const more = others.length === 0 ? "" : `, ${plural(others.length, "other request")}`
  return `Left “${begins}”${more}${rest === 0 ? "." : ` and what followed: ${plural(left.length, "message")}.`}`
}

/**
 * The entry to rewind to in order to go back by so many requests of the user.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stepsBack = (
  session: SessionId,
  steps: number
): Effect.Effect<EntryId, StoreError | SetupError, ContextStore> =>
  Effect.gen(function* () {
    const log = yield* (yield* ContextStore).entries(session)
    const asked = log.flatMap((entry, index) => (isMessage(entry) && entry.message.role === "user" ? [index] : []))
    const from = asked[asked.length - steps]
    const before = from === undefined ? undefined : log[from - 1]
    if (before !== undefined) return before.id
    return yield* new SetupError({
      message:
        asked.length <= 1
          ? "there is nothing before the first request to go back to. Begin a new session instead."
          : `this conversation has ${asked.length} requests, and the first stays: it goes back by ${asked.length - 1} at most. Begin a new session instead.`
    })
  })

/**
 * The entry to rewind to in order to take the last rewind back.
 *
 * @category constructors
 * @since 0.1.0
 */
export const undone = (session: SessionId): Effect.Effect<EntryId, StoreError | SetupError, ContextStore> =>
  Effect.gen(function* () {
    const branches = yield* (yield* ContextStore).branches(session)
    let current = branches.find((branch) => branch.session === session && branch.isCurrent)
    while (current?.parent !== undefined) {
      const { branch, entry } = current.parent
      const parent = branches.find(({ id, session: owner }) => id === branch && owner === session)
      // A branch that goes on where its parent ends left nothing: it came of taking a rewind back.
      if (parent?.last !== undefined && parent.last !== entry) return parent.last
      current = parent
    }
    return yield* new SetupError({ message: "there is no rewind to take back." })
  })

/**
 * Gives a session a title; an empty one takes it away.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rename = (session: SessionId, title: string): Effect.Effect<SessionInfo, StoreError, ContextStore> =>
  updated(session, { title: title.trim() })

/**
 * Adds labels to a session, or takes them away.
 *
 * @category combinators
 * @since 0.1.0
 */
export const label = (
  { id, labels }: SessionInfo,
  names: ReadonlyArray<string>,
  change: "add" | "remove"
): Effect.Effect<SessionInfo, StoreError, ContextStore> =>
  updated(id, {
    labels: change === "add" ? [...new Set([...labels, ...names])] : labels.filter((known) => !names.includes(known))
  })

/**
 * Erases sessions: all of them, or none when a run has one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const remove = (
  sessions: ReadonlyArray<SessionId>
): Effect.Effect<void, StoreError | SetupError, ContextStore> =>
  Effect.flatMap(ContextStore, (store) =>
    taking(
      sessions,
      "erased",
      Effect.forEach(sessions, (id) => store.remove(id), { discard: true })
    )
  )

// internal

const isMessage = (entry: Stored): entry is MessageEntry => entry._tag === "Message"

const updated = (
  session: SessionId,
  change: { readonly title?: string | undefined; readonly labels?: ReadonlyArray<string> | undefined }
) => Effect.flatMap(ContextStore, (store) => Effect.zipRight(store.update(session, change), store.info(session)))

/** Does something while no run can have the sessions. */
const taking = <A, E>(
  sessions: ReadonlyArray<SessionId>,
  done: string,
  change: Effect.Effect<A, E>
): Effect.Effect<A, E | StoreError | SetupError, ContextStore> =>
  Effect.flatMap(ContextStore, (store) =>
    Effect.scoped(
      Effect.zipRight(
        Effect.forEach(sessions, (id) => store.lock(id, "fail"), { discard: true }).pipe(
          Effect.catchIf(
            ({ reason }) => reason._tag === "SessionBusy",
            (error) =>
              new SetupError({
                message: `session ${error.session ?? ""} is in use by a run and cannot be ${done} now. Try again when that has ended.`,
                cause: error
              })
          )
        ),
        change
      )
    )
  )
