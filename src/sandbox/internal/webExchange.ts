/**
 * One request and its answer over a connection of its own, which goes to addresses that were judged before, through no
 * proxy, and is closed when the answer has been read, when its time is over, or when nobody wants it any more.
 */
import * as Http from "node:http"
import * as Net from "node:net"
import type { Readable } from "node:stream"
import * as Tls from "node:tls"
import * as Effect from "effect/Effect"
import type { Hop } from "../../internal/redirects.ts"
import type { Address } from "./webAddress.ts"
import * as Body from "./webBody.ts"
import * as Reasons from "./webReason.ts"

/** What bounds one request. `deadline` is a time of `performance.now()`. */
export interface Bounds {
  readonly connectMillis: number
  readonly timeoutMillis: number
  readonly deadline: number
  readonly maxBodyBytes: number
  readonly maxHeaderBytes: number
}

/** What is sent: whole, as it comes, or nothing. */
export type Sent = Uint8Array | string | (() => Readable) | undefined

/** A request, where it goes, and how. `failed` makes of a reason the error that readers of the body see. */
export interface Options {
  readonly hop: Hop
  readonly addresses: ReadonlyArray<Address>
  readonly body: Sent
  readonly bounds: Bounds
  readonly secure: Tls.SecureContext
  readonly signal: AbortSignal
  readonly failed: (reason: Reasons.Reason) => Error
}

/** Answers when the headers have come. Interruption closes the connection; later, `signal` does. */
export const exchange = (options: Options): Effect.Effect<Response, Reasons.Reason> =>
  Effect.async<Response, Reasons.Reason>((resume) => {
    const { bounds, failed, hop, signal } = options
    let ended: Reasons.Reason | undefined
    let isAnswered = false
    const request = open(options, (reason) => stop(reason))
    if ("_tag" in request) return resume(Effect.fail(request))
    const stop = (reason: Reasons.Reason): void => {
      ended ??= reason
      closed()
      request.destroy()
      if (!isAnswered) resume(Effect.fail(reason))
    }
    const timedOut = (): void => stop({ _tag: "TimedOut", phase: "whole", millis: bounds.timeoutMillis })
    const timer = setTimeout(timedOut, Math.max(0, bounds.deadline - performance.now()))
    const abandon = (): void => stop({ _tag: "Network", code: "ABORTED", problem: "it was given up" })
    const closed = (): void => {
      clearTimeout(timer)
      signal.removeEventListener("abort", abandon)
    }
    signal.addEventListener("abort", abandon)
    request.on("error", (error) => {
      const reason = Reasons.ofError(error, bounds.maxHeaderBytes)
      // After the answer has begun its body tells of it, but not why.
      if (isAnswered) ended ??= reason
      else stop(ended ?? reason)
    })
    // Not every way in which a connection ends is an error.
    request.on("close", () =>
      isAnswered
        ? undefined
        : stop({ _tag: "Network", code: "CLOSED", problem: "it closed the connection without an answer" })
    )
    request.on("response", (incoming) => {
      const coding = hop.method === "HEAD" ? "identity" : Body.coding(incoming.headers["content-encoding"])
      const status = incoming.statusCode ?? 0
      if (typeof coding !== "string") return stop(coding)
      if (status < 200 || status > 599) {
        return stop({ _tag: "Malformed", problem: `its answer has the status ${status}, which is none` })
      }
      isAnswered = true
      const reason = (cause: unknown): Reasons.Reason => {
        if (ended !== undefined) return ended
        if (cause instanceof Body.Overrun) return { _tag: "TooLarge", what: "body", most: bounds.maxBodyBytes }
        return Reasons.ofError(cause, bounds.maxHeaderBytes)
      }
      const hasBody = hop.method !== "HEAD" && !bodiless.has(status)
      if (!hasBody) {
        // There may be one all the same, and it may never end.
        incoming.destroy()
        closed()
      }
      const most = bounds.maxBodyBytes
      const body = hasBody
        ? Body.stream(incoming, coding, { most, closed, failed: (cause) => failed(reason(cause)) })
        : null
      resume(Effect.succeed(new Response(body, { status, headers: headersOf(incoming, coding) })))
    })
    return Effect.sync(() => {
      if (!isAnswered) abandon()
    })
  })

// internal

const bodiless = new Set([204, 205, 304])

const open = (
  { addresses, body, bounds, hop, secure }: Options,
  stop: (reason: Reasons.Reason) => void
): Http.ClientRequest | Reasons.Reason => {
  try {
    const request = Http.request({
      method: hop.method,
      path: `${hop.url.pathname}${hop.url.search}`,
      headers: { ...hop.headers, "accept-encoding": Body.accepted, host: hop.url.host, connection: "close" },
      maxHeaderSize: bounds.maxHeaderBytes,
      // Said here, because the environment of the process can say otherwise.
      insecureHTTPParser: false,
      createConnection: () => {
        const socket = connect(hop.url, addresses, secure)
        const late = (): void => stop({ _tag: "TimedOut", phase: "connect", millis: bounds.connectMillis })
        const timer = setTimeout(late, bounds.connectMillis)
        socket.once(hop.url.protocol === "https:" ? "secureConnect" : "connect", () => clearTimeout(timer))
        socket.once("close", () => clearTimeout(timer))
        return socket
      }
    })
    if (typeof body === "function") {
      const bytes = body()
      bytes.on("error", () => stop({ _tag: "Invalid", problem: "the body of the request could not be read" }))
      request.on("close", () => bytes.destroy())
      bytes.pipe(request)
    } else request.end(body)
    return request
  } catch (error) {
    return Reasons.ofError(error, bounds.maxHeaderBytes)
  }
}

/** Names are looked up in what was judged, whatever asks and however often. */
const connect = (url: URL, addresses: ReadonlyArray<Address>, secure: Tls.SecureContext): Net.Socket => {
  const host = url.hostname.replace(/^\[|\]$/g, "")
  const isSecure = url.protocol === "https:"
  const lookup: Net.LookupFunction = (_host, { all }, callback) => {
    const [first] = addresses
    if (all === true) callback(null, [...addresses])
    else if (first === undefined) callback(new Error("no address"), "", 4)
    else callback(null, first.address, first.family)
  }
  const to = { host, port: Number(url.port || (isSecure ? 443 : 80)), lookup, autoSelectFamily: true }
  if (!isSecure) return Net.connect(to)
  return Tls.connect({
    ...to,
    secureContext: secure,
    rejectUnauthorized: true,
    ALPNProtocols: ["http/1.1"],
    ...(Net.isIP(host) === 0 ? { servername: host } : undefined)
  })
}

/** The headers of the answer; not those that describe its body as it was before it was decompressed. */
const headersOf = ({ rawHeaders }: Http.IncomingMessage, coding: Body.Coding): Headers => {
  const headers = new Headers()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ""
    if (coding !== "identity" && /^content-(?:encoding|length)$/i.test(name)) continue
    headers.append(name, rawHeaders[index + 1] ?? "")
  }
  return headers
}
