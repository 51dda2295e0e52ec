import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as BubblewrapSandbox from "../../src/sandbox/BubblewrapSandbox.ts"
import * as LocalSandbox from "../../src/sandbox/LocalSandbox.ts"
import type * as Sandbox from "../../src/sandbox/Sandbox.ts"
import type { SandboxError } from "../../src/sandbox/SandboxError.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Shell from "../../src/toolbox/Shell.ts"
import * as ProcessTable from "../support/processTable.ts"

const { call, text } = ScriptedTransport
const folder = realpathSync(mkdtempSync(join(tmpdir(), "axonal-shell-runs-")))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const tools = Shell.make()
const patient = Agent.make("patient", { tools })
const hurried = Agent.make("hurried", { tools, toolsTimeout: "1500 millis" })

/** How runs with a command and a job end, each of which has begun three processes by then. */
const ends = ["stop", "interrupt", "timeout"] as const

const leftAfter = (end: (typeof ends)[number]) =>
  Effect.gen(function* () {
    const word = ProcessTable.word()
    const line = `(setsid sleep ${word} &); sleep ${word} & echo on; sleep ${word}`
    const script = [
      [call("1", "shell", { command: line, background: true })],
      [call("2", "shell", { command: line })],
      ...(end === "timeout" ? [[text("done")]] : [])
    ]
    const run = Effect.scoped(
      Effect.gen(function* () {
        const handle = yield* Agent.start(end === "timeout" ? hurried : patient, "go")
        yield* ProcessTable.until(word, 6)
        if (end === "stop") yield* handle.stop
        // Its job is there still, until the run ends.
        if (end === "timeout") yield* handle.await
      })
    )
    yield* Effect.provide(run, [ScriptedTransport.layer(script), ContextStore.layerMemory, Guard.layerAllow])
    return (yield* ProcessTable.running(word)).length
  })

const none = (name: string, layer: Layer.Layer<Sandbox.Sandbox, SandboxError>) =>
  it.live(`AX-16 however a run ends, none of its processes is left: ${name}`, () =>
    Effect.gen(function* () {
      const left = yield* Effect.forEach(ends, leftAfter, { concurrency: "unbounded" })
      assert.deepStrictEqual(left, [0, 0, 0])
    }).pipe(Effect.provide(layer))
  )

describe("runs that end", () => {
  none("local", LocalSandbox.layer({ folder }))
  none("bubblewrap", BubblewrapSandbox.layer({ folder }))
})
