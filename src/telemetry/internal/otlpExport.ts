/**
 * Delivery of telemetry: a bounded queue, and a fiber that empties it in batches, sends a batch again for as long as that
 * can help, and delivers what is left when the scope closes. What is lost is counted and told, secrets never are.
 */
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientRequests from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"

/**
 * One request's worth of telemetry: `count` items.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch {
  readonly body: string
  readonly count: number
}

/**
 * A bounded queue. What is pushed into a full one is dropped and counted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Queue<in A> {
  readonly push: (item: A) => void
  readonly take: () => Batch | undefined
  readonly size: () => number
  /** How many were dropped since this was asked last. */
  readonly dropped: () => number
  /** Called when a whole batch is there. */
  onFull: () => void
}

/**
 * Makes a queue whose batches are encoded when they are taken.
 *
 * @category constructors
 * @since 0.1.0
 */
export const queue = <A>(
  limits: { readonly maxBatch: number; readonly maxQueue: number },
  encode: (items: ReadonlyArray<A>) => string
): Queue<A> => {
  let items: Array<A> = []
  let dropped = 0
  const made: Queue<A> = {
    push: (item) => {
      if (items.length >= limits.maxQueue) dropped++
      else if (items.push(item) % limits.maxBatch === 0) made.onFull()
    },
    take: () => {
      if (items.length === 0) return undefined
      const taken = items.slice(0, limits.maxBatch)
      items = items.slice(limits.maxBatch)
      return { body: encode(taken), count: taken.length }
    },
    size: () => items.length,
    dropped: () => {
      const count = dropped
      dropped = 0
      return count
    },
    onFull: () => undefined
  }
  return made
}

/**
 * How one kind of telemetry is delivered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** In words, for people: `spans`. */
  readonly what: string
  readonly client: HttpClient.HttpClient
  readonly request: HttpClientRequest.HttpClientRequest
  readonly interval: Duration.Duration
  /** How long one request may take. */
  readonly timeout: Duration.Duration
  readonly shutdownTimeout: Duration.Duration
  /** What there is to send, asked until there is nothing more. */
  readonly take: () => Batch | undefined
  readonly size?: (() => number) | undefined
  readonly dropped?: (() => number) | undefined
}

/**
 * A delivery that runs.
 *
 * **Details**
 *
 * - `flush` begins to deliver at once. `close` delivers what is there, within the deadline, and ends.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delivery {
  readonly flush: () => void
  readonly close: Effect.Effect<void>
}

/**
 * Starts to deliver, on a fiber that lives until the delivery is closed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (options: Options): Effect.Effect<Delivery> =>
  Effect.gen(function* () {
    const state: State = {
      ...options,
      wake: Effect.unsafeMakeLatch(false),
      closed: Effect.unsafeMakeLatch(false),
      closing: false,
      underway: 0
    }
    // Nothing of this is the business of the application's traces, and it may be stopped whoever built the layer.
    const fiber = yield* Effect.forkDaemon(Effect.interruptible(Effect.withTracerEnabled(deliver(state), false)))
    return {
      flush: () => void state.wake.unsafeOpen(),
      close: Effect.suspend(() => {
        state.closing = true
        state.closed.unsafeOpen()
        state.wake.unsafeOpen()
        return Fiber.await(fiber).pipe(
          Effect.interruptible,
          Effect.timeoutOption(state.shutdownTimeout),
          Effect.zipRight(Fiber.interruptFork(fiber)),
          Effect.zipRight(Effect.suspend(() => lost(state, state.underway + (state.size?.() ?? 0), "time was up")))
        )
      })
    }
  })

// internal

interface State extends Options {
  readonly wake: Effect.Latch
  readonly closed: Effect.Latch
  closing: boolean
  /** How many items are on their way. */
  underway: number
}

const firstWait = 1_000
const longestWait = 30_000
const longestAsked = 3_600_000

const deliver = (state: State): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (!state.closing) {
      yield* Effect.raceFirst(Effect.sleep(state.interval), state.wake.await)
      yield* state.wake.close
    }
    const { closing } = state
    yield* empty(state)
    yield* overflow(state)
    if (!closing) yield* deliver(state)
  })

const empty = (state: State): Effect.Effect<void> =>
  Effect.suspend(() => {
    const batch = state.take()
    if (batch === undefined) return Effect.void
    state.underway = batch.count
    return Effect.flatMap(send(state, batch, 0), () => {
      state.underway = 0
      return empty(state)
    })
  })

type Answer =
  | { readonly _tag: "Taken"; readonly rejected: number }
  | { readonly _tag: "Refused"; readonly why: string }
  | { readonly _tag: "Later"; readonly why: string; readonly askedMillis?: number | undefined }

const send = (state: State, batch: Batch, attempt: number): Effect.Effect<void> =>
  Effect.flatMap(post(state, batch), (answer) => {
    switch (answer._tag) {
      case "Taken":
        return lost(state, answer.rejected, "the server rejected them")
      case "Refused":
        return lost(state, batch.count, answer.why)
      case "Later":
        return Effect.logDebug(`Telemetry: ${batch.count} ${state.what} are sent again later: ${answer.why}`).pipe(
          Effect.zipRight(overflow(state)),
          Effect.zipRight(pause(state, attempt, answer.askedMillis)),
          Effect.zipRight(Effect.suspend(() => send(state, batch, attempt + 1)))
        )
    }
  })

/** Waits as long as the server asked. Without that, longer each time, and no longer once the scope closes. */
const pause = (state: State, attempt: number, askedMillis: number | undefined): Effect.Effect<void> => {
  if (askedMillis !== undefined) return Effect.sleep(Math.min(askedMillis, longestAsked))
  const most = Math.min(longestWait, firstWait * 2 ** attempt)
  const backoff = Effect.flatMap(Random.next, (random) => Effect.sleep(most * (0.5 + random / 2)))
  return state.closing ? backoff : Effect.raceFirst(backoff, state.closed.await)
}

const post = ({ client, request, timeout }: State, { body }: Batch): Effect.Effect<Answer> =>
  client.execute(HttpClientRequests.setBody(request, HttpBody.text(body, "application/json"))).pipe(
    Effect.matchEffect({
      onFailure: (error): Effect.Effect<Answer> =>
        // The request is part of the error, and headers are part of the request: only its kind is told.
        Effect.succeed(
          error._tag === "RequestError" && error.reason !== "Transport"
            ? { _tag: "Refused", why: `the request cannot be sent (${error.reason})` }
            : { _tag: "Later", why: "the server cannot be reached" }
        ),
      onSuccess: (response) =>
        // A body that is not read keeps its connection. What cannot be read of it changes nothing.
        Effect.flatMap(
          Effect.catchAll(response.text, () => Effect.succeed("")),
          (text) => Effect.map(Clock.currentTimeMillis, (now) => answerOf(response.status, response.headers, text, now))
        )
    }),
    Effect.timeoutTo({
      duration: timeout,
      onSuccess: (answer): Answer => answer,
      onTimeout: (): Answer => ({ _tag: "Later", why: `no answer within ${Duration.format(timeout)}` })
    }),
    // Nor is what a client died of: it may quote the header that it choked on.
    Effect.catchAllDefect(() => Effect.succeed<Answer>({ _tag: "Refused", why: "the HTTP client died" }))
  )

const temporary: ReadonlySet<number> = new Set([429, 502, 503, 504])

const answerOf = (
  status: number,
  headers: { readonly [name: string]: string | undefined },
  text: string,
  now: number
): Answer => {
  if (status >= 200 && status < 300) return { _tag: "Taken", rejected: rejectedOf(text) }
  const why = `the server answered ${status}`
  return temporary.has(status)
    ? { _tag: "Later", why, askedMillis: retryAfter(headers["retry-after"], now) }
    : { _tag: "Refused", why }
}

/** Seconds from now, or a date. */
const retryAfter = (value: string | undefined, now: number): number | undefined => {
  if (value === undefined || value.trim() === "") return undefined
  const seconds = Number(value)
  const millis = Number.isNaN(seconds) ? Date.parse(value) - now : seconds * 1000
  return Number.isNaN(millis) ? undefined : Math.max(0, millis)
}

/** How many items a server that took the request did not take: `partialSuccess.rejected…`. */
const rejectedOf = (text: string): number => {
  const found = /"rejected(?:Spans|DataPoints|LogRecords)"\s*:\s*"?(\d+)/.exec(text)
  return found === null ? 0 : Number(found[1])
}

const overflow = (state: State): Effect.Effect<void> =>
  Effect.suspend(() => lost(state, state.dropped?.() ?? 0, "the queue was full"))

const lost = ({ what }: State, count: number, why: string): Effect.Effect<void> =>
  count === 0 ? Effect.void : Effect.logWarning(`Telemetry: ${count} ${what} were lost: ${why}`)
