/**
 * Your own tool
 *
 * A tool that works in whatever sandbox there is: it counts the words of files with a program of the system, shows how far
 * it is, and says in words what went wrong. The test of it needs no disk.
 *
 *   npx tsx examples/31_your_own_tool.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore, Part, ToolContext } from "axonal"
import * as PathGuard from "axonal/guard/PathGuard"
import * as Sandbox from "axonal/sandbox/Sandbox"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Schema, Stream } from "effect"

// #region tool
const Counts = Schema.Record({ key: Schema.String, value: Schema.Int })

const countWords = Agent.tool(
  "count_words",
  {
    description: "Counts the words of text files. Give all files at once.",
    parameters: {
      paths: Schema.Array(PathGuard.path("read")).annotations({ description: "Files, relative to the working folder" })
    },
    success: Counts,
    failure: Schema.String,
    readOnly: true,
    destructive: false,
    timeout: "1 minute"
  },
  ({ paths }) =>
    Effect.gen(function* () {
      const { progress } = yield* ToolContext.ToolContext
      const counts: Record<string, number> = {}
      for (const path of paths) {
        const { exit, stderr, stdout } = yield* Sandbox.run(["wc", "-w", "--", path])
        if (exit.code !== 0) return yield* Effect.fail(`${path} cannot be counted: ${stderr.trim()}`)
        counts[path] = Number.parseInt(stdout, 10)
        yield* progress(`${path} is counted`)
      }
      return counts
      // What the sandbox refuses has words for the model already.
    }).pipe(Effect.mapError((error) => (typeof error === "string" ? error : error.message)))
)
// #endregion

export const program = Agent.stream(Agent.make("editor", { tools: [countWords] }), "How long?").pipe(
  Stream.runForEach(
    AgentEvent.matchPartial({
      ToolProgress: ({ chunk }) => Console.log(`… ${chunk}`),
      ToolEnd: ({ content, outcome }) => Console.log(`${outcome}: ${Part.contentToText(content)}`),
      TextDelta: ({ delta }) => Console.log(delta)
    })
  )
)

// #region sandbox
/** Files that are only in memory, and commands that are played: for tests of tools. */
const sandbox = Sandbox.layerMemory({
  files: { "a.txt": "one two three" },
  exec: (command) => {
    const path = command[3]
    return Effect.succeed(path === "a.txt" ? { stdout: "3 a.txt\n" } : { code: 1, stderr: `wc: ${path}: not there\n` })
  }
})
// #endregion

const { call, text } = ScriptedTransport

export const layer = Layer.mergeAll(
  ScriptedTransport.layer([
    [call("1", "count_words", { paths: ["a.txt"] }), call("2", "count_words", { paths: ["b.txt"] })],
    [text("The first has three words.")]
  ]),
  ContextStore.layerMemory,
  sandbox
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
