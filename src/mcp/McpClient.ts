/**
 * The client of MCP servers, over the protocol's official SDK: programs of this machine, servers behind a URL, and any other
 * way. Servers are connected side by side and in the background, so that none keeps the others waiting or breaks them, and
 * everything that was started ends with the layer.
 */
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Options_ from "../internal/options.ts"
import * as Answers from "./internal/clientAnswers.ts"
import * as Auth from "./internal/clientAuth.ts"
import type { Failure } from "./internal/clientFailure.ts"
import { failure } from "./internal/clientFailure.ts"
import type { Json } from "./internal/clientJson.ts"
import { textOf } from "./internal/clientJson.ts"
import * as Listing from "./internal/clientListing.ts"
import * as Operations from "./internal/clientOperations.ts"
import * as Looking from "./internal/clientServer.ts"
import * as Ways from "./internal/clientWays.ts"
import * as Mcp from "./Mcp.ts"
import { McpElicitation } from "./McpElicitation.ts"
import { McpSampling } from "./McpSampling.ts"
import { McpTokens } from "./McpTokens.ts"
import * as McpTools from "./McpTools.ts"

/**
 * A server that is known of and not used, and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unused {
  readonly server: string
  readonly reason: "Disabled" | "Untrusted" | "Malformed"
  readonly message: string
}

/**
 * The servers, by the names that their tools begin with. What `McpConfig.read` answers is such options.
 *
 * **Details**
 *
 * - `wait`: how long turns wait for servers that have not been there yet, from when the layer is made; as long as each attempt
 *   takes unless set. The tools of one that comes later are there in the turn after.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<S extends Mcp.Server = Mcp.Server> {
  readonly servers: Readonly<Record<string, S>>
  readonly unused?: ReadonlyArray<Unused> | undefined
  readonly wait?: Duration.DurationInput | undefined
}

/**
 * Layer of a client for servers of all kinds.
 *
 * **Details**
 *
 * - It is there at once; servers connect meanwhile. `McpSampling`, `McpElicitation` and `McpTokens` are those of the context
 *   that the layer is built in, and so is the `Fetch` of `FetchHttpClient`, if there is one.
 * - Errors: a server with more or less than one of `command`, `url` and `channel`, and an option that cannot be meant, throw.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Mcp.Mcp, never, CommandExecutor.CommandExecutor> => {
  check(options)
  return Layer.scoped(
    Mcp.Mcp,
    Effect.flatMap(CommandExecutor.CommandExecutor, (executor) => make(options, executor))
  )
}

/**
 * Layer of a client that starts no programs.
 *
 * @see {@link layer} for servers of all kinds
 * @category layers
 * @since 0.1.0
 */
export const layerRemote = (options: Options<Mcp.HttpServer | Mcp.ChannelServer>): Layer.Layer<Mcp.Mcp> => {
  check(options)
  return Layer.scoped(Mcp.Mcp, make(options, undefined))
}

// internal

const check = ({ servers, wait }: Options): void => {
  Options_.duration("wait", wait)
  for (const [name, server] of Object.entries(servers)) {
    const at = `servers.${name}`
    if (name.trim() === "") throw new TypeError("servers: the name of a server must not be blank")
    const given = (["command", "url", "channel"] as const).filter((source) => server[source] !== undefined)
    if (given.length !== 1) {
      const got = given.length === 0 ? "none" : given.join(" and ")
      throw new TypeError(`${at} must have exactly one of command, url and channel, got ${got}`)
    }
    if (server.url !== undefined && (!URL.canParse(server.url) || !/^https?:/i.test(server.url))) {
      throw new TypeError(`${at}.url must be an http or https URL, got ${JSON.stringify(server.url)}`)
    }
    if (server.command !== undefined && server.command.trim() === "") {
      throw new TypeError(`${at}.command must not be blank`)
    }
    for (const time of ["connectTimeout", "timeout", "patience", "idle"] as const) {
      Options_.duration(`${at}.${time}`, server[time])
    }
    Options_.whole(`${at}.retries`, server.retries, 0, true)
  }
}

/** A server that is in use. */
interface Used extends Operations.Asked {
  readonly name: string
  readonly settings: Mcp.Server
  readonly login: Auth.Login | undefined
  readonly tools: (state: Looking.State) => ReadonlyArray<McpTools.Made>
}

const make = (
  options: Options,
  executor: CommandExecutor.CommandExecutor | undefined
): Effect.Effect<Mcp.Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    const [sampling, elicitation, tokens] = yield* Effect.all([McpSampling, McpElicitation, McpTokens])
    const fetch = Option.getOrElse(yield* Effect.serviceOption(FetchHttpClient.Fetch), () => globalThis.fetch)
    const inherited = yield* environment
    const notices = yield* PubSub.sliding<Mcp.Notice>(1000)
    const shown = yield* SubscriptionRef.make<ReadonlyArray<Mcp.Status>>([])
    // All of them end at the same time.
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.parallel)
    const store = storeOf(tokens)
    const used = new Map<string, Used>()
    const unused = unusedOf(options)
    const status = Effect.suspend(() =>
      Effect.forEach([...new Set([...Object.keys(options.servers), ...unused.keys()])], (name) => {
        const server = used.get(name)
        return server === undefined ? Effect.succeed(statusOfUnused(name, unused)) : statusOf(server)
      })
    )
    const changed = Effect.flatMap(status, (all) => SubscriptionRef.set(shown, all))
    for (const [name, settings] of Object.entries(options.servers)) {
      if (unused.has(name)) continue
      const { capabilities, requests } = Answers.make({
        server: name,
        sample: sampling?.sample,
        ask: elicitation?.ask,
        roots: settings.roots ?? []
      })
      const login = settings.url === undefined ? undefined : loginOf(name, settings, store, fetch)
      const target = targetOf(settings, { executor, fetch, inherited, login })
      const server = yield* Scope.extend(
        Looking.make(
          {
            name,
            open: (notified) => Ways.open(target, { capabilities, requests, notified }),
            connectTimeout: settings.connectTimeout ?? "30 seconds",
            wait: options.wait,
            patience: settings.patience ?? "10 seconds",
            idle: settings.idle ?? Number.POSITIVE_INFINITY,
            retries: settings.retries ?? 5,
            notified: (method, params) => noticed(notices, name, method, params)
          },
          changed
        ),
        yield* Scope.fork(scope, ExecutionStrategy.parallel)
      )
      const timeout = settings.timeout ?? "60 seconds"
      const tools = McpTools.make({ name, server, timeout, settings })
      used.set(name, { name, settings, server, login, timeout, tools })
    }
    yield* changed
    return serviceOf({ used, unused, status, changes: shown.changes, notices })
  })

/** What programs get of our environment: what they need to run, and nothing else. */
const environment: Effect.Effect<Readonly<Record<string, string>>> = Effect.map(
  Effect.forEach(Ways.inheritedNames, (name) =>
    Effect.map(Effect.option(Config.string(name)), (value) =>
      Option.match(value, {
        onNone: () => [],
        // A function of a shell, which another shell would run.
        onSome: (text) => (text.startsWith("()") ? [] : [[name, text] as const])
      })
    )
  ),
  (found) => Object.fromEntries(found.flat())
)

const unusedOf = ({ servers, unused = [] }: Options): ReadonlyMap<string, Mcp.McpError> =>
  new Map([
    ...unused.map(({ message, reason, server }) => [server, errorOf(server, failure(reason, message))] as const),
    ...Object.entries(servers).flatMap(([name, { enabled }]) =>
      enabled === false
        ? [[name, errorOf(name, failure("Disabled", "It is switched off where it is configured."))] as const]
        : []
    )
  ])

const errorOf = (server: string, reason: Failure): Mcp.McpError => new Mcp.McpError({ server, reason })

const storeOf = (tokens: typeof McpTokens.Service): Auth.Store => {
  const failed = ({ message }: { readonly message: string }) => failure("Unauthorized", message)
  return {
    read: (key) => Effect.mapError(tokens.read(key), failed),
    write: (key, value) => Effect.mapError(tokens.write(key, value), failed),
    remove: (key) => Effect.mapError(tokens.remove(key), failed),
    locked: (key, effect) =>
      Effect.flatMap(Effect.mapError(tokens.locked(key, Effect.either(effect)), failed), (either) => either)
  }
}

const loginOf = (
  server: string,
  { headers = {}, oauth, url }: Mcp.HttpServer,
  store: Auth.Store,
  fetch: typeof globalThis.fetch
): Auth.Login | undefined =>
  Object.keys(headers).some((header) => header.toLowerCase() === "authorization")
    ? undefined
    : {
        ...{ server, url, store, fetch },
        client: oauth?.clientId === undefined ? undefined : { id: oauth.clientId, secret: oauth.clientSecret },
        scope: oauth?.scope
      }

const targetOf = (
  settings: Mcp.Server,
  given: {
    readonly executor: CommandExecutor.CommandExecutor | undefined
    readonly fetch: typeof globalThis.fetch
    readonly inherited: Readonly<Record<string, string>>
    readonly login: Auth.Login | undefined
  }
): Ways.Target => {
  if (settings.channel !== undefined) return { _tag: "Channel", open: settings.channel }
  if (settings.command !== undefined) {
    const { args = [], command, cwd, env = {} } = settings
    return { _tag: "Program", command, args, env, folder: cwd, executor: given.executor, inherited: given.inherited }
  }
  const { headers = {}, transport, url } = settings
  return { _tag: "Url", url, kind: transport, headers, fetch: given.fetch, login: given.login }
}

const noticed = (
  notices: PubSub.PubSub<Mcp.Notice>,
  server: string,
  method: string,
  params: Json
): Effect.Effect<void> => {
  const uri = textOf(params["uri"])
  if (method === "notifications/resources/updated" && uri !== undefined) {
    return Effect.asVoid(PubSub.publish(notices, { _tag: "ResourceChanged", server, uri }))
  }
  if (method !== "notifications/message") return Effect.void
  const level = textOf(params["level"]) ?? "info"
  return Effect.asVoid(PubSub.publish(notices, { _tag: "Log", server, level, data: params["data"] }))
}

const statusOfUnused = (server: string, unused: ReadonlyMap<string, Mcp.McpError>): Mcp.Status => {
  const problem = unused.get(server)
  const is = { Disabled: "disabled", Untrusted: "untrusted" } as const
  const tag = problem?.reason._tag
  return {
    server,
    is: tag === "Disabled" || tag === "Untrusted" ? is[tag] : "error",
    problem,
    complaints: [],
    tools: []
  }
}

const statusOf = (used: Used): Effect.Effect<Mcp.Status> =>
  Effect.map(used.server.state, (state) => ({
    server: used.name,
    is: state.is,
    problem: state.problem === undefined ? undefined : errorOf(used.name, state.problem),
    complaints: state.complaints,
    title: state.about?.name,
    version: state.about?.version,
    instructions: state.about?.instructions,
    tools: used.tools(state).map(({ names }) => names)
  }))

/** What a service is made of. */
interface Parts extends Pick<Mcp.Service, "status" | "changes"> {
  readonly used: ReadonlyMap<string, Used>
  readonly unused: ReadonlyMap<string, Mcp.McpError>
  readonly notices: PubSub.PubSub<Mcp.Notice>
}

const serviceOf = ({ changes, notices, status, unused, used }: Parts): Mcp.Service => {
  const found = (name: string): Effect.Effect<Used, Mcp.McpError> => {
    const server = used.get(name)
    if (server !== undefined) return Effect.succeed(server)
    const known = [...used.keys(), ...unused.keys()].join(", ")
    const none = errorOf(name, failure("Unknown", `There is no such server${known === "" ? "" : `, only ${known}`}.`))
    return Effect.fail(unused.get(name) ?? none)
  }
  const on = <A, R>(name: string, work: (used: Used) => Effect.Effect<A, Failure, R>) =>
    Effect.flatMap(found(name), (used) => Effect.mapError(work(used), (reason) => errorOf(name, reason)))
  const logged = <A>(name: string, work: (login: Auth.Login, used: Used) => Effect.Effect<A, Failure>) =>
    on(name, (used) =>
      used.login === undefined
        ? Effect.fail(failure("Unknown", "Nobody logs in to it: it is not behind a URL, or its headers say who asks"))
        : work(used.login, used)
    )
  let all: ReadonlyArray<McpTools.Made> = []
  return {
    status,
    changes,
    notices: Stream.fromPubSub(notices),
    tools: Effect.map(
      Effect.forEach(
        [...used.values()],
        (one) =>
          Effect.zipRight(
            one.server.tools,
            Effect.map(one.server.state, (state) => one.tools(state))
          ),
        { concurrency: "unbounded" }
      ),
      (lists) => {
        const now = distinct(lists.flat())
        if (now.length !== all.length || now.some((tool, index) => tool !== all[index])) all = now
        return all
      }
    ),
    call: (name, tool, input, options = {}) => on(name, (used) => Operations.call(used, tool, input, options)),
    resources: (name) => on(name, (used) => Operations.list(used, "resources", [], Listing.resources)),
    templates: (name) => on(name, (used) => Operations.list(used, "templates", [], Listing.templates)),
    read: (name, uri) => on(name, (used) => Operations.read(used, uri)),
    watch: (name, uri) => on(name, (used) => Operations.watch(used, uri)),
    prompts: (name) => on(name, (used) => Operations.list(used, "prompts", [], Listing.prompts)),
    prompt: (name, prompt, values = {}) => on(name, (used) => Operations.prompt(used, prompt, values)),
    complete: (name, completion) => on(name, (used) => Operations.complete(used, completion)),
    logLevel: (name, level) => on(name, (used) => Operations.logLevel(used, level)),
    connect: (name) => on(name, ({ server }) => server.use(() => Effect.void)),
    disconnect: (name) => on(name, ({ server }) => server.disconnect),
    login: (name, options) =>
      logged(name, (login, { server }) =>
        Effect.zipRight(
          Effect.flatMap(Auth.state, (state) =>
            Auth.login(login, {
              redirectUrl: options.redirectUrl,
              state,
              show: options.show,
              answer: Effect.timeoutFail(options.answer(state), {
                duration: options.timeout ?? "5 minutes",
                onTimeout: () => failure("TimedOut", "Nobody came back from the login in time.")
              })
            })
          ),
          // With another way to ask, the one that was refused is not waited for.
          server.disconnect
        )
      ),
    logout: (name) => logged(name, (login, { server }) => Effect.zipLeft(Auth.logout(login), server.disconnect))
  }
}

/** Of tools with one name the first counts. Names are made so that it takes a collision of hashes. */
const distinct = (tools: ReadonlyArray<McpTools.Made>): ReadonlyArray<McpTools.Made> => {
  const known = new Set<string>()
  return tools.filter(({ names }) => !known.has(names.name) && known.add(names.name))
}
