/**
 * Tools that show what files there are: a folder as a tree, and all files whose paths are of a pattern. What ignore files
 * name is passed over, as are the folders that tools keep for themselves.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as PathGuard from "../guard/PathGuard.ts"
import * as Check from "../internal/options.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import type { SandboxError } from "../sandbox/SandboxError.ts"
import * as Tool from "../tool/Tool.ts"
import { below, called } from "./internal/folderPaths.ts"
import { sizeOf } from "./internal/hexDump.ts"
import { skipped, walk } from "./internal/walk.ts"

/**
 * Bounds of what is shown.
 *
 * **Details**
 *
 * - `mostEntries`: of one listing; 400. `mostPerFolder`: of one folder below the one asked for; 60.
 * - `mostFound`: files that one pattern finds; 200. `mostVisited`: entries that are looked at for it; 200,000.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly mostEntries?: number | undefined
  readonly mostPerFolder?: number | undefined
  readonly mostFound?: number | undefined
  readonly mostVisited?: number | undefined
}

/**
 * Makes `list_files`: what a folder holds, with the sizes of files, and as many levels below it as are asked for.
 *
 * **Details**
 *
 * - The folder itself is shown whole, ignored entries and hidden ones too; folders that ignore files name, and those that
 *   tools keep for themselves, are not opened.
 * - Read-only. What it cannot do is a failed result that says what to do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const list = (options: Options = {}): Tool.WithHandler<Sandbox.Sandbox> => {
  const { mostEntries = 400, mostPerFolder = 60 } = checked(options)
  return Tool.make(
    "list_files",
    {
      ...reading,
      description:
        "Lists a folder: folders with a slash, files with their size. With depth it shows what is below, too. " +
        "To find files by name use find_files.",
      parameters: {
        path: Schema.optional(folder),
        depth: Schema.optional(
          Schema.Int.pipe(Schema.between(1, 10)).annotations({ description: "Levels to show; 1 unless given" })
        )
      }
    },
    ({ depth = 1, path = "." }) =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        const lines: Array<string> = []
        let left = mostEntries
        const show = (at: string, level: number): Effect.Effect<void, SandboxError> =>
          Effect.gen(function* () {
            const entries = yield* sandbox.list(at)
            const most = Math.min(left, level === 1 ? mostEntries : mostPerFolder)
            const indent = "  ".repeat(level - 1)
            for (const entry of entries.slice(0, most)) {
              left--
              lines.push(`${indent}${entryLine(entry)}`)
              if (entry.kind === "folder" && level < depth && !skipped.has(entry.path)) {
                yield* Effect.orElseSucceed(show(below(at, entry.path), level + 1), () => undefined)
              }
            }
            if (entries.length > most) lines.push(`${indent}… and ${entries.length - most} more`)
          })
        yield* show(path, 1)
        return lines.length === 0 ? `${path} is an empty folder.` : lines.join("\n")
      }).pipe(Effect.mapError(told))
  )
}

/**
 * Makes `find_files`: the paths of all files that a pattern with `*`, `**`, `?`, `[ab]` and `{a,b}` names.
 *
 * **Details**
 *
 * - A pattern without a slash names files in any folder. The newest files come first.
 * - Read-only. Ignored files are found only if they are asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const find = (options: Options = {}): Tool.WithHandler<Sandbox.Sandbox> => {
  const { mostFound = 200, mostVisited = 200_000 } = checked(options)
  return Tool.make(
    "find_files",
    {
      ...reading,
      description:
        "Finds files by their path, such as **/*.ts, src/**/index.{ts,js} or README*. A pattern without a slash is looked " +
        "for in every folder. Newest first. Files that .gitignore names are left out. To find text in files use search_files.",
      parameters: {
        pattern: Schema.String.annotations({ description: "The pattern, relative to path" }),
        path: Schema.optional(folder),
        includeIgnored: Schema.optional(includeIgnored)
      }
    },
    ({ includeIgnored = false, path = ".", pattern }) =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        // Loaded with the first search: whoever only has the tools does not wait for it.
        const Patterns = yield* Effect.promise(() => import("./internal/patterns.ts"))
        const matches = yield* Patterns.glob(pattern)
        const found: Array<{ readonly path: string; readonly modifiedMillis: number }> = []
        const how = yield* walk(sandbox, path, {
          everything: includeIgnored,
          most: mostVisited,
          visit: (file) =>
            Effect.sync(() => {
              if (matches(file.path)) found.push({ path: file.path, modifiedMillis: file.modifiedMillis })
              return true
            })
        })
        const unseen = how === "bounded" ? `\n(There are too many files to look at them all; give a path.)` : ""
        if (found.length === 0) return `No file of that pattern is in ${called(path)}.${unseen}`
        const shown = found
          .sort((one, other) => other.modifiedMillis - one.modifiedMillis)
          .slice(0, mostFound)
          .map((file) => below(path, file.path))
        const rest = found.length - shown.length
        return `${shown.join("\n")}${rest === 0 ? "" : `\n… and ${rest} more; use a narrower pattern`}${unseen}`
      }).pipe(Effect.mapError(told))
  )
}

/** @internal The paths of the files that no ignore file names, in order, of so many entries of the folder of a sandbox. */
export const paths = (sandbox: Sandbox.Service, most: number): Effect.Effect<ReadonlyArray<string>, SandboxError> =>
  Effect.suspend(() => {
    const found: Array<string> = []
    const visit = ({ path }: { readonly path: string }) =>
      Effect.as(
        Effect.sync(() => found.push(path)),
        true
      )
    return Effect.as(walk(sandbox, "", { everything: false, most, visit }), found)
  })

// internal

const reading = { success: Schema.String, failure: Schema.String, readOnly: true, destructive: false } as const

const folder = PathGuard.path("read").annotations({
  description: "The folder, relative to the working folder; the working folder itself unless given"
})

const includeIgnored = Schema.Boolean.annotations({ description: "Whether ignored files are found, too" })

const checked = (options: Options): Options => {
  for (const name of ["mostEntries", "mostPerFolder", "mostFound", "mostVisited"] as const) {
    Check.whole(`ListFiles option ${name}`, options[name], 1)
  }
  return options
}

const told = (error: SandboxError | string): string => (typeof error === "string" ? error : error.message)

const entryLine = ({ kind, path, size }: Sandbox.FileInfo): string => {
  if (kind === "folder") return `${path}/`
  return kind === "file" ? `${path}  ${sizeOf(size)}` : `${path}  (${kind === "link" ? "a link" : "a special file"})`
}
