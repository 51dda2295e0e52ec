import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import { observed, sentResults, world } from "../support/runs.ts"

class Source extends Context.Tag("test/Source")<Source, Stream.Stream<string>>() {}
class Torn extends Data.TaggedError("Torn")<{ readonly message: string }> {}

const done = [text("done")]
const chunks = (events: ReadonlyArray<AgentEvent>): ReadonlyArray<unknown> =>
  events.flatMap((event) => (event._tag === "ToolProgress" ? [event.chunk] : []))

/** One run of one tool that is called once: what it showed, and what it came to. */
const once = (stream: Stream.Stream<unknown, unknown>) =>
  Effect.map(
    observed(Agent.make("a", { tools: [Agent.tool("work", {}, () => stream)] }), [[call("1", "work")], done]),
    ({ events, requests }) => ({ shown: chunks(events), results: sentResults(requests[1]) })
  )

describe("Streaming tools", () => {
  it.effect("AM-18 AX-18 the last value is the result, those before are shown, a plain tool works beside", () =>
    Effect.gen(function* () {
      const plain = Agent.tool("plain", { success: Schema.String }, () => Effect.succeed("plain"))
      const fill = Agent.tool("fill", { success: Schema.Struct({ fields: Schema.Number }) }, () =>
        Stream.make(
          ToolResult.progress({ key: "title", text: "Te" }),
          ToolResult.progress({ key: "title", text: "a" }),
          { fields: 1 }
        )
      )
      const { events, requests } = yield* observed(Agent.make("a", { tools: [fill, plain] }), [
        [call("1", "fill"), call("2", "plain")],
        done
      ])
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "ToolProgress" ? [[event.name, event.chunk]] : [])),
        [
          ["fill", { key: "title", text: "Te" }],
          ["fill", { key: "title", text: "a" }]
        ]
      )
      assert.deepStrictEqual(sentResults(requests[1]), ['ok: {"fields":1}', "ok: plain"])
    })
  )

  it.effect("AM-18 however a stream is cut into chunks, all but the last value are shown once, in order", () =>
    Effect.gen(function* () {
      const values = ["a", "b", "c", "d", "e"]
      const expected = { shown: ["a", "b", "c", "d"], results: ["ok: e"] }
      const whole = Stream.fromIterable(values)
      for (const stream of [
        whole,
        Stream.rechunk(whole, 1),
        Stream.rechunk(whole, 2),
        Stream.mapEffect(whole, (value) => Effect.succeed(value)),
        Stream.buffer(whole, { capacity: 2 }),
        Stream.merge(whole, Stream.empty),
        Stream.mapEffect(whole, (value) => Effect.as(Effect.yieldNow(), value), { concurrency: 3 }),
        Stream.concat(Stream.make("a", "b", "c", "d"), Stream.fromEffect(Effect.as(Effect.yieldNow(), "e")))
      ]) {
        assert.deepStrictEqual(yield* once(stream), expected)
      }
      assert.deepStrictEqual(yield* once(Stream.make("only")), { shown: [], results: ["ok: only"] })
      assert.deepStrictEqual(yield* once(Stream.make(undefined)), { shown: [], results: ["ok: "] })
    })
  )

  it.effect("CALL-8 a value is shown while the stream has not given the next one", () =>
    Effect.gen(function* () {
      const seen = yield* Deferred.make<void>()
      const slow = Agent.tool("slow", {}, () =>
        Stream.concat(Stream.make("one", "two"), Stream.fromEffect(Effect.as(Deferred.await(seen), "three")))
      )
      const shown: Array<unknown> = []
      yield* Agent.run(Agent.make("a", { tools: [slow] }), "go", {
        onEvents: (batch) => {
          shown.push(...chunks(batch))
          if (shown.length === 2) Deferred.unsafeDone(seen, Effect.void)
        }
      }).pipe(Effect.provide(world([[call("1", "slow")], done])))
      assert.deepStrictEqual(shown, ["one", "two"])
    })
  )

  it.effect("a last value that others had to wait for is shown and is the result", () =>
    Effect.gen(function* () {
      const late = yield* Deferred.make<void>()
      const stream = Stream.concat(Stream.make("result"), Stream.drain(Stream.fromEffect(Deferred.await(late))))
      const fiber = yield* Effect.fork(once(stream))
      yield* Effect.yieldNow().pipe(Effect.repeatN(50))
      yield* Deferred.succeed(late, undefined)
      assert.deepStrictEqual(yield* Fiber.join(fiber), { shown: ["result"], results: ["ok: result"] })
    })
  )

  it.effect("a stream without a result is a failure that says so", () =>
    Effect.gen(function* () {
      const said = "failed: The tool ended without a result: its stream gave none."
      assert.deepStrictEqual(yield* once(Stream.empty), { shown: [], results: [said] })
      assert.deepStrictEqual(yield* once(Stream.make(ToolResult.progress("half"))), {
        shown: ["half"],
        results: [said]
      })
      const typed = Agent.tool("typed", { success: Schema.Number, failure: Schema.Unknown }, () => Stream.empty)
      const { requests } = yield* observed(Agent.make("a", { tools: [typed] }), [[call("1", "typed")], done])
      assert.deepStrictEqual(sentResults(requests[1]), [said])
    })
  )

  it.effect("CALL-4 TR-7 a stream that fails or dies after some output is a failed result", () =>
    Effect.gen(function* () {
      const torn = yield* once(Stream.concat(Stream.make("a"), Stream.fail(new Torn({ message: "torn" }))))
      assert.deepStrictEqual(torn, { shown: ["a"], results: ["failed: Torn: torn"] })
      const dead = yield* once(Stream.concat(Stream.make("a"), Stream.die("secret")))
      assert.deepStrictEqual(dead, {
        shown: ["a"],
        results: ["failed: Tool work failed unexpectedly. The details are in the log of this application."]
      })
    })
  )

  it.effect("AX-17 what a stream needs is found in the context of the run", () =>
    Effect.gen(function* () {
      const read = Agent.tool("read", { success: Schema.String }, () => Stream.unwrap(Source))
      const agent = Agent.make("a", { tools: [read] })
      const { requests } = yield* observed(agent, [[call("1", "read")], done]).pipe(
        Effect.provideService(Source, Stream.make("x", "y"))
      )
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: y"])
    })
  )

  it.effect("AX-16 RUN-3 leaving while a tool streams closes its stream", () =>
    Effect.gen(function* () {
      let closed = false
      const endless = Agent.tool("endless", {}, () =>
        Stream.concat(Stream.make("tick"), Stream.never).pipe(Stream.ensuring(Effect.sync(() => (closed = true))))
      )
      const seen = yield* Agent.stream(Agent.make("a", { tools: [endless] }), "go").pipe(
        Stream.takeUntil((event) => event._tag === "ToolProgress"),
        Stream.runCollect,
        Effect.provide(world([[call("1", "endless")]]))
      )
      assert.deepStrictEqual(chunks([...seen]), ["tick"])
      assert.isTrue(closed)
    })
  )

  it.effect("CALL-5 CALL-8 TR-3 a stream that is out of time is closed, and keeps what it has shown", () =>
    Effect.gen(function* () {
      let closed = false
      const endless = Agent.tool("endless", { timeout: "5 seconds" }, () =>
        Stream.concat(Stream.make("one\n", "two\n"), Stream.never).pipe(
          Stream.ensuring(Effect.sync(() => (closed = true)))
        )
      )
      const fiber = yield* Effect.fork(observed(Agent.make("a", { tools: [endless] }), [[call("1", "endless")], done]))
      yield* TestClock.adjust("5 seconds")
      const { events, requests } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(chunks(events), ["one\n", "two\n"])
      assert.deepStrictEqual(sentResults(requests[1]), [
        "timed-out: Tool endless did not finish in time and was stopped.\nIts output so far:\none\ntwo\n"
      ])
      assert.isTrue(closed)
    })
  )

  it.effect("TR-15 an error that is shown says its tag and its message", () =>
    Effect.gen(function* () {
      const { shown } = yield* once(Stream.make({ failed: new TypeError("no such page") }, "result"))
      assert.deepStrictEqual(shown, [{ failed: { tag: "TypeError", message: "no such page" } }])
    })
  )
})
