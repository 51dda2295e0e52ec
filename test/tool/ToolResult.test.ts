import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as FastCheck from "effect/FastCheck"
import { canonical, plain } from "../../src/tool/internal/plain.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"

class Torn extends Data.TaggedError("Torn")<{ readonly cause?: unknown; readonly token: string }> {}

const json = FastCheck.jsonValue()

describe("ToolResult", () => {
  it("TR-15 an error is never {}, as a value, inside of one, or as a cause", () => {
    const error = Object.assign(new TypeError("no such page"), { authorization: "secret" })
    assert.deepStrictEqual(ToolResult.fromEncoded("ok", error), ToolResult.text("failed", "TypeError: no such page"))
    assert.deepStrictEqual(ToolResult.fromEncoded("ok", { pages: [1, error], at: new Date(0) }).content, [
      { type: "json", value: { pages: [1, { tag: "TypeError", message: "no such page" }], at: new Date(0) } }
    ])
    assert.strictEqual(
      ToolResult.jsonText([new Torn({ token: "secret" }), error]),
      '[{"tag":"Torn","message":""},{"tag":"TypeError","message":"no such page"}]'
    )
    assert.strictEqual(
      ToolResult.errorText({ _tag: "Odd", cause: error }),
      'Odd: {"cause":{"tag":"TypeError","message":"no such page"}}'
    )
    assert.strictEqual(ToolResult.errorText(new Error("", { cause: error })), "Error")
  })

  it("a value without an end or without JSON is a failure, and no loop", () => {
    const cycle: { self?: unknown; error: Error } = { error: new Error("x") }
    cycle.self = cycle
    for (const value of [cycle, { big: 1n }]) {
      assert.strictEqual(ToolResult.fromEncoded("ok", value).outcome, "failed")
      assert.strictEqual(ToolResult.plain(value), value)
    }
  })

  it("a value without errors stays the same value", () => {
    FastCheck.assert(FastCheck.property(json, (value) => assert.strictEqual(plain(value), value)))
  })

  it("equal values have the same canonical text, whatever the order of their keys", () => {
    const turned = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(turned)
        : typeof value === "object" && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([key, item]) => [key, turned(item)])
            )
          : value
    FastCheck.assert(
      FastCheck.property(json, json, (one, other) => {
        assert.strictEqual(canonical(turned(one)), canonical(one))
        assert.deepStrictEqual(JSON.parse(canonical(one)), JSON.parse(JSON.stringify(one)))
        if (JSON.stringify(one) !== JSON.stringify(other) && canonical(one) === canonical(other)) {
          assert.deepStrictEqual(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)))
        }
      })
    )
  })

  it("an answer has words for the model, words for people, and ends the run only when it is a result", () => {
    const answer = ToolResult.make({ value: { rows: 3 }, model: "3 rows", user: "| a |", ends: { reason: "found" } })
    assert.deepStrictEqual(ToolResult.fromAnswer(answer, { rows: 3 }), {
      outcome: "ok",
      content: [{ type: "text", text: "3 rows" }],
      display: [{ type: "text", text: "| a |" }],
      ends: { reason: "found", value: { rows: 3 } }
    })
    assert.deepStrictEqual(ToolResult.fromAnswer(ToolResult.end("x"), "x").ends, { reason: undefined, value: "x" })
    assert.deepStrictEqual(ToolResult.fromAnswer(ToolResult.end(1n), 1n).ends, undefined)
    const words = ToolResult.make({ model: "just words", ends: {} })
    assert.deepStrictEqual(ToolResult.fromAnswer(words, undefined), {
      outcome: "ok",
      content: [{ type: "text", text: "just words" }],
      ends: {}
    })
  })
})
