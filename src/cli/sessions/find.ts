/**
 * Finds the session or the entry that a person means: by its id, by the beginning of one, by a title or a number. What is
 * not found or could be several is answered with what is near.
 */
import * as Effect from "effect/Effect"
import type { Query, SessionInfo, StoreError } from "../../context/ContextStore.ts"
import { ContextStore } from "../../context/ContextStore.ts"
import type { Stored } from "../../domain/Entry.ts"
import { EntryId, SessionId } from "../../domain/Ids.ts"
import { distance } from "../../internal/nearest.ts"
import { withoutNote } from "../assistant/notes.ts"
import { SetupError } from "../errors.ts"
import { clip, oneLine, plural } from "../internal/words.ts"
import * as Sessions from "./sessions.ts"

/**
 * Whose sessions are looked at: those of a folder, or all when it is absent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Scope {
  readonly owner: string | undefined
}

/**
 * The session that is meant; the latest when none is named.
 *
 * **Details**
 *
 * - An id comes first, then a title, then the beginning of an id. Titles may be in upper or lower case.
 *
 * @category constructors
 * @since 0.1.0
 */
export const session = (
  reference: string | undefined,
  { owner }: Scope
): Effect.Effect<SessionInfo, StoreError | SetupError, ContextStore> =>
  Effect.gen(function* () {
    const store = yield* ContextStore
    if (reference === undefined) {
      return (yield* Sessions.latestOf(owner)) ?? (yield* new SetupError({ message: nothing(owner) }))
    }
    const exact = yield* Effect.option(store.info(SessionId.make(reference)))
    if (exact._tag === "Some" && (owner === undefined || exact.value.owner === owner)) return exact.value
    const all = yield* every({ owner })
    const word = fold(reference)
    const titled = all.filter(({ title }) => title !== undefined && fold(title) === word)
    const found = titled.length > 0 ? titled : beginning(all, reference)
    const [only, ...others] = found
    if (only !== undefined && others.length === 0) return only
    if (only !== undefined) return yield* new SetupError({ message: ambiguous(reference, found) })
    if (exact._tag === "Some") {
      return yield* new SetupError({
        message: `session ${reference} belongs to ${exact.value.owner ?? "no folder"}, not to this one: add --all.`
      })
    }
    return yield* new SetupError({ message: all.length === 0 ? nothing(owner) : unknown(reference, all, owner) })
  })

/**
 * The session to go on with under this name: the one that is listed so, or else one with just this id, new or not.
 *
 * @category constructors
 * @since 0.1.0
 */
export const continued = (
  id: string,
  { owner }: Scope
): Effect.Effect<SessionId, StoreError | SetupError, ContextStore> =>
  Effect.gen(function* () {
    const exact = SessionId.make(id)
    const { position } = yield* (yield* ContextStore).read(exact)
    if (position > 0) return exact
    const found = beginning(yield* every({ owner }), id)
    if (found.length > 1) return yield* new SetupError({ message: ambiguous(id, found) })
    return found[0]?.id ?? exact
  })

/**
 * All sessions that a query matches, however many pages they take.
 *
 * @category combinators
 * @since 0.1.0
 */
export const every = (query: Query): Effect.Effect<ReadonlyArray<SessionInfo>, StoreError, ContextStore> =>
  Effect.flatMap(ContextStore, (store) => {
    const from = (cursor: string | undefined): Effect.Effect<ReadonlyArray<SessionInfo>, StoreError> =>
      Effect.flatMap(store.list({ ...query, limit: 500, cursor }), ({ next, sessions }) =>
        next === undefined ? Effect.succeed(sessions) : Effect.map(from(next), (others) => [...sessions, ...others])
      )
    return from(undefined)
  })

/**
 * The sessions of the agents that worked within this one, those that began first before others.
 *
 * @category combinators
 * @since 0.1.0
 */
export const nested = ({
  chat,
  id
}: Pick<SessionInfo, "chat" | "id">): Effect.Effect<ReadonlyArray<SessionInfo>, StoreError, ContextStore> =>
  Effect.map(every({ chat: chat ?? id }), (all) =>
    all
      .filter((info) => info.id.startsWith(`${id}/`))
      .sort((left, right) => left.createdAt - right.createdAt || (left.id < right.id ? -1 : 1))
  )

/**
 * The entry of a session that is meant.
 *
 * **Details**
 *
 * - `12` and `#12` are places in its log, from 1 on. `b2` is the end of the second branch, as `tree` counts them.
 * - An id may be of any branch. `abc…xyz` is the one entry of the log whose id begins and ends so.
 *
 * @category constructors
 * @since 0.1.0
 */
export const entry = (
  session: SessionId,
  reference: string
): Effect.Effect<EntryId, StoreError | SetupError, ContextStore> =>
  Effect.gen(function* () {
    const store = yield* ContextStore
    const log = yield* store.entries(session)
    const place = /^#?(\d{1,9})$/.exec(reference)?.[1]
    const branch = /^b([1-9]\d{0,5})$/.exec(reference)?.[1]
    const found = withId(log, reference)
    if (found !== undefined) return found.id
    if (place !== undefined) {
      return log[Number(place) - 1]?.id ?? (yield* noEntry(session, `#${place}`, log.length))
    }
    if (branch !== undefined) {
      const branches = yield* store.branches(session)
      const named = branches[Number(branch) - 1]
      if (named?.last === undefined) return yield* noBranch(branch, branches.length)
      return named.session === session ? named.last : yield* ofAnother(branch, named.session, session)
    }
    const elsewhere = yield* Effect.option(store.entry(session, EntryId.make(reference)))
    return elsewhere._tag === "Some" ? elsewhere.value.id : yield* noEntry(session, reference, log.length)
  })

/**
 * How the ids of these sessions can be written: whole when they are short, else as much of them as tells them apart.
 *
 * @category converters
 * @since 0.1.0
 */
export const shortIds = (ids: ReadonlyArray<string>): ReadonlyMap<string, string> =>
  new Map(
    ids.map((id) => {
      if (id.length <= whole) return [id, id]
      const others = ids.filter((other) => other !== id)
      let length = whole
      while (length < id.length && others.some((other) => other.startsWith(id.slice(0, length)))) length++
      return [id, id.slice(0, length)]
    })
  )

/**
 * The title of a session, or else how it begins, on one line.
 *
 * @category converters
 * @since 0.1.0
 */
export const nameOf = ({ preview, title }: Pick<SessionInfo, "preview" | "title">): string =>
  title === undefined ? oneLine(withoutNote(preview)) : oneLine(title)

// internal

const whole = 14

/** The sessions whose id begins so. Nested ones begin as those above them, and are meant only by who says so. */
const beginning = (all: ReadonlyArray<SessionInfo>, reference: string): ReadonlyArray<SessionInfo> =>
  all.filter((info) => info.id.startsWith(reference) && (reference.includes("/") || !Sessions.isNested(info)))

const fold = (text: string): string => text.trim().toLowerCase()

const hint = "axonal sessions list shows what there is."

const nothing = (owner: string | undefined): string =>
  owner === undefined
    ? "there is no session yet."
    : `there is no session in ${owner} yet. Those of other folders are found with --all.`

const listed = (sessions: ReadonlyArray<SessionInfo>): string => {
  const short = shortIds(sessions.map(({ id }) => id))
  return sessions
    .map((info) => {
      const name = clip(nameOf(info), 40)
      return `${short.get(info.id) ?? info.id}${name === "" ? "" : ` (${name})`}`
    })
    .join(", ")
}

const ambiguous = (reference: string, found: ReadonlyArray<SessionInfo>): string => {
  const more = found.length > 5 ? ` and ${plural(found.length - 5, "other")}` : ""
  return `"${clip(reference, 80)}" could be ${listed(found.slice(0, 5))}${more}. Give more of the id.`
}

/** With those whose id begins nearly so, or whose title is nearly that. */
const unknown = (reference: string, all: ReadonlyArray<SessionInfo>, owner: string | undefined): string => {
  const word = fold(reference)
  const near = all
    .map((info) => ({
      info,
      far: Math.min(
        distance(word, info.id.slice(0, Math.max(word.length, 3)).toLowerCase()),
        info.title === undefined ? Number.POSITIVE_INFINITY : distance(word, fold(info.title).slice(0, 100))
      )
    }))
    .filter(({ far }) => far <= Math.max(1, Math.floor(word.length / 3)))
    .sort((left, right) => left.far - right.far)
    .slice(0, 3)
  const where = owner === undefined ? "" : " in this folder"
  const said = `there is no session "${clip(oneLine(reference), 80)}"${where}.`
  return near.length === 0 ? `${said} ${hint}` : `${said} Nearest: ${listed(near.map(({ info }) => info))}.`
}

const withId = (log: ReadonlyArray<Stored>, reference: string): Stored | undefined => {
  const exact = log.find(({ id }) => id === reference)
  if (exact !== undefined) return exact
  const [head = "", tail] = reference.split("…")
  if (tail === undefined) return undefined
  const found = log.filter(({ id }) => id.startsWith(head) && id.endsWith(tail))
  return found.length === 1 ? found[0] : undefined
}

const noEntry = (session: SessionId, reference: string, count: number) =>
  new SetupError({
    message: `session ${session} has no entry ${clip(oneLine(reference), 80)}; its log has ${plural(count, "entry", "entries")}. axonal sessions show ${session} --entries shows them.`
  })

/** A tree shows the branches of forks as well, which are sessions of their own. */
const ofAnother = (branch: string, owner: SessionId, session: SessionId) =>
  new SetupError({
    message: `branch b${branch} is one of session ${oneLine(owner)}: name that one in place of ${oneLine(session)}.`
  })

const noBranch = (branch: string, count: number) =>
  new SetupError({
    message: `there is no branch b${branch}; there ${count === 1 ? "is" : "are"} ${plural(count, "branch", "branches")}. axonal sessions tree shows them.`
  })
