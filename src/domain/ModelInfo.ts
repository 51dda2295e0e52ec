/**
 * What is known about a model. Facts only: whatever differs between models is data here, never an `if` in the loop.
 */
import * as Schema from "effect/Schema"

/**
 * Something a model can do.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Capability = Schema.Literal(
  "tools",
  "reasoning",
  "structured-output",
  "image-input",
  "audio-input",
  "video-input",
  "file-input",
  "image-output",
  "audio-output"
)
export type Capability = typeof Capability.Type

/** Prices in US dollars per million tokens. */
const rates = {
  input: Schema.Finite,
  output: Schema.Finite,
  cacheRead: Schema.optional(Schema.Finite),
  cacheWrite: Schema.optional(Schema.Finite)
}

/**
 * Prices in US dollars per million tokens.
 *
 * **Details**
 *
 * - `cacheRead`, `cacheWrite`: absent means that they are charged as other input.
 * - `above`: what a request costs as a whole when its input, caches included, has more than `tokens` tokens.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Price = Schema.Struct({
  ...rates,
  above: Schema.optional(Schema.Struct({ tokens: Schema.Finite, ...rates }))
})
export interface Price extends Schema.Schema.Type<typeof Price> {}

/**
 * A model.
 *
 * **Details**
 *
 * - `contextWindow`, `outputLimit`: tokens; absent means unknown.
 * - `capabilities`: absent means unknown, and then tools are sent; a list without `"tools"` means they are withheld.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ModelInfo = Schema.Struct({
  vendor: Schema.String,
  id: Schema.String,
  contextWindow: Schema.optional(Schema.Finite),
  outputLimit: Schema.optional(Schema.Finite),
  capabilities: Schema.optional(Schema.Array(Capability)),
  price: Schema.optional(Price)
})
export interface ModelInfo extends Schema.Schema.Type<typeof ModelInfo> {}

/**
 * Whether the model has the capability. A model whose capabilities are unknown is given the benefit of the doubt.
 *
 * @category predicates
 * @since 0.1.0
 */
export const can = (model: ModelInfo, capability: Capability): boolean =>
  model.capabilities === undefined || model.capabilities.includes(capability)

/**
 * The prices that hold for a request with so many input tokens.
 *
 * @category combinators
 * @since 0.1.0
 */
export const priceAt = (price: Price, inputTokens: number): Omit<Price, "above"> =>
  price.above !== undefined && inputTokens > price.above.tokens ? price.above : price

/**
 * One number to compare prices by: US dollars per million tokens when three are read for each that is written, nothing
 * comes from a cache and the context is short.
 *
 * @category converters
 * @since 0.1.0
 */
export const blendedPrice = (price: Price): number => (3 * price.input + price.output) / 4
