/**
 * A server over HTTP: connections with ids, as many as are meant and for as long as somebody uses them. Every request is held
 * against what may reach the server before anything of it is read.
 */

import type * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import type { RequestError } from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Identity from "../context/Identity.ts"
import * as Check from "../internal/options.ts"
import * as Events from "./internal/serverEvents.ts"
import * as Hosts from "./internal/serverHosts.ts"
import * as Resource from "./internal/serverResource.ts"
import type { HttpTransport } from "./internal/serverSdk.ts"
import * as Auth from "./McpServerAuth.ts"
import type { Connection, Host } from "./McpServerConnection.ts"

/**
 * How a server is reached over HTTP.
 *
 * **Details**
 *
 * - `path`: where it is; `/mcp`. `hosts`: the names under which it is reached, with a port or on any; those of this machine
 *   unless given. `origins`: the pages that may use it; those of this machine unless given.
 * - `authorize`: on whose behalf requests are made; that of the identity in force unless given, whoever makes them.
 *   `resource`: where clients get tokens.
 * - `connections`: how many at once; 256. One more ends the one that has been idle the longest, or is refused.
 * - `idle`: how long a connection is kept that nobody uses; 30 minutes. `abandoned`: how long what was asked for goes on
 *   when nobody waits for it any more; 1 minute.
 * - `replay`: messages kept of each connection for a client whose stream broke off; 100, within 1 MiB of text. 0 keeps none.
 * - `bodyBound`: bytes of a request; 4 MiB.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<R = never> {
  readonly path?: string | undefined
  readonly hosts?: ReadonlyArray<string> | "any" | undefined
  readonly origins?: ReadonlyArray<string> | "any" | undefined
  readonly authorize?: Auth.Authorize<R> | undefined
  readonly resource?: Auth.ProtectedResource | undefined
  readonly connections?: number | undefined
  readonly idle?: Duration.DurationInput | undefined
  readonly abandoned?: Duration.DurationInput | undefined
  readonly replay?: number | undefined
  readonly bodyBound?: number | undefined
}

/**
 * Options with their defaults, checked.
 *
 * **Details**
 *
 * - Errors: throws for a path, a name or an address that is none, and for numbers and times out of range. The error names
 *   the option.
 *
 * @category constructors
 * @since 0.1.0
 */
export const complete = (options: Options<unknown>) => {
  const { path = "/mcp" } = options
  if (!/^\/[^\s?#]*$/.test(path)) throw new TypeError(`McpServer option path must begin with /, got ${path}`)
  Check.whole("McpServer option connections", options.connections, 1)
  Check.whole("McpServer option replay", options.replay, 0)
  Check.whole("McpServer option bodyBound", options.bodyBound, 1)
  const allowed = { hosts: options.hosts ?? Hosts.local, origins: options.origins ?? Hosts.local }
  const problem = Hosts.problemOf(allowed) ?? Resource.problemOf(options.resource)
  if (problem !== undefined) throw new TypeError(problem)
  return {
    path,
    allowed,
    // What it needs is part of the type of the application that is made of it.
    authorize: options.authorize as Auth.Authorize | undefined,
    resource: options.resource,
    connections: options.connections ?? 256,
    idle: Check.millis("McpServer option idle", options.idle) ?? Duration.toMillis("30 minutes"),
    abandoned: Check.millis("McpServer option abandoned", options.abandoned) ?? Duration.toMillis("1 minute"),
    replay: options.replay ?? 100,
    bodyBound: options.bodyBound ?? 4 * 1024 * 1024
  }
}

/**
 * Settings that are complete.
 *
 * @category models
 * @since 0.1.0
 */
export type Settings = ReturnType<typeof complete>

/**
 * Makes an HTTP application that serves clients as long as the scope lasts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  host: Host,
  settings: Settings
): Effect.Effect<HttpApp.Default<never, Scope.Scope>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime<never>()
    const scope = yield* Effect.scope
    const fork: State["fork"] = (work) => Runtime.runFork(runtime, work, { scope })
    const state: State = { host, settings, scope, fork, begun: new Set(), open: new Map() }
    const { allowed, authorize, path, resource } = settings
    const everybody = yield* Identity.Identity
    const whose = (headers: Headers.Headers) =>
      authorize === undefined
        ? Effect.succeed(everybody)
        : Effect.interruptible(Effect.provide(authorize(headers), runtime))
    const told = resource === undefined ? [] : [well, `${well}${path}`, Resource.placeOf(resource)]
    const answer = (request: HttpServerRequest.HttpServerRequest) =>
      Effect.gen(function* () {
        const { headers, method } = request
        const at = pathOf(request.url)
        const isTold = resource !== undefined && told.includes(at)
        if (!isTold && at !== path) return failure(404, `There is nothing here: the server is at ${path}`)
        const allow = isTold ? ["GET"] : methods
        // A browser asks before a page may, and says of nobody who they are.
        if (method === "OPTIONS" && headers["access-control-request-method"] !== undefined) {
          return HttpServerResponse.empty({
            headers: Hosts.permitted(allow, headers["access-control-request-headers"])
          })
        }
        if (!allow.includes(method)) return notAllowed(allow.join(", "))
        if (isTold) return HttpServerResponse.unsafeJson(Auth.metadata(resource))
        return yield* exchange(state, request, yield* whose(headers))
      }).pipe(
        Effect.catchTags({
          Unauthorized: (error) => Effect.succeed(challenged(401, settings, error)),
          Forbidden: (error) => Effect.succeed(challenged(403, settings, error)),
          RequestError: () => Effect.succeed(failure(400, "Bad Request: the request cannot be read"))
        })
      )
    return Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const { origin } = request.headers
      const refused = Hosts.refusal(allowed, { host: hostOf(request), origin })
      if (refused !== undefined) return failure(403, refused)
      const answered = yield* answer(request)
      return origin === undefined ? answered : HttpServerResponse.setHeaders(answered, Hosts.shared(origin))
    })
  })

// internal

const methods = ["POST", "GET", "DELETE"]
const { well } = Resource

/** The connections of a server. */
interface State {
  readonly host: Host
  readonly settings: Settings
  readonly scope: Scope.Scope
  /** Goes on in the surroundings in which the server was made, whoever makes the request. */
  readonly fork: (work: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  /** Places of connections that have no id yet. */
  readonly begun: Set<object>
  readonly open: Map<string, Open>
}

/** A connection with an id. */
interface Open {
  readonly identity: Identity.Service
  readonly transport: HttpTransport
  readonly connection: Connection
  readonly scope: Scope.CloseableScope
  readonly place: object
  /** How many requests and streams of its client are open. */
  exchanges: number
  /** Ends it when it is not used for long enough; there while nobody uses it. */
  timer: Fiber.RuntimeFiber<void> | undefined
}

const exchange = (
  state: State,
  request: HttpServerRequest.HttpServerRequest,
  identity: Identity.Service
): Effect.Effect<HttpServerResponse.HttpServerResponse, RequestError, Scope.Scope> =>
  Effect.gen(function* () {
    const { headers, method } = request
    const id = headers["mcp-session-id"]
    const known = id === undefined ? undefined : state.open.get(id)
    // Who knows the id of somebody else's connection learns nothing of it.
    if (id !== undefined && (known === undefined || !isSame(known.identity, identity))) {
      return failure(404, "Session not found", -32001)
    }
    if (known === undefined && method !== "POST") {
      return failure(400, "Bad Request: Mcp-Session-Id header is required")
    }
    const web = yield* HttpServerRequest.toWeb(request)
    const open = yield* Effect.acquireRelease(
      Effect.tap(known === undefined ? begin(state, identity) : Effect.succeed(known), use),
      (open) => leave(state, open)
    )
    if (open === undefined) return full
    const response = yield* Effect.promise(() => open.transport.handleRequest(web))
    if (method === "DELETE" && response.ok) forget(state, open)
    yield* Effect.addFinalizer(() => Effect.promise(() => cancelled(response)))
    return HttpServerResponse.fromWeb(response)
  })

/** A connection that has no id until it is initialized; nothing when there are too many. */
const begin = (state: State, identity: Identity.Service): Effect.Effect<Open | undefined> =>
  Effect.gen(function* () {
    const { begun, host, open, settings } = state
    if (open.size + begun.size >= settings.connections) {
      const idlest = yield* idle(open)
      if (idlest === undefined) return undefined
      forget(state, idlest)
    }
    // Before anything is waited for: others begin at the same time.
    const place = {}
    begun.add(place)
    const scope = yield* Scope.fork(state.scope, ExecutionStrategy.sequential)
    // The library leaves the stream open on which there would be an answer.
    const taken = (request: string | number) => transport.closeSSEStream(request)
    const connection = yield* Scope.extend(host.connect(identity, taken), scope)
    const { bodyBound, replay } = settings
    const transport = host.sdk.http({
      // Whoever asked for it may have gone by now.
      begun: (id) => (begun.delete(place) ? void open.set(id, made) : undefined),
      bodyBound,
      events: replay === 0 ? undefined : Events.make({ events: replay, characters: 1024 * 1024 })
    })
    const made: Open = { identity, transport, connection, scope, place, exchanges: 0, timer: undefined }
    yield* Effect.promise(() => connection.server.connect(transport))
    return made
  }).pipe(Effect.uninterruptible)

/** The first that nobody uses, in the order of their last use. */
const idle = (open: State["open"]): Effect.Effect<Open | undefined> =>
  Effect.map(
    Effect.findFirst(open.values(), ({ connection, exchanges }) =>
      exchanges > 0 ? Effect.succeed(false) : Effect.map(connection.requests, (requests) => requests === 0)
    ),
    Option.getOrUndefined
  )

const use = (open: Open | undefined): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (open === undefined) return Effect.void
    open.exchanges += 1
    const { timer } = open
    open.timer = undefined
    return timer === undefined ? Effect.void : Effect.asVoid(Fiber.interruptFork(timer))
  })

const leave = (state: State, open: Open | undefined): Effect.Effect<void> =>
  Effect.sync(() => {
    if (open === undefined) return
    open.exchanges -= 1
    const id = open.transport.sessionId
    // What asked for no connection, or not as it has to, has none.
    if (id === undefined) return forget(state, open)
    if (open.exchanges > 0 || state.open.get(id) !== open) return
    state.open.delete(id)
    state.open.set(id, open)
    open.timer = state.fork(forgotten(state, open))
  })

/** What happens to a connection that nobody uses: first to what it asked for, then to itself. */
const forgotten = (state: State, open: Open): Effect.Effect<void> => {
  const { abandoned, idle } = state.settings
  const interrupted = Effect.zipRight(Effect.sleep(Math.min(abandoned, idle)), open.connection.interrupt)
  const ended = Effect.suspend(() => {
    // This very fiber, which must not be waited for by what it does.
    open.timer = undefined
    return end(state, open)
  })
  return interrupted.pipe(Effect.zipRight(Effect.sleep(Math.max(0, idle - abandoned))), Effect.zipRight(ended))
}

/** Ends a connection, which nobody finds any more from now on. */
const forget = (state: State, open: Open): void => void state.fork(end(state, open))

const end = (state: State, open: Open): Effect.Effect<void> => {
  const id = open.transport.sessionId
  state.begun.delete(open.place)
  if (id !== undefined && state.open.get(id) === open) state.open.delete(id)
  const { timer } = open
  const stopped = timer === undefined ? Effect.void : Fiber.interruptFork(timer)
  return Effect.zipRight(stopped, Scope.close(open.scope, Exit.void))
}

const cancelled = async ({ body }: Response): Promise<void> => {
  // One that is being read is let go of by whoever reads it.
  if (body !== null && !body.locked) await body.cancel().catch(() => undefined)
}

/** Requests of the web's own type have their host in the address only. */
const hostOf = ({ headers, source }: HttpServerRequest.HttpServerRequest): string | undefined =>
  headers["host"] ?? (source instanceof Request ? new URL(source.url).host : undefined)

const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/]*/, "").split(/[?#]/, 1)[0] ?? ""

const isSame = (left: Identity.Service, right: Identity.Service): boolean =>
  left.tenant === right.tenant && left.userId === right.userId && left.chatId === right.chatId

const failure = (status: number, message: string, code = -32000): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.unsafeJson({ jsonrpc: "2.0", error: { code, message }, id: null }, { status })

const notAllowed = (allow: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setHeader(failure(405, "Method not allowed"), "allow", allow)

const full = HttpServerResponse.setHeader(failure(503, "Too many connections: try again later"), "retry-after", "60")

const challenged = (status: number, { resource }: Settings, error: Auth.Unauthorized | Auth.Forbidden) => {
  const at = resource === undefined ? undefined : `${new URL(resource.url).origin}${Resource.placeOf(resource)}`
  const scopes = resource?.scopes?.join(" ")
  const message = error.description ?? "This server wants to know who asks: send a bearer token"
  return HttpServerResponse.setHeader(failure(status, message), "www-authenticate", Auth.challenge(error, at, scopes))
}
