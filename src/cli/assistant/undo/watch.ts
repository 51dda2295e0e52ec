/**
 * A sandbox whose changes are kept before they are made, by the session and the request whose call makes them. Whatever a call
 * runs as a command is noted, and not seen through.
 */
import * as Effect from "effect/Effect"
import { SessionId } from "../../../domain/Ids.ts"
import type * as Sandbox from "../../../sandbox/Sandbox.ts"
import type { SandboxError } from "../../../sandbox/SandboxError.ts"
import * as ToolContext from "../../../tool/ToolContext.ts"
import { clip, oneLine } from "../../internal/words.ts"
import type { Before, Records } from "./records.ts"
import { hashOf } from "./records.ts"

/**
 * What a request has changed so far. It has a folder from its first change on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  folder: string | undefined
  readonly paths: Set<string>
  readonly commands: Array<string>
}

/**
 * What is at a path: nothing, a file, or something that is not kept.
 *
 * @category models
 * @since 0.1.0
 */
export type Found =
  | { readonly _tag: "Absent"; readonly folders: ReadonlyArray<string> }
  | { readonly _tag: "File"; readonly bytes: Uint8Array; readonly version: string; readonly mode: number }
  | { readonly _tag: "Lost"; readonly why: string }

/**
 * A request that has changed nothing yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fresh = (): Request => ({ folder: undefined, paths: new Set(), commands: [] })

/**
 * Watches a sandbox. `requestOf` answers the request that a session is in.
 *
 * **Details**
 *
 * - What is done outside of a run is not kept. Where something cannot be kept, the change is made all the same, and the log
 *   has a warning.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  inner: Sandbox.Service,
  records: Records,
  requestOf: (session: SessionId) => Request
): Sandbox.Service => {
  const turnstile = Effect.unsafeMakeSemaphore(1)
  const { fileBytes } = records.bounds
  const openedOf = (session: SessionId, request: Request): string => {
    if (request.folder !== undefined) return request.folder
    records.clear(session, "undone")
    const folder = records.open(session, "done")
    for (const command of request.commands) records.ran(folder, command)
    request.folder = folder
    return folder
  }
  // What cannot be looked at cannot be changed either, and the change will say so.
  const keep = (path: string, left: string): Effect.Effect<void> =>
    within((session) => {
      const request = requestOf(session)
      const isKnown = request.paths.has(path)
      return Effect.flatMap(isKnown ? Effect.succeed(undefined) : look(inner, path, fileBytes), (found) =>
        Effect.try(() => {
          const folder = openedOf(session, request)
          if (found !== undefined) records.before(folder, path, kept(records, folder, found))
          request.paths.add(path)
          records.left(folder, path, left)
        }).pipe(
          Effect.catchAll((cause) => Effect.logWarning(`What ${path} was is not kept: it cannot be taken back`, cause))
        )
      )
    }).pipe(Effect.ignore, turnstile.withPermits(1))
  return {
    ...inner,
    write: (path, bytes, options) =>
      Effect.zipRight(
        keep(absolute(inner.folder, path), hashOf(bytes)),
        Effect.suspend(() => inner.write(path, bytes, options))
      ),
    remove: (path, options) =>
      Effect.zipRight(
        Effect.flatMap(below(inner, absolute(inner.folder, path)), (paths) =>
          Effect.forEach(paths, (path) => keep(path, "absent"), { discard: true })
        ),
        Effect.suspend(() => inner.remove(path, options))
      ),
    exec: (command, options) =>
      Effect.zipRight(
        within((session, tool) =>
          Effect.sync(() => {
            if (looking.has(tool)) return
            const request = requestOf(session)
            const text = clip(oneLine(typeof command === "string" ? command : command.join(" ")), 200)
            request.commands.push(text)
            if (request.folder !== undefined) records.ran(request.folder, text)
          }).pipe(Effect.catchAllDefect((cause) => Effect.logWarning("A command could not be noted", cause)))
        ),
        Effect.suspend(() => inner.exec(command, options))
      )
  }
}

/**
 * What is at a path. Fails with what keeps it from being seen.
 *
 * @category constructors
 * @since 0.1.0
 */
export const look = (sandbox: Sandbox.Service, path: string, most: number): Effect.Effect<Found, SandboxError> =>
  Effect.matchEffect(sandbox.stat(path), {
    onFailure: (error) =>
      error.reason._tag === "NotFound"
        ? Effect.map(missing(sandbox, parentOf(path)), (folders): Found => ({ _tag: "Absent", folders }))
        : Effect.fail(error),
    onSuccess: ({ kind, mode, size }): Effect.Effect<Found, SandboxError> =>
      kind !== "file"
        ? Effect.succeed({ _tag: "Lost", why: "it was no file" })
        : size > most
          ? Effect.succeed({ _tag: "Lost", why: `it had ${size} bytes, and at most ${most} are kept of a file` })
          : Effect.map(whole(sandbox, path), ({ bytes, version }) => ({
              _tag: "File",
              bytes,
              version,
              mode: mode & 0o777
            }))
  })

/**
 * Keeps what was found.
 *
 * @category converters
 * @since 0.1.0
 */
export const kept = (records: Records, folder: string, found: Found): Before =>
  found._tag === "File"
    ? { _tag: "File", content: records.keep(folder, found.bytes), hash: hashOf(found.bytes), mode: found.mode }
    : found

// internal

/** A path of a sandbox in its absolute form, by its text. */
const absolute = (folder: string, path: string): string => {
  const names: Array<string> = []
  for (const name of (path.startsWith("/") ? path : `${folder}/${path}`).split("/")) {
    if (name === "..") names.pop()
    else if (name !== "" && name !== ".") names.push(name)
  }
  return `/${names.join("/")}`
}

/** Tools that look, and run commands to do so. */
const looking = new Set(["read_file", "list_files", "find_files", "search_files"])

/** How many files of a folder that is removed are kept at most. */
const mostBelow = 2000

/** What follows the call that is served now, by the session of its root run. */
const within = <E>(effect: (session: SessionId, tool: string) => Effect.Effect<void, E>): Effect.Effect<void, E> =>
  Effect.flatMap(ToolContext.ToolContext, ({ identity, run, session, tool }) =>
    run === ToolContext.outside.run
      ? Effect.void
      : effect(identity.chatId === undefined ? session : SessionId.make(identity.chatId), tool)
  )

const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf("/")))

/** The folders on the way to a path that are not there, deepest first. */
const missing = (sandbox: Sandbox.Service, folder: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.matchEffect(sandbox.stat(folder), {
    onFailure: ({ reason }) =>
      reason._tag === "NotFound" && folder !== "/"
        ? Effect.map(missing(sandbox, parentOf(folder)), (above) => [folder, ...above])
        : Effect.succeed([]),
    onSuccess: () => Effect.succeed([])
  })

/** A path and, if it is a folder, all files in it. What cannot be seen is left out: its removal will say so. */
const below = (sandbox: Sandbox.Service, path: string): Effect.Effect<ReadonlyArray<string>> => {
  const files = (folder: string, room: number): Effect.Effect<ReadonlyArray<string>> =>
    Effect.gen(function* () {
      const found: Array<string> = []
      for (const { kind, path: name } of yield* Effect.orElseSucceed(sandbox.list(folder), () => [])) {
        if (found.length >= room) break
        const there = `${folder}/${name}`
        if (kind === "folder") found.push(...(yield* files(there, room - found.length)))
        else found.push(there)
      }
      return found
    })
  return Effect.matchEffect(sandbox.stat(path), {
    onFailure: () => Effect.succeed([]),
    onSuccess: ({ kind }) => (kind === "folder" ? files(path, mostBelow) : Effect.succeed([path]))
  })
}

/** A whole file, in parts if the sandbox wants that. */
const whole = (sandbox: Sandbox.Service, path: string): Effect.Effect<Sandbox.Content, SandboxError> =>
  Effect.catchIf(
    sandbox.read(path),
    ({ reason }) => reason._tag === "TooLarge",
    ({ reason }) =>
      Effect.gen(function* () {
        const length = reason._tag === "TooLarge" ? reason.most : 1
        const first = yield* sandbox.read(path, { length })
        const bytes = new Uint8Array(first.size)
        bytes.set(first.bytes)
        for (let at = first.bytes.length; at < first.size; ) {
          const next = yield* sandbox.read(path, { offset: at, length: Math.min(length, first.size - at) })
          if (next.bytes.length === 0) break
          bytes.set(next.bytes, at)
          at += next.bytes.length
        }
        return { ...first, bytes }
      })
  )
