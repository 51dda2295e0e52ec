/**
 * A list to choose from, which typing searches. A pure machine.
 */
import { fuzzyFilter } from "@earendil-works/pi-tui"
import type { Item } from "../assistant/commands/commands.ts"
import { oneLine, plural, printable } from "../internal/words.ts"
import * as Keys from "./keys.ts"
import type { Theme } from "./theme.ts"
import { cut, rule } from "./words.ts"

/**
 * How the list stands. `found` are the items that fit `search`, best first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Picker {
  readonly title: string
  readonly items: ReadonlyArray<Item>
  readonly found: ReadonlyArray<Item>
  readonly search: string
  readonly at: number
}

/**
 * What is to be done after a key.
 *
 * @category models
 * @since 0.1.0
 */
export type Act =
  | { readonly _tag: "None" }
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Chosen"; readonly item: Item }

/**
 * Opens a list at what is current.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (title: string, items: ReadonlyArray<Item>): Picker => ({
  title,
  items,
  found: items,
  search: "",
  at: Math.max(
    0,
    items.findIndex(({ isCurrent }) => isCurrent === true)
  )
})

/**
 * What a key does: letters search.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pressed = (picker: Picker, data: string): readonly [Picker, Act] => {
  switch (Keys.lookup("picker", data)) {
    case "up":
      return [moved(picker, -1), none]
    case "down":
      return [moved(picker, 1), none]
    case "pageUp":
      return [moved(picker, -10), none]
    case "pageDown":
      return [moved(picker, 10), none]
    case "choose": {
      const item = picker.found[picker.at]
      return [picker, item === undefined ? none : { _tag: "Chosen", item }]
    }
    case "dismiss":
      return [picker, { _tag: "Closed" }]
    case "erase":
      return [searching(picker, [...picker.search].slice(0, -1).join("")), none]
    default: {
      const typed = /^[\x20-\x7e\u00a0-\u{10ffff}]+$/u.test(data) ? printable(data) : ""
      return [typed === "" ? picker : searching(picker, picker.search + typed), none]
    }
  }
}

/**
 * The list as lines, at most `rows` of them.
 *
 * @category converters
 * @since 0.1.0
 */
export const view = (
  { at, found, items, search, title }: Picker,
  setting: { readonly theme: Theme; readonly width: number; readonly rows: number }
): ReadonlyArray<string> => {
  const { rows, theme, width } = setting
  const count = found.length === items.length ? "" : `${found.length} of ${items.length}`
  const head = rule(width, theme.accent, theme.accent(oneLine(title)), count)
  const room = Math.max(1, rows - 2)
  const first = Math.max(0, Math.min(at - Math.floor(room / 2), found.length - room))
  const shown = found.slice(first, first + room).map((item, index) => {
    const text = `${oneLine(item.label)}${item.isCurrent === true ? " ✓" : ""}`
    const more = item.detail === undefined ? "" : `  ${theme.dim(oneLine(item.detail))}`
    return cut(first + index === at ? `${theme.accent("›")} ${theme.bold(text)}${more}` : `  ${text}${more}`, width)
  })
  const nothing = theme.dim(cut(items.length === 0 ? "  nothing to choose" : "  nothing fits", width))
  const words =
    search === ""
      ? theme.dim(`type to search ${plural(items.length, "line")} · Enter takes · Esc closes`)
      : `/ ${search}`
  const lines = [head, ...(shown.length === 0 ? [nothing] : shown), cut(words, width)]
  return rows >= 3
    ? lines
    : shown
        .slice(at - first, at - first + 1)
        .concat(head)
        .slice(0, rows)
}

// internal

const none: Act = { _tag: "None" }

const moved = (picker: Picker, by: number): Picker => ({
  ...picker,
  at: Math.max(0, Math.min(picker.found.length - 1, picker.at + by))
})

const searching = (picker: Picker, search: string): Picker => {
  const found =
    search.trim() === ""
      ? picker.items
      : fuzzyFilter([...picker.items], search, ({ detail = "", label }) => `${label} ${detail}`)
  return { ...picker, search, found, at: 0 }
}
