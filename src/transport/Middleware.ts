/**
 * Transports around transports: each combinator takes a transport, or a layer of one, and gives it back with one thing
 * more that it does. They compose in any order; `docs/middleware.md` says which order means what. What they keep
 * (places in a line, buckets, answers) belongs to the transport they made and is shared by all runs that use it. Times
 * are the Clock's.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as TokenCounter from "../context/TokenCounter.ts"
import * as Breaker from "./internal/middleware/breaker.ts"
import * as Cache from "./internal/middleware/cache.ts"
import * as Fallback from "./internal/middleware/fallback.ts"
import { Line } from "./internal/middleware/line.ts"
import type { ErrorOf } from "./internal/middleware/port.ts"
import { atLeast } from "./internal/middleware/port.ts"
import * as Rate from "./internal/middleware/rate.ts"
import * as Retry from "./internal/middleware/retry.ts"
import * as Tap from "./internal/middleware/tap.ts"
import * as Timeout from "./internal/middleware/timeout.ts"
import * as Transport from "./Transport.ts"
import type { ReasonTag } from "./TransportError.ts"
import { TransportError } from "./TransportError.ts"

/**
 * What a combinator can be applied to: a transport, or a layer that provides one, whatever else it provides.
 *
 * @category models
 * @since 0.1.0
 */
export type Target = Transport.Service | LayerTarget

/**
 * What comes of it: the same kind of thing, with the same errors and requirements.
 *
 * @category models
 * @since 0.1.0
 */
export type Wrapped<A extends Target> = A extends Transport.Service ? Transport.Service : A

/**
 * Something that a transport can be wrapped in, for `pipe`.
 *
 * @category models
 * @since 0.1.0
 */
export type Middleware = <A extends Target>(self: A) => Wrapped<A>

/**
 * A function that makes middleware of its options, or applies it at once to its first argument.
 *
 * @category models
 * @since 0.1.0
 */
export interface Combinator<Options extends ReadonlyArray<unknown>> {
  (...options: Options): Middleware
  <A extends Target>(self: A, ...options: Options): Wrapped<A>
}

/**
 * Middleware of your own: makes a transport of a transport, anew each time it is applied.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (wrap: (self: Transport.Service) => Transport.Service): Middleware => combinator(wrap)()

/**
 * When, how often and at what risk a request is sent again.
 *
 * @category models
 * @since 0.1.0
 */
export interface RetryOptions extends Retry.RetryOptions<TransportError> {}

/**
 * Sends a request again when it failed before anything of its answer was shown, the failure may pass, and sending again
 * is no risk.
 *
 * **Details**
 *
 * - What a vendor asks to wait (`retryAfterMillis`) is the least that is waited.
 * - Shown is text, reasoning, a call, any whole part. Until then deltas are held back, so that an attempt which comes
 *   to nothing is not seen. An answer that ends with an error or without a word before that counts as failed.
 * - The connection of a failed attempt is closed before the wait.
 * - Cost: one `suspend` per pull.
 *
 * **Gotchas**
 *
 * An agent sends requests again, too (`retries`, 2 unless said); say 0 there, or the two multiply.
 *
 * @category combinators
 * @since 0.1.0
 */
export const retry: Combinator<[options?: RetryOptions]> = combinator((self, options: RetryOptions = {}) =>
  Retry.retry(self, options, errorOf)
)

/**
 * A schedule for each kind of failure, each with a count of its own, for `retry`. Kinds without one are not retried.
 *
 * @category constructors
 * @since 0.1.0
 */
export const scheduleByReason: (
  schedules: {
    readonly [Tag in ReasonTag]?: Schedule.Schedule<unknown, TransportError> | undefined
  }
) => Schedule.Schedule<unknown, TransportError> = Retry.byReason

/**
 * A schedule by kind of failure: 5 times exponentially from a second after a rate limit, 3 times linearly by 2 seconds
 * when the vendor has trouble or the network fails, twice after a second when it took too long.
 *
 * @category constructors
 * @since 0.1.0
 */
export const schedulePatient: Schedule.Schedule<unknown, TransportError> = scheduleByReason({
  RateLimited: Schedule.intersect(Schedule.exponential("1 second"), Schedule.recurs(5)),
  Overloaded: Schedule.intersect(Schedule.linear("2 seconds"), Schedule.recurs(3)),
  Network: Schedule.intersect(Schedule.linear("2 seconds"), Schedule.recurs(3)),
  Timeout: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2))
})

/**
 * When the next transport is asked.
 *
 * @category models
 * @since 0.1.0
 */
export interface FallbackOptions extends Fallback.FallbackOptions<TransportError> {}

/**
 * Asks the next transport of a list when one fails before anything of its answer was shown.
 *
 * **Details**
 *
 * - The same request goes to each: history, tools and settings. `model` is the first's; `ResponseStart` names the one
 *   that answered, and the usage of an answer is priced by it.
 * - An answer that ends with an error or without a word before anything was shown counts as failed.
 * - When all have failed: one error that lists them, of a kind that may pass if any of them is. An error for which
 *   `retryOn` says no is the last.
 * - Cost: one `suspend` per pull.
 * - Throws a `TypeError` for an empty list.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fallback: {
  <E2, R2>(
    others: NonEmpty<Layer.Layer<Transport.Transport, E2, R2>>,
    options?: FallbackOptions
  ): <Out, E, R>(
    self: Layer.Layer<Out | Transport.Transport, E, R>
  ) => Layer.Layer<Out | Transport.Transport, E | E2, R | R2>
  (others: NonEmpty<Transport.Service>, options?: FallbackOptions): Middleware
  <Out, E, R, E2, R2>(
    self: Layer.Layer<Out | Transport.Transport, E, R>,
    others: NonEmpty<Layer.Layer<Transport.Transport, E2, R2>>,
    options?: FallbackOptions
  ): Layer.Layer<Out | Transport.Transport, E | E2, R | R2>
  <A extends Target>(self: A, others: NonEmpty<Transport.Service>, options?: FallbackOptions): Wrapped<A>
} = dual(
  (args) => isTarget(args[0]),
  (self: Target, others: ReadonlyArray<Target>, options: FallbackOptions = {}): Target => {
    if (others.length === 0) throw new TypeError("Middleware.fallback needs at least one other transport")
    return applied(self, others, (first, rest) => Fallback.fallback([first, ...rest], options, errorOf))
  }
)

/**
 * How much may be asked in a minute.
 *
 * @category models
 * @since 0.1.0
 */
export interface RateLimitOptions extends Rate.RateLimitOptions {}

/**
 * Keeps to a number of requests and tokens per minute; requests wait in the order of their coming.
 *
 * **Details**
 *
 * - A bucket holds a minute's worth and fills up steadily, so that a quiet minute is followed by a burst of as much.
 * - Tokens are taken by estimate and corrected by the usage of the answer; a refused request gives its tokens back.
 * - A request estimated at more than a minute's worth fails at once: `RateLimited` and `permanent`.
 * - Whoever is interrupted while waiting leaves the line and has taken nothing. Cost: one `flatMap` per pull for
 *   tokens, otherwise none.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rateLimit: Combinator<[options: RateLimitOptions]> = combinator((self, options: RateLimitOptions) =>
  Rate.rateLimit(self, { ...options, estimate: options.estimate ?? TokenCounter.estimate }, errorOf)
)

/**
 * Has at most so many answers open at once; the others wait in the order of their coming. A place is held until the
 * scope of its answer closes. Costs nothing per pull.
 *
 * @category combinators
 * @since 0.1.0
 */
export const concurrency: Combinator<[limit: number]> = combinator((self, limit: number) => {
  const line = new Line(atLeast("limit", limit, 1))
  return { model: self.model, open: (request) => Effect.zipRight(line.hold, self.open(request)) }
})

/**
 * When a vendor counts as down, and for how long.
 *
 * @category models
 * @since 0.1.0
 */
export interface CircuitBreakerOptions extends Breaker.CircuitBreakerOptions<TransportError> {}

/**
 * Sends nothing to a vendor that failed several times in a row: requests fail at once with `Overloaded`, which says
 * until when. Then one request is let through, and the rest go on failing until it has found out.
 *
 * **Details**
 *
 * - Answers cut off or ended with an error by the vendor count as failures; answers that the reader lets go of do not.
 * - Cost: one `match` per pull.
 *
 * @category combinators
 * @since 0.1.0
 */
export const circuitBreaker: Combinator<[options?: CircuitBreakerOptions]> = combinator(
  (self, options: CircuitBreakerOptions = {}) => Breaker.circuitBreaker(self, options, errorOf)
)

/**
 * How long a transport may take. What is absent is not bounded.
 *
 * @category models
 * @since 0.1.0
 */
export interface TimeoutOptions extends Timeout.TimeoutOptions {}

/**
 * Fails with `Timeout` when a bound is passed, and closes the connection. The message and `reason.code` name the bound.
 *
 * **Details**
 *
 * - A bound that the transport keeps itself is cheaper: those over HTTP watch for silence by `idleTimeout`, at no cost.
 * - Cost: one timer and one fiber per answer, and 5 us per pull (not per delta) while a bound holds: until the first
 *   delta, and after it only with `betweenDeltas` or `total`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const timeout: Combinator<[options: TimeoutOptions]> = combinator((self, options: TimeoutOptions) =>
  Timeout.timeout(self, options, errorOf)
)

/**
 * How many answers are kept, and for how long.
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheOptions extends Cache.CacheOptions {}

/**
 * Answers a request that was answered before from memory: same vendor, model and request, to the last setting.
 *
 * **Details**
 *
 * - Only answers that end with `stop` or `tool-calls` are kept; the least recently used go first.
 * - A kept answer comes in one pull, its pieces joined. It costs nothing: its usage is zero, and `meta.axonal.cached`
 *   of its `Finish` is true.
 * - Equal requests at the same time are all sent: each reader has an answer of its own, as it arrives.
 * - Cost: the JSON of each request, and one `flatMap` per pull.
 *
 * **Gotchas**
 *
 * Keys are whole requests, so a conversation of a megabyte is kept as a megabyte.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cache: Combinator<[options: CacheOptions]> = combinator((self, options: CacheOptions) =>
  Cache.cache(self, options)
)

/**
 * What may watch.
 *
 * @category models
 * @since 0.1.0
 */
export interface TapOptions extends Tap.TapOptions<TransportError> {}

/**
 * Watches requests and answers go by. The transport waits for what watches; when that dies it is logged, and the answer
 * goes on. Costs one `match` per pull, and what the taps do.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tap: Combinator<[options: TapOptions]> = combinator((self, options: TapOptions) => Tap.tap(self, options))

// internal

type LayerTarget = Layer.Layer<Transport.Transport, unknown, unknown>

type NonEmpty<A> = readonly [A, ...ReadonlyArray<A>]

const errorOf: ErrorOf<TransportError> = ({ id, vendor }, reason, replay) =>
  new TransportError({ vendor, model: id, reason, replay })

const isService = (target: Target): target is Transport.Service => "open" in target

const isTarget = (value: unknown): boolean =>
  Layer.isLayer(value) || (typeof value === "object" && value !== null && "open" in value)

/** A declaration, since the combinators above are made with it. */
function combinator<Options extends ReadonlyArray<unknown>>(
  wrap: (self: Transport.Service, ...options: Options) => Transport.Service
): Combinator<Options> {
  return dual(
    (args) => isTarget(args[0]),
    // A type that depends on a type parameter is not narrowed by looking at the value.
    <A extends Target>(self: A, ...options: Options) =>
      applied(self, [], (first) => wrap(first, ...options)) as Wrapped<A>
  )
}

/** What `wrap` makes of a transport and others. Of layers it is a layer, in which what `wrap` keeps is made. */
const applied = (
  self: Target,
  others: ReadonlyArray<Target>,
  wrap: (self: Transport.Service, others: ReadonlyArray<Transport.Service>) => Transport.Service
): Target => {
  if (isService(self)) return wrap(self, others.filter(isService))
  const built = (rest: ReadonlyArray<Target>, found: ReadonlyArray<Transport.Service>): LayerTarget => {
    const [next, ...more] = rest
    if (next === undefined)
      return Layer.map(self, (context) =>
        Context.add(context, Transport.Transport, wrap(Context.get(context, Transport.Transport), found))
      )
    if (isService(next)) return built(more, [...found, next])
    return Layer.flatMap(next, (context) => built(more, [...found, Context.get(context, Transport.Transport)]))
  }
  return built(others, [])
}
