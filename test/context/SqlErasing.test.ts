import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Erasing from "../support/erasing.ts"
import { numRuns } from "../support/generated.ts"
import { folderOf, open, tamper } from "../support/sqliteStore.ts"

const { newFile } = folderOf("erasing")

describe("Erasing from a SQLite file", () => {
  it.scoped.prop(
    "AM-20 leaves what a session has, and nothing else, in any order",
    [Erasing.changes],
    ([changes]) =>
      Effect.gen(function* () {
        const filename = newFile()
        const [left, right] = [yield* open(filename), yield* open(filename)]
        yield* Erasing.agree([left, right], yield* ContextStore.ContextStore, changes)
        for (const count of Erasing.unreachable(true)) {
          assert.deepStrictEqual(yield* tamper(filename, count), [{ count: 0 }], count)
        }
      }).pipe(Effect.scoped, Effect.provide(ContextStore.layerMemory)),
    { fastCheck: { numRuns: numRuns(12) } }
  )
})
