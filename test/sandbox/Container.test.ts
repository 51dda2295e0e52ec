import { chownSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as ContainerSandbox from "axonal/sandbox/ContainerSandbox"
import * as Sandbox from "axonal/sandbox/Sandbox"
import * as Suites from "axonal/testing/Suites"
import { Deferred, Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as ContainerEngine from "../support/containerEngine.ts"
import * as Processes from "../support/processes.ts"
import * as ProcessTable from "../support/processTable.ts"

await ContainerEngine.suite("ContainerSandbox", ({ client, folder, socketPath }) => {
  const { bare, busybox, empty, gnu } = ContainerEngine.images
  Suites.sandbox("container with busybox", ContainerSandbox.layer({ socketPath, image: busybox }), { terminal: true })
  Suites.sandbox("container with GNU", ContainerSandbox.layer({ socketPath, image: gnu }), { terminal: true })

  const mount = mkdtempSync(join(tmpdir(), "axonal-mount-"))
  chownSync(mount, 1000, 1000)
  afterAll(() => rmSync(mount, { recursive: true, force: true }))

  const make = (options: Partial<ContainerSandbox.Options> = {}) =>
    ContainerSandbox.make({ socketPath, image: busybox, ...options })
  const ask = (...words: ReadonlyArray<string>) => Effect.promise(() => client(...words))
  const containers = Effect.map(ask("ps", "-aq"), (text) => text.trim())
  const problem = (options: Partial<ContainerSandbox.Options>) =>
    Effect.map(Effect.flip(Effect.scoped(make(options))), ({ reason }) =>
      "problem" in reason ? `${reason._tag}: ${reason.problem}` : reason._tag
    )
  const run = (sandbox: Sandbox.Service, command: Sandbox.Command, options?: Sandbox.ExecOptions) =>
    Effect.provideService(Sandbox.run(command, options), Sandbox.Sandbox, sandbox)

  describe("ContainerSandbox", () => {
    it.live("a kept container is found again with its files", () =>
      Effect.gen(function* () {
        const kept = { name: "axonal-kept", keep: true }
        yield* Effect.scoped(
          Effect.gen(function* () {
            const sandbox = yield* make(kept)
            yield* sandbox.write("a/b", new TextEncoder().encode("kept"))
            assert.include(yield* problem(kept), "in use by another sandbox")
          })
        )
        assert.strictEqual((yield* ask("ps", "-q")).trim(), "")
        assert.include(yield* problem({ ...kept, pids: 64 }), "with other settings")
        yield* Effect.scoped(
          Effect.gen(function* () {
            const sandbox = yield* make(kept)
            const { stdout } = yield* run(sandbox, "cat a/b; ls -A /tmp; touch c && id -u")
            assert.strictEqual(stdout, "kept1000\n")
          })
        )
        yield* ask("rm", "-fv", kept.name)
        yield* ask("volume", "rm", `${kept.name}-files`)
      })
    )

    it.live("a container of a process that is gone gives way, others do not", () =>
      Effect.gen(function* () {
        const create = (name: string, ...words: ReadonlyArray<string>) =>
          ask("create", "--name", name, "--network", "none", ...words, busybox, "sleep", "9")
        yield* create("axonal-left", "--label", `io.axonal.sandbox=${hostname()} 4194304 1`)
        yield* create("axonal-other")
        const { exit } = yield* Effect.scoped(
          Effect.flatMap(make({ name: "axonal-left" }), (sandbox) => run(sandbox, "exit 7"))
        )
        assert.strictEqual(exit.code, 7)
        assert.include(
          yield* problem({ name: "axonal-other" }),
          "Invalid: a container of this name is there that is no"
        )
        assert.strictEqual((yield* ask("ps", "-a", "--format", "{{.Names}}")).trim(), "axonal-other")
        yield* ask("rm", "-f", "axonal-other")
      })
    )

    it.live("closing or interrupting leaves no container and no process", () =>
      Effect.gen(function* () {
        const word = ProcessTable.word()
        const scope = yield* Scope.make()
        const sandbox = yield* Scope.extend(make(), scope)
        const deaf = `trap '' TERM; (setsid env -i sleep ${word} &); sleep ${word} & sleep ${word}`
        const ran = yield* Effect.fork(run(sandbox, deaf, { grace: "50 millis" }))
        yield* ProcessTable.until(word, 3)
        yield* Fiber.interrupt(ran)
        assert.deepStrictEqual(yield* ProcessTable.running(word), [])
        yield* Scope.extend(sandbox.exec(`sleep ${word}`), scope)
        yield* ProcessTable.until(word, 1)
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(yield* ProcessTable.running(word), [])
        const half = yield* Effect.fork(Effect.scoped(Effect.zipRight(make(), Effect.never)))
        yield* Effect.sleep("30 millis")
        yield* Fiber.interrupt(half)
        assert.strictEqual(yield* containers, "")
      })
    )

    it.live("a process that is killed takes its container along", () =>
      Effect.gen(function* () {
        const word = ProcessTable.word()
        const child = yield* Processes.start("test/support/containerProcess.ts", socketPath, busybox, word)
        // The program, the shell around the command, and the command.
        yield* ProcessTable.until(word, 3)
        child.kill("SIGKILL")
        yield* ProcessTable.until(word, 0)
        const gone: Effect.Effect<void> = Effect.flatMap(containers, (ids) =>
          ids === "" ? Effect.void : Effect.zipRight(Effect.sleep("20 millis"), gone)
        )
        yield* gone
      }).pipe(Effect.scoped)
    )

    it.live("a program ends by itself once its sandbox is closed", () =>
      Effect.gen(function* () {
        const child = yield* Processes.start("test/support/containerProcess.ts", socketPath, busybox, "0")
        const code = yield* Effect.async<number | null>((resume) => {
          child.once("exit", (code) => resume(Effect.succeed(code)))
        })
        assert.strictEqual(code, 0)
      }).pipe(Effect.scoped)
    )

    it.live("a mounted folder is that of the machine, to be written or not", () =>
      Effect.gen(function* () {
        writeFileSync(join(mount, "given"), "given")
        const sandbox = yield* make({ mount: { path: mount }, folder: "/work" })
        assert.include(
          sandbox.description,
          `in /work, in a container of ${busybox}, as user 1000:1000, without a network`
        )
        assert.strictEqual((yield* run(sandbox, "pwd; cat given; echo made > made")).stdout, "/work\ngiven")
        assert.strictEqual(statSync(join(mount, "made")).uid, 1000)
        const reader = yield* make({ mount: { path: mount, access: "read" } })
        const { reason } = yield* Effect.flip(reader.write("given", new Uint8Array()))
        assert.strictEqual(reason._tag, "Denied")
        assert.include((yield* run(reader, "rm made")).stderr, "Read-only file system")
        assert.isTrue(existsSync(join(mount, "made")))
      }).pipe(Effect.scoped)
    )

    it.live("what nobody reads waits, and a terminal has the size it is told", () =>
      Effect.gen(function* () {
        const word = ProcessTable.word()
        const sandbox = yield* make()
        const process = yield* sandbox.exec(["yes", word])
        const [pid = 0] = yield* ProcessTable.until(word, 2).pipe(Effect.map((pids) => pids.slice(-1)))
        yield* Effect.sleep("300 millis")
        const before = ProcessTable.written(pid)
        yield* Effect.sleep("100 millis")
        assert.strictEqual(ProcessTable.written(pid), before)
        assert.isBelow(before, 4_000_000)
        yield* process.kill

        const terminal = { columns: 91, rows: 17 }
        const sized = yield* sandbox.exec("stty size; read one; stty size", { terminal, input: "open" })
        const asked = yield* Deferred.make<void>()
        let seen = ""
        const told = yield* Effect.fork(
          Stream.runForEach(sized.output, ({ bytes }) => {
            seen += new TextDecoder().decode(bytes)
            return Deferred.succeed(asked, undefined)
          })
        )
        yield* Deferred.await(asked)
        yield* sized.resize({ columns: 92, rows: 18 })
        yield* sized.write("\n")
        yield* Fiber.join(told)
        assert.deepStrictEqual(seen.match(/\d+ \d+/g), ["17 91", "18 92"])
      }).pipe(Effect.scoped)
    )

    it.live("what a container needs and has not is said", () =>
      Effect.gen(function* () {
        const none = join(folder, "none.sock")
        assert.include(
          yield* problem({ socketPath: none }),
          `Unavailable: no container engine listens at ${none}; start`
        )
        assert.include(
          yield* problem({ image: "local/none" }),
          "Unavailable: the container engine has no image local/none; get"
        )
        assert.include(yield* problem({ image: "127.0.0.1:9/none", pull: "missing" }), "and could not get it")
        const told = yield* problem({ image: empty })
        assert.include(told, "the image needs /bin/sh", told)
        assert.include(yield* problem({ image: bare }), "the image lacks cat, chmod")
        assert.include(yield* problem({ network: "none-such" }), "network")
        assert.include(yield* problem({ mount: { path: join(folder, "none") } }), "the folder of mount is not there")
        assert.strictEqual(yield* containers, "")
      })
    )

    it("options that mean nothing are refused", () => {
      const wrong: ReadonlyArray<readonly [string, Partial<ContainerSandbox.Options>]> = [
        ["memoryBytes", { memoryBytes: 1 }],
        ["pids", { pids: 0 }],
        ["cpus", { cpus: -1 }],
        ["folder", { folder: "work" }],
        ["folder", { folder: "/tmp" }],
        ["folder", { folder: "/a/../etc" }],
        ["name", { name: "a b" }],
        ["name", { keep: true }],
        ["network", { network: "host" }],
        ["network", { network: "container:other" }],
        ["environment", { environment: { "A=B": "" } }],
        ["image", { image: "" }]
      ]
      for (const [option, options] of wrong) assert.throws(() => make(options), new RegExp(`^${option}`))
    })
  })
})
