/**
 * Colours for code. What knows the languages is loaded when the first code is shown, and until then code has none.
 */
import type { Style, Theme } from "../theme.ts"

/**
 * Colours code, a line for each of its lines.
 *
 * @category models
 * @since 0.1.0
 */
export type Colors = (code: string, language: string | undefined) => Array<string>

/**
 * Makes what colours code. `loaded` is called when the languages have come after code was shown without.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (theme: Theme, loaded: () => void): Colors => {
  const plain: Colors = (code) => code.split("\n")
  if (!theme.hasColor) return plain
  return (code, language) => {
    if (language === undefined || language === "" || code.length > mostCharacters) return plain(code, language)
    if (languages === undefined) {
      waiting.add(loaded)
      load()
      return plain(code, language)
    }
    const name = language.toLowerCase()
    if (!languages.registered(name)) return plain(code, language)
    return linesOf(languages.highlight(name, code).children, theme)
  }
}

/**
 * The language of a file, by the end of its name.
 *
 * @category converters
 * @since 0.1.0
 */
export const languageOf = (path: string): string | undefined => /\.([a-z0-9+#]+)$/i.exec(path)?.[1]?.toLowerCase()

/**
 * Waits until the languages are there. For tests, and for whoever knows that there will be code.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (): Promise<void> => {
  loading ??= import("./languages.ts").then((module) => {
    languages = module.languages
    for (const tell of waiting) tell()
    waiting.clear()
  })
  return loading
}

// internal

type Languages = typeof import("./languages.ts").languages

type Piece = ReturnType<Languages["highlight"]>["children"][number]

/** More than this is not worth the time that it takes. */
const mostCharacters = 64 * 1024

let languages: Languages | undefined
let loading: Promise<void> | undefined
const waiting = new Set<() => void>()

const linesOf = (pieces: ReadonlyArray<Piece>, theme: Theme): Array<string> => {
  const lines: Array<string> = [""]
  const add = (pieces: ReadonlyArray<Piece>, style: Style | undefined): void => {
    for (const piece of pieces) {
      if (piece.type === "element") add(piece.children, styleOf(piece.properties["className"], theme) ?? style)
      else if (piece.type === "text") {
        piece.value.split("\n").forEach((text, index) => {
          const shown = style === undefined ? text : style(text)
          if (index > 0) lines.push(shown)
          else lines[lines.length - 1] += shown
        })
      }
    }
  }
  add(pieces, undefined)
  return lines
}

const styleOf = (names: unknown, theme: Theme): Style | undefined => {
  const name = Array.isArray(names) ? String(names[0]).replace("hljs-", "") : ""
  const kind = kinds[name]
  return kind === undefined ? undefined : theme[kind]
}

const kinds: Readonly<
  Record<string, "keyword" | "string" | "number" | "title" | "type" | "comment" | "added" | "removed" | "hunk">
> = {
  keyword: "keyword",
  built_in: "type",
  type: "type",
  class: "type",
  literal: "number",
  number: "number",
  string: "string",
  regexp: "string",
  symbol: "number",
  title: "title",
  section: "title",
  name: "keyword",
  tag: "keyword",
  selector: "keyword",
  attr: "title",
  attribute: "title",
  property: "title",
  comment: "comment",
  quote: "comment",
  doctag: "comment",
  meta: "comment",
  addition: "added",
  deletion: "removed"
}
