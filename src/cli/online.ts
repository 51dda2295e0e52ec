/**
 * The transport for a chosen vendor, with its HTTP client. A module of its own, so that only runs that need a network
 * load one.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as OpenAiChat from "../transport/OpenAiChat.ts"
import type { Choice } from "./vendors.ts"

/**
 * Layer of the transport to a vendor.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (choice: Extract<Choice, { readonly _tag: "Online" }>) =>
  OpenAiChat.layer({ model: choice.model, baseUrl: choice.baseUrl, apiKey: choice.key }).pipe(
    Layer.provide(FetchHttpClient.layer)
  )
