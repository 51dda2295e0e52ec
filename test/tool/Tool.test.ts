import * as AiTool from "@effect/ai/Tool"
import * as AiToolkit from "@effect/ai/Toolkit"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import * as Tool from "../../src/tool/Tool.ts"
import * as Toolkit from "../../src/tool/Toolkit.ts"
import * as ToolSearch from "../../src/tool/ToolSearch.ts"
import { observed, sentResults } from "../support/runs.ts"

const { NaN: nan, NEGATIVE_INFINITY: low, POSITIVE_INFINITY: high } = Number
const make = (options: Tool.Options<{}, typeof Schema.Unknown, typeof Schema.Never>) =>
  Tool.make("pay", options, () => Effect.void)
/** What a program without types, or a file, may say. */
const untyped: object = { soon: "soon" }
const { soon }: { soon?: number } = untyped

describe("The options of a tool", () => {
  it("throw for a number that bounds nothing, and name themselves", () => {
    const least = { concurrency: 1, resultBound: 0, maxCalls: 1 }
    for (const [option, from] of Object.entries(least)) {
      const said = new RegExp(`^${option} of tool pay must be a whole number of at least ${from}.*, got `)
      for (const value of [nan, from - 1, from + 0.5, low]) {
        assert.throws(() => make({ [option]: value }), RangeError)
        assert.throws(() => make({ [option]: value }), said)
      }
      assert.isDefined(make({ [option]: from }))
    }
    assert.isDefined(make({ concurrency: high, resultBound: high }))
    for (const capacity of [nan, 0, -1, 0.5]) {
      assert.throws(() => make({ cache: { capacity, timeToLive: 1 } }), /^cache\.capacity of tool pay must be/)
    }
  })

  it("throw for a time that is none, and name themselves", () => {
    for (const value of [soon ?? 0, nan, -1, "-1 seconds"] as const) {
      assert.throws(() => make({ timeout: value }), RangeError)
      assert.throws(() => make({ timeout: value }), /^timeout of tool pay must be a duration.*, got /)
      const cache = { capacity: 1, timeToLive: value }
      assert.throws(() => make({ cache }), /^cache\.timeToLive of tool pay must be a duration.*, got /)
    }
    for (const value of ["1 minute", 0, high] as const) {
      assert.isDefined(make({ timeout: value, cache: { capacity: 1, timeToLive: value } }))
    }
  })

  it.effect("are checked as annotations too, when a run takes the tool up", () =>
    Effect.gen(function* () {
      const pay = AiTool.make("pay", {})
      const wrong = [
        [pay.annotate(Tool.Concurrency, 0), "concurrency"],
        [pay.annotate(Tool.ResultBound, nan), "resultBound"],
        [pay.annotate(Tool.Timeout, soon ?? 0), "timeout"]
      ] as const
      for (const [tool, option] of wrong) {
        const toolkit = AiToolkit.make(tool)
        const exit = yield* Effect.exit(
          Effect.provide(Toolkit.resolve([toolkit]), toolkit.toLayer({ pay: () => Effect.void }))
        )
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "no", `${option} of tool pay must be`)
      }
    })
  )

  it("name a tool with more than blanks, and with anything else", () => {
    for (const name of ["", "  "]) {
      assert.throws(() => Tool.make(name, {}, () => Effect.void), TypeError, "Tool name must be a non-empty string")
    }
    assert.strictEqual(Tool.make("a b/ü", {}, () => Effect.void).tool.name, "a b/ü")
  })
})

describe("A tool without parameters", () => {
  const plain = { type: "object", properties: {}, additionalProperties: false }
  const empty = AiToolkit.make(AiTool.make("empty", { parameters: {} }), AiTool.make("absent", {}))
  const own = [
    Agent.tool("own", {}, () => Effect.succeed("own")),
    Agent.tool("said", { parameters: {} }, () => Effect.succeed("said"))
  ]
  const handlers = empty.toLayer({ empty: () => Effect.void, absent: () => Effect.void })

  it.effect("takes the plain empty object, in requests and where tools are searched", () =>
    Effect.gen(function* () {
      const agent = Agent.make("a", { toolkit: empty, tools: own })
      const { requests } = yield* observed(agent, [[call("1", "own"), call("2", "said", { x: 1 })], [text("done")]])
      assert.deepStrictEqual(
        requests[0]?.tools.map(({ inputSchema, name }) => [name, inputSchema]),
        ["empty", "absent", "own", "said"].map((name) => [name, plain])
      )
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: own", "ok: said"])
      const search = [call("1", ToolSearch.toolName, { query: "own said" })]
      const found = yield* Effect.provide(observed(agent, [search, [text("done")]]), ToolSearch.layer())
      const [result] = sentResults(found.requests[1])
      assert.include(result, JSON.stringify({ name: "said", parameters: plain }))
      assert.notInclude(result, "$id")
    }).pipe(Effect.provide(handlers))
  )

  it.effect("keeps a schema of its own, and the arguments that go with it", () =>
    Effect.gen(function* () {
      const schema = { type: "object", properties: { x: { type: "number" } } }
      const raw = AiToolkit.make(AiTool.make("raw", { parameters: {} }).annotate(Tool.InputSchema, schema))
      const { requests } = yield* Effect.provide(
        observed(Agent.make("a", { toolkit: raw }), [[call("1", "raw", { x: 1 })], [text("done")]]),
        raw.toLayer({ raw: () => Effect.void })
      )
      assert.deepStrictEqual(requests[0]?.tools[0]?.inputSchema, schema)
    })
  )
})
