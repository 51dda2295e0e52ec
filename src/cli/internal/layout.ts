/**
 * Columns and bars of text, for terminals that show some characters twice as wide as others, and texts for their clipboard.
 */

/** How many columns a text takes. It has no control characters. */
export const widthOf = (text: string): number => {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of segments.segment(text)) width += wide.test(segment) ? 2 : empty.test(segment) ? 0 : 1
  return width
}

/** The text in at most so many columns, with an ellipsis in the place of what is left out. */
export const fitted = (text: string, columns: number): string => {
  if (widthOf(text) <= columns) return text
  if (columns < 1) return ""
  let [out, width] = ["", 0]
  for (const { segment } of segments.segment(text)) {
    width += widthOf(segment)
    if (width > columns - 1) break
    out += segment
  }
  return `${out.trimEnd()}…`
}

/** The same, with its end in view: for paths. */
export const fittedEnd = (text: string, columns: number): string =>
  widthOf(text) <= columns ? text : `…${[...text].slice(1 - columns).join("")}`

export const padEnd = (text: string, columns: number): string => text + " ".repeat(Math.max(0, columns - widthOf(text)))

export const padStart = (text: string, columns: number): string =>
  " ".repeat(Math.max(0, columns - widthOf(text))) + text

export interface Column {
  readonly align?: "right" | undefined
  readonly style?: ((text: string) => string) | undefined
}

/** Rows as lines, aligned; the last column takes what is left of the width and is cut there. */
export const table = (
  rows: ReadonlyArray<ReadonlyArray<string>>,
  columns: ReadonlyArray<Column>,
  width: number
): string => {
  const widths = columns.map((_, index) => rows.reduce((most, row) => Math.max(most, widthOf(row[index] ?? "")), 0))
  const last = columns.length - 1
  const before = widths.slice(0, last).reduce((sum, column) => sum + column + gap.length, 0)
  return rows
    .map((row) => {
      const cells = columns.map(({ align, style }, index) => {
        const cell = row[index] ?? ""
        const columnWidth = widths[index] ?? 0
        const shown =
          index === last
            ? fitted(cell, Math.max(narrowest, width - before))
            : align === "right"
              ? padStart(cell, columnWidth)
              : padEnd(cell, columnWidth)
        return style === undefined || shown.trim() === "" ? shown : style(shown)
      })
      return `${cells.join(gap).trimEnd()}\n`
    })
    .join("")
}

/** A bar of so many cells at most, to an eighth of a cell. What is there at all is seen. */
export const bar = (share: number, cells: number): string => {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * cells * 8)
  const shown = share > 0 ? Math.max(1, eighths) : 0
  return "█".repeat(Math.floor(shown / 8)) + (parts[shown % 8] ?? "")
}

/**
 * The sequence by which a terminal takes a text to the clipboard.
 *
 * @category converters
 * @since 0.1.0
 */
export const clipboard = (text: string): string => `\u001b]52;c;${Buffer.from(text, "utf8").toString("base64")}\u0007`

// internal

const gap = "  "
const narrowest = 12
const parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
const segments = new Intl.Segmenter()
const wide =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u
const empty = /^[\p{Mn}\p{Me}\p{Cf}]+$/u
