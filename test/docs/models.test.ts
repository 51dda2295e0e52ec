import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { choose } from "axonal/cli/vendors"
import * as ModelString from "axonal/transport/ModelString"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { root } from "../support/sources.ts"

const page = readFileSync(`${root}/docs/models.md`, "utf8")

describe("docs/models.md", () => {
  it("has every flag as it is", () => {
    for (const [flag, meaning] of ModelString.flags) assert.include(page, `| \`${flag}\` | ${meaning} |`)
  })

  it("every model string in it is one", () => {
    const texts = Array.from(page.matchAll(/^\| `([^`]+:[^`]+|offline)` \|/gm), ([, text = ""]) => text)
    assert.deepStrictEqual(
      texts.filter((text) => Either.isLeft(ModelString.parse(text))),
      []
    )
    assert.isAtLeast(texts.length, 6)
  })

  it.effect("has the order in which keys are looked for, and the models", () =>
    Effect.gen(function* () {
      const rows = Array.from(
        page.matchAll(/^\| \d+ \| `(\w+_KEY)`.* \| `(\S+)` \|$/gm),
        ([, key = "", model = ""]) => ({ key, model })
      )
      const variables = new Set(ModelString.vendors.flatMap(({ variables }) => variables.slice(0, 1)))
      assert.deepStrictEqual(new Set(rows.map(({ key }) => key)), variables)
      const nothing = { baseUrl: undefined, model: undefined, offline: false }
      for (const [index, { model }] of rows.entries()) {
        const present = Object.fromEntries(rows.slice(index).map(({ key }) => [key, "k"]))
        const choice = yield* choose(nothing, present)
        assert.strictEqual(choice._tag === "Online" ? choice.model : choice._tag, model)
      }
    })
  )
})
