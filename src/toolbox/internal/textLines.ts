/**
 * Lines of files of any size, found in pieces of them: what was wanted is kept, within bounds, and the rest is only counted.
 * Pieces begin behind the mark and at a whole unit.
 */
import { whole } from "../../internal/texts.ts"
import type { Encoding } from "./textEncoding.ts"
import { decode, unitOf } from "./textEncoding.ts"

/** A line that is shown. `length`: of all of it, in bytes without its end; at least so many if its end was not waited for. */
export interface Line {
  readonly number: number
  readonly text: string
  readonly length: number
  readonly isCut: boolean
  readonly isEndless: boolean
}

/**
 * Which lines, and how much of them. `first` is the number of the line that the first piece begins with.
 */
export interface Wanted {
  readonly encoding: Encoding
  readonly first: number
  readonly from: number
  readonly to: number
  readonly mostLines: number
  readonly mostBytes: number
  readonly mostLength: number
}

export interface Collected {
  readonly lines: ReadonlyArray<Line>
  /** How many lines have ended so far, and those that are before `first`. */
  readonly passed: number
  readonly crlf: number
  readonly lf: number
}

export interface Collector {
  readonly add: (piece: Uint8Array) => void
  /** Whether nothing that is still to come will be shown. */
  readonly isFull: () => boolean
  /** The file has ended. */
  readonly end: () => void
  readonly collected: () => Collected
}

/** A line of which that much more has come than is kept of it is not waited for. */
const patience = 1024 * 1024

export const collector = (wanted: Wanted): Collector => {
  const { encoding, from, mostBytes, mostLength, mostLines, to } = wanted
  const unit = unitOf(encoding)
  const keep = mostLength * (unit === 2 ? 2 : encoding === "Latin-1" ? 1 : 4) + 8
  const lines: Array<Line> = []
  let number = wanted.first
  let open: { readonly pieces: Array<Uint8Array>; kept: number; length: number } = { pieces: [], kept: 0, length: 0 }
  let shown = 0
  const ends = { crlf: 0, lf: 0 }
  let isStopped = false

  const isWanted = (): boolean => !isStopped && number >= from && number <= to
  const isFull = (): boolean => isStopped || number > to

  const grow = (bytes: Uint8Array): void => {
    open.length += bytes.length
    if (!isWanted() || open.kept >= keep) return
    const part = bytes.subarray(0, keep - open.kept)
    open.pieces.push(part)
    open.kept += part.length
  }
  /** Keeps the line that is open. The answer may be full by then, but one line it always has. */
  const show = (isEnded: boolean, isEndless = false): void => {
    if (lines.length >= mostLines || (lines.length > 0 && shown + Math.min(open.kept, keep) > mostBytes)) {
      isStopped = true
      return
    }
    const isCut = open.length > open.kept
    const text = decode(joined(open.pieces, open.kept), encoding)
    const isReturn = !isCut && isEnded && text.endsWith("\r")
    if (isEnded && !isCut) ends[isReturn ? "crlf" : "lf"]++
    const plain = isReturn ? text.slice(0, -1) : text
    const head = plain.slice(0, whole(plain, mostLength))
    const length = open.length - (isReturn ? unit : 0)
    lines.push({ number, text: head, length, isCut: isCut || head !== plain, isEndless })
    shown += open.kept
  }
  const close = (isEnded: boolean): void => {
    if (isWanted()) show(isEnded)
    open = { pieces: [], kept: 0, length: 0 }
    number++
  }

  return {
    add: (piece) => {
      let at = 0
      for (let next = lineFeed(piece, at, encoding); next >= 0; next = lineFeed(piece, at, encoding)) {
        if (isWanted()) grow(piece.subarray(at, next))
        close(true)
        at = next + unit
      }
      if (at < piece.length) grow(piece.subarray(at))
      if (isWanted() && open.length > keep + patience) {
        show(false, true)
        isStopped = true
      }
    },
    isFull,
    end: () => {
      if (open.length > 0) close(false)
    },
    collected: () => ({ lines, passed: number - 1, ...ends })
  }
}

/** Where in a piece the last so many lines of a file begin, or how many lines it has of those. */
export const lastLines = (
  piece: Uint8Array,
  encoding: Encoding,
  count: number,
  isEnd: boolean
): { readonly at: number } | { readonly lines: number } => {
  const unit = unitOf(encoding)
  let lines = 0
  // What ends the last line begins none.
  let before = isEnd ? piece.length - unit : piece.length
  for (;;) {
    const feed = lastLineFeed(piece, before, encoding)
    if (feed < 0) return { lines }
    lines++
    if (lines === count) return { at: feed + unit }
    before = feed
  }
}

export const joined = (pieces: ReadonlyArray<Uint8Array>, length: number): Uint8Array => {
  const [only] = pieces
  if (pieces.length === 1 && only !== undefined) return only
  const whole = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

// internal

const lineFeed = (piece: Uint8Array, from: number, encoding: Encoding): number => {
  if (unitOf(encoding) === 1) return piece.indexOf(10, from)
  const [low, other] = encoding === "UTF-16LE" ? [0, 1] : [1, -1]
  for (let at = piece.indexOf(10, from); at >= 0; at = piece.indexOf(10, at + 1)) {
    if (at % 2 === low && piece[at + other] === 0) return at - low
  }
  return -1
}

/** The last line feed that begins before a place. */
const lastLineFeed = (piece: Uint8Array, before: number, encoding: Encoding): number => {
  if (before <= 0) return -1
  if (unitOf(encoding) === 1) return piece.lastIndexOf(10, before - 1)
  const [low, other] = encoding === "UTF-16LE" ? [0, 1] : [1, -1]
  for (let at = before - 1; at >= 0; at--) {
    if (piece[at] === 10 && at % 2 === low && piece[at + other] === 0 && at - low < before) return at - low
  }
  return -1
}
