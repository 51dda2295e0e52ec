/**
 * Sessions in a PostgreSQL database, shared by any number of processes and machines. The driver is an optional peer and
 * is loaded when the layer is built, not when this module is.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as ContextStore from "./ContextStore.ts"

/**
 * Where the database is, and how it is used.
 *
 * **Details**
 *
 * - `url`: `postgresql://user:password@host:port/database`, or for a socket `postgresql://user@/database?host=/folder`.
 *   Special characters of the password are percent-encoded. Its parameters are those of the driver: `sslmode` and others.
 * - `maxConnections`: the most connections of this layer, 10 unless it says otherwise.
 * - `connectTimeout`: how long a new connection, or one that others have, is waited for; 10 seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly url: Redacted.Redacted
  readonly maxConnections?: number | undefined
  readonly connectTimeout?: Duration.DurationInput | undefined
}

/**
 * Layer that keeps sessions in a PostgreSQL database, whose tables `axonal_*` are made when they are missing.
 *
 * **Details**
 *
 * - Needs `@effect/sql-pg`. Fails as `Unavailable` with the command that installs it.
 * - The database must exist; its user makes tables on the first use, and reads and writes rows after that.
 * - A connection that breaks fails what it was doing as `Unavailable`; the next operation takes another one.
 * - Ids of sessions and entries and names of owners have at most 2,000 bytes: longer ones fail as `Corrupt`.
 * - A statement that gets no answer within 30 seconds fails; `query_timeout` of the URL changes that, in milliseconds.
 * - Errors: `Unavailable`, with what to do, for a server that cannot be reached or lets nobody in. None of them shows
 *   the password.
 *
 * @see {@link layerConfig} when the URL comes from configuration
 * @category layers
 * @since 0.1.0
 */
export const layerPostgres = (options: Options): Layer.Layer<ContextStore.ContextStore, ContextStore.StoreError> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const driver = yield* load
      const target = yield* parse(Redacted.value(options.url))
      const client = yield* open(driver, options, target)
      const store = Layer.provide(driver.store.layer, Layer.succeed(driver.client.SqlClient, client))
      return yield* Effect.mapError(Layer.build(store), ({ operation, reason }) =>
        ContextStore.failure(operation, undefined, reason._tag, target.describe(reason.message))
      )
    })
  )

/**
 * `layerPostgres` with its options from configuration.
 *
 * **Details**
 *
 * - Without `url` it is read from `DATABASE_URL`.
 *
 * @see {@link layerPostgres} for options that are known already
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: { readonly [Key in keyof Options]?: Config.Config<Options[Key]> | undefined } = {}
): Layer.Layer<ContextStore.ContextStore, ContextStore.StoreError | ConfigError.ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(
      Config.all({
        url: options.url ?? Config.redacted("DATABASE_URL"),
        maxConnections: options.maxConnections ?? Config.succeed(undefined),
        connectTimeout: options.connectTimeout ?? Config.succeed(undefined)
      }),
      layerPostgres
    )
  )

// internal

interface Driver {
  readonly postgres: typeof import("@effect/sql-pg/PgClient")
  readonly client: typeof import("@effect/sql/SqlClient")
  readonly store: typeof import("./SqlContextStore.ts")
}

const load: Effect.Effect<Driver, ContextStore.StoreError> = Effect.tryPromise({
  try: async () => ({
    postgres: await import("@effect/sql-pg/PgClient"),
    client: await import("@effect/sql/SqlClient"),
    store: await import("./SqlContextStore.ts")
  }),
  catch: (error) => unavailable(`${install}: ${error instanceof Error ? error.message : String(error)}`)
})

const install = "the PostgreSQL driver is missing; run npm install @effect/sql@^0.52.1 @effect/sql-pg@^0.53.0"

const defaultConnectTimeout = Duration.seconds(10)

/** Enforced by the client: some connection poolers refuse connections that ask the server for a timeout. */
const statementMillis = 30_000

/** A database that a URL names. */
interface Target {
  readonly url: string
  /** Says what happened there, without the secrets of the URL. */
  readonly describe: (message: string) => string
}

const parse = (text: string): Effect.Effect<Target, ContextStore.StoreError> =>
  Effect.suspend(() => {
    const url = parsed(text.trim())
    if (url === undefined) return Effect.fail(unavailable(malformed))
    const host = url.searchParams.get("host") ?? url.hostname.replace(noHost, "localhost")
    const port = url.searchParams.get("port") ?? (url.port === "" ? "5432" : url.port)
    const place = `${host.startsWith("/") ? host : `${host}:${port}`}${url.pathname}`
    const secrets = [url.password, decoded(url.password), url.searchParams.get("password") ?? ""].filter(
      (secret) => secret !== ""
    )
    if (!url.searchParams.has("query_timeout")) url.searchParams.set("query_timeout", `${statementMillis}`)
    return Effect.succeed({
      url: url.href.replace(`@${noHost}`, "@").replace(`//${noHost}`, "//"),
      describe: (message) =>
        `${place}: ${secrets.reduce((all, secret) => all.replaceAll(secret, "<redacted>"), message)}`
    })
  })

const malformed =
  "the URL of the database is malformed; write postgresql://user:password@host:port/database, " +
  "with the special characters of the password percent-encoded"

/** Stands for the host of a URL that has none, which the standard does not know. */
const noHost = "axonal-no-host"

/** A password with a slash, a hash or a question mark ends the host early, and its rest follows behind. */
const parsed = (text: string): URL | undefined => {
  const [, scheme, user = "", rest] = /^(postgres(?:ql)?:\/\/)([^/?#]*@)?(.*)$/s.exec(text) ?? []
  if (scheme === undefined || rest === undefined) return undefined
  const isHostless = /^([/?]|$)/.test(rest)
  const url = `${scheme}${user}${isHostless ? noHost : ""}${rest}`
  if (!URL.canParse(url) || url.includes("#") || (user === "" && rest.includes("@"))) return undefined
  return new URL(url)
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const open = (
  { postgres }: Driver,
  { connectTimeout = defaultConnectTimeout, maxConnections = 10 }: Options,
  target: Target
): Effect.Effect<SqlClient, ContextStore.StoreError, Scope.Scope> =>
  Layer.build(
    postgres.layer({
      url: Redacted.make(target.url),
      maxConnections,
      connectTimeout,
      applicationName: "axonal"
    })
  ).pipe(
    Effect.map((context): SqlClient => Context.get(context, postgres.PgClient)),
    Effect.mapError((error) => unavailable(target.describe(explain(error.cause)))),
    // What the driver throws while it prepares a connection.
    Effect.catchAllDefect((defect) => Effect.fail(unavailable(target.describe(explain(defect)))))
  )

const advice: ReadonlyArray<readonly [pattern: RegExp, advice: string]> = [
  [/^(28P01|28000)/, "the server does not let this user in; check user and password of the URL"],
  [/^3D000/, "there is no such database; make it with createdb, or correct the URL"],
  [/^(ECONNREFUSED|ENOENT)/, "no server listens there; start it, or correct host and port of the URL"],
  [/^(ENOTFOUND|EAI_AGAIN)/, "the host is not known; correct the URL, or check the name service"],
  [/^(EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)|timeout|timed out/i, "the server does not answer; check the network"],
  [
    /^(ECONNRESET|EPIPE)|^Connection terminated/,
    "the server ended the connection; check that it is PostgreSQL and lets this machine in"
  ],
  [/^53300/, "the server has no connection left; lower maxConnections, or raise its max_connections"],
  [/^57P0[0-3]/, "the server is starting or shutting down; try again"],
  [/does not support SSL|certificate|^ERR_TLS/i, "server and client disagree about TLS; check sslmode of the URL"],
  [/password must be a string|no password/i, "the server asks for a password; add it to the URL"]
]

/** Why there is no connection, and what to do about it. */
const explain = (cause: unknown): string => {
  const code = codeOf(cause)
  const message = messageOf(cause)
  const known = advice.find(([pattern]) => pattern.test(code) || pattern.test(message))
  const what = [message, code === "" || message.includes(code) ? "" : `(${code})`]
    .filter((text) => text !== "")
    .join(" ")
  return known === undefined ? what : `${known[1]}: ${what}`
}

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : ""

/** A host with several addresses fails with all of them at once, and no words of its own. */
const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join(", ")
  return error instanceof Error ? error.message : String(error)
}

const unavailable = (message: string): ContextStore.StoreError =>
  ContextStore.failure("open", undefined, "Unavailable", message)
