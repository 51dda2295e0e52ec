/**
 * A terminal without a window: it takes what a program writes and knows what would be seen, with its colours, and which
 * modes are on. What a terminal answers to questions goes to `reply`.
 */
import type { IUnicodeVersionProvider, Terminal as Xterm } from "@xterm/headless"
import headless from "@xterm/headless"
import { eastAsianWidth } from "get-east-asian-width"

/** How a cell looks. Colours are of the palette of 256, or `#rrggbb`; absent is the terminal's own. */
export interface Style {
  readonly color?: number | string | undefined
  readonly background?: number | string | undefined
  readonly bold?: true | undefined
  readonly dim?: true | undefined
  readonly italic?: true | undefined
  readonly underline?: true | undefined
  readonly strike?: true | undefined
  readonly inverse?: true | undefined
}

/** What stands in one place, one or two columns wide. */
export interface Cell extends Style {
  readonly text: string
  readonly column: number
  readonly width: 1 | 2
}

/** What a program has to leave as it found it. */
export interface Modes {
  readonly alternate: boolean
  readonly cursor: boolean
  readonly paste: boolean
  readonly mouse: boolean
  readonly wraps: boolean
  /** How often the kitty protocol for keys was pushed and not popped again, and whether xterm's own is on. */
  readonly keys: number
}

export interface Emulator {
  /** Takes output. What it shows stands once the promise is kept. */
  readonly write: (data: string) => Promise<void>
  readonly resize: (columns: number, rows: number) => void
  /** Rows of text without blanks at their ends, and without empty rows at the end. */
  readonly screen: () => string
  /** The cells of a row that hold something, or have a background. */
  readonly cells: (row: number) => ReadonlyArray<Cell>
  readonly cursor: () => { readonly column: number; readonly row: number }
  readonly size: () => { readonly columns: number; readonly rows: number }
  readonly modes: () => Modes
  readonly title: () => string
  /** Whether a frame has begun that is to be shown once it is whole. */
  readonly isDrawing: () => boolean
  /** What scrolled out of the normal screen, and stands on it. */
  readonly normal: () => string
  readonly dispose: () => void
}

export const make = (columns: number, rows: number, reply: (data: string) => void): Emulator => {
  const terminal = new headless.Terminal({ cols: columns, rows, scrollback: 5000, allowProposedApi: true })
  terminal.unicode.register(unicode)
  terminal.unicode.activeVersion = unicode.version
  terminal.onData(reply)
  let [cursor, pushed, other, title] = [true, 0, 0, ""]
  terminal.onTitleChange((text) => {
    title = text
  })
  const look = (prefix: string, final: string, see: (parameters: ReadonlyArray<unknown>) => void): void => {
    terminal.parser.registerCsiHandler({ prefix, final }, (parameters) => {
      see(parameters)
      return false
    })
  }
  look("?", "h", (parameters) => {
    if (parameters.includes(25)) cursor = true
  })
  look("?", "l", (parameters) => {
    if (parameters.includes(25)) cursor = false
  })
  look(">", "u", () => pushed++)
  look("<", "u", () => pushed--)
  look(">", "m", ([what, value = 0]) => {
    if (what === 4) other = value === 0 ? 0 : 1
  })
  return {
    write: (data) => new Promise((resolve) => terminal.write(data, resolve)),
    resize: (columns, rows) => terminal.resize(columns, rows),
    screen: () => textOf(terminal, terminal.buffer.active.viewportY, terminal.rows),
    cells: (row) => cellsOf(terminal, row),
    cursor: () => ({ column: terminal.buffer.active.cursorX, row: terminal.buffer.active.cursorY }),
    size: () => ({ columns: terminal.cols, rows: terminal.rows }),
    modes: () => ({
      alternate: terminal.buffer.active.type === "alternate",
      cursor,
      paste: terminal.modes.bracketedPasteMode,
      mouse: terminal.modes.mouseTrackingMode !== "none",
      wraps: terminal.modes.wraparoundMode,
      keys: Math.max(0, pushed) + other
    }),
    title: () => title,
    isDrawing: () => terminal.modes.synchronizedOutputMode,
    normal: () => {
      const { normal } = terminal.buffer
      return rowsOf(normal, 0, normal.length)
    },
    dispose: () => terminal.dispose()
  }
}

/** The modes of a terminal in which no program runs. */
export const untouched: Modes = { alternate: false, cursor: true, paste: false, mouse: false, wraps: true, keys: 0 }

// internal

type Buffer = Xterm["buffer"]["active"]

const rowsOf = (buffer: Buffer, from: number, count: number): string =>
  Array.from(
    { length: count },
    (_, row) =>
      buffer
        .getLine(from + row)
        ?.translateToString(true)
        .trimEnd() ?? ""
  )
    .join("\n")
    .trimEnd()

const textOf = (terminal: Xterm, from: number, count: number): string => rowsOf(terminal.buffer.active, from, count)

const cellsOf = (terminal: Xterm, row: number): ReadonlyArray<Cell> => {
  const line = terminal.buffer.active.getLine(terminal.buffer.active.viewportY + row)
  const cells: Array<Cell> = []
  for (let column = 0; line !== undefined && column < terminal.cols; column++) {
    const cell = line.getCell(column)
    if (cell === undefined || cell.getWidth() === 0) continue
    const text = cell.getChars() || " "
    const background = cell.isBgDefault() ? undefined : colorOf(cell.getBgColor(), cell.isBgRGB())
    if (text === " " && background === undefined && cell.isInverse() === 0 && cell.isUnderline() === 0) continue
    cells.push({
      ...{ text, column, width: cell.getWidth() === 2 ? 2 : 1 },
      ...(cell.isFgDefault() ? undefined : { color: colorOf(cell.getFgColor(), cell.isFgRGB()) }),
      ...(background === undefined ? undefined : { background }),
      ...(cell.isBold() ? { bold: true } : undefined),
      ...(cell.isDim() ? { dim: true } : undefined),
      ...(cell.isItalic() ? { italic: true } : undefined),
      ...(cell.isUnderline() ? { underline: true } : undefined),
      ...(cell.isStrikethrough() ? { strike: true } : undefined),
      ...(cell.isInverse() ? { inverse: true } : undefined)
    })
  }
  return cells
}

const colorOf = (value: number, isRgb: boolean): number | string =>
  isRgb ? `#${value.toString(16).padStart(6, "0")}` : value

/** Widths as today's terminals have them: marks join what stands before them, flags and joined emoji are one of two columns. */
const unicode: IUnicodeVersionProvider = {
  version: "today",
  wcwidth: (point) => widthOf(point),
  charProperties: (point, preceding) => {
    const [state, width] = [preceding >> 3, (preceding >> 1) & 3]
    const isFlag = point >= 0x1f1e6 && point <= 0x1f1ff
    const own = widthOf(point)
    const joins = preceding !== 0 && (own === 0 || state === 1 || (isFlag && state === 2) || isTone(point))
    const next = point === 0x200d ? 1 : isFlag && !joins ? 2 : 0
    const isWide = point === 0xfe0f || isFlag
    const whole = !joins ? own : isWide ? 2 : state === 1 ? Math.max(own, width) : width
    return (next << 3) | (whole << 1) | (joins ? 1 : 0)
  }
}

const isTone = (point: number): boolean => point >= 0x1f3fb && point <= 0x1f3ff

const widthOf = (point: number): 0 | 1 | 2 => {
  if (point < 0x20 || (point >= 0x7f && point < 0xa0) || /\p{M}|\p{Cf}/u.test(String.fromCodePoint(point))) return 0
  return eastAsianWidth(point)
}
