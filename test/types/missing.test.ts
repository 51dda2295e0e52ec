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
const handlers = tools.toLayer({ greet: ({ name }) => Effect.succeed(name) })
const greeter = Agent.make("greeter", { toolkit: tools })
const me = Identity.layer({ userId: "u-17", chatId: "c-4" })
`

const provided = (agent: string, ...layers: ReadonlyArray<string>): string =>
  `${before}
export const needed = [me, handlers, Offline.layer, ContextStore.layerMemory, Layer.empty]
Effect.runPromise(Effect.provide(Agent.run(${agent}, "Greet Alice"), Layer.mergeAll(${layers.join(", ")})))
`

const personal = "Agent.requireIdentity(greeter)"

/** What is left out, the program without it, and the words that the compiler has to find. */
const missing: ReadonlyArray<readonly [what: string, program: string, words: string]> = [
  ["Transport", provided("greeter", "handlers", "ContextStore.layerMemory"), "Transport"],
  ["ContextStore", provided("greeter", "handlers", "Offline.layer"), "ContextStore"],
  ["tool handler", provided("greeter", "Offline.layer", "ContextStore.layerMemory"), 'Handler<"greet">'],
  ["Identity", provided(personal, "handlers", "Offline.layer", "ContextStore.layerMemory"), "Identity"]
]

const complete = provided(personal, "me", "handlers", "Offline.layer", "ContextStore.layerMemory")

/** What TypeScript 5.9 says about each program. All are compiled together: Effect's own types are the slow part. */
const diagnose = (programs: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const files = new Map(programs.map((text, index) => [`${root}/test/types/missing${index}.ts`, text]))
  const host = ts.createCompilerHost(options)
  const { fileExists, getSourceFile, readFile } = host
  host.fileExists = (file) => files.has(file) || fileExists(file)
  host.readFile = (file) => files.get(file) ?? readFile(file)
  host.getSourceFile = (file, version, ...rest) => {
    const text = files.get(file)
    return text === undefined ? getSourceFile(file, version, ...rest) : ts.createSourceFile(file, text, version)
  }
  const program = ts.createProgram([...files.keys()], options, host)
  return [...files.keys()].map((file) => {
    const source = program.getSourceFile(file)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((diagnostic) =>
      ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")
    )
  })
}

describe("what an agent needs", () => {
  it("is named by the compiler when it is missing", { timeout: 60_000 }, () => {
    const [accepted, ...refused] = diagnose([complete, ...missing.map(([, program]) => program)])
    assert.deepStrictEqual(accepted, [])
    for (const [index, [what, , words]] of missing.entries()) {
      const problems = refused[index] ?? []
      assert.strictEqual(problems.length, 1, `${what}: ${problems.join("\n")}`)
      // The last line of a diagnostic is the one that an editor shows as the reason.
      assert.include(problems[0]?.split("\n").at(-1), `'${words}' is not assignable to type 'never'`, what)
    }
  })
})
