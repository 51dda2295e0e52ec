/**
 * Everything that takes an input and yields events and a result: agents, patterns of them, functions, remote agents. All
 * of them are run, watched and resumed in the same way, become tools and models in the same way, and stand in each other.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import * as Schemas from "effect/Schema"
import type * as Stream from "effect/Stream"
import * as Bracket from "../agent/Bracket.ts"
import * as Composite from "../agent/Composite.ts"
import * as Nesting from "../agent/Nesting.ts"
import type * as Result from "../agent/Result.ts"
import type { ResumeRejected } from "../agent/Resuming.ts"
import * as Runnable from "../agent/Runnable.ts"
import * as Streaming from "../agent/Streaming.ts"
import * as Subagent from "../agent/Subagent.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { SessionId } from "../domain/Ids.ts"
import type { Decided } from "../guard/Approval.ts"
import * as RunnerTransport from "./RunnerTransport.ts"

/**
 * What runs. `In` is its input, `Out` what it results in, `E` how it may fail, `R` what it needs. Every agent is one, with
 * `Message.Input` as its input.
 *
 * @category models
 * @since 0.1.0
 */
export type Runner<In, Out, E = never, R = never> = Runnable.Runner<In, Out, E, R>

/**
 * Any runner.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = Runnable.Any

/** The parts of a runner's type. */
export type Input<T> = Runnable.Input<T>
export type Output<T> = Runnable.Output<T>
export type Failure<T> = Runnable.Failure<T>
export type Requirements<T> = Runnable.Requirements<T>

/**
 * How one run differs from the next.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = Runnable.Options

/**
 * Makes a runner of a function that runs others: a pattern of your own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Composite.make

/**
 * Makes a runner of a function.
 *
 * **Details**
 *
 * - `output`: how its output is kept as JSON, so that a pattern that goes on does not call it again. Without, it is called
 *   again, and should come to the same.
 * - Errors: those of the function.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromEffect = <In, Out, E = never, R = never, Encoded = unknown>(
  name: string,
  call: (input: In) => Effect.Effect<Out, E, R>,
  options?: {
    readonly description?: string | undefined
    readonly output?: Schema.Schema<Out, Encoded> | undefined
  }
): Runner<In, Out, E, R> => {
  const schema = options?.output
  const encode = schema === undefined ? undefined : Schemas.encode(schema)
  const decode = schema === undefined ? undefined : Schemas.decodeUnknown(schema)
  return Runnable.make(name, options?.description, {
    identity: call,
    restore: decode && (({ value }) => Effect.orDie(decode(value))),
    execute: (begin, sink) =>
      Bracket.run({ ...begin, runner: { name, identity: call }, sink }, () =>
        // What a function takes, as its type says.
        Effect.flatMap(call(begin.input as In), (answer) =>
          Effect.map(encode === undefined ? Effect.succeed(undefined) : Effect.orDie(encode(answer)), (value) => ({
            ...Bracket.ended("completed"),
            ...(value === undefined ? undefined : { value }),
            ...{ output: Bracket.textOf(answer), answer }
          }))
        )
      )
  })
}

/**
 * Watches one run. The run belongs to the stream: when its consumer stops, everything in it is interrupted.
 *
 * **Details**
 *
 * - Events of what runs in it come with their `path`. Its own `RunEnd` is the last.
 *
 * @category combinators
 * @since 0.1.0
 */
export const stream = <In, Out, E, R>(
  runner: Runner<In, Out, E, R>,
  input: In,
  options?: Options
): Stream.Stream<AgentEvent, E, R> =>
  Streaming.make((sink) => Runnable.execute(runner, { ...options, input, forked: true }, sink))

/**
 * Runs a runner to its end.
 *
 * **Details**
 *
 * - `onEvents`: called with all events, those of nested runs included, in order.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = <In, Out, E, R>(
  runner: Runner<In, Out, E, R>,
  input: In,
  options?: Options & { readonly onEvents?: ((events: ReadonlyArray<AgentEvent>) => void) | undefined }
): Effect.Effect<Result.Outcome<Out>, E, R> =>
  Runnable.execute(runner, { ...options, input }, watching(options?.onEvents))

/**
 * Goes on with a run that waits for a person, or with one of a pattern that was cut short, in any process that has its store.
 *
 * **Details**
 *
 * - `decided`: answers to the questions that its result, or the last one, had as `pending`. Those left out are asked again.
 * - What has answered is not run again; parts that were cut short go on in their own sessions. An agent by itself that was cut
 *   short goes on with `Agent.run` in its session.
 * - `input`: for agents words besides; for others the same input again, when it has no JSON and could not be kept.
 * - Errors: those of a run, and `ResumeRejected` when the session does not wait for these answers. Nothing has changed then.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resume = <In, Out, E, R>(
  runner: Runner<In, Out, E, R>,
  session: SessionId,
  decided: ReadonlyArray<Decided>,
  options?: Omit<Options, "session"> & {
    readonly input?: In | undefined
    readonly onEvents?: ((events: ReadonlyArray<AgentEvent>) => void) | undefined
  }
): Effect.Effect<Result.Outcome<Out>, E | ResumeRejected, R> =>
  Runnable.resume(runner, { ...options, session, decided }, watching(options?.onEvents))

/**
 * The runner with its output changed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const map: {
  <Out, Out2>(change: (output: Out) => Out2): <In, E, R>(self: Runner<In, Out, E, R>) => Runner<In, Out2, E, R>
  <In, Out, E, R, Out2>(self: Runner<In, Out, E, R>, change: (output: Out) => Out2): Runner<In, Out2, E, R>
} = dual(
  2,
  <In, Out, E, R, Out2>(self: Runner<In, Out, E, R>, change: (output: Out) => Out2): Runner<In, Out2, E, R> =>
    Runnable.mapped(self, change)
)

/**
 * The runner with another input.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mapInput: {
  <In, In2>(change: (input: In2) => In): <Out, E, R>(self: Runner<In, Out, E, R>) => Runner<In2, Out, E, R>
  <In, Out, E, R, In2>(self: Runner<In, Out, E, R>, change: (input: In2) => In): Runner<In2, Out, E, R>
} = dual(
  2,
  <In, Out, E, R, In2>(self: Runner<In, Out, E, R>, change: (input: In2) => In): Runner<In2, Out, E, R> =>
    Runnable.mappedInput(self, change)
)

/**
 * The runner under another name: in events, results, spans and tools.
 *
 * @category combinators
 * @since 0.1.0
 */
export const named: {
  (name: string): <In, Out, E, R>(self: Runner<In, Out, E, R>) => Runner<In, Out, E, R>
  <In, Out, E, R>(self: Runner<In, Out, E, R>, name: string): Runner<In, Out, E, R>
} = dual(
  2,
  <In, Out, E, R>(self: Runner<In, Out, E, R>, name: string): Runner<In, Out, E, R> => Runnable.named(self, name)
)

/**
 * The runner with some of what it needs: a transport of its own, a guard, the handlers of its tools. It goes before what is
 * there where the runner runs, and holds for everything that runs in it.
 *
 * **Details**
 *
 * - A layer is built before each run and released after it. Build one yourself and provide its context to share what it makes.
 * - Errors: how the layer fails is how the runner fails, before its run begins and without events.
 *
 * @category combinators
 * @since 0.1.0
 */
export const provide: {
  <R2>(context: Context.Context<R2>): <In, Out, E, R>(self: Runner<In, Out, E, R>) => Runner<In, Out, E, Exclude<R, R2>>
  <R2, E2, R3>(
    layer: Layer.Layer<R2, E2, R3>
  ): <In, Out, E, R>(self: Runner<In, Out, E, R>) => Runner<In, Out, E | E2, Exclude<R, R2> | R3>
  <In, Out, E, R, R2>(self: Runner<In, Out, E, R>, context: Context.Context<R2>): Runner<In, Out, E, Exclude<R, R2>>
  <In, Out, E, R, R2, E2, R3>(
    self: Runner<In, Out, E, R>,
    layer: Layer.Layer<R2, E2, R3>
  ): Runner<In, Out, E | E2, Exclude<R, R2> | R3>
} = dual(2, (self: Any, services: Services) => {
  const { behavior, description, name } = self
  const { restore } = behavior
  return Runnable.make(name, description, {
    ...behavior,
    execute: (begin, sink) => within(behavior.execute(begin, sink), services, begin.forked),
    // What a layer needs is part of the runner's type, as what an output needs to be read is.
    restore: restore && ((end) => Effect.orDie(within(restore(end), services) as Effect.Effect<unknown>))
  })
})

/**
 * The runner with a service that it needs.
 *
 * @category combinators
 * @since 0.1.0
 */
export const provideService: {
  <I, S>(
    tag: Context.Tag<I, S>,
    service: NoInfer<S>
  ): <In, Out, E, R>(self: Runner<In, Out, E, R>) => Runner<In, Out, E, Exclude<R, I>>
  <In, Out, E, R, I, S>(
    self: Runner<In, Out, E, R>,
    tag: Context.Tag<I, S>,
    service: NoInfer<S>
  ): Runner<In, Out, E, Exclude<R, I>>
} = dual(
  3,
  <In, Out, E, R, I, S>(
    self: Runner<In, Out, E, R>,
    tag: Context.Tag<I, S>,
    service: NoInfer<S>
  ): Runner<In, Out, E, Exclude<R, I>> => provide(self, Context.make(tag, service))
)

/**
 * The run that failed with this error: its agent, and the way to it from the root.
 *
 * @category converters
 * @since 0.1.0
 */
export const failedAt = Nesting.failedAt

/**
 * The runner as a tool: `Subagent.tool`, where one looks for it first.
 *
 * @category converters
 * @since 0.1.0
 */
export const asTool: typeof Subagent.tool = Subagent.tool

/**
 * The runner as a model: `RunnerTransport.make`, where one looks for it first.
 *
 * @category converters
 * @since 0.1.0
 */
export const asTransport: typeof RunnerTransport.make = RunnerTransport.make

/**
 * Layer of a transport that is a runner.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTransport: typeof RunnerTransport.layer = RunnerTransport.layer

// internal

const watching =
  (onEvents: ((events: ReadonlyArray<AgentEvent>) => void) | undefined) => (events: ReadonlyArray<AgentEvent>) => {
    if (onEvents !== undefined) onEvents(events)
    return undefined
  }

type Services = Context.Context<unknown> | Layer.Layer<unknown, unknown, unknown>

/** What is forked in an uninterruptible region waits for its layer, which may be interrupted. */
const within = <A, E, R>(
  work: Effect.Effect<A, E, R>,
  services: Services,
  forked?: boolean | undefined
): Effect.Effect<A, unknown, unknown> =>
  Context.isContext(services)
    ? Effect.provide(work, services)
    : Effect.scopedWith((scope) => {
        const built = Layer.buildWithScope(services, scope)
        return Effect.flatMap(forked === true ? Effect.interruptible(built) : built, (context) =>
          Effect.provide(work, context)
        )
      })
