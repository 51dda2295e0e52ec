/**
 * Exports over a real connection, decoded with the official definitions of OTLP: what JSON we send must be a message they
 * know, field by field, and the same after a round trip through their binary form.
 */
import { createServer } from "node:http"
import { createRequire } from "node:module"
import type { AddressInfo } from "node:net"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import { body } from "../../src/telemetry/internal/otlpTracer.ts"
import { attributes } from "../../src/telemetry/internal/otlpValue.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import { call, start, text, usage } from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

/** A message type of the generated definitions. */
interface Type {
  readonly fromObject: (object: object) => object
  readonly verify: (object: object) => string | null
  readonly encode: (message: object) => { readonly finish: () => Uint8Array }
  readonly decode: (bytes: Uint8Array) => object
  readonly toObject: (message: object, options: object) => object
}

const definitions = "@opentelemetry/otlp-transformer/build/src/generated/root"

const official = (() => {
  try {
    return createRequire(import.meta.url)(definitions).opentelemetry.proto.collector
  } catch {
    console.log(`OtlpExports: skipped, ${definitions} of version 0.57.2 is not installed`)
    return undefined
  }
})()

const typeOf = (path: string): Type => {
  switch (path) {
    case "/v1/traces":
      return official.trace.v1.ExportTraceServiceRequest
    case "/v1/metrics":
      return official.metrics.v1.ExportMetricsServiceRequest
    default:
      return official.logs.v1.ExportLogsServiceRequest
  }
}

/** The JSON of OTLP writes ids in hexadecimal where that of protobuf has base64. */
const ids = new Set(["traceId", "spanId", "parentSpanId"])
const toBase64 = (key: string, value: unknown): unknown =>
  ids.has(key) && typeof value === "string" ? Buffer.from(value, "hex").toString("base64") : value

/** The wire has no empty lists. */
const dense = (_: string, value: unknown): unknown => (Array.isArray(value) && value.length === 0 ? undefined : value)

/** Decodes a body by the official definitions, and fails unless they know every field of it. */
const decoded = (path: string, body: string): unknown => {
  const type = typeOf(path)
  const sent: object = JSON.parse(JSON.stringify(JSON.parse(body, toBase64), dense))
  const message = type.fromObject(sent)
  assert.isNull(type.verify(message))
  const again = type.decode(type.encode(message).finish())
  const known = JSON.parse(JSON.stringify(type.toObject(again, { longs: String, bytes: String }), dense))
  assert.deepStrictEqual(known, sent)
  return known
}

/** Every object that stands somewhere under a key, in order. */
const under = (value: unknown, key: string): ReadonlyArray<Record<string, unknown>> => {
  if (typeof value !== "object" || value === null) return []
  const own = Object.entries(value).flatMap(([name, field]) => (name === key && Array.isArray(field) ? field : []))
  return [...own, ...Object.values(value).flatMap((field) => under(field, key))]
}

/** A server that keeps what it is sent, by path; the first request of each path is turned away. */
const server = Effect.acquireRelease(
  Effect.async<{
    readonly url: string
    readonly received: ReadonlyArray<readonly [string, string, string]>
    readonly close: () => void
  }>((resume) => {
    const received: Array<readonly [string, string, string]> = []
    const refused = new Set<string>()
    const http = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk) => chunks.push(chunk))
      request.on("end", () => {
        const path = request.url ?? ""
        if (!refused.has(path)) {
          refused.add(path)
          response.writeHead(503, { "retry-after": "0" }).end()
          return
        }
        received.push([path, `${request.headers.authorization}`, Buffer.concat(chunks).toString()])
        response.writeHead(200, { "content-type": "application/json" }).end("{}")
      })
    })
    http.listen(0, "127.0.0.1", () => {
      const { port } = http.address() as AddressInfo
      const close = () => void http.close().closeAllConnections()
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, received, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const look = Agent.tool("look", { parameters: { at: Schema.String } }, ({ at }) =>
  Effect.zipRight(Effect.log("looking", at), Effect.succeed(`saw ${at}`))
)
const fails = Agent.tool("fails", {}, () => Effect.fail("password=hunter2"))
const script = [
  [start("r1", "scripted-2"), text("Let me look."), call("1", "look", { at: "home" }), call("2", "fails")],
  [usage({ input: 20, cacheRead: 8, cacheWrite: 4, output: 7, reasoning: 3 }), text("done")]
]

describe.skipIf(official === undefined)("exports decoded by the official definitions", () => {
  it.scopedLive("a run with all its signals arrives whole", () =>
    Effect.gen(function* () {
      const { received, url } = yield* server
      const otlp = Telemetry.layerOtlp({
        ...{ url, serviceName: "billing", serviceVersion: "1.0", signals: ["traces", "metrics", "logs"] },
        headers: { authorization: Redacted.make("Bearer hunter2") }
      }).pipe(Layer.provide(NodeHttpClient.layer), Layer.provideMerge(Logger.remove(Logger.defaultLogger)))
      yield* Metric.update(Metric.frequency("words of this test"), "hello")
      yield* Metric.set(Metric.gauge("gauge of this test"), 0.5)
      yield* Metric.incrementBy(Metric.counter("big of this test", { bigint: true }), 2n)
      yield* Metric.update(
        Metric.histogram("histogram of this test", MetricBoundaries.linear({ start: 0, width: 1, count: 3 })),
        1.5
      )
      yield* Metric.update(
        Metric.summary({ name: "summary of this test", maxAge: "1 day", maxSize: 9, error: 0, quantiles: [0.5] }),
        3
      )
      const agent = Agent.make("desk", { tools: [look, fails] })
      yield* Agent.run(agent, "go").pipe(Effect.provide(world(script)), Effect.provide(otlp))
      const all = received.map(([path, , body]) => [path, decoded(path, body)] as const)
      assert.isTrue(received.every(([, authorization]) => authorization === "Bearer hunter2"))
      assert.notInclude(JSON.stringify(all), "hunter2")
      const spans = under(all, "spans")
      const parent = (id: unknown) => spans.find(({ spanId }) => spanId === id)?.["name"]
      assert.deepStrictEqual(
        spans.map(({ kind, name, parentSpanId }) => `${parent(parentSpanId)} > ${name}: ${kind}`).toSorted(),
        [
          "invoke_agent desk > chat scripted: 3",
          "invoke_agent desk > chat scripted: 3",
          "invoke_agent desk > execute_tool fails: 1",
          "invoke_agent desk > execute_tool look: 1",
          "undefined > invoke_agent desk: 1"
        ]
      )
      const failed = spans.find(({ name }) => name === "execute_tool fails")
      assert.deepStrictEqual(failed?.["status"], { code: 2, message: "failed" })
      const metrics = under(all, "metrics")
      const metric = (name: string) => metrics.find((it) => it["name"] === name)
      assert.deepStrictEqual(
        ["gen_ai.client.token.usage", "gen_ai.client.operation.duration", "axonal.tool.calls"].map(
          (name) => metric(name)?.["unit"]
        ),
        ["{token}", "s", "{call}"]
      )
      const [point] = under(metric("histogram of this test"), "dataPoints")
      assert.deepStrictEqual(
        [point?.["count"], point?.["bucketCounts"], point?.["explicitBounds"]],
        ["1", ["0", "0", "1"], [0, 1]]
      )
      assert.deepStrictEqual(under(metric("summary of this test"), "quantileValues"), [{ quantile: 0.5, value: 3 }])
      const logs = under(all, "logRecords")
      const toolSpan = spans.find(({ name }) => name === "execute_tool look")
      assert.deepStrictEqual(
        logs.map(({ body, severityText, spanId }) => [body, severityText, spanId]),
        [[{ stringValue: "looking home" }, "INFO", toolSpan?.["spanId"]]]
      )
    })
  )

  const scalar = FastCheck.oneof(
    FastCheck.string({ unit: "grapheme" }),
    FastCheck.boolean(),
    FastCheck.maxSafeInteger(),
    FastCheck.double(),
    FastCheck.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  )
  const values = FastCheck.dictionary(
    FastCheck.string({ unit: "grapheme" }),
    FastCheck.oneof(scalar, FastCheck.array(scalar), FastCheck.object())
  )

  it.prop("any attributes arrive as they were sent", [values], ([values]) => {
    const about = attributes(Object.entries(values))
    const source = { resource: { attributes: about }, scope: { name: "axonal" } }
    decoded("/v1/traces", body(source, []))
  })

  it.effect("a message of another shape is noticed", () =>
    Effect.sync(() => {
      const wrong = JSON.stringify({ resourceSpans: [{ resource: { attributes: [] }, scopeSpan: [] }], extra: 1 })
      assert.isTrue(Exit.isFailure(Effect.runSyncExit(Effect.sync(() => decoded("/v1/traces", wrong)))))
    })
  )
})
