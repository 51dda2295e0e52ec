import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import type { Step } from "../../src/testing/ScriptedTransport.ts"
import { call, cut, error, finish, reasoning, text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { numRuns } from "../support/generated.ts"
import { world } from "../support/runs.ts"

const session = SessionId.make("s")

/** Plays a script to its end and reads what the session holds then. */
const played = (script: ReadonlyArray<ReadonlyArray<Step>>, who: Agent.Agent) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(
      Effect.gen(function* () {
        const ended = yield* Trace.exit(Agent.stream(who, "hi", { session }))
        const store = yield* ContextStore.ContextStore
        const { messages } = yield* store.read(session)
        return { ...ended, stored: messages.map((message) => `${message.role}: ${Message.toText(message)}`) }
      }).pipe(Effect.provide(world(script)))
    )
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

const restarting = (restarts: number) => Agent.make("a", { restarts })

/** What a reader shows who forgets the deltas of a turn when it is begun anew. */
const shown = (events: ReadonlyArray<AgentEvent>): string =>
  events.reduce((seen, event) => {
    if (event._tag === "TurnRestarted") return ""
    return event._tag === "TextDelta" ? seen + event.delta : seen
  }, "")

const endOf = (events: ReadonlyArray<AgentEvent>) => {
  const end = events.at(-1)
  return end?._tag === "RunEnd" ? end : undefined
}

describe("Restarts", () => {
  it.effect("TR-20 a turn whose answer broke off begins anew", () =>
    Effect.gen(function* () {
      const { events, lines, stored } = yield* played(
        [[reasoning("Hm."), text("half", error("Overloaded"))], [text("whole")]],
        restarting(1)
      )
      assert.deepStrictEqual(lines, [
        "RunStart",
        "TurnStart",
        "Reasoning:Hm.",
        "Text:half",
        "TurnRestarted:Overloaded",
        "Text:whole",
        "TurnEnd",
        "RunEnd:completed"
      ])
      assert.strictEqual(endOf(events)?.output, "whole")
      assert.deepStrictEqual(stored, ["user: hi", "assistant: whole"])
    })
  )

  it.effect("TR-20 what earlier turns did is not done again", () =>
    Effect.gen(function* () {
      const ran: Array<string> = []
      const look = Agent.tool("look", {}, () => Effect.sync(() => ran.push("look")))
      const script = [
        [call("1", "look")],
        [text("half"), call("2", "look"), cut],
        [text("half"), finish("error")],
        [text("whole")]
      ]
      const { exit, stored } = yield* played(script, Agent.make("a", { tools: [look], restarts: 2 }))
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(ran, ["look"])
      assert.deepStrictEqual(stored, ["user: hi", "assistant: ", "tool: ", "assistant: whole"])
    })
  )

  it.effect("RUN-7 a broken answer is on the bill, estimated", () =>
    Effect.gen(function* () {
      const { events } = yield* played([[text("half", error("Network"))], [text("whole")]], restarting(1))
      const restarted = events.find((event) => event._tag === "TurnRestarted")
      const end = endOf(events)
      assert.isTrue(restarted?.usage.estimated)
      assert.isTrue(end?.usage.estimated)
      const lost = restarted?.usage.outputTokens.total ?? 0
      assert.isAbove(lost, 0)
      assert.strictEqual(end?.usage.outputTokens.total, 5 + lost)
    })
  )

  it.effect("WIRE-3 no more often than allowed, and not unless asked for", () =>
    Effect.gen(function* () {
      const broken = [text("half", error("Network"))]
      const twice = yield* played([broken, broken], restarting(1))
      assert.deepStrictEqual(twice.lines.slice(2), [
        "Text:half",
        "TurnRestarted:Network",
        "Text:half",
        "TurnEnd",
        "RunEnd:error"
      ])
      assert.deepStrictEqual(twice.stored, ["user: hi", "assistant: half"])
      const never = yield* played([broken], Agent.make("a"))
      assert.deepStrictEqual(never.lines.slice(2), ["Text:half", "TurnEnd", "RunEnd:error"])
    })
  )

  it.effect("retries and restarts are counted apart", () =>
    Effect.gen(function* () {
      const silent = [error("Overloaded")]
      const broken = [text("half", error("Overloaded"))]
      const agent = Agent.make("a", { retries: 2, restarts: 1 })
      const { exit, lines } = yield* played([silent, broken, silent, [text("whole")]], agent)
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(
        lines.filter((line) => /^(Retrying|TurnRestarted)/.test(line)),
        ["Retrying:Overloaded", "TurnRestarted:Overloaded", "Retrying:Overloaded"]
      )
    })
  )

  it.effect("a failure that does not pass restarts nothing", () =>
    Effect.gen(function* () {
      const { exit, lines } = yield* played([[text("half", error("Filtered"))]], restarting(3))
      assert.notInclude(lines.join(), "TurnRestarted")
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "Filtered")
    })
  )

  it("restarts must be a whole number", () => {
    assert.throws(() => restarting(-1), /restarts must be a whole number of at least 0, got -1/)
  })

  const answer = (steps: ReadonlyArray<string>): ReadonlyArray<Step> =>
    steps.map((step, index) =>
      step === "call" ? call(`${index}`, "look") : step === "think" ? reasoning("Hm.") : text(step)
    )

  it.effect("TR-20 TR-28 wherever answers break off, their text is shown once and no call runs twice", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.array(FastCheck.constantFrom("a", "b", "think", "call"), { minLength: 1, maxLength: 5 }),
          FastCheck.array(FastCheck.nat(5), { maxLength: 3 }),
          (steps, cuts) =>
            Effect.gen(function* () {
              let ran = 0
              const look = Agent.tool("look", {}, () => Effect.sync(() => ran++))
              const agent = Agent.make("a", { tools: [look], retries: 9, restarts: 9 })
              const broken = cuts.map((at) => [...answer(steps.slice(0, at)), error("Network")])
              const calls = steps.filter((step) => step === "call").length
              const last = calls > 0 ? [[text("end")]] : []
              const { events, exit } = yield* played([...broken, answer([...steps, "z"]), ...last], agent)
              assert.isTrue(Exit.isSuccess(exit))
              const words = steps.filter((step) => step === "a" || step === "b").join("")
              assert.strictEqual(shown(events), `${words}z${calls > 0 ? "end" : ""}`)
              assert.strictEqual(ran, calls)
              const begun = events.flatMap((event) => (event._tag === "ToolInputStart" ? [event.call] : []))
              assert.strictEqual(new Set(begun).size, begun.length)
            }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise)
        ),
        { numRuns: numRuns(30) }
      )
    )
  )
})
