/**
 * Reads the files of servers and makes their client. Loaded where there are such files.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Mcp from "../../../mcp/Mcp.ts"
import * as McpClient from "../../../mcp/McpClient.ts"
import * as McpConfig from "../../../mcp/McpConfig.ts"
import * as McpTokens from "../../../mcp/McpTokens.ts"
import { oneLine } from "../../internal/words.ts"
import type { Settings } from "../../settings.ts"
import type { Servers } from "./servers.ts"

/**
 * Opens them, for as long as the scope lives.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (settings: Settings): Effect.Effect<Servers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { off, trust } = settings.mcp
    const found = yield* McpConfig.read({ project: settings.project, trust })
    const left = Object.entries(found.servers).filter(([name]) => !off.includes(name))
    const unused = [
      ...found.unused,
      ...Object.keys(found.servers).flatMap((server) =>
        off.includes(server) ? [{ server, reason: "Disabled", message: "It is off in your settings." } as const] : []
      )
    ]
    const client = McpClient.layer({ servers: Object.fromEntries(left), unused, wait: "3 seconds" })
    const built = yield* Layer.build(Layer.provide(client, tokens))
    const untrusted = found.unused.filter(({ reason }) => reason === "Untrusted").map(({ server }) => server)
    const problems = found.problems.map((problem) => oneLine(McpConfig.describe(problem)))
    return {
      mcp: Context.get(built, Mcp.Mcp),
      problems:
        untrusted.length === 0
          ? problems
          : [
              ...problems,
              `the project's servers ${oneLine(untrusted.join(", "))} are not used: its files may be by anybody, and a server ` +
                "is a program. Look at them, then: axonal trust; or name those you trust in mcp.trust of your settings"
            ]
    }
  }).pipe(Effect.provide(NodeContext.layer))

// internal

/** Where no home is known, logins last as long as the program. */
const tokens = Layer.catchAll(McpTokens.layerFile(), () => McpTokens.layerMemory)
