/**
 * Effect's metrics in the JSON form of OTLP. Everything is cumulative, from the time when the exporter began.
 */
import * as Metric from "effect/Metric"
import * as MetricKeyType from "effect/MetricKeyType"
import type * as MetricPair from "effect/MetricPair"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import { unitOf } from "./metrics.ts"
import type { Source } from "./otlpValue.ts"
import { attributes } from "./otlpValue.ts"

/**
 * The body of a request that brings all metrics as they are, or nothing when there are none.
 *
 * **Details**
 *
 * - `since`, `now`: nanoseconds since 1970.
 *
 * @category converters
 * @since 0.1.0
 */
export const body = ({ resource, scope }: Source, since: bigint, now: bigint): string | undefined => {
  const times = { startTimeUnixNano: String(since), timeUnixNano: String(now) }
  const metrics = new Map<string, OtlpMetric>()
  for (const pair of Metric.unsafeSnapshot()) add(metrics, pair, times)
  return metrics.size === 0
    ? undefined
    : JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: [...metrics.values()] }] }] })
}

// internal

interface Times {
  readonly startTimeUnixNano: string
  readonly timeUnixNano: string
}

type Points = Array<Readonly<Record<string, unknown>>>

interface OtlpMetric {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly sum?: { readonly aggregationTemporality: number; readonly isMonotonic: boolean; readonly dataPoints: Points }
  readonly gauge?: { readonly dataPoints: Points }
  readonly histogram?: { readonly aggregationTemporality: number; readonly dataPoints: Points }
  readonly summary?: { readonly dataPoints: Points }
}

const cumulative = 2

const add = (metrics: Map<string, OtlpMetric>, pair: MetricPair.MetricPair.Untyped, times: Times): void => {
  const { metricKey, metricState } = pair
  const labels = metricKey.tags.map(({ key, value }) => [key, value] as const)
  const about = { attributes: attributes(labels), ...times }
  const made = ofState(metricState, about, isIncremental(metricKey.keyType))
  if (made === undefined) return
  const [type, dataPoints] = made
  // A name stands for one kind of metric: of two that share one, the second is another stream of its own.
  const id = `${type}:${metricKey.name}`
  const known = metrics.get(id)
  if (known !== undefined) {
    for (const point of dataPoints) pointsOf(known).push(point)
    return
  }
  const description = Option.getOrElse(metricKey.description, () => "")
  const base = { name: metricKey.name, description, unit: unitOf(metricKey.name, Object.fromEntries(labels)) }
  switch (type) {
    case "sum":
    case "balance": {
      const isMonotonic = type === "sum"
      metrics.set(id, { ...base, sum: { aggregationTemporality: cumulative, isMonotonic, dataPoints } })
      return
    }
    case "gauge":
      metrics.set(id, { ...base, gauge: { dataPoints } })
      return
    case "histogram":
      metrics.set(id, { ...base, histogram: { aggregationTemporality: cumulative, dataPoints } })
      return
    case "summary":
      metrics.set(id, { ...base, summary: { dataPoints } })
  }
}

const pointsOf = ({ gauge, histogram, sum, summary }: OtlpMetric): Points =>
  (sum ?? gauge ?? histogram ?? summary)?.dataPoints ?? []

const isIncremental = (type: unknown): boolean => MetricKeyType.isCounterKey(type) && type.incremental

type Made = readonly ["sum" | "balance" | "gauge" | "histogram" | "summary", Points]

/** The points of a metric; a frequency is a sum for every word that occurred. */
const ofState = (
  state: MetricState.MetricState.Untyped,
  about: { readonly attributes: ReturnType<typeof attributes> } & Times,
  incremental: boolean
): Made | undefined => {
  if (MetricState.isCounterState(state)) {
    return [incremental ? "sum" : "balance", [{ ...about, ...numberOf(state.count) }]]
  }
  if (MetricState.isGaugeState(state)) return ["gauge", [{ ...about, ...numberOf(state.value) }]]
  if (MetricState.isHistogramState(state)) return ["histogram", [{ ...about, ...bucketsOf(state) }]]
  if (MetricState.isFrequencyState(state)) {
    const points = [...state.occurrences].map(([word, count]) => ({
      ...about,
      attributes: [...about.attributes, ...attributes([["key", word]])],
      asInt: String(count)
    }))
    return points.length === 0 ? undefined : ["sum", points]
  }
  if (MetricState.isSummaryState(state)) {
    const quantileValues = state.quantiles.flatMap(([quantile, value]) =>
      Option.isSome(value) ? [{ quantile, value: value.value }] : []
    )
    return ["summary", [{ ...about, count: String(state.count), sum: state.sum, quantileValues }]]
  }
  return undefined
}

const numberOf = (value: number | bigint) =>
  typeof value === "bigint" ? { asInt: String(value) } : { asDouble: value }

/** The counts of the buckets, each of its own; Effect adds up those below. The last bucket has no bound. */
const bucketsOf = ({ buckets, count, max, min, sum }: MetricState.MetricState.Histogram) => {
  const last = buckets.length - 1
  const bounds = buckets.slice(0, last).map(([bound]) => bound)
  const counts = buckets.map(([, below], index) => below - (buckets[index - 1]?.[1] ?? 0))
  return {
    count: String(count),
    sum,
    ...(count === 0 ? undefined : { min, max }),
    bucketCounts: counts.map(String),
    explicitBounds: bounds
  }
}
