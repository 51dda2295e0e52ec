/**
 * What the options of compaction and of trimming have in common: their checks, and how many tokens a share of a model is.
 */
import type { ModelInfo } from "../../domain/ModelInfo.ts"

/** What an option may be, and in words. */
export interface Range {
  readonly has: (value: number) => boolean
  readonly words: string
}

export const share: Range = { has: (value) => value > 0 && value <= 1, words: "above 0 and at most 1" }

export const positive: Range = { has: (value) => value > 0, words: "above 0" }

export const count: Range = { has: (value) => value >= 1, words: "1 or more" }

const natural: Range = { has: (value) => value >= 0, words: "0 or more" }

/** Dies of an option that is out of range, negative unless said: a programming mistake. */
export const check = (of: string, option: string, value: number | undefined, range = natural): void => {
  if (value === undefined || range.has(value)) return
  throw new RangeError(`${of} option ${option} is ${range.words}, not ${value}`)
}

const fallbackWindow = 128_000

/** The number of tokens itself, or a share of the model's window. One that is unknown counts as 128,000 tokens. */
export const tokenLimit = (model: ModelInfo, at: number, maxTokens: number | undefined): number =>
  maxTokens ?? Math.floor(at * (model.contextWindow ?? fallbackWindow))
