/**
 * Pages of a long text, and the places in it where another text is found, as a model is told of them.
 */
import { whole } from "./texts.ts"

const pageLength = 8000
const longestPage = 16_000
const mostPlaces = 40
const longestExcerpt = 240

/** More than any page or list of places with what is said about it. */
export const longestResult = 20_000

/** Why there is nothing to read at this offset, and what to do. */
export const problemOf = (text: string, offset: number): string | undefined =>
  Number.isFinite(offset) && offset >= 0 && offset <= text.length
    ? undefined
    : `There is no offset ${offset}: the artifact has ${text.length} characters. Give an offset from 0 to ${text.length}.`

/** The text from an offset on. */
export const page = (id: string, text: string, offset: number, length = pageLength): string => {
  const from = whole(text, Math.floor(offset))
  const wanted = Number.isFinite(length) ? Math.min(longestPage, Math.max(1, Math.floor(length))) : pageLength
  const to = whole(text, from + wanted)
  // A page of one character may be half a pair: then it has both halves.
  const end = to > from ? to : whole(text, from + 2)
  const next = end < text.length ? `the next offset is ${end}` : "this is the end"
  return `[${id}: characters ${from} to ${end} of ${text.length}; ${next}]\n${text.slice(from, end)}`
}

/** The lines with a text, from an offset on, each with the offset at which the text is. */
export const found = (id: string, text: string, offset: number, search: string): string => {
  const start = whole(text, Math.floor(offset))
  const pattern = new RegExp(search.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "giu")
  pattern.lastIndex = start
  const places: Array<string> = []
  let next: number | undefined
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    if (places.length === mostPlaces) {
      next = match.index
      break
    }
    const line = lineAround(text, match.index, match[0].length)
    places.push(`${match.index}: ${line.text}`)
    // One place a line.
    pattern.lastIndex = Math.max(pattern.lastIndex, line.end)
  }
  const about = `${id}, ${text.length} characters, from ${start} on`
  if (places.length === 0) return `[${about}: "${brief(search)}" is not found]`
  const more = next === undefined ? "no more after these" : `there are more from offset ${next} on`
  return `[${about}: lines with "${brief(search)}", each after its offset; ${more}]\n${places.join("\n")}`
}

/** The line in which a match is, or the part around it of one that is long. */
const lineAround = (text: string, index: number, length: number): { readonly text: string; readonly end: number } => {
  const least = Math.max(0, index - longestExcerpt / 4)
  const most = Math.min(text.length, least + longestExcerpt)
  const before = text.lastIndexOf("\n", index - 1)
  const behind = text.indexOf("\n", index + length)
  const lineEnd = behind < 0 ? text.length : behind
  const from = whole(text, Math.max(index === 0 ? 0 : before + 1, least))
  const to = whole(text, Math.min(lineEnd, most))
  const cutBefore = from > Math.max(0, before + 1) ? "…" : ""
  const cutBehind = to < lineEnd ? "…" : ""
  return { text: `${cutBefore}${text.slice(from, to)}${cutBehind}`, end: to }
}

const brief = (search: string): string => (search.length > 80 ? `${search.slice(0, whole(search, 80))}…` : search)
