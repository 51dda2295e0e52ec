import { CURSOR_MARKER, visibleWidth } from "@earendil-works/pi-tui"
import { assert, describe, it } from "@effect/vitest"
import type { Figures } from "axonal/cli/assistant/figures"
import * as Approval from "axonal/cli/screen/approval"
import * as Frame from "axonal/cli/screen/frame"
import * as Picker from "axonal/cli/screen/picker"
import type { Ask, State as ScreenState } from "axonal/cli/screen/state"
import * as State from "axonal/cli/screen/state"
import * as Status from "axonal/cli/screen/status"
import * as Theme from "axonal/cli/screen/theme"
import * as Transcript from "axonal/cli/screen/transcript/transcript"
import * as View from "axonal/cli/screen/view"
import { CallId, RunId, SessionId } from "axonal/domain/Ids"
import * as Usage from "axonal/domain/Usage"
import * as FastCheck from "effect/FastCheck"

const status: Figures = {
  ...{ model: "some-model", vendor: "vendor", session: SessionId.make("abc123"), permission: "ask", thinking: "high" },
  usage: {
    ...Usage.zero,
    inputTokens: { total: 12_345, cacheRead: 6172 },
    outputTokens: { total: 678 },
    costUsd: 0.0123,
    estimated: false
  },
  ...{ contextTokens: 25_000, contextWindow: 100_000 },
  work: { sinceMillis: 0, turn: 2, doing: "read_file" },
  waiting: [
    { text: "and then\nthis", how: "steer" },
    { text: "later", how: "queue" }
  ]
}

const ids = { run: RunId.make("r"), session: SessionId.make("s") }

const question = (text: string): Ask => ({
  ...{ _tag: "Question", id: 2 },
  question: {
    ...{ id: CallId.make("q"), question: text, multiple: true, allowOther: true },
    options: Array.from({ length: 12 }, (_, at) => ({ label: `${text}${at}`, description: text })),
    from: { ...ids, agent: "axonal", identity: {} }
  }
})

const approval = (text: string): Ask => ({
  ...{ _tag: "Approval", id: 1 },
  question: {
    call: {
      ...{ ...ids, id: CallId.make("c"), input: {}, agent: "axonal", turn: 1, identity: {} },
      tool: { name: "edit_file", origin: "application" }
    },
    reason: text,
    category: "edit"
  },
  previews: [
    {
      ...{ kind: "diff", path: text, isNew: false, more: 2 },
      lines: [
        { sign: "@", text: "-1,2 +1,2" },
        { sign: "-", text },
        { sign: "+", text: `${text}!` }
      ]
    },
    { kind: "command", text, folder: text, limits: ["no network"] },
    { kind: "fields", fields: [["name", text]] },
    { kind: "plan", markdown: text }
  ]
})

const withAsk = (ask: Ask): ScreenState => State.step(State.first, { _tag: "Asked", ask, now: 0 })[0]

const states = (text: string): ReadonlyArray<ScreenState> => [
  State.first,
  { ...State.first, hint: text, viewport: { top: 3 } },
  { ...State.first, open: { _tag: "Sheet", scroll: 4 } },
  {
    ...State.first,
    open: {
      _tag: "Picker",
      picker: Picker.make(text, [{ value: "v", label: text, detail: text }]),
      chosen: () => ({ _tag: "Clear" })
    }
  },
  withAsk(approval(text)),
  withAsk(question(text))
]

const viewOf = (text: string, theme = Theme.plain) => {
  const transcript = Transcript.make({ theme })
  transcript.push({ _tag: "Said", input: text })
  transcript.push({ _tag: "Note", text: text.repeat(50), kind: "info" })
  return View.make({ transcript, theme, folder: text })
}

const editor = ["─".repeat(10), `words${CURSOR_MARKER} `, "─".repeat(10)]

describe("the screen's frames", () => {
  it.prop(
    "have as many lines as the window, none wider, whatever is shown",
    [
      FastCheck.string({ unit: "grapheme", maxLength: 40 }),
      FastCheck.integer({ min: 1, max: 130 }),
      FastCheck.integer({ min: 1, max: 40 }),
      FastCheck.boolean()
    ],
    ([text, width, rows, color]) => {
      const view = viewOf(text, Theme.make({ color }))
      for (const state of states(text)) {
        const lines = view.frame({ state, status, editor, width, rows, now: 1000 })
        assert.strictEqual(lines.length, rows)
        for (const line of lines) {
          assert.isAtMost(visibleWidth(line.replace(CURSOR_MARKER, "")), width, JSON.stringify(line))
          const rest = line.replace(CURSOR_MARKER, "").replace(/\u001b\[[\d;]*m/g, "")
          assert.notMatch(rest, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/, JSON.stringify(line))
          if (!color) assert.strictEqual(rest, line.replace(CURSOR_MARKER, ""))
        }
      }
    },
    { fastCheck: { numRuns: 12 } }
  )

  it("keep a line of the editor in the smallest window", () => {
    const view = viewOf("x")
    for (const rows of [1, 2, 3, 5, 8]) {
      const lines = view.frame({ state: State.first, status, editor, width: 30, rows, now: 0 })
      assert.isTrue(
        lines.some((line) => line.includes(CURSOR_MARKER)),
        `${rows} rows`
      )
    }
    assert.deepStrictEqual(Frame.around(editor, 1), [`words${CURSOR_MARKER} `])
  })

  it("keep the keys of a card where there is little room", () => {
    const view = viewOf("x")
    for (const rows of [4, 6, 10, 30]) {
      const moment = { state: withAsk(approval("why")), status, editor, width: 60, rows, now: Approval.quietMillis }
      const text = view.frame(moment).join("\n")
      assert.include(text, "y yes · n no", `${rows} rows`)
    }
  })

  it("tell that a card is not heard yet", () => {
    const moment = { state: withAsk(approval("why")), status, editor, width: 60, rows: 20 }
    assert.notInclude(
      viewOf("x")
        .frame({ ...moment, now: Approval.quietMillis - 1 })
        .join("\n"),
      "y yes"
    )
  })

  it("show a call with its way, its change and why it is asked", () => {
    const ask = approval("src/a.ts")
    if (ask._tag !== "Approval") return assert.fail("no approval")
    const path = [
      { agent: "lead", run: RunId.make("l"), session: SessionId.make("l"), call: CallId.make("p"), turn: 1 }
    ]
    const { lines } = Approval.view(
      Approval.make(0),
      { ...ask.question, call: { ...ask.question.call, agent: "helper", path } },
      { previews: ask.previews.slice(0, 2), place: [1, 3], now: 1000, theme: Theme.plain, width: 61, rows: 20 }
    )
    assert.deepStrictEqual(lines, [
      "── Allow edit_file? ─────────────────────────────────── 1/3 ─",
      "  src/a.ts",
      "    -1,2 +1,2",
      "  - src/a.ts",
      "  + src/a.ts!",
      "  and 2 more lines",
      "  $ src/a.ts",
      "  in src/a.ts, no network",
      "why src/a.ts (edit) · lead › helper",
      "y yes · n no · e edit · t tool · c edit · s session · d never"
    ])
    const { lines: plan } = Approval.view(Approval.make(0), ask.question, {
      previews: ask.previews.slice(-1),
      place: [1, 1],
      now: 1000,
      theme: Theme.plain,
      width: 61,
      rows: 20
    })
    assert.match(plan[0] ?? "", /^── Carry out this plan\? /)
    assert.strictEqual(plan.at(-1), "y yes · n no, and what to change · e edit")
  })
})

describe("the status line", () => {
  it("leaves out what matters least where it is narrow", () => {
    const line = (width: number) => Status.line(status, Theme.plain, width)
    assert.strictEqual(
      line(120),
      "asks · some-model high · ▕██      ▏25 % · ↑12k ↓678 · 50 % cached · $0.0123 · session abc123"
    )
    const fork = { ...status, session: SessionId.make("session_0123456789abcdef") }
    assert.match(Status.line(fork, Theme.plain, 120), / · session session_012345678…$/)
    assert.strictEqual(line(65), "asks · some-model high · ▕██      ▏25 % · ↑12k ↓678 · $0.0123")
    assert.strictEqual(line(30), "asks · some-model high")
    assert.strictEqual(line(4), "asks")
  })

  it("says in red that nothing is asked", () => {
    const theme = Theme.make({ color: true })
    assert.include(Status.line({ ...status, permission: "yolo" }, theme, 80), theme.danger("YOLO"))
  })

  it("tells what works, for how long, and what waits", () => {
    assert.strictEqual(Status.working(status, Theme.plain, 80, 65_000), "⠋ read_file · 1 m 05 s · turn 2 · Esc stops")
    assert.deepStrictEqual(Status.waiting(status, Theme.plain, 80, 3), [
      "→ joins next: and then this",
      "⏸ waits: later"
    ])
    assert.deepStrictEqual(Status.waiting(status, Theme.plain, 80, 1), ["  and 2 more"])
  })
})
