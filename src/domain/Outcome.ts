/**
 * How things end: a tool call, a model answer, a run. Denied is never confused with interrupted, and a limit is never a
 * success, because each has its own word here and nowhere else.
 */
import * as Schema from "effect/Schema"

/**
 * How a tool call ended. Only `ok` means that the handler ran and succeeded.
 *
 * **Details**
 *
 * - `failed`: the handler failed or died; `invalid`: the arguments could not be read; `unknown-tool`: no such tool.
 * - `denied`: a guard or a person said no; `timed-out`: the tool's own time was over.
 * - `interrupted`: the run was cancelled while the call was pending or running; `skipped`: it never started.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CallOutcome = Schema.Literal(
  "ok",
  "failed",
  "invalid",
  "unknown-tool",
  "denied",
  "timed-out",
  "interrupted",
  "skipped"
)
export type CallOutcome = typeof CallOutcome.Type

/**
 * Why the model stopped, in the words of all vendors together. Tools run only after `stop` and `tool-calls`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FinishReason = Schema.Literal("stop", "tool-calls", "length", "content-filter", "pause", "error", "other")
export type FinishReason = typeof FinishReason.Type

/**
 * Why a run ended.
 *
 * **Details**
 *
 * - `completed`: the model answered; `length` and `content-filter`: it answered, and the vendor cut the answer.
 * - `limit`: a limit was reached; the event names it. `stopped`: asked to stop. `interrupted`: cancelled.
 * - `awaiting-approval`: calls wait for a person; `Agent.resume` goes on with the answers, in another process if need be.
 * - `blocked`: a message guard let the input or the answer not pass. `error`: a typed failure follows in the error channel.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RunReason = Schema.Literal(
  "completed",
  "length",
  "content-filter",
  "limit",
  "stopped",
  "interrupted",
  "awaiting-approval",
  "blocked",
  "error"
)
export type RunReason = typeof RunReason.Type

/**
 * The dimensions in which a run can be limited: its own, those of a budget that it shares with others, and how often a
 * conversation may be handed over.
 *
 * @category schemas
 * @since 0.1.0
 */
export const LimitName = Schema.Literal(
  "turns",
  "toolCalls",
  "inputTokens",
  "outputTokens",
  "totalTokens",
  "costUsd",
  "wallTime",
  "repeatedFailures",
  "identicalCalls",
  "handoffs",
  "budgetRequests",
  "budgetToolCalls",
  "budgetTokens",
  "budgetCostUsd"
)
export type LimitName = typeof LimitName.Type
