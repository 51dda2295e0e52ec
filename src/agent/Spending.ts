/**
 * A run that spends out of a budget: reserved before a request is sent and before calls run, charged with what they really
 * used, and given back if it was less. A run without a budget reserves nothing.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TokenCounter from "../context/TokenCounter.ts"
import type { LimitExceeded } from "../domain/AgentError.ts"
import type { Request } from "../domain/Request.ts"
import type * as Usage from "../domain/Usage.ts"
import * as Budget from "./Budget.ts"
import type * as Limits from "./Limits.ts"
import * as Run from "./Run.ts"
import type { Session } from "./Session.ts"

/**
 * What a turn has reserved.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spending {
  /** Reserves a request, for as much as it may use at most. */
  readonly request: (request: Request) => Effect.Effect<void, LimitExceeded>
  /** Charges the responses to it, and what was paid beside, and gives back the rest. */
  readonly responses: (usages: ReadonlyArray<Usage.Usage>) => Effect.Effect<void>
  /** Reserves calls, or answers the limit that they would go over. */
  readonly calls: (count: number) => Effect.Effect<Limits.Reading | undefined>
  /** Charges the calls, which begin now: what they start must not wait for what they hold. */
  readonly called: Effect.Effect<void>
  /** Gives back what was not used. */
  readonly release: Effect.Effect<void>
}

/**
 * The spending of one turn; nothing without a budget.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (session: Session): Spending | undefined => {
  const { run } = session
  const { budget } = run
  if (budget === Budget.none) return undefined
  const about = payerOf(run)
  let scope: Scope.CloseableScope | undefined
  const within = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E> =>
    Effect.flatMap(scope === undefined ? Scope.make() : Effect.succeed(scope), (open) => {
      scope = open
      return Scope.extend(effect, open)
    })
  let reserved: Budget.Reservation | undefined
  let calling: Budget.Reservation | undefined
  return {
    request: (request) =>
      Effect.flatMap(
        TokenCounter.held(run.tokenCounter, session.measured, () => request),
        (inputTokens) => {
          const { maxOutputTokens } = request.settings
          const one = Budget.estimate({ inputTokens, maxOutputTokens, model: run.transport.model })
          // An answer that breaks off is paid for as well as the one that is asked for in its place.
          const amounts = times(one, 1 + run.definition.restarts)
          return Effect.map(within(budget.reserve(about, amounts)), (reservation) => {
            reserved = reservation
          })
        }
      ),
    responses: (usages) =>
      reserved === undefined
        ? Effect.void
        : // What is left must not be missing to agents that work in this one's tools.
          reserved.settle(Budget.fromUsages([...usages, ...run.owed.splice(0)])),
    calls: (count) =>
      Effect.match(within(budget.reserve(about, Budget.amounts({ toolCalls: count }))), {
        onFailure: ({ actual, limit, max }) => ({ limit, max, actual }),
        onSuccess: (reservation) => {
          calling = reservation
          return undefined
        }
      }),
    called: Effect.suspend(() => calling?.settle(calling.amounts) ?? Effect.void),
    release: Effect.suspend(() => (scope === undefined ? Effect.void : Scope.close(scope, Exit.void)))
  }
}

/**
 * Writes warnings about the budget of a run: each limit once, when 80 % of it is used.
 *
 * @category combinators
 * @since 0.1.0
 */
export const warn = (run: Run.Run): Effect.Effect<void> =>
  Effect.flatMap(run.budget.read(payerOf(run)), (readings) =>
    Effect.forEach(
      Budget.warnings(readings, run.spent.warned),
      ({ actual, limit, max }) => Run.emit(run, () => [Run.event(run, "LimitWarning", { limit, max, actual })]),
      { discard: true }
    )
  )

/**
 * Charges what was paid beside the conversation and belongs to no request that is still to come.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settle = (run: Run.Run): Effect.Effect<void> =>
  Effect.suspend(() => {
    const owed = Budget.fromUsages(run.owed.splice(0))
    // Nothing is asked for, so that this is granted at once; it is owed in any case.
    const charged = Effect.flatMap(run.budget.reserve(payerOf(run), Budget.amounts({})), ({ charge }) => charge(owed))
    return Effect.ignore(Effect.scoped(charged))
  })

// internal

/** Who spends. */
const payerOf = (run: Run.Run): Budget.About => ({ identity: run.identity, agent: run.agent, run: run.id })

const times = ({ costUsd, requests, tokens, toolCalls }: Budget.Amounts, count: number): Budget.Amounts => ({
  requests: requests * count,
  toolCalls: toolCalls * count,
  tokens: tokens === undefined ? undefined : tokens * count,
  costUsd: costUsd === undefined ? undefined : costUsd * count
})
