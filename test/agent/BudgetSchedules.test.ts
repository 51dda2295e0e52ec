/**
 * Generated schedules of runs that share budgets: whatever they reserve, use, wait for or give up, and whenever windows
 * begin anew, no budget is ever exceeded and nothing stays reserved. Kept beside the budget is a tally of what is really
 * used, which the budget does not know of.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import * as TestServices from "effect/TestServices"
import * as Budget from "../../src/agent/Budget.ts"
import { tokens } from "../support/budgets.ts"
import { numRuns, timeoutMillis } from "../support/generated.ts"

interface Bound {
  readonly max: number
  readonly per: "owner" | "agent" | "total"
  readonly everyMillis: number | undefined
  readonly whenExhausted: "fail" | "wait"
}

interface Spending {
  readonly amount: number
  /** How much of the amount is used, in two parts, each a share of what is left. */
  readonly shares: readonly [number, number]
  readonly delayMillis: number
  readonly end: "ok" | "fail" | "die" | "release"
}

interface SubRun {
  readonly user: string
  readonly agent: string
  readonly spendings: ReadonlyArray<Spending>
  readonly interruptMillis: number | undefined
}

interface Schedule {
  readonly bounds: ReadonlyArray<Bound>
  readonly runs: ReadonlyArray<SubRun>
}

const share = FastCheck.constantFrom(0, 0.3, 0.5, 1)
const schedule: FastCheck.Arbitrary<Schedule> = FastCheck.record({
  bounds: FastCheck.array(
    FastCheck.record({
      max: FastCheck.integer({ min: 0, max: 40 }),
      per: FastCheck.constantFrom("owner", "agent", "total"),
      everyMillis: FastCheck.constantFrom(undefined, 7, 20),
      whenExhausted: FastCheck.constantFrom("fail", "wait", "wait")
    }),
    { minLength: 1, maxLength: 3 }
  ),
  runs: FastCheck.array(
    FastCheck.record({
      user: FastCheck.constantFrom("ann", "bob"),
      agent: FastCheck.constantFrom("a", "b"),
      spendings: FastCheck.array(
        FastCheck.record({
          amount: FastCheck.integer({ min: 0, max: 20 }),
          shares: FastCheck.tuple(share, share),
          delayMillis: FastCheck.constantFrom(0, 0, 0, 3, 9, 25),
          end: FastCheck.constantFrom("ok", "ok", "fail", "die", "release")
        }),
        { minLength: 1, maxLength: 2 }
      ),
      interruptMillis: FastCheck.constantFrom(undefined, undefined, undefined, 0, 4, 12)
    }),
    { minLength: 2, maxLength: 6 }
  )
})

/** What is used and what is promised of one bound, by one payer, in one window. */
class Tally {
  readonly sums = new Map<string, { used: number; promised: number }>()
  over = 0
  add(bound: Bound, index: number, run: SubRun, window: number, used: number, promised: number): void {
    const payer = bound.per === "owner" ? run.user : bound.per === "agent" ? run.agent : ""
    const key = `${index}/${payer}/${window}`
    const sum = this.sums.get(key) ?? { used: 0, promised: 0 }
    sum.used += used
    sum.promised += promised
    this.sums.set(key, sum)
    if (sum.used + sum.promised > bound.max) this.over++
  }
}

/** What the schedules came to, all together, so that they are known to have tried something. */
const seen = { granted: 0, refused: 0, waited: 0, interrupted: 0, later: 0 }

const play = ({ bounds, runs }: Schedule) =>
  Effect.gen(function* () {
    const tally = new Tally()
    const budgets = yield* Effect.forEach(bounds, ({ everyMillis, max, per, whenExhausted }) =>
      Budget.make({ limits: { tokens: max }, per, every: everyMillis, whenExhausted })
    )
    const budget = budgets.reduce(Budget.within, Budget.none)

    const spend = (run: SubRun, { amount, delayMillis, end, shares }: Spending) =>
      Effect.gen(function* () {
        const asked = yield* Clock.currentTimeMillis
        let left = 0
        const begun: { at: number } = { at: 0 }
        const count = (used: number, promised: number) => {
          left += promised
          for (const [index, bound] of bounds.entries()) {
            const window = bound.everyMillis === undefined ? 0 : Math.floor(begun.at / bound.everyMillis)
            tally.add(bound, index, run, window, used, promised)
          }
        }
        const held = yield* Effect.tap(
          budget.reserve({ identity: { userId: run.user }, agent: run.agent }, tokens(amount)),
          () =>
            Effect.map(Clock.currentTimeMillis, (at) => {
              begun.at = at
              seen.granted++
              if (at > asked) seen.waited++
              count(0, amount)
            })
        )
        yield* Effect.addFinalizer(() => Effect.sync(() => count(0, -left)))
        for (const [time, part] of shares.entries()) {
          yield* delayMillis === 0 || time > 0 ? Effect.yieldNow() : Effect.sleep(delayMillis)
          const used = Math.floor(left * part)
          // The tally and the budget at one time.
          yield* Effect.uninterruptible(
            Effect.zipRight(
              Effect.sync(() => count(used, -used)),
              held.charge(tokens(used))
            )
          )
        }
        if ((yield* Clock.currentTimeMillis) - begun.at > 20) seen.later++
        if (end === "release") {
          count(0, -left)
          yield* held.release
        }
        if (end === "fail") yield* Effect.fail("failed")
        if (end === "die") yield* Effect.die("died")
      }).pipe(
        Effect.scoped,
        Effect.tapErrorTag("LimitExceeded", () => Effect.sync(() => seen.refused++)),
        Effect.exit
      )

    const fibers = yield* Effect.forEach(runs, (run) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(Effect.forEach(run.spendings, (spending) => spend(run, spending)))
        if (run.interruptMillis !== undefined) {
          const gone = Effect.zipRight(
            Fiber.interruptFork(fiber),
            Effect.sync(() => seen.interrupted++)
          )
          yield* Effect.fork(Effect.delay(gone, run.interruptMillis))
        }
        return fiber
      })
    )
    yield* TestClock.adjust("10 seconds")
    // Nothing hangs: all that is left to do needs no time.
    const late = TestServices.provideLive(Effect.delay(Effect.dieMessage("A run hangs"), "20 seconds"))
    yield* Effect.raceFirst(Fiber.awaitAll(fibers), late)
    assert.strictEqual(tally.over, 0)
    const now = yield* Clock.currentTimeMillis
    for (const [index, bound] of bounds.entries()) {
      for (const { agent, user } of runs) {
        const readings = yield* (budgets[index] ?? Budget.none).read({ identity: { userId: user }, agent })
        const payer = bound.per === "owner" ? user : bound.per === "agent" ? agent : ""
        const window = bound.everyMillis === undefined ? 0 : Math.floor(now / bound.everyMillis)
        const actual = tally.sums.get(`${index}/${payer}/${window}`)?.used ?? 0
        assert.deepInclude(readings, {
          ...{ limit: "budgetTokens", max: bound.max, actual, reserved: 0 },
          ...(bound.everyMillis === undefined ? undefined : { resetsAtMillis: (window + 1) * bound.everyMillis })
        })
      }
    }
  }).pipe(Effect.provide(TestContext.TestContext))

describe("Budget", () => {
  it(
    "TR-26 RUN-6 parallel runs never exceed it, and nothing stays reserved",
    async () => {
      await FastCheck.assert(
        // Each has a clock of its own, and most of what they do is wait for it: 200 of them, 50 at a time.
        FastCheck.asyncProperty(FastCheck.array(schedule, { minLength: 50, maxLength: 50 }), (schedules) =>
          Effect.runPromise(Effect.forEach(schedules, play, { concurrency: "unbounded", discard: true }))
        ),
        { numRuns: numRuns(4) }
      )
      for (const [what, count] of Object.entries(seen)) assert.isAbove(count, 15, what)
    },
    4 * timeoutMillis
  )
})
