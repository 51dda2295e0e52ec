/**
 * Takes back what requests did to files. Before a file is changed through the sandbox, what it was is kept beside the
 * sessions, so that it needs no repository.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SessionId } from "../../../domain/Ids.ts"
import * as Sandbox from "../../../sandbox/Sandbox.ts"
import { SetupError } from "../../errors.ts"
import { shown } from "../../sandbox.ts"
import type { Bounds, Change, Kind, Records } from "./records.ts"
import * as Kept from "./records.ts"
import * as Watch from "./watch.ts"

/**
 * What became of a file: it was brought back, removed again because it was new, or left alone, and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Undone {
  readonly path: string
  readonly what: "restored" | "removed" | "kept"
  readonly why?: string | undefined
}

/**
 * What was taken back, or done again.
 *
 * **Details**
 *
 * - `commands`: those that ran in the request, a line each. What they changed by themselves was not seen and stays.
 *
 * @category models
 * @since 0.1.0
 */
export interface Taken {
  readonly files: ReadonlyArray<Undone>
  readonly commands: ReadonlyArray<string>
}

/**
 * The record of changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** The sandbox, whose changes are kept by the session and the request that make them. */
  readonly sandbox: Sandbox.Service
  /** A request of a person begins: what follows in this session, and in those below it, is undone together. */
  readonly begin: (session: SessionId) => Effect.Effect<void>
  /** The files that the last request of the session has changed, of those that were not taken back. */
  readonly changed: (session: SessionId) => Effect.Effect<ReadonlyArray<string>>
  /** Takes back the last request that changed files, and after it the one before. Nothing when there is none. */
  readonly undo: (session: SessionId) => Effect.Effect<Taken | undefined, SetupError>
  /** Does again what was taken back last. Nothing when there is none, or something was changed since. */
  readonly redo: (session: SessionId) => Effect.Effect<Taken | undefined, SetupError>
  /** What the model has to be told of it, once. */
  readonly news: (session: SessionId) => Effect.Effect<string | undefined>
}

/**
 * Remembers nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none = (sandbox: Sandbox.Service): Service => ({
  sandbox,
  begin: () => Effect.void,
  changed: () => Effect.succeed([]),
  undo: () => Effect.succeed(undefined),
  redo: () => Effect.succeed(undefined),
  news: () => Effect.succeed(undefined)
})

/**
 * Keeps changes below a folder, or, without one, in a folder that goes with the scope.
 *
 * **Details**
 *
 * - Of a file what it was before a request is kept once, if it has 16 MiB at most. Of everything the latest 512 MiB are kept.
 * - What commands change by themselves is not seen. Folders are taken back when the files in them made them.
 * - A file is taken back only if it is as the request left it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  sandbox: Sandbox.Service,
  options: { readonly folder: string | undefined; readonly bounds?: Partial<Bounds> | undefined }
): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.map(rooted(options.folder), (root) => {
    const records = Kept.make(root, { ...usual, ...options.bounds })
    const requests = new Map<SessionId, Watch.Request>()
    const requestOf = (session: SessionId): Watch.Request => {
      const request = requests.get(session) ?? Watch.fresh()
      requests.set(session, request)
      return request
    }
    const turnstile = Effect.unsafeMakeSemaphore(1)
    const take = (session: SessionId, from: Kind): Effect.Effect<Taken | undefined, SetupError> =>
      turnstile.withPermits(1)(
        Effect.suspend(() => {
          // What follows is another request.
          requests.delete(session)
          return taken({ sandbox, records }, session, from)
        })
      )
    return {
      sandbox: Watch.make(sandbox, records, requestOf),
      begin: (session) => Effect.sync(() => requests.set(session, Watch.fresh())),
      changed: (session) =>
        Effect.orElseSucceed(
          attempt(() => {
            const folder = records.latest(session, "done")
            const changes = folder === undefined ? [] : records.read(folder).changes
            return changes.map(({ path }) => shown(sandbox, path))
          }),
          () => []
        ),
      undo: (session) => take(session, "done"),
      redo: (session) => take(session, "undone"),
      news: (session) =>
        Effect.orElseSucceed(
          attempt(() => records.told(session)),
          () => undefined
        )
    }
  })

// internal

const usual: Bounds = { fileBytes: 16 * 1024 * 1024, allBytes: 512 * 1024 * 1024 }

/** The folder of the records; a folder for the time being is made when it is needed. */
const rooted = (folder: string | undefined): Effect.Effect<() => string, never, Scope.Scope> => {
  if (folder !== undefined) return Effect.succeed(() => folder)
  let made: string | undefined
  return Effect.acquireRelease(
    Effect.succeed(() => {
      made ??= mkdtempSync(join(tmpdir(), "axonal-"))
      return made
    }),
    () => Effect.sync(() => made !== undefined && rmSync(made, { recursive: true, force: true }))
  )
}

const attempt = <A>(use: () => A): Effect.Effect<A, SetupError> =>
  Effect.try({
    try: use,
    catch: (cause) =>
      new SetupError({
        message: `what files were before cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
        cause
      })
  })

interface Place {
  readonly sandbox: Sandbox.Service
  readonly records: Records
}

/** Takes the latest request of a kind back. What it then is, is a request of the other kind. */
const taken = (place: Place, session: SessionId, from: Kind): Effect.Effect<Taken | undefined, SetupError> =>
  Effect.gen(function* () {
    const { records } = place
    const folder = yield* attempt(() => records.latest(session, from))
    if (folder === undefined) {
      return from === "done" && (yield* attempt(() => records.isCut(session))) ? yield* dropped(records) : undefined
    }
    const { changes, commands } = yield* attempt(() => records.read(folder))
    const other = yield* attempt(() => records.open(session, from === "done" ? "undone" : "done"))
    const files: Array<Undone> = []
    for (const change of changes.toReversed()) {
      const what = yield* back(place, folder, other, change)
      if (what !== undefined) files.unshift({ path: shown(place.sandbox, change.path), ...what })
    }
    yield* attempt(() => {
      for (const command of commands) records.ran(other, command)
      records.remove(folder)
      if (records.read(other).changes.length === 0) records.remove(other)
      if (files.some(({ what }) => what !== "kept")) records.tell(session, words(from, files))
    })
    return { files, commands }
  })

const dropped = ({ bounds: { allBytes } }: Records): Effect.Effect<never, SetupError> =>
  new SetupError({
    message: `what earlier requests changed is no longer kept: there is room for ${Math.ceil(allBytes / 1024 / 1024)} MiB.`
  })

type What = Omit<Undone, "path">

/** Brings a file back, if it is as the request left it. Nothing when it is already as it was before. */
const back = (
  { records, sandbox }: Place,
  folder: string,
  other: string,
  { before, left, path }: Change
): Effect.Effect<What | undefined, SetupError> =>
  Effect.gen(function* () {
    if (before._tag === "Lost") return leave(before.why)
    const target = before._tag === "Absent" ? "absent" : before.hash
    const present = yield* Watch.look(sandbox, path, Number.POSITIVE_INFINITY)
    const state =
      present._tag === "Absent" ? "absent" : present._tag === "File" ? Kept.hashOf(present.bytes) : undefined
    if (state === target) return undefined
    if (state === undefined || !left.includes(state)) return leave("somebody has changed it since")
    const bytes = before._tag === "File" ? yield* attempt(() => records.content(folder, before.content)) : undefined
    yield* attempt(() => {
      records.before(other, path, Watch.kept(records, other, present))
      records.left(other, path, target)
    })
    if (before._tag === "Absent" || bytes === undefined) {
      yield* sandbox.remove(path)
      if (before._tag === "Absent") yield* emptied(sandbox, before.folders)
      return { what: "removed" as const }
    }
    const expects = present._tag === "File" ? present.version : "absent"
    const { mode } = yield* sandbox.write(path, bytes, { expects })
    if (present._tag === "Absent" && (mode & 0o777) !== before.mode) yield* withMode(sandbox, path, before.mode)
    return { what: "restored" as const }
  }).pipe(Effect.catchTag("SandboxError", ({ message }) => Effect.succeed(leave(message))))

const leave = (why: string): What => ({ what: "kept", why })

/** Removes folders that a file was made with, deepest first, as far as nothing else is in them. */
const emptied = (sandbox: Sandbox.Service, folders: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.ignore(Effect.forEach(folders, (folder) => sandbox.remove(folder), { discard: true }))

/** The port has no word for modes, but every sandbox has the program. */
const withMode = (sandbox: Sandbox.Service, path: string, mode: number): Effect.Effect<void> =>
  Effect.ignore(Effect.provideService(Sandbox.run(["chmod", mode.toString(8), path]), Sandbox.Sandbox, sandbox))

const mostNamed = 20

/** What the model reads: it may know these files as they no longer are. */
const words = (from: Kind, files: ReadonlyArray<Undone>): string => {
  const named = files.slice(0, mostNamed).map(({ path, what }) => `${path} (${fates[what]})`)
  const more = files.length > mostNamed ? ` and ${files.length - mostNamed} more` : ""
  const deed =
    from === "done" ? "took back the changes of an earlier request" : "made changes again that were taken back"
  return `The person ${deed}: ${named.join(", ")}${more}. Read files again before you change them.`
}

const fates = { restored: "written back", removed: "removed", kept: "left as it is" } as const
