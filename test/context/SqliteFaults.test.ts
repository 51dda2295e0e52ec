import { execFileSync, spawn } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { afterAll, assert, describe, it, vi } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { ids, said } from "../../src/testing/internal/contextStoreFixtures.ts"

const folder = mkdtempSync(join(tmpdir(), "axonal-faults-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let count = 0
const newFolder = (): string => {
  const path = join(folder, `${count++}`)
  mkdirSync(path)
  return path
}
const newFile = (): string => join(newFolder(), "a.db")

const session = SessionId.make("session")

/** A connection of its own to a file, for as long as the scope. */
const open = (filename: string) =>
  Effect.map(Layer.build(layerSqlite({ filename })), (context) => Context.get(context, ContextStore.ContextStore))
const opening = (filename: string) => Effect.scoped(Effect.asVoid(open(filename)))
const appending = (filename: string, ...names: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.flatMap(open(filename), (store) =>
      store.append(
        session,
        names.map((name) => said(name))
      )
    )
  )
const stored = (filename: string) => Effect.scoped(Effect.flatMap(open(filename), (store) => ids(store, session)))

const failureOf = <A, R>(effect: Effect.Effect<A, ContextStore.StoreError, R>) =>
  Effect.map(Effect.flip(effect), ({ operation, reason }) => [operation, reason._tag, reason.message] as const)

/** Holds an operation to its kind of failure, and to words that begin like this. */
const assertFails = <A, R>(
  effect: Effect.Effect<A, ContextStore.StoreError, R>,
  operation: string,
  tag: string,
  words: string
) =>
  Effect.map(failureOf(effect), ([failed, reason, message]) => {
    assert.deepStrictEqual([failed, reason, message.slice(0, words.length)], [operation, tag, words])
  })

const isRoot = process.getuid?.() === 0
const run = (command: string, ...args: ReadonlyArray<string>): void => {
  execFileSync(command, args, { stdio: "pipe" })
}
const mounted = (path: string, ...args: ReadonlyArray<string>): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => run("mount", ...args, path)),
    () => Effect.sync(() => run("umount", "-l", path))
  )
const canMount = ((): boolean => {
  if (!isRoot) return false
  try {
    const path = newFolder()
    run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path)
    run("umount", path)
    return true
  } catch {
    return false
  }
})()
if (!canMount) console.warn("A full disk is not tested: that takes a small disk, and only root may mount one")
if (isRoot && !canMount) console.warn("A read-only file is not tested: permissions do not bind root")

/** Nobody may write to a file or a folder, for as long as the scope. */
const readOnly = (path: string): Effect.Effect<void, never, Scope.Scope> =>
  canMount
    ? Effect.zipRight(
        mounted(path, "--bind", path),
        Effect.sync(() => run("mount", "-o", "remount,ro,bind", path))
      )
    : Effect.acquireRelease(
        Effect.sync(() => chmodSync(path, statSync(path).mode & ~0o222)),
        // Files that were made beside it meanwhile have its permissions.
        () =>
          Effect.sync(() => {
            for (const name of [path, `${path}-wal`, `${path}-shm`]) {
              if (existsSync(name)) chmodSync(name, statSync(name).mode | 0o200)
            }
          })
      )

describe("A fault of a SQLite file", () => {
  describe.skipIf(!canMount)("a full disk", () => {
    const full = "the disk is full; make room and try again: "

    it.scoped("fails the append whole, and nothing else is lost", () =>
      Effect.gen(function* () {
        const path = newFolder()
        yield* mounted(path, "-t", "tmpfs", "-o", "size=400k", "tmpfs")
        const filename = join(path, "a.db")
        const store = yield* open(filename)
        const acknowledged: Array<string> = []
        const append = Effect.suspend(() => {
          const names = [`${acknowledged.length}`, `${acknowledged.length + 1}`]
          const entries = names.map((name) => said(name, name.padEnd(2000)))
          return Effect.map(store.append(session, entries), () => acknowledged.push(...names))
        })
        yield* assertFails(Effect.forever(append), "append", "Unavailable", full)
        yield* assertFails(append, "append", "Unavailable", full)
        assert.isAbove(acknowledged.length, 4)
        assert.deepStrictEqual(yield* ids(store, session), acknowledged)
        assert.strictEqual((yield* store.read(session)).position, acknowledged.length)
        run("mount", "-o", "remount,size=4m", path)
        yield* append
        assert.deepStrictEqual(yield* ids(store, session), acknowledged)
        assert.deepStrictEqual(yield* stored(filename), acknowledged)
      })
    )

    it.scoped("fails the opening of a new file, until there is room", () =>
      Effect.gen(function* () {
        const path = newFolder()
        yield* mounted(path, "-t", "tmpfs", "-o", "size=64k", "tmpfs")
        const filename = join(path, "a.db")
        writeFileSync(join(path, "ballast"), "x".repeat(60_000))
        yield* assertFails(opening(filename), "open", "Unavailable", `${filename}: ${full}`)
        run("mount", "-o", "remount,size=4m", path)
        assert.strictEqual(yield* appending(filename, "a"), 1)
      })
    )
  })

  describe.skipIf(isRoot && !canMount)("no permission to write", () => {
    const cases = [
      ["to the folder", (filename: string) => join(filename, "..")],
      ["to the file", (filename: string) => filename]
    ] as const
    for (const [title, pathOf] of cases) {
      it.effect(`${title} is named, and what is stored stays`, () =>
        Effect.gen(function* () {
          const filename = newFile()
          yield* appending(filename, "a", "b")
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* readOnly(pathOf(filename))
              const [operation, reason, message] = yield* failureOf(appending(filename, "c"))
              assert.strictEqual(reason, "Unavailable")
              assert.isTrue(operation === "append" || message.startsWith(`${filename}: `))
              assert.match(
                message,
                /it cannot be (written; check the permissions|opened; check that its folder exists)/
              )
            })
          )
          assert.deepStrictEqual(yield* stored(filename), ["a", "b"])
          assert.strictEqual(yield* appending(filename, "c"), 3)
        })
      )
    }
  })

  describe("a lock of another process", () => {
    /** A process that takes a file, until it is ended or the scope closes. Answers how to end it. */
    const locked = (filename: string, ...statements: ReadonlyArray<string>) =>
      Effect.acquireRelease(
        Effect.async<() => Effect.Effect<void>>((resume) => {
          const driver = createRequire(import.meta.url).resolve("better-sqlite3")
          const script = `const database = require(${JSON.stringify(driver)})(process.argv[1])
            database.exec(process.argv[2])
            process.stdout.write("locked")
            process.stdin.resume()`
          const child = spawn(process.execPath, ["-e", script, filename, statements.join(";")])
          const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
          const end = () =>
            Effect.promise(() => {
              child.kill("SIGKILL")
              return ended
            })
          child.stdout.once("data", () => resume(Effect.succeed(end)))
          child.once("close", (code) => resume(Effect.dieMessage(`it could not lock the file: exit ${code}`)))
        }),
        (end) => end()
      )
    const held = "another process keeps the database locked; try again or end that process: "
    /** The pauses between attempts are random parts of a longest one: here none at all. */
    const impatient = Effect.acquireRelease(
      Effect.sync(() => vi.spyOn(Math, "random").mockReturnValue(0)),
      (spy) => Effect.sync(() => spy.mockRestore())
    )

    it.scopedLive("fails the opening after a while, and the next one works", () =>
      Effect.gen(function* () {
        const filename = newFile()
        yield* appending(filename, "a")
        yield* impatient
        const end = yield* locked(filename, "PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE")
        yield* assertFails(opening(filename), "open", "Unavailable", `${filename}: ${held}`)
        yield* end()
        const store = yield* open(filename)
        assert.strictEqual(yield* store.append(session, [said("b")], { after: 1 }), 2)
      })
    )

    it.scopedLive("that comes later fails what writes, not what reads", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const store = yield* open(filename)
        yield* store.append(session, [said("a")])
        yield* impatient
        const end = yield* locked(filename, "BEGIN IMMEDIATE")
        yield* assertFails(store.append(session, [said("b")]), "append", "Unavailable", held)
        yield* assertFails(Effect.scoped(store.lock(session, "fail")), "lock", "Unavailable", held)
        assert.deepStrictEqual(yield* ids(store, session), ["a"])
        yield* end()
        assert.strictEqual(yield* store.append(session, [said("b")], { after: 1 }), 2)
      })
    )
  })

  describe("what is no database of this version", () => {
    it.effect("was written by a newer one, and stays as it is", () =>
      Effect.gen(function* () {
        const filename = newFile()
        yield* appending(filename, "a")
        yield* SqliteClient.make({ filename }).pipe(
          Effect.flatMap((sql) => sql.unsafe("INSERT INTO axonal_migrations (id, at) VALUES (99, 0)")),
          Effect.provide(Reactivity.layer),
          Effect.scoped,
          Effect.orDie
        )
        const before = readFileSync(filename)
        const [operation, reason, message] = yield* failureOf(opening(filename))
        assert.deepStrictEqual([operation, reason], ["open", "Corrupt"])
        assert.match(
          message.slice(filename.length),
          /^: a newer version of axonal wrote it \(tables 99, this one knows \d+\); upgrade axonal$/
        )
        assert.deepStrictEqual(readFileSync(filename), before)
      })
    )

    it.effect("is another file, and stays as it is", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const text = "This is a shopping list: bread, butter, and a good deal more than that.\n".repeat(99)
        writeFileSync(filename, text)
        assert.deepStrictEqual(yield* failureOf(opening(filename)), [
          "open",
          "Corrupt",
          `${filename}: it is no SQLite database; name another file or move this one away: ` +
            "file is not a database (SQLITE_NOTADB)"
        ])
        assert.strictEqual(readFileSync(filename, "utf8"), text)
      })
    )

    it.effect("is in a folder that is missing or no folder", () =>
      Effect.gen(function* () {
        const file = newFile()
        writeFileSync(file, "")
        for (const filename of [join(folder, "missing", "a.db"), join(file, "a.db"), folder]) {
          const words = `${filename}: it cannot be opened; check that its folder exists and may be written`
          yield* assertFails(opening(filename), "open", "Unavailable", words)
        }
        assert.isFalse(existsSync(join(folder, "missing")))
      })
    )
  })

  describe("a file that was cut", () => {
    const names = Array.from({ length: 60 }, (_, index) => `${index}`)

    it.effect("is named as damaged, stays as it is, and a backup goes on", () =>
      Effect.gen(function* () {
        const [filename, backup] = [newFile(), newFile()]
        yield* Effect.scoped(
          Effect.flatMap(open(filename), (store) =>
            Effect.forEach(names, (name) => store.append(session, [said(name, name.padEnd(500))]))
          )
        )
        copyFileSync(filename, backup)
        const { size } = statSync(filename)
        for (const length of [100, 4096, 2 * 4096, size / 2, size - 4096].map(Math.floor)) {
          copyFileSync(backup, filename)
          truncateSync(filename, length)
          const before = readFileSync(filename)
          const words = `${filename}: the database is damaged; restore a backup or move the file away: `
          yield* assertFails(stored(filename), "open", "Corrupt", words)
          assert.deepStrictEqual(readFileSync(filename), before)
        }
        copyFileSync(backup, filename)
        assert.deepStrictEqual(yield* stored(filename), names)
      })
    )

    it.scoped("beside it, where the last appends are, keeps those before the cut", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const store = yield* open(filename)
        yield* Effect.forEach(names, (name) => store.append(session, [said(name), said(`${name}+`)]))
        const { size } = statSync(`${filename}-wal`)
        assert.isAbove(size, 100_000)
        const all = names.flatMap((name) => [name, `${name}+`])
        const lengths = new Set<number>()
        for (let part = 1; part <= 24; part++) {
          const copy = newFile()
          copyFileSync(filename, copy)
          copyFileSync(`${filename}-wal`, `${copy}-wal`)
          // An odd number, so that the cuts are not all at the ends of pages.
          truncateSync(`${copy}-wal`, Math.floor((size * part) / 24) - 1021 * (24 - part))
          const found = yield* stored(copy)
          assert.deepStrictEqual(found, all.slice(0, found.length))
          assert.strictEqual(found.length % 2, 0)
          lengths.add(found.length)
          assert.strictEqual(yield* appending(copy, "more"), found.length + 1)
        }
        assert.isAbove(lengths.size, 10)
        assert.isTrue(lengths.has(all.length))
      })
    )
  })
})
