/**
 * The bounds that a tool may not be made with. They are mistakes of the program, and are told where the tool is made.
 */
import type * as Duration from "effect/Duration"
import * as Check from "../../internal/options.ts"

/** What a tool says of how it runs, as far as it can be wrong. */
export interface Said {
  readonly timeout?: Duration.DurationInput | undefined
  readonly concurrency?: number | undefined
  readonly resultBound?: number | undefined
  readonly retry?: object | undefined
  readonly cache?: { readonly capacity: number; readonly timeToLive: Duration.DurationInput } | undefined
  readonly maxCalls?: number | undefined
  readonly readOnly?: boolean | undefined
  readonly idempotent?: boolean | undefined
}

/** Throws when what is said of a tool cannot be meant. */
export const check = (name: string, said: Said): void => {
  const { cache, idempotent, readOnly, retry } = said
  if (retry !== undefined && idempotent !== true && readOnly !== true) {
    throw new TypeError(
      `Tool ${name} has a retry schedule, so it may run twice for one call: make it idempotent or readOnly, or drop retry`
    )
  }
  Check.duration(`timeout of tool ${name}`, said.timeout)
  Check.whole(`concurrency of tool ${name}`, said.concurrency, 1, true)
  Check.whole(`resultBound of tool ${name}`, said.resultBound, 0, true)
  Check.whole(`maxCalls of tool ${name}`, said.maxCalls, 1, true)
  if (cache === undefined) return
  Check.whole(`cache.capacity of tool ${name}`, cache.capacity, 1)
  Check.duration(`cache.timeToLive of tool ${name}`, cache.timeToLive)
}
