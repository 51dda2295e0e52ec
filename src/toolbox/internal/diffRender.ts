/**
 * The difference between two texts as people and models read it: a unified diff, bounded, made of the regions that differ.
 */
import type { Edited, Region } from "./diffRegions.ts"
import { changesOf, linesOf } from "./diffRegions.ts"

/** `isCut` when not all of it is shown. */
export interface Diff {
  readonly text: string
  readonly added: number
  readonly removed: number
  readonly isCut: boolean
  readonly changes: ReadonlyArray<LineChange>
}

/** The diff of an edited text to the one that it was made of; of at most so many lines. */
export const diff = (before: string, { regions, text }: Edited, mostLines = 120): Diff => {
  const changes = changedLines(before, text, regions)
  const lines: Array<string> = []
  for (const hunk of hunksOf(changes)) for (const line of hunkLines(before, hunk)) lines.push(line)
  const added = changes.reduce((sum, change) => sum + change.added.length, 0)
  const removed = changes.reduce((sum, change) => sum + change.removed.length, 0)
  const isCut = lines.length > mostLines
  const shown = isCut
    ? [...lines.slice(0, mostLines), `[… ${lines.length - mostLines} more lines of the diff …]`]
    : lines
  return {
    text: shown.join("\n"),
    added,
    removed,
    isCut: isCut || lines.some((line) => line.endsWith(cutMark)),
    changes
  }
}

/** How much was changed, as in `+3 -1 lines`. */
export const counted = ({ added, removed }: Diff): string => `+${added} -${removed} lines`

/** A text on one line of bounded length. */
export const cutLine = (line: string, most = 400): string =>
  line.length <= most ? line : `${line.slice(0, most)}${cutMark}`

// internal

const cutMark = " [… cut]"

const contextLines = 3

/** Whole lines that were replaced: from a place in the old text on, in the given line of both, counted from 0. */
export interface LineChange {
  readonly at: number
  readonly end: number
  readonly line: number
  readonly newLine: number
  readonly removed: ReadonlyArray<string>
  readonly added: ReadonlyArray<string>
}

const changedLines = (before: string, after: string, regions: ReadonlyArray<Region>): ReadonlyArray<LineChange> => {
  const found: Array<LineChange> = []
  let [at, line, moved] = [0, 0, 0]
  for (const block of blocksOf(before, regions)) {
    const changes = changesOf(
      linesOf(before.slice(block.oldFrom, block.oldTo)),
      linesOf(after.slice(block.from, block.to))
    )
    line += newlines(before, at, block.oldFrom)
    at = block.oldFrom
    for (const { added, removed, same } of changes) {
      const start = at + lengthOf(same)
      const end = start + lengthOf(removed)
      line += same.length
      const last = found.at(-1)
      // What follows at once is one change.
      if (last?.end === start) {
        found[found.length - 1] = {
          ...last,
          end,
          removed: [...last.removed, ...removed],
          added: [...last.added, ...added]
        }
      } else found.push({ at: start, end, line, newLine: line + moved, removed, added })
      line += removed.length
      moved += added.length - removed.length
      at = end
    }
  }
  return found
}

/** The regions in whole lines, those in the same line together. */
const blocksOf = (before: string, regions: ReadonlyArray<Region>): ReadonlyArray<Region> => {
  const blocks: Array<Region> = []
  for (const region of regions) {
    const last = blocks.at(-1)
    if (last !== undefined && region.oldFrom < last.oldTo) {
      const end = region.oldTo < last.oldTo ? last.oldTo : lineEnd(before, region.oldTo)
      blocks[blocks.length - 1] = { ...last, oldTo: end, to: region.to + end - region.oldTo }
      continue
    }
    const start = region.oldFrom === 0 ? 0 : before.lastIndexOf("\n", region.oldFrom - 1) + 1
    const end = lineEnd(before, region.oldTo)
    const from = region.from - (region.oldFrom - start)
    blocks.push({ oldFrom: start, oldTo: end, from, to: region.to + end - region.oldTo })
  }
  return blocks
}

interface Hunk {
  readonly changes: ReadonlyArray<LineChange>
}

/** Changes with few lines between them are shown together. */
const hunksOf = (changes: ReadonlyArray<LineChange>): ReadonlyArray<Hunk> => {
  const hunks: Array<{ changes: Array<LineChange> }> = []
  for (const change of changes) {
    const open = hunks.at(-1)
    const last = open?.changes.at(-1)
    const isNear = last !== undefined && change.line - (last.line + last.removed.length) <= 2 * contextLines
    if (open !== undefined && isNear) open.changes.push(change)
    else hunks.push({ changes: [change] })
  }
  return hunks
}

const hunkLines = (before: string, { changes }: Hunk): ReadonlyArray<string> => {
  const [first, last] = [changes[0], changes.at(-1)]
  if (first === undefined || last === undefined) return []
  const start = back(before, first.at)
  const lead = linesOf(before.slice(start, first.at))
  const body: Array<string> = lead.map((line) => ` ${line}`)
  let [oldLines, newLines] = [lead.length, lead.length]
  changes.forEach((change, index) => {
    const next = changes[index + 1]
    const same = linesOf(before.slice(change.end, next?.at ?? onwards(before, change.end)))
    // Not spread: there may be more of them than a call takes.
    for (const line of change.removed) body.push(`-${line}`)
    for (const line of change.added) body.push(`+${line}`)
    for (const line of same) body.push(` ${line}`)
    oldLines += change.removed.length + same.length
    newLines += change.added.length + same.length
  })
  const from = (line: number, count: number): string => `${line - lead.length + (count === 0 ? 0 : 1)},${count}`
  return [`@@ -${from(first.line, oldLines)} +${from(first.newLine, newLines)} @@`, ...body.flatMap(shown)]
}

/** A line without its end; one that has none says so. */
const shown = (line: string): ReadonlyArray<string> =>
  line.endsWith("\n") ? [cutLine(line.slice(0, -1))] : [cutLine(line), "\\ No newline at end of file"]

const back = (text: string, from: number): number => {
  let at = from
  for (let count = 0; count < contextLines && at > 0; count++) {
    at = at < 2 ? 0 : text.lastIndexOf("\n", at - 2) + 1
  }
  return at
}

const onwards = (text: string, from: number): number => {
  let at = from
  for (let count = 0; count < contextLines && at < text.length; count++) {
    at = lineEnd(text, at)
  }
  return at
}

/** Where the line that a place is in ends, its line feed included. */
const lineEnd = (text: string, at: number): number => {
  const next = text.indexOf("\n", at)
  return next < 0 ? text.length : next + 1
}

const newlines = (text: string, from: number, to: number): number => {
  let count = 0
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) count++
  return count
}

const lengthOf = (lines: ReadonlyArray<string>): number => lines.reduce((length, line) => length + line.length, 0)
