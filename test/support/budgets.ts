/**
 * What tests of budgets need: amounts, people, and reservations that are closed by hand.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Budget from "../../src/agent/Budget.ts"

export const nothing: Budget.Amounts = Budget.amounts({})
export const tokens = (count: number | undefined): Budget.Amounts => ({ ...nothing, requests: 1, tokens: count })
export const dollars = (costUsd: number | undefined): Budget.Amounts => ({ ...nothing, requests: 1, costUsd })
export const ann: Budget.About = { identity: { userId: "ann" } }
export const bob: Budget.About = { identity: { userId: "bob" } }

/** What is used and reserved of the first limit, and what is reserved of it. */
export const stand = (budget: Budget.Service, about = ann) =>
  Effect.map(budget.read(about), ([first]) => [first?.actual, first?.reserved])

/** A reservation in a scope that is closed by hand. */
export const take = (budget: Budget.Service, amounts: Budget.Amounts, about = ann) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const held = yield* Scope.extend(budget.reserve(about, amounts), scope)
    return { ...held, close: Scope.close(scope, Exit.void) }
  })

/** Whether a reservation is granted; it is given back at once. */
export const granted = (budget: Budget.Service, amounts: Budget.Amounts, about = ann) =>
  Effect.scoped(Effect.match(budget.reserve(about, amounts), { onSuccess: () => true, onFailure: () => false }))

export const refused = (budget: Budget.Service, amounts: Budget.Amounts, about = ann) =>
  Effect.flip(Effect.scoped(budget.reserve(about, amounts)))
