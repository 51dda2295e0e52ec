/**
 * The ends of lines. Tools and models work on text whose lines end with a line feed; what the file had is kept beside it, so
 * that all lines that are not touched keep theirs, and new ones get that of their neighbours.
 */
import type { Region } from "./diffRegions.ts"

export type Ending = "none" | "LF" | "CRLF" | "mixed"

/** A text with plain ends of lines. `returns`: where in it the line feeds are that were CRLF, in order. */
export interface Plain {
  readonly text: string
  readonly ending: Ending
  readonly returns: ReadonlyArray<number>
}

export const plain = (original: string): Plain => {
  const pieces = original.split("\r\n")
  if (pieces.length === 1) return { text: original, ending: original.includes("\n") ? "LF" : "none", returns: [] }
  const returns: Array<number> = []
  let at = 0
  for (const piece of pieces) {
    returns.push(at + piece.length)
    at += piece.length + 1
  }
  returns.pop()
  return {
    text: pieces.join("\n"),
    ending: pieces.some((piece) => piece.includes("\n")) ? "mixed" : "CRLF",
    returns
  }
}

/** What a model writes of a file that has CRLF: it may mean both with either. */
export const asIn = ({ ending }: Plain, text: string): string =>
  ending === "CRLF" || ending === "mixed" ? text.replaceAll("\r\n", "\n") : text

/** The original with these regions replaced by those of the text that was made of the plain one. */
export const restored = (original: string, before: Plain, after: string, regions: ReadonlyArray<Region>): string => {
  if (before.returns.length === 0) return after
  const parts: Array<string> = []
  let from = 0
  for (const region of regions) {
    parts.push(original.slice(from, place(before, region.oldFrom)))
    const text = after.slice(region.from, region.to)
    parts.push(isReturnNear(before, region.oldFrom) ? text.replaceAll("\n", "\r\n") : text)
    from = place(before, region.oldTo)
  }
  parts.push(original.slice(from))
  return parts.join("")
}

// internal

/** Where a place of the plain text is in the original. */
const place = ({ returns }: Plain, at: number): number => at + below(returns, at)

/** Whether the line at a place, or the one before it if it is the last, ends with CRLF. */
const isReturnNear = (before: Plain, at: number): boolean => {
  const next = before.text.indexOf("\n", at)
  const end = next >= 0 ? next : before.text.lastIndexOf("\n")
  return before.returns[below(before.returns, end)] === end
}

/** How many of these are below a number. */
const below = (sorted: ReadonlyArray<number>, at: number): number => {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < at) low = middle + 1
    else high = middle
  }
  return low
}
