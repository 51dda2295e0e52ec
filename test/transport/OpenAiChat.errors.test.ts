import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { user } from "../../src/domain/Message.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Wire from "../support/wire.ts"

const secret = "sk-secret-0123456789"
const sse = { "content-type": "text/event-stream" }

/** What one request gives against a server that answers like this. */
const answered = (answer: Parameters<typeof Wire.server>[0]) =>
  Effect.gen(function* () {
    const server = yield* Wire.server(answer)
    const options = { model: "m1", baseUrl: server.url, apiKey: Redacted.make(secret) }
    const service = yield* Effect.orDie(OpenAiChat.make(options))
    return yield* Wire.collect(service.open(Transport.request({ messages: [user("hi")] })))
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

const refused = (status: number, body: string, headers: { readonly [name: string]: string } = {}) =>
  Effect.map(
    answered((response) => response.writeHead(status, headers).end(body)),
    ({ error }) => {
      assert(error !== undefined)
      return error
    }
  )

describe("OpenAiChat", () => {
  describe("errors", () => {
    it.effect("WIRE-5 a wrong key is an authentication error that does not repeat it", () =>
      Effect.gen(function* () {
        const error = yield* refused(401, JSON.stringify({ error: { message: `Incorrect API key: ${secret}.` } }))
        assert.deepStrictEqual(
          [error.reason._tag, error.reason.status, error.isRetryable],
          ["Authentication", 401, false]
        )
        assert.notInclude(`${error} ${error.message} ${JSON.stringify(error)}`, secret)
      })
    )

    it.effect.each<[string, { readonly [name: string]: string }, number | undefined]>([
      ["seconds", { "retry-after": "3" }, 3000],
      ["milliseconds", { "retry-after-ms": "250" }, 250],
      ["the longer of both", { "retry-after": "1", "retry-after-ms": "0" }, 1000],
      ["a date", { "retry-after": new Date(90_000).toUTCString() }, 90_000],
      ["nothing", {}, undefined]
    ])("WIRE-4 retry-after is read: %s", ([, headers, millis]) =>
      Effect.gen(function* () {
        const error = yield* refused(429, `{"error":{"message":"Slow down."}}`, headers)
        assert.deepStrictEqual(
          [error.reason._tag, error.retryAfterMillis, error.isRetryable, error.replay],
          ["RateLimited", millis, true, "safe"]
        )
      })
    )

    it.effect.each<[number, string, string, boolean]>([
      [
        429,
        `{"error":{"message":"You exceeded your current quota.","code":"insufficient_quota"}}`,
        "RateLimited",
        false
      ],
      [402, `{"error":{"message":"Insufficient Balance"}}`, "RateLimited", false],
      [429, `{"error":{"message":"Too many tokens: maximum context length per minute"}}`, "RateLimited", true],
      [400, `{"error":{"message":"This model's maximum context length is 8192 tokens."}}`, "ContextOverflow", false],
      [400, `{"error":{"code":"context_length_exceeded","message":"x"}}`, "ContextOverflow", false],
      [400, `{"error":{"message":"the request exceeds the available context size"}}`, "ContextOverflow", false],
      [400, `{"message":"Prompt is too long"}`, "ContextOverflow", false],
      [400, `{"error":{"message":"filtered","code":"content_filter"}}`, "Filtered", false],
      [400, `{"code":"invalid-argument","error":"Incorrect API key provided."}`, "Authentication", false],
      [400, `[{"error":{"code":400,"message":"API key not valid. Please pass one."}}]`, "Authentication", false],
      [400, `{"error":{"message":"Unknown parameter."}}`, "InvalidRequest", false],
      [422, `{"detail":[{"loc":["body"],"msg":"Extra inputs"}]}`, "InvalidRequest", false],
      [404, "<html><title>404 Not Found</title></html>", "Malformed", false],
      [502, "<html><head><title>502 Bad Gateway</title></head></html>", "Overloaded", true],
      [503, "", "Overloaded", true],
      [529, `{"error":{"type":"overloaded_error","message":"Overloaded"}}`, "Overloaded", true],
      [504, "upstream timed out", "Timeout", true],
      [307, "", "Malformed", false]
    ])("a %s with %s is %s", ([status, body, tag, retryable]) =>
      Effect.gen(function* () {
        const error = yield* refused(status, body, { "content-type": "application/octet-stream" })
        assert.deepStrictEqual(
          [error.reason._tag, error.reason.status, error.isRetryable],
          [tag as typeof error.reason._tag, status, retryable]
        )
      })
    )

    it.effect("a web page instead of an answer is malformed", () =>
      Effect.gen(function* () {
        const page = "<!doctype html><html><head><title>Welcome</title></head><body>hi</body></html>"
        const { error } = yield* answered((response) =>
          response.writeHead(200, { "content-type": "text/html" }).end(page)
        )
        assert.deepStrictEqual([error?.reason._tag, error?.replay], ["Malformed", "unknown"])
        assert.include(error?.reason.message ?? "", "Welcome")
      })
    )

    it.effect.each(["", "nonsense", "data: nonsense\n\n", '{"hello":1}', "data: [DONE]\n\n", "null"])(
      "%j instead of an answer is malformed",
      (body) =>
        Effect.map(
          answered((response) => response.writeHead(200, sse).end(body)),
          ({ deltas, error }) => {
            assert.deepStrictEqual(deltas, [])
            assert.strictEqual(error?.reason._tag, "Malformed")
          }
        )
    )
  })
})
