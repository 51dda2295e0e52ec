/**
 * A question of the model to the person: options to choose, words of one's own, or both. A pure machine.
 */
import type { Answer, Question } from "../../toolbox/AskUser.ts"
import { oneLine, plural } from "../internal/words.ts"
import * as Keys from "./keys.ts"
import type { Theme } from "./theme.ts"
import { cut, fitting, linesOf, rule } from "./words.ts"

/**
 * How it stands.
 *
 * **Details**
 *
 * - `armedAt`: from when on keys are heard, in milliseconds. `chosen`: the places of options that are marked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Card {
  readonly armedAt: number
  readonly at: number
  readonly chosen: ReadonlySet<number>
  readonly scroll: number
  readonly isWriting: boolean
}

/**
 * What is to be done after a key: nothing, give it to the editor, answer (absent: leave it to the model), or let the person
 * write.
 *
 * @category models
 * @since 0.1.0
 */
export type Act =
  | { readonly _tag: "None" }
  | { readonly _tag: "Type" }
  | { readonly _tag: "Answer"; readonly answer: Answer | undefined }
  | { readonly _tag: "Write"; readonly text: string }

/**
 * A question that has just come up. Without options it is answered in words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (question: Question, now: number, quietMillis: number): Card => ({
  armedAt: now + quietMillis,
  at: 0,
  chosen: new Set(),
  scroll: 0,
  isWriting: question.options.length === 0
})

/**
 * What a key does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pressed = (
  card: Card,
  question: Question,
  data: string,
  { now, quietMillis }: { readonly now: number; readonly quietMillis: number }
): readonly [Card, Act] => {
  if (now < card.armedAt) return [{ ...card, armedAt: now + quietMillis }, { _tag: "Type" }]
  const { allowOther, multiple, options } = question
  const digit = Keys.digitOf(data)
  if (digit !== undefined) {
    const at = digit - 1
    if (at >= options.length) return [card, none]
    return multiple ? [marked({ ...card, at }), none] : [{ ...card, at }, answer(question, [at])]
  }
  switch (Keys.lookup("question", data)) {
    case "up":
      return [{ ...card, at: Math.max(0, card.at - 1) }, none]
    case "down":
      return [{ ...card, at: Math.min(options.length - 1, card.at + 1) }, none]
    case "mark":
      return multiple ? [marked(card), none] : [card, none]
    case "choose":
      if (!multiple) return [card, answer(question, [card.at])]
      return card.chosen.size === 0 ? [marked(card), none] : [card, answer(question, [...card.chosen].sort(ascending))]
    case "other":
      return allowOther
        ? [
            { ...card, isWriting: true },
            { _tag: "Write", text: "" }
          ]
        : [card, none]
    case "pageUp":
      return [{ ...card, scroll: Math.max(0, card.scroll - 5) }, none]
    case "pageDown":
      return [{ ...card, scroll: card.scroll + 5 }, none]
    case "dismiss":
      return [card, { _tag: "Answer", answer: undefined }]
    default:
      return [card, none]
  }
}

/**
 * Words were written: the answer, besides what is marked.
 *
 * @category combinators
 * @since 0.1.0
 */
export const written = (card: Card, question: Question, text: string): readonly [Card, Act] => {
  const other = text.trim()
  if (other === "") return [card, none]
  const chosen = [...card.chosen].sort(ascending).flatMap((at) => question.options[at]?.label ?? [])
  return [card, { _tag: "Answer", answer: chosen.length === 0 ? { other } : { chosen, other } }]
}

/**
 * Back from words to the options; a question without any is left to the model.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unwritten = (card: Card, question: Question): readonly [Card, Act] =>
  question.options.length === 0 ? [card, { _tag: "Answer", answer: undefined }] : [{ ...card, isWriting: false }, none]

/**
 * The question as lines, at most `rows` of them. Options scroll with what is selected.
 *
 * @category converters
 * @since 0.1.0
 */
export const view = (
  card: Card,
  question: Question,
  setting: {
    readonly place: readonly [number, number]
    readonly theme: Theme
    readonly width: number
    readonly rows: number
    readonly now: number
  }
): ReadonlyArray<string> => {
  const { now, place, rows, theme, width } = setting
  const who = oneLine(question.from.agent)
  const head = rule(width, theme.accent, theme.accent(`${who} asks`), place[1] > 1 ? `${place[0]}/${place[1]}` : "")
  const foot = keysOf(card, question, now < card.armedAt, theme, width)
  const words = linesOf(question.question, Math.max(1, width - 2)).map((line) => theme.bold(`  ${line}`))
  const options = question.options.map(({ description, label }, index) => {
    const mark = question.multiple ? (card.chosen.has(index) ? "[x] " : "[ ] ") : ""
    const text = `${index < 9 ? `${index + 1}.` : "  "} ${mark}${oneLine(label)}`
    const more = description === undefined ? "" : theme.dim(` ${oneLine(description)}`)
    const isAt = index === card.at && !card.isWriting
    return cut(isAt ? `${theme.accent("›")} ${theme.bold(text)}${more}` : `  ${text}${more}`, width)
  })
  const room = rows - 2
  if (room < 1) return [head, foot].slice(-Math.max(1, rows))
  const most = Math.max(0, Math.min(words.length, Math.max(1, room - options.length, Math.floor(room / 2))))
  const from = Math.min(card.scroll, words.length - most)
  const left = Math.max(0, room - most)
  const first = Math.max(0, Math.min(card.at - Math.floor(left / 2), options.length - left))
  const shown = options.slice(first, first + left)
  const hidden = words.length - most - from
  const text = words.slice(from, from + most)
  if (hidden > 0 && most > 1) text[most - 1] = theme.dim(cut(`  PageDown: ${plural(hidden + 1, "more line")}`, width))
  return [head, ...text, ...shown, foot]
}

// internal

const none: Act = { _tag: "None" }

const ascending = (one: number, other: number): number => one - other

const marked = (card: Card): Card => {
  const chosen = new Set(card.chosen)
  if (!chosen.delete(card.at)) chosen.add(card.at)
  return { ...card, chosen }
}

const answer = ({ options }: Question, places: ReadonlyArray<number>): Act => ({
  _tag: "Answer",
  answer: { chosen: places.flatMap((at) => options[at]?.label ?? []) }
})

const keysOf = (card: Card, question: Question, isQuiet: boolean, theme: Theme, width: number): string => {
  if (card.isWriting) {
    const back = question.options.length === 0 ? "Esc leaves it to the model" : "Esc goes back"
    return theme.dim(cut(`your answer: Enter sends it, ${back}`, width))
  }
  if (isQuiet) return theme.dim("…")
  const key = (name: string, word: string, rank: number) => ({ text: `${theme.accent(name)} ${word}`, rank })
  return fitting(
    [
      key(question.multiple ? "1-9, Space" : "1-9", question.multiple ? "mark" : "choose", 1),
      key("Enter", "answer", 0),
      ...(question.allowOther ? [key("o", "other words", 2)] : []),
      key("Esc", "leave it to the model", 3)
    ],
    width,
    theme.dim(" · ")
  )
}
