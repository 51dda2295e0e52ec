import * as Fs from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"
import * as Confined from "../../src/sandbox/internal/confined.ts"
import type * as Sandbox from "../../src/sandbox/Sandbox.ts"
import * as Attacks from "../support/attacksFiles.ts"

/** What is told of a folder, by all that was told until a file of this name was made, last of all. */
const watched = (files: Confined.Files, path: string, last: string) =>
  Effect.gen(function* () {
    const begun = yield* Queue.unbounded<void>()
    const fiber = yield* Effect.fork(
      files.watch(path).pipe(
        Stream.tap(() => Queue.offer(begun, undefined)),
        Stream.takeUntil((change) => change.path === last),
        Stream.runCollect,
        Effect.map((changes) => [...changes].filter((change) => change.path !== "begin" && change.path !== last))
      )
    )
    // It begins at once here, but for folders that are many.
    yield* Effect.raceFirst(
      Effect.forever(Effect.zipRight(files.write(`${path}/begin`, new Uint8Array()), Effect.sleep("50 millis"))),
      Queue.take(begun)
    )
    return fiber
  })

const told = (fiber: Fiber.RuntimeFiber<ReadonlyArray<Sandbox.Change>, unknown>) =>
  Effect.map(Fiber.join(fiber), (changes) => changes.map(({ kind, path }) => `${kind} ${path}`))

describe("Confined.watch", () => {
  it.scopedLive("a folder that moves is removed with all it held, and made with it", () =>
    Effect.gen(function* () {
      const top = yield* Attacks.host
      const files = yield* Attacks.confined(top, true)
      yield* files.write("a/b/c", new Uint8Array([1]))
      const fiber = yield* watched(files, ".", "z/~end")
      Fs.renameSync(join(top, "inside/a"), join(top, "inside/z"))
      yield* files.write("z/~end", new Uint8Array())
      const changes = yield* told(fiber)
      // What lies deeper may come after the end, which is found with the folder that it is in.
      assert.deepStrictEqual(
        changes.filter((change) => change !== "created z/b/c"),
        ["removed a/b/c", "removed a/b", "removed a", "created z", "created z/b"]
      )
    })
  )

  it.scopedLive("what lies behind a link is nobody's to watch", () =>
    Effect.gen(function* () {
      const top = yield* Attacks.host
      const files = yield* Attacks.confined(top, true)
      yield* files.write("a/file", new Uint8Array([1]))
      const fiber = yield* watched(files, ".", "~end")
      Fs.renameSync(join(top, "inside/a"), join(top, "gone"))
      Fs.symlinkSync(join(top, "outside"), join(top, "inside/a"))
      Fs.symlinkSync(join(top, "outside"), join(top, "inside/link"))
      for (const place of ["gone/new", "outside/new", "outside/secret.txt"]) Fs.writeFileSync(join(top, place), "x")
      yield* files.write("~end", new Uint8Array())
      const changes = yield* told(fiber)
      assert.sameMembers(changes, ["removed a/file", "removed a", "created a", "created link"])
    })
  )

  it.scopedLive("a burst is told as little", () =>
    Effect.gen(function* () {
      const top = yield* Attacks.host
      const files = yield* Attacks.confined(top, true)
      const fiber = yield* watched(files, ".", "~end")
      for (let count = 0; count < 200; count++) Fs.writeFileSync(join(top, "inside/file"), `${count}`)
      yield* files.write("~end", new Uint8Array())
      const changes = yield* told(fiber)
      assert.isAtMost(changes.length, 2)
      assert.strictEqual(changes[0], "created file")
    })
  )

  it.scopedLive("a tree that is too large is not watched", () =>
    Effect.gen(function* () {
      const top = yield* Attacks.folder
      const files = yield* Confined.make({ roots: [{ path: top, access: "write" }], mostFolders: 3 })
      for (const path of ["a/file", "b/file", "c/file"]) yield* files.write(path, new Uint8Array())
      const error = yield* Effect.flip(Stream.runDrain(files.watch(".")))
      assert.strictEqual(error.message, ".: it holds more than 3 folders; watch a part of it")
      assert.deepStrictEqual(Fs.readdirSync(top), ["a", "b", "c"])
    })
  )

  it.scopedLive("a folder that is removed is told to the end", () =>
    Effect.gen(function* () {
      const top = yield* Attacks.host
      const files = yield* Attacks.confined(top, true)
      const fiber = yield* watched(files, "a", "none")
      yield* files.remove("a", { recursive: true })
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber))).message, "a: there is no such file or folder")
    })
  )
})
