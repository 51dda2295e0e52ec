/**
 * What a person can change about the assistant while it goes on: its model, how that answers, what it may do unasked.
 */
import type { Settings } from "../../domain/Request.ts"
import type { Permission } from "../args.ts"
import type { Choice } from "../vendors.ts"

/**
 * How they stand. A run goes by how they stood when it began, but for `permission`, which counts at once.
 *
 * **Details**
 *
 * - `settings`: how the model is asked to answer. `off`: the names of tools that are not offered.
 * - `debug`: whether causes of errors are told.
 *
 * @category models
 * @since 0.1.0
 */
export interface Knobs {
  readonly choice: Choice
  readonly settings: Settings
  readonly permission: Permission
  readonly off: ReadonlySet<string>
  readonly maxTurns: number | undefined
  readonly debug: boolean
}

/**
 * Where they are turned.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly get: () => Knobs
  readonly change: (patch: Partial<Knobs>) => void
  /** Tells every change, until what this answers is called. */
  readonly listen: (listener: (knobs: Knobs) => void) => () => void
}

/**
 * Makes them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (first: Knobs): Service => {
  let knobs = first
  const listeners = new Set<(knobs: Knobs) => void>()
  return {
    get: () => knobs,
    change: (patch) => {
      knobs = { ...knobs, ...patch }
      for (const listener of listeners) listener(knobs)
    },
    listen: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }
}
