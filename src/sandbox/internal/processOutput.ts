/**
 * What a process writes, taken from its pipes only when somebody asks: until then the pipes fill up and the process waits.
 */
import type { Readable } from "node:stream"
import * as Effect from "effect/Effect"
import type { Output } from "../Sandbox.ts"

export interface Reading {
  /** What has come since the last time, as soon as there is something; `undefined` at the end. */
  readonly read: Effect.Effect<ReadonlyArray<Output> | undefined>
  /** Tells that the process has ended, so that only what it has written before is still waited for. */
  readonly end: () => void
}

export const make = (outputs: ReadonlyArray<{ readonly from: Output["from"]; readonly stream: Readable }>): Reading => {
  let open = outputs.length
  let isEnded = false
  let isOver = false
  let afterEnd = 0
  let wake = (): void => {}

  for (const { stream } of outputs) {
    stream.on("readable", () => wake())
    stream.on("error", () => {})
    stream.once("close", () => {
      open--
      wake()
    })
  }

  const take = (): Array<Output> => {
    const pieces: Array<Output> = []
    for (const { from, stream } of outputs) {
      const piece: unknown = stream.read()
      if (!(piece instanceof Uint8Array)) continue
      pieces.push({ from, bytes: new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength) })
      if (isEnded) afterEnd += piece.byteLength
    }
    return pieces
  }

  /** Lets what was left behind write on, into nothing, instead of ending it by a pipe that nobody reads. */
  const leave = (): void => {
    isOver = true
    for (const { stream } of outputs) {
      stream.removeAllListeners("readable")
      stream.resume()
    }
  }

  const read = Effect.async<ReadonlyArray<Output> | undefined>((resume) => {
    let quiet: NodeJS.Timeout | undefined
    let isAnswered = false
    const stop = (): void => {
      isAnswered = true
      clearTimeout(quiet)
      wake = () => {}
    }
    const answer = (pieces: ReadonlyArray<Output> | undefined): void => {
      stop()
      resume(Effect.succeed(pieces))
    }
    const attempt = (isLast: boolean): void => {
      if (isAnswered) return
      if (afterEnd >= mostAfterEnd) leave()
      const pieces = isOver ? [] : take()
      if (isLast && pieces.length === 0) leave()
      if (pieces.length > 0) answer(pieces)
      else if (isOver || open === 0) answer(undefined)
      // After the time the pipes are looked at once more, for this process may have been too busy to do so.
      else if (isEnded) quiet ??= setTimeout(() => setImmediate(attempt, true), quietMillis)
    }
    wake = () => attempt(false)
    attempt(false)
    return Effect.sync(stop)
  })

  return {
    read,
    end: () => {
      isEnded = true
      wake()
    }
  }
}

// internal

/** How long nothing comes before what is left is taken to be another's. */
const quietMillis = 25
/** More than pipes hold: who writes it after the end of the process is not the process. */
const mostAfterEnd = 1024 * 1024
