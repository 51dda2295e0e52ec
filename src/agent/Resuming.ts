/**
 * A run that goes on where another one stopped to wait for a person. The answers are held against the questions that the
 * session keeps, never against what a client says was asked; when none is left, the calls are prepared anew, judged anew
 * and run.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { StoreError } from "../context/ContextStore.ts"
import type { ToolFailed } from "../domain/AgentError.ts"
import type { DecisionEntry, PendingQuestion, Stored, SuspendedEntry } from "../domain/Entry.ts"
import type { CallId } from "../domain/Ids.ts"
import { SessionId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import type * as Part from "../domain/Part.ts"
import * as Approval from "../guard/Approval.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import * as Approving from "./Approving.ts"
import { idOf } from "./Arguments.ts"
import * as Dispatch from "./Dispatch.ts"
import * as Final from "./Final.ts"
import * as Grants from "./Grants.ts"
import * as Halt from "./Halt.ts"
import type * as Nesting from "./Nesting.ts"
import * as Run from "./Run.ts"
import * as Session from "./Session.ts"
import * as Spending from "./Spending.ts"
import * as Steering from "./Steering.ts"
import type { Conversation, Worked } from "./Turn.ts"
import * as Turn from "./Turn.ts"

/**
 * The session does not go on with these answers. Nothing has changed.
 *
 * **Details**
 *
 * - `not-waiting`: nothing waits: it never did, it was decided, or somebody has spoken since.
 * - `unknown-call`: no question is about this call. `repeated`: this call has its answer.
 * - `no-input`: the run of a pattern has an input that has no JSON, so that no session keeps it: give it again.
 * - `other`: what waits is the run of a pattern, and this is an agent, or the other way round.
 *
 * @category errors
 * @since 0.1.0
 */
export class ResumeRejected extends Schema.TaggedError<ResumeRejected>()("ResumeRejected", {
  session: SessionId,
  reason: Schema.Literal("not-waiting", "unknown-call", "repeated", "no-input", "other"),
  call: Schema.optional(Schema.String)
}) {
  override get message(): string {
    const { call, reason, session } = this
    if (reason === "unknown-call") {
      return `Session ${session} has no question about call ${call}. See the pending questions of the result.`
    }
    if (reason === "no-input") {
      return `Session ${session} could not keep the input of its run, which is no JSON. Give the same input again.`
    }
    if (reason === "other") {
      return `What waits in session ${session} was begun by a pattern and not by an agent, or the other way round. Resume it with the runner that began it.`
    }
    return reason === "repeated"
      ? `Call ${call} of session ${session} has its answer already; the first one holds.`
      : `Session ${session} does not wait for an answer: its questions were decided or taken back. Use Agent.run.`
  }
}

/**
 * Goes on with what waits in the session. Answers what is left to be decided, or what the calls came to. What is said besides
 * waits in the session when the conversation does not go on yet.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resume = (
  conversation: Conversation,
  decided: ReadonlyArray<Approval.Decided>,
  input: ReadonlyArray<Message>
): Effect.Effect<Worked, StoreError | ToolFailed | Halt.Halted | ResumeRejected, Scope.Scope> =>
  Effect.gen(function* () {
    const { halt, run, session } = conversation
    const { suspended } = session
    if (suspended === undefined) return yield* rejected(run, "not-waiting")
    run.spent.before = suspended.spent
    yield* Halt.watchRest(halt, run.definition.limits, suspended.spent.millis)
    const asking = askingOf(yield* session.store.live(run.session), suspended)
    // A compaction that is not ours may have covered the calls: what cannot run must not be decided.
    if (asking.calls.length === 0) {
      const log = yield* session.store.entries(run.session)
      return yield* rejected(run, log.some(({ _tag }) => _tag === "Checkpoint") ? "other" : "not-waiting")
    }
    if (suspended.waiting !== undefined) return yield* reopen(conversation, asking, suspended, decided, input)
    const answers = yield* answersOf(run, suspended, asking.known, decided, yield* run.activities.now)
    const pending = suspended.questions.filter(({ call }) => !answers.all.has(call))
    // From the last answer to the results nothing comes between that would leave the calls without them.
    const worked = yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        yield* Session.decide(session, answers.fresh, pending.length === 0)
        yield* tell(run, answers.fresh)
        const exit =
          pending.length > 0 ? Exit.succeed(waitingFor(pending)) : yield* work(conversation, asking, answers, restore)
        if (input.length > 0 && (Exit.isFailure(exit) || Final.isOver(exit.value))) {
          yield* Steering.enter(run.steering, "steer", input)
        }
        return exit
      })
    )
    return yield* worked
  })

/**
 * The first answer that is about none of these questions, or is the second one to its question, if there is one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const misplaced = (
  decided: ReadonlyArray<Approval.Decided>,
  questions: ReadonlyArray<PendingQuestion>
): { readonly reason: "unknown-call" | "repeated"; readonly call: CallId } | undefined => {
  const open = new Set(questions.map(({ call }) => call))
  for (const { call } of decided) {
    if (open.delete(call)) continue
    return { reason: questions.some((question) => question.call === call) ? "repeated" : "unknown-call", call }
  }
  return undefined
}

/**
 * Gives the calls that an earlier run of the session left waiting their results, because somebody speaks instead of
 * answering: none of them runs any more. One that was refused already is denied, the others were not started.
 *
 * @category combinators
 * @since 0.1.0
 */
export const takeBack = ({ run, session }: Conversation): Effect.Effect<void, StoreError> => {
  const { suspended } = session
  if (suspended === undefined) return Effect.void
  return Effect.gen(function* () {
    const { calls, known } = askingOf(yield* session.store.live(run.session), suspended)
    if (calls.length === 0) return
    const batch = begun(calls, suspended)
    for (const [index, { id }] of calls.entries()) {
      const decision = known.find(({ call }) => call === id)
      if (decision?.approved === false) {
        batch.rejected[index] = Approving.refused({ ...decision, input: decision.asked }, decision)
      }
    }
    const message = yield* Dispatch.settle(run, batch, "the conversation went on before a person had answered")
    session.replayed = true
    yield* Session.results(session, message)
    yield* Session.endTurn(session, "tool-calls", [])
  }).pipe(Effect.uninterruptible)
}

// internal

const rejected = (run: Run.Run, reason: ResumeRejected["reason"], call?: CallId) =>
  Effect.fail(new ResumeRejected({ session: run.session, reason, ...(call === undefined ? undefined : { call }) }))

const waitingFor = (pending: ReadonlyArray<PendingQuestion>): Worked => ({
  over: undefined,
  pending,
  ends: undefined,
  blocked: undefined
})

/**
 * Goes on with calls that have run and whose nested runs wait: those for which there are answers are run again with them, the
 * others wait on, and those that have their results keep them.
 */
const reopen = (
  conversation: Conversation,
  { calls }: Asking,
  suspended: SuspendedEntry,
  decided: ReadonlyArray<Approval.Decided>,
  input: ReadonlyArray<Message>
): ReturnType<typeof resume> =>
  Effect.gen(function* () {
    const { run } = conversation
    const { questions, waiting = [] } = suspended
    const owner = (call: CallId) => waiting.find(({ asked }) => asked.includes(call))
    const answers = new Map<CallId, Nesting.Resume & { readonly decided: Array<Approval.Decided> }>()
    const opened = (call: CallId) => {
      const at = owner(call)
      if (at === undefined) return undefined
      const known = answers.get(at.call) ?? { session: at.session, decided: [] }
      answers.set(at.call, known)
      return known.decided
    }
    const wrong = misplaced(decided, questions)
    if (wrong !== undefined) return yield* rejected(run, wrong.reason, wrong.call)
    for (const decision of decided) opened(decision.call)?.push({ ...Approval.plain(decision), call: decision.call })
    const now = yield* run.activities.now
    for (const question of questions) if (isExpired(question, now)) opened(question.call)
    const worked = yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const exit =
          answers.size === 0
            ? Exit.succeed(waitingFor(questions))
            : yield* goOn(conversation, begun(calls, suspended), answers, restore)
        if (input.length > 0 && (Exit.isFailure(exit) || Final.isOver(exit.value))) {
          yield* Steering.enter(run.steering, "steer", input)
        }
        return exit
      })
    )
    return yield* worked
  })

/** Runs the calls that are decided by now. */
const work = (
  conversation: Conversation,
  { calls, known }: Asking,
  { fresh }: Answers,
  restore: Turn.Restore
): ReturnType<typeof Turn.work> => {
  const { run, session } = conversation
  run.resumed = new Map(
    [...known, ...fresh].map((decision) => {
      const { asked: input, call, category, tool } = decision
      return [call, { question: { call, tool, input, category, reason: "" }, decision }]
    })
  )
  const spending = Spending.make(session)
  const worked = Turn.work(conversation, calls, undefined, restore, spending)
  return asTurn(conversation, spending === undefined ? worked : Effect.ensuring(worked, spending.release))
}

/** Runs the calls again that waited and need not wait any more, and leaves the others as they are. */
const goOn = (
  conversation: Conversation,
  batch: Dispatch.Batch,
  answers: ReadonlyMap<CallId, Nesting.Resume>,
  restore: Turn.Restore
): ReturnType<typeof Turn.work> => {
  const { halt, run } = conversation
  run.reopened = answers
  for (const [index, call] of batch.calls.entries()) if (answers.has(idOf(call))) batch.waiting[index] = undefined
  const worked = Effect.flatMap(Effect.exit(restore(Halt.haltable(halt, Dispatch.reopen(run, batch)))), (exit) =>
    Turn.finish(conversation, batch, Exit.as(exit, undefined), undefined, true)
  )
  return asTurn(conversation, worked)
}

/** What came of calls of an earlier run, told as a turn. */
const asTurn = (conversation: Conversation, worked: ReturnType<typeof Turn.work>): ReturnType<typeof Turn.work> => {
  const { run, session } = conversation
  // Repair gave the calls results of its own, which theirs replace.
  session.replayed = true
  return Effect.ensuring(
    worked,
    Effect.suspend(() => {
      run.resumed = undefined
      run.reopened = undefined
      return Session.endTurn(session, "tool-calls", [])
    })
  )
}

/** The calls as they were left: with the results that are there, and what the others wait for. */
const begun = (
  calls: ReadonlyArray<Part.ToolCall>,
  { questions, results = [], waiting = [] }: SuspendedEntry
): Dispatch.Batch => {
  const batch = Dispatch.begin(calls)
  for (const [index, call] of calls.entries()) {
    const result = results.find(({ id }) => id === call.id)
    if (result !== undefined) batch.results[index] = { outcome: result.outcome, content: result.content }
    const waits = waiting.find((one) => one.call === call.id)
    if (waits === undefined) continue
    const own = questions.filter((question) => waits.asked.includes(question.call))
    batch.waiting[index] = { session: waits.session, questions: own }
  }
  return batch
}

/** Tells of answers that came from outside. */
const tell = (run: Run.Run, fresh: ReadonlyArray<Fresh>): Effect.Effect<void> =>
  Effect.forEach(
    fresh,
    ({ approved, call, reason, tool }) =>
      Effect.zipRight(
        Run.emit(run, () => [Run.event(run, "ApprovalDecided", { call, name: tool, approved, reason })]),
        Telemetry.decided(run.traced, run.captureContent, { id: call, tool }, { approved, reason })
      ),
    { discard: true }
  )

type Fresh = Omit<DecisionEntry, "_tag" | "id" | "at" | "run" | "turn">

interface Answers {
  /** Those that the session does not have yet. */
  readonly fresh: ReadonlyArray<Fresh>
  readonly all: ReadonlyMap<CallId, Approval.Decision>
}

/** Holds the answers against the questions. One that comes too late, or not at all in time, is a no. */
const answersOf = (
  run: Run.Run,
  { questions }: SuspendedEntry,
  known: ReadonlyArray<DecisionEntry>,
  decided: ReadonlyArray<Approval.Decided>,
  now: number
): Effect.Effect<Answers, ResumeRejected> =>
  Effect.gen(function* () {
    const all = new Map<CallId, Approval.Decision>(known.map((entry) => [entry.call, entry]))
    const fresh: Array<Fresh> = []
    const settle = (question: PendingQuestion, decision: Approval.Decision): void => {
      all.set(question.call, decision)
      fresh.push(Grants.record(question, decision))
    }
    for (const { call, ...decision } of decided) {
      const question = questions.find((question) => question.call === call)
      if (question === undefined) return yield* rejected(run, "unknown-call", call)
      if (all.has(call)) return yield* rejected(run, "repeated", call)
      settle(question, isExpired(question, now) ? Approval.late : Approval.plain(decision))
    }
    for (const question of questions) {
      if (all.has(question.call)) continue
      const held = Grants.decide(fresh, question)
      if (isExpired(question, now)) settle(question, Approval.late)
      else if (held !== undefined) settle(question, held)
    }
    return { fresh, all }
  })

const isExpired = ({ expiresAt }: PendingQuestion, now: number): boolean => expiresAt !== undefined && now > expiresAt

interface Asking {
  /** The calls of the answer that the questions are about. */
  readonly calls: ReadonlyArray<Part.ToolCall>
  /** What was decided about them. */
  readonly known: ReadonlyArray<DecisionEntry>
}

const askingOf = (log: ReadonlyArray<Stored>, suspended: SuspendedEntry): Asking => {
  const end = log.findIndex(({ id }) => id === suspended.id)
  const start = log.findLastIndex((entry, index) => index < end && entry._tag === "Message")
  const answer = log[start]
  return {
    calls: answer?._tag === "Message" ? Messages.toolCalls(answer.message) : [],
    known: log.slice(start + 1).filter((entry): entry is DecisionEntry => entry._tag === "Decision")
  }
}
