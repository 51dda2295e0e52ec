import { readFileSync } from "node:fs"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { AgentFile, innerNames } from "../../src/team/AgentSpec.ts"
import { root } from "../support/sources.ts"
import { read } from "./support.ts"

const page = readFileSync(`${root}/docs/teams.md`, "utf8")

describe("docs/teams.md", () => {
  it.scoped("its files are a team", () =>
    Effect.gen(function* () {
      const blocks = page.matchAll(/^<!-- file: (\S+) -->\n```\w+\n([\s\S]*?)^```$/gm)
      const files = Object.fromEntries(Array.from(blocks, ([, name = "", text = ""]) => [name, text]))
      const { problems, spec, warnings } = yield* read(files, { tools: ["read_file", "write_file"] })
      assert.deepStrictEqual([problems, warnings], [[], []])
      assert.strictEqual(spec?.lead, "writer")
      assert.deepStrictEqual(
        spec?.agents.map(({ limits, name }) => [name, limits.turns]),
        [
          ["reviewer", 5],
          ["writer", 20]
        ]
      )
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it("it names every field", () => {
    const rows = new Map(
      Array.from(page.matchAll(/^\| `(\w+)` \| (.*) \|$/gm), ([, name = "", text = ""]) => [name, text])
    )
    assert.deepStrictEqual([...rows.keys()], Object.keys(AgentFile.fields))
    for (const outer of ["settings", "limits"] as const) {
      assert.deepStrictEqual(
        Array.from((rows.get(outer) ?? "").matchAll(/`(\w+)`/g), ([, name]) => name),
        [...innerNames[outer]]
      )
    }
  })
})
