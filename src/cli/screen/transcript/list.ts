/**
 * A list of blocks and where their lines are. A block is drawn when its lines are needed and it has changed; where the blocks
 * below it begin is worked out from there on.
 */
import type { Block } from "./block.ts"
import { sizeOf } from "./block.ts"
import { gapOf } from "./draw.ts"

/**
 * A block in the list.
 *
 * **Details**
 *
 * - `serial` grows from each to the next. `gap`: empty lines before it, `count`: its own, at the width it was drawn in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly block: Block
  readonly serial: number
  size: number
  width: number
  gap: number
  count: number
  lines: ReadonlyArray<string> | undefined
}

/**
 * The list.
 *
 * @category models
 * @since 0.1.0
 */
export interface List {
  readonly add: (block: Block, last: boolean) => void
  readonly remove: (block: Block) => void
  readonly touch: (block: Block) => void
  readonly touchAll: () => void
  readonly clear: () => void
  readonly blocks: () => ReadonlyArray<Block>
  readonly height: (width: number) => number
  /** The entries of which lines from one to before another are seen, and the line with which each begins, gap included. */
  readonly seen: (width: number, from: number, to: number) => ReadonlyArray<readonly [entry: Entry, start: number]>
  /** The lines of an entry, without its gap. */
  readonly linesOf: (entry: Entry) => ReadonlyArray<string>
  /** The first line of a block, after its gap. */
  readonly lineOf: (width: number, block: Block) => number | undefined
  /** The first line of the entry with this serial, or of the next one that is there. */
  readonly startOf: (width: number, serial: number) => number
}

/**
 * Makes an empty list.
 *
 * **Details**
 *
 * - `most`: what is kept. Beyond, the first ones are dropped, a twentieth of the bound at once, and `head` says how many.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly draw: (block: Block, width: number) => ReadonlyArray<string>
  readonly head: (dropped: number) => Block
  readonly most: { readonly blocks: number; readonly characters: number }
}): List => {
  const { draw, head, most } = options
  let entries: Array<Entry> = []
  let lasting: Array<Entry> = []
  let first: Entry | undefined
  let [dropped, characters, serials, width, valid] = [0, 0, 1, 0, 0]
  // Where each entry begins, its gap included; one more for the end.
  let starts: Array<number> = [0]
  const known = new Map<Block, Entry>()
  const unmeasured = new Set<Entry>()

  const entryOf = (block: Block, serial: number): Entry => ({
    block,
    serial,
    size: 0,
    width: 0,
    gap: 0,
    count: 0,
    lines: undefined
  })
  const all = (): number => (first === undefined ? 0 : 1) + entries.length + lasting.length
  const at = (index: number): Entry | undefined => {
    const inner = first === undefined ? index : index - 1
    return inner < 0 ? first : (entries[inner] ?? lasting[inner - entries.length])
  }
  const indexOf = (entry: Entry): number => {
    const before = first === undefined ? 0 : 1
    if (entry.serial >= lastSerial) return before + entries.length + lasting.indexOf(entry)
    return before + position(entries, entry.serial)
  }
  const invalid = (from: number): void => {
    valid = Math.min(valid, Math.max(0, from))
  }
  const trim = (): void => {
    for (const entry of unmeasured) {
      const size = sizeOf(entry.block)
      characters += size - entry.size
      entry.size = size
    }
    unmeasured.clear()
    if (entries.length <= most.blocks && characters <= most.characters) return
    let gone = 0
    while (
      gone < entries.length - 1 &&
      (entries.length - gone > most.blocks * 0.95 || characters > most.characters * 0.95)
    ) {
      const entry = entries[gone++]
      if (entry === undefined) break
      characters -= entry.size
      known.delete(entry.block)
    }
    entries = entries.slice(gone)
    dropped += gone
    first = entryOf(head(dropped), 0)
    invalid(0)
  }
  const arrange = (next: number): void => {
    if (next !== width) {
      width = next
      valid = 0
    }
    const count = all()
    for (let index = valid; index < count; index++) {
      const entry = at(index)
      if (entry === undefined) break
      if (entry.width !== width) {
        entry.lines = draw(entry.block, width)
        entry.count = entry.lines.length
        entry.width = width
      }
      // What draws nothing stands apart from nothing.
      entry.gap = entry.count === 0 ? 0 : gapOf(at(index - 1)?.block, entry.block)
      starts[index + 1] = (starts[index] ?? 0) + entry.gap + entry.count
    }
    starts.length = count + 1
    valid = count
  }
  const linesOf = (entry: Entry): ReadonlyArray<string> => {
    entry.lines ??= draw(entry.block, width)
    return entry.lines
  }
  /** Lines that were drawn to be counted, or seen a while ago, are not kept. */
  const forget = (from: number, to: number): void => {
    let kept = 0
    for (let index = all() - 1; index >= 0; index--) {
      const entry = at(index)
      if (entry?.lines === undefined) continue
      kept += entry.count
      if (kept > mostLines && (index < from - 20 || index > to + 20)) entry.lines = undefined
    }
  }
  return {
    add: (block, last) => {
      const entry = entryOf(block, last ? lastSerial + serials++ : serials++)
      invalid(last ? all() : all() - lasting.length)
      ;(last ? lasting : entries).push(entry)
      known.set(block, entry)
      unmeasured.add(entry)
      trim()
    },
    remove: (block) => {
      const entry = known.get(block)
      if (entry === undefined) return
      invalid(indexOf(entry))
      known.delete(block)
      unmeasured.delete(entry)
      characters -= entry.size
      if (entry.serial >= lastSerial) lasting = lasting.filter((other) => other !== entry)
      else entries.splice(position(entries, entry.serial), 1)
    },
    touch: (block) => {
      const entry = known.get(block)
      if (entry === undefined) return
      entry.width = 0
      unmeasured.add(entry)
      invalid(indexOf(entry))
    },
    touchAll: () => {
      for (const entry of known.values()) entry.width = 0
      invalid(0)
    },
    clear: () => {
      entries = []
      lasting = []
      first = undefined
      dropped = 0
      characters = 0
      starts = [0]
      valid = 0
      known.clear()
      unmeasured.clear()
    },
    blocks: () => [...entries, ...lasting].map(({ block }) => block),
    height: (next) => {
      arrange(next)
      return starts[all()] ?? 0
    },
    seen: (next, from, to) => {
      arrange(next)
      const begin = Math.max(0, upper(starts, from) - 1)
      const out: Array<readonly [Entry, number]> = []
      let index = begin
      for (; index < all(); index++) {
        const entry = at(index)
        const start = starts[index] ?? 0
        if (entry === undefined || start >= to) break
        out.push([entry, start])
      }
      forget(begin, index)
      return out
    },
    linesOf,
    lineOf: (next, block) => {
      arrange(next)
      const entry = known.get(block)
      return entry === undefined ? undefined : (starts[indexOf(entry)] ?? 0) + entry.gap
    },
    startOf: (next, serial) => {
      arrange(next)
      if (serial >= lastSerial) return starts[all() - lasting.length + position(lasting, serial)] ?? 0
      return serial === 0 ? 0 : (starts[(first === undefined ? 0 : 1) + position(entries, serial)] ?? 0)
    }
  }
}

// internal

/** Those below all others have serials above all others. */
const lastSerial = 2 ** 40

const mostLines = 4000

/** Where the entry with this serial is, or the first one after it. */
const position = (entries: ReadonlyArray<Entry>, serial: number): number => {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((entries[middle]?.serial ?? 0) < serial) low = middle + 1
    else high = middle
  }
  return low
}

/** How many of the numbers, which grow, are at most this one. */
const upper = (numbers: ReadonlyArray<number>, value: number): number => {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? 0) <= value) low = middle + 1
    else high = middle
  }
  return low
}
