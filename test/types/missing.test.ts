import { assert, describe, it } from "@effect/vitest"
import ts from "typescript59"
import { root } from "../support/sources.ts"

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

/** What TypeScript 5.9 says about a program, by line. */
const diagnose = (text: string): ReadonlyArray<readonly [line: string, problem: string]> => {
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  // The program exists in memory only, beside this file.
  const name = `${root}/test/types/missing.ts`
  const host = ts.createCompilerHost(options)
  const { fileExists, getSourceFile, readFile } = host
  host.fileExists = (file) => file === name || fileExists(file)
  host.readFile = (file) => (file === name ? text : readFile(file))
  host.getSourceFile = (file, version, ...rest) =>
    file === name ? ts.createSourceFile(file, text, version) : getSourceFile(file, version, ...rest)
  const program = ts.createProgram([name], options, host)
  const source = program.getSourceFile(name)
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((diagnostic) => [
    `${text.slice(diagnostic.start).split("\n")[0]}`,
    ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")
  ])
}

describe("what an agent needs", () => {
  it("is named by the compiler when it is missing", { timeout: 60_000 }, () => {
    const program = [before, without(), ...missing.map(([layer]) => without(layer))].join("")
    const named = diagnose(program).map(([line, problem]) => [line, problem.split("\n").at(-1)?.trim()])
    assert.deepStrictEqual(
      named,
      missing.map(([layer, words]) => [
        without(layer).trim().replace("Effect.runPromise(", ""),
        `Type '${words}' is not assignable to type 'never'.`
      ])
    )
  })
})
