/**
 * What a call would do, in plain lines.
 */
import { plural } from "../../internal/words.ts"
import type { Preview } from "./preview.ts"

/**
 * The lines, all of them: who reads plain lines can go back, and not further.
 *
 * @category converters
 * @since 0.1.0
 */
export const toLines = (previews: ReadonlyArray<Preview>): ReadonlyArray<string> => previews.flatMap(linesOf)

// internal

const linesOf = (preview: Preview): ReadonlyArray<string> => {
  switch (preview.kind) {
    case "diff":
      return [
        `${preview.path}${preview.isNew ? " (new)" : ""}`,
        ...preview.lines.map(({ sign, text }) => (sign === "@" ? `@@ ${text}` : `${sign}${text}`)),
        ...(preview.more === 0 ? [] : [`… ${plural(preview.more, "more line")}`])
      ]
    case "command":
      return [...preview.text.split("\n").map((line) => `$ ${line}`), placed(preview)]
    case "code":
      return [`${preview.language}, ${placed(preview)}`, ...preview.text.split("\n").map((line) => `> ${line}`)]
    case "plan":
      return preview.markdown.split("\n")
    case "fields":
      return preview.fields.flatMap(([name, value]) => {
        const [first = "", ...rest] = value.split("\n")
        return [`${name}: ${first}`, ...rest.map((line) => `  ${line}`)]
      })
    case "problem":
      return preview.text.split("\n")
  }
}

const placed = ({ folder, limits }: { readonly folder: string; readonly limits: ReadonlyArray<string> }): string =>
  [`in ${folder}`, ...limits].join(", ")
