/**
 * What follows every end of a call, however it came about: the hooks, the bound on its result, the record in the batch,
 * and the events.
 */
import * as Effect from "effect/Effect"
import * as Artifacts from "../context/Artifacts.ts"
import type * as AgentEvent from "../domain/AgentEvent.ts"
import type { CallId } from "../domain/Ids.ts"
import * as Part from "../domain/Part.ts"
import * as Hooks from "../hook/Hooks.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import type { Batch } from "./Dispatch.ts"
import * as Run from "./Run.ts"

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
 * Concludes a call: tells the hooks, bounds the result, records it, and writes the events.
 *
 * **Details**
 *
 * - `error` is what the handler failed or died with; hooks are told, the model is not.
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
          : Hooks.tell("toolError", toolError, () => ({ ...about, error, result }))
      return Effect.asVoid(
        Effect.flatMap(observed, () => recorded(run, batch, index, call, result, durationMillis) ?? Effect.void)
      )
    })
  )
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
