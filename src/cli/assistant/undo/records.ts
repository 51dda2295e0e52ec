/**
 * Where changes of files are kept: a folder for each session, in it one for each request that changed something, with a log and
 * what the files were before. Nobody but the user may read them.
 */
import { createHash, randomUUID } from "node:crypto"
import * as Fs from "node:fs"
import { join } from "node:path"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { SessionId } from "../../../domain/Ids.ts"

/**
 * What a file was: not there, with the folders that were missing on its way, deepest first; a content that is kept, with its
 * mode; or something that is not kept.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Before = Schema.Union(
  Schema.TaggedStruct("Absent", { folders: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("File", { content: Schema.String, hash: Schema.String, mode: Schema.Number }),
  Schema.TaggedStruct("Lost", { why: Schema.String })
)
export type Before = typeof Before.Type

/**
 * What a request made of a file.
 *
 * **Details**
 *
 * - `path`: absolute, as the sandbox has it. `left`: the hashes of what it was left as, `absent` when it was removed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  readonly path: string
  readonly before: Before
  readonly left: ReadonlyArray<string>
}

/**
 * What is kept of a request, in the order in which files were first changed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Log {
  readonly changes: ReadonlyArray<Change>
  readonly commands: ReadonlyArray<string>
}

/**
 * What a request did: changes that can be taken back, or changes that were and can be made again.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = "done" | "undone"

/**
 * How much is kept at most, in bytes: of one file, and of everything. The oldest requests go first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  readonly fileBytes: number
  readonly allBytes: number
}

/**
 * The records below a folder. All throw what the file system throws.
 *
 * @category models
 * @since 0.1.0
 */
export interface Records {
  readonly bounds: Bounds
  /** The folder of the latest request. */
  readonly latest: (session: SessionId, kind: Kind) => string | undefined
  /** Makes the folder of one more request. */
  readonly open: (session: SessionId, kind: Kind) => string
  readonly read: (folder: string) => Log
  readonly content: (folder: string, name: string) => Uint8Array
  /** Keeps a content, and answers the name by which it is found. */
  readonly keep: (folder: string, bytes: Uint8Array) => string
  readonly before: (folder: string, path: string, before: Before) => void
  readonly left: (folder: string, path: string, hash: string) => void
  readonly ran: (folder: string, command: string) => void
  readonly remove: (folder: string) => void
  readonly clear: (session: SessionId, kind: Kind) => void
  /** Whether older requests of the session were dropped to make room. */
  readonly isCut: (session: SessionId) => boolean
  /** Adds to what the model is to be told. */
  readonly tell: (session: SessionId, text: string) => void
  /** Takes what it is to be told. */
  readonly told: (session: SessionId) => string | undefined
}

/**
 * Makes the records below a folder, which need not be there and is asked for when it is needed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (root: () => string, bounds: Bounds): Records => {
  const home = (session: SessionId): string => join(root(), hashOf(new TextEncoder().encode(session)).slice(0, 32))
  const add = (folder: string, line: Line): void =>
    Fs.appendFileSync(join(folder, log), `${JSON.stringify(line)}\n`, { mode: 0o600 })
  // What has been kept since room was made last; unknown at first.
  let since = Number.POSITIVE_INFINITY
  const makeRoom = (): void => {
    if (since < bounds.allBytes / 8) return
    since = 0
    dropOldest(root(), bounds.allBytes)
  }
  return {
    bounds,
    latest: (session, kind) => requestsIn(home(session), kind).at(-1),
    open: (session, kind) => {
      makeRoom()
      const last = requestsIn(home(session), kind).at(-1)
      const number = last === undefined ? 1 : Number(last.slice(-6)) + 1
      const folder = join(home(session), `${kind}-${String(number).padStart(6, "0")}`)
      Fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
      return folder
    },
    read: (folder) => logOf(textOf(join(folder, log)) ?? ""),
    content: (folder, name) => Fs.readFileSync(join(folder, name)),
    keep: (folder, bytes) => {
      const name = randomUUID()
      Fs.writeFileSync(join(folder, name), bytes, { mode: 0o600, flag: "wx" })
      since += bytes.length
      return name
    },
    before: (folder, path, before) => add(folder, { path, before }),
    left: (folder, path, hash) => add(folder, { path, left: hash }),
    ran: (folder, command) => add(folder, { command }),
    remove: (folder) => Fs.rmSync(folder, { recursive: true, force: true }),
    clear: (session, kind) => {
      for (const folder of requestsIn(home(session), kind)) Fs.rmSync(folder, { recursive: true, force: true })
    },
    isCut: (session) => Fs.existsSync(join(home(session), cut)),
    tell: (session, text) => {
      Fs.mkdirSync(home(session), { recursive: true, mode: 0o700 })
      Fs.appendFileSync(join(home(session), news), `${text}\n`, { mode: 0o600 })
    },
    told: (session) => {
      const file = join(home(session), news)
      const text = textOf(file)
      if (text !== undefined) Fs.rmSync(file, { force: true })
      return text?.trim()
    }
  }
}

/**
 * What a content is known by.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

// internal

const log = "log.jsonl"
const news = "news"
const cut = "cut"

const Line = Schema.Union(
  Schema.Struct({ path: Schema.String, before: Before }),
  Schema.Struct({ path: Schema.String, left: Schema.String }),
  Schema.Struct({ command: Schema.String })
)
type Line = typeof Line.Type

/** A line that a program did not finish, because it was ended, is none. */
const lineOf = Schema.decodeUnknownOption(Schema.parseJson(Line))

/** The folders of requests, oldest first. */
const requestsIn = (folder: string, kind: Kind): ReadonlyArray<string> =>
  namesIn(folder)
    .filter((name) => name.startsWith(`${kind}-`))
    .sort()
    .map((name) => join(folder, name))

const logOf = (text: string): Log => {
  const changes = new Map<string, { readonly path: string; readonly before: Before; readonly left: Array<string> }>()
  const commands: Array<string> = []
  for (const line of text.split("\n")) {
    const read = lineOf(line)
    if (Option.isNone(read)) continue
    const entry = read.value
    if ("command" in entry) commands.push(entry.command)
    else if ("left" in entry) changes.get(entry.path)?.left.push(entry.left)
    else if (!changes.has(entry.path)) changes.set(entry.path, { path: entry.path, before: entry.before, left: [] })
  }
  return { changes: [...changes.values()], commands }
}

/** Drops requests of all sessions until what is left has room. */
const dropOldest = (root: string, most: number): void => {
  const requests = namesIn(root).flatMap((session) =>
    [...requestsIn(join(root, session), "done"), ...requestsIn(join(root, session), "undone")].map((folder) => ({
      home: join(root, session),
      folder,
      at: Fs.statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0,
      size: sizeOf(folder)
    }))
  )
  let all = requests.reduce((sum, { size }) => sum + size, 0)
  for (const { folder, home, size } of requests.sort((one, other) => one.at - other.at)) {
    if (all <= most) return
    Fs.rmSync(folder, { recursive: true, force: true })
    Fs.writeFileSync(join(home, cut), "", { mode: 0o600 })
    all -= size
  }
}

const sizeOf = (folder: string): number =>
  namesIn(folder).reduce(
    (sum, name) => sum + (Fs.statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0
  )

const namesIn = (folder: string): ReadonlyArray<string> => {
  try {
    return Fs.readdirSync(folder)
  } catch {
    return []
  }
}

const textOf = (file: string): string | undefined => {
  try {
    return Fs.readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}
