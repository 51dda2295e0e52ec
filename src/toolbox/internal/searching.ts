/**
 * What a search in files is, and how its answer reads: each file once, its lines with their numbers, a colon for matches and
 * a dash for the lines around them.
 */
import { head } from "../../internal/texts.ts"
import type { Expression } from "./patterns.ts"

/** A line that was found, or one beside it. `at` is where the match begins in it. */
export interface Hit {
  readonly path: string
  readonly line: number
  readonly text: string
  readonly isMatch: boolean
  readonly at: number
}

export interface Search {
  readonly pattern: string
  readonly literal: boolean
  readonly ignoreCase: boolean
  readonly context: number
  readonly matches: Expression
  /** The pattern of paths that files have to be of. */
  readonly files: string | undefined
  /** Whether a file is of it, by its path relative to where the search begins. */
  readonly isWanted: (path: string) => boolean
  readonly mostFileBytes: number
  /** Where to search, as paths are shown. */
  readonly path: string
  readonly isFolder: boolean
  /** Whether ignored files are searched, too. */
  readonly everything: boolean
  /** Told every hit in order. Answers whether to go on. */
  readonly isTold: (hit: Hit) => boolean
}

export const shown = (hits: ReadonlyArray<Hit>, mostMatches: number): string => {
  const lines: Array<string> = []
  const isAround = hits.some(({ isMatch }) => !isMatch)
  let [path, last, matches] = ["", 0, 0]
  for (const hit of hits) {
    if (hit.isMatch && ++matches > mostMatches) {
      lines.push(
        `… and more; only the first ${mostMatches} matches are shown. Search in one folder, or for something rarer.`
      )
      break
    }
    if (hit.path !== path) lines.push(...(path === "" ? [] : [""]), hit.path)
    else if (hit.line > last + 1 && last > 0 && isAround) lines.push("  --")
    lines.push(`${String(hit.line).padStart(5)}${hit.isMatch ? ":" : "-"} ${cut(hit)}`)
    ;[path, last] = [hit.path, hit.line]
  }
  return lines.join("\n")
}

// internal

const mostLine = 300

/** Long lines are shown around their match. */
const cut = ({ at, text }: Hit): string => {
  if (text.length <= mostLine) return text
  const from = Math.max(0, Math.min(at - 80, text.length - mostLine))
  const start = from === 0 ? 0 : from + (isLow(text, from) ? 1 : 0)
  const end = start + mostLine < text.length ? "…" : ""
  return `${start === 0 ? "" : "…"}${head(text.slice(start), mostLine)}${end}`
}

const isLow = (text: string, index: number): boolean => (text.charCodeAt(index) & 0xfc00) === 0xdc00
