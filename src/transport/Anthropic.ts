/**
 * Transport for Anthropic's Messages API: thinking, tools of our own and of the vendor's, citations, pictures and
 * documents, with the vendor's prompt cache in use. How models differ is settled in `internal/`.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as HttpTransport from "./HttpTransport.ts"
import { betasOf, factsOf, vendor, wireName } from "./internal/anthropic.ts"
import { Decoder } from "./internal/anthropicDecode.ts"
import * as Encode from "./internal/anthropicEncode.ts"
import * as ForcedAnswer from "./internal/forcedAnswer.ts"
import * as Transport from "./Transport.ts"

/**
 * Which model, where it is, and how to ask it.
 *
 * **Details**
 *
 * - `apiKey`: from `ANTHROPIC_API_KEY` when neither it nor `baseUrl` is given.
 * - `baseUrl`: up to and without `/messages`. Default `https://api.anthropic.com/v1`.
 * - `cache`: the vendor keeps the beginning of each request for the next one, for 5 minutes unless `ttl` says an hour;
 *   `false` turns that off.
 * - `beta`: features to ask for in the header `anthropic-beta`. Those that a tool needs are asked for by themselves.
 * - `eagerInput`: the arguments of calls are streamed as they are generated; they may then be no valid JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends HttpTransport.Options {
  readonly cache?: false | { readonly ttl?: "5m" | "1h" | undefined } | undefined
  readonly beta?: ReadonlyArray<string> | undefined
  readonly eagerInput?: boolean | undefined
}

/**
 * Makes a transport. Fails with a `ConfigError` that names the option or variable which is missing, blank or wrong.
 *
 * **Details**
 *
 * - `maxOutputTokens` is always sent, as the API demands: that of the settings, else the model's `outputLimit`, else
 *   32,000 (8,192 for models before Claude 3.7 and for those of others, 4,096 before Claude 3.5).
 * - `reasoningEffort` is what the model has for it: a level of effort for those that decide themselves how much to think,
 *   a budget of tokens for older ones, nothing for those that do not think, or not when they are made to call a tool.
 *   `"none"` turns thinking off where that is possible, and is the lowest level elsewhere.
 * - `temperature` and `topP` are left out where the model refuses them: Claude 4.7 and later, and while it thinks with a
 *   budget. `seed` has no place in this API.
 * - Answers of a form: bound to the schema where the model can; else asked for as the arguments of a tool; else, and
 *   without a schema, asked for in the instructions.
 * - Instructions are the system messages at the beginning. Later ones are sent as text of the user, marked as `<system>`.
 * - Tools that the vendor defines have ids such as `anthropic.web_search_20250305`; their arguments may be spelled
 *   `max_uses` or `maxUses`.
 * - `meta.anthropic` of a file is added to its block: `{ citations: { enabled: true } }`, `{ context: "…" }`.
 * - TURN-2 holds for bytes but for three ends of a conversation: one that another message of the same role joins, an answer
 *   that the vendor paused and went on with, and one that adds more blocks than the vendor looks back, where a mark for the
 *   cache is added that it does not compare. Servers other than the vendor's get such a mark on the last message.
 *
 * **Gotchas**
 *
 * Cost is by one price for writes to the cache; those for an hour cost more than those for 5 minutes. When a request runs
 * the model several times (compaction, fallback), its usage covers the last; the others are in `Finish.meta.anthropic`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<Transport.Service, ConfigError.ConfigError, HttpClient.HttpClient> =>
  HttpTransport.make(options, {
    vendor,
    variable: "ANTHROPIC_API_KEY",
    baseUrl: "https://api.anthropic.com/v1",
    path: "/messages",
    headers: (key): HttpTransport.Headers => ({
      "anthropic-version": "2023-06-01",
      ...(key === undefined ? undefined : { "x-api-key": key })
    }),
    codec: (model) => codecOf(model.id, Encode.make(model, { ...options, isOfficial: isOfficial(options) }), options)
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

// internal

/** Other servers that speak this API may refuse what is new in it. */
const isOfficial = ({ baseUrl }: Options): boolean =>
  baseUrl === undefined || /^https:\/\/([\w-]+\.)*anthropic\.com(\/|$)/.test(baseUrl)

const codecOf = (
  model: string,
  encoder: { readonly encode: HttpTransport.Codec["encode"] },
  options: Options
): HttpTransport.Codec => {
  const facts = factsOf(model)
  const said = Object.entries(options.headers ?? {}).flatMap(([name, value]) =>
    name.toLowerCase() === "anthropic-beta" ? [Redacted.isRedacted(value) ? Redacted.value(value) : value] : []
  )
  return {
    encode: encoder.encode,
    decoder: (request) => {
      const form = Encode.formOf(request, facts)
      const decoder = new Decoder(namesOf(request.tools))
      return form.kind === "forced" ? ForcedAnswer.unforced(decoder, form.tool) : decoder
    },
    headers: ({ tools }): HttpTransport.Headers => {
      const betas = new Set([...said, ...(options.beta ?? []), ...betasOf(tools, facts, isOfficial(options))])
      return betas.size === 0 ? {} : { "anthropic-beta": [...betas].join(",") }
    }
  }
}

/** Our names of tools that the vendor calls otherwise. */
const namesOf = (tools: ReadonlyArray<Transport.ToolSpec>): ReadonlyMap<string, string> =>
  new Map(tools.flatMap((tool) => (wireName(tool) === tool.name ? [] : [[wireName(tool), tool.name] as const])))
