/**
 * A logger that hands every record on in the JSON form of OTLP, with the ids of the span it was written in.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { AnyValue, KeyValue, Source } from "./otlpValue.ts"
import { anyValue, attributes } from "./otlpValue.ts"

/**
 * A record as OTLP has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface OtlpRecord {
  readonly timeUnixNano: string
  readonly observedTimeUnixNano: string
  readonly severityNumber: number
  readonly severityText: string
  readonly body: AnyValue
  readonly attributes: ReadonlyArray<KeyValue>
  readonly traceId?: string | undefined
  readonly spanId?: string | undefined
}

/**
 * Makes a logger that hands every record on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (written: (record: OtlpRecord) => void): Logger.Logger<unknown, void> =>
  Logger.make((options) => {
    const { annotations, cause, context, date, fiberId, logLevel, message } = options
    const words: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
    const time = `${date.getTime()}000000`
    const span = Context.getOption(FiberRefs.getOrDefault(context, FiberRef.currentContext), Tracer.ParentSpan)
    const about = attributes([...annotations, ["fiber.id", FiberId.threadName(fiberId)]])
    if (!Cause.isEmpty(cause)) {
      const text = Cause.pretty(cause, { renderErrorCause: true })
      about.push({ key: "exception.stacktrace", value: { stringValue: text } })
    }
    written({
      timeUnixNano: time,
      observedTimeUnixNano: time,
      severityNumber: severities[logLevel._tag],
      severityText: logLevel.label,
      body: words.length === 1 ? anyValue(words[0]) : { stringValue: words.map(textOf).join(" ") },
      attributes: about,
      ...(Option.isSome(span) ? { traceId: span.value.traceId, spanId: span.value.spanId } : undefined)
    })
  })

/**
 * The body of a request that brings records.
 *
 * @category converters
 * @since 0.1.0
 */
export const body = ({ resource, scope }: Source, logRecords: ReadonlyArray<OtlpRecord>): string =>
  JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords }] }] })

// internal

const textOf = (value: unknown): string => {
  const made = anyValue(value)
  return "stringValue" in made ? made.stringValue : String(value)
}

const severities: Readonly<Record<LogLevel.LogLevel["_tag"], number>> = {
  All: 0,
  None: 0,
  Trace: 1,
  Debug: 5,
  Info: 9,
  Warning: 13,
  Error: 17,
  Fatal: 21
}
