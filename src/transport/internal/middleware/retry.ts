/**
 * Sending a request again that failed before anything of its answer was shown.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import type { Request } from "../../../domain/Request.ts"
import type { Failure } from "../failure.ts"
import * as Opening from "./opening.ts"
import type { ErrorOf, Failed, Service } from "./port.ts"
import { atLeast } from "./port.ts"

export interface RetryOptions<E> {
  /** When, and how often; its input is the error. Without it: exponentially from half a second, with jitter. */
  readonly schedule?: Schedule.Schedule<unknown, E> | undefined
  /** How often at most. Default 3, or as often as `schedule` says when there is one. */
  readonly times?: number | undefined
  /**
   * The longest wait. The schedule's waits are cut to it; when a vendor asks for a longer one, the request fails at
   * once. Default 60 seconds.
   */
  readonly maxDelay?: Duration.DurationInput | undefined
  /**
   * Up to which `replay` of an error its request is sent again. Default `unknown`, since a request that was taken and
   * lost costs tokens and nothing else; `safe` for a request with tools that the vendor runs itself, which would do
   * their work twice.
   */
  readonly replay?: "safe" | "unknown" | undefined
}

export const retry = <E extends Failed>(
  service: Service<E>,
  options: RetryOptions<E>,
  errorOf: ErrorOf<E>
): Service<E> => {
  const plan = planOf(options)
  const open: Service<E>["open"] = (request) =>
    Effect.suspend(() => {
      let wait: ((error: E) => Effect.Effect<boolean>) | undefined
      return Opening.open({
        connect: service.open(request),
        errorOf: (failure, replay) => errorOf(service.model, failure, replay),
        recover: (error) => {
          if (!mayRepeat(error, request, plan)) return Effect.fail(error)
          // Nothing is made before the first failure.
          wait ??= pauses(plan)
          return Effect.flatMap(wait(error), (go) => (go ? Effect.void : Effect.fail(error)))
        }
      })
    })
  return { model: service.model, open }
}

/**
 * A schedule for each kind of failure, each with a count of its own. Failures of other kinds are not retried.
 */
export const byReason = <E extends Failed>(
  schedules: {
    readonly [Tag in Failure["_tag"]]?: Schedule.Schedule<unknown, E> | undefined
  }
): Schedule.Schedule<unknown, E> =>
  Schedule.makeWithState<ReadonlyMap<string, unknown>, E, unknown>(new Map(), (now, error, states) => {
    const { _tag } = error.reason
    const schedule = schedules[_tag]
    if (schedule === undefined) return Effect.succeed([states, undefined, ScheduleDecision.done] as const)
    const state: unknown = states.has(_tag) ? states.get(_tag) : schedule.initial
    return Effect.map(
      schedule.step(now, error, state),
      ([next, out, decision]) => [new Map(states).set(_tag, next), out, decision] as const
    )
  })

// internal

interface Plan<E> {
  readonly schedule: Schedule.Schedule<unknown, E>
  readonly maxMillis: number
  readonly replay: "safe" | "unknown" | undefined
}

const planOf = <E>({ maxDelay = "60 seconds", replay, schedule, times }: RetryOptions<E>): Plan<E> => {
  const most = times ?? (schedule === undefined ? 3 : undefined)
  const waits = schedule ?? Schedule.jittered(Schedule.exponential("500 millis"))
  return {
    schedule: most === undefined ? waits : Schedule.intersect(waits, Schedule.recurs(atLeast("times", most, 0))),
    maxMillis: Duration.toMillis(maxDelay),
    replay
  }
}

const mayRepeat = <E extends Failed>(error: E, request: Request, plan: Plan<E>): boolean => {
  if (!error.isRetryable || error.replay === "acknowledged") return false
  if ((error.reason.retryAfterMillis ?? 0) > plan.maxMillis) return false
  if (error.replay === "safe") return true
  // Sent twice, a lost request costs tokens; one whose tools the vendor runs may do their work twice.
  return (plan.replay ?? (request.tools.some((tool) => tool.provider !== undefined) ? "safe" : "unknown")) !== "safe"
}

/** Waits as long as the schedule and the vendor ask, and tells whether to go on. */
const pauses = <E extends Failed>({ maxMillis, schedule }: Plan<E>): ((error: E) => Effect.Effect<boolean>) => {
  let askedMillis = 0
  const bounded = Schedule.modifyDelay(schedule, (_, delay) =>
    Duration.millis(Math.max(askedMillis, Math.min(maxMillis, Duration.toMillis(delay))))
  )
  let driver: Schedule.ScheduleDriver<unknown, E> | undefined
  return (error) =>
    Effect.gen(function* () {
      askedMillis = error.reason.retryAfterMillis ?? 0
      driver ??= yield* Schedule.driver(bounded)
      return yield* Effect.isSuccess(driver.next(error))
    })
}
