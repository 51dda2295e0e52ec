/**
 * The views of one loop: its events as a stream, their fold as a result, and a handle to a run that goes on by itself. All
 * of them interpret the same definition; `Agent` gives them their types.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { ContextStore } from "../context/ContextStore.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { Stored } from "../domain/Entry.ts"
import { RunId, SessionId } from "../domain/Ids.ts"
import * as Message from "../domain/Message.ts"
import type { LimitName } from "../domain/Outcome.ts"
import * as Usage from "../domain/Usage.ts"
import * as Approval from "../guard/Approval.ts"
import * as Check from "../internal/options.ts"
import type { Transport } from "../transport/Transport.ts"
import { Activities } from "./Activities.ts"
import type { Definition } from "./Definition.ts"
import * as EventLog from "./EventLog.ts"
import * as Loop from "./Loop.ts"
import * as Outputs from "./Output.ts"
import * as Receive from "./Receive.ts"
import * as Result from "./Result.ts"
import type { ResumeRejected } from "./Resuming.ts"
import type { Sink } from "./Run.ts"
import type * as Runnable from "./Runnable.ts"
import * as Steering from "./Steering.ts"
import * as StopSignal from "./StopSignal.ts"
import * as Streaming from "./Streaming.ts"

/**
 * A run that goes on by itself, until its scope closes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handle<Output = string, E = never> {
  readonly session: SessionId
  /** All events of the run, from the first on, for any number of readers at any time. Leaving does not stop the run. */
  readonly events: Stream.Stream<AgentEvent, Loop.LoopError | EventLog.EventsLagged | E>
  /** The same from any event on, or without failing when it falls behind what is kept. */
  readonly eventsFrom: (
    options: EventLog.ReadOptions
  ) => Stream.Stream<AgentEvent, Loop.LoopError | EventLog.EventsLagged | E>
  /** The result, once the run has ended. */
  readonly await: Effect.Effect<Result.Result<Output>, Loop.LoopError | E>
  /** Joins the conversation before the next model request. Answers `false` when the run no longer listens. */
  readonly steer: (input: Message.Input) => Effect.Effect<boolean>
  /** Joins the conversation when the run would otherwise end. Answers `false` when the run no longer listens. */
  readonly followUp: (input: Message.Input) => Effect.Effect<boolean>
  /** Asks the run to stop, and waits until it has. It ends with reason `stopped` and keeps what it has. */
  readonly stop: Effect.Effect<void>
  /** The questions of the run that wait, and the way to answer them; for runs started with `approver: "handle"`. */
  readonly approvals: Approval.Queue
}

/**
 * How a run is started.
 *
 * **Details**
 *
 * - `retain`: how many events are kept for readers; 65,536. `approver`: who answers the questions of the run: whoever the
 *   `Approval` in use says (`"layer"`, the default), or whoever has the handle.
 *
 * @category models
 * @since 0.1.0
 */
export interface StartOptions extends Loop.Options {
  readonly retain?: number | undefined
  readonly approver?: "layer" | "handle" | undefined
}

/**
 * How a run is folded. `onEvents` sees every batch of events, at no cost but its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions extends Loop.Options {
  readonly onEvents?: ((events: ReadonlyArray<AgentEvent>) => void) | undefined
}

/**
 * The events of a run that belongs to the stream.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = <E, R>(
  definition: Definition,
  input: Message.Input,
  options: Loop.Options
): Stream.Stream<AgentEvent, Loop.LoopError | E, R | Transport | ContextStore> =>
  Streaming.make((sink) => begin<E, R>(definition, input, { ...options, forked: true }, sink))

/**
 * The result of a run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = <Output, E, R>(
  definition: Definition,
  input: Message.Input,
  options: RunOptions
): Effect.Effect<Result.Result<Output>, Loop.LoopError | E, R | Transport | ContextStore> =>
  folded(definition, watching(options), (sink) => begin<E, R>(definition, input, options, sink))

/**
 * The result of a run that goes on where another one waits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resume = <Output, E, R>(
  definition: Definition,
  input: Message.Input,
  options: RunOptions & Loop.Begin
): Effect.Effect<Result.Result<Output>, Loop.LoopError | ResumeRejected | E, R | Transport | ContextStore> =>
  folded(definition, watching(options), (sink) => interpret<E, R>(definition, input, options, sink))

/**
 * How an agent behaves as a runner.
 *
 * @category constructors
 * @since 0.1.0
 */
export const behavior = (definition: Definition): Runnable.Behavior => ({
  identity: definition,
  execute: (begin, sink) => {
    const { input, resume } = begin
    const loop = (words: Message.Input, resume?: ReadonlyArray<Approval.Decided>) =>
      folded(definition, sink, (sink) => interpret(definition, words, { ...begin, resume }, sink))
    // What an agent takes, as its type says.
    const words = (input ?? []) as Message.Input
    if (resume === undefined) return loop(words)
    return resume.isRoot ? loop(words, resume.decided) : continued(definition, begin, words, resume.decided, loop)
  },
  restore: ({ output, value }) => outputOf(definition, output, value)
})

/**
 * The handle of a run that is forked in the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = <Output, E, R>(
  definition: Definition,
  input: Message.Input,
  options: StartOptions
): Effect.Effect<Handle<Output, E>, never, R | Transport | ContextStore | Scope.Scope> =>
  Effect.gen(function* () {
    const { approver, retain, ...given } = options
    Check.oneOf("Run option approver", approver, ["layer", "handle"])
    const activities = yield* Activities
    const session = options.session ?? SessionId.make(yield* activities.id("session"))
    const steering = Steering.make()
    const asked = yield* Deferred.make<void>()
    const own = StopSignal.fromDeferred(asked)
    const stopSignal = options.stopSignal === undefined ? own : Effect.raceFirst(own, options.stopSignal)
    const log = EventLog.make<Loop.LoopError | E>({ retain })
    const folding = Result.begin()
    const loop = begin<E, R>(definition, input, { ...given, session, stopSignal, steering, forked: true }, (events) => {
      Result.push(folding, events)
      EventLog.append(log, events)
      return undefined
    })
    const { approval, queue } = yield* Approval.makeQueue
    const fiber = yield* fork(
      approver === "handle" ? Effect.provideService(loop, Approval.Approval, approval) : loop,
      (exit) => Effect.sync(() => EventLog.close(log, exit))
    )
    const settled = Fiber.await(fiber)
    const accept = (when: Steering.Words["when"]) => (words: Message.Input) =>
      Steering.accept(steering, when, Message.fromInput(words))
    return {
      session,
      events: EventLog.read(log),
      eventsFrom: (options) => EventLog.read(log, options),
      await: Effect.flatMap(Effect.flatten(settled), () => resultOf<Output>(definition, folding)),
      steer: accept("steer"),
      followUp: accept("followUp"),
      stop: Effect.zipRight(Deferred.succeed(asked, undefined), Effect.asVoid(settled)),
      approvals: queue
    }
  })

// internal

/**
 * The loop, with the requirements and failures that the agent's type tells of: the tools' own, which the loop itself has
 * no names for.
 */
const interpret = <E, R>(
  definition: Definition,
  input: Message.Input,
  options: Loop.Begin,
  sink: Sink
): Effect.Effect<void, Loop.LoopError | ResumeRejected | E, R | Transport | ContextStore> => {
  // Within the effect that starts the run, of which this is a defect.
  Check.oneOf("Run option onBusy", options.onBusy, ["wait", "fail"])
  return Loop.run(definition, Message.fromInput(input), options, sink)
}

/** A run from the beginning: it has nothing to resume that could be rejected. */
const begin = <E, R>(
  definition: Definition,
  input: Message.Input,
  options: Loop.Begin,
  sink: Sink
): Effect.Effect<void, Loop.LoopError | E, R | Transport | ContextStore> =>
  interpret(definition, input, options, sink) as Effect.Effect<void, Loop.LoopError | E, R | Transport | ContextStore>

/** The sink of a run that is only folded, and of which somebody may hear. */
const watching =
  ({ onEvents }: RunOptions): Sink =>
  (events) => {
    if (onEvents !== undefined) onEvents(events)
    return undefined
  }

/** The result of a run: the fold of its events. */
const folded = <Output, E, R>(
  definition: Definition,
  sink: Sink,
  loop: (sink: Sink) => Effect.Effect<void, E, R>
): Effect.Effect<Result.Result<Output>, E, R> =>
  Effect.suspend(() => {
    const folding = Result.begin()
    const interpreted = loop((events) => {
      Result.push(folding, events)
      return sink(events)
    })
    return Effect.flatMap(interpreted, () => resultOf<Output>(definition, folding))
  })

/** What a model is told whose answer was cut off: what there is of it is no answer. */
const cutShort = Message.user("Your last answer was cut off before it was complete. Give the whole answer again.")

/** The limit that ended the run whose answer is the last message of a session, if one did. */
const limitOf = (log: ReadonlyArray<Stored>): LimitName | undefined => {
  const answer = log.findLast((entry) => entry._tag === "Message")
  const reached = log.findLast(
    (entry) => entry._tag === "Marker" && entry.marker.type === "limit" && entry.run === answer?.run
  )
  return reached?._tag === "Marker" && reached.marker.type === "limit" ? reached.marker.limit : undefined
}

/**
 * Goes on with a run of which the session tells how far it came: it waits for a person, it has answered, it was cut short,
 * or it has not begun.
 */
const continued = (
  definition: Definition,
  { name = definition.name, session }: Runnable.Begin,
  input: Message.Input,
  decided: ReadonlyArray<Approval.Decided>,
  loop: (
    input: Message.Input,
    resume?: ReadonlyArray<Approval.Decided>
  ) => Effect.Effect<Result.Result<unknown>, unknown, unknown>
) =>
  Effect.gen(function* () {
    if (session === undefined) return yield* loop(input)
    const store = yield* ContextStore
    const { messages, suspended } = yield* store.read(session)
    if (suspended !== undefined) {
      const asked = new Set(suspended.questions.map(({ call }) => call))
      // An answer that was committed before the run was cut short holds, also when it is given again.
      for (const entry of yield* store.live(session)) if (entry._tag === "Decision") asked.delete(entry.call)
      return yield* loop(
        [],
        decided.filter(({ call }) => asked.has(call))
      )
    }
    const last = messages.at(-1)
    if (last === undefined) return yield* loop(input)
    if (last.role !== "assistant" || Message.toolCalls(last).length > 0) return yield* loop([])
    if (Receive.isCut(last)) return yield* loop(cutShort)
    const text = Message.toText(last)
    const limit = limitOf(yield* store.live(session))
    const read = definition.output === undefined ? undefined : yield* Outputs.read(definition.output, text)
    if (read?._tag === "Invalid" && limit === undefined) return yield* loop([])
    const activities = yield* Activities
    const end = {
      ...{ agent: name, run: RunId.make(yield* activities.id("run")), turn: 0, output: text, usage: Usage.zero },
      endedAtMillis: yield* activities.now,
      ...(limit === undefined ? undefined : { limit }),
      ...(read?._tag === "Valid" ? { value: read.json } : undefined)
    }
    const output = yield* outputOf(definition, text, end.value)
    const base = Result.ofEnd(end, session)
    // A limit that was reached before is no success now.
    if (limit !== undefined) return { ...base, reason: "limit" as const, output }
    return { ...base, reason: "completed" as const, output }
  })

/** Forks a run in the current scope so that even one that is cancelled at once says how it ended. */
const fork = <E, R>(
  loop: Effect.Effect<void, E, R>,
  onExit: (exit: Exit.Exit<void, E>) => Effect.Effect<unknown>
): Effect.Effect<Fiber.RuntimeFiber<void, E>, never, R | Scope.Scope> =>
  Effect.uninterruptible(Effect.forkScoped(Effect.onExit(loop, onExit)))

/** The result of a run that has ended, its answer of the type that the agent's output says. */
const resultOf = <Output>(definition: Definition, folding: Result.Folding): Effect.Effect<Result.Result<Output>> => {
  const finished = Result.finish(folding)
  if (finished === undefined) return Effect.dieMessage("A run ended without RunEnd; this is a defect of the loop")
  return Effect.map(
    outputOf(definition, finished.text, finished.value),
    // The type `Output` was read from the same definition when the agent was made.
    (output) => ({ ...finished, output }) as unknown as Result.Result<Output>
  )
}

/** The output of an answer, of the type that the agent's output says. */
const outputOf = ({ output }: Definition, text: string, value: unknown): Effect.Effect<unknown> => {
  if (output === undefined) return Effect.succeed(text)
  if (value === undefined) return Effect.succeed(output.isText ? text : undefined)
  return Outputs.fromJson(output, value)
}
