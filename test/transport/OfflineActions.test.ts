import { assert, describe, it } from "@effect/vitest"
import * as Message from "axonal/domain/Message"
import type { CallOutcome } from "axonal/domain/Outcome"
import type { ToolCall } from "axonal/domain/Part"
import * as Part from "axonal/domain/Part"
import * as Toolkit from "axonal/tool/Toolkit"
import * as AskUser from "axonal/toolbox/AskUser"
import * as FetchUrl from "axonal/toolbox/FetchUrl"
import * as TodoList from "axonal/toolbox/TodoList"
import * as Toolbox from "axonal/toolbox/Toolbox"
import * as Offline from "axonal/transport/Offline"
import type { ToolSpec } from "axonal/transport/Transport"
import * as Transport from "axonal/transport/Transport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { callsOf, partsOf, send, string, textOf, tool } from "./offlineCalls.ts"

const subagent: ToolSpec = tool("subagent", { agent: { type: "string", enum: ["general", "explore"] }, task: string }, [
  "agent",
  "task"
])

const box = Effect.map(
  Toolkit.resolve([...Toolbox.make(), ...TodoList.make(), FetchUrl.make(), AskUser.make()]),
  ({ specs }): ReadonlyArray<ToolSpec> => [...specs, subagent]
)

/** What each call comes to, by name or by the path that it is about. */
type Results = Readonly<Record<string, readonly [CallOutcome, string]>>

/** The calls of a request, turn by turn, and the answer. */
const exchange = (text: string, results: Results = {}) =>
  Effect.gen(function* () {
    const tools = yield* box
    const messages = [Message.user(text)]
    const turns: Array<ReadonlyArray<unknown>> = []
    while (turns.length < 10) {
      const deltas = yield* send(messages, { tools })
      const parts = partsOf(deltas)
      const calls = parts.filter((part): part is ToolCall => part.type === "tool-call")
      if (calls.length === 0) return { turns, answer: textOf(deltas) }
      turns.push(callsOf(deltas))
      const answers = calls.map(({ id, name }): Part.ToolResult => {
        const [outcome, words] = results[name] ?? ["ok", "fine"]
        return { type: "tool-result", id, name, outcome, content: [Part.text(words)] }
      })
      messages.push(Message.assistant(parts), Message.tool(answers))
    }
    return yield* Effect.dieMessage("it does not come to an end")
  })

const plan = "The plan, 0 of 2 done:\n[>] look\n[ ] write"
const todo = (content: string, status = "pending") => ({ content, status })

describe("Offline, over tools that change something", () => {
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<unknown>]> = [
    [
      'Please replace "a, b" with "c and d" in README.md.',
      [["edit_file", { path: "README.md", edits: [{ old: "a, b", new: "c and d" }] }]]
    ],
    [
      "change foo to bar in src/a.ts everywhere",
      [["edit_file", { path: "src/a.ts", edits: [{ old: "foo", new: "bar", all: true }] }]]
    ],
    ['remove " twice" from a.txt', [["edit_file", { path: "a.txt", edits: [{ old: " twice", new: "" }] }]]],
    ['create notes.txt with "hello"', [["write_file", { path: "notes.txt", content: "hello\n" }]]],
    ["create an empty file called .keep", [["write_file", { path: ".keep", content: "" }]]],
    ["write hello to list.md", [["write_file", { path: "list.md", content: "hello\n" }]]],
    ["create a.txt with one and two", [["write_file", { path: "a.txt", content: "one and two\n" }]]],
    ["run ls -la", [["shell", { command: "ls -la" }]]],
    ["execute the command `git status; ls`", [["shell", { command: "git status; ls" }]]],
    ["fetch https://example.com/a?b=c", [["fetch_url", { url: "https://example.com/a?b=c" }]]],
    ["what is at <https://example.com>", [["fetch_url", { url: "https://example.com" }]]],
    ['ask me "Which colour?"', [["ask_user", { question: "Which colour?" }]]],
    [
      "plan: find it, mend it and test it",
      [["write_todos", { todos: [todo("find it"), todo("mend it"), todo("test it")] }]]
    ],
    ["show me the plan", [["read_todos", {}]]],
    [
      "ask an agent to read a.txt, b.txt and say what they are",
      [["subagent", { agent: "general", task: "read a.txt, b.txt and say what they are" }]]
    ],
    [
      "list src and ask the explore agent to search TODO",
      [
        ["list_files", { path: "src" }],
        ["subagent", { agent: "explore", task: "search TODO" }]
      ]
    ],
    ["write me a poem", []],
    ["let us read a.txt", [["read_file", { path: "a.txt" }]]],
    ["tell me about it and read a.txt", [["read_file", { path: "a.txt" }]]]
  ]

  it.effect("plain words become calls of the tools that there are", () =>
    Effect.gen(function* () {
      for (const [text, expected] of cases) {
        assert.deepStrictEqual((yield* exchange(text)).turns, expected.length === 0 ? [] : [expected], text)
      }
    })
  )

  it.effect("what changes something is done by itself, in order", () =>
    Effect.map(
      exchange('read a.txt and create b.txt with "x" and replace "x" with "y" in b.txt and list'),
      ({ turns }) =>
        assert.deepStrictEqual(turns, [
          [["read_file", { path: "a.txt" }]],
          [["write_file", { path: "b.txt", content: "x\n" }]],
          [["edit_file", { path: "b.txt", edits: [{ old: "x", new: "y" }] }]],
          [["list_files", {}]]
        ])
    )
  )

  it.effect("lines are added behind the last one, which is looked up", () =>
    Effect.gen(function* () {
      const read = ["read_file", { path: "a.txt" }]
      const patch = (from: number, content: string) => [
        "patch_file",
        { path: "a.txt", patches: [{ from, to: from - 1, content }] }
      ]
      const found: Results = { read_file: ["ok", "a.txt: 2 lines\n     1\tone\n     2\ttwo"] }
      assert.deepStrictEqual((yield* exchange('append "x" to a.txt and add "y" to a.txt', found)).turns, [
        [read],
        [patch(3, "x")],
        [patch(4, "y")]
      ])
      const absent: Results = { read_file: ["failed", "There is no file a.txt."] }
      assert.deepStrictEqual((yield* exchange('append "x" to a.txt', absent)).turns, [
        [read],
        [["write_file", { path: "a.txt", content: "x\n" }]]
      ])
      const refused = yield* exchange('append "x" to a.txt', { read_file: ["denied", "Denied: it is secret"] })
      assert.deepStrictEqual(refused, { turns: [[read]], answer: "read_file (a.txt) was denied: it is secret" })
    })
  )

  it.effect("a plan is read before a line of it changes", () =>
    Effect.gen(function* () {
      const known: Results = { read_todos: ["ok", plan], write_todos: ["ok", plan] }
      assert.deepStrictEqual((yield* exchange("remember to rest", known)).turns, [
        [["read_todos", {}]],
        [["write_todos", { todos: [todo("look", "in_progress"), todo("write"), todo("rest")] }]]
      ])
      assert.deepStrictEqual((yield* exchange('mark "look" as done', known)).turns, [
        [["read_todos", {}]],
        [["write_todos", { todos: [todo("look", "completed"), todo("write")] }]]
      ])
      assert.deepStrictEqual((yield* exchange("done with what is not there", known)).turns, [[["read_todos", {}]]])
    })
  )

  it.effect("answers say what came of it, and no more", () =>
    Effect.gen(function* () {
      const edit = 'replace "a" with "b" in x.md'
      const changed: Results = { edit_file: ["ok", "Changed x.md (+1 -1 lines).\n-a\n+b"] }
      assert.strictEqual((yield* exchange(edit, changed)).answer, "Changed x.md (+1 -1 lines).\n\n```diff\n-a\n+b\n```")
      const denied = yield* exchange(edit, { edit_file: ["denied", "Not approved: not today"] })
      assert.strictEqual(denied.answer, "edit_file (x.md) was denied: not today")
      assert.include(
        (yield* exchange("delete a.txt")).answer,
        "I cannot delete files: no tool of this program does that. Ask for: run rm a.txt"
      )
      assert.include((yield* exchange("ask nobody to rest")).answer, "I cannot answer “ask nobody to rest”")
    })
  )

  it.effect("help tells of what the declared tools can do, and of nothing else", () =>
    Effect.gen(function* () {
      const told = (answer: string) => [...answer.matchAll(/^- `(.+)`$/gm)].map(([, text = ""]) => text)
      const whole = told((yield* exchange("what can you do?")).answer)
      assert.isAtLeast(whole.length, 9)
      for (const text of whole) assert.isAtLeast((yield* exchange(text)).turns.length, 1, text)
      const few = yield* send([Message.user("help")], { tools: [tool("read", { path: string }, ["path"])] })
      assert.deepStrictEqual(told(textOf(few)), ["read README.md and tell me what this is"])
    })
  )

  it.effect("a pace puts time between the deltas", () =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const request = Transport.request({ messages: [Message.user("help")], tools: [] })
      const answering = Transport.stream(request).pipe(
        Stream.runForEachChunk(() => Effect.map(TestClock.currentTimeMillis, (now) => times.push(now))),
        Effect.provide(Offline.layerWith({ pace: "20 millis" }))
      )
      const fiber = yield* Effect.fork(answering)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(times.slice(0, 3), [20, 40, 60])
      assert.throws(() => Offline.make({ pace: -1 }), /Offline option pace/)
    })
  )
})
