/** What the agents of the swarm can do with the repository. Paths arrive as the guard has judged them: absolute ones. */
import { FileSystem, Path } from "@effect/platform"
import { Agent } from "axonal"
import * as PathGuard from "axonal/guard/PathGuard"
import { Effect, Schema } from "effect"
import * as Cases from "./cases.ts"

// #region tools
const readFile = Agent.tool(
  "read_file",
  { description: "Reads a file", parameters: { path: PathGuard.path("read") }, readOnly: true },
  ({ path }) => Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString(path))
)

const oneAtATime = Effect.unsafeMakeSemaphore(1).withPermits(1)
const editFile = Agent.tool(
  "edit_file",
  {
    description:
      "Replaces a text that is in a file just once, or with an empty text writes a file that is not there yet",
    parameters: { path: PathGuard.path("write"), old: Schema.String, new: Schema.String }
  },
  ({ new: replacement, old, path }) =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const isNew = old === "" && !(yield* files.exists(path))
      const [head = "", tail, ...more] = isNew ? ["", ""] : (yield* files.readFileString(path)).split(old || /(?!)/)
      if (tail === undefined) return yield* Effect.fail("There is no such text. Read the file.")
      if (more.length > 0) return yield* Effect.fail("The text is there more than once. Say more of it.")
      yield* files.makeDirectory((yield* Path.Path).dirname(path), { recursive: true })
      yield* files.writeFileString(path, `${head}${replacement}${tail}`)
      return isNew ? "Written." : "Changed."
    }).pipe(oneAtATime)
)
// #endregion

const listFiles = (folder: string) =>
  Agent.tool("list_files", { description: "Lists all files of the repository", readOnly: true }, () =>
    Effect.map(
      Effect.flatMap(FileSystem.FileSystem, (files) => files.readDirectory(folder, { recursive: true })),
      (names) => names.filter((name) => !name.startsWith(".")).join("\n")
    )
  )

const runCases = (folder: string) =>
  Agent.tool("run_cases", { description: "Runs the cases, and tells which fail", readOnly: true }, () =>
    Effect.map(Cases.failing(folder), (failing) => (failing.length === 0 ? "All cases pass." : failing.join("\n")))
  )

/** The tools for a repository. */
export const make = (folder: string) => [readFile, editFile, listFiles(folder), runCases(folder)] as const
