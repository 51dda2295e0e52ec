/**
 * Files of the host below a few folders, and nothing else of it, whatever links, races and odd names say.
 *
 * What cannot be seen: a hard link inside to a file outside is that file (a write replaces the link, and leaves the file as it
 * was); another file system that is mounted inside belongs to it. Without handles (see there) a name that another process
 * swaps between being looked at and being used may lead out.
 */
import * as Fs from "node:fs"
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Options from "../../internal/options.ts"
import type { FileInfo, Service } from "../Sandbox.ts"
import type { SandboxError } from "../SandboxError.ts"
import type { Handle, Handles } from "./confinedHandles.ts"
import { child, lookedAt, namesIn, paths, strongest } from "./confinedHandles.ts"
import { infoOf } from "./confinedInfo.ts"
import { joined, namesOf } from "./confinedNames.ts"
import { read } from "./confinedRead.ts"
import { attempt, Refused, refused } from "./confinedReasons.ts"
import { remove } from "./confinedRemove.ts"
import { pause, sliceFiles } from "./confinedSlices.ts"
import type { Place, Root, Target, World } from "./confinedWalk.ts"
import { walk } from "./confinedWalk.ts"
import { watch } from "./confinedWatch.ts"
import { isDraft, write } from "./confinedWrite.ts"

/**
 * - `roots`: the folders, of which the deepest counts where they lie in each other. `at`: where commands see one; where it is
 *   on the host unless given.
 * - `folder`: where relative paths begin, as commands see it; the first root unless given.
 * - `mostBytes`: of one read; 64 MiB. `mostFolders`: that one watch follows; 10,000.
 * - `handles`: whether races are ruled out by handles, where the system has them; yes.
 */
export interface FilesOptions {
  readonly roots: ReadonlyArray<{
    readonly path: string
    readonly access: "read" | "write"
    readonly at?: string | undefined
  }>
  readonly folder?: string | undefined
  readonly mostBytes?: number | undefined
  readonly mostFolders?: number | undefined
  readonly handles?: boolean | undefined
}

export interface Files extends Pick<Service, "read" | "write" | "list" | "stat" | "remove" | "watch"> {
  /** Where relative paths begin, as commands see it. */
  readonly folder: string
  /** Whether races are ruled out. */
  readonly exact: boolean
  /**
   * A folder for a process of the host to start in, while it is used: `host` leads to it whatever happens to its name, where
   * there are handles. `path` is where commands see it.
   */
  readonly enter: <A, E, R>(
    path: string,
    use: (folder: { readonly host: string; readonly path: string }) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | SandboxError, R>
}

/** Files of the host, while the scope is open. */
export const make = (options: FilesOptions): Effect.Effect<Files, SandboxError, Scope.Scope> => {
  Options.whole("mostBytes", options.mostBytes, 1)
  Options.whole("mostFolders", options.mostFolders, 1)
  if (options.roots.length === 0) throw new TypeError("roots must have at least one folder")
  for (const { access } of options.roots) Options.oneOf("access", access, ["read", "write"])
  return Effect.map(
    Effect.acquireRelease(worldOf(options), (world) =>
      Effect.sync(() => {
        world.life.isOver = true
        for (const { handle } of world.roots) handle.close()
      })
    ),
    (world) => filesOf(world, options)
  )
}

// internal

const filesOf = (world: World, options: FilesOptions): Files => ({
  folder: joined(world.folder),
  exact: world.handles.exact,
  read: read(world, options.mostBytes ?? 64 * 1024 * 1024),
  write: write(world),
  remove: remove(world),
  watch: watch(world, options.mostFolders ?? 10_000),
  list: (path) =>
    Effect.acquireUseRelease(
      attempt("list", path, () => folderOf(world, path)),
      ({ handle }) => listed(path, handle),
      ({ target }) => Effect.sync(target.close)
    ),
  stat: (path) =>
    attempt("stat", path, () => {
      const target = walk(world, path)
      try {
        if (target.handle === undefined) throw refused("NotFound")
        return infoOf(joined(target.at), target.handle.stat)
      } finally {
        target.close()
      }
    }),
  enter: (path, use) =>
    Effect.acquireUseRelease(
      attempt("exec", path, () => folderOf(world, path)),
      ({ handle, target }) => use({ host: handle.path, path: joined(target.at) }),
      ({ target }) => Effect.sync(target.close)
    )
})

const folderOf = (world: World, path: string): { readonly target: Target; readonly handle: Handle } => {
  const target = walk(world, path)
  const { handle } = target
  if (handle?.stat.isDirectory() === true) return { target, handle }
  target.close()
  throw refused("NotFolder")
}

const listed = (path: string, folder: Handle): Effect.Effect<ReadonlyArray<FileInfo>, SandboxError> =>
  Effect.flatMap(
    attempt("list", path, () =>
      namesIn(folder)
        .filter((name) => !isDraft(name))
        .sort()
    ),
    (names) => {
      const looked = (from: number) =>
        attempt("list", path, () =>
          names.slice(from, from + sliceFiles).flatMap((name) => {
            const stat = lookedAt(child(folder, name))
            // It may be gone since.
            return stat === undefined ? [] : [infoOf(name, stat)]
          })
        )
      const starts = Array.from({ length: Math.ceil(names.length / sliceFiles) }, (_, index) => index * sliceFiles)
      return Effect.map(
        Effect.forEach(starts, (from) => (from === 0 ? looked(from) : Effect.zipRight(pause, looked(from)))),
        (parts) => parts.flat()
      )
    }
  )

const worldOf = (options: FilesOptions): Effect.Effect<World, SandboxError> =>
  attempt("make", options.roots[0]?.path ?? "", () => {
    const handles = options.handles === false ? paths : strongest()
    const opened: Array<Place> = []
    try {
      for (const root of options.roots) opened.push(...placesOf(handles, root))
      const roots = [...new Set(opened.map(({ root }) => root))]
      const world = { handles, roots, places: opened, folder: roots[0]?.at ?? [], life: { isOver: false } }
      if (options.folder === undefined) return world
      const { target } = folderOf({ ...world, folder: [] }, options.folder)
      target.close()
      return { ...world, folder: target.at }
    } catch (cause) {
      for (const { handle } of new Set(opened.map(({ root }) => root))) handle.close()
      throw cause
    }
  })

/** Where a folder is seen: without a place of its own both as it was named and through no link. */
const placesOf = (handles: Handles, { access, at, path }: FilesOptions["roots"][number]): ReadonlyArray<Place> => {
  if (process.platform === "win32") {
    throw new Refused({ _tag: "Unavailable", problem: "files of Windows are not confined; use a container" })
  }
  const named = resolve(path)
  const host = Fs.realpathSync.native(named)
  const handle = handles.open(host)
  if (!handle.stat.isDirectory()) {
    handle.close()
    throw refused("NotFolder")
  }
  const root: Root = { host, handle, at: namesOf(at ?? host), writable: access === "write" }
  const places = [{ at: root.at, root }]
  return at === undefined && named !== host ? [...places, { at: namesOf(named), root }] : places
}
