/**
 * What patterns of several runners take, result in, fail with and need is that of their parts together.
 */

import * as Tool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import { Agent } from "axonal"
import type { ContextStore, StoreError } from "axonal/context/ContextStore"
import type * as Message from "axonal/domain/Message"
import type * as Branches from "axonal/pattern/Branches"
import * as Chain from "axonal/pattern/Chain"
import * as Debate from "axonal/pattern/Debate"
import * as MapReduce from "axonal/pattern/MapReduce"
import * as Parallel from "axonal/pattern/Parallel"
import * as Runner from "axonal/pattern/Runner"
import type { Transport } from "axonal/transport/Transport"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Same } from "./assert.ts"
import { holds } from "./assert.ts"

class Lost extends Data.TaggedError("Lost")<{ readonly where: string }> {}
class Late extends Data.TaggedError("Late") {}

const greeting = Toolkit.make(Tool.make("greet", { parameters: { name: Schema.String }, success: Schema.String }))
const writer = Agent.make("writer")
const greeter = Agent.make("greeter", { toolkit: greeting })
const grader = Agent.make("grader", { output: Schema.Struct({ grade: Schema.Number }) })
const length = Runner.fromEffect("length", (text: string) => (text === "" ? new Late() : Effect.succeed(text.length)))
const isEven = Runner.fromEffect("is-even", (n: number) =>
  n < 0 ? new Lost({ where: "there" }) : Effect.succeed(n % 2 === 0)
)

type Words = Runner.Failure<typeof writer>
type Agents = Transport | ContextStore

// Chain: what the first takes, what the last results in, the unions of the rest.
const chain = Chain.make("chain", [writer, greeter, length, isEven])
holds<
  Same<
    typeof chain,
    Runner.Runner<Message.Input, boolean, Words | Late | Lost | StoreError, Agents | Tool.Handler<"greet">>
  >
>()
const one = Chain.make("one", [isEven])
holds<Same<typeof one, Runner.Runner<number, boolean, Lost | StoreError, ContextStore>>>()
const nested = Chain.make("nested", [Chain.make("inner", [writer, length]), Runner.map(isEven, String), writer])
holds<Same<Runner.Output<typeof nested>, string>>()

// @ts-expect-error: a chain has at least one link
Chain.make("none", [])
// @ts-expect-error: a number is no text
Chain.make("broken", [length, writer])
// @ts-expect-error: at the end as well
Chain.make("broken", [writer, length, isEven, writer])
Chain.make("mended", [length, Runner.mapInput(writer, (count: number) => `${count} letters`)])

// Parallel: a tuple for a tuple, a record for a record.
const tuple = Parallel.make("tuple", [writer, grader, greeter])
holds<
  Same<
    typeof tuple,
    Runner.Runner<
      Message.Input,
      readonly [string, { readonly grade: number }, string],
      Words | Runner.Failure<typeof grader> | StoreError,
      Agents | Tool.Handler<"greet">
    >
  >
>()
const record = Parallel.make("record", { words: writer, count: length }, { onFailure: "collect" })
Runner.run(record, "text")
holds<Same<Runner.Failure<typeof record>, StoreError>>()
holds<
  Same<
    Runner.Output<typeof record>,
    {
      readonly words: Either.Either<string, Branches.Failed<Words | StoreError>>
      readonly count: Either.Either<number, Branches.Failed<Late | StoreError>>
    }
  >
>()
// What nothing can be the input of is an error where it is run.
const never = Parallel.make("never", [length, isEven])
holds<Same<Runner.Input<typeof never>, never>>()
const mapped = Parallel.make(
  "mapped",
  Parallel.mapInputs([length, length], (topic: { readonly title: string }, at) => `${at}: ${topic.title}`)
)
holds<
  Same<
    typeof mapped,
    Runner.Runner<{ readonly title: string }, readonly [number, number], Late | StoreError, ContextStore>
  >
>()

const joined = Parallel.join("joined", [length, length])
holds<Same<typeof joined, Runner.Runner<string, string, Late | StoreError, ContextStore>>>()
const collected = Parallel.join("joined", [length, length], { onFailure: "collect" })
holds<Same<Runner.Failure<typeof collected>, StoreError | Branches.NoneAnswered<Late | StoreError>>>()
const aggregated = Parallel.aggregate(
  "aggregated",
  { a: length, b: length },
  {
    by: grader,
    prompt: (answers, input) => `${input} ${answers.map(({ at, output }) => `${at} ${output.toFixed()}`)}`
  }
)
holds<Same<Runner.Output<typeof aggregated>, { readonly grade: number }>>()
holds<Same<Runner.Requirements<typeof aggregated>, Agents>>()
const first = Parallel.first("first", [length, Runner.map(length, String)])
holds<
  Same<
    typeof first,
    Runner.Runner<string, number | string, StoreError | Branches.NoneAnswered<Late | StoreError>, ContextStore>
  >
>()
const best = Parallel.best("best", Parallel.times(length, 3), { judge: ({ output }) => output / 10 })
holds<Same<Runner.Output<typeof best>, number>>()

const digest = MapReduce.make("digest", {
  split: (text: string) => text.split("\n"),
  map: length,
  reduce: (lengths, input) => lengths.reduce((sum, one) => sum + one, input.length)
})
holds<Same<typeof digest, Runner.Runner<string, number, Late | StoreError, ContextStore>>>()
const tolerant = MapReduce.make("tolerant", {
  onFailure: "collect",
  split: (text: string) => text.split("\n"),
  map: length,
  reduce: (outcomes) => outcomes.filter(({ _tag }) => _tag === "Right").length
})
holds<Same<Runner.Failure<typeof tolerant>, StoreError>>()
const byRunners = MapReduce.make("by-runners", {
  split: Runner.map(writer, (text) => text.split("\n")),
  map: writer,
  reduce: Runner.mapInput(writer, (texts: ReadonlyArray<string>) => texts.join("\n"))
})
holds<Same<Runner.Input<typeof byRunners>, Message.Input>>()
holds<Same<Runner.Requirements<typeof byRunners>, Agents>>()

const debate = Debate.make("debate", { debaters: [writer, greeter], judge: grader })
holds<Same<Runner.Output<typeof debate>, { readonly grade: number }>>()
holds<Same<Runner.Requirements<typeof debate>, Agents | Tool.Handler<"greet">>>()
const decided = Debate.make("decided", { debaters: { a: grader, b: grader }, vote: { choice: ({ grade }) => grade } })
holds<Same<Runner.Output<typeof decided>, { readonly grade: number }>>()
const voted = Debate.vote("voted", Parallel.times(length, 3), { choice: (output) => output })
holds<Same<typeof voted, Runner.Runner<string, number, Late | StoreError, ContextStore>>>()
