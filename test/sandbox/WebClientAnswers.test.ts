import * as Zlib from "node:zlib"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as WebClient from "../../src/sandbox/WebClient.ts"
import answers from "../fixtures/web/answers.json" with { type: "json" }
import * as WebServer from "../support/webServer.ts"

const resolve = () => Effect.succeed(["127.0.0.1"])

const client = (options: WebClient.Options = {}) =>
  Effect.provideService(
    WebClient.make({ allow: ["public.example:*", "other.example:*"], ...options }),
    WebClient.Resolver,
    resolve
  )

const get = (web: HttpClient.HttpClient, url: string) =>
  Effect.flatMap(web.get(url), (response) => response.text).pipe(
    Effect.match({
      onFailure: (error) =>
        Option.match(WebClient.errorOf(error), { onNone: () => String(error), onSome: ({ reason }) => reason._tag }),
      onSuccess: () => "ok"
    })
  )

const mebi = 1024 * 1024

/** A gigabyte of zeros in about a megabyte: members of gzip follow each other. */
const bomb = (): Buffer => {
  const member = Zlib.gzipSync(Buffer.alloc(16 * mebi))
  return Buffer.concat(Array.from({ length: 64 }, () => member))
}

const bodies: Readonly<Record<string, () => Buffer>> = {
  gzip: bomb,
  deflate: () => Zlib.deflateSync(Buffer.alloc(16 * mebi)),
  br: () => Zlib.brotliCompressSync(Buffer.alloc(16 * mebi), { params: { [Zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })
}

describe("WebClient answers", () => {
  it("attempts by answers are at least forty", () => assert.isAtLeast(answers.length, 40))

  it.scopedLive("every answer of a hostile server ends as it should", () =>
    Effect.gen(function* () {
      const web = yield* client({ timeout: "60 millis", maxBodyBytes: 100_000 })
      const patient = yield* client({ maxBodyBytes: 100_000 })
      yield* Effect.forEach(
        answers,
        (attempt) =>
          Effect.scoped(
            Effect.gen(function* () {
              const told: Readonly<Record<string, string | undefined>> = attempt.answers
              const { port } = yield* WebServer.raw((path, socket) =>
                WebServer.write(socket, told[path] ?? "HTTP/1.1 404 Not Found\r\n\r\n", port)
              )
              const got = yield* get(attempt.expect === "TimedOut" ? web : patient, `http://public.example:${port}/`)
              assert.strictEqual(got, attempt.expect, attempt.name)
            })
          ),
        { concurrency: 8 }
      )
    })
  )

  for (const [coding, make] of Object.entries(bodies)) {
    it.scopedLive(`a bomb of ${coding} is stopped while it swells`, () =>
      Effect.gen(function* () {
        const bytes = make()
        const { port } = yield* WebServer.http((_, response) => {
          response.writeHead(200, { "content-encoding": coding }).end(bytes)
        })
        const web = yield* client({ maxBodyBytes: 2 * mebi })
        const response = yield* web.get(`http://public.example:${port}/`)
        let got = 0
        const read = Stream.runForEach(response.stream, (chunk) => Effect.sync(() => (got += chunk.length)))
        const error = Option.getOrThrow(WebClient.errorOf(yield* Effect.flip(read)))
        assert.deepStrictEqual(error.reason, { _tag: "TooLarge", what: "body", most: 2 * mebi })
        assert.strictEqual(got, 2 * mebi)
      })
    )
  }

  it.scopedLive("compressed bodies are told as they were written", () =>
    Effect.gen(function* () {
      const words = Buffer.from("héllo ".repeat(1000))
      const codings: Readonly<Record<string, Buffer>> = {
        gzip: Zlib.gzipSync(words),
        "X-GZIP": Zlib.gzipSync(words),
        deflate: Zlib.deflateSync(words),
        " Deflate": Zlib.deflateRawSync(words),
        br: Zlib.brotliCompressSync(words),
        identity: words
      }
      const { port } = yield* WebServer.http((request, response) => {
        const coding = decodeURIComponent((request.url ?? "").slice(1))
        response.writeHead(200, { "content-encoding": coding.trim() }).end(codings[coding])
      })
      const web = yield* client()
      for (const coding of Object.keys(codings)) {
        const response = yield* web.get(`http://public.example:${port}/${encodeURIComponent(coding)}`)
        assert.strictEqual(yield* response.text, words.toString(), coding)
      }
      const head = yield* web.head(`http://public.example:${port}/gzip`)
      assert.strictEqual(head.status, 200)
    })
  )

  it.scopedLive("what nobody reads any more is closed", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const closed = yield* Deferred.make<void>()
      const { port } = yield* WebServer.raw((path, socket) => {
        socket.on("close", () => Deferred.unsafeDone(closed, Effect.void))
        if (path === "/body") WebServer.write(socket, "HTTP/1.1 200 OK\r\n\r\n{endless}", port)
        Deferred.unsafeDone(begun, Effect.void)
      })
      const web = yield* client({ timeout: "1 minute", maxBodyBytes: 1e9 })
      const waiting = yield* Effect.fork(web.get(`http://public.example:${port}/silence`))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(waiting)
      yield* Deferred.await(closed)
    })
  )

  it.scopedLive("a reader that has enough closes the connection", () =>
    Effect.gen(function* () {
      const closed = yield* Deferred.make<void>()
      const { port } = yield* WebServer.raw((_, socket) => {
        socket.on("close", () => Deferred.unsafeDone(closed, Effect.void))
        WebServer.write(socket, "HTTP/1.1 200 OK\r\n\r\n{endless}", port)
      })
      const web = yield* client({ timeout: "1 minute", maxBodyBytes: 1e9 })
      const response = yield* web.get(`http://public.example:${port}/`)
      const first = yield* Stream.runHead(response.stream)
      assert.isTrue(Option.isSome(first))
      yield* Deferred.await(closed)
    })
  )

  it.scopedLive("a body that may not be there is not read for ever", () =>
    Effect.gen(function* () {
      const closed = yield* Deferred.make<void>()
      const { port } = yield* WebServer.raw((_, socket) => {
        socket.on("close", () => Deferred.unsafeDone(closed, Effect.void))
        WebServer.write(socket, "HTTP/1.1 205 Reset Content\r\n\r\n{endless}", port)
      })
      const web = yield* client({ timeout: "1 minute" })
      const { status } = yield* web.get(`http://public.example:${port}/`)
      assert.strictEqual(status, 205)
      yield* Deferred.await(closed)
    })
  )

  it.scopedLive("redirects to what is not of the web are refused by their scheme", () =>
    Effect.gen(function* () {
      const { port } = yield* WebServer.http((request, response) => {
        response.writeHead(302, { location: decodeURIComponent((request.url ?? "").slice(1)) }).end()
      })
      const web = yield* client()
      for (const scheme of ["file", "javascript", "data", "gopher", "ws"]) {
        const to = encodeURIComponent(`${scheme}://1/secret`)
        const error = yield* Effect.flip(web.get(`http://public.example:${port}/${to}`))
        const { message } = Option.getOrThrow(WebClient.errorOf(error))
        assert.match(message, new RegExp(`^${scheme}:\\S* ${scheme}: is not a scheme that may be used\\.$`))
        assert.notInclude(message, "null")
      }
    })
  )

  it.scopedLive("a connection that is not made in time is given up", () =>
    Effect.gen(function* () {
      // It takes the connection, and never says a word of TLS.
      const { port } = yield* WebServer.raw(() => undefined)
      const web = yield* client({ connectTimeout: "30 millis" })
      const error = Option.getOrThrow(WebClient.errorOf(yield* Effect.flip(web.get(`https://public.example:${port}/`))))
      assert.deepStrictEqual(error.reason, { _tag: "TimedOut", phase: "connect", millis: 30 })
      assert.isTrue(error.isRetryable)
    })
  )

  it.live("a resolver that does not answer is given up", () =>
    Effect.gen(function* () {
      const web = yield* Effect.provideService(
        WebClient.make({ connectTimeout: "20 millis" }),
        WebClient.Resolver,
        () => Effect.never
      )
      assert.strictEqual(yield* get(web, "http://slow.example/"), "TimedOut")
    })
  )
})
