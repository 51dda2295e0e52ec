/**
 * Workers that claim, work, fall silent and come back, as generated schedules: whatever they do, of one task there is one
 * holder, no task is lost, and results stay.
 */
import type { Vitest } from "@effect/vitest"
import { assert } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Board from "../../board/Board.ts"
import { fresh } from "./boardFixtures.ts"

const Worker = Schema.Int.pipe(Schema.between(0, 3))

const Act = Schema.Union(
  Schema.TaggedStruct("Claim", { worker: Worker, lease: Schema.Int.pipe(Schema.between(1, 5)) }),
  Schema.TaggedStruct("Complete", { worker: Worker }),
  Schema.TaggedStruct("Fail", { worker: Worker }),
  Schema.TaggedStruct("Release", { worker: Worker }),
  Schema.TaggedStruct("Renew", { worker: Worker }),
  // The worker goes on without its claims: whoever it was is dead.
  Schema.TaggedStruct("Crash", { worker: Worker }),
  Schema.TaggedStruct("Pass", { seconds: Schema.Int.pipe(Schema.between(1, 4)) })
)

const Schedule = Schema.Struct({
  tasks: Schema.Array(
    Schema.Struct({ attempts: Schema.Int.pipe(Schema.between(1, 3)), dependsOn: Schema.Int.pipe(Schema.between(0, 8)) })
  ).pipe(Schema.minItems(1), Schema.maxItems(5)),
  acts: Schema.Array(Act).pipe(Schema.minItems(10), Schema.maxItems(40))
})
type Schedule = typeof Schedule.Type

export const schedules = (it: Vitest.MethodsNonLive<Board.Board>, runs: number): void =>
  it.scoped.prop(
    "in any schedule a task has one holder, and its result stays",
    [Arbitrary.make(Schedule)],
    ([schedule]) => Effect.flatMap(Board.Board, (board) => play(board, fresh(), schedule)),
    { fastCheck: { numRuns: runs }, timeout: 60_000 }
  )

// internal

const play = (board: Board.Service, id: string, { acts, tasks }: Schedule) =>
  Effect.gen(function* () {
    yield* board.post(
      id,
      tasks.map(({ attempts, dependsOn }, index) => ({
        ...{ id: `${index}`, title: `${index}`, maxAttempts: attempts },
        dependsOn: dependsOn < index ? [`${dependsOn}`] : []
      }))
    )
    const world: World = { board, id, hands: new Map(), holders: new Map(), results: new Map(), claims: 0 }
    for (const act of acts) {
      yield* step(world, act)
      yield* check(world, tasks.length)
    }
    // Whoever is left finishes: nothing is lost on the way, and nothing goes on for ever.
    for (let rounds = 0; rounds < 40; rounds++) {
      yield* TestClock.adjust("6 seconds")
      const claim = yield* board.claimNext(id, { worker: "last", lease: "6 seconds" })
      if (Option.isNone(claim)) break
      took(world, claim.value, yield* Clock.currentTimeMillis)
      yield* board.complete(claim.value, `last ${claim.value.task.id}`)
      world.results.set(claim.value.task.id, `last ${claim.value.task.id}`)
      world.holders.delete(claim.value.task.id)
      yield* check(world, tasks.length)
    }
    for (const task of yield* board.list(id)) {
      assert.isTrue(["done", "failed"].includes(task.status) || task.stuckOn.length > 0, `${task.id} is ${task.status}`)
    }
  })

interface World {
  readonly board: Board.Service
  readonly id: string
  /** What each worker believes to have, claims that are lost among it. */
  readonly hands: Map<number, Array<Board.Claim>>
  /** Who has a task, as its claims told it. */
  readonly holders: Map<string, Board.Claim>
  readonly results: Map<string, string>
  claims: number
}

const took = ({ holders, results }: World, claim: Board.Claim, now: number): void => {
  const before = holders.get(claim.task.id)
  assert.isTrue(before === undefined || before.expiresAt <= now, `two have task ${claim.task.id}`)
  assert.isFalse(results.has(claim.task.id), `task ${claim.task.id} is done again`)
  assert.isAtMost(claim.task.attempts, claim.task.maxAttempts)
  holders.set(claim.task.id, claim)
}

const step = (world: World, act: typeof Act.Type) =>
  Effect.gen(function* () {
    const { board, hands, holders, id, results } = world
    if (act._tag === "Pass") return yield* TestClock.adjust(`${act.seconds} seconds`)
    const now = yield* Clock.currentTimeMillis
    const hand = hands.get(act.worker) ?? []
    hands.set(act.worker, hand)
    if (act._tag === "Crash") return void hands.delete(act.worker)
    if (act._tag === "Claim") {
      const claim = yield* board.claimNext(id, { worker: `${act.worker}`, lease: `${act.lease} seconds` })
      if (Option.isNone(claim)) return
      took(world, claim.value, now)
      hand.push(claim.value)
      return
    }
    const claim = hand.shift()
    if (claim === undefined) return
    const task = claim.task.id
    const held = holders.get(task)
    const holds = held?.token === claim.token && held.expiresAt > now
    const result = `${claim.worker} ${world.claims++}`
    const did = yield* Effect.either<Board.Task | Board.Claim, Board.BoardError, never>(
      act._tag === "Complete"
        ? board.complete(claim, result)
        : act._tag === "Fail"
          ? board.fail(claim, result)
          : act._tag === "Release"
            ? board.release(claim)
            : board.renew(claim)
    )
    // Exactly who has the task can do something with it.
    assert.strictEqual(did._tag, holds ? "Right" : "Left", `${act._tag} of ${task}`)
    if (did._tag === "Left") return assert.strictEqual(did.left.reason._tag, "LeaseLost")
    if (act._tag === "Complete") results.set(task, result)
    if (act._tag !== "Renew") return void holders.delete(task)
    if ("token" in did.right) {
      holders.set(task, did.right)
      hand.push(did.right)
    }
  })

const check = ({ board, holders, id, results }: World, count: number) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const tasks = yield* board.list(id)
    assert.strictEqual(tasks.length, count)
    for (const { claim, id: task, result, status } of tasks) {
      const held = holders.get(task)
      const holder = held !== undefined && held.expiresAt > now ? held.worker : undefined
      assert.strictEqual(claim?.worker, holder, `the holder of ${task}`)
      assert.strictEqual(status === "in-progress", holder !== undefined)
      assert.strictEqual(result, results.get(task))
      assert.strictEqual(status === "done", results.has(task))
    }
  })
