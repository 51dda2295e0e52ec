/**
 * The attributes of spans, under the names of OpenTelemetry's conventions where there is one, ours begin with `axonal`.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import type { Message } from "../../domain/Message.ts"
import type { FinishReason } from "../../domain/Outcome.ts"
import type { Request } from "../../domain/Request.ts"
import type { Usage } from "../../domain/Usage.ts"
import type { Capture, Redact } from "./content.ts"
import * as Words from "./content.ts"

/**
 * Attributes by name. Those without a value are not written.
 *
 * @category models
 * @since 0.1.0
 */
export type Attributes = { readonly [name: string]: unknown }

/**
 * The answer to a model request, as far as spans tell of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly reason: FinishReason
  readonly usage: Usage
  readonly responseId?: string | undefined
  readonly responseModel?: string | undefined
  readonly firstChunkMillis?: number | undefined
}

/**
 * Writes attributes on a span.
 *
 * @category combinators
 * @since 0.1.0
 */
export const write = (span: Tracer.Span, attributes: Attributes): void => {
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) span.attribute(name, value)
}

/**
 * Only the attributes that have a value.
 *
 * @category converters
 * @since 0.1.0
 */
export const known = (attributes: Attributes): Record<string, unknown> =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))

/**
 * What something cost.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofUsage = ({ costUsd, inputTokens, outputTokens }: Usage): Attributes => ({
  "gen_ai.usage.input_tokens": inputTokens.total,
  "gen_ai.usage.output_tokens": outputTokens.total,
  "gen_ai.usage.cache_read.input_tokens": inputTokens.cacheRead,
  "gen_ai.usage.cache_creation.input_tokens": inputTokens.cacheWrite,
  "gen_ai.usage.reasoning.output_tokens": outputTokens.reasoning,
  "axonal.usage.cost_usd": costUsd
})

/**
 * What is known of a model request before it is sent.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofChat = (model: {
  readonly vendor: string
  readonly id: string
  readonly session: string
  readonly request?: Request | undefined
}): Record<string, unknown> => ({
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": model.vendor,
  "gen_ai.request.model": model.id,
  "gen_ai.conversation.id": model.session,
  ...(model.request === undefined ? undefined : ofRequest(model.request))
})

/**
 * What is known of a run that is made of others.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofWorkflow = (workflow: {
  readonly name: string
  readonly session: string
  readonly run: string
}): Record<string, unknown> => ({
  "gen_ai.operation.name": "invoke_workflow",
  "gen_ai.workflow.name": workflow.name,
  "gen_ai.conversation.id": workflow.session,
  "axonal.run.id": workflow.run
})

/**
 * What is known of a call before it runs.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofTool = (tool: {
  readonly name: string
  readonly call: string
  readonly description?: string | undefined
}): Record<string, unknown> =>
  known({
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": tool.name,
    "gen_ai.tool.call.id": tool.call,
    "gen_ai.tool.type": "function",
    "gen_ai.tool.description": tool.description
  })

/**
 * What came of a model request.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofAnswer = ({ firstChunkMillis, reason, responseId, responseModel, usage }: Answer): Attributes => ({
  "gen_ai.response.finish_reasons": [reason],
  "gen_ai.response.id": responseId,
  "gen_ai.response.model": responseModel,
  "gen_ai.response.time_to_first_chunk": firstChunkMillis === undefined ? undefined : firstChunkMillis / 1000,
  ...ofUsage(usage)
})

/**
 * Writes the content of a request on its span, when it is wanted there.
 *
 * @category combinators
 * @since 0.1.0
 */
export const asked = (span: Tracer.Span, capture: boolean | Capture, request: Request): void => {
  if (isOn(capture, "attributes")) write(span, ofInput(redactOf(capture), request))
}

/**
 * Writes the content of an answer on the span of its request, when it is wanted there; or that of both, as an event.
 *
 * @category combinators
 * @since 0.1.0
 */
export const said = (
  span: Tracer.Span,
  capture: boolean | Capture,
  request: Request,
  answer?: { readonly message: Message; readonly reason: FinishReason }
): Effect.Effect<void> => {
  const redact = redactOf(capture)
  const output =
    answer === undefined ? {} : { "gen_ai.output.messages": Words.output(redact, answer.message, answer.reason) }
  if (isOn(capture, "attributes")) return Effect.sync(() => write(span, output))
  return Effect.map(Clock.currentTimeNanos, (now) =>
    span.event(detailsEvent, now, known({ "gen_ai.operation.name": "chat", ...ofInput(redact, request), ...output }))
  )
}

/**
 * The function that content goes through, if there is one.
 *
 * @category converters
 * @since 0.1.0
 */
export const redactOf = (capture: boolean | Capture): Redact | undefined =>
  typeof capture === "boolean" ? undefined : capture.redact

// internal

const detailsEvent = "gen_ai.client.inference.operation.details"

const isOn = (capture: boolean | Capture, as: "attributes" | "event"): boolean =>
  typeof capture === "boolean" ? capture && as === "attributes" : (capture.as ?? "attributes") === as

const ofInput = (redact: Redact | undefined, request: Request): Attributes => ({
  "gen_ai.system_instructions": Words.instructions(redact, request),
  "gen_ai.input.messages": Words.input(redact, request),
  "gen_ai.tool.definitions": Words.tools(request)
})

const ofRequest = ({ responseFormat, settings }: Request): Record<string, unknown> =>
  known({
    "gen_ai.output.type": responseFormat.type === "json" ? "json" : undefined,
    "gen_ai.request.stream": true,
    "gen_ai.request.temperature": settings.temperature,
    "gen_ai.request.top_p": settings.topP,
    "gen_ai.request.max_tokens": settings.maxOutputTokens,
    "gen_ai.request.stop_sequences": settings.stop,
    "gen_ai.request.seed": settings.seed
  })
