/**
 * The files of a folder as texts. Everything is bounded, and what cannot be read is a sentence and not a failure, since
 * other files may have problems that are to be told in one go.
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/** Bytes of a file, and files of a folder, at most. */
export const bounds = { bytes: 256 * 1024, files: 500 } as const

/** A problem of a whole file, or of one of its lines. */
export interface Unreadable {
  readonly file: string
  readonly line?: number | undefined
  readonly problem: string
}

/** A file by its path as it is shown, and its name without the folder. */
export interface Found {
  readonly file: string
  readonly folder: string
  readonly name: string
}

/** Whether a file speaks of a team and not of one agent. */
export const isTeam = (name: string): boolean => /^team\.(?:toml|json)$/.test(name)

/** The files of a folder that may be meant, what speaks of the team first. A path of a file means just that one. */
export const list = (
  path: string
): Effect.Effect<Either.Either<ReadonlyArray<Found>, Unreadable>, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const kind = yield* Effect.map(files.stat(path), ({ type }) => type)
    const only = kind === "File" && !isTeam(paths.basename(path)) ? paths.basename(path) : undefined
    const folder = kind === "File" ? paths.dirname(path) : path
    const names = only === undefined ? yield* files.readDirectory(folder) : [only]
    const meant = names.filter((name) => !isPassedOver(name)).sort(teamsFirst)
    if (meant.length <= bounds.files) {
      return Either.right(meant.map((name) => ({ file: paths.join(folder, name), folder, name })))
    }
    const problem = `holds ${meant.length} files, at most ${bounds.files} are read: keep agents in a folder of their own`
    return Either.left({ file: folder, problem })
  }).pipe(Effect.catchAll((error) => Effect.succeed(Either.left({ file: path, problem: reason(error) }))))

/** The text of a file, with single line breaks and without a byte order mark; `undefined` for what is no file. */
export const read = (
  file: string
): Effect.Effect<Either.Either<string | undefined, Unreadable>, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const { size, type } = yield* files.stat(file)
    if (type !== "File") return Either.right(undefined)
    if (size > bounds.bytes) return Either.left({ file, problem: tooLarge })
    const bytes = yield* files.readFile(file)
    if (bytes.length > bounds.bytes) return Either.left({ file, problem: tooLarge })
    return Either.mapLeft(decode(bytes), (problem) => ({ file, ...problem }))
  }).pipe(Effect.catchAll((error) => Effect.succeed(Either.left({ file, problem: reason(error) }))))

/** The text of a file that another one names, which has to be below the folder, links followed, and not hidden. */
export const include = (
  folder: string,
  name: string
): Effect.Effect<Either.Either<string, string>, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const wanted = paths.join(folder, name)
    const outside = Either.left(`${name} is outside of ${folder}: only files below it can be included`)
    if (paths.isAbsolute(name) || !isBelow(paths, folder, wanted)) return outside
    if (
      paths
        .relative(folder, wanted)
        .split(/[\\/]/)
        .some((part) => part.startsWith("."))
    ) {
      return Either.left(`${name} is hidden: give the file a name without a dot at the beginning`)
    }
    const real = yield* files.realPath(wanted)
    if (!isBelow(paths, yield* files.realPath(folder), real)) return outside
    const text = Either.mapLeft(yield* read(real), ({ line, problem }) =>
      line === undefined ? `${name} ${problem}` : `${name}:${line} ${problem}`
    )
    return Either.flatMap(text, (text) =>
      text === undefined ? Either.left(`${name} is no file: name one`) : Either.right(text)
    )
  }).pipe(Effect.catchAll((error) => Effect.succeed(Either.left(`${name} ${reason(error)}`))))

// internal

const isPassedOver = (name: string): boolean => name.startsWith(".") || /^readme\.md$/i.test(name)

const teamsFirst = (left: string, right: string): number => {
  if (isTeam(left) !== isTeam(right)) return isTeam(left) ? -1 : 1
  return left < right ? -1 : left > right ? 1 : 0
}

const tooLarge = `is larger than ${bounds.bytes / 1024} KiB: keep long texts out of it`

const isBelow = (paths: Path.Path, folder: string, file: string): boolean => {
  const way = paths.relative(folder, file)
  return way !== "" && way !== ".." && !way.startsWith("../") && !way.startsWith("..\\") && !paths.isAbsolute(way)
}

const reason = (error: PlatformError.PlatformError): string => {
  if (error._tag === "BadArgument") return `cannot be read: ${error.description ?? "its path is none"}`
  if (error.reason === "NotFound") return "does not exist: create it, or correct the path"
  if (error.reason === "PermissionDenied") return "may not be read: permission denied"
  return `cannot be read: ${error.reason}`
}

const strict = new TextDecoder("utf-8", { fatal: true })

const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

const decode = (
  bytes: Uint8Array
): Either.Either<string, { readonly line?: number | undefined; readonly problem: string }> => {
  const [first = 0, second = 0] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return Either.left({ line: 1, problem: "is UTF-16: save it as UTF-8" })
  }
  const text = textOf(bytes)
  if (text === undefined) return Either.left({ line: badLine(bytes), problem: "is not UTF-8: save it as UTF-8" })
  const zero = text.indexOf("\0")
  if (zero < 0) return Either.right(text.replace(/\r\n/g, "\n"))
  return Either.left({ line: text.slice(0, zero).split("\n").length, problem: "has a NUL character: it is no text" })
}

/** The first line that is no UTF-8 by itself; a line break is never part of another character. */
const badLine = (bytes: Uint8Array): number => {
  let line = 1
  for (let from = 0; from <= bytes.length; line++) {
    const found = bytes.indexOf(10, from)
    const end = found < 0 ? bytes.length : found
    if (textOf(bytes.subarray(from, end)) === undefined) return line
    from = end + 1
  }
  return 1
}
