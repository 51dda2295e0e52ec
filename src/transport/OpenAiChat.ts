/**
 * Transport for the Chat Completions API, which OpenAI made and most other vendors and local servers speak: DeepSeek,
 * Groq, Mistral, OpenRouter, xAI, Together, Moonshot, vLLM, llama.cpp and many more. Where they differ is settled in
 * `internal/`. For models on Ollama prefer its own transport, which notices when a conversation was cut.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as HttpTransport from "./HttpTransport.ts"
import { unforced } from "./internal/forcedAnswer.ts"
import { flavourOf, vendorOf } from "./internal/openAiChat.ts"
import { Decoder } from "./internal/openAiChatDecode.ts"
import * as Encode from "./internal/openAiChatEncode.ts"
import { taking } from "./internal/wrappedAnswer.ts"
import * as Transport from "./Transport.ts"

/**
 * Which model, where it is, and how to ask it.
 *
 * **Details**
 *
 * - `apiKey`: from `OPENAI_API_KEY` when neither it nor `baseUrl` is given.
 * - `baseUrl`: up to and without `/chat/completions`. Default `https://api.openai.com/v1`.
 * - `vendor`: whose dialect it is; taken from the host of `baseUrl` when absent. Servers of one's own have names, too:
 *   `vllm`, `llamacpp`, `lmstudio`, `ollama`.
 * - `thinkTags`: makes reasoning of what stands between `<think>` and `</think>` in the text. Default false, because the
 *   tags may be part of an answer. `"inside"` for models whose prompt opens the first tag, so that answers only close it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends HttpTransport.Options {
  readonly vendor?: string | undefined
  readonly thinkTags?: boolean | "inside" | undefined
}

/**
 * Makes a transport. Fails with a `ConfigError` that names the option or variable which is missing, blank or wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<Transport.Service, ConfigError.ConfigError, HttpClient.HttpClient> =>
  HttpTransport.make(options, {
    vendor: options.vendor ?? vendorOf,
    variable: "OPENAI_API_KEY",
    baseUrl: "https://api.openai.com/v1",
    path: "/chat/completions",
    headers: (key): HttpTransport.Headers =>
      key === undefined ? {} : { authorization: Redacted.make(`Bearer ${Redacted.value(key)}`) },
    codec: (model) => {
      const flavour = flavourOf(model.vendor, model.id)
      const encoder = Encode.make(model, options.settings)
      return {
        encode: encoder.encode,
        decoder: (request) => {
          const decoder = new Decoder(model.vendor, options.thinkTags)
          const answer = Encode.answerOf(flavour, request)
          return answer === undefined ? taking(decoder, request) : unforced(decoder, answer)
        }
      }
    }
  })

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
