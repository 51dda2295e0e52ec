/**
 * What the program tells the model besides the words of the person: texts of their own behind these words, so that what
 * requests begin with stays as it is.
 */
import type { Input } from "../../domain/Message.ts"
import * as Messages from "../../domain/Message.ts"
import { text } from "../../domain/Part.ts"

/**
 * The words with notes behind them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withNotes = (input: Input, notes: ReadonlyArray<string | undefined>): Input => {
  const texts = notes.flatMap((note) =>
    note === undefined || note === "" ? [] : [text(`${opening}${note}${closing}`)]
  )
  if (texts.length === 0) return input
  const messages = Messages.fromInput(input)
  const last = messages.at(-1)
  return last === undefined
    ? [Messages.user(texts)]
    : [...messages.slice(0, -1), { ...last, parts: [...last.parts, ...texts] }]
}

/**
 * The note that a text of a message is, if it is one: people have not said it.
 *
 * @category converters
 * @since 0.1.0
 */
export const fromText = (text: string): string | undefined =>
  text.startsWith(opening) && text.endsWith(closing) ? text.slice(opening.length, -closing.length) : undefined

/**
 * The beginning of a conversation as people said it: what a note adds is cut off, also where only the note's beginning is
 * left of it.
 *
 * @category converters
 * @since 0.1.0
 */
export const withoutNote = (preview: string): string => preview.replace(/\s*<note-of-the-program>[\s\S]*$/, "")

// internal

const opening = "<note-of-the-program>\n"
const closing = "\n</note-of-the-program>"
