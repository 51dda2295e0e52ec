/**
 * Why a passage is not in a text: which passage was probably meant, and what is different there. Everything here is linear
 * in the text.
 */
import { cutLine } from "./diffRender.ts"
import { lineNumbers } from "./editLines.ts"

/** What a model is told whose passage is not in the text, and how to go on. */
export const explain = (text: string, edit: { readonly old: string; readonly new: string }): string => {
  const unnumbered = edit.old.replace(/^ *\d+\t/gm, "")
  if (unnumbered !== edit.old && unnumbered !== "" && text.includes(unnumbered)) {
    return "old has the line numbers of read_file in it: give the lines without them."
  }
  const almost = alike(text, edit.old)
  if (almost !== undefined) {
    return `old is not in the file, but lines that differ in ${almost.what} are:\n${passage(text, almost.line, height(edit.old))}\nGive old as it is there.`
  }
  const isThere = edit.new.trim().length > 0 && text.includes(edit.new)
  const done = isThere ? " new is in the file already: perhaps the change was made before." : ""
  const near = nearest(text, edit.old)
  return near === undefined
    ? `old is not in the file, and nothing like it.${done} Read the file again.`
    : `old is not in the file.${done} The nearest lines are:\n${passage(text, near, height(edit.old))}\nGive old as it is there.`
}

// internal

/** In larger texts is looked for less: it is only a hint. */
const mostSearched = 1_000_000

/** Of a line so much is compared. */
const mostCompared = 500

const letterCase = "upper and lower case"

/** What a reader may take for the same, from the least difference on. None takes away an end of a line. */
const readings: ReadonlyArray<readonly [what: string, plain: (text: string) => string]> = [
  ["the ends of lines", (text) => text.replace(/\r/g, "")],
  ["spaces at the ends of lines", (text) => text.replace(/[ \t\r]+$/gm, "")],
  ["indentation", (text) => text.replace(/[ \t\r]+$/gm, "").replace(/^[ \t]+/gm, "")],
  ["spaces", (text) => spaceless(text)],
  ["quotes, dashes or other characters that look alike", (text) => spaceless(lookalike(text))],
  ['escapes such as \\n and \\"', (text) => spaceless(lookalike(text)).replace(/\\(?=["'`\\nt])/g, "")],
  [letterCase, (text) => spaceless(lookalike(text)).toLowerCase()]
]

/** The first reading in which a passage is in a text, and the line where it begins. */
const alike = (text: string, old: string): { readonly what: string; readonly line: number } | undefined => {
  // Readings change no letters, so that without those there is nothing to read.
  const [word = ""] = [...old.matchAll(/[a-z0-9_]+/gi)]
    .map(([word]) => word)
    .sort((one, other) => other.length - one.length)
  const isThere = text.includes(word)
  for (const [what, plain] of readings) {
    if (!isThere && (what !== letterCase || text.length > mostSearched)) continue
    const [wanted, found] = [plain(old), plain(text)]
    const at = wanted.trim() === "" ? -1 : found.indexOf(wanted)
    // They keep the ends of lines, so that the line is the same one in both.
    if (at >= 0) return { what, line: lineNumbers(found, [at])[0] ?? 1 }
  }
  return undefined
}

const spaceless = (text: string): string => text.replace(/[^\S\n]+/g, "")

const lookalike = (text: string): string =>
  text
    .replace(/[‘’‚‛′`´]/g, "'")
    .replace(/[“”„‟″«»]/g, '"')
    .replace(/[‐‑‒–—―−]/g, "-")
    .replace(/…/g, "...")
    .replace(/[\u200b-\u200d\u2060\ufeff]/g, "")
    .normalize("NFKC")

const height = (old: string): number => old.replace(/\n$/, "").split("\n").length

const mostShown = 12

/** Lines of the text with their numbers. */
const passage = (text: string, first: number, count: number): string => {
  let at = 0
  for (let line = 1; line < first; line++) at = text.indexOf("\n", at) + 1
  const lines: Array<string> = []
  for (let line = first; line < first + Math.min(count, mostShown) && at < text.length; line++) {
    const next = text.indexOf("\n", at)
    const end = next < 0 ? text.length : next
    lines.push(`${String(line).padStart(6)}\t${cutLine(text.slice(at, end), 300)}`)
    at = end + 1
  }
  return lines.join("\n")
}

/** The first of the lines that have most in common with a passage, or nothing if that is little. */
const nearest = (text: string, old: string): number | undefined => {
  const wanted = old.split("\n").map((line) => line.trim())
  const lines = text.split("\n")
  return sameLines(lines, wanted) ?? (text.length > mostSearched ? undefined : likeLine(lines, wanted))
}

/** Where the passage begins if most of its lines that are there are where they are in it. */
const sameLines = (lines: ReadonlyArray<string>, wanted: ReadonlyArray<string>): number | undefined => {
  // A bracket alone is everywhere.
  const places = new Map(wanted.flatMap((line, index) => (line.length > 3 ? [[line, index] as const] : [])))
  const votes = new Map<number, number>()
  lines.forEach((line, index) => {
    const place = places.get(line.trim())
    if (place !== undefined) votes.set(index - place, (votes.get(index - place) ?? 0) + 1)
  })
  const [best] = [...votes].reduce((best, vote) => (vote[1] > best[1] ? vote : best), [0, 0])
  return votes.size === 0 ? undefined : Math.max(0, best) + 1
}

/** Where it begins if its longest line is the one that has most words in common with it. */
const likeLine = (lines: ReadonlyArray<string>, wanted: ReadonlyArray<string>): number | undefined => {
  const longest = wanted.reduce((longest, line) => (line.length > longest.length ? line : longest), "")
  const words = new Set(wordsOf(longest.slice(0, mostCompared)))
  let best = { score: 0.5, at: -1 }
  lines.forEach((line, index) => {
    const found = new Set(wordsOf(line.slice(0, mostCompared)))
    const common = [...found].filter((word) => words.has(word)).length
    const score = common / Math.max(found.size, words.size, 1)
    if (score >= best.score && (score > best.score || best.at < 0)) best = { score, at: index }
  })
  return best.at < 0 ? undefined : Math.max(0, best.at - wanted.indexOf(longest)) + 1
}

const wordsOf = (text: string): ReadonlyArray<string> => text.match(/[\p{L}\p{N}_]+/gu) ?? []
