/**
 * What sandboxes promise of commands. They need `/bin/sh`, `cat`, `chmod`, `env`, `ln`, `mkfifo` and `sleep`.
 */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Sandbox from "../../sandbox/Sandbox.ts"
import type { Test } from "./sandboxFixtures.ts"
import { beating, beats, bytes, isStill, refusal, run, text, until } from "./sandboxFixtures.ts"

/** A variable of the process that tests, which no command may see. */
export const hidden = { name: "AXONAL_SUITE_API_KEY", value: "the-key-of-the-suite" } as const

export const ending = (test: Test): void => {
  test("how a command ended is told apart from what it wrote", (sandbox, folder) =>
    Effect.gen(function* () {
      const { exit, stderr, stdout } = yield* run(sandbox, "echo out; echo err >&2; exit 3", { folder })
      assert.deepStrictEqual([stdout, stderr], ["out\n", "err\n"])
      assert.deepStrictEqual([exit.reason, exit.code, exit.signal, exit.cutBytes], ["exited", 3, undefined, 0])
      assert.isAtLeast(exit.durationMillis, 0)
      const killed = yield* run(sandbox, "kill -KILL $$")
      assert.deepStrictEqual([killed.exit.reason, killed.exit.signal], ["signalled", "SIGKILL"])
    }))

  test("arguments reach a program as they are", (sandbox) =>
    Effect.gen(function* () {
      const odd = ["a  b", "$HOME", "*", "'", '"', "\\n", "", "-x", "é", "a\nb"]
      const { stdout } = yield* run(sandbox, ["/bin/sh", "-c", 'printf "<%s>\\n" "$@"', "sh", ...odd])
      assert.strictEqual(stdout, odd.map((one) => `<${one}>\n`).join(""))
    }))

  test("a program or a folder that is not there is refused", (sandbox, folder) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* refusal(run(sandbox, ["axonal-no-such-program"])), "NotFound")
      assert.strictEqual(yield* refusal(run(sandbox, "true", { folder: `${folder}/none` })), "NotFound")
    }))

  test("a command that takes too long is ended", (sandbox) =>
    Effect.gen(function* () {
      const started = yield* Clock.currentTimeMillis
      const { exit } = yield* run(sandbox, "echo begun; sleep 100", { limits: { time: "300 millis" } })
      assert.strictEqual(exit.reason, "timed-out")
      assert.isBelow((yield* Clock.currentTimeMillis) - started, 30_000)
    }))

  test("one that is deaf to TERM is ended by KILL", (sandbox, folder) =>
    Effect.gen(function* () {
      const deaf = `trap '' TERM; while :; do echo beat >> '${folder}/beat'; sleep 0.02; done`
      const process = yield* sandbox.exec(deaf, { grace: "100 millis" })
      yield* Effect.forkScoped(Stream.runDrain(process.output))
      yield* beats(sandbox, `${folder}/beat`)
      yield* process.kill
      assert.strictEqual((yield* process.exit).reason, "killed")
      assert.deepStrictEqual(yield* process.exit, yield* process.exit)
      assert.isTrue(yield* isStill(sandbox, `${folder}/beat`))
      yield* process.kill
      yield* process.signal("SIGINT")
    }))
}

export const leaving = (test: Test): void => {
  test("what a command left behind ends with its scope", (sandbox, folder) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const beat = `${folder}/beat`
      // Some sandboxes end with a command whatever it left behind, which may not have begun by then.
      const waiting = `until [ -s '${beat}' ]; do sleep 0.02; done; echo begun`
      const process = yield* Scope.extend(sandbox.exec(`${beating(beat)} ${waiting}`), scope)
      yield* Effect.forkScoped(Stream.runDrain(process.output))
      assert.strictEqual((yield* process.exit).reason, "exited")
      yield* beats(sandbox, `${folder}/beat`)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(yield* isStill(sandbox, `${folder}/beat`))
    }))

  test("interrupting ends the command and all that it started", (sandbox, folder) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(run(sandbox, `${beating(`${folder}/beat`)} sleep 100`))
      yield* beats(sandbox, `${folder}/beat`)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(yield* isStill(sandbox, `${folder}/beat`))
    }))

  test("output ends with its command, whoever still holds it", (sandbox) =>
    Effect.gen(function* () {
      const started = yield* Clock.currentTimeMillis
      const { exit, stdout } = yield* run(sandbox, "sleep 100 & echo done", { grace: "100 millis" })
      assert.deepStrictEqual([stdout, exit.code], ["done\n", 0])
      assert.isBelow((yield* Clock.currentTimeMillis) - started, 30_000)
    }))
}

export const exchanging = (test: Test): void => {
  test("a command reads the input that it is given", (sandbox, folder) =>
    Effect.gen(function* () {
      const every = Uint8Array.from({ length: 256 }, (_, index) => index)
      const copied = (input: Sandbox.ExecOptions["input"]) =>
        Effect.zipRight(
          run(sandbox, "cat > copy; echo end", { folder, input }),
          Effect.map(sandbox.read(`${folder}/copy`), (read) => [...read.bytes])
        )
      assert.deepStrictEqual(yield* copied(every), [...every])
      assert.deepStrictEqual(yield* copied(Stream.make(bytes("a"), bytes("b"))), [97, 98])
      assert.deepStrictEqual(yield* copied(undefined), [])
    }))

  test("what a command writes is told at once, and what it is told is read", (sandbox) =>
    Effect.gen(function* () {
      const process = yield* sandbox.exec("read one; echo got $one; cat; echo end", { input: "open" })
      const output = yield* Queue.unbounded<string>()
      yield* Effect.forkScoped(Stream.runForEach(process.output, (piece) => Queue.offer(output, text(piece))))
      yield* process.write("first\n")
      assert.strictEqual(yield* Queue.take(output), "got first\n")
      yield* process.write(bytes("second\n"))
      assert.strictEqual(yield* Queue.take(output), "second\n")
      yield* process.endInput
      assert.strictEqual(yield* Queue.take(output), "end\n")
      assert.strictEqual((yield* process.exit).code, 0)
      yield* until(Effect.map(Effect.either(process.write("more")), ({ _tag }) => _tag === "Left"))
    }))

  test("output over its bound is cut and counted", (sandbox, folder) =>
    Effect.gen(function* () {
      yield* sandbox.write(`${folder}/large`, bytes("x".repeat(300_000)))
      const { exit, stdout } = yield* run(sandbox, "cat large; exit 4", { folder, limits: { outputBytes: 1000 } })
      assert.deepStrictEqual([stdout, exit.cutBytes, exit.code], ["x".repeat(1000), 299_000, 4])
      const all = yield* run(sandbox, "cat large", { folder })
      assert.deepStrictEqual([all.stdout.length, all.exit.cutBytes], [300_000, 0])
    }))
}

export const placing = (test: Test): void => {
  test("a command sees its folder and its environment, and no keys", (sandbox, folder) =>
    Effect.gen(function* () {
      const { stdout } = yield* run(sandbox, "pwd; env", { folder, environment: { SUITE: "a b=c" } })
      const [at, ...variables] = stdout.split("\n")
      assert.strictEqual(at, folder)
      assert.include(variables, "SUITE=a b=c")
      assert.isTrue(variables.some((variable) => variable.startsWith("PATH=")))
      assert.notInclude(stdout, hidden.value)
      assert.strictEqual((yield* run(sandbox, ["pwd"])).stdout, `${sandbox.folder}\n`)
    }))

  test("commands and methods have the same files", (sandbox, folder) =>
    Effect.gen(function* () {
      yield* sandbox.write(`${folder}/given`, bytes("given"))
      yield* run(sandbox, "cat given > taken; echo ' too' >> taken; chmod 750 taken; mkdir made", { folder })
      assert.strictEqual(text(yield* sandbox.read(`${folder}/taken`)), "given too\n")
      assert.strictEqual((yield* sandbox.stat(`${folder}/made`)).kind, "folder")
      const { mode } = yield* sandbox.write(`${folder}/taken`, bytes("new"))
      assert.strictEqual(mode, 0o750)
      assert.strictEqual((yield* run(sandbox, `cat '${folder}/taken'`)).stdout, "new")
    }))

  test("links are followed and told as links, and other files are not read", (sandbox, folder) =>
    Effect.gen(function* () {
      yield* sandbox.write(`${folder}/a/file`, bytes("1"))
      const made = "ln -s a/file link; ln -s a folder; ln -s none broken; ln -s loop loop; mkfifo pipe"
      assert.strictEqual((yield* run(sandbox, made, { folder })).stderr, "")
      assert.deepStrictEqual(
        (yield* sandbox.list(folder)).map(({ kind, path }) => [path, kind]),
        [
          ...[
            ["a", "folder"],
            ["broken", "link"],
            ["folder", "link"],
            ["link", "link"],
            ["loop", "link"]
          ],
          ["pipe", "other"]
        ]
      )
      yield* sandbox.write(`${folder}/link`, bytes("22"))
      assert.strictEqual(text(yield* sandbox.read(`${folder}/folder/file`)), "22")
      assert.deepStrictEqual((yield* sandbox.stat(`${folder}/link`)).kind, "file")
      assert.strictEqual(yield* refusal(sandbox.read(`${folder}/broken`)), "NotFound")
      assert.isTrue(Option.isNone(yield* Effect.option(sandbox.read(`${folder}/loop`))))
      assert.strictEqual(yield* refusal(sandbox.read(`${folder}/pipe`)), "NotFile")
      yield* sandbox.remove(`${folder}/folder`, { recursive: true })
      for (const name of ["link", "broken", "loop", "pipe"]) yield* sandbox.remove(`${folder}/${name}`)
      assert.strictEqual(text(yield* sandbox.read(`${folder}/a/file`)), "22")
    }))
}

export const confining = (test: Test, outside: string): void => {
  test("nothing leads out", (sandbox, folder) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* run(sandbox, ["ln", "-s", outside, "out"], { folder })).stderr, "")
      for (const path of [outside, `${folder}/out`]) {
        assert.strictEqual(yield* refusal(sandbox.read(path)), "Denied")
        assert.strictEqual(yield* refusal(sandbox.stat(path)), "Denied")
        assert.strictEqual(yield* refusal(sandbox.write(path, bytes("x"))), "Denied")
      }
      assert.strictEqual(yield* refusal(sandbox.write(`${folder}/out/new`, bytes("x"))), "Denied")
      yield* sandbox.remove(`${folder}/out`)
    }))
}

export const terminals = (test: Test): void => {
  test("a command runs at a terminal", (sandbox) =>
    Effect.gen(function* () {
      const size = { columns: 100, rows: 30 }
      const { exit, stdout } = yield* run(sandbox, "[ -t 0 ] && [ -t 1 ] && echo there; exit 5", { terminal: size })
      assert.deepStrictEqual([stdout, exit.reason, exit.code], ["there\r\n", "exited", 5])
    }))
}
