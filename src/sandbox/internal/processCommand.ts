/**
 * A command as the system takes it: what is run for it, which limits it gets on the way, and what it means when it cannot be.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import type * as Sandbox from "../Sandbox.ts"
import type { Reason, SandboxError } from "../SandboxError.ts"
import { usualPath } from "./environment.ts"
import { failure, subjectOf } from "./running.ts"

/** What is given to the system. */
export interface Launch {
  readonly file: string
  readonly arguments: ReadonlyArray<string>
}

export const shell = "/bin/sh"

/** The shell's words for limits that the command and all that it starts inherit. */
export const limitWords = (mark: number | undefined, fileBytes: number | undefined): string => {
  const limits: Array<string> = mark === undefined ? [] : [`-t ${mark}`, `-m ${mark}`]
  if (fileBytes !== undefined && Number.isFinite(fileBytes)) limits.push(`-f ${Math.ceil(fileBytes / 512)}`)
  // One that the host's own limits do not allow is left as it is.
  return limits.map((limit) => `ulimit ${limit} 2>/dev/null;`).join("")
}

/** The command with these limits. A line stays on the first line of the script, where the shell's complaints count from. */
export const launch = (command: Sandbox.Command, words: string): Launch => {
  if (typeof command === "string") return { file: shell, arguments: ["-c", `${words}${command}`] }
  const [program, ...rest] = command
  if (words === "") return { file: program, arguments: rest }
  return { file: shell, arguments: ["-c", `${words}exec "$@"`, "sh", program, ...rest] }
}

/** What is wrong with a command before anything is done, if anything is. */
export const fault = (command: Sandbox.Command): string | undefined => {
  if (typeof command === "string") return command.includes("\0") ? "the line has NUL in it" : undefined
  if (command[0] === "") return "the name of the program is empty"
  if (command.some((word) => word.includes("\0"))) return "the program or one of its arguments has NUL in it"
  return undefined
}

/** Where a program is, or why it cannot be run; `seen` says what a path in the sandbox is on this machine, if anything. */
export const locate = (
  program: string,
  path: string | undefined,
  folder: string,
  seen: (path: string) => string | undefined = (path) => path
): string | Reason => {
  const places = program.includes("/")
    ? [program]
    : (path ?? usualPath).split(":").map((place) => `${place || "."}/${program}`)
  let denied: Reason | undefined
  for (const place of places) {
    const absolute = Path.resolve(folder, place)
    const here = seen(absolute)
    if (here === undefined) continue
    const state = stateOf(here)
    if (state === "ready") return absolute
    if (state === "denied") denied = { _tag: "Denied", problem: `${absolute} cannot be executed` }
  }
  return denied ?? { _tag: "NotFound" }
}

/** Why the system would not start a command. */
export const refused = (command: Sandbox.Command, folder: string, error: unknown): SandboxError => {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
  const subject = subjectOf(command)
  const unavailable = (problem: string): SandboxError => failure(subject, { _tag: "Unavailable", problem })
  switch (code) {
    case "ENOENT":
      if (!Fs.existsSync(folder)) return failure(folder, { _tag: "NotFound" })
      if (!Fs.existsSync(shell)) return unavailable(`there is no ${shell} on this machine; install a POSIX shell there`)
      return failure(subject, { _tag: "NotFound" })
    case "ENOTDIR":
      return failure(folder, { _tag: "NotFolder" })
    case "EACCES":
    case "EPERM":
      return failure(subject, {
        _tag: "Denied",
        problem: "the system does not let it be executed, or not in that folder"
      })
    case "E2BIG":
      return failure(subject, {
        _tag: "Invalid",
        problem: "its line or its arguments and environment are longer than the system takes; give it a file, or input"
      })
    case "EAGAIN":
      return unavailable(
        "the system starts no more processes for this user now; end some, or raise its limit (ulimit -u)"
      )
    case "ENOMEM":
      return unavailable("the system has no memory left for another process; end some")
    case "EMFILE":
    case "ENFILE":
      return unavailable(
        "too many files are open to start a command; run fewer at once, or raise the limit (ulimit -n)"
      )
    default:
      return unavailable(`the system did not start it (${code})`)
  }
}

// internal

const stateOf = (path: string): "ready" | "denied" | "absent" => {
  try {
    const stat = Fs.statSync(path, { throwIfNoEntry: false })
    if (stat === undefined) return "absent"
    if (!stat.isFile()) return "denied"
    Fs.accessSync(path, Fs.constants.X_OK)
    return "ready"
  } catch {
    return "denied"
  }
}
