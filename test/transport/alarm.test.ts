import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { vi } from "vitest"
import * as Alarm from "../../src/transport/internal/alarm.ts"

describe("alarm", () => {
  it.live("a deadline further away than a timer can wait for is no busy loop", () =>
    Effect.gen(function* () {
      vi.useFakeTimers()
      let looks = 0
      // A short bound first, then one of 100 days.
      const left = () => (looks++ === 0 ? 10 : 100 * 86_400_000)
      const unset = yield* Alarm.set(yield* Effect.clock, left, Effect.void)
      vi.advanceTimersByTime(1000)
      unset()
      vi.useRealTimers()
      assert.strictEqual(looks, 2)
    })
  )
})
