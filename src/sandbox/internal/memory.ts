/**
 * Files that are nowhere but in memory, and commands that a function answers.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import * as Options from "../../internal/options.ts"
import type { Change, MemoryOptions, Service, WriteOptions } from "../Sandbox.ts"
import { joined, namesOf, parsed } from "./confinedNames.ts"
import { attempt, invalid, Refused, refused } from "./confinedReasons.ts"
import { exec } from "./memoryExec.ts"
import type { Folder, Node } from "./memoryTree.ts"
import { at, emptyFolder, infoOf, put, take } from "./memoryTree.ts"

export const make = ({
  exec: answer,
  files = {},
  folder = "/work",
  mostBytes = 64 * 1024 * 1024
}: MemoryOptions): Effect.Effect<Service> => {
  Options.whole("mostBytes", mostBytes, 1)
  if (!folder.startsWith("/")) throw new TypeError(`folder must be an absolute path, got ${JSON.stringify(folder)}`)
  return Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const home = namesOf(folder)
    const top = emptyFolder(now)
    put(top, home, emptyFolder(now))
    for (const [path, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content.slice()
      put(top, resolved(home, path), { kind: "file", bytes, modifiedMillis: now, mode: 0o644 })
    }
    return serviceOf(top, home, mostBytes, yield* PubSub.sliding<Change>(4096), answer)
  })
}

// internal

const resolved = (home: ReadonlyArray<string>, path: string): ReadonlyArray<string> => {
  const { absolute, names } = parsed(path)
  const way = absolute ? [] : [...home]
  for (const name of names) {
    if (name === "..") way.pop()
    else way.push(name)
  }
  return way
}

const serviceOf = (
  top: Folder,
  home: ReadonlyArray<string>,
  mostBytes: number,
  happened: PubSub.PubSub<Change>,
  answer: MemoryOptions["exec"]
): Service => {
  const tell = (kind: Change["kind"]) => (names: ReadonlyArray<string>) =>
    happened.unsafeOffer({ path: joined(names), kind })
  const there = (path: string): { readonly names: ReadonlyArray<string>; readonly node: Node } => {
    const names = resolved(home, path)
    const node = at(top, names)
    if (node === undefined) throw refused("NotFound")
    if (node.kind === "file" && parsed(path).folder) throw refused("NotFolder")
    return { names, node }
  }
  return {
    folder: joined(home),
    description: `Files are kept in memory only, in ${joined(home)}.${answer === undefined ? " There are no commands." : ""}`,
    exec: exec(answer),
    read: (path, { length, offset = 0 } = {}) =>
      attempt("read", path, () => {
        for (const value of [offset, length ?? 0]) {
          if (!Number.isSafeInteger(value) || value < 0) throw invalid(`a range is of whole numbers, got ${value}`)
        }
        const { node } = there(path)
        if (node.kind !== "file") throw refused("NotFile")
        const size = node.bytes.length
        const end = Math.min(size, offset + (length ?? size))
        if (end - offset > mostBytes) throw new Refused({ _tag: "TooLarge", size, most: mostBytes })
        return { bytes: node.bytes.slice(offset, end), size, version: infoOf("", node).version }
      }),
    write: (path, bytes, options = {}) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        attempt("write", path, () => {
          const names = resolved(home, path)
          const before = at(top, names)
          if (before?.kind === "folder" || parsed(path).folder) throw refused("NotFile")
          assertExpected(before, options)
          const file = { kind: "file", bytes: bytes.slice(), modifiedMillis: now, mode: before?.mode ?? 0o644 } as const
          put(top, names, file, tell("created"))
          tell(before === undefined ? "created" : "changed")(names)
          return infoOf(joined(names), file)
        })
      ),
    list: (path) =>
      attempt("list", path, () => {
        const { node } = there(path)
        if (node.kind !== "folder") throw refused("NotFolder")
        return [...node.entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, entry]) => infoOf(name, entry))
      }),
    stat: (path) =>
      attempt("stat", path, () => {
        const { names, node } = there(path)
        return infoOf(joined(names), node)
      }),
    remove: (path, { recursive = false } = {}) =>
      attempt("remove", path, () => {
        const { names, node } = there(path)
        if (names.every((name, index) => home[index] === name)) throw new Refused(ofTheSandbox)
        if (node.kind === "folder" && node.entries.size > 0 && !recursive) throw refused("NotEmpty")
        take(top, names, tell("removed"))
      }),
    watch: (path) =>
      Stream.unwrap(
        attempt("watch", path, () => {
          const { names, node } = there(path)
          if (node.kind !== "folder") throw refused("NotFolder")
          const start = names.length === 0 ? "/" : `${joined(names)}/`
          return Stream.filterMap(Stream.fromPubSub(happened), below(start))
        })
      )
  }
}

const ofTheSandbox = { _tag: "Denied", problem: "it holds the folder of the sandbox itself" } as const

const assertExpected = (node: Node | undefined, { expects }: WriteOptions): void => {
  if (expects === undefined) return
  if (expects !== (node === undefined ? "absent" : infoOf("", node).version)) throw refused("Changed")
}

const below =
  (start: string) =>
  ({ kind, path }: Change): Option.Option<Change> =>
    path.startsWith(start) ? Option.some({ path: path.slice(start.length), kind }) : Option.none()
