import { assert, describe, it } from "@effect/vitest"
import * as Ask from "axonal/cli/plain/ask"
import * as Lines from "axonal/cli/plain/lines"
import * as Show from "axonal/cli/plain/show"
import * as Render from "axonal/cli/render"
import type { AgentEvent } from "axonal/domain/AgentEvent"
import { CallId, RunId } from "axonal/domain/Ids"
import * as Usage from "axonal/domain/Usage"
import * as Arbitrary from "effect/FastCheck"
import * as Option from "effect/Option"
import { screenOf } from "./sessionSupport.ts"

/** The requests that lines come to. */
const requestsOf = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  let open: Lines.Open | undefined
  const requests: Array<string> = []
  for (const line of lines) {
    const read = Lines.next(open, line)
    open = read._tag === "More" ? read.open : undefined
    if (read._tag === "Whole") requests.push(read.text)
  }
  return requests
}

describe("lines", () => {
  it("a backslash or three quotes join lines", () => {
    assert.deepStrictEqual(requestsOf(["a\\", "b\\\\", "c"]), ["a\nb\\\\", "c"])
    assert.deepStrictEqual(requestsOf(['"""', "a\\", "", "b", '"""', "c"]), ["a\\\n\nb", "c"])
    assert.deepStrictEqual(requestsOf(['  """a"""', '"""a', 'b"""', 'say """x']), ["a", "a\nb", 'say """x'])
  })

  it.prop("lines without either are requests as they are", [Arbitrary.array(Arbitrary.string())], ([texts]) => {
    const plain = texts.map((text) => text.replace(/[\\"\n]/g, ""))
    assert.deepStrictEqual(requestsOf(plain), plain)
  })
})

describe("answers to questions of a model", () => {
  const options = [{ label: "Red" }, { label: "Green" }]
  const one = { options, multiple: false, allowOther: false }
  it("numbers, labels and words are read as the question allows", () => {
    assert.deepStrictEqual(Option.getOrUndefined(answerOf(one, "2")), { chosen: ["Green"] })
    assert.deepStrictEqual(Option.getOrUndefined(answerOf(one, " red ")), { chosen: ["Red"] })
    assert.strictEqual(Ask.answerOf(one, "1 2"), "one number from 1 to 2")
    assert.strictEqual(Ask.answerOf(one, "blue"), "a number from 1 to 2")
    assert.strictEqual(Ask.answerOf({ ...one, multiple: true }, "3"), "numbers from 1 to 2")
    assert.deepStrictEqual(Option.getOrUndefined(answerOf({ ...one, multiple: true }, "2, 1")), {
      chosen: ["Green", "Red"]
    })
    assert.deepStrictEqual(Option.getOrUndefined(answerOf({ ...one, allowOther: true }, "blue")), { other: "blue" })
    assert.deepStrictEqual(Option.getOrUndefined(answerOf({ ...one, options: [] }, "12")), { other: "12" })
    assert.isTrue(Option.isNone(answerOf(one, "  ")))
  })
})

const answerOf = (question: Parameters<typeof Ask.answerOf>[0], line: string) => {
  const answer = Ask.answerOf(question, line)
  return typeof answer === "string" ? assert.fail(answer) : answer
}

const base = { run: RunId.make("r"), turn: 1, sequence: 0, agent: "axonal" }
const below = { ...base, agent: "explore", path: [{ agent: "explore", run: RunId.make("n"), call: CallId.make("c") }] }
const end = (name: string, input: object, text: string, outcome: "ok" | "interrupted" = "ok"): AgentEvent => ({
  ...{ _tag: "ToolEnd", ...base, call: CallId.make("c"), name, input, outcome, durationMillis: 1 },
  content: [{ type: "text", text }]
})

const rendered = (events: ReadonlyArray<AgentEvent>, color = false) => {
  let [answer, notes] = ["", ""]
  const render = Render.text({
    color,
    answer: (text) => {
      answer += text
    },
    note: (text) => {
      notes += text
    }
  })
  events.forEach(render)
  return { answer, notes }
}

describe("render", () => {
  it("thoughts are short, and what agents below say is no answer", () => {
    const { answer, notes } = rendered([
      { _tag: "ReasoningDelta", ...base, index: 0, delta: "first\nthis " },
      { _tag: "ReasoningDelta", ...base, index: 0, delta: "x".repeat(200) },
      { _tag: "TextDelta", ...base, index: 1, delta: "yes" },
      { _tag: "TextDelta", ...below, index: 0, delta: "hidden" },
      { _tag: "ToolCall", ...below, call: CallId.make("d"), name: "grep", input: { pattern: "a" } },
      {
        ...{ _tag: "RunEnd", ...below, reason: "completed", output: "hidden", endedAtMillis: 0 },
        usage: Usage.make({ input: 5, output: 1 })
      }
    ])
    assert.strictEqual(answer, "yes\n")
    assert.deepStrictEqual(notes.split("\n"), [
      `… thought: first this ${"x".repeat(88)}…`,
      '  explore → grep(pattern: "a")',
      "  explore is done (completed): 1 turn, tokens: 5 in, 1 out",
      ""
    ])
  })

  it("changes, plans and what was interrupted have lines of their own", () => {
    const diff = `Changed a.txt (+14 -1).\n@@ -1,2 +1,15 @@\n same\n-old\n${"+new\n".repeat(14)}`
    const todos = [
      { content: "one", status: "completed" },
      { content: "two\u001b[2J", status: "in_progress" },
      { content: "three", status: "pending" }
    ]
    const { notes } = rendered([
      end("edit_file", {}, diff),
      end("write_todos", { todos }, "ok"),
      end("shell", {}, "first\nsecond\n", "interrupted")
    ])
    assert.deepStrictEqual(notes.split("\n").slice(1), [
      "  -old",
      ...Array.from({ length: 11 }, () => "  +new"),
      "  … 3 more lines",
      "← write_todos: ok",
      "  [x] one",
      "  [~] two[2J",
      "  [ ] three",
      "← shell interrupted: first (and 1 more line)",
      "  second",
      ""
    ])
    assert.include(rendered([end("edit_file", {}, diff)], true).notes, "\u001b[31m-old\u001b[39m")
  })
})

describe("choices in lines", () => {
  it("what is chosen by which words is shown, and what is current", () => {
    const items = Array.from({ length: 42 }, (_, index) => ({ value: `m${index}`, label: "", isCurrent: index === 1 }))
    const shown = Show.outcome({ _tag: "Choose", title: "model: m1", command: "model", items }, screenOf())
    const lines = shown.split("\n")
    assert.deepStrictEqual(
      [lines[0], lines[1]?.trim(), lines[2]?.trim(), ...lines.slice(-3)],
      ["model: m1", "m0", "*  m1", "… 2 more; Tab shows those that fit", "/model and one of these chooses it", ""]
    )
  })
})
