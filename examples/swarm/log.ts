/** What a person sees of the swarm: who does what while it works, and afterwards the board. */
import { AgentEvent } from "axonal"
import * as Board from "axonal/board/Board"
import { Console, Effect } from "effect"
import * as Swarm from "./swarm.ts"

const show = ({ path = [] }: AgentEvent.AgentEvent, words: string) => Console.log(`${"  ".repeat(path.length)}${words}`)

const short = (folder: string, input: unknown) => {
  const values = typeof input === "object" && input !== null ? Object.values(input) : []
  const words = values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(", ")
  const line = words.replaceAll(`${folder}/`, "").replace(/\s+/g, " ")
  return line.length > 70 ? `${line.slice(0, 69)}…` : line
}

const dollars = (costUsd = 0) => `$${costUsd.toFixed(5)}`

// #region log
export const event = (folder: string) =>
  AgentEvent.matchPartial({
    RunStart: (event) => show(event, `${event.agent} begins`),
    ToolStart: (event) => show(event, `> ${event.name} ${short(folder, event.input)}`),
    ToolEnd: (event) => (event.outcome === "ok" ? Effect.void : show(event, `! ${event.name}: ${event.outcome}`)),
    RunEnd: (event) => {
      const { inputTokens, outputTokens, costUsd } = event.usage
      const tokens = (inputTokens.total ?? 0) + (outputTokens.total ?? 0)
      return show(event, `${event.agent}: ${event.limit ?? event.reason}, ${tokens} tokens, ${dollars(costUsd)}`)
    }
  })
// #endregion

export const board = Effect.gen(function* () {
  const { list, notes } = yield* Board.Board
  for (const { assignee, id, result, status } of yield* list(Swarm.board.board)) {
    yield* Console.log(`[${status === "done" ? "x" : " "}] ${id} (${assignee}): ${result ?? status}`)
  }
  for (const { author, text } of yield* notes(Swarm.board.board)) {
    yield* Console.log(`${author.split("/")[0]} noted: ${text}`)
  }
})
