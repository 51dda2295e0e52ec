/**
 * A question to a person about one call, and what follows its answer. An earlier answer of the session that holds for this
 * call too is not asked for again; an answer that is put off leaves the call pending; and whatever was approved is judged
 * by the guard once more before it runs.
 */
import * as Effect from "effect/Effect"
import type { PendingQuestion } from "../domain/Entry.ts"
import type { CallId } from "../domain/Ids.ts"
import * as Approval from "../guard/Approval.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import type { Ready, Rejected } from "./Arguments.ts"
import * as Arguments from "./Arguments.ts"
import * as Grants from "./Grants.ts"
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
 * Puts the question, and has the guard judge once more: what it denies by now stays denied. A call whose arguments a hook
 * changes later may be asked about a second time.
 *
 * @category combinators
 * @since 0.1.0
 */
export const approve = (run: Run.Run, asking: Asking, attempt: 1 | 2): Effect.Effect<Ready | Rejected | Pending> =>
  Effect.gen(function* () {
    const { category, ready, reason } = asking
    const { id, input, name } = ready
    const about = { tool: name, category }
    const known = yield* run.grants.find(about)
    if (known !== undefined) return yield* decided(run, asking, known, attempt, true)
    yield* Run.emit(run, () => [Run.event(run, "ApprovalAsked", { call: id, name, input, reason, category })])
    const question = { call: Judging.callOf(run, ready), reason, category }
    const asked = Effect.suspend(() => run.approval.ask(question)).pipe(
      Effect.map(Approval.plain),
      Effect.catchAllCause((cause) =>
        Effect.as(Effect.logWarning("The approver died; the call is denied", cause), {
          approved: false,
          reason: "the approver failed"
        })
      )
    )
    const key = { run: run.id, turn: run.turn, call: id, ...(attempt === 1 ? undefined : { attempt }) }
    const answer = yield* run.activities.approval(key, run.grants.orGranted(about, asked))
    return Approval.isLater(answer)
      ? { _tag: "Pending", id, name, input, question: questionOf(asking, answer) }
      : yield* decided(run, asking, answer, attempt, false)
  })

/**
 * A call that was approved, if it still may run: the guard is asked once more, and whatever runs are the arguments that the
 * person was asked about, or those that the person put in their place, after the guard.
 *
 * @category combinators
 * @since 0.1.0
 */
export const approved = (
  run: Run.Run,
  ready: Ready,
  asked: unknown,
  { input }: Approval.Decision
): Effect.Effect<Ready | Rejected> => {
  const next = (edited: Ready | Rejected) =>
    edited._tag === "Rejected" ? Effect.succeed(edited) : guarded(run, edited)
  if (input !== undefined) {
    return Effect.flatMap(Arguments.toEffect(Arguments.decode(ready.id, ready.entry, ready.execute, input)), next)
  }
  return Effect.map(guarded(run, ready), (item) =>
    item._tag === "Rejected" || ToolResult.jsonText(item.input) === ToolResult.jsonText(asked)
      ? item
      : Arguments.reject(item, item.input, "denied", changed)
  )
}

/**
 * The rejection of a call that a person refused.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refused = (
  { call, input, tool }: Pick<PendingQuestion, "call" | "tool" | "input">,
  { reason }: Approval.Decision
): Rejected => {
  const why = reason === undefined ? "" : `: ${reason}`
  const text = `Not approved${why}. Do not try the same call again.`
  return Arguments.reject({ id: call, name: tool }, input, "denied", text)
}

// internal

/** The question as a session keeps it. */
const questionOf = ({ category, ready, reason }: Asking, later?: Approval.Later): PendingQuestion => ({
  call: ready.id,
  tool: ready.name,
  input: ready.input,
  reason,
  ...(category === undefined ? undefined : { category }),
  ...(later?.expiresAt === undefined ? undefined : { expiresAt: later.expiresAt })
})

/** Notes an answer, and what follows it. */
const decided = (
  run: Run.Run,
  asking: Asking,
  decision: Approval.Decision,
  attempt: 1 | 2,
  remembered: boolean
): Effect.Effect<Ready | Rejected> => {
  const { ready } = asking
  const { id, name } = ready
  const { approved: isApproved, reason } = decision
  const question = questionOf(asking)
  // Once more, for a journal that has the answer without having asked.
  if (!remembered) run.grants.add(question, decision)
  run.beside.push((about) => ({
    _tag: "Decision",
    ...about(attempt === 1 ? `decision/${id}` : `decision-${attempt}/${id}`),
    ...Grants.record(question, decision)
  }))
  const told = { call: id, name, approved: isApproved, reason, ...(remembered ? { remembered } : undefined) }
  return Run.emit(run, () => [Run.event(run, "ApprovalDecided", told)]).pipe(
    Effect.zipRight(Telemetry.decided(run.traced, run.captureContent, { id, tool: name }, decision)),
    Effect.zipRight(
      Effect.suspend(() =>
        isApproved ? approved(run, ready, ready.input, decision) : Effect.succeed(refused(question, decision))
      )
    )
  )
}

/** The call as its guard leaves it by now, unless that denies it. Whatever the guard would ask has been answered. */
const guarded = (run: Run.Run, ready: Ready): Effect.Effect<Ready | Rejected> =>
  Effect.flatMap(Judging.judged(run, ready), (verdict) => {
    if (verdict._tag === "Deny") {
      const item = Arguments.reject(ready, ready.input, "denied", `Denied: ${verdict.reason}`)
      return Effect.as(Judging.tell(run, ready, verdict), item)
    }
    const input = Judging.rewritten(verdict)
    return input === undefined
      ? Effect.succeed(ready)
      : Arguments.toEffect(Arguments.decode(ready.id, ready.entry, ready.execute, input))
  })

const changed = "Denied: its arguments would no longer be those that were approved"
