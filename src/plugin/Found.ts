/**
 * Which plugins there are, and which of them are used: looked for in the project and in the user's own folder, and held
 * against what is allowed. No code of a plugin runs for it.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ModuleVersion from "effect/ModuleVersion"
import { version } from "../internal/version.ts"
import type { Candidate, Place as Folder, Source } from "./internal/discovery.ts"
import * as Discovery from "./internal/discovery.ts"
import type { Contribution, Kind } from "./internal/manifest.ts"
import { idOf, kinds } from "./internal/manifest.ts"
import type { Reason } from "./PluginError.ts"
import { PluginError } from "./PluginError.ts"
import * as UserFile from "./UserFile.ts"

/**
 * A plugin that there is.
 *
 * **Details**
 *
 * - `source`: whose folder it is in. `root`: the folder that has the `node_modules`. `folder`: its own. Both without links.
 * - `state`: `ready` to be loaded; `blocked`, because nobody allowed it; `shadowed` by another of its name that goes before
 *   it; `broken`, and `problem` says how. `isAllowed` tells whether a broken one would have been loaded.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found {
  readonly name: string
  readonly version: string | undefined
  readonly source: Source
  readonly root: string
  readonly folder: string
  readonly state: "ready" | "blocked" | "shadowed" | "broken"
  readonly isAllowed: boolean
  readonly contributions: ReadonlyArray<Contribution>
  readonly problem: PluginError | undefined
}

/**
 * Which packages are loaded from a place: those that are named, or all that are there.
 *
 * @category models
 * @since 0.1.0
 */
export type Names = ReadonlyArray<string> | "all"

/**
 * Where plugins are looked for, and which are allowed.
 *
 * **Details**
 *
 * - `project`: a folder; packages are looked for there and in the folders above it, to the root of its repository. The
 *   current folder unless set. `user`: that of `UserFile.folder` unless set. `false` leaves either out.
 * - `allow`: for each place; what is absent is what the user's file says, and nothing without one.
 * - `settings`: by the name of the package; for a plugin that is not named here those of the user's file.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly project?: string | false | undefined
  readonly user?: string | false | undefined
  readonly allow?: { readonly project?: Names | undefined; readonly user?: Names | undefined } | undefined
  readonly settings?: Readonly<Record<string, unknown>> | undefined
}

/**
 * What was found, what is wrong with it as far as it is allowed, and the settings of each plugin.
 *
 * @category models
 * @since 0.1.0
 */
export interface Finding {
  readonly found: ReadonlyArray<Found>
  readonly problems: ReadonlyArray<PluginError>
  readonly settings: Readonly<Record<string, unknown>>
}

/**
 * Looks for plugins.
 *
 * **Details**
 *
 * - Order: the project before the user, of the project's folders the nearest first, each by name.
 * - Of several packages of a name the first counts that is allowed and not broken. So does the first of several whose
 *   settings would have the same variables.
 * - Errors: none; what cannot be read is not there, or is a problem.
 *
 * @category constructors
 * @since 0.1.0
 */
export const find = (options: Options = {}): Effect.Effect<Finding, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const system = { files: yield* FileSystem.FileSystem, path: yield* Path.Path }
    const user = options.user ?? (yield* UserFile.folder) ?? false
    const read = user === false ? Either.right({}) : yield* Effect.either(UserFile.read(user))
    const file: UserFile.UserFile = Either.getOrElse(read, () => ({}))
    const folders = [
      ...(options.project === false ? [] : yield* Discovery.placesAbove(system, options.project ?? ".")),
      ...(user === false ? [] : [yield* Discovery.placeOfUser(system, user)])
    ]
    const versions = { axonal: version, effect: ModuleVersion.getCurrentVersion() }
    const candidates = yield* Effect.forEach(folders, (folder) => {
      const names = namesOf(folder, options, file)
      const isNamed = (name: string) => names !== "all" && names.includes(name)
      return Discovery.candidates(system, folder, { versions, isNamed })
    })
    const found = settled(candidates.flat(), (candidate) => {
      const names = namesOf(candidate, options, file)
      return names === "all" || names.includes(candidate.name)
    })
    const broken = found.flatMap(({ isAllowed, problem }) => (isAllowed && problem !== undefined ? [problem] : []))
    return {
      found,
      problems: [...(Either.isLeft(read) ? [read.left] : []), ...broken, ...missing(found, folders, options, file)],
      settings: { ...file.settings, ...options.settings }
    }
  })

/**
 * What a plugin that is ready brings of a kind, and where that is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const placesOf = (plugin: Found, kind: Kind) =>
  plugin.state === "ready"
    ? plugin.contributions.flatMap((contribution) =>
        contribution.kind === kind
          ? [{ ...contribution, plugin: plugin.name, source: plugin.source, folder: plugin.folder }]
          : []
      )
    : []

/**
 * The kinds of things that a plugin brings, each once, in their usual order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const kindsOf = ({ contributions }: Found): ReadonlyArray<Kind> =>
  kinds.filter((kind) => contributions.some((contribution) => contribution.kind === kind))

// internal

/** The names that are allowed in a place, by the program or else by the user. */
const namesOf = ({ root, source }: Pick<Folder, "root" | "source">, options: Options, file: UserFile.UserFile): Names =>
  options.allow?.[source] ?? (source === "user" ? file.allow : file.projects?.[root]) ?? []

const settled = (
  candidates: ReadonlyArray<Candidate>,
  isAllowed: (candidate: Candidate) => boolean
): ReadonlyArray<Found> => {
  const names = new Set<string>()
  const ids = new Map<string, string>()
  return candidates.map((candidate) => {
    const { manifest, name, ...place } = candidate
    const allowed = isAllowed(candidate)
    const plugin = { ...place, name, isAllowed: allowed, problem: undefined, ...empty }
    if (Either.isLeft(manifest)) {
      const { contributions = [], detail, reason, version } = manifest.left
      return { ...plugin, version, contributions, state: "broken", problem: errorOf(name, reason, detail) }
    }
    const known = { ...plugin, ...manifest.right }
    if (!allowed) return { ...known, state: "blocked" }
    if (names.has(name)) return { ...known, state: "shadowed" }
    const owner = ids.get(idOf(name))
    if (owner !== undefined) {
      const detail = `its settings would have the same variables as those of ${owner}, which goes before it`
      return { ...known, state: "broken", problem: errorOf(name, "NameTaken", detail) }
    }
    names.add(name)
    ids.set(idOf(name), name)
    return { ...known, state: "ready" }
  })
}

const empty = { version: undefined, contributions: [] } as const

const errorOf = (plugin: string, reason: Reason, detail: string): PluginError =>
  new PluginError({ plugin, reason, detail })

/** What is allowed and not there. */
const missing = (
  found: ReadonlyArray<Found>,
  folders: ReadonlyArray<Folder>,
  options: Options,
  file: UserFile.UserFile
): ReadonlyArray<PluginError> =>
  (["project", "user"] as const).flatMap((source) => {
    const wanted = folders.flatMap((folder) => (folder.source === source ? [namesOf(folder, options, file)] : []))
    const names = new Set(wanted.flatMap((names) => (names === "all" ? [] : names)))
    return [...names]
      .filter((name) => !found.some((plugin) => plugin.source === source && plugin.name === name))
      .map((name) => errorOf(name, "NotInstalled", "it is allowed and not installed: install it, or forbid it"))
  })
