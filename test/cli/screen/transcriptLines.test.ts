import { visibleWidth, wrapTextWithAnsi } from "@earendil-works/pi-tui"
import { assert, describe, it } from "@effect/vitest"
import * as Theme from "axonal/cli/screen/theme"
import * as Colors from "axonal/cli/screen/transcript/colors"
import { lookOf, make } from "axonal/cli/screen/transcript/markdown"
import { clean, wrapped } from "axonal/cli/screen/transcript/text"
import * as FastCheck from "effect/FastCheck"
import { opened, runOf, words } from "./transcriptSupport.ts"

const colored = Theme.make({ color: true, links: true })

/** What texts have in them that are hard to show: wide, joined and turned characters, commands, the signs of Markdown. */
const bit = FastCheck.oneof(
  { weight: 3, arbitrary: FastCheck.string({ unit: "grapheme", maxLength: 12 }) },
  { weight: 2, arbitrary: FastCheck.string({ unit: "binary", maxLength: 12 }) },
  FastCheck.constantFrom(
    "\u001b]52;c;aGk=\u0007",
    "\u001b[2J\u001b[31m",
    "\u001b]8;;http://x\u001b\\y",
    "\u009b31m",
    "\u202eabc",
    "\u2066",
    "\r",
    "\t",
    "\n",
    "\n\n",
    "```js\n",
    "~~~\n",
    "- ",
    "1. ",
    "> ",
    "# ",
    "| a | b |\n|---|---|\n| 漢字 | c |\n",
    "**",
    "`",
    "[a](http://b.c/\u0007)",
    "漢字かな",
    "👩‍👩‍👧‍👦",
    "🇩🇪",
    "é̂",
    "a".repeat(90),
    " ".repeat(50),
    '{"path":"',
    "\ud83d"
  )
)

const text = FastCheck.array(bit, { maxLength: 14 }).map((bits) => bits.join(""))

/** Everything that is shown of a text, wherever it comes from. */
const shown = (value: string, theme: Theme.Theme, width: number): ReadonlyArray<string> => {
  const { push, tell, transcript } = opened({ theme })
  const of = runOf("r1")
  const call = { call: "c", name: value || "x" }
  push({ _tag: "Said", input: value })
  tell(of("RunStart"), of("TurnStart", { model: value }))
  const half = value.length >> 1
  for (const delta of [value.slice(0, half), value.slice(half)]) {
    tell(of("ReasoningDelta", { delta }), of("TextDelta", { index: 1, delta: `${delta}\n\n${delta}` }))
  }
  tell(of("ToolInputStart", call), of("ToolInputDelta", { ...call, delta: `{"path":"${value}` }))
  tell(of("ToolStart", { ...call, input: { path: value, edits: [{ old: value, new: value }], [value]: value } }))
  tell(of("ToolProgress", { ...call, chunk: value }))
  const inner = runOf("r2", { agent: value, path: [{ agent: "assistant", run: "r1", call: "c" }] })
  tell(inner("RunStart"), inner("TextDelta", { delta: value }), inner("ToolStart", { ...call, input: value }))
  tell(of("ToolEnd", { call: "d", name: "shell", outcome: "failed", content: words(value), input: { command: value } }))
  tell(of("SourceOutput", { source: { type: "source", title: value, url: `http://${value}` } }))
  tell(of("FileOutput", { file: { type: "file", mediaType: value, name: value, data: { url: `https://a/${value}` } } }))
  push({ _tag: "ShellStart", id: 1, command: value })
  push({ _tag: "ShellDelta", id: 1, text: value })
  push({ _tag: "Note", kind: "error", text: value })
  const closed = transcript.lines(width, 0, transcript.height(width))
  transcript.cards.toggleAll()
  transcript.cards.toggleAll()
  transcript.cards.previous()
  return [...closed, ...transcript.lines(width, 0, transcript.height(width))]
}

const harmful = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

/** What the transcript itself writes. */
const own = /\u001b\[[\d;]*m|\u001b\]8;;[\u0021-\u007e]*\u001b\\/g

describe("lines", () => {
  it("of data without spaces are as those of other texts", () => {
    const data = "0123456789".repeat(30)
    for (const width of [1, 7, 80]) assert.deepStrictEqual(wrapped(data, width), wrapTextWithAnsi(data, width))
  })

  it.prop(
    "no line is too wide, and none has commands to the terminal but colours and links",
    [text, FastCheck.integer({ min: 20, max: 120 })],
    ([value, width]) => {
      for (const line of shown(value, colored, width)) {
        assert.isAtMost(visibleWidth(line), width, JSON.stringify(line))
        assert.notMatch(line.replace(own, ""), harmful)
      }
    },
    { fastCheck: { numRuns: 25 } }
  )

  it.prop(
    "without colours there is nothing but characters",
    [text],
    ([value]) => {
      for (const line of shown(value, Theme.plain, 40)) assert.notMatch(line, harmful)
    },
    { fastCheck: { numRuns: 15 } }
  )

  it.prop(
    "an answer looks the same in whatever pieces it comes",
    [
      FastCheck.array(text, { maxLength: 6 }),
      FastCheck.array(FastCheck.integer({ min: 1, max: 30 }), { minLength: 1 })
    ],
    ([texts, steps]) => {
      const value = texts.join("\n\n")
      const draw = (pieces: ReadonlyArray<string>): ReadonlyArray<string> => {
        const markdown = make(
          lookOf(
            Theme.plain,
            Colors.make(Theme.plain, () => undefined)
          )
        )
        for (const piece of pieces) markdown.push(piece)
        markdown.end()
        return markdown.lines(50)
      }
      const pieces: Array<string> = []
      for (let at = 0, index = 0; at < value.length; index++) {
        const step = steps[index % steps.length] ?? 1
        pieces.push(value.slice(at, at + step))
        at += step
      }
      assert.deepStrictEqual(draw(pieces), draw([value]))
    },
    { fastCheck: { numRuns: 60 } }
  )

  it("what is left of output that wrote over itself is what stood there last", () => {
    assert.strictEqual(clean("10 %\r99 %\r\ndone\u001b[K\u001b]0;title\u0007"), "99 %\ndone")
  })

  it("code has colours once its languages are there", async () => {
    await Colors.load()
    const [line] = Colors.make(colored, () => undefined)("const a = 'b' // c", "ts")
    assert.strictEqual(line, "\u001b[35mconst\u001b[39m a = \u001b[32m'b'\u001b[39m \u001b[2m// c\u001b[22m")
  })

  it("a text of many signs that nest is drawn in no time", () => {
    const signs = [
      "> ".repeat(2000),
      "[".repeat(4000),
      "*_".repeat(2000),
      "- ".repeat(2000),
      "`".repeat(4001),
      "![".repeat(2000)
    ]
    for (const sign of signs) {
      const { tell, transcript } = opened()
      tell(runOf("r1")("TextDelta", { delta: sign }))
      assert.isAbove(transcript.height(80), 0)
    }
  })
})
