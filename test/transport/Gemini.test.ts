import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { user } from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import * as Gemini from "../../src/transport/Gemini.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Wire from "../support/wire.ts"

const secret = "gk-secret-0123456789"
const ask = Transport.request({ messages: [user("hi")] })
const sse = { "content-type": "text/event-stream" }

/** One answer with these parts, as the API sends it. */
const answer = (...parts: ReadonlyArray<object>) =>
  `data: ${JSON.stringify({ candidates: [{ content: { parts, role: "model" }, finishReason: "STOP" }] })}\r\n\r\n`

/** A server that gives one answer after the other. */
const script = (...answers: ReadonlyArray<string>) => {
  const left = [...answers]
  return Wire.server((response) => response.writeHead(200, sse).end(left.shift()))
}

const png = Part.file("image/png", { base64: "iVBORw==" })
const weather = Agent.tool("weather", { parameters: { city: Schema.String } }, ({ city }) =>
  Effect.succeed(`rain in ${city}`)
)
const look = Agent.tool("look", { success: ToolResult.Content }, () => Effect.succeed(ToolResult.content(png)))
const fail = Agent.tool("fail", { failure: Schema.String }, () => Effect.fail("broken"))
const agent = Agent.make("a", { instructions: "be brief", tools: [weather, look, fail], retries: 0 })

/** Runs the agent over a server, and gives what it was asked at each turn. */
const ran = (model: string, ...answers: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const server = yield* script(...answers)
    const result = yield* Agent.run(agent, "go").pipe(
      Effect.provide(Layer.merge(Gemini.layer({ model, baseUrl: server.url }), ContextStore.layerMemory))
    )
    return {
      result,
      bodies: server.requests.map(({ body }) => body),
      turns: server.requests.map(({ body }) => JSON.parse(body))
    }
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

const failed = (options: Partial<Gemini.Options>, env: ReadonlyArray<readonly [string, string]> = []) =>
  Gemini.make({ model: "m", ...options }).pipe(
    Effect.provide(FetchHttpClient.layer),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(env))),
    Effect.flip,
    Effect.map(String)
  )

describe("Gemini", () => {
  describe("with an agent", () => {
    it.effect("TURN-3 calls without ids, the first of them signed, are answered by name and order", () =>
      Effect.gen(function* () {
        const calls = [
          { text: "Let me see.", thoughtSignature: "s1" },
          { functionCall: { name: "weather", args: { city: "Oslo" } }, thoughtSignature: "s2" },
          { functionCall: { name: "weather", args: { city: "Rome" } } },
          { functionCall: { name: "fail" } }
        ]
        const last = { text: "", thoughtSignature: "s3" }
        const { bodies, result, turns } = yield* ran(
          "gemini-3-flash-preview",
          answer(...calls, last),
          answer({ text: "Rain." })
        )
        assert.deepStrictEqual([result.output, result.reason], ["Rain.", "completed"])
        assert.deepStrictEqual(turns[1].contents, [
          { role: "user", parts: [{ text: "go" }] },
          { role: "model", parts: [...calls.slice(0, 3), { functionCall: { name: "fail", args: {} } }, last] },
          {
            role: "user",
            parts: [
              { functionResponse: { name: "weather", response: { output: "rain in Oslo" } } },
              { functionResponse: { name: "weather", response: { output: "rain in Rome" } } },
              { functionResponse: { name: "fail", response: { error: "broken" } } }
            ]
          }
        ])
        // TURN-2: all but the two brackets that close the messages and the body.
        assert.isTrue(bodies[1]?.startsWith(bodies[0]?.slice(0, -2) ?? "?"))
      })
    )

    it.effect("ids go back where the vendor gave them", () =>
      Effect.gen(function* () {
        const call = { functionCall: { id: "x1", name: "weather", args: { city: "Oslo" } }, thoughtSignature: "s" }
        const { turns } = yield* ran("gemini-3-flash-preview", answer(call), answer({ text: "ok" }))
        assert.deepStrictEqual(turns[1].contents.slice(1), [
          { role: "model", parts: [call] },
          {
            role: "user",
            parts: [{ functionResponse: { id: "x1", name: "weather", response: { output: "rain in Oslo" } } }]
          }
        ])
      })
    )

    it.effect("a picture in a result is seen, inside of it or behind it", () =>
      Effect.gen(function* () {
        const answers = [answer({ functionCall: { name: "look" } }), answer({ text: "ok" })]
        const inline = { inlineData: { mimeType: "image/png", data: "iVBORw==" } }
        const response = { name: "look", response: { output: "[image/png]" } }
        const { turns: modern } = yield* ran("gemini-3-flash-preview", ...answers)
        assert.deepStrictEqual(modern[1].contents.slice(2), [
          { role: "user", parts: [{ functionResponse: { ...response, parts: [inline] } }] }
        ])
        const { turns: older } = yield* ran("gemini-2.5-flash", ...answers)
        assert.deepStrictEqual(older[1].contents.slice(2), [
          { role: "user", parts: [{ functionResponse: response }] },
          { role: "user", parts: [{ text: "Files from the result of look:" }, inline] }
        ])
      })
    )

    it.effect("what Google ran goes back as it came", () =>
      Effect.gen(function* () {
        const parts = [
          { executableCode: { language: "PYTHON", code: "1" }, thoughtSignature: "s1" },
          { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1\n" } },
          { inlineData: { mimeType: "image/png", data: "iVBORw==" } },
          { functionCall: { name: "weather", args: { city: "Oslo" } }, thoughtSignature: "s2" }
        ]
        const { turns } = yield* ran("gemini-3-flash-preview", answer(...parts), answer({ text: "ok" }))
        assert.deepStrictEqual(turns[1].contents[1], { role: "model", parts })
      })
    )
  })

  it.effect("asks where the model is, with the key in a header only", () =>
    Effect.gen(function* () {
      const server = yield* script(...Array.from({ length: 4 }, () => answer({ text: "a" })))
      const models = ["gemini-3-flash-preview", " models/m", "tunedModels/t 1", "m?x"]
      for (const model of models) {
        const service = yield* Gemini.make({
          model,
          baseUrl: server.url.replace("/v1", "/v1beta/"),
          apiKey: Redacted.make(secret)
        })
        const { deltas } = yield* Effect.scoped(Wire.collect(service.open(ask)))
        assert.deepStrictEqual(Wire.parts(deltas), [{ type: "text", text: "a" }])
        assert.deepStrictEqual(
          [service.model.vendor, service.model.id],
          ["google", model.trim().replace("models/", "")]
        )
      }
      const end = ":streamGenerateContent?alt=sse"
      assert.deepStrictEqual(
        server.requests.map(({ headers, url }) => [url, headers["x-goog-api-key"]]),
        ["models/gemini-3-flash-preview", "models/m", "tunedModels/t%201", "models/m%3Fx"].map((path) => [
          `/v1beta/${path}${end}`,
          secret
        ])
      )
    }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
  )

  it.effect("gives JSON through a tool where the model has no other way", () =>
    Effect.gen(function* () {
      const server = yield* script(answer({ functionCall: { name: "answer", args: { a: 1 } } }))
      const service = yield* Gemini.make({ model: "gemini-2.5-flash", baseUrl: server.url })
      const request = Transport.request({
        messages: [user("hi")],
        tools: [{ name: "f", inputSchema: { type: "object" } }],
        responseFormat: { type: "json", schema: { type: "object" } }
      })
      const { deltas } = yield* Effect.scoped(Wire.collect(service.open(request)))
      assert.deepStrictEqual(Wire.parts(deltas), [{ type: "text", text: '{"a":1}' }])
      const last = deltas[deltas.length - 1]
      assert.strictEqual(last?._tag === "Finish" ? last.reason : undefined, "stop")
    }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
  )

  describe("errors", () => {
    const refused = (status: number, error: object) =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => response.writeHead(status).end(JSON.stringify({ error })))
        const service = yield* Gemini.make({ model: "m", baseUrl: server.url, apiKey: Redacted.make(secret) })
        const { error: found } = yield* Effect.scoped(Wire.collect(service.open(ask)))
        return found
      }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

    const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }
    const quota = (quotaId: string, quotaValue = "50") => [
      { "@type": "type.googleapis.com/google.rpc.QuotaFailure", violations: [{ quotaId, quotaValue }] },
      { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1.5s" }
    ]
    const spent = { status: "RESOURCE_EXHAUSTED", message: "You exceeded your current quota." }
    const long = "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)."

    it.effect.each([
      [400, { status: "INVALID_ARGUMENT", message: "No.", details: [info] }, "Authentication", false, undefined],
      [403, { status: "PERMISSION_DENIED", message: "No." }, "Authentication", false, undefined],
      [429, { ...spent, details: quota("RequestsPerMinutePerProject") }, "RateLimited", true, 1500],
      [429, { ...spent, details: quota("RequestsPerDayPerProject") }, "RateLimited", false, 1500],
      [429, { ...spent, details: quota("RequestsPerMinutePerProject", "0") }, "RateLimited", false, 1500],
      [400, { status: "INVALID_ARGUMENT", message: long }, "ContextOverflow", false, undefined],
      [
        400,
        { status: "FAILED_PRECONDITION", message: "User location is not supported." },
        "InvalidRequest",
        false,
        undefined
      ],
      [404, { status: "NOT_FOUND", message: "models/m is not found." }, "InvalidRequest", false, undefined],
      [500, { status: "INTERNAL", message: "An internal error has occurred." }, "Overloaded", true, undefined],
      [503, { status: "UNAVAILABLE", message: "The model is overloaded." }, "Overloaded", true, undefined],
      [504, { status: "DEADLINE_EXCEEDED", message: "Deadline expired." }, "Timeout", true, undefined],
      [499, { status: "CANCELLED", message: "The operation was cancelled." }, "Overloaded", true, undefined]
    ] as const)("a %s with %j is %s", ([status, error, tag, isRetryable, wait]) =>
      Effect.gen(function* () {
        const found = yield* refused(status, { code: status, ...error })
        assert.deepStrictEqual(
          [found?.reason._tag, found?.reason.status, found?.reason.type, found?.isRetryable, found?.retryAfterMillis],
          [tag, status, error.status, isRetryable, wait]
        )
      })
    )

    it.effect("WIRE-5 the key is in no error", () =>
      Effect.gen(function* () {
        const error = yield* refused(400, { message: `Key ${secret} is wrong`, status: "INVALID_ARGUMENT" })
        assert.notInclude(JSON.stringify([error, String(error), error?.message]), secret)
        assert.include(error?.message ?? "", "<redacted>")
      })
    )
  })

  describe("configuration", () => {
    it.effect("takes the key from either variable, the vendor's own first", () =>
      Effect.gen(function* () {
        assert.include(yield* failed({}), "GEMINI_API_KEY or GOOGLE_API_KEY")
        assert.include(
          yield* failed({}, [
            ["GEMINI_API_KEY", " "],
            ["GOOGLE_API_KEY", "k"]
          ]),
          "GEMINI_API_KEY"
        )
        assert.include(yield* failed({}, [["GOOGLE_API_KEY", ""]]), "GOOGLE_API_KEY")
        assert.include(yield* failed({ model: " ", baseUrl: "http://localhost" }), "model")
        for (const name of ["GEMINI_API_KEY", "GOOGLE_API_KEY"]) {
          const service = yield* Gemini.make({ model: "gemini-3-flash-preview" }).pipe(
            Effect.provide(FetchHttpClient.layer),
            Effect.withConfigProvider(ConfigProvider.fromMap(new Map([[name, secret]])))
          )
          assert.strictEqual(service.model.id, "gemini-3-flash-preview")
        }
      })
    )

    it.effect("reads each option from configuration", () =>
      Effect.gen(function* () {
        const server = yield* script(answer({ text: "a" }))
        const values = new Map([
          ["KEY", secret],
          ["URL", server.url],
          ["MODEL", "m2"]
        ])
        const layer = Gemini.layerConfig({
          model: Config.string("MODEL"),
          apiKey: Config.redacted("KEY"),
          baseUrl: Config.string("URL")
        }).pipe(
          Layer.provide(FetchHttpClient.layer),
          Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(values)))
        )
        const deltas = yield* Transport.stream(ask).pipe(Stream.runCollect, Effect.provide(layer))
        assert.deepStrictEqual(Wire.parts([...deltas]), [{ type: "text", text: "a" }])
        assert.strictEqual(server.requests[0]?.url, "/v1/models/m2:streamGenerateContent?alt=sse")
      }).pipe(Effect.scoped)
    )
  })
})
