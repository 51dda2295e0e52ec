import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { bar, fitted, fittedEnd, table, widthOf } from "../../src/cli/internal/layout.ts"
import { ago, numeral, oneLine, printable } from "../../src/cli/internal/words.ts"

const characters = FastCheck.constantFrom(
  "a",
  "Z",
  " ",
  "é",
  "e\u0301",
  "漢",
  "ル",
  "한",
  "👍",
  "👩‍👩‍👧",
  "𝕏",
  "…",
  "ß"
)
const text = FastCheck.array(characters, { maxLength: 40 }).map((parts) => parts.join(""))

describe("layout", () => {
  it("knows what is twice as wide", () => {
    assert.deepStrictEqual(
      ["abc", "é", "e\u0301", "漢字", "👍", "👩‍👩‍👧", "", "한글x"].map(widthOf),
      [3, 1, 1, 4, 2, 2, 0, 5]
    )
  })

  it("a text that is cut fits, begins as the whole and says that it was cut", () => {
    FastCheck.assert(
      FastCheck.property(text, FastCheck.integer({ min: 1, max: 50 }), (whole, columns) => {
        const cut = fitted(whole, columns)
        assert.isAtMost(widthOf(cut), columns)
        if (widthOf(whole) <= columns) assert.strictEqual(cut, whole)
        else assert.isTrue(cut.endsWith("…") && whole.startsWith(cut.slice(0, -1)))
      })
    )
    assert.strictEqual(fittedEnd("/home/ada/work", 8), "…da/work")
  })

  it("no line of a table is wider than the window", () => {
    const row = FastCheck.tuple(FastCheck.string({ maxLength: 6 }), text, text).map((cells) => cells.map(oneLine))
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(row, { maxLength: 6 }),
        FastCheck.integer({ min: 110, max: 140 }),
        (rows, width) => {
          const lines = table(rows, [{}, { align: "right" }, {}], width).split("\n")
          assert.strictEqual(lines.length, rows.length + 1)
          for (const line of lines) assert.isAtMost(widthOf(line), width)
        }
      )
    )
  })

  it("bars are as long as their share, and show what is there at all", () => {
    assert.deepStrictEqual(
      [0, 0.0001, 0.5, 0.55, 1, 7].map((share) => bar(share, 4)),
      ["", "▏", "██", "██▎", "████", "████"]
    )
  })

  it("control characters and what turns text around do not pass", () => {
    assert.strictEqual(printable("a\u001b[2Jb\u202ec\td\r\n"), "a[2Jbc\td\n")
    assert.strictEqual(oneLine(" a\n\tb \u0007"), "a b")
  })

  it("times are told as people do", () => {
    const minutes = (count: number) => ago(0, count * 60_000)
    assert.deepStrictEqual([-5, 0.9, 1, 59, 60, 23 * 60, 24 * 60, 48 * 60, 29 * 1440].map(minutes), [
      ...[
        "just now",
        "just now",
        "1 min ago",
        "59 min ago",
        "1 h ago",
        "23 h ago",
        "yesterday",
        "2 days ago",
        "29 days ago"
      ]
    ])
    assert.match(minutes(31 * 1440), /^\d{4}-\d\d-\d\d$/)
  })

  it("whole numbers have their thousands apart, as the runtime writes them", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.maxSafeInteger(), (count) => {
        assert.strictEqual(numeral(count), count.toLocaleString("en-US"))
      })
    )
  })
})
