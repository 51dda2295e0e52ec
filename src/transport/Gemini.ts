/**
 * Transport for the Gemini API of Google, method `streamGenerateContent`. Where its models differ is settled in
 * `internal/`.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpTransport from "./HttpTransport.ts"
import * as ForcedAnswer from "./internal/forcedAnswer.ts"
import { idOf, pathOf, vendor } from "./internal/gemini.ts"
import { Decoder } from "./internal/geminiDecode.ts"
import * as Encode from "./internal/geminiEncode.ts"
import { refusalOf } from "./internal/geminiParts.ts"
import * as Transport from "./Transport.ts"

/**
 * Which model, where it is, and how to ask it.
 *
 * **Details**
 *
 * - `model`: with or without `models/` before it; an id with another folder, such as `tunedModels/x`, is kept.
 * - `apiKey`: from `GEMINI_API_KEY`, or else `GOOGLE_API_KEY`, when neither it nor `baseUrl` is given. Sent in a header.
 * - `baseUrl`: up to and without `/models/…`. Default `https://generativelanguage.googleapis.com/v1beta`.
 * - `settings.reasoningEffort`: `none`, `minimal`, `low`, `medium`, `high`, `max`, `auto` or a number of tokens; what it
 *   is for the model is up to the transport. Without it the model thinks as it likes and shows nothing of it.
 * - `settings.extra`: fields of the request body, such as `safetySettings` or `cachedContent`. Those within
 *   `generationConfig` (`responseModalities`, `topK` …) and `toolConfig` are merged with what the transport sends.
 * - `settings.parallelToolCalls` has no counterpart here, and is ignored.
 * - Tools that Google runs itself have the ids `google.google_search`, `google.code_execution`, `google.url_context` …
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends HttpTransport.Options {}

/**
 * Makes a transport. Fails with a `ConfigError` that names the option or variable which is missing, blank or wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<Transport.Service, ConfigError.ConfigError, HttpClient.HttpClient> =>
  HttpTransport.make(
    { ...options, model: idOf(options.model) },
    {
      vendor,
      variable: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
      baseUrl: "https://generativelanguage.googleapis.com/v1beta",
      path: pathOf(options.model),
      headers: (key): HttpTransport.Headers => (key === undefined ? {} : { "x-goog-api-key": key }),
      refusal: refusalOf,
      // A name has to begin with a letter here.
      toolNames: { max: 64, unsafe: /^[^a-zA-Z_]|[^a-zA-Z0-9_-]/g },
      codec: (model) => ({
        encode: Encode.make(model, options.settings).encode,
        decoder: (request) => {
          const answer = Encode.answerTool(request, model)
          return answer === undefined ? new Decoder() : ForcedAnswer.unforced(new Decoder(), answer)
        }
      })
    }
  )

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
