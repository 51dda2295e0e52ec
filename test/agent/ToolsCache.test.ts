import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Identity from "../../src/context/Identity.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import type { CacheOptions } from "../../src/tool/Tool.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import { observed, sentResults } from "../support/runs.ts"

const done = [text("done")]
const minute: CacheOptions = { capacity: 8, timeToLive: "1 minute" }

/** A tool that counts how often it ran, and an agent that has it. */
const counting = (cache: CacheOptions) => {
  const ran: Array<string> = []
  const look = Agent.tool(
    "look",
    { parameters: { at: Schema.String, deep: Schema.optionalWith(Schema.Boolean, { default: () => false }) }, cache },
    ({ at }) => Effect.sync(() => `${at} ${ran.push(at)}`)
  )
  const run = (...calls: ReadonlyArray<object>) =>
    Effect.map(
      observed(Agent.make("a", { tools: [look], toolConcurrency: 1 }), [
        calls.map((input, index) => call(String(index), "look", input)),
        done
      ]),
      ({ requests }) => sentResults(requests[1])
    )
  return { ran, run }
}

describe("Cached tools", () => {
  it.effect("equal calls run once, in one run and the next, until their time is over", () =>
    Effect.gen(function* () {
      const { ran, run } = counting(minute)
      assert.deepStrictEqual(yield* run({ at: "x" }, { deep: false, at: "x", extra: 1 }, { at: "y" }), [
        "ok: x 1",
        "ok: x 1",
        "ok: y 2"
      ])
      assert.deepStrictEqual(yield* run({ at: "x" }), ["ok: x 1"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* run({ at: "x" }), ["ok: x 3"])
      assert.deepStrictEqual(ran, ["x", "y", "x"])
    })
  )

  it.effect("what was used longest ago goes first when there is no more room", () =>
    Effect.gen(function* () {
      const { run } = counting({ capacity: 2, timeToLive: "1 minute" })
      assert.deepStrictEqual(yield* run({ at: "a" }, { at: "b" }, { at: "a" }, { at: "c" }, { at: "a" }, { at: "b" }), [
        "ok: a 1",
        "ok: b 2",
        "ok: a 1",
        "ok: c 3",
        "ok: a 1",
        "ok: b 4"
      ])
    })
  )

  it.effect("AA-02 another identity has results of its own", () =>
    Effect.gen(function* () {
      const { ran, run } = counting(minute)
      const as = (userId: string) => Effect.provide(run({ at: "x" }), Identity.layer({ userId, chatId: "c" }))
      assert.deepStrictEqual(yield* as("u1"), ["ok: x 1"])
      assert.deepStrictEqual(yield* as("u2"), ["ok: x 2"])
      assert.deepStrictEqual(yield* as("u1"), ["ok: x 1"])
      assert.strictEqual(ran.length, 2)
    })
  )

  it.effect("failures are not kept, and what an answer says besides its value is", () =>
    Effect.gen(function* () {
      let attempts = 0
      const flaky = Agent.tool("flaky", { cache: minute }, () =>
        ++attempts === 1
          ? Effect.fail("not yet")
          : Effect.succeed(ToolResult.make({ value: attempts, user: "for you" }))
      )
      const { events, requests } = yield* observed(Agent.make("a", { tools: [flaky], toolConcurrency: 1 }), [
        [call("1", "flaky"), call("2", "flaky"), call("3", "flaky")],
        done
      ])
      assert.deepStrictEqual(sentResults(requests[1]), ["failed: not yet", "ok: 2", "ok: 2"])
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "ToolEnd" ? [event.display?.length ?? 0] : [])),
        [0, 1, 1]
      )
    })
  )

  it.effect("equal calls at the same time share one execution, which outlives the one that began it", () =>
    Effect.gen(function* () {
      const open = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      let ran = 0
      let interrupted = 0
      const slow = Agent.tool("slow", { cache: minute }, () =>
        Effect.suspend(() => {
          ran++
          return Effect.zipRight(Deferred.succeed(begun, undefined), Effect.as(Deferred.await(open), "there"))
        }).pipe(Effect.onInterrupt(() => Effect.sync(() => interrupted++)))
      )
      const agent = Agent.make("a", { tools: [slow] })
      const run = observed(agent, [[call("1", "slow")], done])
      const first = yield* Effect.fork(run)
      yield* Deferred.await(begun)
      const second = yield* Effect.fork(observed(agent, [[call("1", "slow"), call("2", "slow")], done]))
      yield* Effect.yieldNow().pipe(Effect.repeatN(100))
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(open, undefined)
      assert.deepStrictEqual(sentResults((yield* Fiber.join(second)).requests[1]), ["ok: there", "ok: there"])
      assert.deepStrictEqual([ran, interrupted], [1, 0])
    })
  )

  it.effect("RUN-3 when the last of them goes, the execution is interrupted and waited for", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      let ran = 0
      let released = 0
      const slow = Agent.tool("slow", { cache: minute }, () =>
        Effect.suspend(() =>
          ++ran === 1 ? Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never) : Effect.void
        ).pipe(
          Effect.onInterrupt(() =>
            Effect.zipRight(
              Effect.yieldNow(),
              Effect.sync(() => released++)
            )
          )
        )
      )
      const run = observed(Agent.make("a", { tools: [slow] }), [[call("1", "slow"), call("2", "slow")], done])
      const fiber = yield* Effect.fork(run)
      yield* Deferred.await(begun)
      yield* Effect.yieldNow().pipe(Effect.repeatN(100))
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([ran, released], [1, 1])
      assert.deepStrictEqual(sentResults((yield* run).requests[1]), ["ok: ", "ok: "])
      assert.strictEqual(ran, 2)
    })
  )

  it.effect("nobody joins an execution that is being interrupted", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const closing = yield* Deferred.make<void>()
      const closed = yield* Deferred.make<void>()
      let ran = 0
      const slow = Agent.tool("slow", { cache: minute }, () =>
        ++ran === 1
          ? Effect.onInterrupt(Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never), () =>
              Effect.zipRight(Deferred.succeed(closing, undefined), Deferred.await(closed))
            )
          : Effect.succeed("there")
      )
      const agent = Agent.make("a", { tools: [slow] })
      const first = yield* Effect.fork(observed(agent, [[call("1", "slow")]]))
      yield* Deferred.await(begun)
      const leaving = yield* Effect.fork(Fiber.interrupt(first))
      yield* Deferred.await(closing)
      const { requests } = yield* observed(agent, [[call("1", "slow")], done])
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: there"])
      yield* Deferred.succeed(closed, undefined)
      yield* Fiber.join(leaving)
    })
  )

  it.effect("CALL-5 a cached call that runs out of time is tried anew by the next", () =>
    Effect.gen(function* () {
      let ran = 0
      const slow = Agent.tool("slow", { cache: minute, timeout: "1 second" }, () =>
        Effect.suspend(() => (++ran === 1 ? Effect.never : Effect.succeed("there")))
      )
      const fiber = yield* Effect.fork(
        observed(Agent.make("a", { tools: [slow], toolConcurrency: 1 }), [[call("1", "slow"), call("2", "slow")], done])
      )
      yield* TestClock.adjust("1 second")
      const results = sentResults((yield* Fiber.join(fiber)).requests[1])
      assert.deepStrictEqual(results, ["timed-out: Tool slow did not finish in time and was stopped.", "ok: there"])
    })
  )

  it("a capacity below 1 is a mistake of the program", () => {
    const make = (capacity: number) => () =>
      Agent.tool("bad", { cache: { capacity, timeToLive: "1 minute" } }, () => Effect.void)
    for (const capacity of [0, -1, 1.5, Number.NaN]) assert.throws(make(capacity), /cache\.capacity of tool bad/)
    assert.doesNotThrow(make(1))
  })
})
