/**
 * What an agent is, once its options are complete and its types erased: the plain record that the loop reads.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Check from "../internal/options.ts"
import type { Source } from "../tool/Toolkit.ts"
import type { Settings } from "../transport/Transport.ts"
import type { Limits } from "./Limits.ts"
import * as Output from "./Output.ts"

/**
 * How to make an agent.
 *
 * **Details**
 *
 * - `description`: what it is for, told to a model that may choose it; the first line of the instructions unless given.
 * - `instructions`: the system text. Keep clocks and other changing things out of it: it is the start of every request,
 *   and vendors cache what does not change.
 * - `toolkit`: a toolkit of `@effect/ai`, or an effect that builds one. `tools`: tools that carry their handler. Of tools
 *   with the same name the last one counts, `tools` after `toolkit`.
 * - `toolConcurrency`: how many calls of one answer may run at once; 8. `1` is one after the other, in order.
 * - `toolsTimeout`: how long all calls of one answer may take together; those that run then end as `timed-out`.
 * - `toolFailure`: `"result"` (the default) tells the model of a failing tool, `"fail"` ends the run with `ToolFailed`.
 * - `retries`: how often a request is sent again that failed before any of its answer arrived; 2.
 * - `restarts`: how often a turn is begun anew whose answer broke off after some of it was shown; 0. What was shown of it
 *   is void then, as the event `TurnRestarted` says: it is in no message and no output.
 * - `output`: what a final answer has to be, a schema or an `Output`; text unless set. The result then has it typed.
 * - `steering`: whether words that arrived together join together (`"all"`, the default) or one after the other, a turn each.
 * - `inputFields`: tells the arguments of calls field by field too, as they are written; off unless set.
 * - `cutRepetition`: ends an answer that repeats one passage without end; off unless set.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Kit, Tools, Out = never> {
  readonly description?: string | undefined
  readonly instructions?: string | undefined
  readonly toolkit?: Kit | undefined
  readonly tools?: Tools | undefined
  readonly settings?: Settings | undefined
  readonly limits?: Limits | undefined
  readonly toolConcurrency?: number | undefined
  readonly toolsTimeout?: Duration.DurationInput | undefined
  readonly toolFailure?: "result" | "fail" | undefined
  readonly retries?: number | undefined
  readonly restarts?: number | undefined
  readonly output?: Out | undefined
  readonly steering?: "all" | "one-at-a-time" | undefined
  readonly inputFields?: boolean | undefined
  readonly cutRepetition?: boolean | undefined
}

/**
 * The definition of an agent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition {
  readonly name: string
  /** What it is for, as a model that may choose it is told. */
  readonly description: string | undefined
  readonly instructions: string | undefined
  /** What is added to the instructions when a run begins. */
  readonly additions: ReadonlyArray<Effect.Effect<string, unknown>>
  readonly sources: ReadonlyArray<Source>
  readonly settings: Settings
  readonly limits: Limits
  /** How many calls of a turn may run at once. */
  readonly toolConcurrency: number
  /** How long the calls of a turn may take together. */
  readonly toolsTimeout: Duration.DurationInput | undefined
  /** Whether a failing tool is told to the model, or ends the run. */
  readonly toolFailure: "result" | "fail"
  /** How often a request is sent again that failed before any of its answer was seen. */
  readonly retries: number
  /** How often a turn is begun anew whose answer broke off. */
  readonly restarts: number
  /** What a final answer has to be; text when absent. */
  readonly output: Output.Erased | undefined
  readonly steering: "all" | "one-at-a-time"
  /** Whether the arguments of calls are told field by field. */
  readonly inputFields: boolean
  /** Whether an answer that repeats itself without end is cut. */
  readonly cutRepetition: boolean
}

/**
 * The definition that options stand for: defaults filled in, bounds checked.
 *
 * **Details**
 *
 * - Errors: throws for a number or a time that is out of bounds or none at all, and for a word that the option does not
 *   have. The error names the option.
 *
 * @category constructors
 * @since 0.1.0
 */
export const complete = (name: string, options: Options<Source, ReadonlyArray<Source>, Output.Any>): Definition => {
  const { instructions, limits = {}, settings = {}, toolkit, tools = [] } = options
  if (typeof name !== "string" || name.trim() === "") throw new TypeError("Agent name must be a non-empty string")
  Check.whole("Agent option toolConcurrency", options.toolConcurrency, 1)
  Check.whole("Agent option retries", options.retries, 0)
  Check.whole("Agent option restarts", options.restarts, 0)
  Check.duration("Agent option toolsTimeout", options.toolsTimeout)
  Check.oneOf("Agent option toolFailure", options.toolFailure, ["result", "fail"])
  Check.oneOf("Agent option steering", options.steering, ["all", "one-at-a-time"])
  checkLimits(limits)
  return {
    name,
    description: options.description ?? firstLine(instructions),
    instructions,
    additions: [],
    sources: toolkit === undefined ? tools : [toolkit, ...tools],
    settings,
    limits,
    toolConcurrency: options.toolConcurrency ?? 8,
    toolsTimeout: options.toolsTimeout,
    toolFailure: options.toolFailure ?? "result",
    retries: options.retries ?? 2,
    restarts: options.restarts ?? 0,
    output: options.output === undefined ? undefined : Output.erase(options.output),
    steering: options.steering ?? "all",
    inputFields: options.inputFields ?? false,
    cutRepetition: options.cutRepetition ?? false
  }
}

/**
 * Does what comes before a run, and answers with it what the agent is told in that run: its instructions, and what is added to
 * them, each behind an empty line. Nothing is added for a text that is blank.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withInstructions = <A, E>(
  { additions, instructions }: Definition,
  before: Effect.Effect<A, E>
): Effect.Effect<readonly [A, string | undefined], unknown> =>
  Effect.flatMap(before, (value) =>
    additions.length === 0
      ? Effect.succeed([value, instructions] as const)
      : Effect.map(Effect.all(additions), (added) => {
          const texts = [instructions ?? "", ...added].filter((text) => text.trim() !== "")
          return [value, texts.length === 0 ? undefined : texts.join("\n\n")] as const
        })
  )

// internal

const firstLine = (text: string | undefined): string | undefined => {
  const line = text?.trim().split("\n", 1)[0]?.trim()
  return line === "" ? undefined : line
}

const checkLimits = (limits: Limits): void => {
  for (const name of ["turns", "repeatedFailures", "identicalCalls"] as const) {
    Check.whole(`Agent option limits.${name}`, limits[name], 1, true)
  }
  for (const name of ["toolCalls", "inputTokens", "outputTokens", "totalTokens"] as const) {
    Check.whole(`Agent option limits.${name}`, limits[name], 0, true)
  }
  Check.amount("Agent option limits.costUsd", limits.costUsd)
  Check.duration("Agent option limits.wallTime", limits.wallTime)
  Check.oneOf("Agent option limits.onLimit", limits.onLimit, ["answer", "fail"])
}
