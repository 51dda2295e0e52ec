/**
 * The tests of context stores that are about sessions as a whole: what is said of them, listings, pruning, locks.
 */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as ContextStore from "../../context/ContextStore.ts"
import type { SessionId } from "../../domain/Ids.ts"
import * as Message from "../../domain/Message.ts"
import type { Mine, Store, Test } from "./contextStoreFixtures.ts"
import { answered, at, entryOf, fresh, paid, reasonOf, said } from "./contextStoreFixtures.ts"

/** The clock goes on by a second, and says where it is. */
const tick = Effect.zipRight(TestClock.adjust("1 second"), Clock.currentTimeMillis)

/** Sessions made one after another. */
const some = (store: Store, mine: Mine, count: number) =>
  Effect.forEach(Array.from({ length: count }, fresh), (session) =>
    Effect.zipRight(tick, Effect.as(store.append(session, [said("a")], mine), session))
  )

const listed = (store: Store, query: ContextStore.Query) =>
  Effect.map(store.list(query), ({ sessions }): ReadonlyArray<SessionId> => sessions.map(({ id }) => id))

export const describing = (test: Test): void => {
  test("a listing tells what a session is", (store, session, mine) =>
    Effect.gen(function* () {
      const createdAt = yield* tick
      const long = "x".repeat(79)
      yield* store.append(
        session,
        [paid("p"), entryOf("s", Message.system("no")), answered("b", "no"), said("a", `${long}\u{1f600}y`)],
        mine
      )
      const updatedAt = yield* tick
      yield* store.append(session, [said("c")])
      const info = { id: session, ...mine, labels: [], preview: long, createdAt, updatedAt, entries: 5 }
      assert.deepStrictEqual(yield* store.info(session), info)
      assert.deepStrictEqual(yield* store.list(mine), { sessions: [info] })
    }))

  test("the preview follows the log", (store, session, mine) =>
    Effect.gen(function* () {
      const preview = Effect.flatMap(store.info(session), (info) =>
        Effect.map(store.list(mine), ({ sessions }) => {
          assert.deepStrictEqual(sessions, [info])
          return info.preview
        })
      )
      yield* store.append(session, [paid("p")], mine)
      assert.strictEqual(yield* preview, "")
      yield* store.append(session, [said("blank", " \n"), said("a", "\n first"), said("b", "second")])
      assert.strictEqual(yield* preview, "first")
      yield* store.rewind(session, at("p"))
      assert.strictEqual(yield* preview, "")
      yield* store.append(session, [said("c", "third")])
      assert.strictEqual(yield* preview, "third")
      const child = yield* store.fork(session, at("b"))
      assert.strictEqual((yield* store.info(child)).preview, "first")
      yield* store.remove(child)
      yield* store.clear(session)
      assert.strictEqual(yield* preview, "")
    }))

  test("entries are counted on the branch that goes on", (store, session) =>
    Effect.gen(function* () {
      const count = Effect.map(store.info(session), ({ entries }) => entries)
      yield* store.append(session, [said("a"), said("b"), said("c")])
      assert.strictEqual(yield* count, 3)
      yield* store.rewind(session, at("a"))
      assert.strictEqual(yield* count, 2)
      assert.strictEqual((yield* store.info(yield* store.fork(session))).entries, 3)
    }))

  test("a session is named and labelled, bit by bit", (store, session, mine) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a")], mine)
      const now = Effect.map(store.info(session), ({ labels, title }) => [title, labels])
      yield* store.update(session, { title: "Title \u{1f600} '; --", labels: ["work", 'with "quotes"', "ä,b"] })
      assert.deepStrictEqual(yield* now, ["Title \u{1f600} '; --", ["work", 'with "quotes"', "ä,b"]])
      yield* store.update(session, { labels: ["home"] })
      assert.deepStrictEqual(yield* now, ["Title \u{1f600} '; --", ["home"]])
      yield* store.update(session, { title: "Another" })
      assert.deepStrictEqual(yield* now, ["Another", ["home"]])
      yield* store.update(session, { title: undefined, labels: undefined })
      assert.deepStrictEqual(yield* now, ["Another", ["home"]])
      yield* store.update(session, { title: "", labels: [] })
      assert.isFalse("title" in (yield* store.info(session)))
      assert.deepStrictEqual(yield* now, [undefined, []])
      assert.deepStrictEqual(yield* store.list(mine), { sessions: [yield* store.info(session)] })
    }))

  test("names and labels outlast the log", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b")])
      yield* store.update(session, { title: "title", labels: ["label"] })
      yield* store.append(session, [said("c")])
      yield* store.rewind(session, at("a"))
      const { labels, title } = yield* store.info(session)
      assert.deepStrictEqual([title, labels], ["title", ["label"]])
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

export const listing = (test: Test): void => {
  test("the most recently used session comes first", (store, _, mine) =>
    Effect.gen(function* () {
      const [a, b, c] = yield* some(store, mine, 3)
      if (a === undefined || b === undefined || c === undefined) return assert.fail("three sessions")
      yield* tick
      yield* store.append(a, [said("b")])
      assert.deepStrictEqual(yield* listed(store, mine), [a, c, b])
      yield* tick
      yield* store.rewind(b, at("a"))
      assert.deepStrictEqual(yield* listed(store, mine), [b, a, c])
      yield* tick
      const child = yield* store.fork(a)
      assert.deepStrictEqual(yield* listed(store, mine), [child, b, a, c])
    }))

  test("sessions of one moment are in the order of their use", (store, session, mine) =>
    Effect.gen(function* () {
      const made = [session, fresh(), fresh(), fresh()]
      for (const id of made) yield* store.append(id, [said("a")], mine)
      assert.deepStrictEqual(yield* listed(store, mine), made.toReversed())
    }))

  test("pages follow each other without gap or repetition", (store, _, mine) =>
    Effect.gen(function* () {
      const made = yield* some(store, mine, 5)
      const first = yield* store.list({ ...mine, limit: 2 })
      const second = yield* store.list({ ...mine, limit: 2, cursor: first.next })
      const third = yield* store.list({ ...mine, limit: 2, cursor: second.next })
      const pages = [first, second, third].map((page) => page.sessions.map(({ id }) => id))
      assert.deepStrictEqual(
        pages.map((page) => page.length),
        [2, 2, 1]
      )
      assert.deepStrictEqual(pages.flat(), made.toReversed())
      assert.isFalse("next" in third)
    }))

  test("what changes meanwhile is never listed twice", (store, _, mine) =>
    Effect.gen(function* () {
      const [first, second, third, fourth, fifth] = yield* some(store, mine, 6)
      if (third === undefined || fifth === undefined) return assert.fail("six sessions")
      const page = yield* store.list({ ...mine, limit: 2 })
      yield* tick
      yield* store.append(fifth, [said("b")])
      yield* store.remove(third)
      yield* some(store, mine, 1)
      const rest: ReadonlyArray<string | undefined> = yield* listed(store, { ...mine, cursor: page.next })
      assert.deepStrictEqual(rest, [fourth, second, first])
    }))

  test("a page has 50 sessions unless its limit says otherwise", (store, _, mine) =>
    Effect.gen(function* () {
      yield* some(store, mine, 51)
      const page = yield* store.list(mine)
      assert.strictEqual(page.sessions.length, 50)
      assert.isDefined(page.next)
      assert.isFalse("next" in (yield* store.list({ ...mine, limit: 51 })))
    }))

  test("a limit of any number is a page of one or more", (store, _, mine) =>
    Effect.gen(function* () {
      const all = (yield* some(store, mine, 2)).toReversed()
      for (const limit of [0, -1, Number.NaN, Number.NEGATIVE_INFINITY, 1.5]) {
        const { next, sessions } = yield* store.list({ ...mine, limit })
        assert.deepStrictEqual([sessions.map(({ id }) => id), typeof next], [all.slice(0, 1), "string"])
      }
      for (const limit of [2.5, Number.POSITIVE_INFINITY, Number.MAX_VALUE]) {
        assert.deepStrictEqual(yield* listed(store, { ...mine, limit }), all)
      }
    }))

  test("a listing keeps to chat and label", (store, session, mine) =>
    Effect.gen(function* () {
      const chat = `other ${mine.chat}`
      const elsewhere = fresh()
      const [labelled, alike] = yield* some(store, mine, 2)
      if (labelled === undefined || alike === undefined) return assert.fail("two sessions")
      yield* store.append(session, [said("a")], mine)
      yield* store.append(elsewhere, [said("a")], { ...mine, chat })
      yield* store.update(labelled, { labels: ["other", "work"] })
      yield* store.update(alike, { labels: ["works", '"work"', "Work", "w_rk", "%"] })
      assert.deepStrictEqual(yield* listed(store, { ...mine, chat }), [elsewhere])
      assert.deepStrictEqual(yield* listed(store, { ...mine, label: "work" }), [labelled])
      assert.deepStrictEqual(yield* listed(store, { ...mine, label: '"work"' }), [alike])
      assert.deepStrictEqual(yield* listed(store, { ...mine, label: "%" }), [alike])
      assert.deepStrictEqual(yield* listed(store, { ...mine, label: "" }), [])
      assert.deepStrictEqual(yield* listed(store, { ...mine, chat, label: "work" }), [])
      assert.deepStrictEqual([...(yield* listed(store, mine))].sort(), [session, labelled, alike].sort())
    }))

  test("what is no cursor is not found", (store) =>
    Effect.gen(function* () {
      for (const cursor of ["no cursor", "", "-1", "'; --"]) {
        assert.deepStrictEqual(yield* reasonOf(store.list({ cursor })), ["NotFound", undefined])
      }
    }))
}

export const pruning = (test: Test): void => {
  test("pruning removes what was not used since", (store, session, mine) =>
    Effect.gen(function* () {
      const [old, used, latest] = yield* some(store, mine, 3)
      if (old === undefined || used === undefined || latest === undefined) return assert.fail("three sessions")
      const { updatedAt } = yield* store.info(used)
      yield* store.append(session, [said("a")], { ...mine, chat: `other ${mine.chat}` })
      const child = yield* store.fork(old)
      assert.strictEqual(yield* store.prune({ ...mine, before: updatedAt }), 1)
      assert.deepStrictEqual(yield* listed(store, mine), [child, latest, used])
      assert.deepStrictEqual(yield* store.entries(old), [])
      assert.strictEqual((yield* store.entries(child)).length, 2)
      yield* tick
      const now = yield* tick
      yield* store.append(used, [said("b")])
      assert.strictEqual(yield* store.prune({ ...mine, before: now }), 2)
      assert.deepStrictEqual(yield* listed(store, mine), [used])
      assert.strictEqual(yield* store.prune({ ...mine, before: now }), 0)
      assert.strictEqual((yield* store.entries(session)).length, 1)
    }))

  test("pruning takes any time", (store, _, mine) =>
    Effect.gen(function* () {
      const [old, latest] = yield* some(store, mine, 2)
      if (old === undefined || latest === undefined) return assert.fail("two sessions")
      const { updatedAt } = yield* store.info(old)
      for (const before of [Number.NaN, Number.NEGATIVE_INFINITY, -1.5, updatedAt - 0.5]) {
        assert.strictEqual(yield* store.prune({ ...mine, before }), 0)
      }
      assert.strictEqual(yield* store.prune({ ...mine, before: updatedAt + 0.5 }), 1)
      assert.strictEqual(yield* store.prune({ ...mine, before: Number.POSITIVE_INFINITY }), 1)
    }))

  test("a change of any kind is a use", (store, _, mine) =>
    Effect.gen(function* () {
      const uses: ReadonlyArray<(id: SessionId) => Effect.Effect<unknown, ContextStore.StoreError>> = [
        (id) => store.append(id, [said("b")]),
        (id) => store.rewind(id, at("a")),
        (id) => store.update(id, { title: "title" }),
        (id) => store.clear(id)
      ]
      const made = yield* some(store, mine, uses.length)
      const before = yield* tick
      yield* Effect.forEach(made, (id, index) => uses[index]?.(id) ?? Effect.void)
      assert.strictEqual(yield* store.prune({ ...mine, before }), 0)
      for (const id of made) yield* Effect.all([store.read(id), store.info(id), store.entries(id)])
      const later = yield* tick
      assert.strictEqual(yield* store.prune({ ...mine, before: later }), uses.length)
    }))
}

export const owning = (test: Test): void => {
  test("whose a session is, is decided when it begins", (store, session, mine) =>
    Effect.gen(function* () {
      const tenant = `tenant of ${session}`
      yield* store.append(session, [said("a")], { ...mine, tenant })
      yield* store.append(session, [said("b")], { owner: "another", tenant: "another", chat: "another" })
      const { chat, owner, tenant: theirs } = yield* store.info(session)
      assert.deepStrictEqual([owner, chat, theirs], [mine.owner, mine.chat, tenant])
      const plain = fresh()
      yield* store.append(plain, [said("a")])
      yield* store.append(plain, [said("b")], mine)
      const info = yield* store.info(plain)
      assert.isFalse("owner" in info || "chat" in info || "tenant" in info)
    }))

  test("listings, searches and pruning keep to tenant, owner and chat", (store, session) =>
    Effect.gen(function* () {
      const word = `needle${session.replaceAll("-", "")}`
      const names = ["x", "y"].map((name) => `${name} of ${session}`)
      const all = names.flatMap((tenant) => names.flatMap((owner) => names.map((chat) => ({ tenant, owner, chat }))))
      for (const mine of all) yield* store.append(fresh(), [said("a", word)], mine)
      const [x] = names
      const asked: ReadonlyArray<readonly [ContextStore.Ownership, number]> = [
        [{ tenant: x }, 4],
        [{ owner: x }, 4],
        [{ chat: x }, 4],
        [{ tenant: x, owner: x }, 2],
        [{ tenant: x, owner: x, chat: x }, 1],
        [{ tenant: `z of ${session}`, owner: x }, 0],
        [{ owner: x, tenant: undefined, chat: undefined }, 4]
      ]
      for (const [query, count] of asked) {
        const { sessions } = yield* store.list(query)
        const { hits } = yield* store.search(word, query)
        assert.deepStrictEqual([sessions.length, hits.length], [count, count])
        for (const info of sessions) assert.deepInclude(info, JSON.parse(JSON.stringify(query)))
        assert.deepStrictEqual(hits.map((hit) => hit.session.id).sort(), sessions.map(({ id }) => id).sort())
      }
      assert.strictEqual((yield* store.search(word)).hits.length, 8)
      const before = Number.MAX_SAFE_INTEGER
      assert.strictEqual(yield* store.prune({ tenant: x, owner: x, chat: x, before }), 1)
      assert.strictEqual(yield* store.prune({ owner: x, before }), 3)
      assert.strictEqual((yield* store.search(word)).hits.length, 4)
      assert.strictEqual(yield* store.prune({ chat: x, before }), 2)
      assert.strictEqual((yield* store.search(word)).hits.length, 2)
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
