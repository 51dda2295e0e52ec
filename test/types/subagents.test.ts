import { assert, describe, it } from "@effect/vitest"
import { diagnose } from "../support/diagnose.ts"

const program = `
import * as Subagent from "axonal/agent/Subagent"
import * as Runner from "axonal/pattern/Runner"
import * as Effect from "effect/Effect"

const double = Runner.fromEffect("double", (number: number) => Effect.succeed(number * 2))
Subagent.tool(double)
`

describe("A runner that takes no text", () => {
  it("is no tool, and the compiler names the option that it lacks", { timeout: 60_000 }, () => {
    const [[at = "", problem = ""] = [], ...more] = diagnose("subagent-of-numbers", program)
    assert.deepStrictEqual([at, more], ["double)", []])
    assert.include(problem, "TakesNoText<number>")
    assert.include(problem, "needsTheOptionInput")
  })
})
