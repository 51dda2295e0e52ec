/**
 * News and outcomes of a conversation, in plain lines.
 */

import * as Messages from "../../domain/Message.ts"
import { toText } from "../../domain/Message.ts"
import type { Item, Outcome } from "../assistant/commands/commands.ts"
import type { News } from "../assistant/conversation.ts"
import { table } from "../internal/layout.ts"
import { clip, oneLine, plural, printable } from "../internal/words.ts"
import type { Output } from "../render.ts"
import * as Render from "../render.ts"
import type { Save } from "../saved.ts"
import type { Screen } from "../sessions/screen.ts"
import { stylesOf } from "../sessions/screen.ts"

/**
 * Takes the news of a conversation, in order, and shows them. `save` keeps the files that the model makes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const news = (output: Output, save: Save): ((news: News) => void) => {
  let render = Render.text(output, save)
  let isOpen = false
  return (news) => {
    switch (news._tag) {
      case "Said": {
        if (news.how === undefined) return
        const words = oneLine(Messages.fromInput(news.input).map(toText).join(" "))
        const when = news.how === "steer" ? "joins" : "waits until the answer is there"
        return output.note(`(${when}) ${clip(words, 100)}\n`)
      }
      case "Events":
        return news.events.forEach(render)
      case "Settled":
        render = Render.text(output, save)
        if (news.problem !== undefined) output.note(`axonal: ${news.problem}\n`)
        else if (news.end?.reason === "stopped") output.note("stopped\n")
        return
      case "Note":
        return output.note(`${news.kind === "info" ? "" : "axonal: "}${printable(news.text).trimEnd()}\n`)
      case "ShellDelta": {
        const text = printable(news.text)
        if (text !== "") isOpen = !text.endsWith("\n")
        return output.note(text)
      }
      case "ShellEnd":
        if (isOpen) output.note("\n")
        isOpen = false
        return news.isOk ? undefined : output.note(`[${oneLine(news.outcome)}]\n`)
      default:
        return
    }
  }
}

/**
 * What came of a command as text; empty when there is nothing to read.
 *
 * @category converters
 * @since 0.1.0
 */
export const outcome = (outcome: Outcome, screen: Screen): string => {
  switch (outcome._tag) {
    case "Said":
      return `${outcome.text}\n`
    case "Choose":
      return choices(outcome.title, outcome.command, outcome.items, screen)
    case "Copy":
      return `${outcome.told}\n`
    default:
      return ""
  }
}

// internal

const mostItems = 40

const choices = (title: string, command: string, items: ReadonlyArray<Item>, screen: Screen): string => {
  const { accent, dim } = stylesOf(screen)
  const rows = items
    .slice(0, mostItems)
    .map(({ detail = "", isCurrent, value }) => [isCurrent === true ? "*" : " ", oneLine(value), oneLine(detail)])
  const more = items.length - rows.length
  return [
    `${title}\n`,
    table(rows, [{ style: accent }, { style: accent }, { style: dim }], screen.width),
    ...(more > 0 ? [`… ${plural(more, "more", "more")}; Tab shows those that fit\n`] : []),
    ...(items.length > 0 ? [dim(`/${command} and one of these chooses it`), "\n"] : [])
  ].join("")
}
