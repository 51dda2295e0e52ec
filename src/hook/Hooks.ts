/**
 * Where an application looks into a run and changes it. One record of optional functions without an error channel:
 * observers only watch, and one that dies is logged and forgotten; interceptors answer with a change, and one that dies, or
 * changes what it may not, fails closed: the call is not made, the request is not sent.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { AgentEvent, RequestField } from "../domain/AgentEvent.ts"
import type { ToolResult } from "../tool/ToolResult.ts"
import * as Chain from "./internal/chain.ts"
import * as Fields from "./internal/fields.ts"
import * as Ordering from "./internal/ordering.ts"
import type * as Phase from "./Phase.ts"

/**
 * Where a hook is, what hooks are told in each phase of a run, and what interceptors may change: see `hook/Phase`.
 *
 * @category models
 * @since 0.1.0
 */
export type Where = Phase.Where
export type Told<Tag extends AgentEvent["_tag"]> = Phase.Told<Tag>
export type RunStart = Phase.RunStart
export type RunEnd = Phase.RunEnd
export type TurnStart = Phase.TurnStart
export type TurnStartChange = Phase.TurnStartChange
export type ModelStart = Phase.ModelStart
export type ModelEnd = Phase.ModelEnd
export type ModelError = Phase.ModelError
export type TurnEnd = Phase.TurnEnd
export type ToolStart = Phase.ToolStart
export type ToolStartChange = Phase.ToolStartChange
export type ToolEnd = Phase.ToolEnd
export type ToolError = Phase.ToolError
export type Failure = Phase.Failure
export type ContextOverflow = Phase.ContextOverflow
export type MessageDropped = Phase.MessageDropped
export type CompactionStart = Phase.CompactionStart
export type LimitReached = Phase.LimitReached
export type StoreRead = Phase.StoreRead
export type StoreWrite = Phase.StoreWrite

/**
 * The hooks of a run. All are optional; `Hooks.combine` merges several records. Interceptors are `turnStart`, `toolStart`
 * and `toolEnd`; all others observe. Those named like an event are told of it when it is written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Observes the start of a run, before anything is asked or stored. */
  readonly runStart?: ((event: RunStart) => Effect.Effect<void>) | undefined
  /** Observes the end of a run, however it ended, exactly once. */
  readonly runEnd?: ((event: RunEnd) => Effect.Effect<void>) | undefined
  /** Intercepts a request: what it returns replaces those fields. Nothing of it is stored, and `RequestChanged` tells of it. */
  readonly turnStart?: ((event: TurnStart) => Effect.Effect<TurnStartChange | void>) | undefined
  /** Observes the end of a turn, its results included. */
  readonly turnEnd?: ((event: TurnEnd) => Effect.Effect<void>) | undefined
  /** Observes every request that is sent, just before it is. */
  readonly modelStart?: ((event: ModelStart) => Effect.Effect<void>) | undefined
  /** Observes every answer that is complete, before it is committed and before its calls run. */
  readonly modelEnd?: ((event: ModelEnd) => Effect.Effect<void>) | undefined
  /** Observes every request that came to no complete answer, also those that are sent again. */
  readonly modelError?: ((event: ModelError) => Effect.Effect<void>) | undefined
  /** Intercepts a call after its guard and before its handler. New arguments are decoded and guarded again. */
  readonly toolStart?: ((event: ToolStart) => Effect.Effect<ToolStartChange | void>) | undefined
  /** Intercepts a result before it is bounded, stored and shown: what it returns replaces it. */
  readonly toolEnd?: ((event: ToolEnd) => Effect.Effect<ToolResult | void>) | undefined
  /** Observes every call that did not end `ok`. */
  readonly toolError?: ((event: ToolError) => Effect.Effect<void>) | undefined
  /** Observes what the guard of the application made of a call, unless it goes ahead as it is. */
  readonly guardVerdict?: ((event: Told<"GuardVerdict">) => Effect.Effect<void>) | undefined
  /** Observes that a message guard changed a message or did not let it pass. */
  readonly messageGuarded?: ((event: Told<"MessageGuarded">) => Effect.Effect<void>) | undefined
  /** Observes that a person is asked about a call, before it is. */
  readonly approvalAsked?: ((event: Told<"ApprovalAsked">) => Effect.Effect<void>) | undefined
  /** Observes the answer of a person, before anything follows from it. */
  readonly approvalDecided?: ((event: Told<"ApprovalDecided">) => Effect.Effect<void>) | undefined
  /** Observes that an answer is not of the type that was asked for, and that the model is told so. */
  readonly outputRejected?: ((event: Told<"OutputRejected">) => Effect.Effect<void>) | undefined
  /** Observes that a conversation is too long, for its vendor or for the compaction in use, before anything is done. */
  readonly contextOverflow?: ((event: ContextOverflow) => Effect.Effect<void>) | undefined
  /** Observes that a compaction begins. One of the next two follows, or neither when there is nothing to take away. */
  readonly compactionStart?: ((event: CompactionStart) => Effect.Effect<void>) | undefined
  /** Observes a compaction that was made and committed. */
  readonly compacted?: ((event: Told<"Compacted">) => Effect.Effect<void>) | undefined
  /** Observes a compaction that failed, or that came to nothing although the vendor insists. */
  readonly compactionFailed?: ((event: Told<"CompactionFailed">) => Effect.Effect<void>) | undefined
  /** Observes what the model is not shown any more, after a compaction. */
  readonly messageDropped?: ((event: MessageDropped) => Effect.Effect<void>) | undefined
  /** Observes that 80 % of a limit is used, once per limit and run. */
  readonly limitWarning?: ((event: Told<"LimitWarning">) => Effect.Effect<void>) | undefined
  /** Observes that a limit is reached, before the last answer or the failure. */
  readonly limitReached?: ((event: LimitReached) => Effect.Effect<void>) | undefined
  /** Observes that a request is sent again after a pause, before the pause. */
  readonly retrying?: ((event: Told<"Retrying">) => Effect.Effect<void>) | undefined
  /** Observes that a turn begins anew, because its answer broke off. */
  readonly turnRestarted?: ((event: Told<"TurnRestarted">) => Effect.Effect<void>) | undefined
  /** Observes that the run was asked to stop and does, whatever it was busy with. */
  readonly stop?: ((event: Where) => Effect.Effect<void>) | undefined
  /** Observes the failure that is about to end the run. */
  readonly error?: ((event: Failure) => Effect.Effect<void>) | undefined
  /** Observes what the run read from its store. */
  readonly storeRead?: ((event: StoreRead) => Effect.Effect<void>) | undefined
  /** Observes what the run wrote to its store, or tried to. */
  readonly storeWrite?: ((event: StoreWrite) => Effect.Effect<void>) | undefined
  /** Observes every event of the run, in order, in batches as they occur. Keep it short: the run waits for it. */
  readonly events?: ((events: ReadonlyArray<AgentEvent>) => Effect.Effect<void>) | undefined
}

/**
 * The hooks in use. None unless provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Hooks extends Context.Reference<Hooks>()("axonal/hook/Hooks", {
  defaultValue: (): Service => ({})
}) {}

/**
 * An interceptor answered with what it may not change. Nothing of its answer is used: a request is not sent and its run dies
 * of this, a call is not made, a result is withheld.
 *
 * @category errors
 * @since 0.1.0
 */
export class HookRejected extends Schema.TaggedError<HookRejected>()("HookRejected", {
  hook: Schema.Literal("turnStart", "toolStart", "toolEnd"),
  /** The fields that are too many, missing, or exclude each other. */
  fields: Schema.Array(Schema.String),
  what: Schema.String
}) {
  override get message(): string {
    const may = Fields.allowed[this.hook]
    const all = this.hook === "toolStart" ? may.join(" or ") : may.join(", ")
    return `The ${this.hook} hook ${this.what}; it may answer with ${all}, or with nothing. Nothing of it was used.`
  }
}

/**
 * A change by an interceptor if it may be made. Dies with `HookRejected` if not.
 *
 * @category combinators
 * @since 0.1.0
 */
export const checked = <Change>(hook: HookRejected["hook"], change: Change): Effect.Effect<Change> => {
  const problem = change === undefined ? undefined : Fields.problem(hook, change)
  return problem === undefined ? Effect.succeed(change) : Effect.die(new HookRejected({ hook, ...problem }))
}

/**
 * The fields that a `turnStart` hook changes.
 *
 * @category converters
 * @since 0.1.0
 */
export const fieldsOf = (change: TurnStartChange): ReadonlyArray<RequestField> =>
  Fields.allowed.turnStart.filter((field) => change[field] !== undefined)

/**
 * Merges records of hooks into one that runs them in order.
 *
 * **Details**
 *
 * - Observers: all of them, each isolated from the others: one that dies is logged, and the next is told all the same.
 * - `turnStart`: a later one sees the request as the earlier ones changed it; where both change a field, the later wins.
 * - `toolStart`: a later one sees the arguments as the earlier ones rewrote them, before they are decoded again. The first
 *   `answer` wins and ends it: no later one is asked.
 * - `toolEnd`: a later one sees the result as the earlier ones replaced it.
 * - Interceptors that die end it, and the whole fails closed.
 * - A hook that no record has is absent and costs nothing. Associative, with `{}` as its neutral element.
 *
 * @category combinators
 * @since 0.1.0
 */
export const combine = (...records: ReadonlyArray<Service>): Service => {
  const at = <Key extends keyof Service>(key: Key): ReadonlyArray<NonNullable<Service[Key]>> =>
    records.flatMap((record) => {
      const hook = record[key]
      return hook === undefined ? [] : [hook]
    })
  const observing = <Event>(
    name: keyof Service,
    hooks: ReadonlyArray<Chain.Hook<Event, void>>
  ): Chain.Hook<Event, void> | undefined => Chain.observing(name, hooks)
  return {
    runStart: observing("runStart", at("runStart")),
    runEnd: observing("runEnd", at("runEnd")),
    turnStart: Chain.chained(at("turnStart"), turnStart),
    turnEnd: observing("turnEnd", at("turnEnd")),
    modelStart: observing("modelStart", at("modelStart")),
    modelEnd: observing("modelEnd", at("modelEnd")),
    modelError: observing("modelError", at("modelError")),
    toolStart: Chain.chained(at("toolStart"), toolStart),
    toolEnd: Chain.chained(at("toolEnd"), toolEnd),
    toolError: observing("toolError", at("toolError")),
    guardVerdict: observing("guardVerdict", at("guardVerdict")),
    messageGuarded: observing("messageGuarded", at("messageGuarded")),
    approvalAsked: observing("approvalAsked", at("approvalAsked")),
    approvalDecided: observing("approvalDecided", at("approvalDecided")),
    outputRejected: observing("outputRejected", at("outputRejected")),
    contextOverflow: observing("contextOverflow", at("contextOverflow")),
    compactionStart: observing("compactionStart", at("compactionStart")),
    compacted: observing("compacted", at("compacted")),
    compactionFailed: observing("compactionFailed", at("compactionFailed")),
    messageDropped: observing("messageDropped", at("messageDropped")),
    limitWarning: observing("limitWarning", at("limitWarning")),
    limitReached: observing("limitReached", at("limitReached")),
    retrying: observing("retrying", at("retrying")),
    turnRestarted: observing("turnRestarted", at("turnRestarted")),
    stop: observing("stop", at("stop")),
    error: observing("error", at("error")),
    storeRead: observing("storeRead", at("storeRead")),
    storeWrite: observing("storeWrite", at("storeWrite")),
    events: observing("events", at("events"))
  }
}

/**
 * Runs an observing hook so that it cannot break the run: one that dies or interrupts itself is logged as a warning and
 * forgotten. Interrupting the run interrupts the hook.
 *
 * @category combinators
 * @since 0.1.0
 */
export const observe = (hook: Effect.Effect<unknown>): Effect.Effect<void> => Chain.isolated(hook, () => ({}))

/**
 * Tells an observer of what happened, if there is one, isolated as by `observe`. The log names it should it die.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tell = <Event>(
  name: keyof Service,
  hook: ((event: Event) => Effect.Effect<void>) | undefined,
  event: () => Event
): Effect.Effect<void> => (hook === undefined ? Effect.void : Effect.suspend(() => Chain.told(name, hook, event())))

/**
 * Where a record of hooks stands among others.
 *
 * **Details**
 *
 * - `group`: those of the system are asked first, then those of plugins, then those of the user (the default).
 * - `order`: within the group, from low to high; 0. Records of the same order are asked as they were registered: those of
 *   layers further out, which are built before, come first.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions {
  readonly group?: "system" | "plugin" | "user" | undefined
  readonly order?: number | undefined
}

/**
 * Layer that adds a record of hooks to those that are there already.
 *
 * **Details**
 *
 * - There already are the hooks of the layer's own surroundings: of layers that are provided to it
 *   (`Layer.provideMerge`, `Layer.provide`) and of whatever is provided further out (`Effect.provide` around it). All are
 *   combined anew, as `combine` does, in the order that `options` says.
 * - A record provided by `Effect.provideService(Hooks.Hooks, record)` replaces all that are there, and counts as one of the
 *   user's for layers within.
 * - Errors: throws a `TypeError` for a group that does not exist and an order that is no number.
 *
 * **Gotchas**
 *
 * `Layer.merge` and `Layer.mergeAll` build their layers side by side, none in the surroundings of another, and keep one
 * service of each kind: the hooks of the last one. Use `layers` for several, or `Layer.provideMerge`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (hooks: Service, options: LayerOptions = {}): Layer.Layer<Hooks> => {
  const added = { record: hooks, ...Ordering.place(options.group ?? "user", options.order ?? 0) }
  return Layer.effect(
    Hooks,
    Effect.map(Hooks, (outer) => {
      const all = Ordering.sorted([...parts.of(outer), added])
      return parts.remember(combine(...all.map(({ record }) => record)), all)
    })
  )
}

/**
 * Layer of several layers of hooks: each adds to the ones before it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layers = (...several: ReadonlyArray<Layer.Layer<Hooks>>): Layer.Layer<Hooks> =>
  several.reduce((before, next) => Layer.provide(next, before), Layer.effect(Hooks, Hooks))

// internal

const parts = Ordering.makeParts<Service>()

const turnStart: Chain.Merge<TurnStart, TurnStartChange> = {
  check: (change) => checked("turnStart", change),
  see: (event, { instructions: _, model: __, ...change }) => ({ ...event, request: { ...event.request, ...change } }),
  merge: (earlier, later) => ({ ...earlier, ...later }),
  isLast: () => false
}

const toolStart: Chain.Merge<ToolStart, ToolStartChange> = {
  check: (change) => checked("toolStart", change),
  see: (event, change) => ("input" in change ? { ...event, input: change.input } : event),
  merge: (_, later) => later,
  isLast: (change) => change.answer !== undefined
}

const toolEnd: Chain.Merge<ToolEnd, ToolResult> = {
  check: (change) => checked("toolEnd", change),
  see: (event, result) => ({ ...event, result }),
  merge: (_, later) => later,
  isLast: () => false
}
