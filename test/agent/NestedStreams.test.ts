import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Agent from "../../src/agent/Agent.ts"
import * as Composite from "../../src/agent/Composite.ts"
import * as Result from "../../src/agent/Result.ts"
import * as Streaming from "../../src/agent/Streaming.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { CallId, RunId } from "../../src/domain/Ids.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import { world } from "../support/runs.ts"

const { call, roles, text } = ScriptedTransport

const progress = (sequence: number): AgentEvent => ({
  _tag: "ToolProgress",
  run: RunId.make("run"),
  turn: 1,
  sequence,
  agent: "a",
  call: CallId.make("call"),
  name: "tool",
  chunk: "."
})

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, index) => progress(from + index))

describe("A stream with several writers", () => {
  it.effect("keeps what was written by one that was stopped before it could wait", () =>
    Effect.gen(function* () {
      const events = yield* Stream.runCollect(
        Streaming.make((sink) =>
          Effect.suspend(() => {
            // More than fits, and nobody waits until it does.
            sink(numbers(0, 5000))
            return sink(numbers(5000, 1)) ?? Effect.void
          })
        )
      )
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(events).map(({ sequence }) => sequence),
        numbers(0, 5001).map(({ sequence }) => sequence)
      )
    })
  )

  it.effect("makes writers wait that are ahead of the reader, and lets them go when it leaves", () =>
    Effect.gen(function* () {
      let written = 0
      const gone = yield* Deferred.make<void>()
      const stream = Streaming.make((sink) =>
        Effect.ensuring(
          Effect.forever(
            Effect.suspend(() => {
              written += 100
              return sink(numbers(written - 100, 100)) ?? Effect.yieldNow()
            })
          ),
          Deferred.succeed(gone, undefined)
        ).pipe(Effect.interruptible)
      )
      const most = yield* Stream.runHead(Stream.tap(stream, () => Effect.repeatN(Effect.yieldNow(), 500)))
      assert.strictEqual(most._tag, "Some")
      yield* Deferred.await(gone)
      assert.isAtMost(written, 2 * 4200)
    })
  )

  it.effect("loses nothing and mixes up no run while its reader is slow", () =>
    Effect.gen(function* () {
      const chatter = Agent.tool("chatter", {}, () =>
        Effect.flatMap(ToolContext, (context) =>
          Effect.forEach(Array.from({ length: 700 }), () => context.progress("."), { discard: true })
        )
      )
      const child = Agent.make("child", { instructions: "You are a child", tools: [chatter] })
      const lead = Agent.make("lead", { instructions: "You lead", tools: [Subagent.tool(child)] })
      const pair = Composite.make("pair", {}, (input: string, parts) =>
        Effect.as(Composite.all([parts.run("0", lead, input), parts.run("1", lead, input)]), { output: input })
      )
      const events: Array<AgentEvent> = []
      yield* Stream.runForEachChunk(Runner.stream(pair, "go"), (chunk) => {
        events.push(...chunk)
        return Effect.repeatN(Effect.yieldNow(), 20)
      })
      const next = new Map<string, number>()
      for (const { run, sequence } of events) {
        assert.strictEqual(sequence, next.get(run) ?? 0)
        next.set(run, sequence + 1)
      }
      assert.strictEqual(events.filter(({ _tag }) => _tag === "ToolProgress").length, 6 * 700)
      assert.strictEqual(events.at(-1)?.agent, "pair")
      const first = events.at(0)
      assert.strictEqual(Result.fromEvents(events)?.run, first?.run)
      assert.strictEqual(Result.fromEvents(events)?.agent, "pair")
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are a child": ({ messages }) =>
              messages.at(-1)?.role === "tool" ? [text("done")] : [call("1", "chatter")],
            "You lead": ({ messages }) =>
              messages.at(-1)?.role === "tool"
                ? [text("done")]
                : ["1", "2", "3"].map((id) => call(id, "child", { task: "talk" }))
          })
        )
      )
    )
  )
})

describe("Events of nested runs", () => {
  const child = Agent.make("child", { instructions: "You are a child" })
  const lead = Agent.make("lead", { instructions: "You lead", tools: [Subagent.tool(child)] })
  const script = () =>
    roles({
      "You are a child": [[text("done")]],
      "You lead": [[call("1", "child", { task: "x" })], [text("all done")]]
    })

  it.effect("are counted with the others by eventsFrom", () =>
    Effect.gen(function* () {
      const handle = yield* Agent.start(lead, "go")
      const all = Chunk.toReadonlyArray(yield* Stream.runCollect(handle.events))
      const late = Chunk.toReadonlyArray(yield* Stream.runCollect(handle.eventsFrom({ from: 7 })))
      assert.deepStrictEqual(late, all.slice(7))
      assert.notStrictEqual(late[0]?.sequence, 7)
    }).pipe(Effect.scoped, Effect.provide(world(script())))
  )

  it.effect("are told to hooks once, each with its own run", () => {
    const told: Array<AgentEvent> = []
    const starts: Array<string> = []
    return Effect.gen(function* () {
      const events: Array<AgentEvent> = []
      yield* Agent.run(lead, "go", { onEvents: (batch) => events.push(...batch) })
      assert.deepStrictEqual(told, events)
      assert.deepStrictEqual(starts, ["lead:", "child:lead"])
    }).pipe(
      Effect.provide(
        Layer.merge(
          world(script()),
          Hooks.layer({
            events: (batch) => Effect.sync(() => void told.push(...batch)),
            runStart: ({ agent, path }) =>
              Effect.sync(() => void starts.push(`${agent}:${path?.map((one) => one.agent).join() ?? ""}`))
          })
        )
      )
    )
  })
})

describe("Spans of nested runs", () => {
  it.effect("stand below the call, and those of parts below their pattern", () => {
    const spans: Array<Tracer.Span> = []
    const child = Agent.make("child", { instructions: "You are a child" })
    const lead = Agent.make("lead", { instructions: "You lead", tools: [Subagent.tool(child)] })
    const pattern = Composite.make("pattern", {}, (input: string, parts) =>
      Effect.as(Composite.all([parts.run("0", lead, input)], { concurrency: 2 }), { output: input })
    )
    const tracer = Tracer.make({
      span: (name, parent, context, links, startTime, kind) => {
        const attributes = new Map<string, unknown>()
        const span: Tracer.Span = {
          ...{ _tag: "Span", name, parent, context, links, kind, attributes, sampled: true },
          ...{ spanId: String(spans.length), traceId: "trace", status: { _tag: "Started", startTime } },
          attribute: (key, value) => void attributes.set(key, value),
          end: () => undefined,
          event: () => undefined,
          addLinks: () => undefined
        }
        spans.push(span)
        return span
      },
      context: (work) => work()
    })
    const wayOf = (span: Tracer.AnySpan | undefined): ReadonlyArray<string> =>
      span?._tag !== "Span" ? [] : [...wayOf(Option.getOrUndefined(span.parent)), span.name]
    return Effect.gen(function* () {
      yield* Runner.run(pattern, "go")
      const asked = spans.filter(({ name }) => name.startsWith("chat")).map(wayOf)
      const above = ["invoke_workflow pattern", "invoke_agent lead"]
      assert.deepStrictEqual(asked, [
        [...above, "chat scripted"],
        [...above, "execute_tool child", "invoke_agent child", "chat scripted"],
        [...above, "chat scripted"]
      ])
    }).pipe(
      Effect.withTracer(tracer),
      Effect.provide(
        world(
          roles({
            "You are a child": [[text("done")]],
            "You lead": [[call("1", "child", { task: "x" })], [text("led")]]
          })
        )
      )
    )
  })
})

describe("A run in a run", () => {
  it.effect("does not wait for the session of a run above it", () => {
    const child = Agent.make("child", { instructions: "You are a child" })
    const reuse = Agent.tool("reuse", { failure: Schema.Unknown }, () =>
      Effect.flatMap(ToolContext, ({ session }) => Effect.asVoid(Agent.run(child, "go", { session })))
    )
    const pattern = Composite.make("pattern", {}, () => Effect.succeed({ output: "never" }))
    const again = Agent.tool("again", { failure: Schema.Unknown }, () =>
      Effect.flatMap(ToolContext, ({ session }) => Effect.asVoid(Runner.run(pattern, "go", { session })))
    )
    const lead = Agent.make("lead", { instructions: "You lead", tools: [reuse, again] })
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Agent.run(lead, "go"))
      for (let time = 0; time < 2000 && (yield* Fiber.poll(fiber))._tag === "None"; time++) yield* Effect.yieldNow()
      const exit = yield* Fiber.poll(fiber)
      yield* Fiber.interruptFork(fiber)
      if (exit._tag === "None") return assert.fail("it hangs")
      const requests = yield* ScriptedTransport.requests
      const results = JSON.stringify(requests.at(-1)?.messages.at(-1)?.parts)
      assert.strictEqual(results.split("lead has it, in which this run is nested").length, 3)
    }).pipe(Effect.provide(world(roles({ "You lead": [[call("1", "reuse"), call("2", "again")], [text("well")]] }))))
  })
})
