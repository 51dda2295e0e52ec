/**
 * The spans themselves: how they are opened, what becomes of failures in them, and what is marked on them on the way.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Tracer from "effect/Tracer"
import { ToolFailed } from "../../domain/AgentError.ts"
import type { Message } from "../../domain/Message.ts"
import type { FinishReason } from "../../domain/Outcome.ts"
import type { Request } from "../../domain/Request.ts"
import * as Usage from "../../domain/Usage.ts"
import * as Attributes from "./attributes.ts"
import type { Capture } from "./content.ts"
import * as Words from "./content.ts"
import * as Metrics from "./metrics.ts"

/** What is done inside a span. There is none when nobody traces. */
export type Use<A, E, R> = (span: Tracer.Span | undefined) => Effect.Effect<A, E, R>

/** A run, as its span tells of it. */
export interface About {
  readonly name: string
  readonly vendor: string
  readonly model?: string | undefined
  readonly session: string
  readonly run: string
  readonly identity: { readonly userId?: string | undefined; readonly chatId?: string | undefined }
}

/** A model request, as its span and metrics tell of it. */
export interface Asking {
  readonly traced: boolean
  readonly capture: boolean | Capture
  readonly model: { readonly vendor: string; readonly id: string }
  readonly session: string
  readonly request: Request
  /** Whether the answer is none that may be shown yet: it is left out of what is told. */
  readonly hidesAnswer?: boolean | undefined
}

/** When a model request was sent, and when the first of its answer came. */
export interface Watch {
  readonly startedAt: number
  firstChunkMillis: number | undefined
}

/** What came first of an answer. */
export interface Start {
  readonly id?: string | undefined
  readonly model?: string | undefined
}

/** What a guard says. */
export interface Verdict {
  readonly _tag: string
  readonly reason?: string | undefined
  readonly category?: string | undefined
}

/** What came of a compaction. */
export interface Outcome {
  readonly _tag: "Compacted" | "Kept"
  readonly failed?: boolean | undefined
  readonly dropped?: ReadonlyArray<unknown> | undefined
  readonly tokensAfter?: number | undefined
  readonly costs: ReadonlyArray<{ readonly model: string; readonly usage: Usage.Usage }>
}

/** A span of a name around an effect. */
export const spanned = <A, E, R>(
  name: string,
  kind: Tracer.SpanKind,
  attributes: Record<string, unknown>,
  use: Use<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.useSpan(name, { kind, attributes, captureStackTrace: false }, (span) => Effect.withParentSpan(use(span), span))

/** The span of a run, whose failures it shows without content, and the run's duration. */
export const invokeAgent = <A, E, R>(traced: boolean, agent: About, use: Use<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const startedAt = performance.now()
    return Effect.onExit(traced ? invoked(agent, use) : use(undefined), (exit) =>
      Effect.sync(() =>
        Metrics.countRun(
          agent.name,
          Exit.isFailure(exit) ? typeOf(exit.cause) : undefined,
          performance.now() - startedAt
        )
      )
    )
  })

/** A model request with its span, its content when that is wanted, and its metrics. */
export const request = <
  A extends { readonly message: Message; readonly reason: FinishReason; readonly usage: Usage.Usage },
  E extends { readonly reason: { readonly _tag: string } },
  R
>(
  { capture, hidesAnswer, model, request, session, traced }: Asking,
  use: (watch: Watch) => Effect.Effect<A, E, R>,
  start: () => Start | undefined
): Effect.Effect<A, E, R> => {
  const watched: Use<A, E, R> = (span) => {
    const watch: Watch = { startedAt: performance.now(), firstChunkMillis: undefined }
    const isCaptured = span !== undefined && capture !== false
    if (isCaptured) Attributes.asked(span, capture, request)
    return Effect.matchCauseEffect(use(watch), {
      onFailure: (cause) => {
        const failure = Option.getOrUndefined(Cause.failureOption(cause))
        const type = failure?.reason._tag ?? typeOf(cause)
        if (type !== undefined) {
          Metrics.countFailure(model, type, performance.now() - watch.startedAt)
          span?.attribute("error.type", type)
        }
        const failed = Effect.failCause(cause)
        return isCaptured ? Effect.zipRight(Attributes.said(span, capture, request), failed) : failed
      },
      onSuccess: (answer) => {
        Metrics.countRequest(model, answer.usage, performance.now() - watch.startedAt, watch.firstChunkMillis)
        if (span === undefined) return Effect.succeed(answer)
        const { id: responseId, model: responseModel } = start() ?? {}
        const { firstChunkMillis } = watch
        Attributes.write(span, Attributes.ofAnswer({ ...answer, responseId, responseModel, firstChunkMillis }))
        if (!isCaptured) return Effect.succeed(answer)
        return Effect.as(Attributes.said(span, capture, request, hidesAnswer === true ? undefined : answer), answer)
      }
    })
  }
  if (!traced) return watched(undefined)
  const about = { vendor: model.vendor, id: model.id, session, request }
  return spanned(`chat ${model.id}`, "client", Attributes.ofChat(about), watched)
}

/** The span of a compaction, and the tokens of those who summarise. A failed one is an error, and a value as before. */
export const compact = <A extends Outcome, E, R>(
  traced: boolean,
  about: Omit<About, "run" | "identity"> & { readonly reason: string; readonly tokens: number },
  made: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const counted = Effect.map(made, (outcome) => {
    for (const { model, usage } of outcome.costs) {
      Metrics.countTokens({ id: model, vendor: model === about.model ? about.vendor : undefined }, usage)
    }
    return outcome
  })
  if (!traced) return counted
  const attributes = Attributes.known({
    "gen_ai.operation.name": "compact",
    "gen_ai.agent.name": about.name,
    "gen_ai.conversation.id": about.session,
    "axonal.compaction.reason": about.reason,
    "axonal.compaction.tokens_before": about.tokens
  })
  return spanned(`compact ${about.name}`, "internal", attributes, (span) =>
    Effect.flatMap(counted, (outcome) => {
      if (span !== undefined) Attributes.write(span, ofOutcome(outcome))
      return outcome.failed === true ? Effect.fail(new NotCompacted(outcome)) : Effect.succeed(outcome)
    })
  ).pipe(
    Effect.catchIf(
      (error): error is NotCompacted<A> => error instanceof NotCompacted,
      ({ outcome }) => Effect.succeed(outcome)
    )
  )
}

/** Marks the verdict of a guard on the span that is open here. */
export const markVerdict = (
  capture: boolean | Capture,
  call: { readonly id: string; readonly tool: string },
  { _tag, category, reason }: Verdict
): Effect.Effect<void> =>
  mark("axonal.guard.verdict", call, {
    "axonal.guard.verdict": _tag.toLowerCase(),
    "axonal.guard.category": category,
    "axonal.guard.reason": reasonOf(capture, reason)
  })

/** Marks the decision of a person on the span that is open here. */
export const markDecision = (
  capture: boolean | Capture,
  call: { readonly id: string; readonly tool: string },
  { approved, reason }: { readonly approved: boolean; readonly reason?: string | undefined }
): Effect.Effect<void> =>
  mark("axonal.approval.decided", call, {
    "axonal.approval.approved": approved,
    "axonal.approval.reason": reasonOf(capture, reason)
  })

// internal

const mark = (
  name: string,
  { id, tool }: { readonly id: string; readonly tool: string },
  attributes: Attributes.Attributes
): Effect.Effect<void> =>
  Effect.flatMap(Effect.option(Effect.currentSpan), (span) =>
    Option.isNone(span)
      ? Effect.void
      : Effect.map(Clock.currentTimeNanos, (now) => {
          const about = { "gen_ai.tool.name": tool, "gen_ai.tool.call.id": id, ...attributes }
          span.value.event(name, now, Attributes.known(about))
        })
  )

/** A reason, when content is wanted: it may quote what it is about. */
const reasonOf = (capture: boolean | Capture, reason: string | undefined): string | undefined =>
  capture === false || reason === undefined
    ? undefined
    : Words.text(Attributes.redactOf(capture), reason, { kind: "reason" })

const ofOutcome = (outcome: Outcome): Attributes.Attributes => ({
  "gen_ai.conversation.compacted": outcome._tag === "Compacted" ? true : undefined,
  "axonal.compaction.outcome": outcome.failed === true ? "failed" : outcome._tag.toLowerCase(),
  "axonal.compaction.messages": outcome.dropped?.length,
  "axonal.compaction.tokens_after": outcome.tokensAfter,
  "error.type": outcome.failed === true ? "CompactionFailed" : undefined,
  ...(outcome.costs.length === 0
    ? undefined
    : Attributes.ofUsage(outcome.costs.reduce((sum, { usage }) => Usage.sum(sum, usage), Usage.zero)))
})

class NotCompacted<A> extends Error {
  readonly outcome: A
  constructor(outcome: A) {
    super("nothing was compacted")
    this.outcome = outcome
  }
}

const invoked = <A, E, R>(agent: About, use: Use<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let original: Cause.Cause<E> | undefined
    const attributes = Attributes.known({
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.provider.name": agent.vendor,
      "gen_ai.request.model": agent.model,
      "gen_ai.agent.name": agent.name,
      "gen_ai.conversation.id": agent.session,
      "axonal.run.id": agent.run,
      "user.id": agent.identity.userId,
      "axonal.chat.id": agent.identity.chatId
    })
    const ended = spanned(`invoke_agent ${agent.name}`, "internal", attributes, (span) =>
      Effect.catchAllCause(use(span), (cause) => {
        original = cause
        const type = typeOf(cause)
        if (type !== undefined) span?.attribute("error.type", type)
        return Effect.failCause(Cause.map(cause, withoutContent))
      })
    )
    // The span ended with what it may show; the run ends with what happened.
    return Effect.catchAllCause(ended, (cause) => Effect.failCause(original ?? Cause.die(Cause.squash(cause))))
  })

/** The tag of a failure, or that it is a defect. Being interrupted is neither. */
const typeOf = (cause: Cause.Cause<unknown>): string | undefined => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (failure === undefined) return Cause.isInterruptedOnly(cause) ? undefined : "Defect"
  return Predicate.hasProperty(failure, "_tag") ? String(failure._tag) : "Failure"
}

/** The failure as a span may show it: what a tool said is content. */
const withoutContent = (error: unknown): unknown =>
  error instanceof ToolFailed
    ? new ToolFailed({ tool: error.tool, call: error.call, description: "see the span of the call" })
    : error
