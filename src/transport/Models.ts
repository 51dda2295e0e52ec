/**
 * What is known about the models of the vendors: windows, limits, capabilities and prices. Unknown models work, too:
 * nothing is known of them then but their name, and what they cost stays unknown. The facts are data in `internal/`, read
 * when somebody first asks.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Capability, ModelInfo } from "../domain/ModelInfo.ts"
import { blendedPrice } from "../domain/ModelInfo.ts"
import * as Known from "./internal/models.ts"

/**
 * Known models.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Every model, one for each vendor and id. */
  readonly all: ReadonlyArray<ModelInfo>
  /**
   * The model with this id of this vendor. A dated snapshot is the model it is a snapshot of, unless it is known itself:
   * `gpt-5-mini-2025-08-07` is found as `gpt-5-mini`, and `gpt-5-mini-super` is not.
   */
  readonly find: (vendor: string, id: string) => ModelInfo | undefined
  /** The models whose id, or vendor and id with a colon between them, begins so. */
  readonly byPrefix: (prefix: string) => ReadonlyArray<ModelInfo>
  /** The models that are known to have all these capabilities. */
  readonly byCapability: (...capabilities: ReadonlyArray<Capability>) => ReadonlyArray<ModelInfo>
  /** The models that have every word of the text in vendor, id or capabilities, in any case; all for a blank text. */
  readonly search: (text: string) => ReadonlyArray<ModelInfo>
  /** The model with the lowest blended price of those that are known to fit, or none. Unknown prices never win. */
  readonly cheapest: (wanted?: Wanted | undefined) => ModelInfo | undefined
}

/**
 * What a model has to have.
 *
 * **Details**
 *
 * - `contextWindow`: tokens, at least.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wanted {
  readonly vendor?: string | undefined
  readonly capabilities?: ReadonlyArray<Capability> | undefined
  readonly contextWindow?: number | undefined
}

/**
 * The models that transports know about.
 *
 * @category references
 * @since 0.1.0
 */
export class Models extends Context.Reference<Models>()<"axonal/transport/Models", Service>("axonal/transport/Models", {
  defaultValue: () => fromEntries(() => Known.read(Known.table))
}) {}

/**
 * Makes a registry of models. Of two with the same vendor and id the later one counts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (models: ReadonlyArray<ModelInfo>): Service => fromEntries(() => entriesOf(models))

/**
 * Layer of the registry with further models, which win over those known before.
 *
 * **When to use**
 *
 * Use for models of your own servers, for prices that you negotiated, and for models that are newer than this package.
 *
 * **Gotchas**
 *
 * Two such layers side by side do not see each other: give one all models, or provide one to the other.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (models: ReadonlyArray<ModelInfo>): Layer.Layer<never> =>
  Layer.effectContext(
    Effect.map(Models, (before) =>
      Context.make(
        Models,
        fromEntries(() => entriesOf([...before.all, ...models]))
      )
    )
  )

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

// internal

const keyOf = (vendor: string, id: string): string => `${vendor}:${id}`

/** What vendors append to the name of a model for one of its snapshots: a date, or a number that stands for one. */
const date = /[-@](?:\d{8}|\d{4}-\d\d-\d\d|\d\d-\d{4}|\d\d-\d\d|\d{3,4})$/
const stage = /[-@](?:latest|preview|default)$/

type Entries = ReadonlyMap<string, () => ModelInfo>

const entriesOf = (models: ReadonlyArray<ModelInfo>): Entries =>
  new Map(models.map((model) => [keyOf(model.vendor, model.id), () => model]))

/** Nothing is made before it is asked for: a program starts often and asks for one model. */
const fromEntries = (make: () => Entries): Service => {
  let entries: Entries | undefined
  let all: ReadonlyArray<ModelInfo> | undefined
  const made = (): Entries => {
    entries ??= make()
    return entries
  }
  const list = (): ReadonlyArray<ModelInfo> => {
    all ??= Array.from(made().values(), (model) => model())
    return all
  }
  const has = (model: ModelInfo, capabilities: ReadonlyArray<Capability>): boolean =>
    capabilities.every((capability) => model.capabilities?.includes(capability) === true)
  return {
    get all() {
      return list()
    },
    find: (vendor, id) => {
      const undated = id.replace(date, "")
      for (const name of [id, undated, undated.replace(stage, "")]) {
        const found = made().get(keyOf(vendor, name))
        if (found !== undefined) return found()
      }
      return undefined
    },
    byPrefix: (prefix) =>
      list().filter(({ id, vendor }) => id.startsWith(prefix) || keyOf(vendor, id).startsWith(prefix)),
    byCapability: (...capabilities) => list().filter((model) => has(model, capabilities)),
    search: (text) => {
      const words = text.toLowerCase().split(/\s+/)
      return list().filter(({ capabilities = [], id, vendor }) => {
        const facts = `${keyOf(vendor, id)} ${capabilities.join(" ")}`.toLowerCase()
        return words.every((word) => facts.includes(word))
      })
    },
    cheapest: ({ capabilities = [], contextWindow = 0, vendor } = {}) => {
      let best: ModelInfo | undefined
      let lowest = Number.POSITIVE_INFINITY
      for (const model of list()) {
        if (model.price === undefined || (vendor !== undefined && model.vendor !== vendor)) continue
        if (!has(model, capabilities) || (contextWindow > 0 && (model.contextWindow ?? 0) < contextWindow)) continue
        const price = blendedPrice(model.price)
        if (price < lowest) {
          best = model
          lowest = price
        }
      }
      return best
    }
  }
}
