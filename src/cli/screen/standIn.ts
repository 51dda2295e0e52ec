/** Stands in for the transcript until that is there. */
import type { News } from "../assistant/conversation.ts"
import type { Transcript } from "./transcript/transcript.ts"
import { linesOf } from "./words.ts"
export const make = (changed: () => void): Transcript => {
  let texts: Array<string> = []
  let open = false
  let version = 0
  const add = (text: string) => {
    texts.push(text)
    open = false
  }
  const all = (width: number) => texts.flatMap((text) => [...linesOf(text, width)])
  const push = (news: News): void => {
    version++
    if (news._tag === "Said")
      add(`> ${typeof news.input === "string" ? news.input : JSON.stringify(news.input).slice(0, 200)}`)
    else if (news._tag === "Note") add(news.text)
    else if (news._tag === "Settled") add(news.problem ?? `(${news.end?.reason ?? "over"})`)
    else if (news._tag === "ShellStart") add(`$ ${news.command}`)
    else if (news._tag === "ShellDelta") add(news.text)
    else if (news._tag === "ShellEnd") add(news.outcome)
    else if (news._tag === "Switched") texts = []
    else
      for (const event of news.events) {
        if (event._tag === "TextDelta") {
          if (!open) add("")
          open = true
          texts[texts.length - 1] += event.delta
        } else if (event._tag === "ToolEnd") add(`● ${event.name} ${event.outcome}`)
      }
    changed()
  }
  return {
    push,
    restore: (entries) => add(`${entries.length} entries`),
    clear: () => {
      texts = []
    },
    height: (width) => all(width).length,
    lines: (width, from, to) => all(width).slice(from, to),
    version: () => version,
    tick: () => false,
    placeOf: (_, line) => ({ block: 0, offset: line }),
    lineOf: (_, { offset }) => offset,
    cards: {
      previous: () => false,
      next: () => false,
      none: () => {},
      isChosen: () => false,
      chosen: () => undefined,
      toggle: () => {},
      toggleAll: () => {}
    }
  }
}
