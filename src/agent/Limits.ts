/**
 * How far a run may go. A limit is never a success: the run ends with reason `limit` and names the dimension, or fails
 * with `LimitExceeded` when told to. Counting is plain arithmetic over what the loop reports; nothing here has effects.
 */
import * as Duration from "effect/Duration"
import type { CallOutcome, LimitName } from "../domain/Outcome.ts"
import type * as Part from "../domain/Part.ts"
import { sorted } from "../domain/Request.ts"
import * as Usage from "../domain/Usage.ts"

/**
 * The limits of a run. What is absent or `Infinity` is unlimited, but for absent `turns`, which are 50.
 *
 * **Details**
 *
 * - `turns`: model requests. With `onLimit: "answer"` (the default) one more follows, with tools forbidden, so that the
 *   work done is not lost; `"fail"` ends the run with `LimitExceeded` instead.
 * - `toolCalls`: a batch that would go over runs nothing at all.
 * - `inputTokens`, `outputTokens`, `totalTokens`, `costUsd`: of all responses together; checked between turns, and
 *   without effect while a vendor does not report them.
 * - `wallTime`: enforced by interruption; the run ends at once, without a last answer, and keeps what it has. A run that goes
 *   on after waiting for a person has what was left of it; the waiting does not count.
 * - `repeatedFailures`: turns in a row in which every call ended other than `ok`.
 * - `identicalCalls`: the same tool with the same arguments and the same result, in a row. The model is warned when it is
 *   one short of it; then tools are off for one last answer, and the run ends.
 * - `lastTurnMessage`: told to the model on the last turn only, and never stored. `{limit}` in it becomes the limit's name.
 * - Errors: making an agent throws a `RangeError` for any other number than one from 0 on (from 1 on for turns, failures and
 *   identical calls), and for one with a fraction, but in `costUsd`. `NaN` is no limit either.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  readonly turns?: number | undefined
  readonly toolCalls?: number | undefined
  readonly inputTokens?: number | undefined
  readonly outputTokens?: number | undefined
  readonly totalTokens?: number | undefined
  readonly costUsd?: number | undefined
  readonly wallTime?: Duration.DurationInput | undefined
  readonly repeatedFailures?: number | undefined
  readonly identicalCalls?: number | undefined
  readonly onLimit?: "answer" | "fail" | undefined
  readonly lastTurnMessage?: string | undefined
}

/**
 * How many turns a run may take when its limits do not say.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaultTurns = 50

/**
 * A limit, what it allows and where the run is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  readonly limit: LimitName
  readonly max: number
  readonly actual: number
}

/**
 * What the runs had used that this one goes on from.
 *
 * @category models
 * @since 0.1.0
 */
export interface Before {
  readonly turns: number
  readonly toolCalls: number
  readonly usage: Usage.Usage
  /** Working time. */
  readonly millis: number
}

/**
 * What a run has used so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spent {
  turns: number
  toolCalls: number
  usage: Usage.Usage
  repeatedFailures: number
  identicalCalls: number
  /** The last call and its result, to compare the next one with. */
  lastCall: string | undefined
  /** Whether the model was told that it repeats this call. */
  isTold: boolean
  /** Counted by the limits as if this run had used it. */
  before: Before | undefined
  /** The limits that were warned about. */
  readonly warned: Set<LimitName>
}

/**
 * Nothing used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (): Spent => ({
  turns: 0,
  toolCalls: 0,
  usage: Usage.zero,
  repeatedFailures: 0,
  identicalCalls: 0,
  lastCall: undefined,
  isTold: false,
  before: undefined,
  warned: new Set()
})

/**
 * What a run has used, and what those before it had.
 *
 * @category combinators
 * @since 0.1.0
 */
export const total = ({ before, toolCalls, turns, usage }: Spent): Omit<Before, "millis"> =>
  before === undefined
    ? { turns, toolCalls, usage }
    : {
        turns: before.turns + turns,
        toolCalls: before.toolCalls + toolCalls,
        usage: Usage.sum(before.usage, usage)
      }

const readings = (limits: Limits, spent: Spent, millis?: number | undefined): ReadonlyArray<Reading> => {
  const { toolCalls, turns, usage } = total(spent)
  const out: Array<Reading> = []
  const add = (limit: LimitName, max: number | undefined, actual: number | undefined): void => {
    if (max !== undefined && actual !== undefined) out.push({ limit, max, actual })
  }
  add("turns", limits.turns ?? defaultTurns, turns)
  add("toolCalls", limits.toolCalls, toolCalls)
  add("inputTokens", limits.inputTokens, usage.inputTokens.total)
  add("outputTokens", limits.outputTokens, usage.outputTokens.total)
  add("totalTokens", limits.totalTokens, Usage.totalTokens(usage))
  add("costUsd", limits.costUsd, usage.costUsd)
  if (limits.wallTime !== undefined) add("wallTime", Duration.toMillis(limits.wallTime), millis)
  add("repeatedFailures", limits.repeatedFailures, spent.repeatedFailures)
  add("identicalCalls", limits.identicalCalls, spent.identicalCalls)
  return out
}

/**
 * The first limit that is reached, asked before a turn.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reached = (limits: Limits, spent: Spent): Reading | undefined =>
  // Using up the tool calls ends nothing by itself: the next answer may need none.
  readings(limits, spent).find((reading) => reading.limit !== "toolCalls" && reading.actual >= reading.max)

/**
 * The limit that a batch of calls would go over.
 *
 * @category combinators
 * @since 0.1.0
 */
export const overCalls = (limits: Limits, spent: Spent, calls: number): Reading | undefined =>
  limits.toolCalls !== undefined && total(spent).toolCalls + calls > limits.toolCalls
    ? { limit: "toolCalls", max: limits.toolCalls, actual: total(spent).toolCalls + calls }
    : undefined

/**
 * Whether the model is one identical call short of the limit, and should be told. Answers so once per row of them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const isRepeating = ({ identicalCalls: max }: Limits, spent: Spent): boolean => {
  if (max === undefined || spent.isTold || spent.identicalCalls <= 1 || spent.identicalCalls !== max - 1) return false
  spent.isTold = true
  return true
}

/**
 * The limits of which 80 % is newly used. Each is answered once. `millis` is how long the run has been at work.
 *
 * @category combinators
 * @since 0.1.0
 */
export const warnings = (limits: Limits, spent: Spent, millis?: number | undefined): ReadonlyArray<Reading> =>
  readings(limits, spent, millis).filter((reading) => {
    if (reading.actual < reading.max * 0.8 || reading.actual >= reading.max || spent.warned.has(reading.limit)) {
      return false
    }
    spent.warned.add(reading.limit)
    return true
  })

/**
 * Counts the results of a batch: calls, failures in a row, identical calls in a row.
 *
 * @category combinators
 * @since 0.1.0
 */
export const count = (
  spent: Spent,
  limits: Limits,
  batch: {
    readonly calls: ReadonlyArray<Part.ToolCall>
    readonly results: ReadonlyArray<{ readonly outcome: CallOutcome; readonly content: unknown } | undefined>
  }
): void => {
  spent.toolCalls += batch.calls.length
  spent.repeatedFailures = batch.results.some((result) => result?.outcome === "ok") ? 0 : spent.repeatedFailures + 1
  // Writing out every result is only worth it when somebody asked for the comparison.
  if (limits.identicalCalls === undefined) return
  for (const [index, call] of batch.calls.entries()) {
    const key = JSON.stringify([call.name, canonical(call.input), batch.results[index]])
    const isSame = key === spent.lastCall
    spent.identicalCalls = isSame ? spent.identicalCalls + 1 : 1
    if (!isSame) spent.isTold = false
    spent.lastCall = key
  }
}

// internal

/** The arguments with their keys in order, so that the same call is the same text. */
const canonical = (input: string): string => {
  try {
    return JSON.stringify(sorted(JSON.parse(input)))
  } catch {
    return input
  }
}
