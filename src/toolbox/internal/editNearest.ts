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
  const almost = readings.find(([, plain]) => plain(edit.old).trim() !== "" && plain(text).includes(plain(edit.old)))
  if (almost !== undefined) {
    const [what, plain] = almost
    // Readings keep the ends of lines, so that the line is the same one in both.
    const [first = 1] = lineNumbers(plain(text), [plain(text).indexOf(plain(edit.old))])
    return `old is not in the file, but lines that differ in ${what} are:\n${passage(text, first, height(edit.old))}\nGive old as it is there.`
  }
  const isThere = edit.new.trim().length > 0 && text.includes(edit.new)
  const done = isThere ? " new is in the file already: perhaps the change was made before." : ""
  const near = nearest(text, edit.old)
  return near === undefined
    ? `old is not in the file, and nothing like it.${done} Read the file again.`
    : `old is not in the file.${done} The nearest lines are:\n${passage(text, near, height(edit.old))}\nGive old as it is there.`
}

// internal

/** What a reader may take for the same, from the least difference on. None takes away an end of a line. */
const readings: ReadonlyArray<readonly [what: string, plain: (text: string) => string]> = [
  ["the ends of lines", (text) => text.replace(/\r/g, "")],
  ["spaces at the ends of lines", (text) => text.replace(/[ \t\r]+$/gm, "")],
  ["indentation", (text) => text.replace(/[ \t\r]+$/gm, "").replace(/^[ \t]+/gm, "")],
  ["spaces", (text) => spaceless(text)],
  ["quotes, dashes or other characters that look alike", (text) => spaceless(alike(text))],
  ['escapes such as \\n and \\"', (text) => spaceless(alike(text)).replace(/\\(?=["'`\\nt])/g, "")],
  ["upper and lower case", (text) => spaceless(alike(text)).toLowerCase()]
]

const spaceless = (text: string): string => text.replace(/[^\S\n]+/g, "")

const alike = (text: string): string =>
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
  const known = new Map<string, number>()
  for (const line of wanted) if (line.length > 3) known.set(line, (known.get(line) ?? 0) + 1)
  const lines = text.split("\n")
  const shared = best(lines, wanted.length, (line) => (known.has(line.trim()) ? 1 : 0))
  if (shared.score > 0) return shared.first
  const words = new Set(wordsOf(old))
  const alike = best(lines, wanted.length, (line) => {
    const found = new Set(wordsOf(line.slice(0, 500)))
    let score = 0
    for (const word of found) if (words.has(word)) score++
    return found.size === 0 ? 0 : (score * score) / Math.max(found.size, score)
  })
  return alike.score * 2 >= words.size && words.size > 0 ? alike.first : undefined
}

/** The window of so many lines with the highest sum. */
const best = (
  lines: ReadonlyArray<string>,
  count: number,
  scoreOf: (line: string) => number
): { readonly first: number; readonly score: number } => {
  const scores = lines.map(scoreOf)
  let [sum, score, first] = [0, 0, 1]
  scores.forEach((line, index) => {
    sum += line - (scores[index - count] ?? 0)
    if (sum > score + 1e-9) [score, first] = [sum, Math.max(1, index - count + 2)]
  })
  return { first, score }
}

const wordsOf = (text: string): ReadonlyArray<string> => text.match(/[\p{L}\p{N}_]+/gu) ?? []
