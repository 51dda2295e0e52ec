/**
 * Tools, agents and other runners for clients of the Model Context Protocol: over the standard streams of a program, or over
 * HTTP. Calls go the way that those of a model go, through guards and approvals; progress, cancellation and the end of a
 * connection reach what they are about. The protocol's own library is loaded when somebody serves.
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Runnable from "../agent/Runnable.ts"
import type { ContextStore } from "../context/ContextStore.ts"
import * as Check from "../internal/options.ts"
import type * as Tool from "../tool/Tool.ts"
import type * as Toolkit from "../tool/Toolkit.ts"
import * as Auth from "./McpServerAuth.ts"
import type { Definition } from "./McpServerConnection.ts"
import * as Connection from "./McpServerConnection.ts"
import * as Http from "./McpServerHttp.ts"
import type * as Offers from "./McpServerOffers.ts"
import * as Runners from "./McpServerRunner.ts"
import * as Stdio from "./McpServerStdio.ts"

const TypeId = "~axonal/mcp/McpServer"

/**
 * What is served. `E` is how making it ready may fail, `R` what its tools and runners need.
 *
 * @category models
 * @since 0.1.0
 */
export interface McpServer<out E = never, out R = never> {
  readonly [TypeId]: { readonly _E: (_: never) => E; readonly _R: (_: never) => R }
  readonly name: string
  readonly version: string
  /** @internal */
  readonly definition: Definition
}

/**
 * What a server is made of.
 *
 * **Details**
 *
 * - `toolkit`, `tools`: as for an agent. `runners`: agents, patterns, functions that take text, each a tool with an `input`.
 * - `sessions`: which conversation a call of a runner goes on with; `"fresh"`, unless given.
 * - `prompts` by name, `resources` by URI. What is not given is not offered.
 * - `version`: of what is served; `0.0.0` unless given. `instructions`: what a client's model should know of it.
 * - `concurrency`: how many calls of a connection run at once; 8. `fileBound`: characters of files, in base64, that one result
 *   may have; 6,000,000.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Kit, Tools, Served, R = never> {
  readonly version?: string | undefined
  readonly title?: string | undefined
  readonly instructions?: string | undefined
  readonly toolkit?: Kit | undefined
  readonly tools?: Tools | undefined
  readonly runners?: Served | undefined
  readonly sessions?: Runners.Sessions | undefined
  readonly prompts?: Offers.Prompts<R> | undefined
  readonly resources?: Offers.Resources<R> | undefined
  readonly concurrency?: number | undefined
  readonly fileBound?: number | undefined
}

/** A prompt, something to read, and which conversation a call of a runner goes on with. */
export type Prompt<R = never> = Offers.Prompt<R>
export type Resource<R = never> = Offers.Resource<R>
export type Sessions = Runners.Sessions

/** How a server is reached over HTTP, and over the streams of a program. */
export type HttpOptions<R = never> = Http.Options<R>
export type Streams<R = never> = Stdio.Streams<R>

/** Who may use a server over HTTP. */
export type Authorize<R = never> = Auth.Authorize<R>
export type ProtectedResource = Auth.ProtectedResource
export type Token = Auth.Token

/**
 * Why nothing can be served: the protocol's library is not installed, or cannot be loaded.
 *
 * @category errors
 * @since 0.1.0
 */
export type McpServerError = Connection.McpServerError

/**
 * Refusals of requests over HTTP.
 *
 * @category errors
 * @since 0.1.0
 */
export const Unauthorized = Auth.Unauthorized
export const Forbidden = Auth.Forbidden

/**
 * Makes a server.
 *
 * **Details**
 *
 * - Of tools with the same name the last one counts, `tools` after `toolkit`, and runners after both.
 * - Errors: throws for a blank name, a number out of range, and two runners of the same name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  Kit extends Toolkit.Any = never,
  const Tools extends ReadonlyArray<Tool.WithHandler<unknown> | Tool.Living<unknown>> = [],
  const Served extends ReadonlyArray<Runners.Any> = [],
  R = never
>(
  name: string,
  options: Options<Kit, Tools, Served, R>
): McpServer<
  Toolkit.Failure<Kit>,
  R | Toolkit.Requirements<Kit> | Tool.HandlerRequirements<Tools[number]> | RunnerNeeds<Served[number]>
> => {
  if (typeof name !== "string" || name.trim() === "") throw new TypeError("McpServer name must be a non-empty string")
  Check.whole("McpServer option concurrency", options.concurrency, 1)
  Check.whole("McpServer option fileBound", options.fileBound, 0)
  Check.oneOf("McpServer option sessions", options.sessions, ["fresh", "connection", "named"])
  const { runners = [], toolkit, tools = [], version = "0.0.0" } = options
  const served = runners.map((runner) => Runners.tool(runner, options.sessions ?? "fresh"))
  const twice = served.find(({ tool }, index) => served.findIndex((other) => other.tool.name === tool.name) !== index)
  if (twice !== undefined) throw new TypeError(`McpServer option runners has two of the name ${twice.tool.name}`)
  return {
    [TypeId]: { _E: (_: never) => _, _R: (_: never) => _ },
    name,
    version,
    definition: {
      name,
      version,
      title: options.title,
      instructions: options.instructions,
      sources: [...(toolkit === undefined ? [] : [toolkit]), ...tools, ...served],
      prompts: options.prompts ?? {},
      resources: options.resources ?? {},
      concurrency: options.concurrency ?? 8,
      fileBound: options.fileBound ?? 6_000_000
    }
  }
}

/**
 * Serves one client over two streams of bytes, until its input ends.
 *
 * **Details**
 *
 * - When the input ends or nothing can be written, what is running is interrupted, and waited for.
 * - Errors: `McpServerError`, and how a toolkit fails to be built.
 *
 * @category combinators
 * @since 0.1.0
 */
export const stdio = <E, R, R2>(
  server: McpServer<E, R>,
  streams: Streams<R2>
): Effect.Effect<void, E | McpServerError, R | R2> =>
  // The types of a server are those of what it is made of, which `make` has erased.
  Effect.flatMap(Connection.open(server.definition), (host) => Stdio.serve(host, streams)) as Effect.Effect<
    void,
    E | McpServerError,
    R | R2
  >

/**
 * Makes an HTTP application that serves any number of clients as long as the scope lasts. Its end interrupts what runs.
 *
 * **Details**
 *
 * - It answers at `path`, and tells the metadata of the resource below `/.well-known`. Mount it, or serve it as it is.
 * - Errors: `McpServerError`, and how a toolkit fails to be built. Throws for options that are out of range.
 *
 * @category constructors
 * @since 0.1.0
 */
export const httpApp = <E, R, R2 = never>(
  server: McpServer<E, R>,
  options: HttpOptions<R2> = {}
): Effect.Effect<HttpApp.Default<never, Scope.Scope>, E | McpServerError, R | R2 | Scope.Scope> => {
  const settings = Http.complete(options)
  return Effect.flatMap(Connection.open(server.definition), (host) => Http.make(host, settings)) as Effect.Effect<
    HttpApp.Default<never, Scope.Scope>,
    E | McpServerError,
    R | R2 | Scope.Scope
  >
}

/**
 * Authorizes requests with one of some bearer tokens, compared in the same time whichever it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bearer: typeof Auth.bearer = Auth.bearer

// internal

type RunnerNeeds<T> = [T] extends [never] ? never : Runnable.Requirements<T> | ContextStore
