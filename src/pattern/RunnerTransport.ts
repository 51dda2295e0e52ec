/**
 * A runner seen as a model: whatever takes a transport takes an agent or a pattern in its place. Each request is a whole run,
 * and its final answer is what the model says.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Budget from "../agent/Budget.ts"
import * as Nesting from "../agent/Nesting.ts"
import type * as Result from "../agent/Result.ts"
import * as Runnable from "../agent/Runnable.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { Delta, Finish } from "../domain/Delta.ts"
import * as Message from "../domain/Message.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import type { FinishReason } from "../domain/Outcome.ts"
import * as Part from "../domain/Part.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import * as Transport from "../transport/Transport.ts"
import type { Reason, Replay } from "../transport/TransportError.ts"
import { TransportError } from "../transport/TransportError.ts"

/**
 * How a runner is seen as a model.
 *
 * **Details**
 *
 * - `model`: changes what it says of itself; vendor `axonal` and the name of the runner otherwise. It takes no tools, whatever
 *   is said here.
 * - `onEvents`: called with the events of the runs, which nobody else sees.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly model?: Partial<Omit<ModelInfo, "capabilities" | "price">> | undefined
  readonly onEvents?: ((events: ReadonlyArray<AgentEvent>) => void) | undefined
}

/**
 * Makes a transport of a runner that takes messages.
 *
 * **Details**
 *
 * - Each request is a run of its own, in a session of its own: its input is the whole conversation of the request, texts of
 *   the system included. A request for JSON says so in one more message. Settings are those of the runner's own agents.
 * - The answer comes when the run is over: the final one alone, without reasoning and without what was said on the way. What
 *   it cost is what the run did, in one.
 * - Tools are those of the runner; agents that use it as their model offer it none. A request that forces a call fails.
 * - Closing the scope interrupts the run.
 * - Errors: a failure of a model is told with its own reason, anything else as `InvalidRequest`, and what a message guard
 *   ended as `Filtered`. A run that waits for a person, reached a limit or was stopped is a failure too, with what it had
 *   in its words. Once a tool has run, a failure is `permanent`: sent again, the request would do that work twice.
 *
 * **Gotchas**
 *
 * What a run cost that failed is in its events only: failures of requests have no usage.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Out, E, R>(
  runner: Runnable.Runner<ReadonlyArray<Message.Message>, Out, E, R>,
  options: Options = {}
): Effect.Effect<Transport.Service, never, R> =>
  Effect.map(Effect.context<R>(), (context) => {
    const model: ModelInfo = { vendor: "axonal", id: runner.name, ...options.model, capabilities: [] }
    return {
      model,
      open: (request) =>
        isForced(request)
          ? Effect.fail(
              failure(
                model,
                invalid(`${runner.name} is a runner and calls tools of its own only; leave the choice of tools to it.`),
                "safe"
              )
            )
          : opened(runner, model, request, context, options.onEvents)
    }
  })

/**
 * Layer of a transport made of a runner. It captures what the runner needs, a transport of its own included.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <Out, E, R>(
  runner: Runnable.Runner<ReadonlyArray<Message.Message>, Out, E, R>,
  options?: Options
): Layer.Layer<Transport.Transport, never, R> => Layer.effect(Transport.Transport, make(runner, options))

// internal

const isForced = ({ toolChoice, tools }: Transport.Request): boolean =>
  tools.length > 0 && toolChoice !== "auto" && toolChoice !== "none"

const invalid = (message: string): Reason => ({ _tag: "InvalidRequest", message })

const failure = ({ id, vendor }: ModelInfo, reason: Reason, replay: Replay): TransportError =>
  new TransportError({ vendor, model: id, reason, replay })

const opened = <Out, E, R>(
  runner: Runnable.Runner<ReadonlyArray<Message.Message>, Out, E, R>,
  model: ModelInfo,
  request: Transport.Request,
  context: Context.Context<R>,
  onEvents: Options["onEvents"]
): Effect.Effect<Transport.Pull, never, Scope.Scope> =>
  Effect.gen(function* () {
    let hasActed = false
    const running = Runnable.execute(runner, { input: inputOf(request), forked: true }, (events) => {
      hasActed ||= events.some(({ _tag }) => _tag === "ToolStart")
      if (onEvents !== undefined) onEvents(events)
      return undefined
    })
    const alone = Effect.mapInputContext(running, (around: Context.Context<never>) => apart(around, context))
    // It says itself when it may be interrupted, so that it has an end also when that is at once.
    const fiber = yield* Effect.uninterruptible(Effect.forkScoped(alone))
    let isOver = false
    return Effect.suspend(() => {
      if (isOver) return Effect.fail(Option.none())
      return Effect.flatMap(Fiber.await(fiber), (exit): Transport.Pull => {
        isOver = true
        if (Exit.isSuccess(exit)) return told(model, exit.value, hasActed)
        const failed = Cause.failureOrCause(exit.cause)
        return Either.isRight(failed)
          ? Effect.failCause(failed.right)
          : Effect.fail(Option.some(failureOf(model, failed.left, hasActed)))
      })
    })
  })

/**
 * What a run has that nobody sees: the services of the runner, and nothing above it. Whoever asked pays for the answer as a
 * whole, so that nothing is counted twice.
 */
const apart = <R>(around: Context.Context<never>, own: Context.Context<R>): Context.Context<R> => {
  const { above, sessions } = Context.get(around, Nesting.Nesting)
  const budget = Context.get(own, Budget.Budget)
  const shared = Context.get(around, Budget.Budget)
  return Context.merge(around, own).pipe(
    Context.add(Nesting.Nesting, { ...Nesting.root, above, sessions }),
    Context.add(Budget.Budget, budget === shared ? Budget.none : budget)
  )
}

const inputOf = ({ messages, responseFormat }: Transport.Request): ReadonlyArray<Message.Message> => {
  if (responseFormat.type === "text") return messages
  const { schema } = responseFormat
  const form = schema === undefined ? "." : ` that matches this schema: ${JSON.stringify(schema)}`
  return [...messages, Message.user(`Answer with one JSON value and nothing else${form}`)]
}

const finishes: { readonly [Reason in Result.Result["reason"]]?: FinishReason } = {
  completed: "stop",
  length: "length",
  "content-filter": "content-filter"
}

/** The answer as deltas, or why there is none. */
const told = (model: ModelInfo, result: Result.Outcome<unknown>, hasActed: boolean): Transport.Pull => {
  const reason = finishes[result.reason]
  if (reason === undefined) return Effect.fail(Option.some(unanswered(model, result, hasActed)))
  const { run, text, usage } = result
  const said: ReadonlyArray<Delta> =
    text === ""
      ? []
      : [
          { _tag: "PartStart", index: 0, kind: "text" },
          { _tag: "TextDelta", index: 0, delta: text },
          { _tag: "PartEnd", index: 0, part: Part.text(text) }
        ]
  const finish: Finish = { _tag: "Finish", reason, usage }
  return Effect.succeed([{ _tag: "ResponseStart", id: run, model: model.id }, ...said, finish])
}

const unanswered = (model: ModelInfo, result: Result.Outcome<unknown>, hasActed: boolean): TransportError => {
  const { agent, limit, pending, reason, text, why } = result
  const how = [reason, limit, why].filter((word) => word !== undefined).join(": ")
  if (reason === "blocked") return failure(model, { _tag: "Filtered", message: how }, "unknown")
  const asked = pending.map(({ tool }) => tool).join(", ")
  const more =
    reason === "awaiting-approval"
      ? ` A person is asked about ${asked}, and a model cannot wait: have the questions answered while it runs.`
      : text === ""
        ? ""
        : ` What it had by then: ${text}`
  return failure(model, invalid(`${agent} ended without an answer (${how}).${more}`), hasActed ? "unknown" : "safe")
}

const failureOf = (model: ModelInfo, error: unknown, hasActed: boolean): TransportError => {
  if (!(error instanceof TransportError)) {
    return failure(model, invalid(ToolResult.errorText(error)), hasActed ? "unknown" : "safe")
  }
  const { reason, replay } = error
  return hasActed ? failure(model, { ...reason, permanent: true }, "unknown") : failure(model, reason, replay)
}
