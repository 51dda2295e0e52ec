/**
 * Tells what changes below a folder, by comparing what was there with what is.
 *
 * The system says only in which folder something happened. Some milliseconds later that folder is listed again, so that a
 * burst is told once, and nothing is kept for who is slow. Folders that the system does not watch (there are bounds, and
 * file systems that tell nothing) are looked at every second.
 */
import * as Fs from "node:fs"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Change, Service } from "../Sandbox.ts"
import type { SandboxError } from "../SandboxError.ts"
import type { Handle } from "./confinedHandles.ts"
import { child, identityOf, lookedAt, namesIn, versionOf } from "./confinedHandles.ts"
import { native } from "./confinedNames.ts"
import { attempt, codeOf, Refused, refused } from "./confinedReasons.ts"
import { pause } from "./confinedSlices.ts"
import type { World } from "./confinedWalk.ts"
import { walk } from "./confinedWalk.ts"
import { isDraftOfAny } from "./confinedWrite.ts"

export const watch =
  (world: World, mostFolders: number): Service["watch"] =>
  (path) =>
    Stream.unwrapScoped(
      Effect.map(
        Effect.tap(
          Effect.acquireRelease(
            attempt("watch", path, () => begin(world, path, mostFolders)),
            (watching) => Effect.sync(() => end(watching))
          ),
          (watching) =>
            Effect.whileLoop({
              while: () => watching.fresh.size > 0,
              body: () => Effect.zipLeft(compared(path, watching), pause),
              step: () => {}
            })
        ),
        (watching) =>
          Stream.repeatEffectChunk(
            Effect.map(Effect.zipRight(something(watching), compared(path, watching)), Chunk.unsafeFromArray)
          )
      )
    )

// internal

const bounds = { coalesceMillis: 20, pollMillis: 1000, deepest: 128, foldersAtOnce: 100, filesOfFolder: 20 } as const

interface Folder {
  readonly identity: string
  /** The names in it, each with what was there when it was last listed. */
  readonly entries: Map<string, string>
  /** Undefined where it has to be looked at now and then. */
  readonly watcher: Fs.FSWatcher | undefined
}

interface Watching {
  readonly world: World
  readonly top: Handle
  readonly mostFolders: number
  /** By their paths from the one that is watched, which is `""`. */
  readonly folders: Map<string, Folder>
  /** Those in which something has happened. */
  readonly dirty: Set<string>
  /** Those of which nothing is known yet. */
  readonly fresh: Set<string>
  files: number
  tell: () => void
  gone: boolean
  /** How long the last comparison took. */
  tookMillis: number
}

const begin = (world: World, path: string, mostFolders: number): Watching => {
  const target = walk(world, path)
  try {
    if (target.handle?.stat.isDirectory() !== true) throw refused("NotFolder")
    const top = world.handles.again(target.handle)
    const state = { files: 0, tell: () => {}, gone: false, tookMillis: 0 }
    const watching = {
      world,
      top,
      mostFolders,
      folders: new Map(),
      dirty: new Set<string>(),
      fresh: new Set<string>(),
      ...state
    }
    enter(watching, "")
    return watching
  } finally {
    target.close()
  }
}

const end = (watching: Watching): void => {
  for (const { watcher } of watching.folders.values()) watcher?.close()
  watching.top.close()
}

/** Waits until something has happened, and a little longer for what belongs to it. */
const something = (watching: Watching): Effect.Effect<void> =>
  Effect.async((resume) => {
    const go = () => resume(Effect.void)
    const soon = () => {
      watching.tell = () => {}
      clearTimeout(timer)
      timer = setTimeout(go, Math.max(bounds.coalesceMillis, watching.tookMillis * 5))
    }
    const poll = () => {
      for (const [path, { watcher }] of watching.folders) if (watcher === undefined) watching.dirty.add(path)
      // Who holds a folder is not told of its removal.
      if (isRemoved(watching.top)) {
        watching.gone = true
        watching.dirty.add("")
      }
      if (watching.gone || watching.dirty.size > 0) go()
      else timer = setTimeout(poll, bounds.pollMillis)
    }
    let timer = setTimeout(poll, bounds.pollMillis)
    watching.tell = soon
    if (watching.gone || watching.dirty.size > 0) soon()
    return Effect.sync(() => clearTimeout(timer))
  })

const compared = (path: string, watching: Watching): Effect.Effect<ReadonlyArray<Change>, SandboxError> =>
  attempt("watch", path, () => changes(watching))

const isRemoved = (folder: Handle): boolean => {
  const stat = Fs.statSync(native(folder.path), { bigint: true, throwIfNoEntry: false })
  return stat === undefined || stat.nlink === 0n
}

/** What has changed in some of the folders in which something has happened. */
const changes = (watching: Watching): ReadonlyArray<Change> => {
  if (watching.gone && watching.dirty.size === 0) throw refused("NotFound")
  const started = performance.now()
  const told: Array<Change> = []
  for (const path of [...watching.dirty].slice(0, bounds.foldersAtOnce)) {
    watching.dirty.delete(path)
    watching.fresh.delete(path)
    compare(watching, path, told)
  }
  watching.tookMillis = performance.now() - started
  return told
}

/** Takes a folder up. What it holds is found when it is compared. */
const enter = (watching: Watching, path: string): void => {
  if (watching.folders.size >= watching.mostFolders) throw tooMuch(`${watching.mostFolders} folders`)
  const folder = folderAt(watching, path)
  if (folder === undefined) return
  try {
    const watcher = watcherOf(folder, () => {
      watching.dirty.add(path)
      watching.tell()
    })
    watching.folders.set(path, { identity: identityOf(folder.stat), entries: new Map(), watcher })
    watching.dirty.add(path)
    watching.fresh.add(path)
  } finally {
    if (folder !== watching.top) folder.close()
  }
}

const tooMuch = (what: string): Refused =>
  new Refused({ _tag: "Unavailable", problem: `it holds more than ${what}; watch a part of it` })

/** Undefined when the system has no more of them. */
const watcherOf = (folder: Handle, told: () => void): Fs.FSWatcher | undefined => {
  try {
    const watcher = Fs.watch(native(folder.path), told)
    // What it cannot tell any more is found when the folder that it is in is compared.
    watcher.on("error", () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}

/** Walks down without following a link; undefined when that does not lead to a folder any more. */
const folderAt = ({ top, world }: Watching, path: string): Handle | undefined => {
  let here = top
  for (const name of path === "" ? [] : path.split("/")) {
    const next = folderIn(world, here, name)
    if (here !== top) here.close()
    if (next === undefined) return undefined
    here = next
  }
  return here
}

const folderIn = (world: World, folder: Handle, name: string): Handle | undefined => {
  try {
    const next = world.handles.open(child(folder, name))
    if (next.stat.isDirectory()) return next
    next.close()
    return undefined
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" || codeOf(cause) === "EACCES") return undefined
    throw cause
  }
}

const compare = (watching: Watching, path: string, told: Array<Change>): void => {
  const known = watching.folders.get(path)
  if (known === undefined) return
  const now = entriesOf(watching, path, known)
  if (now === undefined) {
    // Somebody else has the name, so the folder above has changed.
    const parts = path.split("/")
    const above = watching.folders.get(parts.slice(0, -1).join("/"))
    above?.entries.set(parts.at(-1) ?? "", "")
    watching.dirty.add(parts.slice(0, -1).join("/"))
    return
  }
  const below = (name: string): string => (path === "" ? name : `${path}/${name}`)
  for (const [name, before] of known.entries) {
    const after = now.get(name)
    if (after === before) continue
    if (after === undefined || isFolder(after) || watching.folders.has(below(name))) {
      forget(watching, below(name), told)
      known.entries.delete(name)
      watching.files--
    } else {
      known.entries.set(name, after)
      told.push({ path: below(name), kind: "changed" })
    }
  }
  for (const [name, after] of now) {
    if (known.entries.has(name)) continue
    if (++watching.files > watching.mostFolders * bounds.filesOfFolder) {
      throw tooMuch(`${watching.mostFolders * bounds.filesOfFolder} files`)
    }
    known.entries.set(name, after)
    told.push({ path: below(name), kind: "created" })
    if (isFolder(after) && path.split("/").length < bounds.deepest) enter(watching, below(name))
  }
}

const isFolder = (entry: string): boolean => entry.startsWith("folder ")

/** What a folder holds now; undefined when it is not the same folder any more. */
const entriesOf = (watching: Watching, path: string, known: Folder): ReadonlyMap<string, string> | undefined => {
  const folder = folderAt(watching, path)
  if (folder === undefined) return undefined
  try {
    if (identityOf(folder.stat) !== known.identity) return undefined
    return new Map(
      [...namesIn(folder)].sort().flatMap((name): ReadonlyArray<readonly [string, string]> => {
        const stat = isDraftOfAny(name) ? undefined : lookedAt(child(folder, name))
        if (stat === undefined) return []
        return [[name, stat.isDirectory() ? `folder ${identityOf(stat)}` : versionOf(stat)]]
      })
    )
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause
    watching.gone ||= path === ""
    return new Map()
  } finally {
    if (folder !== watching.top) folder.close()
  }
}

/** Tells that something is gone, and before that all that it held. */
const forget = (watching: Watching, path: string, told: Array<Change>): void => {
  const folder = watching.folders.get(path)
  watching.folders.delete(path)
  watching.dirty.delete(path)
  watching.fresh.delete(path)
  folder?.watcher?.close()
  for (const name of folder?.entries.keys() ?? []) {
    watching.files--
    forget(watching, `${path}/${name}`, told)
  }
  told.push({ path, kind: "removed" })
}
