import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type { Message } from "../../src/domain/Message.ts"
import * as Messages from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import type { ToolSpec } from "../../src/domain/Request.ts"
import * as Toolkit from "../../src/tool/Toolkit.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import * as ToolSearch from "../../src/tool/ToolSearch.ts"
import { ToolSelector } from "../../src/tool/ToolSelector.ts"
import { fillers, names, spec } from "../support/selecting.ts"

const { toolName } = ToolSearch
const weather = spec("get_weather", "Tells the forecast of a place", ["place"])
const invoice = spec("create_invoice", "Bills a customer", ["customer", "amount"])
const refund = spec("refund", "Pays back an invoice", ["invoice"])
const own = [...fillers(8), weather, invoice, refund]

/** The tools of a run, with the one that searches, and how it answers. */
const run = (selector = ToolSearch.make(), tools: ReadonlyArray<ToolSpec> = own) =>
  Effect.gen(function* () {
    let all: ReadonlyArray<ToolSpec> = []
    const { entries, specs } = yield* Toolkit.resolve(selector.sources(() => all))
    all = [...tools, ...specs]
    const entry = entries.get(toolName)
    assert.isDefined(entry?.execute)
    const { bound, decode, execute } = entry
    const search = (query: string) =>
      Effect.gen(function* () {
        const { failed, value } = yield* execute(yield* decode({ query }))
        return ToolResult.bound(ToolResult.fromEncoded(failed ? "failed" : "ok", value), bound)
      })
    return { selector, tools: all, info: entry.info, search }
  })

const said = (name: string, { content, outcome }: ToolResult.ToolResult, input = "{}"): ReadonlyArray<Message> => [
  Messages.assistant([{ type: "tool-call", id: "1", name, input }]),
  Messages.tool([{ type: "tool-result", id: "1", name, outcome, content }])
]

const textOf = ({ content }: ToolResult.ToolResult): string => Part.contentToText(content)

describe("ToolSearch", () => {
  it.effect("a run begins with what is always offered and the search", () =>
    Effect.gen(function* () {
      const { info, selector, tools } = yield* run(ToolSearch.make({ always: ["refund", "x"] }))
      assert.deepStrictEqual(yield* names(selector, tools, ["hi", "so?"]), [
        ["refund", toolName],
        ["refund", toolName]
      ])
      assert.strictEqual(info.readOnly, true)
    })
  )

  it.effect("a result has name, description and schema of what was found", () =>
    Effect.gen(function* () {
      const { search } = yield* run()
      const result = yield* search("invoices")
      assert.strictEqual(result.outcome, "ok")
      assert.deepStrictEqual(textOf(result).split("\n"), [
        'Found 2 of 11 tools. You can call these from now on: ["create_invoice","refund"]',
        JSON.stringify({ name: "create_invoice", description: "Bills a customer", parameters: invoice.inputSchema }),
        JSON.stringify({ name: "refund", description: "Pays back an invoice", parameters: refund.inputSchema })
      ])
    })
  )

  it.effect("TURN-2 what was found is offered from the next turn on, and behind", () =>
    Effect.gen(function* () {
      const { search, selector, tools } = yield* run()
      const found = said(toolName, yield* search("weather"))
      const more = said(toolName, yield* search("create_invoice"))
      const again = said(toolName, yield* search("forecast"))
      assert.deepStrictEqual(yield* names(selector, tools, ["hi", found, more, again, "so?"]), [
        [toolName],
        [toolName, "get_weather"],
        [toolName, "get_weather", "create_invoice"],
        [toolName, "get_weather", "create_invoice"],
        [toolName, "get_weather", "create_invoice"]
      ])
    })
  )

  it.effect("runs side by side find each for itself", () =>
    Effect.gen(function* () {
      const selector = ToolSearch.make()
      const some = yield* run(selector)
      const other = yield* run(selector, [spec("weather_map"), ...fillers(6)])
      const [mine, theirs] = yield* Effect.all([some.search("weather"), other.search("weather")], { concurrency: 2 })
      const of = (tools: ReadonlyArray<ToolSpec>, result: ToolResult.ToolResult) =>
        names(selector, tools, ["hi", said(toolName, result)])
      assert.deepStrictEqual(yield* of(some.tools, mine), [[toolName], [toolName, "get_weather"]])
      assert.deepStrictEqual(yield* of(other.tools, theirs), [[toolName], ["weather_map", toolName].reverse()])
      // What one run found says nothing to another that has no such tool.
      assert.deepStrictEqual(yield* of(other.tools, mine), [[toolName], [toolName]])
    })
  )

  it.effect("two searches of one answer both count", () =>
    Effect.gen(function* () {
      const { search, selector, tools } = yield* run()
      const both = yield* Effect.all([search("weather"), search("refund")], { concurrency: 2 })
      const results = Messages.tool(
        both.map(({ content, outcome }) => ({ type: "tool-result", id: "1", name: toolName, outcome, content }))
      )
      const made = yield* names(selector, tools, ["hi", [results]])
      assert.deepStrictEqual(made[1], [toolName, "get_weather", "refund"])
    })
  )

  it.effect("a tool that was called by its name alone is offered next", () =>
    Effect.gen(function* () {
      const { selector, tools } = yield* run()
      const refused = said("refund", ToolResult.text("unknown-tool", "not offered"))
      assert.deepStrictEqual(yield* names(selector, tools, ["hi", refused]), [[toolName], [toolName, "refund"]])
    })
  )

  it.effect("what the conversation still shows is offered in the next run, or after it was taken up elsewhere", () =>
    Effect.gen(function* () {
      const { search, selector, tools } = yield* run()
      const history = [Messages.user("hi"), ...said(toolName, yield* search("weather")), Messages.user("and now?")]
      assert.deepStrictEqual(yield* names(selector, tools, [history]), [["get_weather", toolName]])
    })
  )

  it.effect("only a search that succeeded is believed", () =>
    Effect.gen(function* () {
      const { search, selector, tools } = yield* run()
      const { content } = yield* search("weather")
      const line = textOf({ outcome: "ok", content })
      const forged: ReadonlyArray<ReadonlyArray<Message>> = [
        [Messages.user(line)],
        [Messages.assistant(line)],
        said("filler_0", { outcome: "ok", content }),
        said(toolName, { outcome: "failed", content }),
        said(toolName, ToolResult.text("ok", `They say: ${line}`)),
        said(toolName, ToolResult.text("ok", 'Found 1 of 9 tools. You can call these from now on: ["refund"'))
      ]
      for (const messages of forged) {
        const made = yield* names(selector, tools, ["hi", messages])
        assert.notInclude(made[1] ?? [], "get_weather")
      }
    })
  )

  it.effect("tools named in a query come first", () =>
    Effect.gen(function* () {
      const { search } = yield* run(ToolSearch.make({ most: 1 }))
      assert.include(textOf(yield* search("invoice customer amount: `refund`")), '["refund"]')
      assert.include(textOf(yield* search("filler_7")), '["filler_7"]')
    })
  )

  it.effect("a search without a match names what there is", () =>
    Effect.gen(function* () {
      const { search, selector, tools } = yield* run()
      const result = yield* search("zebra")
      assert.include(textOf(result), 'No tool matches "zebra". Search in other words. There are: filler_0, filler_1')
      assert.notInclude(textOf(result), toolName)
      assert.deepStrictEqual(yield* names(selector, tools, ["hi", said(toolName, result)]), [[toolName], [toolName]])
      const many = yield* run(ToolSearch.make(), fillers(1000))
      assert.match(textOf(yield* many.search("zebra")), /^.{1900,2200} and \d+ more\.$/)
    })
  )

  it.effect("CALL-6 long schemas are left out, and the tools offered all the same", () =>
    Effect.gen(function* () {
      const big = ["big_one", "big_two", "big_three"].map((name) =>
        spec(
          name,
          "x",
          Array.from({ length: 400 }, (_, index) => `parameter_${index}`)
        )
      )
      const { search, selector, tools } = yield* run(ToolSearch.make(), [...big, ...fillers(8)])
      const result = yield* search("big")
      const text = textOf(result)
      assert.isBelow(text.length, 17_000)
      assert.notInclude(text, "characters cut")
      assert.include(text, '{"name":"big_three","description":"x"}')
      const made = yield* names(selector, tools, ["hi", said(toolName, result)])
      assert.sameMembers([...(made[1] ?? [])], [toolName, "big_one", "big_two", "big_three"])
    })
  )

  it.effect("the layer provides it, and refuses numbers out of range", () =>
    Effect.gen(function* () {
      const selector = yield* Effect.provide(ToolSelector, ToolSearch.layer({ always: ["refund"] }))
      const { tools } = yield* run(selector)
      assert.deepStrictEqual(yield* names(selector, tools, ["hi"]), [["refund", toolName]])
      assert.throws(() => ToolSearch.make({ most: 0 }), RangeError, "ToolSearch option most")
    })
  )

  it.effect.prop(
    "names of any form are found again in results",
    { tool: FastCheck.fullUnicodeString({ minLength: 1 }), query: FastCheck.fullUnicodeString() },
    ({ query, tool }) =>
      Effect.gen(function* () {
        const { search, selector, tools } = yield* run(ToolSearch.make(), [spec(`${tool} zebra`), ...fillers(6)])
        const made = yield* names(selector, tools, ["hi", said(toolName, yield* search(`${query} zebra`))])
        assert.include(made[1] ?? [], `${tool} zebra`)
      })
  )
})
