/**
 * The editor of words: pi-tui's, with a cursor that is the terminal's own, and with text that may be shown.
 */
import type { TUI } from "@earendil-works/pi-tui"
import { CURSOR_MARKER, Editor } from "@earendil-works/pi-tui"
import { printable } from "../internal/words.ts"
import type { Theme } from "./theme.ts"

/**
 * Makes an editor.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (tui: TUI, theme: Theme): Editor => {
  const editor = new Editor(
    tui,
    {
      borderColor: theme.dim,
      selectList: {
        selectedPrefix: (text) => theme.accent(text),
        selectedText: (text) => theme.accent(text),
        description: (text) => theme.dim(text),
        scrollInfo: (text) => theme.dim(text),
        noMatch: (text) => theme.dim(text)
      }
    },
    { autocompleteMaxVisible: 8 }
  )
  editor.focused = true
  return editor
}

/**
 * Its lines. The cell that pi-tui inverts in place of a cursor gets the cursor itself.
 *
 * @category converters
 * @since 0.1.0
 */
export const lines = (editor: Editor, width: number, style: (text: string) => string): ReadonlyArray<string> => {
  editor.borderColor = style
  return editor
    .render(Math.max(1, width))
    .map((line) => line.replaceAll(CURSOR_MARKER, "").replace(inverted, `${CURSOR_MARKER}$1`))
}

/**
 * What is pasted, without what must not reach the terminal.
 *
 * @category converters
 * @since 0.1.0
 */
export const cleaned = (data: string): string => {
  const [begin, end] = pasteMarks
  if (!data.startsWith(begin) || !data.endsWith(end)) return data
  const text = data.slice(begin.length, -end.length)
  return `${begin}${printable(text.replace(/\r\n?/g, "\n"))}${end}`
}

/**
 * The text that was pasted, if that is what this is.
 *
 * @category converters
 * @since 0.1.0
 */
export const pasted = (data: string): string | undefined => {
  const [begin, end] = pasteMarks
  return data.startsWith(begin) && data.endsWith(end) ? data.slice(begin.length, -end.length) : undefined
}

// internal

/** The beginning and end of a paste, as terminals tell it. */
const pasteMarks = ["\u001b[200~", "\u001b[201~"] as const

const inverted = /\u001b\[7m(.*?)\u001b\[0m/
