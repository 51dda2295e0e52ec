/**
 * What several processes do with one board, as tests of any board that processes can share.
 */
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Board from "../../src/board/Board.ts"
import * as Processes from "./processes.ts"

const start = (...args: ReadonlyArray<string>) => Processes.start("test/support/boardProcess.ts", ...args)

const closed = (child: ChildProcessWithoutNullStreams): Effect.Effect<number | null> =>
  Effect.async((resume) => void child.once("close", (code) => resume(Effect.succeed(code))))

/** Three processes work on a board of tasks that wait for each other, until none is left: each is done once. */
export const drain = (database: string, board: Board.Service): Effect.Effect<void, Board.BoardError, Scope.Scope> =>
  Effect.gen(function* () {
    const ids = Array.from({ length: 60 }, (_, index) => `${index}`)
    yield* board.post(
      "b",
      ids.map((id, index) => ({ id, title: id, dependsOn: index < 6 ? [] : [`${index - 6}`] }))
    )
    const done = yield* Effect.forEach(
      ["ann", "bob", "cem"],
      (worker) =>
        Effect.flatMap(start("drain", database, worker), (child) => {
          let [told, complaints] = ["", ""]
          child.stdout.on("data", (data) => (told += data))
          child.stderr.on("data", (data) => (complaints += data))
          return Effect.map(closed(child), (code) => {
            assert.deepStrictEqual([code, complaints], [0, ""])
            return told
              .split("\n")
              .filter((id) => id !== "")
              .map((id) => [id, worker] as const)
          })
        }),
      { concurrency: "unbounded" }
    )
    const doneBy = new Map(done.flat())
    assert.deepStrictEqual([done.flat().length, doneBy.size], [60, 60])
    for (const { attempts, id, result } of yield* board.list("b")) {
      assert.deepStrictEqual([attempts, result], [1, doneBy.get(id)], id)
    }
  })

/** A process claims a task and is killed: the task is its own until the lease is over, and then another worker's. */
export const takeOver = (database: string, board: Board.Service): Effect.Effect<void, Board.BoardError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* board.post("b", [{ id: "a", title: "A" }])
    const child = yield* start("hold", database, "dead", "3000")
    yield* Effect.async<void>((resume) => void child.stdout.once("data", () => resume(Effect.void)))
    const gone = yield* Effect.fork(closed(child))
    yield* Effect.sync(() => child.kill("SIGKILL"))
    yield* Fiber.join(gone)
    assert.isTrue(Option.isNone(yield* board.claimNext("b", { worker: "ann" })))
    const claim = Option.getOrThrow(yield* board.claimNext("b", { worker: "ann", onEmpty: "wait" }))
    assert.deepStrictEqual([claim.task.id, claim.task.attempts], ["a", 2])
    assert.include(claim.task.reason, "the lease of dead ran out")
    assert.strictEqual((yield* board.complete(claim, "taken over")).result, "taken over")
  })
