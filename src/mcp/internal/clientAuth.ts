/**
 * Logins to servers: what a login gave is kept in a store, renewed one at a time when a server refuses it, and asked for
 * anew only when a person does so. The dance itself (discovery, registration, PKCE) is the SDK's.
 */
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js"
import type { OAuthClientInformationMixed, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { answerOfText, randomText } from "../../internal/oauth.ts"
import type { Failure } from "./clientFailure.ts"
import { failure, wordsOf } from "./clientFailure.ts"
import type { Bearer, Challenge } from "./clientHttp.ts"
import type { Json } from "./clientJson.ts"
import { jsonOf, numberOf, textOf } from "./clientJson.ts"
import type { SdkAuth } from "./clientSdk.ts"
import { loadAuth } from "./clientSdk.ts"

/** Where logins are kept, each as a text under the URL of its server. */
export interface Store {
  readonly read: (key: string) => Effect.Effect<Redacted.Redacted | undefined, Failure>
  readonly write: (key: string, value: Redacted.Redacted) => Effect.Effect<void, Failure>
  readonly remove: (key: string) => Effect.Effect<boolean, Failure>
  readonly locked: <A, E>(key: string, effect: Effect.Effect<A, E>) => Effect.Effect<A, E | Failure>
}

/** A server that people log in to. */
export interface Login {
  /** Its name, for messages. */
  readonly server: string
  readonly url: string
  readonly store: Store
  readonly fetch: typeof globalThis.fetch
  /** A client that was registered by hand. */
  readonly client: { readonly id: string; readonly secret: Redacted.Redacted | undefined } | undefined
  readonly scope: string | undefined
}

/** A person who agrees. */
export interface Person {
  readonly redirectUrl: string
  readonly state: string
  readonly show: (url: string) => Effect.Effect<void>
  /** The address that they were sent back to, or the code in it. */
  readonly answer: Effect.Effect<string, Failure>
}

/** The tokens for requests to the server. */
export const bearerOf = (login: Login): Bearer => {
  let held: Held | undefined
  const take = Effect.tap(
    Effect.suspend(() => (held === undefined ? read(login) : Effect.succeed(held))),
    (now) =>
      Effect.sync(() => {
        held = now
      })
  )
  const renewed: Bearer["renewed"] = (refused, challenge) =>
    login.store.locked(
      login.url,
      Effect.flatMap(read(login), (now) =>
        // Somebody else has renewed it, or has logged in.
        now.tokens !== undefined && now.tokens.access_token !== refused
          ? Effect.as(
              Effect.sync(() => (held = now)),
              now.tokens.access_token
            )
          : Effect.flatMap(refresh(login, now, challenge), (next) => {
              held = next
              return next.tokens === undefined ? Effect.fail(stranger(login)) : Effect.succeed(next.tokens.access_token)
            })
      )
    )
  return {
    token: Effect.flatMap(Effect.zip(take, Clock.currentTimeMillis), ([{ expiresAt, tokens }, now]) =>
      tokens?.refresh_token !== undefined && expiresAt !== undefined && expiresAt <= now
        ? renewed(tokens.access_token, { response: new Response() })
        : Effect.succeed(tokens?.access_token)
    ),
    renewed
  }
}

/** Logs in. What the login gives is stored before this completes. */
export const login = (login: Login, person: Person): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const sdk = yield* loadAuth
    const challenge = yield* challengeOf(login)
    // Nobody should go through a login to learn then that it cannot be kept.
    const before = yield* login.store.locked(login.url, read(login))
    const asked: Draft = {
      held: {
        redirectUrl: person.redirectUrl,
        client: before.redirectUrl === person.redirectUrl ? before.client : undefined
      },
      verifier: undefined,
      address: undefined
    }
    const provider = providerOf(login, asked, person.state)
    const outcome = yield* danced(sdk, login, provider, challenge, undefined)
    if (outcome === "REDIRECT" && asked.address !== undefined) {
      // Whoever answers is there before anybody can come back.
      const [given] = yield* Effect.zip(person.answer, person.show(asked.address), { concurrent: true })
      const answer = answerOfText(given, person.state)
      if (answer._tag !== "Code")
        return yield* Effect.fail(failure("Unauthorized", `The login was denied: ${answer.why}`))
      yield* danced(sdk, login, provider, challenge, answer.code)
    }
    yield* login.store.locked(login.url, write(login, asked.held))
  })

/** Forgets a login; answers whether there was one. It stays valid at the server until it expires. */
export const logout = ({ store, url }: Login): Effect.Effect<boolean, Failure> => store.locked(url, store.remove(url))

/** A text that nobody can guess, for the state of a login. */
export const state: Effect.Effect<string> = Effect.sync(() => randomText(32))

// internal

/** What is stored of a login. `expiresAt` is in milliseconds since the epoch. */
interface Held {
  readonly redirectUrl?: string | undefined
  readonly client?: OAuthClientInformationMixed | undefined
  readonly tokens?: OAuthTokens | undefined
  readonly expiresAt?: number | undefined
}

/** A login that is under way. */
interface Draft {
  held: Held
  verifier: string | undefined
  address: string | undefined
}

const stranger = ({ server }: Login): Failure =>
  failure("Unauthorized", `Nobody is logged in to ${server}, or the login is over. Log in with Mcp.login.`)

const read = ({ store, url }: Login): Effect.Effect<Held, Failure> =>
  Effect.map(store.read(url), (text) => {
    const json = jsonOf(text === undefined ? undefined : parsed(Redacted.value(text)))
    return {
      redirectUrl: textOf(json["redirectUrl"]),
      client: clientOf(jsonOf(json["client"])),
      tokens: tokensOf(jsonOf(json["tokens"])),
      expiresAt: numberOf(json["expiresAt"])
    }
  })

const write = ({ store, url }: Login, held: Held): Effect.Effect<void, Failure> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const seconds = held.tokens?.expires_in
    const expiresAt = seconds === undefined ? undefined : now + seconds * 1000
    return store.write(url, Redacted.make(JSON.stringify({ ...held, expiresAt })))
  })

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const clientOf = (json: Json): OAuthClientInformationMixed | undefined => {
  const id = textOf(json["client_id"])
  const [secret, issuer, method] = ["client_secret", "issuer", "token_endpoint_auth_method"].map((name) =>
    textOf(json[name])
  )
  return id === undefined
    ? undefined
    : {
        client_id: id,
        ...(secret === undefined ? undefined : { client_secret: secret }),
        ...(method === undefined ? undefined : { token_endpoint_auth_method: method }),
        ...(issuer === undefined ? undefined : { issuer })
      }
}

const tokensOf = (json: Json): OAuthTokens | undefined => {
  const [access, refresh, issuer] = ["access_token", "refresh_token", "issuer"].map((name) => textOf(json[name]))
  return access === undefined
    ? undefined
    : {
        access_token: access,
        token_type: "Bearer",
        ...(refresh === undefined ? undefined : { refresh_token: refresh }),
        ...(issuer === undefined ? undefined : { issuer })
      }
}

/** Other tokens for the refresh token that there is. Nobody is asked: without one, the login is over. */
const refresh = (login: Login, held: Held, challenge: Challenge): Effect.Effect<Held, Failure> =>
  Effect.gen(function* () {
    if (held.tokens?.refresh_token === undefined) return yield* Effect.fail(stranger(login))
    const sdk = yield* loadAuth
    const draft: Draft = { held, verifier: undefined, address: undefined }
    const outcome = yield* danced(sdk, login, providerOf(login, draft, ""), challenge, undefined)
    if (draft.held.tokens !== held.tokens) yield* write(login, draft.held)
    return outcome === "AUTHORIZED" ? draft.held : yield* Effect.fail(stranger(login))
  })

const danced = (
  { auth, challenged }: SdkAuth,
  login: Login,
  provider: OAuthClientProvider,
  { response }: Challenge,
  code: string | undefined
) =>
  Effect.tryPromise({
    try: (signal) =>
      auth(provider, {
        serverUrl: login.url,
        ...challenged(response),
        ...(code === undefined ? undefined : { authorizationCode: code }),
        fetchFn: (input, init) => login.fetch(input, { ...init, signal })
      }),
    catch: (error) =>
      error instanceof TypeError
        ? failure("Unavailable", `The authorization server of ${login.server} cannot be reached: ${wordsOf(error)}`)
        : failure("Unauthorized", `The login to ${login.server} was not accepted: ${wordsOf(error)}`)
  })

/** What the server says to somebody who asks without a token. */
const challengeOf = ({ fetch, server, url }: Login): Effect.Effect<Challenge, Failure> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 0, method: "ping" }),
        signal
      })
      await response.body?.cancel()
      return { response }
    },
    catch: (error) => failure("Unavailable", `${server} cannot be reached: ${wordsOf(error)}`)
  })

/** What the SDK asks while it dances. What it learns stays in the draft until the dance is over. */
const providerOf = ({ client, scope }: Login, draft: Draft, state: string): OAuthClientProvider => {
  const change = (fields: Partial<Held>): void => {
    draft.held = { ...draft.held, ...fields }
  }
  const redirectUrl = draft.held.redirectUrl ?? "http://localhost/callback"
  return {
    redirectUrl,
    clientMetadata: {
      client_name: "Axonal",
      redirect_uris: [redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: client?.secret === undefined ? "none" : "client_secret_post",
      ...(scope === undefined ? undefined : { scope })
    },
    state: () => state,
    clientInformation: () =>
      client === undefined
        ? draft.held.client
        : {
            client_id: client.id,
            ...(client.secret === undefined ? undefined : { client_secret: Redacted.value(client.secret) })
          },
    saveClientInformation: (client) => change({ client }),
    tokens: () => draft.held.tokens,
    saveTokens: (tokens) => change({ tokens }),
    redirectToAuthorization: (url) => {
      draft.address = url.href
    },
    saveCodeVerifier: (verifier) => {
      draft.verifier = verifier
    },
    codeVerifier: () => draft.verifier ?? "",
    invalidateCredentials: (what) => {
      if (what === "all" || what === "client") change({ client: undefined })
      if (what === "all" || what === "tokens") change({ tokens: undefined })
    }
  }
}
