/** A team of agents from files, the board on which they share work, and the cases that have the last word. */
import { fileURLToPath } from "node:url"
import type { Transport } from "axonal"
import { Guard } from "axonal"
import * as Budget from "axonal/agent/Budget"
import * as BoardTools from "axonal/board/BoardTools"
import * as SqliteBoard from "axonal/board/SqliteBoard"
import * as SqliteContextStore from "axonal/context/SqliteContextStore"
import * as PathGuard from "axonal/guard/PathGuard"
import * as Evaluator from "axonal/pattern/Evaluator"
import * as Scorer from "axonal/pattern/Scorer"
import * as Team from "axonal/team/Team"
import { Effect, Layer } from "effect"
import * as Cases from "./cases.ts"
import * as Tools from "./tools.ts"

export const board = { board: "issue" }

export type Models = (model: string) => Effect.Effect<Transport.Service>

// #region swarm
/** The swarm for a repository: its lead works until the cases hold, twice at most. */
export const make = (folder: string, models: Models) =>
  Effect.gen(function* () {
    const team = yield* Team.load(fileURLToPath(new URL("team", import.meta.url)), {
      tools: [...Tools.make(folder), ...BoardTools.make(board)],
      // models: ["openai:*"],
      models
    })
    const cases = Scorer.fromFunction("cases", () =>
      Effect.map(Cases.failing(folder), (failing) =>
        failing.length === 0 ? true : { value: 0, passed: false, feedback: failing.join("\n") }
      )
    )
    return Evaluator.make("swarm", { generator: team.lead, judge: cases, rounds: 2 })
  })
// #endregion

// #region layers
/** Files inside of the folder only, and not those that are hidden there. Other tools are the team's own business. */
const guard = (folder: string) => {
  const files = Tools.make(folder).map(({ tool }) => tool)
  return Layer.effect(
    Guard.Guard,
    Effect.map(
      PathGuard.make({ roots: [{ path: folder, access: "write" }], tools: PathGuard.pathsOf(...files) }),
      Guard.forTools(files.map(({ name }) => name))
    )
  )
}

/** What the swarm works with: rules for paths, money for all together, and a file with the board and the conversations. */
export const layer = (folder: string, { costUsd, filename }: { costUsd: number; filename: string }) =>
  Layer.mergeAll(
    guard(folder),
    Budget.layer({ limits: { costUsd }, per: "total" }),
    BoardTools.layerHooks(board).pipe(Layer.provideMerge(SqliteBoard.layerSqlite({ filename }))),
    SqliteContextStore.layerSqlite({ filename })
  )
// #endregion
