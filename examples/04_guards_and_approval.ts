/**
 * Guards and approval
 *
 * A guard judges every call before it runs: it allows, rewrites, denies, or asks a person. Here a clerk pays refunds up
 * to 50 by itself, a person decides on larger ones, and nothing above 1,000 is paid at all.
 *
 *   npx tsx examples/04_guards_and_approval.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, Approval, ContextStore, Guard, Part } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Schema, Stream } from "effect"

const Refund = Schema.Struct({ order: Schema.String, amount: Schema.Number })
const amountOf = (call: Guard.Call) => Schema.decodeUnknownSync(Refund)(call.input).amount

const refund = Agent.tool("refund", { parameters: Refund.fields }, ({ amount, order }) =>
  Effect.succeed(`${amount} paid back for ${order}`)
)
const clerk = Agent.make("clerk", { instructions: "You handle complaints.", tools: [refund] })

// #region guard
const refunds = Guard.make((call) =>
  Effect.sync(() => {
    const amount = amountOf(call)
    if (amount > 1000) return Guard.Deny("refunds above 1000 are paid by accounting")
    return amount > 50 ? Guard.Ask(`${amount} is more than 50`, "money") : Guard.Allow
  })
)
const guard = Guard.layer(Guard.forTools(refunds, ["refund"]))
// #endregion

// #region approver
const supervisor = Effect.gen(function* () {
  const queue = yield* Approval.ApprovalQueue
  const answer = ({ call }: Approval.Question) =>
    queue.decide(call.id, { approved: amountOf(call) <= 100, reason: "100 is the most this month" })
  const questions = Stream.flattenIterables(queue.changes)
  yield* Stream.runForEach(questions, (question) => Effect.ignore(answer(question)))
})
// #endregion

export const program = Effect.scoped(
  Effect.gen(function* () {
    yield* Effect.forkScoped(supervisor)
    yield* Agent.stream(clerk, "Pay back the orders A-1 to A-4").pipe(
      Stream.runForEach(
        AgentEvent.matchPartial({
          ApprovalAsked: ({ reason }) => Console.log(`asked: ${reason}`),
          ToolEnd: ({ content, outcome }) => Console.log(`${outcome}: ${Part.contentToText(content)}`),
          TextDelta: ({ delta }) => Console.log(delta)
        })
      )
    )
  })
)

const { call, text } = ScriptedTransport

export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([
    [call("1", "refund", { order: "A-1", amount: 20 }), call("2", "refund", { order: "A-2", amount: 5000 })],
    [call("3", "refund", { order: "A-3", amount: 80 })],
    [call("4", "refund", { order: "A-4", amount: 900 })],
    [text("A-1 and A-3 are paid back, A-2 and A-4 are not.")]
  ]),
  ContextStore.layerMemory,
  guard,
  Approval.layerQueue
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
