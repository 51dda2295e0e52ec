/**
 * The witness: a fiber that walks by now and then and writes down what it sees, once each: work that was not merged, workers
 * that died, and for the mayor what has failed for good and who waits for it in vain. What is for somebody who is not here
 * it makes everybody's. Taking an item from a dead worker is not its business, the board does that.
 */
import type * as Boards from "axonal/board/Board"
import { Board as Tag } from "axonal/board/Board"
import { Effect, Schedule } from "effect"
import * as Board from "./board.ts"

/** Walks by once, and answers how much was new. */
export const look = Effect.gen(function* () {
  const board = yield* Tag
  const tasks = yield* board.list(Board.name)
  for (const { assignee, id, tags } of tasks) {
    if (assignee !== undefined && !tags.includes("merge")) yield* board.update(Board.name, id, { assignee: "" })
  }
  const known = new Set((yield* board.notes(Board.name, { author: "witness" })).map(({ text }) => text))
  const news = tasks.flatMap(seen).filter(({ text }) => !known.has(text))
  yield* Effect.forEach(news, (note) => board.addNote(Board.name, note), { discard: true })
  return news.length
})

// #region witness
/** Pauses of half a minute, each twice as long as the one before, up to five minutes; from the beginning after news. */
export const pauses = Schedule.identity<number>().pipe(
  Schedule.zipLeft(Schedule.union(Schedule.exponential("30 seconds"), Schedule.spaced("5 minutes"))),
  Schedule.resetWhen((news) => news > 0)
)

export const patrol = Effect.zipRight(Effect.repeat(look, pauses), Effect.never)
// #endregion

const seen = (task: Boards.Task): ReadonlyArray<Boards.NewNote> => {
  const { attempts, id, maxAttempts, reason = "", status, stuckOn, tags } = task
  const note = (text: string, ...tags: ReadonlyArray<string>) => [{ author: "witness", text, task: id, tags }]
  if (tags.includes("merge")) return status === "failed" ? note(`${task.title} was not merged: ${reason}`) : []
  if (status === "failed") return note(`${id} has failed for good: ${reason}`, "mayor")
  if (stuckOn.length > 0) return note(`${id} waits in vain for ${stuckOn.join(", ")}`, "mayor")
  const isAgain = reason.includes("lease") && (status === "open" || status === "in-progress")
  return isAgain ? note(`${id} is taken over, it had ${attempts} of ${maxAttempts} attempts: ${reason}`) : []
}
