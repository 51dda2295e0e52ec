/**
 * The transport for a chosen model, with its HTTP client. A module of its own, so that only runs that need a network
 * load one.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ModelString from "../transport/ModelString.ts"
import type { Choice } from "./vendors.ts"

/**
 * Layer of the HTTP client of the command line.
 *
 * @category layers
 * @since 0.1.0
 */
export const client = NodeHttpClient.layer

/**
 * Layer of the transport to a model.
 *
 * **Details**
 *
 * - Client: Node's own `http`. For one short program it is the quickest: an answer is complete 70 ms earlier than with
 *   `fetch` and 115 ms earlier than with undici, which both cost more to load than to use.
 * - Files are for the tokens of a subscription, and loaded for that only.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = ({ named }: Extract<Choice, { readonly _tag: "Online" }>) => {
  const transport = ModelString.layer(named).pipe(Layer.provide(client))
  return named.vendor.transport === "Codex" ? Layer.provide(transport, files) : transport
}

const files = Layer.unwrapEffect(
  Effect.map(
    Effect.promise(() => import("@effect/platform-node/NodeFileSystem")),
    (module) => module.layer
  )
)
