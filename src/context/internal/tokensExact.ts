/**
 * Counts a text of any kind by a tokenizer that was made for ordinary ones. Byte pair encoding takes time by the square of
 * the longest stretch it cannot cut, and cuts by patterns that give up on very long ones: so a text is handed over in
 * slices, cut where the tokenizer would have cut anyhow, and within stretches only when they are too long to be words.
 */
import { whole } from "../../internal/texts.ts"
import type { Counting } from "./tokens.ts"
import { estimateText } from "./tokensText.ts"

/** As much of the library as is used. */
export interface Library {
  readonly countTokens: (text: string, options: { readonly disallowedSpecial: Set<string> }) => number
  readonly clearMergeCache: () => void
}

/** Characters. */
const sliceLimit = 2048
/** The longest stretch that is left whole. */
export const stretchLimit = 512
/** The library remembers words, and with them all of the text that they were cut from. */
const cacheLimit = 4_000_000

/** Counts texts, and may rest behind every slice. */
export const make = (library: Library): ((text: string) => Counting) => {
  // Nothing is special: a mark of control that stands in a text is text.
  const plain = { disallowedSpecial: new Set<string>() }
  let counted = 0

  const ofSlice = (slice: string): number => {
    counted += slice.length
    if (counted > cacheLimit) {
      counted = 0
      library.clearMergeCache()
    }
    try {
      return library.countTokens(slice, plain)
    } catch {
      // A count is never worth the run.
      return estimateText(slice)
    }
  }

  return function* (text) {
    let sum = 0
    let start = 0
    while (start < text.length) {
      const end = sliceEnd(text, start)
      sum += ofSlice(start === 0 && end === text.length ? text : text.slice(start, end))
      start = end
      yield
    }
    return sum
  }
}

/**
 * Where the slice ends that begins at a place. Behind a letter and before what is neither letter nor apostrophe every
 * tokenizer cuts, whatever stands around; other places are a last resort.
 */
export const sliceEnd = (text: string, start: number): number => {
  if (text.length - start <= stretchLimit) return text.length
  let cut = start
  let before = 0
  let words = 0
  let others = 0
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index)
    const sort = known[code] || learned(code)
    if (before === sorts.letter && (sort & sorts.letter) === 0 && code !== apostrophe) cut = index
    words = (sort & sorts.letter) === 0 ? 0 : words + 1
    others = (sort & sorts.other) === 0 ? 0 : others + 1
    if (words > stretchLimit || others > stretchLimit) return whole(text, index)
    if (index - start >= sliceLimit) return cut > start ? cut : whole(text, index)
    before = sort
  }
  return text.length
}

// internal

/** What a character may belong to. Marks and halves of characters may belong to words and to what is between them. */
const sorts = { letter: 1, other: 2, digit: 4 } as const
const apostrophe = 39
const known = new Uint8Array(0x10000)

const learned = (code: number): number => {
  const sort = sortOf(String.fromCharCode(code))
  known[code] = sort
  return sort
}

const sortOf = (character: string): number => {
  if (/\p{L}/u.test(character)) return sorts.letter
  if (/[\p{M}\ud800-\udfff]/u.test(character)) return sorts.letter | sorts.other
  return /\p{N}/u.test(character) ? sorts.digit : sorts.other
}
