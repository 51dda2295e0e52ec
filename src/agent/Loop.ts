/**
 * The loop: model, tools, results, model, until the model is done or something ends it. Read this first. It decides what
 * happens next; `Turn` asks the model, `Dispatch` runs the calls, `Session` commits, `Limits` counts, `Ending` concludes.
 * Whatever happens, the session it leaves behind is well formed and exactly one `RunEnd` is the last event.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { ContextStore, OnBusy, StoreError } from "../context/ContextStore.ts"
import type { OutputInvalid, ToolFailed } from "../domain/AgentError.ts"
import { EmptyAnswer, LimitExceeded } from "../domain/AgentError.ts"
import { RunId, SessionId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import type { Decided } from "../guard/Approval.ts"
import * as MessageGuard from "../guard/MessageGuard.ts"
import * as Hooks from "../hook/Hooks.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import * as Toolkit from "../tool/Toolkit.ts"
import * as ToolSelector from "../tool/ToolSelector.ts"
import type { ToolChoice, Transport } from "../transport/Transport.ts"
import type { TransportError } from "../transport/TransportError.ts"
import * as Answer from "./Answer.ts"
import * as Budget from "./Budget.ts"
import * as Compacting from "./Compacting.ts"
import type { Definition } from "./Definition.ts"
import { withInstructions } from "./Definition.ts"
import * as Ending from "./Ending.ts"
import * as Final from "./Final.ts"
import * as Halt from "./Halt.ts"
import * as Limits from "./Limits.ts"
import type { ResumeRejected } from "./Resuming.ts"
import * as Resuming from "./Resuming.ts"
import * as Run from "./Run.ts"
import * as Screening from "./Screening.ts"
import * as Session from "./Session.ts"
import * as Spending from "./Spending.ts"
import * as Steering from "./Steering.ts"
import type { StopSignal } from "./StopSignal.ts"
import * as Turn from "./Turn.ts"

/**
 * How one run differs from the next of the same agent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The session to continue or begin. A fresh one when absent. */
  readonly session?: SessionId | undefined
  /** What to do while another run has the session. Waits when absent. */
  readonly onBusy?: OnBusy | undefined
  /** Completes when the run should stop. */
  readonly stopSignal?: StopSignal | undefined
  /** The tools that this run offers the model, of those its agent has; none at all for `[]`. As the selector says when absent. */
  readonly tools?: ReadonlyArray<string> | undefined
  /** Whether the model may or must call. One that forces a call holds for the first turn. */
  readonly toolChoice?: ToolChoice | undefined
}

/**
 * What can end a run other than an answer.
 *
 * @category models
 * @since 0.1.0
 */
export type LoopError = TransportError | StoreError | LimitExceeded | EmptyAnswer | ToolFailed | OutputInvalid

/**
 * How a run begins, as the views of the loop know it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Begin extends Options {
  readonly steering?: Steering.Steering | undefined
  readonly name?: string | undefined
  /** The answers with which to go on where an earlier run stopped to wait for them. */
  readonly resume?: ReadonlyArray<Decided> | undefined
  /** Forked in an uninterruptible region, so that the loop says when it may be interrupted. */
  readonly forked?: boolean | undefined
}

/** The loop's own state between turns. */
interface State extends Final.State {
  nudged: boolean
}

/**
 * Runs an agent once and writes its events to the sink. Fails after the last event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (
  definition: Definition,
  messages: ReadonlyArray<Message>,
  options: Begin,
  sink: Run.Sink
): Effect.Effect<void, LoopError | ResumeRejected, Transport | ContextStore> =>
  Effect.uninterruptibleMask((mask) =>
    Halt.watching(definition.limits, options.stopSignal, (halt, watched) =>
      Effect.gen(function* () {
        const restore: typeof mask = options.forked === true ? Effect.interruptible : mask
        const given = yield* Run.services
        const services = { ...given, selector: ToolSelector.restrict(given.selector, options) }
        const id = RunId.make(yield* services.activities.id("run"))
        const sessionId = options.session ?? SessionId.make(yield* services.activities.id("session"))
        let [registry, instructions] = [Toolkit.empty, definition.instructions]
        const sources = Run.sources(services, definition, () => registry.specs)
        // A run that is halted before it begins starts nothing and asks nobody.
        const resolved = withInstructions(definition, Toolkit.resolve(sources))
        const found = yield* Effect.exit(restore(Effect.zipRight(watched, Halt.haltable(halt, resolved))))
        if (Exit.isSuccess(found)) [registry, instructions] = found.value
        const steering = options.steering ?? Steering.make()
        const who = { id, session: sessionId, agent: options.name ?? definition.name, definition, instructions }
        const run = Run.make({ ...services, ...who, registry, steering, sink })
        if (run.messageGuard !== MessageGuard.none) steering.screen = (words) => Screening.accepted(run, words)
        const session = Session.make(run, run.store)
        const state: State = {
          run,
          session,
          compacting: Compacting.make(session),
          halt,
          startedAt: definition.limits.wallTime === undefined ? 0 : yield* services.activities.now,
          output: "",
          nudged: false,
          repairs: 0
        }
        const screened =
          run.messageGuard === MessageGuard.none
            ? Exit.succeed(Screening.unscreened(messages))
            : yield* Effect.exit(restore(Screening.input(run, halt, messages)))
        const input = Exit.isSuccess(screened) ? screened.value.messages : []
        yield* Hooks.tell("runStart", run.hooks.runStart, () => ({ ...Run.where(run), input }))
        yield* Run.emit(run, () => [Run.event(run, "RunStart", { session: sessionId, input })])
        const ended = (halted: Halt.Halted) => Effect.uninterruptible(Ending.ofHalt(run, halted, state.output))
        const body: Effect.Effect<Ending.End, LoopError | ResumeRejected | Halt.Halted> = Exit.isFailure(found)
          ? // How building a toolkit fails is part of the agent's `E`.
            Effect.failCause(found.cause as Cause.Cause<never>)
          : Exit.isFailure(screened)
            ? Effect.failCause(screened.cause)
            : Effect.scoped(
                Effect.ensuring(
                  Effect.catchTag(Final.withinBudget(state, converse(state, screened.value, options)), "Halted", ended),
                  Session.close(session)
                )
              )
        const exit = yield* Effect.exit(
          Telemetry.invokeAgent(run.traced, Run.aboutAgent(run), (span) =>
            Telemetry.spent(span, () => run.spent.usage, Effect.catchTag(restore(body), "Halted", ended))
          )
        )
        steering.closed = true
        if (run.budget !== Budget.none && run.owed.length > 0) yield* Spending.settle(run)
        return yield* Ending.conclude(run, exit, state.output)
      })
    )
  )

// internal

const converse = (
  state: State,
  screened: Screening.Screened,
  options: Begin
): Effect.Effect<Ending.End, LoopError | ResumeRejected | Halt.Halted, Scope.Scope> =>
  Effect.gen(function* () {
    const { run, session } = state
    const { spent } = run
    const { limits, steering: mode } = run.definition
    const wait = <A, E, R>(effect: Effect.Effect<A, E, R>) => Halt.haltable(state.halt, effect)
    run.scope = yield* Effect.scope
    const isScreened = run.messageGuard !== MessageGuard.none
    if (isScreened) yield* wait(Screening.early(run))
    yield* wait(Session.open(session, options.onBusy ?? "wait"))
    if (isScreened) yield* Screening.tell(run, screened)
    if (screened.blocked !== undefined) return Ending.blocked(screened.blocked)
    if (options.resume === undefined) {
      if (session.suspended !== undefined) yield* Resuming.takeBack(state)
    } else {
      const worked = yield* Resuming.resume(state, options.resume, screened.messages)
      if (worked.over !== undefined) return yield* atLimit(state, worked.over, screened.messages)
      const end = yield* Final.ofCalls(state, worked)
      if (end !== undefined) return end
    }
    yield* Effect.uninterruptible(Session.say(session, screened.messages))
    let joined: ReadonlyArray<Message> = []
    for (;;) {
      const millis = limits.wallTime === undefined ? undefined : yield* Turn.elapsed(state)
      for (const near of Limits.warnings(limits, spent, millis)) {
        yield* Run.emit(run, () => [Run.event(run, "LimitWarning", near)])
      }
      if (run.budget !== Budget.none) yield* Spending.warn(run)
      const limit = Limits.reached(limits, spent)
      if (limit !== undefined) return yield* atLimit(state, limit, joined)
      const said = Steering.take(run.steering, mode)
      const words = isScreened ? yield* wait(Screening.words(run, said)) : said
      const taken = yield* Turn.take(state, [...joined, ...words], false)
      if (taken.over !== undefined) return yield* atLimit(state, taken.over, [])
      const end = Final.isOver(taken) ? yield* Final.ofCalls(state, taken) : undefined
      if (end !== undefined) return end
      const meaning = Answer.meaning(taken.answer)
      if (meaning === "empty") {
        joined = [yield* nudge(state, taken.answer)]
        continue
      }
      state.nudged = false
      joined = Limits.isRepeating(limits, spent) ? [Answer.repeating] : []
      if (meaning === "on") continue
      const read = run.definition.output === undefined ? text : yield* Final.ofAnswer(state, meaning)
      if ("repair" in read) joined = [read.repair]
      else {
        joined = isScreened ? yield* wait(Screening.next(run)) : Steering.takeOrClose(run.steering, mode)
        if (joined.length === 0) return { reason: meaning, output: state.output, ...read }
      }
    }
  })

/** An answer of which nothing is asked but that it is text. */
const text: { readonly value?: unknown } = {}

/** A word to a model that said nothing: once, and not when it merely ran out of room. */
const nudge = (state: State, answer: Answer.Answer): Effect.Effect<Message, EmptyAnswer> => {
  const { turn } = state.run
  if (answer.reason === "length") return Effect.fail(new EmptyAnswer({ cause: "length", turn }))
  if (state.nudged) return Effect.fail(new EmptyAnswer({ cause: "empty", turn }))
  state.nudged = true
  return Effect.succeed(Answer.nudge)
}

/** One last answer with tools forbidden, or the failure, as the limits say. */
const atLimit = (
  state: State,
  reading: Limits.Reading,
  joined: ReadonlyArray<Message>
): Effect.Effect<Ending.End, LoopError | Halt.Halted> =>
  Effect.gen(function* () {
    const { run } = state
    if (run.definition.limits.onLimit === "fail") return yield* Effect.fail(new LimitExceeded(reading))
    yield* Run.limitReached(run, reading)
    run.limit = reading.limit
    // What was accepted joins the last turn; from here on nothing is.
    const words = yield* Halt.haltable(state.halt, Screening.words(run, Steering.takeAll(run.steering)))
    const { blocked } = yield* Turn.take(state, [...joined, ...words], true)
    if (blocked !== undefined) return Ending.blocked(blocked)
    const read = yield* Final.ofAnswer(state, "limit")
    return { reason: "limit", limit: reading.limit, output: state.output, ...read }
  })
