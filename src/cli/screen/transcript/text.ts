/**
 * Texts that others wrote, made harmless for a terminal, and lines that fit a window.
 */
import { truncateToWidth, visibleWidth, wrapTextWithAnsi } from "@earendil-works/pi-tui"

/**
 * What may be shown of a text: no commands to the terminal, nothing that turns text around, tabs as spaces.
 *
 * **Details**
 *
 * - Of a line that was written over, as progress bars are, it is what stood there last.
 *
 * @category converters
 * @since 0.1.0
 */
export const clean = (text: string): string => {
  if (!suspicious.test(text)) return text
  const bare = text.includes("\u001b") || text.includes("\u009b") ? text.replace(commands, "") : text
  const lines = bare.includes("\r") ? bare.split("\n").map(last).join("\n") : bare
  return lines.replace(lineEnds, "\n").replace(/\t/g, "    ").replace(harmful, "").replace(halves, "\ufffd")
}

/**
 * The same on one line.
 *
 * @category converters
 * @since 0.1.0
 */
export const flat = (text: string): string =>
  clean(text.length > 2000 ? text.slice(0, 2000) : text)
    .replace(/\s+/g, " ")
    .trim()

/**
 * The line in at most so many columns, with its styles ended. What is left out is marked.
 *
 * @category converters
 * @since 0.1.0
 */
export const fitted = (line: string, width: number, mark = "…"): string => {
  if (fits(line, width)) return ended(line)
  const cut = truncateToWidth(line, width, mark)
  // Cutting ends styles also where there are none.
  return line.includes("\u001b") ? ended(cut) : cut.replaceAll(reset, "")
}

/**
 * A text broken into lines of at most so many columns, at spaces where there are some.
 *
 * @category converters
 * @since 0.1.0
 */
export const wrapped = (text: string, width: number): Array<string> => {
  const out: Array<string> = []
  const most = Math.max(1, width)
  for (const line of text.split("\n")) {
    if (fits(line, width)) out.push(ended(line.trimEnd()))
    else if (oneWord.test(line)) for (let at = 0; at < line.length; at += most) out.push(line.slice(at, at + most))
    else for (const piece of wrapTextWithAnsi(line, width)) out.push(fitted(piece, width, ""))
  }
  return out
}

/**
 * The same with a sign before the first line, and as many columns before the others.
 *
 * @category converters
 * @since 0.1.0
 */
export const hung = (
  sign: string,
  text: string,
  width: number,
  indent = " ".repeat(visibleWidth(sign))
): Array<string> =>
  wrapped(text, Math.max(1, width - visibleWidth(sign))).map((line, index) => (index === 0 ? sign : indent) + line)

/**
 * The end of a text in so many lines and characters at most, and how many lines are before it.
 *
 * @category converters
 * @since 0.1.0
 */
export const tailOf = (
  text: string,
  lines: number,
  characters = 200 * lines
): readonly [tail: string, before: number] => {
  let from = text.length
  const least = Math.max(0, text.length - characters)
  let found = 0
  while (found < lines) {
    const at = from === 0 ? -1 : text.lastIndexOf("\n", from - 1)
    if (at < least) {
      from = found === 0 || least === 0 ? least : from
      break
    }
    found++
    from = at
  }
  const start = text[from] === "\n" ? from + 1 : from
  return [text.slice(start), start === 0 ? 0 : linesIn(text, start)]
}

/**
 * The beginning of a text in so many lines and characters at most, and how many lines are left out.
 *
 * @category converters
 * @since 0.1.0
 */
export const headOf = (
  text: string,
  lines: number,
  characters = 200 * lines
): readonly [head: string, after: number] => {
  let at = -1
  for (let found = 0; found < lines; found++) {
    const next = text.indexOf("\n", at + 1)
    if (next < 0) {
      at = text.length
      break
    }
    at = next
  }
  const end = Math.min(at, characters)
  return [
    text.slice(0, end),
    end >= text.length ? 0 : linesIn(text.slice(end), Number.POSITIVE_INFINITY) + (end < at ? 1 : 0)
  ]
}

/**
 * A text no longer than so many characters, its middle left out.
 *
 * @category converters
 * @since 0.1.0
 */
export const bounded = (text: string, most: number): string =>
  text.length <= most
    ? text
    : `${text.slice(0, most / 2)}\n[… ${text.length - most} characters are not shown …]\n${text.slice(-most / 2)}`

/**
 * Whether a line is at most so many columns wide.
 *
 * @category predicates
 * @since 0.1.0
 */
export const fits = (line: string, width: number): boolean => {
  // Counting columns is slow, and nearly all lines are of characters that take one at most.
  const bare = line.includes("\u001b") ? line.replace(styles, "") : line
  return bare.length <= width && !perhapsWide.test(bare) ? true : visibleWidth(line) <= width
}

/**
 * An address that may stand in a link: without anything that ends one.
 *
 * @category converters
 * @since 0.1.0
 */
export const address = (url: string): string =>
  /^(?:https?|file|mailto):/i.test(url) ? encodeURI(decoded(flat(url))) : ""

/**
 * An address as people read it.
 *
 * @category converters
 * @since 0.1.0
 */
export const decoded = (url: string): string => {
  try {
    return decodeURI(url)
  } catch {
    return url
  }
}

// internal

const styles = /\u001b\[[\d;]*m/g

/** Nothing to break at, and every character takes one column: data, which may be very long. */
const oneWord = /^[!-~]+$/

const perhapsWide = /[^\u0020-\u10ff]/

/** Anything but printable ASCII, line ends and what is plainly letters. */
const suspicious =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]/

/** Commands to the terminal: of both lengths, with and without text. */
const commands =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])|\u009b[0-?]*[ -/]*[@-~]/g

const lineEnds = /[\u000b\u000c\u0085\u2028\u2029]/g

const harmful = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]/g

/** Characters that came in two halves, of which one is not there. */
const halves = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const last = (line: string): string => {
  let end = line.length
  while (line[end - 1] === "\r") end--
  return end === 0 ? "" : line.slice(line.lastIndexOf("\r", end - 1) + 1, end)
}

/** Ends what styles the line leaves open. */
const ended = (line: string): string => (line.includes("\u001b") && !line.endsWith(reset) ? `${line}${reset}` : line)

const reset = "\u001b[0m"

const linesIn = (text: string, to: number): number => {
  let count = 0
  for (let at = text.indexOf("\n"); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) count++
  return count
}
