/**
 * What a model response cost. Numbers a vendor did not report are unknown, never zero, and a sum with an unknown in it
 * is unknown: a bill must not look smaller than it is.
 */
import * as Schema from "effect/Schema"
import type { Price } from "./ModelInfo.ts"
import { priceAt } from "./ModelInfo.ts"

const count = Schema.optional(Schema.Finite)

/**
 * Tokens and cost of one response, or of several together.
 *
 * **Details**
 *
 * - Units: tokens; `costUsd` in US dollars.
 * - `inputTokens.total` includes cache reads and writes; `uncached` is what is left. `outputTokens.total` includes
 *   `reasoning`.
 * - `estimated`: at least one number was counted by us because the response was cut off.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Usage = Schema.Struct({
  inputTokens: Schema.Struct({ total: count, uncached: count, cacheRead: count, cacheWrite: count }),
  outputTokens: Schema.Struct({ total: count, text: count, reasoning: count }),
  costUsd: count,
  estimated: Schema.Boolean
})
export interface Usage extends Schema.Schema.Type<typeof Usage> {}

/**
 * Nothing spent: the neutral element of `sum`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const zero: Usage = {
  inputTokens: { total: 0, uncached: 0, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 0, text: 0, reasoning: 0 },
  costUsd: 0,
  estimated: false
}

/**
 * Nothing known: what a response without a usage report cost.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unknown: Usage = { inputTokens: {}, outputTokens: {}, estimated: false }

/**
 * Makes a usage of what a vendor reports. What is missing but follows from the rest is filled in.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (known: {
  readonly input?: number | undefined
  readonly cacheRead?: number | undefined
  readonly cacheWrite?: number | undefined
  readonly output?: number | undefined
  readonly reasoning?: number | undefined
  readonly costUsd?: number | undefined
  readonly estimated?: boolean | undefined
}): Usage => ({
  inputTokens: {
    total: known.input,
    uncached:
      known.input === undefined || known.cacheRead === undefined
        ? undefined
        : Math.max(0, known.input - known.cacheRead - (known.cacheWrite ?? 0)),
    cacheRead: known.cacheRead,
    cacheWrite: known.cacheWrite
  },
  outputTokens: {
    total: known.output,
    text:
      known.output === undefined || known.reasoning === undefined
        ? undefined
        : Math.max(0, known.output - known.reasoning),
    reasoning: known.reasoning
  },
  costUsd: known.costUsd,
  estimated: known.estimated ?? false
})

/**
 * The usage with its cost at a price. A cost that the vendor reported itself stays; one that cannot be known is absent.
 *
 * **Details**
 *
 * - Input that is not known to come from a cache is charged in full; without a price of their own, cache reads and writes
 *   are charged as input.
 * - Above the number of input tokens that a price names, all of the request is charged at the other prices.
 *
 * @category combinators
 * @since 0.1.0
 */
export const priced = (usage: Usage, price: Price): Usage => {
  const { cacheRead = 0, cacheWrite = 0, total: input } = usage.inputTokens
  const output = usage.outputTokens.total
  if (usage.costUsd !== undefined || input === undefined || output === undefined) return usage
  const plain = Math.max(0, input - cacheRead - cacheWrite)
  const rates = priceAt(price, input)
  const micros =
    plain * rates.input +
    cacheRead * (rates.cacheRead ?? rates.input) +
    cacheWrite * (rates.cacheWrite ?? rates.input) +
    output * rates.output
  return { ...usage, costUsd: micros / 1_000_000 }
}

const add = (left: number | undefined, right: number | undefined): number | undefined =>
  left === undefined || right === undefined ? undefined : left + right

/**
 * The sum of two usages. Associative and commutative; unknown plus anything is unknown.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sum = (left: Usage, right: Usage): Usage => ({
  inputTokens: {
    total: add(left.inputTokens.total, right.inputTokens.total),
    uncached: add(left.inputTokens.uncached, right.inputTokens.uncached),
    cacheRead: add(left.inputTokens.cacheRead, right.inputTokens.cacheRead),
    cacheWrite: add(left.inputTokens.cacheWrite, right.inputTokens.cacheWrite)
  },
  outputTokens: {
    total: add(left.outputTokens.total, right.outputTokens.total),
    text: add(left.outputTokens.text, right.outputTokens.text),
    reasoning: add(left.outputTokens.reasoning, right.outputTokens.reasoning)
  },
  costUsd: add(left.costUsd, right.costUsd),
  estimated: left.estimated || right.estimated
})

/**
 * Input and output tokens together, or `undefined` when either is unknown.
 *
 * @category converters
 * @since 0.1.0
 */
export const totalTokens = (usage: Usage): number | undefined => add(usage.inputTokens.total, usage.outputTokens.total)
