/**
 * How modules of plugins are imported: by the engine's own `import()`, or by what a program or a test puts in its place.
 */
import * as Context from "effect/Context"

/**
 * Imports the module at an address of the form `file:///…`.
 *
 * @category models
 * @since 0.1.0
 */
export type Import = (url: string) => Promise<object>

/**
 * The import in use: the engine's own, unless provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Importer extends Context.Reference<Importer>()("axonal/plugin/Importer", {
  defaultValue: (): Import => (url) => import(/* @vite-ignore */ url)
}) {}
