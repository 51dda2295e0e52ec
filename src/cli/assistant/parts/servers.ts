/**
 * Servers of the Model Context Protocol that stand in files. A look at the files says whether there are any; the client is
 * loaded then, and servers connect in the background.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Mcp from "../../../mcp/Mcp.ts"
import * as Tool from "../../../tool/Tool.ts"
import { serverFiles, userFolder } from "../../config/files.ts"
import { oneLine } from "../../internal/words.ts"
import type { Settings } from "../../settings.ts"

/**
 * The servers, and what is wrong with their files, a line each.
 *
 * @category models
 * @since 0.1.0
 */
export interface Servers {
  readonly mcp: Mcp.Service | undefined
  readonly problems: ReadonlyArray<string>
}

/**
 * No servers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none: Servers = { mcp: undefined, problems: [] }

/**
 * Reads the files and has the servers connected, for as long as the scope lives.
 *
 * **Details**
 *
 * - Nothing waits for them here. A request waits for those that have not been there yet, for three seconds after the start at
 *   most; what comes later is there in the turn after.
 * - Those of the project's files are used as far as the settings trust them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings: Settings): Effect.Effect<Servers, never, Scope.Scope> =>
  Effect.suspend(() =>
    settings.mcp.isOn && files(settings.project).some((file) => existsSync(file))
      ? Effect.flatMap(
          Effect.promise(() => import("./serversOpen.ts")),
          ({ open }) => open(settings)
        )
      : Effect.succeed(none)
  )

/**
 * The tools of the servers, as they are now, without those that are off.
 *
 * @category constructors
 * @since 0.1.0
 */
export const living = (mcp: Mcp.Service, off: ReadonlySet<string>): Tool.Living => {
  if (off.size === 0) return Tool.living(mcp.tools)
  let last: { readonly all: ReadonlyArray<Tool.WithHandler>; readonly on: ReadonlyArray<Tool.WithHandler> } | undefined
  return Tool.living(
    Effect.map(mcp.tools, (all) => {
      if (last?.all !== all) last = { all, on: all.filter(({ tool }) => !off.has(tool.name)) }
      return last.on
    })
  )
}

/**
 * Tells of servers that fail, each once until it has been connected again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const notices = (mcp: Mcp.Service): Stream.Stream<string> =>
  Stream.mapConcat(
    Stream.mapAccum(mcp.changes, new Set<string>(), (told, all) => {
      const wrong = all.filter((one) => one.is === "error" && one.problem?.reason._tag !== "Malformed")
      const fresh = wrong.filter(({ server }) => !told.has(server))
      const still = all.filter(({ is, server }) => is !== "connected" && told.has(server))
      return [new Set([...still, ...fresh].map(({ server }) => server)), fresh]
    }),
    (fresh) => fresh.map(({ problem, server }) => `server ${oneLine(problem?.message ?? server)}`)
  )

// internal

/** Those that `McpConfig.read` reads. */
const files = (folder: string): ReadonlyArray<string> => [
  join(userFolder(process.env), "mcp.json"),
  ...serverFiles.map((file) => join(folder, file))
]
