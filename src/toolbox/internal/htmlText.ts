/**
 * Pages as models read them: the words, where links lead, headings, lists and tables, and nothing that a person at a
 * browser would not see.
 */
import type { FormatCallback, HtmlToTextOptions } from "html-to-text"
import { compile } from "html-to-text"
import { scan } from "./htmlScan.ts"

/** How a page is written: with its marks as Markdown, or plain. Links are written alike in both. */
export type Style = "text" | "markdown"

/** A page that was read. */
export interface Page {
  readonly title: string
  readonly text: string
  /** Whether there was more than is ever read. */
  readonly isCut: boolean
}

/** Reads a page. Relative links are those of `url`, unless the page says otherwise. */
export const read = (source: string, url: string, style: Style): Page => {
  const { base, html, title } = scan(source)
  const from = base !== undefined && URL.canParse(base, url) ? new URL(base, url).href : url
  const text = compile(options(from, style))(html.slice(0, longestPage))
  return {
    title: title === undefined ? "" : words(title.slice(0, 1000)).replace(/\s+/g, " ").slice(0, 300),
    text: text
      .replace(/[ \t]+$/gm, "")
      .replace(/\n{3,}/g, "\n\n")
      .trim(),
    isCut: html.length > longestPage
  }
}

// internal

type Node = Parameters<FormatCallback>[0]

const words = compile({ wordwrap: false })

const longestUrl = 1000

/** Characters of a page without its scripts and styles. More take longer than anybody should be kept waiting. */
const longestPage = 1_000_000

const attribute = (node: Node, name: string): string | undefined => {
  const value: unknown = node.attribs?.[name]
  return typeof value === "string" ? value.trim() : undefined
}

/** The address that a link leads to; nothing when it leads nowhere else, or runs code. */
const address = (link: string | undefined, base: string): string | undefined => {
  if (link === undefined || link === "" || link.startsWith("#") || !URL.canParse(link, base)) return undefined
  const { href, protocol } = new URL(link, base)
  return /^(?:https?|mailto|tel|ftp):$/.test(protocol) && href.length <= longestUrl ? href : undefined
}

const hasWords = (node: Node): boolean =>
  node.type === "text" ? /\S/.test(node.data ?? "") : node.name === "img" || (node.children ?? []).some(hasWords)

/** A link around paragraphs is written behind them. */
const hasBlocks = (node: Node): boolean =>
  (node.children ?? []).some(
    (child) => /^(?:div|p|h[1-6]|ul|ol|li|table|section|article|figure)$/.test(child.name ?? "") || hasBlocks(child)
  )

const link =
  (base: string): FormatCallback =>
  (node, walk, builder) => {
    const to = hasWords(node) ? address(attribute(node, "href"), base) : undefined
    if (to === undefined) return walk(node.children, builder)
    if (hasBlocks(node)) walk(node.children, builder)
    builder.addInline("[")
    if (hasBlocks(node)) builder.addInline("link")
    else walk(node.children, builder)
    builder.addInline(`](${to.replaceAll("(", "%28").replaceAll(")", "%29")})`, { noWordTransform: true })
  }

const image =
  (base: string, style: Style): FormatCallback =>
  (node, _walk, builder) => {
    const text = attribute(node, "alt")?.replace(/[[\]\s]+/g, " ") ?? ""
    const at = address(attribute(node, "src"), base)
    if (style === "markdown" && at !== undefined) builder.addInline(`![${text}](${at})`, { noWordTransform: true })
    else if (text !== "") builder.addInline(`[image: ${text}]`)
  }

const around =
  (mark: string): FormatCallback =>
  (node, walk, builder) => {
    if (!hasWords(node)) return walk(node.children, builder)
    builder.addInline(mark)
    walk(node.children, builder)
    builder.addInline(mark)
  }

const heading: FormatCallback = (node, walk, builder) => {
  builder.openBlock({ leadingLineBreaks: 2 })
  builder.addInline(`${"#".repeat(Number(node.name?.slice(1)) || 1)} `)
  walk(node.children, builder)
  builder.closeBlock({ trailingLineBreaks: 2 })
}

const fenced: FormatCallback = (node, walk, builder) => {
  builder.openBlock({ leadingLineBreaks: 2, isPre: true })
  walk(node.children, builder)
  builder.closeBlock({ trailingLineBreaks: 2, blockTransform: (text) => `\`\`\`\n${text.trimEnd()}\n\`\`\`` })
}

/** Rows as lines. A cell of several lines makes the table one for looks, whose cells follow each other. */
const table =
  (style: Style): FormatCallback =>
  (node, walk, builder) => {
    builder.openTable()
    for (const row of rowsOf(node)) {
      builder.openTableRow()
      for (const cell of row.children.filter(({ name }) => name === "td" || name === "th")) {
        builder.openTableCell()
        walk(cell.children, builder)
        builder.closeTableCell()
      }
      builder.closeTableRow()
    }
    const caption = node.children.filter(({ name }) => name === "caption")
    builder.closeTable({
      leadingLineBreaks: 2,
      trailingLineBreaks: 2,
      tableToString: (cells) => {
        const rows = cells.map((row) => row.map(({ text }) => text.trim()))
        if (rows.some((row) => row.length < 2 || row.some((text) => text.includes("\n")))) {
          return rows.map((row) => row.filter((text) => text !== "").join("\n")).join("\n")
        }
        const lines = rows.map((row) => (style === "markdown" ? `| ${row.join(" | ")} |` : row.join(" | ")))
        const rule = rows[0]?.map(() => "---") ?? []
        return (style === "markdown" ? [lines[0], `| ${rule.join(" | ")} |`, ...lines.slice(1)] : lines).join("\n")
      }
    })
    walk(caption, builder)
  }

const rowsOf = (node: Node): ReadonlyArray<Node> =>
  node.children.flatMap((child) =>
    child.name === "tr" ? [child] : /^t(?:head|body|foot)$/.test(child.name ?? "") ? rowsOf(child) : []
  )

const headings = ["h1", "h2", "h3", "h4", "h5", "h6"]

const hidden = [
  ...["[hidden]", '[style*="display:none"i]', '[style*="display: none"i]', '[style*="visibility:hidden"i]'],
  ...['[style*="visibility: hidden"i]', '[style*="font-size:0"i]', '[style*="font-size: 0"i]', 'input[type="hidden"]']
]

const options = (base: string, style: Style): HtmlToTextOptions => ({
  wordwrap: false,
  formatters: {
    link: link(base),
    picture: image(base, style),
    rows: table(style),
    ...{ strong: around("**"), soft: around("*"), code: around("`") },
    ...{ marked: heading, fenced }
  },
  selectors: [
    { selector: "a", format: "link" },
    { selector: "img", format: "picture" },
    { selector: "table", format: "rows" },
    { selector: "ul", options: { itemPrefix: "- " } },
    ...[
      "section",
      "figure",
      "figcaption",
      "details",
      "summary",
      "dl",
      "dt",
      "dd",
      "address",
      "fieldset",
      "caption"
    ].map((selector) => ({ selector, format: "block" })),
    ...headings.map((selector) =>
      style === "markdown"
        ? { selector, format: "marked" }
        : { selector, format: "heading", options: { uppercase: false, leadingLineBreaks: 2 } }
    ),
    ...(style === "markdown"
      ? [
          ...["b", "strong"].map((selector) => ({ selector, format: "strong" })),
          ...["i", "em"].map((selector) => ({ selector, format: "soft" })),
          ...["code", "kbd", "samp"].map((selector) => ({ selector, format: "code" })),
          { selector: "pre", format: "fenced" },
          { selector: "pre > code", format: "inline" }
        ]
      : []),
    ...hidden.map((selector) => ({ selector, format: "skip" }))
  ]
})
