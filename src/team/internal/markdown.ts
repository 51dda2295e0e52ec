/**
 * Markdown with front matter: YAML between two lines of three hyphens at the very beginning, and a text below it.
 */
import type { Read } from "../../internal/document.ts"
import { Spots } from "../../internal/document.ts"
import { read as readYaml } from "./yaml.ts"

/** A file that is taken apart. */
export interface Parts {
  readonly front: Read
  /** What stands below the front matter, without blank lines around it. */
  readonly body: string
  /** The offset of the body. */
  readonly from: number
}

/** Takes a file apart; `undefined` if it has no front matter. Line breaks are single characters. */
export const read = (text: string): Parts | undefined => {
  const start = /^---[ \t]*\n/.exec(text)?.[0].length
  if (start === undefined) return undefined
  const end = /^---[ \t]*$/m.exec(text.slice(start))
  if (end === null) {
    const problem = "the front matter has no end: write --- on a line of its own below it"
    const front = { document: undefined, spots: new Spots(), mistakes: [{ offset: 0, place: [], problem }] }
    return { front, body: "", from: text.length }
  }
  const below = start + end.index + end[0].length
  const body = text.slice(below)
  return {
    front: readYaml(text.slice(start, start + end.index), start),
    body: body.trim(),
    from: below + (body.length - body.trimStart().length)
  }
}
