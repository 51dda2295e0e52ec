import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Board from "../../src/board/Board.ts"
import * as BoardTools from "../../src/board/BoardTools.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { RunId } from "../../src/domain/Ids.ts"
import * as Part from "../../src/domain/Part.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as ToolContext from "../../src/tool/ToolContext.ts"

const { call, delay, text } = ScriptedTransport
const tools = BoardTools.make({ board: "b", lease: "1 minute", patience: "30 seconds" })
const home = Layer.merge(Board.layerMemory, ContextStore.layerMemory)
const hooks = BoardTools.layerHooks({ board: "b", lease: "1 minute" })

const scripted = (agent: string, script: ScriptedTransport.Script) =>
  Agent.run(Agent.make(agent, { tools }), "go").pipe(Effect.provide(ScriptedTransport.layer(script)))

/** What one call answers to the run `run` of `agent`. */
const answer = (name: BoardTools.Name, input: unknown, agent = "ann", run = "r1") =>
  Effect.gen(function* () {
    const found = tools.find(({ tool }) => tool.name === name)
    const answering: unknown = found?.handler(input as never)
    assert.isTrue(Effect.isEffect(answering))
    const effect = answering as Effect.Effect<string, string, Board.Board>
    const context = { ...ToolContext.outside, agent, run: RunId.make(run) }
    return yield* Effect.merge(Effect.provideService(effect, ToolContext.ToolContext, context))
  })

const test = (title: string, body: (board: Board.Service) => Effect.Effect<void, unknown, Board.Board>): void =>
  it.effect(title, () => Effect.flatMap(Board.Board, body).pipe(Effect.provide(Board.layerMemory)))

const settled = Effect.repeatN(Effect.yieldNow(), 100)

describe("BoardTools", () => {
  it.scoped("agents hand work to each other through the board", () =>
    Effect.gen(function* () {
      const board = yield* Board.Board
      yield* scripted("planner", [
        [
          call("1", "post_tasks", {
            tasks: [
              { id: "buy", title: "Buy" },
              { title: "Paint", dependsOn: ["buy"] }
            ]
          })
        ],
        [text("posted")]
      ])
      const worker = yield* scripted("worker", [
        [call("1", "claim_task")],
        [
          call("2", "complete_task", { task: "buy", result: "blue" }),
          call("3", "add_note", { text: "it was the last", task: "buy" })
        ],
        [call("4", "claim_task")],
        [call("5", "fail_task", { task: "t1", reason: "no ladder" })],
        [text("done")]
      ])
      const [buy, paint] = yield* board.list("b")
      assert.deepStrictEqual([buy?.status, buy?.result, buy?.endedBy], ["done", "blue", `worker/${worker.run}`])
      assert.deepStrictEqual([paint?.status, paint?.reason, paint?.attempts], ["open", "no ladder", 1])
      assert.deepStrictEqual(
        (yield* board.notes("b")).map(({ author }) => author),
        [`worker/${worker.run}`]
      )
      const results = worker.messages.flatMap(({ parts }) =>
        parts.flatMap((part) => (part.type === "tool-result" ? [Part.contentToText(part.content)] : []))
      )
      assert.include(results.join("\n"), "Result of buy (Buy): blue")
    }).pipe(Effect.provide(home))
  )

  test("nobody ends or takes what another run has", (board) =>
    Effect.gen(function* () {
      yield* board.post("b", [{ id: "a", title: "A" }])
      assert.match(yield* answer("claim_task", {}), /^You have task a: A\nIt is yours for 1m after each call/)
      for (const [agent, run] of [
        ["bob", "r1"],
        ["ann", "r2"]
      ] as const) {
        assert.strictEqual(
          yield* answer("complete_task", { task: "a", result: "x" }, agent, run),
          "You do not have task a: a [in-progress] A (attempt 1 of 3): ann/r1 works on it\nDo not work on it."
        )
        assert.strictEqual(
          yield* answer("claim_task", { task: "a" }, agent, run),
          "Ann/r1 works on task a; claim another one, or wait until it is free."
        )
      }
      assert.match(yield* answer("claim_task", { task: "a" }), /^You have task a/)
      assert.strictEqual(
        yield* answer("complete_task", { task: "a", result: "x" }),
        "Task a is done. No other task is ready."
      )
    }))

  test("nobody is told to ask again and again", (board) =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* answer("claim_task", {}),
        "No task is ready for you: the board is empty. Do not claim again; say that there is nothing to do."
      )
      yield* board.post("b", [
        { id: "a", title: "A" },
        { id: "c", title: "C", dependsOn: ["a"] }
      ])
      yield* board.claim("b", "a", { worker: "bob" })
      assert.strictEqual(
        yield* answer("claim_task", {}),
        "No task is ready for you (1 in-progress, 1 blocked). Others work on a: call wait_for_tasks with them, or end your work."
      )
      yield* board.cancel("b", "a")
      assert.strictEqual(
        yield* answer("claim_task", {}),
        "No task is ready for you (1 blocked, 1 cancelled). c will never be: what they wait for failed or was cancelled." +
          " Do not claim again; say that there is nothing to do."
      )
    }))

  test("what the board refuses says what to do", () =>
    Effect.gen(function* () {
      const post = (...tasks: ReadonlyArray<object>) => answer("post_tasks", { tasks })
      assert.strictEqual(yield* post({ id: "a", title: "A" }), "Posted.\na [open] A")
      assert.strictEqual(yield* post({ id: "a", title: "A" }), "There is a task a already; choose another id.")
      assert.include(yield* post({ id: "b", title: "B", dependsOn: ["x"] }), "b depends on x".slice(1))
      assert.include(yield* post({ id: "b", title: "B", dependsOn: ["b"] }), "b → b")
      assert.strictEqual(
        yield* answer("list_tasks", { task: "x" }),
        "There is no task x on this board; list the tasks to see their ids. Call list_tasks."
      )
    }))

  test("a model waits once for what others do", (board) =>
    Effect.gen(function* () {
      yield* board.post("b", [{ id: "a", title: "A" }])
      const claim = yield* board.claim("b", "a", { worker: "bob", lease: "1 hour" })
      const impatient = yield* Effect.fork(answer("wait_for_tasks", { tasks: ["a"] }))
      yield* settled
      yield* TestClock.adjust("30 seconds")
      assert.match(yield* Fiber.join(impatient), /^Not all have ended after 30s\..*\n1 in-progress\na \[in-progress\]/)
      const patient = yield* Effect.fork(answer("wait_for_tasks", { tasks: ["a"] }))
      yield* settled
      yield* board.complete(claim, { pages: 3 })
      assert.strictEqual(yield* Fiber.join(patient), 'a [done] A (attempt 1 of 3): {"pages":3}\nResult: {"pages":3}')
    }))

  test("a task is kept while its run uses the board", (board) =>
    Effect.gen(function* () {
      yield* board.post("b", [{ id: "a", title: "A" }])
      yield* answer("claim_task", {})
      for (let times = 0; times < 3; times++) {
        yield* TestClock.adjust("50 seconds")
        yield* answer("read_notes", {})
      }
      assert.strictEqual((yield* board.get("b", "a")).status, "in-progress")
      yield* TestClock.adjust("60 seconds")
      assert.match(yield* answer("complete_task", { task: "a", result: "x" }), /^You do not have task a: a \[open\]/)
    }))

  it("tools may be fewer, and have other names", () => {
    const some = BoardTools.make({ board: "b", only: BoardTools.reading, prefix: "team_" })
    assert.deepStrictEqual(
      some.map(({ tool }) => tool.name),
      ["team_list_tasks", "team_wait_for_tasks", "team_read_notes"]
    )
    assert.throws(() => BoardTools.make({ board: "b", lease: 0 }), /BoardTools option lease/)
  })

  test("each run may have a board of its own", (board) =>
    Effect.gen(function* () {
      const own = BoardTools.make({ board: ({ session }) => `of ${session}`, only: ["post_tasks"] })
      const posting = own[0]?.handler({ tasks: [{ title: "A" }] } as never) as Effect.Effect<string, never, Board.Board>
      yield* posting
      assert.strictEqual((yield* board.list("of none")).length, 1)
    }))
})

describe("BoardTools.layerHooks", () => {
  const posted = Effect.flatMap(Board.Board, (board) => board.post("b", [{ id: "a", title: "A" }]))
  const task = Effect.flatMap(Board.Board, (board) => board.get("b", "a"))
  const around = Layer.provideMerge(hooks, home)

  it.scoped("a task is kept while its run waits for a model", () =>
    Effect.gen(function* () {
      yield* posted
      const run = yield* Effect.fork(
        scripted("ann", [
          [call("1", "claim_task")],
          [delay("10 minutes"), call("2", "complete_task", { task: "a", result: "x" })],
          [text("done")]
        ])
      )
      yield* settled
      yield* TestClock.adjust("9 minutes")
      assert.strictEqual((yield* task).status, "in-progress")
      yield* TestClock.adjust("1 minutes")
      yield* Fiber.join(run)
      assert.strictEqual((yield* task).status, "done")
    }).pipe(Effect.provide(around))
  )

  it.scoped("a run that ends without its task has failed once", () =>
    Effect.gen(function* () {
      yield* posted
      const { run } = yield* scripted("ann", [[call("1", "claim_task")], [text("I give up")]])
      const { attempts, reason, status } = yield* task
      assert.deepStrictEqual(
        [status, attempts, reason],
        ["open", 1, `the run of ann/${run} ended (completed) without ending it`]
      )
    }).pipe(Effect.provide(around))
  )

  it.scoped("a run that is interrupted releases its task", () =>
    Effect.gen(function* () {
      yield* posted
      const run = yield* Effect.fork(scripted("ann", [[call("1", "claim_task")], [delay("1 hour"), text("late")]]))
      yield* settled
      assert.strictEqual((yield* task).status, "in-progress")
      yield* Fiber.interrupt(run)
      const { attempts, status } = yield* task
      assert.deepStrictEqual([status, attempts], ["open", 0])
    }).pipe(Effect.provide(around))
  )
})
