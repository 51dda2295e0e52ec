/**
 * What a call would do, as lines of a card: a difference in colours, a command, a plan, or fields.
 */
import type { Preview } from "../assistant/preview/preview.ts"
import { oneLine, plural } from "../internal/words.ts"
import type { Theme } from "./theme.ts"
import * as Colors from "./transcript/colors.ts"
import * as Markdown from "./transcript/markdown.ts"
import { cut, linesOf } from "./words.ts"

/**
 * The lines, no wider than so many columns.
 *
 * @category converters
 * @since 0.1.0
 */
export const lines = (preview: Preview, theme: Theme, width: number): ReadonlyArray<string> => {
  const known = drawn.get(preview)
  if (known?.width === width && known.hasColor === theme.hasColor) return known.lines
  const made = draw(preview, theme, width)
  drawn.set(preview, { width, hasColor: theme.hasColor, lines: made })
  return made
}

// internal

/** A card is drawn ten times in a second, and what it is about does not change. */
const drawn = new WeakMap<
  Preview,
  { readonly width: number; readonly hasColor: boolean; readonly lines: ReadonlyArray<string> }
>()

const draw = (preview: Preview, theme: Theme, width: number): ReadonlyArray<string> => {
  const inner = Math.max(1, width - 2)
  const inset = (line: string): string => `  ${line}`
  switch (preview.kind) {
    case "diff": {
      const styles = { "+": theme.added, "-": theme.removed, "@": theme.dim, " ": (text: string) => text }
      return [
        cut(theme.bold(`  ${oneLine(preview.path)}${preview.isNew ? " (new)" : ""}`), width),
        ...preview.lines.flatMap(({ sign, text }) =>
          linesOf(text, Math.max(1, inner - 2)).map((line) =>
            inset(styles[sign](`${sign === "@" ? " " : sign} ${line}`))
          )
        ),
        ...(preview.more === 0 ? [] : [cut(inset(theme.dim(`and ${plural(preview.more, "more line")}`)), width)])
      ]
    }
    case "command":
    case "code": {
      const sign = preview.kind === "command" ? "$" : ">"
      const place = [`in ${preview.folder}`, ...preview.limits].map(oneLine).join(", ")
      return [
        ...linesOf(preview.text, Math.max(1, inner - 2)).map((line, index) =>
          inset(`${theme.dim(index === 0 ? sign : " ")} ${theme.bold(line)}`)
        ),
        ...linesOf(preview.kind === "code" ? `${preview.language} ${place}` : place, inner).map((line) =>
          inset(theme.dim(line))
        )
      ]
    }
    case "plan":
      return Markdown.draw(
        preview.markdown,
        Markdown.lookOf(
          theme,
          Colors.make(theme, () => {})
        ),
        inner
      ).map((line) => cut(inset(line), width))
    case "fields":
      return preview.fields.flatMap(([name, value]) => {
        const [first = "", ...rest] = linesOf(value, inner)
        const label = theme.dim(`${oneLine(name)}:`)
        return rest.length === 0
          ? linesOf(`${oneLine(name)}: ${first}`, inner).map((line, index) =>
              inset(index === 0 ? line.replace(`${oneLine(name)}:`, label) : line)
            )
          : [inset(cut(label, inner)), first === "" ? "" : inset(first), ...rest.map(inset)]
      })
    case "problem":
      return linesOf(preview.text, inner).map((line) => inset(theme.error(line)))
  }
}
