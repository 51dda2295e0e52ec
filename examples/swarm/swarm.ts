/** A team of agents from files, the board on which they share work, and the cases that have the last word. */
import { fileURLToPath } from "node:url"
import { FileSystem, Path } from "@effect/platform"
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
import * as Offline from "axonal/transport/Offline"
import { Effect, Layer } from "effect"
import * as Cases from "./cases.ts"
import * as Tools from "./tools.ts"

/** A task of a process that died is free again after a minute. */
export const board = { board: "issue", lease: "1 minute", patience: "20 seconds" } as const

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
    return Evaluator.make("swarm", {
      generator: team.lead,
      judge: cases,
      rounds: 2,
      revise: ({ before }) => `ISSUE.md is not done yet. What still fails:\n${before.score.feedback}`
    })
  })
// #endregion

// #region layers
/** Files inside of the folder only, and not those of the swarm itself. Other tools are the team's own business. */
const guard = (folder: string, own: string) => {
  const files = Tools.make(folder).map(({ tool }) => tool)
  const roots = [{ path: folder, access: "write" } as const, { path: own, access: "none" } as const]
  return Layer.effect(
    Guard.Guard,
    Effect.map(
      PathGuard.make({ roots, tools: PathGuard.pathsOf(...files) }),
      Guard.forTools(files.map(({ name }) => name))
    )
  )
}

/** What the swarm works with: rules for paths, money for all together, and a file with the board and the conversations. */
export const layer = (folder: string, costUsd: number) =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const own = (yield* Path.Path).join(folder, ".swarm")
      yield* (yield* FileSystem.FileSystem).makeDirectory(own, { recursive: true })
      const filename = `${own}/work.db`
      return Layer.mergeAll(
        guard(folder, own),
        Budget.layer({ limits: { costUsd }, per: "total" }),
        BoardTools.layerHooks(board).pipe(Layer.provideMerge(SqliteBoard.layerSqlite({ filename }))),
        SqliteContextStore.layerSqlite({ filename }),
        // For agents that name no model. All of this team do.
        Offline.layer
      )
    })
  )
// #endregion
