import * as HttpClient from "@effect/platform/HttpClient"
import { RequestError } from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"

/** What a server answers: a status and headers, a dead connection, nothing ever, or a client that dies. */
type Reply =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | "unreachable"
  | "never"
  | "dies"

interface Received {
  readonly at: number
  readonly url: string
  readonly headers: { readonly [name: string]: string }
  readonly body: string
}

const secret = "Bearer hunter2"

/** A server behind a client: it answers as told and then 200, and keeps what came. */
const receiver = (...replies: ReadonlyArray<Reply>) => {
  const received: Array<Received> = []
  const client = HttpClient.make((request, url) =>
    Effect.flatMap(Clock.currentTimeMillis, (at) => {
      const reply = replies[received.length] ?? { status: 200 }
      const { body } = request
      const text = body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : body._tag
      received.push({ at, url: String(url), headers: { ...request.headers }, body: text })
      if (reply === "never") return Effect.never
      if (reply === "dies") return Effect.die(new TypeError(`${secret} is no header`))
      if (reply === "unreachable") {
        return Effect.fail(new RequestError({ request, reason: "Transport", description: `with ${secret}` }))
      }
      return Effect.succeed(HttpClientResponse.fromWeb(request, new Response(reply.body ?? "{}", reply)))
    })
  )
  return { received, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly status: { readonly code?: number; readonly message?: string }
  readonly attributes: ReadonlyArray<unknown>
  readonly events: ReadonlyArray<{ readonly name: string }>
}
const spansOf = ({ body }: Received): ReadonlyArray<Span> =>
  JSON.parse(body).resourceSpans?.[0].scopeSpans[0].spans ?? []
const names = (received: ReadonlyArray<Received>) =>
  received.map((it) =>
    spansOf(it)
      .map(({ name }) => name)
      .join()
  )

/** Runs with an exporter whose scope is closed by hand, and keeps what is logged. */
const exporting = (server: ReturnType<typeof receiver>, options?: Partial<Telemetry.OtlpOptions>) =>
  Effect.gen(function* () {
    const logs: Array<string> = []
    const logger = Logger.make(({ cause, message }) => {
      logs.push(
        [message]
          .flat()
          .map(String)
          .concat(Cause.isEmpty(cause) ? [] : Cause.pretty(cause))
          .join(" ")
      )
    })
    const scope = yield* Scope.make()
    const headers = { authorization: Redacted.make(secret), "x-team": "blue" }
    const layer = Telemetry.layerOtlp({
      ...{ url: "https://otlp.example.com/", serviceName: "test", headers, signals: ["traces"], ...options }
    })
    const logging = Layer.merge(Logger.replace(Logger.defaultLogger, logger), Logger.minimumLogLevel(LogLevel.Debug))
    const runtime = yield* Layer.toRuntime(Layer.provideMerge(Layer.provide(layer, server.layer), logging)).pipe(
      Scope.extend(scope)
    )
    const inside = <A, E>(effect: Effect.Effect<A, E>) => Effect.provide(effect, runtime)
    const span = (...spans: ReadonlyArray<string>) =>
      inside(Effect.forEach(spans, (name) => Effect.withSpan(Effect.void, name), { discard: true }))
    return { logs, inside, span, close: Scope.close(scope, Exit.void), ...server }
  })

describe("Telemetry.layerOtlp", () => {
  it.effect("sends spans in batches, to the address and with the headers given", () =>
    Effect.gen(function* () {
      const { close, received, span } = yield* exporting(receiver(), { maxBatch: 2, url: "https://h/base?team=1" })
      yield* span("a", "b", "c")
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(names(received), ["a,b", "c"])
      yield* span("d")
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(received.length, 2)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(names(received), ["a,b", "c", "d"])
      const { authorization, "content-type": type, "x-team": team } = received[0]?.headers ?? {}
      assert.deepStrictEqual(
        [received[0]?.url, authorization, team, type],
        ["https://h/base/v1/traces?team=1", secret, "blue", "application/json"]
      )
      yield* close
      assert.strictEqual(received.length, 3)
    })
  )

  it.effect.each([
    { maxBatch: 0 },
    { maxBatch: Number.NaN },
    { maxQueue: -1 },
    { exportInterval: 0 },
    { timeout: "-1 seconds" }
  ] as const)("refuses what would export without end, %j", (options) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(exporting(receiver(), options))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      assert.include(String(Exit.isFailure(exit) ? Cause.squash(exit.cause) : ""), Object.keys(options)[0] ?? "")
    })
  )

  it.effect("tells who sends, and of parents, failures and interruptions", () =>
    Effect.gen(function* () {
      const { close, inside, received } = yield* exporting(receiver(), {
        serviceVersion: "1.2",
        attributes: { region: "eu", replicas: 3 }
      })
      const failing = Effect.ignore(Effect.withSpan(Effect.fail(new Error("no luck")), "fails"))
      yield* inside(Effect.withSpan(failing, "outer", { attributes: { list: ["x", 1, 0.5, true], gone: undefined } }))
      yield* inside(Effect.exit(Effect.withSpan(Effect.interrupt, "stopped", { captureStackTrace: false })))
      yield* close
      const { resource, scopeSpans } = JSON.parse(received[0]?.body ?? "{}").resourceSpans[0]
      assert.deepStrictEqual(resource.attributes, [
        { key: "service.name", value: { stringValue: "test" } },
        { key: "service.version", value: { stringValue: "1.2" } },
        { key: "region", value: { stringValue: "eu" } },
        { key: "replicas", value: { intValue: "3" } }
      ])
      assert.deepStrictEqual(scopeSpans[0].scope, { name: "axonal" })
      const [inner, outer, stopped] = scopeSpans[0].spans as ReadonlyArray<Span>
      assert.deepStrictEqual([inner?.traceId, inner?.parentSpanId], [outer?.traceId, outer?.spanId])
      assert.match(`${outer?.traceId} ${outer?.spanId}`, /^[0-9a-f]{32} [0-9a-f]{16}$/)
      assert.deepStrictEqual([inner?.status, inner?.events[0]?.name], [{ code: 2, message: "no luck" }, "exception"])
      assert.deepStrictEqual([outer?.status, outer?.events], [{}, []])
      const values = [{ stringValue: "x" }, { intValue: "1" }, { doubleValue: 0.5 }, { boolValue: true }]
      assert.deepStrictEqual(outer?.attributes, [{ key: "list", value: { arrayValue: { values } } }])
      assert.deepStrictEqual(stopped?.status, {})
      assert.deepStrictEqual(stopped?.attributes, [{ key: "axonal.interrupted", value: { boolValue: true } }])
    })
  )

  it.effect("does not send what its parent does not sample", () =>
    Effect.gen(function* () {
      const { close, inside, received } = yield* exporting(receiver())
      const parent = Tracer.externalSpan({ spanId: "1".repeat(16), traceId: "2".repeat(32), sampled: false })
      yield* inside(Effect.withSpan(Effect.withSpan(Effect.void, "inner"), "outer", { parent }))
      yield* close
      assert.deepStrictEqual(received, [])
    })
  )

  it.effect.each([
    ["seconds", "7", 7_000],
    ["a date", new Date(9_000).toUTCString(), 4_000]
  ] as const)("WIRE-4 waits as long as Retry-After says in %s", ([, value, millis]) =>
    Effect.gen(function* () {
      const server = receiver({ status: 429, headers: { "retry-after": value } })
      const { close, received, span } = yield* exporting(server)
      yield* span("a")
      yield* TestClock.adjust("1 minute")
      const [first, second] = received
      assert.deepStrictEqual(names(received), ["a", "a"])
      assert.closeTo((second?.at ?? 0) - (first?.at ?? 0), millis, 1)
      yield* close
    })
  )

  it.effect.each([{ status: 503 }, { status: 429 }, { status: 502 }, { status: 504 }, "unreachable", "never"] as const)(
    "sends again what met %j, with what came meanwhile behind it",
    (reply) =>
      Effect.gen(function* () {
        const { close, logs, received, span } = yield* exporting(receiver(reply, reply, reply))
        yield* span("a")
        yield* TestClock.adjust("6 seconds")
        yield* span("b")
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(names(received), ["a", "a", "a", "a", "b"])
        yield* close
        assert.deepStrictEqual(
          logs.filter((line) => line.includes("lost")),
          []
        )
      })
  )

  it.effect.each([{ status: 400 }, { status: 401 }, { status: 500 }, "dies"] as const)(
    "gives up what met %j, tells how much, and goes on",
    (reply) =>
      Effect.gen(function* () {
        const { close, logs, received, span } = yield* exporting(receiver(reply))
        yield* span("a", "b")
        yield* TestClock.adjust("6 seconds")
        yield* span("c")
        yield* close
        assert.deepStrictEqual(names(received), ["a,b", "c"])
        const why = reply === "dies" ? "the HTTP client died" : `the server answered ${reply.status}`
        assert.deepStrictEqual(logs, [`Telemetry: 2 spans were lost: ${why}`])
      })
  )

  it.effect("tells what a server that took a request rejected of it", () =>
    Effect.gen(function* () {
      const body = '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}'
      const { close, logs, received, span } = yield* exporting(receiver({ status: 200, body }))
      yield* span("a", "b", "c")
      yield* close
      assert.deepStrictEqual([received.length, logs], [1, ["Telemetry: 2 spans were lost: the server rejected them"]])
    })
  )

  it.effect("holds no more than its queue while the server is away, and tells what it dropped", () =>
    Effect.gen(function* () {
      const server = receiver("unreachable", "unreachable")
      const { close, logs, received, span } = yield* exporting(server, { maxBatch: 2, maxQueue: 3 })
      yield* span("a", "b")
      yield* TestClock.adjust("1 millis")
      yield* span("c", "d", "e", "f", "g")
      yield* TestClock.adjust("2 minutes")
      yield* close
      assert.deepStrictEqual(names(received), ["a,b", "a,b", "a,b", "c,d", "e"])
      assert.include(logs, "Telemetry: 2 spans were lost: the queue was full")
    })
  )

  it.effect("delivers all there is when its scope closes, also what is on its way", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const answer = yield* Deferred.make<void>()
      const received: Array<string> = []
      const client = HttpClient.make((request) =>
        Effect.gen(function* () {
          const { body } = request
          const text = body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : ""
          yield* Deferred.succeed(arrived, undefined)
          yield* Deferred.await(answer)
          received.push(text)
          return HttpClientResponse.fromWeb(request, new Response("{}"))
        })
      )
      const server = { received: [], layer: Layer.succeed(HttpClient.HttpClient, client) }
      const { close, logs, span } = yield* exporting(server, { maxBatch: 1 })
      yield* span("a", "b")
      yield* Deferred.await(arrived)
      yield* span("c")
      const closing = yield* Effect.fork(close)
      yield* Effect.yieldNow()
      yield* Deferred.succeed(answer, undefined)
      yield* Fiber.join(closing)
      const all = received.flatMap((body) => names([{ at: 0, url: "", headers: {}, body }]))
      assert.deepStrictEqual([all, logs], [["a", "b", "c"], []])
    })
  )

  it.effect("tries once more when its scope closes while it waits to send again", () =>
    Effect.gen(function* () {
      const { close, logs, received, span } = yield* exporting(receiver("unreachable"))
      yield* span("a")
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(names(received), ["a"])
      yield* close
      assert.deepStrictEqual(names(received), ["a", "a"])
      assert.deepStrictEqual(
        logs.filter((line) => line.includes("lost")),
        []
      )
    })
  )

  it.effect("closes within its deadline whatever the server does, and tells what is lost", () =>
    Effect.gen(function* () {
      const server = receiver(...Array.from({ length: 9 }, () => "never" as const))
      const { close, logs, span } = yield* exporting(server, { shutdownTimeout: "3 seconds", maxBatch: 2 })
      yield* span("a", "b", "c")
      const closing = yield* Effect.fork(close)
      yield* TestClock.adjust("2999 millis")
      assert.isNull(closing.unsafePoll())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(logs, ["Telemetry: 3 spans were lost: time was up"])
    })
  )

  it.effect("WIRE-5 prints no secret, whatever happens", () =>
    Effect.gen(function* () {
      const replies = ["unreachable", { status: 401, body: secret }, "dies", { status: 429, body: secret }] as const
      const { close, inside, logs, received, span } = yield* exporting(receiver(...replies), {
        url: `https://user:hunter2@h?key=hunter2`,
        signals: ["traces", "logs", "metrics"]
      })
      yield* inside(Effect.logError("telling"))
      yield* span("a")
      yield* TestClock.adjust("2 minutes")
      yield* close
      assert.isAbove(logs.length, 2)
      assert.notInclude([...logs, ...received.map(({ body }) => body)].join("\n"), "hunter2")
    })
  )

  it.effect("does not export what it says of itself", () =>
    Effect.gen(function* () {
      const { close, inside, logs, received } = yield* exporting(receiver({ status: 400 }), { signals: ["logs"] })
      yield* inside(Effect.logInfo("hello"))
      yield* TestClock.adjust("1 minute")
      yield* close
      assert.deepStrictEqual(
        [received.length, logs],
        [1, ["hello", "Telemetry: 1 log records were lost: the server answered 400"]]
      )
    })
  )

  it.effect("sends the metrics as they are each time, and at the end", () =>
    Effect.gen(function* () {
      const { close, received } = yield* exporting(receiver(), { signals: ["metrics"], exportInterval: "1 minute" })
      Telemetry.countCall("a tool of this test", "ok", 10)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(
        received.map(({ at, url }) => [at, url]),
        [
          [60_000, "https://otlp.example.com/v1/metrics"],
          [120_000, "https://otlp.example.com/v1/metrics"]
        ]
      )
      yield* close
      assert.strictEqual(received.length, 3)
      assert.isTrue(received.every(({ body }) => body.includes("a tool of this test")))
    })
  )

  it.effect.each([
    ["traces", true],
    ["metrics", false],
    ["logs", false]
  ] as const)("with %s alone, that runs make spans is %s", ([signal, isTraced]) =>
    Effect.gen(function* () {
      const { close, inside } = yield* exporting(receiver(), { signals: [signal] })
      assert.strictEqual(yield* inside(Telemetry.isTraced), isTraced)
      yield* close
    })
  )
})
