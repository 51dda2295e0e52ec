import { assert, describe, it } from "@effect/vitest"
import * as Artifacts from "../../src/context/Artifacts.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import * as Trimming from "../../src/context/Trimming.ts"

/** What a programming mistake is told. */
const said = (make: () => unknown): string => {
  try {
    make()
    return "nothing"
  } catch (error) {
    return String(error)
  }
}

describe("options", () => {
  it("one that is out of range is told what the range is", () => {
    assert.deepStrictEqual(
      [
        said(() => Compaction.make({ at: 75 })),
        said(() => Compaction.make({ maxTokens: 0 })),
        said(() => Compaction.make({ keepRecent: Number.NaN })),
        said(() => Trimming.make({ keep: 0 })),
        said(() => Trimming.make({ maxMessages: 0 })),
        said(() => Artifacts.make({ head: -1 }))
      ],
      [
        "RangeError: Compaction option at is above 0 and at most 1, not 75",
        "RangeError: Compaction option maxTokens is above 0, not 0",
        "RangeError: Compaction option keepRecent is 0 or more, not NaN",
        "RangeError: Trimming option keep is above 0 and at most 1, not 0",
        "RangeError: Trimming option maxMessages is 1 or more, not 0",
        "RangeError: Artifacts option head is 0 or more, not -1"
      ]
    )
  })
})
