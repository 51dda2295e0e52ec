import { mkdirSync, writeFileSync } from "node:fs"
import * as AiTool from "@effect/ai/Tool"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { evaluate } from "../../src/cli/internal/arithmetic.ts"
import * as SandboxOf from "../../src/cli/sandbox.ts"
import * as Tools from "../../src/cli/tools.ts"
import * as Sandbox from "../../src/sandbox/Sandbox.ts"
import * as Toolbox from "../../src/toolbox/Toolbox.ts"
import { cleanUp, folderOf } from "./support.ts"

cleanUp()

const namesOf = (tools: ReadonlyArray<Tools.Own>): ReadonlyArray<string> => tools.map(({ tool }) => tool.name)

describe("tools of the command line", () => {
  describe("calculate", () => {
    it("follows precedence and brackets", () => {
      const cases: ReadonlyArray<readonly [string, number]> = [
        ["2*(3+4)", 14],
        ["2+3*4-1", 13],
        ["-2^2", -4],
        ["2^3^2", 512],
        ["2**-1", 0.5],
        ["10 % 4 / 2", 1],
        ["0.1+0.2", 0.3],
        ["1e3 + .5", 1000.5],
        ["sqrt(16) + max(1, 2, 3) - abs(-1)", 6],
        ["--3", 3],
        ["round(pi*100)/100", 3.14]
      ]
      assert.deepStrictEqual(
        cases.map(([expression]) => evaluate(expression)),
        cases.map(([, value]) => ({ value }))
      )
    })

    it("says what is wrong and where", () => {
      const cases: ReadonlyArray<readonly [string, string]> = [
        ["", "the expression is empty"],
        ["1 +", "the expression ends too early"],
        ["(1", 'a ")" is missing'],
        ["1 2", 'unexpected "2" at character 3'],
        ["1 + process", 'unexpected "process" at character 5'],
        ["constructor(1)", 'unexpected "constructor" at character 1'],
        ["1; 2", 'unexpected ";" at character 2'],
        ["1/0", "division by zero"],
        ["sqrt(0-1)", "the result is not a finite number"],
        ["(".repeat(200), "more than 100 brackets within each other"],
        ["1".repeat(2000), "the expression is longer than 1000 characters"]
      ]
      assert.deepStrictEqual(
        cases.map(([expression]) => evaluate(expression)),
        cases.map(([, error]) => ({ error }))
      )
    })
  })

  it.effect("there are those that read, all of them, or none", () =>
    Effect.gen(function* () {
      const [reading, all, none] = yield* Effect.all([Tools.make("reading"), Tools.make("all"), Tools.make("none")])
      const box = Toolbox.make().map(({ tool }) => tool.name)
      assert.deepStrictEqual(namesOf(reading), [...Toolbox.reading, "calculate"])
      assert.deepStrictEqual([namesOf(all), namesOf(none)], [[...box, "calculate"], []])
      const readOnly = (tools: ReadonlyArray<Tools.Own>) =>
        tools.filter(({ tool }) => Context.get(tool.annotations, AiTool.Readonly))
      assert.deepStrictEqual(namesOf(readOnly(reading)), namesOf(reading))
      assert.isBelow(readOnly(all).length, all.length)
    })
  )
})

describe("sandbox of the command line", () => {
  const text = ({ bytes }: Sandbox.Content): string => new TextDecoder().decode(bytes)

  it.scoped("the usual one is opened by the first call, and has all files of the machine", () =>
    Effect.gen(function* () {
      const folder = `${folderOf()}/later`
      const sandbox = yield* SandboxOf.later(folder)
      mkdirSync(folder)
      writeFileSync(`${folder}/a.txt`, "here")
      writeFileSync(`${folder}/../b.txt`, "there")
      assert.strictEqual(text(yield* sandbox.read("a.txt")), "here")
      assert.strictEqual(text(yield* sandbox.read("../b.txt")), "there")
      yield* sandbox.write("c.txt", new TextEncoder().encode("new"))
      const { stdout } = yield* Effect.provideService(Sandbox.run("cat c.txt"), Sandbox.Sandbox, sandbox)
      assert.strictEqual(stdout, "new")
      assert.deepStrictEqual(
        (yield* sandbox.list(".")).map(({ path }) => path),
        ["a.txt", "c.txt"]
      )
      yield* sandbox.remove("c.txt")
      assert.strictEqual((yield* sandbox.stat("a.txt")).kind, "file")
    })
  )

  it.scoped("one that cannot be had says why", () =>
    Effect.map(Effect.flip(SandboxOf.open({ kind: "local" }, "/nowhere")), ({ _tag, message }) =>
      assert.deepStrictEqual(
        [_tag, message],
        ["SetupError", "the sandbox local cannot be used: /nowhere: there is no such file or folder"]
      )
    )
  )
})
