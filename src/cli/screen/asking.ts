/**
 * The person at the screen, asked by runs: each question waits until it is answered there, or until the run that asks is
 * interrupted, which withdraws it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Decision } from "../../guard/Approval.ts"
import type { Call } from "../../guard/Guard.ts"
import type { Answer } from "../../toolbox/AskUser.ts"
import type { Person } from "../assistant/assistant.ts"
import type { Preview } from "../assistant/preview/preview.ts"
import type { Face } from "./host.ts"

/**
 * The person, and what was answered on the screen.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asking {
  readonly person: Person
  readonly decided: (id: number, decision: Decision) => void
  readonly answered: (id: number, answer: Answer | undefined) => void
}

/**
 * Makes it. `preview` finds out what a call would do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  face: Pick<Face, "ask" | "withdraw">,
  preview: (call: Call) => Effect.Effect<ReadonlyArray<Preview>>
): Asking => {
  const decisions = new Map<number, Deferred.Deferred<Decision>>()
  const answers = new Map<number, Deferred.Deferred<Option.Option<Answer>>>()
  let count = 0
  const put = <A>(waiting: Map<number, Deferred.Deferred<A>>, show: (id: number) => void): Effect.Effect<A> =>
    Effect.suspend(() => {
      const id = ++count
      return Effect.flatMap(Deferred.make<A>(), (answer) => {
        waiting.set(id, answer)
        show(id)
        return Effect.ensuring(
          Deferred.await(answer),
          Effect.sync(() => {
            if (waiting.delete(id)) face.withdraw(id)
          })
        )
      })
    })
  const settle = <A>(waiting: Map<number, Deferred.Deferred<A>>, id: number, answer: A): void => {
    const deferred = waiting.get(id)
    if (deferred === undefined) return
    waiting.delete(id)
    Deferred.unsafeDone(deferred, Effect.succeed(answer))
  }
  return {
    person: {
      approval: {
        ask: (question) =>
          Effect.flatMap(preview(question.call), (previews) =>
            put(decisions, (id) => face.ask({ _tag: "Approval", id, question, previews }))
          )
      },
      respond: (question) => put(answers, (id) => face.ask({ _tag: "Question", id, question }))
    },
    decided: (id, decision) => settle(decisions, id, decision),
    answered: (id, answer) => settle(answers, id, Option.fromNullable(answer))
  }
}
