/**
 * The typed failures of a run that are not a port's own. Failures of tools are results, and denials, stops and approvals
 * are values; only what ends a run stands here. All encode to JSON and back and hold no secrets.
 */
import * as Schema from "effect/Schema"
import { LimitName } from "./Outcome.ts"

/**
 * A limit was reached and the run was told to fail on it (`onLimit: "fail"`).
 *
 * **Details**
 *
 * - Units of `max` and `actual`: those of the limit (turns, calls, tokens, US dollars, milliseconds).
 *
 * @category errors
 * @since 0.1.0
 */
export class LimitExceeded extends Schema.TaggedError<LimitExceeded>()("LimitExceeded", {
  limit: LimitName,
  max: Schema.Finite,
  actual: Schema.Finite
}) {
  override get message(): string {
    if (this.limit.startsWith("budget")) {
      const what = this.limit.slice("budget".length)
      return (
        `The budget that this run shares allows ${this.max} ${what.charAt(0).toLowerCase()}${what.slice(1)} ` +
        `(this would make ${this.actual}). Raise it where the budget is provided, or try again in its next window.` +
        (isEstimated(this.limit)
          ? " A request reserves the longest answer it may get: a lower settings.maxOutputTokens reserves less."
          : "")
      )
    }
    return (
      `The run reached its limit of ${this.max} ${this.limit} (at ${this.actual}). ` +
      `Raise limits.${this.limit}, or set onLimit to "answer" to get one last answer instead of this error.`
    )
  }
}

/**
 * The model gave no answer: nothing at all after a nudge (`empty`), or only reasoning until its output limit (`length`).
 *
 * @category errors
 * @since 0.1.0
 */
export class EmptyAnswer extends Schema.TaggedError<EmptyAnswer>()("EmptyAnswer", {
  cause: Schema.Literal("empty", "length"),
  turn: Schema.Finite
}) {
  override get message(): string {
    return this.cause === "length"
      ? `Turn ${this.turn} reached the output limit before any answer. Raise settings.maxOutputTokens.`
      : `Turn ${this.turn} was empty, also after a nudge. The model may not support this conversation or its tools.`
  }
}

/**
 * A tool failed, and either its `Fatal` annotation or the agent's `toolFailure: "fail"` ends the run on that.
 *
 * @category errors
 * @since 0.1.0
 */
export class ToolFailed extends Schema.TaggedError<ToolFailed>()("ToolFailed", {
  tool: Schema.String,
  call: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `Tool ${this.tool} failed and the run was told to end on that: ${this.description}`
  }
}

/**
 * The final answer does not match the output schema, also after the allowed repairs.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutputInvalid extends Schema.TaggedError<OutputInvalid>()("OutputInvalid", {
  description: Schema.String,
  text: Schema.String
}) {
  override get message(): string {
    // Several problems are a list that begins with a line break.
    const problems = this.description.startsWith("\n") ? this.description : ` ${this.description}`
    return (
      `The answer does not match the output schema:${problems}\n` +
      "Raise repairs in Output.make, describe the fields in the schema, or ask another model; " +
      "the answer is in the field text."
    )
  }
}

// internal

/** Whether what a request will use of it is not known before, and is reserved by an estimate. */
const isEstimated = (limit: LimitName): boolean => limit === "budgetTokens" || limit === "budgetCostUsd"
