/**
 * Answers of persons that hold for more than the call they were about: for its tool, for its category, for the session. Those
 * of earlier runs are read when a question comes up, and one that is given settles every question that waits and that it
 * holds for. Of several a no wins over every yes.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { StoreError } from "../context/ContextStore.ts"
import { ContextStore } from "../context/ContextStore.ts"
import type { DecisionEntry, PendingQuestion, Stored } from "../domain/Entry.ts"
import type { SessionId } from "../domain/Ids.ts"
import { EntryId } from "../domain/Ids.ts"
import type * as Approval from "../guard/Approval.ts"
import { isLater } from "../guard/Approval.ts"

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
  /** The answer that holds for this question too, if one does. */
  readonly find: (question: Question) => Effect.Effect<Approval.Decision | undefined>
  /** The answer to a question, which is remembered, or one that was given to another meanwhile and holds for it too. */
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
  const add: Grants["add"] = ({ category, tool }, { approved, reason, remember }) => {
    if (remember === undefined) return
    grants.push({ tool, category, approved, reason, remember })
    for (const { granted, question } of waiting) {
      const answer = decide(grants, question)
      if (answer !== undefined) Deferred.unsafeDone(granted, Effect.succeed(answer))
    }
  }
  return {
    find: (question) => Effect.map(loaded, () => decide(grants, question)),
    orGranted: (question, asked) =>
      Effect.flatMap(Deferred.make<Approval.Answer>(), (granted) => {
        const place = { question, granted }
        // Before anybody else's question is put: whoever is asked one by one must not see a question that is settled.
        const remembered = Effect.map(asked, (answer) => {
          waiting.delete(place)
          if (!isLater(answer)) add(question, answer)
          return answer
        })
        return Effect.acquireUseRelease(
          Effect.sync(() => {
            waiting.add(place)
            return decide(grants, question)
          }),
          (meanwhile) =>
            meanwhile === undefined
              ? Effect.raceFirst(remembered, Deferred.await(granted))
              : Effect.succeed<Approval.Answer>(meanwhile),
          () => Effect.sync(() => waiting.delete(place))
        )
      }),
    add
  }
}

/**
 * What these answers say to a question: no if any that holds for it does, yes if only such do that say yes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const decide = (grants: ReadonlyArray<Grant>, question: Question): Approval.Decision | undefined => {
  const holding = grants.filter((grant) => holds(grant, question))
  const found = holding.findLast(({ approved }) => !approved) ?? holding.at(-1)
  return found === undefined ? undefined : { approved: found.approved, reason: found.reason }
}

/**
 * The answers of a log that decide more than their call, but for those that were revoked.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inForce = (log: ReadonlyArray<Stored>): ReadonlyArray<DecisionEntry> => {
  const revoked = new Set<EntryId>()
  for (const entry of log) {
    if (entry._tag === "Marker" && entry.marker.type === "revoke") revoked.add(entry.marker.decision)
  }
  return log.filter(
    (entry): entry is DecisionEntry =>
      entry._tag === "Decision" && entry.remember !== undefined && !revoked.has(entry.id)
  )
}

/**
 * Has an answer of a session decide no other calls any more. It stays what it was for its own call.
 *
 * **Details**
 *
 * - A run that works goes by what it has read; the next one asks again. To revoke twice changes nothing.
 *
 * @category combinators
 * @since 0.1.0
 */
export const revoke = (session: SessionId, decision: EntryId): Effect.Effect<void, StoreError, ContextStore> =>
  Effect.gen(function* () {
    const store = yield* ContextStore
    const at = yield* Clock.currentTimeMillis
    const id = EntryId.make(`revoke/${decision}`)
    yield* store.append(session, [{ _tag: "Marker", id, at, marker: { type: "revoke", decision } }])
  })

/**
 * An answer as a session keeps it, with the arguments that were asked about.
 *
 * @category converters
 * @since 0.1.0
 */
export const record = (
  { call, category, input: asked, tool }: Pick<PendingQuestion, "call" | "tool" | "category" | "input">,
  { approved, input, reason, remember }: Approval.Decision
) => ({
  call,
  tool,
  asked,
  approved,
  ...(reason === undefined ? undefined : { reason }),
  ...(input === undefined ? undefined : { input }),
  ...(remember === undefined ? undefined : { remember }),
  ...(category === undefined ? undefined : { category })
})

// internal

/** Whether an answer holds for another question. */
const holds = (grant: Grant, { category, tool }: Question): boolean => {
  switch (grant.remember) {
    case "session":
      return true
    case "tool":
      return grant.tool === tool
    case "category":
      return grant.category !== undefined && category !== undefined && isWithin(grant.category, category)
    default:
      return false
  }
}

/** Whether a category is another one, or below the folder that the other one names. */
const isWithin = (folder: string, category: string): boolean =>
  category === folder ||
  (folder.includes(":/") &&
    category.startsWith(folder.endsWith("/") ? folder : `${folder}/`) &&
    !category.split("/").some((name) => name === "." || name === ".."))
