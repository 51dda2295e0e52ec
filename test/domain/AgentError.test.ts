import { assert, describe, it } from "@effect/vitest"
import { LimitExceeded, OutputInvalid } from "../../src/domain/AgentError.ts"

describe("What errors of a run say", () => {
  it("an invalid output: what is wrong, without blanks before a line break, and what to do", () => {
    const listed = new OutputInvalid({ description: "\n- city: is missing\n- degrees: is no number", text: "{}" })
    const plain = new OutputInvalid({ description: "it is not JSON", text: "no" })
    for (const { message } of [listed, plain]) {
      assert.notMatch(message, /[ \t]\n/)
      assert.match(message, /Raise repairs in Output\.make, .*the answer is in the field text\./)
    }
    assert.include(listed.message, "does not match the output schema:\n- city: is missing\n- degrees: is no number\n")
    assert.include(plain.message, "does not match the output schema: it is not JSON\n")
  })

  it("a shared budget of tokens or money: that a request reserves its longest answer", () => {
    for (const limit of ["budgetTokens", "budgetCostUsd"] as const) {
      assert.include(new LimitExceeded({ limit, max: 100, actual: 8200 }).message, "settings.maxOutputTokens")
    }
    for (const limit of ["budgetRequests", "budgetToolCalls", "turns"] as const) {
      assert.notInclude(new LimitExceeded({ limit, max: 1, actual: 2 }).message, "maxOutputTokens")
    }
  })
})
