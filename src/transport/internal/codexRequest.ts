/**
 * What the backend of ChatGPT subscriptions demands beyond the Responses API, and how it says that a subscription is used
 * up. What it does not take at all (sampling, an output limit, stored answers) is left out by the codec of that API.
 */
import type { Message } from "../../domain/Message.ts"
import { system } from "../../domain/Message.ts"
import type { Request } from "../../domain/Request.ts"
import type { Failure } from "./failure.ts"
import { isJson, numberOf, parseJson, textOf } from "./json.ts"

/**
 * The request with instructions, which are not optional here: "Instructions are required".
 *
 * @category combinators
 * @since 0.1.0
 */
export const withInstructions = (request: Request): Request =>
  request.messages[0]?.role === "system" ? request : { ...request, messages: [instructions, ...request.messages] }

/**
 * A refusal with what the backend says of the subscription: which plan it is, and when its limit is lifted.
 *
 * **Details**
 *
 * - `{ error: { type: "usage_limit_reached", message, plan_type, resets_at, resets_in_seconds } }` with status 429. The
 *   wait is often hours.
 * - `usage_not_included`: no wait helps; the plan has no such usage.
 *
 * @category converters
 * @since 0.1.0
 */
export const refusal = (failure: Failure, body: string, now: number): Failure => {
  const value = parseJson(body)
  const error = isJson(value) && isJson(value["error"]) ? value["error"] : undefined
  if (error === undefined) return failure
  const kind = textOf(error["type"]) ?? textOf(error["code"])
  if (kind === "usage_not_included") return { ...failure, _tag: "RateLimited", permanent: true }
  if (kind !== "usage_limit_reached") return failure
  const resetsAt = numberOf(error["resets_at"])
  const seconds = numberOf(error["resets_in_seconds"])
  const said = seconds !== undefined ? seconds * 1000 : resetsAt !== undefined ? resetsAt * 1000 - now : undefined
  // A year is beyond every limit, and what a date can hold ends somewhere.
  const wait = said === undefined || said > 366 * 86_400_000 ? undefined : Math.max(0, Math.ceil(said))
  const plan = textOf(error["plan_type"])
  const facts = [
    plan === undefined ? [] : [`plan ${plan}`],
    wait === undefined ? [] : [`until ${new Date(now + wait).toISOString()}`]
  ].flat()
  return {
    ...failure,
    _tag: "RateLimited",
    message: facts.length === 0 ? failure.message : `${failure.message} (${facts.join(", ")})`,
    ...(wait === undefined ? undefined : { retryAfterMillis: Math.max(wait, failure.retryAfterMillis ?? 0) })
  }
}

// internal

const instructions: Message = system("You are a helpful assistant.")
