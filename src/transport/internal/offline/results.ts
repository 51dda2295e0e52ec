/**
 * Reads what tools for files answer: lines with their numbers, lists that were cut, matches by file. Tools put the same things
 * in different words; what is not recognised is taken as it is.
 */

import type { ToolResult } from "../../../domain/Part.ts"
import { contentToText } from "../../../domain/Part.ts"

/** What a tool said of a file. */
export interface File {
  /** The text, without the numbers of lines and what stands around them. */
  readonly text: string
  /** How many lines the file has, where the tool says so. */
  readonly lines: number | undefined
  /** Whether that is not a text: bytes, or a medium. */
  readonly isOther: boolean
}

const numbered = /^ *\d+\t/

export const ofFile = (result: ToolResult, path: string): File => {
  const isMedium = result.content.some((part) => part.type === "file" && !("text" in part.data))
  if (isMedium) {
    const words = contentToText(result.content.filter(({ type }) => type !== "file"))
    return { text: words === "" ? textOf(result) : words, lines: undefined, isOther: true }
  }
  const text = textOf(result)
  if (text.startsWith(`${path} is empty`)) return { text: "", lines: 0, isOther: false }
  const [head = "", ...rest] = text.split("\n")
  const lines = numbered.test(head) ? [head, ...rest] : rest
  if (lines.length > 0 && lines.every((line) => numbered.test(line))) {
    const [, of, all] = /: (?:lines \d+ to \d+ of (\d+)|(\d+) lines?)(?:[,;]|$)/.exec(head) ?? []
    const plain = lines.map((line) => line.replace(numbered, "")).join("\n")
    return { text: plain, lines: of === undefined && all === undefined ? undefined : Number(of ?? all), isOther: false }
  }
  return { text, lines: leftOut(text), isOther: /: bytes \d+-\d+ of \d+/.test(head) }
}

/** Names that a tool lists, and how many there are at least. */
export const ofList = (text: string): { readonly entries: ReadonlyArray<string>; readonly more: number } => {
  if (/^.*\bis (?:an )?empty\b.*$/i.test(text.trim())) return { entries: [], more: 0 }
  const entries = text.split("\n").filter((line) => line.trim() !== "" && !isNote(line))
  const more = Number(/^… and (\d+) more\b/m.exec(text)?.[1] ?? 0)
  const total = leftOut(text)
  return { entries, more: total === undefined ? more : Math.max(0, total - entries.length) }
}

/** How many lines a search found, and whether there are more. */
export const ofSearch = (text: string): { readonly hits: number; readonly isMore: boolean } => {
  if (/^no (?:match|line|result|file)/i.test(text)) return { hits: 0, isMore: false }
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !isNote(line))
  // By file, each path once and its matches below it; or a line for each.
  const grouped = lines.filter((line) => /^ *\d+: /.test(line))
  const isMore = /^… and /m.test(text) || leftOut(text) !== undefined
  return { hits: grouped.length > 0 ? grouped.length : lines.length, isMore }
}

/** Text of a result, also when a tool packs it into an object. */
export const textOf = (result: ToolResult): string => {
  const only = result.content[0]
  if (result.content.length !== 1 || only?.type !== "json") return contentToText(result.content)
  const { value } = only
  if (Array.isArray(value)) return value.map(lineOf).join("\n")
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value)
    const main = entries.find(([name]) =>
      /^(?:content|text|body|data|result|value|output|entries|files|matches|error|message)$/.test(name)
    )
    const inner = main?.[1] ?? (entries.length === 1 ? entries[0]?.[1] : undefined)
    if (Array.isArray(inner)) return inner.map(lineOf).join("\n")
    if (typeof inner === "string" || typeof inner === "number") return String(inner)
  }
  return lineOf(value)
}

// internal

/** What a tool said at the end of what it left out, as in "[lines 1-200 of 1234 shown …]": how much there is in all. */
const leftOut = (text: string): number | undefined => {
  const total = /\n\[(?:lines \d+-\d+|first \d+|\d+) of (\d+)\b[^\]\n]*\]\s*$/.exec(`\n${text}`)?.[1]
  return total === undefined ? undefined : Number(total)
}

/** A line that a tool adds to say what it left out, or that there is nothing. */
const isNote = (line: string): boolean => /^(?:\[.*\]|\(There are too many .*\)|… and .*|No files? .*)$/i.test(line)

const lineOf = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""))
