/**
 * How the screen looks: styles by what they are for, with colours or without any. The colours are the sixteen of the
 * terminal, which its owner has made readable on light or on dark.
 */
import { detectCapabilities, hyperlink } from "@earendil-works/pi-tui"

/**
 * Gives a text without line ends a style.
 *
 * @category models
 * @since 0.1.0
 */
export type Style = (text: string) => string

/**
 * How pictures are drawn, if at all.
 *
 * @category models
 * @since 0.1.0
 */
export type Pictures = "kitty" | "iterm2" | "none"

/**
 * The styles, and what the terminal can do besides.
 *
 * **Details**
 *
 * - `link`: a text that opens an address; where links cannot be had, the text alone.
 * - `pictures`: `none` where there are no colours either.
 *
 * @category models
 * @since 0.1.0
 */
export interface Theme {
  readonly hasColor: boolean
  readonly hasLinks: boolean
  readonly pictures: Pictures
  readonly bold: Style
  readonly dim: Style
  readonly italic: Style
  readonly underline: Style
  readonly struck: Style
  /** What is chosen. Without colours it needs a sign besides. */
  readonly selected: Style
  readonly accent: Style
  readonly person: Style
  readonly heading: Style
  readonly code: Style
  readonly added: Style
  readonly removed: Style
  readonly hunk: Style
  readonly success: Style
  readonly warning: Style
  readonly error: Style
  /** Where no question stands between the model and the world. */
  readonly danger: Style
  /** Of code: words of the language, texts, numbers, names of functions and of types, remarks. */
  readonly keyword: Style
  readonly string: Style
  readonly number: Style
  readonly title: Style
  readonly type: Style
  readonly comment: Style
  readonly link: (text: string, url: string) => string
}

/**
 * Makes a theme.
 *
 * **Details**
 *
 * - `links`, `pictures`: what the terminal can; none of both unless given.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly color: boolean
  readonly links?: boolean | undefined
  readonly pictures?: Pictures | undefined
}): Theme => {
  const { color, links = false, pictures = "none" } = options
  const style =
    (on: string, off: string): Style =>
    (text) =>
      color && text !== "" ? `\u001b[${on}m${text}\u001b[${off}m` : text
  const hasLinks = color && links
  return {
    hasColor: color,
    hasLinks,
    pictures: color ? pictures : "none",
    bold: style("1", "22"),
    dim: style("2", "22"),
    italic: style("3", "23"),
    underline: style("4", "24"),
    struck: style("9", "29"),
    selected: style("7", "27"),
    accent: style("36", "39"),
    person: style("36", "39"),
    heading: style("35", "39"),
    code: style("36", "39"),
    added: style("32", "39"),
    removed: style("31", "39"),
    hunk: style("36", "39"),
    success: style("32", "39"),
    warning: style("33", "39"),
    error: style("31", "39"),
    danger: style("1;31", "22;39"),
    keyword: style("35", "39"),
    string: style("32", "39"),
    number: style("33", "39"),
    title: style("34", "39"),
    type: style("36", "39"),
    comment: style("2", "22"),
    link: (text, url) => (hasLinks ? hyperlink(text, url) : text)
  }
}

/**
 * The theme of the terminal that this process is attached to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofTerminal = (options: { readonly color: boolean }): Theme => {
  const { hyperlinks, images } = detectCapabilities()
  return make({ color: options.color, links: hyperlinks, pictures: images ?? "none" })
}

/**
 * No colours, no links, no pictures.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plain: Theme = make({ color: false })
