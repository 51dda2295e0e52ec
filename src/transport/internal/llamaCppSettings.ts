/**
 * Settings of a request as the library's sampler takes them. What it does not know is refused rather than ignored.
 */
import type { Settings } from "../../domain/Request.ts"
import { Unsupported } from "./encoding.ts"
import type { Json } from "./json.ts"
import { isJson, numberOf } from "./json.ts"

/**
 * How the next token is chosen, and where the answer ends.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sampling {
  temperature?: number
  topP?: number
  topK?: number
  minP?: number
  seed?: number
  customStopTriggers?: ReadonlyArray<string>
  repeatPenalty?: false | Penalty
  dryRepeatPenalty?: { strength: number; base?: number; allowedLength?: number; lastTokens?: number }
  xtc?: { probability: number; threshold: number }
  budgets?: { thoughtTokens: number }
}

interface Penalty {
  lastTokens?: number
  penalty?: number
  frequencyPenalty?: number
  presencePenalty?: number
}

/**
 * The sampling that the settings ask for.
 *
 * @category converters
 * @since 0.1.0
 */
export const samplingOf = (settings: Settings): Sampling => {
  const sampling: Sampling = {}
  const { reasoningEffort, seed, stop, temperature, topP } = settings
  if (temperature !== undefined) sampling.temperature = temperature
  if (topP !== undefined) sampling.topP = topP
  if (seed !== undefined) sampling.seed = seed
  if (stop !== undefined && stop.length > 0) sampling.customStopTriggers = stop.filter((text) => text !== "")
  // There are no efforts in between: a model thinks, or it does not.
  if (reasoningEffort === "none") sampling.budgets = { thoughtTokens: 0 }
  for (const [name, value] of Object.entries(settings.extra ?? {})) {
    if (value === undefined) continue
    const read = extras[name]
    if (read === undefined) refuse(name, `known are ${Object.keys(extras).join(", ")}.`)
    else Object.assign(sampling, read(name, value))
  }
  return sampling
}

// internal

type Read = (name: string, value: unknown) => Sampling

const refuse = (name: string, why: string): never => {
  throw new Unsupported(`Setting extra.${name}: ${why}`)
}

const number = (name: string, value: unknown): number => numberOf(value) ?? refuse(name, "has to be a number.")

const numbers = (name: string, value: unknown, fields: ReadonlyArray<string>): { readonly [field: string]: number } => {
  const json: Json = isJson(value) ? value : refuse(name, `has to be an object of ${fields.join(", ")}.`)
  return Object.fromEntries(
    Object.entries(json).map(([field, item]) =>
      fields.includes(field)
        ? [field, number(`${name}.${field}`, item)]
        : refuse(`${name}.${field}`, `known are ${fields.join(", ")}.`)
    )
  )
}

const extras: { readonly [name: string]: Read } = {
  topK: (name, value) => ({ topK: number(name, value) }),
  minP: (name, value) => ({ minP: number(name, value) }),
  thoughtTokens: (name, value) => ({ budgets: { thoughtTokens: number(name, value) } }),
  repeatPenalty: (name, value) => ({
    repeatPenalty:
      value === false ? false : numbers(name, value, ["lastTokens", "penalty", "frequencyPenalty", "presencePenalty"])
  }),
  dryRepeatPenalty: (name, value) => ({
    dryRepeatPenalty: { strength: 0, ...numbers(name, value, ["strength", "base", "allowedLength", "lastTokens"]) }
  }),
  xtc: (name, value) => ({
    xtc: { probability: 0, threshold: 0, ...numbers(name, value, ["probability", "threshold"]) }
  })
}
