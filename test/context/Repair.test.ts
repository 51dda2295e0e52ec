import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Repair from "../../src/context/Repair.ts"
import * as Entry from "../../src/domain/Entry.ts"
import { EntryId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"

type Messages = ReadonlyArray<Message.Message>

const call = (id: string, input = "{}"): Part.ToolCall => ({ type: "tool-call", id, name: "search", input })
const result = (id: string, text = "found"): Part.ToolResult => ({
  type: "tool-result",
  id,
  name: "search",
  outcome: "ok",
  content: [Part.text(text)]
})
const interrupted = (id: string): Part.ToolResult => ({
  type: "tool-result",
  id,
  name: "search",
  outcome: "interrupted",
  content: [
    Part.text("The call was interrupted before it had a result. It may have run in part; check before repeating it.")
  ]
})
const hi = Message.user("hi")
const bye = Message.user("bye")
const asks = (...ids: ReadonlyArray<string>) => Message.assistant(ids.map((id) => call(id)))
const tells = (...ids: ReadonlyArray<string>) => Message.tool(ids.map((id) => result(id)))

/** Title, what is stored, what is sent. */
const cases: ReadonlyArray<readonly [string, Messages, Messages]> = [
  ["a dangling call gets a result", [hi, asks("a")], [hi, asks("a"), Message.tool([interrupted("a")])]],
  [
    "a half-answered batch is completed in call order",
    [hi, asks("a", "b", "c"), tells("c", "b")],
    [hi, asks("a", "b", "c"), Message.tool([interrupted("a"), result("b"), result("c")])]
  ],
  ["results come in call order", [asks("a", "b"), tells("b"), tells("a")], [asks("a", "b"), tells("a", "b")]],
  [
    "an orphan result goes, and its empty message too",
    [hi, tells("x"), bye],
    [Message.user([...hi.parts, ...bye.parts])]
  ],
  ["an orphan result that empties the last message takes it along", [hi, tells("x")], [hi]],
  ["a duplicate result goes", [asks("a"), tells("a", "a"), tells("a")], [asks("a"), tells("a")]],
  ["a result before its call goes", [hi, tells("a"), asks("a")], [hi, asks("a"), Message.tool([interrupted("a")])]],
  ["a displaced result moves behind its call", [asks("a"), hi, tells("a")], [asks("a"), tells("a"), hi]],
  [
    "results of two answers in a row find their calls",
    [asks("a"), asks("b"), tells("a"), tells("b")],
    [asks("a"), tells("a"), asks("b"), tells("b")]
  ],
  [
    "a reused id pairs within its own answer",
    [asks("a"), asks("a"), tells("a")],
    [asks("a"), Message.tool([interrupted("a")]), asks("a"), tells("a")]
  ],
  [
    "a reused id whose first call was answered is open again",
    [asks("a"), tells("a"), hi, asks("a")],
    [asks("a"), tells("a"), hi, asks("a"), Message.tool([interrupted("a")])]
  ],
  ["messages without parts go", [hi, Message.assistant([]), bye], [Message.user([...hi.parts, ...bye.parts])]],
  [
    "assistant texts in a row become one",
    [hi, Message.assistant("a"), Message.assistant([Part.text("b"), call("c")])],
    [hi, Message.assistant([Part.text("a"), Part.text("b"), call("c")]), Message.tool([interrupted("c")])]
  ],
  [
    "a result inside an assistant message moves behind it",
    [Message.assistant([call("a"), result("a"), Part.text("done")])],
    [Message.assistant([call("a"), Part.text("done")]), tells("a")]
  ],
  ["a call of the user is no call", [Message.user([Part.text("hi"), call("a")])], [hi]],
  [
    "the vendors' metadata is kept when messages join",
    [
      { ...hi, meta: { x: 1 } },
      { ...bye, meta: { y: 2 } }
    ],
    [{ role: "user", parts: [...hi.parts, ...bye.parts], meta: { x: 1, y: 2 } }]
  ]
]

/** Conversations that need nothing. */
const sound: ReadonlyArray<readonly [string, Messages]> = [
  ["nothing", []],
  ["a chat", [Message.system("be kind"), Message.system("be brief"), hi, Message.assistant("hello"), bye]],
  [
    "answered calls, then the user or the assistant",
    [asks("a", "b"), tells("a", "b"), hi, asks("c"), tells("c"), asks("d"), tells("d")]
  ],
  ["an id used again", [hi, asks("a"), tells("a"), asks("a"), tells("a")]],
  ["incomplete arguments", [Message.assistant([call("a", '{"query": "unfin')]), tells("a")]],
  [
    "calls that the vendor executed",
    [
      Message.assistant([
        { ...call("a"), transportExecuted: true },
        { ...result("a"), transportExecuted: true },
        { ...call("b"), transportExecuted: true },
        Part.text("done")
      ]),
      hi
    ]
  ],
  ["vendor results behind ours", [asks("a"), Message.tool([result("a"), { ...result("v"), transportExecuted: true }])]]
]

// Soups: any parts of few ids in any roles, so that every kind of damage occurs often.
const id = FastCheck.constantFrom("a", "b", "c", "d")
const word = FastCheck.string({ minLength: 1, maxLength: 3 })
const text = word.map(Part.text)
const reasoning = word.map((value): Part.Reasoning => ({ type: "reasoning", text: value }))
const toolCall = FastCheck.tuple(id, FastCheck.constantFrom("{}", '{"a":')).map(([name, input]) => call(name, input))
const toolResult = FastCheck.tuple(id, word).map(([name, value]) => result(name, value))
const vendor = FastCheck.oneof(toolCall, toolResult).map((part): Part.Part => ({ ...part, transportExecuted: true }))
const parts = (...kinds: ReadonlyArray<FastCheck.Arbitrary<Part.Part>>) =>
  FastCheck.array(FastCheck.oneof(...kinds), { maxLength: 4 })
const message = FastCheck.oneof(
  { weight: 1, arbitrary: parts(text).map(Message.system) },
  { weight: 2, arbitrary: parts(text, text, toolCall, toolResult).map(Message.user) },
  { weight: 4, arbitrary: parts(text, reasoning, toolCall, toolCall, vendor, toolResult).map(Message.assistant) },
  { weight: 4, arbitrary: FastCheck.array(toolResult, { maxLength: 4 }).map(Message.tool) }
)
const soup = FastCheck.array(message, { maxLength: 12 })
const options = { fastCheck: { numRuns: 1000 } }

const isLocal = (part: Part.Part): part is Part.ToolCall | Part.ToolResult =>
  (part.type === "tool-call" || part.type === "tool-result") && part.transportExecuted !== true
const isLocalCall = (part: Part.Part): part is Part.ToolCall => part.type === "tool-call" && isLocal(part)
const isLocalResult = (part: Part.Part): part is Part.ToolResult => part.type === "tool-result" && isLocal(part)
const texts = (messages: Messages): ReadonlyArray<string> =>
  messages.flatMap((each) =>
    each.parts.flatMap((part) => (part.type === "text" || part.type === "reasoning" ? [part.text] : []))
  )

describe("Repair", () => {
  it.each(cases)("HIST-1 %s", (_, stored, sent) => {
    assert.deepStrictEqual(Repair.repair(stored), sent)
  })

  it.each(sound)("HIST-1 leaves the array alone: %s", (_, stored) => {
    assert.strictEqual(Repair.repair(stored), stored)
  })

  it("TR-3 an interrupted call is not a denied one", () => {
    const denied = Message.tool([{ ...result("a"), outcome: "denied" }])
    assert.deepStrictEqual(Repair.repair([asks("a", "b"), denied]), [
      asks("a", "b"),
      Message.tool([{ ...result("a"), outcome: "denied" }, interrupted("b")])
    ])
  })

  it("HIST-1 untouched messages keep their identity", () => {
    const stored = [hi, asks("a"), tells("a"), Message.assistant("ok"), bye, asks("b")]
    const sent = Repair.repair(stored)
    assert.deepStrictEqual(
      stored.map((each, index) => sent[index] === each),
      stored.map(() => true)
    )
    assert.strictEqual(sent.length, stored.length + 1)
  })

  it("the supplied result carries the vendor's id of its call", () => {
    const [, supplied] = Repair.repair([Message.assistant([{ ...call("a"), wireId: "toolu_1" }])])
    assert.deepStrictEqual(supplied, Message.tool([{ ...interrupted("a"), wireId: "toolu_1" }]))
  })

  it("HIST-1 calls that the vendor ran are left alone beside ours", () => {
    const vendor: ReadonlyArray<Part.Part> = [
      { ...call("v"), transportExecuted: true },
      { ...call("w"), transportExecuted: true },
      { ...result("w"), transportExecuted: true }
    ]
    const sent = Repair.repair([hi, Message.assistant([...vendor, call("a")])])
    assert.deepStrictEqual(sent, [hi, Message.assistant([...vendor, call("a")]), Message.tool([interrupted("a")])])
  })

  it("HIST-1 a call whose result is still to come is stored as it is, and gets its own", () => {
    const stored = [hi, asks("a", "b")]
    const copy = structuredClone(stored)
    const sent = Repair.repair(stored)
    assert.deepStrictEqual(sent.at(-1), Message.tool([interrupted("a"), interrupted("b")]))
    assert.deepStrictEqual(stored, copy)
    const late = [...stored, tells("b"), tells("a")]
    assert.deepStrictEqual(Repair.repair(late), [hi, asks("a", "b"), tells("a", "b")])
    assert.deepStrictEqual(Repair.extend(sent, late.slice(2)), Repair.repair(late))
  })

  it("HIST-1 a cancelled answer reads the same after it was stored, and the conversation goes on", () => {
    const cut: Message.Message = { ...Message.assistant("half of"), meta: { axonal: { cut: true } } }
    const stored = [hi, asks("a"), Message.tool([{ ...result("a"), outcome: "interrupted" }]), cut, bye]
    const read = stored.map((message, index) => {
      const id = EntryId.make(`${index}`)
      const json = Either.getOrThrow(Entry.toJson({ _tag: "Message", id, at: 0, message }))
      const entry = Either.getOrThrow(Entry.fromJson(Entry.version, json))
      return entry._tag === "Message" ? entry.message : assert.fail(entry._tag)
    })
    assert.deepStrictEqual(read, stored)
    assert.strictEqual(Repair.repair(read), read)
  })

  it.prop(
    "HIST-1 repairing twice changes nothing",
    [soup],
    ([stored]) => {
      const once = Repair.repair(stored)
      assert.strictEqual(Repair.repair(once), once)
    },
    options
  )

  it.prop(
    "HIST-1 the same messages give the same repair",
    [soup],
    ([stored]) => {
      assert.deepStrictEqual(Repair.repair(structuredClone(stored)), Repair.repair(stored))
    },
    options
  )

  it.prop(
    "TR-1 TR-2 TR-29 every call has one result right behind, in order",
    [soup],
    ([stored]) => {
      const sent = Repair.repair(stored)
      sent.forEach((each, index) => {
        const results = each.parts.filter(isLocalResult).map((part) => part.id)
        const asked = (each.role === "tool" ? sent[index - 1] : undefined)?.parts.filter(isLocalCall) ?? []
        assert.deepStrictEqual(
          results,
          asked.map((part) => part.id)
        )
        if (each.parts.some(isLocalCall)) assert.strictEqual(sent[index + 1]?.role, "tool")
      })
      const calls = (messages: Messages) =>
        messages.filter((each) => each.role === "assistant").flatMap((each) => each.parts.filter(isLocalCall))
      assert.deepStrictEqual(calls(sent), calls(stored))
    },
    options
  )

  it.prop(
    "HIST-1 roles alternate and no message is empty",
    [soup],
    ([stored]) => {
      const sent = Repair.repair(stored)
      sent.forEach((each, index) => {
        assert.isAbove(each.parts.length, 0)
        assert.isTrue(each.role === "system" || each.role !== sent[index - 1]?.role)
      })
    },
    options
  )

  it.prop(
    "no text is lost or moved",
    [soup],
    ([stored]) => {
      assert.deepStrictEqual(texts(Repair.repair(stored)), texts(stored))
    },
    options
  )

  it.prop(
    "no result is invented but interrupted ones",
    [soup],
    ([stored]) => {
      const known = new Set<unknown>(stored.flatMap((each) => each.parts))
      const invented = Repair.repair(stored).flatMap((each) => each.parts.filter((part) => !known.has(part)))
      assert.deepStrictEqual(
        invented.filter((part) => part.type !== "tool-result" || part.outcome !== "interrupted"),
        []
      )
    },
    options
  )

  it.prop(
    "a sound beginning keeps its identity",
    [soup, soup],
    ([before, after]) => {
      const beginning = Repair.repair([...Repair.repair(before), hi, asks("z"), tells("z")])
      const sent = Repair.repair([...beginning, ...after])
      assert.isTrue(beginning.every((each, index) => sent[index] === each))
    },
    options
  )

  it.prop(
    "a longer conversation is repaired from its new messages",
    [soup, soup, soup],
    ([first, second, third]) => {
      const grown = Repair.extend(Repair.extend(Repair.repair(first), second), third)
      assert.deepStrictEqual(grown, Repair.repair([...first, ...second, ...third]))
      assert.strictEqual(Repair.repair(grown), grown)
    },
    options
  )

  it("TR-30 the cost is linear in the messages", () => {
    const cost = (length: number): number => {
      let reads = 0
      const counted = (each: Message.Message): Message.Message => ({
        role: each.role,
        get parts() {
          reads++
          return each.parts
        }
      })
      const turn = (index: number) => [hi, hi, asks(`${index}`), asks(`${index}x`), tells(`${index}`)].map(counted)
      Repair.repair(Array.from({ length }, (_, index) => turn(index)).flat())
      return reads / length
    }
    assert.approximately(cost(1000), cost(10), 1)
  })
})
