/**
 * Sandbox
 *
 * An agent mends a program: it reads, edits and runs it in a folder of its own, and whatever it started ends with its run.
 * Which sandbox that is, the last lines say; the agent and its tools do not know.
 *
 *   npx tsx examples/13_sandbox.ts
 */

import { FileSystem } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, Approval, ContextStore, Guard, Part } from "axonal"
import * as LocalSandbox from "axonal/sandbox/LocalSandbox"
import * as Sandbox from "axonal/sandbox/Sandbox"
import { ScriptedTransport } from "axonal/testing"
import * as Toolbox from "axonal/toolbox/Toolbox"
import { Console, Effect, Layer, Stream } from "effect"

// #region agent
const tools = Toolbox.make({ only: [...Toolbox.reading, "edit_file", "shell"], shell: { timeout: "30 seconds" } })

const mechanic = Agent.make("mechanic", { instructions: "You mend programs.", tools }).pipe(
  Agent.addInstructions(Toolbox.instructions)
)
// #endregion

// #region command
const sum = (one: number, other: number) =>
  Sandbox.run(["sh", "sum.sh", String(one), String(other)], { limits: { time: "5 seconds" } })
// #endregion

export const program = Effect.gen(function* () {
  yield* Sandbox.writeText("sum.sh", "echo $(($1 - $2))\n")
  yield* Agent.stream(mechanic, "sum.sh 2 3 says -1. Mend it.").pipe(
    Stream.runForEach(
      AgentEvent.matchPartial({
        ApprovalAsked: ({ reason }) => Console.log(`may it? ${reason}`),
        ToolEnd: ({ content, name }) => Console.log(`${name}: ${Part.contentToText(content).trimEnd()}`),
        TextDelta: ({ delta }) => Console.log(delta)
      })
    )
  )
  const { exit, stdout } = yield* sum(20, 22)
  yield* Console.log(`${exit.reason} with ${exit.code}: ${stdout.trim()}`)
})

// #region sandbox
/** A folder that is gone when the program ends, and a sandbox in it. */
const sandbox = Layer.unwrapScoped(
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const folder = yield* files.makeTempDirectoryScoped({ prefix: "mechanic-" })
    return LocalSandbox.layer({ folder, limits: { time: "1 minute", memoryBytes: 2 ** 30, processes: 64 } })
    // return BubblewrapSandbox.layer({ folder })
    // return ContainerSandbox.layer({ image: "debian:bookworm-slim", pull: "missing", mount: { path: folder } })
  })
).pipe(Layer.provide(NodeContext.layer))
// #endregion

const { call, text } = ScriptedTransport
const edits = [{ old: "$1 - $2", new: "$1 + $2" }]

export const layer = Layer.mergeAll(
  ScriptedTransport.layer([
    [call("1", "search_files", { pattern: "echo" })],
    [call("2", "edit_file", { path: "sum.sh", edits })],
    [call("3", "shell", { command: "sh sum.sh 2 3" })],
    [text("It added with a minus.")]
  ]),
  ContextStore.layerMemory,
  Approval.layerAllow,
  Guard.layer(Guard.standard),
  sandbox
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
