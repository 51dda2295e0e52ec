/**
 * What of a text was replaced. An edited text carries the regions in which it differs from the one that it was made of, so
 * that a diff, and the bytes around, follow from them without a comparison of the whole.
 */
import { diffArrays } from "diff"

/** `oldFrom` to `oldTo` of the old text has become `from` to `to` of the new one. Regions are in order and do not touch. */
export interface Region {
  readonly oldFrom: number
  readonly oldTo: number
  readonly from: number
  readonly to: number
}

export interface Edited {
  readonly text: string
  readonly regions: ReadonlyArray<Region>
}

/** A piece of a text that is replaced. */
export interface Splice {
  readonly from: number
  readonly to: number
  readonly text: string
}

/** Replaces pieces of an edited text. They are in order and do not overlap. */
export const spliced = (edited: Edited, splices: ReadonlyArray<Splice>): Edited => {
  const parts: Array<string> = []
  let at = 0
  for (const { from, text, to } of splices) {
    parts.push(edited.text.slice(at, from), text)
    at = to
  }
  const text = parts.join("") + edited.text.slice(at)
  const [first, last] = [splices[0], splices.at(-1)]
  if (first === undefined || last === undefined) return edited
  const isMany = splices.length > mostRegions
  const whole = { from: first.from, to: last.to, length: last.to - first.from + text.length - edited.text.length }
  const changed = isMany ? [whole] : splices.map(({ from, text, to }) => ({ from, to, length: text.length }))
  // From the end, so that the places before stay as they are.
  return { text, regions: changed.reduceRight(composed, edited.regions) }
}

/** Only what differs: the common beginning and end of what is replaced are left alone. */
export const trimmed = (text: string, { from, text: next, to }: Splice): Splice => {
  const most = Math.min(to - from, next.length)
  let head = 0
  while (head < most && text.charCodeAt(from + head) === next.charCodeAt(head)) head++
  let tail = 0
  while (tail < most - head && text.charCodeAt(to - 1 - tail) === next.charCodeAt(next.length - 1 - tail)) tail++
  return { from: from + head, to: to - tail, text: next.slice(head, next.length - tail) }
}

/** How one text became another, in whole lines. */
export const between = (before: string, after: string): Edited => {
  const { from, text, to } = trimmed(before, { from: 0, to: before.length, text: after })
  if (from === to && text === "") return { text: after, regions: [] }
  const start = from === 0 ? 0 : before.lastIndexOf("\n", from - 1) + 1
  // Widened to the ends of lines on both sides, which have the same text behind them.
  const next = before.indexOf("\n", to)
  const end = next < 0 ? before.length : next + 1
  const newEnd = after.length - (before.length - end)
  const changes = changesOf(linesOf(before.slice(start, end)), linesOf(after.slice(start, newEnd)))
  let [oldAt, newAt] = [start, start]
  const regions = changes.map(({ added, removed, same }) => {
    const [oldFrom, newFrom] = [oldAt + lengthOf(same), newAt + lengthOf(same)]
    oldAt = oldFrom + lengthOf(removed)
    newAt = newFrom + lengthOf(added)
    return { oldFrom, oldTo: oldAt, from: newFrom, to: newAt }
  })
  return { text: after, regions }
}

/** Lines that stayed, and what was put in the place of those that follow. */
export interface Change {
  readonly same: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
  readonly added: ReadonlyArray<string>
}

/** How lines became others, in few changes. Of much that differs much, one change of all. */
export const changesOf = (before: ReadonlyArray<string>, after: ReadonlyArray<string>): ReadonlyArray<Change> => {
  const most = Math.min(before.length, after.length)
  let head = 0
  while (head < most && before[head] === after[head]) head++
  let tail = 0
  while (tail < most - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++
  const [removed, added] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)]
  const same = before.slice(0, head)
  if (removed.length === 0 && added.length === 0) return []
  if (removed.length < 2 || added.length < 2) return [{ same, removed, added }]
  const compared = diffArrays([...removed], [...added], { maxEditLength: mostEdits })
  if (compared === undefined) return [{ same, removed, added }]
  const changes: Array<Change> = []
  let open: Change = { same, removed: [], added: [] }
  const isOpen = (): boolean => open.removed.length + open.added.length > 0
  for (const { added, removed, value } of compared) {
    if (added) open = { ...open, added: value }
    else if (removed) open = { ...open, removed: value }
    else if (isOpen()) {
      changes.push(open)
      open = { same: value, removed: [], added: [] }
    } else open = { ...open, same: [...open.same, ...value] }
  }
  return isOpen() ? [...changes, open] : changes
}

/** The lines of a text with their ends. */
export const linesOf = (text: string): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let from = 0
  while (from < text.length) {
    const next = text.indexOf("\n", from)
    const end = next < 0 ? text.length : next + 1
    lines.push(text.slice(from, end))
    from = end
  }
  return lines
}

// internal

/** Beyond that many places, they are one region. */
const mostRegions = 200

/** What comparing may cost: this many times the number of lines. */
const mostEdits = 400

const lengthOf = (lines: ReadonlyArray<string>): number => lines.reduce((length, line) => length + line.length, 0)

/** The regions after a piece of the text that has them was replaced by one of another length. */
const composed = (
  regions: ReadonlyArray<Region>,
  { from, length, to }: { readonly from: number; readonly to: number; readonly length: number }
): ReadonlyArray<Region> => {
  const before = regions.filter((region) => region.to < from)
  const after = regions.filter((region) => region.from > to)
  const touched = regions.slice(before.length, regions.length - after.length)
  const [first, last] = [touched[0], touched.at(-1)]
  const shift = before.reduce((_, region) => region.to - region.oldTo, 0)
  const start = Math.min(from, first?.from ?? from)
  const end = Math.max(to, last?.to ?? to)
  const delta = length - (to - from)
  const region = {
    oldFrom: start - (first === undefined ? shift : first.from - first.oldFrom),
    oldTo: end - (last === undefined ? shift : last.to - last.oldTo),
    from: start,
    to: end + delta
  }
  return [
    ...before,
    region,
    ...after.map((region) => ({ ...region, from: region.from + delta, to: region.to + delta }))
  ]
}
