/**
 * Finds in a file what it says of itself: its title and its first paragraph, in its own words.
 */

/** What a file says it is. */
export interface Quote {
  readonly title?: string | undefined
  readonly paragraph?: string | undefined
}

const most = 700

/** The title and the first paragraph of a file; for JSON its `name` and `description`. */
export const quote = (path: string, text: string): Quote => {
  if (/\.json$/i.test(path)) {
    const known = ofJson(text)
    if (known !== undefined) return known
  }
  if (/\.(?:[cm]?[jt]sx?|py|rb|sh|rs|go|java|kt|c|h|cpp|css|sql|toml|ya?ml)$/i.test(path)) return ofCode(text)
  return ofProse(text)
}

const ofJson = (text: string): Quote | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== "object" || value === null) return undefined
    const title = "name" in value && typeof value.name === "string" ? value.name : undefined
    const paragraph = "description" in value && typeof value.description === "string" ? value.description : undefined
    return title === undefined && paragraph === undefined ? undefined : { title, paragraph }
  } catch {
    return undefined
  }
}

/** The comment at the top, without its signs. */
const ofCode = (text: string): Quote => {
  const lines: Array<string> = []
  for (const long of text.split(/\r?\n/)) {
    const line = long.slice(0, 300)
    if (/^#!/.test(line)) continue
    const comment = /^\s*(?:\/\*+|\*+\/|\*|\/\/+|#+|--|"""|''')\s?(.*?)\s*(?:\*\/|""")?\s*$/.exec(line)
    if (comment === null || (lines.length > 0 && comment[1] === "")) {
      if (lines.length > 0 || (comment === null && line.trim() !== "")) break
    } else if (comment[1] !== undefined && comment[1] !== "") lines.push(comment[1])
  }
  return { paragraph: lines.length === 0 ? undefined : shorten(lines.join(" ")) }
}

const ofProse = (text: string): Quote => {
  const lines = text
    .replace(/^---\r?\n[\s\S]*?\r?\n---\r?\n/, "")
    .replace(/<!--[\s\S]*?-->/g, "")
    .split(/\r?\n/)
    .map((line) => line.slice(0, 1000))
  let title: string | undefined
  const paragraph: Array<string> = []
  let fenced = false
  for (const [index, line] of lines.entries()) {
    const heading = headingOf(line, lines[index + 1])
    const fence = /^\s*(?:```|~~~)/.test(line)
    if (fence) fenced = !fenced
    const ends = line.trim() === "" || heading !== undefined || fence || fenced || isFurniture(line)
    if (paragraph.length > 0 && ends) break
    if (heading !== undefined) title ??= heading
    else if (!ends) paragraph.push(line.replace(/^\s*>\s?/, "").trim())
  }
  return { title, paragraph: paragraph.length === 0 ? undefined : shorten(unmarked(paragraph.join(" "))) }
}

const headingOf = (line: string, next: string | undefined): string | undefined => {
  const heading =
    /^ {0,3}#{1,6}\s+(.+)$/.exec(line)?.[1]?.replace(/[\s#]+$/, "") ?? /^\s*<h1[^>]*>(.+?)<\/h1>/i.exec(line)?.[1]
  if (heading !== undefined) return unmarked(heading)
  return line.trim() !== "" && next !== undefined && /^(?:={3,}|-{3,})\s*$/.test(next)
    ? unmarked(line.trim())
    : undefined
}

/** Lines that say nothing: badges, pictures, tags, rules, tables, underlines of headings. */
const isFurniture = (line: string): boolean => /^\s*(?:\[?!\[.*|<[^>]*>.*|(?:[-*_=] ?){3,}|\|.*)\s*$/.test(line)

/** Links become their words, emphasis goes. */
const unmarked = (text: string): string =>
  text
    .replace(/!\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\[([^\]]+)\]\([^)]*\)/g, "$1")
    .replace(/<[^>]+>/g, "")
    .replace(/(\*\*|__)(?=\S)(.+?)(?<=\S)\1/g, "$2")
    .trim()

const shorten = (text: string): string =>
  text.length <= most ? text : `${text.slice(0, most).replace(/\s+\S*$/, "")} …`
