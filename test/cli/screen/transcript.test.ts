import { assert, describe, it } from "@effect/vitest"
import * as Theme from "axonal/cli/screen/theme"
import { SessionId } from "axonal/domain/Ids"
import { opened, runOf, said, words } from "./transcriptSupport.ts"

const edit = { path: "src/a.ts", edits: [{ old: "a", new: "b\nc" }] }
const changed = "Changed src/a.ts (2 lines more, 1 less).\n@@ -1,2 +1,3 @@\n x\n-a\n+b\n+c"

describe("transcript", () => {
  it("a run is shown from the words to what it cost", () => {
    const { clock, push, tell, text } = opened()
    const of = runOf("r1")
    push({ _tag: "Said", input: "Fix the bug" })
    tell(of("RunStart", { input: [said("Fix the bug")] }), of("TurnStart"))
    tell(of("ReasoningDelta", { delta: "Where is it?" }))
    clock.now = 3000
    tell(of("TextDelta", { index: 1, delta: "I **look**.\n\n- at `a.ts`\n" }))
    tell(of("ToolInputStart", { call: "c", name: "edit_file" }))
    tell(of("ToolCall", { call: "c", name: "edit_file", input: edit }), of("TurnEnd"))
    tell(of("ToolStart", { call: "c", name: "edit_file", input: edit }))
    tell(of("ToolEnd", { call: "c", name: "edit_file", input: edit, content: words(changed), durationMillis: 212 }))
    const usage = {
      inputTokens: { total: 1234, cacheRead: 1000 },
      outputTokens: { total: 20 },
      costUsd: 0.0123,
      estimated: false
    }
    tell(of("RunEnd", { usage, turn: 2 }))
    push({ _tag: "Settled", end: undefined })
    assert.strictEqual(
      text(),
      [
        "› Fix the bug",
        "",
        "∴ thought for 3.0 s",
        "",
        "I look.",
        "",
        "- at a.ts",
        "",
        "● edit_file src/a.ts  +2 −1  0.2 s",
        "",
        "2 turns · 1,234 in (1,000 cached) · 20 out · $0.0123 · 3.0 s"
      ].join("\n")
    )
  })

  it("a card opens to what changed, and closes again", () => {
    const { tell, text, transcript } = opened()
    const of = runOf("r1")
    tell(of("ToolEnd", { call: "c", name: "edit_file", input: edit, content: words(changed) }))
    const closed = text()
    transcript.cards.toggle()
    const open = text()
    transcript.cards.toggle()
    assert.strictEqual(
      open,
      [
        "● edit_file src/a.ts  +2 −1",
        "  │ Changed src/a.ts (2 lines more, 1 less).",
        "  │ @@ -1,2 +1,3 @@",
        "  │  x",
        "  │ -a",
        "  │ +b",
        "  │ +c"
      ].join("\n")
    )
    assert.strictEqual(text(), closed)
  })

  it("a call shows its arguments as they are written, and its output as it comes", () => {
    const { clock, tell, text, transcript } = opened()
    const of = runOf("r1")
    const call = { call: "c", name: "shell" }
    tell(of("ToolInputStart", call), of("ToolInputDelta", { ...call, delta: '{"command":"npm te' }))
    const written = text()
    tell(of("ToolStart", { ...call, input: { command: "npm test" } }))
    tell(of("ToolProgress", { ...call, chunk: "1\n2\n3\n" }), of("ToolProgress", { ...call, chunk: "10 %\r20 %\n" }))
    clock.now = 1200
    assert.isTrue(transcript.tick())
    const working = text()
    tell(of("ToolEnd", { ...call, outcome: "failed", content: words("1\n\nexit code 1"), durationMillis: 1300 }))
    assert.isFalse(transcript.tick())
    assert.deepStrictEqual(
      [written, working, text()],
      [
        "○ shell npm te",
        "◓ shell npm test  1.2 s\n  │ 2\n  │ 3\n  │ 20 %",
        "✗ shell npm test  failed  1.3 s\n  │ exit code 1"
      ]
    )
  })

  it("agents stand below the call that set them to work", () => {
    const { tell, text, transcript } = opened()
    const of = runOf("r1")
    const call = { call: "c", name: "delegate" }
    tell(of("ToolStart", { ...call, input: { agent: "reader", task: "find it" } }))
    const inner = runOf("r2", { agent: "reader", path: [{ agent: "assistant", run: "r1", call: "c" }] })
    tell(inner("RunStart"), inner("TurnStart"), inner("TextDelta", { delta: "I read" }))
    tell(inner("ToolStart", { call: "c", name: "read_file", input: { path: "b.ts", offset: 3, limit: 7 } }))
    const step = { agent: "reader", run: "r2", call: "c" }
    const path = [{ agent: "assistant", run: "r1", call: "c" }, step]
    const deeper = runOf("r3", { agent: "deeper", path })
    tell(deeper("RunStart"), deeper("TurnStart"))
    const closed = text()
    transcript.cards.toggleAll()
    const open = text()
    tell(deeper("RunEnd"), inner("RunEnd", { reason: "stopped" }))
    transcript.cards.toggleAll()
    assert.deepStrictEqual(
      [closed, open, text()],
      [
        "◐ delegate reader: find it\n  └ ◐ reader read_file b.ts:3-9  1 call",
        [
          "◐ delegate reader: find it",
          "  agent: reader",
          "  task: find it",
          "  └ ◐ reader read_file b.ts:3-9  1 call",
          "    I read",
          "",
          "    ◐ read_file b.ts:3-9",
          "      └ ◐ deeper asks the model"
        ].join("\n"),
        "◐ delegate reader: find it\n  └ ✗ reader stopped  1 call"
      ]
    )
  })

  it("of plans the newest is open", () => {
    const { tell, text } = opened()
    const of = runOf("r1")
    const plan = (...status: ReadonlyArray<string>) => ({
      todos: status.map((status, index) => ({ content: `thing ${index + 1}`, status }))
    })
    tell(of("ToolEnd", { call: "a", name: "write_todos", input: plan("in_progress", "pending") }))
    tell(of("ToolEnd", { call: "b", name: "write_todos", input: plan("completed", "in_progress", "pending") }))
    assert.strictEqual(
      text(),
      ["● write_todos 0 of 2 done", "● write_todos 1 of 3 done", "  ☑ thing 1", "  ▶ thing 2", "  ☐ thing 3"].join("\n")
    )
  })

  it("a plan is shown as it is written", () => {
    const { tell, text } = opened()
    const of = runOf("r1")
    const call = { call: "c", name: "present_plan" }
    tell(of("ToolInputStart", call), of("ToolInputDelta", { ...call, delta: '{"plan":"## First\\n\\n1. Lo' }))
    assert.strictEqual(text(), "○ present_plan\n  First\n\n  1. Lo")
  })

  it("a path is shown as the model wrote it, and arguments that are not told again stay", () => {
    const { tell, text } = opened()
    const of = runOf("r1")
    const call = { call: "c", name: "write_file" }
    const input = { path: "./a/b.ts", content: "1\n2\n" }
    tell(of("ToolCall", { ...call, input }), of("ToolStart", { ...call, input: { ...input, path: "/work/a/b.ts" } }))
    tell(of("ToolEnd", { ...call, input: {}, content: words("Created a/b.ts: 2 lines, 4 bytes.") }))
    assert.strictEqual(text(), "● write_file ./a/b.ts  +2")
  })

  it("words that steer are shown where they join", () => {
    const { push, tell, text } = opened()
    const of = runOf("r1")
    push({ _tag: "Said", input: "go" })
    tell(of("RunStart", { input: [said("go")] }), of("TurnStart"), of("TextDelta", { delta: "I go" }))
    push({ _tag: "Said", input: "left", how: "steer" })
    const before = text()
    tell(of("TextDelta", { delta: " on." }), of("TurnEnd"), of("TurnStart", { input: [said("left")] }))
    tell(of("TextDelta", { delta: "Left." }))
    assert.deepStrictEqual([before, text()], ["› go\n\nI go", "› go\n\nI go on.\n\n› left\n\nLeft."])
  })

  it("what was shown of a turn that begins anew is void", () => {
    const { tell, text } = opened()
    const of = runOf("r1")
    const error = { tag: "TransportError", message: "the line broke" }
    tell(of("TurnStart"), of("TextDelta", { delta: "Half an" }), of("ToolInputStart", { call: "c", name: "shell" }))
    tell(
      of("TurnRestarted", {
        restart: 1,
        delayMillis: 500,
        error,
        usage: { inputTokens: {}, outputTokens: {}, estimated: true }
      })
    )
    tell(
      of("Retrying", { attempt: 1, delayMillis: 1000, error }),
      of("Retrying", { attempt: 2, delayMillis: 2000, error })
    )
    tell(of("TextDelta", { delta: "A whole answer." }))
    assert.strictEqual(
      text(80),
      [
        "… the answer broke off and begins anew in 0.5 s: the line broke",
        "… again in 2.0 s (attempt 2 failed): the line broke",
        "",
        "A whole answer."
      ].join("\n")
    )
  })

  it("what guards and the person decided stands at the call", () => {
    const { push, tell, text } = opened()
    const of = runOf("r1")
    const call = { call: "c", name: "shell", input: { command: "rm x" } }
    tell(of("ToolCall", call), of("ApprovalAsked", { ...call, reason: "it removes" }))
    const asked = text()
    tell(of("ApprovalDecided", { ...call, approved: false, reason: "keep it" }))
    tell(of("ToolEnd", { ...call, outcome: "denied", content: words("Denied: keep it") }))
    tell(of("ToolStart", { call: "d", name: "shell", input: { command: "sleep 9" } }))
    push({ _tag: "Settled", end: undefined, problem: "the vendor is gone" })
    assert.deepStrictEqual(
      [asked, text()],
      [
        "? shell rm x  asks",
        "⊘ shell rm x  denied\n  └ you denied it: keep it\n■ shell sleep 9  interrupted\n\n✗ the vendor is gone"
      ]
    )
  })

  it("commands of the person show the end of their output", () => {
    const { push, text } = opened()
    push({ _tag: "ShellStart", id: 1, command: "seq 20" })
    push({ _tag: "ShellDelta", id: 1, text: Array.from({ length: 20 }, (_, index) => `${index + 1}\n`).join("") })
    push({ _tag: "ShellEnd", id: 1, outcome: "exit code 0, 0 s", isOk: true })
    const numbers = Array.from({ length: 12 }, (_, index) => `  ${index + 9}`)
    assert.strictEqual(text(), ["! seq 20", "  … 8 more lines above", ...numbers, "  exit code 0, 0 s"].join("\n"))
  })

  it("cards are chosen from the last one upwards", () => {
    const { tell, transcript, text } = opened()
    const of = runOf("r1")
    for (const call of ["a", "b"]) tell(of("ToolEnd", { call, name: "read_file", input: { path: `${call}.ts` } }))
    const { cards } = transcript
    const steps = [cards.previous(), cards.previous(), cards.previous()]
    const first = text()
    const place = cards.chosen(60)
    cards.toggle()
    const open = text()
    steps.push(cards.next(), cards.next(), cards.isChosen())
    assert.deepStrictEqual(
      { first, open, place, steps },
      {
        first: "❯ read_file a.ts\n● read_file b.ts",
        open: "❯ read_file a.ts\n  path: a.ts\n● read_file b.ts",
        place: { from: 0, to: 1 },
        steps: [true, true, true, true, false, false]
      }
    )
  })

  it("a place stays what it is when lines above it come", () => {
    const { push, transcript, tell } = opened()
    const of = runOf("r1")
    tell(of("ToolEnd", { call: "a", name: "read_file", input: { path: "a.ts" }, content: words("1\n2\n3") }))
    push({ _tag: "Note", kind: "info", text: "here" })
    const place = transcript.placeOf(60, 2)
    transcript.cards.toggle()
    const line = transcript.lineOf(60, place)
    assert.deepStrictEqual([transcript.lines(60, line, line + 1), line], [["· here"], 6])
  })

  it("what is beyond the bounds is dropped from the top, and said to be", () => {
    const { push, text, transcript } = opened({ mostBlocks: 20 })
    for (let index = 1; index <= 30; index++) push({ _tag: "Note", kind: "info", text: `note ${index}` })
    assert.strictEqual(text().split("\n")[0], "… 10 earlier parts no longer kept here")
    assert.strictEqual(transcript.height(60), 21)
    push({ _tag: "Switched", session: SessionId.make("other") })
    assert.strictEqual(transcript.height(60), 0)
  })

  it("a picture is drawn where the terminal can, and only as a whole", () => {
    const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAABACAYAAAA1DQr7AAAAEUlEQVR4nGNgGAWjYBSMAggAAAQAAAE="
    const file = { type: "file", mediaType: "image/png", name: "a.png", data: { base64: png } }
    const drawn = opened({ theme: Theme.make({ color: true, pictures: "kitty" }) })
    drawn.tell(runOf("r1")("FileOutput", { file }))
    const height = drawn.transcript.height(60)
    const [first = ""] = drawn.transcript.lines(60, 0, height)
    const [cut = ""] = drawn.transcript.lines(60, 1, height)
    const kept: Array<string> = []
    const saved = opened({ save: ({ name = "" }) => `/media/${kept.push(name)}.png` })
    saved.tell(runOf("r1")("FileOutput", { file }))
    assert.deepStrictEqual(
      [height, first.startsWith("\u001b_G"), cut.includes("\u001b_G"), saved.text()],
      [4, true, false, "[a.png 60 B] /media/1.png"]
    )
  })
})
