/**
 * Where an answer sends a request on to, and what of the request may go there. Whether to go is for the caller to judge.
 */
import * as Context from "effect/Context"
import * as Either from "effect/Either"

/** A request as far as a redirect changes it. Names of headers are in lower case. */
export interface Hop {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly hasBody: boolean
}

/** Most redirects that are followed for one request. */
export const most = 10

/**
 * Whether a client that follows redirects does so for the request that is made within. A caller that judges each of them
 * itself says no, and is given the answers that redirect.
 */
export class Followed extends Context.Reference<Followed>()("axonal/internal/redirects/Followed", {
  defaultValue: () => true
}) {}

/** The request that an answer asks for instead; nothing when it does not redirect; what is wrong when it cannot be meant. */
export const next = (
  hop: Hop,
  status: number,
  location: string | undefined
): Either.Either<Hop, string> | undefined => {
  if (!statuses.has(status) || location === undefined) return undefined
  const text = utf8(location)
  if (!URL.canParse(text, hop.url)) return Either.left("its answer redirects to something that is no URL")
  const url = new URL(text, hop.url)
  const isPost = (status === 301 || status === 302) && hop.method === "POST"
  const becomesGet = isPost || (status === 303 && hop.method !== "GET" && hop.method !== "HEAD")
  const isSame = url.origin === hop.url.origin
  const headers = Object.entries(hop.headers).filter(
    ([name]) => (isSame || anywhere.test(name)) && !(becomesGet && name.startsWith("content-"))
  )
  return Either.right({
    method: becomesGet ? "GET" : hop.method,
    url,
    headers: Object.fromEntries(headers),
    hasBody: hop.hasBody && !becomesGet
  })
}

// internal

const statuses = new Set([301, 302, 303, 307, 308])

/** What says nothing of who asks. Every other header may be a credential, and stays with its origin. */
const anywhere = /^(?:accept|accept-.*|content-(?:type|language|encoding)|user-agent|range|if-.*|cache-control)$/

/** Headers are read byte by byte, and servers put UTF-8 there. */
const utf8 = (header: string): string => {
  if (/^[\x20-\x7e]*$/.test(header) || /[^\0-\xff]/.test(header)) return header
  return new TextDecoder().decode(Uint8Array.from(header, (character) => character.charCodeAt(0)))
}
