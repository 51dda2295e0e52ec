import { assert, describe, it } from "@effect/vitest"
import * as Sandbox from "axonal/sandbox/Sandbox"
import { SandboxError } from "axonal/sandbox/SandboxError"
import { Effect, Fiber, Stream, TestClock } from "effect"

const played = Sandbox.layerMemory({
  files: { "a.txt": "hello", "b/c.bin": new Uint8Array([0, 255]), "/etc/motd": "welcome" },
  exec: (command) => {
    if (command === "sleep") return Effect.never
    if (command === "fail") return Effect.succeed({ stderr: "no\n", code: 3 })
    if (command === "gone") {
      return Effect.fail(new SandboxError({ operation: "exec", subject: "gone", reason: { _tag: "NotFound" } }))
    }
    return Effect.succeed({ stdout: `${String(command)}\n` })
  }
})

describe("Sandbox.layerMemory", () => {
  it.effect("files are those that it was given", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual(sandbox.folder, "/work")
      assert.strictEqual(yield* Sandbox.readText("/work/./b/../a.txt"), "hello")
      assert.deepStrictEqual((yield* sandbox.read("b/c.bin")).bytes, new Uint8Array([0, 255]))
      assert.strictEqual(yield* Sandbox.readText("/../etc/motd"), "welcome")
      assert.deepStrictEqual(
        (yield* sandbox.list(".")).map(({ kind, path, size }) => [path, kind, size]),
        [
          ["a.txt", "file", 5],
          ["b", "folder", 0]
        ]
      )
    }).pipe(Effect.provide(played))
  )

  it.effect("bytes that come and go are nobody else's", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const bytes = new Uint8Array([1])
      yield* sandbox.write("x", bytes)
      bytes[0] = 2
      const { bytes: first } = yield* sandbox.read("x")
      first[0] = 3
      assert.deepStrictEqual((yield* sandbox.read("x")).bytes, new Uint8Array([1]))
    }).pipe(Effect.provide(played))
  )

  it.effect("commands are answered by the function", () =>
    Effect.gen(function* () {
      const said = yield* Sandbox.run("hi")
      assert.deepStrictEqual([said.stdout, said.stderr, said.exit.code, said.exit.reason], ["hi\n", "", 0, "exited"])
      const failed = yield* Sandbox.run("fail")
      assert.deepStrictEqual([failed.stdout, failed.stderr, failed.exit.code], ["", "no\n", 3])
      assert.strictEqual((yield* Effect.flip(Sandbox.run("gone"))).reason._tag, "NotFound")
    }).pipe(Effect.provide(played))
  )

  it.scoped("a command that is played has limits and can be killed", () =>
    Effect.gen(function* () {
      const late = yield* Effect.fork(Sandbox.run("sleep", { limits: { time: "5 seconds" } }))
      yield* TestClock.adjust("5 seconds")
      const { exit } = yield* Fiber.join(late)
      assert.deepStrictEqual([exit.reason, exit.durationMillis], ["timed-out", 5000])
      const process = yield* Sandbox.exec("sleep")
      yield* process.kill
      assert.strictEqual((yield* process.exit).reason, "killed")
      assert.deepStrictEqual([...(yield* Stream.runCollect(process.output))], [])
      const cut = yield* Sandbox.run("123456789", { limits: { outputBytes: 4 } })
      assert.deepStrictEqual([cut.stdout, cut.exit.cutBytes], ["1234", 6])
    }).pipe(Effect.provide(played))
  )

  it.effect("without a function no command runs", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(Sandbox.run("hi"))).reason._tag, "Unavailable")
    }).pipe(Effect.provide(Sandbox.layerMemory()))
  )

  it("options that mean nothing throw", () => {
    assert.throws(() => Sandbox.layerMemory({ folder: "work" }), "folder must be an absolute path")
    assert.throws(() => Sandbox.layerMemory({ mostBytes: 0 }), "mostBytes")
  })
})
