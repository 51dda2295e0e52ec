/**
 * What boards promise about notes, and to those who follow them or wait for them.
 */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type * as Board from "../../board/Board.ts"
import type { Test } from "./boardFixtures.ts"
import { inTime, minute, next, refusal, settled, taken, titled } from "./boardFixtures.ts"

export const noting = (test: Test): void => {
  test("notes are read in order, by what they are about", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a")])
      const at = yield* Clock.currentTimeMillis
      const first = yield* board.addNote(id, { author: "ann", text: "The Café is closed.", tags: ["place"] })
      const second = yield* board.addNote(id, { author: "bob", text: "Blue paint is cheaper", task: "a" })
      assert.deepStrictEqual(first, {
        ...{ id: first.id, author: "ann", text: "The Café is closed.", tags: ["place"], at, revision: first.revision }
      })
      const read = (filter: Board.NoteFilter) =>
        Effect.map(board.notes(id, filter), (notes) => notes.map((note) => note.id))
      assert.deepStrictEqual(yield* board.notes(id), [first, second])
      assert.deepStrictEqual(yield* read({ tag: "place" }), [first.id])
      assert.deepStrictEqual(yield* read({ task: "a" }), [second.id])
      assert.deepStrictEqual(yield* read({ author: "bob" }), [second.id])
      assert.deepStrictEqual(yield* read({ text: "closed CAFE" }), [first.id])
      assert.deepStrictEqual(yield* read({ text: "pai" }), [second.id])
      assert.deepStrictEqual(yield* read({ text: "red" }), [])
      assert.deepStrictEqual(yield* read({ text: "?" }), [])
      assert.deepStrictEqual(yield* read({ limit: 1 }), [second.id])
      const lost = yield* refusal(board.addNote(id, { author: "ann", text: "hm", task: "x" }))
      assert.deepStrictEqual(lost, ["NotFound", "x"])
      assert.deepStrictEqual(yield* refusal(board.addNote(id, { author: "ann", text: " " })), ["Invalid"])
    }))
}

export const watching = (test: Test): void => {
  const told = (change: Board.Change): string =>
    change._tag === "NoteAdded" ? `note ${change.note.text}` : `${change.task.id} ${change.task.status}`

  test("changes are told in order, from any of them on", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a"), titled("b", ["a"])])
      yield* board.addNote(id, { author: "ann", text: "hi" })
      const from = (after: number, most: number) =>
        Effect.map(Stream.runCollect(Stream.take(board.changes(id, { after }), most)), (changes) => [...changes])
      const all = yield* from(0, 3)
      assert.deepStrictEqual(all.map(told), ["a open", "b blocked", "note hi"])
      yield* board.complete(yield* taken(board, id, "ann"))
      assert.deepStrictEqual((yield* from(all[1]?.revision ?? 0, 3)).map(told), ["note hi", "a done", "b open"])
    }))

  test("whoever follows is told what changes, also that a lease ran out", (board, id) =>
    Effect.gen(function* () {
      const posted = yield* board.post(id, [{ ...titled("a"), maxAttempts: 1 }, titled("b", ["a"])])
      const seen = yield* Queue.unbounded<string>()
      yield* Effect.forkScoped(
        Stream.runForEach(board.changes(id, { after: posted[1]?.revision }), (change) => seen.offer(told(change)))
      )
      yield* taken(board, id, "ann", { lease: minute })
      assert.strictEqual(yield* Queue.take(seen), "a in-progress")
      yield* settled
      yield* TestClock.adjust(minute)
      assert.strictEqual(yield* inTime(yield* Effect.fork(Queue.take(seen))), "a failed")
      assert.strictEqual(yield* Queue.take(seen), "b blocked")
    }))
}

export const waiting = (test: Test): void => {
  test("tasks are awaited until all are done or beyond hope", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a"), titled("b"), titled("c", ["b"])])
      const all = yield* Effect.fork(board.awaitTasks(id, ["c", "a"]))
      const any = yield* Effect.fork(board.awaitTasks(id, ["c", "a"], { mode: "any" }))
      yield* settled
      yield* board.complete(yield* taken(board, id, "ann"), 1)
      const shown = (tasks: ReadonlyArray<Board.Task>) => tasks.map((task) => [task.id, task.status, task.stuckOn])
      assert.deepStrictEqual(shown(yield* Fiber.join(any)), [
        ["c", "blocked", []],
        ["a", "done", []]
      ])
      assert.isTrue(Option.isNone(yield* Fiber.poll(all)))
      yield* board.cancel(id, "b")
      assert.deepStrictEqual(shown(yield* Fiber.join(all)), [
        ["c", "blocked", ["b"]],
        ["a", "done", []]
      ])
      assert.deepStrictEqual(yield* board.awaitTasks(id, []), [])
      assert.deepStrictEqual(yield* refusal(board.awaitTasks(id, [], { mode: "any" })), ["Invalid"])
      assert.deepStrictEqual(yield* refusal(board.awaitTasks(id, ["a", "x"])), ["NotFound", "x"])
    }))

  test("whoever awaits the task of a worker that dies is told", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [{ ...titled("a"), maxAttempts: 1 }])
      yield* taken(board, id, "ann", { lease: minute })
      const awaited = yield* Effect.fork(board.awaitTasks(id, ["a"]))
      yield* settled
      yield* TestClock.adjust(minute)
      assert.strictEqual((yield* inTime(awaited))[0]?.status, "failed")
    }))

  test("a worker can wait for the next task", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a"), titled("b", ["a"])])
      const first = yield* taken(board, id, "ann", { lease: minute })
      const waits = yield* Effect.fork(taken(board, id, "bob", { onEmpty: "wait" }))
      yield* settled
      yield* board.complete(first)
      const second = yield* Fiber.join(waits)
      assert.strictEqual(second.task.id, "b")
      const takesOver = yield* Effect.fork(taken(board, id, "cem", { onEmpty: "drain" }))
      yield* settled
      yield* TestClock.adjust(minute)
      const third = yield* inTime(takesOver)
      assert.deepStrictEqual([third.task.id, third.task.attempts], ["b", 2])
      const drains = yield* Effect.fork(next(board, id, "ann", { onEmpty: "drain" }))
      yield* settled
      yield* board.complete(third)
      assert.isUndefined(yield* Fiber.join(drains))
    }))
}
