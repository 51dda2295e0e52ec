/**
 * Transport for a ChatGPT subscription: the models of the vendor's coding agent, paid for by a plan and not by a key. A
 * person logs in once (`login`, or `axonal login codex`); from then on tokens are renewed by themselves. It speaks the
 * Responses API to a backend that is stricter than the public one.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Callback from "../internal/loginPage.ts"
import type { Answer } from "../internal/oauth.ts"
import { answerOfText, pkce, randomText } from "../internal/oauth.ts"
import * as HttpTransport from "./HttpTransport.ts"
import * as Endpoint from "./internal/codexEndpoint.ts"
import * as TokenFile from "./internal/codexFile.ts"
import * as Keeper from "./internal/codexKeeper.ts"
import { refusal, withInstructions } from "./internal/codexRequest.ts"
import type { Tokens } from "./internal/codexTokens.ts"
import { isIssuer } from "./internal/codexTokens.ts"
import type { Failure } from "./internal/failure.ts"
import { withoutSecrets } from "./internal/failure.ts"
import { flavourOf } from "./internal/openAiResponses.ts"
import { Decoder } from "./internal/openAiResponsesDecode.ts"
import * as Encode from "./internal/openAiResponsesEncode.ts"
import { taking } from "./internal/wrappedAnswer.ts"
import * as Models from "./Models.ts"
import * as Transport from "./Transport.ts"
import { TransportError } from "./TransportError.ts"

/**
 * Which model, and whose subscription.
 *
 * **Details**
 *
 * - `tokens`: the file that a login wrote. Default `axonal/codex.json` in `XDG_CONFIG_HOME` or in `.config` of the home.
 * - `baseUrl`: up to and without `/responses`. Default `https://chatgpt.com/backend-api/codex`. It gets the access token.
 * - `settings`: the backend chooses sampling and output limit; what is set of them is left out.
 * - `reasoningSummary`: asks for readable reasoning, as `"auto"`, `"concise"` or `"detailed"`.
 * - `promptCacheKey`: requests with the same key share a prompt cache more often.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<HttpTransport.Options, "apiKey"> {
  readonly tokens?: string | undefined
  readonly reasoningSummary?: string | undefined
  readonly promptCacheKey?: string | undefined
}

/**
 * Makes a transport. Nobody needs to be logged in yet: requests fail with `Authentication` until someone is. The scope
 * waits for a renewal that is under way.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<
  Transport.Service,
  ConfigError.ConfigError,
  HttpClient.HttpClient | FileSystem.FileSystem | Scope.Scope
> =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const file = yield* fileOf(options)
    const keeper = Keeper.make(file, (tokens) => Endpoint.refresh(client, tokens))
    yield* Effect.addFinalizer(() => keeper.settled)
    const errorOf = (failure: Failure): TransportError =>
      new TransportError({ vendor, model: options.model.trim(), reason: failure, replay: "safe" })
    // The same models as behind a key, but for what they cost: a plan has no price per token.
    const { price: _, ...known } = yield* Models.resolve("openai", options.model.trim(), options.modelInfo)
    const modelInfo = options.modelInfo?.price === undefined ? known : { ...known, price: options.modelInfo.price }
    const transport = yield* HttpTransport.make(
      { ...options, modelInfo },
      {
        vendor,
        baseUrl: "https://chatgpt.com/backend-api/codex",
        path: "/responses",
        headers: () => ({ "openai-beta": "responses=experimental", originator: Endpoint.originator }),
        authorize: Effect.mapBoth(keeper.tokens, { onFailure: errorOf, onSuccess: headersOf }),
        refusal,
        codec: (model) => {
          const encoder = Encode.make(model, options.settings, { ...options, flavour })
          return {
            encode: (request) => encoder.encode(withInstructions(request)),
            decoder: (request) => taking(new Decoder(flavour, request.tools), request)
          }
        }
      }
    )
    /** A token can be refused before it expires. Nothing of an answer has arrived then, so it is safe to ask again. */
    const open: Transport.Service["open"] = (request) =>
      Effect.flatMap(Effect.mapError(keeper.tokens, errorOf), (used) =>
        Effect.catchTag(transport.open(request), "TransportError", (error) =>
          error.reason.status === 401
            ? Effect.zipRight(Effect.mapError(keeper.renewed(used), errorOf), transport.open(request))
            : Effect.fail(error)
        )
      )
    return { model: transport.model, open }
  })

/**
 * Layer of a transport.
 *
 * **Gotchas**
 *
 * Layers that share a file renew its tokens one at a time, in this process and in others.
 *
 * @see {@link layerConfig} when the options come from configuration
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<Transport.Transport, ConfigError.ConfigError, HttpClient.HttpClient | FileSystem.FileSystem> =>
  Layer.scoped(Transport.Transport, make(options))

/**
 * Layer of a transport whose options are read from configuration, each on its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: {
    readonly [Name in keyof Options]: Config.Config<Options[Name]>
  }
): Layer.Layer<Transport.Transport, ConfigError.ConfigError, HttpClient.HttpClient | FileSystem.FileSystem> =>
  // `Config.all` keeps the names and loses which of them are optional.
  Layer.scoped(Transport.Transport, Effect.flatMap(Config.all(options) as Config.Config<Options>, make))

/**
 * Why nobody is logged in.
 *
 * **Details**
 *
 * - `Denied`: the person or the vendor said no. `Expired`: nobody came back in time. `Refused`: the vendor did not take the
 *   code. `Network`: it could not be asked. `Storage`: the tokens cannot be read or kept.
 * - `message` holds no secret.
 *
 * @category errors
 * @since 0.1.0
 */
export class LoginError extends Schema.TaggedError<LoginError>()("LoginError", {
  reason: Schema.Literal("Denied", "Expired", "Refused", "Network", "Storage"),
  message: Schema.String
}) {}

/**
 * Whose subscription it is. Holds no secret.
 *
 * @category models
 * @since 0.1.0
 */
export interface Account {
  readonly accountId: string
  readonly plan: string | undefined
  readonly email: string | undefined
  /** The file that holds the tokens. */
  readonly tokens: string
}

/**
 * How to log in.
 *
 * **Details**
 *
 * - `show`: what is done with the address at which a person agrees: print it, or open a browser. It holds no secret.
 * - `paste`: asks for the address they were sent back to, or the code in it, for browsers on another machine. Asked again
 *   with what is wrong, as long as it is.
 * - `tokens`: see `Options`. `issuer`: the authorization server, over TLS unless it is on this machine.
 * - `timeout`: how long a person may take. Default 5 minutes.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoginOptions {
  readonly show: (url: string) => Effect.Effect<void>
  readonly paste?: ((problem: string | undefined) => Effect.Effect<string>) | undefined
  readonly tokens?: string | undefined
  readonly issuer?: string | undefined
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * The ports of `localhost` that the vendor sends people back to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ports: ReadonlyArray<number> = Endpoint.ports

/**
 * Logs in with a browser that comes back to the server provided: one on `127.0.0.1` and one of the `ports`. It is served
 * only as long as the login takes.
 *
 * @see {@link loginByHand} when no browser can reach this machine
 * @category constructors
 * @since 0.1.0
 */
export const login = (
  options: LoginOptions
): Effect.Effect<
  Account,
  LoginError | ConfigError.ConfigError,
  HttpServer.HttpServer | HttpClient.HttpClient | FileSystem.FileSystem
> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const port = address._tag === "TcpAddress" ? address.port : Endpoint.ports[0]
      const state = randomText(32)
      const callback = Callback.make(state, Endpoint.callbackPath)
      // A span of the request would show the code.
      yield* HttpMiddleware.withTracerDisabledWhenEffect(HttpServer.serveEffect(callback.app), () => true)
      const { paste } = options
      const answer =
        paste === undefined ? callback.answer : Effect.raceFirst(callback.answer, pasted(paste, state, undefined))
      return yield* Effect.onExit(complete(options, port, state, answer), (exit) => callback.show(pageOf(exit)))
    })
  )

/**
 * Logs in without a server: a person opens the address anywhere and pastes what they were sent back to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const loginByHand = (
  options: LoginOptions & Required<Pick<LoginOptions, "paste">>
): Effect.Effect<Account, LoginError | ConfigError.ConfigError, HttpClient.HttpClient | FileSystem.FileSystem> =>
  Effect.suspend(() => {
    const state = randomText(32)
    const { paste } = options
    const answer: Effect.Effect<GivenAnswer> = paste === undefined ? Effect.never : pasted(paste, state, undefined)
    return complete(options, Endpoint.ports[0], state, answer)
  })

/**
 * Who is logged in.
 *
 * @category constructors
 * @since 0.1.0
 */
export const account = (
  options: Pick<Options, "tokens"> = {}
): Effect.Effect<Account, LoginError | ConfigError.ConfigError, FileSystem.FileSystem> =>
  Effect.flatMap(fileOf(options), (file) =>
    Effect.mapBoth(file.read, { onFailure: storageError, onSuccess: (tokens) => accountOf(tokens, file.path) })
  )

/**
 * Forgets the tokens; answers whether there were any. They stay valid at the vendor until they expire.
 *
 * @category constructors
 * @since 0.1.0
 */
export const logout = (
  options: Pick<Options, "tokens"> = {}
): Effect.Effect<boolean, LoginError | ConfigError.ConfigError, FileSystem.FileSystem> =>
  Effect.flatMap(fileOf(options), (file) => Effect.mapError(file.locked(file.remove), storageError))

// internal

const vendor = "codex"

const flavour = flavourOf(vendor)

type GivenAnswer = Exclude<Answer, { readonly _tag: "Foreign" }>

const headersOf = (tokens: Tokens): HttpTransport.Headers => ({
  authorization: Redacted.make(`Bearer ${Redacted.value(tokens.access)}`),
  "chatgpt-account-id": tokens.accountId
})

/** The file of the options, or the usual one in the folder of the user's configuration. */
const fileOf = (
  options: Pick<Options, "tokens">
): Effect.Effect<TokenFile.TokenFile, ConfigError.ConfigError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    if (options.tokens !== undefined) return TokenFile.make(fs, yield* HttpTransport.notBlank("tokens", options.tokens))
    const set = (name: string) => Config.withDefault(Config.string(name), "")
    const home = (yield* set("HOME")) || (yield* set("USERPROFILE"))
    const folder = (yield* set("XDG_CONFIG_HOME")) || (home === "" ? "" : `${home}/.config`)
    if (folder === "") {
      return yield* Effect.fail(
        ConfigError.MissingData(["HOME"], "Expected HOME to be set, or tokens to name the file that holds the login.")
      )
    }
    return TokenFile.make(fs, `${folder}/axonal/codex.json`)
  })

const accountOf = ({ accountId, email, plan }: Tokens, tokens: string): Account => ({ accountId, plan, email, tokens })

const storageError = ({ message }: Failure): LoginError => new LoginError({ reason: "Storage", message })

const pasted = (
  paste: NonNullable<LoginOptions["paste"]>,
  state: string,
  problem: string | undefined
): Effect.Effect<GivenAnswer> =>
  Effect.flatMap(paste(problem), (text) => {
    const answer = answerOfText(text, state)
    return answer._tag === "Foreign" ? pasted(paste, state, answer.why) : Effect.succeed(answer)
  })

/** From the address to the stored tokens. */
const complete = (options: LoginOptions, port: number, state: string, answer: Effect.Effect<GivenAnswer>) =>
  Effect.gen(function* () {
    const issuer = (options.issuer ?? Endpoint.defaultIssuer).replace(/\/+$/, "")
    if (!isIssuer(issuer)) {
      return yield* Effect.fail(ConfigError.InvalidData(["issuer"], "Expected issuer to be an https URL."))
    }
    const client = yield* HttpClient.HttpClient
    const file = yield* fileOf(options)
    // Nobody should go through a login to learn then that it cannot be kept.
    yield* Effect.mapError(file.locked(Effect.void), storageError)
    const { challenge, verifier } = yield* pkce
    const redirectUri = `http://localhost:${port}${Endpoint.callbackPath}`
    const attempt = { issuer, redirectUri, state, verifier }
    yield* options.show(Endpoint.addressOf(attempt, challenge))
    const given = yield* Effect.timeoutFail(answer, {
      duration: options.timeout ?? "5 minutes",
      onTimeout: () => new LoginError({ reason: "Expired", message: "Nobody came back from the login in time." })
    })
    if (given._tag === "Denied") {
      const why = withoutSecrets(given.why, [state, verifier])
      return yield* new LoginError({ reason: "Denied", message: `The login was denied: ${why}` })
    }
    const tokens = yield* Effect.mapError(Endpoint.exchange(client, attempt, given.code), exchangeError)
    yield* Effect.mapError(file.locked(file.write(tokens)), storageError)
    return accountOf(tokens, file.path)
  })

const exchangeError = (failure: Failure): LoginError =>
  failure._tag === "Network" || failure._tag === "Timeout" || failure._tag === "Overloaded"
    ? new LoginError({ reason: "Network", message: failure.message })
    : new LoginError({ reason: "Refused", message: `The vendor did not accept the login: ${failure.message}` })

const pageOf = (exit: Exit.Exit<Account, LoginError | ConfigError.ConfigError>) => {
  if (Exit.isSuccess(exit)) return { title: "Logged in", text: "You can close this page and go back to the terminal." }
  const [failure] = exit.cause._tag === "Fail" ? [exit.cause.error] : []
  return {
    title: "Not logged in",
    text: failure?._tag === "LoginError" ? failure.message : "The login was stopped. Go back to the terminal."
  }
}
