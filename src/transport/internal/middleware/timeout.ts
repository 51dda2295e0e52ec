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
import { ended, finishOf, isShown } from "./port.ts"

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
  /** Whether the reader knows. */
  private told = false
  /** Lets go of what is going on in the transport. */
  private stop: Effect.Effect<void> = Effect.void
  /** Ends the wait of the reader. */
  private give: ((error: E) => void) | undefined

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
    return Effect.gen(this, function* () {
      const outer = yield* Effect.scope
      const scope = yield* Scope.fork(outer, ExecutionStrategy.sequential)
      const expire = Effect.suspend(() => {
        const error = this.errorNow()
        this.expired = error
        // A transport that is deaf to interruptions is not waited for.
        const closed = Effect.zipRight(Effect.forkDaemon(this.stop), Scope.close(scope, Exit.void))
        return Effect.map(closed, () => this.give?.(error))
      })
      const unset = yield* Effect.uninterruptible(
        Effect.tap(
          Alarm.set(this.clock, () => this.left(), expire),
          (unset) =>
            Scope.addFinalizer(
              outer,
              Effect.suspend(() => {
                unset()
                return this.stop
              })
            )
        )
      )
      const opening = new Worker(Scope.extend(open, scope), this.runtime)
      this.stop = opening.stop
      const inner = yield* this.bounded(opening, (error) => error)
      yield* opening.stop
      this.phase = "firstDelta"
      return this.pull(inner, unset)
    })
  }

  private pull(inner: Pull<E>, unset: () => void): Pull<E> {
    const { betweenDeltas, firstDelta, total } = this.limits
    let free = betweenDeltas === undefined && total === undefined && firstDelta === undefined
    if (free) unset()
    const arrived = Effect.map(
      Effect.tapError(inner, () => Effect.sync(unset)),
      (deltas) => {
        if (finishOf(deltas) !== undefined) unset()
        if (this.phase === "firstDelta" && deltas.some(isShown)) {
          this.phase = "betweenDeltas"
          // Nothing is left to be watched.
          free = betweenDeltas === undefined && total === undefined
          if (free) unset()
        }
        return deltas
      }
    )
    const worker = new Worker(arrived, this.runtime)
    this.stop = worker.stop
    const bounded = this.bounded(worker, Option.some)
    return Effect.suspend(() => {
      if (this.expired !== undefined) {
        if (this.told) return ended
        this.told = true
        return Effect.fail(Option.some(this.expired))
      }
      if (!free) return bounded
      return worker.isRunning() ? Effect.zipRight(worker.stop, inner) : inner
    })
  }

  private bounded<A, X>(worker: Worker<A, X>, failure: (error: E) => X): Effect.Effect<A, X> {
    return Effect.async<A, X>((resume) => {
      this.waitingSince = this.now()
      const settle = (result: Effect.Effect<A, X>): void => {
        if (this.give === undefined) return
        this.give = undefined
        this.waitingSince = undefined
        resume(result)
      }
      this.give = (error) => {
        this.told = true
        settle(Effect.fail(failure(error)))
      }
      worker.ask(settle)
      return Effect.suspend(() => {
        this.give = undefined
        this.waitingSince = undefined
        return worker.stop
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

/**
 * Runs one effect again and again, on a fiber of its own, so that whoever waits for it can be let go of in the middle.
 * To ask it costs 5 us, most of it for two fibers to wake each other.
 */
class Worker<A, X> {
  private readonly loop: Effect.Effect<never>
  private readonly runtime: Runtime.Runtime<Scope.Scope>
  private fiber: Fiber.RuntimeFiber<never> | undefined
  private asked: ((result: Effect.Effect<A, X>) => void) | undefined
  private wake: (() => void) | undefined

  constructor(effect: Effect.Effect<A, X>, runtime: Runtime.Runtime<Scope.Scope>) {
    this.runtime = runtime
    const idle = Effect.async<void>((resume) => {
      if (this.asked === undefined) this.wake = () => resume(Effect.void)
      else resume(Effect.void)
    })
    const answer = (result: Effect.Effect<A, X>): Effect.Effect<never> => {
      const { asked } = this
      this.asked = undefined
      asked?.(result)
      return this.loop
    }
    this.loop = Effect.flatMap(idle, () =>
      Effect.matchCauseEffect(effect, {
        onFailure: (cause) => answer(Effect.failCause(cause)),
        onSuccess: (value) => answer(Effect.succeed(value))
      })
    )
  }

  isRunning(): boolean {
    return this.fiber !== undefined
  }

  /** Asks for the next result. */
  ask(answer: (result: Effect.Effect<A, X>) => void): void {
    this.asked = answer
    if (this.fiber === undefined) this.fiber = Runtime.runFork(this.runtime, this.loop)
    else {
      const { wake } = this
      this.wake = undefined
      wake?.()
    }
  }

  /** Interrupts what is going on, and waits for its end. */
  readonly stop: Effect.Effect<void> = Effect.suspend(() => {
    const { fiber } = this
    this.fiber = undefined
    this.asked = undefined
    return fiber === undefined ? Effect.void : Effect.asVoid(Fiber.interrupt(fiber))
  })
}
