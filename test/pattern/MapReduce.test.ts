import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as MapReduce from "../../src/pattern/MapReduce.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const { roles, text } = ScriptedTransport

class Odd extends Data.TaggedError("Odd")<{ readonly number: number }> {}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)
const halve = Runner.fromEffect("halve", (number: number) =>
  number % 2 === 0 ? Effect.succeed(number / 2) : Effect.fail(new Odd({ number }))
)
const sum = (all: ReadonlyArray<number>) => all.reduce((total, one) => total + one, 0)

describe("MapReduce", () => {
  it.effect("splits, maps and reduces by runners", () =>
    Effect.gen(function* () {
      const agent = (name: string) => Agent.make(name, { instructions: `You ${name}` })
      const digest = MapReduce.make("digest", {
        split: Runner.map(agent("split"), (words) => words.split(",")),
        map: agent("map"),
        reduce: Runner.mapInput(agent("reduce"), (words: ReadonlyArray<string>) => words.join("+"))
      })
      const places: Array<string | undefined> = []
      const result = yield* Runner.run(digest, "go", {
        onEvents: (events) =>
          places.push(...events.flatMap(({ _tag, path }) => (_tag === "RunStart" ? [path?.[0]?.at] : [])))
      })
      assert.deepStrictEqual(
        [result.output, result.answeredBy, result.usage.inputTokens.total],
        ["one of A+B", "reduce", 40]
      )
      assert.deepStrictEqual(places, [undefined, "split", "0", "1", "reduce"])
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You split": [[text("a,b")]],
            "You map": ({ messages }) => [text(JSON.stringify(messages.at(-1)).includes('"a"') ? "A" : "B")],
            "You reduce": ({ messages }) => [
              text(JSON.stringify(messages.at(-1)).includes('"A+B"') ? "one of A+B" : "?")
            ]
          })
        )
      )
    )
  )

  it.effect("1,000 items keep their order, 7 at once and never more", () =>
    Effect.gen(function* () {
      let [atWork, most] = [0, 0]
      const work = Runner.fromEffect("work", (number: number) =>
        Effect.acquireUseRelease(
          Effect.sync(() => (most = Math.max(most, ++atWork))),
          () => Effect.as(Effect.yieldNow({ priority: number % 3 }), number),
          () => Effect.sync(() => --atWork)
        )
      )
      const all = MapReduce.make("all", { split: numbers, map: work, reduce: (outputs) => outputs, concurrency: 7 })
      const { output } = yield* Runner.run(all, 1000)
      assert.deepStrictEqual([output, most, atWork], [numbers(1000), 7, 0])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("reduces an empty list", () =>
    Effect.gen(function* () {
      const all = MapReduce.make("all", { split: numbers, map: halve, reduce: (outputs, count) => [outputs, count] })
      assert.deepStrictEqual((yield* Runner.run(all, 0)).output, [[], 0])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("one item that fails ends the others, or is collected", () =>
    Effect.gen(function* () {
      const begun: Array<number> = []
      const counted = Runner.mapInput(halve, (number: number) => {
        begun.push(number)
        return number
      })
      const strict = MapReduce.make("strict", { split: numbers, map: counted, reduce: sum, concurrency: 1 })
      const error = yield* Effect.flip(Runner.run(strict, 5))
      assert.deepStrictEqual([error, begun], [new Odd({ number: 1 }), [0, 1]])
      const tolerant = MapReduce.make("tolerant", {
        ...{ split: numbers, map: halve, onFailure: "collect" },
        reduce: (outcomes) => outcomes.map(Either.match({ onLeft: ({ at }) => `${at} failed`, onRight: String }))
      })
      assert.deepStrictEqual((yield* Runner.run(tolerant, 4)).output, ["0", "1 failed", "1", "3 failed"])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it("names what is wrong with its options", () => {
    assert.throws(
      () => MapReduce.make("all", { split: numbers, map: halve, reduce: sum, concurrency: 0.5 }),
      RangeError,
      'MapReduce "all" option concurrency'
    )
  })
})
