/**
 * The tokens of a ChatGPT subscription as values: read from what the authorization server answers and from their file,
 * and written to it. Secrets are redacted from the first moment on.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { Json } from "./json.ts"
import { isJson, numberOf, parseJson, textOf } from "./json.ts"

/**
 * What a login gives and a refresh renews.
 *
 * **Details**
 *
 * - `issuer`: the server that gave them, and the only one that gets the refresh token back.
 * - `accountId`: whose subscription pays; every request names it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tokens {
  readonly issuer: string
  readonly access: Redacted.Redacted
  readonly refresh: Redacted.Redacted
  readonly expiresAtMillis: number
  readonly accountId: string
  readonly plan?: string | undefined
  readonly email?: string | undefined
}

/**
 * Whether both have the same access token.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSame = (left: Tokens, right: Tokens): boolean =>
  Redacted.value(left.access) === Redacted.value(right.access)

/**
 * Whether the access token holds for longer than the margin.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isFresh = (tokens: Tokens, now: number, marginMillis: number): boolean =>
  tokens.expiresAtMillis - now > marginMillis

/**
 * Whether secrets may be sent to this address: over TLS, or within this machine.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isIssuer = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { hostname, protocol } = new URL(text)
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))
}

/**
 * The secrets among them, to be taken out of texts that others write.
 *
 * @category converters
 * @since 0.1.0
 */
export const secretsOf = (tokens: Tokens): ReadonlyArray<string> => [
  Redacted.value(tokens.access),
  Redacted.value(tokens.refresh)
]

/**
 * The tokens in an answer of the authorization server, or `undefined` when something is missing in it.
 *
 * **Details**
 *
 * - A refresh answers what has changed: what it leaves out is taken from before.
 * - How long they hold is in the answer, else in the access token, else one hour.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofAnswer = (
  answer: Json,
  issuer: string,
  now: number,
  before?: Tokens | undefined
): Tokens | undefined => {
  const access = textOf(answer["access_token"])
  const refresh = textOf(answer["refresh_token"])
  const accessClaims = claimsOf(access)
  const claims = [claimsOf(textOf(answer["id_token"])), accessClaims]
  const accountId = first(claims, (claim) => textOf(authOf(claim)["chatgpt_account_id"])) ?? before?.accountId
  const seconds = numberOf(answer["expires_in"])
  const until = numberOf(accessClaims["exp"])
  if (access === undefined || accountId === undefined || (refresh === undefined && before === undefined)) {
    return undefined
  }
  return {
    issuer,
    access: Redacted.make(access),
    refresh: refresh === undefined && before !== undefined ? before.refresh : Redacted.make(refresh ?? ""),
    expiresAtMillis:
      seconds !== undefined ? now + seconds * 1000 : until !== undefined ? until * 1000 : now + 3_600_000,
    accountId,
    plan: first(claims, (claim) => textOf(authOf(claim)["chatgpt_plan_type"])) ?? before?.plan,
    email: first(claims, (claim) => textOf(claim["email"])) ?? before?.email
  }
}

/**
 * The text of a file that holds them.
 *
 * @category converters
 * @since 0.1.0
 */
export const toText = (tokens: Tokens): string =>
  `${JSON.stringify(
    {
      version: 1,
      issuer: tokens.issuer,
      accountId: tokens.accountId,
      plan: tokens.plan,
      email: tokens.email,
      expiresAtMillis: tokens.expiresAtMillis,
      accessToken: Redacted.value(tokens.access),
      refreshToken: Redacted.value(tokens.refresh)
    },
    null,
    2
  )}\n`

/**
 * The tokens in the text of a file, or `undefined` when they cannot be read.
 *
 * @category converters
 * @since 0.1.0
 */
export const fromText = (text: string): Tokens | undefined => {
  const value = parseJson(text)
  if (!isJson(value) || value["version"] !== 1) return undefined
  const issuer = textOf(value["issuer"])
  const access = textOf(value["accessToken"])
  const refresh = textOf(value["refreshToken"])
  const accountId = textOf(value["accountId"])
  const expiresAtMillis = numberOf(value["expiresAtMillis"])
  if (
    issuer === undefined ||
    !isIssuer(issuer) ||
    access === undefined ||
    refresh === undefined ||
    accountId === undefined ||
    expiresAtMillis === undefined
  ) {
    return undefined
  }
  return {
    issuer,
    access: Redacted.make(access),
    refresh: Redacted.make(refresh),
    expiresAtMillis,
    accountId,
    plan: textOf(value["plan"]),
    email: textOf(value["email"])
  }
}

// internal

const claim = "https://api.openai.com/auth"

const authOf = (claims: Json): Json => (isJson(claims[claim]) ? claims[claim] : {})

/**
 * What a token says about itself. Its signature is not checked: it came from its issuer over TLS, and whoever gets it
 * checks it.
 */
const claimsOf = (token: string | undefined): Json => {
  const [, payload, signature] = (token ?? "").split(".")
  if (payload === undefined || signature === undefined) return {}
  const text = Either.getOrUndefined(Encoding.decodeBase64UrlString(payload))
  const value = text === undefined ? undefined : parseJson(text)
  return isJson(value) ? value : {}
}

const first = (claims: ReadonlyArray<Json>, read: (claims: Json) => string | undefined): string | undefined =>
  claims.map(read).find((value) => value !== undefined)
