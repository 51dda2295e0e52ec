/**
 * The refinery: the only one that changes the project. It takes what workers hand in, in the order in which it comes, and
 * merges it if nobody else has changed the same files meanwhile and the check has nothing against it. No model is asked.
 */
import type * as Boards from "axonal/board/Board"
import { Effect, Either } from "effect"
import * as Board from "./board.ts"
import * as Branch from "./branch.ts"
import * as Check from "./check.ts"
import * as Tree from "./tree.ts"
import type { Options } from "./worker.ts"

// #region refinery
export const make = ({ folder, lease }: Options) => {
  const main = `${folder}/main`
  const work = ({ task }: Boards.Claim) =>
    Effect.gen(function* () {
      const [base, branch] = yield* Branch.read(folder, task.detail ?? "")
      const project = yield* Tree.read(main)
      const merged = Tree.merge(project, base, branch)
      if (Either.isLeft(merged)) {
        return Board.failed(`conflict: somebody else has changed ${merged.left.join(", ")} since; begin anew`, true)
      }
      const problems = Check.problems(new Map([...project, ...merged.right]))
      if (problems.length > 0) return Board.failed(problems.join("; "), true)
      yield* Tree.write(main, merged.right)
      return Board.done([...merged.right.keys()])
    })
  const claiming = { worker: "refinery", role: "refinery", tag: "merge", lease, onEmpty: "wait" } as const
  return Effect.zipRight(Board.drain(claiming, work), Effect.never)
}
// #endregion
