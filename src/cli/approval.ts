/**
 * Who is asked about calls: the person at the terminal, if there is one.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Approval from "../guard/Approval.ts"

/**
 * Whether somebody sits at a terminal who can be asked.
 *
 * @category constructors
 * @since 0.1.0
 */
export const isTerminal = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true

/**
 * Who is asked: the person at the terminal, or whoever it is without one.
 *
 * **Details**
 *
 * - `aside`: what else uses the terminal makes room around a question.
 * - The terminal is taken with the first question and not before.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  aside: <A>(asking: Effect.Effect<A>) => Effect.Effect<A> = (asking) => asking
): Effect.Effect<Approval.Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    if (!isTerminal()) return yield* Approval.Approval
    const scope = yield* Effect.scope
    const loaded = Effect.promise(() => import("./approvalAtTerminal.ts"))
    const approver = yield* Effect.cached(
      Scope.extend(
        Effect.flatMap(loaded, ({ make }) => make),
        scope
      )
    )
    // One at a time, since room is made for each.
    const turnstile = yield* Effect.makeSemaphore(1)
    return {
      ask: (question) => turnstile.withPermits(1)(aside(Effect.flatMap(approver, ({ ask }) => ask(question))))
    }
  })
