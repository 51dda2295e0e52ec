/**
 * Structured output
 *
 * An expense clerk answers with a receipt or with why there is none, held to the rules of the house. What is wrong goes
 * back to the model, and the answer is shown while it is written.
 *
 *   npx tsx examples/09_structured_output.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore, Output } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Console, Context, Effect, Layer, Schema, Stream } from "effect"

// #region schema
const Receipt = Schema.TaggedStruct("Receipt", {
  shop: Schema.String,
  day: Schema.Date,
  total: Schema.Number.annotations({ description: "In euros, tax included" })
})
const Unreadable = Schema.TaggedStruct("Unreadable", { why: Schema.String })
// #endregion

// #region validator
class Policy extends Context.Tag("Policy")<Policy, { readonly most: number }>() {}
const expense = Output.make({
  schema: Schema.Union(Receipt, Unreadable),
  repairs: 1,
  validate: (answer) =>
    Effect.flatMap(Policy, ({ most }) =>
      answer._tag === "Receipt" && answer.total > most
        ? Effect.fail(`No receipt is over ${most} euros: read the total again.`)
        : Effect.void
    )
})
const clerk = Agent.make("clerk", { instructions: "Read the receipt.", output: expense })
// #endregion

// #region run
const filed = Effect.gen(function* () {
  const result = yield* Agent.run(clerk, "Tea House, 2 March 2026: tea 4.50, cake 3.90")
  if (result.reason !== "completed") return yield* Console.log(`no answer: ${result.text}`)
  const { output } = result
  yield* output._tag === "Receipt"
    ? Console.log(`${output.day.getFullYear()} ${output.shop}: ${output.total} (${result.turns} turns)`)
    : Console.log(output.why)
})
// #endregion

// #region stream
const watched = Agent.stream(clerk, "Blurred.jpg").pipe(
  Stream.runForEach(
    AgentEvent.matchPartial({
      OutputDelta: ({ partial }) => Console.log(JSON.stringify(partial)),
      OutputRejected: ({ description }) => Console.log(`wrong: ${description}`)
    })
  )
)
// #endregion

// #region extract
const extracted = Agent.extract(Schema.Array(Schema.String), "Tea 4.50, cake 3.90", { instructions: "Name the items." })
// #endregion

export const program = Effect.zipRight(
  Effect.provideService(Effect.zipRight(filed, watched), Policy, { most: 100 }),
  Effect.flatMap(extracted, (items) => Console.log(items.join(" and ")))
)

const receipt = (total: number) => `{"_tag":"Receipt","shop":"Tea House","day":"2026-03-02","total":${total}}`
const script = [
  [receipt(840)],
  [receipt(8.4)],
  [`{"_tag":"Unreadable"`, "}"],
  [`{"_tag":"Unreadable",`, `"why":"The picture `, `is blurred."}`],
  [`["tea","cake"]`]
].map((pieces) => [ScriptedTransport.text(...pieces)])
export const layer = Layer.merge(ScriptedTransport.layer(script, { deltasPerPull: 1 }), ContextStore.layerMemory)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
