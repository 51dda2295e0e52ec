/**
 * A search that reads files through the sandbox, for where there is no ripgrep.
 */
import * as Effect from "effect/Effect"
import type { Service } from "../../sandbox/Sandbox.ts"
import type { SandboxError } from "../../sandbox/SandboxError.ts"
import { below } from "./folderPaths.ts"
import type { Search } from "./searching.ts"
import { walk } from "./walk.ts"

/** Searches, and answers what to add about what was passed over. */
export const search = (sandbox: Service, search: Search): Effect.Effect<string, SandboxError> =>
  Effect.gen(function* () {
    if (!search.isFolder) {
      const { bytes } = yield* sandbox.read(search.path)
      inFile(search, search.path, bytes)
      return ""
    }
    let large = 0
    const how = yield* walk(sandbox, search.path, {
      everything: search.everything,
      most: mostEntries,
      visit: (found) => {
        if (found.kind !== "file" || !search.isWanted(found.path)) return Effect.succeed(true)
        if (found.size > search.mostFileBytes) {
          large++
          return Effect.succeed(true)
        }
        const path = below(search.path, found.path)
        return sandbox.read(path).pipe(
          Effect.map(({ bytes }) => inFile(search, path, bytes)),
          // A file that is gone or may not be read has no lines.
          Effect.orElseSucceed(() => true)
        )
      }
    })
    const passed = large === 0 ? "" : `\n(${large} files were too large to be searched.)`
    return how === "bounded" ? `${passed}\n(There are too many files to search them all; give a path.)` : passed
  })

// internal

const mostEntries = 200_000

/** Of a file with this many first bytes one of which is 0, nobody wants lines. */
const peek = 8192

const decoder = new TextDecoder("utf-8")

/** Tells the hits of a file. Answers whether to go on. */
const inFile = (search: Search, path: string, bytes: Uint8Array): boolean => {
  if (bytes.subarray(0, peek).includes(0)) return true
  const text = decoder.decode(bytes).replaceAll("\r\n", "\n")
  // Of a file without a match the lines need not be looked at; only ends of a text are elsewhere than those of its lines.
  if (!/\\[Az]|\(\?/.test(search.pattern) && !search.matches.test(text)) return true
  const lines = text.split("\n")
  if (lines.at(-1) === "") lines.pop()
  let shownTo = -1
  for (const [index, line] of lines.entries()) {
    const match = search.matches.test(line) ? search.matches.find(line) : undefined
    if (match === undefined) continue
    for (let before = Math.max(shownTo + 1, index - search.context); before < index; before++) {
      search.isTold({ path, line: before + 1, text: lines[before] ?? "", isMatch: false, at: 0 })
    }
    if (!search.isTold({ path, line: index + 1, text: line, isMatch: true, at: match[0] })) return false
    shownTo = index
    const end = Math.min(lines.length - 1, index + search.context)
    for (let after = index + 1; after <= end && !isMatch(search, lines[after]); after++) {
      search.isTold({ path, line: after + 1, text: lines[after] ?? "", isMatch: false, at: 0 })
      shownTo = after
    }
  }
  return true
}

const isMatch = ({ matches }: Search, line: string | undefined): boolean => line !== undefined && matches.test(line)
