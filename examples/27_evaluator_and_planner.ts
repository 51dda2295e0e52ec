/**
 * Evaluators and planners
 *
 * A bakery opens: a slogan is revised until its judges agree, and the timetable of the day is planned anew until it fits.
 * What every judge said of every attempt is there to be read.
 *
 *   npx tsx examples/27_evaluator_and_planner.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore } from "axonal"
import * as Evaluator from "axonal/pattern/Evaluator"
import * as Planner from "axonal/pattern/Planner"
import * as Runner from "axonal/pattern/Runner"
import * as Scorer from "axonal/pattern/Scorer"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Stream } from "effect"

// #region scorers
const short = Scorer.fromFunction("short", ({ text }) =>
  text.length <= 30 ? true : { value: 0.5, passed: false, feedback: `${text.length} characters, of 30` }
)
const tone = Scorer.judge("tone", { rubric: "Judge slogans: warm, and without superlatives." })
const judge = Scorer.all("judges", [short, { scorer: Scorer.threshold(tone, 0.8), weight: 2 }])
// #endregion

// #region evaluator
const copywriter = Agent.make("copywriter", { instructions: "Write a slogan." })
const slogan = Evaluator.make("slogan", { generator: copywriter, judge, rounds: 4 })
// #endregion

// #region planner
const timetable = Planner.judged("timetable", {
  planner: Agent.make("scheduler", { instructions: "Plan the day.", output: Planner.Plan }),
  executor: Agent.make("clerk", { instructions: "Make the timetable." }),
  scorer: Scorer.verdict("owner", { rubric: "Check the timetable." }),
  criteria: ["The oven is cold at six."]
})
// #endregion

// #region attempts
const planned = Effect.gen(function* () {
  const { output } = yield* Runner.run(timetable, "We open on Friday")
  for (const { passed, plan, score, text } of output?.attempts ?? []) {
    yield* Console.log(`${plan.steps.join(", ")} -> ${text}: ${passed ? "passed" : score.feedback}`)
  }
})
// #endregion

export const program = Stream.runForEach(
  Runner.stream(slogan, "A slogan for a bakery"),
  AgentEvent.matchPartial({
    RunEnd: ({ agent, output, path = [] }) =>
      // What each of the judges said is in what they said together.
      path.length > 1 ? Effect.void : Console.log(`${path.map(({ at }) => at).join("")} ${agent}: ${output}`)
  })
).pipe(Effect.zipRight(planned))

const { roles, text } = ScriptedTransport
const turns = (...answers: ReadonlyArray<unknown>) =>
  answers.map((answer) => [text(typeof answer === "string" ? answer : JSON.stringify(answer))])

export const layer = Layer.merge(
  ScriptedTransport.layer(
    roles({
      "Write a slogan.": turns("The best bread of the whole world", "Warm bread, open doors"),
      "Judge slogans": turns({ feedback: "A superlative.", score: 0.2 }, { feedback: "Warm.", score: 1 }),
      "Plan the day.": turns({ steps: ["Bake"], criteria: [] }, { steps: ["Bake", "Clean"], criteria: [] }),
      "Make the timetable.": turns("6-20 bake", "6-12 bake, 12-14 clean"),
      "Check the timetable.": turns({ feedback: "Too late.", passed: false }, { feedback: "", passed: true })
    })
  ),
  ContextStore.layerMemory
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
