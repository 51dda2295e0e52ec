/**
 * Finds plugins on disk: packages whose package.json has a field `axonal`, in the folders of packages of a project and of
 * the user. Only package.json files are read; no code of any package runs.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Broken, Contribution, Manifest, Trouble, Versions } from "./manifest.ts"
import { idOf, isPackageName, read } from "./manifest.ts"

/** What files are looked at with. */
export interface System {
  readonly files: FileSystem.FileSystem
  readonly path: Path.Path
}

export type Source = "project" | "user"

/** A folder of packages. `root` is the folder that it belongs to, without links. */
export interface Place {
  readonly source: Source
  readonly root: string
  readonly folder: string
}

/** A package that has to do with plugins: by its package.json, or because it is allowed. `folder` is without links. */
export interface Candidate {
  readonly source: Source
  readonly root: string
  readonly name: string
  readonly folder: string
  readonly manifest: Either.Either<Manifest, Broken>
}

/** The folders of packages from a project upward, nearest first, and no further than the repository that it is in. */
export const placesAbove = ({ files, path }: System, project: string): Effect.Effect<ReadonlyArray<Place>> =>
  Effect.gen(function* () {
    const places: Array<Place> = []
    let root = yield* Effect.orElseSucceed(files.realPath(project), () => path.resolve(project))
    while (true) {
      const place = { source: "project" as const, root, folder: path.join(root, "node_modules") }
      if (path.basename(root) !== "node_modules" && (yield* exists(files, place.folder))) places.push(place)
      const parent = path.dirname(root)
      if (parent === root || (yield* exists(files, path.join(root, ".git")))) return places
      root = parent
    }
  })

/** The folder of packages of the user's folder. */
export const placeOfUser = ({ files, path }: System, user: string): Effect.Effect<Place> =>
  Effect.map(
    Effect.orElseSucceed(files.realPath(user), () => path.resolve(user)),
    (root) => ({ source: "user", root, folder: path.join(root, "node_modules") })
  )

/** The candidates of a place, by name. A folder that is not there has none. */
export const candidates = (
  system: System,
  place: Place,
  options: { readonly versions: Versions; readonly isNamed: (name: string) => boolean }
): Effect.Effect<ReadonlyArray<Candidate>> =>
  Effect.gen(function* () {
    const names = yield* namesIn(system, place.folder)
    const found = yield* Effect.forEach(names, (name) => candidate(system, place, name, options), {
      concurrency: 16
    })
    return found.filter((candidate) => candidate !== undefined)
  })

/** The file of a contribution, without links, if it is a file within the package. */
export const fileOf = (
  { files, path }: System,
  folder: string,
  { module }: Contribution
): Effect.Effect<string, Trouble<"FileMissing" | "OutsidePackage">> =>
  Effect.gen(function* () {
    const missing = {
      reason: "FileMissing",
      detail: `there is no file ${module}: build the package, or mend it`
    } as const
    const file = yield* Effect.mapError(files.realPath(path.join(folder, module)), () => missing)
    if (!file.startsWith(`${folder}${path.sep}`)) {
      return yield* Effect.fail({ reason: "OutsidePackage" as const, detail: `${module} leads out of the package` })
    }
    const { type } = yield* Effect.mapError(files.stat(file), () => missing)
    return type === "File" ? file : yield* Effect.fail(missing)
  })

/** The text of a small file. Fails when there is none, or none that can be read to its end. */
export const textOf = (files: FileSystem.FileSystem, file: string): Effect.Effect<string, "absent" | "unreadable"> =>
  Effect.gen(function* () {
    const { size, type } = yield* Effect.mapError(files.stat(file), (error) =>
      error._tag === "SystemError" && (error.reason === "NotFound" || error.reason === "BadResource")
        ? ("absent" as const)
        : ("unreadable" as const)
    )
    // A pipe would never end.
    if (type !== "File" || size > largest) return yield* Effect.fail("unreadable" as const)
    return yield* Effect.mapError(files.readFileString(file), () => "unreadable" as const)
  })

// internal

/** Bytes of a package.json. */
const largest = 1_000_000

const exists = (files: FileSystem.FileSystem, file: string): Effect.Effect<boolean> =>
  Effect.orElseSucceed(files.exists(file), () => false)

const namesIn = ({ files, path }: System, folder: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const entries = yield* list(files, folder)
    const scopes = entries.filter((name) => name.startsWith("@"))
    const scoped = yield* Effect.forEach(scopes, (scope) =>
      Effect.map(list(files, path.join(folder, scope)), (names) => names.map((name) => `${scope}/${name}`))
    )
    return [...entries.filter((name) => !name.startsWith("@")), ...scoped.flat()].filter(isPackageName).sort()
  })

const list = (files: FileSystem.FileSystem, folder: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.orElseSucceed(files.readDirectory(folder), () => [])

const candidate = (
  system: System,
  { folder: packages, root, source }: Place,
  name: string,
  { isNamed, versions }: { readonly versions: Versions; readonly isNamed: (name: string) => boolean }
): Effect.Effect<Candidate | undefined> =>
  Effect.gen(function* () {
    const { files, path } = system
    const linked = path.join(packages, name)
    const text = yield* Effect.either(textOf(files, path.join(linked, "package.json")))
    // Most packages have nothing to do with plugins, and are not worth parsing.
    const isMeant = Either.isRight(text) && text.right.includes('"axonal"')
    if (!isMeant && !isNamed(name)) return undefined
    const manifest: Either.Either<Manifest | undefined, Broken> = Either.isRight(text)
      ? read(idOf(name), text.right, versions)
      : Either.left({ reason: "Unreadable", detail: "its package.json is missing or cannot be read: install it again" })
    if (Either.isRight(manifest) && manifest.right === undefined && !isNamed(name)) return undefined
    const folder = yield* Effect.orElseSucceed(files.realPath(linked), () => linked)
    return { source, root, name, folder, manifest: yield* complete(system, folder, manifest) }
  })

/** A manifest whose modules are all there. */
const complete = (
  system: System,
  folder: string,
  manifest: Either.Either<Manifest | undefined, Broken>
): Effect.Effect<Candidate["manifest"]> => {
  if (Either.isLeft(manifest)) return Effect.succeed(Either.left(manifest.left))
  const read = manifest.right
  if (read === undefined) {
    const detail = "its package.json has no field axonal: it is no plugin"
    return Effect.succeed(Either.left({ reason: "InvalidManifest", detail }))
  }
  return Effect.forEach(read.contributions, (contribution) => fileOf(system, folder, contribution), {
    discard: true
  }).pipe(
    Effect.as(read),
    Effect.mapError((trouble) => ({ ...trouble, ...read })),
    Effect.either
  )
}
