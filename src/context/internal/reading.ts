/**
 * Pages of a long text, and the places in it where another text is found, as a model is told of them.
 */
import { head, whole } from "../../internal/texts.ts"

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
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    if (places.length === mostPlaces) return listed(id, text, start, search, places, match.index)
    const line = lineAround(text, match.index, match.index + match[0].length)
    places.push(`${match.index}: ${line.text}`)
    // What is shown is not shown again.
    pattern.lastIndex = Math.max(pattern.lastIndex, line.end)
  }
  return listed(id, text, start, search, places, undefined)
}

const listed = (
  id: string,
  text: string,
  start: number,
  search: string,
  places: ReadonlyArray<string>,
  next: number | undefined
): string => {
  const about = `${id}: ${text.length} characters, searched from ${start} on`
  const what = search.length > 80 ? `${head(search, 80)}…` : search
  if (places.length === 0) return `[${about}; "${what}" is not found]`
  const more = next === undefined ? "there are no more" : `there are more from offset ${next} on`
  return `[${about}; lines with "${what}", each after the offset where it is; ${more}]\n${places.join("\n")}`
}

/** The line in which a match is, or the part around the match when the line is long. */
const lineAround = (text: string, index: number, end: number): { readonly text: string; readonly end: number } => {
  // Only so much is looked at: a text may be one line.
  const least = whole(text, Math.max(0, index - longestExcerpt / 4))
  const most = whole(text, Math.min(text.length, least + longestExcerpt))
  const start = text.slice(least, index).lastIndexOf("\n")
  const stop = text.slice(end, most).indexOf("\n")
  const from = start < 0 ? least : least + start + 1
  const to = stop < 0 ? most : end + stop
  const isCutBefore = start < 0 && least > 0 && text[least - 1] !== "\n"
  const isCutBehind = stop < 0 && most < text.length && text[most] !== "\n"
  return { text: `${isCutBefore ? "…" : ""}${text.slice(from, to)}${isCutBehind ? "…" : ""}`, end: to }
}
