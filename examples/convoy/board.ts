/**
 * How anybody who is no agent works on the board: claim what is next, show that one is alive while working on it, and say
 * what came of it. Who is interrupted gives the item back, who dies loses it after the lease, and who was too late stops.
 */

import type * as Composite from "axonal/agent/Composite"
import * as Board from "axonal/board/Board"
import { Cause, Effect, Exit, Option } from "effect"

export const name = "convoy"

/** What came of an item. One that is not done has its other attempts, unless nobody should try again. */
export type Outcome =
  | { readonly _tag: "Done"; readonly result: unknown }
  | { readonly _tag: "Failed"; readonly reason: string; readonly final?: boolean }

export const done = (result: unknown): Outcome => ({ _tag: "Done", result })
export const failed = (reason: string, final = false): Outcome => ({ _tag: "Failed", reason, final })

/** A run that came to nothing by itself. One that was stopped, or had no money left, leaves the item to others. */
export const gaveUp = (ended: Composite.Unfinished): Effect.Effect<Outcome, Composite.Unfinished> => {
  const { limit = "", reason } = ended.result
  const isForOthers = reason === "stopped" || reason === "awaiting-approval" || limit.startsWith("budget")
  return isForOthers ? Effect.fail(ended) : Effect.succeed(failed(`the run ended with reason ${reason} ${limit}`))
}

// #region work
/** Works on one item after the other, until there is none to wait for, and answers which were done. */
export const drain = <E, R>(options: Board.NextOptions, work: (claim: Board.Claim) => Effect.Effect<Outcome, E, R>) =>
  Effect.gen(function* () {
    const board = yield* Board.Board
    const finished: Array<string> = []
    while (true) {
      const claim = yield* board.claimNext(name, options)
      if (Option.isNone(claim)) return finished
      const task = yield* workOn(board, claim.value, work(claim.value))
      if (task?.status === "done") finished.push(task.id)
    }
  })

const workOn = <E, R>(board: Board.Service, claim: Board.Claim, work: Effect.Effect<Outcome, E, R>) => {
  const renewed = Effect.catchIf(board.renew(claim), isPassing, () => Effect.void)
  const alive = Effect.forever(Effect.delay(renewed, claim.leaseMillis / 3))
  return Effect.raceFirst(work, alive).pipe(
    Effect.flatMap((outcome) =>
      outcome._tag === "Done"
        ? board.complete(claim, outcome.result)
        : board.fail(claim, outcome.reason, { final: outcome.final })
    ),
    Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.ignore(letGo(board, claim, exit.cause)))),
    Effect.catchIf(isLost, () => Effect.void)
  )
}
// #endregion

/** What dies has had its attempt, so that it does not go round for ever. Whoever is stopped has not. */
const letGo = (board: Board.Service, claim: Board.Claim, cause: Cause.Cause<unknown>) =>
  Cause.isDie(cause) ? board.fail(claim, Cause.pretty(cause)) : board.release(claim)

const isPassing = (error: Board.BoardError): boolean => error.isRetryable
const isLost = (error: unknown): error is Board.BoardError =>
  error instanceof Board.BoardError && error.reason._tag === "LeaseLost"
