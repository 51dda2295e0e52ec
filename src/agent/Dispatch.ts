/**
 * From the calls of one answer to their results: exactly one each, in call order, whatever happens. Calls are prepared
 * together and then run as bounded fibers; what fails becomes a result that the model can read. When the run is
 * interrupted, `settle` accounts for what was running and what never began.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Artifacts from "../context/Artifacts.ts"
import { ToolFailed } from "../domain/AgentError.ts"
import type * as AgentEvent from "../domain/AgentEvent.ts"
import { CallId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import * as Part from "../domain/Part.ts"
import * as Hooks from "../hook/Hooks.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import { ToolContext } from "../tool/ToolContext.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import { concurrently } from "./Concurrently.ts"
import * as Prepare from "./Prepare.ts"
import * as Run from "./Run.ts"

/**
 * The calls of one answer while they are worked off.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch {
  readonly calls: ReadonlyArray<Part.ToolCall>
  /** By position; absent while a call has no result. */
  readonly results: Array<ToolResult.ToolResult | undefined>
  /** What a running call has shown so far; absent for calls that never began. */
  readonly shown: Array<string | undefined>
}

/**
 * A batch in which nothing has happened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const begin = (calls: ReadonlyArray<Part.ToolCall>): Batch => ({
  calls,
  results: calls.map(() => undefined),
  shown: calls.map(() => undefined)
})

/**
 * Works off a batch. Fails only for tools whose failure ends the run; the others' results are then settled.
 *
 * @category combinators
 * @since 0.1.0
 */
export const execute = (run: Run.Run, batch: Batch): Effect.Effect<void, ToolFailed> =>
  Effect.gen(function* () {
    const prepared = yield* Prepare.prepare(run, batch.calls)
    const ready: Array<Slot> = []
    for (const [index, item] of prepared.entries()) {
      if (item._tag === "Ready") ready.push({ index, ready: item })
      else yield* ended(run, batch, index, item, item.result, 0)
    }
    const permits = permitsFor(ready)
    for (const group of groups(ready)) {
      const works = group.map((slot) => {
        const work = one(run, batch, slot)
        return permits.get(slot.ready.name)?.withPermits(1)(work) ?? work
      })
      yield* concurrently(works, run.definition.toolConcurrency)
    }
  })

/**
 * Gives every call that has no result one that says why: `interrupted` if it was running, else `skipped`. Answers the
 * message that holds all results in call order.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settle = (run: Run.Run, batch: Batch, why: string): Effect.Effect<Message> =>
  Effect.gen(function* () {
    for (const [index, call] of batch.calls.entries()) {
      if (batch.results[index] !== undefined) continue
      const shown = batch.shown[index]
      const result =
        shown === undefined
          ? ToolResult.text("skipped", `This call was not started: ${why}.`)
          : withShown(
              ToolResult.text(
                "interrupted",
                `This call was interrupted before it finished: ${why}. It may have had effects.`
              ),
              shown
            )
      yield* ended(run, batch, index, { id: CallId.make(call.id), name: call.name, input: {} }, result, 0)
    }
    return toMessage(batch)
  })

// internal

interface Slot {
  readonly index: number
  readonly ready: Prepare.Ready
}

const toMessage = (batch: Batch): Message =>
  Messages.tool(
    batch.calls.map(
      (call, index): Part.ToolResult => ({
        type: "tool-result",
        id: call.id,
        name: call.name,
        outcome: batch.results[index]?.outcome ?? "skipped",
        content: batch.results[index]?.content ?? [],
        ...(call.wireId === undefined ? undefined : { wireId: call.wireId })
      })
    )
  )

/** Runs of calls that may overlap; an exclusive call is a run of its own. */
const groups = (slots: ReadonlyArray<Slot>): ReadonlyArray<ReadonlyArray<Slot>> => {
  if (!slots.some((slot) => slot.ready.entry.exclusive)) return slots.length === 0 ? [] : [slots]
  const out: Array<Array<Slot>> = []
  let alone = true
  for (const slot of slots) {
    const last = out.at(-1)
    if (slot.ready.entry.exclusive || alone || last === undefined) out.push([slot])
    else last.push(slot)
    alone = slot.ready.entry.exclusive
  }
  return out
}

const permitsFor = (slots: ReadonlyArray<Slot>): ReadonlyMap<string, Effect.Semaphore> => {
  const permits = new Map<string, Effect.Semaphore>()
  for (const {
    ready: { entry, name }
  } of slots) {
    if (entry.concurrency !== undefined && !permits.has(name)) {
      permits.set(name, Effect.unsafeMakeSemaphore(Math.max(1, entry.concurrency)))
    }
  }
  return permits
}

const withShown = (result: ToolResult.ToolResult, shown: string): ToolResult.ToolResult =>
  shown === "" ? result : { ...result, content: [...result.content, Part.text(`Its output so far:\n${shown}`)] }

/** Runs one call: the hook before it, the handler, and what follows every end. */
const one = (run: Run.Run, batch: Batch, { index, ready }: Slot): Effect.Effect<void, ToolFailed> =>
  run.hooks.toolStart === undefined
    ? started(run, batch, index, ready)
    : Effect.flatMap(beforeStart(run, ready, run.hooks.toolStart), (item) =>
        item._tag === "Rejected" ? ended(run, batch, index, item, item.result, 0) : started(run, batch, index, item)
      )

const started = (run: Run.Run, batch: Batch, index: number, item: Prepare.Ready): Effect.Effect<void, ToolFailed> =>
  Effect.flatMap(run.activities.now, (startedAt) => {
    batch.shown[index] = ""
    const wait = run.write(() => [Run.event(run, "ToolStart", { call: item.id, name: item.name, input: item.input })])
    const failure: Failure = { error: undefined }
    const work = run.activities.tool(
      { run: run.id, turn: run.turn, call: item.id },
      traced(run, item, handle(run, batch, index, item, failure))
    )
    const fatal = item.entry.fatal || run.definition.toolFailure === "fail"
    const finished = Effect.flatMap(work, (result) => {
      const settled = Effect.flatMap(run.activities.now, (now) =>
        ended(run, batch, index, item, result, Math.max(0, now - startedAt), failure.error)
      )
      return fatal && (result.outcome === "failed" || result.outcome === "timed-out")
        ? Effect.zipRight(settled, failed(item, result))
        : settled
    })
    return Run.after(wait, finished)
  })

const failed = (item: Prepare.Ready, result: ToolResult.ToolResult): Effect.Effect<never, ToolFailed> =>
  Effect.fail(new ToolFailed({ tool: item.name, call: item.id, description: Part.contentToText(result.content) }))

interface Failure {
  error: unknown
}

const beforeStart = (
  run: Run.Run,
  ready: Prepare.Ready,
  hook: NonNullable<Hooks.Service["toolStart"]>
): Effect.Effect<Prepare.Prepared> => {
  const { id, input, name } = ready
  return Effect.suspend(() => hook({ ...Run.where(run), call: id, tool: name, input })).pipe(
    Effect.flatMap((change): Effect.Effect<Prepare.Prepared> => {
      if (change === undefined) return Effect.succeed(ready)
      if ("input" in change) return Prepare.again(run, ready, change.input)
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
  item: Prepare.Ready,
  failure: Failure
): Effect.Effect<ToolResult.ToolResult> => {
  const { bound, timeout } = item.entry
  const work = Effect.provideService(item.execute(item.parameters), ToolContext, {
    call: item.id,
    tool: item.name,
    agent: run.agent,
    run: run.id,
    session: run.session,
    turn: run.turn,
    identity: run.identity,
    progress: (chunk) =>
      Effect.suspend(() => {
        // A fiber that outlived its call has nobody to show anything to.
        if (batch.results[index] !== undefined) return Effect.void
        const shown =
          (batch.shown[index] ?? "") + (typeof chunk === "string" ? chunk : `${ToolResult.jsonText(chunk) ?? ""}\n`)
        batch.shown[index] = shown.length > bound * 2 ? ToolResult.cut(shown, bound) : shown
        return Effect.asVoid(
          Run.emit(run, () => [Run.event(run, "ToolProgress", { call: item.id, name: item.name, chunk })])
        )
      })
  })
  const answered = Effect.map(work, ({ failed, value }) => {
    if (failed) failure.error = value
    return ToolResult.fromEncoded(failed ? "failed" : "ok", value)
  })
  const timed =
    timeout === undefined
      ? answered
      : Effect.timeoutTo(answered, {
          duration: timeout,
          onSuccess: (result) => result,
          onTimeout: () => outOfTime(item, batch.shown[index])
        })
  return Effect.catchAllCause(timed, (cause) => {
    failure.error = Cause.squash(cause)
    const typed = Cause.failureOption(cause)
    if (Option.isSome(typed)) return Effect.succeed(ToolResult.text("failed", ToolResult.errorText(typed.value)))
    if (Cause.isInterruptedOnly(cause)) {
      const text = `Tool ${item.name} interrupted itself.`
      return Effect.succeed(withShown(ToolResult.text("interrupted", text), batch.shown[index] ?? ""))
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

const outOfTime = (item: Prepare.Ready, shown: string | undefined): ToolResult.ToolResult =>
  withShown(ToolResult.text("timed-out", `Tool ${item.name} did not finish in time and was stopped.`), shown ?? "")

const traced = (
  run: Run.Run,
  item: Prepare.Ready,
  work: Effect.Effect<ToolResult.ToolResult>
): Effect.Effect<ToolResult.ToolResult> =>
  !run.traced
    ? work
    : Telemetry.executeTool(true, { name: item.name, call: item.id }, (span) => {
        if (run.captureContent) span?.attribute("gen_ai.tool.call.arguments", JSON.stringify(item.input))
        return Effect.flatMap(work, (result) => {
          if (run.captureContent) span?.attribute("gen_ai.tool.call.result", Part.contentToText(result.content))
          if (result.outcome === "ok") return Effect.succeed(result)
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

/** What follows every end of a call: hooks, the bound, the record, the events. */
const ended = (
  run: Run.Run,
  batch: Batch,
  index: number,
  call: { readonly id: CallId; readonly name: string; readonly input: unknown },
  raw: ToolResult.ToolResult,
  durationMillis: number,
  error?: unknown
): Effect.Effect<void> => {
  const { toolEnd, toolError } = run.hooks
  if (toolEnd === undefined && (toolError === undefined || raw.outcome === "ok")) {
    return Effect.suspend(() => Effect.asVoid(recorded(run, batch, index, call, raw, durationMillis) ?? Effect.void))
  }
  const about = { ...Run.where(run), call: call.id, tool: call.name, input: call.input }
  return Effect.uninterruptible(
    Effect.flatMap(afterEnd(run, { ...about, result: raw }), (result) => {
      const observed =
        result.outcome === "ok" || toolError === undefined
          ? Effect.void
          : Hooks.observe(Effect.suspend(() => toolError({ ...about, error, result })))
      return Effect.asVoid(
        Effect.flatMap(observed, () => recorded(run, batch, index, call, result, durationMillis) ?? Effect.void)
      )
    })
  )
}

/** The record and the events of an end, in one step. */
const recorded = (
  run: Run.Run,
  batch: Batch,
  index: number,
  { id, input, name }: { readonly id: CallId; readonly name: string; readonly input: unknown },
  raw: ToolResult.ToolResult,
  durationMillis: number
): Effect.Effect<unknown> | undefined => {
  const entry = run.registry.entries.get(name)
  const bound = entry?.bound ?? ToolResult.defaultBound
  const spilled = run.artifacts.isOn ? run.artifacts.spill(raw, { call: id, tool: name, bound }) : undefined
  if (spilled !== undefined) {
    run.beside.push((about) => Artifacts.entry(spilled, { ...about("artifact"), call: id, tool: name }))
  }
  const result = ToolResult.bound(spilled?.result ?? raw, bound)
  const { content, outcome } = result
  batch.results[index] = result
  Telemetry.countCall(entry === undefined ? "unknown" : name, outcome, durationMillis)
  return run.write(() => {
    const events: Array<AgentEvent.AgentEvent> = [
      Run.event(run, "ToolEnd", { call: id, name, input, outcome, content, durationMillis })
    ]
    for (const part of content) {
      if (part.type === "file") events.push(Run.event(run, "FileOutput", { call: id, file: part }))
    }
    return events
  })
}

const afterEnd = (run: Run.Run, end: Hooks.ToolEnd): Effect.Effect<ToolResult.ToolResult> => {
  const hook = run.hooks.toolEnd
  if (hook === undefined) return Effect.succeed(end.result)
  return Effect.suspend(() => hook(end)).pipe(
    Effect.map((change) => change ?? end.result),
    Effect.catchAllCause((cause) =>
      Effect.as(
        Effect.logError(`The toolEnd hook died; the result of ${end.tool} is withheld`, cause),
        ToolResult.text("failed", `The result of ${end.tool} is withheld: a check of this application failed.`)
      )
    )
  )
}
