/**
 * What has been said and done in a conversation, as lines for a window of any width. News is folded into blocks; a block is
 * drawn when its lines are asked for, and again only when it has changed.
 */
import type * as Entry from "../../../domain/Entry.ts"
import { fromInput } from "../../../domain/Message.ts"
import type { File } from "../../../domain/Part.ts"
import type { News } from "../../assistant/conversation.ts"
import { plural } from "../../internal/words.ts"
import type { Theme } from "../theme.ts"
import type { Block, Fold, Shell } from "./block.ts"
import { fold, foldsOf } from "./block.ts"
import * as Colors from "./colors.ts"
import { drawBlock, settingOf } from "./draw.ts"
import * as Folding from "./fold.ts"
import { grown } from "./lane.ts"
import * as List from "./list.ts"
import { lookOf } from "./markdown.ts"
import * as Media from "./media.ts"
import * as Stored from "./stored.ts"

/**
 * How a transcript is kept.
 *
 * **Details**
 *
 * - `now`: milliseconds since the epoch. `changed`: is told of changes that no news brought: what colours code was loaded.
 * - `save`: keeps a file that cannot be shown, and answers its path; without it files are only named.
 * - `mostBlocks`, `mostCharacters`: what is kept, and dropped from the top beyond; 1,000 blocks and 4 million characters.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly theme: Theme
  readonly now?: (() => number) | undefined
  readonly changed?: (() => void) | undefined
  readonly save?: ((file: File) => string | undefined) | undefined
  readonly mostBlocks?: number | undefined
  readonly mostCharacters?: number | undefined
}

/**
 * A place in the transcript that stays what it is while lines come and go around it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly block: number
  readonly offset: number
}

/**
 * The transcript.
 *
 * **Details**
 *
 * - Lines are counted from 0, have no line ends, end their styles, and are at most `width` columns wide; `width` at least 20.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transcript {
  /** Takes news. `Switched` empties the transcript: what the session has comes by `restore`. */
  readonly push: (news: News) => void
  /** Adds the last part of a stored session. */
  readonly restore: (entries: ReadonlyArray<Entry.Stored>) => void
  readonly clear: () => void
  /** How many lines there are. */
  readonly height: (width: number) => number
  /** The lines from one to before another. */
  readonly lines: (width: number, from: number, to: number) => ReadonlyArray<string>
  /** Counts up from one drawing to the next whenever something has changed. */
  readonly version: () => number
  /** Draws anew what shows time that goes by. Whether there is any. */
  readonly tick: () => boolean
  readonly placeOf: (width: number, line: number) => Place
  readonly lineOf: (width: number, place: Place) => number
  readonly cards: Cards
}

/**
 * What opens and closes in a transcript: calls, thoughts, agents below calls.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cards {
  /** Chooses the one above, the last one when none is. Whether there is one. */
  readonly previous: () => boolean
  /** Chooses the one below. Whether there is one; otherwise none is chosen. */
  readonly next: () => boolean
  readonly none: () => void
  readonly isChosen: () => boolean
  /** Where the chosen one is, `to` not included. */
  readonly chosen: (width: number) => { readonly from: number; readonly to: number } | undefined
  /** Opens or closes the chosen one, or the last one when none is. */
  readonly toggle: () => void
  /** Opens all that are seen, or closes all when the last block is open. */
  readonly toggleAll: () => void
}

/**
 * Makes an empty transcript.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Transcript => {
  const { changed, mostBlocks = 1000, mostCharacters = 4_000_000, now = Date.now, save, theme } = options
  let version = 0
  const colors = Colors.make(theme, () => {
    for (const block of list.blocks()) redraw(block)
    list.touchAll()
    version++
    changed?.()
  })
  const look = lookOf(theme, colors)
  const setting = settingOf(look, now)
  const list = List.make({
    draw: (block, width) => drawBlock(block, setting, width, 0),
    head: (dropped) => ({
      _tag: "Note",
      kind: "quiet",
      text: `${plural(dropped, "earlier part")} no longer kept here`
    }),
    most: { blocks: mostBlocks, characters: mostCharacters }
  })
  const touch = (block: Block): void => {
    list.touch(block)
    version++
  }
  const page = {
    add: (block: Block, last = false): void => {
      list.add(block, last)
      version++
    },
    remove: (block: Block): void => {
      list.remove(block)
      version++
    },
    touch
  }
  const folding = Folding.make({ page, look, now, save })
  const shells = new Map<number, Shell>()
  const clear = (): void => {
    folding.clear()
    shells.clear()
    list.clear()
    chosen = undefined
    version++
  }
  const push = (news: News): void => {
    switch (news._tag) {
      case "Said":
        folding.said(fromInput(news.input), news.how)
        return
      case "Events":
        news.events.forEach(folding.event)
        return
      case "Settled":
        folding.settled()
        if (news.problem !== undefined) page.add({ _tag: "Note", kind: "error", text: news.problem })
        return
      case "Note":
        page.add({ _tag: "Note", kind: news.kind, text: news.text })
        return
      case "Switched":
        clear()
        return
      case "ShellStart": {
        const { command, id } = news
        const shell: Shell = { _tag: "Shell", id, command, output: "", outcome: undefined, isOk: true, fold: fold() }
        shells.set(id, shell)
        page.add(shell)
        return
      }
      case "ShellDelta": {
        const shell = shells.get(news.id)
        if (shell === undefined) return
        shell.output = grown(shell.output, news.text)
        touch(shell)
        return
      }
      case "ShellEnd": {
        const shell = shells.get(news.id)
        if (shell === undefined) return
        shell.outcome = news.outcome
        shell.isOk = news.isOk
        shells.delete(news.id)
        touch(shell)
        return
      }
    }
  }
  const restore = (entries: ReadonlyArray<Entry.Stored>): void => {
    const { blocks, waiting } = Stored.blocksOf(entries, look, save)
    for (const block of blocks) page.add(block)
    for (const words of waiting) folding.expect(words)
  }
  const lines = (width: number, from: number, to: number): ReadonlyArray<string> => {
    const out: Array<string> = []
    for (const [entry, start] of list.seen(width, from, to)) {
      const { block, count, gap } = entry
      const drawn = list.linesOf(entry)
      const head = start + gap
      // A picture is drawn as a whole or not at all.
      const isCut = block._tag === "Output" && block.image !== 0 && (head < from || head + count > to)
      const first = Math.max(from, start)
      for (let line = first; line < Math.min(to, head + count); line++) {
        if (line < head) out.push("")
        else if (!isCut) out.push(drawn[line - head] ?? "")
        else out.push(line === Math.max(first, head) ? Media.instead(block, theme, width) : "")
      }
    }
    return out
  }

  let chosen: Chosen | undefined
  const folds = (): ReadonlyArray<Chosen> =>
    list.blocks().flatMap((block) => foldsOf(block).map((fold) => ({ block, fold })))
  const choose = (next: Chosen | undefined): boolean => {
    if (chosen !== undefined) {
      chosen.fold.isChosen = false
      touch(chosen.block)
    }
    chosen = next
    if (next === undefined) return false
    next.fold.isChosen = true
    touch(next.block)
    return true
  }
  const step = (by: number): boolean => {
    const all = folds()
    const at = all.findIndex(({ fold }) => fold === chosen?.fold)
    if (at < 0) return by < 0 && choose(all.at(-1))
    const next = all[at + by]
    return next === undefined && by < 0 ? true : choose(next)
  }
  const cards: Cards = {
    previous: () => step(-1),
    next: () => step(1),
    none: () => void choose(undefined),
    isChosen: () => chosen !== undefined,
    chosen: (width) => {
      if (chosen === undefined) return undefined
      const { block, fold } = chosen
      const start = list.lineOf(width, block)
      if (start === undefined) return undefined
      const next = foldsOf(block).find(({ line }) => line > fold.line)
      const end = next === undefined ? drawBlock(block, setting, width, 0).length : next.line
      return { from: start + fold.line, to: start + Math.max(end, fold.line + 1) }
    },
    toggle: () => {
      const target = chosen ?? folds().at(-1)
      if (target === undefined) return
      target.fold.isOpen = !target.fold.isOpen
      touch(target.block)
    },
    toggleAll: () => {
      const last = folds().at(-1)?.block
      const isOpen = last !== undefined && foldsOf(last)[0]?.isOpen !== true
      for (const { block, fold } of folds()) {
        if (fold.isOpen === isOpen) continue
        fold.isOpen = isOpen
        touch(block)
      }
    }
  }
  return {
    push,
    restore,
    clear,
    height: list.height,
    lines,
    version: () => version,
    tick: () => {
      const moving = folding.moving()
      for (const block of moving) touch(block)
      return moving.length > 0
    },
    placeOf: (width, line) => {
      const [found] = list.seen(width, line, line + 1)
      return found === undefined ? { block: 0, offset: line } : { block: found[0].serial, offset: line - found[1] }
    },
    lineOf: (width, { block, offset }) => {
      const start = list.startOf(width, block)
      return Math.min(list.height(width), start + offset)
    },
    cards
  }
}

// internal

interface Chosen {
  readonly block: Block
  readonly fold: Fold
}

/** Draws code anew that was drawn without colours. */
const redraw = (block: Block): void => {
  if (block._tag === "Answer") block.markdown.redraw()
  else if (block._tag === "Call") for (const { blocks } of block.runs) blocks.forEach(redraw)
}
