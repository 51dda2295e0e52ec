/**
 * Sessions as text that can be kept, sent and read elsewhere: JSON lines, a header and then one entry each. What is
 * written is the log that the conversation goes on with; branches that were left stay where they are.
 */
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Entry from "../domain/Entry.ts"
import { EntryId, SessionId } from "../domain/Ids.ts"
import type { Ownership, SessionInfo, StoreError } from "./ContextStore.ts"
import { ContextStore, failure } from "./ContextStore.ts"
import * as Storage from "./internal/storage.ts"

/**
 * The version of the files that are written. Older ones are read for ever.
 *
 * @category constructors
 * @since 0.1.0
 */
export const version = 1

/**
 * The first line of a file.
 *
 * **Details**
 *
 * - `entries`: how many lines follow, by which a file that was cut off is known. Times are milliseconds since the epoch.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Header = Schema.Struct({
  format: Schema.Literal("axonal-session"),
  version: Schema.Finite,
  id: SessionId,
  title: Schema.optional(Schema.String),
  labels: Schema.Array(Schema.String),
  createdAt: Schema.Finite,
  updatedAt: Schema.Finite,
  entries: Schema.NonNegativeInt
})
export interface Header extends Schema.Schema.Type<typeof Header> {}

/**
 * A file that is no session, or not a whole one. Nothing of it was imported.
 *
 * **Details**
 *
 * - `line`: where it is wrong, from 1.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionFileError extends Schema.TaggedError<SessionFileError>()("SessionFileError", {
  line: Schema.Finite,
  problem: Schema.String
}) {
  override get message(): string {
    return `line ${this.line}: ${this.problem}`
  }
}

/**
 * What was imported.
 *
 * **Details**
 *
 * - `entries`: how many there are now. `unreadable`: how many the session had lost already when it was written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Imported {
  readonly session: SessionId
  readonly entries: number
  readonly unreadable: number
}

/**
 * A session as the lines of a file, each with its line break.
 *
 * **Details**
 *
 * - An entry that cannot be read any more becomes a line that says so, and that an import passes over.
 * - Whose the session is, is not written.
 * - Errors: `NotFound` for a session that does not exist.
 *
 * @category converters
 * @since 0.1.0
 */
export const toLines = (session: SessionId): Stream.Stream<string, StoreError, ContextStore> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const store = yield* ContextStore
      const info = yield* store.info(session)
      const entries = yield* store.entries(session)
      return Stream.fromIterable(written(info, entries))
    })
  )

/**
 * Makes a session of a file. The text may come in pieces of any size, also as bytes of UTF-8.
 *
 * **Details**
 *
 * - The whole file is read and checked before anything is written, and then written at once.
 * - `session`: the id to give it; fails with `Conflict` when that is taken. Without, it keeps its own, or gets a new one
 *   when its own is taken. `owner`, `tenant`, `chat`: whose it is to be.
 * - Entries keep ids and times; when the session was made and used is told anew.
 * - Blank lines, a byte order mark and Windows' line ends do no harm.
 * - Errors: `SessionFileError` names the first line that is wrong, and what to do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLines = <E, R>(
  text: Stream.Stream<string | Uint8Array, E, R>,
  options: Ownership & { readonly session?: SessionId | undefined } = {}
): Effect.Effect<Imported, E | SessionFileError | StoreError, R | ContextStore> =>
  Effect.gen(function* () {
    const { session, ...belongs } = options
    const store = yield* ContextStore
    const content = yield* Effect.flatMap(Stream.runCollect(text), decoded)
    const { entries, header, unreadable } = yield* parse(content)
    const id = session ?? header.id
    const isTaken = yield* Effect.map(store.read(id), ({ position }) => position > 0)
    const write = (id: SessionId) =>
      Effect.gen(function* () {
        yield* store.append(id, entries, { ...belongs, after: 0 })
        const { labels, title } = header
        if (title !== undefined || labels.length > 0) {
          // Half of it is none of it.
          yield* Effect.onError(store.update(id, { title, labels }), () => Effect.ignore(store.remove(id)))
        }
        return { session: id, entries: entries.length, unreadable }
      })
    if (session !== undefined) {
      return yield* isTaken
        ? Effect.fail(failure("import", session, "Conflict", "there is a session of this id; import without an id"))
        : write(session)
    }
    const mint = Effect.suspend(() => write(SessionId.make(Storage.mintSession())))
    if (isTaken) return yield* mint
    return yield* Effect.catchIf(
      write(id),
      ({ reason }) => reason._tag === "Conflict" || reason._tag === "NotFound",
      () => mint
    )
  })

// internal

const Line = Schema.Union(
  Schema.Struct({ version: Schema.Finite, entry: Schema.Unknown }),
  Schema.Struct({
    unreadable: Schema.Struct({ id: EntryId, at: Schema.Finite, problem: Schema.String })
  })
)

const encodeHeader = Schema.encodeSync(Schema.parseJson(Header))
const decodeHeader = Schema.decodeUnknownEither(Header)
const decodeLine = Schema.decodeUnknownEither(Line)

function* written(info: SessionInfo, entries: ReadonlyArray<Entry.Stored>): Generator<string> {
  const { createdAt, id, labels, title, updatedAt } = info
  const named = title === undefined ? undefined : { title }
  yield `${encodeHeader({ format: "axonal-session", version, id, ...named, labels, createdAt, updatedAt, entries: entries.length })}\n`
  for (const entry of entries) yield `${lineOf(entry)}\n`
}

const lineOf = (entry: Entry.Stored): string => {
  const json = entry._tag === "Unreadable" ? Either.left({ message: entry.problem }) : Entry.toJson(entry)
  return Either.match(json, {
    onLeft: ({ message }) => JSON.stringify({ unreadable: { id: entry.id, at: finite(entry.at), problem: message } }),
    onRight: (json) => `{"version":${Entry.version},"entry":${json}}`
  })
}

const finite = (at: number): number => (Number.isFinite(at) ? at : 0)

const wrong = (line: number, problem: string) => Either.left(new SessionFileError({ line, problem }))

const decoded = (pieces: Chunk.Chunk<string | Uint8Array>): Either.Either<string, SessionFileError> => {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  const texts: Array<string> = []
  try {
    for (const piece of pieces) texts.push(typeof piece === "string" ? piece : decoder.decode(piece, { stream: true }))
    texts.push(decoder.decode())
  } catch {
    const line = texts.join("").split("\n").length
    return wrong(
      line,
      "here or soon after are bytes that are no UTF-8; it is no exported session, or was damaged on the way"
    )
  }
  return Either.right(texts.join(""))
}

interface Parsed {
  readonly header: Header
  readonly entries: ReadonlyArray<Entry.Entry>
  readonly unreadable: number
}

const parse = (text: string): Either.Either<Parsed, SessionFileError> =>
  Either.gen(function* () {
    const lines = text.split("\n").flatMap((line, index) => {
      // This takes line ends of Windows and a byte order mark away as well.
      const trimmed = line.trim()
      return trimmed === "" ? [] : [{ number: index + 1, json: trimmed }]
    })
    const [first, ...rest] = lines
    if (first === undefined) return yield* wrong(1, "the file is empty")
    const header = yield* headerOf(first.json, first.number)
    const entries: Array<Entry.Entry> = []
    const places = new Map<string, number>()
    for (const { json, number } of rest) {
      const entry = yield* entryOf(json, number)
      if (entry === undefined) continue
      const before = places.get(entry.id)
      if (before !== undefined) {
        return yield* wrong(
          number,
          `its entry has the id ${entry.id}, as line ${before} has; ids are unique in a session`
        )
      }
      places.set(entry.id, number)
      entries.push(entry)
    }
    const last = lines[lines.length - 1]?.number ?? 1
    if (rest.length !== header.entries) {
      const cause = rest.length < header.entries ? "it was cut off" : "lines were added"
      return yield* wrong(last, `the file has ${rest.length} of ${header.entries} entries: ${cause}; export it again`)
    }
    if (entries.length === 0) return yield* wrong(last, "there is no entry to import; an empty session needs no file")
    return { header, entries, unreadable: rest.length - entries.length }
  })

const jsonOf = (json: string, number: number): Either.Either<unknown, SessionFileError> => {
  try {
    return Either.right(JSON.parse(json))
  } catch (error) {
    return wrong(number, `this is no JSON: ${error instanceof Error ? error.message : "it cannot be parsed"}`)
  }
}

const isNewer = (value: unknown, than: number): boolean =>
  typeof value === "object" && value !== null && "version" in value && Number(value.version) > than

const upgrade = "a newer version of axonal wrote this; upgrade to import it"

const headerOf = (json: string, number: number): Either.Either<Header, SessionFileError> => {
  const value = jsonOf(json, number)
  const isOurs =
    Either.isRight(value) &&
    typeof value.right === "object" &&
    value.right !== null &&
    "format" in value.right &&
    value.right.format === "axonal-session"
  if (!isOurs) return wrong(number, `no exported session begins like this; it begins with {"format":"axonal-session"`)
  if (isNewer(value.right, version)) return wrong(number, upgrade)
  return Either.mapLeft(decodeHeader(value.right), (error) => problemOf(number, error))
}

/** The entry of a line; none for a line that tells of one that was lost. */
const entryOf = (json: string, number: number): Either.Either<Entry.Entry | undefined, SessionFileError> =>
  Either.gen(function* () {
    const value = yield* jsonOf(json, number)
    if (isNewer(value, Entry.version)) return yield* wrong(number, upgrade)
    const line = yield* Either.mapLeft(decodeLine(value), (error) => problemOf(number, error))
    if ("unreadable" in line) return undefined
    return yield* Either.mapLeft(
      Entry.fromJson(line.version, JSON.stringify(line.entry) ?? "null"),
      ({ message }) => new SessionFileError({ line: number, problem: message })
    )
  })

const problemOf = (line: number, error: ParseResult.ParseError) => {
  const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
  const problem = issues.some(({ path }) => path.length === 0)
    ? "this is no line of a session"
    : issues
        .slice(0, 3)
        .map(({ message, path }) => `${path.map(String).join(".")}: ${message}`)
        .join("; ")
  return new SessionFileError({ line, problem })
}
