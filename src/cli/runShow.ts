/**
 * Shows what a team does: its answer as it comes, and besides it the tree or a line for whatever begins and ends. And asks a
 * person between the two.
 */
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type * as Approval from "../guard/Approval.ts"
import * as TerminalApproval from "../guard/TerminalApproval.ts"
import { printable } from "./internal/words.ts"
import type { Output } from "./render.ts"
import { json } from "./render.ts"
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

/**
 * Asks the person at the terminal, below the answer and in the place of the tree. Ctrl-C at a question is the signal.
 *
 * @category constructors
 * @since 0.1.0
 */
export const approval = (view: View | undefined): Effect.Effect<Approval.Service, never, Scope.Scope> =>
  Effect.map(
    NodeTerminal.make(({ key }) => {
      if (key.ctrl && key.name === "c") process.emit("SIGINT")
      return key.ctrl && (key.name === "c" || key.name === "d")
    }),
    (terminal) => {
      const { ask } = TerminalApproval.make({
        ...terminal,
        isTTY: Effect.succeed(true),
        // Standard output is for the answer.
        display: (text) => Effect.sync(() => process.stderr.write(text))
      })
      const hide = Effect.sync(() => view?.hide())
      const show = Effect.sync(() => view?.show())
      return {
        ask: (question) =>
          Effect.acquireUseRelease(
            hide,
            () => ask(question),
            () => show
          )
      }
    }
  )

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
