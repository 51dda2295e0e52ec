/**
 * What patterns that judge, plan, repeat and delegate result in, fail with and need is that of their parts together.
 */
import * as Tool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import { Agent } from "axonal"
import type { ContextStore, StoreError } from "axonal/context/ContextStore"
import type * as Message from "axonal/domain/Message"
import type * as Attempts from "axonal/pattern/Attempts"
import * as Evaluator from "axonal/pattern/Evaluator"
import * as Loop from "axonal/pattern/Loop"
import * as Orchestrator from "axonal/pattern/Orchestrator"
import * as Planner from "axonal/pattern/Planner"
import * as Runner from "axonal/pattern/Runner"
import type { ScoreInvalid } from "axonal/pattern/Score"
import * as Scorer from "axonal/pattern/Scorer"
import type { Transport } from "axonal/transport/Transport"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Same } from "./assert.ts"
import { holds } from "./assert.ts"

class Late extends Data.TaggedError("Late") {}
class Ruler extends Context.Tag("Ruler")<Ruler, number>() {}

const greeting = Toolkit.make(Tool.make("greet", { parameters: { name: Schema.String }, success: Schema.String }))
const writer = Agent.make("writer")
const greeter = Agent.make("greeter", { toolkit: greeting })
const double = Runner.fromEffect("double", (n: number) => (n > 100 ? new Late() : Effect.succeed(n * 2)))

type Words = Agent.AgentError
type Agents = Transport | ContextStore
type Greets = Tool.Handler<"greet">

// Scorers of functions: how they fail and what they need is read off the function.
const plain = Scorer.fromFunction("plain", () => 0.5)
holds<Same<typeof plain, Scorer.Scorer<unknown, ScoreInvalid>>>()
const measured = Scorer.fromFunction("measured", ({ text }) =>
  Effect.flatMap(Ruler, (most) => (text === "" ? new Late() : Effect.succeed(text.length / most)))
)
holds<Same<typeof measured, Scorer.Scorer<unknown, Late | ScoreInvalid, Ruler>>>()
const both = Scorer.all("both", [
  measured,
  { scorer: Scorer.passWord(greeter), weight: 2 },
  Scorer.fromFunction("f", () => 1)
])
holds<Same<typeof both, Scorer.Scorer<unknown, Words | Late | ScoreInvalid | StoreError, Agents | Greets | Ruler>>>()

// Evaluator: the draft's type; `NotPassed` unless the best draft will do.
const poems = Evaluator.make("poems", { generator: greeter, judge: measured })
holds<
  Same<
    typeof poems,
    Runner.Runner<
      Message.Input,
      string,
      Words | Late | ScoreInvalid | Attempts.NotPassed | StoreError,
      Agents | Greets | Ruler
    >
  >
>()
const best = Evaluator.make("best", { generator: writer, judge: plain, onCap: "best" })
holds<Same<Runner.Failure<typeof best>, Words | ScoreInvalid | StoreError>>()
const judged = Evaluator.judged("judged", { generator: poems, judge: plain })
holds<Same<Runner.Output<typeof judged>, Attempts.Judged<string>>>()
// @ts-expect-error: numbers are not revised by text
Evaluator.make("numbers", { generator: double, judge: plain })
const large = Evaluator.make("large", {
  generator: double,
  judge: Scorer.fromFunction("large", ({ output }: Scorer.Attempt<number>) => output > 10),
  revise: ({ before, input }) => before.output + input
})
holds<Same<Runner.Output<typeof large>, number>>()
// @ts-expect-error: the scorer is for numbers
Evaluator.make("poems", { generator: writer, judge: Scorer.fromFunction("f", (_: Scorer.Attempt<number>) => 1) })

// Planner: the result's type, and plans of any type.
const trip = Planner.make("trip", {
  planner: greeter,
  executor: Runner.map(writer, (text) => text.length),
  scorer: measured
})
holds<
  Same<
    typeof trip,
    Runner.Runner<
      Message.Input,
      number,
      Words | Late | ScoreInvalid | Attempts.NotPassed | StoreError,
      Agents | Greets | Ruler
    >
  >
>()
const planner = Agent.make("planner", { output: Planner.Plan })
const trips = Planner.judged("trips", { planner, executor: writer, scorer: plain })
holds<Same<Runner.Output<typeof trips>, Attempts.Judged<string, Planner.Planned<Planner.Plan, string>>>>()
// @ts-expect-error: what plans has to take text
Planner.make("numbers", { planner: double, executor: double, scorer: plain })

// Loop: the condition narrows, unless the last output will do.
const State = Schema.Union(Schema.TaggedStruct("Working", {}), Schema.TaggedStruct("Done", { answer: Schema.Number }))
type Done = Extract<typeof State.Type, { readonly _tag: "Done" }>
const isDone = (state: typeof State.Type): state is Done => state._tag === "Done"
const body = Runner.fromEffect("body", (_: typeof State.Type) => Effect.succeed<typeof State.Type>({ _tag: "Working" }))
const solved = Loop.make("solved", { body, until: isDone })
holds<Same<typeof solved, Runner.Runner<typeof State.Type, Done, Loop.NotReached | StoreError, ContextStore>>>()
const last = Loop.make("last", { body, until: isDone, onMax: "last" })
holds<Same<typeof last, Runner.Runner<typeof State.Type, typeof State.Type, StoreError, ContextStore>>>()
const doubled = Loop.make("doubled", { body: double, until: (n) => n > 10 })
holds<Same<typeof doubled, Runner.Runner<number, number, Late | Loop.NotReached | StoreError, ContextStore>>>()
// @ts-expect-error: an agent does not take a state
Loop.make("states", { body: Agent.make("states", { output: State }), until: isDone })
Loop.make("states", { body: Agent.make("states", { output: State }), until: isDone, next: ({ _tag }) => _tag })

// Orchestrator: an agent that needs what its workers need.
const lead = Orchestrator.make("lead", {
  workers: [
    greeter,
    { runner: Runner.mapInput(large, Number), name: "number" },
    Evaluator.judged("e", { generator: writer, judge: measured })
  ],
  output: State
})
holds<Same<typeof lead, Agent.Agent<typeof State.Type, never, Agents | Greets | Ruler>>>()
// @ts-expect-error: a worker takes text
Orchestrator.make("lead", { workers: [double] })
