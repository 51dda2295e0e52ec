/**
 * Blocks as lines.
 */
import { plural } from "../../internal/words.ts"
import type { Style, Theme } from "../theme.ts"
import type { Block, Footer, Note, Sources, Thought, Words } from "./block.ts"
import { isLong, shownLines } from "./block.ts"
import type { Setting } from "./card.ts"
import { chosen, drawCall, drawShell, timeOf } from "./card.ts"
import type { Look } from "./markdown.ts"
import * as Media from "./media.ts"
import { address, clean, fitted, flat, headOf, hung, tailOf, wrapped } from "./text.ts"

/**
 * Draws a block, without what stands between it and the one before. `line` is where it begins in the outermost one.
 *
 * @category converters
 * @since 0.1.0
 */
export const drawBlock = (block: Block, setting: Setting, width: number, line: number): ReadonlyArray<string> => {
  const { theme } = setting.look
  switch (block._tag) {
    case "Words":
      return drawWords(block, setting, width, line)
    case "Answer":
      return block.markdown.lines(width)
    case "Thought":
      return drawThought(block, setting, width, line)
    case "Call":
      return drawCall(block, setting, width, line)
    case "Shell":
      return drawShell(block, setting, width)
    case "Note":
      return drawNote(block, theme, width)
    case "Output":
      return Media.draw(block, setting, width)
    case "Sources":
      return drawSources(block, theme, width)
    case "Footer":
      return drawFooter(block, theme, width)
  }
}

/**
 * How many empty lines stand between two blocks.
 *
 * @category converters
 * @since 0.1.0
 */
export const gapOf = (before: Block | undefined, block: Block): number => {
  if (before === undefined) return 0
  if (block._tag === "Answer" && block.isMore && before._tag === "Answer") return block.markdown.beginsApart() ? 1 : 0
  if (block._tag === "Call" && before._tag === "Call") return 0
  if (block._tag === "Note" && before._tag === "Note") return 0
  return 1
}

/**
 * What draws blocks: their look, the clock, and what keeps files.
 *
 * @category constructors
 * @since 0.1.0
 */
export const settingOf = (look: Look, now: () => number): Setting => {
  const setting: Setting = {
    look,
    now,
    draw: (blocks, width, line) => drawAll(blocks, setting, width, line),
    file: (file) => Media.named(file, look.theme)
  }
  return setting
}

// internal

/** Draws blocks below each other. */
const drawAll = (
  blocks: ReadonlyArray<Block>,
  setting: Setting,
  width: number,
  line: number
): ReadonlyArray<string> => {
  const out: Array<string> = []
  blocks.forEach((block, index) => {
    for (let gap = gapOf(blocks[index - 1], block); gap > 0; gap--) out.push("")
    for (const row of drawBlock(block, setting, width, line + out.length)) out.push(row)
  })
  return out
}

const drawWords = (words: Words, { look: { theme } }: Setting, width: number, line: number): Array<string> => {
  const { files, fold, how, text } = words
  fold.line = line
  const style: Style = how === undefined ? theme.bold : theme.dim
  const isCut = isLong(words) && !fold.isOpen
  const [head, after] = isCut ? headOf(text, shownLines) : [text, 0]
  const sign = `${chosen(fold, theme, how === undefined ? theme.person("›") : theme.dim("›"))} `
  const out = hung(sign, clean(head).trimEnd(), width).map((row, index) =>
    index === 0 ? sign + style(row.slice(sign.length)) : style(row)
  )
  if (isCut) out.push(fitted(theme.dim(`  … ${after > 0 ? plural(after, "more line") : "more"}`), width))
  for (const file of files) out.push(fitted(`  ${theme.dim(Media.nameOf(file))}`, width))
  if (how !== undefined) {
    const when = how === "steer" ? "joins with the next request" : "waits until the run ends"
    out.push(fitted(`  ${theme.dim(`(${when})`)}`, width))
  }
  return out
}

const drawThought = (thought: Thought, setting: Setting, width: number, line: number): Array<string> => {
  const { theme } = setting.look
  const { fold, isOver, since, text, until } = thought
  fold.line = line
  const time = since === undefined ? undefined : (until ?? setting.now()) - since
  const words = `${isOver ? "thought" : "thinking"}${time === undefined ? "" : isOver ? ` for ${timeOf(time)}` : ` ${timeOf(time)}`}`
  const out = [fitted(`${chosen(fold, theme, theme.dim("∴"))} ${theme.dim(words)}`, width)]
  if (!fold.isOpen) return out
  const [tail, before] = tailOf(text.trimEnd(), 300)
  if (before > 0) out.push(fitted(theme.dim(`  … ${plural(before, "line")} above`), width))
  for (const row of wrapped(clean(tail).trim(), width - 2)) out.push(fitted(theme.dim(`  ${row}`), width))
  return out
}

const drawNote = ({ kind, text }: Note, theme: Theme, width: number): Array<string> => {
  const style = { info: same, quiet: theme.dim, warning: theme.warning, error: theme.error }[kind]
  return hung(`${noteSigns[kind]} `, clean(text).trimEnd(), width).map((row) => fitted(style(row), width))
}

const same: Style = (text) => text

const noteSigns = { info: "·", quiet: "…", warning: "!", error: "✗" }

const drawSources = ({ list }: Sources, theme: Theme, width: number): Array<string> =>
  list.map(({ title, url }) => {
    const name = flat(title) || flat(url)
    const where = name === flat(url) || theme.hasLinks ? "" : ` ${theme.dim(flat(url))}`
    return fitted(`${theme.dim("↗")} ${theme.link(name, address(url))}${where}`, width)
  })

const drawFooter = ({ text }: Footer, theme: Theme, width: number): Array<string> =>
  wrapped(flat(text), Math.max(1, width)).map((row) => theme.dim(row))
