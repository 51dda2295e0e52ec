/**
 * The sandbox in which tools of the command line work. Which one it is, is known before a run; only that one is loaded.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Sandbox from "../sandbox/Sandbox.ts"
import { SandboxError } from "../sandbox/SandboxError.ts"
import { SetupError } from "./errors.ts"
import type { Place } from "./internal/hands.ts"

/**
 * Which files of this machine its own sandbox has: those of the folder, or all, where guards judge what is done elsewhere.
 *
 * @category models
 * @since 0.1.0
 */
export type Reach = "folder" | "machine"

/**
 * Opens a sandbox on a folder of this machine, until the scope closes.
 *
 * **Details**
 *
 * - Errors: one that cannot be had here, with what to do about it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  place: Place,
  folder: string,
  reach: Reach = "folder"
): Effect.Effect<Sandbox.Service, SetupError, Scope.Scope> =>
  Effect.tryPromise(() => loaded(place, folder, reach)).pipe(
    Effect.flatten,
    Effect.mapError((cause) => {
      const why = cause instanceof SandboxError ? cause.message : String(cause.error)
      return new SetupError({ message: `the sandbox ${place.kind} cannot be used: ${why}`, cause })
    })
  )

/**
 * The sandbox of this machine, opened when something is first done in it: a run begins without it.
 *
 * **Details**
 *
 * - Its description is empty. All files of the machine are in reach.
 *
 * @category constructors
 * @since 0.1.0
 */
export const later = (folder: string): Effect.Effect<Sandbox.Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const opening = Effect.flatten(Effect.promise(() => loaded({ kind: "local" }, folder, "machine")))
    const opened = yield* Effect.cached(Scope.extend(opening, scope))
    return {
      folder,
      description: "",
      exec: (command, options) => Effect.flatMap(opened, ({ exec }) => exec(command, options)),
      read: (path, range) => Effect.flatMap(opened, ({ read }) => read(path, range)),
      write: (path, bytes, options) => Effect.flatMap(opened, ({ write }) => write(path, bytes, options)),
      list: (path) => Effect.flatMap(opened, ({ list }) => list(path)),
      stat: (path) => Effect.flatMap(opened, ({ stat }) => stat(path)),
      remove: (path, options) => Effect.flatMap(opened, ({ remove }) => remove(path, options)),
      watch: (path) => Stream.unwrap(Effect.map(opened, ({ watch }) => watch(path)))
    }
  })

/**
 * A path of a sandbox as people and models read it: below its folder without that.
 *
 * @category converters
 * @since 0.1.0
 */
export const shown = ({ folder }: Pick<Sandbox.Service, "folder">, path: string): string =>
  path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path

// internal

type Opening = Effect.Effect<Sandbox.Service, SandboxError, Scope.Scope>

const loaded = async (place: Place, folder: string, reach: Reach): Promise<Opening> => {
  switch (place.kind) {
    case "local":
      return (await import("../sandbox/LocalSandbox.ts")).make({
        folder,
        roots: reach === "machine" ? [{ path: "/", access: "write" }] : []
      })
    case "bubblewrap":
      return (await import("../sandbox/BubblewrapSandbox.ts")).make({ folder })
    case "container": {
      const { make } = await import("../sandbox/ContainerSandbox.ts")
      return make({ image: place.image, pull: "missing", mount: { path: folder } })
    }
  }
}
