/**
 * How the command line puts things into words: counts, times, what a call and a result say in one line.
 */
import type { ResultContent } from "../../domain/Part.ts"
import { contentToText } from "../../domain/Part.ts"

/** Control characters of a model, a file or a title must not reach the terminal, nor what turns text around. */
export const printable = (value: string): string =>
  value.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "")

/** The same on one line. */
export const oneLine = (value: string): string => printable(value.replace(/\s+/g, " ")).trim()

/** A value as one line of JSON that a terminal may show, too. */
export const jsonLine = (value: unknown): string =>
  `${JSON.stringify(value).replace(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, escaped)}\n`

export const clip = (value: string, most: number): string => {
  if (value.length <= most) return value
  // Not half a character at the end.
  return `${value.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, "")}…`
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${numeral(count)} ${count === 1 ? one : many}`

/** A whole number with its thousands apart. The runtime's own way takes 12 ms the first time. */
export const numeral = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",")

/** A count to two digits or so: 950, 1.2k, 45k, 3.1M. */
export const rounded = (count: number): string => {
  const scaled = (size: number, unit: string) => {
    const share = count / size
    return `${share < 9.95 ? share.toFixed(1).replace(/\.0$/, "") : Math.round(share)}${unit}`
  }
  return count < 1000 ? String(Math.round(count)) : count < 999_500 ? scaled(1000, "k") : scaled(1_000_000, "M")
}

/** How long something takes. */
export const lasting = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} m ${two(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`
}

/** The arguments of a call, as it might be written. */
export const argumentsOf = (input: unknown): string =>
  typeof input !== "object" || input === null
    ? clip(printable(JSON.stringify(input) ?? ""), 100)
    : clip(
        printable(
          Object.entries(input)
            .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
            .join(", ")
        ),
        100
      )

/** A call as the model wrote it: arguments that are no JSON stand as they are. */
export const callOf = (name: string, input: string): string => {
  try {
    return `→ ${printable(name)}(${argumentsOf(JSON.parse(input))})`
  } catch {
    return `→ ${printable(name)}(${clip(oneLine(input), 100)})`
  }
}

/** Of files beside words, the words say enough. */
export const resultOf = (name: string, outcome: string, content: ReadonlyArray<ResultContent>): string => {
  const words = content.filter(({ type }) => type !== "file")
  const text = contentToText(words.length > 0 ? words : content)
  return `← ${printable(name)}${outcome === "ok" ? "" : ` ${outcome}`}: ${summary(text)}`
}

/** How long ago, and from a month on the day. */
export const ago = (at: number, now: number): string => {
  const minutes = Math.floor((now - at) / 60_000)
  if (minutes < 1) return "just now"
  if (minutes < 60) return `${minutes} min ago`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ago`
  const days = Math.floor(hours / 24)
  return days === 1 ? "yesterday" : days < 30 ? `${days} days ago` : dayOf(at)
}

/** The local time, to the minute. */
export const timeOf = (at: number): string => {
  const time = new Date(at)
  return `${dayOf(at)} ${two(time.getHours())}:${two(time.getMinutes())}`
}

// internal

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

const two = (value: number): string => String(value).padStart(2, "0")

const dayOf = (at: number): string => {
  const time = new Date(at)
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
}

/** The first line that says something, and how many more there are. */
const summary = (result: string): string => {
  const lines = result.split("\n").filter((line) => line.trim() !== "")
  const first = clip(printable(lines[0]?.trim() ?? "nothing"), 80)
  return lines.length > 1 ? `${first} (and ${plural(lines.length - 1, "more line")})` : first
}
