/**
 * What tests of approvals need: an agent that pays, a guard that asks about payments, and words for what calls came to.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { CallId, SessionId } from "../../src/domain/Ids.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import { call } from "../../src/testing/ScriptedTransport.ts"

export const session = SessionId.make("s")

const Payment = { amount: Schema.Number, to: Schema.optionalWith(Schema.String, { default: () => "shop" }) }

/** An agent with two tools that both cost something, and what ran, in order. */
export const shop = (
  options: Omit<NonNullable<Parameters<typeof Agent.make>[1]>, "tools" | "toolkit" | "output"> = {}
) => {
  const ran: Array<string> = []
  const tools = ["pay", "lend"].map((name) =>
    Agent.tool(name, { parameters: Payment }, ({ amount, to }) =>
      Effect.sync(() => {
        ran.push(`${name} ${amount} ${to}`)
        return `${amount} to ${to}`
      })
    )
  )
  return { ran, agent: Agent.make("clerk", { ...options, tools }) }
}

export const pay = (id: string, amount: number, to?: string) =>
  call(id, "pay", { amount, ...(to === undefined ? undefined : { to }) })
export const lend = (id: string, amount: number) => call(id, "lend", { amount })

const amountOf = Schema.decodeUnknownSync(Schema.Struct({ amount: Schema.Number }))

/** Up to 10 goes ahead, more is asked about as `money` or `fortune`, 1000 is too much. */
export const byAmount = Guard.make(({ input }) =>
  Effect.sync(() => {
    const { amount } = amountOf(input)
    if (amount >= 1000) return Guard.Deny("that is too much")
    return amount <= 10 ? Guard.Allow : Guard.Ask(`${amount} is a lot`, amount >= 100 ? "fortune" : "money")
  })
)

/** The guard, and answers that are put off. */
export const suspending = Layer.merge(Guard.layer(byAmount), Approval.layerSuspend)

/** An approver that is a function of the amount, and the amounts it was asked about. */
export const answering = (answer: (amount: number, question: Approval.Question) => Approval.Answer) => {
  const asked: Array<number> = []
  const layer = Layer.succeed(Approval.Approval, {
    ask: (question) =>
      Effect.sync(() => {
        const { amount } = amountOf(question.call.input)
        asked.push(amount)
        return answer(amount, question)
      })
  })
  return { asked, layer }
}

/** The results of calls that the session keeps for its model, in order: `outcome: text`. */
export const results = Effect.flatMap(ContextStore.ContextStore, (store) =>
  Effect.map(store.read(session), ({ messages }) =>
    messages
      .flatMap(({ parts }) => parts)
      .flatMap((part) => (part.type === "tool-result" ? [`${part.outcome}: ${Part.contentToText(part.content)}`] : []))
  )
)

export const denied = (why?: string) =>
  `denied: Not approved${why === undefined ? "" : `: ${why}`}. Do not try the same call again.`

/** Collects events, for `onEvents`. */
export const collecting = () => {
  const events: Array<AgentEvent> = []
  return { events, onEvents: (batch: ReadonlyArray<AgentEvent>) => void events.push(...batch) }
}

/** A run that ends waiting, and the ids of the calls that are asked about. */
export const waiting = <E, R>(agent: Agent.Agent<string, E, R>) =>
  Effect.map(Agent.run(agent, "go", { session }), ({ pending, reason }) => {
    assert.strictEqual(reason, "awaiting-approval")
    return pending.map(({ call }) => call)
  })

export const yes = (call: CallId, more: Partial<Approval.Decision> = {}): Approval.Decided => ({
  call,
  approved: true,
  ...more
})
export const no = (call: CallId, more: Partial<Approval.Decision> = {}): Approval.Decided => ({
  call,
  approved: false,
  ...more
})

export const at = (ids: ReadonlyArray<CallId>, index: number): CallId => ids[index] ?? CallId.make("nothing")
