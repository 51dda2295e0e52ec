import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as Composite from "../../src/agent/Composite.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import type * as Message from "../../src/domain/Message.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { sentResults, world } from "../support/runs.ts"

const { call, text } = ScriptedTransport

const ran: Array<string> = []
const remove = Agent.tool("remove", { needsApproval: true }, () => Effect.sync(() => void ran.push("remove")))
const look = Agent.tool("look", {}, () => Effect.sync(() => ran.push("look")).pipe(Effect.as("seen")))
const cleaner = Agent.make("cleaner", { tools: [remove], description: "Cleans up" })
const lead = Agent.make("lead", { tools: [Subagent.tool(cleaner), look] })

describe("A sub-agent", () => {
  it.effect("its events, answer and usage are those of the run that called it", () =>
    Effect.gen(function* () {
      const writer = Agent.make("writer")
      const boss = Agent.make("boss", { tools: [Subagent.tool(writer)] })
      const events = yield* Trace.events(Agent.stream(boss, "go"))
      assert.deepStrictEqual(Trace.lines(events), [
        "RunStart",
        "TurnStart",
        "ToolStart:writer",
        "boss/writer: RunStart",
        "boss/writer: TurnStart",
        "boss/writer: Text:a poem",
        "boss/writer: TurnEnd",
        "boss/writer: RunEnd:completed",
        "ToolEnd:writer:ok",
        "TurnEnd",
        "TurnStart",
        "Text:done",
        "TurnEnd",
        "RunEnd:completed"
      ])
      const end = events.at(-1)
      assert.strictEqual(end?._tag === "RunEnd" && end.usage.inputTokens.total, 30)
    }).pipe(Effect.provide(world([[call("1", "writer", { task: "a poem" })], [text("a poem")], [text("done")]])))
  )

  it.effect("TR-9 TR-11 waits for a person with its caller, and goes on alone", () =>
    Effect.gen(function* () {
      ran.length = 0
      const first = yield* Agent.run(lead, "go")
      assert.deepStrictEqual([first.reason, ran, first.pending.length], ["awaiting-approval", ["look"], 1])
      const [question] = first.pending
      assert.deepStrictEqual(
        [question?.tool, question?.agent, question?.path?.[0]?.agent],
        ["remove", "cleaner", "lead"]
      )
      const decided = first.pending.map(({ call }) => ({ call, approved: true }))
      const result = yield* Agent.resume(lead, first.session, decided)
      assert.deepStrictEqual([result.reason, result.text, ran], ["completed", "all done", ["look", "remove"]])
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(sentResults(requests.at(-1)), ["ok: cleaned", "ok: seen"])
    }).pipe(
      Effect.provide(
        Layer.merge(
          world([
            [call("1", "cleaner", { task: "clean" }), call("2", "look")],
            [call("3", "remove")],
            [text("cleaned")],
            [text("all done")]
          ]),
          Approval.layerSuspend
        )
      )
    )
  )
})

describe("A pattern as a tool", () => {
  const half = Composite.make("half", {}, (_: Message.Input) =>
    Effect.succeed({ output: "a draft", why: "it did not pass" })
  )

  it.effect("tells the model that its answer is not all that was asked for", () =>
    Effect.gen(function* () {
      yield* Agent.run(Agent.make("boss", { tools: [Subagent.tool(half)] }), "go")
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(sentResults(requests.at(-1)), ["ok: a draft\nNote of half: it did not pass"])
    }).pipe(Effect.provide(world([[call("1", "half", { task: "write" })], [text("done")]])))
  )
})

describe("A pattern of your own", () => {
  const two = Composite.make("two", {}, (input: Message.Input, parts) =>
    Effect.gen(function* () {
      const [a, b] = yield* Composite.all([parts.run("a", lead, input), parts.run("b", Agent.make("b"), input)], {
        concurrency: 1
      })
      return { output: [a?.text, b?.text].join("+"), answeredBy: "both" }
    })
  )
  it.effect("TR-10 resumes only what waits", () =>
    Effect.gen(function* () {
      ran.length = 0
      const lines: Array<string> = []
      const first = yield* Runner.run(two, "go", { onEvents: (events) => lines.push(...Trace.lines(events)) })
      assert.deepStrictEqual([first.reason, first.pending.length, first.agent], ["awaiting-approval", 1, "two"])
      assert.deepStrictEqual(
        first.pending[0]?.path?.map(({ agent, at }) => at ?? agent),
        ["a", "lead"]
      )
      const rejected = yield* Effect.flip(
        Runner.resume(two, first.session, [{ call: first.run as never, approved: true }])
      )
      assert.strictEqual(rejected._tag, "ResumeRejected")
      const decided = first.pending.map(({ call }) => ({ call, approved: true }))
      const result = yield* Runner.resume(two, first.session, decided)
      assert.deepStrictEqual(
        [result.reason, result.output, result.answeredBy, ran],
        ["completed", "lead done+from b", "both", ["look", "remove"]]
      )
      const again = yield* Effect.flip(Runner.resume(two, first.session, []))
      assert.strictEqual(again._tag, "ResumeRejected")
    }).pipe(
      Effect.provide(
        Layer.merge(
          world([
            [call("1", "cleaner", { task: "clean" }), call("2", "look")],
            [call("3", "remove")],
            [text("from b")],
            [text("cleaned")],
            [text("lead done")]
          ]),
          Approval.layerSuspend
        )
      )
    )
  )
})
