/**
 * How a handler is run: each attempt within its time, again as its schedule says, and not at all when the result of an
 * equal call is still known. A tool that says nothing of this is run as it is, at no cost.
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Schedule from "effect/Schedule"
import { canonical } from "./internal/plain.ts"
import * as Sharing from "./internal/sharing.ts"
import type { CacheOptions } from "./Tool.ts"
import { ToolContext } from "./ToolContext.ts"
import type { Answer } from "./ToolResult.ts"

/**
 * What a handler came to: an encoded success, or an encoded failure.
 *
 * @category models
 * @since 0.1.0
 */
export interface Executed {
  readonly failed: boolean
  readonly value: unknown
  /** Present and true when its time was over; `failed` is true then, too. */
  readonly timedOut?: boolean | undefined
  /** What the handler said besides its value. */
  readonly answer?: Answer<unknown> | undefined
}

/**
 * Runs a handler with decoded arguments.
 *
 * @category models
 * @since 0.1.0
 */
export type Execute = (parameters: unknown) => Effect.Effect<Executed, unknown>

/**
 * What a tool says of how its handler is run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly timeout: Duration.DurationInput | undefined
  readonly retry: Schedule.Schedule<unknown, unknown> | undefined
  readonly cache: CacheOptions | undefined
  /** The arguments as JSON, by which equal calls are known. */
  readonly encode: (parameters: unknown) => Effect.Effect<unknown, ParseResult.ParseError>
}

/**
 * Runs a handler within its bounds. `owner` has the cache: what is not the same object has other results.
 *
 * @category combinators
 * @since 0.1.0
 */
export const within = (execute: Execute, options: Options, owner: object): Execute => {
  const { cache, encode, retry, timeout } = options
  const timed: Execute = timeout === undefined ? execute : (parameters) => inTime(execute(parameters), timeout)
  const tried: Execute = retry === undefined ? timed : (parameters) => again(timed(parameters), retry)
  return cache === undefined ? tried : shared(tried, sharingOf(owner, options, cache), encode)
}

// internal

const inTime = (
  attempt: Effect.Effect<Executed, unknown>,
  duration: Duration.DurationInput
): Effect.Effect<Executed, unknown> =>
  Effect.timeoutTo(attempt, {
    duration,
    onSuccess: (executed): Executed => executed,
    onTimeout: () => ({ failed: true, value: undefined, timedOut: true })
  })

/** An attempt that came to nothing: what schedules are given, and what the call comes to if there is no other attempt. */
interface Failed {
  readonly error: unknown
  readonly executed: Executed | undefined
}

const again = (
  attempt: Effect.Effect<Executed, unknown>,
  schedule: Schedule.Schedule<unknown, unknown>
): Effect.Effect<Executed, unknown> =>
  Effect.matchEffect(attempt, {
    onFailure: (error) => Effect.fail<Failed>({ error, executed: undefined }),
    onSuccess: (executed) =>
      executed.failed
        ? Effect.fail<Failed>({
            error: executed.timedOut === true ? new Cause.TimeoutException() : executed.value,
            executed
          })
        : Effect.succeed(executed)
  }).pipe(
    Effect.retry(Schedule.mapInput(schedule, (failed: Failed) => failed.error)),
    Effect.catchAll(({ error, executed }) => (executed === undefined ? Effect.fail(error) : Effect.succeed(executed)))
  )

/** One for each handler and tool: a handler that was made with other services may have other results. */
const sharings = new WeakMap<object, Map<Options, Sharing.Sharing<Executed>>>()

const sharingOf = (owner: object, options: Options, cache: CacheOptions): Sharing.Sharing<Executed> => {
  const ofOwner = sharings.get(owner) ?? new Map<Options, Sharing.Sharing<Executed>>()
  sharings.set(owner, ofOwner)
  const sharing = ofOwner.get(options) ?? Sharing.make<Executed>(cache)
  ofOwner.set(options, sharing)
  return sharing
}

const shared =
  (execute: Execute, sharing: Sharing.Sharing<Executed>, encode: Options["encode"]): Execute =>
  (parameters) =>
    Effect.flatMap(Effect.zip(Effect.orDie(encode(parameters)), ToolContext), ([input, { identity }]) =>
      Sharing.get(sharing, canonical([identity, input]), execute(parameters), (executed) => !executed.failed)
    )
