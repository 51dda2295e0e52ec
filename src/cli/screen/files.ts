/**
 * The files that can be named with `@`: those below the folder that no ignore file names, as many as are found in a bounded
 * walk. They are read anew when they were asked for a while ago.
 */
import * as Effect from "effect/Effect"
import type { Service } from "../../sandbox/Sandbox.ts"
import * as ListFiles from "../../toolbox/ListFiles.ts"

/**
 * Makes what finds them. Fails never: a folder that cannot be read has none.
 *
 * **Details**
 *
 * - Of 20,000 entries the first in order of their paths. What was found counts for five seconds, and at once while it is
 *   found anew.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (sandbox: Service, now: () => number): Effect.Effect<ReadonlyArray<string>> => {
  let known: { readonly at: number; readonly paths: ReadonlyArray<string> } | undefined
  return Effect.suspend(() => {
    if (known !== undefined && now() - known.at < freshMillis) return Effect.succeed(known.paths)
    return Effect.map(
      Effect.orElseSucceed(ListFiles.paths(sandbox, most), (): ReadonlyArray<string> => []),
      (paths) => {
        known = { at: now(), paths }
        return paths
      }
    )
  })
}

// internal

const most = 20_000
const freshMillis = 5000
