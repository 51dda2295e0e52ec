/**
 * Whether a program and its words are what a pattern describes: surely, perhaps (a part is known only at run time), or
 * not. Patterns know `*` for any text; between words `**` is any number of words. Time: pattern times words.
 */
import type { Word } from "./commandSyntax.ts"

export type Match = "yes" | "maybe" | "no"

/** Without `words` any words do. */
export interface Pattern {
  readonly program: string
  readonly words?: ReadonlyArray<string> | undefined
}

/** Whether a text is what a pattern with `*` describes. */
export const matchesText = (pattern: string, text: string): boolean => {
  if (!pattern.includes("*")) return pattern === text
  let [at, from, star, mark] = [0, 0, -1, 0]
  while (from < text.length) {
    if (pattern[at] === "*") {
      star = at
      mark = from
      at += 1
    } else if (at < pattern.length && pattern[at] === text[from]) {
      at += 1
      from += 1
    } else if (star >= 0) {
      at = star + 1
      mark += 1
      from = mark
    } else return false
  }
  while (pattern[at] === "*") at += 1
  return at === pattern.length
}

/** The name of a program without its folder, as file systems that fold case see it. */
export const baseOf = (program: string): string =>
  program
    .slice(program.lastIndexOf("/") + 1)
    .toLowerCase()
    .replace(/\.(?:exe|com|cmd|bat)$/, "")

/** Finds what a table has for a program. Its keys are names and patterns, with spaces between. */
export const byProgram = <A>(
  entries: ReadonlyArray<readonly [programs: string, entry: A]>
): ((program: string) => ReadonlyArray<A>) => {
  const names = new Map<string, Array<A>>()
  const patterns: Array<readonly [string, A]> = []
  for (const [programs, entry] of entries) {
    for (const program of programs.split(" ")) {
      if (program.includes("*")) patterns.push([program, entry])
      else names.set(program, [...(names.get(program) ?? []), entry])
    }
  }
  return (program) => {
    const matching = patterns.flatMap(([pattern, entry]) => (matchesText(pattern, program) ? [entry] : []))
    return [...(names.get(program) ?? []), ...matching]
  }
}

/**
 * Matches for permission: only what is certain counts, and a name without a folder does not stand for a file in one.
 */
export const permits = (pattern: Pattern, program: string, words: ReadonlyArray<Word>): boolean =>
  matchesText(pattern.program, program) &&
  (pattern.program.includes("/") || !program.includes("/")) &&
  !program.split("/").includes("..") &&
  (pattern.words === undefined || run(pattern.words, words, certain))

/** Matches for restriction: a name stands for every file of that name, and what may match, perhaps does. */
export const restricts = (pattern: Pattern, program: string, words: ReadonlyArray<Word>): Match => {
  const named = pattern.program.includes("/")
    ? matchesText(pattern.program, program)
    : matchesText(pattern.program.toLowerCase(), baseOf(program))
  if (!named) return "no"
  if (pattern.words === undefined || run(pattern.words, words, certain)) return "yes"
  return run(pattern.words, words, possible) ? "maybe" : "no"
}

/** Whether one of the options stands among the words: letters stand alone or joined, names whole or shortened. */
export const flagged = (options: ReadonlyArray<string>, words: ReadonlyArray<Word>): Match => {
  for (const { glob, text } of words) {
    if (text === "--") break
    if (text === undefined || glob || !text.startsWith("-") || text === "-") continue
    const name = text.split("=", 1)[0] ?? ""
    if (
      options.some((option) =>
        option.length > 1 ? isLong(option, name) : !text.startsWith("--") && text.includes(option)
      )
    ) {
      return "yes"
    }
  }
  return words.some((word) => word.text === undefined || (word.glob && /^[*?[]/.test(word.text))) ? "maybe" : "no"
}

// internal

const isLong = (option: string, name: string): boolean =>
  option === name || (name.length > 2 && name.startsWith("--") && option.startsWith(name))

type Fits = (pattern: string, word: Word) => boolean

const certain: Fits = (pattern, { glob, splits, text }) =>
  text === undefined || glob ? pattern === "*" && !splits && !glob : matchesText(pattern, text)

const possible: Fits = (pattern, { glob, text }) =>
  text === undefined ? true : glob ? compatible(pattern, text) : matchesText(pattern, text)

/** Whether a pattern and a glob can mean the same text, by what both have before the first and after the last star. */
const compatible = (pattern: string, glob: string): boolean => {
  const [start, head] = [pattern.split("*", 1)[0] ?? "", glob.split(/[*?[]/, 1)[0] ?? ""]
  const [end, tail] = [pattern.slice(pattern.lastIndexOf("*") + 1), glob.slice(glob.search(/[^*?[\]]*$/))]
  return (start.startsWith(head) || head.startsWith(start)) && (end.endsWith(tail) || tail.endsWith(end))
}

/** Follows all ways through the pattern at once: `open` are the places where the next word may be. */
const run = (patterns: ReadonlyArray<string>, words: ReadonlyArray<Word>, fits: Fits): boolean => {
  const last = patterns.length
  let open = reach(patterns, new Set([0]))
  for (const word of words) {
    const next = new Set<number>()
    for (const place of open) {
      const pattern = patterns[place]
      if (pattern === "**") next.add(place)
      else if (pattern !== undefined && fits(pattern, word)) next.add(place + 1)
    }
    if (fits === possible && (word.splits || word.glob) && word.text === undefined) {
      for (let place = Math.min(...open); place <= last; place += 1) next.add(place)
    } else if (fits === possible && word.glob) for (const place of open) next.add(place)
    open = reach(patterns, next)
    if (open.size === 0) return false
  }
  return open.has(last)
}

const reach = (patterns: ReadonlyArray<string>, open: Set<number>): Set<number> => {
  // A set yields what is added while it is walked.
  for (const place of open) if (patterns[place] === "**") open.add(place + 1)
  return open
}
