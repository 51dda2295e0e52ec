/**
 * What models cost that are asked beside the conversation, for summaries, verdicts of guards and selections of tools. Told
 * as soon as it is paid: a run that is interrupted meanwhile has no outcome of them, and owes all the same. For authors of
 * what asks models; `Ask` tells it by itself.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Usage from "../domain/Usage.ts"

/**
 * What a response of such a model cost.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cost {
  readonly model: string
  readonly usage: Usage.Usage
}

/**
 * Who is told of costs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Takes note of a cost. The outcome names it again, so that it is looked at only when there is none. */
  readonly tell: (cost: Cost) => void
}

/**
 * Who is told of costs. Nobody unless provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Paid extends Context.Reference<Paid>()("axonal/context/Paid", {
  defaultValue: (): Service => ({ tell: () => undefined })
}) {}

/**
 * Makes something with a list of what it costs, which grows meanwhile. Who is told of costs is told of these as well.
 *
 * @category combinators
 * @since 0.1.0
 */
export const listed = <A, E, R>(make: (costs: ReadonlyArray<Cost>) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Paid, ({ tell }) => {
    const costs: Array<Cost> = []
    const service: Service = {
      tell: (cost) => {
        costs.push(cost)
        tell(cost)
      }
    }
    return Effect.provideService(make(costs), Paid, service)
  })

/**
 * Makes something that has a price, and commits it. When the making is interrupted, `lost` of what was paid until then is
 * committed instead, if anything was.
 *
 * **Details**
 *
 * - The commit itself cannot be interrupted, so that nothing is made and not committed.
 * - Errors: those of either. A commit of what was lost that fails is passed over: the run is at its end.
 *
 * @category combinators
 * @since 0.1.0
 */
export const committed = <A, E, R, E2, R2>(
  make: Effect.Effect<A, E, R>,
  commit: (made: A) => Effect.Effect<unknown, E2, R2>,
  lost: (costs: ReadonlyArray<Cost>) => A
): Effect.Effect<A, E | E2, R | R2> =>
  Effect.uninterruptibleMask((restore) => {
    const costs: Array<Cost> = []
    return Effect.provideService(restore(make), Paid, { tell: (cost) => void costs.push(cost) }).pipe(
      Effect.onInterrupt(() => (costs.length === 0 ? Effect.void : Effect.ignore(commit(lost(costs))))),
      Effect.tap(commit)
    )
  })
