/**
 * The tests of context stores that are about searching.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { SessionId } from "../../domain/Ids.ts"
import * as Message from "../../domain/Message.ts"
import type { Mine, Store, Test } from "./contextStoreFixtures.ts"
import { answered, at, called, compacted, entryOf, fresh, reasonOf, results, said } from "./contextStoreFixtures.ts"

const found = (store: Store, text: string, mine: Mine) =>
  Effect.map(store.search(text, mine), ({ hits }) =>
    hits
      .map(({ entry }): string => entry)
      .sort()
      .join()
  )

export const searching = (test: Test): void => {
  /** Texts, and queries with the texts that they find, by their place. */
  const cases: ReadonlyArray<
    readonly [title: string, texts: ReadonlyArray<string>, finds: Readonly<Record<string, string>>]
  > = [
    [
      "case and accents make no difference",
      ["Der Käse schmeckt", "CAFÉ crème", "cafe\u0301", "Ångström, naïveté"],
      { kase: "0", KÄSE: "0", cafe: "1,2", CAFÉ: "1,2", "creme café": "1", angstrom: "3", "naivete\u0301": "3" }
    ],
    [
      "words are found by their beginnings, in any order",
      ["rain in Rotterdam", "the train to Rome", "no weather, nowhere"],
      { rain: "0", rott: "0", ro: "0,1", "rome train": "1", "ro ra": "0", ain: "", "rain rome": "", nowhereland: "" }
    ],
    [
      "every word has to be there",
      ["red apples", "green apples", "red and green apples"],
      { "red apples": "0,2", "red green": "2", "green red apples": "2", "red green blue": "" }
    ],
    [
      "numbers, punctuation and symbols are no obstacle",
      ["invoice #4711: paid (twice)!", "e-mail to jo@example.com", "100% sure -- 'quoted' \"text\" AND OR NOT"],
      {
        4711: "0",
        "#47": "0",
        "e-mail": "1",
        "jo@example.com": "1",
        "100%": "2",
        'quoted"': "2",
        "and or not": "2",
        "NEAR(": ""
      }
    ],
    [
      "scripts without spaces are found by their characters in order",
      ["東京都に行きました", "京都の東", "สวัสดีครับ", "서울에서 만나요", "カフェで"],
      {
        東京: "0",
        京都: "0,1",
        東都: "",
        "京都 東京": "0",
        行きました: "0",
        สวัสดี: "2",
        서울: "3",
        カフェ: "4",
        都東: ""
      }
    ],
    [
      "other scripts are words as well",
      ["Привет, мир", "مرحبا بالعالم", "Γειά σου Κόσμε", "नमस्ते दुनिया", "\u{1f600} smile"],
      { привет: "0", МИР: "0", مرحبا: "1", κοσμε: "2", नमस्ते: "3", smile: "4" }
    ],
    [
      "what has no words finds nothing",
      ["anything at all", "!!! ???"],
      { "": "", "   ": "", "!!!": "", "* \" ' ( )": "", "\u{1f600}": "" }
    ]
  ]
  for (const [title, texts, finds] of cases) {
    test(`a search: ${title}`, (store, session, mine) =>
      Effect.gen(function* () {
        yield* store.append(
          session,
          texts.map((text, index) => (index % 2 === 0 ? said : answered)(`${index}`, text)),
          mine
        )
        const actual: Record<string, string> = {}
        for (const query of Object.keys(finds)) actual[query] = yield* found(store, query, mine)
        assert.deepStrictEqual(actual, finds)
      }))
  }

  test("a hit tells where it was said, by whom and when", (store, session, mine) =>
    Effect.gen(function* () {
      yield* store.append(
        session,
        [said("a", "a  question\n about  harbours", 100), answered("b", "Harbour!", 200)],
        mine
      )
      yield* store.update(session, { title: "Ports" })
      const info = yield* store.info(session)
      assert.deepStrictEqual(yield* store.search("harbour", mine), {
        hits: [
          { session: info, entry: at("b"), role: "assistant", at: 200, excerpt: "Harbour!" },
          { session: info, entry: at("a"), role: "user", at: 100, excerpt: "a question about harbours" }
        ]
      })
    }))

  test("an excerpt is short and has the word", (store, session, mine) =>
    Effect.gen(function* () {
      const far = `${"\u{1f600} starting partial ".repeat(40)}ärtisan ${"and so on \u{1f600}".repeat(40)}`
      yield* store.append(session, [said("a", far), said("b", `art ${far}`)], mine)
      const { hits } = yield* store.search("art", mine)
      assert.strictEqual(hits.length, 2)
      for (const { entry, excerpt } of hits) {
        assert.isAtMost(excerpt.length, 160)
        assert.include(excerpt, entry === "a" ? "ärtisan" : "art ")
        assert.notMatch(excerpt, /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/)
      }
    }))

  test("only texts of users and assistants are found", (store, session, mine) =>
    Effect.gen(function* () {
      yield* store.append(
        session,
        [
          entryOf("s", Message.system("needle")),
          { ...called("c", ["needle"]) },
          results("r", ["needle"]),
          entryOf("t", Message.assistant([{ type: "reasoning", text: "needle" }])),
          { _tag: "Artifact", id: at("x"), at: 1, text: "needle" },
          compacted("C", "s", "needle"),
          said("a", "needle")
        ],
        mine
      )
      assert.strictEqual(yield* found(store, "needle", mine), "a")
    }))

  test("what a compaction covers is still found", (store, session, mine) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a", "needle"), said("b"), compacted("C", "b", "summary"), said("c")], mine)
      assert.strictEqual(yield* found(store, "needle", mine), "a")
    }))

  test("what was appended after a search is found by the next", (store, session, mine) =>
    Effect.gen(function* () {
      for (const id of ["a", "b", "c"]) {
        yield* store.append(session, [said(id, `needle ${id}`)], mine)
        assert.strictEqual((yield* store.search("needle", mine)).hits.length, id.charCodeAt(0) - 96)
      }
    }))

  test("branches that were left are not searched", (store, session, mine) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a", "needle one"), said("b", "needle two")], mine)
      assert.strictEqual(yield* found(store, "needle", mine), "a,b")
      yield* store.rewind(session, at("a"))
      yield* store.append(session, [said("c", "needle three")])
      assert.strictEqual(yield* found(store, "needle", mine), "a,c")
      yield* store.rewind(session, at("b"))
      assert.strictEqual(yield* found(store, "needle", mine), "a,b")
    }))

  test("a fork is found with what it shares, and alone when its origin is gone", (store, session, mine) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a", "needle"), said("b", "needle too")], mine)
      const child = yield* store.fork(session, at("a"))
      const where = Effect.map(store.search("needle", mine), ({ hits }) =>
        hits.map(({ entry, session: { id } }) => `${entry} ${id}`).sort()
      )
      assert.deepStrictEqual(yield* where, [`a ${session}`, `b ${session}`, `a ${child}`].sort())
      yield* store.remove(session)
      assert.deepStrictEqual(yield* where, [`a ${child}`])
    }))

  test("what is cleared, removed or pruned is not found any more", (store, _, mine) =>
    Effect.gen(function* () {
      const [cleared, removed] = [fresh(), fresh()]
      for (const id of [cleared, removed]) yield* store.append(id, [said("a", "needle")], mine)
      assert.strictEqual(yield* found(store, "needle", mine), "a,a")
      yield* store.clear(cleared)
      yield* store.remove(removed)
      assert.deepStrictEqual(yield* store.search("needle", mine), { hits: [] })
      yield* store.append(cleared, [said("a", "needle")])
      assert.strictEqual(yield* found(store, "needle", mine), "a")
      yield* store.prune({ ...mine, before: Number.MAX_SAFE_INTEGER })
      assert.deepStrictEqual(yield* store.search("needle", mine), { hits: [] })
    }))

  test("pages of hits follow each other, latest first", (store, session, mine) =>
    Effect.gen(function* () {
      const other = fresh()
      const entries = Array.from({ length: 7 }, (_, index) => said(`${index}`, `needle ${index}`, 1000 + index))
      yield* store.append(
        session,
        entries.filter((_, index) => index % 2 === 0),
        mine
      )
      yield* store.append(
        other,
        entries.filter((_, index) => index % 2 === 1),
        mine
      )
      const pages: Array<string> = []
      let cursor: string | undefined
      do {
        const page = yield* store.search("needle", { ...mine, limit: 3, cursor })
        pages.push(page.hits.map(({ entry }) => entry).join(""))
        cursor = page.next
        assert.strictEqual("next" in page, cursor !== undefined)
      } while (cursor !== undefined && pages.length < 9)
      assert.deepStrictEqual(pages, ["654", "321", "0"])
      assert.deepStrictEqual(yield* reasonOf(store.search("needle", { cursor: "no cursor" })), ["NotFound", undefined])
    }))

  test("hits of one moment are on one page each, and on no other", (store, session, mine) =>
    Effect.gen(function* () {
      const some = (id: SessionId) =>
        store.append(
          id,
          Array.from({ length: 5 }, (_, index) => said(`${id} ${index}`, "needle")),
          mine
        )
      yield* some(session)
      yield* some(fresh())
      const all: Array<string> = []
      let cursor: string | undefined
      for (let page = 0; page < 5; page++) {
        const { hits, next } = yield* store.search("needle", { ...mine, limit: 2, cursor })
        all.push(...hits.map(({ entry }) => entry))
        cursor = next
      }
      assert.isUndefined(cursor)
      assert.deepStrictEqual([all.length, new Set(all).size], [10, 10])
    }))

  test("a search keeps to the sessions it is about", (store, session, mine) =>
    Effect.gen(function* () {
      const [labelled, elsewhere] = [fresh(), fresh()]
      const chat = `other ${mine.chat}`
      yield* store.append(session, [said("a", "needle")], mine)
      yield* store.append(labelled, [said("b", "needle")], mine)
      yield* store.append(elsewhere, [said("c", "needle")], { ...mine, chat })
      yield* store.update(labelled, { labels: ["work", "x"] })
      assert.strictEqual(yield* found(store, "needle", mine), "a,b")
      assert.strictEqual(yield* found(store, "needle", { ...mine, chat }), "c")
      const about = yield* store.search("needle", { ...mine, label: "work" })
      assert.deepStrictEqual(
        about.hits.map(({ entry }): string => entry),
        ["b"]
      )
      assert.deepStrictEqual((yield* store.search("needle", { ...mine, label: "wor" })).hits, [])
    }))
}
