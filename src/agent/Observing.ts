/**
 * What the hooks of a run are told where the loop itself has nothing to do with it: the events that are written, the
 * requests that are sent, what is read from the store and written to it. A run without such hooks has none of this in its
 * way.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Service as Store, StoreError } from "../context/ContextStore.ts"
import type { AgentEvent, Of } from "../domain/AgentEvent.ts"
import type { Entry } from "../domain/Entry.ts"
import * as Hooks from "../hook/Hooks.ts"
import type { Answer } from "./Answer.ts"

/**
 * Writes events where they go, and tells hooks of them.
 *
 * **Details**
 *
 * - With an `events` hook, one batch at a time: hooks first, then where events go.
 * - Hooks that are named like an event are told of it when it is written, by the fiber that wrote it. Batches without such
 *   an event do not wait for anything.
 *
 * @category constructors
 * @since 0.1.0
 */
export const writer = (
  sink: (events: ReadonlyArray<AgentEvent>) => Effect.Effect<unknown> | undefined,
  hooks: Hooks.Service,
  where: () => Hooks.Where
): ((events: () => ReadonlyArray<AgentEvent>) => Effect.Effect<unknown> | undefined) => {
  const { events: observer } = hooks
  const tell = teller(hooks, where)
  const write = (batch: ReadonlyArray<AgentEvent>): Effect.Effect<unknown> | undefined => {
    const wait = sink(batch)
    const telling = tell?.(batch)
    if (telling === undefined) return wait
    // What was written is also told, even if the run is halted meanwhile.
    return Effect.uninterruptible(wait === undefined ? telling : Effect.zipRight(wait, telling))
  }
  if (observer === undefined) return (events) => write(events())
  // With an observer in between, two fibers could pass each other between numbering and writing.
  const turnstile = Effect.unsafeMakeSemaphore(1)
  return (events) =>
    turnstile.withPermits(1)(
      Effect.suspend(() => {
        const batch = events()
        const observed = Hooks.tell("events", observer, () => batch)
        // What was numbered and observed is also written, even if the run is halted meanwhile.
        return Effect.uninterruptible(Effect.flatMap(observed, () => write(batch) ?? Effect.void))
      })
    )
}

/**
 * Asks a model, and tells hooks before and after: of each request that they are told of, they are told one end.
 *
 * @category combinators
 * @since 0.1.0
 */
export const model = <E>(
  { modelEnd, modelError, modelStart }: Hooks.Service,
  about: () => Hooks.ModelStart,
  receive: Effect.Effect<Answer, E>
): Effect.Effect<Answer, E> => {
  if (modelStart === undefined && modelEnd === undefined && modelError === undefined) return receive
  return Effect.suspend(() => {
    const start = about()
    let isTold = false
    const told = Effect.suspend(() => {
      isTold = true
      return Hooks.tell("modelStart", modelStart, () => start)
    })
    return Effect.onExit(Effect.zipRight(told, receive), (exit) => {
      if (!isTold) return Effect.void
      if (Exit.isSuccess(exit)) return Hooks.tell("modelEnd", modelEnd, () => ({ ...start, ...exit.value }))
      const failed = Cause.isInterruptedOnly(exit.cause) ? undefined : { error: Cause.squash(exit.cause) }
      return Hooks.tell("modelError", modelError, () => ({ ...start, ...failed }))
    })
  })
}

/**
 * A store that tells hooks what is read from it and written to it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const store = (store: Store, { storeRead, storeWrite }: Hooks.Service, where: () => Hooks.Where): Store => {
  if (storeRead === undefined && storeWrite === undefined) return store
  const reading =
    (operation: Hooks.StoreRead["operation"]) =>
    <A>(read: Effect.Effect<A, StoreError>, countOf: (read: A) => number): Effect.Effect<A, StoreError> =>
      storeRead === undefined
        ? read
        : timed(read, (durationMillis, exit) =>
            Hooks.tell("storeRead", storeRead, () => ({
              ...where(),
              operation,
              count: Exit.isSuccess(exit) ? countOf(exit.value) : 0,
              durationMillis,
              ...errorOf(exit)
            }))
          )
  const [read, live, entries, entry] = [reading("read"), reading("live"), reading("entries"), reading("entry")]
  return {
    info: (session) => store.info(session),
    update: (session, change) => store.update(session, change),
    fork: (session, at) => store.fork(session, at),
    rewind: (session, to) => store.rewind(session, to),
    branches: (session) => store.branches(session),
    clear: (session) => store.clear(session),
    remove: (session) => store.remove(session),
    prune: (options) => store.prune(options),
    list: (query) => store.list(query),
    search: (text, query) => store.search(text, query),
    lock: (session, onBusy) => store.lock(session, onBusy),
    read: (session) => read(store.read(session), ({ messages }) => messages.length),
    live: (session) => live(store.live(session), ({ length }) => length),
    entries: (session) => entries(store.entries(session), ({ length }) => length),
    entry: (session, id) => entry(store.entry(session, id), () => 1),
    append: (session, added, options) => {
      const append = store.append(session, added, options)
      if (storeWrite === undefined) return append
      return timed(append, (durationMillis, exit) =>
        Hooks.tell("storeWrite", storeWrite, () => ({
          ...where(),
          entries: kinds(added),
          durationMillis,
          ...errorOf(exit)
        }))
      )
    }
  }
}

// internal

/** Has an effect tell how long it took and how it ended. */
const timed = <A, E>(
  effect: Effect.Effect<A, E>,
  tell: (durationMillis: number, exit: Exit.Exit<A, E>) => Effect.Effect<void>
): Effect.Effect<A, E> =>
  Effect.flatMap(Clock.currentTimeMillis, (startedAt) =>
    Effect.onExit(effect, (exit) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => tell(Math.max(0, now - startedAt), exit))
    )
  )

const errorOf = (exit: Exit.Exit<unknown, StoreError>): { readonly error?: StoreError } => {
  const failure = Exit.isFailure(exit) ? Cause.failureOrCause(exit.cause) : undefined
  return failure?._tag === "Left" ? { error: failure.left } : {}
}

const kinds = (entries: ReadonlyArray<Entry>): Hooks.StoreWrite["entries"] => {
  const counts: { [Tag in Entry["_tag"]]?: number } = {}
  for (const { _tag } of entries) counts[_tag] = (counts[_tag] ?? 0) + 1
  return counts
}

/** What tells the hooks that are named like an event of those events; nothing when there are none. */
const teller = (
  hooks: Hooks.Service,
  where: () => Hooks.Where
): ((events: ReadonlyArray<AgentEvent>) => Effect.Effect<void> | undefined) | undefined => {
  const tellers = new Map<AgentEvent["_tag"], (event: AgentEvent) => Effect.Effect<void>>()
  const add = <Tag extends AgentEvent["_tag"]>(
    tag: Tag,
    name: keyof Hooks.Service,
    hook: ((event: Hooks.Told<Tag>) => Effect.Effect<void>) | undefined
  ) => {
    if (hook === undefined) return
    const isOf = (event: AgentEvent): event is Of<Tag> => event._tag === tag
    tellers.set(tag, (event) =>
      isOf(event) ? Hooks.tell<Hooks.Told<Tag>>(name, hook, () => ({ ...where(), ...event })) : Effect.void
    )
  }
  add("GuardVerdict", "guardVerdict", hooks.guardVerdict)
  add("MessageGuarded", "messageGuarded", hooks.messageGuarded)
  add("ApprovalAsked", "approvalAsked", hooks.approvalAsked)
  add("ApprovalDecided", "approvalDecided", hooks.approvalDecided)
  add("OutputRejected", "outputRejected", hooks.outputRejected)
  add("Compacted", "compacted", hooks.compacted)
  add("CompactionFailed", "compactionFailed", hooks.compactionFailed)
  add("LimitWarning", "limitWarning", hooks.limitWarning)
  add("Retrying", "retrying", hooks.retrying)
  add("TurnRestarted", "turnRestarted", hooks.turnRestarted)
  if (tellers.size === 0) return undefined
  return (events) => {
    const tell = events.flatMap((event) => tellers.get(event._tag)?.(event) ?? [])
    return tell.length === 0 ? undefined : Effect.all(tell, { discard: true })
  }
}
