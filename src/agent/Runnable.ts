/**
 * The one interface of everything that takes an input and yields events and a result: agents, patterns of them, remote
 * ones. It says how a run is begun, and where its events go; `Runner` is what people use of it.
 */
import * as Effect from "effect/Effect"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import type { OnBusy } from "../context/ContextStore.ts"
import type { RunEnd } from "../domain/AgentEvent.ts"
import type { SessionId } from "../domain/Ids.ts"
import type { Decided } from "../guard/Approval.ts"
import type * as Result from "./Result.ts"
import type { ResumeRejected } from "./Resuming.ts"
import type { Sink } from "./Run.ts"
import type { StopSignal } from "./StopSignal.ts"

const TypeId = "~axonal/agent/Runner"

/**
 * What runs. `In` is its input, `Out` what it results in, `E` how it may fail, `R` what it needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Runner<in In, out Out, out E = never, out R = never> extends Pipeable {
  readonly [TypeId]: {
    readonly _In: (_: In) => unknown
    readonly _Out: (_: never) => Out
    readonly _E: (_: never) => E
    readonly _R: (_: never) => R
  }
  readonly name: string
  /** What it is for, as a model that may choose it is told. */
  readonly description: string | undefined
  /** @internal How it runs; its types are those of the interface. */
  readonly behavior: Behavior
}

/**
 * Any runner.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = Runner<never, unknown, unknown, unknown>

/** The parts of a runner's type. */
export type Input<T> = T extends Runner<infer In, infer _Out, infer _E, infer _R> ? In : never
export type Output<T> = T extends Runner<infer _In, infer Out, infer _E, infer _R> ? Out : never
export type Failure<T> = T extends Runner<infer _In, infer _Out, infer E, infer _R> ? E : never
export type Requirements<T> = T extends Runner<infer _In, infer _Out, infer _E, infer R> ? R : never

/**
 * How one run differs from the next of the same runner.
 *
 * **Details**
 *
 * - `session`: where it is kept, to continue or begin; a fresh one when absent. `onBusy`: what to do while another run has it.
 * - `stopSignal`: completes when the run should stop.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly session?: SessionId | undefined
  readonly onBusy?: OnBusy | undefined
  readonly stopSignal?: StopSignal | undefined
}

/**
 * How a run begins, as runners know it.
 *
 * **Details**
 *
 * - `name`: what it is called instead of its own name.
 * - `resume`: it goes on where it stopped, with those answers that are about its own questions. Parts of it that have not
 *   begun begin. `isRoot`: the session must be waiting for these answers, and the run is rejected otherwise.
 * - `forked`: the run is forked in an uninterruptible region, so that it says when it may be interrupted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Begin extends Options {
  readonly input: unknown
  readonly name?: string | undefined
  readonly resume?: { readonly decided: ReadonlyArray<Decided>; readonly isRoot: boolean } | undefined
  readonly forked?: boolean | undefined
}

/**
 * How a runner runs, its types erased.
 *
 * **Details**
 *
 * - `identity`: what it is, whatever it is called: two runners of the same identity are the same one.
 * - `execute`: runs it once, and writes its events, and those of all that runs in it, to the sink. Fails after the last event.
 * - `restore`: the output of a run that ended with this event. Absent where it follows from the outputs of its parts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Behavior {
  readonly identity: object
  readonly execute: (begin: Begin, sink: Sink) => Effect.Effect<Result.Outcome<unknown>, unknown, unknown>
  readonly restore: ((end: Pick<RunEnd, "output" | "value">) => Effect.Effect<unknown>) | undefined
}

/**
 * Makes a runner of how it behaves. The caller says its types.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <In, Out, E, R>(
  name: string,
  description: string | undefined,
  behavior: Behavior
): Runner<In, Out, E, R> => {
  if (typeof name !== "string" || name.trim() === "") throw new TypeError("Runner name must be a non-empty string")
  return Object.assign(Object.create(proto), { name, description, behavior })
}

/**
 * What all runners have in common.
 *
 * @category constructors
 * @since 0.1.0
 */
export const proto = {
  [TypeId]: { _In: (_: never) => _, _Out: (_: never) => _, _E: (_: never) => _, _R: (_: never) => _ },
  pipe() {
    // biome-ignore lint/complexity/noArguments: Effect's `Pipeable` is made this way
    return pipeArguments(this, arguments)
  }
}

/**
 * Runs a runner once, with the types that it says.
 *
 * @category combinators
 * @since 0.1.0
 */
export const execute = <In, Out, E, R>(
  runner: Runner<In, Out, E, R>,
  begin: Omit<Begin, "input"> & { readonly input: In },
  sink: Sink
): Effect.Effect<Result.Outcome<Out>, E, R> =>
  // The types of a runner are those of its behavior, which `make` has erased.
  runner.behavior.execute(begin, sink) as Effect.Effect<Result.Outcome<Out>, E, R>

/**
 * Goes on with a run that waits for answers, or that was cut short.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resume = <In, Out, E, R>(
  runner: Runner<In, Out, E, R>,
  {
    decided,
    ...begin
  }: Omit<Begin, "input" | "resume"> & {
    readonly input?: In | undefined
    readonly decided: ReadonlyArray<Decided>
  },
  sink: Sink
): Effect.Effect<Result.Outcome<Out>, E | ResumeRejected, R> =>
  runner.behavior.execute({ input: undefined, ...begin, resume: { decided, isRoot: true } }, sink) as Effect.Effect<
    Result.Outcome<Out>,
    E | ResumeRejected,
    R
  >

/**
 * The runner under another name.
 *
 * @category combinators
 * @since 0.1.0
 */
export const named = <In, Out, E, R>(self: Runner<In, Out, E, R>, name: string): Runner<In, Out, E, R> =>
  make(name, self.description, {
    ...self.behavior,
    execute: (begin, sink) => self.behavior.execute({ ...begin, name: begin.name ?? name }, sink)
  })

/**
 * The runner with its output changed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mapped = <In, Out, E, R, Out2>(
  self: Runner<In, Out, E, R>,
  change: (output: Out) => Out2
): Runner<In, Out2, E, R> => {
  const { behavior, description, name } = self
  const { restore } = behavior
  return make(name, description, {
    ...behavior,
    execute: (begin, sink) =>
      Effect.map(behavior.execute(begin, sink), (result) =>
        // The output of a completed run is of the type that the runner says.
        result.reason === "completed"
          ? { ...result, output: change(result.output as Out) }
          : { ...result, output: undefined }
      ),
    restore: restore && ((end) => Effect.map(restore(end), (output) => change(output as Out)))
  })
}

/**
 * The runner with another input.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mappedInput = <In, Out, E, R, In2>(
  self: Runner<In, Out, E, R>,
  change: (input: In2) => In
): Runner<In2, Out, E, R> =>
  make(self.name, self.description, {
    ...self.behavior,
    execute: (begin, sink) =>
      Effect.suspend(() =>
        // A run that goes on has its input already, unless it is given again.
        self.behavior.execute(
          begin.input === undefined && begin.resume?.isRoot === true
            ? begin
            : { ...begin, input: change(begin.input as In2) },
          sink
        )
      )
  })
