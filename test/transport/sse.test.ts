import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as sse from "../../src/transport/internal/sse.ts"

interface Found {
  readonly data?: string
  readonly name?: string
  readonly field?: string
  readonly value?: string
}

/** What is found in text that arrives in these pieces. */
const decode = (pieces: Iterable<string>): ReadonlyArray<Found> => {
  const found: Array<Found> = []
  const decoder = new sse.Decoder({
    onEvent: (data, name) => found.push(name === "" ? { data } : { data, name }),
    onField: (field, value) => found.push({ field, value })
  })
  for (const piece of pieces) decoder.push(piece)
  decoder.end()
  return found
}

const cases: ReadonlyArray<readonly [title: string, text: string, found: ReadonlyArray<Found>]> = [
  ["LF", "data: a\n\ndata: b\n\n", [{ data: "a" }, { data: "b" }]],
  ["CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", [{ data: "a" }, { data: "b" }]],
  ["CR", "data: a\r\rdata: b\r\r", [{ data: "a" }, { data: "b" }]],
  ["line ends of all kinds", "data: a\r\n\ndata: b\r\r\ndata: c\n\r", [{ data: "a" }, { data: "b" }, { data: "c" }]],
  ["no space after the colon", "data:a\n\n", [{ data: "a" }]],
  ["one space of several", "data:  a  \n\n", [{ data: " a  " }]],
  ["several lines of data", "data: a\ndata\ndata: b\n\n", [{ data: "a\n\nb" }]],
  ["empty data", "data\n\ndata:\n\n", [{ data: "" }, { data: "" }]],
  ["names, for one event each", "event: x\ndata: a\n\ndata: b\n\n", [{ data: "a", name: "x" }, { data: "b" }]],
  ["a name without data", "event: x\n\ndata: a\n\n", [{ data: "a" }]],
  ["comments", ": hi\n\n:\n: data: a\ndata: b\n\n", [{ data: "b" }]],
  ["ids and retries", "id: 1\nretry: 5\ndata: a\n\n", [{ data: "a" }]],
  [
    "unknown fields",
    "error: {}\nnote\ndata: a\n\n",
    [{ field: "error", value: "{}" }, { field: "note", value: "" }, { data: "a" }]
  ],
  ["a byte order mark", "\ufeffdata: a\n\ndata: \ufeffb\n\n", [{ data: "a" }, { data: "\ufeffb" }]],
  ["no blank line at the end", "data: a\n\ndata: b\n", [{ data: "a" }, { data: "b" }]],
  ["no line end at the end", "data: a\n\ndata: b", [{ data: "a" }, { data: "b" }]],
  [
    "a name that begins like data",
    "data2: a\ndat: b\n\n",
    [
      { field: "data2", value: "a" },
      { field: "dat", value: "b" }
    ]
  ],
  ["nothing", "", []]
]

describe("sse", () => {
  it.each(cases)("reads %s", (_, text, found) => {
    assert.deepStrictEqual(decode([text]), found)
  })

  it.each(cases)("WIRE-1 reads %s character by character", (_, text, found) => {
    assert.deepStrictEqual(decode(text), found)
  })

  it.prop(
    "WIRE-1 any split of any text gives the same events",
    [
      FastCheck.array(
        FastCheck.constantFrom(
          "data",
          "event",
          ":",
          " ",
          "\n",
          "\r",
          "\r\n",
          "x",
          "\ufeff",
          "data: {}\n\n",
          "error: y\n"
        ),
        { maxLength: 40 }
      ),
      FastCheck.array(FastCheck.nat(60))
    ],
    ([words, cuts]) => {
      const text = words.join("")
      const offsets = [0, ...[...new Set(cuts)].sort((left, right) => left - right), text.length]
      const pieces = offsets.map((offset, index) => text.slice(offset, offsets[index + 1] ?? text.length))
      assert.deepStrictEqual(decode(pieces), decode([text]))
    }
  )

  it("WIRE-1 looks at every character once, whatever the line ends", () => {
    const lines = 'data: {"a":1}\n\n'.repeat(40_000)
    const started = performance.now()
    decode([`: hi\r\n\r\n${lines}`])
    decode([`: hi\n\n${lines.replaceAll("\n", "\r")}`])
    decode(lines.slice(0, 100_000))
    decode(`data: ${"x".repeat(200_000)}`)
    // Quadratic readers take minutes; this one takes a few hundredths of a second.
    assert.isBelow(performance.now() - started, 5000)
  })
})

describe("TextPieces", () => {
  const text = "\ufeffa é 漢 😀 \ufeff z"
  const bytes = new TextEncoder().encode(text)

  it.prop(
    "WIRE-1 any split of the bytes gives the same text",
    [FastCheck.array(FastCheck.nat(bytes.length))],
    ([cuts]) => {
      const offsets = [0, ...[...new Set(cuts)].sort((left, right) => left - right)]
      const pieces = new sse.TextPieces()
      const read = offsets.map((offset, index) =>
        pieces.decode(bytes.subarray(offset, offsets[index + 1] ?? bytes.length))
      )
      assert.strictEqual(read.join("") + pieces.end(), text)
    }
  )

  it("replaces a character that never arrives whole", () => {
    const pieces = new sse.TextPieces()
    assert.strictEqual(pieces.decode(bytes.subarray(0, bytes.length - 3)) + pieces.end(), "\ufeffa é 漢 😀 \ufffd")
  })
})
