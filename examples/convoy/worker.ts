/**
 * A worker: it claims one item after the other, has an agent do it in a folder of its own, and hands it to the refinery. An
 * item is done when it is merged. As many workers as one likes share a board, in one process or in several.
 */
import { Agent } from "axonal"
import * as Boards from "axonal/board/Board"
import * as BoardTools from "axonal/board/BoardTools"
import * as Runner from "axonal/pattern/Runner"
import { TransportError } from "axonal/transport/TransportError"
import type { Duration } from "effect"
import { Effect } from "effect"
import * as Board from "./board.ts"
import * as Branch from "./branch.ts"
import * as Files from "./files.ts"

const translator = Agent.make("translator", {
  instructions:
    "You translate for a shop. Do the one task that you are given, in the files of your folder, and nothing else. When all " +
    "is written say in a sentence what you did.",
  tools: [...Files.writing, ...BoardTools.make({ board: Board.name, only: ["add_note", "read_notes"] })],
  limits: { turns: 12, wallTime: "10 minutes" }
})

export interface Options {
  readonly folder: string
  readonly lease?: Duration.DurationInput | undefined
}

// #region worker
export const make = (worker: string, { folder, lease }: Options) =>
  Runner.make(worker, { description: "does what is on the board" }, (_task: string, parts) => {
    const attempt = (claim: Boards.Claim) =>
      Effect.gen(function* () {
        const board = yield* Boards.Board
        const { attempts, id } = claim.task
        // Whoever had it before may have died after it was handed in: then it is not done twice.
        const [before] = yield* board.list(Board.name, { tag: `of ${id}`, status: ["open", "in-progress", "done"] })
        if (before !== undefined) return yield* merged(before.id)
        const branch = `${id}-${claim.token.slice(0, 8)}`
        const agent = Runner.provide(translator, Files.within(yield* Branch.open(folder, branch), "write"))
        yield* parts.run(`${id}-${attempts}`, agent, briefOf(claim.task))
        yield* board.renew(claim)
        const handedIn = { title: `${id} of ${worker}`, detail: branch, assignee: "refinery" }
        const [merge] = yield* board.post(Board.name, [{ ...handedIn, tags: ["merge", `of ${id}`] }], { by: worker })
        return merge === undefined ? Board.failed("nothing was handed in") : yield* merged(merge.id)
      }).pipe(
        Effect.catchIf(isAboutItem, (error) => Effect.succeed(Board.failed(error.message))),
        Effect.catchTag("Unfinished", Board.gaveUp)
      )
    const claiming = { worker, role: "worker", lease, onEmpty: "drain" } as const
    return Effect.map(Board.drain(claiming, attempt), (items) => ({ output: items }))
  })
// #endregion

/** Waits for the word of the refinery. */
const merged = (merge: string) =>
  Effect.gen(function* () {
    const board = yield* Boards.Board
    yield* board.awaitTasks(Board.name, [merge])
    const { reason = "not merged", result, status } = yield* board.get(Board.name, merge)
    return status === "done" ? Board.done(result) : Board.failed(reason)
  })

const briefOf = ({ detail = "", reason, title }: Boards.Task) =>
  [title, detail, ...(reason === undefined ? [] : [`The attempt before yours came to nothing: ${reason}`])].join("\n")

/** Whether it would happen to anybody who tries. Where it is the vendor or the money, the item is not to blame. */
const isAboutItem = (error: { readonly _tag: string; readonly message: string }): boolean =>
  ["EmptyAnswer", "OutputInvalid", "ToolFailed"].includes(error._tag) ||
  (error instanceof TransportError && ["ContextOverflow", "Filtered", "InvalidRequest"].includes(error.reason._tag))
