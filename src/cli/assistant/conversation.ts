/**
 * A conversation with the assistant, without a face: words go in, news comes out, in order. What is said while a run works
 * joins it. A screen and plain lines are two ways to show the same news.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
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
import * as Telling from "./telling.ts"

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
    const telling = Telling.make()
    const works: Works = {
      assistant,
      person,
      telling,
      fibers: yield* FiberSet.make<void>(),
      session: first,
      joined: []
    }
    const turnstile = yield* Effect.makeSemaphore(1)
    const heard = yield* Deferred.make<void>()
    const warn = (text: string) => Effect.sync(() => telling.tell({ _tag: "Note", text, kind: "warning" }))
    yield* Effect.forkScoped(Effect.zipRight(Deferred.await(heard), Stream.runForEach(assistant.parts.notices, warn)))
    return {
      assistant,
      session: () => works.session,
      isWorking: () => works.run !== undefined || works.starting !== undefined,
      listen: (listener) => {
        Deferred.unsafeDone(heard, Effect.void)
        return telling.listen(listener)
      },
      tell: telling.tell,
      explain: (cause) => problemOf(assistant, cause),
      join: (text) => {
        works.joined = [...works.joined, text]
      },
      say: (input, how = "steer") => turnstile.withPermits(1)(say(works, input, how)),
      stop: Effect.suspend(() => {
        const { run, starting } = works
        if (run !== undefined) return Effect.zipRight(run.stop, settled(works))
        return starting === undefined
          ? Effect.void
          : Effect.zipRight(Deferred.succeed(starting, undefined), settled(works))
      }),
      settled: settled(works),
      switchTo: (next) =>
        turnstile.withPermits(1)(
          Effect.map(settled(works), () => {
            if (next !== works.session) works.joined = []
            works.session = next
            telling.tell({ _tag: "Switched", session: next })
          })
        )
    }
  })

// internal

/**
 * How a conversation stands.
 *
 * - `run`: the one that works, once it can be spoken to. `starting`: done when one that is about to is to be given up.
 * - `joined`: what goes with the next words.
 */
interface Works {
  readonly assistant: Assistant
  readonly person: Person
  readonly telling: Telling.Telling
  readonly fibers: FiberSet.FiberSet<void>
  session: SessionId
  run?: Agent.Handle | undefined
  starting?: Deferred.Deferred<void> | undefined
  joined: ReadonlyArray<string>
}

const settled = ({ fibers }: Works): Effect.Effect<void> => Effect.suspend(() => FiberSet.awaitEmpty(fibers))

const problemOf = ({ database, knobs }: Assistant, cause: Cause.Cause<unknown>): string =>
  explain(cause, { choice: knobs.get().choice, database, debug: knobs.get().debug }).text

const say = (works: Works, input: Input, how: How): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { joined, run, telling } = works
    if (run === undefined) return open(works, input)
    const whole = Notes.withNotes(input, joined)
    const take = how === "steer" ? run.steer(whole) : run.followUp(whole)
    return Effect.flatMap(telling.taking({ _tag: "Said", input, how }, take), (taken) => {
      // It ended meanwhile: these words begin the next one.
      if (!taken) return Effect.zipRight(settled(works), open(works, input))
      works.joined = works.joined.slice(joined.length)
      return Effect.void
    })
  })

const open = (works: Works, input: Input): Effect.Effect<void> =>
  Effect.suspend(() => {
    const notes = works.joined
    const stop = Deferred.unsafeMake<void>(FiberId.none)
    works.joined = []
    works.starting = stop
    works.telling.tell({ _tag: "Said", input })
    // The run before is over for the person a moment before it has let go of the session.
    return Effect.zipRight(settled(works), begin(works, input, notes, stop)).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          works.starting = undefined
        })
      )
    )
  })

/** Runs in a scope of its own, which ends with it. Answers once it can be spoken to. */
const begin = (
  works: Works,
  input: Input,
  notes: ReadonlyArray<string>,
  stop: Deferred.Deferred<void>
): Effect.Effect<void> =>
  Effect.flatMap(Deferred.make<void>(), (begun) => {
    const { assistant, fibers, person, session } = works
    const ran = assistant.start(Notes.withNotes(input, notes), { session, person }).pipe(
      Effect.raceFirst(Effect.as(Deferred.await(stop), undefined)),
      Effect.flatMap((handle) => {
        if (handle === undefined) return settle(works, undefined, unbegun)
        works.run = handle
        return Effect.zipRight(Deferred.succeed(begun, undefined), follow(works, handle))
      }),
      Effect.scoped,
      Effect.catchAllCause((cause) => settle(works, undefined, problemOf(assistant, cause))),
      Effect.map((isBegun) => {
        // What has not come to the session goes with the next words.
        if (!isBegun) works.joined = [...notes, ...works.joined]
      }),
      Effect.ensuring(Deferred.succeed(begun, undefined))
    )
    return Effect.zipRight(FiberSet.run(fibers, ran), Deferred.await(begun))
  })

const unbegun = "stopped before it began: these words have not joined the conversation"

/** Tells what happens in a run. Answers whether the words have come to the session. */
const follow = (works: Works, handle: Agent.Handle): Effect.Effect<boolean> => {
  let end: RunEnd | undefined
  let isBegun = false
  return Stream.runForEachChunk(handle.events, (chunk) =>
    Effect.sync(() => {
      const events = Array.from(chunk)
      for (const event of events) {
        if (event.path !== undefined) continue
        if (event._tag === "TurnStart") isBegun = true
        if (event._tag === "RunEnd") end = event
      }
      works.telling.tell({ _tag: "Events", events })
    })
  ).pipe(
    Effect.matchCauseEffect({
      onFailure: (cause) =>
        settle(works, end, Cause.isInterruptedOnly(cause) ? undefined : problemOf(works.assistant, cause)),
      onSuccess: () => settle(works, end)
    }),
    Effect.map(() => isBegun)
  )
}

/** No run works any more. Answers that none has begun, for those that have not. */
const settle = (works: Works, end: RunEnd | undefined, problem?: string): Effect.Effect<boolean> =>
  Effect.sync(() => {
    works.run = undefined
    works.telling.tell(problem === undefined ? { _tag: "Settled", end } : { _tag: "Settled", end, problem })
    return false
  })
