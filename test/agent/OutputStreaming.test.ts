/**
 * Typed answers while they are written: what is shown of them is always the beginning of what they become.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { answered, only, resultOf } from "../support/outputs.ts"
import { world } from "../support/runs.ts"

const { call, cut, text } = ScriptedTransport

const anything = Agent.make("any", { output: Schema.Unknown })
const partials = (events: ReadonlyArray<AgentEvent>) => only(events, "OutputDelta").map(({ partial }) => partial)

/** Whether a value may become another one by what is added to it. */
const begins = (before: unknown, after: unknown): boolean => {
  if (before === undefined) return true
  if (typeof before === "string") return typeof after === "string" && after.startsWith(before)
  if (Array.isArray(before)) {
    return Array.isArray(after) && before.every((item, index) => index < after.length && begins(item, after[index]))
  }
  if (typeof before === "object" && before !== null) {
    return (
      typeof after === "object" &&
      after !== null &&
      Object.entries(before).every(([key, item]) => Object.hasOwn(after, key) && begins(item, Reflect.get(after, key)))
    )
  }
  return Object.is(before, after)
}

describe("OutputDelta", () => {
  it.effect("shows an object as it grows", () =>
    Effect.gen(function* () {
      const pieces = ["{", `"city":"Os`, `lo","tags":["a"`, `,"b`, `"],"degrees":4`, "2}"]
      const run = yield* answered(anything, [[text(...pieces)]], { deltasPerPull: 1 })
      assert.deepStrictEqual(partials(run.events), [
        {},
        { city: "Os" },
        { city: "Oslo", tags: ["a"] },
        { city: "Oslo", tags: ["a", "b"] },
        { city: "Oslo", tags: ["a", "b"], degrees: 42 }
      ])
    })
  )

  it.effect.prop(
    "is always the beginning of the next, and the last is the answer",
    [
      FastCheck.jsonValue({ maxDepth: 3 }),
      FastCheck.integer({ min: 1, max: 9 }),
      FastCheck.integer({ min: 1, max: 5 }),
      FastCheck.constantFrom(0, 1),
      FastCheck.boolean()
    ],
    ([value, deltaLength, deltasPerPull, indent, fenced]) =>
      Effect.gen(function* () {
        const json = JSON.stringify({ value }, undefined, indent)
        const written = fenced ? `\`\`\`json\n${json}\n\`\`\`` : json
        const run = yield* answered(anything, [[text(written)]], { deltaLength, deltasPerPull })
        const shown = partials(run.events)
        for (const [index, partial] of shown.entries()) {
          assert.isTrue(begins(partial, shown[index + 1] ?? partial), `${index} of ${JSON.stringify(shown)}`)
        }
        assert.deepStrictEqual<unknown>(shown.at(-1), resultOf(run).output)
        assert.deepStrictEqual<unknown>(shown.at(-1), JSON.parse(json))
      }),
    { fastCheck: { numRuns: 50 } }
  )

  it.effect("costs what the text costs, however long it gets", () =>
    Effect.gen(function* () {
      /** The entries that all partial values of a list of so many texts hold together, per character. */
      const entries = (count: number) =>
        Effect.gen(function* () {
          const json = JSON.stringify(Array.from({ length: count }, (_, index) => `item ${index}`))
          const run = yield* answered(anything, [[text(json)]], { deltaLength: 4, deltasPerPull: 1 })
          const shown = partials(run.events)
          assert.lengthOf(shown.at(-1) as ReadonlyArray<unknown>, count)
          return shown.reduce<number>((sum, list) => sum + (list as ReadonlyArray<unknown>).length, 0) / json.length
        })
      assert.isBelow(yield* entries(500), 17)
      assert.isBelow(yield* entries(8000), 17)
    })
  )

  it.effect("is not for agents that answer with text", () =>
    Effect.gen(function* () {
      const run = yield* answered(Agent.make("text"), [[text(`{"a":1}`)]])
      assert.deepStrictEqual(partials(run.events), [])
      assert.deepStrictEqual(run.requests[0]?.responseFormat, { type: "text" })
    })
  )

  it.effect("begins anew in a turn that is begun anew", () =>
    Effect.gen(function* () {
      const agent = Agent.make("any", { output: Schema.Unknown, restarts: 1, retries: 0 })
      const run = yield* Effect.fork(answered(agent, [[text(`{"a":[1,2],`), cut], [text(`{"b":3}`)]])).pipe(
        Effect.flatMap((fiber) => Effect.zipRight(TestClock.adjust("1 minute"), fiber))
      )
      const told = run.events.flatMap((event) =>
        event._tag === "OutputDelta" ? [event.partial] : event._tag === "TurnRestarted" ? ["restarted"] : []
      )
      assert.deepStrictEqual(told, [{ a: [1, 2] }, "restarted", { b: 3 }])
      assert.deepStrictEqual(resultOf(run).output, { b: 3 })
    })
  )

  it.effect("TR-24 of a preamble is replaced by that of the next turn", () =>
    Effect.gen(function* () {
      const look = Agent.tool("look", {}, () => Effect.succeed("4"))
      const agent = Agent.make("any", { output: Schema.Unknown, tools: [look] })
      const run = yield* answered(agent, [[text("I look."), call("1", "look")], [text(`{"a":1}`)]])
      assert.deepStrictEqual(
        only(run.events, "OutputDelta").map(({ partial, turn }) => [turn, partial]),
        [[2, { a: 1 }]]
      )
    })
  )

  it.effect("begins anew with each repair", () =>
    Effect.gen(function* () {
      const agent = Agent.make("any", { output: Schema.Struct({ a: Schema.Number }) })
      const run = yield* answered(agent, [[text(`{"a":"x"}`)], [text(`{"a":1}`)]])
      const told = run.events.flatMap((event) =>
        event._tag === "OutputDelta" ? [event.partial] : event._tag === "OutputRejected" ? [event.repair] : []
      )
      assert.deepStrictEqual(told, [{ a: "x" }, 1, { a: 1 }])
    })
  )

  it.effect("is not written for answers that a guard has to see first", () =>
    Effect.gen(function* () {
      const events: Array<AgentEvent> = []
      const guard = MessageGuard.layer(MessageGuard.make(() => Effect.succeed(MessageGuard.Pass)))
      const result = yield* Effect.provide(
        Agent.run(anything, "go", { onEvents: (batch) => events.push(...batch) }),
        Layer.merge(world([[text(`{"a":`, "1}")]]), guard)
      )
      assert.deepStrictEqual(result.output, { a: 1 })
      assert.deepStrictEqual(partials(events), [])
    })
  )
})
