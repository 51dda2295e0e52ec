/**
 * A tracer whose spans are handed on, when they end, in the JSON form of OTLP. A span that is not sampled is handed to
 * nobody, and neither is what it holds.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { KeyValue, Source } from "./otlpValue.ts"
import { attributes } from "./otlpValue.ts"

/**
 * A span as OTLP has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string | undefined
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<KeyValue>
  readonly events: ReadonlyArray<Event>
  readonly links: ReadonlyArray<Link>
  readonly status: { readonly code?: number | undefined; readonly message?: string | undefined }
}

/**
 * Makes a tracer that hands every ended span on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (ended: (span: OtlpSpan) => void): Tracer.Tracer =>
  Tracer.make({
    context: (f) => f(),
    span: (name, parent, context, links, startTime, kind) =>
      new OtlpSpanImpl(name, parent, context, [...links], startTime, kind, ended)
  })

/**
 * The body of a request that brings spans.
 *
 * @category converters
 * @since 0.1.0
 */
export const body = ({ resource, scope }: Source, spans: ReadonlyArray<OtlpSpan>): string =>
  JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope, spans }] }] })

// internal

interface Event {
  readonly name: string
  readonly timeUnixNano: string
  readonly attributes: ReadonlyArray<KeyValue>
}

interface Link {
  readonly traceId: string
  readonly spanId: string
  readonly attributes: ReadonlyArray<KeyValue>
}

const kinds: Readonly<Record<Tracer.SpanKind, number>> = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 }

const failed = 2

class OtlpSpanImpl implements Tracer.Span {
  readonly _tag = "Span"
  readonly name: string
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly context: Context.Context<never>
  readonly links: Array<Tracer.SpanLink>
  readonly kind: Tracer.SpanKind
  readonly spanId = randomHex(8)
  readonly traceId: string
  readonly sampled: boolean
  readonly attributes = new Map<string, unknown>()
  status: Tracer.SpanStatus
  private readonly events: Array<Event> = []
  private readonly ended: (span: OtlpSpan) => void

  constructor(
    name: string,
    parent: Option.Option<Tracer.AnySpan>,
    context: Context.Context<never>,
    links: Array<Tracer.SpanLink>,
    startTime: bigint,
    kind: Tracer.SpanKind,
    ended: (span: OtlpSpan) => void
  ) {
    this.name = name
    this.parent = parent
    this.context = context
    this.links = links
    this.kind = kind
    this.ended = ended
    this.traceId = Option.isSome(parent) ? parent.value.traceId : randomHex(16)
    this.sampled = Option.isNone(parent) || parent.value.sampled
    this.status = { _tag: "Started", startTime }
  }

  attribute(key: string, value: unknown): void {
    this.attributes.set(key, value)
  }

  event(name: string, startTime: bigint, about?: Record<string, unknown>): void {
    this.events.push({ name, timeUnixNano: String(startTime), attributes: attributes(Object.entries(about ?? {})) })
  }

  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    for (const link of links) this.links.push(link)
  }

  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    const { startTime } = this.status
    this.status = { _tag: "Ended", startTime, endTime, exit }
    if (this.sampled) this.ended(this.encoded(startTime, endTime, exit))
  }

  private encoded(startTime: bigint, endTime: bigint, exit: Exit.Exit<unknown, unknown>): OtlpSpan {
    const about = attributes(this.attributes)
    const problem = problemOf(exit)
    if (Exit.isInterrupted(exit)) about.push({ key: "axonal.interrupted", value: { boolValue: true } })
    return {
      traceId: this.traceId,
      spanId: this.spanId,
      ...(Option.isSome(this.parent) ? { parentSpanId: this.parent.value.spanId } : undefined),
      name: this.name,
      kind: kinds[this.kind],
      startTimeUnixNano: String(startTime),
      endTimeUnixNano: String(endTime),
      attributes: about,
      events:
        problem === undefined ? this.events : [...this.events, { ...problem.event, timeUnixNano: String(endTime) }],
      links: this.links.map(({ attributes: about, span }) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        attributes: attributes(Object.entries(about))
      })),
      status: problem === undefined ? {} : { code: failed, message: problem.message }
    }
  }
}

/** What an exit says went wrong. Being interrupted is not wrong. */
const problemOf = (exit: Exit.Exit<unknown, unknown>) => {
  if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return undefined
  const [first] = Cause.prettyErrors(exit.cause)
  const message = first?.message ?? "unknown failure"
  const about = {
    "exception.type": first?.name ?? "Error",
    "exception.message": message,
    "exception.stacktrace": Cause.pretty(exit.cause, { renderErrorCause: true })
  }
  return { message, event: { name: "exception", attributes: attributes(Object.entries(about)) } }
}

const hex: ReadonlyArray<string> = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** Asking for random bytes has a price of its own, which many ids share. */
const pool = new Uint8Array(4096)
let used = pool.length

const randomHex = (bytes: number): string => {
  if (used + bytes > pool.length) {
    globalThis.crypto.getRandomValues(pool)
    used = 0
  }
  let text = ""
  for (const end = used + bytes; used < end; used++) text += hex[pool[used] ?? 0]
  return text
}
