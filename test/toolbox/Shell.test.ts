import * as FileSystem from "@effect/platform/FileSystem"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as LocalSandbox from "../../src/sandbox/LocalSandbox.ts"
import * as Sandbox from "../../src/sandbox/Sandbox.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as ToolContext from "../../src/tool/ToolContext.ts"
import * as RunCode from "../../src/toolbox/RunCode.ts"
import * as Shell from "../../src/toolbox/Shell.ts"
import * as ShellJobs from "../../src/toolbox/ShellJobs.ts"
import { called } from "../support/toolCalls.ts"

const { call, text } = ScriptedTransport
const tools = [...Shell.make(), RunCode.make()]

/** Has a sandbox in a folder of its own, and a run to belong to. */
const within = <A, E>(use: Effect.Effect<A, E, Sandbox.Sandbox>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const system = yield* FileSystem.FileSystem
      const folder = yield* system.makeTempDirectoryScoped({ prefix: "axonal-shell-" })
      const sandbox = yield* LocalSandbox.make({ folder })
      const scope = yield* Effect.scope
      return yield* use.pipe(
        Effect.provideService(Sandbox.Sandbox, sandbox),
        Effect.provideService(ToolContext.ToolContext, { ...ToolContext.outside, scope })
      )
    })
  ).pipe(Effect.provide(NodeFileSystem.layer))

const shell = (command: string, more: object = {}) =>
  Effect.map(called(tools, "shell", { command, ...more }), ({ outcome, text }) => [outcome, text])

/** A time to sleep by which processes of this test are known. */
const marked = () => `4${Math.random().toFixed(9).slice(2)}.5`

/** Processes whose command line has a word. */
const alive = (word: string) =>
  Effect.map(
    Effect.flatMap(LocalSandbox.make({ folder: "/" }), (host) =>
      Sandbox.run(["ps", "-eo", "args"]).pipe(Effect.provideService(Sandbox.Sandbox, host))
    ).pipe(Effect.scoped),
    ({ stdout }) => stdout.split("\n").filter((line) => line.includes(word))
  )

describe("shell", () => {
  it.live("what is written, the exit code and the end are told apart", () =>
    within(
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* shell("echo out; echo err >&2"), ["ok", "out\nerr"])
        assert.deepStrictEqual(yield* shell("exit 3"), ["ok", "[exit code 3]"])
        assert.deepStrictEqual(yield* shell("echo a; kill -9 $$"), ["ok", "a\n[ended by SIGKILL]"])
        assert.deepStrictEqual(yield* shell("true"), ["ok", "(It wrote nothing.)"])
        assert.deepStrictEqual(yield* shell("cat", { input: "x" }), ["ok", "x"])
        const [outcome, text] = yield* shell("echo before; sleep 60", { timeoutSeconds: 0.3 })
        assert.strictEqual(outcome, "failed")
        assert.match(text ?? "", /^before\n\[timed out after 300ms; it and all that it started were ended/)
        assert.deepStrictEqual(yield* shell("pwd", { folder: "none" }), [
          "failed",
          "none: there is no such file or folder"
        ])
        assert.deepStrictEqual(yield* shell("   "), ["failed", "The command is empty."])
      })
    )
  )

  it.live("colours and lines that were written over are left out", () =>
    within(
      Effect.gen(function* () {
        const line = `printf '\\033[31mred\\033[0m\\n10%%\\r50%%\\r100%%\\r\\n\\033]0;title\\007end\\a'`
        assert.deepStrictEqual(yield* shell(line), ["ok", "red\n100%\nend"])
      })
    )
  )

  it.live("of long output both ends are kept", () =>
    within(
      Effect.gen(function* () {
        const [, text = ""] = yield* shell("echo first; seq 1 200000; echo last")
        assert.isBelow(text.length, 31_000)
        assert.match(text, /^first\n1\n2\n/)
        assert.match(text, /bytes left out …\]\n/)
        assert.match(text, /200000\nlast$/)
      })
    )
  )

  const refused = [
    "rm -rf /",
    "rm -rf ~",
    ":(){ :|:& };:",
    "mkfs.ext4 /dev/sda",
    "dd if=/dev/zero of=/dev/sda",
    "sh -c 'rm -rf /*'"
  ]
  it.live("AG-17 what no rule allows is refused in a direct call, too", () =>
    within(
      Effect.forEach(
        refused,
        (command) =>
          Effect.map(shell(command), ([outcome, text]) => {
            assert.strictEqual(outcome, "failed", command)
            assert.match(text ?? "", /^The command was not run: /)
          }),
        { discard: true }
      )
    )
  )

  it.live("AG-17 terminals that are out of time, and terminals side by side, do not hang", () =>
    within(
      Effect.gen(function* () {
        const [outcome, text = ""] = yield* shell("echo at; read x", { terminal: true, timeoutSeconds: 0.5 })
        assert.strictEqual(outcome, "failed")
        assert.match(text, /^at\n\[timed out/)
        const all = yield* Effect.all(
          Array.from({ length: 4 }, (_, index) => shell(`test -t 1 && echo ${index}`, { terminal: true })),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(all, [
          ["ok", "0"],
          ["ok", "1"],
          ["ok", "2"],
          ["ok", "3"]
        ])
      })
    )
  )

  it.live("jobs are started, read, told something, listed and stopped", () =>
    within(
      Effect.gen(function* () {
        const job = (name: string, input: object) => Effect.map(called(tools, name, input), ({ text }) => text)
        const [, first = ""] = yield* shell("echo ready; while read l; do echo got $l; done; exit 4", {
          background: true
        })
        assert.strictEqual(
          first,
          "Started job_1: echo ready; while read l; do echo got $l; done; exit 4\nIt goes on in the background.\nready"
        )
        assert.strictEqual(
          yield* job("shell_output", { job: "job_1" }),
          "job_1 has written nothing new; it still runs."
        )
        assert.strictEqual(yield* job("shell_input", { job: "job_1", text: "hi\n" }), "got hi")
        assert.match(yield* job("shell_jobs", {}), /^job_1: echo ready.* \(it runs\)$/)
        const last = yield* job("shell_input", { job: "job_1", text: "bye\n", end: true })
        const rest = last.includes("ended") ? "" : yield* job("shell_output", { job: "job_1", waitSeconds: 20 })
        const end = `${last}${rest}`.includes("exit code 4")
          ? ""
          : yield* job("shell_output", { job: "job_1", waitSeconds: 20 })
        assert.match(`${last}${rest}${end}`, /got bye[\s\S]*exit code 4/)
        const mark = marked()
        yield* shell(`echo on; sleep ${mark}`, { background: true })
        assert.match(yield* job("shell_stop", { job: "job_2" }), /it was ended, with all that it started/)
        assert.match(yield* job("shell_stop", { job: "job_2" }), /job_2 wrote nothing more/)
        assert.match(yield* job("shell_output", { job: "job_3" }), /no job "job_3".*did you mean job_/)
        assert.deepStrictEqual(yield* alive(mark), [])
      })
    )
  )

  it.live("of a job that nobody reads the newest output is kept", () =>
    within(
      Effect.gen(function* () {
        yield* shell("seq 1 300000; echo done; sleep 100", { background: true })
        let output = ""
        while (!output.includes("done")) {
          output = (yield* called(tools, "shell_output", { job: "job_1", waitSeconds: 5 })).text
          assert.isBelow(output.length, 66_000)
        }
      })
    )
  )
})

describe("run_code", () => {
  it.live("programs of both languages print, read and fail", () =>
    within(
      Effect.gen(function* () {
        const run = (language: string, code: string, more: object = {}) =>
          Effect.map(called(tools, "run_code", { language, code, ...more }), ({ outcome, text }) => [outcome, text])
        assert.deepStrictEqual(yield* run("node", "console.log(await Promise.resolve(1 + 1))"), ["ok", "2"])
        const echo = "process.stdin.on('data', (d) => console.log(String(d).toUpperCase()))"
        assert.deepStrictEqual(yield* run("node", echo, { input: "abc" }), ["ok", "ABC"])
        const [outcome, text = ""] = yield* run("node", "throw new Error('no')")
        assert.strictEqual(outcome, "ok")
        assert.match(text, /Error: no[\s\S]*\[exit code 1\]$/)
        const missing = yield* called([RunCode.make({ languages: { python: ["python-that-is-not"] } })], "run_code", {
          language: "python",
          code: "1"
        })
        assert.strictEqual(missing.text, "There is no python-that-is-not in this sandbox: use another language.")
      })
    )
  )
})

const agent = Agent.make("clerk", { tools })
const layers = (script: Parameters<typeof ScriptedTransport.layer>[0]) =>
  Effect.provide([ScriptedTransport.layer(script), ContextStore.layerMemory, Guard.layerAllow])

describe("runs with commands", () => {
  it.live("what a command writes is shown while it runs", () =>
    within(
      Effect.gen(function* () {
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        yield* Agent.stream(agent, "go").pipe(
          Stream.runForEach((event) =>
            event._tag === "ToolProgress" ? Ref.update(seen, (all) => [...all, String(event.chunk)]) : Effect.void
          ),
          layers([[call("1", "shell", { command: "echo one; sleep 0.05; echo two" })], [text("done")]])
        )
        assert.strictEqual((yield* Ref.get(seen)).join(""), "one\ntwo\n")
      })
    )
  )

  it.live("AX-16 a run that is interrupted leaves no process of its commands and jobs", () =>
    within(
      Effect.gen(function* () {
        const mark = marked()
        const stubborn = `trap "" TERM INT HUP; (setsid sleep ${mark} &) ; sleep ${mark} & while :; do sleep ${mark}; done`
        const fiber = yield* Agent.stream(agent, "go").pipe(
          Stream.runDrain,
          layers([
            [call("1", "shell", { command: `echo on; ${stubborn}`, background: true })],
            [call("2", "shell", { command: `(setsid sleep ${mark} &) ; sleep ${mark} & sleep ${mark}` })],
            [text("done")]
          ]),
          Effect.fork
        )
        while ((yield* alive(`sleep ${mark}`)).filter((line) => line.startsWith("sleep")).length < 6)
          yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* alive(mark), [])
      })
    )
  )

  it.live("jobs end with their run, or go on where a layer has them", () =>
    within(
      Effect.gen(function* () {
        const mark = marked()
        const script = [
          [call("1", "shell", { command: `echo on; sleep ${mark}`, background: true })],
          [text("done")],
          [call("2", "shell_jobs", {})],
          [text("done")]
        ]
        const twice = Effect.gen(function* () {
          const session = (yield* Agent.run(agent, "go")).session
          const left = (yield* alive(`sleep ${mark}`)).filter((line) => line.startsWith("sleep")).length
          const { messages } = yield* Agent.run(agent, "on", { session })
          return [left, JSON.stringify(messages).includes("job_1: echo on; sleep")]
        })
        assert.deepStrictEqual(yield* twice.pipe(layers(script)), [0, false])
        assert.deepStrictEqual(yield* twice.pipe(Effect.provide(ShellJobs.layer), layers(script)), [1, true])
        assert.deepStrictEqual(yield* alive(mark), [])
      })
    )
  )
})
