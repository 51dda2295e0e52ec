/**
 * What the tests of boards are written with.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type * as Board from "../../board/Board.ts"

export type Test = (
  title: string,
  body: (board: Board.Service, id: string) => Effect.Effect<void, Board.BoardError, Scope.Scope>
) => void

let boards = 0
export const fresh = (): string => `suite-${crypto.randomUUID()}-${boards++}`

/** The reason of a failure, and the tasks that it names. */
export const refusal = (effect: Effect.Effect<unknown, Board.BoardError>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.matchEffect(effect, {
    onFailure: ({ reason }) => Effect.succeed([reason._tag, ...reason.tasks]),
    onSuccess: () => Effect.dieMessage("nothing was refused")
  })

export const statuses = (board: Board.Service, id: string) =>
  Effect.map(board.list(id), (tasks) => tasks.map((task) => `${task.id} ${task.status}`))

export const titled = (id: string, dependsOn: ReadonlyArray<string> = []): Board.NewTask => ({
  id,
  title: id,
  dependsOn
})

export const next = (board: Board.Service, id: string, worker: string, options?: Partial<Board.NextOptions>) =>
  Effect.map(board.claimNext(id, { worker, ...options }), Option.getOrUndefined)

/** Claims what is ready. */
export const taken = (board: Board.Service, id: string, worker: string, options?: Partial<Board.NextOptions>) =>
  Effect.flatMap(next(board, id, worker, options), (claim) =>
    claim === undefined ? Effect.dieMessage("there is no task to claim") : Effect.succeed(claim)
  )

export const minute = "1 minute"

/**
 * Joins what waits for time to pass. A board that asks a server may come to wait only after the time has passed that it is to
 * wait for, so a little more passes until it is there.
 */
export const inTime = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Fiber.poll(fiber), (exit) =>
    Option.isSome(exit)
      ? Fiber.join(fiber)
      : Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 10))).pipe(
          Effect.zipRight(TestClock.adjust("1 second")),
          Effect.zipRight(inTime(fiber))
        )
  )

/** Lets the fibers that were forked come to where they wait. */
export const settled = Effect.repeatN(Effect.yieldNow(), 20)
