/**
 * An `HttpClient` for addresses that others have chosen, such as models: it connects to public addresses only, and bounds
 * the time, the redirects and the bytes of every request. Who may ask for which host is for guards to say.
 */
import { Readable } from "node:stream"
import * as Tls from "node:tls"
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Check from "../internal/options.ts"
import * as Redirects from "../internal/redirects.ts"
import * as Urls from "../internal/urls.ts"
import * as Address from "./internal/webAddress.ts"
import type { Sent } from "./internal/webExchange.ts"
import { exchange } from "./internal/webExchange.ts"
import * as Reasons from "./internal/webReason.ts"

/**
 * What may be reached, and how much of it.
 *
 * **Details**
 *
 * - `allow`: hosts that may have private addresses, written as those of `UrlGuard`: `localhost:8080` is that port,
 *   `printer.lan` the usual port of the scheme, `printer.lan:*` all. `*.lan` and `*` allow nothing private.
 * - `timeout`: from the request to the last byte of its answer, redirects included; 30 seconds. `connectTimeout`: to be
 *   connected, name and certificate included; 10 seconds.
 * - `maxBodyBytes`: of a body, as it comes and decompressed; 10 MiB. A reader gets as many and then fails.
 *   `maxHeaderBytes`: of all headers; 16 KiB.
 * - `maxRedirects`: followed for one request, at most 10; 10. `downgrade`: whether from https to http is; no.
 * - `redirect`: asked before another origin is requested. A text instead of `true` says why not.
 * - `certificates`: authorities in PEM that are trusted besides those that come with Node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly allow?: ReadonlyArray<string> | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly connectTimeout?: Duration.DurationInput | undefined
  readonly maxBodyBytes?: number | undefined
  readonly maxHeaderBytes?: number | undefined
  readonly maxRedirects?: number | undefined
  readonly downgrade?: boolean | undefined
  readonly redirect?: ((to: URL, from: URL) => Effect.Effect<boolean | string>) | undefined
  readonly certificates?: ReadonlyArray<string> | undefined
}

/**
 * Why a request went wrong.
 *
 * **Details**
 *
 * - `Refused`: the URL, or an address of its host. `Unresolved`: the name has no address. `Redirected`: to where it may not
 *   go, in a circle, or too often. `TimedOut`, `TooLarge`: with the bound, in milliseconds and bytes.
 * - `Malformed`: the answer is broken. `Network`: the connection, with the code of the system. `Invalid`: the request.
 *
 * @category models
 * @since 0.1.0
 */
export const Reason = Reasons.Reason
export type Reason = Reasons.Reason

/**
 * A request that was not made, or whose answer could not be read.
 *
 * **Details**
 *
 * - `url`: without what follows the path, which may be secret. Of redirects, the last one.
 * - It is the `cause` of the errors of an `HttpClient`.
 *
 * @see {@link errorOf}
 * @category errors
 * @since 0.1.0
 */
export class WebError extends Schema.TaggedError<WebError>()("WebError", { url: Schema.String, reason: Reason }) {
  override get message(): string {
    return `${this.url}: ${Reasons.words(this.reason)}.`
  }
  /** Whether trying again may help without anything being changed. */
  get isRetryable(): boolean {
    return this.reason._tag === "TimedOut" || (this.reason._tag === "Network" && !/CERT|TLS|SSL/.test(this.reason.code))
  }
}

/**
 * How names become addresses: all that the name has, as texts. The resolver of the system unless another one is provided
 * where the client is made. It is asked once for each request and each redirect.
 *
 * @category references
 * @since 0.1.0
 */
export class Resolver extends Context.Reference<Resolver>()("axonal/sandbox/WebClient/Resolver", {
  defaultValue: (): ((host: string) => Effect.Effect<ReadonlyArray<string>, Error>) => Address.system
}) {}

/**
 * The `WebError` behind an error of an `HttpClient`, if there is one.
 *
 * @category converters
 * @since 0.1.0
 */
export const errorOf = (error: unknown): Option.Option<WebError> => {
  if (error instanceof WebError) return Option.some(error)
  return HttpClientError.isHttpClientError(error) && error.cause instanceof WebError
    ? Option.some(error.cause)
    : Option.none()
}

/**
 * Makes a client that connects to public addresses only.
 *
 * **Details**
 *
 * - A name is resolved once, all of its addresses are judged, and the connection goes to one of those. Proxies of the
 *   environment are not used, connections are not kept, nor are cookies.
 * - Every redirect is judged as the request was. To another origin go no credentials and no headers but those that say what
 *   is wanted; the request of the answer is the last one that was made.
 * - Bodies are decompressed. Spans are not told to servers.
 * - Errors: `RequestError` and, while a body is read, `ResponseError`, with a `WebError` as cause. Options that cannot be
 *   meant throw.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<HttpClient.HttpClient> =>
  Effect.map(Resolver, (resolve) => {
    const setup = setupOf(options, resolve)
    const client = HttpClient.make((request, url, signal, fiber) => {
      const follows = Context.get(fiber.currentContext, Redirects.Followed)
      return Effect.suspend(() => {
        const hop = { method: request.method, url, headers: sendable(request.headers), hasBody: true }
        return travel({ ...setup, request, signal, follows }, hop)
      })
    })
    return HttpClient.withTracerPropagation(client, false)
  })

/**
 * Layer of a client that connects to public addresses only.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<HttpClient.HttpClient> =>
  Layer.effect(HttpClient.HttpClient, make(options))

// internal

interface Setup {
  readonly resolve: Address.Resolve
  readonly allow: ReadonlyArray<Urls.Pattern>
  readonly timeoutMillis: number
  readonly connectMillis: number
  readonly maxBodyBytes: number
  readonly maxHeaderBytes: number
  readonly maxRedirects: number
  readonly secure: Tls.SecureContext
  readonly downgrade: boolean
  readonly redirect: Options["redirect"]
}

const setupOf = (options: Options, resolve: Address.Resolve): Setup => {
  Check.whole("WebClient option maxBodyBytes", options.maxBodyBytes, 1)
  Check.whole("WebClient option maxHeaderBytes", options.maxHeaderBytes, 1)
  Check.whole("WebClient option maxRedirects", options.maxRedirects, 0)
  const { certificates = [] } = options
  return {
    resolve,
    allow: (options.allow ?? []).map((host) =>
      Either.getOrThrowWith(
        Urls.pattern(host),
        (problem) => new TypeError(`WebClient option allow has ${JSON.stringify(host)}: ${problem}`)
      )
    ),
    timeoutMillis: Check.millis("WebClient option timeout", options.timeout) ?? 30_000,
    connectMillis: Check.millis("WebClient option connectTimeout", options.connectTimeout) ?? 10_000,
    maxBodyBytes: options.maxBodyBytes ?? 10 * 1024 * 1024,
    maxHeaderBytes: options.maxHeaderBytes ?? 16 * 1024,
    maxRedirects: Math.min(options.maxRedirects ?? Redirects.most, Redirects.most),
    secure: Tls.createSecureContext(
      certificates.length === 0 ? {} : { ca: [...Tls.rootCertificates, ...certificates] }
    ),
    downgrade: options.downgrade === true,
    redirect: options.redirect
  }
}

/** A request on its way through redirects. */
interface Journey extends Setup {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly signal: AbortSignal
  readonly follows: boolean
}

const travel = (
  journey: Journey,
  start: Redirects.Hop
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.RequestError> =>
  Effect.gen(function* () {
    const begun = performance.now()
    const seen = new Set<string>()
    const { body, headers } = yield* failing(journey, start, sent(journey.request.body))
    let hop: Redirects.Hop = { ...start, headers: { ...start.headers, ...headers } }
    let asked = 0
    for (;;) {
      seen.add(`${hop.method} ${hop.url.href}`)
      const response = yield* failing(journey, hop, once(journey, hop, body, begun + asked + journey.timeoutMillis))
      const location = response.headers.get("location") ?? undefined
      const next = journey.follows ? Redirects.next(hop, response.status, location) : undefined
      if (next === undefined) return HttpClientResponse.fromWeb(requestOf(journey.request, hop, seen.size), response)
      yield* Effect.promise(() => response.body?.cancel() ?? Promise.resolve())
      const before = performance.now()
      hop = yield* failing(journey, hop, permitted(journey, hop, next, seen, body))
      asked += performance.now() - before
    }
  })

/** One request, with its answer as it is. */
const once = (journey: Journey, hop: Redirects.Hop, body: Sent, deadline: number): Effect.Effect<Response, Reason> =>
  Effect.gen(function* () {
    const { connectMillis, maxBodyBytes, maxHeaderBytes, resolve, secure, signal, timeoutMillis } = journey
    const target = yield* Address.target(hop.url)
    const left = Math.max(1, Math.min(connectMillis, deadline - performance.now()))
    const addresses = yield* Effect.timeoutFail(Address.addresses(target, journey.allow, resolve), {
      duration: left,
      onTimeout: (): Reason =>
        left < connectMillis
          ? { _tag: "TimedOut", phase: "whole", millis: timeoutMillis }
          : { _tag: "TimedOut", phase: "connect", millis: connectMillis }
    })
    const bounds = { connectMillis, timeoutMillis, deadline, maxBodyBytes, maxHeaderBytes }
    const failed = (reason: Reason): WebError => webError(hop.url, reason)
    return yield* exchange({
      ...{ addresses, bounds, secure, signal, failed },
      hop: { ...hop, url: new URL(target.href) },
      body: hop.hasBody ? body : undefined
    })
  })

/** Whether a redirect may be followed; where it leads is judged when it is requested. */
const permitted = (
  { downgrade, maxRedirects, redirect }: Journey,
  from: Redirects.Hop,
  next: Either.Either<Redirects.Hop, string>,
  seen: ReadonlySet<string>,
  body: Sent
): Effect.Effect<Redirects.Hop, Reason> =>
  Effect.gen(function* () {
    const no = (problem: string) => Effect.fail<Reason>({ _tag: "Redirected", problem })
    if (Either.isLeft(next)) return yield* no(next.left)
    const hop = next.right
    if (seen.size > maxRedirects) return yield* no(`it redirects more than ${maxRedirects} times`)
    if (seen.has(`${hop.method} ${hop.url.href}`)) return yield* no("it redirects in a circle")
    if (!downgrade && from.url.protocol === "https:" && hop.url.protocol === "http:") {
      return yield* no(`it redirects to ${hop.url.origin}, which is not encrypted; set the option downgrade to follow`)
    }
    if (hop.hasBody && typeof body === "function") return yield* no("it redirects a body that was sent as a stream")
    if (redirect === undefined || hop.url.origin === from.url.origin) return hop
    const answer = yield* redirect(hop.url, from.url)
    return answer === true ? hop : yield* no(`it redirects to ${hop.url.origin}, ${answer || "which is not allowed"}`)
  })

/** A URL without what may be secret. */
const webError = (url: URL, reason: Reason): WebError =>
  new WebError({ url: url.origin === "null" ? url.protocol : `${url.origin}${url.pathname}`, reason })

const failing = <A>(
  { request }: Journey,
  { url }: Redirects.Hop,
  effect: Effect.Effect<A, Reason>
): Effect.Effect<A, HttpClientError.RequestError> =>
  Effect.mapError(effect, (reason) => {
    const cause = webError(url, reason)
    const kind = reason._tag === "Invalid" ? "Encode" : reason._tag === "Refused" ? "InvalidUrl" : "Transport"
    return new HttpClientError.RequestError({ request, reason: kind, cause, description: cause.message })
  })

/** The request that was answered: the one that was made, unless that was redirected. */
const requestOf = (
  request: HttpClientRequest.HttpClientRequest,
  { method, url }: Redirects.Hop,
  requests: number
): HttpClientRequest.HttpClientRequest => {
  if (requests <= 1) return request
  return method === request.method ? HttpClientRequest.setUrl(request, url) : HttpClientRequest.get(url)
}

/** Headers that are about the connection or the encoding of the body are for this client to write. */
const sendable = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ours.test(name)))

const ours = /^(?:host|connection|keep-alive|transfer-encoding|content-length|te|trailer|upgrade|expect|proxy-.*)$/

const sent = (
  body: HttpBody.HttpBody
): Effect.Effect<{ readonly body: Sent; readonly headers?: Readonly<Record<string, string>> }, Reason> => {
  switch (body._tag) {
    case "Empty":
      return Effect.succeed({ body: undefined })
    case "Uint8Array":
      return Effect.succeed({ body: body.body })
    case "Raw":
      return typeof body.body === "string" || body.body instanceof Uint8Array
        ? Effect.succeed({ body: body.body })
        : Effect.fail({ _tag: "Invalid", problem: "a raw body is sent as text or bytes" })
    case "FormData":
      return Effect.promise(async () => {
        const form = new Response(body.formData)
        const bytes = new Uint8Array(await form.arrayBuffer())
        return { body: bytes, headers: { "content-type": form.headers.get("content-type") ?? "" } }
      })
    case "Stream":
      return Effect.succeed({ body: () => Readable.from(Stream.toAsyncIterable(body.stream)) })
  }
}
