/**
 * The card that asks a person about a call: what its keys do, and how it looks. A pure machine; who waits for the answer
 * is not known here.
 */
import { visibleWidth } from "@earendil-works/pi-tui"
import type { Decision, Question } from "../../guard/Approval.ts"
import type { Preview } from "../assistant/preview/preview.ts"
import { oneLine, plural } from "../internal/words.ts"
import * as Keys from "./keys.ts"
import * as PreviewView from "./previewView.ts"
import type { Theme } from "./theme.ts"
import { cut, fitting, rule } from "./words.ts"

/**
 * How the card stands.
 *
 * **Details**
 *
 * - `armedAt`: from when on keys are heard, in milliseconds. What is typed before was meant for the words.
 * - `isRead`: whether the end of the preview was seen.
 * - `writing`: what is being written in the editor instead of the conversation's words. `problem`: why it was not taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface Card {
  readonly armedAt: number
  readonly scroll: number
  readonly isRead: boolean
  readonly writing: "reason" | "arguments" | undefined
  readonly problem: string | undefined
}

/**
 * What is to be done after a key: nothing, give it to the editor, decide, or let the person write.
 *
 * @category models
 * @since 0.1.0
 */
export type Act =
  | { readonly _tag: "None" }
  | { readonly _tag: "Type" }
  | { readonly _tag: "Decide"; readonly decision: Decision }
  | { readonly _tag: "Write"; readonly text: string }

/**
 * How long a card stands, with no key pressed, before keys count: so that words typed ahead do not say yes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const quietMillis = 300

/**
 * A card that has just come up.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (now: number): Card => ({
  armedAt: now + quietMillis,
  scroll: 0,
  isRead: false,
  writing: undefined,
  problem: undefined
})

/**
 * What a key does. `last` is how far the preview scrolls, as `view` says.
 *
 * **Details**
 *
 * - `previews`: what would be run is not agreed to before its end was seen.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pressed = (
  card: Card,
  question: Question,
  data: string,
  about: { readonly last: number; readonly now: number; readonly previews: ReadonlyArray<Preview> }
): readonly [Card, Act] => {
  const { last, now, previews } = about
  if (!isArmed(card, now)) return [{ ...card, armedAt: now + quietMillis }, { _tag: "Type" }]
  const name = oneLine(question.call.tool.name)
  const key = Keys.lookup("approval", data)
  if (agreeing.has(key ?? "") && last > 0 && !card.isRead && previews.some(isRun)) {
    return [{ ...card, problem: "there is more of it: ↓ or PageDown to its end, then agree" }, none]
  }
  // Who agrees to a plan has read that one.
  if (lasting.has(key ?? "") && previews.some(isPlan)) return [card, none]
  switch (key) {
    case "yes":
      return [card, decide({ approved: true })]
    case "tool":
      return [card, decide({ approved: true, remember: "tool" })]
    case "category":
      return [card, question.category === undefined ? none : decide({ approved: true, remember: "category" })]
    case "session":
      return [card, decide({ approved: true, remember: "session" })]
    case "never":
      return [
        card,
        decide({ approved: false, remember: "tool", reason: `the person does not want ${name} to be used` })
      ]
    case "dismiss":
      return [card, decide({ approved: false })]
    case "no":
      return [
        { ...card, writing: "reason" },
        { _tag: "Write", text: "" }
      ]
    case "edit":
      return [
        { ...card, writing: "arguments" },
        { _tag: "Write", text: editable(question.call.input).text }
      ]
    case "up":
      return [scrolled(card, -1, last), none]
    case "down":
      return [scrolled(card, 1, last), none]
    case "pageUp":
      return [scrolled(card, -page, last), none]
    case "pageDown":
      return [scrolled(card, page, last), none]
    default:
      return [card, none]
  }
}

/**
 * What was written is taken: a reason, or arguments, which have to be JSON where they are shown as that.
 *
 * @category combinators
 * @since 0.1.0
 */
export const written = (card: Card, question: Question, text: string): readonly [Card, Act] => {
  if (card.writing !== "arguments") {
    const reason = text.trim()
    return [card, decide(reason === "" ? { approved: false } : { approved: false, reason })]
  }
  try {
    return [card, decide({ approved: true, input: editable(question.call.input).back(text) })]
  } catch (error) {
    return [{ ...card, problem: `no JSON: ${error instanceof Error ? oneLine(error.message) : "it is broken"}` }, none]
  }
}

/**
 * The person would rather choose another key.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unwritten = (card: Card): Card => ({ ...card, writing: undefined, problem: undefined })

/**
 * The card as lines.
 *
 * **Details**
 *
 * - `rows`: how many there may be. What is asked, why and the keys stay; the preview scrolls, down to `last`.
 *
 * @category converters
 * @since 0.1.0
 */
export const view = (
  card: Card,
  question: Question,
  setting: {
    readonly previews: ReadonlyArray<Preview>
    readonly place: readonly [number, number]
    readonly now: number
    readonly theme: Theme
    readonly width: number
    readonly rows: number
  }
): { readonly lines: ReadonlyArray<string>; readonly last: number } => {
  const { place, previews, rows, theme, width } = setting
  const { call, category, reason } = question
  const title = theme.warning(previews.some(isPlan) ? "Carry out this plan?" : `Allow ${oneLine(call.tool.name)}?`)
  const count = place[1] > 1 ? `${place[0]}/${place[1]}` : ""
  const who = [...(call.path ?? []).map(({ agent }) => agent), call.agent].map(oneLine).join(" › ")
  const why = [
    theme.dim("why"),
    oneLine(reason),
    ...(category === undefined ? [] : [theme.dim(`(${oneLine(category)})`)])
  ].join(" ")
  const head = rule(width, theme.warning, title, count)
  const foot = [
    cut(`${why}${call.path === undefined ? "" : theme.dim(` · ${who}`)}`, width),
    keysOf(card, question, { ...setting, isPlan: previews.some(isPlan) })
  ]
  if (card.problem !== undefined) foot.push(theme.error(cut(card.problem, width)))
  const room = rows - 1 - foot.length
  // Of a window with no room for it all, the keys are what cannot be done without.
  const body = previews.flatMap((preview) => PreviewView.lines(preview, theme, width))
  if (room < 1) return { lines: [head, ...foot].slice(-Math.max(1, rows)), last: body.length }
  if (body.length <= room) return { lines: [head, ...body, ...foot], last: 0 }
  const last = body.length - room + 1
  const from = Math.min(card.scroll, last)
  const more = last - from
  const mark = theme.dim(cut(more > 0 ? `  ↑↓ ${plural(more, "more line")}` : "  ↑↓ the end", width))
  return { lines: [head, ...body.slice(from, from + room - 1), mark, ...foot], last }
}

// internal

/** Whether keys count. */
const isArmed = ({ armedAt }: Card, now: number): boolean => now >= armedAt

const none: Act = { _tag: "None" }
const page = 8

const decide = (decision: Decision): Act => ({ _tag: "Decide", decision })

const agreeing = new Set(["yes", "tool", "category", "session"])

const lasting = new Set(["tool", "category", "session", "never"])

const isPlan = ({ kind }: Preview): boolean => kind === "plan"

const isRun = ({ kind }: Preview): boolean => kind === "command" || kind === "code"

const scrolled = (card: Card, by: number, last: number): Card => {
  const scroll = Math.max(0, Math.min(last, card.scroll + by))
  return { ...card, scroll, isRead: card.isRead || scroll === last, problem: undefined }
}

const keysOf = (
  card: Card,
  question: Question,
  setting: { readonly isPlan: boolean; readonly now: number; readonly theme: Theme; readonly width: number }
): string => {
  const { isPlan, now, theme, width } = setting
  if (card.writing === "reason") return theme.dim(cut("why not? Enter says no, Esc goes back", width))
  if (card.writing === "arguments")
    return theme.dim(cut("the arguments: Enter runs it with these, Esc goes back", width))
  if (!isArmed(card, now)) return theme.dim(cut("…", width))
  const key = (letter: string, word: string, rank: number) => ({ text: `${theme.accent(letter)} ${word}`, rank })
  const gap = theme.dim(" · ")
  if (isPlan)
    return fitting([key("y", "yes", 0), key("n", "no, and what to change", 1), key("e", "edit", 2)], width, gap)
  const keys = (tool: string, category: string, session: string, never: string) => [
    key("y", "yes", 0),
    key("n", "no", 1),
    key("e", "edit", 3),
    key("t", tool, 4),
    ...(question.category === undefined ? [] : [key("c", category, 5)]),
    key("s", session, 6),
    key("d", never, 7)
  ]
  const category = oneLine(question.category ?? "")
  const whole = keys("always this tool", `always ${category}`, "always in this session", "never this tool")
  const short = keys("tool", category, "session", "never")
  return fitting(visibleWidth(whole.map(({ text }) => text).join(gap)) <= width ? whole : short, width, gap)
}

/** Arguments as text that can be changed: the one that says it all as it is, else all of them as JSON. */
const editable = (input: unknown): { readonly text: string; readonly back: (text: string) => unknown } => {
  const fields = typeof input === "object" && input !== null && !Array.isArray(input) ? Object.entries(input) : []
  const telling = fields.find(([name]) => name === "command") ?? (fields.length === 1 ? fields[0] : undefined)
  if (telling !== undefined && typeof telling[1] === "string") {
    const [name, value] = telling
    return { text: value, back: (text) => ({ ...Object.fromEntries(fields), [name]: text }) }
  }
  return { text: JSON.stringify(input, null, 2) ?? "null", back: (text): unknown => JSON.parse(text) }
}
