/**
 * What a reader of a format makes of a text: plain data, and where in the text each part of it stands. The readers differ
 * in nothing else, so that what comes after them need not know which format a file was in.
 */
import type { Place } from "./problems.ts"

/** Offsets into the text. What is in a list has no key. */
export interface Spot {
  readonly key: number | undefined
  readonly value: number
}

/** Something that is wrong with a text, and what to do about it. */
export interface Mistake {
  readonly offset: number
  readonly place: Place
  readonly problem: string
}

/**
 * A text as data, and what is wrong with it. The data are objects, lists, texts, finite numbers, booleans and null; where they
 * could not be read to their end, there are none.
 */
export interface Read {
  readonly document: { readonly value: unknown } | undefined
  readonly spots: Spots
  readonly mistakes: ReadonlyArray<Mistake>
}

/** Data this deep in each other is a mistake, or meant to exhaust whoever reads it. */
export const maxDepth = 64

export const tooDeep = `more than ${maxDepth} levels deep: make it flatter`

export const twice = "this key stands twice: remove one"

/** Only some formats have words for what is no finite number. */
export const notFinite = 'expected a finite number: for a limit that is none write "unlimited"'

/** Where everything in a document stands. */
export class Spots {
  private readonly spots = new Map<string, Spot>()

  has(place: Place): boolean {
    return this.spots.has(keyOf(place))
  }

  /** The first one counts: what is opened again later stands where it was opened. */
  add(place: Place, value: number, key?: number): void {
    const name = keyOf(place)
    if (!this.spots.has(name)) this.spots.set(name, { key, value })
  }

  /** What stands at a place, or the nearest around it that stands anywhere. */
  find(place: Place): Spot {
    for (let length = place.length; length > 0; length--) {
      const spot = this.spots.get(keyOf(place.slice(0, length)))
      if (spot !== undefined) return spot
    }
    return this.spots.get(keyOf([])) ?? { key: undefined, value: 0 }
  }

  /** All places in the order in which they were found. */
  places(): ReadonlyArray<Place> {
    return [...this.spots.keys()].map(placeOf)
  }
}

/** Makes what tells line and column of an offset, both from 1. Columns count UTF-16 units, as editors do. */
export const positions = (text: string): ((offset: number) => { readonly line: number; readonly column: number }) => {
  const starts = [0]
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1)
  return (offset) => {
    const wanted = Math.max(0, Math.min(offset, text.length))
    let low = 0
    for (let high = starts.length; high - low > 1; ) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= wanted) low = middle
      else high = middle
    }
    return { line: low + 1, column: wanted - (starts[low] ?? 0) + 1 }
  }
}

// internal

const keyOf = (place: Place): string =>
  JSON.stringify(place.map((key) => (typeof key === "symbol" ? String(key) : key)))

const placeOf = (key: string): Place => {
  const place: unknown = JSON.parse(key)
  return Array.isArray(place) ? place.filter((part) => typeof part === "string" || typeof part === "number") : []
}
