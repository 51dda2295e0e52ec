import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as Shadow from "../../src/guard/Shadow.ts"

const guard = MessageGuard.redact()
const holds = ({ judgesAnswers, judgesResults }: MessageGuard.Service) => [judgesAnswers, judgesResults]

describe("MessageGuard", () => {
  it("holds back what it may look at, and nothing else", () => {
    const { all, forDirection, forRoles, none } = MessageGuard
    assert.deepStrictEqual(holds(none), [false, false])
    assert.deepStrictEqual(holds(guard), [true, true])
    assert.deepStrictEqual(holds(forDirection(guard, "input")), [false, true])
    assert.deepStrictEqual(holds(forDirection(guard, "output")), [true, false])
    assert.deepStrictEqual(holds(forRoles(guard, ["user"])), [false, false])
    assert.deepStrictEqual(holds(forRoles(guard, ["assistant"])), [true, false])
    assert.deepStrictEqual(holds(forRoles(guard, ["tool", "user"])), [false, true])
    assert.deepStrictEqual(holds(forDirection(forRoles(guard, ["assistant"]), "input")), [false, false])
    assert.deepStrictEqual(holds(all(none, forDirection(guard, "input"), forRoles(guard, ["assistant"]))), [true, true])
    const watched = Shadow.reportMessages(forDirection(guard, "output"), () => Effect.void)
    assert.deepStrictEqual(holds(watched), [true, false])
  })
})
