/**
 * The files below a folder of a sandbox, in order of their paths, without those that ignore files name. Read folder by
 * folder, so that what is ignored costs nothing and who has enough stops.
 */
import * as Effect from "effect/Effect"
import type { Ignore } from "ignore"
import type { FileInfo, Service } from "../../sandbox/Sandbox.ts"
import type { SandboxError } from "../../sandbox/SandboxError.ts"
import { below } from "./folderPaths.ts"

/** What is passed over unless everything is asked for: what tools keep for themselves, and what others wrote. */
export const skipped: ReadonlySet<string> = new Set([
  ...[".git", ".hg", ".svn", ".jj", "node_modules", ".venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".tox"]
])

/** The folders that hold no files of a project even when everything is asked for. */
export const repositories: ReadonlySet<string> = new Set([".git", ".hg", ".svn", ".jj"])

export const ignoreFiles: ReadonlyArray<string> = [".gitignore", ".ignore"]

/** A file on the way, by its path relative to where the walk began. */
export interface Found extends FileInfo {}

export interface Options {
  /** Whether ignored files are found, too. */
  readonly everything: boolean
  /** Most entries to look at. */
  readonly most: number
  /** Told every file. Answers whether to go on. */
  readonly visit: (found: Found) => Effect.Effect<boolean, SandboxError>
}

/** How a walk ended: at the end, because it was told to, or after `most` entries. */
export type Walked = "whole" | "stopped" | "bounded"

/**
 * Walks. A folder that cannot be read is passed over, unless it is the first. Links are files and not followed.
 */
export const walk = (sandbox: Service, start: string, options: Options): Effect.Effect<Walked, SandboxError> =>
  Effect.gen(function* () {
    const rules = options.everything ? [] : yield* rulesAbove(sandbox, start)
    let left = options.most
    const waiting: Array<Pending> = [{ path: "", rules }]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if ("found" in next) {
        if (!(yield* options.visit(next.found))) return "stopped"
        continue
      }
      const { path } = next
      const listed = sandbox.list(below(start, path))
      const entries = yield* path === "" ? listed : Effect.orElseSucceed(listed, (): ReadonlyArray<FileInfo> => [])
      const known = options.everything ? [] : yield* withOwn(sandbox, start, path, entries, next.rules)
      const inside: Array<Pending> = []
      for (const entry of entries) {
        if (left-- <= 0) return "bounded"
        const found = below(path, entry.path)
        const isFolder = entry.kind === "folder"
        if (isFolder && (options.everything ? repositories : skipped).has(entry.path)) continue
        if (isIgnored(known, below(start, found), isFolder)) continue
        inside.push(isFolder ? { path: found, rules: known } : { found: { ...entry, path: found } })
      }
      waiting.push(...inside.reverse())
    }
    return "whole"
  })

// internal

/** What is still to be done: a folder to read, or a file to tell. Last in, first out, which keeps the order of paths. */
type Pending = { readonly path: string; readonly rules: ReadonlyArray<Rules> } | { readonly found: Found }

/** What one ignore file says, and of which folder: its path relative to the sandbox's own, or absolute. */
interface Rules {
  readonly folder: string
  readonly says: Ignore
}

/** The rules of the folders above one, from the sandbox's own on. Of a folder outside of it, there are none. */
const rulesAbove = (sandbox: Service, start: string): Effect.Effect<ReadonlyArray<Rules>> =>
  Effect.gen(function* () {
    if (start.startsWith("/") || start.split("/").includes("..")) return []
    const names = start.split("/").filter((name) => name !== "" && name !== ".")
    const rules: Array<Rules> = []
    for (let depth = 0; depth < names.length; depth++) {
      const folder = names.slice(0, depth).join("/")
      for (const name of ignoreFiles) rules.push(...(yield* read(sandbox, folder, name)))
    }
    return rules
  })

const withOwn = (
  sandbox: Service,
  start: string,
  path: string,
  entries: ReadonlyArray<FileInfo>,
  rules: ReadonlyArray<Rules>
): Effect.Effect<ReadonlyArray<Rules>> => {
  const names = ignoreFiles.filter((name) => entries.some((entry) => entry.path === name && entry.kind === "file"))
  if (names.length === 0) return Effect.succeed(rules)
  return Effect.map(
    Effect.forEach(names, (name) => read(sandbox, plain(below(start, path)), name)),
    (own) => [...rules, ...own.flat()]
  )
}

const mostBytes = 256 * 1024

const read = (sandbox: Service, folder: string, name: string): Effect.Effect<ReadonlyArray<Rules>> =>
  sandbox.read(below(folder, name), { length: mostBytes }).pipe(
    Effect.flatMap(({ bytes }) =>
      Effect.map(parser, ({ default: ignore }) => [
        { folder, says: ignore({ allowRelativePaths: true }).add(decoder.decode(bytes)) }
      ])
    ),
    Effect.orElseSucceed(() => [])
  )

/** Loaded with the first file of rules. */
const parser = Effect.promise(() => import("ignore"))

const decoder = new TextDecoder()

/** The sandbox's own folder has no name here. */
const plain = (folder: string): string => (folder === "." ? "" : folder)

/** The innermost rule that says something decides. */
const isIgnored = (rules: ReadonlyArray<Rules>, path: string, isFolder: boolean): boolean => {
  for (let index = rules.length - 1; index >= 0; index--) {
    const rule = rules[index]
    if (rule === undefined) continue
    const inside = path.slice(rule.folder === "" || rule.folder === "/" ? rule.folder.length : rule.folder.length + 1)
    const { ignored, unignored } = rule.says.test(isFolder ? `${inside}/` : inside)
    if (ignored || unignored) return ignored
  }
  return false
}
