/**
 * Bounds on how long a transport may take, each with a name. One timer per answer looks at all of them.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Alarm from "../alarm.ts"
import type { ErrorOf, Failed, Pull, Service } from "./port.ts"
import { ended, isShown } from "./port.ts"

export interface TimeoutOptions {
  /** Until the vendor has accepted the request. */
  readonly connect?: Duration.DurationInput | undefined
  /** From the request to the first thing shown. */
  readonly firstDelta?: Duration.DurationInput | undefined
  /** How long a reader may wait for more after that; the time it takes itself does not count. */
  readonly betweenDeltas?: Duration.DurationInput | undefined
  /** From the request to the end of the answer. */
  readonly total?: Duration.DurationInput | undefined
}

export const timeout = <E extends Failed>(
  service: Service<E>,
  options: TimeoutOptions,
  errorOf: ErrorOf<E>
): Service<E> => {
  const limits = limitsOf(options)
  if (bounds.every((name) => limits[name] === undefined)) return service
  const error = (message: string, code: string, shown: boolean): E =>
    errorOf(service.model, { _tag: "Timeout", message, code }, shown ? "acknowledged" : "unknown")
  const open: Service<E>["open"] = (request) =>
    Effect.flatMap(Effect.clock, (clock) =>
      Effect.flatMap(Effect.runtime<Scope.Scope>(), (runtime) =>
        new Watch(limits, clock, runtime, error).open(service.open(request))
      )
    )
  return { model: service.model, open }
}

// internal

const bounds = ["connect", "firstDelta", "betweenDeltas", "total"] as const

/** Milliseconds; what is absent is not bounded. */
type Limits = { readonly [Name in keyof TimeoutOptions]-?: number | undefined }

const limitsOf = (options: TimeoutOptions): Limits => {
  const millis = (limit: Duration.DurationInput | undefined): number | undefined =>
    limit === undefined ? undefined : Duration.toMillis(limit)
  return {
    connect: millis(options.connect),
    firstDelta: millis(options.firstDelta),
    betweenDeltas: millis(options.betweenDeltas),
    total: millis(options.total)
  }
}

/** What the answer is waiting for. */
type Phase = "connect" | "firstDelta" | "betweenDeltas"

const words: { readonly [Name in keyof Limits]: string } = {
  connect: "No answer began",
  firstDelta: "Nothing of the answer arrived",
  betweenDeltas: "Nothing more of the answer arrived",
  total: "The answer was not complete"
}

class Watch<E> {
  private readonly limits: Limits
  private readonly now: () => number
  private readonly startedAt: number
  private readonly clock: Clock.Clock
  private readonly runtime: Runtime.Runtime<Scope.Scope>
  private readonly errorOf: (message: string, code: string, shown: boolean) => E
  private phase: Phase = "connect"
  /** Since when the reader has been waiting, if it is. */
  private waitingSince: number | undefined
  private expired: E | undefined
  /** Ends the wait of the reader. */
  private give: (() => void) | undefined

  constructor(
    limits: Limits,
    clock: Clock.Clock,
    runtime: Runtime.Runtime<Scope.Scope>,
    errorOf: (message: string, code: string, shown: boolean) => E
  ) {
    this.limits = limits
    this.clock = clock
    this.runtime = runtime
    this.errorOf = errorOf
    this.now = () => clock.unsafeCurrentTimeMillis()
    this.startedAt = this.now()
  }

  open(open: Effect.Effect<Pull<E>, E, Scope.Scope>): Effect.Effect<Pull<E>, E, Scope.Scope> {
    return Effect.flatMap(Effect.scope, (outer) =>
      Effect.flatMap(Scope.fork(outer, ExecutionStrategy.sequential), (scope) => {
        const expire = Effect.suspend(() => {
          this.expired = this.errorNow()
          this.give?.()
          return Scope.close(scope, Exit.void)
        })
        return Effect.flatMap(
          Alarm.set(this.clock, () => this.left(), expire),
          (unset) => {
            const opened = Effect.tapError(
              this.bounded(Scope.extend(open, scope), (error) => error),
              () => Effect.sync(unset)
            )
            return Effect.zipRight(
              Scope.addFinalizer(outer, Effect.sync(unset)),
              Effect.map(opened, (pull) => {
                this.phase = "firstDelta"
                return this.pull(pull, unset)
              })
            )
          }
        )
      })
    )
  }

  private pull(inner: Pull<E>, unset: () => void): Pull<E> {
    const { betweenDeltas, total } = this.limits
    const waited = Effect.map(inner, (deltas) => {
      if (this.phase === "firstDelta" && deltas.some(isShown)) {
        this.phase = "betweenDeltas"
        // Nothing is left to be watched.
        if (betweenDeltas === undefined && total === undefined) {
          unset()
          free = true
        }
      }
      return deltas
    })
    const bounded = this.bounded(waited, Option.some)
    let over = false
    let free = betweenDeltas === undefined && total === undefined && this.limits.firstDelta === undefined
    if (free) unset()
    return Effect.suspend(() => {
      if (free) return inner
      if (this.expired === undefined) return bounded
      if (over) return ended
      over = true
      return Effect.fail(Option.some(this.expired))
    })
  }

  /**
   * Runs on a fiber of its own, since nothing else can be let go of in the middle: 2 us, once per pull and not per delta.
   */
  private bounded<A, X>(effect: Effect.Effect<A, X>, failure: (error: E) => X): Effect.Effect<A, X> {
    return Effect.suspend(() => {
      this.waitingSince = this.now()
      return Effect.async<A, X>((resume) => {
        const fiber = Runtime.runFork(this.runtime, effect, { immediate: true })
        const settle = (result: Effect.Effect<A, X>): void => {
          this.give = undefined
          this.waitingSince = undefined
          resume(result)
        }
        fiber.addObserver((exit) => {
          if (this.expired === undefined) settle(exit)
        })
        this.give = () => {
          fiber.unsafeInterruptAsFork(fiber.id())
          if (this.expired !== undefined) settle(Effect.fail(failure(this.expired)))
        }
        return Fiber.interrupt(fiber)
      })
    })
  }

  /** Milliseconds until the next bound, none when one is reached. A bound that does not hold yet counts in full. */
  private left(): number {
    return Math.min(...bounds.map((name) => this.leftOf(name)))
  }

  private leftOf(name: keyof Limits): number {
    const limit = this.limits[name]
    if (limit === undefined) return Number.POSITIVE_INFINITY
    switch (name) {
      case "connect":
        return this.phase === "connect" ? this.startedAt + limit - this.now() : Number.POSITIVE_INFINITY
      case "firstDelta":
        return this.phase === "betweenDeltas" ? Number.POSITIVE_INFINITY : this.startedAt + limit - this.now()
      case "betweenDeltas":
        return this.phase === "betweenDeltas" && this.waitingSince !== undefined
          ? this.waitingSince + limit - this.now()
          : limit
      case "total":
        return this.startedAt + limit - this.now()
    }
  }

  private errorNow(): E {
    const name = bounds.find((name) => this.leftOf(name) <= 0) ?? "total"
    const message = `${words[name]} within ${this.limits[name]} ms (${name}).`
    return this.errorOf(message, name, this.phase === "betweenDeltas")
  }
}
