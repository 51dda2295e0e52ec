import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as ContainerSandbox from "axonal/sandbox/ContainerSandbox"
import * as Sandbox from "axonal/sandbox/Sandbox"
import { Effect, Either, Fiber, Schema } from "effect"
import * as ContainerEngine from "../support/containerEngine.ts"
import * as ProcessTable from "../support/processTable.ts"

const Attack = Schema.Struct({
  attempt: Schema.String,
  command: Schema.Union(Schema.String, Schema.NonEmptyArray(Schema.String)),
  folder: Schema.optional(Schema.String),
  limits: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Number })),
  grace: Schema.optional(Schema.Number),
  outcome: Schema.String,
  stdout: Schema.optional(Schema.String),
  cut: Schema.optional(Schema.Boolean)
})
type Attack = typeof Attack.Type

const file = new URL("../fixtures/sandbox/attacks-container.json", import.meta.url)
const attacks = Schema.decodeUnknownSync(Schema.parseJson(Schema.Array(Attack)))(readFileSync(file, "utf8"))

await ContainerEngine.suite("attacks on containers", ({ halt, socketPath }) => {
  const image = ContainerEngine.images.busybox
  const outside = mkdtempSync(join(tmpdir(), "axonal-container-"))
  const folder = join(outside, "box")
  const service = createServer()
  let port = 0
  beforeAll(async () => {
    mkdirSync(folder)
    chownSync(folder, 1000, 1000)
    writeFileSync(join(outside, "secret"), "secret")
    writeFileSync(join(folder, "plain"), "echo plain")
    symlinkSync(outside, join(folder, "out"))
    symlinkSync(join(outside, "secret"), join(folder, "link"))
    process.env["AXONAL_TEST_SECRET"] = "secret"
    await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve))
    const address = service.address()
    port = address !== null && typeof address === "object" ? address.port : 0
  })
  afterAll(() => {
    service.close()
    delete process.env["AXONAL_TEST_SECRET"]
    rmSync(outside, { recursive: true, force: true })
  })

  const filled = (text: string, word: string): string =>
    text
      .replaceAll("WORD", word)
      .replaceAll("LONG", "x".repeat(200_000))
      .replaceAll("PORT", String(port))
      .replaceAll("SOCKET", socketPath)
      .replaceAll("OUTSIDE", outside)
      .replaceAll("HOSTPID", String(process.pid))

  /** What came of an attack, as far as its record says something about it, and who is left on this machine. */
  const outcomeOf = ({ command, cut, folder, grace = 2000, limits, stdout, ...attack }: Attack) =>
    Effect.gen(function* () {
      const word = ProcessTable.word()
      const [program, ...words] = typeof command === "string" ? ["", command] : command
      const line = words.map((text) => filled(text, word))
      const ran = yield* Effect.either(
        Sandbox.run(program === "" ? line.join() : [program, ...line], { folder, grace, limits })
      )
      const left = (yield* ProcessTable.running(word)).length
      const { attempt } = attack
      if (Either.isLeft(ran)) return { attempt, outcome: `error ${ran.left.reason._tag}`, left }
      const { exit, stdout: written } = ran.right
      return {
        attempt,
        outcome: `${exit.reason} ${exit.signal ?? exit.code}`,
        ...(stdout === undefined ? {} : { stdout: written }),
        ...(cut === undefined ? {} : { cut: exit.cutBytes > 1000 }),
        left
      }
    })
  const expected = ({ attempt, cut, outcome, stdout }: Attack) => ({
    attempt,
    outcome,
    ...(stdout === undefined ? {} : { stdout }),
    ...(cut === undefined ? {} : { cut }),
    left: 0
  })
  const world = (options: Partial<ContainerSandbox.Options> = {}) =>
    Effect.provide(ContainerSandbox.layer({ socketPath, image, ...options }))

  describe("attacks on containers", () => {
    it.live("nothing gets out of a container, nor away from its command", () =>
      Effect.gen(function* () {
        const outcomes = yield* Effect.forEach(attacks, outcomeOf, { concurrency: 4 })
        assert.deepStrictEqual(outcomes, attacks.map(expected))
        assert.strictEqual(readFileSync(join(outside, "secret"), "utf8"), "secret")
      }).pipe(world({ mount: { path: folder }, memoryBytes: 256 << 20, folderBytes: 8 << 20 }))
    )

    it.live("want of memory is told apart from other ends", () =>
      Effect.gen(function* () {
        const { exit } = yield* Sandbox.run("exec tail -c 268435456 /dev/zero")
        assert.deepStrictEqual([exit.reason, exit.signal], ["out-of-memory", "SIGKILL"])
        const other = yield* Sandbox.run("kill -9 $$")
        assert.strictEqual(other.exit.reason, "signalled")
      }).pipe(world({ memoryBytes: 48 << 20 }))
    )

    it.live("root in a container has a read-only system and no rights", () =>
      Effect.gen(function* () {
        const { exit, stderr, stdout } = yield* Sandbox.run("id -u; touch mine /bin/ours; chown 1000 mine; kill -9 1")
        assert.deepStrictEqual([stdout, exit.code], ["0\n", 0])
        assert.include(stderr, "/bin/ours: Read-only file system")
        assert.include(stderr, "mine: Operation not permitted")
        assert.strictEqual((yield* Sandbox.run("echo on")).stdout, "on\n")
      }).pipe(world({ user: "0:0" }))
    )

    it.live("a fork bomb takes neither the machine nor the container along", () =>
      Effect.gen(function* () {
        const word = ProcessTable.word()
        const bomb = `f() { f | f & f & sleep ${word}; }; f & exec sleep ${word}`
        const { exit } = yield* Sandbox.run(bomb, { limits: { time: "500 millis" }, grace: "100 millis" })
        assert.strictEqual(exit.reason, "timed-out")
        assert.deepStrictEqual(yield* ProcessTable.running(word), [])
        assert.strictEqual((yield* Sandbox.run("echo on")).stdout, "on\n")
      }).pipe(world({ pids: 48 }))
    )

    it.live("who kills all it can is alone and stops nothing", () =>
      Effect.gen(function* () {
        const word = ProcessTable.word()
        yield* Sandbox.writeText("a", "a")
        const other = yield* Effect.fork(Sandbox.run(`sleep ${word}`))
        yield* ProcessTable.until(word, 1)
        const { exit } = yield* Sandbox.run("kill -9 -1")
        assert.deepStrictEqual([exit.reason, exit.signal], ["signalled", "SIGKILL"])
        assert.strictEqual((yield* Fiber.join(other)).exit.signal, "SIGKILL")
        assert.strictEqual(yield* Sandbox.readText("a"), "a")
        const left = yield* Sandbox.run(`sleep ${word}`, { limits: { time: "100 millis" } })
        assert.strictEqual(left.exit.reason, "timed-out")
        assert.deepStrictEqual(yield* ProcessTable.running(word), [])
      }).pipe(world())
    )

    it.live("links in a mounted folder lead where they lead inside", () =>
      Effect.gen(function* () {
        const refused = (
          effect: Effect.Effect<unknown, { readonly reason: { readonly _tag: string } }, Sandbox.Sandbox>
        ) => Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)
        const { list, remove } = yield* Sandbox.Sandbox
        assert.strictEqual(yield* refused(Sandbox.readText("link")), "NotFound")
        assert.strictEqual(yield* refused(list("out")), "NotFound")
        assert.strictEqual(yield* refused(Sandbox.writeText("out/new", "x")), "NotFound")
        assert.strictEqual(yield* refused(Sandbox.writeText("/etc/passwd", "x")), "Denied")
        assert.strictEqual(yield* refused(remove("/bin/busybox")), "Denied")
        assert.strictEqual(yield* refused(remove("/", { recursive: true })), "Denied")
        assert.strictEqual(yield* refused(Sandbox.writeText("/tmp/much", "x".repeat(2 << 20))), "NoSpace")
        yield* remove("out", { recursive: true })
        assert.strictEqual(readFileSync(join(outside, "secret"), "utf8"), "secret")
      }).pipe(world({ mount: { path: folder }, folderBytes: 1 << 20 }))
    )

    it.live("an engine that ends fails what runs, and nothing hangs", () =>
      Effect.gen(function* () {
        const word = ProcessTable.word()
        const sandbox = yield* Sandbox.Sandbox
        const ran = yield* Effect.fork(Effect.either(Sandbox.run(`sleep ${word}`)))
        yield* ProcessTable.until(word, 1)
        yield* Effect.promise(halt)
        const result = yield* Fiber.join(ran)
        const how = Either.isLeft(result) ? result.left.reason._tag : result.right.exit.signal
        assert.include(["Unavailable", "SIGKILL", "SIGTERM"], how)
        assert.strictEqual((yield* Effect.flip(sandbox.list("."))).reason._tag, "Unavailable")
        assert.strictEqual((yield* Effect.flip(Sandbox.run("true"))).reason._tag, "Unavailable")
        assert.deepStrictEqual(yield* ProcessTable.running(word), [])
      }).pipe(world())
    )
  })
})
