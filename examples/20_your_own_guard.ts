/**
 * Your own guard
 *
 * Transfers are capped by a rule, judged by a second model, and watched by a stricter rule that has no say yet. What
 * customers write is cleaned of card numbers before it is kept, and answers of addresses before they are shown.
 *
 *   npx tsx examples/20_your_own_guard.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore, Guard, Message, Part } from "axonal"
import * as MessageGuard from "axonal/guard/MessageGuard"
import * as ModelGuard from "axonal/guard/ModelGuard"
import * as Shadow from "axonal/guard/Shadow"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Schema, Stream } from "effect"

const Transfer = Schema.Struct({ to: Schema.String, amount: Schema.Number })
const read = Schema.decodeUnknownOption(Transfer)

const transfer = Agent.tool("transfer", { parameters: Transfer.fields }, ({ amount, to }) =>
  Effect.succeed(`${amount} sent to ${to}`)
)

// #region rule
const capped = (most: number) =>
  Guard.make(({ input }) =>
    Effect.map(read(input), ({ amount, to }) =>
      amount > most ? Guard.Rewrite({ to, amount: most }) : Guard.Allow
    ).pipe(Effect.orElseSucceed(() => Guard.Deny("this is no transfer")))
  )
// #endregion

// #region judge
const { text } = ScriptedTransport
// In a program: the transport of a small model. This one plays it, and repeats the code that every question has.
const small = ScriptedTransport.make((request) => {
  const question = JSON.stringify(request.messages)
  const code = /The code is (\w+)/.exec(question)?.[1]
  return [text(question.includes("Mallory") ? `${code} DENY money: nobody knows Mallory` : `${code} SAFE`)]
})
const judge = ModelGuard.make({ policy: "Money goes to people we know: Ann and Bob.", transport: small.transport })
// #endregion

// #region guard
const stricter = Shadow.report(capped(100), ({ input }, verdict) =>
  verdict._tag === "Allow" ? Effect.void : Console.log(`would be ${verdict._tag}: ${JSON.stringify(input)}`)
)
const guard = Guard.layer(Guard.forTools(Guard.all(capped(500), judge, stricter), ["transfer"]))
// #endregion

// #region messages
const messages = MessageGuard.all(
  MessageGuard.forRoles(MessageGuard.redact({ patterns: [MessageGuard.cards] }), ["user"]),
  MessageGuard.forDirection(MessageGuard.redact({ patterns: [MessageGuard.keys, MessageGuard.emails] }), "output")
)
// #endregion

export const program = Agent.stream(
  Agent.make("bank", { instructions: "You transfer money.", tools: [transfer] }),
  "Pay Ann 700, Bob 50 and Mallory 5. My card is 4111 1111 1111 1111."
).pipe(
  Stream.runForEach(
    AgentEvent.matchPartial({
      RunStart: ({ input }) => Console.log(input.map(Message.toText).join()),
      TextDelta: ({ delta }) => Console.log(delta),
      ToolEnd: ({ content, outcome }) => Console.log(`${outcome}: ${Part.contentToText(content)}`)
    })
  )
)

const pay = (to: string, amount: number) => ScriptedTransport.call(to, "transfer", { to, amount })

export const layer = Layer.mergeAll(
  ScriptedTransport.layer([[pay("Ann", 700), pay("Bob", 50), pay("Mallory", 5)], [text("ann@example.com knows.")]]),
  ContextStore.layerMemory,
  guard,
  MessageGuard.layer(messages)
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
