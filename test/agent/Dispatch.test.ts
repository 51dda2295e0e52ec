import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Identity from "../../src/context/Identity.ts"
import * as Guard from "../../src/guard/Guard.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import { observed, sentResults } from "../support/runs.ts"

const echo = Agent.tool("echo", { parameters: { text: Schema.String } }, ({ text }) => Effect.succeed(text))
const done = [text("done")]

describe("Dispatch", () => {
  it.effect("AX-03 CALL-1 two calls of one turn both run, results in call order", () =>
    Effect.gen(function* () {
      const first = yield* Deferred.make<void>()
      const slow = Agent.tool("slow", {}, () => Effect.as(Deferred.await(first), "slow"))
      const fast = Agent.tool("fast", {}, () => Effect.as(Deferred.succeed(first, undefined), "fast"))
      const { events, requests } = yield* observed(Agent.make("a", { tools: [slow, fast] }), [
        [call("1", "slow"), call("2", "fast")],
        done
      ])
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: slow", "ok: fast"])
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "ToolEnd" ? [event.name] : [])),
        ["fast", "slow"]
      )
    })
  )

  it.effect("AX-04 AM-12 AA-10 CALL-2 an unknown tool becomes a result that lists the tools", () =>
    Effect.gen(function* () {
      const { requests, result } = yield* observed(Agent.make("a", { tools: [echo] }), [
        [call("1", "delete_all"), call("2", "echo", { text: "still" })],
        done
      ])
      assert.deepStrictEqual(sentResults(requests[1]), [
        "unknown-tool: Unknown tool: delete_all. Available tools: echo.",
        "ok: still"
      ])
      assert.strictEqual(result.output, "done")
    })
  )

  it.effect("AX-06 AX-07 CALL-2 TR-5 broken JSON goes back, the handler is not called, the others run", () =>
    Effect.gen(function* () {
      const { events, requests } = yield* observed(Agent.make("a", { tools: [echo] }), [
        [call("1", "echo", '{"text": "cut'), call("2", "echo", "[1]"), call("3", "echo", { text: "fine" })],
        done
      ])
      const [broken, list, fine] = sentResults(requests[1])
      assert.match(String(broken), /^invalid: Malformed JSON arguments for tool echo: .*valid JSON object/)
      assert.match(String(list), /^invalid: .*not a JSON object/)
      assert.strictEqual(fine, "ok: fine")
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "ToolCall" ? [event.input] : [])),
        [{}, {}, { text: "fine" }]
      )
      assert.strictEqual(events.filter((event) => event._tag === "ToolStart").length, 1)
    })
  )

  it.effect("AX-27 AX-28 TR-6 mistyped arguments name their fields, and the handler never sees them", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const typed = Agent.tool(
        "typed",
        {
          parameters: {
            count: Schema.Int.pipe(Schema.lessThanOrEqualTo(10)),
            ratio: Schema.Number,
            mode: Schema.Literal("a", "b")
          }
        },
        (parameters) => Effect.sync(() => seen.push(parameters))
      )
      const good = { count: 10, ratio: 1, mode: "a" }
      const { requests } = yield* observed(Agent.make("a", { tools: [typed] }), [
        [
          call("1", "typed", { ...good, count: true }),
          call("2", "typed", { ...good, mode: "x" }),
          call("3", "typed", { ...good, count: 11 }),
          call("4", "typed", { count: 1, mode: "a" }),
          call("5", "typed", good)
        ],
        done
      ])
      const results = sentResults(requests[1])
      assert.deepStrictEqual(
        results.map((result) => result.split(":")[0]),
        ["invalid", "invalid", "invalid", "invalid", "ok"]
      )
      for (const [index, field] of ["count", "mode", "count", "ratio"].entries()) {
        assert.include(String(results[index]), `- ${field}: `)
      }
      assert.deepStrictEqual(seen, [good])
    })
  )

  it.effect("AM-13 a number or an object written as text is read as what the schema asks for", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const typed = Agent.tool(
        "typed",
        {
          parameters: {
            count: Schema.Int,
            deep: Schema.Struct({ on: Schema.Boolean }),
            tags: Schema.Array(Schema.String)
          }
        },
        (parameters) => Effect.sync(() => seen.push(parameters))
      )
      const { requests } = yield* observed(Agent.make("a", { tools: [typed] }), [
        [
          call("1", "typed", { count: "5", deep: '{"on":"true"}', tags: '["x"]' }),
          call("2", "typed", { count: "five", deep: { on: true }, tags: [] })
        ],
        done
      ])
      assert.deepStrictEqual(seen, [{ count: 5, deep: { on: true }, tags: ["x"] }])
      assert.match(String(sentResults(requests[1])[1]), /^invalid: .*\n- count: /)
    })
  )

  it.effect("AX-26 defaults are filled in and unknown keys are gone before guards and handler", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const search = Agent.tool(
        "search",
        { parameters: { query: Schema.String, limit: Schema.optionalWith(Schema.Number, { default: () => 20 }) } },
        (parameters) => Effect.sync(() => seen.push(["handler", parameters]))
      )
      const guard = Guard.make((asked) =>
        Effect.sync(() => {
          seen.push(["guard", asked.input])
          return Guard.Rewrite({ query: "safe", limit: 5, extra: 1 })
        })
      )
      yield* observed(Agent.make("a", { tools: [search] }), [
        [call("1", "search", { query: "q", evil: 1 })],
        done
      ]).pipe(Effect.provide(Guard.layer(guard)))
      assert.deepStrictEqual(seen, [
        ["guard", { query: "q", limit: 20 }],
        ["handler", { query: "safe", limit: 5 }]
      ])
    })
  )

  it.effect("AX-24 AM-12 TR-3 TR-14 a denied call is a result of its own kind in the same batch", () =>
    Effect.gen(function* () {
      const guard = Guard.make((asked) =>
        Effect.succeed(asked.id.endsWith("_0") ? Guard.Deny("not on weekends") : Guard.Allow)
      )
      const { requests } = yield* observed(Agent.make("a", { tools: [echo] }), [
        [call("1", "echo", { text: "no" }), call("2", "echo", { text: "yes" })],
        done
      ]).pipe(Effect.provide(Guard.layer(guard)))
      assert.deepStrictEqual(sentResults(requests[1]), ["denied: Denied: not on weekends", "ok: yes"])
    })
  )

  it.effect("AX-22 CALL-7 TR-28 the second of two calls with one id is rejected, and both are accounted for", () =>
    Effect.gen(function* () {
      const { requests } = yield* observed(Agent.make("a", { tools: [echo] }), [
        [call("same", "echo", { text: "one" }), call("same", "echo", { text: "two" })],
        [call("same", "echo", { text: "again, in another turn" })],
        done
      ])
      const [first, second] = sentResults(requests[1])
      assert.strictEqual(first, "ok: one")
      assert.match(String(second), /^invalid: Another call of this answer has the same id/)
      assert.deepStrictEqual(sentResults(requests[2]), ["ok: again, in another turn"])
      const ids = requests[2]?.messages.flatMap((message) =>
        message.parts.flatMap((part) => (part.type === "tool-call" ? [[part.id, part.wireId]] : []))
      )
      assert.strictEqual(new Set(ids?.map(([id]) => id)).size, 3)
      assert.deepStrictEqual(
        ids?.map(([, wireId]) => wireId),
        ["same", undefined, "same"]
      )
    })
  )

  it.effect("AX-23 CALL-3 never more calls at once than the agent's bound", () =>
    Effect.gen(function* () {
      let running = 0
      let peak = 0
      const work = Agent.tool("work", {}, () =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            peak = Math.max(peak, ++running)
          }),
          () => Effect.yieldNow(),
          () => Effect.sync(() => running--)
        )
      )
      const six = Array.from({ length: 6 }, (_, index) => call(String(index), "work"))
      yield* observed(Agent.make("a", { tools: [work], toolConcurrency: 2 }), [six, done])
      assert.strictEqual(peak, 2)
    })
  )

  it.effect("CALL-3 a tool's own bound and exclusive tools hold below the agent's", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const logged = (name: string, options: { concurrency?: number; exclusive?: boolean }) =>
        Agent.tool(name, options, () =>
          Effect.acquireUseRelease(
            Effect.sync(() => log.push(`+${name}`)),
            () => Effect.yieldNow(),
            () => Effect.sync(() => log.push(`-${name}`))
          )
        )
      const tools = [logged("single", { concurrency: 1 }), logged("alone", { exclusive: true }), logged("free", {})]
      yield* observed(Agent.make("a", { tools }), [
        [call("1", "single"), call("2", "single"), call("3", "alone"), call("4", "free"), call("5", "free")],
        done
      ])
      assert.deepStrictEqual(log.slice(0, 6), ["+single", "-single", "+single", "-single", "+alone", "-alone"])
      assert.deepStrictEqual(log.slice(6), ["+free", "+free", "-free", "-free"])
    })
  )

  it.effect("AA-01 AM-11 with concurrency both start before either ends, without they run in order", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const tool = (name: string) =>
        Agent.tool(name, {}, () =>
          Effect.sync(() => log.push(`+${name}`)).pipe(
            Effect.zipRight(Effect.sleep("500 millis")),
            Effect.zipRight(Effect.sync(() => log.push(`-${name}`)))
          )
        )
      const script = [[call("1", "one"), call("2", "two")], done]
      const run = (toolConcurrency: number) =>
        Effect.gen(function* () {
          const agent = Agent.make("a", { tools: [tool("one"), tool("two")], toolConcurrency })
          const fiber = yield* Effect.fork(observed(agent, script))
          yield* TestClock.adjust("500 millis")
          yield* TestClock.adjust("500 millis")
          yield* Fiber.join(fiber)
          return log.splice(0)
        })
      assert.deepStrictEqual((yield* run(8)).slice(0, 2), ["+one", "+two"])
      assert.deepStrictEqual(yield* run(1), ["+one", "-one", "+two", "-two"])
    })
  )

  it.effect("AA-02 AX-29 AM-16 the call's context is the runtime's, one for each call, whatever the model writes", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const who = Agent.tool("who", {}, () =>
        Effect.gen(function* () {
          const { agent, call, identity, tool } = yield* ToolContext
          seen.push({ agent, tool, identity, last: call.slice(-2) })
        })
      )
      yield* observed(Agent.make("helper", { tools: [who] }), [
        [call("1", "who", { userId: "root", agent: "evil" }), call("2", "who")],
        done
      ]).pipe(Effect.provide(Identity.layer({ userId: "u1", chatId: "c1" })))
      const expected = { agent: "helper", tool: "who", identity: { userId: "u1", chatId: "c1" } }
      assert.deepStrictEqual(seen, [
        { ...expected, last: "_0" },
        { ...expected, last: "_1" }
      ])
      assert.strictEqual((yield* ToolContext).call, "none")
    })
  )

  it.effect("AA-11 empty text, zero, null and nothing are results like any other", () =>
    Effect.gen(function* () {
      const values: ReadonlyArray<unknown> = ["", 0, null, undefined, false]
      const give = Agent.tool("give", { parameters: { at: Schema.Int } }, ({ at }) => Effect.succeed(values[at]))
      const { requests } = yield* observed(Agent.make("a", { tools: [give] }), [
        values.map((_, at) => call(String(at), "give", { at })),
        done
      ])
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: ", "ok: 0", "ok: null", "ok: ", "ok: false"])
    })
  )

  it.effect("AM-15 the last tool of a name wins", () =>
    Effect.gen(function* () {
      const other = Agent.tool("echo", {}, () => Effect.succeed("the other one"))
      const { requests } = yield* observed(Agent.make("a", { tools: [echo, other] }), [[call("1", "echo")], done])
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: the other one"])
      assert.deepStrictEqual(
        requests[0]?.tools.map((tool) => tool.name),
        ["echo"]
      )
    })
  )

  it.effect("AX-19 results may be parts; files reach the model and the events", () =>
    Effect.gen(function* () {
      const image = { type: "file", mediaType: "image/png", data: { base64: "aGk=" } } as const
      const draw = Agent.tool("draw", { success: ToolResult.Content }, () =>
        Effect.succeed(ToolResult.content({ type: "text", text: "a cat" }, image))
      )
      const { events, requests } = yield* observed(Agent.make("a", { tools: [draw] }), [[call("1", "draw")], done])
      const part = requests[1]?.messages.at(-1)?.parts[0]
      assert.deepStrictEqual(part?.type === "tool-result" ? part.content : [], [{ type: "text", text: "a cat" }, image])
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "FileOutput" ? [[event.call?.slice(-2), event.file]] : [])),
        [["_0", image]]
      )
    })
  )
})

describe("Dispatch with a layer", () => {
  it.effect("AX-17 handlers are found in the context of the run, so layers can be swapped", () =>
    Effect.gen(function* () {
      const run = (answer: string) =>
        Effect.map(
          observed(Agent.make("a", { tools: [Agent.tool("ask", {}, () => Answer)] }), [[call("1", "ask")], done]),
          ({ requests }) => sentResults(requests[1])
        ).pipe(Effect.provide(Layer.succeed(Answer, answer)))
      assert.deepStrictEqual([yield* run("one"), yield* run("two")], [["ok: one"], ["ok: two"]])
    })
  )
})

class Answer extends Effect.Tag("test/Answer")<Answer, string>() {}
