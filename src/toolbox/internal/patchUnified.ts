/**
 * Unified diffs as models write them: numbers may be wrong or missing, and what counts is the lines. A hunk is put where its
 * lines are, if that is one place only.
 */
import * as Either from "effect/Either"
import type { Edited, Splice } from "./diffRegions.ts"
import { linesOf, spliced } from "./diffRegions.ts"

/** A line of a hunk. `isOpen`: it is the last one of its file, without an end. */
export interface HunkLine {
  readonly kind: " " | "-" | "+"
  readonly text: string
  readonly isOpen: boolean
}

/** `from`: the line that it says it begins at, from 1. */
export interface Hunk {
  readonly from: number | undefined
  readonly lines: ReadonlyArray<HunkLine>
}

/** The hunks of a diff of one file. */
export const parsed = (diff: string): Either.Either<ReadonlyArray<Hunk>, string> => {
  const lines = diff
    .replaceAll("\r\n", "\n")
    .replace(/^\s*```[^\n]*\n([\s\S]*?)\n```\s*$/, "$1")
    .split("\n")
  while (lines.at(-1) === "") lines.pop()
  const start = lines.findIndex((line) => line.startsWith("@@"))
  const head = start < 0 ? lines : lines.slice(0, start)
  const foreign = foreigners.find(([pattern]) => head.some((line) => pattern.test(line)))
  if (foreign !== undefined) return Either.left(foreign[1])
  if (start < 0) return Either.left("The diff has no hunks: each begins with a line such as @@ -10,4 +10,5 @@.")
  const hunks: Array<{ from: number | undefined; lines: Array<HunkLine> }> = []
  for (let index = start; index < lines.length; index++) {
    const line = lines[index] ?? ""
    const open = hunks.at(-1)
    if (line.startsWith("@@")) {
      const from = /^@@+\s*-(\d+)/.exec(line)?.[1]
      hunks.push({ from: from === undefined ? undefined : Number(from), lines: [] })
    } else if (/^diff --git /.test(line) || (line.startsWith("--- ") && /^\+\+\+ /.test(lines[index + 1] ?? ""))) {
      return Either.left("The diff is about several files: give each file its own entry in files.")
    } else if (line.startsWith("\\")) {
      const last = open?.lines.pop()
      if (last !== undefined) open?.lines.push({ ...last, isOpen: true })
    } else {
      const kind = line === "" ? " " : line[0]
      if (kind !== " " && kind !== "-" && kind !== "+") {
        return Either.left(
          `Line ${index + 1} of the diff begins with neither a space nor - nor +: ${JSON.stringify(line.slice(0, 80))}.`
        )
      }
      open?.lines.push({ kind, text: line.slice(1), isOpen: false })
    }
  }
  return hunks.every(({ lines }) => lines.some(({ kind }) => kind !== " "))
    ? Either.right(hunks)
    : Either.left("A hunk of the diff changes nothing: it has lines with neither - nor +.")
}

/** The text of a new file, if the hunks are those of one. */
export const created = (hunks: ReadonlyArray<Hunk>): string | undefined => {
  const lines = hunks.flatMap(({ lines }) => lines)
  if (hunks.length !== 1 || lines.some(({ kind }) => kind !== "+")) return undefined
  return lines.map(({ isOpen, text }) => (isOpen ? text : `${text}\n`)).join("")
}

/** The text with all hunks in it, and what had to be bent for that; or which one does not fit. */
export const applied = (
  text: string,
  hunks: ReadonlyArray<Hunk>
): Either.Either<{ readonly edited: Edited; readonly notes: ReadonlyArray<string> }, string> => {
  const whole = linesOf(text)
  const lines = whole.map((line) => (line.endsWith("\n") ? line.slice(0, -1) : line))
  const starts: Array<number> = []
  whole.reduce((at, line) => starts.push(at) * 0 + at + line.length, 0)
  const placed: Array<Placed> = []
  const notes: Array<string> = []
  let drift = 0
  for (const [index, hunk] of hunks.entries()) {
    const found = placeOf(lines, hunk, drift, placed)
    if (typeof found === "string") {
      return Either.left(
        `Hunk ${index + 1}${hunk.from === undefined ? "" : ` (at line ${hunk.from})`}: ${found}${found.endsWith("\n") ? "" : " "}Nothing was changed.`
      )
    }
    if (hunk.from !== undefined) {
      const moved = found.at - stated(hunk, 0)
      if (moved !== 0) notes.push(`hunk ${index + 1} was found at line ${found.at + 1} instead of ${hunk.from}`)
      drift = moved
    }
    if (found.loose !== "") notes.push(`hunk ${index + 1} was put there although ${found.loose}`)
    placed.push(found)
  }
  const ordered = placed.sort((one, other) => one.at - other.at)
  const splices = ordered.flatMap((place) => splicesOf(text, starts, place))
  return Either.right({ edited: spliced({ text, regions: [] }, splices), notes })
}

// internal

const foreigners: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /^\*\*\* (Begin Patch|Update File|Add File)/,
    "This is no unified diff: write lines with @@, a space, - and + only."
  ],
  [/^\+\+\+ \/dev\/null/, "The diff removes the file, which this tool does not do."],
  [/^rename (from|to) /, "The diff renames the file, which this tool does not do."],
  [/^(GIT binary patch|Binary files )/, "The diff is of a file that is no text."]
]

/** Lines of context that may be left out at either end. */
const mostFuzz = 2

interface Placed {
  readonly at: number
  readonly lines: ReadonlyArray<HunkLine>
  readonly loose: string
}

const olds = (lines: ReadonlyArray<HunkLine>): ReadonlyArray<HunkLine> => lines.filter(({ kind }) => kind !== "+")

/** Where a hunk says it begins, from 0. One that only inserts says after which line. */
const stated = ({ from = 1, lines }: Hunk, drift: number): number =>
  (olds(lines).length === 0 ? from : Math.max(0, from - 1)) + drift

const placeOf = (
  lines: ReadonlyArray<string>,
  hunk: Hunk,
  drift: number,
  placed: ReadonlyArray<Placed>
): Placed | string => {
  const at = stated(hunk, drift)
  if (olds(hunk.lines).length === 0) {
    if (hunk.from === undefined && lines.length > 0)
      return "It has no line that is in the file already, so that its place is not known."
    return { at: Math.min(Math.max(0, at), lines.length), lines: hunk.lines, loose: "" }
  }
  for (const { fuzz, isExact } of levels) {
    const cut = withoutEnds(hunk.lines, fuzz)
    if (cut === undefined) continue
    const wanted = olds(cut.lines).map(({ text }) => text)
    const found = positions(lines, wanted, isExact).filter((from) => isFree(placed, from, wanted.length))
    const place = found.includes(at + cut.head) ? at + cut.head : found[0]
    if (place === undefined) continue
    if (found.length > 1 && place !== at + cut.head) {
      const shown = found
        .slice(0, 5)
        .map((from) => from + 1)
        .join(", ")
      return `Its lines are in the file ${found.length} times, at lines ${shown}: add more lines around the change.`
    }
    const loose = [...(isExact ? [] : ["spaces differ"]), ...(fuzz === 0 ? [] : ["lines around the change differ"])]
    return { at: place, lines: cut.lines, loose: loose.join(" and ") }
  }
  return missed(lines, hunk, at)
}

/** From what fits as it is to what has to be bent. */
const levels = [
  { isExact: true, fuzz: 0 },
  { isExact: false, fuzz: 0 },
  ...Array.from({ length: mostFuzz }, (_, index) => ({ isExact: false, fuzz: index + 1 }))
]

/** A hunk without so many lines of context at either end; nothing if there would be too little left to find it by. */
const withoutEnds = (
  lines: ReadonlyArray<HunkLine>,
  fuzz: number
): { readonly lines: ReadonlyArray<HunkLine>; readonly head: number } | undefined => {
  if (fuzz === 0) return { lines, head: 0 }
  const first = lines.findIndex(({ kind }) => kind !== " ")
  const last = lines.findLastIndex(({ kind }) => kind !== " ")
  const [head, tail] = [Math.min(fuzz, first), Math.min(fuzz, lines.length - 1 - last)]
  const left = lines.slice(head, lines.length - tail)
  return head + tail === 0 || olds(left).every(({ text }) => text.trim().length < 2) ? undefined : { lines: left, head }
}

const positions = (
  lines: ReadonlyArray<string>,
  wanted: ReadonlyArray<string>,
  isExact: boolean
): ReadonlyArray<number> => {
  const same = isExact
    ? (one: string | undefined, other: string | undefined) => one === other
    : (one: string | undefined, other: string | undefined) => one?.trimEnd() === other?.trimEnd()
  const found: Array<number> = []
  for (let at = 0; at + wanted.length <= lines.length && found.length < 100; at++) {
    if (wanted.every((line, index) => same(lines[at + index], line))) found.push(at)
  }
  return found
}

const isFree = (placed: ReadonlyArray<Placed>, from: number, length: number): boolean =>
  placed.every(({ at, lines }) => from >= at + olds(lines).length || from + length <= at)

/** What is there instead of what a hunk expects. */
const missed = (lines: ReadonlyArray<string>, hunk: Hunk, at: number): string => {
  const wanted = olds(hunk.lines).map(({ text }) => text)
  const gone = wanted.find((line) => line.trim() !== "" && !lines.some((there) => there.trim() === line.trim()))
  const about =
    gone === undefined
      ? "its lines are not together in the file"
      : `the file has no line ${JSON.stringify(gone.slice(0, 200))}`
  const here = lines
    .slice(at, at + Math.min(wanted.length, 8))
    .map((line, index) => `${String(at + index + 1).padStart(6)}\t${line.slice(0, 200)}`)
  return hunk.from === undefined || here.length === 0
    ? `It does not fit: ${about}.`
    : `It does not fit: ${about}. The file has there:\n${here.join("\n")}\n`
}

/** The replacements that a placed hunk makes. Lines of context stay as they are in the file. */
const splicesOf = (text: string, starts: ReadonlyArray<number>, { at, lines }: Placed): ReadonlyArray<Splice> => {
  const start = (line: number): number => starts[line] ?? text.length
  const splices: Array<Splice> = []
  let line = at
  let [removed, added]: [Array<HunkLine>, Array<HunkLine>] = [[], []]
  const close = (): void => {
    if (removed.length + added.length === 0) return
    splices.push(spliceOf(text, { from: start(line - removed.length), to: start(line) }, removed, added))
    ;[removed, added] = [[], []]
  }
  for (const part of lines) {
    if (part.kind === " ") close()
    if (part.kind === "+") added.push(part)
    else line++
    if (part.kind === "-") removed.push(part)
    if (part.kind === " ") continue
  }
  close()
  return splices
}

const spliceOf = (
  text: string,
  { from, to }: { readonly from: number; readonly to: number },
  removed: ReadonlyArray<HunkLine>,
  added: ReadonlyArray<HunkLine>
): Splice => {
  const isOpen = to === text.length && text !== "" && !text.endsWith("\n")
  const body = added.map(({ text }) => text).join("\n")
  if (added.length === 0) return { from, to, text: "" }
  const isSaid = removed.some((line) => line.isOpen)
  const end = to === text.length && (added.at(-1)?.isOpen === true || (isOpen && !isSaid)) ? "" : "\n"
  return { from, to, text: `${isOpen && from === text.length ? "\n" : ""}${body}${end}` }
}
