/**
 * A server that is reached over HTTP. Requests carry the headers that were configured and the token of a login, which is
 * renewed when it is refused; answers that break off end their request; and no answer is longer than it may be.
 */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type { Way } from "./clientConnection.ts"
import type { Failure } from "./clientFailure.ts"
import { bounded, codeOf, failure, wordsOf } from "./clientFailure.ts"
import type { Sdk } from "./clientSdk.ts"

/** What a server wants of whoever asks without the right to. */
export interface Challenge {
  /** Its `WWW-Authenticate`. */
  readonly response: Response
}

/** The token that requests carry. */
export interface Bearer {
  readonly token: Effect.Effect<string | undefined, Failure>
  /** Another one than the one that was refused. */
  readonly renewed: (refused: string | undefined, challenge: Challenge) => Effect.Effect<string, Failure>
}

/** Where the server is. */
export interface Address {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly kind: "http" | "sse"
  /** Bytes of one message. */
  readonly largest: number
  readonly fetch: typeof globalThis.fetch
  /** Absent when the headers say who asks. */
  readonly bearer: Bearer | undefined
}

/** The way to a server. */
export const wayOf = (
  sdk: Sdk,
  address: Address,
  whenEnded: (why: Failure) => void
): Effect.Effect<Way, never, Scope.Scope> =>
  Effect.map(Effect.runtime(), (runtime) => {
    const fetch = ending(sdk, bearing(address, runtime), address.largest)
    const http = address.kind === "http" ? sdk.http(address.url, { fetch }) : undefined
    const transport = http ?? sdk.sse(address.url, { fetch })
    transport.onerror = (error) => {
      // The stream of what the server says of itself, or an answer that was to go on, is gone for good.
      if (isOver(error, address.kind)) whenEnded(failure("Disconnected", wordsOf(error)))
    }
    return {
      transport,
      leave: http === undefined ? Effect.void : Effect.tryPromise(() => http.terminateSession()),
      failureOf: failureOf(address)
    }
  })

/** Whether a server may be an old one, which knows nothing of the first message as it is sent today. */
export const isOld = ({ code }: Failure): boolean => code === 400 || code === 404 || code === 405

// internal

/** A failure on its way through a promise. */
class Carried extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(failure.message)
    this.failure = failure
  }
}

/** The code that stands for an answer that broke off, in the error that takes its place. */
const brokeOff = -32_098
const tooLarge = -32_099

const isOver = (error: Error, kind: Address["kind"]): boolean =>
  kind === "sse" || error.message.startsWith("Maximum reconnection attempts")

const failureOf =
  ({ bearer, url }: Pick<Address, "bearer" | "url">) =>
  (error: unknown): Failure | undefined => {
    if (error instanceof Carried) return error.failure
    const code = codeOf(error)
    const where = `${url.origin}${url.pathname}`
    if (code === brokeOff) return failure("Disconnected", `the answer of ${where} broke off`)
    // Of another media type.
    if (code === -1) return failure("Malformed", `${where} sent no answer of this protocol: ${wordsOf(error)}`)
    if (code === tooLarge) return failure("Malformed", wordsOf(error))
    if (code === 401 || code === 403) {
      const how = bearer === undefined ? "Check the headers that are configured for it." : "Log in again."
      return failure("Unauthorized", `${where} refused the request with status ${code}. ${how}`, code)
    }
    if (code !== undefined && code >= 300 && code < 600) {
      const said = `${where} answered with status ${code}: ${wordsOf(error)}`
      return { ...failure("Unavailable", said, code), permanent: code < 500 && code !== 408 && code !== 429 }
    }
    // `fetch` fails with a `TypeError` when nobody is there.
    if (error instanceof TypeError) return failure("Unavailable", `${where} cannot be reached: ${wordsOf(error)}`)
    if (error instanceof Error && /^SSE error|Error POSTing to endpoint/.test(error.message)) {
      const status = Number(/\b(?:code|HTTP) (\d{3})\b/.exec(error.message)?.[1] ?? code)
      return Number.isNaN(status)
        ? failure("Unavailable", `${where} cannot be reached: ${wordsOf(error)}`)
        : failureOf({ bearer, url })(statusError(status, error))
    }
    return undefined
  }

const statusError = (code: number, error: Error): Error => Object.assign(new Error(error.message), { code })

/** Requests with our headers and the token; once more with another one when it was refused. */
const bearing = ({ bearer, fetch, headers }: Address, runtime: Runtime.Runtime<never>): typeof globalThis.fetch => {
  const answered = async <A>(effect: Effect.Effect<A, Failure>): Promise<A> => {
    const either = await Runtime.runPromise(runtime)(Effect.either(effect))
    if (either._tag === "Left") throw new Carried(either.left)
    return either.right
  }
  return async (input, init) => {
    const all = new Headers(init?.headers)
    for (const [name, value] of Object.entries(headers)) all.set(name, value)
    if (bearer === undefined) return fetch(input, { ...init, headers: all })
    const token = await answered(bearer.token)
    if (token !== undefined) all.set("authorization", `Bearer ${token}`)
    const response = await fetch(input, { ...init, headers: all })
    if (!isRefusal(response)) return response
    await response.body?.cancel()
    const other = await answered(bearer.renewed(token, { response }))
    all.set("authorization", `Bearer ${other}`)
    return fetch(input, { ...init, headers: all })
  }
}

const isRefusal = (response: Response): boolean =>
  response.status === 401 ||
  (response.status === 403 && /insufficient_scope/.test(response.headers.get("www-authenticate") ?? ""))

/** Requests whose answers have an end: those that break off, and those that are too long, become errors of the protocol. */
const ending =
  (sdk: Sdk, fetch: typeof globalThis.fetch, largest: number): typeof globalThis.fetch =>
  async (input, init) => {
    const response = await fetch(input, init)
    const type = response.headers.get("content-type") ?? ""
    const { body } = response
    if (body === null) return response
    if (!response.ok) {
      const text = new TextDecoder().decode(await bytesOf(body, 4096).catch(() => new Uint8Array()))
      return new Response(bounded(text), { status: response.status, headers: response.headers })
    }
    const id = idOf(init)
    if (type.startsWith("text/event-stream")) return replaced(response, bounding(body, id, largest))
    if (id === undefined || !type.startsWith("application/json")) return response
    const value: unknown = await bytesOf(body, largest)
      .then((bytes): unknown => JSON.parse(new TextDecoder().decode(bytes)))
      .catch((error: unknown) => errorOf(id, error instanceof TooLarge ? tooLarge : brokeOff, wordsOf(error)))
    const messages = (Array.isArray(value) ? value : [value]).map(
      (message) => sdk.message(message) ?? errorOf(id, brokeOff, "no answer of this protocol")
    )
    return replaced(response, JSON.stringify(messages.length === 1 ? messages[0] : messages))
  }

const replaced = (response: Response, body: ReadableStream<Uint8Array> | string): Response => {
  const headers = new Headers(response.headers)
  for (const name of ["content-length", "content-encoding"]) headers.delete(name)
  return new Response(body, { status: response.status, headers })
}

class TooLarge extends Error {}

const bytesOf = async (body: ReadableStream<Uint8Array>, most: number): Promise<Uint8Array> => {
  const reader = body.getReader()
  const pieces: Array<Uint8Array> = []
  let size = 0
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.length
    if (size > most) {
      await reader.cancel()
      throw new TooLarge(`it sent a message of more than ${most} bytes`)
    }
    pieces.push(read.value)
  }
  return new Uint8Array(await new Blob(pieces.map((piece) => piece.slice())).arrayBuffer())
}

const errorOf = (id: number | string, code: number, message: string) => ({
  jsonrpc: "2.0",
  id,
  error: { code, message }
})

/** The id of the request that a body holds. */
const idOf = (init: RequestInit | undefined): number | string | undefined => {
  if (init?.method !== "POST" || typeof init.body !== "string") return undefined
  const message: unknown = JSON.parse(init.body)
  if (typeof message !== "object" || message === null || !("method" in message) || !("id" in message)) return undefined
  return typeof message.id === "number" || typeof message.id === "string" ? message.id : undefined
}

/**
 * A stream of events that ends with an error for the request, in case it was not answered: who was answered does not hear it.
 * Streams whose events have ids are taken up again where they broke off, and get none.
 */
const bounding = (
  body: ReadableStream<Uint8Array>,
  id: number | string | undefined,
  largest: number
): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  let [line, resumable] = [0, false]
  const last = (controller: ReadableStreamDefaultController<Uint8Array>, code: number, message: string): void => {
    if (id !== undefined && (code === tooLarge || !resumable)) {
      const data = JSON.stringify(errorOf(id, code, message))
      controller.enqueue(new TextEncoder().encode(`\n\nevent: message\ndata: ${data}\n\n`))
    }
    controller.close()
  }
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const { done, value } = await reader.read()
        if (done) return last(controller, brokeOff, "it broke off")
        const feed = value.lastIndexOf(10)
        line = feed < 0 ? line + value.length : value.length - feed
        resumable ||= /^id:/m.test(new TextDecoder().decode(value.subarray(0, 256)))
        if (line <= largest) return controller.enqueue(value)
        await reader.cancel()
        return last(controller, tooLarge, `it sent a message of more than ${largest} bytes`)
      } catch (error) {
        return id === undefined || resumable ? controller.error(error) : last(controller, brokeOff, wordsOf(error))
      }
    },
    cancel: (reason) => reader.cancel(reason)
  })
}
