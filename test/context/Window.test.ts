import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Window from "../../src/context/Window.ts"
import type { Entry, Stored } from "../../src/domain/Entry.ts"
import { EntryId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import type * as Part from "../../src/domain/Part.ts"
import * as Usage from "../../src/domain/Usage.ts"

const about = (id: string) => ({ id: EntryId.make(id), at: 1 })
const message = (id: string, message: Message.Message): Entry => ({ _tag: "Message", ...about(id), message })
const call = (id: string): Part.ToolCall => ({ type: "tool-call", id, name: "search", input: "{}" })
const result = (id: string): Part.ToolResult => ({
  type: "tool-result",
  id,
  name: "search",
  outcome: "ok",
  content: []
})
const usage = (
  id: string,
  input: number | undefined,
  more: Partial<Extract<Entry, { _tag: "Usage" }>> = {}
): Entry => ({
  ...{ _tag: "Usage", ...about(id), model: "model" },
  usage: { inputTokens: { total: input }, outputTokens: { total: 1 }, estimated: false },
  ...more
})
const compaction = (id: string, through: string): Entry => ({
  ...{ _tag: "Compaction", ...about(id), through: EntryId.make(through) },
  messages: [Message.user(`summary ${id}`)],
  reason: "demand",
  dropped: 1
})
const restore = (id: string): Entry => ({ _tag: "Marker", ...about(id), marker: { type: "restore" } })

type Made = (id: string, before: (offset: number) => string) => Entry

/** Kinds of entries, some of which refer to what stands before them. Few calls, so that they meet. */
const made: FastCheck.Arbitrary<Made> = FastCheck.oneof(
  FastCheck.constantFrom<Array<Made>>(
    (id) => message(id, Message.user(id)),
    (id) => message(id, Message.assistant(id)),
    (id) => message(id, Message.system(id)),
    (id) => message(id, Message.assistant([])),
    (id) => restore(id),
    (id) => usage(id, 7, { purpose: "compaction" }),
    (id) => usage(id, undefined),
    (id) => ({ _tag: "Artifact", ...about(id), text: id })
  ),
  FastCheck.subarray(["x", "y", "z"], { minLength: 1 }).map(
    (calls): Made =>
      (id) =>
        message(id, Message.assistant(calls.map(call)))
  ),
  FastCheck.subarray(["x", "y", "z"], { minLength: 1 }).map(
    (calls): Made =>
      (id) =>
        message(id, Message.tool(calls.map(result)))
  ),
  FastCheck.tuple(FastCheck.nat({ max: 999 }), FastCheck.boolean()).map(
    ([input, estimated]): Made =>
      (id) =>
        usage(id, input, { usage: { inputTokens: { total: input }, outputTokens: {}, estimated } })
  ),
  FastCheck.nat({ max: 9 }).map(
    (offset): Made =>
      (id, before) =>
        compaction(id, before(offset))
  )
)
const log: FastCheck.Arbitrary<ReadonlyArray<Entry>> = FastCheck.array(made, { maxLength: 16 }).map((all) =>
  all.map((make, index) => make(`e${index}`, (offset) => `e${Math.max(0, index - 1 - offset)}`))
)
const numRuns = 1000

const isTurning = (entry: Entry): boolean =>
  entry._tag === "Compaction" || (entry._tag === "Marker" && entry.marker.type === "restore")

describe("Window", () => {
  describe("extend", () => {
    it.prop(
      "is the projection of the whole, or leaves that to others",
      [log, FastCheck.nat({ max: 16 })],
      ([entries, at]) => {
        const [before, added] = [entries.slice(0, at), entries.slice(at)]
        const extended = Window.extend(Window.project(before, 5), added, 9)
        if (extended === undefined) assert.isTrue(added.some(isTurning))
        else assert.deepStrictEqual(extended, Window.project(entries, 9))
      },
      { fastCheck: { numRuns } }
    )

    it.prop(
      "is the same one by one as at once",
      [log],
      ([entries]) => {
        let window: Window.Window = Window.empty
        entries.forEach((entry, index) => {
          window = Window.extend(window, [entry], index + 1) ?? Window.project(entries.slice(0, index + 1), index + 1)
        })
        assert.deepStrictEqual(window, Window.project(entries, entries.length))
      },
      { fastCheck: { numRuns } }
    )

    it.prop("TURN-2 messages that stay keep their identity", [log, FastCheck.string()], ([entries, text]) => {
      const before = Window.project(entries, 1)
      const last = before.messages[before.messages.length - 1]
      const after = Window.extend(before, [message("next", Message.user(text))], 2)
      const kept = before.messages.slice(0, last?.role === "user" || last?.role === "tool" ? -1 : undefined)
      assert.isTrue(kept.every((message, index) => after?.messages[index] === message))
    })

    it("by nothing is the very same window", () => {
      const window = Window.project([message("a", Message.user("a"))], 3)
      assert.strictEqual(Window.extend(window, [], 3), window)
      assert.deepStrictEqual(Window.extend(window, [], 4), { ...window, position: 4 })
      assert.strictEqual(Window.extend(window, [usage("u", 1)], 4)?.messages, window.messages)
    })

    it("of what is known is not changed by its extension", () => {
      const window = Window.project([usage("u", 1), message("a", Message.assistant("a"))], 2)
      Window.extend(window, [message("b", Message.assistant("b"))], 3)
      assert.deepStrictEqual(window.measured, { tokens: 2, added: [Message.assistant("a")] })
      assert.deepStrictEqual(window.messages, [Message.assistant("a")])
    })
  })

  describe("project", () => {
    it.prop(
      "HIST-4 the live part of a log is all it needs",
      [log],
      ([entries]) => {
        assert.deepStrictEqual(Window.project(Window.live(entries), 3), Window.project(entries, 3))
        assert.deepStrictEqual(Window.live(Window.live(entries)), Window.live(entries))
      },
      { fastCheck: { numRuns } }
    )

    it.prop(
      "HIST-1 every call has one result, right behind it",
      [log],
      ([entries]) => {
        const { messages } = Window.project(entries, 1)
        messages.forEach((message, index) => {
          const calls = Message.toolCalls(message).map(({ id }) => id)
          const behind = messages[index + 1]
          const answered = behind?.role === "tool" ? behind.parts : []
          if (message.role === "assistant") {
            assert.deepStrictEqual(
              answered.flatMap((part) => (part.type === "tool-result" ? [part.id] : [])),
              calls
            )
          } else if (message.role !== "tool") assert.isFalse(behind?.role === "tool")
          assert.isAbove(message.parts.length, 0)
        })
      },
      { fastCheck: { numRuns } }
    )

    it.prop("what cannot be read is passed over", [log, FastCheck.array(FastCheck.boolean())], ([entries, torn]) => {
      const isTorn = (entry: Entry, index: number) => torn[index] === true && !isTurning(entry)
      const stored = entries.map(
        (entry, index): Stored =>
          isTorn(entry, index) ? { _tag: "Unreadable", id: entry.id, at: 1, problem: "torn" } : entry
      )
      const through = new Set(entries.flatMap((entry) => (entry._tag === "Compaction" ? [entry.through] : [])))
      if (entries.some((entry, index) => isTorn(entry, index) && through.has(entry.id))) return
      const left = entries.filter((entry, index) => !isTorn(entry, index))
      assert.deepStrictEqual(Window.project(stored, 1), Window.project(left, 1))
    })

    it("a compaction may end at an entry that cannot be read", () => {
      const torn: Stored = { _tag: "Unreadable", id: EntryId.make("b"), at: 1, problem: "torn" }
      const entries = [
        message("a", Message.user("a")),
        torn,
        message("c", Message.assistant("c")),
        compaction("C", "b")
      ]
      assert.deepStrictEqual(
        Window.project(entries, 1).messages.map((message) => Message.toText(message)),
        ["summary C", "c"]
      )
    })

    it("HIST-2 a compaction between a call and its result leaves neither alone", () => {
      const entries = [
        message("a", Message.user("a")),
        message("b", Message.assistant([call("x")])),
        message("c", Message.tool([result("x")])),
        message("d", Message.assistant("d")),
        compaction("C", "b")
      ]
      assert.deepStrictEqual(Window.project(entries, 1).messages, [Message.user("summary C"), Message.assistant("d")])
    })

    it.prop(
      "TR-23 the measure is the last true count since the window changed",
      [log],
      ([entries]) => {
        const { measured } = Window.project(entries, 1)
        const since = entries.findLastIndex(
          (entry) => entry === Window.inForce(entries) || (entry._tag === "Marker" && entry.marker.type === "restore")
        )
        const recent = entries.slice(since + 1)
        const counts = (entry: Entry): boolean =>
          entry._tag === "Usage" &&
          entry.purpose === undefined &&
          !entry.usage.estimated &&
          Usage.totalTokens(entry.usage) !== undefined
        const last = recent.findLastIndex(counts)
        const entry = recent[last]
        if (entry?._tag !== "Usage") return assert.isUndefined(measured)
        assert.deepStrictEqual(measured, {
          tokens: Usage.totalTokens(entry.usage) ?? Number.NaN,
          added: recent.slice(last).flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))
        })
      },
      { fastCheck: { numRuns } }
    )
  })

  describe("inForce", () => {
    it.prop("is the last compaction that nothing took back", [log], ([entries]) => {
      const open: Array<string> = []
      for (const entry of entries) {
        if (entry._tag === "Compaction") open.push(entry.id)
        else if (isTurning(entry)) open.pop()
      }
      assert.strictEqual(Window.inForce(entries)?.id, open.at(-1))
      assert.strictEqual(Window.project(entries, 1).compaction, open.at(-1))
    })
  })

  describe("keptBy", () => {
    it.prop(
      "HIST-2 a cut at any entry keeps calls and results together",
      [log, FastCheck.nat()],
      ([entries, place]) => {
        if (entries.length === 0) return
        const index = place % entries.length
        const kept = Window.keptBy(entries, index)
        assert.isAtLeast(kept, index + 1)
        const messages = (all: ReadonlyArray<Entry>) =>
          all.flatMap((entry) => (entry._tag === "Message" ? [entry] : []))
        const last = messages(entries.slice(0, kept)).at(-1)
        const next = messages(entries.slice(kept))[0]
        const isAsking = last?.message.parts.some(({ type }) => type === "tool-call") === true
        assert.isFalse(isAsking && next?.message.role === "tool")
        assert.strictEqual(Window.keptBy(entries, kept - 1), kept)
        // Nothing but results, and what stands before them, is taken along.
        assert.isAtMost(messages(entries.slice(index + 1, kept)).length, 1)
      },
      { fastCheck: { numRuns } }
    )
  })

  describe("preview", () => {
    it.prop(
      "is a start of a user's text, never half a character",
      [FastCheck.string({ unit: "grapheme", maxLength: 200 })],
      ([text]) => {
        const preview = Window.preview(message("a", Message.user(text)))
        assert.isAtMost(preview.length, 80)
        assert.isTrue(text.trimStart().startsWith(preview))
        assert.notMatch(preview, /[\uD800-\uDBFF]$/)
        assert.isAtLeast(preview.length, Math.min(79, text.trimStart().length))
      }
    )

    it("others have none", () => {
      const others = [
        message("a", Message.assistant("a")),
        message("b", Message.system("b")),
        message("c", Message.tool([result("x")])),
        message("d", Message.user(" \n")),
        compaction("e", "a"),
        usage("f", 1)
      ]
      assert.deepStrictEqual(
        others.map((entry) => Window.preview(entry)),
        others.map(() => "")
      )
    })
  })

  describe("searching", () => {
    it("finds every word or its beginning, and shows where", () => {
      const found = (text: string, said: Message.Message) => Window.searching(text)?.(message("a", said))
      const tale = `${"so it went on ".repeat(20)}until the Café closed${" and then more".repeat(20)}`
      assert.strictEqual(found("clos CAFE", Message.user("the café closed")), "the café closed")
      assert.match(String(found("cafe", Message.assistant(tale))), /^….*until the Café closed.*…$/)
      assert.isUndefined(found("cafe opened", Message.user(tale)))
      assert.isUndefined(found("cafe", Message.system(tale)))
      assert.isUndefined(Window.searching(" ?! "))
    })
  })
})
