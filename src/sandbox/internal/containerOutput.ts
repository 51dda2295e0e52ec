/**
 * What a command in a container writes, and in it what the shell around the command says of its beginning and its end. So much
 * is read ahead that the end of one that writes little is known although nobody reads; then the command waits.
 */
import type { Duplex } from "node:stream"
import * as Effect from "effect/Effect"
import type { Output } from "../Sandbox.ts"
import * as Stream from "./containerStream.ts"
import type { Ended } from "./running.ts"

export interface Reading {
  readonly read: Effect.Effect<ReadonlyArray<Output> | undefined>
  /** Reads all that is left, once nothing can be added to it, so that the end is heard of although nobody reads. */
  readonly hurry: () => void
  /** What was written before the command began, when it has not. */
  readonly said: () => string
}

export interface Heard {
  readonly onBegun: () => void
  /** Without how, when the connection has ended before that was told. */
  readonly onEnded: (how: Ended | undefined) => void
}

/** Reads a connection; `word` is what the shell around says things by, on each of so many outputs. */
export const make = (stream: Duplex, word: string, isTerminal: boolean, { onBegun, onEnded }: Heard): Reading => {
  const unframe = Stream.unframe(isTerminal)
  const outputs = { stdout: listener(word), stderr: listener(word) }
  let said = ""
  let hasBegun = false
  let isTold = false
  let isOver = false
  let open = isTerminal ? 1 : 2
  let kept: Array<Output> = []
  let keptBytes = 0
  let mostKept = usuallyKept
  let wake = (): void => {}

  const keep = (from: Output["from"], bytes: Uint8Array): void => {
    if (bytes.length === 0) return
    if (!hasBegun) said = (said + Buffer.from(bytes).toString()).slice(0, mostSaid)
    // A piece of its own: what it lies in belongs to the connection.
    kept.push({ from, bytes: Uint8Array.from(bytes) })
    keptBytes += bytes.length
  }
  const tell = (how: Ended | undefined): void => {
    if (isTold) return
    isTold = true
    onEnded(how)
  }
  const hear = (from: Output["from"], heard: string): void => {
    if (heard === "+") {
      hasBegun = true
      onBegun()
      return
    }
    const [code = 0, kills = 0] = heard.slice(1).split(" ").map(Number)
    open--
    // What comes on the other output may be told before this one's beginning.
    if (from === "stdout") tell({ code, ...(code === killed && kills > 0 ? { reason: "out-of-memory" as const } : {}) })
    outputs[from].isDeaf = true
    if (open === 0) finish()
  }
  /** Lets what was left behind write on, into nothing. */
  const finish = (): void => {
    if (isOver) return
    isOver = true
    for (const from of ["stdout", "stderr"] as const) keep(from, outputs[from].rest())
    tell(undefined)
    stream.removeListener("readable", pump)
    stream.resume()
    wake()
  }
  const pump = (): void => {
    while (!isOver && keptBytes < mostKept) {
      const bytes: unknown = stream.read()
      if (!(bytes instanceof Buffer)) break
      for (const piece of unframe(bytes)) {
        outputs[piece.from].take(
          piece.bytes,
          (plain) => keep(piece.from, plain),
          (heard) => hear(piece.from, heard)
        )
      }
    }
    wake()
  }
  stream.on("readable", pump)
  stream.once("end", finish)
  stream.once("close", finish)

  const read = Effect.async<ReadonlyArray<Output> | undefined>((resume) => {
    wake = () => {
      if (kept.length === 0 && !isOver) return
      wake = () => {}
      const pieces = kept
      const wasFull = keptBytes >= mostKept
      kept = []
      keptBytes = 0
      resume(Effect.succeed(pieces.length === 0 ? undefined : pieces))
      if (wasFull && !isOver) pump()
    }
    wake()
    return Effect.sync(() => {
      wake = () => {}
    })
  })

  return {
    read,
    hurry: () => {
      mostKept = Number.POSITIVE_INFINITY
      pump()
    },
    said: () => said.trim()
  }
}

// internal

const usuallyKept = 256 * 1024
const mostSaid = 1000
const killed = 137

interface Listener {
  isDeaf: boolean
  readonly take: (bytes: Uint8Array, onPlain: (bytes: Uint8Array) => void, onHeard: (heard: string) => void) => void
  /** What may have been the beginning of the word, and was not. */
  readonly rest: () => Uint8Array
}

/** Tells what is said by the word, `+` or `=` and something up to a semicolon, from what is written. */
const listener = (word: string): Listener => {
  const sign = Buffer.from(word)
  let held = Buffer.alloc(0)

  const take: Listener["take"] = (bytes, onPlain, onHeard) => {
    let left =
      held.length === 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : Buffer.concat([held, bytes])
    held = Buffer.alloc(0)
    while (left.length > 0 && !listening.isDeaf) {
      const at = left.indexOf(sign)
      if (at < 0) {
        const from = begun(left, sign)
        onPlain(left.subarray(0, from))
        held = Buffer.from(left.subarray(from))
        return
      }
      const after = at + sign.length
      const end = left[after] === plus ? after : left.indexOf(";", after)
      onPlain(left.subarray(0, at))
      if (after === left.length || end < 0) {
        held = Buffer.from(left.subarray(at))
        return
      }
      onHeard(left.toString("latin1", after, left[after] === plus ? after + 1 : end))
      left = left.subarray(end + 1)
    }
  }
  const listening: Listener = { isDeaf: false, take, rest: () => held }
  return listening
}

const plus = 43

/** Where what may be the beginning of the word begins, at the end of some bytes. Its first byte is one that is rarely written. */
const begun = (bytes: Buffer, sign: Buffer): number => {
  const first = sign[0] ?? 0
  for (
    let at = bytes.lastIndexOf(first);
    at >= 0 && bytes.length - at < sign.length;
    at = at === 0 ? -1 : bytes.lastIndexOf(first, at - 1)
  ) {
    if (bytes.subarray(at).equals(sign.subarray(0, bytes.length - at))) return at
  }
  return bytes.length
}
