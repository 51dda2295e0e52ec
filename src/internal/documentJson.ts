/**
 * JSON with positions. The platform's own parser tells of the first mistake only, often without its place, and takes the
 * last of two equal keys without a word.
 */

import type { Mistake, Read } from "./document.ts"
import { maxDepth, notFinite, Spots, tooDeep, twice } from "./document.ts"
import type { Place } from "./problems.ts"

/** Reads one JSON value. Keys that stand twice are told all together; after what is no JSON nothing more is read. */
export const read = (text: string): Read => {
  const reader: Reader = { text, at: 0, spots: new Spots(), mistakes: [] }
  try {
    skip(reader)
    const value = valueAt(reader, [])
    skip(reader)
    if (reader.at < text.length) fail(reader, [], "something follows the end of the object: remove it")
    return { document: { value }, spots: reader.spots, mistakes: reader.mistakes }
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
    return { document: undefined, spots: reader.spots, mistakes: [...reader.mistakes, error.mistake] }
  }
}

/**
 * JSON as people write it in settings: comments, and commas too many, become blanks, so that everything stays in its place.
 */
export const withoutComments = (text: string): string =>
  text
    .replace(/"(?:\\.|[^"\\\n])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
      found.startsWith('"') ? found : found.replace(/[^\n]/g, " ")
    )
    .replace(/"(?:\\.|[^"\\\n])*"|,(?=\s*[}\]])/g, (found) => (found === "," ? " " : found))

// internal

interface Reader {
  readonly text: string
  at: number
  readonly spots: Spots
  readonly mistakes: Array<Mistake>
}

class Stopped {
  readonly mistake: Mistake
  constructor(mistake: Mistake) {
    this.mistake = mistake
  }
}

const fail = ({ at }: Reader, place: Place, problem: string, offset = at): never => {
  throw new Stopped({ offset, place, problem })
}

const skip = (reader: Reader): void => {
  while (/[ \t\n\r]/.test(reader.text[reader.at] ?? "")) reader.at++
}

const valueAt = (reader: Reader, place: Place, key?: number): unknown => {
  reader.spots.add(place, reader.at, key)
  if (place.length > maxDepth) fail(reader, [], tooDeep)
  switch (reader.text[reader.at]) {
    case "{":
      return objectAt(reader, place)
    case "[":
      return listAt(reader, place)
    case '"':
      return textAt(reader, place)
    default:
      return wordAt(reader, place)
  }
}

const objectAt = (reader: Reader, place: Place): unknown => {
  const fields = new Map<string, unknown>()
  reader.at++
  skip(reader)
  if (ends(reader, "}")) return {}
  do {
    skip(reader)
    const start = reader.at
    if (reader.text[start] !== '"') fail(reader, place, `expected a key in double quotes, not ${shown(reader)}`)
    const key = textAt(reader, place)
    const inner = [...place, key]
    if (fields.has(key)) reader.mistakes.push({ offset: start, place: inner, problem: twice })
    skip(reader)
    if (!ends(reader, ":")) fail(reader, inner, `expected a colon behind the key, not ${shown(reader)}`)
    skip(reader)
    fields.set(key, valueAt(reader, inner, start))
    skip(reader)
  } while (goesOn(reader, place, "}"))
  return Object.fromEntries(fields)
}

const listAt = (reader: Reader, place: Place): ReadonlyArray<unknown> => {
  const items: Array<unknown> = []
  reader.at++
  skip(reader)
  if (ends(reader, "]")) return items
  do {
    skip(reader)
    items.push(valueAt(reader, [...place, items.length]))
    skip(reader)
  } while (goesOn(reader, place, "]"))
  return items
}

const goesOn = (reader: Reader, place: Place, close: string): boolean => {
  if (ends(reader, close)) return false
  const comma = reader.at
  if (!ends(reader, ",")) fail(reader, place, `expected a comma or ${close}, not ${shown(reader)}`)
  skip(reader)
  if (reader.text[reader.at] === close) fail(reader, place, `nothing follows the last comma: remove it`, comma)
  return true
}

const ends = (reader: Reader, char: string): boolean => {
  if (reader.text[reader.at] !== char) return false
  reader.at++
  return true
}

const quoted = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y
const word = /[-+.\w]+/y
const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/

const textAt = (reader: Reader, place: Place): string => {
  const start = reader.at
  const found = match(quoted, reader)
  reader.at = start + found.length
  const next = reader.text[reader.at]
  if (next === "\\") fail(reader, place, 'no such escape: write a backslash as "\\\\"')
  if (next === undefined || next === "\n") fail(reader, place, "a text without its closing quote", start)
  if (next !== '"') fail(reader, place, "a control character in a text: write it as an escape, such as \\t")
  reader.at++
  const text: unknown = JSON.parse(`${found}"`)
  return typeof text === "string" ? text : ""
}

const wordAt = (reader: Reader, place: Place): unknown => {
  const start = reader.at
  const found = match(word, reader)
  if (found === "true" || found === "false" || found === "null" || number.test(found)) {
    reader.at = start + found.length
    const value: unknown = JSON.parse(found)
    if (typeof value === "number" && !Number.isFinite(value)) fail(reader, place, notFinite, start)
    return value
  }
  return fail(reader, place, `expected a value, not ${shown(reader)}`)
}

const match = (pattern: RegExp, { at, text }: Reader): string => {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ""
}

const shown = (reader: Reader): string => {
  const { at, text } = reader
  if (at >= text.length) return "the end of the file"
  if (text.startsWith("//", at) || text.startsWith("/*", at) || text[at] === "#") return "a comment, which JSON has not"
  return match(word, reader).slice(0, 40) || JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))
}
