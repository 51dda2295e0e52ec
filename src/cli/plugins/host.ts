/**
 * The plugins of the command line: found from the current folder and in the user's data folder, loaded as far as the user
 * allows it.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Plugin from "../../plugin/Plugin.ts"
import * as Plugins from "../../plugin/Plugins.ts"
import { commands } from "../args.ts"
import { dataFolder } from "../sessions/sessions.ts"

/**
 * The folder of the user's plugins.
 *
 * @category constructors
 * @since 0.1.0
 */
export const folderOf = (options: { readonly dataDir: string | undefined }): string =>
  join(dataFolder(options), "plugins")

/**
 * Whether the user has ever allowed a plugin. Costs one look at a file.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isUsed = (options: { readonly dataDir: string | undefined }): boolean =>
  existsSync(join(folderOf(options), "plugins.json"))

/**
 * Files and paths, as plugins are looked for with.
 *
 * @category layers
 * @since 0.1.0
 */
export const files: Layer.Layer<FileSystem.FileSystem | Path.Path> = Layer.merge(NodeFileSystem.layer, NodePath.layer)

/**
 * What plugins may use: files, paths, and a client that is loaded only for those who have plugins.
 *
 * @category layers
 * @since 0.1.0
 */
export const services: Layer.Layer<Plugin.Services> = Layer.merge(
  files,
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() => import("../online.ts")),
      (module) => module.client
    )
  )
)

/**
 * Layer of the plugins that the user allows.
 *
 * **Details**
 *
 * - `tools`: names of the program's own tools, which plugins cannot have.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: {
  readonly dataDir: string | undefined
  readonly tools?: ReadonlyArray<string> | undefined
}): Layer.Layer<Plugins.Plugins> =>
  Plugins.layer({ user: folderOf(options), taken: { commands, tools: options.tools ?? [] } }).pipe(
    Layer.provide(services)
  )
