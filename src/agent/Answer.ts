/**
 * What a model answered, and what that means for the run. Pure: the loop asks here and acts itself.
 */

import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import type { FinishReason } from "../domain/Outcome.ts"
import type { Usage } from "../domain/Usage.ts"

/**
 * One model answer as the loop needs it: plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly message: Message
  readonly reason: FinishReason
  readonly usage: Usage
}

/**
 * Whether an answer says or does anything: more than reasoning and empty text.
 *
 * @category predicates
 * @since 0.1.0
 */
export const hasContent = (message: Message): boolean =>
  message.parts.some((part) => part.type !== "reasoning" && (part.type !== "text" || part.text !== ""))

/**
 * The message of an answer that a session keeps: one with content, or a pause, which the next request has to take up.
 *
 * @category converters
 * @since 0.1.0
 */
export const kept = ({ message, reason }: Pick<Answer, "message" | "reason">): Message | undefined =>
  hasContent(message) || (reason === "pause" && message.parts.length > 0) ? message : undefined

/**
 * Whether the answer has calls that may run: only a complete one does.
 *
 * @category predicates
 * @since 0.1.0
 */
export const runs = (answer: Answer): boolean =>
  (answer.reason === "stop" || answer.reason === "tool-calls") && Messages.toolCalls(answer.message).length > 0

/**
 * What an answer means for the run: it goes on, there was no answer, or the run is over with this reason.
 *
 * @category converters
 * @since 0.1.0
 */
export const meaning = (answer: Answer): "on" | "empty" | "completed" | "length" | "content-filter" => {
  const { reason } = answer
  if (reason === "pause") return "on"
  if (!hasContent(answer.message) && reason !== "content-filter") return "empty"
  if (runs(answer)) return "on"
  return reason === "length" || reason === "content-filter" ? reason : "completed"
}

/**
 * Why the calls of an answer must not run, in words for their results. `undefined` when they may.
 *
 * @category converters
 * @since 0.1.0
 */
export const refusal = (answer: Answer, forbidden: boolean, over: boolean): string | undefined => {
  if (forbidden) return "tools were forbidden in this turn"
  if (!runs(answer)) return `the answer was cut off (${answer.reason})`
  return over ? "the limit of tool calls is reached" : undefined
}

/**
 * A word to a model that said nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nudge: Message = {
  ...Messages.user("Your last answer was empty. Continue with the task, or answer with what you have."),
  meta: { axonal: { nudge: true } }
}

/**
 * A word to a model that makes the same call again and again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const repeating: Message = {
  ...Messages.user(
    "You have made the same call with the same result several times. Do something else, or answer with what you have."
  ),
  meta: { axonal: { repeating: true } }
}
