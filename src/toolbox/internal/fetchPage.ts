/**
 * One page over HTTP: redirects followed as far as is allowed, its bytes up to a bound, and what of them a model reads.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Stream from "effect/Stream"
import * as Part from "../../domain/Part.ts"
import * as Redirects from "../../internal/redirects.ts"
import * as Texts from "../../internal/texts.ts"
import * as Decode from "./htmlDecode.ts"
import * as HtmlScan from "./htmlScan.ts"
import * as HtmlText from "./htmlText.ts"

/** How a page is written for the model. */
export const formats = ["text", "markdown", "html", "raw"] as const
export type Format = (typeof formats)[number]

/** Whether a redirect to another place is followed; a text says why not. */
export type Follow = (to: URL, from: URL) => Effect.Effect<boolean | string>

/** What bounds a page. */
export interface Bounds {
  readonly maxBytes: number
  readonly maxMediaBytes: number
  readonly userAgent: string
  readonly follow: Follow
}

/** What a request came to: an answer, or a redirect that was not followed. */
export type Found =
  | {
      readonly _tag: "Page"
      readonly url: string
      readonly status: number
      readonly type: string | undefined
      readonly bytes: Uint8Array
      readonly isCut: boolean
    }
  | { readonly _tag: "Elsewhere"; readonly url: string; readonly status: number; readonly why: string }

/** The same site by another name, or encrypted where it was not: what the one who asked will have meant. */
export const sameSite: Follow = (to, from) => {
  const site = (url: URL): string => url.hostname.replace(/^www\./, "")
  const isUsual = to.port === "" && from.port === ""
  const keepsSeal = to.protocol === from.protocol || to.protocol === "https:"
  return Effect.succeed(site(to) === site(from) && keepsSeal && (isUsual || to.port === from.port))
}

/** Asks for a page. */
export const get = (url: URL, bounds: Bounds): Effect.Effect<Found, string, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const accept = "text/html, application/xhtml+xml, text/markdown, text/plain, application/json, */*;q=0.5"
    let hop: Redirects.Hop = { method: "GET", url, headers: { accept, "user-agent": bounds.userAgent }, hasBody: false }
    const seen = new Set<string>()
    for (;;) {
      seen.add(hop.url.href)
      const response = yield* Effect.mapError(
        client.execute(HttpClientRequest.get(hop.url, { headers: hop.headers })),
        told
      )
      const next = Redirects.next(hop, response.status, response.headers.location)
      if (next === undefined) return yield* read(response, hop.url, bounds.maxBytes)
      yield* Effect.ignore(Stream.runHead(response.stream))
      if (Either.isLeft(next)) return yield* Effect.fail(`${hop.url.href}: ${next.left}.`)
      const to = next.right.url
      if (seen.has(to.href) || seen.size > Redirects.most) {
        return yield* Effect.fail(`${url.href} redirects in a circle, or too often, and never answers.`)
      }
      const answer = to.origin === hop.url.origin || (yield* bounds.follow(to, hop.url))
      if (answer !== true) {
        return {
          _tag: "Elsewhere" as const,
          url: to.href,
          status: response.status,
          why: answer || "that is another site"
        }
      }
      hop = next.right
    }
  }).pipe(
    // Where a redirect leads is judged here, whichever client there is.
    Effect.provideService(Redirects.Followed, false),
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" })
  )

/** What of a page there is to read: a text, a file, or a word about what it is. */
export interface Shown {
  readonly text: string | undefined
  readonly file: Part.File | undefined
  readonly note: string | undefined
}

/** Writes a page in a format. */
export const show = (page: Extract<Found, { readonly _tag: "Page" }>, format: Format, bounds: Bounds): Shown => {
  const decoded = Decode.decode(page.type, page.bytes)
  if (decoded._tag === "Text") return written(decoded, page, format)
  const { mediaType } = decoded
  const size = `${page.isCut ? "more than " : ""}${page.bytes.length} bytes`
  const nothing = { text: undefined, file: undefined }
  if (decoded._tag === "Binary")
    return { ...nothing, note: `It is ${mediaType}, ${size}, which cannot be shown as text.` }
  if (page.isCut || page.bytes.length > bounds.maxMediaBytes) {
    return { ...nothing, note: `It is ${mediaType}, ${size}; files of up to ${bounds.maxMediaBytes} bytes are shown.` }
  }
  const name = new URL(page.url).pathname.split("/").at(-1) ?? ""
  const file = Part.file(
    mediaType,
    { base64: Encoding.encodeBase64(page.bytes) },
    nameable.test(name) ? name : undefined
  )
  return { text: undefined, file, note: `It is ${mediaType}, ${size}.` }
}

// internal

const nameable = /^[\w.-]{1,100}$/

const written = (
  { kind, text }: Extract<Decode.Decoded, { readonly _tag: "Text" }>,
  page: Extract<Found, { readonly _tag: "Page" }>,
  format: Format
): Shown => {
  const shown = (text: string, isCut = page.isCut): Shown => ({
    text,
    file: undefined,
    note: isCut ? "The page is longer than what is read of it: its end is missing." : undefined
  })
  if (format === "raw") return shown(text)
  if (kind === "json") return shown(Decode.visible(Decode.pretty(text)))
  if (kind === "plain") return shown(Decode.visible(text))
  if (format === "html") return shown(Decode.visible(HtmlScan.scan(text).html))
  const { isCut, text: words, title } = HtmlText.read(text, page.url, format)
  return shown(
    Decode.visible(title === "" ? words : `${format === "text" ? "" : "# "}${title}\n\n${words}`),
    isCut || page.isCut
  )
}

const read = (response: HttpClientResponse.HttpClientResponse, url: URL, most: number): Effect.Effect<Found, string> =>
  Effect.gen(function* () {
    const chunks: Array<Uint8Array> = []
    let size = 0
    yield* response.stream.pipe(
      Stream.takeWhile((chunk) => {
        chunks.push(chunk.subarray(0, Math.max(0, most - size)))
        size += chunk.length
        return size <= most
      }),
      Stream.runDrain,
      Effect.catchIf(
        ({ reason }) => reason === "EmptyBody",
        () => Effect.void
      ),
      Effect.mapError(told)
    )
    const bytes = new Uint8Array(Math.min(size, most))
    chunks.reduce((at, chunk) => {
      bytes.set(chunk, at)
      return at + chunk.length
    }, 0)
    const type = response.headers["content-type"]
    return { _tag: "Page", url: url.href, status: response.status, type, bytes, isCut: size > most }
  })

/** What a client says went wrong: the cause tells more than what it is wrapped in. */
const told = (error: HttpClientError.HttpClientError): string => {
  const { cause } = error
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : undefined
  return Texts.head(
    cause instanceof Error ? `${cause.message}${inner === undefined ? "" : ` (${inner})`}` : error.message,
    500
  )
}
