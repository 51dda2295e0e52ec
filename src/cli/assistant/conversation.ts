/**
 * A conversation with the assistant, without a face: words go in, news comes out, in order. What is said while a run works
 * joins it. A screen and plain lines are two ways to show the same news.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Agent from "../../agent/Agent.ts"
import type { AgentEvent, RunEnd } from "../../domain/AgentEvent.ts"
import type { SessionId } from "../../domain/Ids.ts"
import type { Input } from "../../domain/Message.ts"
import { explain } from "../errors.ts"
import type { Assistant, Person } from "./assistant.ts"
import * as Notes from "./notes.ts"

/**
 * How words join a run that works: before its next request, or when it would otherwise end.
 *
 * @category models
 * @since 0.1.0
 */
export type How = "steer" | "queue"

/**
 * Something that happened.
 *
 * **Details**
 *
 * - `Said`: words of the person were taken; `how` is absent when they begin a run. They join it with the `TurnStart` or
 *   `RunStart` whose input they are.
 * - `Events`: of the run, nested runs among them. `Settled`: the run is over; `problem` says why it failed.
 * - `Note`: something to be told besides. `Switched`: the conversation goes on in another session, or elsewhere in this one.
 * - `Shell…`: a command that the person runs, its output as it comes (raw: it may hold control characters), and how it ended.
 *   Those of one command have the same `id`.
 *
 * @category models
 * @since 0.1.0
 */
export type News =
  | { readonly _tag: "Said"; readonly input: Input; readonly how?: How | undefined }
  | { readonly _tag: "Events"; readonly events: ReadonlyArray<AgentEvent> }
  | { readonly _tag: "Settled"; readonly end: RunEnd | undefined; readonly problem?: string | undefined }
  | { readonly _tag: "Note"; readonly text: string; readonly kind: "info" | "warning" | "error" }
  | { readonly _tag: "Switched"; readonly session: SessionId }
  | { readonly _tag: "ShellStart"; readonly id: number; readonly command: string }
  | { readonly _tag: "ShellDelta"; readonly id: number; readonly text: string }
  | { readonly _tag: "ShellEnd"; readonly id: number; readonly outcome: string; readonly isOk: boolean }

/**
 * The conversation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conversation {
  readonly assistant: Assistant
  readonly session: () => SessionId
  /** Whether a run works, or is about to. */
  readonly isWorking: () => boolean
  /** Tells all news from now on, in order, until what this answers is called. */
  readonly listen: (listener: (news: News) => void) => () => void
  readonly tell: (news: News) => void
  /** What went wrong, in words that hide the key of the model in use. */
  readonly explain: (cause: Cause.Cause<unknown>) => string
  /** Lets the model know something that is no request: it goes with the next words of the person. */
  readonly join: (text: string) => void
  /** Takes words of the person: they begin a run, or join the one that works. Answers once they are taken. */
  readonly say: (input: Input, how?: How) => Effect.Effect<void>
  /** Asks the run to stop, and waits until it has. It keeps what is there. */
  readonly stop: Effect.Effect<void>
  /** Waits until no run works. */
  readonly settled: Effect.Effect<void>
  /** Goes on in another session, once no run works. */
  readonly switchTo: (session: SessionId) => Effect.Effect<void>
}

/**
 * Opens a conversation for as long as the scope lives. When that closes, what works is interrupted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  assistant: Assistant,
  person: Person,
  first: SessionId
): Effect.Effect<Conversation, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fibers = yield* FiberSet.make<void>()
    const turnstile = yield* Effect.makeSemaphore(1)
    const { listen, taking, tell } = telling()
    let session = first
    let run: Agent.Handle | undefined
    let starting: Deferred.Deferred<void> | undefined
    let joined: ReadonlyArray<string> = []
    const problemOf = (cause: Cause.Cause<unknown>): string =>
      explain(cause, {
        choice: assistant.knobs.get().choice,
        database: assistant.database,
        debug: assistant.knobs.get().debug
      }).text
    const settle = (end: RunEnd | undefined, problem?: string): void => {
      run = undefined
      tell(problem === undefined ? { _tag: "Settled", end } : { _tag: "Settled", end, problem })
    }
    /** Answers whether the words have come to the session. */
    const follow = (handle: Agent.Handle): Effect.Effect<boolean> => {
      let end: RunEnd | undefined
      let isBegun = false
      return Stream.runForEachChunk(handle.events, (chunk) =>
        Effect.sync(() => {
          const events = Array.from(chunk)
          for (const event of events) {
            if (event.path !== undefined) continue
            if (event._tag === "RunStart") isBegun = true
            if (event._tag === "RunEnd") end = event
          }
          tell({ _tag: "Events", events })
        })
      ).pipe(
        Effect.matchCause({
          onFailure: (cause) => settle(end, Cause.isInterruptedOnly(cause) ? undefined : problemOf(cause)),
          onSuccess: () => settle(end)
        }),
        Effect.map(() => isBegun)
      )
    }
    /** Runs in a scope of its own, which ends with it. Answers once it can be spoken to. */
    const begin = (input: Input, notes: ReadonlyArray<string>, stop: Deferred.Deferred<void>): Effect.Effect<void> =>
      Effect.flatMap(Deferred.make<void>(), (begun) => {
        const ran = assistant.start(Notes.withNotes(input, notes), { session, person }).pipe(
          Effect.raceFirst(Effect.as(Deferred.await(stop), undefined)),
          Effect.flatMap((handle) => {
            if (handle === undefined) return Effect.sync(() => settle(undefined, unbegun)).pipe(Effect.as(false))
            run = handle
            return Effect.zipRight(Deferred.succeed(begun, undefined), follow(handle))
          }),
          Effect.scoped,
          Effect.catchAllCause((cause) =>
            Effect.sync(() => settle(undefined, problemOf(cause))).pipe(Effect.as(false))
          ),
          Effect.map((isBegun) => {
            // What has not come to the session goes with the next words.
            if (!isBegun) joined = [...notes, ...joined]
          }),
          Effect.ensuring(Deferred.succeed(begun, undefined))
        )
        return Effect.zipRight(FiberSet.run(fibers, ran), Deferred.await(begun))
      })
    const open = (input: Input): Effect.Effect<void> =>
      Effect.suspend(() => {
        const notes = joined
        const stop = Deferred.unsafeMake<void>(FiberId.none)
        joined = []
        starting = stop
        tell({ _tag: "Said", input })
        // The run before is over for the person a moment before it has let go of the session.
        return Effect.zipRight(settled, begin(input, notes, stop)).pipe(
          Effect.ensuring(
            Effect.sync(() => {
              starting = undefined
            })
          )
        )
      })
    const say = (input: Input, how: How): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (run === undefined) return open(input)
        const whole = Notes.withNotes(input, joined)
        const count = joined.length
        return taking({ _tag: "Said", input, how }, how === "steer" ? run.steer(whole) : run.followUp(whole)).pipe(
          Effect.tap((taken) => {
            if (taken) joined = joined.slice(count)
          }),
          // It ended meanwhile: these words begin the next one.
          Effect.flatMap((taken) => (taken ? Effect.void : Effect.zipRight(settled, open(input))))
        )
      })
    const settled = Effect.suspend(() => FiberSet.awaitEmpty(fibers))
    const heard = yield* Deferred.make<void>()
    const warn = (text: string) => Effect.sync(() => tell({ _tag: "Note", text, kind: "warning" }))
    yield* Effect.forkScoped(Effect.zipRight(Deferred.await(heard), Stream.runForEach(assistant.parts.notices, warn)))
    return {
      assistant,
      session: () => session,
      isWorking: () => run !== undefined || starting !== undefined,
      listen: (listener) => {
        Deferred.unsafeDone(heard, Effect.void)
        return listen(listener)
      },
      tell,
      explain: problemOf,
      join: (text) => {
        joined = [...joined, text]
      },
      say: (input, how = "steer") => turnstile.withPermits(1)(say(input, how)),
      stop: Effect.suspend(() => {
        if (run !== undefined) return Effect.zipRight(run.stop, settled)
        return starting === undefined ? Effect.void : Effect.zipRight(Deferred.succeed(starting, undefined), settled)
      }),
      settled,
      switchTo: (next) =>
        turnstile.withPermits(1)(
          Effect.map(settled, () => {
            if (next !== session) joined = []
            session = next
            tell({ _tag: "Switched", session })
          })
        )
    }
  })

// internal

const unbegun = "stopped before it began: these words have not joined the conversation"

/** Tells news in order. That of words which are being taken comes before what they may have joined. */
const telling = () => {
  const listeners = new Set<(news: News) => void>()
  let behind: Array<News> | undefined
  let isTaking = false
  const spread = (news: News): void => {
    for (const listener of listeners) listener(news)
  }
  const tell = (news: News): void => {
    if (isTaking && joins(news)) behind ??= []
    if (behind === undefined) spread(news)
    else behind.push(news)
  }
  const taking = (said: News, take: Effect.Effect<boolean>): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      isTaking = true
      return Effect.onExit(take, (taken) =>
        Effect.sync(() => {
          const held = behind ?? []
          isTaking = false
          behind = undefined
          if (Exit.isSuccess(taken) && taken.value) spread(said)
          held.forEach(spread)
        })
      )
    })
  const listen = (listener: (news: News) => void): (() => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  return { listen, taking, tell }
}

/** Whether words may have joined with it. */
const joins = (news: News): boolean =>
  news._tag === "Settled" ||
  (news._tag === "Events" &&
    news.events.some(
      (event) =>
        (event._tag === "TurnStart" || event._tag === "RunStart") && event.path === undefined && event.input.length > 0
    ))
