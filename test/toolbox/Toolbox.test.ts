import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { CallId, RunId, SessionId } from "../../src/domain/Ids.ts"
import * as CommandGuard from "../../src/guard/CommandGuard.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as PathGuard from "../../src/guard/PathGuard.ts"
import * as Sandbox from "../../src/sandbox/Sandbox.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Toolkit from "../../src/tool/Toolkit.ts"
import * as Toolbox from "../../src/toolbox/Toolbox.ts"

const tools = Toolbox.make()

const infos = Effect.map(Toolkit.resolve(tools), ({ entries }) => [...entries.values()].map(({ info }) => info))

const call = (name: string, input: unknown): Effect.Effect<Guard.Call> =>
  Effect.map(Effect.orDie(infos), (all) => {
    const tool = all.find((info) => info.name === name)
    assert.isDefined(tool)
    return {
      ...{ id: CallId.make("c"), run: RunId.make("r"), session: SessionId.make("s"), agent: "a", turn: 1 },
      ...{ identity: {}, tool, input }
    }
  })

describe("Toolbox", () => {
  it.effect("the default guard asks before anything that changes the world", () =>
    Effect.gen(function* () {
      const verdicts = (yield* infos).map((info) => [info.name, Guard.byAnnotations(info)._tag])
      assert.deepStrictEqual(verdicts, [
        ["read_file", "Allow"],
        ["list_files", "Allow"],
        ["find_files", "Allow"],
        ["search_files", "Allow"],
        ["write_file", "Ask"],
        ["edit_file", "Ask"],
        ["patch_file", "Ask"],
        ["apply_patch", "Ask"],
        ["shell", "Ask"],
        ["shell_output", "Allow"],
        ["shell_input", "Ask"],
        ["shell_stop", "Allow"],
        ["shell_jobs", "Allow"],
        ["run_code", "Ask"]
      ])
      const reading = yield* Toolkit.resolve(Toolbox.make({ only: Toolbox.reading }))
      assert.isTrue([...reading.entries.values()].every(({ info }) => info.readOnly === true))
    })
  )

  it.effect("each argument of each tool is described", () =>
    Effect.gen(function* () {
      for (const { inputSchema, name } of (yield* Toolkit.resolve(tools)).specs) {
        const { properties = {} } = inputSchema as { readonly properties?: Readonly<Record<string, object>> }
        for (const [field, schema] of Object.entries(properties)) {
          if (["text", "language"].includes(field)) continue
          assert.match(JSON.stringify(schema), /"description":"\S/, `${name}.${field}`)
        }
      }
    })
  )

  it("a name that is none, and an option out of bounds, throw", () => {
    // @ts-expect-error: there is no such tool
    assert.throws(() => Toolbox.make({ only: ["read"] }), /Toolbox option only must be "read_file"/)
    assert.throws(() => Toolbox.make({ shell: { keepBytes: 1 } }), /Shell option keepBytes/)
    assert.throws(() => Toolbox.make({ runCode: { languages: {} } }), /at least one language/)
  })

  const rows: ReadonlyArray<readonly [name: string, input: object, verdict: string]> = [
    ["read_file", { path: "a/b/c/g" }, "Rewrite"],
    ["read_file", { path: "a/../../x" }, "Ask"],
    ["read_file", { path: "/etc/shadow", note: "a" }, "Ask"],
    ["list_files", { path: "/" }, "Ask"],
    ["list_files", {}, "Allow"],
    ["find_files", { pattern: "**/../../*", path: ".." }, "Ask"],
    ["search_files", { pattern: "x", path: "/root" }, "Ask"],
    ["write_file", { path: "/etc/passwd", content: "" }, "Ask"],
    ["edit_file", { path: "../x", edits: [] }, "Ask"],
    ["patch_file", { path: "/x", patches: [] }, "Ask"],
    [
      "apply_patch",
      {
        files: [
          { path: "ok.txt", diff: "" },
          { path: "/etc/x", diff: "" }
        ]
      },
      "Ask"
    ],
    ["shell", { command: "ls", folder: "/etc" }, "Ask"],
    ["shell", { command: "ls", folder: "a" }, "Rewrite"],
    ["run_code", { language: "node", code: "1", folder: "/root" }, "Ask"]
  ]
  it.effect("AX-32 a path guard finds every path of the kit, and where commands run", () =>
    Effect.gen(function* () {
      const guard = yield* PathGuard.make({
        roots: [{ path: "/work-folder", access: "write" }],
        tools: Toolbox.paths(tools)
      })
      for (const [name, input, verdict] of rows) {
        const { _tag } = yield* guard.check(yield* call(name, input))
        assert.strictEqual(_tag, verdict, `${name} ${JSON.stringify(input)}`)
      }
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.effect("AG-17 a guard of commands judges the lines of the shell where they run", () =>
    Effect.gen(function* () {
      const guard = CommandGuard.make({ tools: Toolbox.commands, allow: ["ls **"] })
      assert.strictEqual((yield* guard.check(yield* call("shell", { command: "ls -l" })))._tag, "Allow")
      assert.strictEqual((yield* guard.check(yield* call("shell", { command: "rm -rf *", folder: "/" })))._tag, "Deny")
      assert.strictEqual((yield* guard.check(yield* call("read_file", { path: "x" })))._tag, "Allow")
    })
  )

  it.effect("an agent works in a sandbox in memory, and is told of it", () =>
    Effect.gen(function* () {
      const agent = Agent.addInstructions(
        Agent.make("clerk", { tools: Toolbox.make({ only: Toolbox.reading }) }),
        Toolbox.instructions
      )
      const { messages } = yield* Agent.run(agent, "read it")
      assert.include(JSON.stringify(messages), "hello there")
      const [request] = yield* ScriptedTransport.requests
      assert.match(JSON.stringify(request?.messages[0]), /Its working folder is \//)
    }).pipe(
      Effect.provide([
        ScriptedTransport.layer([
          [ScriptedTransport.call("1", "read_file", { path: "a.txt" })],
          [ScriptedTransport.text("done")]
        ]),
        ContextStore.layerMemory,
        Sandbox.layerMemory({ files: { "a.txt": "hello there\n" } })
      ])
    )
  )
})
