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
    const known = yield* run.grants.find({ tool: name, category })
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
    const answer = yield* run.activities.approval(key, run.grants.orGranted({ tool: name, category }, asked))
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

// internal

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
  if (!remembered) run.grants.add({ tool: name, category }, decision)
  run.beside.push((about) => ({
    _tag: "Decision",
    ...about(`decision/${id}`),
    ...Grants.record(id, name, category, decision)
  }))
  const told = { call: id, name, approved, reason, ...(remembered ? { remembered } : undefined) }
  return Run.emit(run, () => [Run.event(run, "ApprovalDecided", told)]).pipe(
    Effect.zipRight(Telemetry.decided(run.traced, run.captureContent, { id, tool: name }, decision)),
    Effect.zipRight(settled(run, asking, decision, undefined))
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
