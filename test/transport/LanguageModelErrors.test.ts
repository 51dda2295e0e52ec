/** `layerTransport`, proven with the OpenAI provider of `@effect/ai`: how requests fail and end. */
import { assert, describe, it } from "@effect/vitest"
import * as Transport from "axonal/transport/Transport"
import { Effect, Option, Stream } from "effect"
import * as Messages from "../../src/domain/Message.ts"
import {
  added,
  ask,
  created,
  failed,
  hello,
  key,
  message,
  serve,
  sse,
  textDelta,
  thinkAndCall
} from "./LanguageModelServer.ts"

describe("LanguageModel.layerTransport", () => {
  it.scoped("WIRE-2 a refused request fails when it is opened", () =>
    Effect.gen(function* () {
      const headers = { "content-type": "application/json" }
      const error = {
        message: `Incorrect API key provided: ${key}.`,
        type: "invalid_request_error",
        code: "invalid_api_key"
      }
      const vendor = yield* serve({ status: 401, headers, body: JSON.stringify({ error }) })
      const opened = Effect.flatMap(Transport.Transport, (transport) =>
        transport.open(Transport.request({ messages: [Messages.user("hi")] }))
      )
      const refused = yield* Effect.flip(Effect.provide(opened, vendor.layer))
      const { code, type } = error
      assert.deepStrictEqual(failed(refused), { _tag: "Authentication", status: 401, type, code, replay: "safe" })
      assert.notInclude(refused.message + JSON.stringify(refused), key, "WIRE-5")
    })
  )

  it.scoped("WIRE-4 a rate limit says how long to wait", () =>
    Effect.gen(function* () {
      const limited = { message: "Slow down", type: "requests", code: "rate_limit_exceeded" }
      const spent = { message: "No credit", type: "insufficient_quota", code: "insufficient_quota" }
      const headers = { "content-type": "application/json", "retry-after": "7" }
      const vendor = yield* serve(
        { status: 429, headers, body: JSON.stringify({ error: limited }) },
        { status: 429, headers: { "content-type": "application/json" }, body: JSON.stringify({ error: spent }) }
      )
      const { message: _, ...first } = limited
      const expected = { _tag: "RateLimited", status: 429, ...first, retryAfterMillis: 7000, replay: "safe" }
      assert.deepStrictEqual(failed(yield* Effect.flip(ask(vendor))), expected)
      assert.strictEqual((yield* Effect.flip(ask(vendor))).isRetryable, false)
    })
  )

  it.scoped("WIRE-3 a cut answer fails after the deltas that came", () =>
    Effect.gen(function* () {
      const half = sse([created, added(0, message), textDelta("Hel")])
      const vendor = yield* serve({ body: half }, { body: half, end: "tear" }, { body: "" })
      const seen: Array<string> = []
      const watched = Transport.stream(Transport.request({ messages: [Messages.user("hi")] })).pipe(
        Stream.runForEach((delta) => Effect.sync(() => seen.push(delta._tag))),
        Effect.flip,
        Effect.provide(vendor.layer)
      )
      const acknowledged = { _tag: "Network", replay: "acknowledged" }
      assert.deepStrictEqual(failed(yield* watched), acknowledged)
      assert.deepStrictEqual(failed(yield* watched), acknowledged)
      assert.deepStrictEqual(failed(yield* watched), { _tag: "Network", replay: "unknown" })
      const once = ["ResponseStart", "PartStart", "TextDelta"]
      assert.deepStrictEqual(seen, [...once, ...once])
    })
  )

  it.scoped("WIRE-2 an error inside the stream keeps the vendor's words", () =>
    Effect.gen(function* () {
      const error = { type: "error", code: "server_error", message: "It broke", param: null }
      const vendor = yield* serve({ body: sse([created, error]) })
      const broken = yield* Effect.flip(ask(vendor))
      assert.deepStrictEqual(failed(broken), { _tag: "Overloaded", code: "server_error", replay: "acknowledged" })
      assert.include(broken.message, "It broke")
    })
  )

  it.scoped("a server that is not there is safe to ask again", () =>
    Effect.gen(function* () {
      const closed = yield* Effect.scoped(serve({ body: "" }))
      assert.deepStrictEqual(failed(yield* Effect.flip(ask(closed))), { _tag: "Network", replay: "safe" })
    })
  )

  it.scoped("RUN-3 closing the scope closes the connection", () =>
    Effect.gen(function* () {
      const vendor = yield* serve({ body: sse([created, added(0, message), textDelta("Hel")]), end: "hang" })
      const first = yield* Transport.stream(Transport.request({ messages: [Messages.user("hi")] })).pipe(
        Stream.filter((delta) => delta._tag === "TextDelta"),
        Stream.runHead,
        Effect.provide(vendor.layer)
      )
      assert.deepStrictEqual(Option.getOrNull(first), { _tag: "TextDelta", index: 0, delta: "Hel" })
      yield* Effect.promise(() => vendor.closed)
    })
  )

  it.scoped("what the provider has no word for is refused unsent", () =>
    Effect.gen(function* () {
      const vendor = yield* serve()
      const image = { type: "file", mediaType: "image/png", data: { base64: "%" } } as const
      const requests: ReadonlyArray<Partial<Transport.Request>> = [
        { settings: { temperature: 0 } },
        { responseFormat: { type: "json" } },
        { toolChoice: "required" },
        { toolChoice: { tool: "weather" } },
        { messages: [Messages.user([image])] },
        { messages: [Messages.system([image])] }
      ]
      for (const request of requests) {
        assert.deepStrictEqual(failed(yield* Effect.flip(ask(vendor, request))), {
          _tag: "InvalidRequest",
          replay: "safe"
        })
      }
      assert.deepStrictEqual(vendor.bodies, [])
    })
  )

  it.scoped("a call of an unknown tool is malformed", () =>
    Effect.gen(function* () {
      const vendor = yield* serve({ body: thinkAndCall })
      const error = yield* Effect.flip(ask(vendor))
      assert.deepStrictEqual(failed(error), { _tag: "Malformed", replay: "acknowledged" })
    })
  )

  it.scoped("a context overflow is told apart from other refusals", () =>
    Effect.gen(function* () {
      const headers = { "content-type": "application/json" }
      const error = { message: "Too long", type: "invalid_request_error", code: "context_length_exceeded" }
      const vendor = yield* serve(
        { status: 400, headers, body: JSON.stringify({ error }) },
        { status: 400, headers, body: JSON.stringify({ error: { ...error, code: null } }) },
        { status: 503, headers: { "content-type": "text/plain" }, body: "no healthy upstream" }
      )
      const reasons = yield* Effect.replicateEffect(Effect.map(Effect.flip(ask(vendor)), failed), 3)
      const { code, type } = error
      assert.deepStrictEqual(reasons, [
        { _tag: "ContextOverflow", status: 400, type, code, replay: "safe" },
        { _tag: "InvalidRequest", status: 400, type, replay: "safe" },
        { _tag: "Overloaded", status: 503, replay: "safe" }
      ])
    })
  )

  it.scoped("a pull after the end says so again", () =>
    Effect.gen(function* () {
      const vendor = yield* serve({ body: hello })
      const transport = yield* Effect.provide(Transport.Transport, vendor.layer)
      const pull = yield* transport.open(Transport.request({ messages: [Messages.user("hi")] }))
      while (Option.isSome(yield* Effect.option(pull)));
      assert.isTrue(Option.isNone(yield* Effect.flip(pull)))
    })
  )
})
