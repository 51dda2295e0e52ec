/**
 * The transport to the model that was chosen.
 */
import * as Effect from "effect/Effect"
import * as Offline from "../transport/Offline.ts"
import { SetupError } from "./errors.ts"
import type { Choice } from "./vendors.ts"

/**
 * The transport to a model. Built when it is needed: a network client is loaded only by who uses one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const transportOf = (choice: Choice) =>
  choice._tag === "Offline"
    ? paced(process.env["AXONAL_OFFLINE_PACE"])
    : Effect.map(
        Effect.tryPromise({
          try: () => import("./online.ts"),
          catch: (cause) => new SetupError({ message: `the network client cannot be loaded: ${String(cause)}`, cause })
        }),
        (module) => module.layer(choice)
      )

// internal

/** `20ms` after each few deltas, or `1s`: so that one can see how answers stream. */
const paced = (text = "") => {
  const [, amount, unit] = /^(\d+)(ms|s)$/.exec(text.trim()) ?? []
  if (text.trim() === "") return Effect.succeed(Offline.layer)
  return amount === undefined
    ? new SetupError({
        message: `AXONAL_OFFLINE_PACE is a time like 20ms or 1s, not ${JSON.stringify(text.slice(0, 20))}`
      })
    : Effect.succeed(Offline.layerWith({ pace: Number(amount) * (unit === "s" ? 1000 : 1) }))
}
