/**
 * What every context store promises, as tests. A store is conformant when they pass; nothing here knows which one runs.
 */
import { assert, layer as withLayer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as ContextStore from "../../context/ContextStore.ts"
import { SessionId } from "../../domain/Ids.ts"
import * as Message from "../../domain/Message.ts"
import * as Part from "../../domain/Part.ts"
import type { Test } from "./contextStoreFixtures.ts"
import { at, entryOf, fresh, ids, paid, reasonOf, said } from "./contextStoreFixtures.ts"
import { listing, locking } from "./contextStoreSessions.ts"

/** Every kind of part, with everything it may carry. */
const everything: ReadonlyArray<Message.Message> = [
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

/**
 * Declares the tests of a context store.
 *
 * **Details**
 *
 * - The tests share one store, use sessions of their own, and run on the test clock.
 * - Needs `@effect/vitest`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const contextStore = <E>(name: string, layer: Layer.Layer<ContextStore.ContextStore, E>): void => {
  withLayer(layer)(`ContextStore: ${name}`, (it) => {
    const test: Test = (title, body) =>
      it.scoped(title, () => Effect.flatMap(ContextStore.ContextStore, (store) => body(store, fresh())))

    appending(test)
    reading(test)
    branching(test)
    listing(test)
    locking(test)
  })
}

const appending = (test: Test): void => {
  test("append keeps the order and answers the position", (store, session) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* store.append(session, [said("a"), said("b")]), 2)
      assert.strictEqual(yield* store.append(session, [paid("c")]), 3)
      assert.deepStrictEqual(yield* store.entries(session), [said("a"), said("b"), paid("c")])
    }))

  test("an empty append changes nothing", (store, session) =>
    Effect.gen(function* () {
      const owner = `owner of ${session}`
      assert.strictEqual(yield* store.append(session, [], { owner }), 0)
      assert.deepStrictEqual(yield* store.list({ owner }), { sessions: [] })
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

  test("a known id with other content changes nothing", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a", "first")])
      yield* store.append(session, [said("a", "second")])
      assert.deepStrictEqual(yield* store.entries(session), [said("a", "first")])
    }))

  test("an append after a stale position is a conflict and changes nothing", (store, session) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reasonOf(store.append(session, [said("a")], { after: 1 })), ["Conflict", session])
      yield* store.append(session, [said("a")], { after: 0 })
      assert.deepStrictEqual(yield* reasonOf(store.append(session, [said("b")], { after: 0 })), ["Conflict", session])
      assert.deepStrictEqual(yield* reasonOf(store.append(session, [], { after: 0 })), ["Conflict", session])
      assert.deepStrictEqual(yield* ids(store, session), ["a"])
    }))

  test("TR-29 appends of many fibers stay whole", (store, session) =>
    Effect.gen(function* () {
      const batches = Array.from({ length: 20 }, (_, batch) => [0, 1, 2].map((index) => `${batch}.${index}`))
      yield* Effect.forEach(
        batches,
        (batch) =>
          store.append(
            session,
            batch.map((id) => said(id))
          ),
        {
          concurrency: "unbounded"
        }
      )
      const stored = yield* ids(store, session)
      assert.strictEqual(stored.length, 60)
      const found = Array.from({ length: 20 }, (_, index) => stored.slice(3 * index, 3 * index + 3).join())
      assert.deepStrictEqual(found.sort(), batches.map((batch) => batch.join()).sort())
    }))

  test("of many fibers that append after one position, one wins", (store, session) =>
    Effect.gen(function* () {
      const append = (index: number) => reasonOf(store.append(session, [said(`${index}`)], { after: 0 }))
      const results = yield* Effect.forEach([1, 2, 3, 4, 5], append, { concurrency: "unbounded" })
      assert.strictEqual(results.filter(([tag]) => tag === "Conflict").length, 4)
      assert.strictEqual((yield* store.entries(session)).length, 1)
    }))
}

const reading = (test: Test): void => {
  test("an unknown session reads as empty", (store, session) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* store.read(session), { messages: [], position: 0 })
      assert.deepStrictEqual(yield* store.entries(session), [])
    }))

  test("what is stored is read back unchanged", (store, session) =>
    Effect.gen(function* () {
      const entries = [...everything.map((message, index) => entryOf(`m${index}`, message)), paid("u")]
      yield* store.append(session, entries)
      assert.deepStrictEqual(yield* store.entries(session), entries)
      assert.deepStrictEqual(yield* store.read(session), { messages: everything, position: entries.length })
    }))

  test("the position counts entries, not messages", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [paid("a"), said("b"), paid("c")])
      assert.deepStrictEqual(yield* store.read(session), { messages: [Message.user("b")], position: 3 })
    }))

  test("HIST-1 TR-1 an unanswered call reads as interrupted", (store, session) =>
    Effect.gen(function* () {
      const call: Part.ToolCall = { type: "tool-call", id: "c", name: "search", input: "{}" }
      yield* store.append(session, [said("a"), entryOf("b", Message.assistant([call]))])
      const outcomes = Effect.map(store.read(session), ({ messages }) =>
        messages.map(({ role, parts }) => [
          role,
          ...parts.map((part) => (part.type === "tool-result" ? part.outcome : part.type))
        ])
      )
      const asked = [
        ["user", "text"],
        ["assistant", "tool-call"]
      ]
      assert.deepStrictEqual(yield* outcomes, [...asked, ["tool", "interrupted"]])
      yield* store.append(session, [
        entryOf("d", Message.tool([{ type: "tool-result", id: "c", name: "search", outcome: "ok", content: [] }]))
      ])
      assert.deepStrictEqual(yield* outcomes, [...asked, ["tool", "ok"]])
    }))

  test("every id names a session of its own", (store) =>
    Effect.gen(function* () {
      const names = ["'; DROP TABLE x; --", "a/../b", "__proto__", "%", "é", "é", "\u{1f600}", " ", "x".repeat(200)]
      const odd = names.map((name) => SessionId.make(`${name}${fresh()}`))
      yield* Effect.forEach(odd, (session, index) => store.append(session, [said(`${index}`)]))
      assert.deepStrictEqual(
        yield* Effect.forEach(odd, (session) => ids(store, session)),
        odd.map((_, index) => [`${index}`])
      )
    }))
}

const branching = (test: Test): void => {
  test("a fork begins as its origin and goes its own way", (store, session) =>
    Effect.gen(function* () {
      const owner = `owner of ${session}`
      yield* store.append(session, [said("a"), paid("b"), said("c")], { owner })
      const whole = yield* store.fork(session)
      const early = yield* store.fork(session, at("b"))
      yield* store.append(session, [said("d")])
      yield* store.append(early, [said("c", "other")], { after: 2 })
      assert.deepStrictEqual(yield* store.entries(whole), [said("a"), paid("b"), said("c")])
      assert.deepStrictEqual(yield* store.entries(early), [said("a"), paid("b"), said("c", "other")])
      assert.deepStrictEqual(yield* ids(store, session), ["a", "b", "c", "d"])
      const { sessions } = yield* store.list({ owner })
      assert.deepStrictEqual(sessions.map(({ id }) => id).sort(), [session, whole, early].sort())
    }))

  test("a fork outlives its origin", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b")])
      const child = yield* store.fork(session, at("a"))
      yield* store.remove(session)
      assert.deepStrictEqual(yield* store.read(child), { messages: [Message.user("a")], position: 1 })
    }))

  test("a rewind lets the conversation go on from an entry", (store, session) =>
    Effect.gen(function* () {
      yield* store.append(session, [said("a"), said("b"), said("c")])
      yield* store.read(session)
      yield* store.rewind(session, at("b"))
      assert.strictEqual((yield* store.read(session)).position, 2)
      assert.strictEqual(yield* store.append(session, [said("d")], { after: 2 }), 3)
      assert.deepStrictEqual(yield* ids(store, session), ["a", "b", "d"])
      assert.deepStrictEqual(yield* store.read(session), {
        messages: [Message.user([Part.text("a"), Part.text("b"), Part.text("d")])],
        position: 3
      })
      yield* store.rewind(session, at("a"))
      yield* store.rewind(session, at("a"))
      assert.deepStrictEqual(yield* ids(store, session), ["a"])
    }))

  test("forks and rewinds of what is unknown are not found", (store, session) =>
    Effect.gen(function* () {
      const notFound = ["NotFound", session]
      assert.deepStrictEqual(yield* reasonOf(store.fork(session)), notFound)
      assert.deepStrictEqual(yield* reasonOf(store.rewind(session, at("a"))), notFound)
      yield* store.append(session, [said("a"), said("b")])
      yield* store.rewind(session, at("a"))
      assert.deepStrictEqual(yield* reasonOf(store.fork(session, at("b"))), notFound)
      assert.deepStrictEqual(yield* reasonOf(store.rewind(session, at("b"))), notFound)
      assert.deepStrictEqual(yield* ids(store, session), ["a"])
    }))

  test("a cleared session is empty and stays", (store, session) =>
    Effect.gen(function* () {
      const owner = `owner of ${session}`
      yield* store.clear(session)
      assert.deepStrictEqual(yield* store.list({ owner }), { sessions: [] })
      yield* store.append(session, [said("a")], { owner })
      yield* store.read(session)
      yield* store.clear(session)
      assert.deepStrictEqual(yield* store.read(session), { messages: [], position: 0 })
      const { sessions } = yield* store.list({ owner })
      assert.deepStrictEqual(
        sessions.map((info) => [info.id, info.preview, info.entries]),
        [[session, "", 0]]
      )
      assert.strictEqual(yield* store.append(session, [said("a")], { after: 0 }), 1)
    }))

  test("a removed session is gone, and its id is free", (store, session) =>
    Effect.gen(function* () {
      const owner = `owner of ${session}`
      yield* store.remove(session)
      yield* store.append(session, [said("a", "old"), said("b")], { owner })
      yield* store.read(session)
      yield* store.remove(session)
      assert.deepStrictEqual(yield* store.list({ owner }), { sessions: [] })
      assert.deepStrictEqual(yield* store.entries(session), [])
      yield* store.append(session, [said("a", "new"), paid("b")])
      assert.deepStrictEqual(yield* store.read(session), { messages: [Message.user("new")], position: 2 })
    }))
}
