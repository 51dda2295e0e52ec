/**
 * Texts cut in characters (UTF-16), with no pair of surrogates split.
 */

/** Whether the index is in the middle of a pair. */
export const isInPair = (text: string, index: number): boolean => {
  const [before, after] = [text.charCodeAt(index - 1), text.charCodeAt(index)]
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff
}

/** The index itself, or the one before it when it is in the middle of a pair. */
export const whole = (text: string, index: number): number => {
  if (index <= 0 || index >= text.length) return Math.max(0, Math.min(index, text.length))
  return isInPair(text, index) ? index - 1 : index
}

/** The first characters, at most so many. */
export const head = (text: string, most: number): string => text.slice(0, whole(text, most))

/** The first `head` and the last `tail` characters, at most; they never overlap. `from` and `to` are what is between. */
export interface Ends {
  readonly head: string
  readonly tail: string
  readonly from: number
  readonly to: number
}

export const ends = (text: string, head: number, tail: number): Ends => {
  const from = whole(text, head)
  const wanted = Math.max(from, text.length - tail)
  // One character less rather than one more.
  const to = isInPair(text, wanted) ? wanted + 1 : wanted
  return { head: text.slice(0, from), tail: text.slice(to), from, to }
}
