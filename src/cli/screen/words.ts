/**
 * Lines of the screen: what may be shown of a text, broken and cut to columns.
 */
import { truncateToWidth, visibleWidth, wrapTextWithAnsi } from "@earendil-works/pi-tui"
import { printable } from "../internal/words.ts"

/**
 * A text that others wrote as lines that may be shown, no wider than so many columns.
 *
 * @category converters
 * @since 0.1.0
 */
export const linesOf = (text: string, width: number): ReadonlyArray<string> =>
  printable(text.replace(/\t/g, "  "))
    .split("\n")
    .flatMap((line) => (visibleWidth(line) <= width ? [line] : wrapTextWithAnsi(line, Math.max(1, width))))
    .map((line) => cut(line, width))

/**
 * The line in at most so many columns; what is left out is marked.
 *
 * @category converters
 * @since 0.1.0
 */
export const cut = (line: string, width: number): string => {
  if (visibleWidth(line) <= width) return line
  const out = width < 1 ? "" : truncateToWidth(line, width, "…")
  // Where no style began, none has to be ended.
  return line.includes("\u001b[") ? out : out.replaceAll("\u001b[0m", "")
}

/**
 * A rule across the screen with a title in it, and another at its right end.
 *
 * @category converters
 * @since 0.1.0
 */
export const rule = (width: number, style: (text: string) => string, title = "", right = ""): string => {
  const head = title === "" ? "" : `── ${cut(title, Math.max(0, width - 4))} `
  const tail = right === "" ? "" : ` ${right} ─`
  const room = width - visibleWidth(head) - visibleWidth(tail)
  return room < 0 ? cut(style(head), width) : style(head) + style("─".repeat(room)) + style(tail)
}

/**
 * Parts side by side, those that do not fit left out from the least important on. `rank` 0 is the most important; they stay
 * in their order.
 *
 * @category converters
 * @since 0.1.0
 */
export const fitting = (
  parts: ReadonlyArray<{ readonly text: string; readonly rank: number }>,
  width: number,
  gap: string
): string => {
  const kept = new Set<number>()
  let used = 0
  const order = parts.map(({ rank }, index) => ({ rank, index })).sort((one, other) => one.rank - other.rank)
  for (const { index } of order) {
    const text = parts[index]?.text ?? ""
    const cost = visibleWidth(text) + (kept.size === 0 ? 0 : visibleWidth(gap))
    // What comes first is cut rather than left out.
    if (text === "" || (used + cost > width && kept.size > 0)) continue
    kept.add(index)
    used += cost
  }
  return cut(
    parts
      .filter((_, index) => kept.has(index))
      .map(({ text }) => text)
      .join(gap),
    width
  )
}
