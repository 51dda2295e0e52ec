/**
 * Guards and approval
 *
 * A guard judges every call: a clerk pays refunds up to 50 by itself, a supervisor decides on larger ones from a queue,
 * and nothing above 1,000 is paid at all. At night the run ends where it asks, and goes on next morning.
 *
 *   npx tsx examples/04_guards_and_approval.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, Approval, ContextStore, Guard } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Schema, Stream } from "effect"

const Refund = Schema.Struct({ order: Schema.String, amount: Schema.Number })
const amountOf = (call: Guard.Call) => Schema.decodeUnknownSync(Refund)(call.input).amount

const refund = Agent.tool("refund", { parameters: Refund.fields }, ({ amount, order }) =>
  Effect.as(Console.log(`${amount} paid back for ${order}`), "paid")
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

// #region queue
const supervisor = Effect.gen(function* () {
  const queue = yield* Approval.ApprovalQueue
  const answer = ({ call }: Approval.Question) =>
    queue.decide(call.id, { approved: amountOf(call) <= 100, reason: "100 is the most this month" })
  const questions = Stream.flattenIterables(queue.changes)
  yield* Stream.runForEach(questions, (question) => Effect.ignore(answer(question)))
})
const day = Effect.gen(function* () {
  yield* Effect.forkScoped(supervisor)
  const { text } = yield* Agent.run(clerk, "Pay back the orders A-1 to A-4")
  yield* Console.log(text)
}).pipe(Effect.scoped, Effect.provide(Approval.layerQueue))
// #endregion

// #region suspend
const night = Effect.gen(function* () {
  const { pending, session } = yield* Agent.run(clerk, "Pay back B-1 and B-2")
  yield* Console.log(`waiting: ${pending.map(({ reason }) => reason).join(", ")}`)
  return { pending, session }
}).pipe(Effect.provide(Approval.layerSuspend))

// In any process that has the same context store.
const morning = ({ pending, session }: Effect.Effect.Success<typeof night>) => {
  const decided = pending.map(({ call }, index) => ({ call, approved: index === 0, reason: "B-2 was never ordered" }))
  return Effect.flatMap(Agent.resume(clerk, session, decided), ({ text }) => Console.log(text))
}
// #endregion

export const program = Effect.zipRight(day, Effect.flatMap(night, morning))

const pay = (order: string, amount: number) => ScriptedTransport.call(order, "refund", { order, amount })
const { text } = ScriptedTransport

export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([
    [pay("A-1", 20), pay("A-2", 5000), pay("A-3", 80), pay("A-4", 900)],
    [text("A-1 and A-3 are paid back, A-2 and A-4 are not.")],
    ...[[pay("B-1", 60), pay("B-2", 70)], [text("B-1 is paid back, B-2 was never ordered.")]]
  ]),
  Layer.merge(ContextStore.layerMemory, guard)
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
