import { assert, describe, it } from "@effect/vitest"
import * as Tree from "axonal/cli/run/tree"
import type { AgentEvent, RunEnd } from "axonal/domain/AgentEvent"
import { CallId, RunId, SessionId } from "axonal/domain/Ids"
import * as Usage from "axonal/domain/Usage"
import * as FastCheck from "effect/FastCheck"
import { widthOf } from "../../src/cli/internal/layout.ts"

const call = CallId.make("c")

interface Run {
  readonly agent: string
  readonly run: RunId
  readonly path?: ReadonlyArray<{ readonly agent: string; readonly run: RunId }>
}

const runOf = (agent: string, above?: Run): Run => ({
  agent,
  run: RunId.make(`run of ${agent}`),
  ...(above === undefined ? undefined : { path: [...(above.path ?? []), { agent: above.agent, run: above.run }] })
})

const base = { turn: 1, sequence: 0 }

const start = (run: Run): AgentEvent => ({
  ...{ _tag: "RunStart", ...base, ...run, turn: 0 },
  ...{ session: SessionId.make("s"), input: [] }
})
const turn = (run: Run): AgentEvent => ({ _tag: "TurnStart", ...base, ...run, model: "m", input: [] })
const says = (run: Run, delta: string): AgentEvent => ({ _tag: "TextDelta", ...base, ...run, index: 0, delta })
const calls = (run: Run, name: string, input: unknown, id: CallId = call): AgentEvent => ({
  ...{ _tag: "ToolStart", ...base, ...run, call: id, name, input }
})
const called = (run: Run, name: string, id: CallId = call): AgentEvent => ({
  ...{ _tag: "ToolEnd", ...base, ...run, call: id, name, input: {}, outcome: "ok", content: [], durationMillis: 1 }
})
const asks = (run: Run, name: string): AgentEvent => ({
  ...{ _tag: "ApprovalAsked", ...base, ...run, call, name, input: {}, reason: "it writes" }
})
const ends = (run: Run, end: Partial<RunEnd> = {}): AgentEvent => ({
  ...{ _tag: "RunEnd", ...base, ...run, reason: "completed", output: "", usage: Usage.zero, endedAtMillis: 5000 },
  ...end
})

const folded = (events: ReadonlyArray<AgentEvent>): Tree.Tree =>
  events.reduce((tree, event) => Tree.fold(tree, event, 1000), Tree.empty)

const whole = { width: 100, height: 100, now: 4000 }

const shown = (events: ReadonlyArray<AgentEvent>, size: Partial<typeof whole> = {}): ReadonlyArray<string> =>
  Tree.lines(folded(events), { ...whole, ...size }).map(({ text }) => text)

const lead = runOf("lead")
const writer = runOf("writer", lead)
const checker = runOf("checker", writer)

describe("The tree of who is doing what", () => {
  it("says what each run does, below the run that it runs in", () => {
    const events = [
      ...[start(lead), turn(lead), calls(lead, "writer", { task: "a poem" })],
      ...[start(writer), turn(writer), says(writer, "Roses a"), says(writer, "re red")],
      ...[start(checker), asks(checker, "look")]
    ]
    assert.deepStrictEqual(shown(events), [
      '● lead 3 s: writer(task: "a poem")',
      "  ● writer 3 s: writing, 3 words",
      "    ? checker 3 s: waiting for a person: look()"
    ])
  })

  it("a run that has ended is one line that says how", () => {
    const usage = Usage.make({ input: 1000, output: 234, costUsd: 0.01234 })
    const error = { tag: "X", message: "no\nroute \u001b[31mhere" }
    assert.deepStrictEqual(
      shown([
        ...[start(lead), turn(lead)],
        ...[start(writer), ends(writer, { turn: 2, usage })],
        ...[start(checker), ends(checker, { reason: "limit", limit: "turns", turn: 1 })],
        ends(lead, { reason: "error", error, turn: 1, usage: Usage.unknown })
      ]),
      [
        "✗ lead: failed: no route [31mhere, 1 turn, tokens unknown, 4 s",
        "  ✓ writer: completed, 2 turns, 1.2k tokens, $0.0123, 4 s",
        "    ✗ checker: limit of turns, 1 turn, 4 s"
      ]
    )
  })

  it("calls that are at work come before what the model does", () => {
    const other = CallId.make("d")
    const two = [turn(lead), calls(lead, "read", { path: "a" }), calls(lead, "list", {}, other)]
    assert.deepStrictEqual(shown(two), ['● lead 3 s: read(path: "a") and 1 more'])
    assert.deepStrictEqual(shown([...two, called(lead, "read")]), ["● lead 3 s: list()"])
    assert.deepStrictEqual(shown([...two, called(lead, "read"), called(lead, "list", other), turn(lead)]), [
      "● lead 3 s: thinking"
    ])
  })

  it("where there is no room, what is at work stays with the way to it", () => {
    const done = Array.from({ length: 9 }, (_, index) => runOf(`done-${index}`, lead))
    const events = [
      ...[start(lead), turn(lead), start(writer), start(checker), turn(checker)],
      ...done.flatMap((run) => [start(run), ends(run)])
    ]
    assert.deepStrictEqual(shown(events, { height: 5 }), [
      "● lead 3 s: thinking",
      "  ● writer 3 s: at work",
      "    ● checker 3 s: thinking",
      "  ✓ done-8: completed, 1 turn, 4 s",
      "… 8 more"
    ])
    assert.deepStrictEqual(shown(events, { height: 2 }), ["● lead 3 s: thinking", "… 11 more, 2 at work"])
  })

  it("a run is there before it says that it began", () => {
    assert.deepStrictEqual(shown([says(checker, "yes")]), [
      "● lead 3 s: at work",
      "  ● writer 3 s: at work",
      "    ● checker 3 s: writing, 1 word"
    ])
  })

  it("without a terminal a line says who begins and ends, with the way", () => {
    const usage = Usage.make({ input: 12_345, output: 0 })
    assert.deepStrictEqual([start(checker), turn(checker), ends(checker, { turn: 2, usage })].map(Tree.told), [
      "lead > writer > checker: started",
      undefined,
      "lead > writer > checker: completed, 2 turns, 12k tokens"
    ])
  })
})

const odd = [
  "\u001b[31m",
  "\n",
  "\t",
  "\u0000",
  "\u009b2J",
  "\u0007",
  " ",
  "a",
  "word",
  "会議",
  "🧪",
  "e\u0301",
  "\u202e",
  "\u200d\ufe0f"
]
const junk = FastCheck.array(FastCheck.constantFrom(...odd), { maxLength: 20 }).map((parts) => parts.join(""))
const step = FastCheck.record({ run: FastCheck.nat({ max: 11 }), kind: FastCheck.nat({ max: 9 }), text: junk })
/** For each run but the first, in which of those before it runs; one that is its own is a root. */
const forest = FastCheck.array(FastCheck.nat({ max: 11 }), { minLength: 1, maxLength: 12 })

const runsOf = (above: ReadonlyArray<number>): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  above.forEach((place, index) => {
    runs.push(runOf(`run-${index};`, runs[place]))
  })
  return runs
}

const eventsOf = (
  runs: ReadonlyArray<Run>,
  steps: ReadonlyArray<typeof step extends FastCheck.Arbitrary<infer A> ? A : never>
) =>
  steps.flatMap(({ kind, run: place, text }): ReadonlyArray<AgentEvent> => {
    const run = runs[place % runs.length] ?? lead
    const kinds: ReadonlyArray<AgentEvent> = [
      ...[start(run), turn(run), says(run, text), calls(run, text, { text }), called(run, text), asks(run, text)],
      ends(run, { reason: "error", error: { tag: "X", message: text } }),
      ends(run),
      { _tag: "ToolInputStart", ...base, ...run, call, name: text },
      { _tag: "Retrying", ...base, ...run, attempt: 1, delayMillis: 1, error: { tag: "X", message: text } }
    ]
    const event = kinds[kind]
    return event === undefined ? [] : [event]
  })

describe("The tree of any events", () => {
  const given = [forest, FastCheck.array(step, { maxLength: 80 })] as const

  it.prop("has each run once, whatever the order of events", [...given], ([above, steps]) => {
    const events = eventsOf(runsOf(above), steps)
    const named = new Set(events.flatMap(({ agent, path = [] }) => [agent, ...path.map((part) => part.agent)]))
    const text = shown(events, { width: 10_000, height: 10_000 }).join("\n")
    const found = text.match(/(?<=[●?✓✗] )run-\d+;/g) ?? []
    assert.deepStrictEqual([...found].sort(), [...named].sort())
    assert.strictEqual(text === "" ? 0 : text.split("\n").length, named.size)
  })

  it.prop(
    "is never wider or higher than its window, nor speaks to the terminal",
    [...given, FastCheck.integer({ min: 1, max: 60 }), FastCheck.integer({ min: 0, max: 8 })],
    ([above, steps, width, height]) => {
      const lines = shown(eventsOf(runsOf(above), steps), { width, height })
      assert.isAtMost(lines.length, height)
      for (const line of lines) {
        assert.isAtMost(widthOf(line), width)
        assert.notMatch(line, /[\p{Cc}\u202e]/u)
      }
    }
  )

  it.prop(
    "shows no run without those that it runs in",
    [...given, FastCheck.integer({ min: 1, max: 8 })],
    ([above, steps, height]) => {
      const runs = runsOf(above)
      const text = shown(eventsOf(runs, steps), { width: 10_000, height }).join("\n")
      const isShown = ({ agent }: { readonly agent: string }): boolean => text.includes(` ${agent}`)
      for (const run of runs.filter(isShown)) assert.isTrue((run.path ?? []).every(isShown))
    }
  )

  it.prop("does not change with events that it does not know", [...given], ([above, steps]) => {
    const tree = folded(eventsOf(runsOf(above), steps))
    for (const tag of ["LimitWarning", "Unheard", "constructor"]) {
      const event: AgentEvent = JSON.parse(JSON.stringify({ ...start(writer), _tag: tag }))
      assert.strictEqual(Tree.fold(tree, event, 0), tree)
    }
  })
})
