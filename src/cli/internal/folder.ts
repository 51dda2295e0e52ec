/**
 * Reads below one folder and nowhere else. Real paths are compared, so neither `..` nor a symbolic link leads out. All
 * sizes are bounded, and refusals are sentences for a model to act on.
 */

import type { Dirent } from "node:fs"
import { constants } from "node:fs"
import { open, readdir, realpath, stat } from "node:fs/promises"
import { isAbsolute, join, relative, resolve, sep } from "node:path"

/** Something was refused or is not there. The message is meant for the model and the person. */
export class Refused extends Error {}

const ignored: ReadonlySet<string> = new Set([".git", "node_modules"])

const bounds = {
  /** Entries of one listing that are shown. */
  entries: 1000,
  /** Files one walk visits. */
  files: 20_000,
  /** Bytes of a file that is read. */
  bytes: 16 * 1024 * 1024,
  /** Bytes of a file that is searched. */
  searched: 2 * 1024 * 1024,
  /** Lines and characters of one reading. */
  lines: 500,
  characters: 24_000,
  /** Matches of one search that are shown, and characters of each line. */
  matches: 100,
  line: 240
} as const

const inside = (root: string, path: string): boolean => {
  const way = relative(root, path)
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

/** The real path of something below the root. */
const locate = async (root: string, path: string): Promise<string> => {
  const outside = new Refused(`${path} is outside of ${root}; only files below it may be read.`)
  const wanted = resolve(root, path)
  if (path.includes("\0")) throw new Refused("A path cannot contain a NUL character.")
  if (!inside(root, wanted)) throw outside
  const real = await realpath(wanted).catch((error: unknown) => Promise.reject(explain(path, error)))
  if (!inside(root, real)) throw outside
  return real
}

const explain = (path: string, error: unknown): Refused => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error"
  const words: Readonly<Record<string, string>> = {
    ENOENT: "does not exist",
    ENOTDIR: "is not below a folder",
    EACCES: "may not be read: permission denied",
    EPERM: "may not be read: permission denied",
    ELOOP: "is a loop of symbolic links",
    EISDIR: "is a folder"
  }
  return new Refused(`${path} ${words[code] ?? `cannot be read (${code})`}.`)
}

const shown = (root: string, path: string): string => relative(root, path).split(sep).join("/") || "."

/** The names in a folder, folders with a slash; with `recursive` the paths of all files below it. */
export const list = async (
  root: string,
  path: string,
  options: { readonly recursive: boolean; readonly signal: AbortSignal }
): Promise<string> => {
  const folder = await locate(root, path)
  if (!(await stat(folder)).isDirectory()) throw new Refused(`${path} is a file, not a folder.`)
  const lines: Array<string> = []
  let total = 0
  const add = (line: string): void => {
    total++
    if (lines.length < bounds.entries) lines.push(line)
  }
  if (options.recursive) {
    for await (const file of walk(folder, options.signal)) add(shown(folder, file))
  } else {
    for (const entry of await entriesOf(folder, path)) add(entry.isDirectory() ? `${entry.name}/` : entry.name)
  }
  if (total === 0) return "[empty]"
  const what = options.recursive ? "files" : "entries"
  if (total > lines.length) lines.push(`[${lines.length} of ${total} ${what} shown; list a folder below for the rest]`)
  return lines.join("\n")
}

/** Lines of a text file, the first ones unless told otherwise, and a note when there are more. */
export const read = async (
  root: string,
  path: string,
  range: { readonly from: number; readonly to: number | undefined }
): Promise<string> => {
  const text = await textOf(await locate(root, path), path, bounds.bytes)
  const lines = text.split("\n")
  // The last line of a file ends with a line break, it is not followed by an empty one.
  const total = lines.at(-1) === "" ? lines.length - 1 : lines.length
  if (range.from > Math.max(total, 1)) throw new Refused(`${path} has ${total} lines, there is no line ${range.from}.`)
  const wanted = lines.slice(range.from - 1, Math.min(range.to ?? total, total, range.from - 1 + bounds.lines))
  const kept: Array<string> = []
  let size = 0
  for (const line of wanted) {
    const cut = line.length > bounds.characters ? `${line.slice(0, bounds.characters)} [line cut]` : line
    if (kept.length > 0 && size + cut.length > bounds.characters) break
    size += cut.length + 1
    kept.push(cut)
  }
  const last = range.from - 1 + kept.length
  const whole = range.from === 1 && last >= total
  if (whole) return total === lines.length || total === 0 ? kept.join("\n") : `${kept.join("\n")}\n`
  const more = last < total ? `; read on with from: ${last + 1}` : ""
  return `${kept.join("\n")}\n[lines ${range.from}-${last} of ${total} shown${more}]`
}

/** The lines that contain a text, as `path:line: text`. Case counts only when the text has capitals. */
export const search = async (root: string, pattern: string, path: string, signal: AbortSignal): Promise<string> => {
  if (pattern === "") throw new Refused("The text to search for is empty.")
  const start = await locate(root, path)
  const folds = pattern === pattern.toLowerCase()
  const lines: Array<string> = []
  let total = 0
  const files = (await stat(start)).isDirectory() ? walk(start, signal) : [start]
  for await (const file of files) {
    const text = await textOf(file, file, bounds.searched).catch(() => "")
    if (!(folds ? text.toLowerCase() : text).includes(pattern)) continue
    for (const [index, line] of text.split("\n").entries()) {
      if (!(folds ? line.toLowerCase() : line).includes(pattern)) continue
      total++
      if (lines.length < bounds.matches) lines.push(`${shown(root, file)}:${index + 1}: ${clip(line.trim())}`)
    }
  }
  if (total === 0) return `No match for ${JSON.stringify(pattern)}.`
  if (total > lines.length)
    lines.push(`[${lines.length} of ${total} matches shown; search a folder below for the rest]`)
  return lines.join("\n")
}

const clip = (line: string): string => (line.length <= bounds.line ? line : `${line.slice(0, bounds.line)} …`)

/** Sorted, so that the same folder always reads the same. */
const entriesOf = async (folder: string, path: string): Promise<ReadonlyArray<Dirent>> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) =>
    Promise.reject(explain(path, error))
  )
  return entries.filter(({ name }) => !ignored.has(name)).sort((left, right) => (left.name < right.name ? -1 : 1))
}

/** All regular files below a folder. Symbolic links are not followed, folders that cannot be read are passed over. */
async function* walk(folder: string, signal: AbortSignal): AsyncGenerator<string> {
  const folders = [folder]
  let visited = 0
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const below: Array<string> = []
    for (const entry of await entriesOf(next, next).catch(() => [])) {
      if (signal.aborted || visited >= bounds.files) return
      if (entry.isDirectory()) below.push(join(next, entry.name))
      else if (entry.isFile()) {
        visited++
        yield join(next, entry.name)
      }
    }
    folders.push(...below.reverse())
  }
}

/** The text of a regular file that is not too large and not binary. */
const textOf = async (real: string, path: string, most: number): Promise<string> => {
  // A pipe would block at opening, and the last link must not be followed: it was resolved before.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0)
  const file = await open(real, flags).catch((error: unknown) => Promise.reject(explain(path, error)))
  try {
    const info = await file.stat()
    if (info.isDirectory()) throw new Refused(`${path} is a folder; list it instead.`)
    if (!info.isFile()) throw new Refused(`${path} is not a regular file.`)
    if (info.size > most) throw new Refused(`${path} is too large to read (${info.size} bytes).`)
    const bytes = await file.readFile()
    if (bytes.subarray(0, 8192).includes(0)) throw new Refused(`${path} is a binary file (${info.size} bytes).`)
    return bytes
      .toString("utf8")
      .replace(/^\uFEFF/, "")
      .replace(/\r\n/g, "\n")
  } finally {
    await file.close()
  }
}
