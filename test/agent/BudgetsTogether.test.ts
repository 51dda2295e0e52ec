import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Budget from "../../src/agent/Budget.ts"
import * as Identity from "../../src/context/Identity.ts"
import { LimitExceeded } from "../../src/domain/AgentError.ts"
import * as Usage from "../../src/domain/Usage.ts"
import { ann, dollars, granted, nothing, refused, stand, take, tokens } from "../support/budgets.ts"

describe("Budget", () => {
  describe("within another", () => {
    it.effect("reserves in both or in neither", () =>
      Effect.gen(function* () {
        const parent = yield* Budget.make({ limits: { tokens: 100 }, per: "total" })
        const child = yield* Budget.make({ limits: { tokens: 60, requests: 2 }, per: "agent" })
        const both = Budget.within(parent, child)
        const held = yield* take(both, tokens(60))
        yield* held.charge(tokens(50))
        yield* held.close
        assert.deepStrictEqual(
          [yield* stand(parent), (yield* child.read(ann)).map(({ actual }) => actual)],
          [
            [50, 0],
            [1, 50]
          ]
        )
        // The child has no room, and the parent is left alone.
        assert.isFalse(yield* granted(both, tokens(11)))
        // The parent has none, and the child is left alone.
        yield* take(parent, tokens(45))
        const error = yield* refused(both, tokens(6))
        assert.deepStrictEqual(error, new LimitExceeded({ limit: "budgetTokens", max: 100, actual: 101 }))
        assert.deepStrictEqual(
          yield* child.read(ann).pipe(Effect.map((all) => all.map(({ reserved }) => reserved))),
          [0, 0]
        )
        // Of two limits of one kind the tighter one is shown.
        assert.deepStrictEqual(
          (yield* both.read(ann)).map(({ limit, max }) => [limit, max]),
          [
            ["budgetTokens", 100],
            ["budgetRequests", 2]
          ]
        )
      })
    )

    it.effect("of its own kind or none is simply that", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 100 } })
        assert.strictEqual(Budget.within(Budget.none, budget), budget)
        assert.strictEqual(Budget.within(budget, Budget.none), budget)
        yield* take(Budget.within(budget, budget), tokens(80))
        assert.deepStrictEqual(yield* stand(budget), [80, 80])
      })
    )

    it.effect("of another kind gets back what the child refuses", () =>
      Effect.gen(function* () {
        const memory = yield* Budget.make({ limits: { tokens: 100 } })
        const foreign: Budget.Service = { reserve: memory.reserve, read: memory.read }
        const both = Budget.within(foreign, yield* Budget.make({ limits: { tokens: 10 } }))
        const scope = yield* Scope.make()
        yield* Effect.flip(Scope.extend(both.reserve(ann, tokens(11)), scope))
        assert.deepStrictEqual(yield* stand(foreign), [0, 0])
        const held = yield* Scope.extend(both.reserve(ann, tokens(10)), scope)
        yield* held.charge(tokens(4))
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(
          [yield* stand(foreign), yield* stand(both)],
          [
            [4, 0],
            [4, 0]
          ]
        )
      })
    )
  })

  describe("in use", () => {
    it.effect("there is none unless provided, and that costs nothing", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* Budget.Budget, Budget.none)
        yield* Effect.scoped(Budget.reserve(tokens(1e9)))
        assert.deepStrictEqual(yield* Budget.remaining({}), {})
      })
    )

    it.effect("what is left can be asked, and spent by the one that acts", () =>
      Effect.gen(function* () {
        yield* Effect.scoped(Effect.flatMap(Budget.reserve(dollars(2)), ({ charge }) => charge(dollars(1.5))))
        assert.deepStrictEqual(yield* Budget.remaining({ userId: "ann", chatId: "1" }), { requests: 4, costUsd: 0.5 })
        assert.deepStrictEqual(yield* Budget.remaining({ userId: "bob" }), { requests: 5, costUsd: 2 })
        const error = yield* Effect.flip(Effect.scoped(Budget.reserve(dollars(1))))
        assert.strictEqual(error.limit, "budgetCostUsd")
      }).pipe(
        Effect.provide(Identity.layer({ userId: "ann", chatId: "2" })),
        Effect.provide(Budget.layer({ limits: { requests: 5, costUsd: 2 } }))
      )
    )

    it.effect("a layer within the one in use bounds both", () =>
      Effect.gen(function* () {
        const outer = yield* Budget.Budget
        const inner = Effect.scoped(Effect.exit(Budget.reserve(tokens(60))))
        assert.isTrue(Exit.isFailure(yield* Effect.provide(inner, Budget.layerWithin({ limits: { tokens: 50 } }))))
        yield* take(outer, tokens(50), { identity: {} })
        assert.isTrue(Exit.isFailure(yield* Effect.provide(inner, Budget.layerWithin({ limits: { tokens: 90 } }))))
      }).pipe(Effect.provide(Layer.fresh(Budget.layer({ limits: { tokens: 100 } }))))
    )

    it.effect("AA-20 80 % is said once", () =>
      Effect.gen(function* () {
        const budget = yield* Budget.make({ limits: { tokens: 10, requests: 100 } })
        const warned = new Set<string>()
        const said: Array<ReadonlyArray<string>> = []
        for (const count of [7, 1, 1, 1]) {
          yield* take(budget, tokens(count))
          const near = Budget.warnings(yield* budget.read(ann), warned)
          said.push(near.map(({ actual, limit, max }) => `${limit} ${actual} of ${max}`))
        }
        assert.deepStrictEqual(said, [[], ["budgetTokens 8 of 10"], [], []])
      })
    )
  })

  describe("amounts", () => {
    const model = { vendor: "v", id: "m" }

    it("of a request are the most that it can use", () => {
      const request = { requests: 1, toolCalls: 0 }
      const price = { input: 2, output: 10, cacheWrite: 2.5, cacheRead: 0.2 }
      const cases: ReadonlyArray<
        readonly [Parameters<typeof Budget.estimate>[0], Pick<Budget.Amounts, "tokens" | "costUsd">]
      > = [
        [
          { inputTokens: 100, model },
          { tokens: 8292, costUsd: undefined }
        ],
        [
          { inputTokens: 100, maxOutputTokens: 50, model: { ...model, outputLimit: 900 } },
          { tokens: 150, costUsd: undefined }
        ],
        [
          { inputTokens: 100, model: { ...model, outputLimit: 900 } },
          { tokens: 1000, costUsd: undefined }
        ],
        [
          { inputTokens: 100, model: { ...model, outputLimit: 900, contextWindow: 600 } },
          { tokens: 600, costUsd: undefined }
        ],
        [
          { inputTokens: 700, model: { ...model, contextWindow: 600 } },
          { tokens: 700, costUsd: undefined }
        ],
        [
          { inputTokens: 1e6, maxOutputTokens: 1e5, model: { ...model, price } },
          { tokens: 1.1e6, costUsd: 3.5 }
        ],
        [
          {
            inputTokens: 1e6,
            maxOutputTokens: 0,
            model: { ...model, price: { ...price, above: { tokens: 1e5, input: 4, output: 1 } } }
          },
          { tokens: 1e6, costUsd: 4 }
        ]
      ]
      for (const [asked, expected] of cases) assert.deepStrictEqual(Budget.estimate(asked), { ...request, ...expected })
    })

    it("of responses are their sum, and unknown when one is", () => {
      const known = Usage.make({ input: 10, output: 5, costUsd: 0.5 })
      assert.deepStrictEqual(Budget.fromUsages([known, known]), { requests: 2, toolCalls: 0, tokens: 30, costUsd: 1 })
      const [tokens, costUsd] = [undefined, undefined]
      assert.deepStrictEqual(Budget.fromUsages([known, Usage.unknown]), { requests: 2, toolCalls: 0, tokens, costUsd })
      assert.deepStrictEqual(Budget.fromUsages([]), nothing)
    })
  })
})
