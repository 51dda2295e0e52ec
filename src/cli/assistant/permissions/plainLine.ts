/**
 * Command lines of which everything can be seen before they run: programs with words that stand as they are written, between
 * pipes and the signs of lists. Whatever a shell would make something else of is not plain.
 */

/**
 * A plain line: its commands, each a program and its words, and the files that are put in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly commands: ReadonlyArray<ReadonlyArray<string>>
  readonly inputs: ReadonlyArray<string>
}

/**
 * Reads a line. Nothing when it is not plain: with variables, patterns, braces, escapes, comments, groups, jobs, output to
 * files, assignments, or quotes within a word other than behind an equals sign.
 *
 * @category converters
 * @since 0.1.0
 */
export const read = (line: string): Line | undefined => {
  const commands: Array<Array<string>> = [[]]
  const inputs: Array<string> = []
  let rest = line
  while (rest !== "") {
    const [all = ""] = blank.exec(rest) ?? silent.exec(rest) ?? sign.exec(rest) ?? []
    if (all !== "") {
      if (sign.test(all)) commands.push([])
      rest = rest.slice(all.length)
      continue
    }
    const isInput = rest.startsWith("<")
    if (isInput) rest = rest.slice(1).replace(blank, "")
    const [word = "", start = "", quoted = ""] = one.exec(rest) ?? []
    if (word === "") return undefined
    const text = `${start}${quoted.slice(1, -1)}`
    if (isInput) inputs.push(text)
    else commands.at(-1)?.push(text)
    rest = rest.slice(word.length)
  }
  const plain = commands.filter(({ length }) => length > 0)
  return plain.some(([program = ""]) => /=/.test(program)) ? undefined : { commands: plain, inputs }
}

// internal

const blank = /^[ \t]+/
const sign = /^(?:\|\||&&|[|;\n])(?!&)/
/** Output that goes nowhere, or where other output goes. */
const silent = /^(?:[12]?>\/dev\/null|2>&1|>&2)(?=[ \t\n|;]|$)/
/** What stands for itself, with a text in quotes at its end where it has one; no comment, and no descriptor. */
const one =
  /^(?![#!]|\d+[<>])((?:[\p{L}\p{N}_./:@%+,~^=#-]*(?:=(?=['"])|(?!['"]))|\[|\]|(?=['"])))('[^'\n]*'|"[^"$`\\!\n]*")?(?=[ \t\n|;<]|&&|$)/u
