import { createServer } from "node:http"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as Mcp from "axonal/mcp/Mcp"
import * as McpClient from "axonal/mcp/McpClient"
import * as McpLogin from "axonal/mcp/McpLogin"
import * as McpTokens from "axonal/mcp/McpTokens"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import type { Behaviour, Served } from "../support/mcpHttp.ts"
import { serve } from "../support/mcpHttp.ts"

const withServer = <A, E>(
  body: (mcp: Mcp.Service, served: Served) => Effect.Effect<A, E>,
  settings: Partial<Mcp.HttpServer> = {},
  behaviour: Partial<Behaviour> = {}
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const served = yield* serve
      Object.assign(served.behaviour, behaviour)
      const layer = McpClient.layerRemote({ servers: { h: { url: served.url, retries: 0, ...settings } } })
      return yield* Effect.provide(
        Effect.flatMap(Mcp.Mcp, (mcp) => body(mcp, served)),
        layer
      )
    })
  )

/** The browser of a person who agrees, or does something else. */
const person = (change: (back: URL) => void = () => {}): Effect.Effect<Mcp.LoginOptions> =>
  Effect.map(Deferred.make<string>(), (back) => ({
    redirectUrl: "http://localhost:9/callback",
    show: (url) =>
      Effect.flatMap(
        Effect.promise(() => fetch(url, { redirect: "manual" })),
        (response) => {
          const address = new URL(response.headers.get("location") ?? "")
          change(address)
          return Deferred.succeed(back, address.href)
        }
      ),
    answer: () => Deferred.await(back)
  }))

describe("McpClient over HTTP", () => {
  it.live("headers go with every request, a session is ended, and secrets are not printed", () =>
    Effect.gen(function* () {
      const secret = "s3cret-word"
      const lines = yield* withServer(
        (mcp, served) =>
          Effect.gen(function* () {
            assert.deepInclude(yield* mcp.call("h", "a", {}), { failed: false })
            yield* mcp.disconnect("h")
            assert.isTrue(served.seen.every(({ headers }) => headers["x-key"] === secret))
            const shown = JSON.stringify([yield* mcp.status, yield* Effect.flip(mcp.login("h", yield* person()))])
            assert.notInclude(shown, secret)
            return served.seen.map(({ line }) => line)
          }),
        { headers: { "x-key": Redacted.make(secret), authorization: "Bearer mine" } }
      )
      assert.include(lines, "DELETE /mcp")
    })
  )

  it.live("a session that was forgotten is begun anew, and the call made once", () =>
    withServer((mcp, served) =>
      Effect.gen(function* () {
        yield* mcp.call("h", "a", {})
        served.forget()
        assert.deepInclude(yield* mcp.call("h", "a", {}), { failed: false })
        assert.strictEqual((yield* mcp.status)[0]?.is, "connected")
      })
    )
  )

  it.live("an old server is spoken to in the old way", () =>
    withServer(
      (mcp, { seen }) =>
        Effect.gen(function* () {
          assert.deepInclude(yield* mcp.call("h", "a", {}), { failed: false })
          assert.include(
            seen.map(({ line }) => line),
            "POST /messages"
          )
        }),
      {},
      { isOld: true }
    )
  )

  const answers: ReadonlyArray<readonly [string, Behaviour["call"], Mcp.Reason["_tag"] | "fine"]> = [
    ["null", (response, id) => json(response, { jsonrpc: "2.0", id, result: null }), "fine"],
    ["no JSON", (response) => text(response, 200, "application/json", "{"), "Disconnected"],
    ["no answer of the protocol", (response) => json(response, { hello: 1 }), "Disconnected"],
    ["a page", (response) => text(response, 200, "text/html", "<html>"), "Malformed"],
    ["an overload", (response) => text(response, 503, "text/plain", "later"), "Unavailable"],
    [
      "a stream that ends without it",
      (response) => text(response, 200, "text/event-stream", ": hi\n\n"),
      "Disconnected"
    ],
    [
      "a stream that breaks",
      (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" }).write("data: {")
        setImmediate(() => response.destroy())
      },
      "Disconnected"
    ],
    ["a socket that is closed", (response) => void response.destroy(), "Unavailable"],
    [
      "a stream with it",
      (response, id) => {
        const data = JSON.stringify({ jsonrpc: "2.0", id, result: { content: [] } })
        text(response, 200, "text/event-stream", `event: message\ndata: ${data}\n\n`)
      },
      "fine"
    ]
  ]
  it.live("whatever is answered ends the call", () =>
    withServer((mcp, served) =>
      Effect.forEach(
        answers,
        ([what, call, expected]) =>
          Effect.gen(function* () {
            served.behaviour.call = call
            const ended = yield* Effect.either(mcp.call("h", "a", {}))
            assert.strictEqual(ended._tag === "Left" ? ended.left.reason._tag : "fine", expected, what)
          }),
        { discard: true }
      )
    )
  )

  it.live("interruption of a call is told to the server", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      yield* withServer(
        (mcp, { seen }) =>
          Effect.gen(function* () {
            const call = yield* Effect.fork(mcp.call("h", "a", {}))
            yield* Deferred.await(begun)
            const before = seen.length
            yield* Fiber.interrupt(call)
            yield* Effect.repeat(Effect.yieldNow(), { until: () => seen.length > before })
          }),
        {},
        { call: () => Deferred.unsafeDone(begun, Effect.void) }
      )
    })
  )

  it.live("a login registers, is kept, is renewed once for many calls, and ends", () =>
    withServer(
      (mcp, served) =>
        Effect.gen(function* () {
          const before = yield* Effect.flip(mcp.call("h", "a", {}))
          assert.strictEqual(before.reason._tag, "Unauthorized")
          assert.match(before.message, /Nobody is logged in to h/)
          yield* mcp.login("h", yield* person())
          assert.deepInclude(yield* mcp.call("h", "a", {}), { failed: false })
          served.revoke()
          const calls = Array.from({ length: 8 }, () => mcp.call("h", "a", {}))
          const ends = yield* Effect.all(calls, { concurrency: "unbounded" })
          assert.isTrue(ends.every(({ failed }) => !failed))
          assert.deepStrictEqual(served.grants, ["authorization_code", "refresh_token"])
          served.revoke(true)
          const after = yield* Effect.flip(mcp.call("h", "a", {}))
          assert.strictEqual(after.reason._tag, "Unauthorized")
          yield* mcp.login("h", yield* person())
          assert.deepInclude(yield* mcp.call("h", "a", {}), { failed: false })
          assert.isTrue(yield* mcp.logout("h"))
          assert.isFalse(yield* mcp.logout("h"))
          assert.strictEqual((yield* Effect.flip(mcp.call("h", "a", {}))).reason._tag, "Unauthorized")
          assert.deepStrictEqual(served.violations, [])
        }),
      {},
      { isGuarded: true }
    )
  )

  it.live("a login that somebody else began is none", () =>
    withServer(
      (mcp) =>
        Effect.gen(function* () {
          const changes: ReadonlyArray<(back: URL) => void> = [
            (back) => back.searchParams.set("state", "another"),
            (back) => back.searchParams.delete("state"),
            (back) => (back.search = "?error=access_denied"),
            (back) => back.searchParams.set("code", "guessed")
          ]
          for (const change of changes) {
            const { reason } = yield* Effect.flip(mcp.login("h", yield* person(change)))
            assert.strictEqual(reason._tag, "Unauthorized")
          }
          assert.isFalse(yield* mcp.logout("h"))
        }),
      {},
      { isGuarded: true }
    )
  )

  it.live("a browser of this machine comes back to a page", () =>
    withServer(
      (mcp) =>
        Effect.gen(function* () {
          const pages: Array<string> = []
          const visit = (url: string) =>
            Effect.promise(() => fetch(url).then((page) => page.text())).pipe(
              Effect.map((page) => void pages.push(page))
            )
          yield* mcp.login("h", yield* McpLogin.browser({ show: visit }))
          assert.match(pages.join(), /Logged in/)
          assert.deepInclude(yield* mcp.call("h", "a", {}), { failed: false })
        }).pipe(Effect.provide(NodeHttpServer.layer(createServer, { port: 0, host: "localhost" }))),
      {},
      { isGuarded: true }
    )
  )

  it.live("logins are kept in files that are their owner's alone", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = `${yield* fs.makeTempDirectoryScoped()}/logins`
      const tokens = McpTokens.layerFile({ folder })
      yield* Effect.gen(function* () {
        const served = yield* serve
        served.behaviour.isGuarded = true
        const client = McpClient.layerRemote({ servers: { h: { url: served.url } } })
        const once = <A>(body: (mcp: Mcp.Service) => Effect.Effect<A, Mcp.McpError>) =>
          Effect.provide(Effect.flatMap(Mcp.Mcp, body), client)
        const login = yield* person()
        yield* once((mcp) => mcp.login("h", login))
        // Another client, as after a restart.
        assert.deepInclude(yield* once((mcp) => mcp.call("h", "a", {})), { failed: false })
        // A renewal that nobody waits for any more may still hold its lock.
        const names = (yield* fs.readDirectory(folder)).filter((name) => !name.endsWith(".lock"))
        assert.match(names.join("\n"), /^localhost-[0-9a-f]{16}\.json$/)
        assert.strictEqual((yield* fs.stat(`${folder}/${names[0]}`)).mode & 0o777, 0o600)
      }).pipe(Effect.provide(tokens))
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )
})

const text = (response: Parameters<Behaviour["call"]>[0], status: number, type: string, body: string): void =>
  void response.writeHead(status, { "content-type": type }).end(body)

const json = (response: Parameters<Behaviour["call"]>[0], body: unknown): void =>
  text(response, 200, "application/json", JSON.stringify(body))
