/**
 * A transport over `HttpClient`, given how a vendor writes requests and how its answers are read. Here are the connection,
 * its configuration, its watchdog and its end; a vendor adds an address, headers and a codec. Write a transport of your
 * own with `fromCodec`.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import * as Answers from "./internal/decoder.ts"
import * as Exchange from "./internal/exchange.ts"
import { failureWithoutSecrets } from "./internal/failure.ts"
import * as ToolNames from "./internal/toolNames.ts"
import * as Models from "./Models.ts"
import * as Transport from "./Transport.ts"
import type { Reason, Replay } from "./TransportError.ts"
import { TransportError } from "./TransportError.ts"

/**
 * What every transport over HTTP can be told.
 *
 * **Details**
 *
 * - `apiKey`: from the vendor's variable when neither it nor `baseUrl` is given. With a `baseUrl` no key is sent unless
 *   given here, so that a vendor's key never reaches another server, and local servers need none.
 * - `baseUrl`: where the API is; a query stays where it is.
 * - `headers`: sent with every request. Redacted ones are kept out of error messages, as the key is.
 * - `settings`: for requests that do not say otherwise.
 * - `modelInfo`: what is known about the model, over what the registry of `Models` says.
 * - `idleTimeout`: how long the server may send nothing at all, before and during an answer. Default 5 minutes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly model: string
  readonly apiKey?: Redacted.Redacted | undefined
  readonly baseUrl?: string | undefined
  readonly headers?: Headers | undefined
  readonly settings?: Transport.Settings | undefined
  readonly modelInfo?: Partial<Omit<ModelInfo, "id" | "vendor">> | undefined
  readonly idleTimeout?: Duration.DurationInput | undefined
}

/**
 * Headers, some of them secret.
 *
 * @category models
 * @since 0.1.0
 */
export interface Headers {
  readonly [name: string]: string | Redacted.Redacted
}

/**
 * Reads one answer: bytes in, deltas out. Mutable, and made anew for each response.
 *
 * **Details**
 *
 * - `push` takes bytes however the network cut them; `end` says that no more will come. What they found is handed out by
 *   `take`, in wire order, once.
 * - `failure` is why the answer failed; `finished` whether `Finish` was found; `started` whether any part was.
 * - An answer that ends with neither was cut off: `end` sets `failure` then.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decoder extends Exchange.Decoder {}

/**
 * A part that a decoder is writing. Named here so that declarations of your own decoders can name it, too.
 *
 * @category models
 * @since 0.1.0
 */
export type { Slot } from "./internal/decoder.ts"

/**
 * A decoder that leaves nothing to write but what a vendor's JSON means. The body may be server-sent events, an array,
 * objects on lines or one object; deltas come out in legal order.
 *
 * **Details**
 *
 * - `onJson(value, event)` is given each JSON object, `onEnd()` is told that no more will come, `onText` gets the data of
 *   events that are no JSON object, such as `[DONE]`.
 * - They write with `respond`, `begin`, `write`, `complete`, `add`, `finish` and `fail`, and set `recognised` when
 *   something of this API arrived: then an early end is a lost connection, otherwise it is not an answer at all.
 *
 * @category constructors
 * @since 0.1.0
 */
export abstract class AnswerDecoder extends Answers.Decoder {}

/**
 * How a vendor writes requests and how its answers are read. Pure: the same request gives the same bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Codec {
  /** The JSON text of the body, or what in the request this API or model has no place for. */
  readonly encode: (request: Transport.Request) => Either.Either<string, string>
  /** A decoder for the answer to the request. */
  readonly decoder: (request: Transport.Request) => Decoder
  /** Headers that depend on the request, over those of the connection. None when absent. */
  readonly headers?: ((request: Transport.Request) => Headers) | undefined
}

/**
 * Which names of tools a vendor takes: at most `max` characters, none that `unsafe` (a global expression) matches.
 *
 * @category models
 * @since 0.1.0
 */
export type ToolNameRule = ToolNames.Rule

/**
 * A connection to one model.
 *
 * **Details**
 *
 * - `url`: where requests are posted to.
 * - `headers`: their names in any case; secret ones are taken out of everything a server says.
 * - `authorize`: headers that change over time, such as a token that is renewed; asked before each request.
 * - `refusal`: what an answer that is not 2xx means, where the vendor says more than others: the failure so far, the text
 *   of the body and the time.
 * - `toolNames`: which names of tools the vendor takes; 64 letters, digits, `_` and `-` unless said. Other names, of an
 *   MCP server or made up by a model, are sent in a safe form and come back as they were.
 * - `idleTimeout`: see `Options`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  readonly model: ModelInfo
  readonly url: URL
  readonly headers?: Headers | undefined
  readonly authorize?: Effect.Effect<Headers, TransportError> | undefined
  readonly refusal?: ((failure: Reason, body: string, now: number) => Reason) | undefined
  readonly codec: Codec
  readonly toolNames?: ToolNameRule | undefined
  readonly idleTimeout?: Duration.DurationInput | undefined
}

/**
 * Makes a transport of a connection and whatever HTTP client is provided.
 *
 * **Gotchas**
 *
 * On Node the HTTP client costs more than everything else: prefer `NodeHttpClient.layerUndici` to `FetchHttpClient.layer`.
 * Spans and trace headers of the client are off, since they cost a third of a request and would show its headers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromCodec = (connection: Connection): Effect.Effect<Transport.Service, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client) => {
    const secrets: Array<string> = []
    const request = withHeaders(HttpClientRequest.post(connection.url), secrets, {
      accept: "text/event-stream, application/json",
      "content-type": "application/json",
      ...connection.headers
    })
    const names = ToolNames.make(connection.toolNames ?? ToolNames.common)
    const wire: Exchange.Wire<TransportError> = {
      model: connection.model,
      origin: connection.url.host,
      client: HttpClient.withScope(HttpClient.withTracerDisabledWhen(client, () => true)),
      request,
      refusal: connection.refusal,
      idleMillis: Duration.toMillis(connection.idleTimeout ?? "5 minutes"),
      errorOf: errorOf(connection.model, secrets)
    }
    const base: Base = { wire, secrets, names, codec: connection.codec, authorize: connection.authorize }
    return { model: connection.model, open: (request) => open(base, request) }
  })

/**
 * What a vendor adds to the common options.
 *
 * **Details**
 *
 * - `vendor`: its name, or how the name follows from the address.
 * - `variable`: where its key is when none is given, or several names in the order in which they are tried; absent when
 *   it has none.
 * - `baseUrl`, `path`: where the API is when nothing else is said, and what is appended for the model's requests.
 * - `headers`: how a key is sent, and what else every request needs.
 * - `authorize`, `refusal`, `toolNames`: see `Connection`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Vendor {
  readonly vendor: string | ((url: URL) => string)
  readonly variable?: string | ReadonlyArray<string> | undefined
  readonly baseUrl: string
  readonly path: string
  readonly headers: (apiKey: Redacted.Redacted | undefined) => Headers
  readonly codec: (model: ModelInfo) => Codec
  readonly authorize?: Connection["authorize"]
  readonly refusal?: Connection["refusal"]
  readonly toolNames?: ToolNameRule | undefined
}

/**
 * Makes a transport of options and what a vendor adds. Fails with a `ConfigError` that names the option or variable which
 * is missing, blank or wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options,
  vendor: Vendor
): Effect.Effect<Transport.Service, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const url = yield* endpoint(options.baseUrl ?? vendor.baseUrl, vendor.path)
    const id = yield* notBlank("model", options.model)
    const apiKey = yield* keyOf(options, vendor.variable)
    yield* sendable(options.headers)
    const name = typeof vendor.vendor === "string" ? vendor.vendor : vendor.vendor(url)
    const model = yield* Models.resolve(name, id, options.modelInfo)
    return yield* fromCodec({
      model,
      url,
      headers: { ...vendor.headers(apiKey), ...options.headers },
      codec: vendor.codec(model),
      authorize: vendor.authorize,
      refusal: vendor.refusal,
      toolNames: vendor.toolNames,
      idleTimeout: options.idleTimeout
    })
  })

/**
 * Layer of a transport whose options are read from configuration, each on its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = <Options extends object, R>(
  options: { readonly [Name in keyof Options]: Config.Config<Options[Name]> },
  make: (options: Options) => Effect.Effect<Transport.Service, ConfigError.ConfigError, R>
): Layer.Layer<Transport.Transport, ConfigError.ConfigError, R> =>
  Layer.effect(
    Transport.Transport,
    // `Config.all` keeps the names and loses which of them are optional.
    Effect.flatMap(Config.all(options) as Config.Config<Options>, make)
  )

/**
 * Fails with a `ConfigError` that names the field unless the value says something; answers it without spaces around it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const notBlank = (field: string, value: string): Effect.Effect<string, ConfigError.ConfigError> =>
  value.trim() === ""
    ? Effect.fail(invalid(field, `Expected ${field} to be a text that is not blank.`))
    : Effect.succeed(value.trim())

// internal

const invalid = (field: string, message: string): ConfigError.ConfigError => ConfigError.InvalidData([field], message)

const keyOf = (
  options: Options,
  variable: Vendor["variable"]
): Effect.Effect<Redacted.Redacted | undefined, ConfigError.ConfigError> => {
  if (options.apiKey !== undefined) return keyOfText("apiKey", options.apiKey)
  if (options.baseUrl !== undefined || variable === undefined) return Effect.succeed(undefined)
  const variables = typeof variable === "string" ? [variable] : variable
  const none = `Expected an API key. Set ${variables.join(" or ")}, or give apiKey; a server of your own that needs no key is named by baseUrl.`
  return variables
    .map((name) => Effect.flatMap(Config.redacted(name), (key) => keyOfText(name, key)))
    .reduce((first, second) => Effect.catchIf(first, ConfigError.isMissingDataOnly, () => second))
    .pipe(
      Effect.mapError((error) =>
        ConfigError.isMissingDataOnly(error) ? ConfigError.MissingData([...variables.slice(0, 1)], none) : error
      )
    )
}

const keyOfText = (field: string, key: Redacted.Redacted): Effect.Effect<Redacted.Redacted, ConfigError.ConfigError> =>
  Effect.flatMap(notBlank(field, Redacted.value(key)), (value) =>
    /^[\x20-\x7e]*$/.test(value)
      ? Effect.succeed(Redacted.make(value))
      : Effect.fail(
          invalid(field, `Expected ${field} to be one line of printable ASCII: copy the key anew, and whole.`)
        )
  )

/** Clients refuse any other header in words of their own that look like a lost connection, or die of it. */
const sendable = (headers: Headers = {}): Effect.Effect<void, ConfigError.ConfigError> => {
  const isOdd = (value: Headers[string]): boolean =>
    !/^[\t\x20-\x7e\x80-\xff]*$/.test(Redacted.isRedacted(value) ? Redacted.value(value) : value)
  const [name] = Object.entries(headers).find(([, value]) => isOdd(value)) ?? []
  return name === undefined
    ? Effect.void
    : Effect.fail(invalid("headers", `Expected the header ${name} to be one line of Latin letters and signs.`))
}

/** The base URL with the path of the request, which may be there already. */
const endpoint = (baseUrl: string, path: string): Effect.Effect<URL, ConfigError.ConfigError> =>
  Effect.try({
    try: () => {
      const url = new URL(baseUrl)
      const base = url.pathname.replace(/\/+$/, "")
      const [route = "", query] = path.split("?")
      url.pathname = base.endsWith(route) ? base : base + route
      for (const [name, value] of new URLSearchParams(query)) url.searchParams.set(name, value)
      if (url.protocol !== "http:" && url.protocol !== "https:") throw new TypeError(url.protocol)
      return url
    },
    catch: () => invalid("baseUrl", "Expected baseUrl to be an http or https URL, such as http://localhost:11434/v1.")
  })

/** The request with more headers. Secret values are added to the secrets. */
const withHeaders = (
  request: HttpClientRequest.HttpClientRequest,
  secrets: Array<string>,
  headers: Headers
): HttpClientRequest.HttpClientRequest => {
  const plain: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const text = Redacted.isRedacted(value) ? Redacted.value(value) : value
    plain[name.toLowerCase()] = text
    if (!Redacted.isRedacted(value)) continue
    secrets.push(text)
    if (/^Bearer /.test(text)) secrets.push(text.slice("Bearer ".length))
  }
  return HttpClientRequest.setHeaders(request, plain)
}

/** What every request of a connection starts from. */
interface Base {
  readonly wire: Exchange.Wire<TransportError>
  readonly secrets: ReadonlyArray<string>
  readonly names: ReturnType<typeof ToolNames.make>
  readonly codec: Codec
  readonly authorize: Connection["authorize"]
}

const open = (base: Base, given: Transport.Request): Effect.Effect<Transport.Pull, TransportError, Scope.Scope> =>
  Effect.clockWith((clock) => {
    const { authorize, codec, names, wire } = base
    const request = names.request(given)
    const body = codec.encode(request)
    if (Either.isLeft(body)) return Effect.fail(wire.errorOf({ _tag: "InvalidRequest", message: body.left }, "safe"))
    const own = codec.headers?.(request)
    const send = (wire: Exchange.Wire<TransportError>) => {
      const exchange = new Exchange.Exchange(wire, clock)
      return Effect.zipRight(
        Effect.flatMap(Effect.scope, (scope) => Scope.addFinalizer(scope, exchange.close)),
        exchange.send(body.right, names.decoder(codec.decoder(request), given))
      )
    }
    if (authorize !== undefined) return Effect.flatMap(authorize, (more) => send(withMore(base, { ...own, ...more })))
    return send(own === undefined ? wire : withMore(base, own))
  })

/** The connection with headers of one request, and what is secret in them. */
const withMore = ({ secrets: known, wire }: Base, headers: Headers): Exchange.Wire<TransportError> => {
  const secrets = [...known]
  const request = withHeaders(wire.request, secrets, headers)
  return { ...wire, request, errorOf: errorOf(wire.model, secrets) }
}

const errorOf =
  (model: ModelInfo, secrets: ReadonlyArray<string>) =>
  (failure: Reason, replay: Replay): TransportError =>
    new TransportError({
      vendor: model.vendor,
      model: model.id,
      reason: failureWithoutSecrets(failure, secrets),
      replay
    })
