/**
 * The files of an agent: three tools, and a guard that keeps them in one folder. Relative paths begin there, and what leads
 * elsewhere, by a link or by dots, is refused.
 */
import { FileSystem } from "@effect/platform"
import { Agent } from "axonal"
import * as PathGuard from "axonal/guard/PathGuard"
import { Effect, Schema } from "effect"

const listFiles = Agent.tool(
  "list_files",
  { description: "Lists a folder.", parameters: { folder: PathGuard.path("read") }, readOnly: true },
  ({ folder }) => Effect.flatMap(FileSystem.FileSystem, (files) => files.readDirectory(folder, { recursive: true }))
)

const readFile = Agent.tool(
  "read_file",
  { description: "Reads a file.", parameters: { path: PathGuard.path("read") }, readOnly: true },
  ({ path }) => Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString(path))
)

const writeFile = Agent.tool(
  "write_file",
  { description: "Writes a whole file.", parameters: { path: PathGuard.path("write"), text: Schema.String } },
  ({ path, text }) =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      yield* files.makeDirectory(path.slice(0, path.lastIndexOf("/")), { recursive: true })
      yield* files.writeFileString(path, text)
      return "Written."
    })
)

export const reading = [listFiles, readFile] as const
export const writing = [...reading, writeFile] as const

/** The guard of an agent that has one folder. */
export const within = (folder: string, access: "read" | "write") =>
  PathGuard.layer({
    roots: [{ path: folder, access }],
    tools: PathGuard.pathsOf(listFiles.tool, readFile.tool, writeFile.tool)
  })
