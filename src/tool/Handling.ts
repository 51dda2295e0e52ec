/**
 * How handlers are called, of whichever kind they are: those that answer with an effect, those that answer with a stream, and
 * those that only a toolkit can call.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Telemetry from "../telemetry/Telemetry.ts"
import { lastOf } from "./internal/streaming.ts"
import type * as Tool from "./Tool.ts"
import { ToolContext } from "./ToolContext.ts"
import * as ToolResult from "./ToolResult.ts"

/**
 * The handler of a tool whose type is forgotten.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler = (parameters: never) => Tool.Answering<unknown, unknown, unknown>

/**
 * Calls a handler. What the values of a stream show is shown; `nothing` is what a stream comes to that had no result.
 *
 * @category combinators
 * @since 0.1.0
 */
export const call = (handler: Handler, parameters: unknown): Effect.Effect<unknown, unknown> =>
  Effect.suspend(() => {
    const answering = handler(parameters as never)
    return Effect.isEffect(answering) ? answering : streamed(answering)
    // What the handler needs is in the agent's `R`, so it is in the context when the handler runs.
  }) as Effect.Effect<unknown, unknown>

/**
 * What a stream came to that had no result.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nothing = { failed: true, value: "The tool ended without a result: its stream gave none." } as const

/**
 * Runs `handle` of a toolkit without the span that it opens: it carries the arguments and the failure of the call, asked for or not. The call
 * has a span of its own, which is the one that the handler finds itself in.
 *
 * @category combinators
 * @since 0.1.0
 */
export const spanless = <A, E, R>(handle: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Telemetry.isTraced, (isTraced) => {
    if (!isTraced) return handle
    let isOpen = false
    return Effect.tracerWith((tracer) =>
      Effect.withTracer(
        handle,
        Tracer.make({
          context: (execution, fiber) => tracer.context(execution, fiber),
          span: (...arguments_) => {
            const parent = Option.getOrUndefined(arguments_[1])
            if (isOpen || arguments_[0] !== "Toolkit.handle" || parent?._tag !== "Span") {
              return tracer.span(...arguments_)
            }
            isOpen = true
            return disguised(parent)
          }
        })
      )
    )
  })

// internal

const streamed = (stream: Stream.Stream<unknown, unknown, unknown>): Effect.Effect<unknown, unknown, unknown> =>
  Effect.flatMap(ToolContext, ({ progress }) =>
    Effect.map(lastOf(stream, { show: progress, marked }), (last) => (Option.isSome(last) ? last.value : nothing))
  )

const marked = (element: unknown): Option.Option<unknown> =>
  ToolResult.isProgress(element) ? Option.some(element.chunk) : Option.none()

/** The span as a part of it would see it: the part's end is not its own, nor is what `handle` notes. */
const disguised = (span: Tracer.Span): Tracer.Span => {
  const disguise: Tracer.Span = Object.create(span)
  disguise.end = () => undefined
  disguise.attribute = (key, value) => {
    if (key !== "tool" && key !== "parameters") span.attribute(key, value)
  }
  return disguise
}
