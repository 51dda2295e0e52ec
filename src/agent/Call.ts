/**
 * One call on its way: the hook before it, its handler with all that it may know and show, and its result. Whatever the
 * handler does becomes a result that the model can read; only a tool whose failure ends the run fails here.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ToolFailed } from "../domain/AgentError.ts"
import * as Messages from "../domain/Message.ts"
import * as Part from "../domain/Part.ts"
import * as Hooks from "../hook/Hooks.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import type { Executed } from "../tool/Execution.ts"
import { ToolContext } from "../tool/ToolContext.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import type { Ready, Rejected } from "./Arguments.ts"
import * as CallEnd from "./CallEnd.ts"
import type { Batch } from "./Dispatch.ts"
import * as Nesting from "./Nesting.ts"
import * as Prepare from "./Prepare.ts"
import * as Run from "./Run.ts"
import * as Steering from "./Steering.ts"

/**
 * Runs a call that is ready, which is the one at this place of the batch.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = (run: Run.Run, batch: Batch, index: number, ready: Ready): Effect.Effect<void, ToolFailed> =>
  run.hooks.toolStart === undefined
    ? started(run, batch, index, ready)
    : Effect.flatMap(beforeStart(run, ready, run.hooks.toolStart), (item) =>
        item._tag === "Rejected"
          ? CallEnd.ended(run, batch, index, item, item.result, 0)
          : started(run, batch, index, item)
      )

/**
 * The failure that a result is for a tool whose failure ends the run.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fatal = (
  run: Run.Run,
  item: Ready,
  result: ToolResult.ToolResult,
  error?: unknown
): Effect.Effect<void, ToolFailed> =>
  Effect.suspend(() => {
    if (!item.entry.fatal && run.definition.toolFailure !== "fail") return Effect.void
    if (result.outcome !== "failed" && result.outcome !== "timed-out") return Effect.void
    const description = Part.contentToText(result.content)
    const failure = new ToolFailed({ tool: item.name, call: item.id, description })
    // What failed may have been a run below this one.
    const at = Nesting.failedAt(error)
    if (at !== undefined) Nesting.failed(failure, at)
    return Effect.fail(failure)
  })

// internal

const started = (run: Run.Run, batch: Batch, index: number, item: Ready): Effect.Effect<void, ToolFailed> =>
  Effect.flatMap(run.activities.now, (startedAt) => {
    batch.shown[index] = ""
    batch.startedAt[index] = startedAt
    const wait = run.write(() => [Run.event(run, "ToolStart", { call: item.id, name: item.name, input: item.input })])
    const failure: Failure = { error: undefined }
    const work = run.activities.tool(
      { run: run.id, turn: run.turn, call: item.id },
      traced(run, item, handle(run, batch, index, item, failure))
    )
    const isFatal = item.entry.fatal || run.definition.toolFailure === "fail"
    const finished = Effect.flatMap(work, (result) => {
      if (result.waits !== undefined) {
        batch.waiting[index] = result.waits
        return Effect.void
      }
      const settled = Effect.flatMap(run.activities.now, (now) =>
        CallEnd.ended(run, batch, index, item, result, Math.max(0, now - startedAt), failure.error)
      )
      if (!isFatal) return settled
      const isJudged = run.messageGuard.judgesResults
      return Effect.flatMap(settled, () =>
        fatal(run, item, isJudged ? (batch.results[index] ?? result) : result, failure.error)
      )
    })
    return Run.after(wait, finished)
  })

interface Failure {
  error: unknown
}

const beforeStart = (
  run: Run.Run,
  ready: Ready,
  hook: NonNullable<Hooks.Service["toolStart"]>
): Effect.Effect<Ready | Rejected> => {
  const { id, input, name } = ready
  return Effect.suspend(() => hook({ ...Run.where(run), call: id, tool: name, input })).pipe(
    Effect.flatMap((change) => Hooks.checked("toolStart", change)),
    Effect.flatMap((change): Effect.Effect<Ready | Rejected> => {
      if (change === undefined) return Effect.succeed(ready)
      if (change.answer === undefined) return Prepare.again(run, ready, change.input)
      return Effect.succeed({ _tag: "Rejected", id, name, input, result: change.answer })
    }),
    Effect.catchAllCause((cause) =>
      Effect.as(Effect.logError(`The toolStart hook died; ${name} was not run`, cause), {
        _tag: "Rejected" as const,
        id,
        name,
        input,
        result: ToolResult.text("failed", `Tool ${name} was not run: a check of this application failed.`)
      })
    )
  )
}

/** The handler's way to a result. What it failed or died with goes to hooks and logs; defects never to the model. */
const handle = (
  run: Run.Run,
  batch: Batch,
  index: number,
  item: Ready,
  failure: Failure
): Effect.Effect<ToolResult.ToolResult> => {
  const { bound } = item.entry
  const about: ToolContext["Type"] = {
    call: item.id,
    tool: item.name,
    agent: run.agent,
    run: run.id,
    session: run.session,
    get turn() {
      return run.turn
    },
    identity: run.identity,
    path: run.path,
    scope: run.scope,
    steer: (words) => Steering.accept(run.steering, "steer", Messages.fromInput(words)),
    followUp: (words) => Steering.accept(run.steering, "followUp", Messages.fromInput(words)),
    progress: (chunk) =>
      Effect.suspend(() => {
        // A fiber that outlived its call has nobody to show anything to.
        if (batch.results[index] !== undefined) return Effect.void
        const shown =
          (batch.shown[index] ?? "") + (typeof chunk === "string" ? chunk : `${ToolResult.jsonText(chunk) ?? ""}\n`)
        batch.shown[index] = shown.length > bound * 2 ? ToolResult.cut(shown, bound) : shown
        if (run.messageGuard.judgesResults) return Effect.void
        return Effect.asVoid(
          Run.emit(run, () => [
            Run.event(run, "ToolProgress", { call: item.id, name: item.name, chunk: ToolResult.plain(chunk) })
          ])
        )
      })
  }
  const around = Run.nested(run, item.id)
  // One copy of the context for both.
  const work = Effect.mapInputContext(item.execute(item.parameters), (context: Context.Context<never>) =>
    Context.unsafeMake<never>(new Map(context.unsafeMap).set(ToolContext.key, about).set(Nesting.Nesting.key, around))
  )
  const answered = Effect.map(work, (executed) => {
    if (executed.failed && executed.timedOut !== true) failure.error = executed.value
    return resultOf(item, executed, batch.shown[index])
  })
  return Effect.catchAllCause(answered, (cause) => {
    failure.error = Cause.squash(cause)
    const typed = Cause.failureOption(cause)
    if (Option.isSome(typed)) return Effect.succeed(ToolResult.text("failed", ToolResult.errorText(typed.value)))
    if (Cause.isInterruptedOnly(cause)) {
      const text = `Tool ${item.name} interrupted itself.`
      return Effect.succeed(CallEnd.withShown(ToolResult.text("interrupted", text), batch.shown[index]))
    }
    return Effect.as(
      Effect.logError(`Tool ${item.name} died`, cause),
      ToolResult.text(
        "failed",
        `Tool ${item.name} failed unexpectedly. The details are in the log of this application.`
      )
    )
  })
}

const resultOf = (item: Ready, executed: Executed, shown: string | undefined): ToolResult.ToolResult => {
  if (executed.timedOut === true) {
    const text = `Tool ${item.name} did not finish in time and was stopped.`
    return CallEnd.withShown(ToolResult.text("timed-out", text), shown)
  }
  return executed.answer === undefined
    ? ToolResult.fromEncoded(executed.failed ? "failed" : "ok", executed.value)
    : ToolResult.fromAnswer(executed.answer, executed.value)
}

const traced = (
  run: Run.Run,
  item: Ready,
  work: Effect.Effect<ToolResult.ToolResult>
): Effect.Effect<ToolResult.ToolResult> =>
  !run.traced
    ? work
    : Telemetry.executeTool(true, { name: item.name, call: item.id }, (span) => {
        Telemetry.called(span, run.captureContent, item.name, item.input)
        return Effect.flatMap(work, (result) => {
          // What nobody has judged is told to nobody.
          const capture = !run.messageGuard.judgesResults && run.captureContent
          Telemetry.returned(span, capture, item.name, result.content)
          if (result.outcome === "ok" || result.waits !== undefined) return Effect.succeed(result)
          span?.attribute("error.type", result.outcome)
          // Failing through the span is what marks it as an error.
          return Effect.fail(new CallNotOk(result))
        })
      }).pipe(Effect.catchAll((error) => Effect.succeed(error.result)))

class CallNotOk extends Error {
  readonly result: ToolResult.ToolResult
  constructor(result: ToolResult.ToolResult) {
    super(result.outcome)
    this.result = result
  }
}
