/**
 * An agent is an immutable value: instructions, tools, limits. Running it is an `Effect`, watching it is a `Stream` of
 * that same run, and steering it goes through a handle; all three are views of one loop. What an agent needs stands in
 * its `R`, and forgetting any of it is a compile error.
 */

import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Mailbox from "effect/Mailbox"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ContextStore } from "../context/ContextStore.ts"
import type { Identity } from "../context/Identity.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import { SessionId } from "../domain/Ids.ts"
import * as Message from "../domain/Message.ts"
import * as Tool from "../tool/Tool.ts"
import type * as Toolkit from "../tool/Toolkit.ts"
import type { Settings, Transport } from "../transport/Transport.ts"
import { Activities } from "./Activities.ts"
import type { Definition, Options } from "./Definition.ts"
import { complete } from "./Definition.ts"
import * as Edges from "./Edges.ts"
import * as EventLog from "./EventLog.ts"
import type { Limits } from "./Limits.ts"
import * as Loop from "./Loop.ts"
import * as Result from "./Result.ts"
import * as Steering from "./Steering.ts"
import * as StopSignal from "./StopSignal.ts"

/**
 * Everything a run may fail with, besides what building its toolkits may fail with.
 *
 * @category errors
 * @since 0.1.0
 */
export type AgentError = Loop.LoopError

const TypeId = "~axonal/agent/Agent"

/**
 * An agent. `Output` is what a run results in, `E` how building its toolkits may fail, `R` what its tools need.
 *
 * @category models
 * @since 0.1.0
 */
export interface Agent<out Output = string, out E = never, out R = never> extends Pipeable {
  readonly [TypeId]: {
    readonly _Output: (_: never) => Output
    readonly _E: (_: never) => E
    readonly _R: (_: never) => R
  }
  readonly name: string
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
type AnyTools = ReadonlyArray<Tool.WithHandler<any>>

type RequirementsOf<T> = T extends Tool.WithHandler<infer R> ? R : never

/** Distributes over the tools, so that none at all need nothing. */
type ToolRequirements<Tools extends AnyTools> = RequirementsOf<Tools[number]>

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
export const make = <Kit extends Toolkit.Any = never, const Tools extends AnyTools = []>(
  name: string,
  options?: Options<Kit, Tools>
): Agent<string, Toolkit.Failure<Kit>, Toolkit.Requirements<Kit> | ToolRequirements<Tools>> => {
  return fromDefinition(complete(name, options ?? {}))
}

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
  Stream.fromChannel(
    Channel.acquireUseRelease(
      Effect.flatMap(Mailbox.make<AgentEvent, AgentError | E>(4096), (mailbox) => {
        const loop = interpret(agent, input, { ...options, forked: true }, (events) => {
          const left = mailbox.unsafeOfferAll(events)
          // Part of them is on its way: a run that is stopped meanwhile must not take back the rest.
          return Chunk.isEmpty(left) ? undefined : Effect.uninterruptible(mailbox.offerAll(left))
        })
        const written = Effect.onExit(loop, (exit) => mailbox.done(Exit.asVoid(exit)))
        return Effect.map(Effect.uninterruptible(Effect.forkDaemon(written)), (fiber) => ({ fiber, mailbox }))
      }),
      ({ mailbox }) => Mailbox.toChannel(mailbox),
      // Nobody reads any more, and the loop must not wait for anybody: that first.
      ({ fiber, mailbox }) => Effect.zipRight(mailbox.shutdown, Fiber.interrupt(fiber))
    )
  )

/**
 * Runs an agent to its end: the fold of the events that `stream` would give.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = <Output, E, R>(
  agent: Agent<Output, E, R>,
  input: Message.Input,
  options?: Loop.Options & {
    /** Sees every batch of events, at no cost but its own. */
    readonly onEvents?: ((events: ReadonlyArray<AgentEvent>) => void) | undefined
  }
): Effect.Effect<Result.Result<Output>, AgentError | E, R | Transport | ContextStore> =>
  Effect.suspend(() => {
    const folding = Result.begin()
    const onEvents = options?.onEvents
    const loop = interpret(agent, input, options ?? {}, (events) => {
      Result.push(folding, events)
      if (onEvents !== undefined) onEvents(events)
      return undefined
    })
    return Effect.flatMap(loop, () => resultOf<Output>(folding))
  })

/**
 * A run that goes on by itself, until its scope closes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handle<out Output = string, out E = never> {
  readonly session: SessionId
  /** All events of the run, from the first on, for any number of readers at any time. */
  readonly events: Stream.Stream<AgentEvent, AgentError | E>
  /** The result, once the run has ended. */
  readonly await: Effect.Effect<Result.Result<Output>, AgentError | E>
  /** Joins the conversation before the next model request. Answers `false` when the run no longer listens. */
  readonly steer: (input: Message.Input) => Effect.Effect<boolean>
  /** Joins the conversation when the run would otherwise end. Answers `false` when the run no longer listens. */
  readonly followUp: (input: Message.Input) => Effect.Effect<boolean>
  /** Asks the run to stop, and waits until it has. It ends with reason `stopped` and keeps what it has. */
  readonly stop: Effect.Effect<void>
}

/**
 * Starts a run in the background of a scope and answers its handle.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = <Output, E, R>(
  agent: Agent<Output, E, R>,
  input: Message.Input,
  options?: Loop.Options
): Effect.Effect<Handle<Output, E>, never, R | Transport | ContextStore | Scope.Scope> =>
  Effect.gen(function* () {
    const activities = yield* Activities
    const session = options?.session ?? SessionId.make(yield* activities.id("session"))
    const steering = Steering.make()
    const asked = yield* Deferred.make<void>()
    const own = StopSignal.fromDeferred(asked)
    const stopSignal = options?.stopSignal === undefined ? own : Effect.raceFirst(own, options.stopSignal)
    const log = EventLog.make<AgentError | E>()
    const fiber = yield* fork(
      interpret(agent, input, { ...options, session, stopSignal, steering, forked: true }, (events) => {
        EventLog.append(log, events)
        return undefined
      }),
      (exit) => Effect.sync(() => EventLog.close(log, exit))
    )
    const settled = Fiber.await(fiber)
    return {
      session,
      events: EventLog.read(log),
      await: Effect.flatMap(Effect.flatten(settled), () =>
        Effect.suspend(() => {
          const folding = Result.begin()
          Result.push(folding, log.events)
          return resultOf<Output>(folding)
        })
      ),
      steer: (words) => Effect.sync(() => Steering.steer(steering, Message.fromInput(words))),
      followUp: (words) => Effect.sync(() => Steering.followUp(steering, Message.fromInput(words))),
      stop: Effect.zipRight(Deferred.succeed(asked, undefined), Effect.asVoid(settled))
    }
  })

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
 * @category combinators
 * @since 0.1.0
 */
export const withoutTools = <Output, E, R>(self: Agent<Output, E, R>): Agent<Output> =>
  fromDefinition({ ...self.definition, sources: [] })

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

const proto = {
  [TypeId]: { _Output: (_: never) => _, _E: (_: never) => _, _R: (_: never) => _ },
  pipe() {
    // biome-ignore lint/complexity/noArguments: Effect's `Pipeable` is made this way
    return pipeArguments(this, arguments)
  }
}

const fromDefinition = (definition: Definition): Agent<never> =>
  Object.assign(Object.create(proto), { name: definition.name, definition })

const change = (self: Any, patch: Partial<Definition>): Agent<never> => fromDefinition({ ...self.definition, ...patch })

/**
 * The loop, with the requirements and failures that the agent's type tells of: the tools' own, which the loop itself has
 * no names for.
 */
const interpret = <Output, E, R>(
  agent: Agent<Output, E, R>,
  input: Message.Input,
  options: Parameters<typeof Loop.run>[2],
  sink: Parameters<typeof Loop.run>[3]
): Effect.Effect<void, AgentError | E, R | Transport | ContextStore> =>
  Loop.run(agent.definition, Message.fromInput(input), options, sink)

/** Forks a run in the current scope so that even one that is cancelled at once says how it ended. */
const fork = <E, R>(
  loop: Effect.Effect<void, E, R>,
  onExit: (exit: Exit.Exit<void, E>) => Effect.Effect<unknown>
): Effect.Effect<Fiber.RuntimeFiber<void, E>, never, R | Scope.Scope> =>
  Effect.uninterruptible(Effect.forkScoped(Effect.onExit(loop, onExit)))

/** The loop never ends well without a `RunEnd`, and only typed answers will make `Output` other than text. */
const resultOf = <Output>(folding: Result.Folding): Effect.Effect<Result.Result<Output>> => {
  const result = Result.finish(folding)
  return result === undefined
    ? Effect.dieMessage("A run ended without RunEnd; this is a defect of the loop")
    : Effect.succeed(result as Result.Result<never>)
}
