/**
 * The tool that finds text in files. Where the sandbox has ripgrep, that does the search; otherwise files are read and
 * searched here, with the same rules of what is looked at and the same answer.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as PathGuard from "../guard/PathGuard.ts"
import * as Check from "../internal/options.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import * as Tool from "../tool/Tool.ts"
import { below, called } from "./internal/folderPaths.ts"
import type { Hit, Search } from "./internal/searching.ts"
import { shown } from "./internal/searching.ts"
import * as Own from "./internal/searchOwn.ts"
import * as Ripgrep from "./internal/searchRipgrep.ts"

/**
 * How the search is done, and how much it shows.
 *
 * **Details**
 *
 * - `mostMatches`: lines of matches; 100. `mostFileBytes`: larger files are passed over; 16 MiB.
 * - `ripgrep`: whether it is used where it is there; yes. It is much faster in large folders.
 * - `isPassedOver`: files of a folder that are not looked into, by their path in it; none. One that is named is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly mostMatches?: number | undefined
  readonly mostFileBytes?: number | undefined
  readonly ripgrep?: boolean | undefined
  readonly isPassedOver?: ((path: string) => boolean) | undefined
}

/**
 * Makes `search_files`: the lines of files that match a regular expression, or hold a text.
 *
 * **Details**
 *
 * - Expressions are those that take linear time: no look-arounds and no back-references.
 * - Case counts only if the pattern has capitals, unless said otherwise. Binary files and what ignore files name are passed over.
 * - Read-only. What it cannot do is a failed result that says what to do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Tool.WithHandler<Sandbox.Sandbox> => {
  Check.whole("SearchFiles option mostMatches", options.mostMatches, 1)
  Check.whole("SearchFiles option mostFileBytes", options.mostFileBytes, 1)
  const { isPassedOver = () => false, mostFileBytes = 16 * 1024 * 1024, mostMatches = 100, ripgrep = true } = options
  return Tool.make(
    "search_files",
    {
      description:
        "Finds lines in files by a regular expression (without look-arounds), in a file or in all files below a folder. " +
        "Lower case finds both cases. Files that .gitignore names and binary files are left out.",
      parameters: {
        pattern: Schema.String.annotations({ description: "The expression, matched against each line" }),
        path: Schema.optional(
          PathGuard.path("read").annotations({ description: "A file or folder; the working folder unless given" })
        ),
        files: Schema.optional(
          PathGuard.path("none").annotations({
            description: "Only files of this pattern, such as *.ts or src/**/*.{js,ts}"
          })
        ),
        literal: Schema.optional(flag("Whether the pattern is plain text")),
        matchCase: Schema.optional(flag("Whether case counts in any case")),
        context: Schema.optional(
          Schema.Int.pipe(Schema.between(0, 20)).annotations({ description: "Lines to show around each match; 0" })
        ),
        onlyPaths: Schema.optional(flag("Whether only the paths of the files are wanted, with the number of matches")),
        includeIgnored: Schema.optional(flag("Whether ignored files are searched, too"))
      },
      success: Schema.String,
      failure: Schema.String,
      readOnly: true,
      destructive: false
    },
    ({
      context = 0,
      files,
      includeIgnored = false,
      literal = false,
      matchCase,
      onlyPaths = false,
      path = ".",
      pattern
    }) =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        const ignoreCase = matchCase === true ? false : pattern === pattern.toLowerCase()
        // Loaded with the first search: whoever only has the tools does not wait for it.
        const Patterns = yield* Effect.promise(() => import("./internal/patterns.ts"))
        const matches = yield* Patterns.expression(pattern, { literal, ignoreCase })
        const isOf = files === undefined ? () => true : yield* Patterns.glob(files)
        const isWanted = (path: string): boolean => isOf(path) && !isPassedOver(path)
        const start = yield* sandbox.stat(path)
        const hits: Array<Hit> = []
        const counts = new Map<string, number>()
        let found = 0
        const search: Search = {
          ...{ pattern, files, literal, ignoreCase, context, matches, isWanted, mostFileBytes },
          path: below(path, ""),
          isFolder: start.kind === "folder",
          everything: includeIgnored,
          isTold: (hit) => {
            if (!hit.isMatch) {
              if (!onlyPaths) hits.push(hit)
              return true
            }
            counts.set(hit.path, (counts.get(hit.path) ?? 0) + 1)
            found++
            if (!onlyPaths) hits.push(hit)
            return onlyPaths ? counts.size <= mostMatches : found <= mostMatches
          }
        }
        const isThere = ripgrep && (yield* Ripgrep.isThere(sandbox))
        const passed = yield* isThere ? Ripgrep.search(sandbox, search) : Own.search(sandbox, search)
        if (found === 0) {
          return `No line matches in ${called(path)}.${files === undefined ? "" : ` Only files of ${files} were searched.`}${passed}`
        }
        return `${onlyPaths ? listed(counts, mostMatches) : shown(hits, mostMatches)}${passed}`
      }).pipe(Effect.mapError((error) => (typeof error === "string" ? error : error.message)))
  )
}

// internal

const flag = (description: string) => Schema.Boolean.annotations({ description })

const listed = (counts: ReadonlyMap<string, number>, most: number): string => {
  const lines = [...counts].slice(0, most).map(([path, count]) => `${path} (${count})`)
  return counts.size > most
    ? `${lines.join("\n")}\n… and more files; search in one folder to see them`
    : lines.join("\n")
}
