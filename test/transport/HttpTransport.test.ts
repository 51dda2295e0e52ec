import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import { user } from "../../src/domain/Message.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as HttpTransport from "../../src/transport/HttpTransport.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { TransportError } from "../../src/transport/TransportError.ts"
import * as Wire from "../support/wire.ts"

/** Objects with a `word`, and one with the `end`. */
class Decoder extends HttpTransport.AnswerDecoder {
  protected override onJson(value: { readonly [name: string]: unknown }) {
    this.recognised = true
    if (typeof value["word"] === "string") this.write(this.open[0] ?? this.begin("text"), value["word"])
    if (value["error"] !== undefined) this.fail(value)
    if (value["end"] !== true) return
    for (const slot of this.open) this.complete(slot, { type: "text", text: slot.text })
    this.finish("stop", Usage.make({ input: 1000, output: 100, cacheRead: 500 }))
  }
  protected override onEnd() {}
}

const codec: HttpTransport.Codec = {
  encode: ({ messages }) =>
    messages.length === 0 ? Either.left("Say something.") : Either.right(`${messages.length}`),
  decoder: () => new Decoder()
}

interface Answer {
  readonly status?: number
  readonly headers?: { readonly [name: string]: string }
  readonly body: string
}

const asked = (answer: Answer, connection: Partial<HttpTransport.Connection> = {}, messages = [user("hi")]) =>
  Effect.gen(function* () {
    const server = yield* Wire.server((response) => {
      response.writeHead(answer.status ?? 200, answer.headers)
      response.end(answer.body)
    })
    const model = { vendor: "words", id: "w", price: { input: 2, output: 10, cacheRead: 0.2 } }
    const transport = yield* HttpTransport.fromCodec({ model, url: new URL(server.url), codec, ...connection })
    const seen = yield* Effect.scoped(Wire.collect(transport.open(Transport.request({ messages }))))
    return { ...seen, text: Wire.written(seen.deltas, "TextDelta"), requests: server.requests }
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

const words = [{ word: 'a\\b "{[' }, { word: "ü🙂" }, { end: true }]
const framings: { readonly [name: string]: string } = {
  "an event stream": words.map((value) => `data: ${JSON.stringify(value)}\n\n`).join(""),
  lines: words.map((value) => `${JSON.stringify(value)}\n`).join(""),
  "an array": JSON.stringify(words, null, 2),
  "one object": JSON.stringify({ word: words.map(({ word = "" }) => word).join(""), end: true })
}

describe("HttpTransport", () => {
  it.effect.each(Object.entries(framings))("WIRE-1 reads %s", ([, body]) =>
    Effect.map(asked({ body }), ({ deltas, text }) => {
      assert.strictEqual(text, 'a\\b "{[ü🙂')
      assert.deepStrictEqual(Wire.disorder(deltas), [])
    })
  )

  it.prop(
    "WIRE-1 reads the same however the bytes are cut",
    [FastCheck.constantFrom(...Object.values(framings)), FastCheck.array(FastCheck.nat(200))],
    ([body, offsets]) => {
      const bytes = new TextEncoder().encode(body)
      const decoder = new Decoder()
      for (const piece of Wire.cut(
        bytes,
        [...new Set(offsets)].sort((left, right) => left - right)
      )) {
        decoder.push(piece)
      }
      decoder.end()
      assert.strictEqual(Wire.written(decoder.take(), "TextDelta"), 'a\\b "{[ü🙂')
    }
  )

  it.effect("RUN-7 an answer costs what the price of the model says", () =>
    Effect.map(asked({ body: framings["lines"] ?? "" }), ({ deltas }) =>
      // 500 of input, 500 from the cache, 100 of output.
      assert.strictEqual(Wire.usage(deltas)?.costUsd, (500 * 2 + 500 * 0.2 + 100 * 10) / 1_000_000)
    )
  )

  it.effect("a request that cannot be written is not sent", () =>
    Effect.map(asked({ body: "" }, {}, []), ({ error, requests }) => {
      assert.deepStrictEqual(
        [error?.reason._tag, error?.reason.message, error?.replay],
        ["InvalidRequest", "Say something.", "safe"]
      )
      assert.lengthOf(requests, 0)
    })
  )

  it.effect.each(["secret…", "secret\nmore", "a\u0000b"])(
    "a header that HTTP cannot carry is an option that is wrong: %j",
    (value) =>
      Effect.gen(function* () {
        const headers = { "x-secret": Redacted.make(value) }
        const vendor = {
          vendor: "words",
          baseUrl: "http://127.0.0.1:1",
          path: "",
          headers: () => ({}),
          codec: () => codec
        }
        const made = yield* Effect.either(HttpTransport.make({ model: "w", headers }, vendor))
        const said = Either.isLeft(made) ? String(made.left) : ""
        assert.include(said, "Expected the header x-secret to be one line")
        assert.notInclude(said, value)
      }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  describe("WIRE-2 the vendor's name for a failed request", () => {
    it.effect.each(["x-request-id", "request-id", "apim-request-id", "cf-ray"])("is in the header %s", (name) =>
      Effect.map(asked({ status: 500, headers: { [name]: "req_1" }, body: "{}" }), ({ error }) => {
        assert.strictEqual(error?.reason.requestId, "req_1")
        assert.include(error?.message, "request req_1")
      })
    )

    it.effect("is in the body, which knows better", () =>
      Effect.map(
        asked({ status: 429, headers: { "cf-ray": "ray" }, body: '{"error":{"message":"slow"},"request_id":"req_2"}' }),
        ({ error }) => assert.strictEqual(error?.reason.requestId, "req_2")
      )
    )

    it.effect("is told of failures in the stream, and survives encoding", () =>
      Effect.map(
        asked({ headers: { "x-request-id": "req_3" }, body: '{"word":"a"}\n{"error":"broke"}\n' }),
        ({ error }) => {
          assert.deepStrictEqual([error?.reason.requestId, error?.replay], ["req_3", "acknowledged"])
          assert.include(JSON.stringify(error), "req_3")
        }
      )
    )
  })

  describe("authorize", () => {
    it.effect("WIRE-5 is asked before each request, and its secrets are not repeated", () =>
      Effect.gen(function* () {
        let asks = 0
        const authorize = Effect.sync(() => ({ authorization: Redacted.make(`Bearer secret-${++asks}`) }))
        const { error, requests } = yield* asked(
          { status: 403, body: '{"error":{"message":"secret-1 may not"}}' },
          { authorize }
        )
        assert.strictEqual(requests[0]?.headers.authorization, "Bearer secret-1")
        assert.notInclude(JSON.stringify(error), "secret-1")
      })
    )

    it.effect("fails the request when it fails", () =>
      Effect.gen(function* () {
        const reason = { _tag: "Authentication", message: "Log in again." } as const
        const refused = new TransportError({ vendor: "words", model: "w", reason, replay: "safe" })
        const { error, requests } = yield* asked({ body: "" }, { authorize: Effect.fail(refused) })
        assert.deepStrictEqual([error, requests.length], [refused, 0])
      })
    )
  })

  it("a failure is told in sentences, with what to do about it", () => {
    const told = (reason: Omit<TransportError["reason"], "_tag">, _tag: TransportError["reason"]["_tag"]) =>
      new TransportError({ vendor: "v", model: "m", reason: { _tag, ...reason }, replay: "safe" }).message
    assert.deepStrictEqual(
      [
        told({ message: "slow down", status: 429 }, "RateLimited"),
        told({ message: "No money left!", status: 429, permanent: true }, "RateLimited"),
        told({ message: "Not found.", status: 404 }, "InvalidRequest"),
        told({ message: "No such thing.", status: 400 }, "InvalidRequest"),
        told({ message: "Parrots take no tools" }, "InvalidRequest")
      ],
      [
        "v m: RateLimited (429): slow down. Wait, or lower the request rate.",
        "v m: RateLimited (429): No money left! Waiting does not help.",
        "v m: InvalidRequest (404): Not found. Check the model and the base URL.",
        "v m: InvalidRequest (400): No such thing. The vendor refused the request as it is.",
        "v m: InvalidRequest: Parrots take no tools"
      ]
    )
  })

  it.effect("an answer in another language is Malformed, with what it said", () =>
    Effect.map(asked({ body: "<html><title>Proxy login</title></html>" }), ({ error }) => {
      assert.strictEqual(error?.reason._tag, "Malformed")
      assert.include(error?.message, "Proxy login")
    })
  )
})
