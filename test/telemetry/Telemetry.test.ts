import { Tool, Toolkit } from "@effect/ai"
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { assert, describe, it } from "@effect/vitest"
import { SpanStatusCode } from "@opentelemetry/api"
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { Activities, direct } from "../../src/agent/Activities.ts"
import * as Agent from "../../src/agent/Agent.ts"
import * as Identity from "../../src/context/Identity.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import type { Script } from "../../src/testing/ScriptedTransport.ts"
import { call, error, start, text, usage } from "../../src/testing/ScriptedTransport.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import { world } from "../support/runs.ts"
import type { Kept } from "./keeping.ts"
import { attributes, end, keeping, line, named, parentOf } from "./keeping.ts"

const session = SessionId.make("s")
const ids = Layer.succeed(Activities, { ...direct, id: (prefix) => Effect.succeed(`${prefix}_1`) })
const quiet = Logger.remove(Logger.defaultLogger)

/** Runs an agent with a keeping tracer and tells the spans, whatever the end. */
const traced = <E, R>(agent: Agent.Agent<string, E, R>, script: Script, options?: Parameters<typeof Agent.run>[2]) =>
  Effect.suspend(() => {
    const { layer, spans } = keeping()
    const ran = Effect.exit(Agent.run(agent, "the prompt", { session, ...options }))
    return Effect.map(Effect.provide(ran, [world(script), ids, layer, quiet]), (exit) => ({ exit, spans }))
  })

const look = Agent.tool("look", { parameters: { at: Schema.String } }, ({ at }) =>
  Effect.withSpan(Effect.as(Effect.yieldNow(), `the result of ${at}`), "own")
)
const twoTurns = [
  [start("r1", "scripted-2"), text("Let me look."), call("w", "look", { at: "the argument" })],
  [usage({ input: 20, cacheRead: 8, cacheWrite: 4, output: 7 }), text("the answer")]
]
/** The attributes without what depends on the clock. */
const timeless = (span: Kept | undefined) => {
  const { "gen_ai.response.time_to_first_chunk": _, ...rest } = attributes(span)
  return rest
}
const asked = {
  "gen_ai.request.stream": true,
  "gen_ai.provider.name": "scripted",
  "gen_ai.request.model": "scripted",
  "gen_ai.conversation.id": "s"
}

describe("Telemetry", () => {
  describe("spans", () => {
    it.effect("a run holds its requests and calls, a call what it opens", () =>
      Effect.gen(function* () {
        const { spans } = yield* traced(Agent.make("a", { tools: [look] }), twoTurns)
        assert.deepStrictEqual(spans.map(line), [
          "- > invoke_agent a (internal)",
          "invoke_agent a > chat scripted (client)",
          "invoke_agent a > execute_tool look (internal)",
          "execute_tool look > own (internal)",
          "invoke_agent a > chat scripted (client)"
        ])
        assert.isTrue(spans.every(({ exit }) => exit !== undefined && Exit.isSuccess(exit)))
      })
    )

    it.effect("a run belongs to the span around it", () =>
      Effect.gen(function* () {
        const { spans } = yield* Effect.withSpan(traced(Agent.make("a"), [[text("hi")]]), "GET /chat")
        assert.strictEqual(line(spans[0] ?? assert.fail("no span")), "GET /chat > invoke_agent a (internal)")
      })
    )

    it.effect("carry the attributes of the conventions and the identity", () =>
      Effect.gen(function* () {
        const { spans } = yield* traced(Agent.make("a", { tools: [look] }), twoTurns).pipe(
          Effect.provide(Identity.layer({ userId: "ada", chatId: "c1" }))
        )
        const [run, first, tool, , second] = spans
        assert.deepStrictEqual(attributes(run), {
          "gen_ai.operation.name": "invoke_agent",
          "gen_ai.provider.name": "scripted",
          "gen_ai.request.model": "scripted",
          "gen_ai.usage.input_tokens": 30,
          "gen_ai.usage.output_tokens": 12,
          "gen_ai.agent.name": "a",
          "gen_ai.conversation.id": "s",
          "axonal.run.id": "run_1",
          "user.id": "ada",
          "axonal.chat.id": "c1"
        })
        assert.deepStrictEqual(timeless(first), {
          "gen_ai.operation.name": "chat",
          ...asked,
          "gen_ai.response.finish_reasons": ["tool-calls"],
          "gen_ai.response.id": "r1",
          "gen_ai.response.model": "scripted-2",
          "gen_ai.usage.input_tokens": 10,
          "gen_ai.usage.output_tokens": 5
        })
        assert.deepStrictEqual(timeless(second), {
          "gen_ai.operation.name": "chat",
          ...asked,
          "gen_ai.response.finish_reasons": ["stop"],
          "gen_ai.response.id": "response_1",
          "gen_ai.response.model": "scripted",
          "gen_ai.usage.input_tokens": 20,
          "gen_ai.usage.output_tokens": 7,
          "gen_ai.usage.cache_read.input_tokens": 8,
          "gen_ai.usage.cache_creation.input_tokens": 4
        })
        assert.deepStrictEqual(attributes(tool), {
          "gen_ai.operation.name": "execute_tool",
          "gen_ai.tool.name": "look",
          "gen_ai.tool.call.id": "call_run_1_1_0",
          "gen_ai.tool.type": "function"
        })
      })
    )
  })

  /** Opens two spans, one in the other, among fibers that do the same, and says whose they are. */
  const nesting = Effect.flatMap(ToolContext, ({ call, session }) => {
    const mark = { call, session }
    const inner = Effect.withSpan(Effect.yieldNow(), "inner", { attributes: mark })
    const outer = Effect.withSpan(Effect.zipRight(Effect.yieldNow(), inner), "outer", { attributes: mark })
    return Effect.zipRight(Effect.annotateCurrentSpan("noted", call), outer)
  })
  const kit = Toolkit.make(Tool.make("nest", { parameters: { at: Schema.Number } }))
  // Its handlers know a span of their own: that of the time when they were made.
  const handlers = kit.toLayer({ nest: () => nesting }).pipe(Layer.provide(Layer.span("start-up")))
  const eight = Array.from({ length: 8 }, (_, at) => call(`w${at}`, "nest", { at }))
  const nest = Agent.tool("nest", { parameters: { at: Schema.Number } }, () => nesting)
  const nested = (spans: ReadonlyArray<Kept>) =>
    named(spans, "inner").map((inner) => {
      const outer = parentOf(inner)
      const tool = parentOf(outer)
      const run = parentOf(tool)
      return [outer?.name, tool?.name, run?.name].concat(
        inner.attributes.get("call") === tool?.attributes.get("gen_ai.tool.call.id") ? [] : ["another call's"],
        inner.attributes.get("call") === tool?.attributes.get("noted") ? [] : ["noted elsewhere"],
        inner.attributes.get("session") === run?.attributes.get("gen_ai.conversation.id") ? [] : ["another run's"]
      )
    })
  const right = ["outer", "execute_tool nest", "invoke_agent a"]

  describe("parents", () => {
    it.effect.each([
      ["carry their handler", Agent.make("a", { tools: [nest] })],
      ["have it in a layer", Agent.make("a", { toolkit: kit })],
      ["are built by an effect", Agent.make("a", { toolkit: Effect.map(kit, (built) => built) })]
    ] as const)("are right under eight concurrent tools that %s", ([, agent]) =>
      Effect.gen(function* () {
        const { spans } = yield* traced(agent, [eight, [text("done")]])
        assert.deepStrictEqual(
          nested(spans),
          Array.from({ length: 8 }, () => right)
        )
      }).pipe(Effect.provide(handlers))
    )

    it.effect("are right under five concurrent runs", () =>
      Effect.gen(function* () {
        const { layer, spans } = keeping()
        const agent = Agent.make("a", { tools: [nest] })
        const one = (at: number) =>
          Effect.provide(Agent.run(agent, "go", { session: SessionId.make(`s${at}`) }), world([eight, [text("done")]]))
        yield* Effect.provide(Effect.forEach([1, 2, 3, 4, 5], one, { concurrency: 5 }), layer)
        assert.deepStrictEqual(
          nested(spans),
          Array.from({ length: 40 }, () => right)
        )
        const chats = named(spans, "chat scripted").map((span) => [
          span.attributes.get("gen_ai.conversation.id"),
          parentOf(span)?.attributes.get("gen_ai.conversation.id")
        ])
        assert.deepStrictEqual([chats.length, chats.filter(([own, parents]) => own !== parents)], [10, []])
      })
    )
  })

  describe("failures", () => {
    const secret = "password=hunter2"
    const tools = [
      Agent.tool("dies", {}, () => Effect.die(new Error(secret))),
      Agent.tool("fails", {}, () => Effect.fail(new Error(secret))),
      Agent.tool("slow", { timeout: "1 second" }, () => Effect.never)
    ]

    it.effect("TR-7 of tools are error spans without their words", () =>
      Effect.gen(function* () {
        const calls = ["dies", "fails", "slow", "unknown"].map((name) => call(name, name))
        const fiber = yield* Effect.fork(traced(Agent.make("a", { tools }), [calls, [text("done")]]))
        yield* TestClock.adjust("1 second")
        const { spans } = yield* Fiber.join(fiber)
        assert.deepStrictEqual(spans.map(end), [
          "invoke_agent a: ok",
          "chat scripted: ok",
          "execute_tool dies: failed",
          "execute_tool fails: failed",
          "execute_tool slow: timed-out",
          "chat scripted: ok"
        ])
        assert.deepStrictEqual(
          spans.flatMap((span) => span.attributes.get("error.type") ?? []),
          ["failed", "failed", "timed-out"]
        )
      })
    )

    it.effect("of tools that end the run stay without their words", () =>
      Effect.gen(function* () {
        const { exit, spans } = yield* traced(Agent.make("a", { tools, toolFailure: "fail" }), [[call("1", "fails")]])
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", secret)
        assert.deepStrictEqual(
          spans.map((span) => span.exit?._tag),
          ["Failure", "Success", "Failure"]
        )
        assert.notInclude(spans.map(end).join(), secret)
      })
    )

    it.effect("of requests are error spans, one for each attempt", () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(traced(Agent.make("a"), [[error("Timeout")], [error("Authentication")]]))
        yield* TestClock.adjust("1 minute")
        const { spans } = yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          spans.map((span) => [span.name, span.exit?._tag, span.attributes.get("error.type")]),
          [
            ["invoke_agent a", "Failure", "TransportError"],
            ["chat scripted", "Failure", "Timeout"],
            ["chat scripted", "Failure", "Authentication"]
          ]
        )
      })
    )

    it.effect("RUN-3 an interrupted run leaves no span open", () =>
      Effect.gen(function* () {
        const { layer, spans } = keeping()
        const begun = yield* Deferred.make<void>()
        const stuck = Agent.tool("stuck", {}, () => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never))
        const run = Agent.run(Agent.make("a", { tools: [stuck] }), "go")
        const fiber = yield* Effect.fork(Effect.provide(run, [world([[call("1", "stuck")]]), layer]))
        yield* Effect.zipRight(Deferred.await(begun), Fiber.interrupt(fiber))
        assert.deepStrictEqual(spans.map(end), [
          "invoke_agent a: interrupted",
          "chat scripted: ok",
          "execute_tool stuck: interrupted"
        ])
      })
    )
  })

  describe("content", () => {
    const say = Tool.make("look", { parameters: { at: Schema.String }, success: Schema.String })
    const kits = Toolkit.make(say)
    const layer = kits.toLayer({ look: ({ at }) => Effect.succeed(`the result of ${at}`) })
    const agents = [
      ["carried", Agent.make("a", { instructions: "the instructions", tools: [look] })],
      ["in a layer", Agent.make("a", { instructions: "the instructions", toolkit: kits })],
      ["built", Agent.make("a", { instructions: "the instructions", toolkit: Effect.map(kits, (built) => built) })]
    ] as const
    const words = ["the instructions", "the prompt", "Let me look.", "the argument", "the result", "the answer"]
    const shown = (spans: ReadonlyArray<Kept>) => {
      const all = JSON.stringify(spans.map((span) => [span.name, attributes(span), end(span)]))
      return words.filter((it) => all.includes(it))
    }

    it.effect.each(agents)("is nowhere unless asked for, tools %s", ([, agent]) =>
      Effect.gen(function* () {
        const { spans } = yield* traced(agent, twoTurns)
        assert.deepStrictEqual(shown(spans), [])
        assert.deepStrictEqual(named(spans, "Toolkit.handle"), [])
      }).pipe(Effect.provide(layer))
    )

    it.effect.each(agents)("is on the spans when asked for, tools %s", ([, agent]) =>
      Effect.gen(function* () {
        const { spans } = yield* traced(agent, twoTurns)
        assert.deepStrictEqual(shown(spans), words)
        const [tool] = named(spans, "execute_tool look")
        assert.deepStrictEqual(
          [tool?.attributes.get("gen_ai.tool.call.arguments"), tool?.attributes.get("gen_ai.tool.call.result")],
          ['{"at":"the argument"}', "the result of the argument"]
        )
      }).pipe(Effect.provide([layer, Layer.succeed(Telemetry.CaptureContent, true)]))
    )
  })

  it.effect("OpenTelemetry exports the same spans", () =>
    Effect.gen(function* () {
      const exporter = new InMemorySpanExporter()
      const sdk = NodeSdk.layer(() => ({
        resource: { serviceName: "test" },
        spanProcessor: new SimpleSpanProcessor(exporter)
      }))
      const failing = Agent.tool("look", {}, () => Effect.fail("password=hunter2"))
      const agent = Agent.make("a", { tools: [failing], toolkit: Effect.map(kit, (built) => built) })
      const script = [[call("1", "look"), call("2", "nest", { at: 1 })], [text("done")]]
      const spans = yield* Agent.run(agent, "go", { session }).pipe(
        Effect.zipRight(Effect.sync(() => exporter.getFinishedSpans())),
        Effect.provide([world(script), handlers, sdk])
      )
      const byId = new Map(spans.map((span) => [span.spanContext().spanId, span.name]))
      const status = (code: SpanStatusCode) => (code === SpanStatusCode.ERROR ? "error" : "ok")
      assert.deepStrictEqual(
        spans
          .map(
            (span) => `${byId.get(span.parentSpanContext?.spanId ?? "")} > ${span.name}: ${status(span.status.code)}`
          )
          .toSorted(),
        [
          "execute_tool nest > outer: ok",
          "invoke_agent a > chat scripted: ok",
          "invoke_agent a > chat scripted: ok",
          "invoke_agent a > execute_tool look: error",
          "invoke_agent a > execute_tool nest: ok",
          "outer > inner: ok",
          "undefined > invoke_agent a: ok"
        ]
      )
      assert.strictEqual(new Set(spans.map((span) => span.spanContext().traceId)).size, 1)
      const shown = spans.map((span) => [span.attributes, span.events, span.status])
      assert.notInclude(JSON.stringify(shown), "hunter")
    })
  )
})
