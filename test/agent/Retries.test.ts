import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { Key } from "../../src/agent/Activities.ts"
import { Activities, direct } from "../../src/agent/Activities.ts"
import * as Agent from "../../src/agent/Agent.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Usage from "../../src/domain/Usage.ts"
import type { Step } from "../../src/testing/ScriptedTransport.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, cut, delta, error, finish, gate, reasoning, start, text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import type { Reason, ReasonTag, Replay } from "../../src/transport/TransportError.ts"
import { TransportError } from "../../src/transport/TransportError.ts"
import { world } from "../support/runs.ts"

const agent = Agent.make("a")
const fine = [text("fine")]
const completed = ["TurnEnd", "RunEnd:completed"]

const failure = (reason: ReasonTag | Reason, replay: Replay = "safe") =>
  new TransportError({
    vendor: "scripted",
    model: "scripted",
    reason: typeof reason === "string" ? { _tag: reason, message: "scripted" } : reason,
    replay
  })

/** What a `Retrying` event says. */
const retrying = (attempt: number, delayMillis: number, reason: ReasonTag | Reason = "Overloaded") => {
  const { message, reason: why } = failure(reason)
  return { attempt, delayMillis, error: { tag: why._tag, message } }
}

const retries = (events: ReadonlyArray<AgentEvent>) =>
  events.flatMap((event) =>
    event._tag === "Retrying" ? [{ attempt: event.attempt, delayMillis: event.delayMillis, error: event.error }] : []
  )

/** Plays a script to its end, whatever waits are in between, and notes when each request was opened. */
const played = (script: ReadonlyArray<ReadonlyArray<Step>>, who: Agent.Agent = agent) =>
  Effect.gen(function* () {
    const opened: Array<number> = []
    const note = gate(Effect.map(Clock.currentTimeMillis, (now) => opened.push(now)))
    const fiber = yield* Effect.fork(
      Effect.all({
        ended: Trace.exit(Agent.stream(who, "hi")),
        requests: ScriptedTransport.requests,
        open: ScriptedTransport.openConnections
      }).pipe(Effect.provide(world(script.map((steps) => [note, ...steps]))))
    )
    yield* TestClock.adjust("1 hour")
    const { ended, open, requests } = yield* Fiber.join(fiber)
    const failed = Exit.isFailure(ended.exit) ? Cause.squash(ended.exit.cause) : undefined
    return { lines: ended.lines, events: ended.events, retries: retries(ended.events), failed, opened, open, requests }
  })

describe("Retries", () => {
  describe("a failure before the first delta", () => {
    it.effect("WIRE-3 is followed by the same request, later and later", () =>
      Effect.gen(function* () {
        const run = yield* played([[error("Overloaded")], [start("r"), error("Network")], fine])
        assert.deepStrictEqual(run.lines, [
          "RunStart",
          "TurnStart",
          "Retrying:Overloaded",
          "Retrying:Network",
          "Text:fine",
          ...completed
        ])
        assert.deepStrictEqual(run.retries, [retrying(1, 500), retrying(2, 1000, "Network")])
        assert.deepStrictEqual([run.opened, run.open], [[0, 500, 1500], 0])
        assert.strictEqual(new Set(run.requests).size, 1)
      })
    )

    it.effect.each(["RateLimited", "Overloaded", "Network", "Timeout"] as const)("WIRE-3 %s passes", (reason) =>
      Effect.gen(function* () {
        const run = yield* played([[error(reason)], fine])
        assert.deepStrictEqual([run.retries, run.failed], [[retrying(1, 500, reason)], undefined])
      })
    )

    it.effect.each(["Authentication", "InvalidRequest", "ContextOverflow", "Filtered", "Malformed"] as const)(
      "WIRE-3 TR-22 %s does not pass by itself and is not retried",
      (reason) =>
        Effect.gen(function* () {
          const run = yield* played([[error(reason)]])
          assert.deepStrictEqual(
            [run.lines, run.failed],
            [["RunStart", "TurnStart", "TurnEnd", "RunEnd:error"], failure(reason)]
          )
        })
    )

    it.effect("TR-11 every pause has a key of its own", () =>
      Effect.gen(function* () {
        const keys: Array<unknown> = []
        const activities = {
          ...direct,
          sleep: ({ attempt, turn }: Key) => Effect.sync(() => void keys.push({ turn, attempt }))
        }
        const busy = [error("Overloaded")]
        // A request that was shortened goes on counting.
        const script = [busy, busy, [error("ContextOverflow")], busy, fine]
        const shorter = Compaction.layer({ keepRecent: 1, summarise: () => Effect.succeed({ text: "S", costs: [] }) })
        const words = [Message.user("long ".repeat(99)), Message.assistant("well"), Message.user("hi")]
        yield* Agent.run(agent, words).pipe(
          Effect.provide([world(script), shorter]),
          Effect.provideService(Activities, activities)
        )
        assert.deepStrictEqual(
          keys,
          [1, 2, 3].map((attempt) => ({ turn: 1, attempt }))
        )
      })
    )

    it.effect("a spent quota is a rate limit that never passes", () =>
      Effect.gen(function* () {
        const reason: Reason = {
          _tag: "RateLimited",
          message: "Add credits.",
          code: "insufficient_quota",
          permanent: true
        }
        const run = yield* played([[error(reason)]])
        assert.deepStrictEqual([run.retries, run.failed, run.opened], [[], failure(reason), [0]])
      })
    )

    it.effect("WIRE-3 a connection that drops without a word is tried again", () =>
      Effect.gen(function* () {
        const run = yield* played([[cut], [start("r"), cut], fine])
        assert.deepStrictEqual(run.lines, [
          "RunStart",
          "TurnStart",
          "Retrying:Network",
          "Retrying:Network",
          "Text:fine",
          ...completed
        ])
      })
    )

    it.effect("RUN-7 costs nothing and is no turn", () =>
      Effect.gen(function* () {
        const tool = Agent.tool("look", {}, () => Effect.succeed("seen"))
        const limited = Agent.make("a", { tools: [tool], limits: { turns: 2 } })
        const run = yield* played([[error("Timeout")], [call("1", "look")], [error("Timeout")], fine], limited)
        const end = run.events.at(-1)
        assert.deepStrictEqual(end?._tag === "RunEnd" ? [end.reason, end.turn, end.usage] : [], [
          "completed",
          2,
          Usage.make({ input: 20, output: 10 })
        ])
        assert.deepStrictEqual(run.retries, [retrying(1, 500, "Timeout"), retrying(1, 500, "Timeout")])
      })
    )
  })

  describe("Retry-After", () => {
    const asking = (retryAfterMillis: number): Reason => ({ _tag: "RateLimited", message: "slow", retryAfterMillis })

    it.effect.each([0, 7000, 60_000])("WIRE-4 of %d milliseconds is obeyed", (millis) =>
      Effect.gen(function* () {
        const run = yield* played([[error(asking(millis))], fine])
        assert.deepStrictEqual([run.retries, run.opened], [[retrying(1, millis, asking(millis))], [0, millis]])
      })
    )

    it.effect("WIRE-4 of more than a minute is not waited for", () =>
      Effect.gen(function* () {
        const run = yield* played([[error(asking(60_001))]])
        assert.deepStrictEqual([run.retries, run.failed], [[], failure(asking(60_001))])
      })
    )
  })

  describe("a failure after the first delta", () => {
    it.effect.each([
      ["of text", [text("half", error("Overloaded"))], ["Text:half"]],
      ["of reasoning", [reasoning("Hm."), error("Overloaded")], ["Reasoning:Hm."]],
      ["of a call", [call("1", "rm", {}), error("Overloaded")], []]
    ] as const)("WIRE-3 TR-20 %s is not retried, and says what arrived", ([, steps, shown]) =>
      Effect.gen(function* () {
        const run = yield* played([steps])
        assert.deepStrictEqual(
          [run.lines, run.failed],
          [["RunStart", "TurnStart", ...shown, "TurnEnd", "RunEnd:error"], failure("Overloaded", "acknowledged")]
        )
      })
    )

    it.effect("WIRE-3 also when an earlier request had failed in silence", () =>
      Effect.gen(function* () {
        const run = yield* played([[error("Timeout")], [text("half", error("Overloaded"))]])
        assert.deepStrictEqual(run.lines, [
          "RunStart",
          "TurnStart",
          "Retrying:Timeout",
          "Text:half",
          "TurnEnd",
          "RunEnd:error"
        ])
      })
    )

    it.effect("an answer that the vendor ends with an error is not retried", () =>
      Effect.gen(function* () {
        const run = yield* played([[text("half"), finish("error")]])
        assert.deepStrictEqual(
          [run.retries, run.failed],
          [[], failure({ _tag: "Overloaded", message: "The vendor ended the answer with an error." }, "acknowledged")]
        )
      })
    )
  })

  describe("how often", () => {
    const always = (times: number) => Array.from({ length: times }, () => [error("Overloaded")])

    it.effect("twice unless said, then the last failure is the run's", () =>
      Effect.gen(function* () {
        const last: Reason = { _tag: "Overloaded", message: "still" }
        const run = yield* played([...always(2), [error(last)]])
        assert.deepStrictEqual([run.opened, run.failed], [[0, 500, 1500], failure(last)])
      })
    )

    it.effect("retries 0 never sends a request twice", () =>
      Effect.gen(function* () {
        const run = yield* played(always(1), Agent.make("a", { retries: 0 }))
        assert.deepStrictEqual([run.opened, run.lines], [[0], ["RunStart", "TurnStart", "TurnEnd", "RunEnd:error"]])
      })
    )

    it.effect("pauses double up to half a minute", () =>
      Effect.gen(function* () {
        const run = yield* played([...always(8), fine], Agent.make("a", { retries: 8 }))
        assert.deepStrictEqual(
          run.retries.map(({ delayMillis }) => delayMillis),
          [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
        )
      })
    )
  })

  describe("while it waits", () => {
    /** Runs until the first pause, and one millisecond short of its end. */
    const paused = <E>(
      stopSignal: Effect.Effect<void>,
      then: (fiber: Fiber.RuntimeFiber<unknown>) => Effect.Effect<unknown, E>
    ) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(Trace.exit(Agent.stream(agent, "hi", { stopSignal })))
        yield* TestClock.adjust("499 millis")
        const open = yield* ScriptedTransport.openConnections
        yield* then(fiber)
        yield* TestClock.adjust("1 minute")
        const requests = yield* ScriptedTransport.requests
        return { open, requests: requests.length, exit: yield* Fiber.await(fiber) }
      }).pipe(Effect.provide(world([[error("Overloaded")]])))

    it.effect("a run can be stopped, and no connection is open", () =>
      Effect.gen(function* () {
        const latch = yield* Deferred.make<void>()
        const { exit, open, requests } = yield* paused(Deferred.await(latch), () => Deferred.succeed(latch, undefined))
        const lines = Exit.isSuccess(exit) ? exit.value.lines : []
        assert.deepStrictEqual([open, requests], [0, 1])
        assert.deepStrictEqual(lines, ["RunStart", "TurnStart", "Retrying:Overloaded", "TurnEnd", "RunEnd:stopped"])
      })
    )

    it.effect("RUN-3 a run can be interrupted, and asks no more", () =>
      Effect.gen(function* () {
        const { exit, requests } = yield* paused(Effect.never, Fiber.interrupt)
        assert.deepStrictEqual([Exit.isInterrupted(exit), requests], [true, 1])
      })
    )
  })

  it.effect("TURN-1 only the answer that came is acted upon", () =>
    Effect.gen(function* () {
      const ran: Array<string> = []
      const tool = Agent.tool("look", {}, () => Effect.sync(() => ran.push("look")))
      const begun = delta({ _tag: "ResponseStart", id: "lost", model: "scripted" })
      const run = yield* played([[begun, cut], [call("1", "look")], fine], Agent.make("a", { tools: [tool] }))
      assert.deepStrictEqual([ran, run.failed, run.requests.length], [["look"], undefined, 3])
    })
  )
})
