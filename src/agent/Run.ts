/**
 * One run while it lasts: who it is, the services it uses, and the events it writes. Shared by loop, turn and dispatch
 * and by nobody else.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Artifacts from "../context/Artifacts.ts"
import { Compaction } from "../context/Compaction.ts"
import type { Service as Store } from "../context/ContextStore.ts"
import { ContextStore } from "../context/ContextStore.ts"
import * as Identity from "../context/Identity.ts"
import type { Cost } from "../context/Paid.ts"
import { Paid } from "../context/Paid.ts"
import { TokenCounter } from "../context/TokenCounter.ts"
import * as Trimming from "../context/Trimming.ts"
import type * as AgentEvent from "../domain/AgentEvent.ts"
import type { DecisionEntry, Entry, PendingQuestion, UsageEntry } from "../domain/Entry.ts"
import type { CallId, EntryId, PathStep, RunId, SessionId } from "../domain/Ids.ts"
import type { LimitName } from "../domain/Outcome.ts"
import * as Usage from "../domain/Usage.ts"
import type { Decision } from "../guard/Approval.ts"
import { Approval } from "../guard/Approval.ts"
import { Guard } from "../guard/Guard.ts"
import { MessageGuard } from "../guard/MessageGuard.ts"
import * as Hooks from "../hook/Hooks.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import type { Registry, Source } from "../tool/Toolkit.ts"
import type { Offer } from "../tool/ToolSelector.ts"
import * as ToolSelector from "../tool/ToolSelector.ts"
import type { ToolSpec } from "../transport/Transport.ts"
import { Transport } from "../transport/Transport.ts"
import { Activities } from "./Activities.ts"
import { Budget } from "./Budget.ts"
import type { Definition } from "./Definition.ts"
import type { Grants } from "./Grants.ts"
import { inForce, makeGrants } from "./Grants.ts"
import type { Spent } from "./Limits.ts"
import * as Limits from "./Limits.ts"
import * as Nesting from "./Nesting.ts"
import * as Observing from "./Observing.ts"
import type { Steering } from "./Steering.ts"

/**
 * Where the events of a run go. Called with one batch at a time, in order. Answers what the run has to wait for, if
 * anything.
 *
 * @category models
 * @since 0.1.0
 */
export type Sink = (events: ReadonlyArray<AgentEvent.AgentEvent>) => Effect.Effect<unknown> | undefined

type Header = "_tag" | "run" | "turn" | "sequence" | "agent" | "path"

/**
 * The services a run uses, looked up once.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = Effect.Effect.Success<typeof services>

/**
 * A run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Run extends Services {
  readonly id: RunId
  readonly session: SessionId
  readonly agent: string
  readonly definition: Definition
  /** What the agent is told, with what was only known when the run began. */
  readonly instructions: string | undefined
  readonly registry: Registry
  /** Entries that are committed together with the next results: decisions about these calls, artifacts of theirs. */
  readonly beside: Array<(about: About) => Entry>
  /** What the next commit takes along: costs of what was asked of models beside the conversation, limits that were reached. */
  readonly costs: Array<(about: About) => Entry>
  /** What was paid beside the conversation and is not charged to a budget yet. */
  readonly owed: Array<Usage.Usage>
  /** The tools that are offered in this turn, and how the model may choose; absent while all are. */
  offer: Offer | undefined
  readonly spent: Spent
  readonly steering: Steering
  /** Answers of persons that hold for more than one call. */
  readonly grants: Grants
  /** The way from the root run to this one, when it is nested. */
  readonly path: ReadonlyArray<PathStep> | undefined
  /** Where events go, its own and those of the runs in it. */
  readonly sink: Sink
  /** Until when what it starts in the background may run; absent before it has begun. */
  scope: Scope.Scope | undefined
  /** Of calls that an earlier run left waiting for a person: what was asked, and the answer. Absent for all others. */
  resumed:
    | ReadonlyMap<CallId, { readonly question: PendingQuestion; readonly decision: Decision | undefined }>
    | undefined
  /** Of calls whose nested runs waited for a person: where, and the answers with which they go on. Absent for all others. */
  reopened: ReadonlyMap<CallId, Nesting.Resume> | undefined
  /** How many costs of other models, and words that may not join, were noted. */
  paid: number
  /** The limit that was reached; absent while none is. */
  limit: LimitName | undefined
  /** The current turn: 0 before the first. */
  turn: number
  /** The sequence number of the next event. */
  sequence: number
  /**
   * Writes events now, and answers what to wait for before going on, if anything. They are made inside, so that their
   * numbers follow the order in which they are written.
   */
  readonly write: (events: () => ReadonlyArray<AgentEvent.AgentEvent>) => Effect.Effect<unknown> | undefined
}

/**
 * What the entries of a commit have in common, and an id of their own that follows from their name.
 *
 * @category models
 * @since 0.1.0
 */
export type About = (name: string) => {
  readonly id: EntryId
  readonly at: number
  readonly run: RunId
  readonly turn: number
}

/**
 * The services of a run, from the context.
 *
 * @category constructors
 * @since 0.1.0
 */
export const services = Effect.flatMap(Effect.context<Transport | ContextStore>(), (context) =>
  Effect.map(Telemetry.isTraced, (traced) => ({
    transport: Context.get(context, Transport),
    store: Context.get(context, ContextStore),
    guard: Context.get(context, Guard),
    approval: Context.get(context, Approval),
    messageGuard: Context.get(context, MessageGuard),
    hooks: Context.get(context, Hooks.Hooks),
    activities: Context.get(context, Activities),
    artifacts: Context.get(context, Artifacts.Artifacts),
    compaction: Context.get(context, Compaction),
    selector: Context.get(context, ToolSelector.ToolSelector),
    budget: Context.get(context, Budget),
    view: Context.get(context, Trimming.View),
    tokenCounter: Context.get(context, TokenCounter),
    nesting: Context.get(context, Nesting.Nesting),
    identity: Context.get(context, Identity.Identity),
    captureContent: Context.get(context, Telemetry.CaptureContent),
    traced
  }))
)

/**
 * Makes a run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Services &
    Pick<Run, "id" | "session" | "agent" | "definition" | "instructions" | "registry" | "steering" | "sink">
): Run => {
  const path = options.nesting.path.length === 0 ? undefined : options.nesting.path
  const here = () => where(run)
  const write = Observing.writer(options.sink, options.hooks, here)
  const run: Run = {
    ...options,
    store: Observing.store(options.store, options.hooks, here),
    beside: [],
    costs: [],
    owed: [],
    offer: undefined,
    spent: Limits.start(),
    grants: makeGrants(earlierDecisions(options.store, options.session)),
    path,
    scope: undefined,
    resumed: undefined,
    reopened: undefined,
    limit: undefined,
    paid: 0,
    turn: 0,
    sequence: 0,
    write: path === undefined ? write : (events) => write(() => events().map((event) => ({ ...event, path })))
  }
  return run
}

/**
 * Where the tools of a run come from: the agent's own, and what the services of the run bring along.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sources = (
  { artifacts, selector }: Services,
  definition: Definition,
  specs: () => ReadonlyArray<ToolSpec>
): ReadonlyArray<Source> => {
  const own = artifacts.isOn ? [...definition.sources, Artifacts.tool] : definition.sources
  return selector === ToolSelector.all ? own : [...own, ...selector.sources(specs)]
}

/**
 * Has something done that may ask a model, and notes what that costs.
 *
 * @category combinators
 * @since 0.1.0
 */
export const paying = <A, E, R>(
  run: Run,
  purpose: NonNullable<UsageEntry["purpose"]>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => Effect.provideService(effect, Paid, { tell: (cost) => owe(run, purpose, cost) })

/**
 * Counts what was paid beside the conversation, for the limits of the run and for a budget.
 *
 * @category combinators
 * @since 0.1.0
 */
export const bill = (run: Run, usage: Usage.Usage): void => {
  run.spent.usage = Usage.sum(run.spent.usage, usage)
  run.owed.push(usage)
}

/**
 * Notes what something cost that a model was asked for beside the conversation.
 *
 * @category combinators
 * @since 0.1.0
 */
export const owe = (run: Run, purpose: NonNullable<UsageEntry["purpose"]>, { model, usage }: Cost): void => {
  const number = run.paid++
  bill(run, usage)
  run.costs.push((about) => ({ _tag: "Usage", ...about(`${purpose}-${number}`), model, usage, purpose }))
}

/**
 * What stands around a run that a call of this one starts.
 *
 * @category converters
 * @since 0.1.0
 */
export const nested = (run: Run, call: CallId): Nesting.Service =>
  Nesting.below(
    run.nesting,
    {
      ...{ name: run.agent, identity: run.definition, id: run.id, session: run.session },
      ...{ sink: run.sink, scope: run.scope },
      spend: (usage) => {
        run.spent.usage = Usage.sum(run.spent.usage, usage)
      }
    },
    { call },
    run.reopened?.get(call)
  )

/**
 * Writes events when it is run.
 *
 * @category combinators
 * @since 0.1.0
 */
export const emit = (run: Run, events: () => ReadonlyArray<AgentEvent.AgentEvent>): Effect.Effect<unknown> =>
  Effect.suspend(() => run.write(events) ?? Effect.void)

/**
 * Goes on after what there may be to wait for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const after = <A, E>(
  wait: Effect.Effect<unknown> | undefined,
  next: Effect.Effect<A, E>
): Effect.Effect<A, E> => (wait === undefined ? next : Effect.zipRight(wait, next))

/**
 * Makes an event of this run, with the next sequence number. Deltas are too many for this and are written out in `Turn`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const event = <Tag extends AgentEvent.AgentEvent["_tag"]>(
  run: Run,
  tag: Tag,
  body: Omit<AgentEvent.Of<Tag>, Header>
): AgentEvent.Of<Tag> =>
  ({
    _tag: tag,
    run: run.id,
    turn: run.turn,
    sequence: run.sequence++,
    agent: run.agent,
    ...body
    // A generic spread cannot be seen to be complete; `Header` and `body` together are.
  }) as unknown as AgentEvent.Of<Tag>

/**
 * Where the run is, as hooks are told.
 *
 * @category converters
 * @since 0.1.0
 */
export const where = (run: Run): Hooks.Where => ({
  run: run.id,
  session: run.session,
  agent: run.agent,
  turn: run.turn,
  identity: run.identity,
  ...(run.path === undefined ? undefined : { path: run.path })
})

/**
 * Notes that a limit is reached, in the session and to hooks.
 *
 * @category combinators
 * @since 0.1.0
 */
export const limitReached = (run: Run, { actual, limit, max }: Limits.Reading): Effect.Effect<void> => {
  run.costs.push((about) => ({
    _tag: "Marker",
    ...about(`limit-${limit}`),
    marker: { type: "limit", limit, max, actual }
  }))
  return Hooks.tell("limitReached", run.hooks.limitReached, () => ({ ...where(run), limit, max, actual }))
}

/**
 * Who runs, as the span of the run tells it.
 *
 * @category converters
 * @since 0.1.0
 */
export const aboutAgent = (run: Run): Parameters<typeof Telemetry.invokeAgent>[1] => ({
  name: run.agent,
  vendor: run.transport.model.vendor,
  model: run.transport.model.id,
  session: run.session,
  run: run.id,
  identity: run.identity
})

// internal

/** The answers in the log of a session that hold for more than one call. */
const earlierDecisions = (store: Store, session: SessionId): Effect.Effect<ReadonlyArray<DecisionEntry>> =>
  store.entries(session).pipe(
    Effect.map(inForce),
    Effect.catchAll((error) =>
      Effect.as(Effect.logWarning("Earlier answers about calls could not be read; persons are asked again", error), [])
    )
  )
