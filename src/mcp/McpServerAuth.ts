/**
 * Who may use a server over HTTP: an effect from the headers of a request to whoever it is for, or a refusal. Where tokens come
 * from is not known here; clients are told where to ask for them.
 */
import type * as Headers from "@effect/platform/Headers"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Identity from "../context/Identity.ts"

/**
 * The request does not say who it is for, or not so that it is believed. The client is answered 401, and may get a token.
 *
 * **Details**
 *
 * - `description`: why, for the client. Absent when there was no token at all.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unauthorized extends Data.TaggedError("Unauthorized")<{
  readonly description?: string | undefined
}> {}

/**
 * Whoever the request is for may not do this. The client is answered 403.
 *
 * **Details**
 *
 * - `scope`: what the token lacks, so that the client may ask for more.
 *
 * @category errors
 * @since 0.1.0
 */
export class Forbidden extends Data.TaggedError("Forbidden")<{
  readonly description: string
  readonly scope?: string | undefined
}> {}

/**
 * Says on whose behalf a request is made. It is asked at every request, and a connection stays with whom it began.
 *
 * @category models
 * @since 0.1.0
 */
export type Authorize<R = never> = (
  headers: Headers.Headers
) => Effect.Effect<Identity.Service, Unauthorized | Forbidden, R>

/**
 * Where clients get their tokens: what the metadata of the protected resource tells.
 *
 * **Details**
 *
 * - `url`: the address of the server as clients know it. `authorizationServers`: issuers whose tokens are taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProtectedResource {
  readonly url: string
  readonly authorizationServers: ReadonlyArray<string>
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly name?: string | undefined
  readonly documentation?: string | undefined
}

/**
 * A token and whom it stands for: without an identity, the one in force.
 *
 * @category models
 * @since 0.1.0
 */
export interface Token {
  readonly token: Redacted.Redacted
  readonly identity?: Identity.Service | undefined
}

/**
 * Authorizes requests with one of some bearer tokens.
 *
 * **Details**
 *
 * - All tokens are compared, each by its hash and in the same time, whichever it is.
 * - Errors: throws a `TypeError` when there is no token, and for one that is blank or that no header can bring.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bearer = (tokens: Redacted.Redacted | ReadonlyArray<Token>): Authorize => {
  const known: ReadonlyArray<Token> = Redacted.isRedacted(tokens) ? [{ token: tokens }] : tokens
  if (known.length === 0) throw new TypeError("McpServer.bearer needs at least one token")
  if (known.some(({ token }) => Redacted.value(token).trim() === "")) {
    throw new TypeError("McpServer.bearer has a token that is blank")
  }
  if (!known.every(({ token }) => isToken(Redacted.value(token)))) {
    throw new TypeError("McpServer.bearer has a token with other characters than those of ASCII that can be seen")
  }
  const hashes = Promise.all(known.map(({ token }) => hash(Redacted.value(token))))
  return (headers) =>
    Effect.gen(function* () {
      const given = bearerOf(headers)
      if (given === undefined) return yield* new Unauthorized({})
      const [mine, all] = yield* Effect.promise(() => Promise.all([hash(given), hashes]))
      let found: Token | undefined
      for (const [index, one] of all.entries()) if (isEqual(mine, one)) found = known[index]
      if (found === undefined) return yield* new Unauthorized({ description: "The token is not known" })
      return found.identity ?? (yield* Identity.Identity)
    })
}

/**
 * Whether a header can bring a text as a token.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isToken = (text: string): boolean => /^[\x21-\x7e]+$/.test(text)

/**
 * The bearer token of a request.
 *
 * @category converters
 * @since 0.1.0
 */
export const bearerOf = (headers: Headers.Headers): string | undefined =>
  /^Bearer +([^\s]+) *$/i.exec(headers["authorization"] ?? "")?.[1]

/**
 * The challenge that goes with a refusal: what is wrong, and where to learn how to get a token.
 *
 * @category converters
 * @since 0.1.0
 */
export const challenge = (refused: Unauthorized | Forbidden, metadata: string | undefined, scopes?: string): string => {
  const scope = refused._tag === "Forbidden" ? (refused.scope ?? scopes) : scopes
  const error =
    refused._tag === "Forbidden"
      ? "insufficient_scope"
      : refused.description === undefined
        ? undefined
        : "invalid_token"
  const parts = { error, error_description: refused.description, scope, resource_metadata: metadata }
  const said = Object.entries(parts).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}="${quoted(value)}"`]
  )
  return ["Bearer", said.join(", ")].filter((part) => part !== "").join(" ")
}

/**
 * The metadata of a protected resource, as clients read it.
 *
 * @category converters
 * @since 0.1.0
 */
export const metadata = (resource: ProtectedResource): object => ({
  resource: resource.url,
  authorization_servers: resource.authorizationServers,
  bearer_methods_supported: ["header"],
  ...(resource.scopes === undefined ? undefined : { scopes_supported: resource.scopes }),
  ...(resource.name === undefined ? undefined : { resource_name: resource.name }),
  ...(resource.documentation === undefined ? undefined : { resource_documentation: resource.documentation })
})

// internal

const hash = async (text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))

/** Takes the same time whatever differs. */
const isEqual = (left: Uint8Array, right: Uint8Array): boolean => {
  let difference = left.length ^ right.length
  for (const [index, byte] of left.entries()) difference |= byte ^ (right[index] ?? 0)
  return difference === 0
}

/** What may stand in the quotes of a header. */
const quoted = (text: string): string => text.replace(/[^\x20-\x7e]/g, " ").replace(/["\\]/g, "'")
