/**
 * What completes words: commands after `/`, files after `@`.
 */
import type { AutocompleteItem, AutocompleteProvider, AutocompleteSuggestions } from "@earendil-works/pi-tui"
import { fuzzyFilter } from "@earendil-works/pi-tui"
import type { Item } from "../assistant/commands/commands.ts"
import { oneLine } from "../internal/words.ts"
import type { Host } from "./host.ts"

/**
 * Completes by what a host knows, once there is one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (host: () => Pick<Host, "completions" | "files"> | undefined): AutocompleteProvider => ({
  getSuggestions: async (lines, line, column) => {
    const before = (lines[line] ?? "").slice(0, column)
    const known = host()
    if (known === undefined) return null
    if (line === 0 && before.startsWith("/")) return ofCommands(before, await known.completions(before))
    const mention = mentioned(before)
    return mention === undefined ? null : ofFiles(mention, await known.files())
  },
  applyCompletion: (lines, line, column, { value }, prefix) => {
    const text = lines[line] ?? ""
    const before = text.slice(0, column - prefix.length)
    const changed = `${before}${value}${text.slice(column).replace(/^ /, value.endsWith(" ") ? "" : " ")}`
    return {
      lines: lines.map((each, index) => (index === line ? changed : each)),
      cursorLine: line,
      cursorCol: before.length + value.length
    }
  },
  shouldTriggerFileCompletion: (lines, line, column) => {
    const before = (lines[line] ?? "").slice(0, column)
    return before.startsWith("/") || mentioned(before) !== undefined
  }
})

// internal

/** The mention of a file that the cursor stands behind, with its `@`. */
const mentioned = (before: string): string | undefined => /(?:^|\s)(@(?:"[^"]*|\S*))$/.exec(before)?.[1]

const most = 50

const ofCommands = (prefix: string, items: ReadonlyArray<Item>): AutocompleteSuggestions | null =>
  items.length === 0 ? null : { prefix, items: items.map(shown) }

const shown = ({ detail, label, value }: Item): AutocompleteItem => ({
  value,
  label: oneLine(label),
  ...(detail === undefined ? undefined : { description: oneLine(detail) })
})

const ofFiles = (prefix: string, paths: ReadonlyArray<string>): AutocompleteSuggestions | null => {
  const search = prefix.replace(/^@"?/, "")
  const found = search === "" ? paths.slice(0, most) : fuzzyFilter([...paths], search, (path) => path).slice(0, most)
  return found.length === 0 ? null : { prefix, items: found.map((path) => shown({ value: quoted(path), label: path })) }
}

const quoted = (path: string): string => (/[\s"]/.test(path) ? `@"${path}" ` : `@${path} `)
