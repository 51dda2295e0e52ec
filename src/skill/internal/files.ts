/**
 * Files of a skill: which there are, which of them are scripts, and what is in one. Nothing outside of the skill's folder
 * is ever opened: links are followed to where they lead before anything is read, and what was judged is what is read.
 */
import type * as PlatformError from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Script } from "./model.ts"
import { deepest, largestFile, mostFiles } from "./model.ts"

export interface System {
  readonly files: FileSystem.FileSystem
  readonly path: Path.Path
}

/** Whether a file is a folder or lies below it. Both are without links. */
export const isInside = ({ path }: System, folder: string, file: string): boolean =>
  file === folder || file.startsWith(folder.endsWith(path.sep) ? folder : `${folder}${path.sep}`)

/** The text of a file, which the real path leads to and which is of at most so many bytes. Fails with what is wrong. */
export const textOf = ({ files }: System, file: string, largest: number): Effect.Effect<string, string> =>
  Effect.gen(function* () {
    const { size, type } = yield* Effect.mapError(files.stat(file), unreadable)
    // A pipe would never end.
    if (type !== "File") return yield* Effect.fail("it is no file")
    if (size > largest) return yield* Effect.fail(`it has ${size} bytes: at most ${largest} are read`)
    const bytes = yield* Effect.mapError(files.readFile(file), unreadable)
    if (bytes.length > largest) return yield* Effect.fail(`it has ${bytes.length} bytes: at most ${largest} are read`)
    const text = Either.try(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes))
    return Either.isRight(text) && !text.right.includes("\0")
      ? text.right
      : yield* Effect.fail(`it is no text in UTF-8 (${bytes.length} bytes)`)
  })

/** The text of a file of a skill by its path from there, written with forward slashes. Fails with what is wrong. */
export const read = (system: System, folder: string, text: string): Effect.Effect<string, string> =>
  Effect.gen(function* () {
    const parts = text.split("/").filter((part) => part !== "" && part !== ".")
    const problem = misspelled(system, text, parts)
    if (problem !== undefined) return yield* Effect.fail(problem)
    const asked = system.path.join(folder, ...parts)
    const file = yield* Effect.catchAll(system.files.realPath(asked), (error) =>
      isAbsent(error)
        ? Effect.flatMap(list(system, folder), (there) => Effect.fail(`there is no such file: ${named(there)}`))
        : Effect.fail(unreadable(error))
    )
    if (!isInside(system, folder, file)) return yield* Effect.fail("it leads out of the skill's folder")
    return yield* textOf(system, file, largestFile)
  })

/** The files of a skill besides its `SKILL.md`, in order, hidden ones and links to folders left out. */
export const list = (system: System, folder: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const found: Array<string> = []
    const waiting: Array<ReadonlyArray<string>> = [[]]
    // What is pushed while it is walked is walked, too.
    for (const parts of waiting) {
      for (const entry of yield* entriesOf(system, system.path.join(folder, ...parts))) {
        if (found.length >= mostFiles) return found
        const inner = [...parts, entry]
        const { kind } = yield* placeOf(system, folder, inner)
        if (kind === "folder" && inner.length < deepest && waiting.length < mostFiles) waiting.push(inner)
        if (kind === "file" && inner.join("/") !== "SKILL.md") found.push(inner.join("/"))
      }
    }
    return found
  })

/** The scripts of a skill, and files in their place that can be none. */
export const scripts = (
  system: System,
  skill: string,
  folder: string
): Effect.Effect<{ readonly scripts: ReadonlyArray<Script>; readonly problems: ReadonlyArray<string> }> =>
  Effect.gen(function* () {
    const found = new Map<string, Script>()
    const problems: Array<string> = []
    for (const entry of yield* entriesOf(system, system.path.join(folder, "scripts"))) {
      const [, stem = "", suffix = ""] = /^(.*)\.([^.]+)$/.exec(entry) ?? []
      if (!languages.has(suffix.toLowerCase()) || entry.startsWith("_")) continue
      const { file, kind } = yield* placeOf(system, folder, ["scripts", entry])
      if (kind !== "file") continue
      const path = `scripts/${entry}`
      const tool = `${skill}__${stem}`
      const other = found.get(tool)
      if (!/^[A-Za-z0-9_-]+$/.test(stem)) {
        problems.push(`${path} is no tool: name it with letters, digits, _ and - only`)
      } else if (other !== undefined) {
        problems.push(`${path} is no tool: ${other.path} has its name already`)
      } else {
        found.set(tool, { skill, tool, path, file })
      }
    }
    return { scripts: [...found.values()], problems }
  })

/** The entries of a folder that may be somebody's work, in order: not hidden, not made by tools, and with a name in one line. */
export const plain = (entries: ReadonlyArray<string>): ReadonlyArray<string> =>
  entries.filter((entry) => !entry.startsWith(".") && !skipped.has(entry) && !/\p{Cc}/u.test(entry)).sort()

/** What went wrong with a file, without its path. */
export const unreadable = (error: PlatformError.PlatformError): string => {
  if (error._tag === "BadArgument") return "it cannot be read: its path is not valid"
  const { cause, reason } = error
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : reason
  if (code === "ELOOP") return "it cannot be read: the links on its way run in circles"
  return reason === "PermissionDenied" ? "it cannot be read: permission is denied" : `it cannot be read (${code})`
}

/** Whether there is nothing at a path. */
export const isAbsent = (error: PlatformError.PlatformError): boolean =>
  error._tag === "SystemError" && error.reason === "NotFound"

// internal

/** Endings of what may be run. */
const languages = new Set(["sh", "bash", "py", "js", "mjs", "cjs", "ts", "mts", "rb", "pl", "ps1"])

const misspelled = ({ path }: System, text: string, parts: ReadonlyArray<string>): string | undefined => {
  if (parts.length === 0) return "the path is empty: give one such as references/guide.md"
  if (text.includes("\0") || text.length > 1024) return "that is no path"
  if (path.isAbsolute(text) || text.startsWith("/") || /^[A-Za-z]:/.test(text)) {
    return "paths of a skill are relative: begin at its folder"
  }
  if (text.includes("\\")) return "paths of a skill are written with /"
  if (parts.includes("..")) return "paths of a skill have no .. in them"
  return parts.some((part) => part.startsWith(".")) ? "hidden files of a skill are not read" : undefined
}

const entriesOf = ({ files }: System, folder: string): Effect.Effect<ReadonlyArray<string>> =>
  files.readDirectory(folder).pipe(
    Effect.map(plain),
    Effect.orElseSucceed(() => [])
  )

const skipped = new Set(["node_modules", "__pycache__"])

interface Place {
  readonly kind: "file" | "folder" | "other"
  readonly file: string
}

/** What a path leads to. A link to a folder is nothing, so that no walk goes round in circles. */
const placeOf = (system: System, folder: string, parts: ReadonlyArray<string>): Effect.Effect<Place> => {
  const plain = system.path.join(folder, ...parts)
  const other: Place = { kind: "other", file: plain }
  return Effect.gen(function* () {
    const file = yield* system.files.realPath(plain)
    if (!isInside(system, folder, file)) return other
    const { type } = yield* system.files.stat(file)
    if (type === "File") return { kind: "file", file } as const
    return type === "Directory" && file === plain ? ({ kind: "folder", file } as const) : other
  }).pipe(Effect.orElseSucceed(() => other))
}

const named = (there: ReadonlyArray<string>): string => {
  if (there.length === 0) return "the skill has none besides SKILL.md"
  const rest = there.length > 20 ? ` and ${there.length - 20} more` : ""
  return `there are ${there.slice(0, 20).join(", ")}${rest}`
}
