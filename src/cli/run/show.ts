/**
 * Shows what a team does: its answer as it comes, and besides it the tree or a line for whatever begins and ends.
 */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import { printable } from "../internal/words.ts"
import type { Output } from "../render.ts"
import { json } from "../render.ts"
import { told } from "./tree.ts"
import type { View } from "./treeView.ts"

/**
 * Takes the events of a team, in order, with the time at which each came, in milliseconds since the epoch.
 *
 * @category models
 * @since 0.1.0
 */
export type Show = (event: AgentEvent, at: number) => void

/**
 * Shows the events of a team as they were asked for: as JSON, as the final answer alone, or with the tree.
 *
 * **Details**
 *
 * - The answer is what the root says. Where that is another's answer, it is written in the end.
 * - `view`: the tree; without it a line is written for every run that begins or ends. While the root writes to the same
 *   terminal, the tree makes room.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({
  options,
  output,
  view
}: {
  readonly options: { readonly json: boolean; readonly quiet: boolean }
  readonly output: Output
  readonly view: View | undefined
}): Show => {
  if (options.json) return json(output)
  const answer = answerTo(output, process.stdout.isTTY === true ? view : undefined)
  return (event, at) => {
    const isRoot = event.path === undefined
    if (options.quiet) {
      if (isRoot && event._tag === "RunEnd") answer.end(event.output)
      return
    }
    view?.add([event], at)
    if (isRoot && event._tag === "TextDelta") answer.say(event.delta)
    if (isRoot && breaks.has(event._tag)) answer.pause()
    if (isRoot && event._tag === "RunEnd") answer.end(event.output)
    const line = view === undefined ? told(event) : undefined
    if (line !== undefined) output.note(`${line}\n`)
  }
}

// internal

/** What ends a piece of an answer: a call, or the end of what was said. */
const breaks: ReadonlySet<string> = new Set(["ToolInputStart", "ToolCall", "TurnRestarted", "TurnEnd", "RunEnd"])

/** The answer on standard output. Its last line is ended before anything else is said. */
const answerTo = (output: Output, view: View | undefined) => {
  let said = ""
  let isWriting = false
  const say = (delta: string): void => {
    const text = printable(delta)
    if (text === "") return
    if (!isWriting) view?.hide()
    isWriting = true
    said += text
    output.answer(text)
  }
  const pause = (): void => {
    if (!isWriting) return
    if (!said.endsWith("\n")) say("\n")
    isWriting = false
    view?.show()
  }
  const end = (text: string): void => {
    if (!said.includes(printable(text).trim())) say(text)
    pause()
  }
  return { say, pause, end }
}
