import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import { concurrently } from "../../src/agent/Concurrently.ts"

/** How often each piece of work yields before it ends: not at all is over before it could be watched. */
const works = FastCheck.array(FastCheck.nat(3), { maxLength: 12 })
const bound = FastCheck.integer({ min: 1, max: 5 })

describe("Concurrently", () => {
  it.effect.prop(
    "CALL-3 AX-23 all run once, in order of their start, as many at once as allowed",
    { works, bound },
    (given) =>
      Effect.gen(function* () {
        const started: Array<number> = []
        let running = 0
        let peak = 0
        const all = given.works.map((yields, index) =>
          Effect.sync(() => {
            started.push(index)
            peak = Math.max(peak, ++running)
          }).pipe(
            Effect.zipRight(yields === 0 ? Effect.void : Effect.repeatN(Effect.yieldNow(), yields)),
            Effect.zipRight(Effect.sync(() => void running--))
          )
        )
        yield* concurrently(all, given.bound)
        assert.deepStrictEqual(
          started,
          all.map((_, index) => index)
        )
        assert.isAtMost(peak, given.bound)
        assert.strictEqual(running, 0)
      }),
    { fastCheck: { numRuns: 40 } }
  )

  it.effect("CALL-3 work that ends at once leaves its place to others", () =>
    Effect.gen(function* () {
      const open = yield* Deferred.make<void>()
      let running = 0
      const waiting = Effect.zipRight(
        Effect.sync(() => void running++),
        Deferred.await(open)
      )
      const fiber = yield* Effect.fork(concurrently([Effect.void, waiting, Effect.void, waiting, waiting], 2))
      yield* Effect.yieldNow().pipe(Effect.repeatN(20))
      assert.strictEqual(running, 2)
      yield* Deferred.succeed(open, undefined)
      yield* Fiber.join(fiber)
      assert.strictEqual(running, 3)
    })
  )

  it.effect("TR-8 the first failure interrupts the others, waits for them, and is the result", () =>
    Effect.gen(function* () {
      const ended: Array<string> = []
      const never = Effect.onInterrupt(Effect.never, () =>
        Effect.zipRight(
          Effect.yieldNow(),
          Effect.sync(() => void ended.push("interrupted"))
        )
      )
      for (const failing of [Effect.fail("no"), Effect.zipRight(Effect.yieldNow(), Effect.fail("no"))]) {
        const exit = yield* Effect.exit(concurrently([never, failing, never, never], 3))
        assert.deepStrictEqual(exit, Exit.fail("no"))
      }
      assert.deepStrictEqual(ended, Array(3).fill("interrupted"))
    })
  )

  it.effect("a thousand that end at once are no deeper than one", () =>
    Effect.gen(function* () {
      let ran = 0
      yield* concurrently(
        Array.from({ length: 20_000 }, () => Effect.sync(() => void ran++)),
        8
      )
      assert.strictEqual(ran, 20_000)
    })
  )
})
