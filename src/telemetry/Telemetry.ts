/**
 * Spans and metrics of a run, in the words of OpenTelemetry's conventions for generative AI: `invoke_agent` around a run,
 * `chat` around a model request, `execute_tool` around a call. They cost little without a tracer and carry no content
 * unless asked to. `layerOtlp` exports them without any other package.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"
import type { CallOutcome } from "../domain/Outcome.ts"
import type * as Part from "../domain/Part.ts"
import type { Request } from "../domain/Request.ts"
import type { Usage } from "../domain/Usage.ts"
import * as Attributes from "./internal/attributes.ts"
import * as Words from "./internal/content.ts"
import * as Metrics from "./internal/metrics.ts"
import type * as Otlp from "./internal/otlp.ts"
import * as Spans from "./internal/spans.ts"

/**
 * What a text is, for a function that decides whether a span shows it.
 *
 * @category models
 * @since 0.1.0
 */
export type Content = Words.Content

/**
 * How spans carry content: each text as `redact` leaves it. A text for which it answers nothing, or dies, is withheld.
 *
 * **Details**
 *
 * - `as`: attributes of the span, or one event `gen_ai.client.inference.operation.details` of it. Arguments and results of
 *   tools are attributes either way.
 *
 * @category models
 * @since 0.1.0
 */
export type Capture = Words.Capture

/**
 * Where `layerOtlp` sends telemetry, and how.
 *
 * @category models
 * @since 0.1.0
 */
export type OtlpOptions = Otlp.Options

/**
 * When a model request was sent, and when the first of its answer came.
 *
 * @category models
 * @since 0.1.0
 */
export type Watch = Spans.Watch

/**
 * Whether spans carry the words of people and models and the arguments and results of tools. They do not by default.
 *
 * @category references
 * @since 0.1.0
 */
export class CaptureContent extends Context.Reference<CaptureContent>()<
  "axonal/telemetry/CaptureContent",
  boolean | Capture
>("axonal/telemetry/CaptureContent", { defaultValue: () => false }) {}

/**
 * Tokens of model requests: a distribution by `gen_ai.operation.name`, `gen_ai.provider.name`, `gen_ai.request.model` and
 * `gen_ai.token.type` (`input`, `output`).
 *
 * @category metrics
 * @since 0.1.0
 */
export const tokens: Metric.Metric.Histogram<number> = Metric.fromMetricKey(Metrics.keys.tokens)

/**
 * Tokens that are part of those in `tokens`: labelled like them, with `axonal.token.type` instead (`cache_read`,
 * `cache_creation`, `reasoning`).
 *
 * @category metrics
 * @since 0.1.0
 */
export const tokenDetails: Metric.Metric.Counter<number> = Metric.fromMetricKey(Metrics.keys.tokenDetails)

/**
 * Seconds that model requests took, labelled like `tokens`, with `error.type` when they failed.
 *
 * @category metrics
 * @since 0.1.0
 */
export const requestDuration: Metric.Metric.Histogram<number> = Metric.fromMetricKey(Metrics.keys.request)

/**
 * Seconds until the first chunk of an answer came, labelled like `tokens`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const timeToFirstChunk: Metric.Metric.Histogram<number> = Metric.fromMetricKey(Metrics.keys.firstChunk)

/**
 * Seconds that runs took, by `gen_ai.operation.name`, `gen_ai.agent.name` and `error.type`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const runDuration: Metric.Metric.Histogram<number> = Metric.fromMetricKey(Metrics.keys.run)

/**
 * Tool calls that ended, by `gen_ai.tool.name` and `outcome`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const toolCalls: Metric.Metric.Counter<number> = Metric.fromMetricKey(Metrics.keys.calls)

/**
 * Seconds that tool calls took, by `gen_ai.operation.name`, `gen_ai.tool.name` and `error.type`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const toolDuration: Metric.Metric.Histogram<number> = Metric.fromMetricKey(Metrics.keys.tool)

const builtIn = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/**
 * Whether anybody traces. Effect's built-in tracer keeps its spans to itself, so without another one none are made.
 *
 * @category references
 * @since 0.1.0
 */
export const isTraced: Effect.Effect<boolean> = Effect.map(Effect.tracer, (tracer) => tracer !== builtIn)

/**
 * The span of a run, and its duration in the metrics.
 *
 * **Details**
 *
 * - Errors: those of `use`. The span shows a `ToolFailed` without what the tool said.
 *
 * @category combinators
 * @since 0.1.0
 */
export const invokeAgent: <A, E, R>(
  traced: boolean,
  agent: Spans.About,
  use: Spans.Use<A, E, R>
) => Effect.Effect<A, E, R> = Spans.invokeAgent

/**
 * The span of a run that is made of others: a pattern, a team.
 *
 * @category combinators
 * @since 0.1.0
 */
export const invokeWorkflow = <A, E, R>(
  traced: boolean,
  workflow: { readonly name: string; readonly session: string; readonly run: string },
  use: Spans.Use<A, E, R>
): Effect.Effect<A, E, R> =>
  traced
    ? Spans.spanned(`invoke_workflow ${workflow.name}`, "internal", Attributes.ofWorkflow(workflow), use)
    : use(undefined)

/**
 * Writes on the span of a run, at its end, what all of its requests cost.
 *
 * @category combinators
 * @since 0.1.0
 */
export const spent = <A, E, R>(
  span: Tracer.Span | undefined,
  usage: () => Usage,
  run: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  if (span === undefined) return run
  const write = Effect.sync(() => Attributes.write(span, Attributes.ofUsage(usage())))
  return Effect.ensuring(run, write)
}

/**
 * A model request with all that is told of it: its span, its content when that is wanted, its metrics.
 *
 * **Details**
 *
 * - `use` calls `arrived` whenever something of the answer comes; `start` tells what came first of it.
 * - Errors: those of `use`; the tag of the reason becomes the `error.type` of span and metrics.
 *
 * @category combinators
 * @since 0.1.0
 */
export const request = Spans.request

/**
 * Notes that something of an answer came. Costs nothing but the first time.
 *
 * @category combinators
 * @since 0.1.0
 */
export const arrived = (watch: Watch): void => {
  if (watch.firstChunkMillis === undefined) watch.firstChunkMillis = performance.now() - watch.startedAt
}

/**
 * The span of a model request.
 *
 * @category combinators
 * @since 0.1.0
 */
export const chat = <A, E, R>(
  traced: boolean,
  model: {
    readonly vendor: string
    readonly id: string
    readonly session: string
    readonly request?: Request | undefined
  },
  use: Spans.Use<A, E, R>
): Effect.Effect<A, E, R> =>
  traced ? Spans.spanned(`chat ${model.id}`, "client", Attributes.ofChat(model), use) : use(undefined)

/**
 * Writes what came of a model request on its span.
 *
 * @category combinators
 * @since 0.1.0
 */
export const answered = (span: Tracer.Span, answer: Attributes.Answer): void =>
  Attributes.write(span, Attributes.ofAnswer(answer))

/**
 * Counts a model request in the metrics.
 *
 * @category combinators
 * @since 0.1.0
 */
export const countRequest = (model: string, usage: Usage, millis: number): void =>
  Metrics.countRequest({ id: model }, usage, millis, undefined)

/**
 * The span of a tool call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const executeTool = <A, E, R>(
  traced: boolean,
  tool: { readonly name: string; readonly call: string; readonly description?: string | undefined },
  use: Spans.Use<A, E, R>
): Effect.Effect<A, E, R> =>
  traced ? Spans.spanned(`execute_tool ${tool.name}`, "internal", Attributes.ofTool(tool), use) : use(undefined)

/**
 * Writes the arguments of a call on its span, when content is wanted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const called = (
  span: Tracer.Span | undefined,
  capture: boolean | Capture,
  tool: string,
  input: unknown
): void => {
  if (capture === false) return
  span?.attribute("gen_ai.tool.call.arguments", Words.args(Attributes.redactOf(capture), tool, input))
}

/**
 * Writes the result of a call on its span, when content is wanted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const returned = (
  span: Tracer.Span | undefined,
  capture: boolean | Capture,
  tool: string,
  content: ReadonlyArray<Part.ResultContent>
): void => {
  if (capture === false) return
  span?.attribute("gen_ai.tool.call.result", Words.result(Attributes.redactOf(capture), tool, content))
}

/**
 * Counts a tool call in the metrics.
 *
 * @category combinators
 * @since 0.1.0
 */
export const countCall: (tool: string, outcome: CallOutcome, millis: number) => void = Metrics.countCall

/**
 * Marks the verdict of a guard on the span of the run, as the event `axonal.guard.verdict`. Its reason is content.
 *
 * @category combinators
 * @since 0.1.0
 */
export const judged = <A extends Spans.Verdict, E, R>(
  traced: boolean,
  capture: boolean | Capture,
  call: { readonly id: string; readonly tool: string },
  judge: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  traced ? Effect.tap(judge, (verdict) => Spans.markVerdict(capture, call, verdict)) : judge

/**
 * Marks the decision of a person on the span of the run, as the event `axonal.approval.decided`. Its reason is content.
 *
 * @category combinators
 * @since 0.1.0
 */
export const decided = (
  traced: boolean,
  capture: boolean | Capture,
  call: { readonly id: string; readonly tool: string },
  decision: { readonly approved: boolean; readonly reason?: string | undefined }
): Effect.Effect<void> => (traced ? Spans.markDecision(capture, call, decision) : Effect.void)

/**
 * The span of a compaction, and the tokens of its summaries in the metrics. One that failed is an error on the span, and
 * the same value as without it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const compact = Spans.compact

/**
 * Layer that exports spans and metrics, and logs when asked to, as OTLP in JSON over HTTP.
 *
 * **When to use**
 *
 * Use to reach a collector or a vendor of observability without installing OpenTelemetry's own packages.
 *
 * **Details**
 *
 * - Sends in batches, on a fiber of its own, and again what a server could not take just now; `Retry-After` is obeyed.
 * - Closing its scope delivers what is left, within `shutdownTimeout`.
 * - Errors: none. What could not be delivered is counted in a warning of the log, which names no header and no address.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOtlp = (options: OtlpOptions): Layer.Layer<never, never, HttpClient.HttpClient> =>
  // Every agent imports this module, and few export: the exporter is loaded when somebody does.
  Layer.unwrapEffect(
    Effect.map(
      Effect.promise(() => import("./internal/otlp.ts")),
      (otlp) => otlp.layer(options)
    )
  )
