/**
 * TOML with positions. A library reads the text and judges it; where everything stands is found in a second pass over a
 * text that is known to be right, which therefore has only to tell keys from values.
 */
import { parse, TomlError } from "smol-toml"
import type { Mistake, Read } from "./document.ts"
import { maxDepth, notFinite, Spots, tooDeep } from "./document.ts"
import type { Place } from "./problems.ts"

/** Reads a TOML document. After what is no TOML nothing more is read. */
export const read = (text: string): Read => {
  try {
    const value = parse(text, { maxDepth })
    // Dotted keys nest without the parser's bound.
    if (isDeep(value, 0)) {
      return { document: undefined, spots: new Spots(), mistakes: [{ offset: 0, place: [], problem: tooDeep }] }
    }
    const spots = spotsOf(text)
    const mistakes: Array<Mistake> = []
    return { document: { value: plain(value, [], spots, mistakes) }, spots, mistakes }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    return { document: undefined, spots: new Spots(), mistakes: [mistakeOf(text, error)] }
  }
}

// internal

const mistakeOf = (text: string, { column, line, message }: TomlError): Mistake => {
  let offset = 0
  for (let seen = 1; seen < line; seen++) offset = text.indexOf("\n", offset) + 1
  const problem = message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? message
  const isDeep = problem.includes("excessively nested")
  return { offset: offset + column - 1, place: [], problem: isDeep ? tooDeep : `no TOML: ${problem}` }
}

const isDeep = (value: unknown, depth: number): boolean =>
  depth > maxDepth ||
  (typeof value === "object" && value !== null && Object.values(value).some((inner) => isDeep(inner, depth + 1)))

/** As JSON has it. Dates are refused, since nothing here is one and the other formats have none. */
const plain = (value: unknown, place: Place, spots: Spots, mistakes: Array<Mistake>): unknown => {
  const refuse = (problem: string): void => {
    mistakes.push({ offset: spots.find(place).value, place, problem })
  }
  if (value instanceof Date) return refuse(`expected a text, not a date: write "${value.toISOString()}"`)
  if (typeof value === "number" && !Number.isFinite(value)) return refuse(notFinite)
  if (Array.isArray(value)) return value.map((item, index) => plain(item, [...place, index], spots, mistakes))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, plain(field, [...place, key], spots, mistakes)])
  )
}

interface Scanner {
  readonly text: string
  at: number
  readonly spots: Spots
  /** How many tables each list of tables has by now. */
  readonly tables: Map<string, number>
}

interface Key {
  readonly name: string
  readonly at: number
}

const spotsOf = (text: string): Spots => {
  const scanner: Scanner = { text, at: 0, spots: new Spots(), tables: new Map() }
  scanner.spots.add([], 0)
  let table: Place = []
  for (skip(scanner); scanner.at < text.length; skip(scanner)) {
    if (text[scanner.at] === "[") table = header(scanner)
    else pair(scanner, table)
  }
  return scanner.spots
}

/** The place of the table that a line in brackets opens. */
const header = (scanner: Scanner): Place => {
  const start = scanner.at
  const isList = scanner.text.startsWith("[[", start)
  scanner.at += isList ? 2 : 1
  const keys = keysAt(scanner)
  skipTo(scanner, "]")
  scanner.at += isList ? 2 : 1
  let place: Place = []
  keys.forEach(({ at, name }, index) => {
    place = [...place, name]
    const isNext = isList && index === keys.length - 1
    const count = (scanner.tables.get(JSON.stringify(place)) ?? 0) + (isNext ? 1 : 0)
    scanner.spots.add(place, start, at)
    if (count === 0) return
    scanner.tables.set(JSON.stringify(place), count)
    place = [...place, count - 1]
    scanner.spots.add(place, start)
  })
  return place
}

const pair = (scanner: Scanner, table: Place): void => {
  const keys = keysAt(scanner)
  skipTo(scanner, "=")
  scanner.at++
  skip(scanner)
  let place = table
  const last = keys.at(-1)
  for (const key of keys) {
    place = [...place, key.name]
    if (key !== last) scanner.spots.add(place, key.at, key.at)
  }
  value(scanner, place, last?.at)
}

const value = (scanner: Scanner, place: Place, key?: number): void => {
  const { spots, text } = scanner
  spots.add(place, scanner.at, key)
  const quotes = opening.exec(text.slice(scanner.at, scanner.at + 3))?.[0]
  if (quotes !== undefined) scanner.at = stringEnd(text, scanner.at, quotes)
  else if (text[scanner.at] === "[") {
    let index = 0
    enclosed(scanner, "]", () => value(scanner, [...place, index++]))
  } else if (text[scanner.at] === "{") enclosed(scanner, "}", () => pair(scanner, place))
  else while (scanner.at < text.length && !/[,\]}#\n]/.test(text[scanner.at] ?? "")) scanner.at++
}

const enclosed = (scanner: Scanner, close: string, each: () => void): void => {
  scanner.at++
  for (skip(scanner); scanner.at < scanner.text.length && scanner.text[scanner.at] !== close; skip(scanner)) {
    if (scanner.text[scanner.at] === ",") scanner.at++
    else each()
  }
  scanner.at++
}

const opening = /^(?:"""|'''|"|')/

/** Behind the closing quotes; up to two more may belong to a text of several lines. */
const stringEnd = (text: string, start: number, quotes: string): number => {
  let at = start + quotes.length
  while (at < text.length && !text.startsWith(quotes, at)) at += text[at] === "\\" && quotes.startsWith('"') ? 2 : 1
  at += quotes.length
  if (quotes.length === 3) for (let more = 0; more < 2 && text[at] === quotes[0]; more++) at++
  return at
}

const bare = /[A-Za-z0-9_-]+/y

const keysAt = (scanner: Scanner): ReadonlyArray<Key> => {
  const keys: Array<Key> = []
  const { text } = scanner
  for (;;) {
    skipBlanks(scanner)
    const at = scanner.at
    const quote = text[at]
    if (quote === '"' || quote === "'") {
      scanner.at = stringEnd(text, at, quote)
      keys.push({ at, name: Object.keys(parse(`${text.slice(at, scanner.at)}=0`))[0] ?? "" })
    } else {
      bare.lastIndex = at
      const name = bare.exec(text)?.[0] ?? ""
      scanner.at += name.length
      keys.push({ at, name })
    }
    skipBlanks(scanner)
    if (text[scanner.at] !== ".") return keys
    scanner.at++
  }
}

const skipBlanks = (scanner: Scanner): void => {
  while (/[ \t]/.test(scanner.text[scanner.at] ?? "")) scanner.at++
}

/** Blanks, line breaks and comments. */
const skip = (scanner: Scanner): void => {
  const { text } = scanner
  while (scanner.at < text.length && /[\s#]/.test(text[scanner.at] ?? "")) {
    const end = text[scanner.at] === "#" ? text.indexOf("\n", scanner.at) : scanner.at + 1
    scanner.at = end < 0 ? text.length : end
  }
}

const skipTo = (scanner: Scanner, char: string): void => {
  const found = scanner.text.indexOf(char, scanner.at)
  scanner.at = found < 0 ? scanner.text.length : found
}
