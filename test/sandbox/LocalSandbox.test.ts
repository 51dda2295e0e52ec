import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as LocalSandbox from "axonal/sandbox/LocalSandbox"
import * as Sandbox from "axonal/sandbox/Sandbox"
import * as Suites from "axonal/testing/Suites"
import { Chunk, Deferred, Effect, Fiber, Layer, Stream, TestClock } from "effect"
import * as ProcessTable from "../support/processTable.ts"

const folder = realpathSync(mkdtempSync(join(tmpdir(), "axonal-local-")))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const layer = LocalSandbox.layer({ folder })
const terminal = { columns: 81, rows: 25 }
const files = () => readdirSync("/proc/self/fd").length

Suites.sandbox("local", layer, { terminal: true, outside: "/etc/passwd" })

describe("LocalSandbox", () => {
  it.effect("time is that of the Clock, and all that was started ends", () =>
    Effect.gen(function* () {
      const word = ProcessTable.word()
      const line = `sleep ${word} & setsid sleep ${word} & exec sleep ${word}`
      const ran = yield* Effect.fork(Sandbox.run(line, { limits: { time: "1 hour" } }))
      yield* ProcessTable.until(word, 3)
      yield* TestClock.adjust("1 hour")
      const { exit } = yield* Fiber.join(ran)
      assert.deepStrictEqual([exit.reason, exit.signal], ["timed-out", "SIGTERM"])
      assert.deepStrictEqual(yield* ProcessTable.running(word), [])
    }).pipe(Effect.provide(layer))
  )

  it.live("AG-17: interrupting a run ends every process it started", () =>
    Effect.gen(function* () {
      const word = ProcessTable.word()
      const line = `trap '' TERM; (setsid env -i sleep ${word} &); sleep ${word} & sleep ${word}`
      const ran = yield* Effect.fork(Sandbox.run(line, { grace: "50 millis" }))
      yield* ProcessTable.until(word, 3)
      yield* Fiber.interrupt(ran)
      assert.deepStrictEqual(yield* ProcessTable.running(word), [])
    }).pipe(Effect.provide(layer))
  )

  it.live("a sandbox that closes ends the commands of its scope", () =>
    Effect.gen(function* () {
      const word = ProcessTable.word()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Sandbox.exec(`exec sleep ${word}`)
          yield* ProcessTable.until(word, 1)
        })
      )
      assert.deepStrictEqual(yield* ProcessTable.running(word), [])
    }).pipe(Effect.provide(layer))
  )

  it.live("a command waits for a reader that is slow", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const word = ProcessTable.word()
        const process = yield* Sandbox.exec(["sh", "-c", "exec head -c 8388608 /dev/zero", word])
        const isRead = yield* Deferred.make<number>()
        const pid = process.pid ?? 0
        const bytes = yield* Stream.runFoldEffect(process.output, 0, (sum, piece) =>
          Effect.gen(function* () {
            if (sum === 0) {
              // Until the pipe is full, which is when no more is written from one look to the next.
              for (let before = -1; before !== ProcessTable.written(pid); ) {
                before = ProcessTable.written(pid)
                yield* Effect.sleep("30 millis")
              }
              yield* Deferred.succeed(isRead, ProcessTable.written(pid))
            }
            return sum + piece.bytes.length
          })
        )
        assert.strictEqual(bytes, 8_388_608)
        assert.isBelow(yield* Deferred.await(isRead), 2_000_000)
      })
    ).pipe(Effect.provide(layer))
  )

  it.live("output of 100 MB arrives as it is produced, in little memory", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const before = process.memoryUsage().arrayBuffers
        const command = yield* Sandbox.exec("echo first; read go; exec head -c 104857600 /dev/zero", { input: "open" })
        let [bytes, most] = [0, 0]
        yield* Stream.runForEachChunk(command.output, (chunk) =>
          Effect.suspend(() => {
            const isFirst = bytes === 0
            for (const piece of Chunk.toReadonlyArray(chunk)) bytes += piece.bytes.length
            most = Math.max(most, process.memoryUsage().arrayBuffers - before)
            return isFirst ? command.write("go\n") : Effect.void
          })
        )
        assert.strictEqual(bytes, 104_857_600 + "first\n".length)
        assert.isBelow(most, 64 * 1024 * 1024)
      })
    ).pipe(Effect.provide(layer))
  )

  it.live("80 commands at once leave no file open", () =>
    Effect.gen(function* () {
      yield* Sandbox.run("true")
      const before = files()
      const commands = Array.from({ length: 80 }, (_, index) =>
        Sandbox.run(`read x; echo $x-${index}`, { input: "hi\n" })
      )
      const ran = yield* Effect.all(commands, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        ran.map(({ stdout }) => stdout),
        ran.map((_, index) => `hi-${index}\n`)
      )
      assert.isAtMost(files(), before)
    }).pipe(Effect.provide(layer))
  )

  it.live("AG-17: a terminal that is over its time does not hang", () =>
    Effect.gen(function* () {
      const word = ProcessTable.word()
      const line = `trap '' TERM HUP INT; stty size; setsid sleep ${word} & sleep ${word}`
      const { exit, stdout } = yield* Sandbox.run(line, { terminal, limits: { time: 400 }, grace: 50 })
      assert.deepStrictEqual([exit.reason, exit.signal, stdout], ["timed-out", "SIGKILL", "25 81\r\n"])
      assert.deepStrictEqual(yield* ProcessTable.running(word), [])
    }).pipe(Effect.provide(layer))
  )

  it.live("AG-17: terminals side by side do not hang", () =>
    Effect.gen(function* () {
      const commands = Array.from({ length: 8 }, (_, index) =>
        Sandbox.run(`read x; echo got $x; exit ${index}`, { terminal, input: `${index}\n` })
      )
      const ran = yield* Effect.all(commands, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        ran.map(({ exit, stdout }) => [exit.code, stdout]),
        ran.map((_, index) => [index, `${index}\r\ngot ${index}\r\n`])
      )
    }).pipe(Effect.provide(layer))
  )

  it.live("commands of a command end with the outer one", () =>
    Effect.gen(function* () {
      const word = ProcessTable.word()
      // As one that runs in a command sees it: the limits of the outer one, and a variable.
      const { stdout } = yield* Sandbox.run(
        `(setsid sleep ${word} >/dev/null 2>&1 &); cut -d ' ' -f 1 /proc/self/stat >/dev/null; echo $AXONAL_COMMAND; ulimit -Ht`
      )
      const [variable = "", limit = ""] = stdout.split("\n")
      assert.isTrue(variable.endsWith(`-${limit}`), stdout)
      assert.deepStrictEqual(yield* ProcessTable.running(word), [])
    }).pipe(Effect.provide(layer))
  )

  it.live("variables pass by name, and those given count over them", () =>
    Effect.gen(function* () {
      process.env.AXONAL_TEST_ONE = "1"
      const { stdout } = yield* Sandbox.run("echo $AXONAL_TEST_ONE $TZ $FOO", { environment: { FOO: "call" } })
      delete process.env.AXONAL_TEST_ONE
      assert.strictEqual(stdout, "1 Mars call\n")
    }).pipe(
      Effect.provide(
        Layer.suspend(() => {
          process.env.AXONAL_TEST_ONE = "1"
          return LocalSandbox.layer({
            folder,
            inherit: ["AXONAL_TEST_*"],
            environment: { TZ: "Mars", FOO: "sandbox" }
          })
        })
      )
    )
  )

  it("a limit that means nothing throws where it is given", () => {
    assert.throws(() => LocalSandbox.make({ folder, limits: { processes: 0.5 } }), "limits.processes")
  })
})
