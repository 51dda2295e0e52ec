/**
 * `axonal mcp serve`: the command line's own tools, or the lead of a team, for the program that started this one or over HTTP.
 * Standard output has messages of the protocol and nothing else.
 */
import { realpathSync } from "node:fs"
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Compaction from "../../context/Compaction.ts"
import * as ContextStore from "../../context/ContextStore.ts"
import * as Identity from "../../context/Identity.ts"
import { layerSqlite } from "../../context/SqliteContextStore.ts"
import { nearest } from "../../internal/nearest.ts"
import { version } from "../../internal/version.ts"
import * as McpServer from "../../mcp/McpServer.ts"
import { isToken } from "../../mcp/McpServerAuth.ts"
import * as Sandbox from "../../sandbox/Sandbox.ts"
import { TeamError } from "../../team/TeamError.ts"
import * as Offline from "../../transport/Offline.ts"
import type { Environment } from "../environment.ts"
import { isDebug } from "../environment.ts"
import { SetupError, UsageError } from "../errors.ts"
import { oneLine, printable } from "../internal/words.ts"
import { quietly } from "../logging.ts"
import { attached } from "../plugins/plugins.ts"
import * as Run from "../run/command.ts"
import * as SandboxOf from "../sandbox.ts"
import * as Sessions from "../sessions/sessions.ts"
import * as Teams from "../teams.ts"
import * as Tools from "../tools.ts"
import { transportOf } from "../transports.ts"
import type { Serve } from "./args.ts"

/**
 * Serves until the input ends or somebody stops it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const serve = (options: Serve, environment: Environment) =>
  Effect.gen(function* () {
    const folder = realpathSync(process.cwd())
    const reading = yield* Tools.make("reading")
    const tools = yield* chosen(options, reading)
    const own = options.team === undefined ? reading : yield* Tools.make("all")
    // What they guard is guarded for everybody.
    const plugins = yield* attached(options, own)
    for (const { message } of plugins?.problems ?? []) {
      yield* Effect.sync(() => process.stderr.write(`axonal: plugin ${oneLine(message)}\n`))
    }
    const inForce = plugins?.layer ?? Layer.empty
    const sandbox = yield* SandboxOf.open({ kind: "local" }, folder)
    if (options.team === undefined) {
      const serving = served(McpServer.make("axonal", { version, tools }), options, environment)
      return yield* Effect.provide(Effect.provideService(serving, Sandbox.Sandbox, sandbox), inForce)
    }
    const team = yield* Teams.load(options.team, {
      tools: [...own, ...(plugins?.tools ?? [])],
      skills: undefined,
      lead: () => options.agent,
      offline: options.offline,
      allowed: options.allowed,
      transports: plugins?.transports
    })
    const choice = yield* Run.choose(options, environment, team.spec, plugins?.vendors)
    const database = options.save ? yield* Sessions.databaseFile(options) : undefined
    const transport = choice === undefined ? Offline.layer : yield* transportOf(choice)
    const layers = Layer.mergeAll(
      plugins === undefined ? transport : Layer.provide(transport, plugins.transports),
      inForce,
      database === undefined ? ContextStore.layerMemory : layerSqlite({ filename: database })
    )
    const { sessions } = options
    const server = McpServer.make("axonal", { version, tools, runners: [team.lead], sessions })
    const serving = served(server, options, environment).pipe(
      Effect.provideService(Identity.Identity, { userId: folder }),
      Effect.provideService(Sandbox.Sandbox, sandbox)
    )
    // The rules that stand in for a model offline cannot summarise.
    const isOffline = choice?._tag === "Offline"
    const compacting = Effect.provideService(serving, Compaction.Compaction, Compaction.make())
    return yield* Effect.provide(isOffline ? serving : compacting, layers)
  }).pipe(
    Effect.mapError((error) =>
      error instanceof TeamError ? new UsageError({ message: printable(error.message), see }) : error
    ),
    Effect.provide(quietly(isDebug(environment))),
    Effect.scoped
  )

// internal

const see = "axonal mcp --help"

/** Those that were named. Without names all of them, but none beside a team. */
const chosen = (
  { team, tools }: Serve,
  all: ReadonlyArray<Tools.Own>
): Effect.Effect<ReadonlyArray<Tools.Own>, UsageError> => {
  if (tools === undefined) return Effect.succeed(team === undefined ? all : [])
  const names = all.map(({ tool }) => tool.name)
  const unknown = tools.find((name) => !names.includes(name))
  if (unknown === undefined) return Effect.succeed(all.filter(({ tool }) => tools.includes(tool.name)))
  const near = nearest(unknown, names)
  const hint = near === undefined ? `: there are ${names.join(", ")}` : `, did you mean ${near}?`
  return new UsageError({ message: `there is no tool ${unknown}${hint}`, see })
}

const served = <E, R>(server: McpServer.McpServer<E, R>, { http }: Serve, environment: Environment) =>
  http === undefined ? overStreams(server) : Effect.scoped(overHttp(server, http, environment))

const overStreams = <E, R>(server: McpServer.McpServer<E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      // Whoever listens no longer is told by what cannot be written; the program ends after all it has started.
      const gone = (): void => {}
      process.stdout.on("error", gone)
      return gone
    }),
    () => McpServer.stdio(server, { input: NodeStream.stdin, write }),
    (gone) => Effect.sync(() => process.stdout.off("error", gone))
  )

const write = (line: string): Effect.Effect<void, Error> =>
  Effect.async((resume) => {
    process.stdout.write(line, (error) => resume(error ? Effect.fail(error) : Effect.void))
  })

const local = ["127.0.0.1", "::1", "localhost"]

const overHttp = <E, R>(
  server: McpServer.McpServer<E, R>,
  { host, port }: NonNullable<Serve["http"]>,
  environment: Environment
) =>
  Effect.gen(function* () {
    const token = environment["AXONAL_MCP_TOKEN"]?.trim() || undefined
    const isLocal = local.includes(host)
    if (!isLocal && token === undefined) {
      return yield* new UsageError({
        message: `others reach ${host}: set AXONAL_MCP_TOKEN to what they have to bring`,
        see
      })
    }
    if (token !== undefined && !isToken(token)) {
      return yield* new UsageError({
        message: "AXONAL_MCP_TOKEN has characters that no client can send as a token",
        see
      })
    }
    const node = createServer()
    const listening = yield* NodeHttpServer.make(() => node, { port, host }).pipe(
      Effect.mapError(({ cause }) => new SetupError({ message: `cannot listen on ${host}:${port}: ${said(cause)}` }))
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => node.closeAllConnections()))
    // After the listener, so that it ends before: what it closes would keep the listener waiting.
    const app = yield* McpServer.httpApp(server, {
      ...(isLocal ? undefined : { hosts: "any" }),
      authorize: token === undefined ? undefined : McpServer.bearer(Redacted.make(token))
    })
    yield* listening.serve(app)
    const at = listening.address._tag === "TcpAddress" ? listening.address.port : port
    const shown = host.includes(":") ? `[${host}]` : host
    yield* Effect.sync(() => process.stderr.write(`axonal: serving at http://${shown}:${at}/mcp\n`))
    return yield* Effect.never
  })

const said = (cause: unknown): string => oneLine(cause instanceof Error ? cause.message : String(cause))
