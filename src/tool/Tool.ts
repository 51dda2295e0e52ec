/**
 * What Axonal adds to the `Tool` of `@effect/ai`: annotations that bound how a tool runs, and tools that carry their
 * handler. The tool type itself is `@effect/ai`'s, so any toolkit of an Effect application works here unchanged.
 */
import * as AiTool from "@effect/ai/Tool"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import * as Bounds from "./internal/bounds.ts"
import type { Answer, Progress } from "./ToolResult.ts"

/**
 * How long one call may take before it is interrupted. Unbounded unless annotated.
 *
 * @category annotations
 * @since 0.1.0
 */
export class Timeout extends Context.Tag("axonal/tool/Timeout")<Timeout, Duration.DurationInput>() {}

/**
 * How many calls of this tool may run at once within a run, below the agent's own bound.
 *
 * @category annotations
 * @since 0.1.0
 */
export class Concurrency extends Context.Tag("axonal/tool/Concurrency")<Concurrency, number>() {}

/**
 * A tool that runs alone: everything before it has ended, nothing after it has begun.
 *
 * @category annotations
 * @since 0.1.0
 */
export class Exclusive extends Context.Tag("axonal/tool/Exclusive")<Exclusive, boolean>() {}

/**
 * A tool that the default guard asks a person about.
 *
 * @category annotations
 * @since 0.1.0
 */
export class NeedsApproval extends Context.Tag("axonal/tool/NeedsApproval")<NeedsApproval, boolean>() {}

/**
 * How many characters of text a result may have before its middle is cut out. 32,768 unless annotated.
 *
 * @category annotations
 * @since 0.1.0
 */
export class ResultBound extends Context.Tag("axonal/tool/ResultBound")<ResultBound, number>() {}

/**
 * A tool whose failure ends the run as `ToolFailed`.
 *
 * @category annotations
 * @since 0.1.0
 */
export class Fatal extends Context.Tag("axonal/tool/Fatal")<Fatal, boolean>() {}

/**
 * Where a tool comes from. Tools of MCP servers and plugins are `external`, and the default guard asks about them.
 *
 * @category annotations
 * @since 0.1.0
 */
export class Origin extends Context.Tag("axonal/tool/Origin")<Origin, "application" | "external">() {}

/**
 * A raw JSON schema to show the model instead of the one derived from the parameters.
 *
 * @category annotations
 * @since 0.1.0
 */
export class InputSchema extends Context.Tag("axonal/tool/InputSchema")<InputSchema, object>() {}

/**
 * A tool whose success ends the run, with its result as the run's output.
 *
 * @category annotations
 * @since 0.1.0
 */
export class EndsRun extends Context.Tag("axonal/tool/EndsRun")<EndsRun, boolean>() {}

/**
 * How many calls of this tool may start in one run. Those beyond are skipped, and told so. Unbounded unless annotated.
 *
 * @category annotations
 * @since 0.1.0
 */
export class MaxCalls extends Context.Tag("axonal/tool/MaxCalls")<MaxCalls, number>() {}

/**
 * When a call that failed or timed out is tried again. Only for tools that are `Idempotent` or `Readonly`: anything else
 * is a defect when the tool is first used.
 *
 * @category annotations
 * @since 0.1.0
 */
export class Retry extends Context.Tag("axonal/tool/Retry")<Retry, Schedule.Schedule<unknown, unknown>>() {}

/**
 * Which results of a deterministic tool are used again, within this process.
 *
 * **Details**
 *
 * - The same arguments on behalf of the same identity are the same call; `capacity` of them are kept for `timeToLive`.
 * - Equal calls at the same time share one execution. It lives until the last of them is interrupted.
 * - Only successes are kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheOptions {
  readonly capacity: number
  readonly timeToLive: Duration.DurationInput
}

/**
 * A deterministic tool whose results are used again.
 *
 * @category annotations
 * @since 0.1.0
 */
export class Cache extends Context.Tag("axonal/tool/Cache")<Cache, CacheOptions>() {}

/**
 * What a handler answers with: an effect of the result, or a stream that shows its values on the way and whose last one
 * is the result.
 *
 * @category models
 * @since 0.1.0
 */
export type Answering<A, E, R> = Effect.Effect<A | Answer<A>, E, R> | Stream.Stream<A | Answer<A> | Progress, E, R>

/**
 * A tool together with its handler. Made by `Agent.tool`.
 *
 * **Details**
 *
 * - `offered`: whether a run tells its model of the tool, asked once where the run begins; always when absent. One that is
 *   called all the same says itself why it should not be.
 *
 * @category models
 * @since 0.1.0
 */
export interface WithHandler<out R = never> {
  readonly tool: AiTool.Any
  readonly handler: (parameters: never) => Answering<unknown, unknown, R>
  readonly offered?: Effect.Effect<boolean> | undefined
}

/**
 * Tools that come and go while a run lives. Made by `Tool.living`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Living<out R = never> {
  readonly living: Effect.Effect<ReadonlyArray<WithHandler<R>>, never, R>
}

/**
 * What handlers of tools need.
 *
 * @category models
 * @since 0.1.0
 */
export type HandlerRequirements<T> = T extends WithHandler<infer R> | Living<infer R> ? R : never

/**
 * Tools that come and go while a run lives, for the `tools` of an agent: those of a server that may change them, say.
 *
 * **Details**
 *
 * - The effect is asked where a run begins and before each of its turns, so it should have its answer ready. The very same
 *   list, by reference, means that nothing has changed.
 * - The model sees what there is in its next request; a call of a tool that has gone meanwhile is told so. Vendors cache what
 *   requests begin with, and tools belong to that: a list that changes often costs more.
 *
 * @category constructors
 * @since 0.1.0
 */
export const living = <R = never>(tools: Effect.Effect<ReadonlyArray<WithHandler<R>>, never, R>): Living<R> => ({
  living: tools
})

/**
 * How a tool runs, and what the default guard should know of it. Each is the annotation of the same name.
 *
 * **Details**
 *
 * - `timeout` bounds each attempt, and `retry` says whether there is another one; its schedule is given what the handler
 *   failed with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Fields, Success, Failure> {
  readonly description?: string | undefined
  readonly parameters?: Fields | undefined
  readonly success?: Success | undefined
  readonly failure?: Failure | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly concurrency?: number | undefined
  readonly exclusive?: boolean | undefined
  readonly needsApproval?: boolean | undefined
  readonly readOnly?: boolean | undefined
  readonly destructive?: boolean | undefined
  readonly resultBound?: number | undefined
  readonly fatal?: boolean | undefined
  readonly idempotent?: boolean | undefined
  readonly endsRun?: boolean | undefined
  readonly maxCalls?: number | undefined
  readonly retry?: Schedule.Schedule<unknown, unknown> | undefined
  readonly cache?: CacheOptions | undefined
}

/**
 * Makes a tool that carries its handler, for programs in one file. What the handler needs is part of the agent's `R`.
 *
 * **Details**
 *
 * - `success`: how a result becomes JSON; any JSON value when absent, texts going to the model as they are.
 * - The handler answers with an effect, or with a stream: its values are shown as they come, and the last one is the
 *   result. A stream without any is a failure. `ToolResult.make` and `ToolResult.end` say more than a value.
 * - The handler may fail with anything: failures are told to the model, by `failure` when given.
 * - Errors: an empty name, `retry` without `idempotent` or `readOnly`, and a bound or a time that is out of range or none at
 *   all, throw: they are programming mistakes. `Infinity` is a bound that bounds nothing, but not for a cache.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const Name extends string,
  Fields extends Schema.Struct.Fields = {},
  Success extends Schema.Schema.Any = typeof Schema.Unknown,
  Failure extends Schema.Schema.All = typeof Schema.Never,
  E = never,
  R = never
>(
  name: Name,
  options: Options<Fields, Success, Failure>,
  handler: (parameters: Schema.Simplify<Schema.Struct.Type<Fields>>) => Answering<Schema.Schema.Type<Success>, E, R>
): WithHandler<R | Schema.Struct.Context<Fields> | Schema.Schema.Context<Success>> => {
  if (typeof name !== "string" || name.trim() === "") throw new TypeError("Tool name must be a non-empty string")
  Bounds.check(name, options)
  const made = AiTool.make(name, {
    description: options.description,
    parameters: options.parameters ?? {},
    success: options.success ?? Schema.Unknown,
    failure: options.failure ?? Schema.Never
  })
  return { tool: annotated(made, options), handler }
}

// internal

/** The tool with those annotations that the options give a value. */
const annotated = (
  tool: { readonly annotateContext: (context: Context.Context<never>) => AiTool.Any },
  options: Options<unknown, unknown, unknown>
): AiTool.Any => {
  const services = new Map<string, unknown>()
  const note = (tag: { readonly key: string }, value: unknown): void => {
    if (value !== undefined) services.set(tag.key, value)
  }
  note(Timeout, options.timeout)
  note(Concurrency, options.concurrency)
  note(Exclusive, options.exclusive)
  note(NeedsApproval, options.needsApproval)
  note(ResultBound, options.resultBound)
  note(Fatal, options.fatal)
  note(EndsRun, options.endsRun)
  note(MaxCalls, options.maxCalls)
  note(Retry, options.retry)
  note(Cache, options.cache)
  note(AiTool.Idempotent, options.idempotent)
  note(AiTool.Readonly, options.readOnly)
  note(AiTool.Destructive, options.destructive)
  return tool.annotateContext(Context.unsafeMake<never>(services))
}
