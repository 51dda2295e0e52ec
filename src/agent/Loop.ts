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
import type { ToolFailed } from "../domain/AgentError.ts"
import { EmptyAnswer, LimitExceeded } from "../domain/AgentError.ts"
import { RunId, SessionId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import * as Hooks from "../hook/Hooks.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import * as Toolkit from "../tool/Toolkit.ts"
import type { Transport } from "../transport/Transport.ts"
import type { TransportError } from "../transport/TransportError.ts"
import * as Answer from "./Answer.ts"
import * as Compacting from "./Compacting.ts"
import type { Definition } from "./Definition.ts"
import * as Dispatch from "./Dispatch.ts"
import * as Ending from "./Ending.ts"
import * as Halt from "./Halt.ts"
import * as Limits from "./Limits.ts"
import * as Run from "./Run.ts"
import * as Session from "./Session.ts"
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
}

/**
 * What can end a run other than an answer.
 *
 * @category models
 * @since 0.1.0
 */
export type LoopError = TransportError | StoreError | LimitExceeded | EmptyAnswer | ToolFailed

/** The loop's own state between turns. */
interface State {
  readonly run: Run.Run
  readonly session: Session.Session
  readonly steering: Steering.Steering
  readonly spent: Limits.Spent
  readonly compacting: Compacting.Compacting
  readonly halt: Halt.Halt
  /** The text of the last answer. */
  output: string
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
  input: ReadonlyArray<Message>,
  options: Options & {
    readonly steering?: Steering.Steering | undefined
    /** Forked in an uninterruptible region, so that the loop says when it may be interrupted. */
    readonly forked?: boolean | undefined
  },
  sink: Run.Sink
): Effect.Effect<void, LoopError, Transport | ContextStore> =>
  Effect.uninterruptibleMask((mask) =>
    Effect.gen(function* () {
      const restore: typeof mask = options.forked === true ? Effect.interruptible : mask
      const services = yield* Run.services
      const id = RunId.make(yield* services.activities.id("run"))
      const sessionId = options.session ?? SessionId.make(yield* services.activities.id("session"))
      const found = yield* Effect.exit(restore(Toolkit.resolve(Run.sources(services, definition))))
      const registry = Exit.isSuccess(found) ? found.value : Toolkit.empty
      const run = Run.make({ ...services, id, session: sessionId, definition, registry, sink })
      const session = Session.make(run, services.store)
      const spent = Limits.start()
      const state: State = {
        run,
        session,
        compacting: Compacting.make(session, spent),
        steering: options.steering ?? Steering.make(),
        spent,
        halt: yield* Halt.make(definition.limits, options.stopSignal),
        output: "",
        nudged: false
      }
      const { runStart } = run.hooks
      if (runStart !== undefined) yield* Hooks.observe(Effect.suspend(() => runStart({ ...Run.where(run), input })))
      yield* Run.emit(run, () => [Run.event(run, "RunStart", { session: sessionId, input })])
      const body = Exit.isFailure(found)
        ? // How building a toolkit fails is part of the agent's `E`.
          Effect.failCause(found.cause as Cause.Cause<never>)
        : Effect.scoped(
            Effect.zipRight(
              Halt.watch(state.halt, definition.limits, options.stopSignal),
              converse(state, input, options.onBusy ?? "wait")
            )
          )
      const exit = yield* Effect.exit(
        Telemetry.invokeAgent(run.traced, Run.aboutAgent(run), () =>
          Effect.catchTag(restore(body), "Halted", (halted) => Ending.ofHalt(run, halted, state.output))
        )
      )
      state.steering.closed = true
      return yield* Ending.conclude(run, exit, state.spent.usage, state.output)
    })
  )

// internal

const converse = (
  state: State,
  input: ReadonlyArray<Message>,
  onBusy: OnBusy
): Effect.Effect<Ending.End, LoopError | Halt.Halted, Scope.Scope> =>
  Effect.gen(function* () {
    const { run, session, spent, steering } = state
    const { limits } = run.definition
    yield* Halt.haltable(state.halt, Session.open(session, onBusy))
    yield* Session.say(session, input)
    let joined: ReadonlyArray<Message> = []
    for (;;) {
      for (const near of Limits.warnings(limits, spent)) {
        yield* Run.emit(run, () => [Run.event(run, "LimitWarning", near)])
      }
      const limit = Limits.reached(limits, spent)
      if (limit !== undefined) return yield* atLimit(state, limit, joined)
      const { answer, over } = yield* turn(state, [...joined, ...Steering.take(steering)], false)
      if (over !== undefined) return yield* atLimit(state, over, [])
      const meaning = Answer.meaning(answer)
      if (meaning === "empty") {
        joined = [yield* nudge(state, answer)]
        continue
      }
      state.nudged = false
      joined = meaning === "on" ? [] : Steering.takeOrClose(steering)
      if (meaning !== "on" && joined.length === 0) return { reason: meaning, output: state.output }
    }
  })

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
    if (state.run.definition.limits.onLimit === "fail") return yield* Effect.fail(new LimitExceeded(reading))
    const { steering } = state
    // What was accepted joins the last turn; from here on nothing is.
    steering.closed = true
    yield* turn(state, [...joined, ...Steering.take(steering), ...steering.followUp.splice(0).flat()], true)
    return { reason: "limit", limit: reading.limit, output: state.output }
  })

/** One turn: ask, commit the answer, run its calls, commit their results. What was begun is committed however it ends. */
const turn = (
  state: State,
  joined: ReadonlyArray<Message>,
  last: boolean
): Effect.Effect<
  { readonly answer: Answer.Answer; readonly over: Limits.Reading | undefined },
  LoopError | Halt.Halted
> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { run, session, spent } = state
      run.turn++
      spent.turns++
      state.output = ""
      yield* Session.say(session, joined)
      const wait = <A, E>(effect: Effect.Effect<A, E>) => restore(Halt.haltable(state.halt, effect))
      const request = yield* Compacting.request<Halt.Halted>(state.compacting, last, wait)
      yield* restore(
        Run.emit(run, () => [Run.event(run, "TurnStart", { model: run.transport.model.id, input: joined })])
      )
      const progress = Turn.begin(run)
      const asked = yield* Effect.exit(wait(Compacting.ask(state.compacting, request, progress, last)))
      if (Exit.isFailure(asked)) {
        const cut = yield* Turn.cutOff(run, request, progress)
        if (cut.message !== undefined) state.output = Messages.toText(cut.message)
        yield* Session.abandon(session, spent, cut.message, cut.bill)
        return yield* Effect.failCause(asked.cause)
      }
      const answer = asked.value
      state.output = Messages.toText(answer.message)
      const bill = [...progress.lost, answer.usage]
      const calls = Messages.toolCalls(answer.message)
      const over = Answer.runs(answer) ? Limits.overCalls(run.definition.limits, spent, calls.length) : undefined
      const refusal = Answer.refusal(answer, last, over !== undefined)
      const worked = yield* Effect.ensuring(
        Effect.zipRight(
          Session.answer(session, spent, Answer.kept(answer), bill),
          calls.length === 0 ? Effect.succeed(Exit.void) : work(state, calls, refusal, restore)
        ),
        Effect.suspend(() => Session.endTurn(session, answer.reason, bill))
      )
      yield* worked
      return { answer, over }
    })
  )

/** Runs the calls of an answer, unless something speaks against it, and commits one result for each. */
const work = (
  state: State,
  calls: ReturnType<typeof Messages.toolCalls>,
  refusal: string | undefined,
  restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
): Effect.Effect<Exit.Exit<void, ToolFailed | Halt.Halted>, StoreError> =>
  Effect.gen(function* () {
    const { run, session, spent } = state
    const batch = Dispatch.begin(calls)
    const worked =
      refusal === undefined
        ? yield* Effect.exit(restore(Halt.haltable(state.halt, Dispatch.execute(run, batch))))
        : Exit.void
    const message = yield* Dispatch.settle(run, batch, refusal ?? Halt.why(worked))
    if (refusal === undefined) Limits.count(spent, run.definition.limits, batch)
    yield* Session.results(session, message)
    return worked
  })
