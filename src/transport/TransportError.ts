/**
 * What can go wrong between a request and its answer, in words that hold for every vendor. The reason says what to do
 * about it (`isRetryable`, `retryAfterMillis`), `replay` whether sending again may do the work twice.
 */
import * as Schema from "effect/Schema"

/**
 * The kinds of failure. The first four may pass by themselves.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ReasonTag = Schema.Literal(
  "RateLimited",
  "Overloaded",
  "Network",
  "Timeout",
  "Authentication",
  "InvalidRequest",
  "ContextOverflow",
  "Filtered",
  "Malformed"
)
export type ReasonTag = typeof ReasonTag.Type

/**
 * Why the request failed.
 *
 * **Details**
 *
 * - `message`, `status`, `type`, `code`: the vendor's own, where it gave any. Never a key or a header.
 * - `requestId`: the vendor's name for the request; say it when asking the vendor about a failure.
 * - `retryAfterMillis`: how long the vendor asks to wait.
 * - `permanent`: waiting will not help although the kind is one that usually passes (a spent quota).
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reason = Schema.Struct({
  _tag: ReasonTag,
  message: Schema.String,
  status: Schema.optional(Schema.Finite),
  type: Schema.optional(Schema.String),
  code: Schema.optional(Schema.String),
  requestId: Schema.optional(Schema.String),
  retryAfterMillis: Schema.optional(Schema.Finite),
  permanent: Schema.optional(Schema.Boolean)
})
export interface Reason extends Schema.Schema.Type<typeof Reason> {}

/**
 * Whether the request may be sent again without doing its work twice.
 *
 * **Details**
 *
 * - `safe`: the vendor refused it or never got it. `unknown`: it may have been taken. `acknowledged`: part of the answer
 *   had arrived.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Replay = Schema.Literal("safe", "unknown", "acknowledged")
export type Replay = typeof Replay.Type

const advice: { readonly [Tag in ReasonTag]: string } = {
  RateLimited: "Wait, or lower the request rate.",
  Overloaded: "The vendor has trouble; try again later.",
  Network: "Check the base URL and that the server is running and reachable.",
  Timeout: "Try again, or allow more time.",
  Authentication: "Check the API key and that it may use this model.",
  InvalidRequest: "The vendor refused the request as it is.",
  ContextOverflow: "Shorten the conversation, or use a model with a larger context window.",
  Filtered: "The vendor's content filter refused it.",
  Malformed: "The server sent something that is not an answer of this API; check the base URL."
}

/** What to do about it. A vendor may say more than the kind of failure does. */
const adviceOf = ({ _tag, permanent, status }: Reason): string =>
  permanent === true && _tag === "RateLimited"
    ? "Waiting does not help."
    : _tag === "InvalidRequest" && status === 404
      ? "Check the model and the base URL."
      : advice[_tag]

/** Vendors end their messages with a full stop or not. */
const sentence = (text: string): string => (/[.!?…:;,]$/.test(text.trimEnd()) ? text.trimEnd() : `${text.trimEnd()}.`)

const retryable: ReadonlySet<ReasonTag> = new Set(["RateLimited", "Overloaded", "Network", "Timeout"])

/**
 * A model request failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", {
  vendor: Schema.String,
  model: Schema.String,
  reason: Reason,
  replay: Replay
}) {
  /** Whether the same request may succeed later. Says nothing on whether it is safe to repeat: see `replay`. */
  get isRetryable(): boolean {
    return retryable.has(this.reason._tag) && this.reason.permanent !== true
  }
  /** Milliseconds the vendor asks to wait, if it does. */
  get retryAfterMillis(): number | undefined {
    return this.reason.retryAfterMillis
  }
  override get message(): string {
    const { _tag, code, message, requestId, status } = this.reason
    const request = requestId === undefined ? undefined : `request ${requestId}`
    const detail = [status, code, request].filter((item) => item !== undefined).join(" ")
    // Without a status it was refused on this side, in words that say what to do.
    const isOurs = status === undefined && (_tag === "InvalidRequest" || _tag === "Authentication")
    return `${this.vendor} ${this.model}: ${_tag}${detail ? ` (${detail})` : ""}: ${isOurs ? message : `${sentence(message)} ${adviceOf(this.reason)}`}`
  }
}

/**
 * How long to wait before a request that failed is sent again, in milliseconds: as long as the vendor asks, or half a second
 * that doubles with every time it was sent again before. `undefined` when it will not pass, or not within a minute.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pauseMillis = (error: TransportError, again: number): number | undefined => {
  const millis = error.retryAfterMillis ?? Math.min(30_000, 500 * 2 ** again)
  return error.isRetryable && millis <= 60_000 ? millis : undefined
}
