/**
 * A tracer that keeps every span of a test, and what there is to say of one.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"

/** A span as the tracer of a test keeps it. */
export interface Kept extends Tracer.Span {
  readonly attributes: Map<string, unknown>
  readonly events: Array<readonly [name: string, time: bigint, attributes: unknown]>
  exit: Exit.Exit<unknown, unknown> | undefined
}

/** A tracer that keeps every span. */
export const keeping = () => {
  const spans: Array<Kept> = []
  const tracer = Tracer.make({
    context: (f) => f(),
    span: (name, parent, context, links, startTime, kind) => {
      const attributes = new Map<string, unknown>()
      const events: Kept["events"] = []
      const spanId = `${spans.length}`
      const span: Kept = {
        ...{ _tag: "Span", name, parent, context, links, kind, attributes, events, spanId, traceId: "trace" },
        sampled: true,
        status: { _tag: "Started", startTime },
        exit: undefined,
        end: (_, exit) => {
          span.exit = exit
        },
        attribute: (key, value) => void attributes.set(key, value),
        event: (name, time, about) => void events.push([name, time, about]),
        addLinks: () => undefined
      }
      spans.push(span)
      return span
    }
  })
  return { spans, layer: Layer.setTracer(tracer) }
}

/** The span around a span. */
export const parentOf = (span: Kept | undefined): Kept | undefined =>
  span === undefined ? undefined : (Option.getOrUndefined(span.parent) as Kept | undefined)

/** `parent > name (kind)` */
export const line = (span: Kept): string => `${parentOf(span)?.name ?? "-"} > ${span.name} (${span.kind})`

/** How a span ended, and the words of its failure: all that an exporter would show. */
export const end = ({ exit, name }: Kept): string =>
  exit === undefined || Exit.isSuccess(exit)
    ? `${name}: ${exit === undefined ? "open" : "ok"}`
    : `${name}: ${
        Cause.prettyErrors(exit.cause)
          .map(({ message }) => message)
          .join() || "interrupted"
      }`

/** The spans of a name. */
export const named = (spans: ReadonlyArray<Kept>, name: string): ReadonlyArray<Kept> =>
  spans.filter((span) => span.name === name)

/** The attributes of a span, as an object. */
export const attributes = (span: Kept | undefined): { readonly [name: string]: unknown } =>
  Object.fromEntries(span?.attributes ?? [])
