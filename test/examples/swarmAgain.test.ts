import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Fiber, TestClock } from "effect"
import * as Swarm from "../../examples/swarm/swarm.ts"
import * as Board from "../../src/board/Board.ts"
import { begun, interrupted, repository, work } from "./swarmSupport.ts"

const all = ["accents", "unique", "readme", "review", "unique-again", "review-again"]

/** Cut short while its models answer for the so-manieth time: what the board has then, and who works in the next run. */
const cuts: ReadonlyArray<readonly [at: number, tasks: string, agents: string]> = [
  [2, "", "analyst planner editor editor writer reviewer editor reviewer"],
  [7, "", "planner editor editor writer reviewer editor reviewer"],
  [12, "accents open, unique open, readme blocked, review blocked", "editor editor writer reviewer editor reviewer"],
  [26, "accents done, unique done, readme open, review blocked", "writer reviewer editor reviewer"],
  [33, "accents done, unique done, readme done, review open", "reviewer editor reviewer"],
  [
    41,
    "accents done, unique done, readme done, review done, unique-again open, review-again blocked",
    "editor reviewer"
  ]
]

describe("swarm, run again", () => {
  for (const [at, tasks, agents] of cuts) {
    it.scoped(`cut short at request ${at}, goes on from the board`, () =>
      Effect.gen(function* () {
        const folder = yield* repository
        const before = yield* interrupted(folder, at)
        assert.strictEqual(before.tasks.join(", "), tasks)
        const done = yield* work(folder)
        assert.strictEqual(Either.getOrThrow(done.result).reason, "completed")
        assert.strictEqual(begun(done.events).join(" "), `swarm lead ${agents} cases`)
        assert.deepStrictEqual(
          done.tasks,
          all.map((id) => `${id} done`)
        )
        assert.strictEqual(done.notes.length, 3)
      }).pipe(Effect.provide(NodeContext.layer))
    )
  }

  it.scoped("takes over what a process had that was killed", () =>
    Effect.gen(function* () {
      const folder = yield* repository
      yield* interrupted(folder, 12)
      const dead = Effect.flatMap(Board.Board, (board) =>
        board.claim(Swarm.board.board, "accents", { worker: "editor/dead", role: "editor", lease: "1 minute" })
      )
      yield* Effect.provide(dead, Swarm.layer(folder, 1))
      let waiting = false
      const running = yield* Effect.fork(
        work(folder, {
          onEvent: (event) => {
            if (event._tag === "ToolStart" || event._tag === "ToolEnd") {
              if (event.name === "wait_for_tasks") waiting = event._tag === "ToolStart"
            }
          }
        })
      )
      // Time goes by while the lead waits, and at no other time.
      const time = Effect.promise(() => new Promise(setImmediate)).pipe(
        Effect.zipRight(Effect.suspend(() => (waiting ? TestClock.adjust("2 seconds") : Effect.void))),
        Effect.forever
      )
      const done = yield* Effect.raceFirst(Fiber.join(running), time)
      assert.deepStrictEqual(
        done.tasks,
        all.map((id) => `${id} done`)
      )
      assert.strictEqual(begun(done.events).join(" "), "swarm lead editor editor writer reviewer editor reviewer cases")
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
