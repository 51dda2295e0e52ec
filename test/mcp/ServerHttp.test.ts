import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Identity from "../../src/context/Identity.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as McpServer from "../../src/mcp/McpServer.ts"
import type { Web } from "./serverSupport.ts"
import { address, call, client, endless, hello, httpTransport, post, web } from "./serverSupport.ts"

const who = Agent.tool("who", { success: Schema.Unknown }, () => Identity.Identity)
const server = McpServer.make("who", { tools: [who] })

const ask = (web: Web, request: Request) => Effect.promise(() => web(request))
const status = (web: Web, request: Request) => Effect.map(ask(web, request), (response) => response.status)

/** A connection of nobody's client: its id, as a header. */
const connect = (web: Web, headers: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const response = await web(post(hello(0), headers))
    await response.text()
    return { ...headers, "mcp-session-id": response.headers.get("mcp-session-id") ?? "" }
  })

/** A request whose body does not end before its client leaves. */
const endlessly = () => {
  let leave = (): void => {}
  const body = new ReadableStream({
    start: (controller) => {
      leave = () => controller.error(new Error("gone"))
    }
  })
  const { headers } = post(undefined)
  const request = new Request(address, { ...{ method: "POST", headers, body }, ...{ duplex: "half" } })
  return { request, leave: () => leave() }
}

describe("McpServer over HTTP", () => {
  it.scoped("the official client is served, 50 calls at once", () =>
    Effect.gen(function* () {
      const handler = yield* web(server)
      const { callTool } = yield* Effect.map(client(httpTransport(handler)), (client) => ({
        callTool: () => client.callTool({ name: "who" })
      }))
      const results = yield* Effect.promise(() => Promise.all(Array.from({ length: 50 }, callTool)))
      assert.deepStrictEqual(
        new Set(results.map((result) => JSON.stringify(result.structuredContent))),
        new Set(["{}"])
      )
    })
  )

  it.scoped("requests that are none are refused as the protocol says", () =>
    Effect.gen(function* () {
      const handler = yield* web(server)
      const session = yield* connect(handler)
      const text = { "content-type": "text/plain" }
      const cases: ReadonlyArray<readonly [number, Request]> = [
        [400, post("{nonsense")],
        [400, post(call(1, "who"))],
        [400, post(undefined, {}, "GET")],
        [400, post(undefined, {}, "DELETE")],
        [404, post(call(1, "who"), { "mcp-session-id": "none" })],
        [400, post(call(1, "who"), { ...session, "mcp-protocol-version": "1999-01-01" })],
        [405, post(undefined, session, "PUT")],
        [406, post(call(1, "who"), { ...session, accept: "application/json" })],
        [406, post(undefined, { ...session, accept: "application/json" }, "GET")],
        [415, post(JSON.stringify(call(1, "who")), { ...session, ...text })],
        [400, post(hello(1), session)],
        [202, post({ jsonrpc: "2.0", method: "notifications/initialized" }, session)],
        [404, new Request("http://localhost/elsewhere")]
      ]
      for (const [index, [expected, request]] of cases.entries()) {
        assert.strictEqual(yield* status(handler, request), expected, `case ${index}`)
      }
      const { headers } = yield* ask(handler, post(undefined, session, "PUT"))
      assert.strictEqual(headers.get("allow"), "POST, GET, DELETE")
    })
  )

  it.scoped("DELETE ends a connection and what runs in it", () =>
    Effect.gen(function* () {
      const { begun, interrupted, work } = yield* endless
      const handler = yield* web(McpServer.make("wait", { tools: [Agent.tool("wait", {}, () => work)] }))
      const session = yield* connect(handler)
      yield* ask(handler, post(call(1, "wait"), session))
      yield* begun
      assert.strictEqual(yield* status(handler, post(undefined, session, "DELETE")), 200)
      yield* interrupted
      assert.strictEqual(yield* status(handler, post(call(2, "wait"), session)), 404)
    })
  )

  it.scoped("a cancelled call is interrupted, and its stream ends", () =>
    Effect.gen(function* () {
      const { begun, interrupted, work } = yield* endless
      const handler = yield* web(McpServer.make("wait", { tools: [Agent.tool("wait", {}, () => work)] }))
      const session = yield* connect(handler)
      const waiting = yield* ask(handler, post(call(1, "wait"), session))
      yield* begun
      const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } }
      assert.strictEqual(yield* status(handler, post(cancel, session)), 202)
      yield* interrupted
      assert.notInclude(yield* Effect.promise(() => waiting.text()), "result")
    })
  )

  it.scoped("the end of the scope interrupts what runs, and ends streams", () =>
    Effect.gen(function* () {
      const { begun, interrupted, work } = yield* endless
      const scope = yield* Scope.make()
      const wait = McpServer.make("wait", { tools: [Agent.tool("wait", {}, () => work)] })
      const handler = yield* Scope.extend(web(wait), scope)
      const session = yield* connect(handler)
      const waiting = yield* ask(handler, post(call(1, "wait"), session))
      const listening = yield* ask(handler, post(undefined, session, "GET"))
      yield* begun
      yield* Scope.close(scope, Exit.void)
      yield* interrupted
      yield* Effect.promise(() => Promise.all([waiting.text(), listening.text()]))
    })
  )

  it.scoped("what nobody waits for is interrupted after a while, and so are connections", () =>
    Effect.gen(function* () {
      const { begun, interrupted, work } = yield* endless
      const wait = McpServer.make("wait", { tools: [Agent.tool("wait", {}, () => work)] })
      const handler = yield* web(wait, { abandoned: "1 minute", idle: "10 days" })
      const session = yield* connect(handler)
      const waiting = yield* ask(handler, post(call(1, "wait"), session))
      yield* begun
      yield* Effect.promise(() => waiting.body?.cancel() ?? Promise.resolve())
      yield* Effect.race(interrupted, Effect.forever(TestClock.adjust("1 minute")))
      const ping = post({ jsonrpc: "2.0", id: 2, method: "ping" }, session)
      const answer = yield* ask(handler, ping)
      assert.strictEqual(answer.status, 200)
      yield* Effect.promise(() => answer.text())
      const gone = Effect.repeat(
        Effect.zipRight(
          TestClock.adjust("10 days"),
          status(handler, post(undefined, { ...session, accept: "text/plain" }, "GET"))
        ),
        { until: (status) => status === 404 }
      )
      assert.strictEqual(yield* gone, 404)
    })
  )

  it.scoped("there are no more connections than were meant, and the idlest goes first", () =>
    Effect.gen(function* () {
      const handler = yield* web(server, { connections: 2 })
      const [first, second, third] = [yield* connect(handler), yield* connect(handler), yield* connect(handler)]
      const ping = (session: Record<string, string>) =>
        status(handler, post({ jsonrpc: "2.0", id: 2, method: "ping" }, session))
      assert.deepStrictEqual([yield* ping(first), yield* ping(second), yield* ping(third)], [404, 200, 200])
    })
  )

  it.scoped("connections that never begin count as long as somebody waits for them", () =>
    Effect.gen(function* () {
      const handler = yield* web(server, { connections: 2 })
      const slow = [endlessly(), endlessly()]
      const waiting = slow.map(({ request }) => handler(request))
      assert.strictEqual(yield* status(handler, post(hello(0))), 503)
      for (const { leave } of slow) leave()
      for (const answer of yield* Effect.promise(() => Promise.all(waiting))) {
        assert.strictEqual(answer.status, 400)
        yield* Effect.promise(() => answer.text())
      }
      const [first, second] = [yield* connect(handler), yield* connect(handler)]
      const ping = (session: Record<string, string>) =>
        status(handler, post({ jsonrpc: "2.0", id: 2, method: "ping" }, session))
      assert.deepStrictEqual([yield* ping(first), yield* ping(second)], [200, 200])
    })
  )

  it.scoped("only a DELETE that is right ends a connection", () =>
    Effect.gen(function* () {
      const handler = yield* web(server)
      const session = yield* connect(handler)
      const wrong = post(undefined, { ...session, "mcp-protocol-version": "1999-01-01" }, "DELETE")
      assert.strictEqual(yield* status(handler, wrong), 400)
      assert.strictEqual(yield* status(handler, post(undefined, session, "DELETE")), 200)
    })
  )

  it.scoped("a client whose stream broke off reads on where it was", () =>
    Effect.gen(function* () {
      const { begun, work } = yield* endless
      const steps = Agent.tool("steps", { success: Schema.String }, () => Effect.as(Effect.race(work, begun), "done"))
      const handler = yield* web(McpServer.make("steps", { tools: [steps] }))
      const session = { ...(yield* connect(handler)), "mcp-protocol-version": "2025-11-25" }
      const broken = yield* ask(handler, post(call(1, "steps"), session))
      const reader = broken.body?.getReader()
      const first = yield* Effect.promise(async () => new TextDecoder().decode((await reader?.read())?.value))
      const id = /^id: (.+)$/m.exec(first)?.[1] ?? ""
      yield* Effect.promise(() => reader?.cancel() ?? Promise.resolve())
      const again = yield* ask(handler, post(undefined, { ...session, "last-event-id": id }, "GET"))
      const rest = again.body?.getReader()
      const text = yield* Effect.promise(async () => new TextDecoder().decode((await rest?.read())?.value))
      assert.include(text, `"text":"done"`)
      yield* Effect.promise(() => rest?.cancel() ?? Promise.resolve())
      const unknown = post(undefined, { ...session, "last-event-id": "none/7" }, "GET")
      assert.strictEqual(yield* status(handler, unknown), 400)
    })
  )

  it.scoped("pages and names of others are refused", () =>
    Effect.gen(function* () {
      const handler = yield* web(server)
      const named = (host: string) => post(hello(0), { host })
      for (const host of [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "",
        "[::2]:80",
        "a@localhost"
      ]) {
        assert.strictEqual(yield* status(handler, named(host)), 403, host)
      }
      for (const host of ["localhost:1234", "127.0.0.1", "[::1]:80", "LOCALHOST"]) {
        assert.strictEqual(yield* status(handler, named(host)), 200, host)
      }
      for (const origin of ["https://evil.example", "null", "http://localhost.evil.example", "file://"]) {
        assert.strictEqual(yield* status(handler, post(hello(0), { origin })), 403, origin)
      }
      assert.strictEqual(yield* status(handler, post(hello(0), { origin: "http://localhost:6274" })), 200)
      const ours = yield* web(server, { hosts: ["tools.example"], origins: ["https://app.example"] })
      assert.strictEqual(yield* status(ours, post(hello(0), { host: "tools.example:443" })), 200)
      assert.strictEqual(yield* status(ours, named("localhost")), 403)
      const own = { host: "tools.example", origin: "https://app.example" }
      assert.strictEqual(yield* status(ours, post(hello(0), own)), 200)
    })
  )

  it.scoped("browsers let the pages that may use it read its answers", () =>
    Effect.gen(function* () {
      const authorize = McpServer.bearer(Redacted.make("token"))
      const handler = yield* web(server, { authorize, origins: ["https://App.example", "vscode-webview://a1"] })
      const preflight = (origin: string) =>
        ask(
          handler,
          post(
            undefined,
            {
              origin,
              "access-control-request-method": "POST",
              "access-control-request-headers": "authorization,mcp-session-id"
            },
            "OPTIONS"
          )
        )
      const asked = yield* preflight("https://app.example")
      const header =
        ({ headers }: Response) =>
        (name: string) =>
          headers.get(`access-control-${name}`)
      assert.deepStrictEqual(
        [asked.status, ...["allow-origin", "allow-methods", "allow-headers"].map(header(asked))],
        [204, "https://app.example", "POST, GET, DELETE", "authorization,mcp-session-id"]
      )
      assert.strictEqual((yield* preflight("vscode-webview://a1")).status, 204)
      const refused = yield* preflight("https://evil.example")
      assert.deepStrictEqual([refused.status, header(refused)("allow-origin")], [403, null])
      const unknown = yield* ask(handler, post(hello(0), { origin: "https://app.example" }))
      assert.deepStrictEqual([unknown.status, header(unknown)("allow-origin")], [401, "https://app.example"])
      const known = { origin: "https://app.example", authorization: "Bearer token" }
      const answer = yield* ask(handler, post(hello(0), known))
      assert.include(header(answer)("expose-headers"), "mcp-session-id")
      assert.isNull(header(yield* ask(handler, post(hello(0), { authorization: "Bearer token" })))("allow-origin"))
    })
  )

  it.scoped("without an identity of their own, calls are made on behalf of the one in force", () =>
    Effect.gen(function* () {
      const ann = Identity.make({ userId: "ann", chatId: "a" })
      for (const options of [{}, { authorize: McpServer.bearer(Redacted.make("token")) }]) {
        const handler = yield* Effect.provideService(web(server, options), Identity.Identity, ann)
        const session = yield* connect(handler, { authorization: "Bearer token" })
        const answer = yield* Effect.promise(async () => (await handler(post(call(1, "who"), session))).text())
        assert.include(answer, `"structuredContent":{"userId":"ann","chatId":"a"}`)
      }
    })
  )

  it("options that no request could match throw", () => {
    const cases: ReadonlyArray<readonly [McpServer.HttpOptions, string]> = [
      [{ hosts: ["https://tools.example"] }, 'hosts has "https://tools.example": write a name, or name:port'],
      [{ hosts: ["::1"] }, 'hosts has "::1": write a name, or name:port'],
      [{ origins: ["https://a.example/"] }, 'origins has "https://a.example/": write https://name, or name:port'],
      [{ path: "mcp" }, "path must begin with /, got mcp"],
      [
        { resource: { url: "tools.example", authorizationServers: [] } },
        'resource has the url "tools.example", which is no http address'
      ]
    ]
    for (const [options, problem] of cases) {
      assert.throws(() => McpServer.httpApp(server, options), TypeError, `McpServer option ${problem}`)
    }
    assert.throws(() => McpServer.bearer(Redacted.make("a b")), /other characters than those of ASCII/)
  })

  it.scoped("tokens say on whose behalf, and a connection stays with whom it began", () =>
    Effect.gen(function* () {
      const [ann, bob] = [Identity.make({ userId: "ann", chatId: "a" }), Identity.make({ userId: "bob", chatId: "b" })]
      const authorize = McpServer.bearer([
        { token: Redacted.make("token-of-ann"), identity: ann },
        { token: Redacted.make("token-of-bob"), identity: bob }
      ])
      const resource = {
        url: "https://tools.example/mcp",
        authorizationServers: ["https://login.example"],
        scopes: ["tools"]
      }
      const handler = yield* web(server, { authorize, resource })
      const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
      const metadata = `resource_metadata="https://tools.example/.well-known/oauth-protected-resource/mcp"`
      const bare = yield* ask(handler, post(hello(0)))
      assert.strictEqual(bare.status, 401)
      assert.strictEqual(bare.headers.get("www-authenticate"), `Bearer scope="tools", ${metadata}`)
      const wrong = yield* ask(handler, post(hello(0), bearer("token-of-an")))
      assert.strictEqual(
        wrong.headers.get("www-authenticate"),
        `Bearer error="invalid_token", error_description="The token is not known", scope="tools", ${metadata}`
      )
      const session = yield* connect(handler, bearer("token-of-ann"))
      const taken = post(call(1, "who"), { ...session, ...bearer("token-of-bob") })
      assert.strictEqual(yield* status(handler, taken), 404)
      const answer = yield* Effect.promise(async () => (await handler(post(call(1, "who"), session))).text())
      assert.include(answer, `"structuredContent":{"userId":"ann","chatId":"a"}`)
      const told = new Request("http://localhost/.well-known/oauth-protected-resource/mcp")
      assert.deepStrictEqual(yield* Effect.promise(async () => (await handler(told)).json()), {
        resource: "https://tools.example/mcp",
        authorization_servers: ["https://login.example"],
        bearer_methods_supported: ["header"],
        scopes_supported: ["tools"]
      })
    })
  )

  it.scoped("the guard that was there when the server was made judges its calls", () =>
    Effect.gen(function* () {
      const handler = yield* Effect.provide(web(server), Guard.layerDeny)
      const session = yield* connect(handler)
      const answer = yield* Effect.promise(async () => (await handler(post(call(1, "who"), session))).text())
      assert.include(answer, "Denied: it is not allowed here")
    })
  )

  it.scoped("who may not is told what the token lacks", () =>
    Effect.gen(function* () {
      const authorize = () => new McpServer.Forbidden({ description: 'not "yours"', scope: "admin" })
      const handler = yield* web(server, { authorize })
      const refused = yield* ask(handler, post(hello(0)))
      assert.strictEqual(refused.status, 403)
      assert.strictEqual(
        refused.headers.get("www-authenticate"),
        `Bearer error="insufficient_scope", error_description="not 'yours'", scope="admin"`
      )
    })
  )

  it.live("a socket is served, and a client that leaves is noticed", () =>
    Effect.gen(function* () {
      const app = yield* McpServer.httpApp(server, {})
      const serving = yield* NodeHttpServer.make(() => createServer(), { port: 0, host: "127.0.0.1" })
      yield* serving.serve(app)
      const port = serving.address._tag === "TcpAddress" ? serving.address.port : 0
      const url = new URL(address)
      url.port = String(port)
      url.hostname = "127.0.0.1"
      const transport = new StreamableHTTPClientTransport(url)
      const connected = yield* client(transport)
      const { structuredContent } = yield* Effect.promise(() => connected.callTool({ name: "who" }))
      assert.deepStrictEqual(structuredContent, {})
      yield* Effect.promise(() => transport.terminateSession())
    }).pipe(Effect.scoped)
  )
})
