/**
 * Transport for Ollama's own API, for models that run on one's own machine. Unlike Ollama's imitation of the Chat
 * Completions API it can say how long a conversation may be, and notices when one was cut.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as HttpTransport from "./HttpTransport.ts"
import { settingsOf } from "./internal/encoding.ts"
import { unforced } from "./internal/forcedAnswer.ts"
import { Decoder } from "./internal/ollamaDecode.ts"
import * as Encode from "./internal/ollamaEncode.ts"
import * as Transport from "./Transport.ts"

/**
 * Which model, where it is, and how to run it.
 *
 * **Details**
 *
 * - `baseUrl`: default `http://127.0.0.1:11434`. `apiKey`: none by default; `https://ollama.com` wants one.
 * - `contextLength`: tokens that conversation and answer may have together. Absent leaves it to the server, which often
 *   has 4096.
 * - `keepAlive`: how long the model stays loaded after the answer; the server's default is 5 minutes. Infinity keeps it.
 * - `think`: whether the model reasons before it answers; left to the server by default. `settings.reasoningEffort` says
 *   more: `none`, `low`, `medium`, `high` or `max`.
 *
 * **Gotchas**
 *
 * - The server is asked not to cut a conversation that is too long but to refuse it, as `ContextOverflow`. Servers before
 *   0.12.6 cut it all the same; that is noticed by the number of tokens, and only with a `contextLength`.
 * - A server loads the model anew when a request has another `contextLength` than the one before.
 * - `settings.parallelToolCalls` has no counterpart here, and is ignored.
 * - No tool can be forced, so that `toolChoice` can only be `auto` or `none`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends HttpTransport.Options {
  readonly contextLength?: number | undefined
  readonly keepAlive?: Duration.DurationInput | undefined
  readonly think?: boolean | undefined
}

/**
 * Makes a transport. Fails with a `ConfigError` that names the option which is blank or wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<Transport.Service, ConfigError.ConfigError, HttpClient.HttpClient> => {
  const { contextLength, keepAlive, modelInfo, settings = {}, think } = options
  const known = contextLength === undefined ? modelInfo : { contextWindow: contextLength, ...modelInfo }
  return HttpTransport.make(
    { ...options, modelInfo: known },
    {
      vendor: Encode.vendor,
      baseUrl: "http://127.0.0.1:11434",
      path: "/api/chat",
      headers: (key): HttpTransport.Headers =>
        key === undefined ? {} : { authorization: Redacted.make(`Bearer ${Redacted.value(key)}`) },
      codec: (model) => {
        const encoder = Encode.make(model, {
          settings,
          contextLength,
          think,
          keepAlive: keepAlive === undefined ? undefined : seconds(Duration.decode(keepAlive))
        })
        return {
          encode: encoder.encode,
          decoder: (request) => {
            const { maxOutputTokens } = settingsOf(settings, request.settings)
            const decoder = new Decoder({ contextLength, outputLimit: maxOutputTokens })
            const answer = Encode.answerOf(request)
            return answer === undefined ? decoder : unforced(decoder, answer)
          }
        }
      }
    }
  )
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

/** Any negative number is for ever. */
const seconds = (duration: Duration.Duration): number =>
  Duration.isFinite(duration) ? Math.round(Duration.toSeconds(duration)) : -1
