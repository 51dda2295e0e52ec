/**
 * What the options of compaction and of trimming have in common: their checks, and how many tokens a share of a model is.
 */
import type { ModelInfo } from "../../domain/ModelInfo.ts"

/** Dies of an option that is out of range, negative unless said: a programming mistake. */
export const check = (
  of: string,
  option: string,
  value: number | undefined,
  isFine: (value: number) => boolean = isNatural
): void => {
  if (value !== undefined && !isFine(value)) throw new RangeError(`${of} option ${option} is out of range: ${value}`)
}

export const isShare = (value: number): boolean => value > 0 && value <= 1

export const isPositive = (value: number): boolean => value > 0

const isNatural = (value: number): boolean => value >= 0

const fallbackWindow = 128_000

/** The number of tokens itself, or a share of the model's window. One that is unknown counts as 128,000 tokens. */
export const tokenLimit = (model: ModelInfo, at: number, maxTokens: number | undefined): number =>
  maxTokens ?? Math.floor(at * (model.contextWindow ?? fallbackWindow))
