import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Planner from "../../src/pattern/Planner.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as Scorer from "../../src/pattern/Scorer.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const { roles, text } = ScriptedTransport

const planner = Agent.make("planner", { instructions: "You plan", output: Planner.Plan })
const worker = Agent.make("worker", { instructions: "You work" })
const scorer = Scorer.judge("scorer", { rubric: "You score" })
const parts = { planner, executor: worker, scorer }

const plan = (steps: ReadonlyArray<string>, criteria: ReadonlyArray<string> = []) => JSON.stringify({ steps, criteria })
const score = (value: number, feedback = "Hm.") => JSON.stringify({ feedback, score: value })

/** A planner, a worker and a scorer who answer in turn. */
const scripted = (plans: ReadonlyArray<string>, results: ReadonlyArray<string>, scores: ReadonlyArray<string>) => {
  const turns = (texts: ReadonlyArray<string>) => texts.map((one) => [text(one)])
  return world(roles({ "You plan": turns(plans), "You work": turns(results), "You score": turns(scores) }))
}

/** What each request asked. */
const asked = Effect.map(ScriptedTransport.requests, (requests) =>
  requests.map(({ messages }) => Message.toText(messages[1] ?? Message.user("")))
)

describe("Planner", () => {
  it.effect("AM-27 passes in the first round", () =>
    Effect.gen(function* () {
      const result = yield* Runner.run(Planner.make("trip", parts), "Plan a trip")
      assert.deepStrictEqual(
        [result.reason, result.output, result.answeredBy, result.usage.inputTokens.total],
        ["completed", "a trip", "worker", 30]
      )
      assert.deepStrictEqual(yield* asked, [
        "Plan a trip\n\nMake a plan for this task. Do not carry it out yourself.",
        "Plan a trip\n\nCarry out this plan:\n\n<plan>\n1. Look\n2. Book\n</plan>\n\n" +
          "The result will be judged by these criteria:\n- It is cheap.\n\nAnswer with the result only.",
        "<task>\nPlan a trip\n</task>\n\n<criteria>\n- It is cheap.\n</criteria>\n\n<attempt>\na trip\n</attempt>"
      ])
    }).pipe(Effect.provide(scripted([plan(["Look", "Book"], ["It is cheap."])], ["a trip"], [score(0.7)])))
  )

  it.effect("AM-27 passes on a better plan, told of the first", () =>
    Effect.gen(function* () {
      const result = yield* Runner.run(Planner.judged("trip", parts), "Plan a trip")
      assert(result.reason === "completed")
      const { attempts, ...judged } = result.output
      assert.deepStrictEqual([judged, result.text], [{ output: "two", passed: true, rounds: 2 }, "two"])
      assert.deepStrictEqual(attempts, [
        {
          ...{ round: 1, output: "one", text: "one", answeredBy: "worker", passed: false },
          ...{ score: { value: 0.3, feedback: "Too far." }, criteria: ["It is cheap."] },
          ...{ plan: { steps: ["Fly"], criteria: ["It is cheap."] }, planText: "1. Fly" }
        },
        {
          ...{ round: 2, output: "two", text: "two", answeredBy: "worker", passed: true },
          ...{ score: { value: 0.9, feedback: "Good." }, criteria: Planner.defaultCriteria },
          ...{ plan: { steps: ["Walk"], criteria: [] }, planText: "1. Walk" }
        }
      ])
      assert.strictEqual(
        (yield* asked)[3],
        "Plan a trip\n\nIt was tried before, and the result was not good enough. The plan was:\n\n<plan>\n1. Fly\n</plan>\n\n" +
          "The result:\n\n<attempt>\none\n</attempt>\n\nWhat was said of it:\n\n<feedback>\nToo far.\n</feedback>\n\n" +
          "Make a better plan for this task. Do not carry it out yourself."
      )
    }).pipe(
      Effect.provide(
        scripted(
          [plan(["Fly"], ["It is cheap."]), plan(["Walk"])],
          ["one", "two"],
          [score(0.3, "Too far."), score(0.9, "Good.")]
        )
      )
    )
  )

  it.effect("AM-27 keeps the best attempt at the cap", () =>
    Effect.gen(function* () {
      const result = yield* Runner.run(Planner.make("trip", { ...parts, onCap: "best" }), "Plan a trip")
      assert.deepStrictEqual(
        [result.reason, result.output, result.why],
        ["completed", "two", "No attempt passed in 3 rounds; the best was given 0.6 of 1 (Hm.)."]
      )
      const error = yield* Effect.flip(Runner.run(Planner.make("trip", { ...parts, rounds: 1 }), "Plan a trip"))
      assert(error._tag === "NotPassed")
      assert.deepStrictEqual(
        [error.text, error.attempts],
        ["four", [{ round: 1, text: "four", score: { value: 0.69, feedback: "Hm." } }]]
      )
    }).pipe(
      Effect.provide(
        scripted(
          [plan(["1"]), plan(["2"]), plan(["3"]), plan(["4"])],
          ["one", "two", "three", "four"],
          [score(0.1), score(0.6), score(0.5), score(0.69)]
        )
      )
    )
  )

  it.effect("AM-27 a pass word overrides the threshold", () =>
    Effect.gen(function* () {
      const trip = Planner.judged("trip", { ...parts, scorer: Scorer.withPassWord(scorer, "ACCEPT"), threshold: 0.9 })
      const result = yield* Runner.run(trip, "Plan a trip")
      assert.deepStrictEqual(
        result.output?.attempts.map(({ passed, score }) => [score.value, passed]),
        [
          [0.3, false],
          [0.2, true]
        ]
      )
    }).pipe(
      Effect.provide(
        scripted(
          [plan(["1"]), plan(["2"])],
          ["one", "two"],
          [score(0.3, "I cannot ACCEPT this."), score(0.2, "ACCEPT\nThough dull.")]
        )
      )
    )
  )

  it.effect("AM-27 criteria of the user beat those of the plan", () =>
    Effect.gen(function* () {
      const trip = Planner.judged("trip", { ...parts, criteria: ["It is near.", " "] })
      const result = yield* Runner.run(trip, "Plan a trip")
      assert.deepStrictEqual(result.output?.attempts[0]?.criteria, ["It is near."])
      for (const words of yield* asked) {
        assert.include(words, "- It is near.")
        assert.notInclude(words, "cheap")
      }
    }).pipe(Effect.provide(scripted([plan(["Look"], ["It is cheap."])], ["one"], [score(1)])))
  )

  it.effect("AM-27 a plan that is none in form is text, with the default criteria", () =>
    Effect.gen(function* () {
      const writer = Agent.make("planner", { instructions: "You plan" })
      const trip = Planner.judged("trip", { ...parts, planner: writer, rounds: 3 })
      const result = yield* Runner.run(trip, "Plan a trip")
      assert.deepStrictEqual(
        result.output?.attempts.map(({ criteria, plan, planText }) => [plan, planText, criteria]),
        [
          ["First look, then book.", "First look, then book.", Planner.defaultCriteria],
          [`{"steps":"all"}`, `{"steps":"all"}`, Planner.defaultCriteria],
          [plan(["Walk"], ["It is near."]), "1. Walk", ["It is near."]]
        ]
      )
    }).pipe(
      Effect.provide(
        scripted(
          ["First look, then book.", `{"steps":"all"}`, plan(["Walk"], ["It is near."])],
          ["one", "two", "three"],
          [score(0.1), score(0.2), score(0.3)]
        )
      )
    )
  )

  it.effect("reads plans of a type of your own", () =>
    Effect.gen(function* () {
      const route = Runner.fromEffect("route", () => Effect.succeed({ stops: ["A", "B"] }))
      const trip = Planner.make("trip", {
        ...parts,
        planner: route,
        read: ({ stops }) => ({ text: stops.join(" > "), criteria: [`It has ${stops.length} stops.`] })
      })
      yield* Runner.run(trip, "Plan a trip")
      const [words = ""] = yield* asked
      assert.include(words, "<plan>\nA > B\n</plan>")
      assert.include(words, "- It has 2 stops.")
    }).pipe(Effect.provide(scripted([], ["one"], [score(1)])))
  )

  it.effect("a next plan is made of the two ends of a long result", () =>
    Effect.gen(function* () {
      yield* Runner.run(Planner.make("trip", parts), "Plan a trip")
      const words = (yield* asked)[3] ?? ""
      assert.include(words, `${"a".repeat(2000)}\n[6000 characters left out]\n${"a".repeat(2000)}\n</attempt>`)
    }).pipe(Effect.provide(scripted([plan(["1"]), plan(["2"])], ["a".repeat(10_000), "two"], [score(0.1), score(0.9)])))
  )
})
