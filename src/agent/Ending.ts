/**
 * How a run ends: the one place where an exit becomes the last event. Failures, defects, halts and interruptions each
 * get their own reason here, the hooks hear of it, and the failure then goes on its way in the error channel.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { LimitExceeded } from "../domain/AgentError.ts"
import type { RunEnd } from "../domain/AgentEvent.ts"
import type { PendingQuestion } from "../domain/Entry.ts"
import type { LimitName, RunReason } from "../domain/Outcome.ts"
import * as Hooks from "../hook/Hooks.ts"
import type { Halted } from "./Halt.ts"
import * as Nesting from "./Nesting.ts"
import * as Run from "./Run.ts"

/**
 * An end that is not a failure.
 *
 * @category models
 * @since 0.1.0
 */
export interface End {
  readonly reason: RunReason
  readonly limit?: LimitName | undefined
  readonly output: string
  /** Why, in the words of the tool or the guard that ended it. */
  readonly why?: string | undefined
  /** The typed answer, as JSON. */
  readonly value?: unknown
  readonly pending?: ReadonlyArray<PendingQuestion> | undefined
  /** Whose answer it is, when it is another's. */
  readonly answeredBy?: string | undefined
}

/**
 * The end of a run that a guard of messages ended. What it did not let pass is nowhere in it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const blocked = (why: string): End => ({ reason: "blocked", output: "", why })

interface Tagged {
  readonly _tag: string
  readonly message: string
}

/**
 * Turns the halt of a run into its end: a stop is an end, time that is up is a limit like any other.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ofHalt = (run: Run.Run, halted: Halted, output: string): Effect.Effect<End, LimitExceeded> => {
  const { onLimit, wallTime } = run.definition.limits
  if (halted.by === "stop") {
    return Effect.as(
      Hooks.tell("stop", run.hooks.stop, () => Run.where(run)),
      { reason: "stopped", output }
    )
  }
  const max = Duration.toMillis(wallTime ?? 0)
  const reading = { limit: "wallTime", max, actual: max } as const
  const end: Effect.Effect<End, LimitExceeded> =
    onLimit === "fail"
      ? Effect.fail(new LimitExceeded(reading))
      : Effect.succeed({ reason: "limit", limit: "wallTime", output })
  return Effect.zipRight(Run.limitReached(run, reading), end)
}

/**
 * Writes the last event, tells the hooks, and lets failures and interruptions go on.
 *
 * @category combinators
 * @since 0.1.0
 */
export const conclude = <E extends Tagged>(
  run: Run.Run,
  exit: Exit.Exit<End, E>,
  output: string
): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    const { usage } = run.spent
    const { end, error, told } = ofExit(exit, output, { agent: run.agent, path: run.nesting.path })
    run.nesting.spend(usage)
    if (error !== undefined) yield* Hooks.tell("error", run.hooks.error, () => ({ ...Run.where(run), error }))
    const endedAtMillis = yield* run.activities.now
    yield* Run.emit(run, () => [Run.event(run, "RunEnd", { ...end, usage, endedAtMillis, ...told })])
    yield* Hooks.tell("runEnd", run.hooks.runEnd, () => ({ ...Run.where(run), ...end, usage, error }))
    if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause)
  })

/**
 * How a run ended, of the exit of its work: the end, what it failed with, and what the last event says of that.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofExit = (
  exit: Exit.Exit<End, unknown>,
  output: string,
  here: Nesting.FailedAt
): { readonly end: End; readonly error: unknown; readonly told: Pick<RunEnd, "error" | "failedAt"> } => {
  if (Exit.isSuccess(exit)) return { end: exit.value, error: undefined, told: {} }
  const reason = reasonOf(exit.cause)
  const end = { reason, limit: limitOf(exit.cause), output }
  if (reason === "interrupted") return { end, error: undefined, told: {} }
  const error = Cause.squash(exit.cause)
  const at = Nesting.failed(error, here)
  return {
    end,
    error,
    told: { error: describe(error), ...(at.path.length > here.path.length ? { failedAt: at } : undefined) }
  }
}

// internal

const reasonOf = (cause: Cause.Cause<unknown>): RunReason => {
  if (Cause.isInterruptedOnly(cause)) return "interrupted"
  return Option.getOrUndefined(Cause.failureOption(cause)) instanceof LimitExceeded ? "limit" : "error"
}

const limitOf = (cause: Cause.Cause<unknown>): LimitName | undefined => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  return failure instanceof LimitExceeded ? failure.limit : undefined
}

/** What the last event says of a failure: typed ones in their own words, defects without theirs. */
const describe = (error: unknown): { readonly tag: string; readonly message: string } =>
  isTagged(error)
    ? { tag: error._tag, message: error.message }
    : { tag: "Defect", message: "The run died of a programming mistake; the cause is in the error channel." }

const isTagged = (error: unknown): error is Tagged =>
  typeof error === "object" &&
  error !== null &&
  "_tag" in error &&
  typeof error._tag === "string" &&
  "message" in error &&
  typeof error.message === "string"
