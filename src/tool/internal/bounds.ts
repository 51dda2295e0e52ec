/**
 * The bounds that a tool may not be made with. They are mistakes of the program, and are told where the tool is made.
 */

/** What a tool says of how it runs, as far as it can be wrong. */
export interface Said {
  readonly retry?: object | undefined
  readonly cache?: { readonly capacity: number } | undefined
  readonly maxCalls?: number | undefined
  readonly readOnly?: boolean | undefined
  readonly idempotent?: boolean | undefined
}

const atLeastOne = (name: string, option: string, value: number | undefined): void => {
  if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
    throw new RangeError(`${option} of tool ${name} must be a whole number of at least 1, got ${value}`)
  }
}

/** Throws when what is said of a tool cannot be meant. */
export const check = (name: string, { cache, idempotent, maxCalls, readOnly, retry }: Said): void => {
  if (retry !== undefined && idempotent !== true && readOnly !== true) {
    throw new TypeError(
      `Tool ${name} has a retry schedule, so it may run twice for one call: make it idempotent or readOnly, or drop retry`
    )
  }
  atLeastOne(name, "maxCalls", maxCalls)
  atLeastOne(name, "cache.capacity", cache?.capacity)
}
