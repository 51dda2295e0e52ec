/**
 * The files of settings as one: the project's over the user's own, as far as the project is trusted, with every path made
 * whole and every file of instructions read.
 */
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Environment } from "../environment.ts"
import { systemCode, UsageError } from "../errors.ts"
import { textOf as fileText } from "../internal/fileText.ts"
import { oneLine } from "../internal/words.ts"
import type { Found } from "./files.ts"
import * as Files from "./files.ts"
import type { Read } from "./read.ts"
import * as Reading from "./read.ts"
import type { Settings } from "./strict.ts"
import { stricter } from "./strict.ts"
import * as Trust from "./trust.ts"

/**
 * What the files say.
 *
 * **Details**
 *
 * - `instructions`: texts, those of files among them. `isTrusted`: whether the user vouches for the project.
 * - `notes`: what of the project does not count, in a line.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loaded {
  readonly settings: Omit<Settings, "instructions" | "instructionFiles">
  readonly instructions: ReadonlyArray<string>
  readonly isTrusted: boolean
  readonly notes: ReadonlyArray<string>
}

/**
 * Reads the files.
 *
 * **Details**
 *
 * - Lists of both files are put together, anything else is the project's if it says it.
 * - Errors: all mistakes of all files.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (found: Found, environment: Environment): Effect.Effect<Loaded, UsageError> =>
  Effect.suspend(() => {
    const problems: Array<string> = []
    const user = one(found.user, problems)
    const project = one(found.project, problems)
    const state = Trust.stateOf(environment, found.folder)
    const isTrusted = state === "trusted"
    const [userFile = ""] = found.user
    const [projectFile = ""] = found.project
    const counted = isTrusted
      ? { config: project, dropped: [] }
      : stricter(project, user, (path) => Files.isWithin(found.folder, whole(found.folder, path)))
    const all = [anchored(user, dirname(userFile)), anchored(counted.config, found.folder)] as const
    const texts = all.flatMap(({ instructionFiles = [], instructions = [] }) => [
      ...[instructions].flat(),
      ...instructionFiles.flatMap((file) => textOf(file, problems))
    ])
    if (problems.length > 0) return new UsageError({ message: problems.join("\n"), see: "axonal doctor" })
    const { instructionFiles: _files, instructions: _texts, ...settings } = merged(...all)
    const how = state === "changed" ? "has changed since you trusted it" : "is not trusted"
    const notes =
      counted.dropped.length === 0
        ? []
        : [oneLine(`${projectFile} ${how}: ${counted.dropped.join(", ")} do not count. Read it, then: axonal trust`)]
    return Effect.succeed({ settings, instructions: texts, isTrusted, notes })
  })

// internal

const one = (files: ReadonlyArray<string>, problems: Array<string>): Settings => {
  const [file, second] = files
  if (file === undefined) return {}
  if (second !== undefined) problems.push(oneLine(`${file} and ${second} are both there: remove one`))
  const read: Read = Reading.read(file)
  if (Either.isRight(read)) return read.right
  problems.push(...read.left)
  return {}
}

const whole = (folder: string, path: string): string =>
  resolve(folder, path.startsWith("~/") ? join(homedir(), path.slice(2)) : path)

const anchored = (config: Settings, folder: string): Settings => {
  const all = (paths: ReadonlyArray<string> | undefined) => paths?.map((path) => whole(folder, path))
  return {
    ...config,
    instructionFiles: all(config.instructionFiles),
    skills: all(config.skills),
    agents: all(config.agents),
    dataDir: config.dataDir === undefined ? undefined : whole(folder, config.dataDir)
  }
}

/** Also when a link in the project leads elsewhere. */
const merged = (user: Settings, project: Settings): Settings => ({
  ...user,
  ...Object.fromEntries(Object.entries(project).filter(([, value]) => value !== undefined)),
  skills: together(user.skills, project.skills),
  agents: together(user.agents, project.agents),
  rules: together(user.rules, project.rules),
  mcp: { ...user.mcp, ...project.mcp, off: together(user.mcp?.off, project.mcp?.off) ?? [] }
})

const together = <A>(
  one: ReadonlyArray<A> | undefined,
  other: ReadonlyArray<A> | undefined
): ReadonlyArray<A> | undefined => (one === undefined ? other : [...one, ...(other ?? [])])

const textOf = (file: string, problems: Array<string>): ReadonlyArray<string> => {
  try {
    const text = fileText(file).trim()
    if (text.length <= most) return text === "" ? [] : [text]
    problems.push(oneLine(`${file}: more than ${most} characters of instructions`))
  } catch (error) {
    const code = systemCode(error)
    problems.push(oneLine(`${file}: these instructions cannot be read (${code})`))
  }
  return []
}

/** Instructions go with every request. */
const most = 50_000
