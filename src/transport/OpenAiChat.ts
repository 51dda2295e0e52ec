/**
 * Transport for the Chat Completions API, which OpenAI made and most other vendors and local servers speak: DeepSeek,
 * Groq, Mistral, Ollama, OpenRouter, xAI, vLLM, llama.cpp and many more. Where they differ is settled below, in
 * `internal/`; here are the connection, its configuration and its end.
 */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { Delta } from "../domain/Delta.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import * as Body from "./internal/body.ts"
import type { Failure } from "./internal/openAiChat.ts"
import { vendorOf } from "./internal/openAiChat.ts"
import { Decoder } from "./internal/openAiChatDecode.ts"
import * as Encode from "./internal/openAiChatEncode.ts"
import { failureOfStatus, networkFailure, replayOf, retryAfter, withoutSecrets } from "./internal/openAiChatError.ts"
import * as Transport from "./Transport.ts"
import type { Replay } from "./TransportError.ts"
import { TransportError } from "./TransportError.ts"

/**
 * Which model, where it is, and how to ask it.
 *
 * **Details**
 *
 * - `apiKey`: from `OPENAI_API_KEY` when neither it nor `baseUrl` is given. With a `baseUrl` no key is sent unless given
 *   here, so that OpenAI's key never reaches another server, and local servers need none.
 * - `baseUrl`: up to and without `/chat/completions`; a query stays where it is. Default `https://api.openai.com/v1`.
 * - `headers`: sent with every request. Redacted ones are kept out of error messages, as the key is.
 * - `settings`: for requests that do not say otherwise.
 * - `vendor`: whose dialect it is; taken from the host of `baseUrl` when absent.
 * - `modelInfo`: what is known about the model: context window, capabilities, price.
 * - `idleTimeout`: how long the server may send nothing at all, before and during an answer. Default 5 minutes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly model: string
  readonly apiKey?: Redacted.Redacted | undefined
  readonly baseUrl?: string | undefined
  readonly headers?: { readonly [name: string]: string | Redacted.Redacted } | undefined
  readonly settings?: Transport.Settings | undefined
  readonly vendor?: string | undefined
  readonly modelInfo?: Partial<Omit<ModelInfo, "id" | "vendor">> | undefined
  readonly idleTimeout?: Duration.DurationInput | undefined
}

/**
 * Makes a transport. Fails with a `ConfigError` that names the option or variable which is missing, blank or wrong.
 *
 * **Gotchas**
 *
 * On Node the HTTP client costs more than everything else: prefer `NodeHttpClient.layerUndici` to `FetchHttpClient.layer`.
 * Spans and trace headers of the client are off, since they cost a third of a request and would show its headers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<Transport.Service, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const url = yield* endpoint(options.baseUrl ?? "https://api.openai.com/v1")
    const id = yield* notBlank("model", options.model)
    const apiKey = yield* keyOf(options)
    const headers: Record<string, string> = {
      accept: "text/event-stream, application/json",
      "content-type": "application/json"
    }
    const secrets: Array<string> = []
    if (apiKey !== undefined) {
      secrets.push(Redacted.value(apiKey))
      headers["authorization"] = `Bearer ${Redacted.value(apiKey)}`
    }
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      if (Redacted.isRedacted(value)) secrets.push(Redacted.value(value))
      headers[name.toLowerCase()] = Redacted.isRedacted(value) ? Redacted.value(value) : value
    }
    const model: ModelInfo = { ...options.modelInfo, id, vendor: options.vendor ?? vendorOf(url) }
    return fromConnection({
      model,
      origin: url.host,
      secrets,
      client: HttpClient.withScope(HttpClient.withTracerDisabledWhen(client, () => true)),
      request: HttpClientRequest.setHeaders(HttpClientRequest.post(url), headers),
      encoder: Encode.make(model, options.settings),
      idleMillis: Duration.toMillis(options.idleTimeout ?? "5 minutes")
    })
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
  Layer.effect(
    Transport.Transport,
    // `Config.all` keeps the names and loses which of them are optional.
    Effect.flatMap(Config.all(options) as Config.Config<Options>, make)
  )

// internal

const invalid = (field: string, message: string): ConfigError.ConfigError => ConfigError.InvalidData([field], message)

const notBlank = (field: string, value: string): Effect.Effect<string, ConfigError.ConfigError> =>
  value.trim() === ""
    ? Effect.fail(invalid(field, `Expected ${field} to be a text that is not blank.`))
    : Effect.succeed(value.trim())

const noKey =
  "Expected an API key. Set OPENAI_API_KEY, or give apiKey; a server of your own that needs no key is named by baseUrl."

const keyOf = (options: Options): Effect.Effect<Redacted.Redacted | undefined, ConfigError.ConfigError> => {
  if (options.apiKey !== undefined) return keyOfText("apiKey", options.apiKey)
  if (options.baseUrl !== undefined) return Effect.succeed(undefined)
  return Config.redacted("OPENAI_API_KEY").pipe(
    Effect.mapError((error) =>
      ConfigError.isMissingDataOnly(error) ? ConfigError.MissingData(["OPENAI_API_KEY"], noKey) : error
    ),
    Effect.flatMap((key) => keyOfText("OPENAI_API_KEY", key))
  )
}

const keyOfText = (field: string, key: Redacted.Redacted): Effect.Effect<Redacted.Redacted, ConfigError.ConfigError> =>
  Effect.map(notBlank(field, Redacted.value(key)), (value) => Redacted.make(value))

const endpoint = (baseUrl: string): Effect.Effect<URL, ConfigError.ConfigError> =>
  Effect.try({
    try: () => {
      const url = new URL(baseUrl)
      const path = url.pathname.replace(/\/+$/, "")
      url.pathname = path.endsWith("/chat/completions") ? path : `${path}/chat/completions`
      if (url.protocol !== "http:" && url.protocol !== "https:") throw new TypeError(url.protocol)
      return url
    },
    catch: () => invalid("baseUrl", "Expected baseUrl to be an http or https URL, such as http://localhost:11434/v1.")
  })

/** Everything that the requests of one transport have in common. */
interface Connection {
  readonly model: ModelInfo
  readonly origin: string
  readonly secrets: ReadonlyArray<string>
  readonly client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, Scope.Scope>
  readonly request: HttpClientRequest.HttpClientRequest
  readonly encoder: Encode.Encoder
  readonly idleMillis: number
}

/** Longer than servers take between their last event and the end of the body. */
const drainMillis = 100

/** What is read of the body of an error. */
const errorBytes = 1 << 16

const fromConnection = (connection: Connection): Transport.Service => ({
  model: connection.model,
  open: (request) =>
    Effect.clockWith((clock) => {
      const body = connection.encoder.encode(request)
      if (Either.isLeft(body)) {
        return Effect.fail(errorOf(connection, { _tag: "InvalidRequest", message: body.left }, "safe"))
      }
      const exchange = new Exchange(connection, clock)
      return Effect.zipRight(
        Effect.flatMap(Effect.scope, (scope) => Scope.addFinalizer(scope, exchange.close)),
        exchange.send(body.right)
      )
    })
})

const errorOf = (connection: Connection, failure: Failure, replay: Replay): TransportError =>
  new TransportError({
    vendor: connection.model.vendor,
    model: connection.model.id,
    reason: { ...failure, message: withoutSecrets(failure.message, connection.secrets) },
    replay
  })

/** One request and its answer. */
class Exchange {
  private readonly connection: Connection
  private readonly clock: Clock.Clock
  private readonly startedAt: number
  private readonly now: () => number
  /** Closing it makes the client abort the request. */
  private abort: Scope.CloseableScope | undefined
  private body: Body.Body | undefined
  private unwatch: (() => void) | undefined
  private timedOut = false

  constructor(connection: Connection, clock: Clock.Clock) {
    this.connection = connection
    this.clock = clock
    this.now = () => clock.unsafeCurrentTimeMillis()
    this.startedAt = this.now()
  }

  /** Succeeds when the vendor has accepted the request. */
  send(body: string): Effect.Effect<Transport.Pull, TransportError> {
    const { client, request } = this.connection
    return Effect.flatMap(Scope.make(), (abort) => {
      this.abort = abort
      return Effect.zipRight(
        this.watch,
        Effect.matchEffect(
          Effect.provideService(
            client.execute(HttpClientRequest.setBody(request, HttpBody.raw(body))),
            Scope.Scope,
            abort
          ),
          {
            onFailure: (error) => Effect.fail(this.networkError(error, "open")),
            onSuccess: (response) =>
              Effect.flatMap(Body.open(response, this.now), (body) => {
                this.body = body
                return response.status >= 200 && response.status < 300
                  ? Effect.succeed(this.pull(body, new Decoder(this.connection.model.vendor)))
                  : this.refused(response, body)
              })
          }
        )
      )
    })
  }

  /** Lets go of everything. A connection whose answer was read to its end stays with the client, to be used again. */
  readonly close = Effect.suspend(() => {
    const { abort, body } = this
    this.abort = undefined
    this.unwatch?.()
    if (body !== undefined) {
      const ended = body.hasEnded()
      body.close(new Error("The answer was abandoned."))
      if (ended || body.kind !== "stream") return Effect.void
    }
    return abort === undefined ? Effect.void : Scope.close(abort, Exit.void)
  })

  private pull(body: Body.Body, decoder: Decoder): Transport.Pull {
    const read = Effect.matchEffect(body.read, {
      onFailure: (error): Transport.Pull =>
        Effect.fail(Option.some(this.networkError(error, decoder.started ? "acknowledged" : "unknown"))),
      onSuccess: (pieces): Transport.Pull => {
        if (pieces === undefined) decoder.end()
        else for (const piece of pieces) decoder.push(piece)
        return next
      }
    })
    const next: Transport.Pull = Effect.suspend(() => {
      const deltas: ReadonlyArray<Delta> = decoder.take()
      if (deltas.length > 0) {
        return decoder.finished && !body.hasEnded()
          ? Effect.as(body.drain(drainMillis), deltas)
          : Effect.succeed(deltas)
      }
      if (decoder.failure !== undefined) {
        return Effect.fail(
          Option.some(
            errorOf(this.connection, decoder.failure, decoder.started ? "acknowledged" : replayOf(decoder.failure))
          )
        )
      }
      return decoder.finished ? ended : read
    })
    return next
  }

  private refused(
    response: HttpClientResponse.HttpClientResponse,
    body: Body.Body
  ): Effect.Effect<never, TransportError> {
    const decoder = new TextDecoder()
    let text = ""
    const read: Effect.Effect<void, unknown> = Effect.flatMap(body.read, (pieces) => {
      for (const piece of pieces ?? []) text += decoder.decode(piece, { stream: true })
      return pieces === undefined || text.length > errorBytes ? Effect.void : read
    })
    return Effect.flatMap(Effect.ignore(read), () => {
      const failure = failureOfStatus(response.status, text, retryAfter(response.headers, this.now()))
      return Effect.fail(errorOf(this.connection, failure, replayOf(failure)))
    })
  }

  private networkError(error: unknown, replay: Replay | "open"): TransportError {
    const { idleMillis, origin } = this.connection
    if (this.timedOut) {
      const message = `${origin} sent nothing for ${idleMillis} ms.`
      return errorOf(this.connection, { _tag: "Timeout", message }, replay === "open" ? "unknown" : replay)
    }
    const { failure, reached } = networkFailure(error, origin, replay === "open")
    return errorOf(this.connection, failure, replay !== "open" ? replay : reached ? "unknown" : "safe")
  }

  /**
   * One timer per request and none per delta: it looks how long the reader has been waiting, and is set again. A sleeping
   * fiber costs 25 us more and is kept for clocks that are not the real one.
   */
  private get watch(): Effect.Effect<void> {
    const { idleMillis } = this.connection
    if (!Number.isFinite(idleMillis) || idleMillis > longestTimer) return Effect.void
    const left = (): number => {
      const since = this.body === undefined ? this.startedAt : this.body.waitingSince()
      return since === undefined ? idleMillis : since + idleMillis - this.now()
    }
    const expire = Effect.suspend(() => {
      this.timedOut = true
      // It must not stop itself while it closes the rest.
      this.unwatch = undefined
      return this.close
    })
    if (this.clock === realClock) {
      const check = (): void => {
        const millis = left()
        if (millis <= 0) Effect.runFork(expire)
        else timer = setTimeout(check, millis)
      }
      let timer = setTimeout(check, idleMillis)
      this.unwatch = () => clearTimeout(timer)
      return Effect.void
    }
    const sleep = (millis: number): Effect.Effect<void> =>
      Effect.flatMap(this.clock.sleep(Duration.millis(millis)), () => {
        const millis = left()
        return millis <= 0 ? expire : sleep(millis)
      })
    return Effect.map(Effect.forkDaemon(sleep(idleMillis)), (fiber) => {
      this.unwatch = () => fiber.unsafeInterruptAsFork(fiber.id())
    })
  }
}

const realClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** What a timer of JavaScript can wait for: 24 days. */
const longestTimer = 2 ** 31 - 1

const ended: Transport.Pull = Effect.fail(Option.none())
