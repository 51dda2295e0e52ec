/**
 * The `axonal` field of a package.json: what a plugin brings, in which of its modules, and for which versions. Read without
 * running any code of the plugin.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import satisfies from "semver/functions/satisfies.js"
import validRange from "semver/ranges/valid.js"
import { nearest } from "../../internal/nearest.ts"
import { issues, path } from "../../internal/problems.ts"
import { head } from "../../internal/texts.ts"

/** What a plugin may bring, in the order in which it is listed. */
export const kinds = ["tools", "transports", "guards", "hooks", "selectors", "stores", "commands"] as const
export type Kind = (typeof kinds)[number]

/** One thing that a plugin brings: which export of which module, below its folder. */
export interface Contribution {
  readonly kind: Kind
  readonly name: string
  readonly module: string
  readonly exported: string
}

/** What is known of a plugin from its package.json. */
export interface Manifest {
  readonly version: string | undefined
  readonly contributions: ReadonlyArray<Contribution>
}

/** Why a plugin is not used: a reason in one word, and in words for people. */
export interface Trouble<Reason extends string> {
  readonly reason: Reason
  readonly detail: string
}

/** What can be wrong with a plugin before any code of it runs. What else is known of it is what could be read. */
export interface Broken
  extends Trouble<"Unreadable" | "InvalidManifest" | "WrongVersion" | "OutsidePackage" | "FileMissing">,
    Partial<Manifest> {}

/** What this program is, for plugins to say whether they fit. */
export interface Versions {
  readonly axonal: string
  readonly effect: string
}

/**
 * Reads a package.json. `undefined` for a package that is no plugin.
 *
 * **Details**
 *
 * - What it says is bounded: a package that nobody allowed cannot keep a program busy, or fill a screen.
 * - A prerelease of ours counts as the release that it leads to, and lies within a range that has it.
 * - The protocol `workspace:` of package managers stands before ranges in packages that are linked.
 */
export const read = (id: string, text: string, versions: Versions): Either.Either<Manifest | undefined, Broken> => {
  const whole = json(text)
  if (whole === undefined) return broken("Unreadable", "its package.json is no JSON: install it again, or mend it")
  if (typeof whole !== "object" || whole === null || !("axonal" in whole)) return Either.right(undefined)
  const named = "version" in whole && typeof whole.version === "string" ? whole.version : ""
  const version = named === "" || named.length > longest ? undefined : named
  const field = isSmall(whole.axonal)
    ? fields(id, whole.axonal)
    : broken("InvalidManifest", `axonal has more than ${most} characters: name fewer things`)
  return Either.mapLeft(
    Either.flatMap(field, (contributions) => {
      const problem = misfit("peerDependencies" in whole ? whole.peerDependencies : undefined, versions)
      return problem === undefined
        ? Either.right({ version, contributions })
        : Either.left<Broken>({ reason: "WrongVersion", detail: problem, contributions })
    }),
    (trouble) => ({ ...trouble, version, detail: head(trouble.detail, 500) })
  )
}

/**
 * What a plugin is called in names of variables and of what it brings: its package without the usual beginnings, as `tides`
 * for `axonal-plugin-tides` and `acme-tides` for `@acme/axonal-tides`.
 */
export const idOf = (name: string): string => {
  const [, scope, base = name] = /^@([^/]+)\/(.+)$/.exec(name) ?? []
  const short = base.replace(/^axonal-(plugin-)?(?=.)/, "").replace(/(?<=.)-axonal-plugin$/, "")
  return (scope === undefined ? short : `${scope}-${short}`).toLowerCase().replace(/[^a-z0-9]+/g, "-")
}

/** Whether a text may be the name of a package in a folder of packages, its scope included. */
export const isPackageName = (text: string): boolean => /^(@[\w.~-]+\/)?(?!\.)[\w.~-]+$/.test(text)

// internal

/** Characters of the field, and of versions and their ranges. */
const most = 20_000
const longest = 1000

const isSmall = (value: unknown): boolean => {
  try {
    return (JSON.stringify(value) ?? "").length <= most
  } catch {
    // Deeper than anything can be written.
    return false
  }
}

const broken = (reason: Broken["reason"], detail: string): Either.Either<never, Broken> =>
  Either.left({ reason, detail })

/** Some editors begin files with a mark. */
const json = (text: string): unknown => {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""))
  } catch {
    return undefined
  }
}

const Paths = Schema.Union(
  Schema.String,
  Schema.Array(Schema.String),
  Schema.Record({ key: Schema.String, value: Schema.String })
)

type Paths = typeof Paths.Type

const Fields = Schema.Struct({
  version: Schema.optional(Schema.Literal(1)),
  tools: Schema.optional(Paths),
  transports: Schema.optional(Paths),
  guards: Schema.optional(Paths),
  hooks: Schema.optional(Paths),
  selectors: Schema.optional(Paths),
  stores: Schema.optional(Paths),
  commands: Schema.optional(Paths)
})

const decode = Schema.decodeUnknownEither(Fields, { errors: "all", onExcessProperty: "error" })

const fields = (id: string, value: unknown): Either.Either<ReadonlyArray<Contribution>, Broken> =>
  Either.flatMap(
    Either.mapLeft(decode(value), (error): Broken => ({ reason: "InvalidManifest", detail: inWords(error) })),
    (fields) => {
      const found: Array<Contribution> = []
      for (const kind of kinds) {
        for (const [name, text] of named(id, fields[kind])) {
          const [module = "", exported = "default"] = text.split("#")
          const problem = problemOf(kind, name, module, exported)
          if (problem !== undefined) return Either.left(problem)
          if (found.some((other) => other.kind === kind && other.name === name)) {
            const detail = `axonal.${kind} has two of the name ${name}: write { "name": "./path" } with names of their own`
            return broken("InvalidManifest", detail)
          }
          found.push({ kind, name, module, exported })
        }
      }
      return found.length === 0
        ? broken("InvalidManifest", `axonal names nothing that the plugin brings: add one of ${kinds.join(", ")}`)
        : Either.right(found)
    }
  )

/** A path alone has the name of the plugin, one of several that of its file. */
const named = (id: string, paths: Paths | undefined): ReadonlyArray<readonly [name: string, path: string]> => {
  if (paths === undefined) return []
  if (typeof paths === "string") return [[id, paths]]
  if (!isList(paths)) return Object.entries(paths)
  return paths.map((path) => {
    const [file = "", exported] = path.split("#")
    return [exported ?? file.replace(/^.*\//, "").replace(/\.[^.]*$/, ""), path] as const
  })
}

const isList = (paths: Exclude<Paths, string>): paths is ReadonlyArray<string> => Array.isArray(paths)

const problemOf = (kind: Kind, name: string, module: string, exported: string): Broken | undefined => {
  const at = `axonal.${kind}`
  if (!/^[a-z][a-z0-9-]{0,63}$/i.test(name)) {
    const detail = `${at}: ${JSON.stringify(name)} is no name: write letters, digits and hyphens, a letter first`
    return { reason: "InvalidManifest", detail }
  }
  if (exported === "") return { reason: "InvalidManifest", detail: `${at}: write ./path#export, or leave out the #` }
  if (/^([/\\]|[a-z]+:)/i.test(module) || module.split(/[/\\]/).includes("..")) {
    return { reason: "OutsidePackage", detail: `${at}: ${JSON.stringify(module)} leads out of the package` }
  }
  if (!/^\.\/[^\\\0]{1,500}$/.test(module)) {
    const detail = `${at}: ${JSON.stringify(head(module, 100))} is no path: it begins with ./ and is short`
    return { reason: "InvalidManifest", detail }
  }
  return undefined
}

const inWords = (error: Parameters<typeof issues>[0]): string =>
  issues(error)
    .map(({ known, place, problem }) => {
      const last = String(place.at(-1))
      const near = known === undefined ? undefined : nearest(last, known)
      return `${path(["axonal", ...place])}: ${problem}${near === undefined ? "" : `; did you mean ${near}?`}`
    })
    .join("; ")

const misfit = (peers: unknown, versions: Versions): string | undefined => {
  const range = (name: string): unknown =>
    typeof peers === "object" && peers !== null ? Reflect.get(peers, name) : undefined
  if (range("axonal") === undefined) {
    return `it does not say which axonal it is for: its package.json needs "peerDependencies": { "axonal": "^${versions.axonal}" }`
  }
  const problems = (["axonal", "effect"] as const).map((name) => unfit(name, range(name), versions[name]))
  return problems.find((problem) => problem !== undefined)
}

const unfit = (name: string, range: unknown, version: string): string | undefined => {
  if (range === undefined) return undefined
  const text = typeof range === "string" ? range.replace(/^workspace:/, "").replace(/^[~^]$/, "*") : undefined
  if (text === undefined || text.length > longest || validRange(text) === null) {
    return `its range of ${name} cannot be read: ${JSON.stringify(range)}`
  }
  if (satisfies(version, text, { includePrerelease: true })) return undefined
  return `it is for ${name} ${text}, and this is ${name} ${version}: look for a version of it that fits`
}
