/**
 * The convoy: the mayor plans, workers work while the refinery merges and the witness walks by, and the mayor looks at what
 * came of it. What is to be done stands on the board, so whoever starts it again goes on where it was.
 */
import { Board as Tag } from "axonal/board/Board"
import * as Parallel from "axonal/pattern/Parallel"
import * as Runner from "axonal/pattern/Runner"
import { Effect } from "effect"
import * as Board from "./board.ts"
import * as Mayor from "./mayor.ts"
import * as Refinery from "./refinery.ts"
import * as Witness from "./witness.ts"
import * as Worker from "./worker.ts"

export interface Options extends Worker.Options {
  /** Names of the workers of this process. */
  readonly workers: ReadonlyArray<string>
}

// #region convoy
export const make = (options: Options) => {
  const mayor = Mayor.make(options.folder)
  const workers = Object.fromEntries(options.workers.map((name) => [name, Worker.make(name, options)]))
  const pool = Parallel.make("pool", workers)
  const others = Effect.all([Refinery.make(options), Witness.patrol], { concurrency: "unbounded" })

  return Runner.make("convoy", { description: "does what TODO.md asks for" }, (task: string, parts) =>
    Effect.gen(function* () {
      const board = yield* Tag
      const ask = (at: string, words: string) => parts.run(at, mayor, words, { session: { shared: "mayor" } })
      if ((yield* board.list(Board.name)).length === 0) yield* ask("plan", Mayor.plan)
      for (let round = 1; ; round++) {
        yield* Effect.raceFirst(parts.run(`pool-${round}`, pool, task), others)
        yield* Witness.look
        const { text } = yield* ask(`review-${round}`, Mayor.review)
        const open = yield* board.list(Board.name, { status: "open" })
        if (open.length === 0 || round === rounds) return { output: text }
      }
    })
  )
}
// #endregion

/** How often the mayor may post what would mend the work before. */
const rounds = 3
