import { assert, describe, it } from "@effect/vitest"
import { diagnose } from "../support/diagnose.ts"

const before = `
import * as Agent from "axonal/agent/Agent"
import * as Chain from "axonal/pattern/Chain"
import * as Runner from "axonal/pattern/Runner"
import * as Effect from "effect/Effect"

const writer = Agent.make("writer")
const count = Runner.fromEffect("count", (text: string) => Effect.succeed(text.length))
const isEven = Runner.fromEffect("is-even", (number: number) => Effect.succeed(number % 2 === 0))
`

/** What does not fit, and the words by which the compiler names the place, what is given there and what is taken. */
const broken: ReadonlyArray<readonly [links: string, words: string]> = [
  ["writer, isEven", `DoesNotTakeTheOutputBefore<"1", string, number>`],
  ["writer, count, isEven, isEven", `DoesNotTakeTheOutputBefore<"3", boolean, number>`],
  ["count, writer", `DoesNotTakeTheOutputBefore<"1", number, Input>`],
  ["", "Source has 0 element(s) but target requires 1."]
]

const line = (links: string) => `Chain.make("chain", [${links}])\n`

describe("A chain that does not fit together", () => {
  it("is an error of the compiler at the link", { timeout: 60_000 }, () => {
    const program = [before, line("writer, count, isEven"), ...broken.map(([links]) => line(links))].join("")
    const named = diagnose("pattern-chain", program)
    assert.lengthOf(named, broken.length)
    for (const [index, [links, words]] of broken.entries()) {
      const [at = "", problem = ""] = named[index] ?? []
      // It points at the link itself, or at all of them when there is none.
      assert.isTrue(line(links).includes(at.trim()), `${at} is in ${links}`)
      assert.include(problem, words)
    }
  })
})
