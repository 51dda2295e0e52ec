/**
 * The tests of context stores that are about conversations that part: forks, rewinds, their tree, and erasing.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Branch } from "../../context/ContextStore.ts"
import type { SessionId } from "../../domain/Ids.ts"
import type { Store, Test } from "./contextStoreFixtures.ts"
import {
  answered,
  at,
  called,
  counted,
  fresh,
  ids,
  labels,
  paid,
  reasonOf,
  results,
  said,
  shapes,
  texts
} from "./contextStoreFixtures.ts"

export const forking = (test: Test): void => {
  test("a fork begins as its origin, then says where it is from", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), paid("b"), said("c")])
      const whole = yield* store.fork(session)
      const early = yield* store.fork(session, at("b"))
      assert.deepStrictEqual(yield* labels(store, whole), ["a", "b", "c", "fork c"])
      assert.deepStrictEqual(yield* labels(store, early), ["a", "b", "fork b"])
      const [marker] = (yield* store.entries(early)).slice(-1)
      if (marker?._tag !== "Marker") return assert.fail("a fork ends with its marker")
      assert.deepStrictEqual(marker.marker, { type: "fork", session, to: at("b") })
      assert.deepStrictEqual((yield* store.entries(early)).slice(0, 2), [said("a"), paid("b")])
      assert.deepStrictEqual(yield* store.entry(early, marker.id), marker)
      assert.notStrictEqual(whole, early)
    }))

  test("AX-34 a fork and its origin are independent both ways", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), answered("b"), counted("u", 100, 10)])
      const child = yield* store.fork(session)
      yield* store.append(session, [said("c"), answered("d"), counted("v", 200, 20)])
      assert.deepStrictEqual(yield* texts(store, child), ["a", "b"])
      yield* store.append(child, [said("c", "other"), answered("e"), counted("w", 150, 15), said("f")])
      assert.deepStrictEqual(yield* texts(store, session), ["a", "b", "c", "d"])
      assert.deepStrictEqual(yield* texts(store, child), ["a", "b", "other", "e", "f"])
      assert.deepStrictEqual((yield* store.read(session)).measured, { tokens: 220, added: [] })
      assert.strictEqual((yield* store.read(child)).measured?.tokens, 165)
      yield* store.rewind(session, at("a"))
      assert.deepStrictEqual(yield* texts(store, child), ["a", "b", "other", "e", "f"])
      yield* store.rewind(child, at("b"))
      assert.deepStrictEqual(yield* texts(store, session), ["a"])
      yield* store.update(session, { title: "title", labels: ["label"] })
      const info = yield* store.info(child)
      assert.deepStrictEqual([info.title, info.labels], [undefined, []])
      yield* store.clear(child)
      assert.deepStrictEqual(yield* texts(store, session), ["a"])
      yield* store.rewind(session, at("v"))
      assert.deepStrictEqual(yield* texts(store, session), ["a", "b", "c", "d"])
    }))

  test("a fork belongs to whom its origin belongs", (store, session, mine) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a")], mine)
      const child = yield* store.fork(session)
      const { chat, origin, owner, tenant } = yield* store.info(child)
      assert.deepStrictEqual([tenant, owner, chat, origin], [mine.tenant, mine.owner, mine.chat, session])
      const listed = yield* store.list(mine)
      assert.deepStrictEqual(listed.sessions.map(({ id }) => id).sort(), [session, child].sort())
    }))

  test("forks of forks share what they have in common", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b")])
      const child = yield* store.fork(session, at("a"))
      yield* store.append(child, [said("c"), said("d")])
      const grandchild = yield* store.fork(child, at("c"))
      yield* store.append(grandchild, [said("b", "again")])
      assert.deepStrictEqual(yield* labels(store, grandchild), ["a", "fork a", "c", "fork c", "b"])
      const early = yield* store.fork(grandchild, at("a"))
      assert.deepStrictEqual(yield* labels(store, early), ["a", "fork a"])
      assert.deepStrictEqual(yield* texts(store, early), ["a"])
    }))

  test("HIST-2 a cut at an answer takes the results of its calls along", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), called("b", ["x", "y"]), paid("u"), results("c", ["x", "y"]), said("d")])
      const whole = ["user text", "assistant tool-call tool-call", "tool ok ok"]
      const child = yield* store.fork(session, at("b"))
      assert.deepStrictEqual(yield* labels(store, child), ["a", "b", "u", "c", "fork c"])
      assert.deepStrictEqual(yield* shapes(store, child), whole)
      const between = yield* store.fork(session, at("u"))
      assert.deepStrictEqual(yield* shapes(store, between), whole)
      yield* store.rewind(session, at("b"))
      assert.deepStrictEqual(yield* labels(store, session), ["a", "b", "u", "c", "rewind c"])
      assert.deepStrictEqual(yield* shapes(store, session), whole)
    }))

  test("HIST-1 a fork of a call without result reads as interrupted", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), called("b", ["x"])])
      const child = yield* store.fork(session)
      yield* store.append(session, [results("c", ["x"])])
      const asked = ["user text", "assistant tool-call"]
      assert.deepStrictEqual(yield* shapes(store, child), [...asked, "tool interrupted"])
      assert.deepStrictEqual(yield* shapes(store, session), [...asked, "tool ok"])
    }))

  test("a fork outlives its origin", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b")])
      const child = yield* store.fork(session, at("a"))
      const grandchild = yield* store.fork(child)
      yield* store.remove(session)
      yield* store.remove(child)
      assert.deepStrictEqual(yield* texts(store, grandchild), ["a"])
      assert.deepStrictEqual((yield* store.entries(grandchild))[0], said("a"))
      yield* store.append(session, [said("a", "new")])
      assert.deepStrictEqual(yield* texts(store, grandchild), ["a"])
    }))

  test("forks and rewinds of what is unknown are not found", (store, session) =>
    Effect.gen(function* () {
      const notFound = ["NotFound", session]
      assert.deepStrictEqual(yield* reasonOf(store.fork(session)), notFound)
      assert.deepStrictEqual(yield* reasonOf(store.fork(session, at("a"))), notFound)
      assert.deepStrictEqual(yield* reasonOf(store.rewind(session, at("a"))), notFound)
      yield* store.append(session, [said("a"), said("b")])
      const child = yield* store.fork(session, at("a"))
      yield* store.append(child, [said("c")])
      for (const unknown of ["c", "d"]) {
        assert.deepStrictEqual(yield* reasonOf(store.fork(session, at(unknown))), notFound)
        assert.deepStrictEqual(yield* reasonOf(store.rewind(session, at(unknown))), notFound)
      }
      assert.deepStrictEqual(yield* reasonOf(store.rewind(child, at("b"))), ["NotFound", child])
      assert.deepStrictEqual(yield* ids(store, session), ["a", "b"])
    }))
}

export const rewinding = (test: Test): void => {
  test("a rewind lets the conversation go on from an entry", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b"), said("c")])
      yield* store.read(session)
      yield* store.rewind(session, at("b"))
      assert.deepStrictEqual(yield* labels(store, session), ["a", "b", "rewind b"])
      const { position } = yield* store.read(session)
      yield* store.append(session, [answered("d")], { after: position })
      assert.deepStrictEqual(yield* labels(store, session), ["a", "b", "rewind b", "d"])
      assert.deepStrictEqual(yield* texts(store, session), ["ab", "d"])
      yield* store.rewind(session, at("a"))
      yield* store.rewind(session, at("a"))
      assert.deepStrictEqual(yield* texts(store, session), ["a"])
      assert.strictEqual((yield* labels(store, session))[0], "a")
    }))

  test("a rewind can be taken back", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), answered("b"), said("c"), answered("d")])
      yield* store.rewind(session, at("b"))
      yield* store.append(session, [said("e"), answered("f")])
      assert.deepStrictEqual(yield* texts(store, session), ["a", "b", "e", "f"])
      yield* store.rewind(session, at("d"))
      assert.deepStrictEqual(yield* texts(store, session), ["a", "b", "c", "d"])
      yield* store.rewind(session, at("f"))
      assert.deepStrictEqual(yield* texts(store, session), ["a", "b", "e", "f"])
      yield* store.append(session, [said("g")])
      assert.deepStrictEqual(yield* texts(store, session), ["a", "b", "e", "f", "g"])
    }))

  test("a fork may begin on a branch that was left", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), answered("b"), said("c")])
      yield* store.rewind(session, at("a"))
      yield* store.append(session, [answered("d")])
      const child = yield* store.fork(session, at("b"))
      assert.deepStrictEqual(yield* labels(store, child), ["a", "b", "fork b"])
      assert.deepStrictEqual(yield* texts(store, session), ["a", "d"])
    }))

  test("HIST-2 going back to a branch that was left keeps calls and results together", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), called("b", ["x"]), results("c", ["x"]), answered("d")])
      yield* store.rewind(session, at("a"))
      yield* store.append(session, [said("e")])
      yield* store.rewind(session, at("b"))
      assert.deepStrictEqual(yield* shapes(store, session), ["user text", "assistant tool-call", "tool ok"])
    }))

  test("an id that was left behind may be used again", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b", "first")])
      yield* store.rewind(session, at("a"))
      yield* store.append(session, [said("b", "second")])
      assert.deepStrictEqual(yield* texts(store, session), ["asecond"])
      assert.deepStrictEqual(yield* store.entry(session, at("b")), said("b", "second"))
    }))

  test("a rewind to the end leaves nothing out", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b")])
      yield* store.rewind(session, at("b"))
      assert.deepStrictEqual(yield* labels(store, session), ["a", "b", "rewind b"])
      const [last] = (yield* store.entries(session)).slice(-1)
      if (last === undefined) return assert.fail("a rewind writes a marker")
      yield* store.append(session, [said("c")])
      yield* store.rewind(session, last.id)
      assert.deepStrictEqual(yield* labels(store, session), ["a", "b", "rewind b", `rewind ${last.id}`])
    }))
}

/** The tree as one reads it: each branch below the place in the list where its parent is. */
const tree = (store: Store, session: SessionId) =>
  Effect.map(store.branches(session), (all) =>
    all.map(({ entries, id, isCurrent, last, parent, preview, session }: Branch) => {
      assert.isNotEmpty(id)
      assert.strictEqual(last === undefined, entries === 0)
      return {
        ...{ session, entries, preview, isCurrent },
        parent: parent && [all.findIndex((branch) => branch.id === parent.branch), parent.entry]
      }
    })
  )

export const branches = (test: Test): void => {
  test("a session that is one line is one branch", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [paid("p"), said("a", "hello"), answered("b")])
      const all = yield* store.branches(session)
      const { createdAt } = yield* store.info(session)
      assert.deepStrictEqual(
        all.map(({ id, ...rest }) => rest),
        [{ session, preview: "hello", entries: 3, last: at("b"), createdAt, isCurrent: true }]
      )
    }))

  test("the tree tells of forks and rewinds", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), answered("b"), said("c"), answered("d")])
      yield* store.rewind(session, at("b"))
      yield* store.append(session, [said("e", "another way")])
      const child = yield* store.fork(session, at("d"))
      yield* store.append(child, [said("f", "further")])
      yield* store.append(fresh(), [said("a", "no relation")])
      const all = [
        { session, entries: 4, preview: "a", isCurrent: false, parent: undefined },
        { session, entries: 2, preview: "another way", isCurrent: true, parent: [0, at("b")] },
        { session: child, entries: 2, preview: "further", isCurrent: true, parent: [0, at("d")] }
      ]
      assert.deepStrictEqual(yield* tree(store, session), all)
      assert.deepStrictEqual(yield* tree(store, child), all)
    }))

  test("the last entry of a branch leads back to it", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b")])
      yield* store.rewind(session, at("a"))
      yield* store.append(session, [said("c")])
      yield* store.rewind(session, at("a"))
      for (const { last } of yield* store.branches(session)) {
        if (last === undefined) return assert.fail("every branch has entries")
        const before = yield* labels(store, session)
        yield* store.rewind(session, last)
        assert.notDeepEqual(yield* labels(store, session), before)
        assert.deepStrictEqual((yield* ids(store, session)).slice(-2, -1), [last])
      }
      const all = yield* store.branches(session)
      assert.deepStrictEqual([all.length, all.filter(({ isCurrent }) => isCurrent).length], [6, 1])
    }))

  test("a branch is without its parent when that is gone", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b")])
      const child = yield* store.fork(session)
      const grandchild = yield* store.fork(child)
      yield* store.append(grandchild, [said("c")])
      yield* store.remove(session)
      const left = [
        { session: child, entries: 1, preview: "", isCurrent: true, parent: undefined },
        { session: grandchild, entries: 2, preview: "c", isCurrent: true }
      ]
      const found = yield* tree(store, grandchild)
      assert.deepStrictEqual(
        found.map(({ parent, ...rest }) => rest),
        left.map(({ parent, ...rest }) => rest)
      )
      assert.deepStrictEqual([found[0]?.parent, found[1]?.parent?.[0]], [undefined, 0])
      assert.deepStrictEqual(yield* store.branches(session), [])
      yield* store.clear(child)
      assert.deepStrictEqual(yield* tree(store, grandchild), [
        { session: grandchild, entries: 2, preview: "c", isCurrent: true, parent: undefined }
      ])
    }))
}

export const erasing = (test: Test): void => {
  test("a cleared session is empty and stays", (store, session, mine) =>
    Effect.gen(function* () {
      yield* store.clear(session)
      assert.deepStrictEqual(yield* store.list(mine), { sessions: [] })
      yield* store.append(session, [said("a"), said("b")], mine)
      yield* store.rewind(session, at("a"))
      yield* store.read(session)
      yield* store.clear(session)
      const { position, ...window } = yield* store.read(session)
      assert.deepStrictEqual(window, { messages: [] })
      assert.deepStrictEqual([yield* store.entries(session), yield* store.live(session)], [[], []])
      for (const id of ["a", "b"]) {
        assert.deepStrictEqual(yield* reasonOf(store.rewind(session, at(id))), ["NotFound", session])
        assert.deepStrictEqual(yield* reasonOf(store.entry(session, at(id))), ["NotFound", session])
      }
      const { sessions } = yield* store.list(mine)
      assert.deepStrictEqual(
        sessions.map((info) => [info.id, info.preview, info.entries]),
        [[session, "", 0]]
      )
      assert.deepStrictEqual(
        (yield* store.branches(session)).map(({ entries, isCurrent, last }) => [entries, isCurrent, last]),
        [[0, true, undefined]]
      )
      assert.strictEqual(yield* store.append(session, [said("a")], { after: position }), position + 1)
    }))

  test("clearing keeps what forks share", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b")])
      const child = yield* store.fork(session)
      yield* store.clear(session)
      yield* store.append(session, [said("a", "new")])
      assert.deepStrictEqual([yield* texts(store, session), yield* texts(store, child)], [["new"], ["ab"]])
    }))

  test("a removed session is gone, and its id is free", (store, session, mine) =>
    Effect.gen(function* () {
      yield* store.remove(session)
      yield* store.append(session, [said("a", "old"), said("b")], mine)
      yield* store.update(session, { title: "title", labels: ["label"] })
      yield* store.read(session)
      yield* store.remove(session)
      assert.deepStrictEqual(yield* store.list(mine), { sessions: [] })
      assert.deepStrictEqual([yield* store.entries(session), yield* store.branches(session)], [[], []])
      assert.deepStrictEqual(yield* store.read(session), { messages: [], position: 0 })
      for (const asked of [store.info(session), store.update(session, {}), store.entry(session, at("a"))]) {
        assert.deepStrictEqual(yield* reasonOf(asked), ["NotFound", session])
      }
      assert.strictEqual(yield* store.append(session, [said("a", "new"), paid("b")], { after: 0 }), 2)
      assert.deepStrictEqual(yield* texts(store, session), ["new"])
      const info = yield* store.info(session)
      assert.deepStrictEqual([info.title, info.labels], [undefined, []])
    }))
}
