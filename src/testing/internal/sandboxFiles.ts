/**
 * What sandboxes promise of files.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as Sandbox from "../../sandbox/Sandbox.ts"
import type { Test } from "./sandboxFixtures.ts"
import { bytes, refusal, text } from "./sandboxFixtures.ts"

export const reading = (test: Test): void => {
  test("bytes are read as they were written", (sandbox, folder) =>
    Effect.gen(function* () {
      const every = Uint8Array.from({ length: 256 }, (_, index) => index)
      const large = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7) % 251)
      for (const content of [new Uint8Array(), every, large]) {
        const path = `${folder}/new/deep/${content.length}`
        const written = yield* sandbox.write(path, content)
        const read = yield* sandbox.read(path)
        assert.isTrue(read.bytes.every((byte, index) => byte === content[index]))
        assert.deepStrictEqual(
          [read.bytes.length, read.size, read.version],
          [content.length, content.length, written.version]
        )
        assert.deepStrictEqual([written.path, written.kind, written.size], [path, "file", content.length])
        assert.deepStrictEqual(yield* sandbox.stat(path), written)
      }
    }))

  test("a part of a file is read alone", (sandbox, folder) =>
    Effect.gen(function* () {
      const path = `${folder}/digits`
      yield* sandbox.write(path, bytes("0123456789"))
      const part = (offset?: number, length?: number) =>
        Effect.map(sandbox.read(path, { offset, length }), (read) => [text(read), read.size])
      assert.deepStrictEqual(yield* part(3, 4), ["3456", 10])
      assert.deepStrictEqual(yield* part(8), ["89", 10])
      assert.deepStrictEqual(yield* part(undefined, 2), ["01", 10])
      assert.deepStrictEqual(yield* part(8, 100), ["89", 10])
      assert.deepStrictEqual(yield* part(100, 1), ["", 10])
      assert.deepStrictEqual(yield* part(3, 0), ["", 10])
      assert.strictEqual(yield* refusal(part(-1)), "Invalid")
      assert.strictEqual(yield* refusal(part(0, 0.5)), "Invalid")
    }))

  test("relative paths begin in the folder of the sandbox", (sandbox, folder) =>
    Effect.gen(function* () {
      const name = folder.slice(folder.lastIndexOf("/") + 1)
      yield* sandbox.write(`${folder}/a`, bytes("a"))
      for (const path of [`${name}/a`, `./${name}//a`, `${name}/../${name}/./a`]) {
        assert.strictEqual((yield* sandbox.stat(path)).path, `${folder}/a`)
      }
    }))

  test("what a path is not is refused with its reason", (sandbox, folder) =>
    Effect.gen(function* () {
      yield* sandbox.write(`${folder}/file`, bytes("x"))
      const at = (path: string): string => `${folder}/${path}`
      const refusals = [
        [sandbox.read(at("none")), "NotFound"],
        [sandbox.stat(at("none")), "NotFound"],
        [sandbox.list(at("none")), "NotFound"],
        [sandbox.remove(at("none")), "NotFound"],
        [sandbox.read(folder), "NotFile"],
        [sandbox.write(folder, bytes("x")), "NotFile"],
        [sandbox.list(at("file")), "NotFolder"],
        [sandbox.read(at("file/x")), "NotFolder"],
        [sandbox.write(at("file/x"), bytes("x")), "NotFolder"],
        [sandbox.read(""), "Invalid"],
        [sandbox.read(at("file\0")), "Invalid"],
        [sandbox.write(at("a\0b"), bytes("x")), "Invalid"]
      ] as const
      for (const [attempt, reason] of refusals) assert.strictEqual(yield* refusal(attempt), reason)
    }))
}

export const writing = (test: Test): void => {
  test("a version is another one after every write", (sandbox, folder) =>
    Effect.gen(function* () {
      const path = `${folder}/file`
      const versions = yield* Effect.replicateEffect(
        Effect.map(sandbox.write(path, bytes("same")), ({ version }) => version),
        8
      )
      assert.strictEqual(new Set(versions).size, 8)
      assert.strictEqual((yield* sandbox.stat(path)).version, versions.at(-1))
      const listed = yield* sandbox.list(folder)
      assert.deepStrictEqual(
        listed.map(({ version }) => version),
        versions.slice(-1)
      )
    }))

  test("a write that expects something else writes nothing", (sandbox, folder) =>
    Effect.gen(function* () {
      const path = `${folder}/file`
      const first = yield* sandbox.write(path, bytes("1"), { expects: "absent" })
      const second = yield* sandbox.write(path, bytes("2"), { expects: first.version })
      for (const expects of [first.version, "absent", "other"]) {
        assert.strictEqual(yield* refusal(sandbox.write(path, bytes("3"), { expects })), "Changed")
      }
      const none = `${folder}/new/none`
      assert.strictEqual(yield* refusal(sandbox.write(none, bytes("x"), { expects: first.version })), "Changed")
      const read = yield* sandbox.read(path)
      assert.deepStrictEqual([text(read), read.version], ["2", second.version])
      assert.deepStrictEqual(yield* names(sandbox, folder), ["file"])
    }))

  test("of those who expect the same one writes", (sandbox, folder) =>
    Effect.gen(function* () {
      const path = `${folder}/file`
      for (const expects of ["absent", (yield* sandbox.write(`${folder}/file2`, bytes("x"))).version]) {
        const place = expects === "absent" ? path : `${folder}/file2`
        const written = yield* Effect.forEach(
          ["a", "b", "c"],
          (letter) => Effect.either(sandbox.write(place, bytes(letter.repeat(600_000)), { expects })),
          { concurrency: "unbounded" }
        )
        const winners = written.flatMap((result, index) => (result._tag === "Right" ? ["abc"[index]] : []))
        assert.deepStrictEqual([text(yield* sandbox.read(place, { length: 1 }))], winners)
      }
    }))

  test("whoever reads meanwhile sees all of a write or nothing", (sandbox, folder) =>
    Effect.gen(function* () {
      const path = `${folder}/file`
      const contents = ["a", "b"].map((letter) => bytes(letter.repeat(300_000)))
      yield* sandbox.write(path, bytes("a".repeat(300_000)))
      const writes = Effect.forEach([1, 0, 1, 0, 1, 0], (index) => sandbox.write(path, contents[index] ?? bytes("")))
      const reads = Effect.replicateEffect(
        Effect.map(sandbox.read(path), (read) => [read.bytes.length, /^(a+|b+)$/.test(text(read))]),
        6
      )
      const [seen] = yield* Effect.all([reads, writes], { concurrency: 2 })
      assert.deepStrictEqual(
        seen,
        seen.map(() => [300_000, true])
      )
      assert.deepStrictEqual(yield* names(sandbox, folder), ["file"])
    }))
}

const odd = ["-rf", "a b", "$(x) `x`", "'\"", "\\n", "line\nbreak", "é", "e\u0301", "🖌", "...", "*", "B", "a", "~"]

export const listing = (test: Test): void => {
  test("a folder is listed by name in the order of code units", (sandbox, folder) =>
    Effect.gen(function* () {
      for (const name of odd) yield* sandbox.write(`${folder}/${name}`, bytes(name))
      yield* sandbox.write(`${folder}/c/d`, bytes(""))
      assert.deepStrictEqual(yield* names(sandbox, folder), [...odd, "c"].sort())
      const found = yield* sandbox.list(folder)
      assert.deepStrictEqual(
        found.filter(({ kind }) => kind !== "file").map(({ kind, path }) => [kind, path]),
        [["folder", "c"]]
      )
      for (const name of odd) {
        assert.strictEqual(text(yield* sandbox.read(`${folder}/${name}`)), name)
        yield* sandbox.remove(`${folder}/${name}`)
      }
      assert.deepStrictEqual(yield* names(sandbox, folder), ["c"])
    }))

  test("a folder that is not empty is removed only if all of it is to be", (sandbox, folder) =>
    Effect.gen(function* () {
      yield* sandbox.write(`${folder}/a/b/c`, bytes(""))
      yield* sandbox.write(`${folder}/a/d`, bytes(""))
      assert.strictEqual(yield* refusal(sandbox.remove(`${folder}/a`)), "NotEmpty")
      yield* sandbox.remove(`${folder}/a/b`, { recursive: true })
      yield* sandbox.remove(`${folder}/a/d`)
      yield* sandbox.remove(`${folder}/a`)
      assert.deepStrictEqual(yield* sandbox.list(folder), [])
      assert.strictEqual(yield* refusal(sandbox.remove(sandbox.folder, { recursive: true })), "Denied")
      assert.strictEqual(yield* refusal(sandbox.remove(".", { recursive: true })), "Denied")
    }))
}

export const watching = (test: Test): void => {
  test("whoever watches a folder is told what changes below it", (sandbox, folder) =>
    Effect.gen(function* () {
      yield* sandbox.write(`${folder}/old`, bytes("1"))
      const seen = yield* Queue.unbounded<Sandbox.Change>()
      yield* Effect.forkScoped(Stream.runForEach(sandbox.watch(folder), (change) => Queue.offer(seen, change)))
      const told = (path: string, kind: Sandbox.Change["kind"]): Effect.Effect<void> =>
        Effect.flatMap(Queue.take(seen), (change) =>
          change.path === path && change.kind === kind ? Effect.void : told(path, kind)
        )
      // When it has begun cannot be seen but by this.
      let count = 0
      const probe = Effect.suspend(() => sandbox.write(`${folder}/probe`, bytes(`${count++}`)))
      yield* Effect.raceFirst(
        Effect.forever(Effect.zipRight(probe, Effect.sleep("100 millis"))),
        Effect.asVoid(Queue.take(seen))
      )
      yield* sandbox.write(`${folder}/old`, bytes("22"))
      yield* told("old", "changed")
      yield* sandbox.write(`${folder}/new/deep/file`, bytes("1"))
      yield* told("new/deep/file", "created")
      yield* sandbox.write(`${folder}/new/deep/file`, bytes("22"))
      yield* told("new/deep/file", "changed")
      yield* sandbox.remove(`${folder}/new`, { recursive: true })
      yield* told("new/deep/file", "removed")
    }))

  test("what is no folder is not watched", (sandbox, folder) =>
    Effect.gen(function* () {
      yield* sandbox.write(`${folder}/file`, bytes("1"))
      const watched = (path: string) => refusal(Stream.runDrain(sandbox.watch(path)))
      assert.strictEqual(yield* watched(`${folder}/file`), "NotFolder")
      assert.strictEqual(yield* watched(`${folder}/none`), "NotFound")
    }))
}

// internal

const names = (sandbox: Sandbox.Service, folder: string) =>
  Effect.map(sandbox.list(folder), (found) => found.map(({ path }) => path))
