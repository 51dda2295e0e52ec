/**
 * Requests and tokens per minute, as buckets that fill up steadily and are emptied by requests in the order of their
 * coming.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Request } from "../../../domain/Request.ts"
import * as Usage from "../../../domain/Usage.ts"
import { Line } from "./line.ts"
import type { ErrorOf, Failed, Service } from "./port.ts"
import { finishOf } from "./port.ts"

export interface RateLimitOptions {
  readonly requestsPerMinute?: number | undefined
  readonly tokensPerMinute?: number | undefined
  /**
   * The tokens of a request, input and output together, before anybody knows. Default: those of its messages and tools
   * by characters, four to a token.
   */
  readonly estimate?: ((request: Request) => number) | undefined
}

export const rateLimit = <E extends Failed>(
  service: Service<E>,
  options: RateLimitOptions & { readonly estimate: (request: Request) => number },
  errorOf: ErrorOf<E>
): Service<E> => {
  const { estimate, requestsPerMinute, tokensPerMinute } = options
  const requests = new Bucket("requestsPerMinute", requestsPerMinute)
  const tokens = new Bucket("tokensPerMinute", tokensPerMinute)
  const line = new Line(1)
  /** Wakes whoever sleeps at the head of the line. */
  let changed: Deferred.Deferred<void> | undefined

  const take = (cost: number): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const millis = Math.max(requests.waitFor(1, now), tokens.waitFor(cost, now))
      if (millis > 0) {
        const signal = Deferred.make<void>()
        return Effect.flatMap(signal, (wake) => {
          changed = wake
          return Effect.zipRight(Effect.raceFirst(Effect.sleep(millis), Deferred.await(wake)), take(cost))
        })
      }
      requests.add(-1)
      tokens.add(-cost)
      return Effect.void
    })

  const giveBack = (count: number): Effect.Effect<unknown> => {
    tokens.add(count)
    return changed === undefined ? Effect.void : Deferred.succeed(changed, undefined)
  }

  return {
    model: service.model,
    open: (request) =>
      Effect.suspend(() => {
        const cost = tokensPerMinute === undefined ? 0 : Math.max(0, Math.ceil(estimate(request)) || 0)
        if (cost > tokens.size) {
          const message = `The request is estimated at ${cost} tokens, and ${tokens.size} per minute are allowed.`
          return Effect.fail(errorOf(service.model, { _tag: "RateLimited", message, permanent: true }, "safe"))
        }
        const opened = Effect.zipRight(line.within(take(cost)), service.open(request))
        if (tokensPerMinute === undefined) return opened
        const corrected = Effect.map(opened, (pull) =>
          Effect.flatMap(pull, (deltas) => {
            const finish = finishOf(deltas)
            const spent = finish === undefined ? undefined : Usage.totalTokens(finish.usage)
            return spent === undefined ? Effect.succeed(deltas) : Effect.as(giveBack(cost - spent), deltas)
          })
        )
        return Effect.tapError(corrected, (error) => (error.replay === "safe" ? giveBack(cost) : Effect.void))
      })
  }
}

// internal

/** Holds at most a minute's worth. May owe, when an answer cost more than was thought. */
class Bucket {
  readonly size: number
  private readonly perMilli: number
  private level: number
  private at: number | undefined

  constructor(name: string, perMinute = Number.POSITIVE_INFINITY) {
    if (!(perMinute > 0)) throw new TypeError(`${name} must be more than 0, and is ${perMinute}`)
    // Less than one a minute: one, and then a longer wait.
    this.size = Math.max(1, perMinute)
    this.perMilli = perMinute / 60_000
    this.level = this.size
  }

  /** Milliseconds until so much is there. */
  waitFor(amount: number, now: number): number {
    if (this.size === Number.POSITIVE_INFINITY) return 0
    // A clock that was set back takes nothing away.
    this.level = Math.min(this.size, this.level + Math.max(0, now - (this.at ?? now)) * this.perMilli)
    this.at = now
    // Sums of fractions miss their mark by less than this.
    return this.level + 1e-6 >= amount ? 0 : Math.ceil((amount - this.level) / this.perMilli - 1e-6)
  }

  add(amount: number): void {
    this.level = Math.min(this.size, this.level + amount)
  }
}
