/**
 * One request over HTTP and its answer: sending, watching for silence, pulling, draining, closing. Errors are made by the
 * owner; what a body means is up to its decoder.
 */
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Delta } from "../../domain/Delta.ts"
import { priced } from "../../domain/Delta.ts"
import type { ModelInfo } from "../../domain/ModelInfo.ts"
import * as Alarm from "./alarm.ts"
import * as Body from "./body.ts"
import type { Failure } from "./failure.ts"
import { failureOfStatus, networkFailure, replayOf, requestIdOf, retryAfter } from "./failure.ts"

/**
 * Everything that arrived since the last pull; fails with `None` at the end.
 *
 * @category models
 * @since 0.1.0
 */
export type Pull<E> = Effect.Effect<ReadonlyArray<Delta>, Option.Option<E>>

/**
 * Reads one answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decoder {
  readonly failure: Failure | undefined
  readonly finished: boolean
  readonly started: boolean
  readonly push: (bytes: Uint8Array) => void
  readonly end: () => void
  readonly take: () => ReadonlyArray<Delta>
}

/**
 * A decoder whose deltas are changed before they are handed out: those of one time together, with whether the answer has
 * failed by then, so that what was held back can be let go.
 *
 * @category combinators
 * @since 0.1.0
 */
export const changed = (
  decoder: Decoder,
  change: (deltas: ReadonlyArray<Delta>, hasFailed: boolean) => ReadonlyArray<Delta>
): Decoder => ({
  get failure() {
    return decoder.failure
  },
  get finished() {
    return decoder.finished
  },
  get started() {
    return decoder.started
  },
  push: (bytes) => decoder.push(bytes),
  end: () => decoder.end(),
  take: () => change(decoder.take(), decoder.failure !== undefined)
})

type Replay = "safe" | "unknown" | "acknowledged"

/**
 * What the requests of one transport have in common.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wire<E> {
  readonly model: ModelInfo
  readonly origin: string
  readonly client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, Scope.Scope>
  readonly request: HttpClientRequest.HttpClientRequest
  readonly idleMillis: number
  readonly errorOf: (failure: Failure, replay: Replay) => E
  readonly refusal?: ((failure: Failure, body: string, now: number) => Failure) | undefined
}

/**
 * One request and its answer.
 *
 * @category models
 * @since 0.1.0
 */
export class Exchange<E> {
  private readonly wire: Wire<E>
  private readonly clock: Clock.Clock
  private readonly startedAt: number
  private readonly now: () => number
  /** Closing it makes the client abort the request. */
  private abort: Scope.CloseableScope | undefined
  private body: Body.Body | undefined
  private unwatch: (() => void) | undefined
  private timedOut = false
  /** The vendor's name for the request, once it has answered. */
  private requestId: string | undefined

  constructor(wire: Wire<E>, clock: Clock.Clock) {
    this.wire = wire
    this.clock = clock
    this.now = () => clock.unsafeCurrentTimeMillis()
    this.startedAt = this.now()
  }

  /** Succeeds when the vendor has accepted the request. */
  send(body: string, decoder: Decoder): Effect.Effect<Pull<E>, E> {
    const { client, request } = this.wire
    return Effect.flatMap(Scope.make(), (abort) => {
      this.abort = abort
      return Effect.zipRight(
        this.watch,
        Effect.matchEffect(
          Effect.provideService(
            client.execute(HttpClientRequest.setBody(request, HttpBody.raw(body))),
            Scope.Scope,
            abort
          ),
          {
            onFailure: (error) => Effect.fail(this.networkError(error, "open")),
            onSuccess: (response) =>
              Effect.flatMap(Body.open(response, this.now), (body) => {
                this.body = body
                this.requestId = requestIdOf(response.headers)
                return response.status >= 200 && response.status < 300
                  ? Effect.succeed(this.pull(body, decoder))
                  : this.refused(response, body)
              })
          }
        )
      )
    })
  }

  /** Lets go of everything. A connection whose answer was read to its end stays with the client, to be used again. */
  readonly close = Effect.suspend(() => {
    const { abort, body } = this
    this.abort = undefined
    this.unwatch?.()
    if (body !== undefined) {
      const ended = body.hasEnded()
      body.close(new Error("The answer was abandoned."))
      if (ended || body.kind !== "stream") return Effect.void
    }
    return abort === undefined ? Effect.void : Scope.close(abort, Exit.void)
  })

  private pull(body: Body.Body, decoder: Decoder): Pull<E> {
    const read = Effect.matchEffect(body.read, {
      onFailure: (error): Pull<E> =>
        Effect.fail(Option.some(this.networkError(error, decoder.started ? "acknowledged" : "unknown"))),
      onSuccess: (pieces): Pull<E> => {
        if (pieces === undefined) decoder.end()
        else for (const piece of pieces) decoder.push(piece)
        return next
      }
    })
    const next: Pull<E> = Effect.suspend(() => {
      const deltas: ReadonlyArray<Delta> = decoder.take()
      if (deltas.length > 0) {
        if (!decoder.finished) return Effect.succeed(deltas)
        const last = priced(deltas, this.wire.model)
        return body.hasEnded() ? Effect.succeed(last) : Effect.as(body.drain(drainMillis), last)
      }
      if (decoder.failure !== undefined) {
        return Effect.fail(
          Option.some(this.errorOf(decoder.failure, decoder.started ? "acknowledged" : replayOf(decoder.failure)))
        )
      }
      return decoder.finished ? ended : read
    })
    return next
  }

  private refused(response: HttpClientResponse.HttpClientResponse, body: Body.Body): Effect.Effect<never, E> {
    const decoder = new TextDecoder()
    let text = ""
    const read: Effect.Effect<void, unknown> = Effect.flatMap(body.read, (pieces) => {
      for (const piece of pieces ?? []) text += decoder.decode(piece, { stream: true })
      return pieces === undefined || text.length > errorBytes ? Effect.void : read
    })
    return Effect.flatMap(Effect.ignore(read), () => {
      const now = this.now()
      const common = failureOfStatus(response.status, text, retryAfter(response.headers, now))
      const failure = this.wire.refusal?.(common, text, now) ?? common
      return Effect.fail(this.errorOf(failure, replayOf(failure)))
    })
  }

  private errorOf(failure: Failure, replay: Replay): E {
    const requestId = failure.requestId ?? this.requestId
    return this.wire.errorOf(requestId === undefined ? failure : { ...failure, requestId }, replay)
  }

  private networkError(error: unknown, replay: Replay | "open"): E {
    const { idleMillis, origin } = this.wire
    if (this.timedOut) {
      const message = `${origin} sent nothing for ${idleMillis} ms.`
      return this.errorOf({ _tag: "Timeout", message }, replay === "open" ? "unknown" : replay)
    }
    const { failure, reached } = networkFailure(error, origin, replay === "open")
    return this.errorOf(failure, replay !== "open" ? replay : reached ? "unknown" : "safe")
  }

  /** One timer per request and none per delta: it looks how long the reader has been waiting, and is set again. */
  private get watch(): Effect.Effect<void> {
    const { idleMillis } = this.wire
    const left = (): number => {
      const since = this.body === undefined ? this.startedAt : this.body.waitingSince()
      return since === undefined ? idleMillis : since + idleMillis - this.now()
    }
    const expire = Effect.suspend(() => {
      this.timedOut = true
      // It must not stop itself while it closes the rest.
      this.unwatch = undefined
      return this.close
    })
    return Effect.uninterruptible(
      Effect.map(Alarm.set(this.clock, left, expire), (unset) => {
        this.unwatch = unset
      })
    )
  }
}

// internal

/** Longer than servers take between their last event and the end of the body. */
const drainMillis = 100

/** What is read of the body of an error. */
const errorBytes = 1 << 16

const ended = Effect.fail(Option.none())
