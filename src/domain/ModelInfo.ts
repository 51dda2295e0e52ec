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

/**
 * Prices in US dollars per million tokens.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Price = Schema.Struct({
  input: Schema.Finite,
  output: Schema.Finite,
  cacheRead: Schema.optional(Schema.Finite),
  cacheWrite: Schema.optional(Schema.Finite)
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
