import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Entry from "../../src/domain/Entry.ts"
import { CallId, EntryId, RunId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"

const about = { id: EntryId.make("e"), at: 1.5, run: RunId.make("r"), turn: 2 }
const usage = { inputTokens: { total: 3 }, outputTokens: {}, estimated: false }
const message = Message.assistant("hi \u{1f600}\u0000")

/** One of each kind. */
const kinds: ReadonlyArray<Entry.Entry> = [
  { _tag: "Message", ...about, message },
  { _tag: "Usage", ...about, model: "m", usage, purpose: "compaction" },
  {
    ...{ _tag: "Compaction", ...about, through: EntryId.make("t"), reason: "overflow", dropped: 3 },
    messages: [message]
  },
  { _tag: "Decision", ...about, call: CallId.make("c"), tool: "pay", approved: true, reason: "fine" },
  {
    ...{ _tag: "Decision", ...about, call: CallId.make("d"), tool: "pay", approved: true },
    ...{ input: { amount: 3 }, remember: "category", category: "money" }
  },
  {
    ...{ _tag: "Suspended", ...about, spent: { turns: 1, toolCalls: 0, usage, millis: 20 } },
    questions: [
      { call: CallId.make("c"), tool: "pay", input: null, reason: "money", category: "money", expiresAt: 9 },
      { call: CallId.make("d"), tool: "pay", input: { amount: 3 }, reason: "money" }
    ]
  },
  { _tag: "Queued", ...about, when: "followUp", messages: [message] },
  { _tag: "Message", ...about, message, queued: EntryId.make("q") },
  { _tag: "Marker", ...about, marker: { type: "fork", session: SessionId.make("s"), to: EntryId.make("t") } },
  { _tag: "Marker", ...about, marker: { type: "rewind", to: EntryId.make("t") } },
  { _tag: "Marker", ...about, marker: { type: "restore" } },
  { _tag: "Marker", ...about, marker: { type: "resume" } },
  { _tag: "Marker", ...about, marker: { type: "limit", limit: "turns", max: 3, actual: 3 } },
  { _tag: "Marker", ...about, marker: { type: "revoke", decision: EntryId.make("d") } },
  { _tag: "Queued", ...about, when: "steer", messages: [], again: EntryId.make("q") },
  { _tag: "Artifact", ...about, call: CallId.make("c"), tool: "search", text: "x" }
]

const json = (entry: Entry.Entry) => Either.getOrThrowWith(Entry.toJson(entry), ({ message }) => new Error(message))
const problemOf = <A>(result: Either.Either<A, Entry.Problem>) =>
  Either.getOrThrowWith(Either.flip(result), () => new Error("there is a problem"))

describe("Entry", () => {
  for (const entry of kinds) {
    const name = entry._tag === "Marker" ? `${entry._tag} (${entry.marker.type})` : entry._tag
    it(`${name} is stored and read back unchanged`, () => {
      assert.deepStrictEqual(Entry.fromJson(Entry.version, json(entry)), Either.right(entry))
    })
  }

  it.prop("texts of any kind are read back unchanged", [FastCheck.string({ unit: "binary" })], ([text]) => {
    const entry: Entry.Entry = { _tag: "Artifact", id: EntryId.make("e"), at: 0, text }
    assert.deepStrictEqual(Entry.fromJson(Entry.version, json(entry)), Either.right(entry))
    assert.notInclude(json(entry), "\n")
  })

  it("what JSON would change is refused", () => {
    const odd: ReadonlyArray<Entry.Entry> = [
      { _tag: "Message", ...about, at: Number.NaN, message },
      { _tag: "Message", ...about, turn: Number.POSITIVE_INFINITY, message },
      { _tag: "Usage", ...about, model: "m", usage: { ...usage, costUsd: Number.NaN } }
    ]
    for (const entry of odd) {
      const problem = problemOf(Entry.toJson(entry))
      assert.isFalse(problem.isNewer)
      assert.isNotEmpty(problem.message)
    }
  })

  it("a value that has no JSON is refused", () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    for (const value of [circle, 1n]) {
      const entry: Entry.Entry = { _tag: "Message", ...about, message: { ...message, meta: { vendor: value } } }
      assert.isTrue(Either.isLeft(Entry.toJson(entry)))
    }
  })

  it("what version 1 stored is read", () => {
    const stored = '{"_tag":"Message","id":"a","at":1,"message":{"role":"user","parts":[{"type":"text","text":"hi"}]}}'
    const entry = { _tag: "Message", id: "a", at: 1, message: Message.user("hi") }
    assert.deepStrictEqual<unknown>(Entry.fromJson(1, stored), Either.right(entry))
  })

  it("what a newer version stored asks for an upgrade", () => {
    for (const stored of ['{"_tag":"Dream"}', "", json({ _tag: "Artifact", ...about, text: "" })]) {
      assert.deepStrictEqual(problemOf(Entry.fromJson(Entry.version + 1, stored)), {
        isNewer: true,
        message: "a newer version of axonal wrote it; upgrade to read it"
      })
    }
  })

  for (const [what, stored, says] of [
    ["torn text", '{"_tag":"Mess', "JSON"],
    ["nothing", "", "JSON"],
    ["another value", "[]", "_tag: is missing"],
    ["no object", "null", "it is no entry: null"],
    ["a long text", JSON.stringify("no entry ".repeat(1000)), 'it is no entry: "no entry'],
    ["an unknown kind", '{"_tag":"Dream","id":"a","at":1}', "Dream"],
    ["an empty id", '{"_tag":"Artifact","id":"","at":1,"text":""}', "id: Expected a non empty string"],
    ["a field of another type", '{"_tag":"Artifact","id":"a","at":"1","text":""}', 'at: Expected number, actual "1"'],
    ["a field that is missing", '{"_tag":"Artifact","id":"a","at":1}', "text: is missing"]
  ] as const) {
    it(`${what} says what is wrong`, () => {
      const problem = problemOf(Entry.fromJson(Entry.version, stored))
      assert.isFalse(problem.isNewer)
      assert.include(problem.message, says)
      assert.isBelow(problem.message.length, 400)
    })
  }

  it("of many things that are wrong the first are said", () => {
    const parts = Array.from({ length: 50 }, () => ({ type: "text" }))
    const stored = JSON.stringify({ _tag: "Message", id: "a", at: 1, message: { role: "user", parts } })
    assert.strictEqual(problemOf(Entry.fromJson(Entry.version, stored)).message, "message.parts.0.text: is missing")
  })
})
