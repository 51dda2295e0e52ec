/**
 * Files of a container, by the tools that are in it. All of it is inside, so links lead where they lead; what its user may not
 * read or write is denied by its system.
 */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import type { Content, FileInfo, Service } from "../Sandbox.ts"
import type { Reason } from "../SandboxError.ts"
import { SandboxError } from "../SandboxError.ts"
import { decoded, parsed } from "./confinedNames.ts"
import { attempt, denied, failure, invalid, Refused } from "./confinedReasons.ts"
import { isDraftOfAny } from "./confinedWrite.ts"
import type { Answer, Request } from "./containerShell.ts"
import type { Shells } from "./containerShells.ts"

export interface FilesOptions {
  readonly folder: string
  readonly mostBytes: number
}

/** What an image must have besides a shell. */
export const tools = "cat chmod dd find head ln mkdir mv readlink rm rmdir stat tail true"

export interface Files extends Pick<Service, "read" | "write" | "list" | "stat" | "remove"> {
  /** Everything below a folder. */
  readonly below: (
    operation: string,
    path: string,
    depth: "one" | "all"
  ) => Effect.Effect<ReadonlyArray<FileInfo>, SandboxError>
  /** Where a folder is, in which a program of that name can be run if one is named. */
  readonly locate: (
    folder: string,
    program: string | undefined,
    path: string | undefined
  ) => Effect.Effect<string, SandboxError>
  /** The tools that are missing. */
  readonly missing: Effect.Effect<ReadonlyArray<string>, SandboxError>
}

export const make = (shells: Shells, { folder, mostBytes }: FilesOptions): Files => {
  const writing = Effect.unsafeMakeSemaphore(1)

  /** Asks about a path, and fails with what is answered instead. */
  const ask = (operation: string, path: string, request: (at: string) => Request, again = true) =>
    attempt(operation, path, () => request(absolute(folder, path))).pipe(
      Effect.flatMap((asked) => shells.ask(operation, path, asked, again)),
      Effect.tap((answer) => (answer.status === "ok" ? Effect.void : refuse(operation, path, answer, mostBytes)))
    )

  const below: Files["below"] = (operation, path, depth) =>
    Effect.flatMap(
      ask(operation, path, (at) => ({
        name: depth === "one" ? "list_" : "all_",
        words: [at],
        mostBytes: mostListed
      })),
      ({ parts }) =>
        attempt(operation, path, () =>
          parts
            .map((part) => infoOf(part))
            .map((info) => ({ ...info, path: info.path.replace(/^\.\//, "") }))
            .filter((info) => !isDraftOfAny(info.path.slice(info.path.lastIndexOf("/") + 1)))
            .sort((one, other) => (one.path < other.path ? -1 : 1))
        )
    )

  const readOnce = (path: string, offset: number, length: number | undefined) =>
    Effect.flatMap(
      ask("read", path, (at) => ({
        name: "read_",
        words: [at, offset, length ?? "", mostBytes],
        mostBytes: mostBytes + mostInfo
      })),
      ({ parts: [before, bytes, after] }) =>
        attempt("read", path, (): Content & { readonly isWhole: boolean } => {
          const [first, last] = [infoOf(before), infoOf(after)]
          const content = Uint8Array.from(bytes ?? [])
          // Files that the system makes up have no size.
          const size = first.size === 0 ? offset + content.length : first.size
          return { bytes: content, size, version: first.version, isWhole: first.version === last.version }
        })
    )

  return {
    below,
    stat: (path) =>
      Effect.flatMap(
        ask("stat", path, (at) => ({ name: "stat_", words: [at] })),
        ({ parts }) => attempt("stat", path, () => infoOf(parts[0]))
      ),
    list: (path) => below("list", path, "one"),
    read: (path, { length, offset = 0 } = {}) =>
      Effect.gen(function* () {
        yield* attempt("read", path, () => checkRange({ offset, length }))
        for (let attempts = 1; ; attempts++) {
          const { isWhole, ...content } = yield* readOnce(path, offset, length)
          if (isWhole || attempts === mostReads) return content
        }
      }),
    write: (path, bytes, { expects } = {}) =>
      ask("write", path, (at) => ({
        name: "write_",
        words: [at, expects ?? "", bytes.length, `.axonal-${randomUUID()}.tmp`],
        input: bytes
      })).pipe(
        Effect.flatMap(({ parts }) => attempt("write", path, () => infoOf(parts[0]))),
        writing.withPermits(1)
      ),
    remove: (path, { recursive = false } = {}) =>
      Effect.asVoid(
        ask(
          "remove",
          path,
          (at) => {
            const name = at.replace(/\/+$/, "")
            if (name === "" || /\/\.\.?$/.test(name)) throw denied(ownFolder)
            return { name: "remove_", words: [name, recursive ? "recursive" : "", folder] }
          },
          false
        )
      ),
    locate: (where, program, path) => {
      const request = (at: string): Request => ({ name: "place", words: [at, program ?? "", path ?? ""] })
      return Effect.gen(function* () {
        const at = yield* attempt("exec", where, () => absolute(folder, where))
        const answer = yield* shells.ask("exec", where, request(at))
        if (answer.status === "ok") return decoded(answer.parts[0] ?? new Uint8Array())
        // What has a folder to tell of has found it, and not the program.
        const isProgram = answer.status === "NotFound" || answer.status === "Denied"
        return yield* refuse("exec", isProgram ? (program ?? where) : where, answer, mostBytes)
      })
    },
    missing: Effect.map(
      shells.ask("make", "ContainerSandbox", { name: "missing", words: tools.split(" ") }),
      ({ parts }) => (parts[0]?.toString() ?? "").split(" ").filter((name) => name !== "")
    )
  }
}

// internal

const mostInfo = 64 * 1024
const mostListed = 64 * 1024 * 1024
const mostReads = 3

const ownFolder = "it is the folder of the sandbox, or holds it; remove what is in it"

const absolute = (folder: string, path: string): string => {
  const { absolute } = parsed(path)
  return absolute ? path : `${folder === "/" ? "" : folder}/${path}`
}

const checkRange = (range: { readonly offset: number; readonly length: number | undefined }): void => {
  for (const name of ["offset", "length"] as const) {
    const value = range[name]
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
      throw invalid(`${name} must be a whole number of bytes, 0 or more, got ${value}`)
  }
}

/** What the tools say of a file. */
const infoOf = (part: Buffer | undefined): FileInfo => {
  const text = decoded(part ?? new Uint8Array()).replace(/\n$/, "")
  const found = /^([0-9a-f]+) (\d+) (\d+) (\d+ [^/]*)\/(.*)$/s.exec(text)
  if (found === null) throw new Refused({ _tag: "Unavailable", problem: "the container's tools told nothing of it" })
  const [, raw = "", size = "", seconds = "", rest = "", path = ""] = found
  const mode = Number.parseInt(raw, 16)
  return {
    path,
    kind: kinds[mode >> 12] ?? "other",
    size: Number(size),
    modifiedMillis: Number(seconds) * 1000 + Number(/\.(\d{3})/.exec(rest)?.[1] ?? 0),
    mode: mode & 0o7777,
    version: `${size} ${rest}`
  }
}

const kinds: Readonly<Record<number, FileInfo["kind"]>> = { 4: "folder", 8: "file", 10: "link" }

/** What was answered instead: a word of ours, or what a tool complained of. */
const refuse = (
  operation: string,
  subject: string,
  { parts, status }: Answer,
  most: number
): Effect.Effect<never, SandboxError> => {
  const refused = (reason: Reason) => Effect.fail(new SandboxError({ operation, subject, reason }))
  switch (status) {
    case "NotFound":
    case "NotFile":
    case "NotFolder":
    case "Changed":
      return refused({ _tag: status })
    case "TooLarge":
      return Effect.flatMap(
        attempt(operation, subject, () => infoOf(parts[0]).size),
        (size) => refused({ _tag: "TooLarge", size, most })
      )
    case "Own":
      return refused({ _tag: "Denied", problem: ownFolder })
    case "Denied":
      return refused({ _tag: "Denied", problem: `${subject} cannot be executed` })
  }
  const words = (parts.at(-1)?.toString() ?? "").trim()
  const code = Object.entries(complaints).find(([text]) => words.includes(text))?.[1]
  return failure(operation, subject, code === undefined ? unknown(words) : Object.assign(new Error(words), { code }))
}

const unknown = (words: string): Refused =>
  new Refused({ _tag: "Unavailable", problem: `the container could not do it (${words.slice(0, 300)})` })

/** What the system's errors are called in the language that is called C. */
const complaints: Readonly<Record<string, string>> = {
  "No such file or directory": "ENOENT",
  "Not a directory": "ENOTDIR",
  "Is a directory": "EISDIR",
  "Directory not empty": "ENOTEMPTY",
  "No space left on device": "ENOSPC",
  "Disk quota exceeded": "EDQUOT",
  "File too large": "EFBIG",
  "Permission denied": "EACCES",
  "Operation not permitted": "EPERM",
  "Read-only file system": "EROFS",
  "Device or resource busy": "EBUSY",
  "Resource busy": "EBUSY",
  "File name too long": "ENAMETOOLONG",
  "Invalid or incomplete multibyte": "EILSEQ",
  "Symbolic link loop": "ELOOP",
  "Too many levels of symbolic links": "ELOOP"
}
