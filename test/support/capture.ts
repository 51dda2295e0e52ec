/** A picture of a terminal as SVG: text stays text, every run of cells stands on the grid whatever font there is. */
import type { Cell, Emulator, Style } from "./emulator.ts"

/** Draws what is on the screen. `mask` changes the text of a row without changing its width. */
export const svg = (emulator: Emulator, title: string, mask: (row: string) => string = (row) => row): string => {
  const { columns, rows } = emulator.size()
  const [width, height] = [columns * cell.width + 2 * margin, rows * cell.height + margin + bar]
  const lines = Array.from({ length: rows }, (_, row) => rowOf(emulator, row, mask)).filter((line) => line !== "")
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>text { font: ${fontSize}px ${fonts}; fill: ${ink}; white-space: pre } .b { font-weight: bold } .i { font-style: italic } .d { opacity: .6 } .u { text-decoration: underline } .s { text-decoration: line-through }</style>
<rect width="${width}" height="${height}" rx="8" fill="${paper}"/>
${["#ff5f57", "#febc2e", "#28c840"].map((color, index) => `<circle cx="${18 + index * 18}" cy="16" r="5" fill="${color}"/>`).join("")}
${lines.join("\n")}
</svg>
`
}

// internal

const cell = { width: 8.4, height: 18 }
const [margin, bar, fontSize] = [12, 32, 14]
const fonts = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
const [paper, ink] = ["#1b1d23", "#d7dae0"]

/** The first sixteen colours, as a dark terminal has them. */
const palette = [
  ...["#3b4048", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0"],
  ...["#7f848e", "#ff7b86", "#b5e890", "#ffd68a", "#82c4ff", "#dd9bf0", "#7fdbe6", "#ffffff"]
]

const hex = (value: number): string => value.toString(16).padStart(2, "0")

const colorOf = (color: number | string): string => {
  if (typeof color === "string") return color
  const known = palette[color]
  if (known !== undefined) return known
  if (color >= 232) return `#${hex(8 + (color - 232) * 10).repeat(3)}`
  const level = (part: number): string => hex(part === 0 ? 0 : 55 + part * 40)
  const value = color - 16
  return `#${level(Math.floor(value / 36))}${level(Math.floor(value / 6) % 6)}${level(value % 6)}`
}

/** Neighbours that look the same are one run; a wide cell is a run of its own, since fonts disagree on its width. */
const runsOf = (cells: ReadonlyArray<Cell>): ReadonlyArray<ReadonlyArray<Cell>> => {
  const runs: Array<Array<Cell>> = []
  for (const next of cells) {
    const last = runs.at(-1)
    const before = last?.at(-1)
    const joins =
      before !== undefined &&
      before.column + 1 === next.column &&
      before.width + next.width === 2 &&
      styleOf(before) === styleOf(next)
    if (joins) last?.push(next)
    else runs.push([next])
  }
  return runs
}

const styleOf = ({ column: _column, text: _text, width: _width, ...style }: Cell): string => JSON.stringify(style)

const rowOf = (emulator: Emulator, row: number, mask: (row: string) => string): string => {
  const top = bar + row * cell.height
  return runsOf(masked(emulator.cells(row), mask))
    .map((run) => {
      const [first] = run
      if (first === undefined) return ""
      const x = (margin + first.column * cell.width).toFixed(1)
      const columns = run.reduce((sum, { width }) => sum + width, 0)
      const length = (columns * cell.width).toFixed(1)
      const { back, fore } = colorsOf(first)
      const behind =
        back === undefined ? "" : `<rect x="${x}" y="${top}" width="${length}" height="${cell.height}" fill="${back}"/>`
      const text = run.map(({ text }) => text).join("")
      if (text.trim() === "") return behind
      const classes = classesOf(first)
      const named = classes === "" ? "" : ` class="${classes}"`
      const style = `${named}${fore === undefined ? "" : ` style="fill: ${fore}"`}`
      return `${behind}<text x="${x}" y="${top + 13}" textLength="${length}"${style}>${escaped(text)}</text>`
    })
    .join("")
}

/** The row with its text masked: as long as the widths agree, cells keep their places. */
const masked = (cells: ReadonlyArray<Cell>, mask: (row: string) => string): ReadonlyArray<Cell> => {
  const columns = Math.max(0, ...cells.map(({ column, width }) => column + width))
  const places = Array.from({ length: columns }, () => " ")
  for (const { column, text, width } of cells) if (width === 1 && text.length === 1) places[column] = text
  const changed = mask(places.join(""))
  if (changed.length !== columns) throw new Error(`a mask has to keep the width: ${changed}`)
  return cells.map((one) =>
    one.width === 1 && one.text.length === 1 ? { ...one, text: changed[one.column] ?? " " } : one
  )
}

const colorsOf = ({ background, color, inverse }: Style): { readonly fore?: string; readonly back?: string } => {
  const fore = color === undefined ? undefined : colorOf(color)
  const back = background === undefined ? undefined : colorOf(background)
  if (inverse === true) return { fore: back ?? paper, back: fore ?? ink }
  return { ...(fore === undefined ? undefined : { fore }), ...(back === undefined ? undefined : { back }) }
}

const classesOf = ({ bold, dim, italic, strike, underline }: Style): string =>
  [bold && "b", italic && "i", dim && "d", underline && "u", strike && "s"].filter((name) => name).join(" ")

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
