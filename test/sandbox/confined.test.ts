import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FastCheck, Fiber, Scope } from "effect"
import * as Confined from "../../src/sandbox/internal/confined.ts"
import type { SandboxError } from "../../src/sandbox/SandboxError.ts"
import * as Attacks from "../support/attacksFiles.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const texts = (files: Confined.Files, path: string) =>
  Effect.map(files.read(path), (read) => new TextDecoder().decode(read.bytes))

const refusal = (effect: Effect.Effect<unknown, SandboxError>): Effect.Effect<string, unknown> =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

const inFolder = Effect.flatMap(Attacks.folder, (top) =>
  Effect.map(Confined.make({ roots: [{ path: top, access: "write" }] }), (files) => ({ files, top }))
)

const descriptors = (): number => Fs.readdirSync("/proc/self/fd").length
const isLinux = process.platform === "linux"
const isRoot = process.getuid?.() === 0

/** A small file system of its own, with room for little; undefined where this process may not mount one. */
const mounted = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      Fs.mkdirSync(path)
      return isRoot && spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path]).status === 0
    }),
    (isMounted) => Effect.sync(() => isMounted && spawnSync("umount", [path]))
  )

describe("Confined", () => {
  it.scoped("a path may be longer than the system's, and a tree deeper", () =>
    Effect.gen(function* () {
      const { files, top } = yield* inFolder
      const way = "folder/".repeat(800)
      yield* files.write(`${way}file`, bytes("deep"))
      assert.strictEqual(yield* texts(files, `${way}../folder/file`), "deep")
      assert.deepStrictEqual(
        (yield* files.list(way)).map(({ path }) => path),
        ["file"]
      )
      const before = isLinux ? descriptors() : 0
      yield* files.remove("folder", { recursive: true })
      assert.strictEqual(isLinux ? descriptors() : 0, before)
      assert.deepStrictEqual(Fs.readdirSync(top), [])
      assert.strictEqual(yield* refusal(files.read("a/".repeat(40_000))), "Invalid")
    })
  )

  it.scoped("a root is seen by the name that it was given too", () =>
    Effect.gen(function* () {
      const top = yield* Attacks.folder
      Fs.mkdirSync(join(top, "real"))
      Fs.symlinkSync("real", join(top, "name"))
      Fs.writeFileSync(join(top, "real/file"), "x")
      const files = yield* Confined.make({ roots: [{ path: join(top, "name"), access: "read" }] })
      assert.strictEqual(files.folder, join(top, "real"))
      for (const path of ["file", "name/file", "real/file", "name/../real/file"].map((path) =>
        path === "file" ? path : join(top, path)
      )) {
        assert.strictEqual((yield* files.stat(path)).path, join(top, "real/file"))
      }
    })
  )

  it.scoped("a root may be seen elsewhere, with links as commands see them", () =>
    Effect.gen(function* () {
      const top = yield* Attacks.host
      const roots = [
        { path: join(top, "inside"), at: "/work", access: "write" },
        { path: join(top, "library"), at: "/work/books", access: "read" }
      ] as const
      const files = yield* Confined.make({ roots, folder: "/work/kept" })
      Fs.symlinkSync("/work/books/book.txt", join(top, "inside/link"))
      Fs.symlinkSync(join(top, "library/book.txt"), join(top, "inside/out"))
      assert.strictEqual(files.folder, "/work/kept")
      assert.strictEqual(yield* texts(files, "../link"), "shared")
      assert.strictEqual(yield* texts(files, "/work/books/../kept/vault/gold"), "gold")
      assert.strictEqual(yield* refusal(files.read("/work/out")), "Denied")
      assert.strictEqual(yield* refusal(files.read(join(top, "inside/kept/vault/gold"))), "Denied")
      assert.strictEqual(yield* refusal(files.write("/work/books/new", bytes("x"))), "Denied")
      assert.strictEqual(yield* refusal(files.remove("/work", { recursive: true })), "Denied")
    })
  )

  it.scoped.skipIf(!isLinux)("a folder that was entered stays the same one", () =>
    Effect.gen(function* () {
      const { files, top } = yield* inFolder
      yield* files.write("a/file", bytes("x"))
      const seen = yield* files.enter("./a/.", ({ host, path }) =>
        Effect.sync(() => {
          Fs.renameSync(join(top, "a"), join(top, "b"))
          Fs.symlinkSync("/etc", join(top, "a"))
          return [path, Fs.readdirSync(host)]
        })
      )
      assert.deepStrictEqual(seen, [join(top, "a"), ["file"]])
    })
  )

  it.scoped.skipIf(!isLinux)("no handle is left open, whatever happened", () =>
    Effect.gen(function* () {
      const before = descriptors()
      const scope = yield* Scope.make()
      const top = yield* Attacks.host
      const files = yield* Scope.extend(Attacks.confined(top, true), scope)
      const roots = descriptors()
      for (const { attempt, as } of Attacks.attacks) {
        if (as === undefined && !attempt.startsWith("watch")) yield* Attacks.attempted(files, top, attempt)
      }
      assert.deepStrictEqual([roots - before, descriptors()], [3, roots])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(descriptors(), before)
    })
  )

  it.scoped("a full disk and a mounted one are told, and nothing is lost", (context) =>
    Effect.gen(function* () {
      const { files, top } = yield* inFolder
      if (!(yield* mounted(join(top, "disk")))) return context.skip("nothing can be mounted here")
      yield* files.write("disk/file", bytes("before"))
      for (const size of [100_000, 1_000_000]) {
        assert.strictEqual(yield* refusal(files.write("disk/file", new Uint8Array(size))), "NoSpace")
      }
      assert.deepStrictEqual(
        (yield* files.list("disk")).map(({ path, size }) => [path, size]),
        [["file", 6]]
      )
      assert.strictEqual(yield* refusal(files.remove("disk", { recursive: true })), "Denied")
      yield* files.write("around/file", bytes("x"))
      assert.strictEqual(yield* texts(files, "disk/file"), "before")
    })
  )

  it.scoped("a write that is interrupted has changed nothing", () =>
    Effect.gen(function* () {
      const { files, top } = yield* inFolder
      yield* files.write("file", bytes("before"))
      const fiber = yield* Effect.fork(files.write("file", new Uint8Array(20_000_000)))
      while (Fs.readdirSync(top).length < 2) yield* Effect.yieldNow()
      assert.deepStrictEqual(
        (yield* files.list(".")).map(({ path }) => path),
        ["file"]
      )
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(Fs.readdirSync(top), ["file"])
      assert.strictEqual(yield* texts(files, "file"), "before")
    })
  )

  it.scoped.skipIf(!isRoot)("owner and mode are kept, but not the right to run as the owner", () =>
    Effect.gen(function* () {
      const { files, top } = yield* inFolder
      const path = join(top, "file")
      Fs.writeFileSync(path, "x")
      Fs.chownSync(path, 1234, 2345)
      Fs.chmodSync(path, 0o6751)
      yield* files.write("file", bytes("new"))
      const { gid, mode, uid } = Fs.statSync(path)
      assert.deepStrictEqual([uid, gid, mode & 0o7777], [1234, 2345, 0o751])
    })
  )

  it.scoped.skipIf(!isLinux)("files that the system makes up are read, and no link of its own followed", () =>
    Effect.gen(function* () {
      const files = yield* Confined.make({ roots: [{ path: "/proc", access: "read" }] })
      const { bytes: whole, size } = yield* files.read("version")
      assert.deepStrictEqual([whole.length > 10, size], [true, whole.length])
      for (const path of ["self/root/etc/passwd", "self/cwd/package.json", `self/fd/0`, "self/exe"]) {
        assert.include(["Denied", "NotFound"], yield* refusal(files.read(`${process.pid}/${path.slice(5)}`)))
      }
    })
  )

  it.scoped.skipIf(!isLinux)("too many open files are told, and leave nothing open", () =>
    Effect.gen(function* () {
      const { files } = yield* inFolder
      yield* files.write("a/file", bytes("x"))
      const held: Array<number> = []
      const tags = Effect.runSync(
        Effect.ensuring(
          Effect.suspend(() => {
            try {
              while (held.length < 100_000) held.push(Fs.openSync("/dev/null", "r"))
            } catch {
              // There are no more.
            }
            return Effect.all([refusal(files.read("a/file")), refusal(files.write("a/new", bytes("x")))])
          }),
          Effect.sync(() => {
            for (const descriptor of held) Fs.closeSync(descriptor)
          })
        )
      )
      assert.deepStrictEqual(tags, ["Unavailable", "Unavailable"])
      assert.strictEqual(yield* texts(files, "a/file"), "x")
    })
  )

  it.effect("options that mean nothing are refused", () =>
    Effect.gen(function* () {
      assert.throws(() => Confined.make({ roots: [] }), "roots must have")
      assert.throws(() => Confined.make({ roots: [{ path: "/", access: "read" }], mostBytes: -1 }), "mostBytes")
      const made = (path: string) => refusal(Effect.scoped(Confined.make({ roots: [{ path, access: "read" }] })))
      assert.strictEqual(yield* made("/axonal-no-such-folder"), "NotFound")
      assert.strictEqual(yield* made("/etc/passwd"), "NotFolder")
    })
  )
})

// A model of what a path leads to: names, one after the other, in a tree of texts.

interface Node {
  readonly kind: "folder" | "file" | "link"
  readonly text: string
}
type Tree = ReadonlyMap<string, Node>

const modelled = (tree: Tree, top: string, path: string): string => {
  const inside = `${top}/inside`
  const todo = (path.startsWith("/") ? path : `${inside}/${path}`).split("/").filter((name) => name !== "")
  let at: Array<string> = []
  for (let links = 0, name = todo.shift(); name !== undefined; name = todo.shift()) {
    if (name === "..") at.pop()
    else if (name !== ".") at.push(name)
    const here = `/${at.join("/")}`
    const found = here === inside ? ({ kind: "folder", text: "" } as const) : tree.get(here.slice(inside.length + 1))
    if (!`${here}/`.startsWith(`${inside}/`)) {
      if (!`${inside}/`.startsWith(here === "/" ? here : `${here}/`)) return "Denied"
    } else if (found === undefined) return "NotFound"
    else if (found.kind === "link") {
      if (++links > 40) return "Invalid"
      at = found.text.startsWith("/") ? [] : at.slice(0, -1)
      todo.unshift(...found.text.split("/").filter((name) => name !== ""))
    } else if (found.kind === "file" && todo.length > 0) return "NotFolder"
    else if (todo.length === 0) return found.kind === "file" ? `text:${found.text}` : "NotFile"
  }
  return `/${at.join("/")}/`.startsWith(`${inside}/`) ? "NotFile" : "Denied"
}

const name = FastCheck.constantFrom("a", "b", "c")
const way = FastCheck.array(
  FastCheck.oneof({ weight: 3, arbitrary: name }, FastCheck.constantFrom("..", ".", "TOP/inside")),
  {
    minLength: 1,
    maxLength: 5
  }
).map((names) => names.join("/").replace(/^.*TOP/, "TOP"))
const target = FastCheck.oneof(
  { weight: 5, arbitrary: way },
  FastCheck.constantFrom("TOP/outside/a", "/", "../outside")
)
interface Entry extends Pick<Node, "kind"> {
  readonly folder: number
  readonly name: string
  readonly target: string
}
const entry: FastCheck.Arbitrary<Entry> = FastCheck.record({
  folder: FastCheck.nat(),
  name,
  kind: FastCheck.constantFrom(...(["folder", "file", "link", "link"] as const)),
  target
})

/** The tree of these entries, on disk and as it is known. */
const grown = (entries: ReadonlyArray<Entry>, top: string): Tree => {
  const folders = [""]
  const tree = new Map<string, Node>([["kept", { kind: "folder", text: "" }]])
  for (const { folder, kind, name, target } of entries) {
    const path = `${folders[folder % folders.length]}${name}`
    const place = join(top, "inside", path)
    if (tree.has(path)) continue
    const text = kind === "link" ? target.replace("TOP", top) : `in ${path}`
    tree.set(path, { kind, text })
    if (kind === "folder") folders.push(`${path}/`)
    if (kind === "folder") Fs.mkdirSync(place)
    else if (kind === "link") Fs.symlinkSync(text, place)
    else Fs.writeFileSync(place, text)
  }
  return tree
}

describe("Confined.walk", () => {
  it.scoped.prop(
    "any path among any links leads where a model of it leads",
    [FastCheck.array(entry, { maxLength: 14 }), FastCheck.array(target, { minLength: 8, maxLength: 8 })],
    ([entries, paths]) =>
      Effect.gen(function* () {
        const top = yield* Attacks.host
        const inside = join(top, "inside")
        const tree = grown(entries, top)
        for (const handles of [true, false]) {
          const files = yield* Confined.make({ roots: [{ path: inside, access: "write" }], handles })
          for (const path of paths.map((path) => path.replace("TOP", top))) {
            const outcome = yield* Attacks.attempted(files, top, `read ${path}`)
            assert.strictEqual(outcome, modelled(tree, top, path), path)
            if (!outcome.startsWith("text:")) continue
            // The system agrees, as far as it may be asked.
            const asked = Fs.readFileSync(path.startsWith("/") ? path : `${inside}/${path}`, "utf8")
            assert.strictEqual(outcome, `text:${asked}`)
          }
        }
      }),
    { fastCheck: { numRuns: 40 } }
  )
})
