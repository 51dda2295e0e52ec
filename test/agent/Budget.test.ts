import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Budget from "../../src/agent/Budget.ts"
import { LimitExceeded } from "../../src/domain/AgentError.ts"
import { RunId } from "../../src/domain/Ids.ts"
import { ann, bob, dollars, granted, nothing, refused, stand, take, tokens } from "../support/budgets.ts"

describe("Budget", () => {
  describe("a reservation", () => {
    it.effect("gives back what is not used, once", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 100 } })
        const held = yield* take(budget, tokens(60))
        assert.deepStrictEqual(yield* stand(budget), [60, 60])
        yield* held.charge(tokens(10))
        yield* held.charge(tokens(15))
        assert.deepStrictEqual(yield* stand(budget), [60, 35])
        yield* held.release
        assert.deepStrictEqual(yield* stand(budget), [25, 0])
        yield* held.release
        yield* held.close
        assert.deepStrictEqual(yield* stand(budget), [25, 0])
      })
    )

    it.effect("that is exceeded is charged all the same, and late charges too", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 100 } })
        const held = yield* take(budget, tokens(60))
        yield* held.charge(tokens(130))
        assert.deepStrictEqual(yield* stand(budget), [130, 0])
        yield* held.close
        yield* held.charge(tokens(5))
        assert.deepStrictEqual(yield* stand(budget), [135, 0])
        assert.deepStrictEqual(
          yield* refused(budget, tokens(1)),
          new LimitExceeded({ limit: "budgetTokens", max: 100, actual: 136 })
        )
      })
    )

    it.effect("without known use is used up, and an unknown one needs room", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { costUsd: 1 } })
        const held = yield* take(budget, dollars(0.6))
        yield* held.charge(dollars(undefined))
        yield* held.close
        assert.deepStrictEqual(yield* stand(budget), [0.6, 0])
        assert.isTrue(yield* granted(budget, dollars(undefined)))
        const blind = yield* take(budget, dollars(undefined))
        yield* blind.charge(dollars(0.4))
        yield* blind.close
        assert.deepStrictEqual(
          yield* refused(budget, dollars(undefined)),
          new LimitExceeded({ limit: "budgetCostUsd", max: 1, actual: 1 })
        )
        assert.isTrue(yield* granted(budget, nothing))
      })
    )

    it.effect("of money adds up exactly", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { costUsd: 1 } })
        const helds = yield* Effect.replicateEffect(take(budget, dollars(0.1)), 10)
        assert.isFalse(yield* granted(budget, dollars(0.000_001)))
        yield* Effect.forEach(helds, ({ close }) => close)
        assert.deepStrictEqual(yield* stand(budget), [0, 0])
      })
    )

    it.effect("that is interrupted keeps what is charged and returns the rest", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 100 } })
        const reserved = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(
          Effect.scoped(
            Effect.flatMap(budget.reserve(ann, tokens(80)), (held) =>
              Effect.zipRight(
                held.charge(tokens(30)),
                Effect.zipRight(Deferred.succeed(reserved, undefined), Effect.never)
              )
            )
          )
        )
        yield* Deferred.await(reserved)
        assert.deepStrictEqual(yield* stand(budget), [80, 50])
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* stand(budget), [30, 0])
      })
    )

    it.effect("of what is not a positive number is nothing", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 10 } })
        for (const odd of [-5, Number.NaN, Number.NEGATIVE_INFINITY]) {
          const held = yield* take(budget, tokens(odd))
          yield* held.charge(tokens(odd))
          yield* held.close
        }
        assert.deepStrictEqual(yield* stand(budget), [0, 0])
        assert.isFalse(yield* granted(budget, tokens(Number.POSITIVE_INFINITY)))
        assert.isTrue(yield* granted(budget, tokens(10)))
      })
    )
  })

  describe("bounds", () => {
    it.effect("AA-20 exactly on the bound is granted, one over runs nothing", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { toolCalls: 9 } })
        yield* take(budget, Budget.amounts({ toolCalls: 9 }))
        assert.deepStrictEqual(
          yield* refused(budget, Budget.amounts({ toolCalls: 1 })),
          new LimitExceeded({ limit: "budgetToolCalls", max: 9, actual: 10 })
        )
        assert.deepStrictEqual(yield* stand(budget), [9, 9])
      })
    )

    it.effect("AA-20 a bound of zero allows nothing", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { requests: 0, tokens: 5 } })
        const error = yield* refused(budget, tokens(1))
        assert.deepStrictEqual(error, new LimitExceeded({ limit: "budgetRequests", max: 0, actual: 1 }))
        assert.isTrue(yield* granted(budget, Budget.amounts({ toolCalls: 3 })))
      })
    )

    it.effect("TR-26 of sixteen parallel calls nine fit", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { toolCalls: 9 } })
        const one = Effect.scoped(
          Effect.flatMap(budget.reserve(ann, Budget.amounts({ toolCalls: 1 })), (held) =>
            Effect.zipRight(Effect.sleep("1 second"), held.charge(Budget.amounts({ toolCalls: 1 })))
          )
        )
        const fiber = yield* Effect.fork(Effect.all(Effect.replicate(Effect.either(one), 16), { concurrency: 16 }))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Fiber.join(fiber)).filter(({ _tag }) => _tag === "Right").length, 9)
        assert.deepStrictEqual(yield* stand(budget), [9, 0])
      })
    )

    it.effect("hold per owner, unless said otherwise", () =>
      Effect.gen(function* () {
        const run = (id: string): Budget.About => ({ ...ann, agent: id, run: RunId.make(id) })
        const tenant: Budget.About = { identity: { tenant: "t", userId: "ann" } }
        const cases: ReadonlyArray<readonly [Budget.Options["per"], ReadonlyArray<Budget.About>, number]> = [
          [undefined, [ann, bob, tenant, { identity: { userId: '"]ann' } }, run("a"), { identity: {} }], 5],
          ["owner", [ann, run("a"), run("b")], 1],
          ["agent", [run("a"), { ...bob, agent: "a" }, run("b")], 2],
          ["total", [ann, bob, tenant, run("a")], 1],
          [({ run }) => run ?? "", [run("a"), run("b"), run("b")], 2]
        ]
        for (const [per, abouts, count] of cases) {
          const budget = yield* Budget.make({ limits: { requests: 1 }, per })
          const all = yield* Effect.forEach(abouts, (about) => Effect.exit(take(budget, tokens(1), about)))
          assert.strictEqual(all.filter(Exit.isSuccess).length, count)
        }
      })
    )

    it.effect("that make no sense are mistakes", () =>
      Effect.gen(function* () {
        const odd: ReadonlyArray<Budget.Options> = [
          { limits: { tokens: -1 } },
          { limits: { costUsd: Number.NaN } },
          { limits: {}, every: 0 },
          { limits: {}, every: Duration.infinity }
        ]
        for (const options of odd) {
          const exit = yield* Effect.exit(Budget.make(options))
          assert.instanceOf(Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined, RangeError)
        }
        const untyped: object = { word: "user", every: "soon" }
        const { every, word }: { every?: number; word?: never } = untyped
        const said: ReadonlyArray<readonly [Budget.Options, string]> = [
          [{ limits: {}, per: word }, 'per must be a function or "owner" or "agent" or "total", got "user"'],
          [{ limits: {}, whenExhausted: word }, 'whenExhausted must be "fail" or "wait", got "user"'],
          [{ limits: {}, every }, 'every must be a duration of at least 1 millisecond, such as "1 day", got "soon"'],
          [{ limits: { tokens: Number.NaN } }, "limits.tokens must be a number of at least 0, or Infinity, got NaN"]
        ]
        for (const [options, message] of said) {
          const exit = yield* Effect.exit(Budget.make(options))
          const problem = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
          assert.strictEqual(problem instanceof Error ? problem.message : problem, `Budget option ${message}`)
        }
      })
    )
  })

  describe("windows", () => {
    it.effect("begin anew at midnight UTC", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 100 }, every: "1 day" })
        yield* TestClock.setTime(Date.UTC(2030, 0, 1, 23, 59))
        const held = yield* take(budget, tokens(100))
        assert.isFalse(yield* granted(budget, tokens(1)))
        assert.strictEqual((yield* budget.read(ann))[0]?.resetsAtMillis, Date.UTC(2030, 0, 2))
        yield* TestClock.adjust("59 seconds")
        assert.isFalse(yield* granted(budget, tokens(1)))
        yield* TestClock.adjust("1 second")
        assert.isTrue(yield* granted(budget, tokens(100)))
        // What was reserved yesterday is settled yesterday.
        yield* take(budget, tokens(40))
        yield* held.charge(tokens(100))
        yield* held.close
        assert.deepStrictEqual(yield* stand(budget), [40, 40])
      })
    )

    it.effect("stay when the clock goes back", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 100 }, every: "1 day" })
        yield* TestClock.setTime(Date.UTC(2030, 0, 2))
        const held = yield* take(budget, tokens(70))
        yield* TestClock.setTime(Date.UTC(2030, 0, 1))
        assert.isFalse(yield* granted(budget, tokens(31)))
        yield* held.charge(tokens(20))
        yield* held.close
        assert.deepStrictEqual(yield* stand(budget), [20, 0])
      })
    )
  })

  describe("when exhausted", () => {
    it.effect("a waiting one goes on when something is given back", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 100 }, whenExhausted: "wait" })
        const held = yield* take(budget, tokens(70))
        const waiting = yield* Effect.fork(take(budget, tokens(50)))
        yield* TestClock.adjust("365 days")
        assert.isNull(waiting.unsafePoll())
        yield* held.charge(tokens(50))
        yield* held.close
        yield* Fiber.join(waiting)
        assert.deepStrictEqual(yield* stand(budget), [100, 50])
      })
    )

    it.effect("a waiting one fails when nothing can come back any more", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 100 }, whenExhausted: "wait" })
        const held = yield* take(budget, tokens(70))
        const waiting = yield* Effect.fork(refused(budget, tokens(50)))
        yield* TestClock.adjust("1 second")
        yield* held.charge(tokens(60))
        const expected = new LimitExceeded({ limit: "budgetTokens", max: 100, actual: 120 })
        assert.deepStrictEqual(yield* Fiber.join(waiting), expected)
        assert.instanceOf(yield* refused(budget, tokens(101)), LimitExceeded)
      })
    )

    it.effect("a waiting one goes on with the next window, however far", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 100 }, every: "60 days", whenExhausted: "wait" })
        const held = yield* take(budget, tokens(100))
        yield* held.charge(tokens(100))
        const waiting = yield* Effect.fork(take(budget, tokens(100)))
        yield* TestClock.adjust("59 days")
        assert.isNull(waiting.unsafePoll())
        yield* TestClock.adjust("1 day")
        yield* Fiber.join(waiting)
        assert.instanceOf(yield* refused(budget, tokens(101)), LimitExceeded)
      })
    )

    it.effect("a waiting one that is interrupted has reserved nothing", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 100 }, whenExhausted: "wait" })
        const held = yield* take(budget, tokens(70))
        const waiting = yield* Effect.fork(Effect.scoped(budget.reserve(ann, tokens(50))))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(waiting)
        yield* held.close
        assert.deepStrictEqual(yield* stand(budget), [0, 0])
      })
    )
  })
})
