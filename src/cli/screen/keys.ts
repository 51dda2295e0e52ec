/**
 * The keys of the screen in one table: what is pressed is looked up here, and the help on the screen and the page of the
 * documentation are made of it.
 */
import type { KeyId } from "@earendil-works/pi-tui"
import { matchesKey } from "@earendil-works/pi-tui"

/**
 * Where a key means something: among the words that are written, in the list that completes them, at a question about a
 * call, at a question of the model, in a list to choose from, and in this help.
 *
 * @category models
 * @since 0.1.0
 */
export type Place = "talk" | "completion" | "approval" | "question" | "picker" | "sheet"

/**
 * A key: what it is called in the program, what is pressed, and what it does in words.
 *
 * **Details**
 *
 * - `isEditor`: the editor of the words hears it by itself, so that it is never looked up.
 *
 * @category models
 * @since 0.1.0
 */
export interface Key {
  readonly id: Id
  readonly where: Place
  readonly keys: ReadonlyArray<KeyId>
  readonly does: string
  readonly isEditor?: boolean
}

/**
 * What keys do, by name.
 *
 * @category models
 * @since 0.1.0
 */
export type Id = (typeof ids)[number]

const ids = [
  ...(["send", "queue", "newline", "stop", "interrupt", "leave", "permission", "sheet", "search", "history"] as const),
  ...(["complete", "pageUp", "pageDown", "lineUp", "lineDown", "top", "bottom", "toggle", "reasoning"] as const),
  ...(["cardBefore", "cardNext", "suspend", "redraw", "words", "lines", "delete", "yank", "undo"] as const),
  ...(["yes", "no", "tool", "category", "session", "edit", "never", "up", "down", "choose", "mark", "other"] as const),
  ...(["dismiss", "erase"] as const)
] as const

const key = (where: Place, id: Id, keys: ReadonlyArray<KeyId>, does: string): Key => ({ id, where, keys, does })

const own = (id: Id, keys: ReadonlyArray<KeyId>, does: string): Key => ({
  ...key("talk", id, keys, does),
  isEditor: true
})

/**
 * The table. Of two lines that fit, the first counts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const all: ReadonlyArray<Key> = [
  { ...key("talk", "send", ["enter"], "send; while it works, the words join before its next step"), isEditor: true },
  key("talk", "queue", ["alt+enter", "ctrl+q"], "while it works: the words wait until it is done"),
  own("newline", ["shift+enter", "alt+enter", "ctrl+j"], "a new line (also: a backslash, then Enter)"),
  key("talk", "stop", ["escape"], "close what is open, else stop the run; what it wrote stays"),
  key("talk", "interrupt", ["ctrl+c"], "clear the words; twice within 2 seconds leaves, a third time at once"),
  key("talk", "leave", ["ctrl+d"], "leave, when no words are written"),
  key("talk", "permission", ["shift+tab"], "change between asking before changes and planning first"),
  key("talk", "sheet", ["f1"], "these keys (also ? when no words are written)"),
  own("history", ["up", "down"], "earlier words, when none are written"),
  key("talk", "search", ["ctrl+r"], "search in earlier words"),
  own("complete", ["tab"], "complete a /command or an @file"),
  key("talk", "pageUp", ["pageUp"], "scroll back a page"),
  key("talk", "pageDown", ["pageDown"], "scroll on a page"),
  key("talk", "lineUp", ["shift+up"], "scroll back a line (also the mouse wheel)"),
  key("talk", "lineDown", ["shift+down"], "scroll on a line"),
  key("talk", "top", ["ctrl+home"], "the beginning of the conversation"),
  key("talk", "bottom", ["ctrl+end"], "its end, and follow it"),
  key("talk", "toggle", ["ctrl+o"], "open or close the selected card, else the last one"),
  key("talk", "reasoning", ["ctrl+t"], "open or close all cards and thoughts"),
  key("talk", "cardBefore", ["alt+up"], "select the card before; Enter opens it"),
  key("talk", "cardNext", ["alt+down"], "select the next card"),
  key("talk", "suspend", ["ctrl+z"], "back to the shell; fg returns"),
  key("talk", "redraw", ["ctrl+l"], "draw everything anew"),
  own("words", ["alt+left", "alt+right"], "move by words"),
  own("lines", ["ctrl+a", "ctrl+e"], "move to the beginning or end of the line"),
  own("delete", ["ctrl+w", "ctrl+u", "ctrl+k"], "delete the word before, the line before, the line behind"),
  own("yank", ["ctrl+y"], "put back what was deleted"),
  own("undo", ["ctrl+-"], "undo in the editor"),

  { ...key("completion", "choose", ["tab", "enter"], "take what is selected"), isEditor: true },
  { ...key("completion", "up", ["up"], "select"), isEditor: true },
  { ...key("completion", "down", ["down"], "select"), isEditor: true },
  { ...key("completion", "dismiss", ["escape"], "close the list"), isEditor: true },

  key("approval", "yes", ["y", "shift+y"], "yes, this once"),
  key("approval", "no", ["n", "shift+n"], "no, and say why if you like"),
  key("approval", "tool", ["t", "shift+t"], "yes, always for this tool"),
  key("approval", "category", ["c", "shift+c"], "yes, always for this category"),
  key("approval", "session", ["s", "shift+s"], "yes, to everything in this session"),
  key("approval", "edit", ["e", "shift+e"], "change the arguments, then run"),
  key("approval", "never", ["d", "shift+d"], "no, and never this tool in this session"),
  key("approval", "dismiss", ["escape"], "no"),
  key("approval", "up", ["up", "shift+up"], "scroll"),
  key("approval", "down", ["down", "shift+down"], "scroll"),
  key("approval", "pageUp", ["pageUp"], "scroll a page"),
  key("approval", "pageDown", ["pageDown", "space"], "scroll a page"),

  key("question", "up", ["up"], "select"),
  key("question", "down", ["down"], "select"),
  key("question", "mark", ["space"], "choose, where several may be chosen"),
  key("question", "choose", ["enter"], "answer"),
  key("question", "other", ["o", "shift+o"], "answer in your own words"),
  key("question", "dismiss", ["escape"], "leave it to the model"),
  key("question", "pageUp", ["pageUp"], "scroll"),
  key("question", "pageDown", ["pageDown"], "scroll"),

  key("picker", "up", ["up", "ctrl+p"], "select"),
  key("picker", "down", ["down", "ctrl+n"], "select"),
  key("picker", "pageUp", ["pageUp"], "a page up"),
  key("picker", "pageDown", ["pageDown"], "a page down"),
  key("picker", "choose", ["enter", "tab"], "take what is selected"),
  key("picker", "erase", ["backspace"], "take back a letter of what is searched; letters search"),
  key("picker", "dismiss", ["escape"], "close the list"),

  key("sheet", "up", ["up", "shift+up"], "scroll"),
  key("sheet", "down", ["down", "shift+down"], "scroll"),
  key("sheet", "pageUp", ["pageUp"], "scroll a page"),
  key("sheet", "pageDown", ["pageDown", "space"], "scroll a page"),
  key("sheet", "dismiss", ["escape", "q", "enter", "?", "f1"], "close")
]

/**
 * What a key does in a place, if anything. In every place but that of words, those of the whole screen count too.
 *
 * @category converters
 * @since 0.1.0
 */
export const lookup = (place: Place, data: string): Id | undefined =>
  all.find(
    (entry) =>
      entry.isEditor !== true &&
      (entry.where === place || (entry.where === "talk" && everywhere.has(entry.id))) &&
      entry.keys.some((id) => matchesKey(data, id))
  )?.id

/**
 * The digit that was pressed, from 1 to 9.
 *
 * @category converters
 * @since 0.1.0
 */
export const digitOf = (data: string): number | undefined => {
  const digit = digits.find((each) => matchesKey(data, each))
  return digit === undefined ? undefined : Number(digit)
}

/**
 * A key as it is written on keyboards.
 *
 * @category converters
 * @since 0.1.0
 */
export const nameOf = (id: KeyId): string =>
  id
    .split("+")
    .map((part) => names[part] ?? (part.length === 1 && id !== part ? part.toUpperCase() : part))
    .join("-")

/**
 * The places, in the order in which help shows them, and what they are called there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const places: ReadonlyArray<readonly [place: Place, title: string]> = [
  ["talk", "Words and conversation"],
  ["completion", "Completions"],
  ["approval", "A call that needs your word"],
  ["question", "A question of the model"],
  ["picker", "A list to choose from"],
  ["sheet", "This help"]
]

/**
 * The table as lines of text: keys, and what they do.
 *
 * @category converters
 * @since 0.1.0
 */
export const sheet = (where: Place): ReadonlyArray<readonly [keys: string, does: string]> => {
  const rows: Array<readonly [string, string]> = []
  for (const entry of all) {
    // Letters stand for themselves in both cases.
    const keys = entry.where === where ? entry.keys.filter((id) => !/^shift\+[a-z]$/.test(id)) : []
    if (keys.length > 0) rows.push([keys.map(nameOf).join(", "), entry.does])
  }
  return rows
}

// internal

/** What also holds while something else is open. */
const everywhere: ReadonlySet<Id> = new Set<Id>(["interrupt", "suspend", "redraw"])

const digits = ["1", "2", "3", "4", "5", "6", "7", "8", "9"] as const

const names: Readonly<Record<string, string>> = {
  ctrl: "Ctrl",
  alt: "Alt",
  shift: "Shift",
  enter: "Enter",
  escape: "Esc",
  tab: "Tab",
  space: "Space",
  backspace: "Backspace",
  pageUp: "PageUp",
  pageDown: "PageDown",
  home: "Home",
  end: "End",
  up: "Up",
  down: "Down",
  left: "Left",
  right: "Right",
  f1: "F1"
}
