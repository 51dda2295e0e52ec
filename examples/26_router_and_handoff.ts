/**
 * Router and handoff
 *
 * A travel shop sends each question to the desk that knows about it, and lets a desk hand the whole conversation over to
 * another one. In the end a desk stands in for the model of a clerk who knows nothing of desks.
 *
 *   npx tsx examples/26_router_and_handoff.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import type { Message } from "axonal"
import { Agent, ContextStore } from "axonal"
import * as Handoff from "axonal/agent/Handoff"
import * as Router from "axonal/pattern/Router"
import * as Runner from "axonal/pattern/Runner"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Schema } from "effect"

const timetable = Agent.tool("timetable", {}, () => Effect.succeed("to Oslo: 7:04, 9:31"))
const trains = Agent.make("trains", { instructions: "You sell train tickets.", tools: [timetable] })
const refunds = Agent.make("refunds", { instructions: "You pay back.", description: "Pays tickets back" })
const host = Agent.make("host", { instructions: "You greet." })
const routes = { trains, refunds }
const show = <E, R>(runner: Runner.Runner<Message.Input, string, E, R>, words: string) =>
  Effect.flatMap(Runner.run(runner, words), (said) => Console.log(`${runner.name} > ${said.answeredBy}: ${said.text}`))

// #region router
const shop = Router.make("shop", { routes, route: Router.byModel(), fallback: host })
// #endregion

// #region choices
const picker = Agent.make("picker", { instructions: "You pick.", output: Schema.Literal("trains", "refunds") })
const typed = Router.make("typed", { routes, route: picker })
const byWords = Router.make("byWords", {
  routes,
  route: (words: Message.Input) => (String(words).includes("back") ? "refunds" : "trains")
})
// #endregion

// #region handoff
const desk = Handoff.make("desk", { agents: routes, start: "trains", to: { refunds: [] } })
const talking = Effect.gen(function* () {
  const first = yield* Runner.run(desk, "My 7:04 was cancelled.")
  const second = yield* Runner.run(desk, "Thank you!", { session: first.session })
  for (const { answeredBy, text } of [first, second]) yield* Console.log(`${answeredBy}: ${text}`)
})
// #endregion

// #region filter
const discreet = Handoff.make("discreet", { agents: routes, start: "trains", filter: Handoff.texts })
// #endregion

// #region transport
const clerk = Agent.make("clerk", { instructions: "Answer in one line." })
const standingIn = Effect.provide(Agent.run(clerk, "When is the next train?"), Runner.layerTransport(trains))
// #endregion

export const program = Effect.gen(function* () {
  for (const words of ["A train?", "Balloons?"]) yield* show(shop, words)
  yield* show(typed, "Hm.")
  yield* show(byWords, "It back!")
  yield* talking
  yield* show(discreet, "Cancelled again!")
  yield* Effect.flatMap(standingIn, ({ text }) => Console.log(text))
})

const { call, roles, text } = ScriptedTransport
const says = (...texts: ReadonlyArray<string>) => texts.map((said) => [text(said)])
const over = [call("1", "transfer_to_refunds", { reason: "a cancelled train" })]
const reading = [text("Let me see."), call("2", "timetable")]
const script = roles({
  "You choose": says("Trains.", "none"),
  "You pick": says("refunds"),
  "You sell": [[text("At 7:04.")], over, over, reading, [text("To Oslo at 9:31.")]],
  "You pay": says("How much?", "Here it is.", "I pay it back.", "Gladly.", "Here you are."),
  "You greet": says("Sorry, no.")
})
/** With a model: `OpenAiChat.layer({ model: "gpt-5-mini" })` in place of the script. */
export const layer = Layer.merge(ScriptedTransport.layer(script), ContextStore.layerMemory)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
