/**
 * Markdown that arrives in pieces. What is finished of it is drawn once; only its open end is drawn again as it grows, and that
 * end is bounded, so that a delta costs the same however long the answer is.
 */
import type { MarkdownTheme } from "@earendil-works/pi-tui"
import { Markdown as Drawing, setCapabilities } from "@earendil-works/pi-tui"
import type { Theme } from "../theme.ts"
import type { Colors } from "./colors.ts"
import { address, clean, fitted, wrapped } from "./text.ts"

/**
 * How Markdown looks.
 *
 * @category models
 * @since 0.1.0
 */
export interface Look {
  readonly theme: Theme
  readonly colors: Colors
  readonly drawing: MarkdownTheme
}

/**
 * A stretch of Markdown. `next` goes on with what follows once this one is full.
 *
 * @category models
 * @since 0.1.0
 */
export interface Markdown {
  readonly push: (delta: string) => void
  /** There is no more of it. */
  readonly end: () => void
  readonly lines: (width: number) => Array<string>
  readonly size: () => number
  /** Whether it stands apart from what is before it. */
  readonly beginsApart: () => boolean
  /** Whether what is finished is enough for one block. The open end belongs to what answers `next`. */
  readonly isFull: () => boolean
  readonly next: () => Markdown
  /** Draws all anew, for other colours. */
  readonly redraw: () => void
}

/**
 * Makes the look of a theme.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lookOf = (theme: Theme, colors: Colors): Look => {
  const same = (text: string): string => text
  return {
    theme,
    colors,
    drawing: {
      heading: theme.heading,
      link: theme.accent,
      linkUrl: theme.dim,
      code: theme.code,
      codeBlock: same,
      codeBlockBorder: theme.dim,
      quote: theme.dim,
      quoteBorder: theme.dim,
      hr: theme.dim,
      listBullet: theme.accent,
      bold: theme.bold,
      italic: theme.italic,
      strikethrough: theme.struck,
      underline: theme.underline,
      highlightCode: colors
    }
  }
}

/**
 * Makes an empty stretch.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (look: Look): Markdown => stretch(look, { tail: "", scanned: 0, isGap: false, fence: undefined })

/**
 * A whole text at once.
 *
 * @category converters
 * @since 0.1.0
 */
export const draw = (text: string, look: Look, width: number): Array<string> => {
  const markdown = make(look)
  markdown.push(text)
  markdown.end()
  return markdown.lines(width)
}

// internal

interface Fence {
  readonly mark: string
  readonly language: string
  /** Whether its beginning has been drawn. */
  begun: boolean
  /** The piece of this stretch that it begins with. */
  first: number
}

/** Where the reading of the text is. `tail` is what is not settled, `scanned` how much of that is known not to settle it. */
interface Reading {
  tail: string
  scanned: number
  /** Whether an empty line stands before the tail. */
  isGap: boolean
  fence: Fence | undefined
}

interface Piece {
  readonly text: string
  readonly isGap: boolean
  readonly code: { readonly language: string; readonly begins: boolean; readonly ends: boolean } | undefined
  /** Of code, its lines in colours, which cost more than all else. */
  colored?: ReadonlyArray<string> | undefined
  drawn?: { readonly width: number; readonly lines: ReadonlyArray<string> } | undefined
}

/** A settled piece, a code piece, the whole of a block, and what ends even where nothing says so. */
const most = { prose: 4096, code: 1536, block: 8192, piece: 16_384 }

const stretch = (look: Look, reading: Reading): Markdown => {
  const pieces: Array<Piece> = []
  let settled = 0
  let tailDrawn: { readonly tail: string; readonly width: number; readonly lines: ReadonlyArray<string> } | undefined

  const add = (piece: Piece): void => {
    pieces.push(piece)
    settled += piece.text.length
  }
  /** What the tail begins with is settled, up to `end`; it goes on at `from`. */
  const settle = (end: number, from: number, isGap: boolean): void => {
    const { fence, tail } = reading
    const text = tail.slice(0, end)
    if (fence !== undefined) {
      add({ text, isGap: reading.isGap, code: { language: fence.language, begins: !fence.begun, ends: false } })
      fence.begun = true
    } else if (text.trim() !== "") add({ text, isGap: reading.isGap, code: undefined })
    else isGap ||= reading.isGap
    reading.isGap = isGap
    reading.tail = tail.slice(from)
    reading.scanned = 0
  }
  /** The pieces of a fence become one again, so that its colours are right. */
  const close = (fence: Fence): void => {
    const parts = pieces.splice(fence.first)
    const [first] = parts
    const text = parts.map(({ text }) => text).join("")
    pieces.push({
      text,
      isGap: first?.isGap ?? false,
      code: { language: fence.language, begins: first?.code?.begins ?? false, ends: true }
    })
    reading.fence = undefined
    reading.isGap = true
  }
  const inFence = (fence: Fence, line: string, at: number, end: number): void => {
    if (isClosing(line, fence.mark)) {
      settle(at, end, false)
      close(fence)
    } else if (end > most.code) settle(end, end, false)
    else reading.scanned = end
  }
  const inProse = (line: string, at: number, end: number): void => {
    const opening = fenceOf(line)
    if (opening !== undefined) {
      const before = reading.tail.slice(0, at)
      const isGap = pieces.length > 0 || before.trim() !== "" || reading.isGap
      settle(at, end, isGap && before.trim() !== "" ? true : reading.isGap)
      reading.fence = { ...opening, begun: false, first: pieces.length }
      return
    }
    if (at > 0 && line.trim() !== "") {
      const before = reading.tail.slice(0, at)
      const isAfterGap = /\n[ \t]*\n$/.test(before)
      const isLoose = isAfterGap && !/^\s/.test(line) && !(item.test(line) && item.test(before))
      if (before.trim() !== "" && (isLoose || at > most.piece || (at > most.prose && !/^[\s|]/.test(line)))) {
        settle(at, at, isAfterGap)
        reading.scanned = end - at
        return
      }
    }
    reading.scanned = end
  }
  const scan = (): void => {
    for (;;) {
      const { fence, scanned, tail } = reading
      const at = tail.indexOf("\n", scanned)
      if (at < 0) break
      const line = tail.slice(scanned, at)
      if (fence !== undefined) inFence(fence, line, scanned, at + 1)
      else inProse(line, scanned, at + 1)
    }
    // A line without an end.
    while (reading.tail.length - reading.scanned > most.piece) {
      const space = reading.tail.lastIndexOf(" ", most.prose)
      const cut = space > 0 ? space + 1 : most.prose
      settle(cut, cut, false)
    }
  }
  const lines = (width: number): Array<string> => {
    const out: Array<string> = []
    const put = (lines: ReadonlyArray<string>, isGap: boolean): void => {
      if (isGap && out.length > 0) out.push("")
      for (const line of lines) out.push(line)
    }
    for (const piece of pieces) {
      if (piece.drawn?.width !== width) piece.drawn = { width, lines: drawPiece(piece, look, width) }
      put(piece.drawn.lines, piece.isGap)
    }
    const { fence, isGap, tail } = reading
    if (tail.trim() !== "" || (fence !== undefined && !fence.begun)) {
      if (tailDrawn?.tail !== tail || tailDrawn.width !== width) {
        const code = fence === undefined ? undefined : { language: fence.language, begins: !fence.begun, ends: false }
        tailDrawn = { tail, width, lines: drawPiece({ text: tail, isGap, code }, look, width) }
      }
      put(tailDrawn.lines, isGap)
    }
    return out
  }
  return {
    push: (delta) => {
      reading.tail += delta
      scan()
    },
    end: () => {
      if (reading.fence !== undefined && isClosing(reading.tail.slice(reading.scanned), reading.fence.mark)) {
        const { fence } = reading
        settle(reading.scanned, reading.tail.length, false)
        close(fence)
      }
      settle(reading.tail.length, reading.tail.length, false)
    },
    lines,
    size: () => settled + reading.tail.length,
    beginsApart: () => pieces[0]?.isGap ?? reading.isGap,
    isFull: () => settled > most.block,
    next: () => {
      const { fence, isGap, scanned, tail } = reading
      const rest = stretch(look, { tail, scanned, isGap, fence: fence && { ...fence, first: 0 } })
      reading.tail = ""
      reading.fence = undefined
      tailDrawn = undefined
      return rest
    },
    redraw: () => {
      for (const piece of pieces) {
        piece.drawn = undefined
        piece.colored = undefined
      }
      tailDrawn = undefined
    }
  }
}

const item = /^(?:[-*+]|\d{1,9}[.)])\s/

const fenceOf = (line: string): { readonly mark: string; readonly language: string } | undefined => {
  const [, mark = "", words = ""] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? []
  if (mark === "" || (mark[0] === "`" && words.includes("`"))) return undefined
  return { mark, language: words.trim().split(/\s/)[0] ?? "" }
}

const isClosing = (line: string, mark: string): boolean => {
  const text = line.trim()
  return text.length >= mark.length && text === (mark[0] ?? "").repeat(text.length) && !/^ {4}/.test(line)
}

const drawPiece = (piece: Piece, look: Look, width: number): Array<string> => {
  const { code, text } = piece
  if (code === undefined) return drawProse(clean(text), look, width)
  const out: Array<string> = []
  if (code.begins) out.push(fitted(look.theme.dim(`\`\`\`${clean(code.language)}`), width))
  const body = clean(text).replace(/\n$/, "")
  if (body !== "" || text.includes("\n")) {
    piece.colored ??= look.colors(body, code.language)
    for (const line of piece.colored)
      for (const part of wrapped(line, width - 2)) out.push(part === "" ? "" : `  ${part}`)
  }
  if (code.ends) out.push(look.theme.dim("```"))
  return out
}

const drawProse = (text: string, look: Look, width: number): Array<string> => {
  const source = text.replace(/^(?:[ \t]*\n)+/, "").trimEnd()
  if (source === "") return []
  // What nests deeper than anybody writes, or goes on without a space, costs more than it says.
  if (deep.test(source) || isData(source)) return wrapped(source, width)
  try {
    // The drawing asks what the terminal can, not what the theme has.
    const { hasLinks, pictures } = look.theme
    setCapabilities({ images: pictures === "none" ? null : pictures, trueColor: false, hyperlinks: hasLinks })
    const drawn = new Drawing(source, 0, 0, look.drawing).render(width)
    const lines = drawn.map((line) => fitted(hasLinks ? withAddresses(line.trimEnd()) : line.trimEnd(), width, ""))
    while (lines.length > 1 && lines.at(-1) === "") lines.pop()
    return lines
  } catch {
    return wrapped(source, width)
  }
}

const isData = (source: string): boolean =>
  source.length > longWord && source.split(/\s/).some(({ length }) => length > longWord)

const longWord = 1000

const deep = /(?:>[ \t]*){12}|(?:[[(*_~`!][ \t]*){24}/

/** Links lead only where links may, written as addresses are. */
const withAddresses = (line: string): string =>
  line.includes("\u001b]8;;") ? line.replace(links, (_, url: string) => `\u001b]8;;${address(url)}\u001b\\`) : line

const links = /\u001b\]8;;([^\u001b\u0007]*)\u001b\\/g
