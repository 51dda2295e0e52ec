import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Evaluator from "../../src/pattern/Evaluator.ts"
import * as Orchestrator from "../../src/pattern/Orchestrator.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as Scorer from "../../src/pattern/Scorer.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { sentResults, world } from "../support/runs.ts"

const { call, roles, text } = ScriptedTransport

const erase = Agent.tool("erase", { needsApproval: true }, () => Effect.succeed("gone"))
const reader = Agent.make("reader", { instructions: "You read", description: "Reads a page" })
const author = Agent.make("author", { instructions: "You write", tools: [erase] })
const critic = Agent.make("critic", { instructions: "You review" })
const polished = Evaluator.make("polished", {
  description: "Writes a text and polishes it",
  generator: author,
  judge: Scorer.passWord(critic)
})

describe("Orchestrator", () => {
  it.effect("AM-29 calls agents and patterns as its tools", () =>
    Effect.gen(function* () {
      const editor = Orchestrator.make("editor", { instructions: "You lead", workers: [reader, polished] })
      const events = yield* Trace.events(Agent.stream(editor, "go"))
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        requests[0]?.tools.map(({ description, name }) => [name, description]),
        [
          ["reader", "Reads a page"],
          ["polished", "Writes a text and polishes it"]
        ]
      )
      assert.deepStrictEqual(sentResults(requests.at(-1)), ["ok: a page", "ok: two"])
      const end = events.at(-1)
      assert(end?._tag === "RunEnd")
      assert.deepStrictEqual([end.output, end.usage.inputTokens.total], ["all done", 70])
      const ended = Trace.lines(events).filter((line) => line.includes("RunEnd"))
      assert.sameMembers(
        [...ended],
        [
          "editor/reader: RunEnd:completed",
          "editor/polished/author: RunEnd:completed",
          "editor/polished/critic: RunEnd:completed",
          "editor/polished/author: RunEnd:completed",
          "editor/polished/critic: RunEnd:completed",
          "editor/polished: RunEnd:completed",
          "RunEnd:completed"
        ]
      )
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You lead": [
              [call("1", "reader", { task: "p. 1" }), call("2", "polished", { task: "a text" })],
              [text("all done")]
            ],
            "You read": [[text("a page")]],
            "You write": [[text("one")], [text("two")]],
            "You review": [[text("No.")], [text("PASS")]]
          })
        )
      )
    )
  )

  it.effect("AM-29 threads its wrap-up through to the last turn", () =>
    Effect.gen(function* () {
      const lead = Orchestrator.make("lead", {
        instructions: "You lead",
        workers: [reader],
        limits: { turns: 1, lastTurnMessage: "Wrap up with what you have." }
      })
      const result = yield* Agent.run(lead, "go")
      assert.deepStrictEqual([result.reason, result.limit, result.text], ["limit", "turns", "half of it"])
      const last = (yield* ScriptedTransport.requests).at(-1)
      assert.strictEqual(last?.toolChoice, "none")
      assert.include(Message.toText(last?.messages.at(-1) ?? Message.user("")), "Wrap up with what you have.")
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You lead": [[call("1", "reader", { task: "p. 1" })], [text("half of it")]],
            "You read": [[text("a page")]]
          })
        )
      )
    )
  )

  it.effect("a worker that fails is a failed call", () =>
    Effect.gen(function* () {
      const never = Evaluator.make("never", {
        generator: reader,
        judge: Scorer.fromFunction("no", () => false),
        rounds: 1
      })
      const lead = Orchestrator.make("lead", { instructions: "You lead", workers: [never] })
      const result = yield* Agent.run(lead, "go")
      assert.deepStrictEqual([result.reason, result.text], ["completed", "without it"])
      const [sent = ""] = sentResults((yield* ScriptedTransport.requests).at(-1))
      assert.match(sent, /^failed: .*No attempt passed in 1 round/s)
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You lead": [[call("1", "never", { task: "x" })], [text("without it")]],
            "You read": [[text("a page")]]
          })
        )
      )
    )
  )

  it.effect("takes options of workers, and tools for those that take no text", () =>
    Effect.gen(function* () {
      const square = Runner.fromEffect("square", ({ n }: { readonly n: number }) => Effect.succeed(n * n))
      const lead = Orchestrator.make("lead", {
        instructions: "You lead",
        workers: [
          { runner: reader, name: "library", description: "Knows books" },
          Subagent.tool(square, { description: "Squares", input: Schema.Struct({ n: Schema.Number }) })
        ],
        output: Schema.Struct({ pages: Schema.Number })
      })
      const result = yield* Agent.run(lead, "go")
      assert.deepStrictEqual(result.output, { pages: 49 })
      assert.deepStrictEqual(sentResults((yield* ScriptedTransport.requests)[2]), ["ok: seven", "ok: 49"])
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You lead": [
              [call("1", "library", { task: "how many" }), call("2", "square", { n: 7 })],
              [text(`{"pages":49}`)]
            ],
            "You read": [[text("seven")]]
          })
        )
      )
    )
  )

  it.effect("TR-9 waits with a pattern in it, and goes on alone", () =>
    Effect.gen(function* () {
      const lead = Orchestrator.make("lead", { instructions: "You lead", workers: [reader, polished] })
      const first = yield* Agent.run(lead, "go")
      assert.deepStrictEqual(
        [first.reason, first.pending[0]?.path?.map(({ agent, at }) => at ?? agent)],
        ["awaiting-approval", ["lead", "draft-2"]]
      )
      const decided = first.pending.map(({ call }) => ({ call, approved: true }))
      const result = yield* Agent.resume(lead, first.session, decided)
      assert.deepStrictEqual([result.reason, result.text], ["completed", "all done"])
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(sentResults(requests.at(-1)), ["ok: a page", "ok: two"])
      // The reader, the first draft and its review are not asked again.
      assert.lengthOf(requests, 8)
    }).pipe(
      Effect.provide(
        Layer.merge(
          Approval.layerSuspend,
          world(
            roles({
              "You lead": [
                [call("1", "reader", { task: "p. 1" }), call("2", "polished", { task: "a text" })],
                [text("all done")]
              ],
              "You read": [[text("a page")]],
              "You write": [[text("one")], [call("1", "erase")], [text("two")]],
              "You review": [[text("No.")], [text("PASS")]]
            })
          )
        )
      )
    )
  )

  it("refuses no workers, and two of one name", () => {
    assert.throws(() => Orchestrator.make("lead", { workers: [] }), "at least one worker")
    assert.throws(
      () => Orchestrator.make("lead", { workers: [reader, { runner: critic, name: "reader" }] }),
      "two workers of the name reader"
    )
  })
})
