/**
 * Handles of files and folders, so that what was judged is what is used, whatever happens to its name in between.
 *
 * On Linux a handle is a descriptor opened by `O_PATH`, which follows no link and starts nothing, and what lies in a folder
 * is reached through it as `/proc/self/fd/<descriptor>/<name>`. Elsewhere a handle is no more than a path and what was found
 * there, which is looked at again after opening: a name that is swapped in between may go unseen.
 */
import type { BigIntStats } from "node:fs"
import * as Fs from "node:fs"
import { dirname } from "node:path"
import { decoded, native } from "./confinedNames.ts"
import { refused } from "./confinedReasons.ts"

export interface Handle {
  /** The path by which the system comes to it, and to what lies in it. */
  readonly path: string
  readonly stat: BigIntStats
  readonly close: () => void
}

export interface Handles {
  /** A handle of what has this path, links included. */
  readonly open: (path: string) => Handle
  /** A handle of the same folder. */
  readonly again: (folder: Handle) => Handle
  /** A handle of the folder that it is in now. */
  readonly up: (folder: Handle) => Handle
  /** A descriptor of the regular file itself, to read from. The caller closes it. */
  readonly read: (handle: Handle) => number
  /** Whether a process that is made here may be sent there by `path`. */
  readonly exact: boolean
}

export const child = (folder: Handle, name: string): string =>
  folder.path.endsWith("/") ? folder.path + name : `${folder.path}/${name}`

export const identityOf = (stat: BigIntStats): string => `${stat.dev}:${stat.ino}`

/** Changes whenever the content does: any writing moves one of the times, and a replacement is another inode. */
export const versionOf = (stat: BigIntStats): string =>
  [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].map((part) => part.toString(36)).join("-")

/** What lies in a folder, in no order. */
export const namesIn = (folder: Handle): ReadonlyArray<string> => {
  const path = native(folder.path)
  const names = Fs.readdirSync(path)
  return names.some((name) => name.includes("\ufffd"))
    ? Fs.readdirSync(path, { encoding: "buffer" }).map(decoded)
    : names
}

/** What has this name, without following it; undefined when nothing has. */
export const lookedAt = (path: string): BigIntStats | undefined =>
  Fs.lstatSync(native(path), { bigint: true, throwIfNoEntry: false })

export const descriptors: Handles = {
  open: (path) => {
    const descriptor = Fs.openSync(native(path), pathOnly | Fs.constants.O_NOFOLLOW)
    try {
      const stat = Fs.fstatSync(descriptor, { bigint: true })
      return { path: `/proc/self/fd/${descriptor}`, stat, close: () => Fs.closeSync(descriptor) }
    } catch (cause) {
      Fs.closeSync(descriptor)
      throw cause
    }
  },
  again: (folder) => descriptors.open(child(folder, ".")),
  up: (folder) => descriptors.open(child(folder, "..")),
  read: (handle) => Fs.openSync(handle.path, reading),
  exact: true
}

export const paths: Handles = {
  open: (path) => ({ path, stat: Fs.lstatSync(native(path), { bigint: true }), close: () => {} }),
  again: (folder) => paths.open(folder.path),
  up: (folder) => paths.open(dirname(folder.path)),
  read: (handle) => {
    const descriptor = Fs.openSync(native(handle.path), reading | Fs.constants.O_NOFOLLOW)
    const same =
      identityOf(Fs.fstatSync(descriptor, { bigint: true })) === identityOf(handle.stat) &&
      folded(decoded(Fs.realpathSync.native(native(handle.path), { encoding: "buffer" }))) === folded(handle.path)
    if (same) return descriptor
    Fs.closeSync(descriptor)
    throw refused("Changed")
  },
  exact: false
}

/** Descriptors where the system has what they need, otherwise paths. */
export const strongest = (): Handles => {
  if (process.platform !== "linux") return paths
  try {
    const top = descriptors.open("/")
    try {
      return identityOf(Fs.statSync(top.path, { bigint: true })) === identityOf(top.stat) ? descriptors : paths
    } finally {
      top.close()
    }
  } catch {
    return paths
  }
}

// internal

/** File systems that take no notice of case answer the case that they keep. */
const folded = (path: string): string => path.normalize().toLowerCase()

/** O_PATH, which Node does not name. The same on all architectures that it runs on. */
const pathOnly = 0x200000

/** Never waits for who has leased the file, never takes a terminal. */
const reading = Fs.constants.O_RDONLY | Fs.constants.O_NONBLOCK | Fs.constants.O_NOCTTY
