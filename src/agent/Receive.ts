/**
 * One model request and the answer to it. Deltas become events as they arrive, parts become one assistant message, and
 * nothing is handed on before the finish part: an answer that was cut off never has calls to run.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as AgentEvent from "../domain/AgentEvent.ts"
import type { Delta, Finish, PartEnd, ResponseStart } from "../domain/Delta.ts"
import { CallId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import * as Part from "../domain/Part.ts"
import * as Usage from "../domain/Usage.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import * as PartialJson from "../tool/PartialJson.ts"
import type { Pull, Request } from "../transport/Transport.ts"
import { pauseMillis, TransportError } from "../transport/TransportError.ts"
import type { Answer } from "./Answer.ts"
import * as InputFields from "./InputFields.ts"
import * as Observing from "./Observing.ts"
import * as Repetition from "./Repetition.ts"
import * as Run from "./Run.ts"

/**
 * What has arrived of one answer so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  readonly parts: Array<Part.Part>
  /** Text parts that have begun and not ended, by index. */
  readonly open: Map<number, string>
  /** Our call ids, by the index of the part, and by the vendor's id. */
  readonly calls: Map<number, InputFields.Call>
  readonly wireIds: Map<string, CallId>
  /** What answers cost that broke off and were begun anew. */
  readonly lost: Array<Usage.Usage>
  repetition: Repetition.Detector | undefined
  /** Reads the text as the typed answer it is to become. */
  value: PartialJson.ValueReader | undefined
  /** How many call ids were given out in this turn. */
  minted: number
  /** How many pauses there were between attempts. */
  paused: number
  start: ResponseStart | undefined
  finish: Finish | undefined
  begun: boolean
}

/**
 * Nothing has arrived.
 *
 * @category constructors
 * @since 0.1.0
 */
export const begin = (run: Run.Run): Progress => ({
  parts: [],
  open: new Map(),
  calls: new Map(),
  wireIds: new Map(),
  lost: [],
  repetition: run.definition.cutRepetition ? Repetition.make() : undefined,
  value: run.definition.output === undefined ? undefined : PartialJson.makeValue({ fenced: true }),
  minted: 0,
  paused: 0,
  start: undefined,
  finish: undefined,
  begun: false
})

/**
 * Asks the model. Sends the request again when the failure may pass: as often as `retries` says while nothing of an answer
 * had arrived, and as often as `restarts` says after that. `time` says how often this turn has asked, itself included.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ask = (
  run: Run.Run,
  request: Request,
  progress: Progress,
  time = 1
): Effect.Effect<Answer, TransportError> => {
  const { restarts, retries } = run.definition
  const about = () => ({
    ...Run.where(run),
    request,
    model: run.transport.model.id,
    attempt: progress.paused + time
  })
  const attempt = (attempts: number): Effect.Effect<Answer, TransportError> =>
    Effect.catchAll(Observing.model(run.hooks, about, receive(run, request, progress)), (error) => {
      const restart = progress.lost.length + 1
      const delayMillis = pauseMillis(error, attempts)
      const isAllowed = progress.begun ? restart <= restarts : attempts - progress.lost.length < retries
      if (delayMillis === undefined || !isAllowed) return Effect.fail(error)
      const about = { delayMillis, error: { tag: error.reason._tag, message: error.message } }
      const said = progress.begun
        ? Effect.flatMap(forget(run, request, progress), (usage) =>
            Run.emit(run, () => [Run.event(run, "TurnRestarted", { restart, ...about, usage })])
          )
        : Run.emit(run, () => [Run.event(run, "Retrying", { attempt: attempts + 1, ...about })])
      return said.pipe(
        Effect.zipRight(run.activities.sleep({ run: run.id, turn: run.turn, attempt: ++progress.paused }, delayMillis)),
        Effect.zipRight(attempt(attempts + 1))
      )
    })
  const key = { run: run.id, turn: run.turn }
  return run.activities.model(time === 1 ? key : { ...key, attempt: time }, attempt(0))
}

/**
 * The message of an answer that was cut off, which is what a person saw of it, never a call; and what it and those lost
 * before it cost. Nothing of it is there when nothing had arrived.
 *
 * @category converters
 * @since 0.1.0
 */
export const cutOff = (
  run: Run.Run,
  request: Request,
  progress: Progress
): Effect.Effect<{ readonly message: Message | undefined; readonly bill: ReadonlyArray<Usage.Usage> }> => {
  if (!progress.begun) return Effect.succeed({ message: undefined, bill: progress.lost })
  // What was held back was never judged, and nobody saw it.
  const isHeld = run.messageGuard.judgesAnswers
  const text = isHeld ? [] : progress.parts.filter((part) => part.type === "text" || part.type === "file")
  for (const open of progress.open.values()) if (open !== "" && !isHeld) text.push(Part.text(open))
  const message: Message | undefined = text.length === 0 ? undefined : { role: "assistant", parts: text, meta: cutMeta }
  const counted = Effect.map(estimated(run, request, message), (usage) => ({
    message,
    bill: [...progress.lost, progress.finish?.usage ?? usage]
  }))
  if (!run.definition.inputFields || isHeld) return counted
  return Effect.zipRight(
    Run.emit(run, () => InputFields.close(run, progress.calls)),
    counted
  )
}

/**
 * Whether an answer was cut off, so that it is not all that there was to say.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isCut = ({ meta }: Message): boolean => {
  const own = meta?.["axonal"]
  return typeof own === "object" && own !== null && "cut" in own
}

// internal

/** Forgets what had arrived of an answer, but for what it cost. */
const forget = (run: Run.Run, request: Request, progress: Progress): Effect.Effect<Usage.Usage> =>
  Effect.map(cutOff(run, request, progress), ({ bill }) => {
    const usage = bill[progress.lost.length] ?? Usage.unknown
    progress.lost.push(usage)
    progress.parts.length = 0
    for (const memory of [progress.open, progress.calls, progress.wireIds]) memory.clear()
    const { repetition, value } = begin(run)
    progress.repetition = repetition
    progress.value = value
    progress.start = undefined
    progress.finish = undefined
    progress.begun = false
    return usage
  })

/** What an answer cost that ended before the vendor could say. */
const estimated = (run: Run.Run, request: Request, message: Message | undefined): Effect.Effect<Usage.Usage> =>
  Effect.map(
    Effect.all([
      run.tokenCounter.count(request),
      message === undefined ? Effect.succeed(0) : run.tokenCounter.count({ messages: [message] })
    ]),
    ([input, output]) => Usage.make({ input, output, estimated: true })
  )

const cutMeta: Part.Meta = { axonal: { cut: true } }

const repeated = "\n[Output cut: it repeated itself]"

const receive = (run: Run.Run, request: Request, progress: Progress): Effect.Effect<Answer, TransportError> =>
  Telemetry.request(
    {
      ...{ traced: run.traced, capture: run.captureContent, model: run.transport.model, session: run.session, request },
      hidesAnswer: run.messageGuard.judgesAnswers
    },
    (watch) =>
      Effect.flatMap(
        Effect.scoped(Effect.flatMap(run.transport.open(request), (pull) => drain(run, pull, progress, watch))),
        () => finished(run, request, progress)
      ),
    () => progress.start
  )

const drain = (
  run: Run.Run,
  pull: Pull,
  progress: Progress,
  watch: Telemetry.Watch
): Effect.Effect<void, TransportError> => {
  const next: Effect.Effect<void, Option.Option<TransportError>> = Effect.flatMap(pull, (deltas) => {
    Telemetry.arrived(watch)
    const events = run.messageGuard.judgesAnswers ? held(run, progress, deltas) : fold(run, progress, deltas)
    const wait = events.length === 0 ? undefined : run.write(() => events)
    // After the finish part there is nothing to wait for, whatever the server still does with the connection.
    return Run.after(wait, progress.finish === undefined ? next : Effect.void)
  })
  return Effect.catchAll(next, (end) => (Option.isSome(end) ? Effect.fail(end.value) : Effect.void))
}

const finished = (run: Run.Run, request: Request, progress: Progress): Effect.Effect<Answer, TransportError> => {
  const { finish, parts } = progress
  if (finish !== undefined && finish.reason !== "error") {
    const { reason, usage } = finish
    const message: Message = { role: "assistant", parts }
    return finish.meta === cutMeta
      ? Effect.map(estimated(run, request, message), (usage) => ({ message, reason, usage }))
      : Effect.succeed({ message, reason, usage })
  }
  return Effect.fail(
    new TransportError({
      vendor: run.transport.model.vendor,
      model: run.transport.model.id,
      reason: {
        _tag: finish === undefined ? "Network" : "Overloaded",
        message:
          finish === undefined
            ? "The answer ended without its finish part; what had arrived of it was not acted upon."
            : "The vendor ended the answer with an error."
      },
      replay: "acknowledged"
    })
  )
}

/** Folds what arrived without telling anybody: the answer is shown when its guard has seen it. */
const held = (run: Run.Run, progress: Progress, deltas: ReadonlyArray<Delta>): ReadonlyArray<AgentEvent.AgentEvent> => {
  const { sequence } = run
  fold(run, progress, deltas)
  run.sequence = sequence
  return []
}

/** Folds what arrived in one pull into the progress, and answers the events to write. */
const fold = (run: Run.Run, progress: Progress, deltas: ReadonlyArray<Delta>): ReadonlyArray<AgentEvent.AgentEvent> => {
  const events: Array<AgentEvent.AgentEvent> = []
  let hasMore = false
  for (const delta of deltas) {
    if (progress.finish !== undefined) break
    if (delta._tag !== "ResponseStart") progress.begun = true
    switch (delta._tag) {
      case "TextDelta": {
        progress.open.set(delta.index, (progress.open.get(delta.index) ?? "") + delta.delta)
        events.push({
          _tag: "TextDelta",
          run: run.id,
          turn: run.turn,
          sequence: run.sequence++,
          agent: run.agent,
          index: delta.index,
          delta: delta.delta
        })
        if (progress.value?.push(delta.delta) === true) hasMore = true
        if (progress.repetition !== undefined && Repetition.push(progress.repetition, delta.delta)) cut(progress)
        break
      }
      case "ReasoningDelta": {
        events.push({
          _tag: "ReasoningDelta",
          run: run.id,
          turn: run.turn,
          sequence: run.sequence++,
          agent: run.agent,
          index: delta.index,
          delta: delta.delta
        })
        break
      }
      case "ToolInputDelta": {
        const call = callAt(run, progress, delta.index)
        events.push({
          _tag: "ToolInputDelta",
          run: run.id,
          turn: run.turn,
          sequence: run.sequence++,
          agent: run.agent,
          call: call.call,
          name: call.name,
          delta: delta.delta
        })
        if (call.fields !== undefined) InputFields.push(run, call, delta.delta, events)
        break
      }
      case "PartStart": {
        if (delta.kind === "text") progress.open.set(delta.index, "")
        if (delta.kind === "tool-call") {
          const call = callAt(run, progress, delta.index, delta.name)
          events.push(Run.event(run, "ToolInputStart", { call: call.call, name: call.name }))
        }
        break
      }
      case "PartEnd":
        end(run, progress, delta, events)
        break
      case "ResponseStart":
        progress.start = delta
        break
      case "Finish":
        progress.finish = delta
        if (progress.value?.end() === true) hasMore = true
        break
    }
  }
  if (progress.finish !== undefined && run.definition.inputFields)
    events.push(...InputFields.close(run, progress.calls))
  // Once for all that arrived together.
  if (hasMore) events.push(Run.event(run, "OutputDelta", { partial: progress.value?.value }))
  return events
}

/** The call of a part: its id is minted when the part is first heard of. */
const callAt = (run: Run.Run, progress: Progress, index: number, name?: string): InputFields.Call => {
  let call = progress.calls.get(index)
  if (call === undefined) {
    const id = `call_${run.id.slice(-12)}_${run.turn}_${progress.minted++}`
    call = InputFields.make(run, CallId.make(id, { disableValidation: true }), name ?? "")
    progress.calls.set(index, call)
  }
  if (name !== undefined && name !== "") call.name = name
  return call
}

const end = (run: Run.Run, progress: Progress, delta: PartEnd, events: Array<AgentEvent.AgentEvent>): void => {
  const { part } = delta
  progress.open.delete(delta.index)
  switch (part.type) {
    case "tool-call": {
      const found = callAt(run, progress, delta.index, part.name)
      const { call } = found
      if (found.fields !== undefined) InputFields.end(run, found, part.input, events)
      progress.parts.push(minted(progress, part, call))
      if (part.transportExecuted === true) {
        events.push(Run.event(run, "ToolCall", { call, name: part.name, input: parsed(part.input) }))
      }
      break
    }
    case "tool-result": {
      const call = progress.wireIds.get(part.id)
      progress.parts.push({ ...part, id: call ?? part.id, wireId: part.id })
      if (call !== undefined) {
        const { content, name, outcome } = part
        events.push(Run.event(run, "ToolEnd", { call, name, input: {}, outcome, content, durationMillis: 0 }))
      }
      break
    }
    case "file":
      progress.parts.push(part)
      events.push(Run.event(run, "FileOutput", { file: part }))
      break
    case "source":
      progress.parts.push(part)
      events.push(Run.event(run, "SourceOutput", { source: part }))
      break
    default:
      progress.parts.push(part)
  }
}

/** Gives the call our id. A vendor id that this answer used before is dropped, and the call marked: it must not run. */
const minted = (progress: Progress, part: Part.ToolCall, call: CallId): Part.ToolCall => {
  if (part.id === "") return { ...part, id: call }
  if (progress.wireIds.has(part.id)) return { ...part, id: call, meta: { ...part.meta, axonal: { duplicate: true } } }
  progress.wireIds.set(part.id, call)
  return { ...part, id: call, wireId: part.id }
}

const parsed = (input: string): unknown => {
  try {
    return JSON.parse(input)
  } catch {
    return {}
  }
}

/** Ends the answer where it is. */
const cut = (progress: Progress): void => {
  for (const [index, text] of progress.open) {
    progress.parts.push({ type: "text", text: text + repeated, meta: cutMeta })
    progress.open.delete(index)
  }
  progress.finish = { _tag: "Finish", reason: "other", usage: Usage.unknown, meta: cutMeta }
}
