/**
 * Which lines that are typed belong together: a request may have several.
 */

/**
 * Lines that wait for more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Open {
  readonly lines: ReadonlyArray<string>
  /** Whether only `"""` ends them. */
  readonly isFenced: boolean
}

/**
 * What became of a line: a request that is whole, or lines that wait for more.
 *
 * @category models
 * @since 0.1.0
 */
export type Read = { readonly _tag: "Whole"; readonly text: string } | { readonly _tag: "More"; readonly open: Open }

/**
 * Takes the next line.
 *
 * **Details**
 *
 * - A backslash at the end has the next line join. `"""` at the beginning of a request has all lines join until the one that
 *   ends with `"""`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const next = (open: Open | undefined, line: string): Read => {
  if (open?.isFenced) return fenced(open.lines, line)
  const lines = open?.lines ?? []
  const start = line.trimStart()
  if (lines.length === 0 && start.startsWith(fence)) return fenced([], start.slice(fence.length))
  // Two backslashes are one that is meant.
  return /(^|[^\\])(\\\\)*\\$/.test(line)
    ? { _tag: "More", open: { lines: [...lines, line.slice(0, -1)], isFenced: false } }
    : { _tag: "Whole", text: [...lines, line].join("\n") }
}

// internal

const fence = '"""'

const fenced = (lines: ReadonlyArray<string>, line: string): Read => {
  const end = line.trimEnd()
  if (!end.endsWith(fence)) return { _tag: "More", open: { lines: [...lines, line], isFenced: true } }
  const text = [...lines, end.slice(0, -fence.length)].join("\n")
  return { _tag: "Whole", text: text.replace(/^\n|\n$/g, "") }
}
