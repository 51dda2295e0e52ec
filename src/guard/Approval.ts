/**
 * Who answers when a guard says `Ask`. Without a layer nobody does, and asking is denying.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { Remember } from "../domain/Entry.ts"
import { CallId } from "../domain/Ids.ts"
import * as Questions from "../internal/questions.ts"
import type { Call } from "./Guard.ts"
import { unanswered } from "./internal/unanswered.ts"

/**
 * A question to a person: the call, and why the guard asks.
 *
 * @category models
 * @since 0.1.0
 */
export interface Question {
  readonly call: Call
  readonly reason: string
  readonly category?: string | undefined
}

/**
 * A person's answer.
 *
 * **Details**
 *
 * - `reason`: of a no, told to the model.
 * - `input`: other arguments to run with, as JSON. They are decoded and guarded like the model's own.
 * - `remember`: what else this answer decides in this session: questions about the same `tool`, of the same `category`, or
 *   all of the `session`. Absent, it is about this call only. It lasts as long as the session is stored, in its forks too. A
 *   category that names a folder, as in `path:read:/srv`, includes what is below. Of several answers a no wins.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decision {
  readonly approved: boolean
  readonly reason?: string | undefined
  readonly input?: unknown
  readonly remember?: Remember | undefined
}

/**
 * The answer that there is none yet: the run ends with reason `awaiting-approval`, and `Agent.resume` goes on with what the
 * person says. `expiresAt`: until when it may be said, in milliseconds since the epoch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Later {
  readonly _tag: "Later"
  readonly expiresAt?: number | undefined
}

/**
 * What an approver answers.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer = Decision | Later

/**
 * Whether an answer is put off.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isLater = (answer: Answer): answer is Later => "_tag" in answer

/**
 * An answer to the question about one call, for `Agent.resume`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decided extends Decision {
  readonly call: CallId
}

/**
 * What an approver does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Answers a question. May take as long as a person takes; interruption withdraws the question. */
  readonly ask: (question: Question) => Effect.Effect<Answer>
}

const nobody: Decision = unanswered("nobody is there to approve it")

/**
 * The approver. Denies unless another one is provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Approval extends Context.Reference<Approval>()("axonal/guard/Approval", {
  defaultValue: (): Service => ({ ask: () => Effect.succeed(nobody) })
}) {}

/**
 * Nobody waits for this answer: there was no such question, it was withdrawn, or it has been answered.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownQuestion extends Schema.TaggedError<UnknownQuestion>()("UnknownQuestion", { call: CallId }) {
  override get message(): string {
    return `No question about call ${this.call} is waiting: it was never asked, was withdrawn, or has its answer.`
  }
}

/**
 * What the other side of `layerQueue` sees: the questions that wait, and the way to answer them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Queue {
  /** The questions that wait, oldest first. */
  readonly pending: Effect.Effect<ReadonlyArray<Question>>
  /** The questions that wait: as they are now, and again after every change. */
  readonly changes: Stream.Stream<ReadonlyArray<Question>>
  /**
   * Answers the question about this call, once: the second answer fails and changes nothing. An answer reaches the call
   * with this id and no other, in whatever order answers come.
   */
  readonly decide: (call: CallId, decision: Decision) => Effect.Effect<void, UnknownQuestion>
}

/**
 * The questions of `layerQueue`, for whoever answers them: a web page, a chat, a test.
 *
 * @category services
 * @since 0.1.0
 */
export class ApprovalQueue extends Context.Tag("axonal/guard/ApprovalQueue")<ApprovalQueue, Queue>() {}

/**
 * Layer that denies every question: the default, said aloud.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDeny: Layer.Layer<Approval> = Layer.succeed(Approval, { ask: () => Effect.succeed(nobody) })

/**
 * Layer that approves every question. For tests and for programs that nobody watches on purpose.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAllow: Layer.Layer<Approval> = Layer.succeed(Approval, {
  ask: () => Effect.succeed({ approved: true })
})

/**
 * Layer that puts every answer off: the run ends with reason `awaiting-approval`, the questions stay with its session, and
 * `Agent.resume` goes on with the answers, in this process or another.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSuspend: Layer.Layer<Approval> = Layer.succeed(Approval, {
  ask: () => Effect.succeed({ _tag: "Later" })
})

/**
 * Lets the questions of an approver expire: one that is not answered in time is answered with no, now or by `Agent.resume`.
 *
 * **Details**
 *
 * - Units: a `Duration`, from when the question is put, on the Clock.
 *
 * @category combinators
 * @since 0.1.0
 */
export const expiring: {
  (after: Duration.DurationInput): (approval: Service) => Service
  (approval: Service, after: Duration.DurationInput): Service
} = dual(
  2,
  (approval: Service, after: Duration.DurationInput): Service => ({
    ask: (question) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.map(
          Effect.timeoutTo(approval.ask(question), {
            duration: after,
            onSuccess: (answer): Answer => answer,
            onTimeout: (): Answer => late
          }),
          (answer) =>
            isLater(answer)
              ? { ...answer, expiresAt: Math.min(now + Duration.toMillis(after), answer.expiresAt ?? Infinity) }
              : answer
        )
      )
  })
)

/**
 * The layer with questions that expire, whichever approver it is.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerExpiring = <A, E, R>(
  layer: Layer.Layer<A, E, R>,
  after: Duration.DurationInput
): Layer.Layer<A | Approval, E, R> =>
  Layer.map(layer, (context) => Context.add(context, Approval, expiring(Context.get(context, Approval), after)))

/** @internal An answer of which only an explicit yes is one, whatever a program that was not type-checked made of it. */
export const plain = <A extends Answer>(answer: A): A | Decision => {
  if (isLater(answer)) return answer
  const { approved, input, reason, remember } = answer
  return {
    approved: approved === true,
    ...(typeof reason === "string" ? { reason } : undefined),
    ...(input === undefined ? undefined : { input }),
    ...(isRemember(remember) ? { remember } : undefined)
  }
}

/** @internal The answer to a question that has expired. */
export const late: Decision = unanswered("nobody answered in time")

/**
 * Layer that keeps questions until `ApprovalQueue.decide` answers them, in this process.
 *
 * **Details**
 *
 * - A run that is interrupted while it asks withdraws its question.
 * - A call that is asked about again while its first question waits is denied: one id, one question.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerQueue: Layer.Layer<Approval | ApprovalQueue> = Layer.effectContext(
  Effect.suspend(() =>
    Effect.map(makeQueue, ({ approval, queue }) =>
      Context.make(ApprovalQueue, queue).pipe(Context.add(Approval, approval))
    )
  )
)

/**
 * An approver and the queue that answers it, without a layer: `layerQueue` is this.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeQueue: Effect.Effect<{ readonly approval: Service; readonly queue: Queue }> = Effect.map(
  Questions.make<Question, Decision>(),
  ({ ask, changes, pending, settle }) => ({
    approval: {
      ask: (question) =>
        Effect.map(
          ask(question.call.id, question),
          Option.getOrElse(() => twice)
        )
    },
    queue: {
      pending,
      changes,
      decide: (call, decision) =>
        Effect.flatMap(settle(call, decision), (waited) => (waited ? Effect.void : new UnknownQuestion({ call })))
    }
  })
)

// internal

const isRemember = Schema.is(Remember)

const twice: Decision = unanswered("the same call is already waiting for an answer")
