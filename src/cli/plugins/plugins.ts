/**
 * Plugins that the user has allowed, loaded for those who have any.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { Options } from "../args.ts"
import * as Sessions from "../sessions/sessions.ts"
import type * as Tools from "../tools.ts"

/**
 * What plugins add to a run; nothing for those who have never allowed one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attached = (options: Pick<Options, "dataDir">, own: ReadonlyArray<Tools.Own>) =>
  Effect.gen(function* () {
    const file = join(Sessions.dataFolder(options), "plugins", "plugins.json")
    if (!existsSync(file)) return undefined
    const { attach } = yield* Effect.promise(() => import("./attached.ts"))
    return yield* attach({ dataDir: options.dataDir, tools: own.map(({ tool }) => tool.name) })
  })
