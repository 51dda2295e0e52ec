/**
 * Runners as tools: an agent gives a task to another one and reads its answer. The other one runs inside the call, so that
 * its events, costs, questions and its end are those of the run that called it.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SessionId } from "../domain/Ids.ts"
import * as Tool from "../tool/Tool.ts"
import { ToolContext } from "../tool/ToolContext.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import * as Nesting from "./Nesting.ts"
import type * as Result from "./Result.ts"
import * as Runnable from "./Runnable.ts"

/**
 * A sub-agent that was not run, or ended without an answer, in words for the model that called it.
 *
 * @category errors
 * @since 0.1.0
 */
export class SubagentFailed extends Data.TaggedError("SubagentFailed")<{ readonly message: string }> {}

/**
 * How many runs may stand in each other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const maxDepth = 5

/**
 * Makes a tool of a runner that takes text: the model that calls it writes a task.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tool = <In, Out, E, R>(
  runner: Runnable.Runner<In, Out, E, R> & (string extends In ? unknown : never),
  options: { readonly name?: string; readonly description?: string } = {}
): Tool.WithHandler<R> =>
  Tool.make(
    options.name ?? runner.name,
    {
      description: options.description ?? runner.description,
      parameters: { task: Schema.String.annotations({ description: "The task, with all that is needed to do it" }) }
    },
    ({ task }) => delegate(runner, task as In & string)
  )

/**
 * Runs a runner within the current call, and answers it with what it answers.
 *
 * @category combinators
 * @since 0.1.0
 */
export const delegate = <In, Out, E, R>(
  runner: Runnable.Runner<In, Out, E, R>,
  input: In
): Effect.Effect<ToolResult.Answer<unknown>, E | SubagentFailed, R> =>
  Effect.gen(function* () {
    const nesting = yield* Nesting.Nesting
    const context = yield* ToolContext
    const refusal = refusalOf(runner, nesting)
    if (refusal !== undefined) return yield* new SubagentFailed({ message: refusal })
    const { resume } = nesting
    const session = resume?.session ?? SessionId.make(`${context.session}/${context.call}`)
    const result = yield* Runnable.execute(
      runner,
      { input, session, resume: resume && { decided: resume.decided, isRoot: false } },
      nesting.sink ?? (() => undefined)
    )
    return yield* answerOf(runner, result, nesting)
  })

// internal

const refusalOf = ({ behavior, name }: Runnable.Any, { above }: Nesting.Service): string | undefined => {
  const chain = [...above.map((one) => one.name), name].join(" > ")
  if (above.some(({ identity }) => identity === behavior.identity)) {
    return `Circular use of agents: ${chain}. ${name} is already at work above; do this part yourself.`
  }
  return above.length >= maxDepth
    ? `Agents may stand in each other ${maxDepth} deep, and this would be deeper: ${chain}. Do this part yourself.`
    : undefined
}

const answerOf = (
  { name }: Runnable.Any,
  result: Result.Result<unknown>,
  nesting: Nesting.Service
): Effect.Effect<ToolResult.Answer<unknown>, SubagentFailed> => {
  const { limit, pending, reason, session, text, value, why } = result
  if (pending.length > 0) {
    return Effect.succeed(ToolResult.waiting({ session, questions: Nesting.asked(result, nesting.path) }))
  }
  if (reason === "completed") return Effect.succeed(ToolResult.make({ value: value ?? text }))
  const how = [reason, limit, why].filter((word) => word !== undefined).join(": ")
  const soFar = text === "" ? "" : ` What it has so far:\n${text}`
  return Effect.fail(new SubagentFailed({ message: `${name} ended without an answer (${how}).${soFar}` }))
}
