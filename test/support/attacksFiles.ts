/**
 * A small piece of a host with a sandbox in it, and the attacks on its files that are kept as data.
 */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Chunk, Effect, Schema, Stream } from "effect"
import * as Confined from "../../src/sandbox/internal/confined.ts"

/** What is done before (`setup`, by whoever attacks, after the sandbox was made), what is tried, and what comes of it. */
const Attack = Schema.Struct({
  attempt: Schema.String,
  setup: Schema.Array(Schema.String),
  outcome: Schema.String,
  as: Schema.optional(Schema.Literal("nobody"))
})
export type Attack = typeof Attack.Type

export const attacks = Schema.decodeSync(Schema.parseJson(Schema.Array(Attack)))(
  Fs.readFileSync(new URL("../fixtures/sandbox/attacks-files.json", import.meta.url), "utf8")
)

/** Memory where there is some: it is the races that are looked for, not the disk. */
const scratch = Fs.existsSync("/dev/shm") ? "/dev/shm" : tmpdir()

/** A folder that is there while the scope is open. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const path = Fs.realpathSync(Fs.mkdtempSync(join(scratch, "axonal-files-")))
    Fs.chmodSync(path, 0o755)
    return path
  }),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

/** `inside` and its neighbours: what is beside it, what may only be read, and what in it may only be read. */
export const host = Effect.tap(folder, (top) =>
  Effect.sync(() => {
    for (const [path, text] of [
      ["outside/secret.txt", "SECRET"],
      ["insider/secret.txt", "SECRET"],
      ["library/book.txt", "shared"],
      ["inside/kept/vault/gold", "gold"]
    ] as const) {
      Fs.mkdirSync(dirname(join(top, path)), { recursive: true })
      Fs.writeFileSync(join(top, path), text)
    }
  })
)

export const confined = (top: string, handles: boolean) =>
  Confined.make({
    roots: [
      { path: join(top, "inside"), access: "write" },
      { path: join(top, "library"), access: "read" },
      { path: join(top, "inside/kept/vault"), access: "read" }
    ],
    handles
  })

/** Does one line of a setup. */
export const prepare = (top: string, line: string): Effect.Effect<void> => {
  const [, verb = "", path = "", , rest = ""] = /^(\S+) (\S+)(?: (->|=) (.*))?$/.exec(line) ?? []
  const place = join(top, verb === "name" || verb === "bytes-folder" ? "inside" : path)
  const raw = Buffer.concat([Buffer.from(`${place}/`), Buffer.from(path, "hex")])
  const verbs: Readonly<Record<string, () => unknown>> = {
    folder: () => Fs.mkdirSync(place, { recursive: true }),
    file: () => {
      Fs.mkdirSync(dirname(place), { recursive: true })
      Fs.writeFileSync(place, rest)
    },
    link: () => Fs.symlinkSync(rest.replace("$T", top), place),
    hard: () => Fs.linkSync(join(top, rest), place),
    move: () => Fs.renameSync(place, join(top, rest)),
    mode: () => Fs.chmodSync(place, Number.parseInt(rest, 8)),
    size: () => Fs.closeSync(sized(place, Number(rest))),
    name: () => Fs.writeFileSync(raw, rest),
    "bytes-folder": () => Fs.mkdirSync(raw),
    fifo: () => execFileSync("mkfifo", [place]),
    device: () => execFileSync("mknod", [place, "c", "1", "5"])
  }
  if (verb === "socket") {
    const server = createServer()
    // Closing it would remove the socket.
    return Effect.async((resume) => void server.listen(place, () => resume(Effect.sync(() => server.unref()))))
  }
  return Effect.sync(() => (verbs[verb] ?? (() => assertKnown(line)))())
}

const assertKnown = (line: string): never => {
  throw new Error(`no such setup: ${line}`)
}

const sized = (path: string, bytes: number): number => {
  const descriptor = Fs.openSync(path, "w")
  Fs.ftruncateSync(descriptor, bytes)
  return descriptor
}

/** What comes of an attempt, as the data tells it. */
export const attempted = (files: Confined.Files, top: string, attempt: string): Effect.Effect<string> => {
  const verb = attempt.slice(0, attempt.indexOf(" "))
  const path = attempt.slice(verb.length + 1).replace("$T", top)
  const text = ({ bytes }: { readonly bytes: Uint8Array }): string => `text:${new TextDecoder().decode(bytes)}`
  const bytes = new TextEncoder().encode("changed")
  const verbs = {
    read: Effect.map(files.read(path), text),
    "read-end": Effect.flatMap(files.stat(path), ({ size }) =>
      Effect.map(files.read(path, { offset: size - 4 }), text)
    ),
    write: files.write(path, bytes),
    "write-new": files.write(path, bytes, { expects: "absent" }),
    list: Effect.map(files.list(path), (found) => `names:${found.map((info) => info.path).join(" ")}`),
    stat: files.stat(path),
    remove: files.remove(path),
    "remove-all": files.remove(path, { recursive: true }),
    watch: Effect.map(Stream.runCollect(Stream.take(files.watch(path), 1)), Chunk.size),
    enter: files.enter(path, () => Effect.void)
  }
  const tried =
    Object.entries(verbs).find(([name]) => name === verb)?.[1] ?? Effect.dieMessage(`no such attempt: ${verb}`)
  return Effect.match(
    Effect.map(tried, (answer) => (typeof answer === "string" ? answer : "ok")),
    {
      onFailure: ({ reason }) => reason._tag,
      onSuccess: (answer) => answer
    }
  )
}

/** All that must never change, with contents. */
export const untouchable = (top: string): ReadonlyArray<string> =>
  ["outside", "insider", "library", "gone", "inside/kept/vault"].flatMap((path) => tree(join(top, path)))

const tree = (path: string): ReadonlyArray<string> => {
  const stat = Fs.lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return []
  const self = `${path} ${stat.mode} ${stat.isFile() && stat.size < 100 ? Fs.readFileSync(path, "utf8") : ""}`
  return stat.isDirectory() ? [self, ...Fs.readdirSync(path).flatMap((name) => tree(join(path, name)))] : [self]
}

/** Does at once what has no rights but those of everybody, where this process has all. */
export const asNobody = <A>(effect: Effect.Effect<A>): A => {
  if (process.getuid?.() !== 0) return Effect.runSync(effect)
  process.seteuid?.(65_534)
  try {
    return Effect.runSync(effect)
  } finally {
    process.seteuid?.(0)
  }
}
