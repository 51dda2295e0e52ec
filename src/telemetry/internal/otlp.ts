/**
 * Export as OTLP in JSON over HTTP: which signals, to whom, in whose name. Tracer, metrics and logger are files beside
 * this one, and so is the delivery that all of them share.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Export from "./otlpExport.ts"
import * as Logs from "./otlpLogs.ts"
import * as Metrics from "./otlpMetrics.ts"
import * as Spans from "./otlpTracer.ts"
import type { Source } from "./otlpValue.ts"
import { attributes } from "./otlpValue.ts"

/**
 * What is exported.
 *
 * @category models
 * @since 0.1.0
 */
export type Signal = "traces" | "metrics" | "logs"

/**
 * Where telemetry goes, and how.
 *
 * **Details**
 *
 * - `url`: the server, without `/v1/traces`. `headers`: a secret is given as `Redacted` and never printed.
 * - `signals`: traces and metrics unless given.
 * - `exportInterval`: 5 seconds; a full batch goes at once. `maxBatch`: 512 spans or log records.
 * - `maxQueue`: 4096 spans or log records that wait; what comes when it is full is dropped, and a warning tells how many.
 * - `timeout`: of one request, 10 seconds. `shutdownTimeout`: of the delivery when the scope closes, 5 seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly url: string
  readonly serviceName: string
  readonly headers?: { readonly [name: string]: string | Redacted.Redacted } | undefined
  readonly serviceVersion?: string | undefined
  readonly attributes?: { readonly [name: string]: string | number | boolean } | undefined
  readonly signals?: ReadonlyArray<Signal> | undefined
  readonly exportInterval?: Duration.DurationInput | undefined
  readonly maxBatch?: number | undefined
  readonly maxQueue?: number | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly shutdownTimeout?: Duration.DurationInput | undefined
}

/**
 * Layer that exports.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<never, never, HttpClient.HttpClient> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      check(options)
      const client = yield* HttpClient.HttpClient
      const since = yield* Clock.currentTimeNanos
      const clock = yield* Effect.clock
      const signals = new Set(options.signals ?? ["traces", "metrics"])
      const source = sourceOf(options)
      const limits = { maxBatch: options.maxBatch ?? 512, maxQueue: options.maxQueue ?? 4096 }
      const deliveries: Array<Export.Delivery> = []
      const scope = yield* Effect.scope
      // One finalizer for all, so that they share one deadline.
      yield* Scope.addFinalizer(
        scope,
        Effect.suspend(() => Effect.forEach(deliveries, ({ close }) => close, { concurrency: "unbounded" }))
      )
      const deliver = (what: string, path: Signal, from: Pick<Export.Options, "take" | "size" | "dropped">) =>
        Effect.map(Export.start({ ...from, what, client, ...deliveryOf(options, path) }), (delivery) => {
          deliveries.push(delivery)
          return delivery
        })
      const queued = <A>(what: string, path: Signal, body: (source: Source, items: ReadonlyArray<A>) => string) => {
        const queue = Export.queue<A>(limits, (items) => body(source, items))
        // Its fiber starts before the logger is added: what it tells of itself is not exported.
        return Effect.map(deliver(what, path, queue), ({ flush }) => {
          queue.onFull = flush
          return queue.push
        })
      }
      const layers: Array<Layer.Layer<never>> = []
      if (signals.has("traces")) {
        layers.push(Layer.setTracer(Spans.make(yield* queued("spans", "traces", Spans.body))))
      }
      if (signals.has("logs")) {
        layers.push(Logger.add(Logs.make(yield* queued("log records", "logs", Logs.body))))
      }
      if (signals.has("metrics")) {
        const take = onceEach(() => Metrics.body(source, since, clock.unsafeCurrentTimeNanos()))
        yield* deliver("metrics", "metrics", { take })
      }
      return layers.reduce((all, one) => Layer.merge(all, one), Layer.empty)
    })
  )

// internal

/** What would export without end, or nothing, is a programming mistake. */
const check = ({ exportInterval, maxBatch, maxQueue, shutdownTimeout, timeout }: Options): void => {
  for (const [name, value] of Object.entries({ maxBatch, maxQueue })) {
    if (value === undefined || (Number.isInteger(value) && value >= 1)) continue
    throw new RangeError(`Telemetry.layerOtlp option ${name} must be a whole number of at least 1, got ${value}`)
  }
  for (const [name, value] of Object.entries({ exportInterval, shutdownTimeout, timeout })) {
    const duration = value === undefined ? undefined : Option.getOrUndefined(Duration.decodeUnknown(value))
    if (value === undefined || (duration !== undefined && Duration.toMillis(duration) > 0)) continue
    throw new RangeError(`Telemetry.layerOtlp option ${name} must be a duration above zero, got ${String(value)}`)
  }
}

const sourceOf = ({ attributes: about, serviceName, serviceVersion }: Options): Source => ({
  resource: {
    attributes: attributes([
      ["service.name", serviceName],
      ["service.version", serviceVersion],
      ...Object.entries(about ?? {})
    ])
  },
  scope: { name: "axonal" }
})

const deliveryOf = (options: Options, path: Signal) => ({
  request: HttpClientRequest.post(addressOf(options.url, path), {
    headers: Object.fromEntries(
      Object.entries(options.headers ?? {}).map(([name, value]) => [
        name,
        Redacted.isRedacted(value) ? Redacted.value(value) : value
      ])
    )
  }),
  interval: Duration.decode(options.exportInterval ?? "5 seconds"),
  timeout: Duration.decode(options.timeout ?? "10 seconds"),
  shutdownTimeout: Duration.decode(options.shutdownTimeout ?? "5 seconds")
})

/** The address of a signal: its path comes behind the server's own, and before a query. */
const addressOf = (url: string, path: Signal): string => {
  const [base = "", query] = url.split("?")
  return `${base.replace(/\/+$/, "")}/v1/${path}${query === undefined ? "" : `?${query}`}`
}

/** A snapshot is sent whole, and then there is nothing more to send. */
const onceEach = (body: () => string | undefined) => {
  let isTaken = false
  return (): Export.Batch | undefined => {
    const made = isTaken ? undefined : body()
    isTaken = made !== undefined
    return made === undefined ? undefined : { body: made, count: 1 }
  }
}
