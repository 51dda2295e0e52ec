/**
 * Transport for the Responses API, which OpenAI made and Azure, xAI, OpenRouter, DeepSeek, GitHub Copilot and local
 * servers speak, too. Requests are complete in themselves: the vendor keeps nothing, and its encrypted reasoning travels
 * with the conversation. Where vendors differ is settled in `internal/`.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as HttpTransport from "./HttpTransport.ts"
import { unforced } from "./internal/forcedAnswer.ts"
import { vendorOf } from "./internal/openAiChat.ts"
import { flavourOf, headersOf, requestHeadersOf } from "./internal/openAiResponses.ts"
import { Decoder } from "./internal/openAiResponsesDecode.ts"
import * as Encode from "./internal/openAiResponsesEncode.ts"
import { taking } from "./internal/wrappedAnswer.ts"
import * as Transport from "./Transport.ts"

/**
 * Which model, where it is, and how to ask it.
 *
 * **Details**
 *
 * - `apiKey`: from `OPENAI_API_KEY` when neither it nor `baseUrl` is given.
 * - `baseUrl`: up to and without `/responses`. Default `https://api.openai.com/v1`. For Azure it is
 *   `https://<resource>.openai.azure.com/openai/v1`, with `?api-version=…` if one is needed, and `model` is the deployment.
 * - `vendor`: whose dialect it is; taken from the host of `baseUrl` when absent.
 * - `reasoningSummary`: asks for readable reasoning, as `"auto"`, `"concise"` or `"detailed"`.
 * - `settings.stop` is refused, since this API has no stop sequences; `settings.seed` has no counterpart here, and is
 *   ignored.
 * - `promptCacheKey`: requests with the same key share a prompt cache more often.
 * - `previousResponse`: lets the vendor keep its answers, and sends only what came after the latest of them.
 *
 * **Gotchas**
 *
 * With `previousResponse` the model sees what the vendor kept: compaction, trimming and redaction of messages before the
 * latest answer have no effect, and TURN-2 holds by reference. Where there is no such answer, or the vendor keeps none,
 * the whole conversation is sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends HttpTransport.Options {
  readonly vendor?: string | undefined
  readonly reasoningSummary?: string | undefined
  readonly promptCacheKey?: string | undefined
  readonly previousResponse?: boolean | undefined
}

/**
 * Makes a transport. Fails with a `ConfigError` that names the option or variable which is missing, blank or wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<Transport.Service, ConfigError.ConfigError, HttpClient.HttpClient> => {
  const baseUrl = options.baseUrl ?? "https://api.openai.com/v1"
  const vendor = options.vendor ?? (URL.canParse(baseUrl) ? vendorOf(new URL(baseUrl)) : "openai")
  const flavour = flavourOf(vendor)
  return HttpTransport.make(options, {
    vendor,
    variable: "OPENAI_API_KEY",
    baseUrl,
    path: "/responses",
    headers: (key): HttpTransport.Headers => ({
      ...headersOf(vendor),
      ...(key === undefined ? undefined : authorization(vendor, Redacted.value(key)))
    }),
    codec: (model) => ({
      encode: Encode.make(model, options.settings, { ...options, flavour }).encode,
      decoder: (request) => {
        const decoder = new Decoder(flavour, request.tools, options.previousResponse === true && flavour.stored)
        const answer = Encode.answerOf(request, flavour)
        return answer === undefined ? taking(decoder, request) : unforced(decoder, answer)
      },
      headers: (request) => requestHeadersOf(vendor, request)
    })
  })
}

/**
 * Layer of a transport.
 *
 * @see {@link layerConfig} when the options come from configuration
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<Transport.Transport, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.effect(Transport.Transport, make(options))

/**
 * Layer of a transport whose options are read from configuration, each on its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: { readonly [Name in keyof Options]: Config.Config<Options[Name]> }
): Layer.Layer<Transport.Transport, ConfigError.ConfigError, HttpClient.HttpClient> =>
  HttpTransport.layerConfig(options, make)

// internal

const authorization = (vendor: string, key: string): HttpTransport.Headers =>
  vendor === "azure" ? { "api-key": Redacted.make(key) } : { authorization: Redacted.make(`Bearer ${key}`) }
