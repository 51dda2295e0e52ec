/**
 * A question to a person about one call, and what follows its answer. An earlier answer of the session that holds for this
 * call too is not asked for again; an answer that is put off leaves the call pending; and whatever was approved is judged
 * by the guard once more before it runs.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { DecisionEntry, PendingQuestion } from "../domain/Entry.ts"
import type { CallId } from "../domain/Ids.ts"
import * as Approval from "../guard/Approval.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import type { Ready, Rejected } from "./Arguments.ts"
import * as Arguments from "./Arguments.ts"
import type { Asking } from "./Judging.ts"
import * as Judging from "./Judging.ts"
import * as Run from "./Run.ts"

/**
 * A call that waits for a person, who will answer another run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pending {
  readonly _tag: "Pending"
  readonly id: CallId
  readonly name: string
  readonly input: unknown
  readonly question: PendingQuestion
}

/**
 * Puts the question, and has the guard judge once more: what it denies by now stays denied.
 *
 * @category combinators
 * @since 0.1.0
 */
export const approve = (run: Run.Run, asking: Asking): Effect.Effect<Ready | Rejected | Pending> =>
  Effect.gen(function* () {
    const { category, ready, reason } = asking
    const { id, input, name } = ready
    const given = run.resumed?.get(id)
    if (given?.decision !== undefined) return yield* settled(run, asking, given.decision, given.question)
    const known = yield* run.grants.find(asking)
    if (known !== undefined) return yield* decided(run, asking, known, true)
    yield* Run.emit(run, () => [Run.event(run, "ApprovalAsked", { call: id, name, input, reason, category })])
    const question = { call: Judging.callOf(run, ready), reason, category }
    const asked = Effect.catchAllCause(
      Effect.suspend(() => run.approval.ask(question)),
      (cause) =>
        Effect.as(Effect.logWarning("The approver died; the call is denied", cause), {
          approved: false,
          reason: "the approver failed"
        })
    )
    const key = { run: run.id, turn: run.turn, call: id }
    const answer = yield* run.activities.approval(key, run.grants.orGranted(asking, asked))
    if (!Approval.isLater(answer)) return yield* decided(run, asking, answer, false)
    const about = { call: id, tool: name, input, reason }
    return {
      _tag: "Pending",
      id,
      name,
      input,
      question: {
        ...about,
        ...(category === undefined ? undefined : { category }),
        ...(answer.expiresAt === undefined ? undefined : { expiresAt: answer.expiresAt })
      }
    }
  })

/**
 * The answers of a session that decide more than one call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Grants {
  /** The latest answer that holds for this question too. */
  readonly find: (asking: Asking) => Effect.Effect<Approval.Decision | undefined>
  /** The answer to a question, or one that was given to another meanwhile and holds for it too. */
  readonly orGranted: (asking: Asking, asked: Effect.Effect<Approval.Answer>) => Effect.Effect<Approval.Answer>
  /** Remembers an answer, if that was asked for. */
  readonly add: (asking: Asking, decision: Approval.Decision) => void
}

/**
 * The grants of a session. `load` reads those of earlier runs, and is asked once, when a question comes up.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeGrants = (load: Effect.Effect<ReadonlyArray<DecisionEntry>>): Grants => {
  const grants: Array<Grant> = []
  const waiting = new Set<{ readonly asking: Asking; readonly granted: Deferred.Deferred<Approval.Answer> }>()
  let loading: Effect.Effect<void> | undefined
  const loaded = Effect.suspend(() =>
    loading !== undefined
      ? loading
      : Effect.flatMap(Effect.cached(Effect.map(load, (earlier) => void grants.unshift(...earlier))), (once) => {
          loading ??= once
          return loading
        })
  )
  const latest = (asking: Asking): Approval.Decision | undefined => {
    const question = { tool: asking.ready.name, category: asking.category }
    const found = grants.findLast((grant) => holds(grant, question))
    return found === undefined ? undefined : { approved: found.approved, reason: found.reason }
  }
  return {
    find: (asking) => Effect.map(loaded, () => latest(asking)),
    orGranted: (asking, asked) =>
      Effect.flatMap(Deferred.make<Approval.Answer>(), (granted) => {
        const place = { asking, granted }
        return Effect.acquireUseRelease(
          Effect.sync(() => waiting.add(place)),
          () => Effect.raceFirst(asked, Deferred.await(granted)),
          () => Effect.sync(() => waiting.delete(place))
        )
      }),
    add: ({ category, ready }, { approved, reason, remember }) => {
      if (remember === undefined) return
      grants.push({ tool: ready.name, category, approved, reason, remember })
      for (const { asking, granted } of waiting) {
        const answer = latest(asking)
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
export const holds = (
  grant: Grant,
  { category, tool }: { readonly tool: string; readonly category?: string | undefined }
): boolean => {
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

// internal

interface Grant extends Approval.Decision {
  readonly tool: string
  readonly category?: string | undefined
}

/** Notes an answer, and what follows it. */
const decided = (
  run: Run.Run,
  asking: Asking,
  decision: Approval.Decision,
  remembered: boolean
): Effect.Effect<Ready | Rejected> => {
  const { category, ready } = asking
  const { id, name } = ready
  const { approved, reason } = decision
  if (!remembered) run.grants.add(asking, decision)
  run.beside.push((about) => ({
    _tag: "Decision",
    ...about(`decision/${id}`),
    ...record(id, name, category, decision)
  }))
  const told = { call: id, name, approved, reason, ...(remembered ? { remembered } : undefined) }
  return Effect.zipRight(
    Run.emit(run, () => [Run.event(run, "ApprovalDecided", told)]),
    settled(run, asking, decision, undefined)
  )
}

/** What follows an answer. It is about the arguments that were asked about, and no others. */
const settled = (
  run: Run.Run,
  { ready }: Asking,
  { approved, input, reason }: Approval.Decision,
  question: PendingQuestion | undefined
): Effect.Effect<Ready | Rejected> =>
  Effect.gen(function* () {
    const { entry, execute, id } = ready
    if (!approved) {
      const why = reason === undefined ? "" : `: ${reason}`
      return Arguments.reject(ready, ready.input, "denied", `Not approved${why}. Do not try the same call again.`)
    }
    if (question !== undefined && ToolResult.jsonText(question.input) !== ToolResult.jsonText(ready.input)) {
      return Arguments.reject(ready, ready.input, "denied", changed)
    }
    const edited = input === undefined ? ready : yield* Arguments.toEffect(Arguments.decode(id, entry, execute, input))
    if (edited._tag === "Rejected") return edited
    const verdict = yield* Judging.judged(run, edited)
    if (verdict._tag === "Deny") {
      yield* Judging.tell(run, edited, verdict)
      return Arguments.reject(edited, edited.input, "denied", `Denied: ${verdict.reason}`)
    }
    return Judging.changes(verdict, edited.input) ? Arguments.reject(edited, edited.input, "denied", changed) : edited
  })

const changed = "Denied: its arguments would no longer be those that were approved"
