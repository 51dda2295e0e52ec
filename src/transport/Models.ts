/**
 * What is known about the models of the vendors. Unknown models work, too: nothing is known of them then but their name,
 * and what they cost stays unknown.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ModelInfo } from "../domain/ModelInfo.ts"

/**
 * Known models.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly all: ReadonlyArray<ModelInfo>
  /** The model with this id of this vendor, by its longest known prefix. */
  readonly find: (vendor: string, id: string) => ModelInfo | undefined
}

/**
 * The models that transports know about.
 *
 * @category references
 * @since 0.1.0
 */
export class Models extends Context.Reference<Models>()<"axonal/transport/Models", Service>("axonal/transport/Models", {
  defaultValue: () => make([])
}) {}

/**
 * Makes a registry of models.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (all: ReadonlyArray<ModelInfo>): Service => ({
  all,
  find: (vendor, id) => all.find((model) => model.vendor === vendor && model.id === id)
})

/**
 * Layer of a registry with further models, which win over those known before.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (models: ReadonlyArray<ModelInfo>): Layer.Layer<never> =>
  Layer.effectContext(Effect.map(Models, ({ all }) => Context.make(Models, make([...models, ...all]))))

/**
 * What is known of a model, under what the caller knows better.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (
  vendor: string,
  id: string,
  known?: Partial<Omit<ModelInfo, "id" | "vendor">> | undefined
): Effect.Effect<ModelInfo> => Effect.map(Models, ({ find }) => ({ ...find(vendor, id), ...known, id, vendor }))
