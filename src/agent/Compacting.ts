/**
 * Keeps the window of a run within what its model takes: compacts before a turn that would find it too full, and once when
 * a vendor refuses it as too long. How is the business of the `Compaction` in use; a run without one pays nothing.
 */
import * as Effect from "effect/Effect"
import * as Compaction from "../context/Compaction.ts"
import type { StoreError } from "../context/ContextStore.ts"
import * as Paid from "../context/Paid.ts"
import * as TokenCounter from "../context/TokenCounter.ts"
import type { CompactionReason } from "../domain/Entry.ts"
import type { Message } from "../domain/Message.ts"
import * as Hooks from "../hook/Hooks.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import type { Request } from "../transport/Transport.ts"
import type { TransportError } from "../transport/TransportError.ts"
import type { Answer } from "./Answer.ts"
import * as Receive from "./Receive.ts"
import * as Requests from "./Requests.ts"
import * as Run from "./Run.ts"
import * as Session from "./Session.ts"

/**
 * When a run compacts next.
 *
 * @category models
 * @since 0.1.0
 */
export interface Compacting {
  readonly session: Session.Session
  readonly threshold: Compaction.Threshold
  /** Nothing is tried again before the window has grown to this, whatever the threshold says. */
  again: Compaction.Threshold
}

/**
 * Nothing was compacted yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (session: Session.Session): Compacting => {
  const { compaction, transport } = session.run
  return { session, threshold: compaction.threshold(transport.model), again: { tokens: 0, messages: 0 } }
}

/**
 * The request of this turn, of a conversation that is compacted first when that is due. `wait` is asked to carry out what
 * takes time.
 *
 * @category combinators
 * @since 0.1.0
 */
export const request = <E>(
  compacting: Compacting,
  last: boolean,
  wait: <A, E2>(effect: Effect.Effect<A, E2>) => Effect.Effect<A, E2 | E>
): Effect.Effect<Request, StoreError | E> => {
  const { run } = compacting.session
  const prepared = Effect.suspend(() => Requests.make(run, compacting.session.messages, last))
  // Only a hook takes time.
  const made = run.hooks.turnStart === undefined ? prepared : wait(prepared)
  if (isOff(compacting)) return made
  return Effect.flatMap(due(compacting, last), (compaction) =>
    compaction === undefined ? made : Effect.zipRight(wait(compaction), made)
  )
}

/**
 * Asks the model, and once more with a compacted conversation when the vendor says that this one is too long.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ask = (
  compacting: Compacting,
  request: Request,
  progress: Receive.Progress,
  last: boolean
): Effect.Effect<Answer, TransportError | StoreError> => {
  const { session } = compacting
  const { run } = session
  return Effect.catchAll(Receive.ask(run, request, progress), (error) => {
    if (error.reason._tag !== "ContextOverflow" || progress.begun) return Effect.fail(error)
    if (isOff(compacting)) return Effect.zipRight(overflowed(run, { error, request }), Effect.fail(error))
    return Effect.gen(function* () {
      const isShorter = yield* compact(compacting, "overflow", yield* held(session, last), { error, request })
      if (!isShorter) return yield* error
      const shorter = yield* Requests.make(run, session.messages, last)
      yield* Run.emit(run, () => Requests.changes(run, shorter))
      return yield* Effect.tapError(Receive.ask(run, shorter, progress, 2), (again) =>
        again.reason._tag === "ContextOverflow" ? overflowed(run, { error: again, request: shorter }) : Effect.void
      )
    })
  })
}

// internal

/** The compaction that is due, or nothing. A replay reads what it came to the first time. */
const due = (
  compacting: Compacting,
  last: boolean
): Effect.Effect<Effect.Effect<boolean, StoreError> | undefined, StoreError> => {
  const { session } = compacting
  return session.replayed
    ? Effect.flatMap(Session.recall(session), (isPast) =>
        isPast ? Effect.succeed(undefined) : measuredDue(compacting, last)
      )
    : measuredDue(compacting, last)
}

const measuredDue = (
  compacting: Compacting,
  last: boolean
): Effect.Effect<Effect.Effect<boolean, StoreError> | undefined> => {
  const { again, session, threshold } = compacting
  const count = session.messages.length
  const isLong = count > threshold.messages && count > again.messages
  if (!isLong && threshold.tokens === Number.POSITIVE_INFINITY) return Effect.succeed(undefined)
  return Effect.map(held(session, last), (tokens) =>
    isLong || (tokens >= threshold.tokens && tokens >= again.tokens)
      ? compact(compacting, "threshold", tokens, undefined)
      : undefined
  )
}

/** How much a window has to grow after it was compacted, or could not be, before that is tried again. */
const growth = 1.1

const isOff = ({ threshold }: Compacting): boolean =>
  threshold.tokens === Number.POSITIVE_INFINITY && threshold.messages === Number.POSITIVE_INFINITY

type Refused = Pick<Hooks.ContextOverflow, "error" | "request">

/** What the window holds: what the vendor counted, or else what we count of the whole request. */
const held = (session: Session.Session, last: boolean): Effect.Effect<number> => {
  const { measured, run } = session
  return TokenCounter.held(run.tokenCounter, measured, () => Requests.plain(run, session.messages, last))
}

const compact = (
  compacting: Compacting,
  reason: CompactionReason,
  tokens: number,
  refused: Refused | undefined
): Effect.Effect<boolean, StoreError> =>
  Effect.gen(function* () {
    const { session } = compacting
    const { run } = session
    yield* overflowed(run, refused ?? {}, { tokens, max: compacting.threshold.tokens })
    yield* Hooks.tell("compactionStart", run.hooks.compactionStart, () => ({ ...Run.where(run), reason, tokens }))
    const log = yield* session.store.live(run.session)
    const made = run.activities.compaction(
      { run: run.id, turn: run.turn, ...(reason === "overflow" ? { attempt: 2 } : undefined) },
      Telemetry.compact(
        run.traced,
        { ...Run.aboutAgent(run), reason, tokens },
        run.compaction.compact({ log, reason, tokens, transport: run.transport, counter: run.tokenCounter })
      )
    )
    // What was paid for is committed, also by a run that is interrupted meanwhile.
    const commit = (outcome: Compaction.Outcome) => Session.compact(session, outcome, reason)
    const lost = (costs: ReadonlyArray<Paid.Cost>) => Compaction.kept("it was interrupted", true, costs)
    const outcome = yield* Paid.committed(made, commit, lost)
    const left = outcome._tag === "Compacted" ? outcome.tokensAfter : tokens
    compacting.again = { tokens: left * growth, messages: session.messages.length }
    if (outcome._tag === "Kept") {
      if (outcome.failed || reason === "overflow") {
        yield* Run.emit(run, () => [Run.event(run, "CompactionFailed", { reason, message: outcome.why })])
      }
      return false
    }
    const { dropped, tokensAfter, tokensBefore } = outcome
    const about = { reason, messages: dropped.length, tokensBefore, tokensAfter }
    yield* Run.emit(run, () => [Run.event(run, "Compacted", about)])
    yield* observeDropped(run, dropped, reason)
    return true
  })

const overflowed = (
  run: Run.Run,
  refused: Partial<Refused>,
  full?: { readonly tokens: number; readonly max: number }
): Effect.Effect<void> => {
  const about = () => ({ ...Run.where(run), ...refused, ...full })
  return Hooks.tell("contextOverflow", run.hooks.contextOverflow, about)
}

const observeDropped = (
  run: Run.Run,
  messages: ReadonlyArray<Message>,
  reason: CompactionReason
): Effect.Effect<void> =>
  Hooks.tell("messageDropped", run.hooks.messageDropped, () => ({ ...Run.where(run), messages, reason }))
