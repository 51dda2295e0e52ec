import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as LocalSandbox from "../../src/sandbox/LocalSandbox.ts"
import * as Sandbox from "../../src/sandbox/Sandbox.ts"
import { SandboxError } from "../../src/sandbox/SandboxError.ts"
import * as SandboxScripts from "../../src/skill/SandboxScripts.ts"
import * as Skills from "../../src/skill/Skills.ts"
import * as SkillTools from "../../src/skill/SkillTools.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import { sentResults } from "../support/runs.ts"
import { test, world } from "./folders.ts"

const scriptOf = (name: string): Skills.Script => ({
  skill: "brew",
  tool: "brew__timer",
  path: `scripts/${name}`,
  file: `/work/brew/scripts/${name}`
})

/** What a script comes to in a sandbox of this file alone, whose commands are answered. */
const ran = (
  name: string,
  first: string,
  exec?: Sandbox.MemoryOptions["exec"],
  options?: SandboxScripts.Options,
  arguments_: ReadonlyArray<string> = ["a b", "$c"]
) =>
  Effect.gen(function* () {
    const run = yield* Skills.ScriptRunner
    return yield* run(scriptOf(name), arguments_)
  }).pipe(
    Effect.provide(SandboxScripts.layerWith(options)),
    Effect.provide(Sandbox.layerMemory({ folder: "/work", files: { [scriptOf(name).file]: first }, exec }))
  )

const echo: Sandbox.MemoryOptions["exec"] = (command) => Effect.succeed({ stdout: JSON.stringify(command) })

describe("SandboxScripts", () => {
  it.effect("the first line names the program, or else the ending does", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
        ["x.py", "#!/usr/bin/env python3.11\nprint()", ["/usr/bin/env", "python3.11"]],
        ["x.js", "#! /usr/bin/env -S node --flag  \r\n1", ["/usr/bin/env", "-S node --flag"]],
        ["x.sh", "#!/bin/bash", ["/bin/bash"]],
        ["x.sh", "echo #!/bin/bash", ["sh"]],
        ["x.py", "#!\n1", ["python3"]],
        ["x.tar.mts", "", ["node"]],
        ["x.ps1", "", ["pwsh", "-File"]]
      ]
      for (const [name, first, program] of cases) {
        assert.deepStrictEqual(JSON.parse(yield* ran(name, first, echo)), [
          ...program,
          `/work/brew/scripts/${name}`,
          "a b",
          "$c"
        ])
      }
    })
  )

  it.effect("what it wrote is told with how it ended, and bounded", () =>
    Effect.gen(function* () {
      const told = (answer: Sandbox.Answer, options?: SandboxScripts.Options) =>
        ran("x.sh", "", () => Effect.succeed(answer), options)
      assert.strictEqual(yield* told({ stdout: "out\n" }), "out")
      assert.strictEqual(yield* told({}), "(It wrote nothing.)")
      assert.strictEqual(
        yield* told({ stdout: "out\n", stderr: "bad\n", code: 3 }),
        "out\n[standard error]\nbad\n[exit code 3]"
      )
      const long = yield* told({ stdout: "x".repeat(100_000) }, { keepBytes: 1000 })
      assert.isBelow(long.length, 1100)
      assert.include(long, "bytes left out")
    })
  )

  it.effect("what keeps it from running is a failure that says so", () =>
    Effect.gen(function* () {
      const problem = <A>(effect: Effect.Effect<A, Skills.SkillError>) =>
        Effect.map(Effect.flip(effect), ({ message }) => message)
      const missing: Sandbox.MemoryOptions["exec"] = () =>
        new SandboxError({ operation: "exec", subject: "sh", reason: { _tag: "NotFound" } })
      const of = 'The file "scripts/x.sh" of the skill brew: '
      assert.strictEqual(
        yield* problem(ran("x.sh", "", missing)),
        `${of}it needs sh, which is not in the sandbox: install that there, or do without the script.`
      )
      assert.strictEqual(
        yield* problem(ran("x.sh", "", undefined)),
        `${of}it could not be run: sh: no commands run in this sandbox.`
      )
      assert.strictEqual(
        yield* problem(ran("x.sh", "", echo, { pathOf: () => "/elsewhere/x.sh" })),
        `${of}it is not inside of the sandbox, whose folder is /work: keep the skill below that, or let the sandbox read its folder.`
      )
      assert.match(
        yield* problem(ran("x.lua", "", echo)),
        /no program is known for it: begin it with a line such as #!/
      )
    })
  )

  it.live("one that takes too long is ended, and an option out of bounds is refused", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(ran("x.sh", "", () => Effect.never, { timeout: "10 millis" }))
      assert.match(error.message, /: it took too long, and was ended with all that it had started\n/)
      const sandbox = yield* Effect.provide(Sandbox.Sandbox, Sandbox.layerMemory())
      assert.throws(() => SandboxScripts.make(sandbox, { keepBytes: 1 }), /SandboxScripts option keepBytes/)
    })
  )

  test(
    "a real script runs once a person has agreed, and not outside of the sandbox",
    Effect.gen(function* () {
      const there = yield* world
      yield* there.skill("project/.agents/skills", "brew")
      yield* there.write("project/.agents/skills/brew/scripts/timer.sh", 'echo "$# in $(basename "$PWD"): $1"')
      const agent = Agent.withToolkit(Agent.make("tea-house", {}), SkillTools.toolkit)
      const answerIn = (folder: string) =>
        Effect.gen(function* () {
          yield* Agent.run(agent, "Tea")
          const [, second] = yield* ScriptedTransport.requests
          return sentResults(second)
        }).pipe(
          Effect.provide(
            Layer.mergeAll(
              ScriptedTransport.layer([[call("1", "brew__timer", { arguments: ["a  b; ls"] })], [text("Done.")]]),
              ContextStore.layerMemory,
              Approval.layerAllow,
              Skills.layer(there.options),
              Layer.provide(SandboxScripts.layer, Layer.orDie(LocalSandbox.layer({ folder })))
            )
          )
        )
      assert.include(JSON.stringify(yield* answerIn(there.project)), "1 in project: a  b; ls")
      assert.include(JSON.stringify(yield* answerIn(there.home)), "it is not inside of the sandbox")
    }),
    "live"
  )
})
