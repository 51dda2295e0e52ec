/**
 * The user's own folder for plugins and the file in it, `plugins.json`: which plugins are allowed, in which project or
 * everywhere, and their settings. Nobody else writes it, so that a project cannot allow itself anything.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as PrivateFile from "../internal/privateFile.ts"
import { problems } from "../internal/problems.ts"
import { textOf } from "./internal/discovery.ts"
import { PluginError } from "./PluginError.ts"

const Names = Schema.Array(Schema.String)

/**
 * What the file says.
 *
 * **Details**
 *
 * - `allow`: packages of the user's own folder. `projects`: packages of a project, by the folder that has its
 *   `node_modules`, without links. What is not named is not loaded.
 * - `settings`: those of each plugin, by the name of its package. The file is for the user's eyes only.
 *
 * @category schemas
 * @since 0.1.0
 */
export const UserFile = Schema.Struct({
  allow: Schema.optional(Names),
  projects: Schema.optional(Schema.Record({ key: Schema.String, value: Names })),
  settings: Schema.optional(
    Schema.Record({ key: Schema.String, value: Schema.Record({ key: Schema.String, value: Schema.Unknown }) })
  )
})
export interface UserFile extends Schema.Schema.Type<typeof UserFile> {}

/**
 * The user's folder for plugins: `axonal/plugins` below `XDG_DATA_HOME`, else below `.local/share` in the home folder.
 *
 * **Details**
 *
 * - `undefined` without either, so that nothing is looked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const folder: Effect.Effect<string | undefined, never, Path.Path> = Effect.gen(function* () {
  const path = yield* Path.Path
  const named = (name: string) =>
    Effect.map(Effect.option(Config.string(name)), (text) =>
      Option.getOrUndefined(Option.filter(text, (text) => path.isAbsolute(text)))
    )
  const data = yield* named("XDG_DATA_HOME")
  if (data !== undefined) return path.join(data, "axonal", "plugins")
  const home = (yield* named("HOME")) ?? (yield* named("USERPROFILE"))
  return home === undefined ? undefined : path.join(home, ".local", "share", "axonal", "plugins")
})

/**
 * The file of a folder. One that is not there says nothing; one that cannot be read fails, and allows nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (folder: string): Effect.Effect<UserFile, PluginError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const file = (yield* Path.Path).join(folder, name)
    const text = yield* Effect.either(textOf(files, file))
    if (Either.isLeft(text)) {
      return text.left === "absent" ? {} : yield* invalid(file, "it cannot be read")
    }
    const value = yield* Effect.try({
      try: (): unknown => JSON.parse(text.right),
      catch: () => invalid(file, "it is no JSON")
    })
    return yield* Effect.mapError(decode(value), (error) => invalid(file, problems(error).join("; ")))
  })

/**
 * Changes the file of a folder, which is made when it is missing, so that only the user may read it.
 *
 * **Details**
 *
 * - A reader sees the file as it was or as it is then; who else changes it waits. Errors: a file that is there and cannot
 *   be read stays as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const change = (
  folder: string,
  edit: (file: UserFile) => UserFile
): Effect.Effect<UserFile, PluginError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const file = path.join(folder, name)
    const { locked, write } = PrivateFile.make(
      files,
      file,
      ({ message }) => new PluginError({ plugin: file, reason: "InvalidFile", detail: message.replace(/\.$/, "") })
    )
    const known = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    return yield* locked(
      Effect.gen(function* () {
        const edited = edit(yield* Effect.provide(read(folder), known))
        yield* write(`${JSON.stringify(edited, undefined, 2)}\n`)
        return edited
      })
    )
  })

/**
 * The same file with a plugin allowed: in a project when one is named, else from the user's own folder.
 *
 * @category combinators
 * @since 0.1.0
 */
export const allow = (file: UserFile, plugin: string, project?: string | undefined): UserFile => {
  const without = forbid(file, plugin, project)
  return project === undefined
    ? { ...without, allow: [...(without.allow ?? []), plugin] }
    : { ...without, projects: { ...without.projects, [project]: [...(without.projects?.[project] ?? []), plugin] } }
}

/**
 * The same file with a plugin no longer allowed there.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forbid = (file: UserFile, plugin: string, project?: string | undefined): UserFile => {
  const others = (names: ReadonlyArray<string> = []) => names.filter((name) => name !== plugin)
  if (project === undefined) return { ...file, allow: others(file.allow) }
  const projects = { ...file.projects, [project]: others(file.projects?.[project]) }
  return { ...file, projects: Object.fromEntries(Object.entries(projects).filter(([, names]) => names.length > 0)) }
}

// internal

const name = "plugins.json"

const decode = Schema.decodeUnknown(UserFile, { errors: "all", onExcessProperty: "error" })

const invalid = (file: string, detail: string): PluginError =>
  new PluginError({ plugin: file, reason: "InvalidFile", detail: `${detail}; mend it, until then it allows nothing` })
