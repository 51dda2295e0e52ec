/**
 * The tests of context stores that are about what a model may see: repair, compaction and measures.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { SessionId } from "../../domain/Ids.ts"
import * as Message from "../../domain/Message.ts"
import { everything } from "./contextStoreAppending.ts"
import type { Store, Test } from "./contextStoreFixtures.ts"
import {
  answered,
  at,
  called,
  compacted,
  counted,
  entryOf,
  ids,
  labels,
  paid,
  queued,
  reasonOf,
  restored,
  results,
  resumed,
  said,
  shapes,
  suspended,
  taken,
  texts
} from "./contextStoreFixtures.ts"

export const reading = (test: Test): void => {
  test("an unknown session reads as empty", (store, session) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* store.read(session), { messages: [], position: 0 })
      assert.deepStrictEqual([yield* store.entries(session), yield* store.live(session)], [[], []])
      assert.deepStrictEqual(yield* store.branches(session), [])
      for (const asked of [store.info(session), store.entry(session, at("a")), store.update(session, {})]) {
        assert.deepStrictEqual(yield* reasonOf(asked), ["NotFound", session])
      }
      yield* store.append(session, [said("a")])
      assert.deepStrictEqual(yield* reasonOf(store.entry(session, at("b"))), ["NotFound", session])
    }))

  test("messages are read back unchanged", (store, session) =>
    Effect.gen(function* () {
      const entries = [...everything.map((message, index) => entryOf(`m${index}`, message)), paid("u")]
      yield* store.append(session, entries)
      assert.deepStrictEqual(yield* store.read(session), { messages: everything, position: entries.length })
      assert.deepStrictEqual(yield* store.live(session), entries)
    }))

  test("the position counts entries, not messages", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [paid("a"), said("b"), paid("c")])
      assert.deepStrictEqual(yield* store.read(session), { messages: [Message.user("b")], position: 3 })
    }))

  test("what waits in a session is in its window until it is taken up", (store, session) =>
    Effect.gen(function* () {
      const waits = Effect.map(store.read(session), ({ queued, suspended }) => [
        (queued ?? []).map(({ id }): string => id).join(" "),
        suspended?.id ?? ""
      ])
      yield* store.append(session, [said("a"), called("b", ["c"]), suspended("s", "c"), queued("p"), queued("q")])
      assert.deepStrictEqual(yield* waits, ["p q", "s"])
      const fork = yield* store.fork(session)
      yield* store.append(session, [resumed("r")])
      assert.deepStrictEqual(yield* waits, ["p q", ""])
      yield* store.append(session, [results("d", ["c"]), taken("t", "p")])
      assert.deepStrictEqual(yield* waits, ["q", ""])
      yield* store.append(session, [compacted("k", "t"), taken("u", "q")])
      assert.deepStrictEqual(yield* waits, ["", ""])
      // Words wait for one run, and so not in a fork; a question can be answered in each.
      const other = yield* store.read(fork)
      assert.deepStrictEqual([other.queued, other.suspended?.id], [undefined, at("s")])
      // Going back to where the calls waited takes their results along.
      yield* store.rewind(session, at("p"))
      assert.deepStrictEqual(yield* waits, ["", ""])
    }))

  test("AM-20 each read shows what there is, and stays as it was", (store, session) =>
    Effect.gen(function* () {
      const before = yield* store.read(session)
      yield* store.append(session, [said("a"), answered("b")])
      const [exchange, entries, live] = [
        yield* store.read(session),
        yield* store.entries(session),
        yield* store.live(session)
      ]
      yield* store.append(session, [said("c"), answered("d")])
      const updated = yield* store.read(session)
      yield* store.clear(session)
      assert.deepStrictEqual(
        [before, exchange, updated, yield* store.read(session)].map(({ messages }) => messages.length),
        [0, 2, 4, 0]
      )
      assert.deepStrictEqual([entries.length, live.length, exchange.position], [2, 2, 2])
    }))

  test("HIST-1 TR-1 an unanswered call reads as interrupted", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), called("b", ["c"])])
      const asked = ["user text", "assistant tool-call"]
      assert.deepStrictEqual(yield* shapes(store, session), [...asked, "tool interrupted"])
      yield* store.append(session, [results("d", ["c"])])
      assert.deepStrictEqual(yield* shapes(store, session), [...asked, "tool ok"])
    }))
}

/** What the log has, what a model sees, and which compaction is in force. */
const seen = (store: Store, session: SessionId) =>
  Effect.gen(function* () {
    const { compaction } = yield* store.read(session)
    const live = yield* store.live(session)
    return { live: live.map(({ id }): string => id), texts: yield* texts(store, session), compaction }
  })

const talk = [said("a"), answered("b"), said("c"), answered("d"), said("e")]

export const compacting = (test: Test): void => {
  test("TR-23 a compaction stands for what it covers, and for nothing else", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, talk)
      yield* store.read(session)
      yield* store.append(session, [compacted("C", "b"), answered("f")])
      const now = { live: ["c", "d", "e", "C", "f"], texts: ["Cc", "d", "e", "f"], compaction: at("C") }
      assert.deepStrictEqual(yield* seen(store, session), now)
      assert.deepStrictEqual(yield* ids(store, session), ["a", "b", "c", "d", "e", "C", "f"])
      yield* store.append(session, [said("g")])
      assert.deepStrictEqual(yield* texts(store, session), ["Cc", "d", "e", "f", "g"])
    }))

  test("a compaction may stand for everything, and by nothing", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [...talk, { ...compacted("C", "e"), messages: [] }])
      assert.deepStrictEqual(yield* seen(store, session), { live: ["C"], texts: [], compaction: at("C") })
      yield* store.append(session, [said("f")])
      assert.deepStrictEqual(yield* seen(store, session), { live: ["C", "f"], texts: ["f"], compaction: at("C") })
    }))

  test("a repeated compaction stands in the place of the one before", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [...talk, compacted("C", "b"), answered("f")])
      yield* store.append(session, [compacted("D", "d"), said("g")])
      assert.deepStrictEqual(yield* seen(store, session), {
        live: ["e", "C", "f", "D", "g"],
        texts: ["De", "f", "g"],
        compaction: at("D")
      })
      yield* store.append(session, [compacted("E", "D")])
      assert.deepStrictEqual(yield* texts(store, session), ["Eg"])
    }))

  test("a restored compaction gives way to the one before it", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [...talk, compacted("C", "b"), answered("f"), compacted("D", "d"), said("g")])
      yield* store.append(session, [restored("R")])
      assert.deepStrictEqual(yield* seen(store, session), {
        live: ["c", "d", "e", "C", "f", "D", "g", "R"],
        texts: ["Cc", "d", "e", "f", "g"],
        compaction: at("C")
      })
      yield* store.append(session, [restored("S")])
      assert.deepStrictEqual(yield* texts(store, session), ["a", "b", "c", "d", "e", "f", "g"])
      assert.deepStrictEqual(yield* store.live(session), yield* store.entries(session))
      yield* store.append(session, [restored("T"), compacted("E", "f")])
      assert.deepStrictEqual(yield* texts(store, session), ["Eg"])
    }))

  test("a compaction stands for nothing that is not before it", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [...talk, compacted("C", "later"), answered("f")])
      const whole = ["Ca", "b", "c", "d", "e", "f"]
      assert.deepStrictEqual(yield* texts(store, session), whole)
      yield* store.append(session, [said("later")])
      assert.deepStrictEqual(yield* texts(store, session), [...whole, "later"])
      yield* store.append(session, [compacted("D", "D")])
      assert.deepStrictEqual(yield* texts(store, session), ["Da", ...whole.slice(1), "later"])
      assert.deepStrictEqual(yield* store.live(session), yield* store.entries(session))
    }))

  test("a rewind to before a compaction is as if it had not been", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [...talk, compacted("C", "b"), answered("f"), compacted("D", "d")])
      yield* store.rewind(session, at("f"))
      assert.deepStrictEqual(yield* texts(store, session), ["Cc", "d", "e", "f"])
      yield* store.rewind(session, at("d"))
      assert.deepStrictEqual(yield* texts(store, session), ["a", "b", "c", "d"])
      assert.isUndefined((yield* store.read(session)).compaction)
      yield* store.rewind(session, at("D"))
      assert.deepStrictEqual(yield* texts(store, session), ["De", "f"])
      yield* store.append(session, [said("g")])
      assert.deepStrictEqual(yield* texts(store, session), ["De", "f", "g"])
    }))

  test("a fork has the compactions before its cut", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [...talk, compacted("C", "b"), answered("f"), compacted("D", "d"), said("g")])
      const [whole, between, before, covered] = [
        yield* store.fork(session),
        yield* store.fork(session, at("f")),
        yield* store.fork(session, at("e")),
        yield* store.fork(session, at("a"))
      ]
      assert.deepStrictEqual(yield* texts(store, whole), ["De", "f", "g"])
      assert.deepStrictEqual(yield* texts(store, between), ["Cc", "d", "e", "f"])
      assert.deepStrictEqual(yield* texts(store, before), ["a", "b", "c", "d", "e"])
      assert.deepStrictEqual(yield* texts(store, covered), ["a"])
      yield* store.append(whole, [restored("R")])
      assert.deepStrictEqual(yield* texts(store, whole), ["Cc", "d", "e", "f", "g"])
      assert.deepStrictEqual(yield* texts(store, session), ["De", "f", "g"])
      yield* store.append(covered, [compacted("E", "a"), said("h")])
      assert.deepStrictEqual(yield* texts(store, covered), ["Eh"])
      yield* store.remove(session)
      assert.deepStrictEqual(yield* texts(store, between), ["Cc", "d", "e", "f"])
      assert.strictEqual((yield* labels(store, between))[0], "a")
    }))

  test("a compaction holds from one reader to the next", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [...talk, compacted("C", "b")])
      for (let index = 0; index < 30; index++) {
        yield* store.append(session, [index % 2 === 0 ? answered(`${index}`) : said(`${index}`)])
        const { compaction, messages } = yield* store.read(session)
        assert.deepStrictEqual([compaction, messages.length], [at("C"), 4 + index])
      }
    }))
}

export const measuring = (test: Test): void => {
  const measured = (store: Store, session: SessionId) =>
    Effect.map(
      store.read(session),
      ({ measured }) => measured && [measured.tokens, measured.added.map((message) => Message.toText(message)).join()]
    )

  test("the last response is the measure, with what came since", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a")])
      assert.isFalse("measured" in (yield* store.read(session)))
      yield* store.append(session, [answered("b"), counted("u", 100, 10)])
      assert.deepStrictEqual(yield* measured(store, session), [110, ""])
      yield* store.append(session, [said("c"), said("d")])
      assert.deepStrictEqual(yield* measured(store, session), [110, "c,d"])
      yield* store.append(session, [counted("v", 120, 5), said("e")])
      assert.deepStrictEqual(yield* measured(store, session), [125, "e"])
    }))

  test("an estimate and a summary's cost are no measures", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), paid("p"), counted("s", 900, 90, "compaction")])
      assert.isUndefined(yield* measured(store, session))
      yield* store.append(session, [counted("u", 100, 10), said("b")])
      yield* store.append(session, [paid("q"), counted("t", 900, 90, "compaction"), said("c")])
      assert.deepStrictEqual(yield* measured(store, session), [110, "b,c"])
    }))

  test("TR-23 what was measured before a compaction or its restoring is stale", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [...talk, counted("u", 100, 10), compacted("C", "b")])
      assert.isUndefined(yield* measured(store, session))
      yield* store.append(session, [answered("f"), counted("v", 50, 5), said("g")])
      assert.deepStrictEqual(yield* measured(store, session), [55, "g"])
      yield* store.append(session, [restored("R")])
      assert.isUndefined(yield* measured(store, session))
      yield* store.append(session, [answered("h"), counted("w", 150, 5)])
      assert.deepStrictEqual(yield* measured(store, session), [155, ""])
    }))

  test("AX-34 a rewind and a fork are measured by the responses they keep", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), answered("b"), counted("u", 100, 10), said("c"), answered("d")])
      yield* store.append(session, [counted("v", 120, 12)])
      const child = yield* store.fork(session, at("c"))
      assert.deepStrictEqual(yield* measured(store, child), [110, "c"])
      yield* store.rewind(session, at("d"))
      assert.deepStrictEqual(yield* measured(store, session), [110, "c,d"])
      yield* store.rewind(session, at("v"))
      assert.deepStrictEqual(yield* measured(store, session), [132, ""])
      yield* store.rewind(session, at("a"))
      assert.isUndefined(yield* measured(store, session))
    }))
}
