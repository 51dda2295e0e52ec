import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Processes from "../support/processes.ts"
import * as ProcessTable from "../support/processTable.ts"

const folder = realpathSync(mkdtempSync(join(tmpdir(), "axonal-host-")))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Ends of a program with what is done to it, and the sandboxes that leave nothing behind then. */
const ends = [
  ["local", "exit", "data"],
  ["local", "main", "SIGTERM"],
  ["local", "main", "SIGINT"],
  ["bubblewrap", "exit", "data"],
  ["bubblewrap", "main", "SIGTERM"],
  ["bubblewrap", "plain", "SIGKILL"]
] as const

describe("programs with commands", () => {
  it.live("AG-17: a program that ends takes along what its commands started", () =>
    Effect.gen(function* () {
      const program = yield* Effect.promise(() => Processes.program("test/support/sandboxProcess.ts"))
      const left = yield* Effect.forEach(
        ends,
        ([kind, end, how]) =>
          Effect.gen(function* () {
            const word = ProcessTable.word()
            const line = `trap '' HUP; (setsid sleep ${word} &); sleep ${word} & sleep ${word}`
            const child = spawn(process.execPath, [...program, kind, folder, end, line], {
              env: Processes.environment(),
              stdio: ["pipe", "ignore", "inherit"]
            })
            const closed = once(child, "close")
            yield* ProcessTable.until(word, 3)
            if (how === "data") child.stdin?.write("end\n")
            else child.kill(how)
            yield* Effect.promise(() => closed)
            // The kernel ends those in namespaces, a moment after it has ended who made these.
            yield* kind === "bubblewrap" ? ProcessTable.until(word, 0) : Effect.void
            return (yield* ProcessTable.running(word)).length
          }),
        { concurrency: 3 }
      )
      assert.deepStrictEqual(
        left,
        ends.map(() => 0)
      )
    })
  )
})
