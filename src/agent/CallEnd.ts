/**
 * What follows every end of a call, however it came about: the hooks, the bound on its result, the record in the batch,
 * and the events.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Artifacts from "../context/Artifacts.ts"
import type * as AgentEvent from "../domain/AgentEvent.ts"
import type { CallId } from "../domain/Ids.ts"
import * as Part from "../domain/Part.ts"
import * as Hooks from "../hook/Hooks.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import type { Batch } from "./Dispatch.ts"
import * as Run from "./Run.ts"
import * as Screening from "./Screening.ts"

/**
 * The call that ended. `input` are its arguments as JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly id: CallId
  readonly name: string
  readonly input: unknown
}

/**
 * Concludes a call: tells the hooks, has the result judged, bounds it, records it, and writes the events.
 *
 * **Details**
 *
 * - `error` is what the handler failed or died with; hooks are told, the model is not.
 * - A result whose judgement is interrupted is withheld: the call has run.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ended = (
  run: Run.Run,
  batch: Batch,
  index: number,
  call: Call,
  raw: ToolResult.ToolResult,
  durationMillis: number,
  error?: unknown
): Effect.Effect<void> => {
  if (!run.messageGuard.judgesResults) return cutShort(run, batch, index, call, raw, durationMillis, error)
  const record = (result: ToolResult.ToolResult) =>
    Effect.suspend(() => recorded(run, batch, index, call, result, durationMillis) ?? Effect.void)
  return Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(observed(run, call, raw, error) ?? Effect.succeed(raw), (result) =>
      Effect.flatMap(Effect.exit(restore(Screening.result(run, call, result))), (exit) => {
        if (Exit.isFailure(exit)) {
          return Effect.zipRight(record(Screening.withheld(result, "it was not checked")), Effect.failCause(exit.cause))
        }
        batch.blocked ??= exit.value.blocked
        return Effect.asVoid(Effect.zipRight(Screening.tell(run, exit.value), record(exit.value.result)))
      })
    )
  )
}

/**
 * Concludes a call with a result that is in our own words, which nobody has to judge.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cutShort = (
  run: Run.Run,
  batch: Batch,
  index: number,
  call: Call,
  raw: ToolResult.ToolResult,
  durationMillis: number,
  error?: unknown
): Effect.Effect<void> => {
  const record = (result: ToolResult.ToolResult) => recorded(run, batch, index, call, result, durationMillis)
  const told = observed(run, call, raw, error)
  return told === undefined
    ? Effect.suspend(() => Effect.asVoid(record(raw) ?? Effect.void))
    : Effect.uninterruptible(Effect.flatMap(told, (result) => Effect.asVoid(record(result) ?? Effect.void)))
}

/**
 * Adds to a result what the call has shown so far.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withShown = (result: ToolResult.ToolResult, shown: string | undefined): ToolResult.ToolResult =>
  shown === undefined || shown === ""
    ? result
    : { ...result, content: [...result.content, Part.text(`Its output so far:\n${shown}`)] }

// internal

/** The result after the hooks that look at it; nothing when none does. */
const observed = (
  run: Run.Run,
  call: Call,
  raw: ToolResult.ToolResult,
  error: unknown
): Effect.Effect<ToolResult.ToolResult> | undefined => {
  const { toolEnd, toolError } = run.hooks
  if (toolEnd === undefined && (toolError === undefined || raw.outcome === "ok")) return undefined
  const about = { ...Run.where(run), call: call.id, tool: call.name, input: call.input }
  return Effect.tap(afterEnd(run, { ...about, result: raw }), (result) =>
    result.outcome === "ok" || toolError === undefined
      ? Effect.void
      : Hooks.tell("toolError", toolError, () => ({ ...about, error, result }))
  )
}

/** The record and the events of an end, in one step. */
const recorded = (
  run: Run.Run,
  batch: Batch,
  index: number,
  { id, input, name }: Call,
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
  const { content, display, outcome } = result
  batch.results[index] = { outcome, content }
  if (outcome === "ok") noteEnd(batch, index, entry?.endsRun === true ? (result.ends ?? {}) : result.ends, raw)
  Telemetry.countCall(entry === undefined ? "unknown" : name, outcome, durationMillis)
  return run.write(() => {
    const events: Array<AgentEvent.AgentEvent> = [
      Run.event(run, "ToolEnd", {
        call: id,
        name,
        input,
        outcome,
        content,
        ...(display === undefined ? undefined : { display }),
        durationMillis
      })
    ]
    for (const part of content) {
      if (part.type === "file") events.push(Run.event(run, "FileOutput", { call: id, file: part }))
    }
    return events
  })
}

/** Of several results that end the run the first one in call order counts, whichever was there first. */
const noteEnd = (batch: Batch, index: number, ends: ToolResult.Ends | undefined, raw: ToolResult.ToolResult): void => {
  const call = batch.calls[index]
  if (ends === undefined || call === undefined) return
  if (batch.ends !== undefined && batch.ends.index < index) return
  const said = ends.value === undefined ? raw : ToolResult.fromEncoded("ok", ends.value)
  batch.ends = { ...ends, index, call: call.id, text: Part.contentToText(said.content) }
}

const afterEnd = (run: Run.Run, end: Hooks.ToolEnd): Effect.Effect<ToolResult.ToolResult> => {
  const hook = run.hooks.toolEnd
  if (hook === undefined) return Effect.succeed(end.result)
  return Effect.suspend(() => hook(end)).pipe(
    Effect.flatMap((change) => Hooks.checked("toolEnd", change)),
    Effect.map((change) => (change === undefined ? end.result : replaced(end.result, change))),
    Effect.catchAllCause((cause) =>
      Effect.as(
        Effect.logError(`The toolEnd hook died; the result of ${end.tool} is withheld`, cause),
        ToolResult.text("failed", `The result of ${end.tool} is withheld: a check of this application failed.`)
      )
    )
  )
}

/** What a hook puts in the place of a result still ends the run, but without a value that the hook has not seen. */
const replaced = (result: ToolResult.ToolResult, change: ToolResult.ToolResult): ToolResult.ToolResult =>
  result.ends === undefined || change.ends !== undefined ? change : { ...change, ends: { reason: result.ends.reason } }
