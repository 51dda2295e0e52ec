import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as BubblewrapSandbox from "axonal/sandbox/BubblewrapSandbox"
import * as Sandbox from "axonal/sandbox/Sandbox"
import * as Suites from "axonal/testing/Suites"
import { Effect, Fiber } from "effect"
import { withNamespaces, works } from "../support/bubblewrap.ts"
import * as ProcessTable from "../support/processTable.ts"

const outside = realpathSync(mkdtempSync(join(tmpdir(), "axonal-bubblewrap-")))
const [folder, read] = [join(outside, "folder"), join(outside, "read")]
for (const path of [folder, read]) mkdirSync(path)
writeFileSync(join(read, "known"), "known\n")
afterAll(() => rmSync(outside, { recursive: true, force: true }))

const layer = BubblewrapSandbox.layer({ folder, at: "/work", readOnly: [{ path: read, at: "/work/read" }] })

withNamespaces("a sandbox: bubblewrap", () =>
  Suites.sandbox("bubblewrap", layer, { terminal: true, outside: "/etc/passwd" })
)

describe.skipIf(!works)("BubblewrapSandbox", () => {
  it.live("commands and files see the same folders", () =>
    Effect.gen(function* () {
      yield* Sandbox.writeText("/tmp/a", "a")
      yield* Sandbox.writeText("b", "b")
      const { exit, stderr, stdout } = yield* Sandbox.run(
        "pwd; cat /tmp/a b read/known; echo c > /tmp/c; echo d > ~/d; echo e > read/e"
      )
      assert.deepStrictEqual([exit.code, stdout], [2, "/work\nabknown\n"])
      assert.include(stderr, "Read-only file system")
      assert.deepStrictEqual(yield* Effect.all([Sandbox.readText("/tmp/c"), Sandbox.readText("/home/user/d")]), [
        "c\n",
        "d\n"
      ])
      const { reason } = yield* Effect.flip(Sandbox.writeText("read/e", "e"))
      assert.strictEqual(reason._tag, "Denied")
      assert.isTrue(existsSync(join(folder, "b")))
    }).pipe(Effect.provide(layer))
  )

  it.live("interrupting a run ends every process it started", () =>
    Effect.gen(function* () {
      const word = ProcessTable.word()
      const line = `trap '' TERM; (setsid env -i sleep ${word} &); sleep ${word} & sleep ${word}`
      const ran = yield* Effect.fork(Sandbox.run(line, { grace: "50 millis" }))
      yield* ProcessTable.until(word, 3)
      yield* Fiber.interrupt(ran)
      assert.deepStrictEqual(yield* ProcessTable.running(word), [])
    }).pipe(Effect.provide(layer))
  )

  it.live("a machine without bubblewrap says what to install", () =>
    Effect.gen(function* () {
      const { reason } = yield* Effect.flip(Effect.scoped(BubblewrapSandbox.make({ folder, program: "no-such-wrap" })))
      assert.deepStrictEqual(reason, {
        _tag: "Unavailable",
        problem: "bubblewrap is not installed; install it (apt install bubblewrap, dnf install bubblewrap)"
      })
    })
  )

  it.live("a system that forbids namespaces says what to allow", () =>
    Effect.gen(function* () {
      const program = join(outside, "forbidden")
      writeFileSync(program, "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n", {
        mode: 0o755
      })
      const error = yield* Effect.flip(Effect.scoped(BubblewrapSandbox.make({ folder, program })))
      assert.strictEqual(error.reason._tag, "Unavailable")
      assert.include(error.message, "No permissions to create new namespace")
      assert.include(error.message, "sysctl")
    })
  )

  it.live("a folder that holds our temporary files is refused", () =>
    Effect.gen(function* () {
      const { reason } = yield* Effect.flip(Effect.scoped(BubblewrapSandbox.make({ folder: tmpdir() })))
      assert.strictEqual(reason._tag, "Invalid")
    })
  )
})
