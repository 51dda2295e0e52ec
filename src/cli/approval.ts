/**
 * Who is asked about calls: the person at the terminal, if there is one.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Approval from "../guard/Approval.ts"
import type * as Guard from "../guard/Guard.ts"
import type * as Sandbox from "../sandbox/Sandbox.ts"
import type { Preview } from "./assistant/preview/preview.ts"

/**
 * Finds out what a call would do.
 *
 * @category models
 * @since 0.1.0
 */
export type Show = (call: Guard.Call) => Effect.Effect<ReadonlyArray<Preview>>

/**
 * Whether somebody sits at a terminal who can be asked.
 *
 * @category constructors
 * @since 0.1.0
 */
export const isTerminal = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true

/**
 * Shows what a call would do in a sandbox; what it takes is loaded with the first question.
 *
 * @category constructors
 * @since 0.1.0
 */
export const showing =
  (sandbox: Sandbox.Service): Show =>
  (call) =>
    Effect.flatMap(
      Effect.promise(() => import("./assistant/preview/preview.ts")),
      ({ of }) => of(call, sandbox)
    )

/**
 * Who is asked: the person at the terminal, or whoever it is without one.
 *
 * **Details**
 *
 * - `aside`: what else uses the terminal makes room around a question. `show`: what is shown of a call instead of its
 *   arguments.
 * - The terminal is taken with the first question and not before.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  aside: <A>(asking: Effect.Effect<A>) => Effect.Effect<A> = (asking) => asking,
  show?: Show
): Effect.Effect<Approval.Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    if (!isTerminal()) return yield* Approval.Approval
    const scope = yield* Effect.scope
    const loaded = Effect.promise(() => import("./approvalAtTerminal.ts"))
    const approver = yield* Effect.cached(
      Scope.extend(
        Effect.flatMap(loaded, ({ make }) => make(show)),
        scope
      )
    )
    // One at a time, since room is made for each.
    const turnstile = yield* Effect.makeSemaphore(1)
    return {
      ask: (question) => turnstile.withPermits(1)(aside(Effect.flatMap(approver, ({ ask }) => ask(question))))
    }
  })
