/**
 * What Axonal adds to the `Tool` of `@effect/ai`: annotations that bound how a tool runs, and tools that carry their
 * handler. The tool type itself is `@effect/ai`'s, so any toolkit of an Effect application works here unchanged.
 */
import type * as AiTool from "@effect/ai/Tool"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"

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
 * A tool together with its handler. Made by `Agent.tool`.
 *
 * @category models
 * @since 0.1.0
 */
export interface WithHandler<out R = never> {
  readonly tool: AiTool.Any
  readonly handler: (parameters: never) => Effect.Effect<unknown, unknown, R>
}
