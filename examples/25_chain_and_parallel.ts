/**
 * Chains, and runners side by side
 *
 * A town's newspaper answers a reader: one after the other, several at once, piece by piece, and by a vote. Each of these
 * is a runner made of agents, and stands in the others like an agent.
 *
 *   npx tsx examples/25_chain_and_parallel.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, ContextStore } from "axonal"
import * as Chain from "axonal/pattern/Chain"
import * as Debate from "axonal/pattern/Debate"
import * as MapReduce from "axonal/pattern/MapReduce"
import * as Parallel from "axonal/pattern/Parallel"
import * as Runner from "axonal/pattern/Runner"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer } from "effect"

// #region chain
const reporter = Agent.make("reporter", { instructions: "You report: facts only, one sentence each." })
const editor = Agent.make("editor", { instructions: "You edit: one short paragraph, plain words." })
const countWords = Runner.fromEffect("count-words", (text: string) => Effect.succeed(text.split(" ").length))
const article = Chain.make("article", [reporter, editor, countWords])
// #endregion

// #region parallel
const cyclist = Agent.make("cyclist", { instructions: "You speak for cyclists." })
const grocer = Agent.make("grocer", { instructions: "You speak for shops." })
const voices = Parallel.make("voices", { cyclist, grocer }, { concurrency: 2 })
const balanced = Parallel.aggregate("balanced", { cyclist, grocer }, { by: editor, onFailure: "collect" })
const headline = Parallel.best("headline", Parallel.times(editor, 3), {
  judge: ({ text }) => (text.length <= 20 ? 1 - text.length / 100 : 0)
})
// #endregion

// #region map-reduce
const letters = MapReduce.make("letters", {
  split: (post: string) => post.split("\n"),
  map: Agent.make("reader", { instructions: "You read a letter: is it for or against?" }),
  reduce: (views) => `${views.filter((view) => view === "for").length} of ${views.length} are for it`
})
// #endregion

// #region debate
const debate = Debate.make("debate", { debaters: { cyclist, grocer }, rounds: 2, judge: editor })
const vote = Debate.vote("vote", [cyclist, grocer, reporter])
// #endregion

const show = (result: { readonly text: string }) => Console.log(result.text)
export const program = Effect.gen(function* () {
  yield* Effect.tap(Runner.run(article, "The bridge was closed."), show)
  yield* Effect.tap(Runner.run(voices, "Is that good?"), show)
  yield* Effect.tap(Runner.run(balanced, "Is that good?"), show)
  yield* Effect.tap(Runner.run(headline, "A headline, please."), show)
  yield* Effect.tap(Runner.run(letters, "I like it.\nNever!\nAt last."), show)
  yield* Effect.tap(Runner.run(debate, "Should it open again?"), show)
  yield* Effect.tap(Runner.run(vote, "Yes or no?"), show)
})

const turns = (...texts: ReadonlyArray<string>) => texts.map((words) => [ScriptedTransport.text(words)])
const script = ScriptedTransport.roles({
  "You report": turns("It closed on Monday. Ships pass.", "no"),
  "You edit": turns("Only ships pass.", "Some win.", "Bridge shut", "Shut!", "The bridge is shut, and why", "Twice."),
  "You speak for cyclists": turns("It is quiet.", "It is quiet.", "Open it.", "At noon, then.", "Yes."),
  "You speak for shops": turns("Nobody comes.", "Nobody comes.", "For cars.", "And at six.", "YES"),
  "You read": turns("for", "against", "for")
})

// const model = OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer))
export const layer = Layer.merge(ScriptedTransport.layer(script), ContextStore.layerMemory)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
