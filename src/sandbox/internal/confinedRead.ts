/**
 * Reads regular files, and nothing that would wait or answer for ever.
 */
import * as Fs from "node:fs"
import * as Effect from "effect/Effect"
import type { Content, Service } from "../Sandbox.ts"
import type { SandboxError } from "../SandboxError.ts"
import { versionOf } from "./confinedHandles.ts"
import { attempt, failure, invalid, Refused, refused } from "./confinedReasons.ts"
import { answered, atOnceBytes, sliceBytes } from "./confinedSlices.ts"
import type { World } from "./confinedWalk.ts"
import { walk } from "./confinedWalk.ts"

export const read =
  (world: World, most: number): Service["read"] =>
  (path, range = {}) =>
    Effect.acquireUseRelease(
      attempt("read", path, () => begin(world, path, range, most)),
      (reading) => (reading.descriptor === undefined ? Effect.succeed(reading.content) : rest(path, reading)),
      ({ descriptor }) => (descriptor === undefined ? Effect.void : Effect.sync(() => Fs.closeSync(descriptor)))
    )

/** The regular file that a path leads to, open. */
export const opened = (world: World, path: string): number => {
  const target = walk(world, path)
  try {
    if (target.handle?.stat.isFile() !== true) throw refused("NotFile")
    return world.handles.read(target.handle)
  } finally {
    target.close()
  }
}

// internal

type Range = NonNullable<Parameters<Service["read"]>[1]>

interface Reading {
  readonly content: Content
  readonly offset: number
  /** Where its bytes are still to come from. */
  readonly descriptor: number | undefined
}

const begin = (world: World, path: string, range: Range, most: number): Reading => {
  for (const name of ["offset", "length"] as const) {
    const value = range[name]
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) {
      throw invalid(`${name} must be a whole number of bytes, 0 or more, got ${value}`)
    }
  }
  const descriptor = opened(world, path)
  let stays = false
  try {
    const stat = Fs.fstatSync(descriptor, { bigint: true })
    const [size, version, offset] = [Number(stat.size), versionOf(stat), range.offset ?? 0]
    if (size === 0)
      return { content: unsized(descriptor, offset, range.length, version), offset, descriptor: undefined }
    const length = Math.min(range.length ?? size, Math.max(0, size - offset))
    if (length > most) throw new Refused({ _tag: "TooLarge", size, most })
    const bytes = new Uint8Array(length)
    stays = length > atOnceBytes
    if (stays) return { content: { bytes, size, version }, offset, descriptor }
    const got = fill(descriptor, bytes, offset)
    return { content: { bytes: bytes.subarray(0, got), size, version }, offset, descriptor: undefined }
  } finally {
    if (!stays) Fs.closeSync(descriptor)
  }
}

/** Reads until the bytes are full or the file is at its end. It may have become shorter. */
const fill = (descriptor: number, bytes: Uint8Array, offset: number): number => {
  let got = 0
  while (got < bytes.length) {
    const more = Fs.readSync(descriptor, bytes, got, bytes.length - got, offset + got)
    if (more === 0) break
    got += more
  }
  return got
}

/** Files that the system makes up have no size. */
const unsized = (descriptor: number, offset: number, length: number | undefined, version: string): Content => {
  const bytes = new Uint8Array(Math.min(atOnceBytes + 1, length ?? atOnceBytes + 1))
  const got = fill(descriptor, bytes, offset)
  if (got > atOnceBytes) throw new Refused({ _tag: "TooLarge", size: got, most: atOnceBytes })
  return { bytes: bytes.slice(0, got), size: offset + got, version }
}

const rest = (path: string, { content, descriptor = -1, offset }: Reading): Effect.Effect<Content, SandboxError> =>
  Effect.suspend(() => {
    const { bytes } = content
    let got = 0
    let ended = false
    return Effect.whileLoop({
      while: () => !ended && got < bytes.length,
      body: () =>
        answered((done) =>
          Fs.read(descriptor, bytes, got, Math.min(sliceBytes, bytes.length - got), offset + got, done)
        ),
      step: (more) => {
        got += more
        ended = more === 0
      }
    }).pipe(
      Effect.map(() => ({ ...content, bytes: bytes.subarray(0, got) })),
      Effect.catchAll((cause) => failure("read", path, cause))
    )
  })
