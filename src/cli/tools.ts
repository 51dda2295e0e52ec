/**
 * The tools of the command line: list, read and search files below one folder, and arithmetic. They only read.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Agent from "../agent/Agent.ts"
import { evaluate, names } from "./internal/arithmetic.ts"
import { list, Refused, read, search } from "./internal/folder.ts"

const Path = Schema.String.annotations({ description: "Path relative to the current folder" })
const Line = Schema.Int.pipe(Schema.positive())

/** A refusal is a result for the model; anything else that goes wrong with a file is too, without its stack. */
const attempt = (run: (signal: AbortSignal) => Promise<string>): Effect.Effect<string, string> =>
  Effect.tryPromise({
    try: run,
    catch: (error) => (error instanceof Refused ? error.message : `That did not work: ${String(error)}`)
  })

const base = { success: Schema.String, failure: Schema.String, readOnly: true, destructive: false } as const

/**
 * Makes the tools for a folder.
 *
 * **Details**
 *
 * - `root`: a real path. Nothing outside of it is read, by whatever way a path leads there.
 * - `.git` and `node_modules` are left out of listings and searches.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (root: string) => [
  Agent.tool(
    "list",
    {
      ...base,
      description: "Lists a folder: files and folders (with a slash), or with recursive all files below it.",
      parameters: { path: Schema.optional(Path), recursive: Schema.optional(Schema.Boolean) }
    },
    ({ path, recursive }) => attempt((signal) => list(root, path ?? ".", { recursive: recursive ?? false, signal }))
  ),
  Agent.tool(
    "read",
    {
      ...base,
      description: "Reads a text file, or the lines from … to of it, counted from 1. Long files come in pieces.",
      parameters: { path: Path, from: Schema.optional(Line), to: Schema.optional(Line) }
    },
    ({ from, path, to }) => attempt(() => read(root, path, { from: from ?? 1, to }))
  ),
  Agent.tool(
    "search",
    {
      ...base,
      description: "Finds the lines that contain a text, in a file or in all files below a folder.",
      parameters: {
        pattern: Schema.String.annotations({ description: "Plain text; case counts only if it has capitals" }),
        path: Schema.optional(Path)
      }
    },
    ({ path, pattern }) => attempt((signal) => search(root, pattern, path ?? ".", signal))
  ),
  Agent.tool(
    "calculate",
    {
      ...base,
      description: `Works out arithmetic: + - * / % ^, brackets, ${names.join(" ")}.`,
      parameters: { expression: Schema.String }
    },
    ({ expression }) => {
      const outcome = evaluate(expression)
      return "value" in outcome ? Effect.succeed(String(outcome.value)) : Effect.fail(outcome.error)
    }
  )
]
