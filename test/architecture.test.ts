import { assert, describe, it } from "@effect/vitest"
import manifest from "../package.json" with { type: "json" }
import * as Architecture from "./support/architecture.ts"
import { readProject } from "./support/sources.ts"

/** A small project without a breach, as soil for planted ones. */
const clean: Architecture.Files = {
  "src/index.ts": `export * as Agent from "./agent/Agent.ts"\nexport * as Chat from "./transport/OpenAiChat.ts"`,
  "src/domain/Message.ts": `import * as Schema from "effect/Schema"\nexport const Message = Schema.Unknown`,
  "src/transport/Transport.ts": `import type { Message } from "../domain/Message.ts"\nexport interface Request { m: Message }`,
  "src/transport/OpenAiChat.ts": `import { decode } from "./internal/openAiChat.ts"\nexport const url = "api.openai.com" + decode`,
  "src/transport/internal/openAiChat.ts": `import { Message } from "../../domain/Message.ts"\nexport const decode = Message`,
  "src/agent/Agent.ts": `// as OpenAI does\nimport * as Transport from "../transport/Transport.ts"\nexport const a = Transport`,
  "src/guard/Guard.ts": `export const allow = true`,
  "src/guard/PathGuard.ts": `import { allow } from "./Guard.ts"\nexport const path = allow`,
  "src/sandbox/LocalSandbox.ts": `import { spawn } from "node:child_process"\nexport const exec = spawn`,
  "src/context/SqlContextStore.ts": `import * as Sql from "@effect/sql/SqlClient"\nexport const store = Sql`,
  "src/testing/index.ts": `export * as Trace from "./Trace.ts"`,
  "src/testing/Trace.ts": `import * as Agent from "../agent/Agent.ts"\nexport const of = Agent`,
  "src/testing/Suites.ts": `import { it } from "@effect/vitest"\nexport const suite = it`
}

const lines = (count: number): string => "// line\n".repeat(count)

/** One or more breaches of each rule: what is planted, and what is reported about it. */
const planted: ReadonlyArray<readonly [rule: Architecture.Rule, reported: ReadonlyArray<string>, Architecture.Files]> =
  [
    ["rank", ["domain/Part.ts"], { "src/domain/Part.ts": `import "../guard/Guard.ts"` }],
    ["rank", ["domain/Part.ts"], { "src/domain/Part.ts": `import type * as Guard from "../guard/Guard.ts"` }],
    ["rank", ["domain/Part.ts"], { "src/domain/Part.ts": `export type A = import("../guard/Guard.ts").Guard` }],
    ["rank", ["guard/internal/a.ts"], { "src/guard/internal/a.ts": `import "../Guard.ts"` }],
    ["rank", ["guard/Guard.ts"], { "src/guard/Guard.ts": `import "./PathGuard.ts"`, "src/guard/PathGuard.ts": "" }],
    ["rank", ["agent/Loop.ts"], { "src/agent/Loop.ts": `import "../guard/PathGuard.ts"` }],
    ["rank", ["agent/Loop.ts"], { "src/agent/Loop.ts": `export * from "../testing/Trace.ts"` }],
    ["rank", ["pattern/Chain.ts"], { "src/pattern/Chain.ts": `import "../cli/main.ts"`, "src/cli/main.ts": "" }],
    ["adapters", ["guard/PathGuard.ts"], { "src/guard/PathGuard.ts": `import "../agent/Agent.ts"` }],
    ["adapters", ["guard/CommandGuard.ts"], { "src/guard/CommandGuard.ts": `await import("./PathGuard.ts")` }],
    ["adapters", ["testing/Other.ts"], { "src/testing/Other.ts": `import "./Trace.ts"` }],
    ["internal", ["guard/PathGuard.ts"], { "src/guard/PathGuard.ts": `import "../transport/internal/openAiChat.ts"` }],
    ["resolve", ["guard/PathGuard.ts"], { "src/guard/PathGuard.ts": `import "../../test/support/sources.ts"` }],
    ["resolve", ["guard/PathGuard.ts"], { "src/guard/PathGuard.ts": `import "axonal/guard/Guard"` }],
    ["vendor", ["agent/Loop.ts"], { "src/agent/Loop.ts": `export const isAnthropic = true` }],
    ["vendor", ["agent/Loop.ts"], { "src/agent/Loop.ts": `export const key = "OPENAI_API_KEY"` }],
    ["vendor", ["guard/GeminiGuard.ts"], { "src/guard/GeminiGuard.ts": "" }],
    ["node", ["toolbox/ReadFile.ts"], { "src/toolbox/ReadFile.ts": `import { readFile } from "node:fs/promises"` }],
    ["cycle", ["domain/A.ts"], { "src/domain/A.ts": `import "./B.ts"`, "src/domain/B.ts": `export * from "./A.ts"` }],
    ["barrel", ["domain/Part.ts"], { "src/domain/Part.ts": `import { Schema } from "effect"` }],
    ["barrel", ["tool/Tool.ts"], { "src/tool/Tool.ts": `import type { Tool } from "@effect/ai"` }],
    ["barrel", ["tool/Tool.ts"], { "src/tool/Tool.ts": `import { HttpClient } from "@effect/platform"` }],
    ["peers", ["index.ts"], { "src/index.ts": `export * as Sql from "./context/SqlContextStore.ts"` }],
    ["peers", ["testing/index.ts"], { "src/testing/index.ts": `export * as Suites from "./Suites.ts"` }],
    ["size", ["src/agent/Loop.ts"], { "src/agent/Loop.ts": lines(251) }],
    ["size", ["src/agent/Turn.ts"], { "src/agent/Turn.ts": lines(401) }],
    ["size", ["src/domain/Part.ts"], { "src/domain/Part.ts": lines(501) }],
    ["size", ["src/mcp/internal/wire.ts"], { "src/mcp/internal/wire.ts": lines(501) }],
    ["size", ["test/agent/Loop.test.ts"], { "test/agent/Loop.test.ts": lines(401) }],
    ["size", ["examples/01_hello.ts"], { "examples/01_hello.ts": lines(81) }]
  ]

/** What is no breach although it looks like one. */
const permitted: ReadonlyArray<readonly [title: string, Architecture.Files]> = [
  ["types close no cycle", { "src/domain/A.ts": `import type {} from "./B.ts"`, "src/domain/B.ts": `import "./A.ts"` }],
  ["import() closes no cycle", { "src/domain/A.ts": `import("./B.ts")`, "src/domain/B.ts": `import "./A.ts"` }],
  ["comments may name vendors", { "src/agent/Loop.ts": `/** Unlike Gemini's. */\nexport const loop = 1 // GPT-5` }],
  ["words may contain a vendor's", { "src/agent/Loop.ts": `export const coherent = "cohered groqy"` }],
  ["the command line may load the SQL store", { "src/cli/main.ts": `import("../context/SqlContextStore.ts")` }],
  ["500 lines of domain", { "src/domain/Part.ts": lines(500) }]
]

describe("architecture", () => {
  it("holds in this project", () => {
    assert.strictEqual(Architecture.render(Architecture.check(readProject(["src", "test", "examples"]))), "")
  })

  it("holds in an empty project", () => {
    assert.deepStrictEqual(Architecture.check({}), [])
  })

  it("knows the optional peers of the package", () => {
    assert.deepStrictEqual(Architecture.optionalPeers, Object.keys(manifest.peerDependenciesMeta))
  })

  it("knows a rank for every file", () => {
    const sources = Object.keys(readProject(["src"])).map((path) => path.slice("src/".length))
    assert.deepStrictEqual(
      sources.filter((file) => Number.isNaN(Architecture.rankOf(file).rank)),
      []
    )
  })

  it("reports nothing about a clean project", () => {
    assert.deepStrictEqual(Architecture.check(clean), [])
  })

  it.each(planted)("reports a planted breach of %s in %s", (rule, reported, files) => {
    const breaches = Architecture.check({ ...clean, ...files })
    assert.deepStrictEqual(
      breaches.map((breach) => [breach.rule, breach.file]),
      reported.map((file) => [rule, file])
    )
  })

  it("plants a breach of every rule", () => {
    assert.deepStrictEqual(
      Object.keys(Architecture.rules).filter((rule) => !planted.some(([name]) => name === rule)),
      []
    )
  })

  it.each(permitted)("permits: %s", (_, files) => {
    assert.deepStrictEqual(Architecture.check({ ...clean, ...files }), [])
  })
})
