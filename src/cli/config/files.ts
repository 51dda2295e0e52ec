/**
 * Which files of settings there are. It looks for them and does not read them, since every start of the program does this.
 */
import { existsSync, realpathSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, isAbsolute, join, relative, sep } from "node:path"
import type { Environment } from "../environment.ts"
import { dataDir } from "../sessions/sessions.ts"

/**
 * What was found.
 *
 * **Details**
 *
 * - `user`, `project`: the files, of which there may be two by mistake.
 * - `folder`: that of the project: where its file is, else the root of the repository, else the current one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found {
  readonly user: ReadonlyArray<string>
  readonly project: ReadonlyArray<string>
  readonly folder: string
}

/**
 * The user's folder for settings: `axonal` in `XDG_CONFIG_HOME`, else in `.config` of the home.
 *
 * @category constructors
 * @since 0.1.0
 */
export const userFolder = (environment: Environment): string =>
  join(environment["XDG_CONFIG_HOME"]?.trim() || join(homedir(), ".config"), "axonal")

/**
 * The file with the digests of trusted projects. It is the same whatever `--data-dir` says, which a script may set.
 *
 * @category constructors
 * @since 0.1.0
 */
export const trustFile = (environment: Environment): string =>
  join(dataDir(environment, process.platform, homedir()), "trusted.json")

/**
 * Where a project names servers: the files of `McpConfig`, without loading what reads them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const serverFiles: ReadonlyArray<string> = [
  ".vscode/mcp.json",
  ".cursor/mcp.json",
  "mcp.json",
  ".mcp.json",
  ".axonal/mcp.json"
]

/**
 * Whether a project may be trusted for its servers although it has no settings.
 *
 * @category predicates
 * @since 0.1.0
 */
export const mayBeTrusted = (environment: Environment, folder: string): boolean =>
  existsSync(trustFile(environment)) && serverFiles.some((name) => existsSync(join(folder, name)))

/**
 * The folders from a folder up to the root of its repository, the inner ones first; only itself where there is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const upwards = (folder: string): ReadonlyArray<string> => {
  const folders: Array<string> = []
  for (let at = folder; ; at = dirname(at)) {
    folders.push(at)
    if (existsSync(join(at, ".git"))) return folders
    if (dirname(at) === at) return [folder]
  }
}

/**
 * Looks for the files.
 *
 * **Details**
 *
 * - `AXONAL_CONFIG` names the user's file; empty, there is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const find = (environment: Environment, folder: string): Found => {
  const named = environment["AXONAL_CONFIG"]
  const user = named === undefined ? present(userFolder(environment)) : named.trim() === "" ? [] : [named.trim()]
  const folders = upwards(folder)
  for (const at of folders) {
    const project = present(join(at, ".axonal")).filter((file) => !user.includes(file))
    if (project.length > 0) return { user, project, folder: at }
  }
  return { user, project: [], folder: folders.at(-1) ?? folder }
}

/**
 * Whether a path leads into a folder, wherever links lead. What is not there does not.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isWithin = (folder: string, path: string): boolean => {
  try {
    const way = relative(realpathSync(folder), realpathSync(path))
    return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way)
  } catch {
    return false
  }
}

// internal

const present = (folder: string): ReadonlyArray<string> =>
  ["config.toml", "config.json"].map((name) => join(folder, name)).filter((file) => existsSync(file))
