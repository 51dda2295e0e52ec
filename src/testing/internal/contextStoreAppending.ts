/**
 * The tests of context stores that are about writing: order, positions, repeats and conflicts.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Entry } from "../../domain/Entry.ts"
import { CallId, EntryId, RunId, SessionId } from "../../domain/Ids.ts"
import * as Message from "../../domain/Message.ts"
import * as Part from "../../domain/Part.ts"
import type { Test } from "./contextStoreFixtures.ts"
import { at, compacted, entryOf, fresh, ids, paid, reasonOf, restored, said } from "./contextStoreFixtures.ts"

/** Every kind of part, with everything it may carry. */
export const everything: ReadonlyArray<Message.Message> = [
  Message.system("be kind"),
  { ...Message.user([Part.text("look: \u{1f600} \u0000 \"'\n"), Part.file("image/png", { base64: "AAAA" }, "a.png")]) },
  {
    role: "assistant",
    parts: [
      { type: "reasoning", text: "", meta: { vendor: { signature: "c2ln", nested: [1, null, { a: true }] } } },
      Part.text(""),
      { type: "tool-call", id: "call", name: "search", input: '{"broken', wireId: "toolu", meta: { vendor: 1 } },
      { type: "tool-call", id: "theirs", name: "web", input: "{}", transportExecuted: true },
      { type: "tool-result", id: "theirs", name: "web", outcome: "ok", content: [], transportExecuted: true },
      { type: "source", url: "https://example.com", title: "Example" }
    ],
    meta: { vendor: { id: "resp" } }
  },
  Message.tool([
    {
      type: "tool-result",
      id: "call",
      name: "search",
      outcome: "timed-out",
      wireId: "toolu",
      content: [Part.text("x"), Part.file("text/plain", { text: "y" }), { type: "json", value: { a: [1, null] } }]
    }
  ]),
  Message.user([Part.file("image/png", { url: "https://example.com/a.png" })])
]

const about = (id: string) => ({ id: EntryId.make(id), at: 1.25, run: RunId.make("run"), turn: 3 })

/** Every other kind of entry, with and without what it may carry. */
const kinds: ReadonlyArray<Entry> = [
  paid("usage"),
  {
    _tag: "Usage",
    ...about("summary cost"),
    model: "model",
    usage: {
      inputTokens: { total: 9, uncached: 2, cacheRead: 3, cacheWrite: 4 },
      outputTokens: { total: 5, text: 4, reasoning: 1 },
      estimated: false
    },
    purpose: "compaction"
  },
  { _tag: "Decision", ...about("yes"), call: CallId.make("call"), tool: "pay", approved: true },
  {
    _tag: "Decision",
    ...about("no"),
    call: CallId.make("call"),
    tool: "pay",
    approved: false,
    reason: "too much \u0000"
  },
  { _tag: "Artifact", ...about("artifact"), call: CallId.make("call"), tool: "search", text: "x".repeat(100_000) },
  { _tag: "Artifact", id: EntryId.make("bare artifact"), at: 0, text: "" },
  { _tag: "Marker", ...about("fork"), marker: { type: "fork", session: SessionId.make("s"), to: EntryId.make("e") } },
  { _tag: "Marker", ...about("rewind"), marker: { type: "rewind", to: EntryId.make("e") } },
  {
    ...compacted("compaction", "usage"),
    ...about("compaction"),
    messages: everything,
    tokensBefore: 9,
    tokensAfter: 3
  },
  { ...compacted("empty compaction", "usage"), messages: [], reason: "overflow", dropped: 0 },
  restored("restore")
]

export const appending = (test: Test): void => {
  test("append keeps the order and answers the position", (store, session) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* store.append(session, [said("a"), said("b")]), 2)
      assert.strictEqual(yield* store.append(session, [paid("c")]), 3)
      assert.deepStrictEqual(yield* store.entries(session), [said("a"), said("b"), paid("c")])
    }))

  test("every kind of entry is read back unchanged", (store, session) =>
    Effect.gen(function* () {
      const entries = [...everything.map((message, index) => entryOf(`m${index}`, message)), ...kinds]
      yield* store.append(session, entries)
      assert.deepStrictEqual(yield* store.entries(session), entries)
      for (const entry of entries) assert.deepStrictEqual(yield* store.entry(session, entry.id), entry)
    }))

  test("an empty append changes nothing", (store, session, mine) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* store.append(session, [], mine), 0)
      assert.deepStrictEqual(yield* store.list(mine), { sessions: [] })
      yield* store.append(session, [said("a")])
      assert.strictEqual(yield* store.append(session, [], { after: 1 }), 1)
    }))

  test("a repeated append is stored once, whatever it expects", (store, session) =>
    Effect.gen(function* () {
      const entries = [said("a"), said("b")]
      assert.strictEqual(yield* store.append(session, entries, { after: 0 }), 2)
      assert.strictEqual(yield* store.append(session, entries, { after: 0 }), 2)
      assert.strictEqual(yield* store.append(session, [said("b"), said("c"), said("c")], { after: 2 }), 3)
      assert.deepStrictEqual(yield* ids(store, session), ["a", "b", "c"])
    }))

  test("AG-08 a known id with other content changes nothing", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a", "first")])
      yield* store.append(session, [said("a", "second")])
      assert.deepStrictEqual(yield* store.entries(session), [said("a", "first")])
    }))

  test("ids of one session mean nothing to another", (store, session) =>
    Effect.gen(function* () {
      const other = fresh()
      yield* store.append(session, [said("a", "here")])
      yield* store.append(other, [said("a", "there")])
      assert.deepStrictEqual(yield* store.entries(session), [said("a", "here")])
      assert.deepStrictEqual(yield* store.entries(other), [said("a", "there")])
    }))

  test("TR-29 what is acknowledged is in the next read", (store, session) =>
    Effect.gen(function* () {
      for (let index = 0; index < 20; index++) {
        const position = yield* store.append(session, [said(`${index}`)], { after: index })
        const window = yield* store.read(session)
        assert.deepStrictEqual([position, window.position], [index + 1, index + 1])
        assert.strictEqual(window.messages[0]?.parts.length, index + 1)
      }
    }))

  test("TR-29 appends of many fibers stay whole", (store, session) =>
    Effect.gen(function* () {
      const batches = Array.from({ length: 20 }, (_, batch) => [0, 1, 2].map((index) => `${batch}.${index}`))
      const append = (batch: ReadonlyArray<string>) =>
        store.append(
          session,
          batch.map((id) => said(id))
        )
      yield* Effect.forEach(batches, append, { concurrency: "unbounded" })
      const stored = yield* ids(store, session)
      assert.strictEqual(stored.length, 60)
      const found = Array.from({ length: 20 }, (_, index) => stored.slice(3 * index, 3 * index + 3).join())
      assert.deepStrictEqual(found.sort(), batches.map((batch) => batch.join()).sort())
    }))

  test("an interrupted append is there whole or not at all", (store, session) =>
    Effect.gen(function* () {
      for (let round = 0; round < 20; round++) {
        const batch = [0, 1, 2].map((index) => said(`${round}.${index}`))
        const fiber = yield* Effect.fork(store.append(session, batch))
        for (let steps = 0; steps < round; steps++) yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        const stored = (yield* ids(store, session)).filter((id) => id.startsWith(`${round}.`))
        assert.include(["", batch.map(({ id }) => id).join()], stored.join())
      }
      const stored = yield* ids(store, session)
      assert.strictEqual((yield* store.read(session)).position, stored.length)
    }))

  test("a session of 2,000 entries is as good as a short one", (store, session) =>
    Effect.gen(function* () {
      const entries = Array.from({ length: 2000 }, (_, index) =>
        index % 2 === 0 ? said(`${index}`) : entryOf(`${index}`, Message.assistant(`${index}`))
      )
      assert.strictEqual(yield* store.append(session, entries.slice(0, 1500)), 1500)
      assert.deepStrictEqual(yield* reasonOf(store.append(session, entries, { after: 0 })), ["Conflict", session])
      assert.strictEqual(yield* store.append(session, entries.slice(1000), { after: 1500 }), 2000)
      assert.deepStrictEqual(yield* store.entries(session), entries)
      const window = yield* store.read(session)
      assert.strictEqual(window.position, 2000)
      assert.deepStrictEqual(
        window.messages.map((message) => Message.toText(message)),
        entries.map(({ id }): string => id)
      )
      const child = yield* store.fork(session, at("999"))
      assert.deepStrictEqual(
        (yield* ids(store, child)).slice(0, -1),
        yield* Effect.map(ids(store, session), (all) => all.slice(0, 1000))
      )
    }))

  test("every id names a session of its own", (store) =>
    Effect.gen(function* () {
      const names = [
        "'; DROP TABLE x; --",
        "a/../b",
        "__proto__",
        "%",
        "\u00e9",
        "e\u0301",
        "\u{1f600}",
        " ",
        "x".repeat(200)
      ]
      const odd = names.map((name) => SessionId.make(`${name}${fresh()}`))
      const upper = odd.map((session) => SessionId.make(session.toUpperCase()))
      const all = [...odd, ...upper.filter((session) => !odd.includes(session))]
      yield* Effect.forEach(all, (session, index) => store.append(session, [said(`${index}`)]))
      assert.deepStrictEqual(
        yield* Effect.forEach(all, (session) => ids(store, session)),
        all.map((_, index) => [`${index}`])
      )
    }))
}

export const conflicts = (test: Test): void => {
  test("AG-08 an append after a position that is taken changes nothing", (store, session) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reasonOf(store.append(session, [said("a")], { after: 1 })), ["Conflict", session])
      yield* store.append(session, [said("a")], { after: 0 })
      assert.deepStrictEqual(yield* reasonOf(store.append(session, [said("b")], { after: 0 })), ["Conflict", session])
      assert.deepStrictEqual(yield* reasonOf(store.append(session, [], { after: 0 })), ["Conflict", session])
      const half = store.append(session, [said("a"), said("b")], { after: 0 })
      assert.deepStrictEqual(yield* reasonOf(half), ["Conflict", session])
      assert.deepStrictEqual(yield* ids(store, session), ["a"])
    }))

  test("of many fibers that append after one position, one wins", (store, session) =>
    Effect.gen(function* () {
      const append = (index: number) => reasonOf(store.append(session, [said(`${index}`)], { after: 0 }))
      const outcomes = yield* Effect.forEach([1, 2, 3, 4, 5], append, { concurrency: "unbounded" })
      assert.strictEqual(outcomes.filter(([tag]) => tag === "Conflict").length, 4)
      assert.strictEqual((yield* store.entries(session)).length, 1)
    }))

  test("AG-08 no position from before a rewind or a clear is ever good again", (store, session) =>
    Effect.gen(function* () {
      const seen = [0]
      const stale = Effect.suspend(() =>
        Effect.forEach(seen, (after) => reasonOf(store.append(session, [said("stale")], { after })))
      )
      const note = Effect.map(store.read(session), ({ position }) => {
        assert.isAbove(position, Math.max(...seen))
        return position
      })
      const changes = [
        store.append(session, [said("a"), said("b"), said("c")]),
        store.rewind(session, at("a")),
        store.append(session, [said("d")]),
        store.rewind(session, at("c")),
        store.clear(session),
        store.append(session, [said("a"), said("e")]),
        store.rewind(session, at("a")),
        store.clear(session)
      ]
      for (const change of changes) {
        yield* change
        const position = yield* note
        const before = yield* store.entries(session)
        for (const outcome of yield* stale) assert.deepStrictEqual(outcome, ["Conflict", session])
        assert.deepStrictEqual(yield* store.entries(session), before)
        seen.push(position)
      }
      const last = Math.max(...seen)
      assert.isAbove(yield* store.append(session, [said("z")], { after: last }), last)
    }))

  test("append and read agree on the position after every change", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b")])
      const child = yield* store.fork(session, at("a"))
      yield* store.rewind(session, at("a"))
      for (const id of [session, child]) {
        const { position } = yield* store.read(id)
        assert.strictEqual(yield* store.append(id, [], { after: position }), position)
        const next = yield* store.append(id, [said("c")], { after: position })
        assert.strictEqual((yield* store.read(id)).position, next)
        assert.strictEqual(yield* store.append(id, [said("d")], { after: next }), next + 1)
      }
    }))

  test("what leaves the log alone leaves the position alone", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b")])
      yield* store.fork(session)
      yield* store.update(session, { title: "title", labels: ["label"] })
      yield* store.append(session, [said("a")])
      assert.strictEqual(yield* store.append(session, [said("c")], { after: 2 }), 3)
    }))

  test("a session without entries is not taken for a new one", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a")])
      yield* store.clear(session)
      const child = yield* store.fork(session)
      for (const id of [session, child]) {
        assert.isAbove((yield* store.read(id)).position, 0)
        assert.deepStrictEqual(yield* reasonOf(store.append(id, [said("a")], { after: 0 })), ["Conflict", id])
      }
    }))
}
