import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Artifacts from "../../src/context/Artifacts.ts"
import { ContextStore } from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as KeywordToolSelector from "../../src/tool/KeywordToolSelector.ts"
import * as ModelToolSelector from "../../src/tool/ModelToolSelector.ts"
import * as ToolSearch from "../../src/tool/ToolSearch.ts"
import * as ToolSelector from "../../src/tool/ToolSelector.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { sentResults, world } from "../support/runs.ts"

const { call, error, text, usage } = ScriptedTransport

const ran: Array<string> = []
const tool = (name: string, description: string) =>
  Agent.tool(name, { description, parameters: { of: Schema.optional(Schema.String) } }, () =>
    Effect.sync(() => `${name} ${ran.push(name)}`)
  )
const agent = Agent.make("desk", {
  tools: [tool("weather", "Tells the forecast"), tool("refund", "Pays back"), tool("invoice", "Bills a customer")]
})
const every = ["weather", "refund", "invoice"]
const session = SessionId.make("desk-1")

const offered = (requests: ReadonlyArray<Request>) => requests.map(({ tools }) => tools.map(({ name }) => name))
const choices = (requests: ReadonlyArray<Request>) => requests.map(({ toolChoice }) => toolChoice)

interface Override {
  readonly tools?: ReadonlyArray<string>
  readonly toolChoice?: Request["toolChoice"]
}

const run = (input: string, override: Override = {}) => {
  const options = { ...override, session, onEvents: () => undefined }
  return Agent.run(agent, input, options)
}

/** Runs once, and answers what was asked. */
const requestsOf = <E>(
  script: ScriptedTransport.Script,
  selector: Layer.Layer<ToolSelector.ToolSelector, E>,
  input = "go",
  override?: Override
) =>
  Effect.zipRight(run(input, override), ScriptedTransport.requests).pipe(
    Effect.provide(Layer.merge(world(script), selector))
  )

const everything = Layer.succeed(ToolSelector.ToolSelector, ToolSelector.all)

describe("ToolSelector in runs", () => {
  it.effect("without a selector every request has the same list of tools", () =>
    Effect.gen(function* () {
      const requests = yield* requestsOf([[call("1", "refund")], [text("ok")]], everything)
      assert.deepStrictEqual(offered(requests), [every, every])
      assert.strictEqual(requests[0]?.tools, requests[1]?.tools)
    })
  )

  it.effect("a tool that was not offered does not run, and the model is told what was", () =>
    Effect.gen(function* () {
      ran.length = 0
      const requests = yield* requestsOf(
        [[call("1", "refund"), call("2", "weather"), call("3", "nothing")], [text("ok")]],
        ToolSelector.layerStatic({ tools: ["weather"] })
      )
      assert.deepStrictEqual(offered(requests), [["weather"], ["weather"]])
      assert.deepStrictEqual(sentResults(requests[1]), [
        "unknown-tool: refund was not offered, so it was not called. Offered tools: weather.",
        "ok: weather 1",
        "unknown-tool: Unknown tool: nothing. Available tools: weather."
      ])
      assert.deepStrictEqual(ran, ["weather"])
    })
  )

  it.effect("TURN-2 what a search finds is offered behind, and runs", () =>
    Effect.gen(function* () {
      const requests = yield* requestsOf(
        [
          [call("1", "search_tools", { query: "forecast" })],
          [call("2", "weather")],
          [call("3", "invoice")],
          [call("4", "invoice")],
          [text("ok")]
        ],
        ToolSearch.layer({ always: ["refund"] })
      )
      const found = ["refund", "search_tools", "weather"]
      const all = [...found, "invoice"]
      assert.deepStrictEqual(offered(requests), [["refund", "search_tools"], found, found, all, all])
      assert.deepStrictEqual(
        [1, 2, 3, 4].map((index) => sentResults(requests[index])[0]?.split(/[:.]/)[0]),
        ["ok", "ok", "unknown-tool", "ok"]
      )
      for (const [index, { tools }] of requests.slice(1).entries()) {
        const before = requests[index]?.tools ?? []
        assert.isTrue(before.every((spec, at) => spec === tools[at]))
      }
    })
  )

  it.effect("guards judge what was found like any other call", () =>
    Effect.gen(function* () {
      const requests = yield* requestsOf(
        [[call("1", "search_tools", { query: "refund" })], [call("2", "refund")], [text("ok")]],
        Layer.merge(
          ToolSearch.layer(),
          Layer.succeed(Guard.Guard, {
            check: ({ tool }) => Effect.succeed(tool.name === "refund" ? Guard.Deny("no") : Guard.Allow)
          })
        )
      )
      assert.deepStrictEqual(sentResults(requests[2]), ["denied: Denied: no"])
    })
  )

  it.effect("the words of the user select", () =>
    Effect.gen(function* () {
      const layer = KeywordToolSelector.layer({ most: 1 })
      const requests = yield* requestsOf([[call("1", "invoice")], [text("ok")]], layer, "bill my customer")
      assert.deepStrictEqual(offered(requests), [["invoice"], ["invoice"]])
    })
  )

  it.effect("RUN-7 a model selects, and what it costs is paid", () =>
    Effect.gen(function* () {
      const small = ScriptedTransport.layer([[text('{"tools":["refund"]}'), usage({ input: 70, output: 7 })]])
      const layer = ModelToolSelector.layer({ most: 1 }).pipe(Layer.provide(small))
      const { entries, requests, result } = yield* Effect.gen(function* () {
        const result = yield* run("pay back")
        const store = yield* ContextStore
        return { result, requests: yield* ScriptedTransport.requests, entries: yield* store.entries(session) }
      }).pipe(Effect.provide(Layer.merge(world([[call("1", "refund")], [text("ok")]]), layer)))
      assert.deepStrictEqual(offered(requests), [["refund"], ["refund"]])
      assert.strictEqual(result.usage.inputTokens.total, 90)
      assert.deepStrictEqual(
        entries.flatMap((entry) =>
          entry._tag === "Usage" ? [[String(entry.purpose), entry.usage.inputTokens.total]] : []
        ),
        [
          ["selection", 70],
          ["undefined", 10],
          ["undefined", 10]
        ]
      )
    })
  )

  it.effect("a selector that dies leaves the run all its tools", () =>
    Effect.gen(function* () {
      const layer = ToolSelector.layer(() => Effect.dieMessage("gone"))
      const requests = yield* requestsOf([[call("1", "refund")], [text("ok")]], layer)
      assert.deepStrictEqual(offered(requests), [every, every])
    })
  )

  it.effect("the tool that reads artifacts is offered with every selection", () =>
    Effect.gen(function* () {
      const layer = Layer.merge(ToolSelector.layerStatic({ tools: ["refund"] }), Artifacts.layer())
      const requests = yield* requestsOf([[text("ok")]], layer)
      assert.deepStrictEqual(offered(requests), [["refund", "read_artifact"]])
    })
  )

  it.effect("the last answer at a limit is asked for with the same tools", () =>
    Effect.gen(function* () {
      const limited = Agent.make("desk", { tools: [tool("a", ""), tool("b", "")], limits: { turns: 1 } })
      const requests = yield* Effect.zipRight(Agent.run(limited, "go"), ScriptedTransport.requests).pipe(
        Effect.provide(Layer.merge(world([[call("1", "b")], [text("ok")]]), ToolSelector.layerStatic({ tools: ["b"] })))
      )
      assert.deepStrictEqual(offered(requests), [["b"], ["b"]])
      assert.deepStrictEqual(choices(requests), ["auto", "none"])
    })
  )

  it.effect("AM-09 tools of a run are used for every turn of it, and restored after it", () =>
    Effect.gen(function* () {
      const script = [[call("1", "refund")], [text("ok")], [text("ok")]]
      const requests = yield* Effect.gen(function* () {
        yield* run("go", { tools: ["refund"] })
        yield* run("go")
        return yield* ScriptedTransport.requests
      }).pipe(Effect.provide(world(script)))
      assert.deepStrictEqual(offered(requests), [["refund"], ["refund"], every])
    })
  )

  it.effect("AM-09 tools are restored after a run that failed", () =>
    Effect.gen(function* () {
      const requests = yield* Effect.gen(function* () {
        yield* Effect.flip(run("go", { tools: ["refund"] }))
        yield* run("go")
        return yield* ScriptedTransport.requests
      }).pipe(Effect.provide(world([[error("Authentication")], [text("ok")]])))
      assert.deepStrictEqual(offered(requests), [["refund"], every])
    })
  )

  it.effect("AM-09 an empty list disables tools, and none keeps them", () =>
    Effect.gen(function* () {
      const layer = ToolSelector.layerStatic({ tools: ["weather"] })
      assert.deepStrictEqual(offered(yield* requestsOf([[text("ok")]], layer, "go", { tools: [] })), [[]])
      assert.deepStrictEqual(offered(yield* requestsOf([[text("ok")]], layer, "go", {})), [["weather"]])
      const requests = yield* requestsOf([[call("1", "weather")], [text("ok")]], ToolSearch.layer(), "go", {
        tools: []
      })
      assert.deepStrictEqual(offered(requests), [[], []])
      assert.deepStrictEqual(sentResults(requests[1]), [
        "unknown-tool: weather was not offered, nor is any other tool. Answer without tools."
      ])
    })
  )

  it.effect("a call that a run forces is forced in its first turn", () =>
    Effect.gen(function* () {
      for (const toolChoice of ["required", { tool: "refund" }] as const) {
        const requests = yield* requestsOf([[call("1", "refund")], [text("ok")]], everything, "go", { toolChoice })
        assert.deepStrictEqual(choices(requests), [toolChoice, "auto"])
        assert.deepStrictEqual(offered(requests), [every, every])
      }
      assert.deepStrictEqual(choices(yield* requestsOf([[text("ok")]], everything, "go", { toolChoice: "none" })), [
        "none"
      ])
    })
  )

  it.effect("runs side by side select each for itself", () =>
    Effect.gen(function* () {
      const script = (request: Request) => {
        const words = request.messages.at(-1)
        if (words?.role !== "user") return [text("ok")]
        return [call("1", "search_tools", { query: words.parts[0]?.type === "text" ? words.parts[0].text : "" })]
      }
      const requests = yield* Effect.gen(function* () {
        yield* Effect.all(
          ["refund", "invoice"].map((words) => Agent.run(agent, words)),
          { concurrency: 2 }
        )
        return yield* ScriptedTransport.requests
      }).pipe(Effect.provide(Layer.merge(world(script), ToolSearch.layer())))
      assert.deepStrictEqual(offered(requests).map(String).sort(), [
        "search_tools",
        "search_tools",
        "search_tools,invoice",
        "search_tools,refund"
      ])
    })
  )
})
