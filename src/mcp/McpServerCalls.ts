/**
 * Calls that a client makes, worked off as the calls of a model are: found, decoded, guarded, approved, run within their
 * bounds. One connection is one run whose calls come from outside, so that answers that hold for a session hold for it, and
 * so do the numbers of calls that tools allow.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Budget from "../agent/Budget.ts"
import * as Definition from "../agent/Definition.ts"
import * as Dispatch from "../agent/Dispatch.ts"
import * as Run from "../agent/Run.ts"
import * as Spending from "../agent/Spending.ts"
import * as Steering from "../agent/Steering.ts"
import * as Artifacts from "../context/Artifacts.ts"
import { ContextStore, layerMemory } from "../context/ContextStore.ts"
import * as Identity from "../context/Identity.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { PendingQuestion } from "../domain/Entry.ts"
import type { CallId } from "../domain/Ids.ts"
import { RunId, SessionId } from "../domain/Ids.ts"
import type { Usage } from "../domain/Usage.ts"
import type { Entry, Registry } from "../tool/Toolkit.ts"
import * as Transports from "../transport/Transport.ts"
import * as Content from "./internal/serverContent.ts"
import { progressOf } from "./internal/serverProgress.ts"

/**
 * A call, as a client makes it.
 *
 * **Details**
 *
 * - `progress`: shows what happens on the way, in words; absent when nobody asked for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly name: string
  readonly input: unknown
  readonly progress: ((words: string) => Effect.Effect<void>) | undefined
}

/**
 * The calls of one connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Calls {
  /** The session under which the calls of this connection are made. */
  readonly session: SessionId
  /** Works off a call of a tool that is there. Interruption reaches its handler, and is told to hooks. */
  readonly call: (entry: Entry, request: Request) => Effect.Effect<Content.Answer>
}

/**
 * What the calls of a connection have in common.
 *
 * **Details**
 *
 * - `registry`: the tools, which may come and go. `concurrency`: how many calls run at once; others wait.
 * - `fileBound`: characters of files in one result, in base64.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly name: string
  readonly identity: Identity.Service
  readonly registry: Registry
  readonly concurrency: number
  readonly fileBound: number
}

/**
 * Makes the calls of a connection, which end with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<Calls, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { concurrency, fileBound, identity, name, registry } = options
    const empty = yield* Layer.build(layerMemory)
    const services = yield* Run.services.pipe(
      Effect.provideService(Transports.Transport, nobody),
      Effect.provideService(ContextStore, Context.get(empty, ContextStore)),
      // Nothing would read them again: there is no conversation.
      Effect.provideService(Artifacts.Artifacts, { isOn: false, spill: () => undefined }),
      Effect.provideService(Identity.Identity, identity)
    )
    const { activities } = services
    const id = RunId.make(yield* activities.id("run"))
    const session = SessionId.make(yield* activities.id("mcp"))
    const shown = new Map<string, Shown>()
    const steering = Steering.make()
    steering.closed = true
    const run = Run.make({
      ...{ ...services, id, session, agent: name, instructions: undefined, registry, steering },
      definition: Definition.complete(name, {}),
      sink: (events) => show(shown, events)
    })
    run.scope = yield* Effect.scope
    run.turn = 1
    const permits = permitsOf(concurrency)

    const call: Calls["call"] = (entry, request) =>
      Effect.gen(function* () {
        const callId = yield* activities.id("call")
        const input = JSON.stringify(request.input ?? {})
        const batch = Dispatch.begin([{ type: "tool-call", id: callId, name: request.name, input }])
        const state: Shown = { progress: request.progress, session: undefined, usage: undefined }
        const work = Dispatch.execute(run, batch, undefined).pipe(
          // Its result says so, too.
          Effect.catchTag("ToolFailed", () => Effect.void),
          Effect.onInterrupt(() => Dispatch.settle(run, batch, "the client has cancelled it")),
          Effect.zipLeft(settled(run))
        )
        yield* Effect.acquireUseRelease(
          Effect.sync(() => shown.set(callId, state)),
          () => permits(entry, work),
          () => Effect.sync(() => shown.delete(callId))
        )
        return answerOf(batch, state, { call: callId, fileBound, isTyped: outputSchema(entry) !== undefined })
      }).pipe(Effect.provideService(Identity.Identity, identity))
    return { session, call }
  })

/**
 * The schema of a tool's results, when they are objects.
 *
 * @category converters
 * @since 0.1.0
 */
export const outputSchema = ({ tool }: Entry): Readonly<Record<string, unknown>> | undefined => {
  const known = outputs.get(tool)
  if (known !== undefined) return known.schema
  const schema = Content.schemaOf(tool.successSchema)
  outputs.set(tool, { schema })
  return schema
}

// internal

const outputs = new WeakMap<object, { readonly schema: Readonly<Record<string, unknown>> | undefined }>()

/** What is known of a call while it runs: who watches, and what the run is that it started. */
interface Shown {
  readonly progress: Request["progress"]
  session: SessionId | undefined
  usage: Usage | undefined
}

/** Nobody is asked: the calls come from the client. */
const nobody = Transports.fromStream({ vendor: "none", id: "none" }, () =>
  Stream.dieMessage("A connection of the protocol has no model of its own")
)

const callOf = (event: AgentEvent): CallId | undefined =>
  event.path === undefined ? ("call" in event ? event.call : undefined) : event.path[0]?.call

/** Where the events of a call go: its progress is told, and what its run is and cost is kept. */
const show = (shown: ReadonlyMap<string, Shown>, events: ReadonlyArray<AgentEvent>) => {
  let wait: Effect.Effect<void> | undefined
  for (const event of events) {
    const state = shown.get(callOf(event) ?? "")
    if (state === undefined) continue
    if (event.path?.length === 1) {
      if (event._tag === "RunStart") state.session = event.session
      if (event._tag === "RunEnd") state.usage = event.usage
    }
    const words = state.progress === undefined ? undefined : progressOf(event)
    if (words === undefined || state.progress === undefined) continue
    const told = state.progress(words)
    wait = wait === undefined ? told : Effect.zipRight(wait, told)
  }
  return wait
}

/** What was noted for commits, of which there are none here, and what was paid. */
const settled = (run: Run.Run): Effect.Effect<void> =>
  Effect.suspend(() => {
    run.beside.length = 0
    run.costs.length = 0
    if (run.budget !== Budget.none && run.owed.length > 0) return Spending.settle(run)
    run.owed.length = 0
    return Effect.void
  })

/** Lets so many calls run at once, of each tool as many as it allows, and one alone that has to be. */
const permitsOf = (concurrency: number) => {
  const all = Effect.unsafeMakeSemaphore(concurrency)
  const own = new Map<string, Effect.Semaphore>()
  return <A>(entry: Entry, work: Effect.Effect<A>): Effect.Effect<A> => {
    const placed = all.withPermits(entry.exclusive ? concurrency : 1)(work)
    if (entry.concurrency === undefined || entry.concurrency === Number.POSITIVE_INFINITY) return placed
    const { name } = entry.spec
    const permits = own.get(name) ?? Effect.unsafeMakeSemaphore(entry.concurrency)
    own.set(name, permits)
    return permits.withPermits(1)(placed)
  }
}

const answerOf = (batch: Dispatch.Batch, { session, usage }: Shown, terms: Content.Terms): Content.Answer => {
  const meta = {
    ...(session === undefined ? undefined : { "axonal/session": session }),
    ...(usage === undefined ? undefined : { "axonal/usage": usage })
  }
  const [waits] = batch.waiting
  const questions = waits === undefined ? batch.pending : waits.questions
  if (questions.length > 0) {
    return Content.failed(waiting(questions, waits?.session), { ...meta, "axonal/outcome": "awaiting-approval" })
  }
  const [result] = batch.results
  if (result === undefined) return Content.failed("The call has no result.", meta)
  return { ...Content.answerOf(result, terms), _meta: { ...meta, "axonal/outcome": result.outcome } }
}

const waiting = (questions: ReadonlyArray<PendingQuestion>, session: SessionId | undefined): string => {
  const asked = questions.map(({ reason, tool }) => `- ${tool}: ${reason}`).join("\n")
  return session === undefined
    ? `This call was not run, because a person has to approve it and none can be asked here:\n${asked}`
    : `The run waits for a person to approve:\n${asked}\nWhoever decides goes on with session ${session}.`
}
