/**
 * An agent is an immutable value: instructions, tools, limits. Running it is an `Effect`, watching it is a `Stream` of
 * that same run, and steering it goes through a handle; all three are views of one loop. What an agent needs stands in
 * its `R`, and forgetting any of it is a compile error.
 */

import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ContextStore } from "../context/ContextStore.ts"
import { layerMemory } from "../context/ContextStore.ts"
import type { Identity } from "../context/Identity.ts"
import { OutputInvalid } from "../domain/AgentError.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { SessionId } from "../domain/Ids.ts"
import type * as Message from "../domain/Message.ts"
import type { Decided } from "../guard/Approval.ts"
import * as Tool from "../tool/Tool.ts"
import type * as Toolkit from "../tool/Toolkit.ts"
import type { Settings, Transport } from "../transport/Transport.ts"
import type { Definition, Options } from "./Definition.ts"
import { complete } from "./Definition.ts"
import * as Edges from "./Edges.ts"
import type { Limits } from "./Limits.ts"
import type * as Loop from "./Loop.ts"
import type * as Outputs from "./Output.ts"
import type * as Result from "./Result.ts"
import type { ResumeRejected } from "./Resuming.ts"
import * as Runnable from "./Runnable.ts"
import * as Views from "./Views.ts"

/**
 * Everything a run may fail with, besides what building its toolkits may fail with.
 *
 * @category errors
 * @since 0.1.0
 */
export type AgentError = Loop.LoopError

const TypeId = "~axonal/agent/Agent"

/**
 * An agent. `Output` is what a run results in, `E` how building its toolkits may fail, `R` what its tools need. It is a runner:
 * whatever takes a runner takes an agent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Agent<out Output = string, out E = never, out R = never>
  extends Runnable.Runner<Message.Input, Output, AgentError | E, R | Transport | ContextStore> {
  readonly [TypeId]: {
    readonly _Output: (_: never) => Output
    readonly _E: (_: never) => E
    readonly _R: (_: never) => R
  }
  readonly definition: Definition
}

/**
 * Any agent.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = Agent<unknown, unknown, unknown>

// biome-ignore lint/suspicious/noExplicitAny: accepts tools with any requirements; they are read off the type below
type AnyTools = ReadonlyArray<Tool.WithHandler<any> | Tool.Living<any>>

/** Distributes over the tools, so that none at all need nothing. */
type ToolRequirements<Tools extends AnyTools> = Tool.HandlerRequirements<Tools[number]>

/**
 * Makes an agent.
 *
 * **Details**
 *
 * - Errors: a blank name or a bound below its minimum throws, naming the option; both are programming mistakes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  Kit extends Toolkit.Any = never,
  const Tools extends AnyTools = [],
  Out extends Outputs.Any = never
>(
  name: string,
  options?: Options<Kit, Tools, Out>
): Agent<
  Outputs.Type<Out>,
  Toolkit.Failure<Kit>,
  Toolkit.Requirements<Kit> | ToolRequirements<Tools> | Outputs.Requirements<Out>
> => fromDefinition(complete(name, options ?? {}))

/**
 * Makes a tool that carries its handler: `Tool.make`, where one looks for it first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tool: typeof Tool.make = Tool.make

/**
 * Watches one run of an agent. The run belongs to the stream: when its consumer stops, everything is interrupted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = <Output, E, R>(
  agent: Agent<Output, E, R>,
  input: Message.Input,
  options?: Loop.Options
): Stream.Stream<AgentEvent, AgentError | E, R | Transport | ContextStore> =>
  Views.stream(agent.definition, input, options ?? {})

/**
 * Runs an agent to its end: the fold of the events that `stream` would give.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = <Output, E, R>(
  agent: Agent<Output, E, R>,
  input: Message.Input,
  options?: Views.RunOptions
): Effect.Effect<Result.Result<Output>, AgentError | E, R | Transport | ContextStore> =>
  Views.run(agent.definition, input, options ?? {})

/**
 * Goes on with a session whose last run ended with reason `awaiting-approval`, in any process that has its store.
 *
 * **Details**
 *
 * - `decided`: an answer for each call, or for some of them: the run then ends awaiting the others, and asks no model.
 *   `input`: what the person has to say besides, behind the results of the calls; it waits as long as these do.
 * - The calls are prepared and guarded anew; what was approved are the arguments that were asked about. Limits go on
 *   counting where the run before stopped.
 * - Errors: `ResumeRejected` when the session does not wait, a call was not asked about, or has its answer. Nothing has
 *   changed then.
 *
 * **Gotchas**
 *
 * Once the last answer is given, the calls run. Those that a process was killed in are `interrupted` to the next run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resume = <Output, E, R>(
  agent: Agent<Output, E, R>,
  session: SessionId,
  decided: ReadonlyArray<Decided>,
  options?: Omit<Views.RunOptions, "session"> & { readonly input?: Message.Input | undefined }
): Effect.Effect<Result.Result<Output>, AgentError | ResumeRejected | E, R | Transport | ContextStore> =>
  Views.resume(agent.definition, options?.input ?? [], { ...options, session, resume: decided })

/**
 * Asks a model once for an answer of this type, and gives just that. It needs no store: the session is forgotten.
 *
 * **Details**
 *
 * - `instructions`, `settings`, `limits`: as of an agent.
 * - Errors: those of a run; `OutputInvalid` also when it ended without a valid answer, whatever the reason.
 *
 * @category constructors
 * @since 0.1.0
 */
export const extract = <Out extends Outputs.Any>(
  output: Out,
  input: Message.Input,
  options?: Pick<Options<never, []>, "instructions" | "settings" | "limits">
): Effect.Effect<Outputs.Type<Out>, AgentError, Transport | Outputs.Requirements<Out>> =>
  run(make<never, [], Out>("extract", { ...options, output }), input).pipe(
    Effect.provide(layerMemory),
    Effect.flatMap((result) =>
      result.reason === "completed"
        ? Effect.succeed(result.output)
        : Effect.fail(
            new OutputInvalid({ description: `the run ended with reason ${result.reason}`, text: result.text })
          )
    )
  )

/**
 * A run that goes on by itself, until its scope closes.
 *
 * @category models
 * @since 0.1.0
 */
export type Handle<Output = string, E = never> = Views.Handle<Output, E>

/**
 * Starts a run in the background of a scope and answers its handle.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = <Output, E, R>(
  agent: Agent<Output, E, R>,
  input: Message.Input,
  options?: Views.StartOptions
): Effect.Effect<Handle<Output, E>, never, R | Transport | ContextStore | Scope.Scope> =>
  Views.start(agent.definition, input, options ?? {})

/**
 * Runs an agent as a promise. Rejects with the typed error; aborting the signal interrupts the run.
 *
 * @category converters
 * @since 0.1.0
 */
export const toPromise = <Output, E, R, E2>(
  agent: Agent<Output, E, R>,
  input: Message.Input,
  provided: Edges.Provided<R | Transport | ContextStore, E2>,
  options?: Loop.Options & { readonly signal?: AbortSignal | undefined }
): Promise<Result.Result<Output>> => Edges.toPromise(run(agent, input, options), provided, options?.signal)

/**
 * Watches a run as a web stream. Cancelling it interrupts the run.
 *
 * @category converters
 * @since 0.1.0
 */
export const toReadableStream = <Output, E, R, E2>(
  agent: Agent<Output, E, R>,
  input: Message.Input,
  provided: Edges.Provided<R | Transport | ContextStore, E2>,
  options?: Loop.Options
): ReadableStream<AgentEvent> => Edges.toReadableStream(stream(agent, input, options), provided)

/**
 * The agent with more tools, after its own: the last one of a name counts.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withTools: {
  <const Tools extends AnyTools>(
    tools: Tools
  ): <Output, E, R>(self: Agent<Output, E, R>) => Agent<Output, E, R | ToolRequirements<Tools>>
  <Output, E, R, const Tools extends AnyTools>(
    self: Agent<Output, E, R>,
    tools: Tools
  ): Agent<Output, E, R | ToolRequirements<Tools>>
} = dual(2, (self: Any, tools: AnyTools) => change(self, { sources: [...self.definition.sources, ...tools] }))

/**
 * The agent with one more toolkit, after its own tools.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withToolkit: {
  <Kit extends Toolkit.Any>(
    toolkit: Kit
  ): <Output, E, R>(self: Agent<Output, E, R>) => Agent<Output, E | Toolkit.Failure<Kit>, R | Toolkit.Requirements<Kit>>
  <Output, E, R, Kit extends Toolkit.Any>(
    self: Agent<Output, E, R>,
    toolkit: Kit
  ): Agent<Output, E | Toolkit.Failure<Kit>, R | Toolkit.Requirements<Kit>>
} = dual(2, (self: Any, toolkit: Toolkit.Any) => change(self, { sources: [...self.definition.sources, toolkit] }))

/**
 * The agent without any tools, for a run that must only talk.
 *
 * **Details**
 *
 * - What the tools needed is needed no more. A typed agent keeps its whole `R`, since its validator may need any of it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withoutTools = <Output, E, R>(
  self: Agent<Output, E, R>
): Agent<Output, never, string extends Output ? never : R> => fromDefinition({ ...self.definition, sources: [] })

/**
 * The agent with other instructions.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withInstructions: {
  (instructions: string): <Output, E, R>(self: Agent<Output, E, R>) => Agent<Output, E, R>
  <Output, E, R>(self: Agent<Output, E, R>, instructions: string): Agent<Output, E, R>
} = dual(2, (self: Any, instructions: string) => change(self, { instructions }))

/**
 * The agent with instructions that are only known when a run begins: a catalog, the date, what a user prefers. They are asked
 * for once per run, and stand behind its own, after an empty line.
 *
 * **Details**
 *
 * - Errors: how the effect fails is how the run fails, before its first turn.
 *
 * @category combinators
 * @since 0.1.0
 */
export const addInstructions: {
  <E2, R2>(
    instructions: Effect.Effect<string, E2, R2>
  ): <Output, E, R>(self: Agent<Output, E, R>) => Agent<Output, E | E2, R | R2>
  <Output, E, R, E2, R2>(
    self: Agent<Output, E, R>,
    instructions: Effect.Effect<string, E2, R2>
  ): Agent<Output, E | E2, R | R2>
} = dual(2, (self: Any, instructions: Effect.Effect<string, unknown, unknown>) =>
  // What it needs is part of the agent's `R`, and in the context of its runs.
  change(self, { additions: [...self.definition.additions, instructions as Effect.Effect<string, unknown>] })
)

/**
 * The agent with these limits; those not named stay as they are.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withLimits: {
  (limits: Limits): <Output, E, R>(self: Agent<Output, E, R>) => Agent<Output, E, R>
  <Output, E, R>(self: Agent<Output, E, R>, limits: Limits): Agent<Output, E, R>
} = dual(2, (self: Any, limits: Limits) =>
  // Through `complete`, which checks their bounds.
  change(self, { limits: complete(self.name, { limits: { ...self.definition.limits, ...limits } }).limits })
)

/**
 * The agent with these model settings; those not named stay as they are.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withSettings: {
  (settings: Settings): <Output, E, R>(self: Agent<Output, E, R>) => Agent<Output, E, R>
  <Output, E, R>(self: Agent<Output, E, R>, settings: Settings): Agent<Output, E, R>
} = dual(2, (self: Any, settings: Settings) => change(self, { settings: { ...self.definition.settings, ...settings } }))

/**
 * The agent, which can now only run where an identity is provided: forgetting it is a compile error.
 *
 * @category combinators
 * @since 0.1.0
 */
export const requireIdentity = <Output, E, R>(self: Agent<Output, E, R>): Agent<Output, E, R | Identity> => self

// internal

const proto = Object.assign(Object.create(Runnable.proto), {
  [TypeId]: { _Output: (_: never) => _, _E: (_: never) => _, _R: (_: never) => _ }
})

const fromDefinition = (definition: Definition): Agent<never> =>
  Object.assign(Object.create(proto), {
    name: definition.name,
    description: definition.description,
    behavior: Views.behavior(definition),
    definition
  })

const change = (self: Any, patch: Partial<Definition>): Agent<never> => fromDefinition({ ...self.definition, ...patch })
