/**
 * The authorization server of ChatGPT subscriptions: who asks, what is asked for, and the two requests that give tokens.
 * What it says goes into errors without any secret it may have repeated.
 *
 * Source: the open client of the vendor, `codex-rs/login/src/server.rs` and `auth/manager.rs` of `openai/codex`.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { authorizeUrl } from "../../internal/oauth.ts"
import { remedy } from "./codexFile.ts"
import type { Tokens } from "./codexTokens.ts"
import { ofAnswer, secretsOf } from "./codexTokens.ts"
import type { Failure } from "./failure.ts"
import { failureOfStatus, failureWithoutSecrets, networkFailure, retryAfter } from "./failure.ts"
import type { Json } from "./json.ts"
import { isJson, parseJson, textOf } from "./json.ts"

/**
 * The vendor's server.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaultIssuer = "https://auth.openai.com"

/**
 * The public client that subscriptions are open to. It has no secret.
 *
 * @category constructors
 * @since 0.1.0
 */
export const clientId = "app_EMoamEEZ73f0CkXaXp7hrann"

/**
 * Who we say we are, at login and with every request.
 *
 * @category constructors
 * @since 0.1.0
 */
export const originator = "axonal"

/**
 * Ports that the vendor lets people come back to, the usual one first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ports = [1455, 1457] as const

/**
 * Where people come back to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const callbackPath = "/auth/callback"

/**
 * A login that has begun.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attempt {
  readonly issuer: string
  readonly redirectUri: string
  readonly state: string
  readonly verifier: string
}

/**
 * The address at which a person agrees.
 *
 * @category constructors
 * @since 0.1.0
 */
export const addressOf = (attempt: Attempt, challenge: string): string =>
  authorizeUrl(`${attempt.issuer}/oauth/authorize`, {
    response_type: "code",
    client_id: clientId,
    redirect_uri: attempt.redirectUri,
    scope: "openid profile email offline_access",
    code_challenge: challenge,
    code_challenge_method: "S256",
    id_token_add_organizations: "true",
    codex_cli_simplified_flow: "true",
    state: attempt.state,
    originator
  })

/**
 * Gives the code of a login for tokens.
 *
 * @category constructors
 * @since 0.1.0
 */
export const exchange = (
  client: HttpClient.HttpClient,
  attempt: Attempt,
  code: string
): Effect.Effect<Tokens, Failure> =>
  ask(client, attempt.issuer, [code, attempt.verifier], {
    grant_type: "authorization_code",
    client_id: clientId,
    code,
    redirect_uri: attempt.redirectUri,
    code_verifier: attempt.verifier
  })

/**
 * Gives a refresh token for new tokens. The old one is spent then, whether or not the answer arrives.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refresh = (client: HttpClient.HttpClient, tokens: Tokens): Effect.Effect<Tokens, Failure> =>
  ask(
    client,
    tokens.issuer,
    secretsOf(tokens),
    { grant_type: "refresh_token", client_id: clientId, refresh_token: Redacted.value(tokens.refresh) },
    tokens
  )

// internal

const timeoutMillis = 15_000

const ask = (
  client: HttpClient.HttpClient,
  issuer: string,
  secrets: ReadonlyArray<string>,
  fields: { readonly [name: string]: string },
  before?: Tokens | undefined
): Effect.Effect<Tokens, Failure> => {
  const url = `${issuer}/oauth/token`
  const { host } = new URL(url)
  const request = HttpClientRequest.post(url).pipe(
    HttpClientRequest.acceptJson,
    HttpClientRequest.bodyUrlParams(fields)
  )
  const sent = Effect.gen(function* () {
    const response = yield* HttpClient.withTracerDisabledWhen(client, () => true).execute(request)
    const text = yield* response.text
    const now = yield* Clock.currentTimeMillis
    if (response.status < 200 || response.status >= 300) {
      const failure = refusal(response.status, text, retryAfter(response.headers, now))
      const isOver = failure._tag === "Authentication" && failure.code !== undefined && before !== undefined
      const message = `The login is not valid any more (${failure.message}). ${remedy}`
      return yield* Effect.fail(isOver ? { ...failure, message } : failure)
    }
    const value = parseJson(text)
    const tokens = isJson(value) ? ofAnswer(value, issuer, now, before) : undefined
    if (tokens !== undefined) return tokens
    return yield* Effect.fail<Failure>({
      _tag: "Malformed",
      message: `${host} answered without tokens, or without the account they are for.`
    })
  })
  return sent.pipe(
    Effect.mapError((error) => ("reason" in error ? networkFailure(error, host, true).failure : error)),
    Effect.timeoutFail({
      duration: timeoutMillis,
      onTimeout: (): Failure => ({ _tag: "Timeout", message: `${host} did not answer in ${timeoutMillis} ms.` })
    }),
    Effect.mapError((failure) => failureWithoutSecrets(failure, secrets))
  )
}

/**
 * The words for a refusal are those of OAuth, `{ error, error_description }`, or those of the vendor's APIs. With a code
 * sending the same again never helps; without one a proxy may have answered.
 */
const refusal = (status: number, text: string, retryAfterMillis: number | undefined): Failure => {
  const failure = failureOfStatus(status, text, retryAfterMillis)
  const body = parseJson(text)
  const { code, message } = isJson(body) ? wordsOf(body) : {}
  if (code === undefined) return failure
  const _tag = status === 400 || status === 401 || status === 403 ? "Authentication" : failure._tag
  return { ...failure, _tag, code, message: message === undefined ? code : `${code}: ${message}` }
}

const wordsOf = (body: Json): { readonly code?: string | undefined; readonly message?: string | undefined } => {
  const { error } = body
  if (isJson(error)) return { code: textOf(error["code"]) ?? textOf(error["type"]), message: textOf(error["message"]) }
  return {
    code: textOf(error) ?? textOf(body["code"]),
    message: textOf(body["error_description"]) ?? textOf(body["message"])
  }
}
