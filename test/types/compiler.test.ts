/** What the compiler says about programs that are wrong. All are read at once, because that is most of the time. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { diagnose } from "../support/diagnose.ts"

const beforeAgent = `
import * as Tool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import * as Agent from "axonal/agent/Agent"
import * as ContextStore from "axonal/context/ContextStore"
import * as Identity from "axonal/context/Identity"
import * as Offline from "axonal/transport/Offline"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const tools = Toolkit.make(Tool.make("greet", { parameters: { name: Schema.String }, success: Schema.String }))
const transport = Offline.layer
const store = ContextStore.layerMemory
const handlers = tools.toLayer({ greet: ({ name }) => Effect.succeed(name) })
const identity = Identity.layer({ userId: "u-17", chatId: "c-4" })
const greeter = Agent.requireIdentity(Agent.make("greeter", { toolkit: tools }))
const program = Agent.run(greeter, "Greet Alice")
`

/** What is left out, and the words by which the compiler has to name it. */
const missing: ReadonlyArray<readonly [layer: string, words: string]> = [
  ["transport", "Transport"],
  ["store", "ContextStore"],
  ["handlers", 'Handler<"greet">'],
  ["identity", "Identity"]
]

/** The line that runs the program without one of its layers, or with all of them. */
const without = (missed?: string): string => {
  const layers = ["transport", "store", "handlers", "identity"].filter((layer) => layer !== missed)
  return `Effect.runPromise(Effect.provide(program, Layer.mergeAll(${layers.join(", ")})))\n`
}

const beforeChain = `
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

const numbers = `
import * as Subagent from "axonal/agent/Subagent"
import * as Runner from "axonal/pattern/Runner"
import * as Effect from "effect/Effect"

const double = Runner.fromEffect("double", (number: number) => Effect.succeed(number * 2))
Subagent.tool(double)
`

type Said = ReadonlyArray<readonly [line: string, problem: string]>

let said: { readonly missing: Said; readonly chain: Said; readonly numbers: Said }
beforeAll(() => {
  const missingOne = [beforeAgent, without(), ...missing.map(([layer]) => without(layer))].join("")
  const chain = [beforeChain, line("writer, count, isEven"), ...broken.map(([links]) => line(links))].join("")
  said = diagnose({ missing: missingOne, chain, numbers })
})

describe("what an agent needs", () => {
  it("is named by the compiler when it is missing", () => {
    const named = said.missing.map(([line, problem]) => [line, problem.split("\n").at(-1)?.trim()])
    assert.deepStrictEqual(
      named,
      missing.map(([layer, words]) => [
        without(layer).trim().replace("Effect.runPromise(", ""),
        `Type '${words}' is not assignable to type 'never'.`
      ])
    )
  })
})

describe("A chain that does not fit together", () => {
  it("is an error of the compiler at the link", () => {
    assert.lengthOf(said.chain, broken.length)
    for (const [index, [links, words]] of broken.entries()) {
      const [at = "", problem = ""] = said.chain[index] ?? []
      // It points at the link itself, or at all of them when there is none.
      assert.isTrue(line(links).includes(at.trim()), `${at} is in ${links}`)
      assert.include(problem, words)
    }
  })
})

describe("A runner that takes no text", () => {
  it("is no tool, and the compiler names the option that it lacks", () => {
    const [[at = "", problem = ""] = [], ...more] = said.numbers
    assert.deepStrictEqual([at, more], ["double)", []])
    assert.include(problem, "TakesNoText<number>")
    assert.include(problem, "needsTheOptionInput")
  })
})
