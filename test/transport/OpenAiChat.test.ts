import { createServer } from "node:net"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { user } from "../../src/domain/Message.ts"
import * as Body from "../../src/transport/internal/body.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Wire from "../support/wire.ts"

const clients = {
  fetch: FetchHttpClient.layer,
  node: NodeHttpClient.layer,
  "node, keep-alive": Layer.provide(
    NodeHttpClient.layerWithoutAgent,
    NodeHttpClient.makeAgentLayer({ keepAlive: true })
  ),
  undici: NodeHttpClient.layerUndici
} as const

const secret = "sk-secret-0123456789"
const ask = Transport.request({ messages: [user("hi")] })
const word = (text: string) => ({ id: "r1", model: "m1", choices: [{ index: 0, delta: { content: text } }] })
const stop = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }
const sse = { "content-type": "text/event-stream" }

type Where = Omit<OpenAiChat.Options, "model"> & { readonly baseUrl: string }

const transport = (options: Where) =>
  Effect.orDie(OpenAiChat.make({ model: "m1", apiKey: Redacted.make(secret), ...options }))

const open = (options: Where) => Effect.flatMap(transport(options), (service) => service.open(ask))

describe("OpenAiChat", () => {
  describe.each(Object.entries(clients))("over %s", (name, client) => {
    it.effect("streams an answer and asks again on the same transport", () =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => {
          response.writeHead(200, sse)
          Wire.write(response, [Wire.events(word("a"), word("b"), stop)])
        })
        let connections = 0
        server.server.on("connection", () => connections++)
        const service = yield* transport({ baseUrl: server.url })
        for (let turn = 0; turn < 4; turn++) {
          const seen = yield* Effect.scoped(Wire.collect(service.open(ask)))
          assert.deepStrictEqual(Wire.parts(seen.deltas), [{ type: "text", text: "ab" }])
          assert.strictEqual(seen.error, undefined)
        }
        assert.deepStrictEqual(
          server.requests.map(({ headers, url }) => [url, headers.authorization, headers["content-type"]]),
          Array.from({ length: 4 }, () => ["/v1/chat/completions", `Bearer ${secret}`, "application/json"])
        )
        // The agent that the Node client brings by itself keeps none. Undici opens a second when asked again at once.
        assert.include(name === "node" ? [4] : [1, 2], connections)
      }).pipe(Effect.scoped, Effect.provide(client))
    )

    it.effect("reads what the client has behind its response", () =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => response.end("hi"))
        const response = yield* Effect.flatMap(HttpClient.HttpClient, (http) =>
          HttpClient.withScope(http).get(server.url)
        )
        const body = yield* Body.open(response, Date.now)
        assert.strictEqual(body.kind, name === "fetch" ? "web" : "node")
        const pieces = yield* body.read
        assert.deepStrictEqual(
          pieces?.map((piece) => new TextDecoder().decode(piece)),
          ["hi"]
        )
        assert.deepStrictEqual([yield* body.read, yield* body.read, body.hasEnded()], [undefined, undefined, true])
      }).pipe(Effect.scoped, Effect.provide(client))
    )

    it.effect("an answer is over at its end marker although the server lingers", () =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => {
          response.writeHead(200, sse)
          response.write(Wire.events(word("a"), stop))
        })
        const seen = yield* Effect.scoped(Wire.collect(open({ baseUrl: server.url })))
        assert.deepStrictEqual(Wire.parts(seen.deltas), [{ type: "text", text: "a" }])
        yield* Effect.promise(async () => server.requests[0]?.disconnected)
      }).pipe(Effect.scoped, Effect.provide(client))
    )

    it.effect("RUN-3 closing the scope hangs up in the middle of an answer", () =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => {
          response.writeHead(200, sse)
          response.write(`data: ${JSON.stringify(word("a"))}\n\n`)
        })
        const scope = yield* Scope.make()
        const pull = yield* Scope.extend(open({ baseUrl: server.url }), scope)
        const first = yield* pull
        assert.strictEqual(Wire.written(first, "TextDelta"), "a")
        const waiting = yield* Effect.fork(pull)
        yield* Effect.yieldNow()
        yield* Scope.close(scope, Exit.void)
        yield* Effect.promise(async () => server.requests[0]?.disconnected)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(waiting)))
      }).pipe(Effect.scoped, Effect.provide(client))
    )

    it.effect("RUN-3 interruption hangs up before the answer began", () =>
      Effect.gen(function* () {
        const arrived: Array<() => void> = []
        const request = new Promise<void>((resolve) => arrived.push(resolve))
        const server = yield* Wire.server(() => arrived.forEach((tell) => tell()))
        const fiber = yield* Effect.fork(Effect.scoped(open({ baseUrl: server.url })))
        yield* Effect.promise(() => request)
        yield* Fiber.interrupt(fiber)
        yield* Effect.promise(async () => server.requests[0]?.disconnected)
      }).pipe(Effect.scoped, Effect.provide(client))
    )

    it.effect("a connection lost in an answer is acknowledged, and its calls are not handed over", () =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => {
          const call = { index: 0, id: "c", function: { name: "f", arguments: "{}" } }
          response.writeHead(200, sse)
          response.write(
            `data: ${JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: [call] } }] })}\n\n`,
            () => setTimeout(() => response.destroy(), 20)
          )
        })
        const { deltas, error } = yield* Wire.collect(open({ baseUrl: server.url }))
        assert.deepStrictEqual([error?.reason._tag, error?.replay], ["Network", "acknowledged"])
        assert.deepStrictEqual(Wire.parts(deltas), [])
      }).pipe(Effect.scoped, Effect.provide(client))
    )

    it.effect("a connection lost before the answer may have been taken", () =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => response.destroy())
        const { error } = yield* Wire.collect(open({ baseUrl: server.url }))
        assert.deepStrictEqual([error?.reason._tag, error?.replay, error?.isRetryable], ["Network", "unknown", true])
      }).pipe(Effect.scoped, Effect.provide(client))
    )

    it.effect("a refused connection names the address and is safe to repeat", () =>
      Effect.gen(function* () {
        const port = yield* freePort
        const { error } = yield* Wire.collect(open({ baseUrl: `http://127.0.0.1:${port}/v1` }))
        assert.deepStrictEqual([error?.reason._tag, error?.replay], ["Network", "safe"])
        assert.include(error?.message ?? "", `127.0.0.1:${port}`)
        assert.strictEqual(error?.reason.code, "ECONNREFUSED")
      }).pipe(Effect.scoped, Effect.provide(client))
    )
  })

  describe("idleTimeout", () => {
    it.effect("a server that falls silent is a timeout", () =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => {
          response.writeHead(200, sse)
          response.write(`data: ${JSON.stringify(word("a"))}\n\n`)
        })
        const pull = yield* open({ baseUrl: server.url, idleTimeout: "1 minute" })
        yield* pull
        const waiting = yield* Effect.fork(Effect.flip(pull))
        yield* TestClock.adjust("61 seconds")
        yield* TestClock.adjust("61 seconds")
        const failure = yield* Effect.flatten(Fiber.join(waiting))
        assert.deepStrictEqual([failure.reason._tag, failure.replay], ["Timeout", "acknowledged"])
        yield* Effect.promise(async () => server.requests[0]?.disconnected)
      }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
    )

    it.live("the real clock is watched with a timer", () =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => {
          response.writeHead(200, sse)
          const beat = setInterval(() => response.write(`data: ${JSON.stringify(word("a"))}\n\n`), 100)
          setTimeout(() => clearInterval(beat), 1200)
        })
        const { deltas, error } = yield* Wire.collect(open({ baseUrl: server.url, idleTimeout: "800 millis" }))
        assert.isAbove(Wire.written(deltas, "TextDelta").length, 4)
        assert.deepStrictEqual([error?.reason._tag, error?.replay], ["Timeout", "acknowledged"])
      }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layerUndici))
    )

    it.effect("a server that never answers is a timeout", () =>
      Effect.gen(function* () {
        const arrived: Array<() => void> = []
        const request = new Promise<void>((resolve) => arrived.push(resolve))
        const server = yield* Wire.server(() => arrived.forEach((tell) => tell()))
        const opening = yield* Effect.fork(Effect.flip(open({ baseUrl: server.url, idleTimeout: "1 minute" })))
        yield* Effect.promise(() => request)
        yield* TestClock.adjust("61 seconds")
        const error = yield* Fiber.join(opening)
        assert.deepStrictEqual([error.reason._tag, error.replay], ["Timeout", "unknown"])
      }).pipe(Effect.scoped, Effect.provide(NodeHttpClient.layer))
    )
  })

  describe("configuration", () => {
    const failed = (options: OpenAiChat.Options, env: ReadonlyArray<readonly [string, string]> = []) =>
      OpenAiChat.make(options).pipe(
        Effect.provide(FetchHttpClient.layer),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(env))),
        Effect.flip,
        Effect.map(String)
      )

    it.effect("names what is missing, blank or wrong", () =>
      Effect.gen(function* () {
        assert.include(yield* failed({ model: "m" }), "OPENAI_API_KEY")
        assert.include(yield* failed({ model: "m" }, [["OPENAI_API_KEY", " "]]), "OPENAI_API_KEY")
        assert.include(yield* failed({ model: " ", baseUrl: "http://localhost" }), "model")
        assert.include(yield* failed({ model: "m", apiKey: Redacted.make("") }), "apiKey")
        const cut = yield* failed({ model: "m" }, [["OPENAI_API_KEY", "sk-1…9"]])
        assert.include(cut, "Expected OPENAI_API_KEY to be one line of printable ASCII")
        assert.notInclude(cut, "sk-1")
        assert.include(yield* failed({ model: "m", baseUrl: "localhost:1" }), "baseUrl")
      })
    )

    it.effect("reads each option from configuration", () =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => response.writeHead(200, sse).end(Wire.events(word("a"), stop)))
        const provider = ConfigProvider.fromMap(
          new Map([
            ["KEY", secret],
            ["URL", `${server.url}/?v=1`],
            ["MODEL", "m2"]
          ])
        )
        const layer = OpenAiChat.layerConfig({
          model: Config.string("MODEL"),
          apiKey: Config.redacted("KEY"),
          baseUrl: Config.string("URL")
        }).pipe(Layer.provide(FetchHttpClient.layer), Layer.provide(Layer.setConfigProvider(provider)))
        const deltas = yield* Transport.stream(ask).pipe(Stream.runCollect, Effect.provide(layer))
        assert.deepStrictEqual(Wire.parts([...deltas]), [{ type: "text", text: "a" }])
        assert.strictEqual(server.requests[0]?.url, "/v1/chat/completions?v=1")
        assert.include(server.requests[0]?.body ?? "", `"model":"m2"`)
      }).pipe(Effect.scoped)
    )

    it.effect("no key of OpenAI's goes to another server", () =>
      Effect.gen(function* () {
        const server = yield* Wire.server((response) => response.writeHead(200, sse).end(Wire.events(word("a"), stop)))
        const service = yield* OpenAiChat.make({
          model: "m",
          baseUrl: server.url,
          headers: { "api-key": Redacted.make("k") }
        })
        yield* Wire.collect(service.open(ask))
        const headers = server.requests[0]?.headers
        assert.deepStrictEqual([headers?.authorization, headers?.["api-key"]], [undefined, "k"])
      }).pipe(
        Effect.scoped,
        Effect.provide(FetchHttpClient.layer),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["OPENAI_API_KEY", secret]])))
      )
    )
  })

  it.effect("a response that is not of a known client is read through its stream", () =>
    Effect.gen(function* () {
      const client = HttpClient.make((request) =>
        Effect.sync(() => {
          const response = HttpClientResponse.fromWeb(request, new Response(Wire.events(word("a"), stop)))
          return facade(response)
        })
      )
      const seen = yield* Wire.collect(open({ baseUrl: "http://localhost/v1" })).pipe(
        Effect.scoped,
        Effect.provide(Layer.succeed(HttpClient.HttpClient, client))
      )
      assert.deepStrictEqual(Wire.parts(seen.deltas), [{ type: "text", text: "a" }])
    })
  )
})

/** A response with everything but the stream behind it. */
const facade = (response: HttpClientResponse.HttpClientResponse): HttpClientResponse.HttpClientResponse =>
  new Proxy(response, {
    get: (target, name) => (name === "source" ? undefined : Reflect.get(target, name)),
    has: (target, name) => name !== "source" && name in target
  })

const freePort = Effect.async<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})
