import * as AiTool from "@effect/ai/Tool"
import * as AiToolkit from "@effect/ai/Toolkit"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import * as Messages from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import * as Tool from "../../src/tool/Tool.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import { observed, sentResults } from "../support/runs.ts"

const done = [text("done")]
const other = Agent.tool("other", {}, () => Effect.succeed("other"))
const ended = (events: ReadonlyArray<AgentEvent>) =>
  events.flatMap((event) => (event._tag === "ToolEnd" ? [{ name: event.name, display: event.display }] : []))

describe("Answers of tools", () => {
  it.effect("what is for people is on the event, and neither the model nor the store sees it", () =>
    Effect.gen(function* () {
      const Rows = Schema.Struct({ rows: Schema.NumberFromString })
      const query = Agent.tool("query", { success: Rows }, () =>
        Effect.succeed(ToolResult.make({ value: { rows: 3 }, user: [Part.text("| a |"), Part.text("| b |")] }))
      )
      const short = Agent.tool("short", {}, () =>
        Effect.succeed(ToolResult.make({ model: [Part.text("in short")], user: "at length" }))
      )
      const { events, requests, result } = yield* observed(Agent.make("a", { tools: [query, short, other] }), [
        [call("1", "query"), call("2", "short"), call("3", "other")],
        done
      ])
      assert.deepStrictEqual(sentResults(requests[1]), ['ok: {"rows":"3"}', "ok: in short", "ok: other"])
      assert.deepStrictEqual(ended(events), [
        { name: "query", display: [Part.text("| a |"), Part.text("| b |")] },
        { name: "short", display: [Part.text("at length")] },
        { name: "other", display: undefined }
      ])
      const kept = JSON.stringify([
        requests,
        result,
        events.filter((event) => event._tag === "TurnEnd" || event._tag === "RunEnd")
      ])
      assert.notMatch(kept, /\| a \||at length|display/)
    })
  )

  it.effect("a hook that replaces a result replaces what people are shown, too", () =>
    Effect.gen(function* () {
      const leak = Agent.tool("leak", {}, () =>
        Effect.succeed(ToolResult.make({ value: "secret", user: "secret", ends: { reason: "found" } }))
      )
      const hooks = Hooks.layer({ toolEnd: () => Effect.succeed(ToolResult.text("ok", "withheld")) })
      const { events, result } = yield* Effect.provide(
        observed(Agent.make("a", { tools: [leak] }), [[call("1", "leak")]]),
        hooks
      )
      assert.deepStrictEqual(ended(events), [{ name: "leak", display: undefined }])
      assert.strictEqual(result.output, "withheld")
      assert.notInclude(JSON.stringify(events), "secret")
    })
  )

  it.effect("TR-15 a tool that gives an error instead of throwing it has failed", () =>
    Effect.gen(function* () {
      const give = Agent.tool("give", { parameters: { deep: Schema.Boolean } }, ({ deep }) => {
        const error = new Error("disk full")
        return Effect.succeed(deep ? { rows: [error] } : error)
      })
      const { requests } = yield* observed(Agent.make("a", { tools: [give] }), [
        [call("1", "give", { deep: false }), call("2", "give", { deep: true })],
        done
      ])
      assert.deepStrictEqual(sentResults(requests[1]), [
        "failed: disk full",
        'ok: {"rows":[{"tag":"Error","message":"disk full"}]}'
      ])
    })
  )
})

describe("A result that ends the run", () => {
  const finish = Agent.tool("finish", { parameters: { text: Schema.String } }, ({ text }) =>
    Effect.succeed(ToolResult.end(text, "finished"))
  )

  it.effect("AG-01 AX-03 is its output, after the calls beside it; a normal result does not end it", () =>
    Effect.gen(function* () {
      const { events, requests, result } = yield* observed(Agent.make("a", { tools: [finish, other] }), [
        [call("1", "other")],
        [call("2", "finish", { text: "that is all" }), call("3", "other")]
      ])
      assert.strictEqual(requests.length, 2)
      assert.deepStrictEqual([result.reason, result.output, result.turns], ["completed", "that is all", 2])
      const last = events.filter((event) => event._tag === "TurnEnd").at(-1)
      const parts = last?._tag === "TurnEnd" ? last.messages.flatMap((message) => message.parts) : []
      assert.deepStrictEqual(
        parts.flatMap((part) => (part.type === "tool-result" ? [Part.contentToText(part.content)] : [])),
        ["that is all", "other"]
      )
    })
  )

  it.effect("AG-01 its value is the output, whatever words the model would have read", () =>
    Effect.gen(function* () {
      const found = Agent.tool("found", {}, () =>
        Effect.succeed(ToolResult.make({ value: { rows: [1, 2] }, model: "two rows", ends: {} }))
      )
      const said = Agent.tool("said", {}, () => Effect.succeed(ToolResult.make({ model: "two rows", ends: {} })))
      const outputs: Array<string> = []
      for (const tool of [found, said]) {
        const { result } = yield* observed(Agent.make("a", { tools: [tool] }), [[call("1", tool.tool.name)]])
        outputs.push(result.output)
      }
      assert.deepStrictEqual(outputs, ['{"rows":[1,2]}', "two rows"])
    })
  )

  it.effect("AG-01 of several the first in call order counts, and its output is not cut", () =>
    Effect.gen(function* () {
      const long = "x".repeat(100)
      const Answer = AiTool.make("answer", { success: Schema.String })
      const tools = AiToolkit.make(Answer.annotate(Tool.EndsRun, true).annotate(Tool.ResultBound, 10))
      const { result } = yield* observed(Agent.make("a", { toolkit: tools, tools: [finish] }), [
        [call("1", "answer"), call("2", "finish", { text: "second" })]
      ]).pipe(Effect.provide(tools.toLayer({ answer: () => Effect.as(Effect.yieldNow(), long) })))
      assert.strictEqual(result.output, long)
    })
  )

  it.effect("AG-01 a call that failed, was denied or could not be read ends nothing", () =>
    Effect.gen(function* () {
      const answer = Agent.tool("answer", { endsRun: true, parameters: { at: Schema.Int } }, ({ at }) =>
        at === 0 ? Effect.fail("not yet") : Effect.succeed({ at })
      )
      const { result } = yield* observed(Agent.make("a", { tools: [answer] }), [
        [call("1", "answer", { at: 0 }), call("2", "answer", { at: "x" })],
        [call("3", "answer", { at: 7 })]
      ])
      assert.deepStrictEqual([result.output, result.turns], ['{"at":7}', 2])
    })
  )
})

describe("Words of tools", () => {
  it.effect("AM-16 a tool steers the next turn and follows up, until the run no longer listens", () =>
    Effect.gen(function* () {
      let late: Effect.Effect<ReadonlyArray<boolean>> = Effect.succeed([])
      const speak = Agent.tool("speak", { success: Schema.Array(Schema.Boolean) }, () =>
        Effect.gen(function* () {
          const { followUp, steer } = yield* ToolContext
          late = Effect.all([steer("too late"), followUp("too late")])
          return yield* Effect.all([followUp("and then?"), steer("mind the time")])
        })
      )
      const { requests } = yield* observed(Agent.make("a", { tools: [speak] }), [
        [call("1", "speak")],
        [text("in time")],
        [text("then this")]
      ])
      const said = requests.map((request) =>
        request.messages.flatMap((message) => (message.role === "user" ? [Messages.toText(message)] : []))
      )
      assert.deepStrictEqual(said, [["go"], ["go", "mind the time"], ["go", "mind the time", "and then?"]])
      assert.deepStrictEqual(yield* late, [false, false])
      assert.isFalse(yield* Effect.flatMap(ToolContext, ({ steer }) => steer("nobody")))
    })
  )
})
