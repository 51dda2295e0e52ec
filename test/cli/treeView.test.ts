import { assert, describe, it } from "@effect/vitest"
import type { View } from "axonal/cli/run/treeView"
import * as TreeView from "axonal/cli/run/treeView"
import type { AgentEvent } from "axonal/domain/AgentEvent"
import { RunId } from "axonal/domain/Ids"
import * as Usage from "axonal/domain/Usage"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"
import { numRuns } from "../support/generated.ts"

/** As much of a terminal as a tree needs: lines are cut while it does not wrap, and wrapped otherwise. */
const terminalOf = (size: { columns: number; rows: number }) => {
  let lines: Array<string> = [""]
  let [row, column, wraps] = [0, 0, true]
  const put = (char: string): void => {
    if (wraps && column >= size.columns) newline()
    const line = (lines[row] ?? "").padEnd(column)
    const at = Math.min(column, size.columns - 1)
    lines[row] = line.slice(0, at) + char + line.slice(at + 1)
    column = Math.min(column + 1, size.columns)
  }
  const newline = (): void => {
    row++
    column = 0
    lines[row] ??= ""
  }
  const commands: { readonly [end: string]: (text: string) => void } = {
    A: (count) => {
      // What has left the window above cannot be reached any more.
      row = Math.max(row - Number(count), lines.length - size.rows, 0)
    },
    J: () => {
      lines = lines.slice(0, row + 1)
      lines[row] = (lines[row] ?? "").slice(0, column)
    },
    h: () => {
      wraps = true
    },
    l: () => {
      wraps = false
    }
  }
  const write = (text: string): void => {
    for (const [part, count = "", end = ""] of text.matchAll(/\u001b\[([?\d]*)([AJhlm])|./gsu)) {
      if (end !== "") commands[end]?.(count)
      else if (part === "\n") newline()
      else if (part === "\r") column = 0
      else put(part)
    }
  }
  /** Another width, with lines that are broken anew, as most terminals do. */
  const resize = (columns: number): void => {
    size.columns = columns
    lines = lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, "g")) ?? [""])
    row = lines.length - 1
    column = 0
  }
  const window: TreeView.Window = { write, columns: () => size.columns, rows: () => size.rows, color: true }
  return { window, write, resize, seen: () => lines.map((line) => line.trimEnd()).filter((line) => line !== "") }
}

const base = { turn: 1, sequence: 0 }
const lead = { agent: "lead", run: RunId.make("lead") }
const thinks = (agent: string): AgentEvent => ({
  ...{ _tag: "TurnStart", ...base, model: "m", input: [], agent, run: RunId.make(agent) },
  ...(agent === "lead" ? undefined : { path: [lead] })
})
const ends = (agent: string): AgentEvent => {
  const { input, model, ...event } = { ...thinks(agent), input: [], model: "" }
  return { ...event, _tag: "RunEnd", reason: "completed", output: "", usage: Usage.zero, endedAtMillis: 1000 }
}

const soon = TestClock.adjust("100 millis")

const withView = <A>(
  columns: number,
  rows: number,
  use: (view: View, terminal: ReturnType<typeof terminalOf>) => Effect.Effect<A>
) => {
  const terminal = terminalOf({ columns, rows })
  return Effect.as(
    Effect.scoped(Effect.flatMap(TreeView.open(terminal.window), (view) => use(view, terminal))),
    terminal
  )
}

describe("The tree on a terminal", () => {
  it.effect("stands below what was written, and is drawn anew where it stands", () =>
    Effect.gen(function* () {
      const { seen } = yield* withView(40, 10, (view, { seen, write }) =>
        Effect.gen(function* () {
          write("before\n")
          view.add([thinks("lead"), thinks("writer")], 0)
          yield* soon
          assert.deepStrictEqual(seen(), ["before", "● lead 0 s: thinking", "  ● writer 0 s: thinking"])
          view.add([ends("writer")], 0)
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(seen(), ["before", "● lead 1 s: thinking", "  ✓ writer: completed, 1 turn, 1 s"])
          view.hide()
          assert.deepStrictEqual(seen(), ["before"])
          view.add([ends("lead")], 0)
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(seen(), ["before"])
          write("the answer\n")
          view.show()
          yield* soon
        })
      )
      assert.deepStrictEqual(seen(), [
        ...["before", "the answer"],
        ...["✓ lead: completed, 1 turn, 1 s", "  ✓ writer: completed, 1 turn, 1 s"]
      ])
    })
  )

  it.effect("is written ten times a second at most, and not when nothing looks different", () =>
    Effect.gen(function* () {
      let writes = 0
      const { window } = terminalOf({ columns: 40, rows: 10 })
      const counting = { ...window, write: () => void writes++ }
      yield* Effect.scoped(
        Effect.gen(function* () {
          const view = yield* TreeView.open(counting)
          view.add([thinks("lead")], 0)
          yield* TestClock.adjust("450 millis")
          const before = writes
          for (let count = 0; count < 10; count++) {
            view.add([thinks(`agent-${count}`), thinks(`other-${count}`)], 450)
            yield* TestClock.adjust("10 millis")
          }
          assert.deepStrictEqual([before, writes], [1, 2])
        })
      )
    })
  )

  it.effect("a window without any rows left keeps a line", () =>
    Effect.gen(function* () {
      yield* withView(40, 1, (view, { seen }) =>
        Effect.gen(function* () {
          view.add([thinks("lead"), thinks("writer")], 0)
          yield* soon
          assert.deepStrictEqual(seen(), ["… 2 more, 2 at work"])
        })
      )
    })
  )

  const act = FastCheck.oneof(
    FastCheck.record({
      _tag: FastCheck.constant("add" as const),
      agent: FastCheck.integer({ min: 0, max: 3 }),
      ends: FastCheck.boolean()
    }),
    FastCheck.record({ _tag: FastCheck.constant("resize" as const), columns: FastCheck.integer({ min: 12, max: 60 }) }),
    FastCheck.record({
      _tag: FastCheck.constant("say" as const),
      text: FastCheck.constantFrom("one", "two", "three")
    }),
    FastCheck.record({ _tag: FastCheck.constant("wait" as const) })
  )

  it.effect.prop(
    "leaves what others wrote, in windows of any size",
    { acts: FastCheck.array(act, { maxLength: 20 }) },
    ({ acts }) =>
      Effect.gen(function* () {
        const said: Array<string> = []
        const { seen } = yield* withView(60, 24, (view, terminal) =>
          Effect.forEach([...acts, { _tag: "wait" as const }], (next) => {
            if (next._tag === "resize") terminal.resize(next.columns)
            if (next._tag === "add") {
              const agent = next.agent === 0 ? "lead" : `agent-${next.agent}`
              view.add([next.ends ? ends(agent) : thinks(agent)], 0)
            }
            if (next._tag === "say") {
              view.hide()
              terminal.write(`${next.text}\n`)
              said.push(next.text)
              view.show()
            }
            return next._tag === "wait" || next._tag === "resize" ? soon : Effect.void
          })
        )
        const heard = new Set(acts.flatMap((next) => (next._tag === "add" ? [0, next.agent] : [])))
        assert.deepStrictEqual(seen().slice(0, said.length), said)
        assert.strictEqual(seen().length, said.length + heard.size)
      }),
    { fastCheck: { numRuns: numRuns(20) } }
  )
})
