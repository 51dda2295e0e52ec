/**
 * What searches compare: the words of a text, without case and accents. Scripts that write no spaces between words are
 * taken character by character, in their order.
 */

/** One word of a text that is searched, or several characters that must follow each other. */
export type Term = ReadonlyArray<string>

/** The words of a text, in order. */
export const wordsOf = (text: string): ReadonlyArray<string> => normal(text).match(words) ?? []

/** What has to be found for a query: all of it, each term's last word as the beginning of a word. */
export const termsOf = (query: string): ReadonlyArray<Term> =>
  query
    .split(/\s+/)
    .map(wordsOf)
    .filter((term) => term.length > 0)

/** Whether every term is in these words. */
export const matches = (found: ReadonlyArray<string>, terms: ReadonlyArray<Term>): boolean =>
  terms.every((term) => found.some((_, index) => isAt(found, index, term)))

/** A part of the text around the first place where a term is, on one line, at most 160 characters. */
export const excerpt = (text: string, terms: ReadonlyArray<Term>): string => {
  const line = text.replace(/\s+/g, " ").trim()
  if (line.length <= longest) return line
  const at = place(line, terms)
  const start = Math.max(0, Math.min(at - 60, line.length - longest))
  const from = start === 0 ? 0 : start + 1
  const isWhole = start + longest >= line.length
  const cut = line.slice(from, isWhole ? line.length : start + longest - 1)
  return `${start === 0 ? "" : "…"}${cut.replace(halves, "")}${isWhole ? "" : "…"}`
}

const longest = 160

/** Half a character at either end. */
const halves = /^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/g

const unspaced =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}"

const words = new RegExp(`[${unspaced}]|(?:(?![${unspaced}])[\\p{L}\\p{N}\\p{M}])+`, "gu")

const normal = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(/\p{Mn}+/gu, "")
    .toLowerCase()

const isAt = (found: ReadonlyArray<string>, index: number, term: Term): boolean =>
  term.every((word, offset) => {
    const there = found[index + offset]
    return offset === term.length - 1 ? there?.startsWith(word) === true : there === word
  })

/** Where the first word that is found begins, whatever it looks like in the text as it is written. */
const place = (line: string, terms: ReadonlyArray<Term>): number => {
  const found: Array<string> = []
  const places: Array<number> = []
  for (const match of line.matchAll(words)) {
    for (const word of wordsOf(match[0])) {
      found.push(word)
      places.push(match.index)
    }
  }
  return places[found.findIndex((_, index) => terms.some((term) => isAt(found, index, term)))] ?? 0
}
