import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Usage from "../../src/domain/Usage.ts"

const count = FastCheck.option(FastCheck.integer({ min: 0, max: 1_000_000 }), { nil: undefined })

const usage: FastCheck.Arbitrary<Usage.Usage> = FastCheck.record({
  inputTokens: FastCheck.record({ total: count, uncached: count, cacheRead: count, cacheWrite: count }),
  outputTokens: FastCheck.record({ total: count, text: count, reasoning: count }),
  costUsd: count,
  estimated: FastCheck.boolean()
})

describe("Usage", () => {
  it("sum is associative and commutative, and zero is neutral", () => {
    FastCheck.assert(
      FastCheck.property(usage, usage, usage, (a, b, c) => {
        assert.deepStrictEqual(Usage.sum(Usage.sum(a, b), c), Usage.sum(a, Usage.sum(b, c)))
        assert.deepStrictEqual(Usage.sum(a, b), Usage.sum(b, a))
        assert.deepStrictEqual(Usage.sum(a, Usage.zero), a)
      })
    )
  })

  it("what is unknown stays unknown in a sum", () => {
    assert.deepStrictEqual(Usage.sum(Usage.make({ input: 3 }), Usage.make({ input: 4, output: 5, costUsd: 1 })), {
      inputTokens: { total: 7, uncached: undefined, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: undefined, text: undefined, reasoning: undefined },
      costUsd: undefined,
      estimated: false
    })
    assert.strictEqual(Usage.totalTokens(Usage.unknown), undefined)
  })

  it("cache reads and writes, and reasoning, are told apart", () => {
    assert.deepStrictEqual(Usage.make({ input: 100, cacheRead: 60, cacheWrite: 10, output: 50, reasoning: 20 }), {
      inputTokens: { total: 100, uncached: 30, cacheRead: 60, cacheWrite: 10 },
      outputTokens: { total: 50, text: 30, reasoning: 20 },
      costUsd: undefined,
      estimated: false
    })
  })

  it("a usage survives JSON", () => {
    const codec = Schema.parseJson(Usage.Usage)
    FastCheck.assert(
      FastCheck.property(usage, (value) => {
        const back = Schema.decodeSync(codec)(Schema.encodeSync(codec)(value))
        assert.deepStrictEqual(JSON.stringify(back), JSON.stringify(value))
      })
    )
  })
})
