/**
 * Limits and budgets
 *
 * Limits bound one run; a budget bounds many together, such as all runs of a customer on one day. Whoever is about to
 * spend reserves first, so that runs side by side never go over, and what is not used goes back.
 *
 *   npx tsx examples/19_limits_and_budgets.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore, Identity } from "axonal"
import * as Budget from "axonal/agent/Budget"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Schema, Stream } from "effect"

// #region tool
const buyReport = Agent.tool("buy_report", { parameters: { company: Schema.String } }, ({ company }) =>
  Effect.gen(function* () {
    const { charge } = yield* Budget.reserve(Budget.amounts({ costUsd: 0.5 }))
    const pages = company.length
    yield* charge(Budget.amounts({ costUsd: pages * 0.05 }))
    return `${pages} pages on ${company}`
  }).pipe(
    Effect.scoped,
    Effect.catchTag("LimitExceeded", () => Effect.succeed("No money is left today. Answer without a report."))
  )
)
// #endregion

// #region limits
const analyst = Agent.make("analyst", {
  instructions: "You compare companies.",
  tools: [buyReport],
  limits: { turns: 4, toolCalls: 5, identicalCalls: 3, lastTurnMessage: "Answer with what you have." }
})
// #endregion

// #region budget
const budgets = Budget.layer({ limits: { costUsd: 1.2, tokens: 200_000 }, per: "owner", every: "1 day" })
// #endregion

const show = AgentEvent.matchPartial({
  ToolEnd: ({ content }) => Console.log(content.map((part) => (part.type === "text" ? part.text : part.type)).join()),
  LimitWarning: ({ actual, limit, max }) => Console.log(`(${limit}: ${actual} of ${max})`),
  RunEnd: ({ limit, output, reason }) => Console.log(`${output} [${limit ?? reason}]`)
})

// #region remaining
const left = (userId: string) =>
  Effect.flatMap(Budget.remaining({ userId }), ({ costUsd }) => Console.log(`${userId}: ${costUsd} dollars left`))
// #endregion

const ask = (userId: string, question: string) =>
  Stream.runForEach(Agent.stream(analyst, question), show).pipe(
    Effect.provide(Identity.layer({ userId, chatId: question }))
  )

export const program = Effect.gen(function* () {
  yield* ask("ann", "Acorn, Birch or Cedarwood?")
  yield* left("ann")
  yield* ask("ann", "And Elm?")
  yield* left("bob")
})

const { call, text } = ScriptedTransport

export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([
    [call("1", "buy_report", { company: "Acorn" }), call("2", "buy_report", { company: "Birch" })],
    [call("3", "buy_report", { company: "Cedarwood" })],
    [text("Cedarwood.")],
    [call("4", "buy_report", { company: "Elm" })],
    [text("I cannot say.")]
  ]),
  budgets,
  ContextStore.layerMemory
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
