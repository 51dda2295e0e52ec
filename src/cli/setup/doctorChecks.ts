/**
 * What the doctor looks at of the program: files of settings, keys, the model, servers, sessions, plugins.
 */
import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { ContextStore } from "../../context/ContextStore.ts"
import { layerSqlite } from "../../context/SqliteContextStore.ts"
import * as McpConfig from "../../mcp/McpConfig.ts"
import * as ModelString from "../../transport/ModelString.ts"
import { parse } from "../args.ts"
import * as Files from "../config/files.ts"
import * as Reading from "../config/read.ts"
import * as Trust from "../config/trust.ts"
import type { Environment } from "../environment.ts"
import { explain, ofStore } from "../errors.ts"
import { withoutSecrets } from "../internal/address.ts"
import { plural } from "../internal/words.ts"
import * as SandboxOf from "../sandbox.ts"
import * as Sessions from "../sessions/sessions.ts"
import type { Settings } from "../settings.ts"
import * as Resolving from "../settings.ts"
import * as Vendors from "../vendors.ts"
import type { Finding } from "./doctorFindings.ts"
import { masked, ok, problem, warning } from "./doctorFindings.ts"

/**
 * Looks at the settings, and by them at everything else.
 *
 * @category constructors
 * @since 0.1.0
 */
export const all = (environment: Environment): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.gen(function* () {
    const folder = realpathSync(process.cwd())
    const parsed = parse([])
    const resolved =
      parsed._tag === "Run"
        ? yield* Effect.exit(Resolving.resolve(parsed.options, environment, folder))
        : yield* Effect.interrupt
    const files = ofFiles(environment, folder)
    if (resolved._tag === "Failure") {
      // Mistakes of files are told with the files.
      const isTold = files.some(({ state }) => state === "problem")
      const { text } = explain(resolved.cause, { debug: false })
      return [...files, ...(isTold ? [] : [problem("settings", text)]), ...keys(environment)]
    }
    const settings = resolved.value
    const rest = yield* Effect.all(
      [model(settings, environment), sandbox(settings, folder), servers(settings), sessions(settings)],
      { concurrency: "unbounded" }
    )
    const notes = settings.problems.map((text) => warning("settings", text))
    return [...files, ...notes, ...keys(environment), ...rest.flat(), ...plugins(settings)]
  })

// internal

const ofFiles = (environment: Environment, folder: string): ReadonlyArray<Finding> => {
  const found = Files.find(environment, folder)
  const findings = (["user", "project"] as const).flatMap((whose) => {
    const [file, second] = found[whose]
    if (file === undefined) return []
    if (second !== undefined) return [problem("settings", `${file} and ${second} are both there`, "remove one")]
    const read = Reading.read(file)
    if (Either.isLeft(read)) return read.left.map((line) => problem("settings", line))
    const state = whose === "user" ? "" : `, ${words[Trust.stateOf(environment, found.folder)]}`
    return [ok("settings", `${file} (${whose}), ${plural(Object.keys(read.right).length, "key")}${state}`)]
  })
  return findings.length === 0 ? [ok("settings", "no files, which is fine: axonal init writes one")] : findings
}

const words: Readonly<Record<Trust.State, string>> = {
  trusted: "trusted",
  changed: "changed since it was trusted",
  unknown: "not trusted"
}

const keys = (environment: Environment): ReadonlyArray<Finding> => {
  const found = new Map(
    ModelString.vendors.flatMap(({ variables }) =>
      variables.flatMap((variable) => {
        const key = environment[variable]?.trim()
        return key ? [[variable, key] as const] : []
      })
    )
  )
  return found.size === 0
    ? [ok("keys", "none is set")]
    : Array.from(found, ([variable, key]) => ok("keys", `${variable} ${masked(key)}`))
}

const model = (settings: Settings, environment: Environment): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.matchCauseEffect(Vendors.choose(settings, environment), {
    onFailure: (cause) => Effect.succeed([problem("model", explain(cause, { debug: false }).text)]),
    onSuccess: (choice) => {
      const found = ok("model", Vendors.announce(choice))
      if (choice._tag === "Offline" || choice.baseUrl === undefined) return Effect.succeed([found])
      const { baseUrl } = choice
      return Effect.map(answers(baseUrl), (isThere) => [
        found,
        isThere
          ? ok("server", `${withoutSecrets(baseUrl)} answers`)
          : problem("server", `${withoutSecrets(baseUrl)} does not answer`, "start it, or name another address")
      ])
    }
  })

/** Whatever it answers, somebody is there. */
const answers = (baseUrl: string): Effect.Effect<boolean> =>
  Effect.promise(() =>
    fetch(baseUrl, { signal: AbortSignal.timeout(3000), redirect: "manual" }).then(
      async (response) => {
        await response.body?.cancel()
        return true
      },
      () => false
    )
  )

/** The one that is asked for. A container is looked for below, since opening one may fetch an image. */
const sandbox = ({ sandbox }: Settings, folder: string): Effect.Effect<ReadonlyArray<Finding>> =>
  sandbox.kind === "container"
    ? Effect.succeed([ok("sandbox", `container of ${sandbox.image}`)])
    : Effect.match(Effect.scoped(SandboxOf.open(sandbox, folder)), {
        onFailure: ({ message }) => [problem("sandbox", message)],
        onSuccess: () => [ok("sandbox", sandbox.kind)]
      })

const servers = ({ mcp, project }: Settings): Effect.Effect<ReadonlyArray<Finding>> =>
  mcp.isOn
    ? Effect.map(McpConfig.read({ project, trust: mcp.trust }), ({ files, problems, servers, unused }) => {
        const names = Object.keys(servers).filter((name) => !mcp.off.includes(name))
        const untrusted = unused.filter(({ reason }) => reason === "Untrusted").map(({ server }) => server)
        const others = unused.filter(({ reason }) => reason !== "Untrusted")
        const fix = "look at the files that name them, then: axonal trust"
        const kept = others.map(({ message, server }) => warning("mcp", `${server} is not used. ${message}`))
        if (untrusted.length > 0) kept.push(warning("mcp", `not used, as the project's: ${untrusted.join(", ")}`, fix))
        return [
          ...problems.map((one) => (one.severity === "error" ? problem : warning)("mcp", McpConfig.describe(one))),
          ...kept,
          ...(names.length > 0 ? [ok("mcp", `${plural(names.length, "server")}: ${names.join(", ")}`)] : []),
          ...(files.length === 0 ? [ok("mcp", "no servers")] : [])
        ]
      }).pipe(Effect.provide(NodeContext.layer))
    : Effect.succeed([ok("mcp", "switched off")])

const sessions = (settings: Settings): Effect.Effect<ReadonlyArray<Finding>> => {
  const file = Sessions.databasePath(settings)
  if (!settings.save) return Effect.succeed([ok("sessions", "are not kept")])
  const isThere = existsSync(file)
  if (!isThere && !isWritable(dirname(file))) {
    const fix = "choose another folder by --data-dir or dataDir"
    return Effect.succeed([problem("sessions", `${dirname(file)} cannot be written`, fix)])
  }
  if (isThere && !isWritable(file)) return Effect.succeed([problem("sessions", `${file} cannot be written`)])
  // Where there is no file yet, one in memory shows whether the driver is there.
  return Effect.flatMap(ContextStore, (store) => store.list({ limit: 1000 })).pipe(
    Effect.provide(layerSqlite({ filename: isThere ? file : ":memory:" })),
    Effect.match({
      onFailure: (error) => [problem("sessions", ofStore(error, file))],
      onSuccess: ({ next, sessions }) => [
        isThere
          ? ok("sessions", `${next === undefined ? "" : "more than "}${plural(sessions.length, "session")} in ${file}`)
          : ok("sessions", `none yet, they will be in ${file}`)
      ]
    }),
    Effect.catchAllDefect((defect) => Effect.succeed([problem("sessions", `${file}: ${String(defect)}`)]))
  )
}

/** Of what is not there yet, the nearest that is. */
const isWritable = (path: string): boolean => {
  if (!existsSync(path)) return dirname(path) !== path && isWritable(dirname(path))
  try {
    accessSync(path, statSync(path).isDirectory() ? constants.W_OK | constants.X_OK : constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** They are not loaded for this: that is what their own doctor does. */
const plugins = (settings: Settings): ReadonlyArray<Finding> => {
  const file = join(Sessions.dataFolder(settings), "plugins", "plugins.json")
  if (!existsSync(file)) return [ok("plugins", "none is allowed")]
  try {
    JSON.parse(readFileSync(file, "utf8"))
    return [ok("plugins", "some are allowed: see axonal plugins doctor")]
  } catch {
    return [problem("plugins", `${file} cannot be read`, "mend it, until then it allows nothing")]
  }
}
