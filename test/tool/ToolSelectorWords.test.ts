import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Messages from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as KeywordToolSelector from "../../src/tool/KeywordToolSelector.ts"
import { ToolSelector } from "../../src/tool/ToolSelector.ts"
import { fillers, names, spec } from "../support/selecting.ts"

const weather = spec("get_weather", "Tells the forecast of a place", ["place"])
const invoice = spec("createInvoice", "Bills a customer", ["customerId", "amount"])
const refund = spec("refund", "Pays back what an invoice was about", ["invoiceNumber"])
const cafe = spec("find_café", "Finds somewhere to sit")
const chinese = spec("translate", "把文字翻译成另一种语言")
const korean = spec("route", "서울의 지하철 경로를 찾습니다")
const tools = [...fillers(20), weather, invoice, refund, cafe, chinese, korean]

const selected = (words: string, options: KeywordToolSelector.Options = {}) =>
  Effect.map(
    names(KeywordToolSelector.make({ most: 2, otherwise: "always", ...options }), tools, [words]),
    ([first]) => first ?? []
  )

const called = (name: string) => [
  Messages.assistant([{ type: "tool-call", id: "1", name, input: "{}" }]),
  Messages.tool([{ type: "tool-result", id: "1", name, outcome: "unknown-tool", content: [Part.text("no")] }])
]

describe("KeywordToolSelector", () => {
  it.effect("tools are found by name, description and parameters", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* selected("How is the WEATHER?"), ["get_weather"])
      assert.deepStrictEqual(yield* selected("the forecast, please"), ["get_weather"])
      assert.deepStrictEqual(yield* selected("amount: 20"), ["createInvoice"])
    })
  )

  it.effect("case, accents and forms of letters make no difference", () =>
    Effect.gen(function* () {
      for (const words of ["a cafe", "CAFÉ", "cafe\u0301", "ＣＡＦＥ"]) {
        assert.deepStrictEqual(yield* selected(words), ["find_café"], words)
      }
    })
  )

  it.effect("words that begin alike find each other", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* selected("two refunds"), ["refund"])
      assert.deepStrictEqual(yield* selected("several customers"), ["createInvoice"])
    })
  )

  it.effect("scripts that do not part words are understood", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* selected("请翻译这句话"), ["translate"])
      assert.deepStrictEqual(yield* selected("지하철을 타고 싶어요"), ["route"])
    })
  )

  it.effect("the best are kept, in the order of the agent's tools", () =>
    Effect.gen(function* () {
      const words = "Refund the invoice: is the weather so bad?"
      assert.deepStrictEqual(yield* selected(words, { most: 3 }), ["get_weather", "createInvoice", "refund"])
      assert.deepStrictEqual(yield* selected("invoice invoice", { most: 1 }), ["createInvoice"])
    })
  )

  it.effect("words that most tools have tell nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* selected("filler"), [])
    })
  )

  it.effect("what is always offered does not use up the selection", () =>
    Effect.gen(function* () {
      const options = { always: ["refund", "filler_3", "x"], most: 1 }
      assert.deepStrictEqual(yield* selected("refund an invoice", options), ["filler_3", "createInvoice", "refund"])
    })
  )

  it.effect("a run without a word in common begins with everything, or with what is always offered", () =>
    Effect.gen(function* () {
      const all = tools.map(({ name }) => name)
      assert.deepStrictEqual(yield* selected("so?", { otherwise: "all", always: ["refund"] }), all)
      assert.deepStrictEqual(yield* selected("so?", { always: ["refund"] }), ["refund"])
    })
  )

  it.effect("an agent with few tools has them all", () =>
    Effect.gen(function* () {
      const made = yield* names(KeywordToolSelector.make(), tools.slice(0, 10), ["weather"])
      assert.strictEqual(made[0]?.length, 10)
    })
  )

  it.effect("only the last words of the user count, and not the runtime's", () =>
    Effect.gen(function* () {
      const of = (messages: number) =>
        Effect.map(
          names(KeywordToolSelector.make({ most: 2, messages, otherwise: "always" }), tools, [
            [
              Messages.user("the weather"),
              Messages.assistant("a refund?"),
              Messages.user("an invoice"),
              { ...Messages.user("café"), meta: { axonal: { nudge: true } } }
            ]
          ]),
          ([first]) => first
        )
      assert.deepStrictEqual(yield* of(1), ["createInvoice", "refund"])
      assert.deepStrictEqual(yield* of(2), ["get_weather", "createInvoice"])
    })
  )

  it.effect("within a run only new words add, and behind", () =>
    Effect.gen(function* () {
      const selector = KeywordToolSelector.make({ most: 1, messages: 1 })
      const made = yield* names(selector, tools, ["café", called("find_café"), "the weather", "so?"])
      const both = ["find_café", "get_weather"]
      assert.deepStrictEqual(made, [["find_café"], ["find_café"], both, both])
      assert.deepStrictEqual(yield* names(selector, tools, ["café", "so?"]), [["find_café"], ["find_café"]])
    })
  )

  it.effect("a tool that was called is offered from the next turn on, also in the next run", () =>
    Effect.gen(function* () {
      const selector = KeywordToolSelector.make({ most: 1 })
      const history = [Messages.user("café"), ...called("refund"), ...called("x")]
      assert.deepStrictEqual(yield* names(selector, tools, ["café", called("refund")]), [
        ["find_café"],
        ["find_café", "refund"]
      ])
      assert.deepStrictEqual(yield* names(selector, tools, [history]), [["refund", "find_café"]])
    })
  )

  it.effect("the layer provides it, and refuses numbers out of range", () =>
    Effect.gen(function* () {
      const selector = yield* Effect.provide(ToolSelector, KeywordToolSelector.layer({ most: 1 }))
      assert.deepStrictEqual(yield* names(selector, tools, ["weather"]), [["get_weather"]])
      assert.throws(
        () => KeywordToolSelector.make({ most: 0 }),
        RangeError,
        "most must be a whole number of at least 1"
      )
      assert.throws(() => KeywordToolSelector.make({ messages: 1.5 }), RangeError)
    })
  )

  it.prop("any text selects at most as many tools as said", [FastCheck.fullUnicodeString()], ([words]) => {
    const [first = []] = Effect.runSync(
      names(KeywordToolSelector.make({ most: 2, otherwise: "always" }), tools, [words])
    )
    assert.isAtMost(first.length, 2)
  })
})
