/**
 * How well tools go with some words: by the words they have in common, rare ones before common ones, those of a tool's name
 * before those of its parameters and its description. One pass over both, however many tools there are.
 */
import type { ToolSpec } from "../../domain/Request.ts"

/** The tools that have something in common with a text, the best first; of equal ones the first. */
export const matching = (tools: ReadonlyArray<ToolSpec>, text: string): ReadonlyArray<ToolSpec> => {
  const { postings, size } = indexOf(tools)
  const scores = new Map<number, number>()
  for (const [term, strength] of termsOf(text, 1)) {
    const found = postings.get(term)
    if (found === undefined) continue
    // A word that most tools have tells nothing about any of them.
    if (size > few && found.length * 2 > size) continue
    const rarity = Math.log(1 + size / found.length)
    for (const { tool, weight } of found) scores.set(tool, (scores.get(tool) ?? 0) + weight * strength * rarity)
  }
  const best = [...scores].sort(([first, some], [second, other]) => other - some || first - second)
  return best.flatMap(([tool]) => tools[tool] ?? [])
}

/**
 * The terms of a text, each with a weight: its words without case, accents and forms of letters, and at less weight how
 * long ones begin, so that forms of a word find each other. Scripts that do not part words give pairs of characters.
 */
export const termsOf = (text: string, weight: number): ReadonlyMap<string, number> => {
  const terms = new Map<string, number>()
  const note = (term: string, strength: number) => terms.set(term, Math.max(strength, terms.get(term) ?? 0))
  for (const word of plain(text.slice(0, longest)).match(words) ?? []) {
    const characters = Array.from(word)
    if (unparted.test(word)) {
      const last = Math.max(1, characters.length - 1)
      for (let index = 0; index < last; index++) note(characters.slice(index, index + 2).join(""), weight)
    } else if (characters.length > 1 || !/[a-z]/.test(word)) {
      note(word, weight)
      // The sign is in no word, so that a beginning is only compared with beginnings.
      if (characters.length >= 4) note(`${characters.slice(0, 4).join("")}~`, weight * beginning)
    }
  }
  return terms
}

// internal

const weights = { name: 3, parameter: 1.5, description: 1 }
/** What a beginning in common counts, next to a whole word. */
const beginning = 0.4
/** Of so few tools even a word that most have may tell them apart. */
const few = 4
/** Characters of one text that are looked at. */
const longest = 20_000
const mostParameters = 500

const script =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}\\p{Script=Lao}" +
  "\\p{Script=Khmer}\\p{Script=Myanmar}"
const unparted = new RegExp(`[${script}]`, "u")
const words = new RegExp(`[${script}]+|(?:(?![${script}])[\\p{L}\\p{M}\\p{N}])+`, "gu")

const plain = (text: string): string =>
  text
    .replace(/(\p{Ll}|\p{N})(?=\p{Lu})/gu, "$1 ")
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .normalize("NFC")
    .toLowerCase()

interface Index {
  readonly postings: ReadonlyMap<string, ReadonlyArray<{ readonly tool: number; readonly weight: number }>>
  readonly size: number
}

/** Specs live as long as their tools, and lists of them as long as a run. */
const indexes = new WeakMap<ReadonlyArray<ToolSpec>, Index>()
const specs = new WeakMap<ToolSpec, ReadonlyMap<string, number>>()

const indexOf = (tools: ReadonlyArray<ToolSpec>): Index => {
  const known = indexes.get(tools)
  if (known !== undefined) return known
  const postings = new Map<string, Array<{ readonly tool: number; readonly weight: number }>>()
  tools.forEach((spec, tool) => {
    for (const [term, weight] of termsOfSpec(spec)) {
      const found = postings.get(term)
      if (found === undefined) postings.set(term, [{ tool, weight }])
      else found.push({ tool, weight })
    }
  })
  const made = { postings, size: tools.length }
  indexes.set(tools, made)
  return made
}

const termsOfSpec = (spec: ToolSpec): ReadonlyMap<string, number> => {
  const known = specs.get(spec)
  if (known !== undefined) return known
  const terms = new Map(termsOf(spec.name, weights.name))
  const add = (more: ReadonlyMap<string, number>) => {
    for (const [term, weight] of more) terms.set(term, Math.max(weight, terms.get(term) ?? 0))
  }
  add(termsOf(parametersOf(spec.inputSchema).join(" "), weights.parameter))
  add(termsOf(spec.description ?? "", weights.description))
  specs.set(spec, terms)
  return terms
}

/** The names of the parameters of a schema, nested ones included. */
const parametersOf = (schema: object): ReadonlyArray<string> => {
  const names: Array<string> = []
  const open: Array<object> = [schema]
  for (let index = 0; index < open.length && index < mostParameters; index++) {
    for (const [key, value] of Object.entries(open[index] ?? {})) {
      if (typeof value !== "object" || value === null) continue
      if (key === "properties") names.push(...Object.keys(value))
      open.push(value)
    }
  }
  return names
}
