/** Generated schedules of whole runs that share a budget, with tools, runs inside tools, failures, retries and stops. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as Budget from "../../src/agent/Budget.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import type * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, cut, delay, error, text, usage } from "../../src/testing/ScriptedTransport.ts"
import { numRuns, timeoutMillis } from "../support/generated.ts"
import { world } from "../support/runs.ts"

/** Every request has ten tokens of input, and an answer has ten at most. */
const counted = Layer.succeed(TokenCounter.TokenCounter, { count: () => Effect.succeed(10) })
const settings = { maxOutputTokens: 10 }

/** A clock that goes to the next sleeper as soon as nobody has anything to do, and so takes no time itself. */
const virtualClock = () => {
  let now = 0
  let sleepers: ReadonlyArray<{ readonly at: number; readonly wake: () => void }> = []
  const real = Clock.make()
  const clock: Clock.Clock = {
    ...real,
    unsafeCurrentTimeMillis: () => now,
    unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
    sleep: (duration) =>
      Effect.async<void>((resume) => {
        const sleeper = { at: now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
        sleepers = [...sleepers, sleeper]
        return Effect.sync(() => {
          sleepers = sleepers.filter((other) => other !== sleeper)
        })
      })
  }
  const toTheEnd = async (): Promise<void> => {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      if (sleepers.length === 0) return
      now = Math.min(...sleepers.map(({ at }) => at))
      const due = sleepers.filter(({ at }) => at <= now)
      sleepers = sleepers.filter(({ at }) => at > now)
      for (const { wake } of due) wake()
    }
  }
  return { ...clock, toTheEnd }
}

type Answer = "text" | "call" | "calls" | "cut" | "error" | "slow" | "cheap"
const answers = FastCheck.array(
  FastCheck.constantFrom<Answer>("text", "call", "calls", "cut", "error", "slow", "cheap", "call"),
  { minLength: 1, maxLength: 5 }
)
const schedule = FastCheck.record({
  runs: FastCheck.array(
    FastCheck.record({
      answers,
      at: FastCheck.nat(5),
      stopAt: FastCheck.option(FastCheck.nat(12), { nil: undefined }),
      nested: FastCheck.boolean()
    }),
    { minLength: 2, maxLength: 5 }
  ),
  tokens: FastCheck.integer({ min: 10, max: 200 }),
  requests: FastCheck.integer({ min: 1, max: 12 }),
  toolCalls: FastCheck.integer({ min: 0, max: 8 }),
  waits: FastCheck.boolean()
})

const seen = { limit: 0, completed: 0, stopped: 0, error: 0 }

/** What an answer is, and what it uses at most: as much as was reserved for it. */
const stepsOf = (answer: Answer, index: number): ReadonlyArray<ScriptedTransport.Step> => {
  const full = usage({ input: 10, output: 10 })
  switch (answer) {
    case "text":
      return [text("done"), full]
    case "cheap":
      return [text("done"), usage({ input: 4, output: 1 })]
    case "call":
      return [call(`${index}`, "work"), full]
    case "calls":
      return [call(`${index}a`, "work"), call(`${index}b`, "work"), full]
    case "cut":
      return [text("half"), delay("1 second"), cut]
    case "error":
      return [error("Overloaded")]
    case "slow":
      return [delay("2 seconds"), text("late"), full]
  }
}

type Schedule = typeof schedule extends FastCheck.Arbitrary<infer A> ? A : never

const play = ({ requests, runs, tokens, toolCalls, waits }: Schedule) => {
  const clock = virtualClock()
  return Effect.gen(function* () {
    const max = { budgetRequests: requests, budgetTokens: tokens, budgetToolCalls: toolCalls } as Record<string, number>
    const budget = yield* Budget.make({
      limits: { tokens, requests, toolCalls },
      per: "total",
      whenExhausted: waits ? "wait" : "fail"
    })
    const within = Effect.map(budget.read({ identity: {} }), (all) => {
      for (const { actual, limit } of all) assert.isAtMost(actual, max[limit] ?? 0, limit)
      return all
    })
    let called = 0
    const fibers = yield* Effect.forEach(runs, ({ answers, at, nested, stopAt }) => {
      let index = 0
      const layer = world(() => stepsOf(answers[index++ % answers.length] ?? "text", index))
      const leaf = Agent.make("leaf", { settings, retries: 1 })
      const worker = Agent.tool("work", {}, () =>
        Effect.gen(function* () {
          called++
          yield* within
          if (nested) yield* Effect.exit(Agent.run(leaf, "sub"))
          yield* Effect.sleep("1 second")
        })
      )
      const one = Agent.make("one", { settings, retries: 1, restarts: 1, tools: [worker], limits: { turns: 6 } })
      const stopSignal = stopAt === undefined ? Effect.never : Effect.sleep(stopAt * 1000)
      return Agent.run(one, "go", { stopSignal }).pipe(
        Effect.delay(at * 500),
        Effect.provide(Layer.merge(layer, counted)),
        Effect.provideService(Budget.Budget, budget),
        Effect.exit,
        Effect.tap(() => within),
        Effect.fork
      )
    })
    yield* Effect.promise(() => clock.toTheEnd())
    for (const fiber of fibers) {
      const end = fiber.unsafePoll()
      // Nothing is left to wake anybody up.
      if (end === null) return assert.fail("a run hangs")
      if (Exit.isFailure(end)) return assert.fail(String(end.cause))
      const reason = Exit.isSuccess(end.value) ? end.value.value.reason : "error"
      if (reason === "limit" || reason === "completed" || reason === "stopped") seen[reason]++
      else seen.error++
    }
    assert.isAtMost(called, toolCalls)
    const all = yield* within
    assert.deepStrictEqual(
      all.map(({ reserved }) => reserved),
      [0, 0, 0]
    )
  }).pipe(Effect.withClock(clock), Effect.provide(ContextStore.layerMemory))
}

describe("Many runs with one budget", () => {
  it(
    "TR-26 RUN-6 never exceed it and never hang, whatever the schedule",
    async () => {
      await FastCheck.assert(
        FastCheck.asyncProperty(schedule, (generated) => Effect.runPromise(play(generated))),
        { numRuns: numRuns(150) }
      )
      for (const [what, count] of Object.entries(seen)) assert.isAbove(count, 5, what)
    },
    timeoutMillis
  )
})
