import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as LocalSandbox from "axonal/sandbox/LocalSandbox"
import * as Sandbox from "axonal/sandbox/Sandbox"
import { Effect, Fiber } from "effect"
import * as Pipes from "../../src/sandbox/internal/processPipes.ts"
import * as ProcessTable from "../support/processTable.ts"

const folder = realpathSync(mkdtempSync(join(tmpdir(), "axonal-pipes-test-")))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const layer = LocalSandbox.layer({ folder })
const files = () => readdirSync("/proc/self/fd").length

/** A pool whose program tells where it works. */
const telling = (then: string) => {
  const program = join(folder, `make-${Math.random()}`)
  const told = `${program}.at`
  writeFileSync(program, `#!/bin/sh\npwd > ${told}\n${then}\n`, { mode: 0o755 })
  return { pool: Pipes.make(program, true), told }
}

describe("pipes of commands", () => {
  it.live("where none can be made, commands get sockets", () =>
    Effect.gen(function* () {
      for (const program of [join(folder, "no-such-program"), "false"]) {
        const pool = Pipes.make(program, true)
        yield* Effect.promise(async () => pool.fill())
        assert.strictEqual(pool.fill(), undefined)
        assert.strictEqual(pool.open(), undefined)
      }
      assert.strictEqual(Pipes.make("mkfifo", false).fill(), undefined)
    })
  )

  it.live("where temporary files cannot be made, commands get sockets", () =>
    Effect.gen(function* () {
      const nowhere = join(folder, "nowhere")
      const before = process.env.TMPDIR
      process.env.TMPDIR = nowhere
      const pool = Pipes.make("mkfifo", true, nowhere)
      yield* Effect.promise(async () => pool.fill())
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
      assert.deepStrictEqual([pool.fill(), pool.open()], [undefined, undefined])
    })
  )

  it.live("pipes that were tidied up are done without", () =>
    Effect.gen(function* () {
      const { pool, told } = telling('exec mkfifo "$@"')
      yield* Effect.promise(async () => pool.fill())
      const before = files()
      const at = readFileSync(told, "utf8").trim()
      rmSync(at, { recursive: true })
      assert.deepStrictEqual([pool.open(), pool.fill(), files()], [undefined, undefined, before])
    })
  )

  it.live("closing while pipes are made leaves nothing", () =>
    Effect.gen(function* () {
      const { pool, told } = telling('exec mkfifo "$@"')
      const filling = pool.fill()
      yield* Effect.promise(() => pool.close())
      yield* Effect.promise(async () => filling)
      assert.isUndefined(pool.open())
      assert.isFalse(existsSync(readFileSync(told, "utf8").trim()))
    })
  )

  it.live("interrupting at any moment leaves no file open and no process", () =>
    Effect.gen(function* () {
      yield* Sandbox.run("true")
      const word = ProcessTable.word()
      const before = files()
      const fibers = yield* Effect.forEach(
        Array.from({ length: 24 }, (_, at) => at),
        (at) =>
          Effect.gen(function* () {
            const fiber = yield* Effect.fork(Sandbox.run(`setsid sleep ${word} & sleep ${word}`, { grace: 20 }))
            for (let turn = 0; turn < at % 8; turn++) yield* Effect.promise(() => new Promise(setImmediate))
            return yield* Effect.fork(Fiber.interrupt(fiber))
          })
      )
      yield* Fiber.joinAll(fibers)
      const failed = yield* Effect.flip(Sandbox.run(["echo", "x".repeat(4_000_000)]))
      assert.strictEqual(failed.reason._tag, "Invalid")
      assert.deepStrictEqual(yield* ProcessTable.running(word), [])
      assert.isAtMost(files(), before)
    }).pipe(Effect.provide(layer))
  )
})
