import * as AiTool from "@effect/ai/Tool"
import * as AiToolkit from "@effect/ai/Toolkit"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Approval from "../../src/guard/Approval.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import * as Tool from "../../src/tool/Tool.ts"
import { observed, sentResults } from "../support/runs.ts"

class Stock extends Context.Tag("test/Stock")<Stock, { readonly left: number }>() {}

const Greet = AiTool.make("greet", {
  description: "Greet someone by name",
  parameters: { name: Schema.String },
  success: Schema.String
})
const Count = AiTool.make("count", {
  parameters: { item: Schema.String },
  success: Schema.Struct({ left: Schema.NumberFromString }),
  failure: Schema.Struct({ gone: Schema.String }),
  failureMode: "return",
  dependencies: [Stock]
})
const Search = AiTool.providerDefined({
  id: "acme.web_search",
  toolkitName: "web_search",
  providerName: "web_search",
  args: { region: Schema.String }
})

const greeters = AiToolkit.make(Greet)
const counters = AiToolkit.make(Count)
const greeting = greeters.toLayer({ greet: ({ name }) => Effect.succeed(`Hello, ${name}!`) })
const counting = counters.toLayer({
  count: ({ item }) => (item === "tea" ? Effect.fail({ gone: item }) : Effect.map(Stock, ({ left }) => ({ left })))
})
const done = [text("done")]

describe("Toolkits", () => {
  it.effect("a toolkit of @effect/ai works unchanged, its handlers given by toLayer", () =>
    Effect.gen(function* () {
      const { requests } = yield* observed(Agent.make("a", { toolkit: greeters }), [
        [call("1", "greet", { name: "Alice" })],
        done
      ])
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: Hello, Alice!"])
      assert.deepStrictEqual(requests[0]?.tools, [
        {
          name: "greet",
          description: "Greet someone by name",
          inputSchema: AiTool.getJsonSchema(Greet)
        }
      ])
    }).pipe(Effect.provide(greeting))
  )

  it.effect("CALL-4 merged toolkits keep their codecs, dependencies and failures whatever their failureMode", () =>
    Effect.gen(function* () {
      const agent = Agent.make("a", { toolkit: AiToolkit.merge(greeters, counters) })
      const { requests } = yield* observed(agent, [
        [call("1", "count", { item: "milk" }), call("2", "count", { item: "tea" }), call("3", "greet", { name: "Bo" })],
        done
      ])
      assert.deepStrictEqual(sentResults(requests[1]), ['ok: {"left":"3"}', 'failed: {"gone":"tea"}', "ok: Hello, Bo!"])
    }).pipe(Effect.provide([greeting, counting, Layer.succeed(Stock, { left: 3 })]))
  )

  it.effect("a toolkit built by an effect at run time works, and how that fails is the agent's E", () =>
    Effect.gen(function* () {
      const built = Effect.provide(
        Effect.tap(greeters, () => Effect.yieldNow()),
        greeting
      )
      const { requests } = yield* observed(Agent.make("a", { toolkit: built }), [
        [call("1", "greet", { name: "Cy" }), call("2", "greet", { name: 1 })],
        done
      ])
      const [fine, wrong] = sentResults(requests[1])
      assert.strictEqual(fine, "ok: Hello, Cy!")
      assert.match(String(wrong), /^invalid: /)
      const failing = Agent.make("a", { toolkit: Effect.zipRight(Effect.fail("no server" as const), built) })
      const failure: Agent.AgentError | "no server" = yield* Effect.flip(observed(failing, []))
      assert.strictEqual(failure, "no server")
    })
  )

  it.effect("tools with and without handlers of their own live in one agent", () =>
    Effect.gen(function* () {
      const own = Agent.tool("own", {}, () => Effect.map(Stock, ({ left }) => left))
      const agent = Agent.make("a", { toolkit: greeters, tools: [own] }).pipe(Agent.withToolkit(counters))
      const { requests } = yield* observed(agent, [
        [call("1", "own"), call("2", "greet", { name: "Di" }), call("3", "count", { item: "milk" })],
        done
      ])
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: 3", "ok: Hello, Di!", 'ok: {"left":"3"}'])
    }).pipe(Effect.provide([greeting, counting, Layer.succeed(Stock, { left: 3 })]))
  )

  it.effect("a provider-defined tool is declared as such, needs no handler, and is not run here", () =>
    Effect.gen(function* () {
      const agent = Agent.make("a", { toolkit: AiToolkit.make(Search({ region: "eu" })) })
      const { requests } = yield* observed(agent, [[call("1", "web_search", {})], done])
      assert.deepStrictEqual(
        requests[0]?.tools.map(({ name, provider }) => [name, provider]),
        [["web_search", { id: "acme.web_search", name: "web_search", args: { region: "eu" } }]]
      )
      assert.deepStrictEqual(sentResults(requests[1]), ["unknown-tool: web_search runs at the vendor, not here."])
    })
  )

  it.effect("AX-30 an explicit schema replaces the derived one, and nobody can change what is declared", () =>
    Effect.gen(function* () {
      const explicit = { type: "object", properties: { name: { type: "string", pattern: "^[A-Z]" } } }
      const tool = Greet.annotate(Tool.InputSchema, explicit)
      const { requests } = yield* observed(Agent.make("a", { toolkit: AiToolkit.make(tool) }), [done])
      const declared = requests[0]?.tools[0]?.inputSchema
      assert.deepStrictEqual(declared, explicit)
      explicit.properties.name.pattern = "changed"
      assert.throws(() => Object.assign(declared ?? {}, { type: "array" }))
      const again = yield* observed(Agent.make("a", { toolkit: AiToolkit.make(tool) }), [done])
      assert.deepStrictEqual(again.requests[0]?.tools[0]?.inputSchema, {
        type: "object",
        properties: { name: { type: "string", pattern: "^[A-Z]" } }
      })
    }).pipe(Effect.provide(greeting))
  )

  it.effect("AM-14 schemas become JSON schemas: enums, optional fields, lists, records and their descriptions", () =>
    Effect.gen(function* () {
      const typed = Agent.tool(
        "typed",
        {
          parameters: {
            mode: Schema.Literal("fast", "slow").annotations({ description: "How fast" }),
            note: Schema.optional(Schema.String),
            tags: Schema.Array(Schema.String),
            prices: Schema.Record({ key: Schema.String, value: Schema.Number })
          }
        },
        () => Effect.void
      )
      const { requests } = yield* observed(Agent.make("a", { tools: [typed] }), [done])
      assert.deepInclude(requests[0]?.tools[0]?.inputSchema, {
        type: "object",
        required: ["mode", "tags", "prices"],
        properties: {
          mode: { type: "string", enum: ["fast", "slow"], description: "How fast" },
          note: { type: "string" },
          tags: { type: "array", items: { type: "string" } },
          prices: {
            type: "object",
            required: [],
            properties: {},
            additionalProperties: { type: "number" }
          }
        }
      })
    })
  )

  it.effect("annotations decide what asks: explicit ones only, not the defaults of @effect/ai", () =>
    Effect.gen(function* () {
      const tools = AiToolkit.make(
        AiTool.make("plain", {}),
        AiTool.make("destructive", {}).annotate(AiTool.Destructive, true),
        AiTool.make("external", {}).annotate(Tool.Origin, "external"),
        AiTool.make("reading", {}).annotate(Tool.Origin, "external").annotate(AiTool.Readonly, true)
      )
      const nothing = () => Effect.void
      const { requests } = yield* observed(Agent.make("a", { toolkit: tools }), [
        [call("1", "plain"), call("2", "destructive"), call("3", "external"), call("4", "reading")],
        done
      ]).pipe(
        Effect.provide(tools.toLayer({ plain: nothing, destructive: nothing, external: nothing, reading: nothing })),
        Effect.provide(Approval.layerDeny)
      )
      assert.deepStrictEqual(
        sentResults(requests[1]).map((result) => result.split(":")[0]),
        ["ok", "denied", "denied", "ok"]
      )
    })
  )
})
