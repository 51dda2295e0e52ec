/**
 * Replaces a file by another one that has been written beside it, so that nobody ever sees half of it.
 *
 * Mode and owner are kept, but for the bits that let a program run as its owner. Links to the same file elsewhere, extended
 * attributes and access lists are not. Between the comparison with what was expected and the replacement lies one system
 * call; `"absent"` leaves no such gap where the file system has hard links.
 */
import type { BigIntStats } from "node:fs"
import * as Fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { FileInfo, Service, WriteOptions } from "../Sandbox.ts"
import type { SandboxError } from "../SandboxError.ts"
import type { Handle } from "./confinedHandles.ts"
import { child, lookedAt, versionOf } from "./confinedHandles.ts"
import { infoOf } from "./confinedInfo.ts"
import { joined, native } from "./confinedNames.ts"
import { attempt, codeOf, denied, failure, refused } from "./confinedReasons.ts"
import { answered, atOnceBytes, sliceBytes } from "./confinedSlices.ts"
import type { Target, World } from "./confinedWalk.ts"
import { walk } from "./confinedWalk.ts"

export const write =
  (world: World): Service["write"] =>
  (path, bytes, options = {}) =>
    Effect.acquireUseRelease(
      attempt("write", path, () => begin(world, path, options)),
      (draft) =>
        Effect.zipRight(
          bytes.length <= atOnceBytes
            ? attempt("write", path, () => fill(draft.descriptor, bytes))
            : slices(path, draft.descriptor, bytes),
          attempt("write", path, () => commit(draft, options))
        ),
      discard
    )

/** Whether it is a file that is being written, which will have another name or none: in this process, or in any. */
export const isDraft = (name: string): boolean => drafts.has(name)
export const isDraftOfAny = (name: string): boolean => /^\.axonal-[0-9a-f-]{36}\.tmp$/.test(name)

// internal

/** Content on its way to its place. */
interface Draft {
  readonly target: Target
  readonly folder: Handle
  readonly name: string
  readonly before: BigIntStats | undefined
  /** Its name until then, and the path by which the system comes to it. */
  readonly draft: string
  readonly path: string
  readonly descriptor: number
}

/** Names of what is being written in this process. */
const drafts = new Set<string>()

const begin = (world: World, path: string, { expects }: WriteOptions): Draft => {
  const target = walk(world, path, { mayMiss: true })
  try {
    const before = target.handle?.stat
    if (before === undefined ? target.folder : !before.isFile()) throw refused("NotFile")
    if (!target.root.writable) throw denied(`${joined(target.root.at)} may only be read`)
    assertExpected(before, expects)
    if (target.handle !== undefined) Fs.accessSync(native(target.handle.path), Fs.constants.W_OK)
    return drafted(placed(world, target), before)
  } catch (cause) {
    target.close()
    throw cause
  }
}

const drafted = (place: Pick<Draft, "target" | "folder" | "name">, before: BigIntStats | undefined): Draft => {
  const draft = `.axonal-${crypto.randomUUID()}.tmp`
  const path = child(place.folder, draft)
  try {
    const descriptor = Fs.openSync(native(path), fresh, before === undefined ? 0o666 : 0o600)
    drafts.add(draft)
    return { ...place, before, draft, path, descriptor }
  } catch (cause) {
    if (place.folder !== place.target.parent) place.folder.close()
    throw cause
  }
}

const fresh = Fs.constants.O_WRONLY | Fs.constants.O_CREAT | Fs.constants.O_EXCL | Fs.constants.O_NOFOLLOW

const assertExpected = (stat: BigIntStats | undefined, expects: string | undefined): void => {
  if (expects === undefined) return
  if (expects !== (stat === undefined ? "absent" : versionOf(stat))) throw refused("Changed")
}

/** The folder that the file goes to, made where it is missing, and the file's name there. */
const placed = (world: World, target: Target): Pick<Draft, "target" | "folder" | "name"> => {
  let folder = target.parent
  const name = target.names.at(-1)
  if (folder === undefined || name === undefined) throw refused("NotFile")
  for (const missing of target.names.slice(0, -1)) {
    const next = made(world, child(folder, missing), folder === target.parent ? undefined : folder)
    folder = next
  }
  return { target, folder, name }
}

/** A folder that was missing, unless somebody else has made it meanwhile. Closes the one it is in. */
const made = (world: World, path: string, parent: Handle | undefined): Handle => {
  try {
    try {
      Fs.mkdirSync(native(path))
    } catch (cause) {
      if (codeOf(cause) !== "EEXIST") throw cause
    }
    const folder = world.handles.open(path)
    if (folder.stat.isDirectory()) return folder
    folder.close()
    throw refused("Changed")
  } finally {
    parent?.close()
  }
}

const fill = (descriptor: number, bytes: Uint8Array): void => {
  let put = 0
  while (put < bytes.length) put += Fs.writeSync(descriptor, bytes, put, bytes.length - put)
}

const slices = (path: string, descriptor: number, bytes: Uint8Array): Effect.Effect<void, SandboxError> =>
  Effect.suspend(() => {
    let put = 0
    return Effect.whileLoop({
      while: () => put < bytes.length,
      body: () =>
        answered((done) => Fs.write(descriptor, bytes, put, Math.min(sliceBytes, bytes.length - put), null, done)),
      step: (more) => {
        put += more
      }
    })
  }).pipe(Effect.catchAll((cause) => failure("write", path, cause)))

/** All of it at once, so that of those who write in this process nobody comes in between. */
const commit = (draft: Draft, { expects }: WriteOptions): FileInfo => {
  const { before, descriptor, folder, name, path, target } = draft
  stamp(descriptor)
  if (before !== undefined) keep(descriptor, before)
  const place = child(folder, name)
  if (expects !== "absent" || !linked(path, place)) {
    if (expects !== undefined) assertExpected(lookedAt(place), expects)
    Fs.renameSync(native(path), native(place))
  }
  return infoOf(joined(target.at), Fs.fstatSync(descriptor, { bigint: true }))
}

/** The time of the last write. */
let last = 0n

/** No two writes have one time, however coarse the clock of the file system is: an inode may be used again at once. */
const stamp = (descriptor: number): void => {
  const { atimeNs, mtimeNs } = Fs.fstatSync(descriptor, { bigint: true })
  if (mtimeNs > last || last - mtimeNs > 1_000_000_000n) {
    last = mtimeNs
    return
  }
  last += 10_000n
  Fs.futimesSync(descriptor, Number(atimeNs) / 1e9, Number(last) / 1e9)
}

const keep = (descriptor: number, { gid, mode, uid }: BigIntStats): void => {
  const now = Fs.fstatSync(descriptor, { bigint: true })
  if (now.uid !== uid || now.gid !== gid) {
    try {
      Fs.fchownSync(descriptor, Number(uid), Number(gid))
    } catch (cause) {
      if (codeOf(cause) !== "EPERM") throw cause
    }
  }
  Fs.fchmodSync(descriptor, Number(mode) & 0o777)
}

/** Gives it a name that nothing may have. False where there are no hard links. */
const linked = (path: string, place: string): boolean => {
  try {
    Fs.linkSync(native(path), native(place))
  } catch (cause) {
    const code = codeOf(cause) ?? ""
    if (code === "EEXIST") throw refused("Changed")
    if (["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(code)) return false
    throw cause
  }
  Fs.unlinkSync(native(path))
  return true
}

/** Gives up what is held for it; what has not come to its place goes. */
const discard = (draft: Draft, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.sync(() => {
    try {
      if (Exit.isFailure(exit)) Fs.unlinkSync(native(draft.path))
    } catch {
      // It has been told already that this went wrong.
    } finally {
      Fs.closeSync(draft.descriptor)
      drafts.delete(draft.draft)
      if (draft.folder !== draft.target.parent) draft.folder.close()
      draft.target.close()
    }
  })
