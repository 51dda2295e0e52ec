import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const agent = Agent.make("a")
const limited = (limits: Parameters<typeof Agent.withLimits>[1]) => Agent.withLimits(agent, limits)

/** What a program without types, or a file, may say. */
const untyped: object = { soon: "soon", word: "later" }
const { soon, word }: { soon?: number; word?: never } = untyped

describe("Options of an agent", () => {
  it("a limit that is no number, below its least, or a part of a thing throws, and names the option", () => {
    const least = { turns: 1, toolCalls: 0, inputTokens: 0, outputTokens: 0, totalTokens: 0, costUsd: 0 }
    for (const [name, from] of Object.entries({ ...least, repeatedFailures: 1, identicalCalls: 1 })) {
      const parts = name === "costUsd" ? [] : [from + 0.5]
      for (const value of [Number.NaN, from - 1, Number.NEGATIVE_INFINITY, ...parts]) {
        const said = new RegExp(
          `^Agent option limits\\.${name} must be a .*number of at least ${from}.*, got ${value}$`
        )
        for (const make of [() => Agent.make("a", { limits: { [name]: value } }), () => limited({ [name]: value })]) {
          assert.throws(make, RangeError)
          assert.throws(make, said)
        }
      }
      for (const value of [from, Number.POSITIVE_INFINITY, undefined]) {
        assert.strictEqual(Object.entries(limited({ [name]: value }).definition.limits)[0]?.[1], value)
      }
    }
    const text: object = { totalTokens: "50" }
    assert.throws(() => limited(text), /limits\.totalTokens must be .*, got "50"/)
  })

  it("a time that is none throws where the agent is made, and names the option", () => {
    for (const value of [soon, Number.NaN, -1, "-1 seconds"] as const) {
      const said = /^Agent option limits\.wallTime must be a duration.*, got ("soon"|NaN|-1|"-1 seconds")$/
      assert.throws(() => Agent.make("a", { limits: { wallTime: value } }), said)
      assert.throws(() => limited({ wallTime: value }), said)
    }
    const said = /^Agent option toolsTimeout must be a duration.*, got ("soon"|NaN)$/
    for (const value of [soon, Number.NaN]) assert.throws(() => Agent.make("a", { toolsTimeout: value }), said)
    for (const value of ["1 second", 0, 1n, Number.POSITIVE_INFINITY] as const) {
      assert.strictEqual(limited({ wallTime: value }).definition.limits.wallTime, value)
    }
  })

  it("a word that an option does not have throws, and names those it has", () => {
    const cases = [
      [{ limits: { onLimit: word } }, 'limits.onLimit must be "answer" or "fail", got "later"'],
      [{ steering: word }, 'steering must be "all" or "one-at-a-time", got "later"'],
      [{ toolFailure: word }, 'toolFailure must be "result" or "fail", got "later"']
    ] as const
    for (const [options, said] of cases)
      assert.throws(() => Agent.make("a", options), TypeError, `Agent option ${said}`)
    assert.throws(() => limited({ onLimit: word }), TypeError, "Agent option limits.onLimit must be")
  })

  it.effect("a word that a run's option does not have ends it before it begins, and names those it has", () =>
    Effect.gen(function* () {
      const options = { onBusy: word }
      const runs = [
        Agent.run(agent, "go", options),
        Effect.scoped(Agent.start(agent, "go", options)),
        Agent.stream(agent, "go", options).pipe(Stream.runDrain)
      ]
      for (const run of runs) {
        const exit = yield* Effect.exit(run)
        const said = Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "began"
        assert.strictEqual(said, 'TypeError: Run option onBusy must be "wait" or "fail", got "later"')
      }
      const exit = yield* Effect.exit(Effect.scoped(Agent.start(agent, "go", { approver: word })))
      const said = Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "began"
      assert.strictEqual(said, 'TypeError: Run option approver must be "layer" or "handle", got "later"')
      assert.deepStrictEqual(yield* ScriptedTransport.requests, [])
    }).pipe(Effect.provide(world([])))
  )
})
