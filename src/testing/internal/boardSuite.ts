/**
 * What every board promises, as tests. A board is conformant when they pass; nothing here knows which one runs.
 */
import { assert, layer as withLayer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Board from "../../board/Board.ts"
import type { Test } from "./boardFixtures.ts"
import { fresh, minute, next, refusal, statuses, taken, titled } from "./boardFixtures.ts"
import { schedules } from "./boardSchedules.ts"
import { noting, waiting, watching } from "./boardWatching.ts"
import { suite } from "./suite.ts"

/**
 * How thoroughly a board is tested.
 *
 * **Details**
 *
 * - `schedules`: how many generated schedules of workers are played; 20.
 *
 * @category models
 * @since 0.1.0
 */
export interface BoardSuiteOptions {
  readonly schedules?: number | undefined
}

/**
 * Declares the tests of a board.
 *
 * **Details**
 *
 * - The tests share one layer, use boards of their own, and run on the test clock.
 * - Needs `@effect/vitest`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const board = <E>(
  name: string,
  layer: Layer.Layer<Board.Board, E>,
  { schedules: schedulesRun = 20 }: BoardSuiteOptions = {}
): void => {
  suite(`Board: ${name}`, () =>
    withLayer(layer)((it) => {
      const test: Test = (title, body) =>
        it.scoped(title, () => Effect.flatMap(Board.Board, (service) => body(service, fresh())))

      posting(test)
      claiming(test)
      leasing(test)
      failing(test)
      depending(test)
      changing(test)
      noting(test)
      watching(test)
      waiting(test)
      schedules(it, schedulesRun)
    }))
}

// internal

const posting = (test: Test): void => {
  test("what is posted is listed as it was posted", (board, id) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const posted = yield* board.post(
        id,
        [
          { id: "paint", title: "Paint", detail: "Blue.", priority: 2, tags: ["wall", "wall"], dependsOn: ["buy"] },
          titled("buy")
        ],
        { by: "ann" }
      )
      const common = { attempts: 0, maxAttempts: 3, createdBy: "ann", createdAt: now, updatedAt: now, stuckOn: [] }
      assert.deepStrictEqual(posted, [
        {
          ...{
            ...common,
            id: "paint",
            title: "Paint",
            detail: "Blue.",
            status: "blocked",
            priority: 2,
            tags: ["wall"]
          },
          ...{ dependsOn: ["buy"], waitsFor: ["buy"], revision: 1 }
        },
        {
          ...{ ...common, id: "buy", title: "buy", status: "open", priority: 0, tags: [] },
          ...{ dependsOn: [], waitsFor: [], revision: 2 }
        }
      ])
      assert.deepStrictEqual(yield* board.list(id), posted)
      assert.deepStrictEqual(yield* board.get(id, "buy"), posted[1])
      assert.deepStrictEqual(yield* refusal(board.get(id, "sell")), ["NotFound", "sell"])
      assert.deepStrictEqual(yield* board.list(`${id} other`), [])
    }))

  test("ids that are made up are short and nobody's", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("t2")])
      const posted = yield* board.post(id, [{ title: "a" }, titled("t3"), { title: "b" }])
      const ids = ["t2", ...posted.map((task) => task.id)]
      assert.strictEqual(new Set(ids).size, 4)
      for (const one of ids) assert.match(one, /^t\d+$/)
    }))

  test("tasks are posted all or none", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a")])
      const post = (...tasks: ReadonlyArray<Board.NewTask>) => refusal(board.post(id, tasks))
      assert.deepStrictEqual(yield* post(titled("b"), titled("a")), ["Duplicate", "a"])
      assert.deepStrictEqual(yield* post(titled("b"), titled("b")), ["Duplicate", "b"])
      assert.deepStrictEqual(yield* post(titled("b", ["a", "x", "y"])), ["UnknownDependency", "x", "y"])
      assert.deepStrictEqual(yield* post(titled("b", ["c"]), titled("c", ["d"]), titled("d", ["b"])), [
        ...["Cycle", "c", "d", "b"]
      ])
      assert.deepStrictEqual(yield* post(titled("b", ["b"])), ["Cycle", "b"])
      assert.deepStrictEqual(yield* post(titled("b"), { title: " " }), ["Invalid"])
      assert.deepStrictEqual(yield* post({ title: "b", maxAttempts: 0 }), ["Invalid"])
      assert.deepStrictEqual(yield* post({ title: "b", priority: Number.NaN }), ["Invalid"])
      assert.deepStrictEqual(yield* board.post(id, []), [])
      assert.deepStrictEqual(yield* statuses(board, id), ["a open"])
    }))

  test("any text is a board, an id, a worker or a tag", (board, id) =>
    Effect.gen(function* () {
      for (const odd of ["'; --", "a\u0000b", "\ud800", "\u0001", "🖌\n"]) {
        const name = id + odd
        yield* board.post(name, [{ ...titled(odd), tags: [odd], detail: odd }, titled("b", [odd])])
        const claim = yield* taken(board, name, odd, { tag: odd })
        yield* board.addNote(name, { author: odd, text: `${odd} x`, task: odd, tags: [odd] })
        yield* board.complete(claim, odd)
        const done = yield* board.get(name, odd)
        assert.deepStrictEqual([done.result, done.endedBy, done.detail, done.tags], [odd, odd, odd, [odd]])
        assert.deepStrictEqual((yield* board.notes(name, { task: odd, tag: odd })).length, 1)
        assert.deepStrictEqual(yield* statuses(board, name), [`${odd} done`, "b open"])
      }
    }))

  test("a listing has the tasks that match", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [{ ...titled("a"), tags: ["x"] }, { ...titled("b"), assignee: "ann" }, titled("c", ["a"])])
      yield* board.claim(id, "a", { worker: "bob" })
      const listed = (filter: Board.TaskFilter) =>
        Effect.map(board.list(id, filter), (tasks) => tasks.map((task) => task.id))
      assert.deepStrictEqual(yield* listed({ status: "in-progress" }), ["a"])
      assert.deepStrictEqual(yield* listed({ status: ["open", "blocked"] }), ["b", "c"])
      assert.deepStrictEqual(yield* listed({ tag: "x" }), ["a"])
      assert.deepStrictEqual(yield* listed({ worker: "bob" }), ["a"])
      assert.deepStrictEqual(yield* listed({ assignee: "ann" }), ["b"])
      assert.deepStrictEqual(yield* listed({ limit: 2 }), ["a", "b"])
    }))

  test("a board that is removed is empty, and begins anew", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a"), titled("b", ["a"])])
      const { revision } = yield* board.addNote(id, { author: "ann", text: "hello" })
      yield* board.remove(id)
      assert.deepStrictEqual([yield* board.list(id), yield* board.notes(id)], [[], []])
      const changed = yield* Effect.fork(Stream.runHead(board.changes(id, { after: revision })))
      yield* board.post(id, [titled("a")])
      yield* Fiber.join(changed)
      assert.strictEqual((yield* taken(board, id, "ann")).task.id, "a")
    }))
}

const claiming = (test: Test): void => {
  test("the next task is the first of the highest priority", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a"), { ...titled("b"), priority: 1 }, { ...titled("c"), priority: 1 }])
      const claims = yield* Effect.replicateEffect(taken(board, id, "ann"), 3)
      assert.deepStrictEqual(
        claims.map(({ task }) => task.id),
        ["b", "c", "a"]
      )
      assert.isUndefined(yield* next(board, id, "ann"))
    }))

  test("workers that claim at once have tasks of their own", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(
        id,
        Array.from({ length: 20 }, (_, index) => titled(`${index}`))
      )
      const claims = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, index) => `worker ${index}`),
        (worker) => next(board, id, worker),
        { concurrency: "unbounded" }
      )
      const ids = claims.flatMap((claim) => claim?.task.id ?? [])
      assert.strictEqual(new Set(ids).size, 20)
      assert.strictEqual(ids.length, 20)
    }))

  test("of those who claim one task at once, one has it", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a")])
      const claims = yield* Effect.forEach(
        ["ann", "bob", "cem"],
        (worker) => Effect.either(board.claim(id, "a", { worker })),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        claims.flatMap((claim) => (claim._tag === "Left" ? [claim.left.reason._tag] : [])),
        ["Taken", "Taken"]
      )
    }))

  test("a claim says who has the task, since and until when", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a")])
      const now = yield* Clock.currentTimeMillis
      const claim = yield* board.claim(id, "a", { worker: "ann", lease: "5 seconds" })
      assert.deepStrictEqual(
        [claim.board, claim.worker, claim.leaseMillis, claim.expiresAt, claim.task.attempts, claim.task.status],
        [id, "ann", 5000, now + 5000, 1, "in-progress"]
      )
      assert.deepStrictEqual((yield* board.get(id, "a")).claim, { worker: "ann", since: now, until: now + 5000 })
      assert.deepStrictEqual(yield* board.claims(id, "ann"), [claim])
      assert.deepStrictEqual(yield* board.claims(id, "bob"), [])
    }))

  test("what is not ready is not claimed", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a"), titled("b", ["a"])])
      const claim = (task: string) => refusal(board.claim(id, task, { worker: "ann" }))
      assert.deepStrictEqual(yield* claim("b"), ["Blocked", "b"])
      assert.deepStrictEqual(yield* claim("x"), ["NotFound", "x"])
      const held = yield* taken(board, id, "ann")
      assert.deepStrictEqual(yield* claim("a"), ["Taken", "a"])
      yield* board.complete(held)
      assert.deepStrictEqual(yield* claim("a"), ["Ended", "a"])
    }))

  test("a task is claimed by those that it is for", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [
        { ...titled("a"), assignee: "painter" },
        { ...titled("b"), tags: ["x", "xy"] }
      ])
      assert.deepStrictEqual(yield* refusal(board.claim(id, "a", { worker: "ann" })), ["Taken", "a"])
      assert.isUndefined(yield* next(board, id, "ann", { tag: "y" }))
      assert.strictEqual((yield* taken(board, id, "ann")).task.id, "b")
      assert.isUndefined(yield* next(board, id, "ann"))
      assert.strictEqual((yield* taken(board, id, "bob", { role: "painter" })).task.id, "a")
    }))
}

const leasing = (test: Test): void => {
  test("a task whose lease ran out is another worker's", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a")])
      const dead = yield* taken(board, id, "ann", { lease: minute })
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(yield* next(board, id, "bob"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* statuses(board, id), ["a open"])
      const claim = yield* taken(board, id, "bob")
      assert.deepStrictEqual([claim.task.attempts, claim.task.claim?.worker], [2, "bob"])
      for (const late of [
        board.complete(dead, "late"),
        board.renew(dead),
        board.fail(dead, "late"),
        board.release(dead)
      ]) {
        assert.deepStrictEqual(yield* refusal(late), ["LeaseLost", "a"])
      }
      yield* board.complete(claim, "mine")
      assert.deepStrictEqual(yield* refusal(board.complete(dead, "late")), ["LeaseLost", "a"])
      assert.strictEqual((yield* board.get(id, "a")).result, "mine")
    }))

  test("a lease that ran out is lost, although nobody took over", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a")])
      const claim = yield* taken(board, id, "ann", { lease: minute })
      yield* TestClock.adjust(minute)
      assert.deepStrictEqual(yield* refusal(board.complete(claim)), ["LeaseLost", "a"])
      assert.deepStrictEqual(yield* board.claims(id, "ann"), [])
    }))

  test("a lease that is renewed holds", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a")])
      let claim = yield* taken(board, id, "ann", { lease: minute })
      for (let times = 0; times < 3; times++) {
        yield* TestClock.adjust("40 seconds")
        claim = yield* board.renew(claim)
      }
      claim = yield* board.renew(claim, "2 minutes")
      yield* TestClock.adjust("119 seconds")
      assert.isUndefined(yield* next(board, id, "bob"))
      assert.strictEqual((yield* board.complete(claim)).status, "done")
    }))

  test("what is released is ready as if it had not been claimed", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a")])
      const claim = yield* taken(board, id, "ann")
      const { attempts, status } = yield* board.release(claim)
      assert.deepStrictEqual([attempts, status], [0, "open"])
      assert.deepStrictEqual(yield* refusal(board.complete(claim)), ["LeaseLost", "a"])
    }))
}

const failing = (test: Test): void => {
  test("a task that fails too often has failed", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [{ ...titled("a"), maxAttempts: 2 }])
      const first = yield* board.fail(yield* taken(board, id, "ann"), "no paint")
      assert.deepStrictEqual([first.status, first.attempts, first.reason], ["open", 1, "no paint"])
      const second = yield* board.fail(yield* taken(board, id, "bob"), "still none")
      assert.deepStrictEqual([second.status, second.reason, second.endedBy], ["failed", "still none", "bob"])
      assert.isUndefined(yield* next(board, id, "ann"))
    }))

  test("a task whose workers die too often has failed", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [{ ...titled("a"), maxAttempts: 2 }])
      for (const worker of ["ann", "bob"]) {
        yield* taken(board, id, worker, { lease: minute })
        yield* TestClock.adjust(minute)
      }
      const { endedBy, reason, status } = yield* board.get(id, "a")
      assert.deepStrictEqual([status, endedBy], ["failed", "bob"])
      assert.include(reason, "the lease of bob ran out")
      assert.isUndefined(yield* next(board, id, "ann"))
    }))

  test("a final failure is one at once", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a")])
      assert.strictEqual((yield* board.fail(yield* taken(board, id, "ann"), "never", { final: true })).status, "failed")
    }))

  test("a failed task that is opened again has all its attempts", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a")])
      yield* board.fail(yield* taken(board, id, "ann"), "no", { final: true })
      const { attempts, endedAt, reason, status } = yield* board.reopen(id, "a")
      assert.deepStrictEqual([status, attempts, reason, endedAt], ["open", 0, undefined, undefined])
      yield* board.complete(yield* taken(board, id, "ann"))
      assert.deepStrictEqual(yield* refusal(board.reopen(id, "a")), ["Ended", "a"])
    }))

  test("a result is JSON, and completing again changes nothing", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a"), titled("b")])
      const claim = yield* taken(board, id, "ann")
      assert.deepStrictEqual(yield* refusal(board.complete(claim, 1n)), ["Invalid", "a"])
      const done = yield* board.complete(claim, { pages: [1, null], at: new Date(0), none: undefined })
      assert.deepStrictEqual(done.result, { pages: [1, null], at: "1970-01-01T00:00:00.000Z" })
      assert.deepStrictEqual([done.status, done.endedBy, done.claim], ["done", "ann", undefined])
      assert.deepStrictEqual(yield* board.complete(claim, "other"), done)
      const nothing = yield* board.complete(yield* taken(board, id, "ann"))
      assert.isFalse("result" in nothing)
    }))
}

const depending = (test: Test): void => {
  test("a task is ready once all that it depends on is done", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a"), titled("b"), titled("c", ["a", "b"])])
      yield* board.complete(yield* board.claim(id, "a", { worker: "ann" }))
      assert.deepStrictEqual((yield* board.get(id, "c")).waitsFor, ["b"])
      yield* board.complete(yield* taken(board, id, "ann"))
      assert.strictEqual((yield* taken(board, id, "ann")).task.id, "c")
      assert.strictEqual((yield* board.post(id, [titled("d", ["a"])]))[0]?.status, "open")
    }))

  test("a task that waits in vain says what for", (board, id) =>
    Effect.gen(function* () {
      const chain = Array.from({ length: 9 }, (_, index) => titled(`${index}`, index === 0 ? [] : [`${index - 1}`]))
      yield* board.post(id, [...chain, titled("x"), titled("y", ["x", "8"])])
      yield* board.fail(yield* board.claim(id, "0", { worker: "ann" }), "no", { final: true })
      const stuck = (task: string) =>
        Effect.map(board.get(id, task), ({ status, stuckOn, waitsFor }) => [status, stuckOn, waitsFor])
      assert.deepStrictEqual(yield* stuck("1"), ["blocked", ["0"], ["0"]])
      assert.deepStrictEqual(yield* stuck("8"), ["blocked", ["0"], ["7"]])
      yield* board.cancel(id, "x", { reason: "not now", by: "bob" })
      assert.deepStrictEqual(yield* stuck("y"), ["blocked", ["x", "0"], ["x", "8"]])
      yield* board.reopen(id, "0")
      assert.deepStrictEqual(yield* stuck("8"), ["blocked", [], ["7"]])
      yield* board.reopen(id, "x")
      yield* board.complete(yield* board.claim(id, "0", { worker: "ann" }))
      assert.strictEqual((yield* board.claim(id, "1", { worker: "ann" })).task.id, "1")
    }))

  test("a task that is cancelled is nobody's", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a")])
      const claim = yield* taken(board, id, "ann")
      const { endedBy, reason, status } = yield* board.cancel(id, "a", { reason: "no money", by: "bob" })
      assert.deepStrictEqual([status, reason, endedBy], ["cancelled", "no money", "bob"])
      assert.deepStrictEqual(yield* refusal(board.complete(claim)), ["LeaseLost", "a"])
      assert.strictEqual((yield* board.cancel(id, "a")).reason, "no money")
      yield* board.reopen(id, "a")
      yield* board.complete(yield* taken(board, id, "ann"))
      assert.deepStrictEqual(yield* refusal(board.cancel(id, "a")), ["Ended", "a"])
    }))
}

const changing = (test: Test): void => {
  test("what a task says can be changed, and taken away", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [{ ...titled("a"), detail: "x", assignee: "ann" }, titled("b")])
      const { detail, priority, tags, title } = yield* board.update(id, "a", { title: "A", priority: 3, tags: ["y"] })
      assert.deepStrictEqual([title, priority, tags, detail], ["A", 3, ["y"], "x"])
      const bare = yield* board.update(id, "a", { detail: "", assignee: "" })
      assert.deepStrictEqual([bare.detail, bare.assignee, bare.title], [undefined, undefined, "A"])
      assert.deepStrictEqual(yield* refusal(board.update(id, "a", { title: "" })), ["Invalid", "a"])
      assert.deepStrictEqual(yield* refusal(board.update(id, "x", {})), ["NotFound", "x"])
    }))

  test("dependencies can be changed until somebody begins", (board, id) =>
    Effect.gen(function* () {
      yield* board.post(id, [titled("a"), titled("b", ["a"]), titled("c", ["b"])])
      const update = (task: string, ...dependsOn: ReadonlyArray<string>) => board.update(id, task, { dependsOn })
      assert.deepStrictEqual(yield* refusal(update("a", "c")), ["Cycle", "c", "b", "a"])
      assert.deepStrictEqual(yield* refusal(update("a", "x")), ["UnknownDependency", "x"])
      assert.strictEqual((yield* update("b")).status, "open")
      assert.strictEqual((yield* update("a", "c")).status, "blocked")
      const claim = yield* taken(board, id, "ann")
      assert.strictEqual(claim.task.id, "b")
      assert.deepStrictEqual(yield* refusal(update("b", "a")), ["Ended", "b"])
      yield* board.complete(claim)
      yield* board.complete(yield* taken(board, id, "ann"))
      assert.deepStrictEqual(yield* statuses(board, id), ["a open", "b done", "c done"])
    }))
}
