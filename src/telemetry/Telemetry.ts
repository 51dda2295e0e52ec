/**
 * Spans and metrics of a run, in the words of OpenTelemetry's conventions for generative AI: `invoke_agent` around a run,
 * `chat` around a model request, `execute_tool` around a call. They cost little without a tracer and carry no content
 * unless asked to.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import type * as MetricKeyType from "effect/MetricKeyType"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Tracer from "effect/Tracer"
import type { Service as Identity } from "../context/Identity.ts"
import { ToolFailed } from "../domain/AgentError.ts"
import type { CallOutcome, FinishReason } from "../domain/Outcome.ts"
import type { Usage } from "../domain/Usage.ts"

/**
 * Whether spans carry the words of people and models and the arguments and results of tools. They do not by default.
 *
 * @category references
 * @since 0.1.0
 */
export class CaptureContent extends Context.Reference<CaptureContent>()("axonal/telemetry/CaptureContent", {
  defaultValue: () => false
}) {}

const seconds = MetricBoundaries.fromIterable([
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48
])

const tokensKey = MetricKey.counter("gen_ai.client.token.usage", { description: "Tokens used", incremental: true })
const requestKey = MetricKey.histogram("gen_ai.client.operation.duration", seconds, "Seconds a model request took")
const callsKey = MetricKey.counter("axonal.tool.calls", { description: "Tool calls that ended", incremental: true })
const toolKey = MetricKey.histogram("axonal.tool.duration", seconds, "Seconds a tool call took")

/**
 * Tokens used, by `gen_ai.token.type` (`input`, `output`) and `gen_ai.request.model`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const tokens: Metric.Metric.Counter<number> = Metric.fromMetricKey(tokensKey)

/**
 * Seconds that model requests took, by `gen_ai.request.model`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const requestDuration: Metric.Metric.Histogram<number> = Metric.fromMetricKey(requestKey)

/**
 * Tool calls that ended, by `gen_ai.tool.name` and `outcome`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const toolCalls: Metric.Metric.Counter<number> = Metric.fromMetricKey(callsKey)

/**
 * Seconds that tool calls took, by `gen_ai.tool.name`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const toolDuration: Metric.Metric.Histogram<number> = Metric.fromMetricKey(toolKey)

const builtIn = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/**
 * Whether anybody traces. Effect's built-in tracer keeps its spans to itself, so without another one none are made.
 *
 * @category references
 * @since 0.1.0
 */
export const isTraced: Effect.Effect<boolean> = Effect.map(Effect.tracer, (tracer) => tracer !== builtIn)

type Attributes = Record<string, unknown>

type Use<A, E, R> = (span: Tracer.Span | undefined) => Effect.Effect<A, E, R>

const spanned = <A, E, R>(
  name: string,
  kind: Tracer.SpanKind,
  attributes: Attributes,
  use: Use<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.useSpan(name, { kind, attributes, captureStackTrace: false }, (span) => Effect.withParentSpan(use(span), span))

/**
 * The span of a run.
 *
 * @category combinators
 * @since 0.1.0
 */
export const invokeAgent = <A, E, R>(
  traced: boolean,
  agent: {
    readonly name: string
    readonly vendor: string
    readonly session: string
    readonly run: string
    readonly identity: Identity
  },
  use: Use<A, E, R>
): Effect.Effect<A, E, R> =>
  !traced
    ? use(undefined)
    : Effect.suspend(() => {
        let original: Cause.Cause<E> | undefined
        const ended = spanned(
          `invoke_agent ${agent.name}`,
          "internal",
          {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": agent.vendor,
            "gen_ai.agent.name": agent.name,
            "gen_ai.conversation.id": agent.session,
            "axonal.run.id": agent.run,
            ...(agent.identity.userId === undefined ? undefined : { "user.id": agent.identity.userId }),
            ...(agent.identity.chatId === undefined ? undefined : { "axonal.chat.id": agent.identity.chatId })
          },
          (span) =>
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

/**
 * The span of a model request.
 *
 * @category combinators
 * @since 0.1.0
 */
export const chat = <A, E, R>(
  traced: boolean,
  model: { readonly vendor: string; readonly id: string; readonly session: string },
  use: Use<A, E, R>
): Effect.Effect<A, E, R> =>
  !traced
    ? use(undefined)
    : spanned(
        `chat ${model.id}`,
        "client",
        {
          "gen_ai.operation.name": "chat",
          "gen_ai.provider.name": model.vendor,
          "gen_ai.request.model": model.id,
          "gen_ai.conversation.id": model.session
        },
        use
      )

/**
 * The span of a tool call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const executeTool = <A, E, R>(
  traced: boolean,
  tool: { readonly name: string; readonly call: string },
  use: Use<A, E, R>
): Effect.Effect<A, E, R> =>
  !traced
    ? use(undefined)
    : spanned(
        `execute_tool ${tool.name}`,
        "internal",
        {
          "gen_ai.operation.name": "execute_tool",
          "gen_ai.tool.name": tool.name,
          "gen_ai.tool.call.id": tool.call,
          "gen_ai.tool.type": "function"
        },
        use
      )

/**
 * Writes what came of a model request on its span.
 *
 * @category combinators
 * @since 0.1.0
 */
export const answered = (
  span: Tracer.Span,
  answer: {
    readonly reason: FinishReason
    readonly usage: Usage
    readonly responseId?: string | undefined
    readonly responseModel?: string | undefined
  }
): void => {
  const write = (key: string, value: unknown): void => {
    if (value !== undefined) span.attribute(key, value)
  }
  write("gen_ai.response.finish_reasons", [answer.reason])
  write("gen_ai.response.id", answer.responseId)
  write("gen_ai.response.model", answer.responseModel)
  write("gen_ai.usage.input_tokens", answer.usage.inputTokens.total)
  write("gen_ai.usage.output_tokens", answer.usage.outputTokens.total)
  write("gen_ai.usage.cache_read.input_tokens", answer.usage.inputTokens.cacheRead)
  write("gen_ai.usage.cache_creation.input_tokens", answer.usage.inputTokens.cacheWrite)
}

/**
 * Counts a model request in the metrics.
 *
 * @category combinators
 * @since 0.1.0
 */
export const countRequest = (model: string, usage: Usage, millis: number): void => {
  const { duration, input, output } = ofModel(model)
  if (usage.inputTokens.total !== undefined) input.unsafeUpdate(usage.inputTokens.total, [])
  if (usage.outputTokens.total !== undefined) output.unsafeUpdate(usage.outputTokens.total, [])
  duration.unsafeUpdate(millis / 1000, [])
}

/**
 * Counts a tool call in the metrics.
 *
 * @category combinators
 * @since 0.1.0
 */
export const countCall = (tool: string, outcome: CallOutcome, millis: number): void => {
  const { calls, duration } = ofTool(tool)
  calls(outcome).unsafeUpdate(1, [])
  duration.unsafeUpdate(millis / 1000, [])
}

// internal

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

const memo = <K, V>(make: (key: K) => V): ((key: K) => V) => {
  const made = new Map<K, V>()
  return (key) => {
    const known = made.get(key)
    if (known !== undefined) return known
    const value = make(key)
    // Names that a model invents must not fill the memory.
    if (made.size < 1000) made.set(key, value)
    return value
  }
}

/** A metric with these labels. Made of a key, since `Metric.tagged` would look the labels up at every update. */
const labelled = <Type extends MetricKeyType.MetricKeyType.Untyped>(
  key: MetricKey.MetricKey<Type>,
  labels: Readonly<Record<string, string>>
) =>
  Metric.fromMetricKey(
    MetricKey.taggedWithLabels(
      key,
      Object.entries(labels).map(([name, value]) => MetricLabel.make(name, value))
    )
  )

const ofModel = memo((model: string) => ({
  input: labelled(tokensKey, { "gen_ai.request.model": model, "gen_ai.token.type": "input" }),
  output: labelled(tokensKey, { "gen_ai.request.model": model, "gen_ai.token.type": "output" }),
  duration: labelled(requestKey, { "gen_ai.request.model": model })
}))

const ofTool = memo((tool: string) => ({
  calls: memo((outcome: CallOutcome) => labelled(callsKey, { "gen_ai.tool.name": tool, outcome })),
  duration: labelled(toolKey, { "gen_ai.tool.name": tool })
}))
