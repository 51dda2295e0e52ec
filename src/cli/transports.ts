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
    ? Effect.succeed(Offline.layer)
    : Effect.map(
        Effect.tryPromise({
          try: () => import("./online.ts"),
          catch: (cause) => new SetupError({ message: `the network client cannot be loaded: ${String(cause)}`, cause })
        }),
        (module) => module.layer(choice)
      )
