/**
 * The tests of context stores that are about sessions as a whole: listings and locks.
 */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as ContextStore from "../../context/ContextStore.ts"
import * as Message from "../../domain/Message.ts"
import type { Store, Test } from "./contextStoreFixtures.ts"
import { at, entryOf, fresh, paid, reasonOf, said } from "./contextStoreFixtures.ts"

export const listing = (test: Test): void => {
  /** Sessions of one owner, made one after another. */
  const some = (store: Store, owner: string, count: number) =>
    Effect.forEach(Array.from({ length: count }, fresh), (session) =>
      TestClock.adjust("1 second").pipe(
        Effect.zipRight(store.append(session, [said("a")], { owner })),
        Effect.as(session)
      )
    )

  test("a listing tells what a session is", (store, session) =>
    Effect.gen(function* () {
      const owner = `owner of ${session}`
      yield* TestClock.setTime(5000)
      yield* store.append(
        session,
        [paid("p"), entryOf("s", Message.system("no")), said("a", "x".repeat(79) + "\u{1f600}y")],
        {
          owner
        }
      )
      yield* TestClock.setTime(7000)
      yield* store.append(session, [said("b")], { owner: "another" })
      assert.deepStrictEqual(yield* store.list({ owner }), {
        sessions: [{ id: session, owner, preview: "x".repeat(79), createdAt: 5000, updatedAt: 7000, entries: 4 }]
      })
    }))

  test("the preview follows the log", (store, session) =>
    Effect.gen(function* () {
      const owner = `owner of ${session}`
      const previews = Effect.map(store.list({ owner }), (page) => page.sessions.map((info) => info.preview))
      yield* store.append(session, [paid("p")], { owner })
      assert.deepStrictEqual(yield* previews, [""])
      yield* store.append(session, [said("a", "first"), said("b", "second")])
      assert.deepStrictEqual(yield* previews, ["first"])
      yield* store.rewind(session, at("p"))
      assert.deepStrictEqual(yield* previews, [""])
      yield* store.append(session, [said("c", "third")])
      assert.deepStrictEqual(yield* previews, ["third"])
    }))

  test("the most recently used session comes first", (store, session) =>
    Effect.gen(function* () {
      const owner = `owner of ${session}`
      const [a, b, c] = yield* some(store, owner, 3)
      if (a === undefined) return assert.fail("three sessions")
      yield* TestClock.adjust("1 second")
      yield* store.append(a, [said("b")])
      const listed = yield* store.list({ owner })
      assert.deepStrictEqual(
        listed.sessions.map(({ id }) => id),
        [a, c, b]
      )
    }))

  test("pages follow each other without gap or repetition", (store, session) =>
    Effect.gen(function* () {
      const owner = `owner of ${session}`
      const made = yield* some(store, owner, 5)
      const first = yield* store.list({ owner, limit: 2 })
      const second = yield* store.list({ owner, limit: 2, cursor: first.next })
      const third = yield* store.list({ owner, limit: 2, cursor: second.next })
      const listed = [first, second, third].map((page) => page.sessions.map(({ id }) => id))
      assert.deepStrictEqual(
        listed.map((page) => page.length),
        [2, 2, 1]
      )
      assert.deepStrictEqual(listed.flat(), [...made].reverse())
      assert.isFalse("next" in third)
    }))

  test("a page has 50 sessions unless its limit says otherwise", (store, session) =>
    Effect.gen(function* () {
      const owner = `owner of ${session}`
      yield* some(store, owner, 51)
      const page = yield* store.list({ owner })
      assert.strictEqual(page.sessions.length, 50)
      assert.isDefined(page.next)
      assert.deepStrictEqual(yield* Effect.map(store.list({ owner, limit: 51 }), (all) => all.next), undefined)
    }))

  test("what is no cursor is not found", (store) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reasonOf(store.list({ cursor: "no cursor" })), ["NotFound", undefined])
    }))

  test("failures encode to JSON and back", (store, session) =>
    Effect.gen(function* () {
      const error = yield* Effect.merge(store.rewind(session, at("a")))
      if (!(error instanceof ContextStore.StoreError)) return assert.fail("there is nothing to rewind")
      const json = Schema.parseJson(ContextStore.StoreError)
      const back = Schema.decodeSync(json)(Schema.encodeSync(json)(error))
      assert.deepStrictEqual([back.operation, back.session, back.reason], ["rewind", session, error.reason])
    }))
}

export const locking = (test: Test): void => {
  test("RUN-5 a taken session is busy for the next run", (store, session) =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* store.lock(session, "fail")
          assert.deepStrictEqual(yield* reasonOf(store.lock(session, "fail")), ["SessionBusy", session])
          yield* store.lock(fresh(), "fail")
          yield* store.append(session, [said("a")])
        })
      )
      yield* store.lock(session, "fail")
    }))

  test("RUN-5 a lock that failed holds nothing", (store, session) =>
    Effect.gen(function* () {
      const holder = yield* Scope.make()
      yield* Scope.extend(store.lock(session, "fail"), holder)
      yield* reasonOf(store.lock(session, "fail"))
      yield* Scope.close(holder, Exit.void)
      yield* store.lock(session, "fail")
    }))

  test("RUN-5 runs that wait come in order", (store, session) =>
    Effect.gen(function* () {
      const order: Array<number> = []
      const holder = yield* Scope.make()
      yield* Scope.extend(store.lock(session, "wait"), holder)
      const fibers = yield* Effect.forEach([1, 2, 3, 4], (index) =>
        store.lock(session, "wait").pipe(
          Effect.zipRight(Effect.sync(() => order.push(index))),
          Effect.zipRight(Effect.yieldNow()),
          Effect.zipRight(Effect.sync(() => order.push(-index))),
          Effect.scoped,
          Effect.fork,
          Effect.tap(() => Effect.yieldNow())
        )
      )
      yield* Scope.close(holder, Exit.void)
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(order, [1, -1, 2, -2, 3, -3, 4, -4])
    }))

  test("RUN-5 an interrupted holder lets the session go", (store, session) =>
    Effect.gen(function* () {
      const taken = yield* Deferred.make<void>()
      const holder = yield* store
        .lock(session, "fail")
        .pipe(
          Effect.zipRight(Deferred.succeed(taken, undefined)),
          Effect.zipRight(Effect.never),
          Effect.scoped,
          Effect.fork
        )
      yield* Deferred.await(taken)
      yield* Fiber.interrupt(holder)
      yield* store.lock(session, "fail")
    }))

  test("RUN-5 a failed or dead holder lets the session go", (store, session) =>
    Effect.gen(function* () {
      for (const end of [Effect.fail("no"), Effect.die("dead")]) {
        yield* Effect.exit(Effect.scoped(Effect.zipRight(store.lock(session, "fail"), end)))
      }
      yield* store.lock(session, "fail")
    }))

  test("RUN-5 an interrupted waiter holds nobody up", (store, session) =>
    Effect.gen(function* () {
      const holder = yield* Scope.make()
      // A scope that stays open: leaving the queue must not wait for it.
      const waiters = yield* Scope.make()
      yield* Scope.extend(store.lock(session, "fail"), holder)
      const first = yield* store.lock(session, "wait").pipe(Scope.extend(waiters), Effect.fork)
      yield* Effect.yieldNow()
      const second = yield* store.lock(session, "wait").pipe(Effect.scoped, Effect.fork)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      yield* Scope.close(holder, Exit.void)
      yield* Fiber.join(second)
      yield* store.lock(session, "fail")
      yield* Scope.close(waiters, Exit.void)
    }))
}
