import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { Cost } from "../../src/context/Paid.ts"
import { Paid } from "../../src/context/Paid.ts"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import * as Message from "../../src/domain/Message.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Ask from "../../src/transport/Ask.ts"
import * as Transport from "../../src/transport/Transport.ts"

const { call, cut, error, finish, gate, reasoning, text, usage } = ScriptedTransport

const request = Transport.request({ messages: [Message.user("Is it?")] })

/** An answer or the kind of its failure, and what was paid: output tokens, with a mark where they are estimated. */
const asked = (script: ScriptedTransport.Script, options?: Ask.Options) =>
  Effect.gen(function* () {
    const scripted = ScriptedTransport.make(script, { deltasPerPull: 1 })
    const told: Array<Cost> = []
    const answered = Effect.either(Ask.answer(scripted.transport, request, options)).pipe(
      Effect.provideService(Paid, { tell: (cost) => void told.push(cost) })
    )
    const fiber = yield* Effect.fork(answered)
    yield* TestClock.adjust("1 minute")
    const result = yield* Fiber.join(fiber)
    yield* scripted.assertDone
    assert.strictEqual(yield* scripted.openConnections, 0)
    assert.isTrue(told.every(({ model }) => model === "scripted"))
    return {
      answer: Either.match(result, {
        onLeft: ({ reason }) => reason._tag,
        onRight: ({ reason, text }) => [reason, text]
      }),
      paid: told.map(({ usage }) => `${usage.estimated ? "about " : ""}${usage.outputTokens.total}`)
    }
  })

/** What is told of "half " alone. */
const half = `about ${TokenCounter.estimate({ messages: [Message.assistant("half ")] })}`
const paid = usage({ input: 9, output: 2 })

describe("Ask", () => {
  it.effect("an answer is its texts, one after another, and how it ended", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* asked([[text("a"), reasoning("r"), text("b", "c"), paid]]), {
        answer: ["stop", "abc"],
        paid: ["2"]
      })
      const other = yield* asked([[text("a"), call("1", "t"), paid]])
      assert.deepStrictEqual(other.answer, ["tool-calls", "a"])
      const long = yield* asked([[text("a"), finish("length"), paid]])
      assert.deepStrictEqual(long.answer, ["length", "a"])
    })
  )

  it.effect("RUN-7 what broke off is paid for by what was heard", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* asked([[text("half ", cut)]]), { answer: ["nothing", ""], paid: [half] })
      assert.deepStrictEqual(yield* asked([[reasoning("hm"), cut]]), { answer: ["nothing", ""], paid: ["about 0"] })
      assert.deepStrictEqual(yield* asked([[cut]]), { answer: ["nothing", ""], paid: [] })
      assert.deepStrictEqual(yield* asked([[text("half ", error("Malformed"))]]), {
        answer: "Malformed",
        paid: [half]
      })
    })
  )

  it.effect("a failure that passes is tried again as often as wanted, and each answer paid for", () =>
    Effect.gen(function* () {
      const busy = [error("Overloaded")]
      assert.deepStrictEqual(yield* asked([busy]), { answer: "Overloaded", paid: [] })
      assert.deepStrictEqual(yield* asked([busy, busy], { retries: 1 }), { answer: "Overloaded", paid: [] })
      assert.deepStrictEqual(yield* asked([[text("half ", error("Network"))], [text("a"), paid]], { retries: 1 }), {
        answer: ["stop", "a"],
        paid: [half, "2"]
      })
      assert.deepStrictEqual(yield* asked([[error("Authentication")]], { retries: 1 }), {
        answer: "Authentication",
        paid: []
      })
    })
  )

  it.effect("what goes on too long is not listened to", () =>
    Effect.gen(function* () {
      const { answer } = yield* asked([[text("ab", "cd", gate(Effect.never))]], { maxCharacters: 3 })
      assert.deepStrictEqual(answer, ["too-long", ""])
      assert.deepStrictEqual((yield* asked([[text("ab", "c"), paid]], { maxCharacters: 3 })).answer, ["stop", "abc"])
    })
  )

  it.effect("RUN-7 whoever gives up is let go at once, and has paid once", () =>
    Effect.gen(function* () {
      const [begun, heard] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const told: Array<Cost> = []
      const slow = ScriptedTransport.make([
        [
          text(
            "on",
            gate(Effect.uninterruptible(Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(heard)))),
            "ce"
          )
        ]
      ])
      const fiber = yield* Effect.fork(
        Ask.answer(slow.transport, request).pipe(
          Effect.timeoutOption("5 seconds"),
          Effect.provideService(Paid, { tell: (cost) => void told.push(cost) })
        )
      )
      yield* Deferred.await(begun)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        told.map(({ usage }) => usage.estimated),
        [true]
      )
      yield* Deferred.succeed(heard, undefined)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([told.length, yield* slow.openConnections], [1, 0])
    })
  )

  it.effect.prop(
    "RUN-7 every answer that began is paid for, wherever it ends",
    {
      ends: FastCheck.array(FastCheck.constantFrom("cut" as const, "Network" as const, "Overloaded" as const), {
        maxLength: 3
      }),
      words: FastCheck.nat({ max: 2 })
    },
    ({ ends, words }) =>
      Effect.gen(function* () {
        const script = ends.map((end) => {
          const last = end === "cut" ? cut : error(end)
          return words === 0 ? [last] : [text("a", ...Array.from({ length: words }, () => " b"), last)]
        })
        const stop = ends.indexOf("cut")
        const played = stop < 0 ? [...script, [text("c"), paid]] : script.slice(0, stop + 1)
        const { answer, paid: costs } = yield* asked(played, { retries: 3 })
        assert.deepStrictEqual(answer, stop < 0 ? ["stop", "c"] : ["nothing", ""])
        const begun = words === 0 ? 0 : stop < 0 ? ends.length : stop + 1
        assert.lengthOf(costs, begun + (stop < 0 ? 1 : 0))
      })
  )
})
