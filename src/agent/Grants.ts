/**
 * Answers of persons that hold for more than the call they were about: for its tool, for its category, for the session. Those
 * of earlier runs are read when a question comes up, and one that is given settles every question that waits and that it
 * holds for.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { DecisionEntry } from "../domain/Entry.ts"
import type { CallId } from "../domain/Ids.ts"
import type * as Approval from "../guard/Approval.ts"

/**
 * What a question is told by.
 *
 * @category models
 * @since 0.1.0
 */
export interface Question {
  readonly tool: string
  readonly category?: string | undefined
}

/**
 * An answer and the question that it was given to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Grant extends Approval.Decision, Question {}

/**
 * The answers of a session that decide more than one call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Grants {
  /** The latest answer that holds for this question too. */
  readonly find: (question: Question) => Effect.Effect<Approval.Decision | undefined>
  /** The answer to a question, or one that was given to another meanwhile and holds for it too. */
  readonly orGranted: (question: Question, asked: Effect.Effect<Approval.Answer>) => Effect.Effect<Approval.Answer>
  /** Remembers an answer, if that was asked for. */
  readonly add: (question: Question, decision: Approval.Decision) => void
}

/**
 * The grants of a session. `load` reads those of earlier runs, and is asked once, when a question comes up.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeGrants = (load: Effect.Effect<ReadonlyArray<DecisionEntry>>): Grants => {
  const grants: Array<Grant> = []
  const waiting = new Set<{ readonly question: Question; readonly granted: Deferred.Deferred<Approval.Answer> }>()
  let loading: Effect.Effect<void> | undefined
  const loaded = Effect.suspend(() =>
    loading !== undefined
      ? loading
      : Effect.flatMap(Effect.cached(Effect.map(load, (earlier) => void grants.unshift(...earlier))), (once) => {
          loading ??= once
          return loading
        })
  )
  const latest = (question: Question): Approval.Decision | undefined => {
    const found = grants.findLast((grant) => holds(grant, question))
    return found === undefined ? undefined : { approved: found.approved, reason: found.reason }
  }
  return {
    find: (question) => Effect.map(loaded, () => latest(question)),
    orGranted: (question, asked) =>
      Effect.flatMap(Deferred.make<Approval.Answer>(), (granted) => {
        const place = { question, granted }
        return Effect.acquireUseRelease(
          Effect.sync(() => waiting.add(place)),
          () => Effect.raceFirst(asked, Deferred.await(granted)),
          () => Effect.sync(() => waiting.delete(place))
        )
      }),
    add: ({ category, tool }, { approved, reason, remember }) => {
      if (remember === undefined) return
      grants.push({ tool, category, approved, reason, remember })
      for (const { granted, question } of waiting) {
        const answer = latest(question)
        if (answer !== undefined) Deferred.unsafeDone(granted, Effect.succeed(answer))
      }
    }
  }
}

/**
 * Whether an answer holds for another question.
 *
 * @category predicates
 * @since 0.1.0
 */
export const holds = (grant: Grant, { category, tool }: Question): boolean => {
  switch (grant.remember) {
    case "session":
      return true
    case "tool":
      return grant.tool === tool
    case "category":
      return grant.category !== undefined && grant.category === category
    default:
      return false
  }
}

/**
 * An answer as a session keeps it.
 *
 * @category converters
 * @since 0.1.0
 */
export const record = (
  call: CallId,
  tool: string,
  category: string | undefined,
  { approved, input, reason, remember }: Approval.Decision
) => ({
  call,
  tool,
  approved,
  ...(reason === undefined ? undefined : { reason }),
  ...(input === undefined ? undefined : { input }),
  ...(remember === undefined ? undefined : { remember }),
  ...(category === undefined ? undefined : { category })
})
