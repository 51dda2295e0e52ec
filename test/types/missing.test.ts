import { assert, describe, it } from "@effect/vitest"
import { diagnose } from "../support/diagnose.ts"

const before = `
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

describe("what an agent needs", () => {
  it("is named by the compiler when it is missing", { timeout: 60_000 }, () => {
    const program = [before, without(), ...missing.map(([layer]) => without(layer))].join("")
    const named = diagnose("missing", program).map(([line, problem]) => [line, problem.split("\n").at(-1)?.trim()])
    assert.deepStrictEqual(
      named,
      missing.map(([layer, words]) => [
        without(layer).trim().replace("Effect.runPromise(", ""),
        `Type '${words}' is not assignable to type 'never'.`
      ])
    )
  })
})
