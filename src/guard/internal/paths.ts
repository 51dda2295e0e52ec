/**
 * Where a path leads: how it is written, which links are on its way, and which folders it lies in. What cannot be read in
 * one way only is refused, because the tool might read it in the other.
 */
import type * as PlatformError from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/** The machine on which a path means something. `home` is what `~` stands for. */
export interface System {
  readonly files: FileSystem.FileSystem
  readonly path: Path.Path
  readonly home: string | undefined
}

const maxLength = 4096

/** As many links as the systems themselves follow. */
const maxLinks = 40

/** The path as the file system will read it, absolute or not, or what is wrong with how it is written. */
export const spelled = (system: System, text: string): Either.Either<string, string> => {
  const written = misspelled(system, text)
  if (written !== undefined) return Either.left(written)
  if (/^file:/i.test(text)) return Either.flatMap(fromUrl(text), (path) => spelled(system, path))
  if (!text.startsWith("~")) return Either.right(text)
  const rest = text.slice(1)
  if (rest !== "" && !rest.startsWith("/") && !rest.startsWith(system.path.sep)) {
    return Either.left(
      "it begins with ~, which may stand for another person's folder: begin it with ./ if it is a name"
    )
  }
  return system.home === undefined
    ? Either.left("it begins with ~, and which folder that is, is not known here: write it out")
    : Either.right(`${system.home}${rest}`)
}

/**
 * The path without links, `.` and `..`, from an absolute folder. Links are followed before `..`, as the system does, and
 * whether or not the path exists. With `last: false` the last part is not followed: it is the entry itself that is meant.
 */
export const resolved = (system: System, from: string, text: string, last: boolean): Effect.Effect<string, string> => {
  const { path } = system
  const absolute = path.isAbsolute(text) ? text : `${from}${path.sep}${text}`
  const { root } = path.parse(absolute)
  const parts = partsOf(path, absolute.slice(root.length))
  // What ends with a slash or a dot is what a link there leads to.
  const follows = last || /(?:^|[\\/])\.?$/.test(text)
  return whole(system, path.normalize(root), parts, follows)
}

/** Whether a file is a folder or lies below it. */
export const isInside = (path: Path.Path, folder: string, file: string): boolean =>
  file === folder || file.startsWith(folder.endsWith(path.sep) ? folder : `${folder}${path.sep}`)

/** The same text for all names that some file system holds for one. */
export const folded = (text: string): string => text.normalize("NFKC").toLowerCase().normalize("NFKC")

/** Whether a text is written like a path that leads somewhere: from a root, from home, or upwards. */
export const looksLikePath = (text: string): boolean => shape.test(text) || upwards.test(text)

const shape = /^\s*(?:~|[\\/]|\.{1,2}(?:[\\/]|$)|file:|[a-z]:[\\/])/i
const upwards = /(?:^|[\\/])\.\.(?:[\\/]|$)|%(?:25)*(?:2e|2f|5c)/i

const isWindows = (path: Path.Path): boolean => path.sep === "\\"

/** What in the spelling of a path has two readings, or none. */
const misspelled = ({ path }: System, text: string): string | undefined => {
  if (text.length > maxLength) return `it is longer than ${maxLength} characters`
  if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)) return "it contains characters that cannot be seen"
  if (text !== text.trim()) return "it begins or ends with a space"
  if (/%(?:25)*(?:2e|2f|5c|00)/i.test(text) && !/^file:/i.test(text))
    return "it is written with percent signs: decode it"
  const plain = text.normalize("NFKC")
  if (count(plain, /[\\/]/g) !== count(text, /[\\/]/g) || count(plain, /\.\./g) !== count(text, /\.\./g)) {
    return "it contains characters that stand for slashes or dots: write those"
  }
  if (/^(?!file:)[a-z][a-z0-9+.-]+:\/\//i.test(text)) return "it is a URL and no path"
  return isWindows(path)
    ? misspelledOnWindows(text)
    : text.includes("\\")
      ? "it contains a backslash: use /"
      : undefined
}

const misspelledOnWindows = (text: string): string | undefined => {
  if (/^[\\/]{2}[.?][\\/]/.test(text)) return "it names a device: begin it with a drive"
  if (/^[a-z]:(?![\\/])/i.test(text)) return "it names a drive without a folder"
  if (/:/.test(text.replace(/^(?:file:|[a-z]:)/i, ""))) return "it contains a colon, which opens a stream of a file"
  if (/~\d/.test(text)) return "it contains the short form of a name: write it out"
  return text.split(/[\\/]/).some((part) => /[. ]$/.test(part) && !/^\.{1,2}$/.test(part))
    ? "a part of it ends with a dot or a space"
    : undefined
}

const count = (text: string, what: RegExp): number => text.match(what)?.length ?? 0

const fromUrl = (text: string): Either.Either<string, string> => {
  if (!URL.canParse(text)) return Either.left("it is no valid file: URL")
  const { hash, host, pathname, search } = new URL(text)
  if (host !== "" && host !== "localhost") return Either.left("its file: URL names another machine")
  if (hash !== "" || search !== "") return Either.left("its file: URL has more than a path")
  if (/%(?:2f|5c|00)/i.test(pathname)) return Either.left("its file: URL hides a slash")
  try {
    const path = decodeURIComponent(pathname)
    return Either.right(/^\/[a-z]:\//i.test(path) ? path.slice(1) : path)
  } catch {
    return Either.left("it is no valid file: URL")
  }
}

const partsOf = (path: Path.Path, text: string): ReadonlyArray<string> =>
  text.split(isWindows(path) ? /[\\/]+/ : /\/+/).filter((part) => part !== "" && part !== ".")

/**
 * Goes as far as the system can by itself, which is one question for many parts, and part by part where it cannot: up from
 * what it has found, and beyond what there is.
 */
const whole = (
  system: System,
  current: string,
  parts: ReadonlyArray<string>,
  last: boolean
): Effect.Effect<string, string> => {
  const { files, path } = system
  const up = parts.indexOf("..")
  if (up === 0) return Effect.suspend(() => whole(system, path.dirname(current), parts.slice(1), last))
  const end = up > 0 ? up : last ? parts.length : parts.length - 1
  const from = (count: number): Effect.Effect<string, string> =>
    count <= 0
      ? step(system, current, parts, last, 0)
      : Effect.matchEffect(files.realPath(below(path, current, parts.slice(0, count))), {
          onFailure: () => from(count - 1),
          onSuccess: (found) =>
            up > 0 && count === end
              ? whole(system, found, parts.slice(count), last)
              : step(system, found, parts.slice(count), last, 0)
        })
  return from(end)
}

const below = (path: Path.Path, folder: string, parts: ReadonlyArray<string>): string =>
  `${folder.endsWith(path.sep) ? folder : folder + path.sep}${parts.join(path.sep)}`

/** Goes one part on from a folder that has no links in it. */
const step = (
  system: System,
  current: string,
  parts: ReadonlyArray<string>,
  last: boolean,
  links: number
): Effect.Effect<string, string> =>
  Effect.suspend(() => {
    const { files, path } = system
    const [part, ...rest] = parts
    if (part === undefined) return Effect.succeed(current)
    if (part === "..") return step(system, path.dirname(current), rest, last, links)
    const next = current.endsWith(path.sep) ? `${current}${part}` : `${current}${path.sep}${part}`
    if (rest.length === 0 && !last) return Effect.succeed(next)
    return Effect.matchEffect(files.readLink(next), {
      onFailure: (error) =>
        isNoLink(error) ? step(system, next, rest, last, links) : Effect.fail("what is on its way cannot be looked at"),
      onSuccess: (target) => {
        if (links >= maxLinks) return Effect.fail("the links on its way run in circles")
        const root = path.isAbsolute(target) ? path.parse(target).root : ""
        const onwards = [...partsOf(path, target.slice(root.length)), ...rest]
        return step(system, root === "" ? current : path.normalize(root), onwards, last, links + 1)
      }
    })
  })

/** Whether reading a link failed because there is none: another kind of file, or nothing. */
const isNoLink = (error: PlatformError.PlatformError): boolean => {
  if (error._tag === "BadArgument" || error.reason === "PermissionDenied") return false
  if (error.reason !== "Unknown") return true
  const { cause } = error
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : "EINVAL"
  return code === "EINVAL" || code === "UNKNOWN"
}
