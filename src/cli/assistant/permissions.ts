/**
 * What the assistant may do: a person is asked before anything that changes the world, unless they have said otherwise.
 */
import * as Effect from "effect/Effect"
import * as Guard from "../../guard/Guard.ts"
import type { Settings } from "../settings.ts"
import type * as Knobs from "./knobs.ts"

/**
 * The permissions in force.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly guard: Guard.Service
}

/**
 * Makes them, around the guards that plugins bring.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (_settings: Settings, knobs: Knobs.Service, others: Guard.Service): Service => ({
  guard: Guard.make((call) =>
    Effect.suspend(() => {
      switch (knobs.get().permission) {
        case "yolo":
          return Effect.succeed(Guard.Allow)
        case "plan":
          return call.tool.readOnly === true
            ? others.check(call)
            : Effect.succeed(Guard.Deny("nothing is changed before the person has approved a plan"))
        case "ask":
          return others.check(call)
      }
    })
  )
})
