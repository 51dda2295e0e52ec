/**
 * From the calls of one answer to their results: exactly one each, in call order, whatever happens. Calls are prepared
 * together and then run as bounded fibers, within the time that they have together. When the run is interrupted,
 * `settle` accounts for what was running and what never began.
 */
import * as Effect from "effect/Effect"
import type { ToolFailed } from "../domain/AgentError.ts"
import type { PendingQuestion, SuspendedEntry } from "../domain/Entry.ts"
import { CallId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import type * as Part from "../domain/Part.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import type { Ready, Rejected } from "./Arguments.ts"
import * as Arguments from "./Arguments.ts"
import * as Call from "./Call.ts"
import * as CallEnd from "./CallEnd.ts"
import { concurrently } from "./Concurrently.ts"
import * as Prepare from "./Prepare.ts"
import type * as Run from "./Run.ts"

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
  /** When a call began, in milliseconds since the epoch; absent for calls that never did. */
  readonly startedAt: Array<number | undefined>
  /** By position, while calls are prepared: those that will not run. Their results stand also when the others are cut short. */
  readonly rejected: Array<Rejected | undefined>
  /** By position: calls that have run, and wait for what they started. */
  readonly waiting: Array<ToolResult.Waits | undefined>
  /** The questions that wait for a person. While there are any, no call of the batch runs. */
  pending: ReadonlyArray<PendingQuestion>
  /** The result that ends the run, if one does: of several the first in call order. Whole once the batch is settled. */
  ends: BatchEnd | undefined
  /** Whether a guard of messages ends the run because of a result. */
  blocked: string | undefined
}

/**
 * The result with which a run ends.
 *
 * **Details**
 *
 * - `text`: what the result says, not cut. `value`: the result as JSON, when the tool gave one with its answer.
 * - `reason`: the tool's word for why it ends.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchEnd extends ToolResult.Ends {
  readonly call: string
  readonly index: number
  readonly text: string
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
  shown: calls.map(() => undefined),
  startedAt: [],
  rejected: [],
  waiting: [],
  pending: [],
  ends: undefined,
  blocked: undefined
})

/**
 * Works off a batch. Fails only for tools whose failure ends the run; the others' results are then settled. `begun` is done
 * once no question is left that would keep the calls from running.
 *
 * @category combinators
 * @since 0.1.0
 */
export const execute = (
  run: Run.Run,
  batch: Batch,
  begun: Effect.Effect<void> | undefined
): Effect.Effect<void, ToolFailed> =>
  Effect.gen(function* () {
    const prepared = yield* Prepare.prepare(run, batch.calls, batch.rejected)
    batch.pending = prepared.flatMap((item) => (item._tag === "Pending" ? [item.question] : []))
    if (batch.pending.length > 0) return
    if (begun !== undefined) yield* begun
    const ready: Array<Slot> = []
    for (const [index, item] of prepared.entries()) {
      if (item._tag === "Pending") continue
      if (item._tag !== "Ready") yield* CallEnd.ended(run, batch, index, item, item.result, 0)
      else if (isUsedUp(run, item)) yield* CallEnd.ended(run, batch, index, item, usedUp(item), 0)
      else ready.push({ index, ready: item })
    }
    return yield* inTime(run, batch, ready)
  })

/**
 * Lets those calls of a batch go on that waited, and have the answers they waited for. They have begun, so that nobody judges
 * them again; what they start is judged as ever.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reopen = (run: Run.Run, batch: Batch): Effect.Effect<void, ToolFailed> =>
  Effect.gen(function* () {
    const ready: Array<Slot> = []
    for (const [index, call] of batch.calls.entries()) {
      if (run.reopened?.has(Arguments.idOf(call)) !== true) continue
      const item = yield* Arguments.toEffect(Arguments.read(run, call, Arguments.parse(call.input)))
      if (item._tag === "Rejected") yield* CallEnd.ended(run, batch, index, item, item.result, 0)
      else ready.push({ index, ready: item })
    }
    return yield* inTime(run, batch, ready)
  })

/**
 * What a batch waits for that has run: its questions, where they wait, and the results that are there. Nothing when no call
 * waits, or when the run ends anyway.
 *
 * @category converters
 * @since 0.1.0
 */
export const waits = ({ blocked, calls, ends, results, waiting }: Batch): Waits | undefined => {
  if (waiting.length === 0 || ends !== undefined || blocked !== undefined) return undefined
  const asked = calls.flatMap((call, index) => {
    const waits = waiting[index]
    return waits === undefined ? [] : [{ call: Arguments.idOf(call), ...waits }]
  })
  if (asked.length === 0) return undefined
  return {
    questions: asked.flatMap(({ questions }) => questions),
    waiting: asked.map(({ call, questions, session }) => ({ call, session, asked: questions.map(({ call }) => call) })),
    results: calls.flatMap((call, index) => (results[index] === undefined ? [] : [toPart(call, results[index])]))
  }
}

/**
 * What a session keeps of calls that wait after they have run.
 *
 * @category models
 * @since 0.1.0
 */
export type Waits = Required<Pick<SuspendedEntry, "questions" | "waiting" | "results">>

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
      const rejected = batch.rejected[index]
      if (rejected !== undefined) {
        yield* CallEnd.cutShort(run, batch, index, rejected, rejected.result, 0)
        continue
      }
      const named = { id: CallId.make(call.id), name: call.name, input: {} }
      if (batch.waiting[index] !== undefined) {
        const text = `This call waited for a person and was left: ${why}. It may have had effects.`
        yield* CallEnd.cutShort(run, batch, index, named, ToolResult.text("interrupted", text), 0)
        continue
      }
      yield* cutShort(run, batch, index, named, {
        running: ToolResult.text(
          "interrupted",
          `This call was interrupted before it finished: ${why}. It may have had effects.`
        ),
        waiting: ToolResult.text("skipped", `This call was not started: ${why}.`)
      })
    }
    return toMessage(batch)
  })

// internal

interface Slot {
  readonly index: number
  readonly ready: Ready
}

/** Runs the calls, within the time that they have together. */
const inTime = (run: Run.Run, batch: Batch, ready: ReadonlyArray<Slot>): Effect.Effect<void, ToolFailed> => {
  const { toolsTimeout } = run.definition
  const work = worked(run, batch, ready)
  if (toolsTimeout === undefined) return work
  return Effect.flatMap(
    Effect.timeoutTo(work, { duration: toolsTimeout, onSuccess: () => false, onTimeout: () => true }),
    (isLate) => (isLate ? late(run, batch, ready) : Effect.void)
  )
}

/** Runs the calls, as many at once as they allow. */
const worked = (run: Run.Run, batch: Batch, ready: ReadonlyArray<Slot>): Effect.Effect<void, ToolFailed> => {
  const permits = permitsFor(ready)
  const works = (group: ReadonlyArray<Slot>) =>
    group.map((slot) => {
      const work = Call.run(run, batch, slot.index, slot.ready)
      return permits.get(slot.ready.name)?.withPermits(1)(work) ?? work
    })
  const together = groups(ready)
  const [only] = together
  if (only === undefined) return Effect.void
  if (together.length === 1) return concurrently(works(only), run.definition.toolConcurrency)
  return Effect.forEach(together, (group) => concurrently(works(group), run.definition.toolConcurrency), {
    discard: true
  })
}

/** How many calls of a tool each run has let start. Only for tools that count. */
const uses = new WeakMap<Run.Run, Map<string, number>>()

/** Counts a call. In one step, so that no two calls take the same place. */
const isUsedUp = (run: Run.Run, { entry, name }: Ready): boolean => {
  if (entry.maxCalls === undefined) return false
  const counts = uses.get(run) ?? new Map<string, number>()
  uses.set(run, counts)
  const used = counts.get(name) ?? 0
  if (used >= entry.maxCalls) return true
  counts.set(name, used + 1)
  return false
}

const usedUp = ({ entry, name }: Ready): ToolResult.ToolResult => {
  const times = entry.maxCalls === 1 ? "once" : `${entry.maxCalls} times`
  const text = `This call was not started: ${name} may be called ${times} in a run, and that is used up. Go on without it.`
  return ToolResult.text("skipped", text)
}

/** The time of all calls together is over: those that ran and those that waited each have their word for it. */
const late = (run: Run.Run, batch: Batch, ready: ReadonlyArray<Slot>): Effect.Effect<void, ToolFailed> =>
  Effect.gen(function* () {
    const why = "the calls of this turn did not finish in time"
    for (const { index, ready: item } of ready) {
      if (batch.results[index] !== undefined || batch.waiting[index] !== undefined) continue
      yield* cutShort(run, batch, index, item, {
        running: ToolResult.text("timed-out", `This call was stopped: ${why}. It may have had effects.`),
        waiting: ToolResult.text("skipped", `This call was not started: ${why}.`)
      })
    }
    for (const { index, ready: item } of ready) {
      const result = batch.results[index]
      if (result !== undefined) yield* Call.fatal(run, item, result)
    }
  })

/** Concludes a call that has no result: one that was running with what it has shown, or one that never began. */
const cutShort = (
  run: Run.Run,
  batch: Batch,
  index: number,
  call: CallEnd.Call,
  results: { readonly running: ToolResult.ToolResult; readonly waiting: ToolResult.ToolResult }
): Effect.Effect<void> => {
  const shown = batch.shown[index]
  const startedAt = batch.startedAt[index]
  if (shown === undefined || startedAt === undefined)
    return CallEnd.cutShort(run, batch, index, call, results.waiting, 0)
  // What nobody has judged is not shown, and there may be no time to have it judged.
  const result = run.messageGuard.judgesResults ? results.running : CallEnd.withShown(results.running, shown)
  return Effect.flatMap(run.activities.now, (now) =>
    CallEnd.cutShort(run, batch, index, call, result, Math.max(0, now - startedAt))
  )
}

const toMessage = (batch: Batch): Message =>
  Messages.tool(batch.calls.map((call, index) => toPart(call, batch.results[index])))

const toPart = (call: Part.ToolCall, result: ToolResult.ToolResult | undefined): Part.ToolResult => ({
  type: "tool-result",
  id: call.id,
  name: call.name,
  outcome: result?.outcome ?? "skipped",
  content: result?.content ?? [],
  ...(call.wireId === undefined ? undefined : { wireId: call.wireId })
})

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
