/**
 * One turn of a conversation: ask the model, commit its answer, run the calls in it, commit their results. What was begun is
 * committed however it ends.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Artifacts from "../context/Artifacts.ts"
import type { StoreError } from "../context/ContextStore.ts"
import type { LimitExceeded, ToolFailed } from "../domain/AgentError.ts"
import type { PendingQuestion } from "../domain/Entry.ts"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import * as ModelInfo from "../domain/ModelInfo.ts"
import type * as Part from "../domain/Part.ts"
import * as ToolSelector from "../tool/ToolSelector.ts"
import type { TransportError } from "../transport/TransportError.ts"
import * as Answer from "./Answer.ts"
import * as Compacting from "./Compacting.ts"
import * as Dispatch from "./Dispatch.ts"
import * as Halt from "./Halt.ts"
import * as Limits from "./Limits.ts"
import * as Receive from "./Receive.ts"
import * as Requests from "./Requests.ts"
import * as Run from "./Run.ts"
import * as Screening from "./Screening.ts"
import * as Session from "./Session.ts"
import * as Spending from "./Spending.ts"

/**
 * A conversation while a run has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conversation {
  readonly run: Run.Run
  readonly session: Session.Session
  readonly compacting: Compacting.Compacting
  readonly halt: Halt.Halt
  /** When the run began, in milliseconds since the epoch; 0 unless its time is limited. */
  readonly startedAt: number
  /** The text of the last answer. */
  output: string
}

/**
 * What a turn came to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Taken extends Worked {
  readonly answer: Answer.Answer
}

/**
 * What the calls of an answer came to.
 *
 * **Details**
 *
 * - `over`: the limit that the calls would have gone over; none of them ran.
 * - `pending`: the questions that wait for a person. `ends`: the result with which the run ends.
 * - `blocked`: why a guard of messages ends the run: because of the answer, which is not kept, or of results.
 *
 * @category models
 * @since 0.1.0
 */
export interface Worked {
  readonly over: Limits.Reading | undefined
  readonly pending: ReadonlyArray<PendingQuestion>
  readonly ends: Dispatch.BatchEnd | undefined
  readonly blocked: string | undefined
}

/**
 * Lets an effect be interrupted as it could be outside.
 *
 * @category models
 * @since 0.1.0
 */
export type Restore = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

/**
 * Takes a turn. `joined` are words that join the conversation before it; with `last`, tools are forbidden.
 *
 * @category combinators
 * @since 0.1.0
 */
export const take = (
  conversation: Conversation,
  joined: ReadonlyArray<Message>,
  last: boolean
): Effect.Effect<Taken, TransportError | StoreError | LimitExceeded | ToolFailed | Halt.Halted> =>
  Effect.uninterruptibleMask((restore) => {
    const spending = Spending.make(conversation.session)
    const turn = Effect.gen(function* () {
      const { compacting, halt, run, session } = conversation
      const { spent } = run
      run.turn++
      spent.turns++
      const untaken = () => {
        run.turn--
        spent.turns--
      }
      yield* Session.say(session, joined)
      const wait = <A, E>(effect: Effect.Effect<A, E>) => restore(Halt.haltable(halt, effect))
      if (run.registry.follow !== undefined) yield* wait(run.registry.follow)
      if (isSelecting(run, last)) yield* wait(select(conversation))
      const request = yield* Compacting.request<Halt.Halted>(compacting, last, wait)
      if (spending !== undefined) yield* Effect.onError(wait(spending.request(request)), () => Effect.sync(untaken))
      conversation.output = ""
      // In one step with what ends it: a turn that was told of has an end.
      yield* Run.emit(run, () => [
        Run.event(run, "TurnStart", { model: run.transport.model.id, input: joined }),
        ...Requests.changes(run, request)
      ])
      const progress = Receive.begin(run)
      const asked = yield* Effect.exit(
        wait(Effect.flatMap(Compacting.ask(compacting, request, progress, last), (answer) => judged(run, answer)))
      )
      if (Exit.isFailure(asked)) {
        const cut = yield* Receive.cutOff(run, request, progress)
        if (spending !== undefined) yield* spending.responses(cut.bill)
        if (cut.message !== undefined) conversation.output = Messages.toText(cut.message)
        yield* Session.abandon(session, cut.message, cut.bill)
        return yield* Effect.failCause(asked.cause)
      }
      const bill = [...progress.lost, asked.value.answer.usage]
      if (spending !== undefined) yield* spending.responses(bill)
      const { screened } = asked.value
      const answer = screened === undefined ? asked.value.answer : yield* revealed(run, asked.value.answer, screened)
      if (answer === undefined) {
        yield* Session.abandon(session, undefined, bill)
        return {
          answer: { ...asked.value.answer, message: Messages.assistant([]) },
          ...nothing,
          blocked: screened?.blocked ?? "it was blocked"
        }
      }
      conversation.output = Messages.toText(answer.message)
      const calls = Messages.toolCalls(answer.message)
      const over = Answer.runs(answer) ? Limits.overCalls(run.definition.limits, spent, calls.length) : undefined
      const refusal = Answer.refusal(answer, last, over !== undefined)
      const worked = yield* Effect.ensuring(
        Effect.zipRight(
          Session.answer(session, Answer.kept(answer), bill),
          calls.length === 0 ? noCalls : work(conversation, calls, refusal, restore, spending)
        ),
        Effect.suspend(() => Session.endTurn(session, answer.reason, bill))
      )
      const what = yield* worked
      return { answer, ...what, over: over ?? what.over }
    })
    return spending === undefined ? turn : Effect.ensuring(turn, spending.release)
  })

/**
 * Runs the calls of an answer, unless something speaks against it, and commits one result for each. Calls that wait for a
 * person have none yet: it is committed that they wait.
 *
 * @category combinators
 * @since 0.1.0
 */
export const work = (
  conversation: Conversation,
  calls: ReadonlyArray<Part.ToolCall>,
  refusal: string | undefined,
  restore: Restore,
  spending: Spending.Spending | undefined
): Effect.Effect<Exit.Exit<Worked, ToolFailed | Halt.Halted>, StoreError> =>
  Effect.gen(function* () {
    const { halt, run } = conversation
    const batch = Dispatch.begin(calls)
    const worked =
      refusal === undefined
        ? yield* Effect.exit(restore(Halt.haltable(halt, allowed(run, batch, spending))))
        : Exit.succeed(undefined)
    const over = Exit.isSuccess(worked) ? worked.value : undefined
    const usedUp = over === undefined ? undefined : "the budget of tool calls is used up"
    return yield* finish(conversation, batch, Exit.as(worked, over), refusal ?? usedUp, refusal === undefined)
  })

/**
 * Commits what became of calls: one result for each, or that they wait.
 *
 * @category combinators
 * @since 0.1.0
 */
export const finish = <E extends { readonly _tag: string }>(
  conversation: Conversation,
  batch: Dispatch.Batch,
  worked: Exit.Exit<Limits.Reading | undefined, E>,
  why: string | undefined,
  isCounted: boolean
): Effect.Effect<Exit.Exit<Worked, E>, StoreError> =>
  Effect.gen(function* () {
    const { run, session } = conversation
    if (Exit.isSuccess(worked)) {
      const waits = batch.pending.length > 0 ? { questions: batch.pending } : Dispatch.waits(batch)
      if (waits !== undefined) {
        yield* Session.suspend(session, waits, yield* used(conversation))
        return Exit.succeed({ ...nothing, pending: waits.questions })
      }
    }
    const message = yield* Dispatch.settle(run, batch, why ?? Halt.why(worked))
    if (isCounted) Limits.count(run.spent, run.definition.limits, batch)
    yield* Session.results(session, message)
    return Exit.map(worked, (over) => ({ over, pending: [], ends: batch.ends, blocked: batch.blocked }))
  })

/**
 * How long a run has been at work, with the time before it waited for a person, in milliseconds.
 *
 * @category converters
 * @since 0.1.0
 */
export const elapsed = ({ run, startedAt }: Conversation): Effect.Effect<number> =>
  Effect.map(run.activities.now, (now) => (run.spent.before?.millis ?? 0) + Math.max(0, now - startedAt))

// internal

/** Runs the calls unless a budget does not grant them. */
const allowed = (
  run: Run.Run,
  batch: Dispatch.Batch,
  spending: Spending.Spending | undefined
): Effect.Effect<Limits.Reading | undefined, ToolFailed> =>
  spending === undefined
    ? Effect.as(Dispatch.execute(run, batch, undefined), undefined)
    : Effect.flatMap(spending.calls(batch.calls.length), (over) =>
        over === undefined ? Effect.as(Dispatch.execute(run, batch, spending.called), undefined) : Effect.succeed(over)
      )

const nothing: Worked = { over: undefined, pending: [], ends: undefined, blocked: undefined }

const noCalls = Effect.succeed(Exit.succeed(nothing))

/** The answer as its guard leaves it, and what the guard said. */
const judged = (run: Run.Run, answer: Answer.Answer): Effect.Effect<Judged> =>
  run.messageGuard.judgesAnswers
    ? Effect.map(Screening.screen(run, [answer.message], "output"), (screened) => ({ answer, screened }))
    : Effect.succeed({ answer, screened: undefined })

interface Judged {
  readonly answer: Answer.Answer
  readonly screened: Screening.Screened | undefined
}

/** The answer as it may be kept, if it may be. It is shown now if it was held back. */
const revealed = (
  run: Run.Run,
  answer: Answer.Answer,
  screened: Screening.Screened
): Effect.Effect<Answer.Answer | undefined> => {
  const [message] = screened.messages
  if (message === undefined) return Effect.as(Screening.tell(run, screened), undefined)
  return Effect.zipRight(
    Screening.tell(run, screened),
    Run.emit(run, () => Screening.shown(run, message))
  ).pipe(Effect.as({ ...answer, message }))
}

/** Whether tools are selected: not for a model that takes none, nor for a last answer that may not call any. */
const isSelecting = ({ offer, selector, transport }: Run.Run, last: boolean): boolean =>
  selector !== ToolSelector.all && ModelInfo.can(transport.model, "tools") && !(last && offer !== undefined)

/** Has the tools of this turn selected. */
const select = ({ run, session }: Conversation): Effect.Effect<void> => {
  const { agent, artifacts, identity, registry, turn } = run
  const about = {
    ...{ agent, run: run.id, session: run.session, turn, identity, messages: session.messages, tools: registry.specs },
    offered: run.offer?.tools.map(({ name }) => name),
    brought: artifacts.isOn ? [Artifacts.tool.tool.name] : []
  }
  const { paid } = run
  const asked = Run.paying(run, "selection", ToolSelector.ask(run.selector, about))
  return Effect.map(run.activities.selection({ run: run.id, turn }, asked), (selection) => {
    run.offer = ToolSelector.toOffer(selection, about)
    // Of one that a journal remembers, nobody was told.
    if (run.paid === paid) for (const cost of run.offer.costs) Run.owe(run, "selection", cost)
  })
}

/** What the run had used when it came to wait. */
const used = (conversation: Conversation): Effect.Effect<Limits.Before> =>
  Effect.map(conversation.run.definition.limits.wallTime === undefined ? noTime : elapsed(conversation), (millis) => ({
    ...Limits.total(conversation.run.spent),
    millis
  }))

const noTime = Effect.succeed(0)
