/**
 * The metrics of runs, under the names of OpenTelemetry's conventions where there is one. Their updates stand in the way
 * of every request and call, so that a metric with its labels is looked up once and kept.
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import type * as MetricKeyType from "effect/MetricKeyType"
import * as MetricLabel from "effect/MetricLabel"
import type { CallOutcome } from "../../domain/Outcome.ts"
import type { Usage } from "../../domain/Usage.ts"

/**
 * A model as metrics name it. The vendor may be unknown.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelName {
  readonly vendor?: string | undefined
  readonly id: string
}

const seconds = MetricBoundaries.fromIterable([
  ...[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64],
  ...[1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
])
const powersOfFour = MetricBoundaries.fromIterable(Array.from({ length: 14 }, (_, power) => 4 ** power))

const names = {
  tokens: "gen_ai.client.token.usage",
  tokenDetails: "axonal.token.details",
  request: "gen_ai.client.operation.duration",
  firstChunk: "gen_ai.client.operation.time_to_first_chunk",
  run: "gen_ai.invoke_agent.duration",
  tool: "gen_ai.execute_tool.duration",
  calls: "axonal.tool.calls"
} as const

const units: Readonly<Record<string, string>> = {
  [names.tokens]: "{token}",
  [names.tokenDetails]: "{token}",
  [names.request]: "s",
  [names.firstChunk]: "s",
  [names.run]: "s",
  [names.tool]: "s",
  [names.calls]: "{call}"
}

/** The keys of the metrics, without labels. */
export const keys = {
  tokens: MetricKey.histogram(names.tokens, powersOfFour, "Tokens of a model request"),
  tokenDetails: MetricKey.counter(names.tokenDetails, {
    description: "Tokens that are part of others: read from a cache, written to one, reasoning",
    incremental: true
  }),
  request: MetricKey.histogram(names.request, seconds, "Seconds a model request took"),
  firstChunk: MetricKey.histogram(names.firstChunk, seconds, "Seconds until the first chunk of an answer came"),
  run: MetricKey.histogram(names.run, seconds, "Seconds a run took"),
  tool: MetricKey.histogram(names.tool, seconds, "Seconds a tool call took"),
  calls: MetricKey.counter(names.calls, { description: "Tool calls that ended", incremental: true })
} as const

/**
 * The unit of a metric: of ours as the conventions have it, of others as their labels say.
 *
 * @category converters
 * @since 0.1.0
 */
export const unitOf = (name: string, labels: { readonly [name: string]: string }): string => {
  const unit = units[name] ?? labels["unit"] ?? labels["time_unit"]
  return unit === undefined ? "1" : (timeUnits[unit] ?? unit)
}

/**
 * Counts a model request that was answered.
 *
 * @category combinators
 * @since 0.1.0
 */
export const countRequest = (
  model: ModelName,
  usage: Usage,
  millis: number,
  firstChunkMillis: number | undefined
): void => {
  const metrics = ofModel(model)
  countTokens(model, usage)
  metrics.duration(undefined).unsafeUpdate(millis / 1000, [])
  if (firstChunkMillis !== undefined) metrics.firstChunk.unsafeUpdate(firstChunkMillis / 1000, [])
}

/**
 * Counts a model request that failed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const countFailure = (model: ModelName, error: string, millis: number): void =>
  ofModel(model)
    .duration(error)
    .unsafeUpdate(millis / 1000, [])

/**
 * Counts tokens. Numbers that are unknown are not counted.
 *
 * @category combinators
 * @since 0.1.0
 */
export const countTokens = (model: ModelName, { inputTokens, outputTokens }: Usage): void => {
  const { details, input, output } = ofModel(model)
  if (inputTokens.total !== undefined) input.unsafeUpdate(inputTokens.total, [])
  if (outputTokens.total !== undefined) output.unsafeUpdate(outputTokens.total, [])
  const detail = (type: string, count: number | undefined): void => {
    if (count !== undefined && count > 0) details(type).unsafeUpdate(count, [])
  }
  detail("cache_read", inputTokens.cacheRead)
  detail("cache_creation", inputTokens.cacheWrite)
  detail("reasoning", outputTokens.reasoning)
}

/**
 * Counts a run.
 *
 * @category combinators
 * @since 0.1.0
 */
export const countRun = (agent: string, error: string | undefined, millis: number): void =>
  ofAgent(agent)(error).unsafeUpdate(millis / 1000, [])

/**
 * Counts a tool call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const countCall = (tool: string, outcome: CallOutcome, millis: number): void => {
  const { calls, duration } = ofTool(tool)
  calls(outcome).unsafeUpdate(1, [])
  duration(outcome === "ok" ? undefined : outcome).unsafeUpdate(millis / 1000, [])
}

// internal

const timeUnits: Readonly<Record<string, string>> = {
  nanoseconds: "ns",
  microseconds: "us",
  milliseconds: "ms",
  seconds: "s"
}

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

type Labels = Readonly<Record<string, string | undefined>>

/** A metric with these labels. Made of a key, since `Metric.tagged` would look the labels up at every update. */
const labelled = <Type extends MetricKeyType.MetricKeyType.Untyped>(key: MetricKey.MetricKey<Type>, labels: Labels) =>
  Metric.fromMetricKey(
    MetricKey.taggedWithLabels(
      key,
      Object.entries(labels).flatMap(([name, value]) => (value === undefined ? [] : [MetricLabel.make(name, value)]))
    )
  )

const ofVendor = memo((vendor: string | undefined) =>
  memo((id: string) => {
    const about = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": vendor, "gen_ai.request.model": id }
    const tokens = (type: string) => labelled(keys.tokens, { ...about, "gen_ai.token.type": type })
    return {
      input: tokens("input"),
      output: tokens("output"),
      details: memo((type: string) => labelled(keys.tokenDetails, { ...about, "axonal.token.type": type })),
      duration: memo((error: string | undefined) => labelled(keys.request, { ...about, "error.type": error })),
      firstChunk: labelled(keys.firstChunk, about)
    }
  })
)

const ofModel = ({ id, vendor }: ModelName) => ofVendor(vendor)(id)

const ofAgent = memo((agent: string) =>
  memo((error: string | undefined) =>
    labelled(keys.run, { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent, "error.type": error })
  )
)

const ofTool = memo((tool: string) => {
  const about = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool }
  return {
    calls: memo((outcome: CallOutcome) => labelled(keys.calls, { "gen_ai.tool.name": tool, outcome })),
    duration: memo((error: string | undefined) => labelled(keys.tool, { ...about, "error.type": error }))
  }
})
