/**
 * A run that goes on where another one stopped to wait for a person. The answers are held against the questions that the
 * session keeps, never against what a client says was asked; when none is left, the calls are prepared anew, judged anew
 * and run.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { StoreError } from "../context/ContextStore.ts"
import type { ToolFailed } from "../domain/AgentError.ts"
import type { DecisionEntry, PendingQuestion, Stored, SuspendedEntry } from "../domain/Entry.ts"
import type { CallId } from "../domain/Ids.ts"
import { SessionId } from "../domain/Ids.ts"
import * as Messages from "../domain/Message.ts"
import type * as Part from "../domain/Part.ts"
import * as Approval from "../guard/Approval.ts"
import * as Grants from "./Grants.ts"
import * as Halt from "./Halt.ts"
import * as Run from "./Run.ts"
import * as Session from "./Session.ts"
import type { Conversation, Worked } from "./Turn.ts"
import * as Turn from "./Turn.ts"

/**
 * The session does not go on with these answers. Nothing has changed.
 *
 * **Details**
 *
 * - `not-waiting`: nothing waits: it never did, it was decided, or somebody has spoken since.
 * - `unknown-call`: no question is about this call. `repeated`: this call has its answer.
 *
 * @category errors
 * @since 0.1.0
 */
export class ResumeRejected extends Schema.TaggedError<ResumeRejected>()("ResumeRejected", {
  session: SessionId,
  reason: Schema.Literal("not-waiting", "unknown-call", "repeated"),
  call: Schema.optional(Schema.String)
}) {
  override get message(): string {
    const { call, reason, session } = this
    if (reason === "unknown-call") {
      return `Session ${session} has no question about call ${call}. See the pending questions of the result.`
    }
    return reason === "repeated"
      ? `Call ${call} of session ${session} has its answer already; the first one holds.`
      : `Session ${session} does not wait for an answer: its questions were decided or taken back. Use Agent.run.`
  }
}

/**
 * Goes on with what waits in the session. Answers what is left to be decided, or what the calls came to.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resume = (
  conversation: Conversation,
  decided: ReadonlyArray<Approval.Decided>
): Effect.Effect<Worked, StoreError | ToolFailed | Halt.Halted | ResumeRejected, Scope.Scope> =>
  Effect.gen(function* () {
    const { halt, run, session, spent } = conversation
    const { suspended } = session
    if (suspended === undefined) return yield* rejected(run, "not-waiting")
    spent.before = suspended.spent
    yield* Halt.watchRest(halt, run.definition.limits, suspended.spent.millis)
    const log = yield* session.store.live(run.session)
    const now = yield* run.activities.now
    const answers = yield* answersOf(run, suspended, log, decided, now)
    const pending = suspended.questions.filter(({ call }) => !answers.all.has(call))
    yield* Session.decide(session, answers.fresh, pending.length === 0)
    yield* Run.emit(run, () =>
      answers.fresh.map(({ approved, call, reason, tool }) =>
        Run.event(run, "ApprovalDecided", { call, name: tool, approved, reason })
      )
    )
    if (pending.length > 0) return { over: undefined, pending, ends: undefined, blocked: false }
    run.resumed = new Map(
      suspended.questions.map((question) => [question.call, { question, decision: answers.all.get(question.call) }])
    )
    const worked = yield* Effect.uninterruptibleMask((restore) => {
      // Repair gave the calls results of its own, which theirs replace.
      session.replayed = true
      return Effect.ensuring(
        Turn.work(conversation, callsOf(log, suspended), undefined, restore),
        Effect.suspend(() => Session.endTurn(session, "tool-calls", []))
      )
    })
    run.resumed = undefined
    return yield* worked
  })

// internal

const rejected = (run: Run.Run, reason: ResumeRejected["reason"], call?: CallId) =>
  Effect.fail(new ResumeRejected({ session: run.session, reason, ...(call === undefined ? undefined : { call }) }))

type Fresh = Omit<DecisionEntry, "_tag" | "id" | "at" | "run" | "turn">

interface Answers {
  /** Those that the session does not have yet. */
  readonly fresh: ReadonlyArray<Fresh>
  readonly all: ReadonlyMap<CallId, Approval.Decision>
}

/** Holds the answers against the questions. One that comes too late, or not at all in time, is a no. */
const answersOf = (
  run: Run.Run,
  suspended: SuspendedEntry,
  log: ReadonlyArray<Stored>,
  decided: ReadonlyArray<Approval.Decided>,
  now: number
): Effect.Effect<Answers, ResumeRejected> =>
  Effect.gen(function* () {
    const questions = new Map(suspended.questions.map((question) => [question.call, question]))
    const behind = log.slice(log.findIndex(({ id }) => id === suspended.id) + 1)
    const all = new Map<CallId, Approval.Decision>(
      behind.flatMap((entry) => (entry._tag === "Decision" ? [[entry.call, entry] as const] : []))
    )
    const fresh: Array<Fresh> = []
    const settle = (question: PendingQuestion, decision: Approval.Decision): void => {
      all.set(question.call, decision)
      fresh.push(Grants.record(question.call, question.tool, question.category, decision))
    }
    for (const { call, ...decision } of decided) {
      const question = questions.get(call)
      if (question === undefined) return yield* rejected(run, "unknown-call", call)
      if (all.has(call)) return yield* rejected(run, "repeated", call)
      settle(question, isExpired(question, now) ? Approval.late : decision)
    }
    for (const question of suspended.questions) {
      if (all.has(question.call)) continue
      const held = fresh.findLast((grant) => Grants.holds(grant, question))
      if (isExpired(question, now)) settle(question, Approval.late)
      else if (held !== undefined) settle(question, { approved: held.approved, reason: held.reason })
    }
    return { fresh, all }
  })

const isExpired = ({ expiresAt }: PendingQuestion, now: number): boolean => expiresAt !== undefined && now > expiresAt

/** The calls of the answer that the questions are about. */
const callsOf = (log: ReadonlyArray<Stored>, suspended: SuspendedEntry): ReadonlyArray<Part.ToolCall> => {
  const before = log.slice(
    0,
    log.findIndex(({ id }) => id === suspended.id)
  )
  const asking = before.findLast((entry) => entry._tag === "Message")
  return asking?._tag === "Message" ? Messages.toolCalls(asking.message) : []
}
