/**
 * How the parts of the screen share its rows. Whatever there is, a frame has exactly as many lines as the window has rows,
 * and none is wider.
 */
import { CURSOR_MARKER, visibleWidth } from "@earendil-works/pi-tui"
import { isPicture } from "./transcript/media.ts"
import { cut } from "./words.ts"

/**
 * What there is to show.
 *
 * **Details**
 *
 * - `transcript`: draws so many of its rows. `card`: what stands above the editor and is heard in its place, in at most so
 *   many rows; absent most of the time.
 * - `work`, `waiting`, `hint`: lines between the two. `editor`: with its cursor; `isWriting`: something for the card is
 *   written there. `status`: the last line.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly transcript: (rows: number) => ReadonlyArray<string>
  readonly card: ((rows: number) => ReadonlyArray<string>) | undefined
  readonly work: string | undefined
  readonly waiting: (rows: number) => ReadonlyArray<string>
  readonly hint: string | undefined
  readonly editor: ReadonlyArray<string>
  readonly isWriting: boolean
  readonly status: string
}

/**
 * The frame.
 *
 * **Details**
 *
 * - What gives way first: the transcript, what waits, rules around the editor, the line of work, the status. One line of the
 *   editor, or of the card, is always there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (parts: Parts, width: number, rows: number): ReadonlyArray<string> => {
  if (rows < 1) return []
  let left = rows
  const take = (lines: ReadonlyArray<string>, most: number): ReadonlyArray<string> => {
    const taken = lines.slice(0, Math.max(0, Math.min(left, most)))
    left -= taken.length
    return taken
  }
  // A row is put by for what is written or answered, before the others take theirs.
  left -= 1
  const status = take([parts.status], rows >= 3 ? 1 : 0)
  const hint = take(parts.hint === undefined ? [] : [parts.hint], rows >= 4 ? 1 : 0)
  const work = take(parts.work === undefined ? [] : [parts.work], rows >= 6 ? 1 : 0)
  left += 1
  const editor = around(parts.editor, Math.min(left, editorRows(parts, left, rows)))
  left -= editor.length
  const card = parts.card === undefined ? [] : take(parts.card(Math.max(1, left - (rows >= 16 ? 4 : 0))), left)
  const waiting = take(parts.waiting(Math.min(3, Math.max(0, left - 1))), 3)
  const transcript = parts.transcript(left).slice(0, left)
  const filler = Array.from({ length: left - transcript.length }, () => "")
  return [...transcript, ...filler, ...waiting, ...work, ...card, ...hint, ...editor, ...status].map((line) =>
    fits(line, width)
  )
}

/**
 * Some lines of the editor, its cursor among them. When there is no room for all, rules around it go first.
 *
 * @category converters
 * @since 0.1.0
 */
export const around = (editor: ReadonlyArray<string>, rows: number): ReadonlyArray<string> => {
  if (editor.length <= rows) return editor
  const at = Math.max(
    0,
    editor.findIndex((line) => line.includes(CURSOR_MARKER))
  )
  // With a rule above and at least one line, what is below (completions) is worth more than what is above.
  const from = rows < 3 ? at : Math.max(0, Math.min(at - 1, editor.length - rows))
  return editor.slice(from, from + rows)
}

// internal

/** Beside a card that is answered by keys, the words that were begun only show that they are still there. */
const editorRows = ({ card, editor, isWriting }: Parts, left: number, rows: number): number => {
  if (card === undefined) return Math.max(1, left - (rows >= 10 ? Math.floor(rows / 3) : rows >= 8 ? 2 : 0))
  if (isWriting) return Math.max(1, Math.floor(left / 2))
  return Math.min(editor.length, rows >= 12 ? 3 : rows >= 5 ? 1 : 0)
}

/** What draws a picture is longer than it is wide. */
const fits = (line: string, width: number): string =>
  isPicture(line) || visibleWidth(line) <= width ? line : cut(line, width)
